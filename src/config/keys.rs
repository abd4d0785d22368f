//! Every key that there is.

use std::sync::LazyLock;

use crate::screen::Settings;

/// Every key there is, in the order of the documentation.
pub(super) static KEYS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let ears = Settings::ALL.iter().map(|about| ear(about.name));
    BEFORE
        .iter()
        .copied()
        .chain(ears)
        .chain(AFTER.iter().copied())
        .collect()
});

/// The key of a setting of the ears. It lives as long as the program, once for each setting.
fn ear(name: &str) -> &'static str {
    format!("screen.{name}").leak()
}

const BEFORE: &[&str] = &[
    "instance",
    "state_dir",
    "pbx.url",
    "pbx.username",
    "pbx.password",
    "pbx.password_file",
    "pbx.app",
    "pbx.endpoint",
    "pbx.caller_id",
    "pbx.sounds_dir",
    "pbx.pbx_sounds_dir",
    "pbx.context",
    "pbx.ca_file",
    "pbx.default_region",
    "pbx.allow_premium",
    "drop.technique",
    "drop.lead",
    "drop.answer_timeout",
    "drop.screening_timeout",
    "drop.ready_timeout",
    "drop.release_on_progress",
    "drop.release_when_unheard",
    "drop.when_unsure",
    "drop.when_busy_leg_answered",
    "screen.mode",
    "screen.media",
    "screen.listen",
    "screen.advertise",
    "screen.allow",
    "screen.amd",
];

const AFTER: &[&str] = &[
    "store.url",
    "audio.max_length",
    "audio.target_lufs",
    "evidence.dir",
    "evidence.max_age",
    "evidence.max_size",
    "gate.enabled",
    "gate.consent",
    "gate.caps",
    "gate.hours",
    "gate.limits",
    "gate.blocked_prefixes",
    "gate.rules",
    "trunk.starts_per_second",
    "trunk.in_flight",
    "trunk.cancelled",
    "trunk.short",
    "trunk.people",
    "trunk.window",
    "trunk.at_least",
    "price.per_minute",
    "price.per_attempt",
    "price.increment",
    "price.currency",
];
