//! The outcomes that a simulation assumes, as a user writes them.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use jiff::SignedDuration;
use serde_json::{Map, Value};

use super::super::options::table;
use crate::{
    campaign::simulate::{Assumed, Assumptions},
    cli::CliError,
    drop::Outcome,
};

/// Reads `delivered=72,human=8`, or a TOML file with tables `double` and `single`, whose keys are outcomes and whose
/// values are shares, or `{ share, rings = ["4s", "9s"], talks = ["40s", "60s"] }`; a key outside these tables counts for
/// both. An outcome that is not named does not occur. How long calls ring and last has defaults.
///
/// # Errors
/// [`CliError`] if it is neither.
pub(super) fn read(text: &str) -> Result<Assumptions, CliError> {
    let read = if text.contains('=') {
        inline(text)
    } else {
        table(Path::new(text))
    };
    let hint = "such as `--assume delivered=70,no_answer=20,human=10`";
    read.and_then(|keys| assumptions(&keys))
        .map_err(|error| CliError::new(error).hint(hint))
}

fn inline(text: &str) -> anyhow::Result<Map<String, Value>> {
    let parts = text.split(',').map(|part| {
        let (outcome, share) = part.split_once('=').context("an outcome has no `=`")?;
        Ok((outcome.trim().to_owned(), Value::from(share.trim())))
    });
    parts.collect()
}

pub(super) fn assumptions(keys: &Map<String, Value>) -> anyhow::Result<Assumptions> {
    let usual = Assumptions::default();
    let mut both = keys.clone();
    let mut of = |technique: &str| match both.remove(technique) {
        None => Ok(None),
        Some(Value::Object(keys)) => Ok(Some(keys)),
        Some(_) => Err(anyhow!("`{technique}` is not a table of outcomes")),
    };
    let (double, single) = (of("double")?, of("single")?);
    let read = |own: Option<Map<String, Value>>, usual: Vec<Assumed>| {
        let mut keys = both.clone();
        keys.extend(own.unwrap_or_default());
        if keys.is_empty() {
            return Ok(usual);
        }
        let rows = keys.iter().map(|(slug, value)| row(slug, value, &usual));
        let rows: Vec<_> = rows.collect::<anyhow::Result<_>>()?;
        if rows.iter().all(|row| row.weight == 0) {
            bail!("no outcome has a share");
        }
        Ok(rows)
    };
    Ok(Assumptions {
        double: read(double, usual.double)?,
        single: read(single, usual.single)?,
    })
}

fn row(slug: &str, value: &Value, usual: &[Assumed]) -> anyhow::Result<Assumed> {
    let outcome = Outcome::ALL
        .into_iter()
        .find(|outcome| outcome.slug() == slug);
    let outcome =
        outcome.with_context(|| format!("`{}` is not an outcome", slug.escape_debug()))?;
    let known = usual.iter().find(|row| row.outcome == outcome);
    let mut row = known.copied().unwrap_or(Assumed {
        outcome,
        weight: 0,
        rings: BRIEFLY,
        talks: (Duration::ZERO, Duration::ZERO),
    });
    let Value::Object(keys) = value else {
        row.weight = weight(slug, value)?;
        return Ok(row);
    };
    for (key, value) in keys {
        match key.as_str() {
            "share" => row.weight = weight(slug, value)?,
            "rings" => row.rings = spans(slug, value)?,
            "talks" => row.talks = spans(slug, value)?,
            other => bail!(
                "{slug}: there is no `{}`; there are `share`, `rings` and `talks`",
                other.escape_debug()
            ),
        }
    }
    Ok(row)
}

/// A share with at most one decimal, in tenths.
fn weight(slug: &str, value: &Value) -> anyhow::Result<u32> {
    let wrong =
        || format!("{slug}: a share is a number from 0 to 1000000, with at most one decimal");
    let text = match value {
        Value::String(text) => text.trim_end_matches('%').trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => bail!(wrong()),
    };
    let (whole, tenth) = text.split_once('.').unwrap_or((&text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(tenth) || tenth.len() > 1 || whole.len() > 7 {
        bail!(wrong());
    }
    let tenths = whole.parse::<u32>()? * 10 + tenth.parse::<u32>()?;
    if tenths > 10_000_000 {
        bail!(wrong());
    }
    Ok(tenths)
}

/// The shortest and the longest.
fn spans(slug: &str, value: &Value) -> anyhow::Result<(Duration, Duration)> {
    let span = |value: &Value| {
        let span = value.as_str()?.parse::<SignedDuration>().ok()?;
        Duration::try_from(span)
            .ok()
            .filter(|span| *span <= LONGEST_CALL)
    };
    let found = match value {
        Value::Array(both) => match both.as_slice() {
            [shortest, longest] => span(shortest).zip(span(longest)),
            _ => None,
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            span(value).map(|span| (span, span))
        }
    };
    found
        .filter(|(shortest, longest)| shortest <= longest)
        .with_context(|| {
            format!("{slug}: expected a duration up to 1h, or two: `[\"4s\", \"9s\"]`")
        })
}

/// How long a call rings if nothing is known of its outcome.
const BRIEFLY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

const LONGEST_CALL: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shares_are_read_as_they_are_written() {
        let read = read("delivered=70, no_answer=20.5%,lost=9.5").unwrap();
        let shares: Vec<_> = read
            .double
            .iter()
            .map(|row| (row.outcome.slug(), row.weight))
            .collect();
        assert_eq!(
            shares,
            [("delivered", 700), ("lost", 95), ("no_answer", 205)]
        );
        assert_eq!(read.single.len(), 3);
        let usual = Assumptions::default();
        let of = |rows: &[Assumed]| {
            *rows
                .iter()
                .find(|row| row.outcome == Outcome::Delivered)
                .unwrap()
        };
        assert_eq!(of(&read.double).talks, of(&usual.double).talks);
        assert_eq!(of(&read.single).rings, of(&usual.single).rings);
    }

    #[test]
    fn each_technique_can_have_its_own() {
        let keys = json!({
            "busy": 5,
            "double": {"delivered": {"share": 90, "talks": "20s", "rings": ["2s", "4s"]}},
        });
        let read = assumptions(keys.as_object().unwrap()).unwrap();
        assert_eq!((read.double.len(), read.single.len()), (2, 1));
        let delivered = read
            .double
            .iter()
            .find(|row| row.outcome == Outcome::Delivered)
            .unwrap();
        let seconds = Duration::from_secs;
        assert_eq!(delivered.talks, (seconds(20), seconds(20)));
        assert_eq!(delivered.rings, (seconds(2), seconds(4)));
        let keys = json!({"double": {"delivered": 1}});
        let read = assumptions(keys.as_object().unwrap()).unwrap();
        assert_eq!(read.single, Assumptions::default().single);
    }

    #[test]
    fn invalid_assumptions_are_refused() {
        for bad in [
            "delivered=many",
            "deliverd=7",
            "delivered=0",
            "delivered=-1",
            "delivered=1.25",
            "=",
            "a=",
            "delivered=1,busy",
            "/nowhere.toml",
            "delivered=99999999999",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        for bad in [
            json!({"double": 7}),
            json!({"busy": {"share": 1, "talks": ["9s", "4s"]}}),
            json!({"busy": {"share": 1, "talks": "2h"}}),
            json!({"busy": {"share": 1, "length": "2s"}}),
            json!({"busy": [1]}),
        ] {
            assert!(assumptions(bad.as_object().unwrap()).is_err(), "{bad}");
        }
    }
}
