//! Lists of contacts who may be called at this moment, each another one.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
};

use aftertone::{
    campaign::policy::Law,
    phone::{PhoneNumber, Rules},
};
use anyhow::{Context, Result, ensure};
use jiff::Timestamp;

/// Writes a list with a header.
pub(crate) fn write(path: &Path, contacts: u32) -> Result<()> {
    let areas = areas();
    ensure!(!areas.is_empty(), "every state has a law of its own");
    let zone = open_zone()?;
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(
        out,
        "number,name,timezone,consent,consent_at,consent_source,foreign_id"
    )?;
    for nth in 0..contacts {
        let area = areas[nth as usize % areas.len()];
        let rest = nth / u32::try_from(areas.len())?;
        let (exchange, line) = (555 + rest / 10_000, rest % 10_000);
        writeln!(
            out,
            "+1{area}{exchange:03}{line:04},Contact {nth},{zone},written,2026-03-01T12:00:00Z,web form,crm-{nth:07}"
        )?;
    }
    Ok(out.flush()?)
}

/// Area codes of one state each, which has no law of its own: a benchmark has to run on a Sunday, too.
fn areas() -> Vec<u16> {
    let has_law = |place: &str| Law::all().any(|law| law.place.as_str() == place);
    let is_plain = |area: &u16| {
        let number = PhoneNumber::parse(&format!("+1{area}5550100"), Rules::default());
        number.is_ok_and(|number| match number.places().as_slice() {
            [state] => state.starts_with("US-") && !has_law(state),
            _ => false,
        })
    };
    (200..1_000).filter(is_plain).collect()
}

/// A zone in which it is between nine and five.
fn open_zone() -> Result<&'static str> {
    let now = Timestamp::now();
    for zone in ZONES {
        if (9..17).contains(&now.in_tz(zone)?.hour()) {
            return Ok(zone);
        }
    }
    None.context("it is night everywhere")
}

/// Some zone of these has its working hours at any moment.
const ZONES: [&str; 6] = [
    "America/New_York",
    "America/Los_Angeles",
    "Pacific/Honolulu",
    "Pacific/Auckland",
    "Asia/Kolkata",
    "Europe/Berlin",
];
