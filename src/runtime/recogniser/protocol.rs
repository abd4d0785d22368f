//! What is written to the recogniser, and what is read from it. Pure: bytes in, values out.
//!
//! Each message is one line of JSON; the line of a piece of sound is followed by its samples, as many bytes as it says.
//! docs/src/guide/words.md is the reference for those who write a recogniser.

use serde::{Deserialize, Serialize};

use crate::screen::{HintSays, RATE};

/// What the recogniser is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ToRecogniser {
    /// The first line.
    Hello {
        protocol: u32,
        rate: usize,
        encoding: &'static str,
    },
    /// A call is answered.
    Begin { call: u64 },
    /// Samples of a call follow; the first of them is `at`, counted from the answer.
    Sound { call: u64, at: u64, bytes: usize },
    /// The call is over.
    End { call: u64 },
    /// To be answered once all that came before is dealt with.
    Ping { n: u64 },
}

/// What the recogniser says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum FromRecogniser {
    /// The answer to the hello.
    Ready {
        protocol: u32,
        #[serde(default)]
        name: String,
    },
    /// A phrase was heard in a call.
    Words {
        call: u64,
        #[serde(flatten)]
        phrase: Phrase,
    },
    /// The answer to a ping.
    Pong { n: u64 },
}

/// A phrase that was heard, and what it means.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Phrase {
    /// What it means.
    pub(crate) says: PhraseClass,
    /// The sample of the call at which it begins, counted from the answer.
    pub(crate) from: u64,
    /// The sample at which it ends.
    pub(crate) until: u64,
    /// How sure it is, in nats: 0 to [`MOST_NATS`].
    pub(crate) nats: f32,
    /// The seconds from its end to the beep, if it says so.
    #[serde(default)]
    pub(crate) beep_in: Option<f32>,
    /// The phrase itself.
    #[serde(default)]
    pub(crate) text: String,
}

/// What a phrase means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PhraseClass {
    /// A greeting of a mailbox, or of an answering machine.
    Records,
    /// A tone follows: "after the beep".
    BeepComes,
    /// A person who waits for an answer.
    Person,
    /// A menu: "press one".
    Menu,
    /// A mailbox that takes no more.
    Full,
    /// The number is not in service.
    OutOfService,
    /// The telephone screens its calls: "record your name and reason for calling".
    Screening,
    /// The call is being put through to a person.
    Connects,
}

impl PhraseClass {
    /// Its name in the protocol.
    pub(crate) const fn slug(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::BeepComes => "beep_comes",
            Self::Person => "person",
            Self::Menu => "menu",
            Self::Full => "full",
            Self::OutOfService => "out_of_service",
            Self::Screening => "screening",
            Self::Connects => "connects",
        }
    }

    /// What it is to the ears.
    pub(crate) const fn hint(self, beep_in: Option<f32>) -> HintSays {
        match self {
            Self::Records => HintSays::Records { beep_in },
            Self::BeepComes => HintSays::BeepComes,
            Self::Person => HintSays::Person,
            Self::Menu => HintSays::Menu,
            Self::Full => HintSays::Full,
            Self::OutOfService => HintSays::OutOfService,
            Self::Screening => HintSays::Screening,
            Self::Connects => HintSays::Connects,
        }
    }
}

impl ToRecogniser {
    pub(super) const HELLO: Self = Self::Hello {
        protocol: PROTOCOL,
        rate: RATE,
        encoding: "s16le",
    };

    /// Adds its line to what is to be written.
    pub(super) fn write(self, to: &mut Vec<u8>) {
        serde_json::to_writer(&mut *to, &self).expect("a vector takes every line");
        to.push(b'\n');
    }

    /// Adds the line of a piece of sound, and its samples.
    pub(super) fn write_sound(call: u64, at: u64, samples: &[i16], to: &mut Vec<u8>) {
        let bytes = samples.len() * 2;
        Self::Sound { call, at, bytes }.write(to);
        to.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    }
}

impl FromRecogniser {
    /// Reads a line; `None` if it is none of the protocol's.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let mut said: Self = serde_json::from_slice(line).ok()?;
        match &mut said {
            Self::Ready { name, .. } => *name = plain(name),
            Self::Words { phrase, .. } => {
                if !phrase.is_sound() {
                    return None;
                }
                phrase.text = plain(&phrase.text);
            }
            Self::Pong { .. } => {}
        }
        Some(said)
    }
}

impl Phrase {
    fn is_sound(&self) -> bool {
        let beep = self.beep_in.unwrap_or_default();
        self.from <= self.until
            && self.until <= LONGEST_CALL
            && (0.0..=MOST_NATS).contains(&self.nats)
            && (0.0..=LATEST_BEEP).contains(&beep)
    }
}

/// A text of the recogniser as it is kept and logged: short, on one line, and without a telephone number.
pub(super) fn plain(text: &str) -> String {
    let shown = text.chars().take(LONGEST_TEXT);
    let shown = shown.map(|c| if c.is_control() { ' ' } else { c });
    let shown: Vec<char> = shown.collect();
    let mut plain = String::with_capacity(shown.len());
    for run in shown.chunk_by(|a, b| is_of_number(*a) == is_of_number(*b)) {
        let digits = run.iter().filter(|c| c.is_ascii_digit()).count();
        let masks = digits >= NUMBER_DIGITS;
        plain.extend(run.iter().map(|&c| match c {
            '0'..='9' if masks => '•',
            c => c,
        }));
    }
    plain
}

const fn is_of_number(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '(' | ')')
}

/// Takes bytes apart at the ends of lines. A line that is too long is skipped up to its end.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
    skips: bool,
}

/// What became of one line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A whole line, without its end.
    Whole(&'a [u8]),
    /// It is longer than [`LONGEST_LINE`]; its first bytes.
    TooLong(&'a [u8]),
}

impl Lines {
    /// Takes more bytes, and hands on each line that they end.
    pub(super) fn take(&mut self, bytes: &[u8], mut each: impl FnMut(Line<'_>)) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let (content, ends) = match piece.split_last() {
                Some((b'\n', content)) => (content, true),
                Some(_) | None => (piece, false),
            };
            if !self.skips {
                let room = LONGEST_LINE - self.partial.len();
                self.partial
                    .extend_from_slice(&content[..content.len().min(room)]);
                if content.len() > room {
                    self.skips = true;
                    each(Line::TooLong(&self.partial));
                    self.partial.clear();
                }
            }
            if ends {
                if !std::mem::take(&mut self.skips) {
                    each(Line::Whole(&self.partial));
                }
                self.partial.clear();
            }
        }
    }
}

/// The version of the protocol.
pub(super) const PROTOCOL: u32 = 1;

/// The most that one phrase is worth, in nats.
pub(crate) const MOST_NATS: f32 = 8.0;

/// The longest line that is read, in bytes.
pub(super) const LONGEST_LINE: usize = 4_096;

/// The longest text that is kept, in characters.
const LONGEST_TEXT: usize = 200;

/// As many digits may be a telephone number.
const NUMBER_DIGITS: usize = 6;

/// Samples: a day.
const LONGEST_CALL: u64 = 86_400 * RATE as u64;

/// Seconds.
const LATEST_BEEP: f32 = 30.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_one_line_each_and_the_samples_behind_theirs() {
        let mut bytes = Vec::new();
        ToRecogniser::HELLO.write(&mut bytes);
        ToRecogniser::Begin { call: 7 }.write(&mut bytes);
        ToRecogniser::write_sound(7, 1_600, &[1, -2], &mut bytes);
        ToRecogniser::Ping { n: 3 }.write(&mut bytes);
        ToRecogniser::End { call: 7 }.write(&mut bytes);
        let expected = [
            &br#"{"type":"hello","protocol":1,"rate":8000,"encoding":"s16le"}"#[..],
            b"\n{\"type\":\"begin\",\"call\":7}\n",
            b"{\"type\":\"sound\",\"call\":7,\"at\":1600,\"bytes\":4}\n\x01\x00\xfe\xff",
            b"{\"type\":\"ping\",\"n\":3}\n{\"type\":\"end\",\"call\":7}\n",
        ];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn what_is_not_of_the_protocol_is_not_understood() {
        let words = |rest: &str| {
            let line = format!(
                r#"{{"type":"words","call":1,"from":800,"until":1600,"says":"menu"{rest}}}"#
            );
            FromRecogniser::read(line.as_bytes())
        };
        let understood = words(r#","nats":2.5,"text":"press one","more":[1]"#);
        let phrase = Phrase {
            says: PhraseClass::Menu,
            from: 800,
            until: 1_600,
            nats: 2.5,
            beep_in: None,
            text: "press one".to_owned(),
        };
        assert_eq!(understood, Some(FromRecogniser::Words { call: 1, phrase }));
        for rest in [
            "",
            r#","nats":-1"#,
            r#","nats":8.1"#,
            r#","nats":1e99"#,
            r#","nats":"2""#,
            r#","nats":1,"beep_in":-0.1"#,
            r#","nats":1,"beep_in":31"#,
            r#","nats":1,"from":1601"#,
        ] {
            assert_eq!(words(rest), None, "{rest}");
        }
        for line in [
            &b""[..],
            b"hello",
            b"[]",
            b"{}",
            br#"{"type":"words"}"#,
            br#"{"type":"other"}"#,
            br#"{"type":"pong"}"#,
            br#"{"type":"pong","n":-1}"#,
            b"\xff\xfe",
        ] {
            assert_eq!(FromRecogniser::read(line), None, "{line:?}");
        }
        let pong = FromRecogniser::read(br#" {"n":9,"type":"pong"} "#);
        assert_eq!(pong, Some(FromRecogniser::Pong { n: 9 }));
    }

    #[test]
    fn a_text_holds_no_number_and_no_second_line() {
        assert_eq!(plain("press 1 or 2\nnow"), "press 1 or 2 now");
        assert_eq!(plain("call 202-555 0101"), "call •••-••• ••••");
        assert_eq!(plain(&"ä".repeat(300)).chars().count(), LONGEST_TEXT);
    }

    #[test]
    fn lines_are_the_same_however_the_bytes_are_cut() {
        let long = vec![b'x'; LONGEST_LINE + 1];
        let bytes = [&b"one\n\ntwo\n"[..], &long, b"tail\nthree\nfour"].concat();
        for step in [1, 7, 4_096, bytes.len()] {
            let (mut lines, mut told) = (Lines::default(), Vec::new());
            for piece in bytes.chunks(step) {
                lines.take(piece, |line| {
                    told.push(match line {
                        Line::Whole(line) => String::from_utf8(line.to_vec()).unwrap(),
                        Line::TooLong(start) => format!("too long: {}", start.len()),
                    });
                });
            }
            assert_eq!(
                told,
                ["one", "", "two", "too long: 4096", "three"],
                "{step}"
            );
        }
        let mut lines = Lines::default();
        let exact = [vec![b'y'; LONGEST_LINE], b"\n".to_vec()].concat();
        lines.take(&exact, |line| {
            assert!(matches!(line, Line::Whole(line) if line.len() == LONGEST_LINE));
        });
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::fuzz::Target;

    #[test]
    fn whatever_the_recogniser_says_is_read_or_ignored() {
        let target = Target {
            name: "words",
            inputs: 20_000,
            longest: 512,
            words: &[
                br#"{"type":"words","call":1,"from":0,"until":9,"says":"menu","nats":1}"#,
                br#"{"type":"ready","protocol":1}"#,
                br#"{"type":"pong","n":1}"#,
                b"\n",
                b"\"beep_in\":0.5",
                b"\"text\":\"",
            ],
        };
        target.check(|bytes| {
            let mut lines = Lines::default();
            lines.take(bytes, |line| {
                if let Line::Whole(line) = line
                    && let Some(FromRecogniser::Words { phrase, .. }) = FromRecogniser::read(line)
                {
                    assert!(phrase.nats <= MOST_NATS && phrase.from <= phrase.until);
                    assert!(!phrase.text.contains('\n'));
                }
            });
            assert!(lines.partial.len() <= LONGEST_LINE);
        });
    }
}
