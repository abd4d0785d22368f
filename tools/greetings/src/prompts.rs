//! Asterisk's recorded prompts: which of them may be heard of whom.
//!
//! Each is heard of one label only, in every language: the name decides, so that neither a recording nor its words are known from
//! another label. They hold few things that a person or a mailbox would say, so other prompts of the right length replace them.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use crate::{
    dice::{BASIS, digest},
    recording::RATE,
    script::{Part, Pool},
};

/// A prompt of a folder.
#[derive(Clone, Debug)]
pub(crate) struct Prompt {
    pub(crate) name: String,
    /// How long its file is (s).
    pub(crate) seconds: f32,
}

/// The prompts of a folder that are speech and no longer than a sentence, in the order of their names.
///
/// # Errors
/// If the folder cannot be read.
pub(crate) fn prompts(folder: &Path) -> Result<Vec<Prompt>> {
    let mut found = Vec::new();
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let file = entry.file_name().to_string_lossy().into_owned();
        let Some(name) = file.strip_suffix(".wav") else {
            continue;
        };
        // 16 bits at the telephone's rate.
        let seconds = entry.metadata()?.len() as f32 / (2 * RATE) as f32;
        if !NO_SPEECH.contains(&name) && (0.25..=LONGEST).contains(&seconds) {
            found.push(Prompt {
                name: name.to_owned(),
                seconds,
            });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Where a prompt of this name belongs.
pub(crate) fn pool(name: &str) -> Pool {
    if let Some((_, pool)) = FITTING.iter().find(|(names, _)| names.contains(&name)) {
        return *pool;
    }
    let mut left = digest(name.as_bytes(), BASIS) % 100;
    for &(share, pool) in SHARES {
        if left < share {
            return pool;
        }
        left -= share;
    }
    Pool::Babble
}

/// What is said on an occasion: how many sentences, how many prompts each has, and how long a prompt is (s).
pub(crate) fn shape(part: Part) -> ((usize, usize), (usize, usize), (f32, f32)) {
    match part {
        Part::Hello => ((1, 1), (1, 1), (0.3, 1.1)),
        Part::Name => ((1, 1), (1, 1), (0.9, 2.2)),
        Part::Business => ((1, 1), (1, 2), (1.3, 2.6)),
        Part::Short => ((1, 1), (1, 2), (1.2, 2.4)),
        Part::Long => ((3, 5), (1, 2), (1.2, 6.0)),
        Part::Carrier => ((2, 3), (1, 2), (1.0, 4.5)),
        Part::Full => ((1, 2), (1, 2), (1.0, 4.0)),
        Part::Intercept => ((1, 2), (1, 2), (1.2, 4.5)),
        Part::Menu => ((3, 5), (1, 1), (1.2, 5.0)),
        Part::Screening => ((1, 2), (2, 2), (1.2, 4.0)),
        Part::Hold => ((1, 1), (1, 2), (1.2, 4.5)),
        Part::Company => ((1, 3), (1, 1), (1.5, 5.0)),
        Part::Connecting => ((1, 3), (1, 1), (1.0, 5.0)),
        Part::Forwarding => ((1, 1), (1, 1), (1.0, 3.5)),
    }
}

/// Longer ones are manuals (s).
const LONGEST: f32 = 6.0;

/// Tones, animals, and nothing.
const NO_SPEECH: &[&str] = &[
    "ascending-2tone",
    "beep",
    "beeperr",
    "confbridge-join",
    "confbridge-leave",
    "descending-2tone",
    "tt-monkeys",
];

/// Prompts that say what is said on an occasion.
const FITTING: &[(&[&str], Pool)] = &[
    (&["hello", "hello-world", "im-sorry", "sorry"], Pool::Person),
    (
        &[
            "vm-extension",
            "vm-goodbye",
            "vm-intro",
            "vm-isonphone",
            "vm-isunavail",
            "vm-leavemsg",
            "vm-nobodyavail",
            "vm-theperson",
        ],
        Pool::Machine,
    ),
    (
        &[
            "all-circuits-busy-now",
            "cannot-complete-as-dialed",
            "check-number-dial-again",
            "dir-instr",
            "number-not-answering",
            "one-moment-please",
            "pls-hold-while-try",
            "priv-recordintro",
            "privacy-prompt",
            "queue-periodic-announce",
            "queue-thankyou",
            "queue-youarenext",
            "ss-noservice",
            "vm-mailboxfull",
            "vm-reachoper",
            "vm-star-cancel",
            "vm-tocancel",
        ],
        Pool::Other,
    ),
];

/// Of a hundred others.
const SHARES: &[(u64, Pool)] = &[
    (28, Pool::Person),
    (8, Pool::Company),
    (36, Pool::Machine),
    (18, Pool::Other),
    (10, Pool::Babble),
];
