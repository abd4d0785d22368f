//! Single values as people write them: durations, rates, shares, hours.

use std::time::Duration;

use jiff::{
    SignedDuration, Span, SpanRelativeTo,
    civil::{Time, Weekday},
    tz::{TimeZone, TimeZoneDatabase},
};

use crate::campaign::{budget::Share, pace::Rate, window::Hours};

/// `15m`, `1h30m`, `2d`; a day is 24 hours.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let span: Span = text.trim().parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok()
}

pub(super) fn write_duration(duration: Duration) -> String {
    let signed = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    format!("{signed:#}").replace(' ', "")
}

/// `5/s`, `300/m`, `20/10s`; a bare number is per second.
pub(super) fn rate(text: &str) -> Option<Rate> {
    let (starts, per) = text.split_once('/').unwrap_or((text, "s"));
    let per = per.trim();
    let per = if per.starts_with(|c: char| c.is_ascii_digit()) {
        duration(per)?
    } else {
        duration(&format!("1{per}"))?
    };
    Rate::new(starts.trim().parse().ok()?, per)
}

pub(super) fn write_rate(rate: Rate) -> String {
    let starts = rate.starts();
    match rate.per().as_nanos() {
        1_000_000_000 => format!("{starts}/s"),
        60_000_000_000 => format!("{starts}/m"),
        3_600_000_000_000 => format!("{starts}/h"),
        _ => format!("{starts}/{}", write_duration(rate.per())),
    }
}

/// `50%`, `7.5 %`; above 0, to 100.
pub(super) fn share(text: &str) -> Option<Share> {
    let number = text.trim().strip_suffix('%')?.trim();
    let (whole, tenths) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(tenths) || tenths.len() > 1 {
        return None;
    }
    let thousandths = whole.parse::<u32>().ok()?.checked_mul(10)? + tenths.parse::<u32>().ok()?;
    (1..=1_000)
        .contains(&thousandths)
        .then(|| Share::thousandths(thousandths))
}

pub(super) fn write_share(share: Share) -> String {
    share.to_string().replace(' ', "").replace(".0%", "%")
}

/// A time zone by its IANA name, with the rules compiled into the program.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// `mon-fri 09:00-17:00, sat 10:00-14:00`; without days it is every day.
///
/// # Errors
/// What is wrong, and what was expected.
pub(super) fn hours(text: &str) -> Result<Vec<(Weekday, Hours)>, String> {
    let mut all = Vec::new();
    for part in text.split(',') {
        let part = part.trim();
        let unlike = || {
            let shown: String = part.chars().take(40).collect();
            let shown = shown.escape_debug();
            format!("`{shown}` is not like `mon-fri 09:00-17:00`, `sat 10-14` or `09:00-24:00`")
        };
        let (days, span) = match part.rsplit_once(char::is_whitespace) {
            Some((days, span)) => (days_of(days).ok_or_else(unlike)?, span),
            None => (EVERY_DAY.to_vec(), part),
        };
        let (opens, closes) = span.split_once('-').ok_or_else(unlike)?;
        let opens = time(opens).ok_or_else(unlike)?;
        let closes = match closes.trim() {
            "24:00" | "24" => Time::midnight(),
            closes => time(closes).ok_or_else(unlike)?,
        };
        let hours = Hours::new(opens, closes).map_err(|error| error.to_string())?;
        all.extend(days.into_iter().map(|day| (day, hours)));
    }
    Ok(all)
}

/// `mon`, `mon-fri`, `fri-mon`, `daily`.
fn days_of(text: &str) -> Option<Vec<Weekday>> {
    let text = text.trim();
    if text == "daily" {
        return Some(EVERY_DAY.to_vec());
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (day(first)?, day(last)?);
    let mut days = vec![first];
    while days.last() != Some(&last) {
        days.push(days.last()?.next());
    }
    Some(days)
}

fn day(text: &str) -> Option<Weekday> {
    let text = text.trim().to_ascii_lowercase();
    let at = DAYS.iter().position(|day| *day == text)?;
    EVERY_DAY.get(at).copied()
}

fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':').unwrap_or((text.trim(), "00"));
    let digits = |text: &str, least| {
        (least..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    if !digits(hour, 1) || !digits(minute, 2) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const EVERY_DAY: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];
