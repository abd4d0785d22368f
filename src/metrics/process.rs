//! What the system knows of this process, under the names that every process has.

use std::{fs, sync::OnceLock};

use super::meters::Meters;
use crate::clock;

/// Takes note of the start, which is not read from `/proc/stat`: a unit may hide that.
pub(super) fn note_start() {
    STARTED.get_or_init(|| {
        let since = clock::wall().duration_since(std::time::UNIX_EPOCH);
        since.unwrap_or_default().as_secs_f64()
    });
}

/// Looks at the process.
pub(super) fn look(meters: &Meters) {
    let meters = &meters.process;
    if let Some(started) = STARTED.get() {
        meters.start_time.set(*started);
    }
    if let Some(stat) = fs::read_to_string("/proc/self/stat")
        .ok()
        .as_deref()
        .and_then(read)
    {
        #[expect(
            clippy::cast_precision_loss,
            reason = "hundredths of seconds of a process's life"
        )]
        let used = stat.ticks as f64 / TICKS_PER_SECOND;
        let before = meters.cpu_seconds.get();
        // Two that look at once add it once.
        if used > before {
            meters.cpu_seconds.inc_by(used - before);
        }
        meters.threads.set(stat.threads);
        meters.virtual_bytes.set(stat.virtual_bytes);
        let page = i64::try_from(rustix::param::page_size()).unwrap_or(4_096);
        meters
            .resident_bytes
            .set(stat.resident_pages.saturating_mul(page));
    }
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        // One is the reading of the folder itself.
        let open = entries.count().saturating_sub(1);
        meters.open_fds.set(i64::try_from(open).unwrap_or(i64::MAX));
    }
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let most = most.and_then(|most| i64::try_from(most).ok());
    meters.max_fds.set(most.unwrap_or(i64::MAX));
}

/// Of `/proc/self/stat`, what is shown.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    /// Of user and system time.
    ticks: u64,
    threads: i64,
    virtual_bytes: i64,
    resident_pages: i64,
}

/// Reads it; the second field, a name in brackets, may hold anything.
fn read(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(") ")?;
    // The first of these is the third field.
    let fields: Vec<_> = rest.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3);
    let ticks = |number| field(number)?.parse::<u64>().ok();
    Some(Stat {
        ticks: ticks(14)?.checked_add(ticks(15)?)?,
        threads: field(20)?.parse().ok()?,
        virtual_bytes: field(23)?.parse().ok()?,
        resident_pages: field(24)?.parse().ok()?,
    })
}

/// What Linux calls `USER_HZ`, which has been 100 on every machine it shows to programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// When the process started, in seconds since 1970.
static STARTED: OnceLock<f64> = OnceLock::new();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name_is() {
        let text = "42 (a) b) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 7 0 9 1048576 256 1";
        let expected = Stat {
            ticks: 200,
            threads: 7,
            virtual_bytes: 1_048_576,
            resident_pages: 256,
        };
        assert_eq!(read(text), Some(expected));
        assert_eq!(read("42"), None);
        let own = fs::read_to_string("/proc/self/stat").unwrap();
        assert!(read(&own).is_some());
    }
}
