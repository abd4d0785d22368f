//! A list as a customer database exports it.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
};

use anyhow::Result;

/// Writes a list of so many rows; returns its size in bytes.
pub(crate) fn write(path: &Path, rows: u64) -> Result<u64> {
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(b"id,phone,name,timezone,state,consent,consent_at,consent_source,city\r\n")?;
    for n in 0..rows {
        // Every number below the prime once, in no order.
        let mixed = n * 48_271 % SUBSCRIBERS;
        let area = AREAS[usize::try_from(mixed % AREAS.len() as u64)?];
        let local = mixed / AREAS.len() as u64;
        let (code, zone, state, city) = area;
        let first = NAMES[usize::try_from(n % 7)?];
        let last = NAMES[usize::try_from(n / 7 % 7)?];
        let (month, day) = (n % 12 + 1, n % 28 + 1);
        // 200-0000 and on: every exchange that can be one.
        let (exchange, line) = (220 + local / 10_000, local % 10_000);
        write!(
            out,
            "{n},({code}) {exchange}-{line:04},\"{last}, {first}\",{zone},{state},written,2026-{month:02}-{day:02},web form,{city}\r\n"
        )?;
    }
    let file = out.into_inner()?;
    Ok(file.metadata()?.len())
}

/// Prime, so that a multiple of each number below it is another one.
const SUBSCRIBERS: u64 = 7_999_993;

const NAMES: [&str; 7] = ["Ann", "Bob", "Chloé", "Dmitri", "Eve", "Fatima", "Guðrún"];

const AREAS: [(&str, &str, &str, &str); 8] = [
    ("202", "America/New_York", "DC", "Washington"),
    ("212", "America/New_York", "NY", "New York"),
    ("305", "America/New_York", "FL", "Miami"),
    ("312", "America/Chicago", "IL", "Chicago"),
    ("214", "America/Chicago", "TX", "Dallas"),
    ("303", "America/Denver", "CO", "Denver"),
    ("213", "America/Los_Angeles", "CA", "Los Angeles"),
    ("206", "America/Los_Angeles", "WA", "Seattle"),
];
