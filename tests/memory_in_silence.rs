//! Hours of silence through the ears: nothing may grow. It has a process to itself, because its memory is what is looked at.

#![expect(
    clippy::unwrap_used,
    reason = "in a test a panic is the report of a failure"
)]

use aftertone::screen::{Ears, RATE, Settings};

/// As many as take a few seconds with little optimisation; `cargo bench --bench ears` hears a day.
const HOURS: usize = 4;

#[test]
fn hours_of_silence_report_nothing_and_take_no_memory() {
    let mut ears = Ears::new(Settings::default());
    let minute = vec![0; 60 * RATE];
    let mut told = 0;
    ears.hear(&minute, &mut |_| told += 1);
    assert_eq!(told, 1, "the verdict");
    let before = resident();
    for _ in 1..HOURS * 60 {
        ears.hear(&minute, &mut |heard| panic!("{heard:?}"));
    }
    assert_eq!(ears.now().0, (HOURS * 3_600 * RATE) as u64);
    // A byte for each hop would be 1.4 MB.
    let after = resident();
    assert!(after < before + 256, "from {before} kB to {after} kB");
    const { assert!(Ears::BYTES <= 64 * 1_024, "of one call") };
}

/// The memory of this process in kB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let words = line.unwrap().split_whitespace();
    words.skip(1).flat_map(str::parse).next().unwrap()
}
