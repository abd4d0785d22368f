//! What `aftertone explain` makes of any file that is called a recording.

use std::fs;

use super::{
    TableRow, story,
    subject::{Subject, read},
};
use crate::{
    cli::printer::Printer,
    evidence::{Layout, PictureFormat, Recording},
    fuzz::Target,
    screen::{CallFacts, RATE, Replay, Settings},
};

#[test]
fn any_file_is_explained_or_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("call.wav");
    let target = Target {
        name: "recordings",
        inputs: 3_000,
        longest: 20_000,
        words: WORDS,
    };
    target.check(|input| {
        fs::write(&path, input).unwrap();
        let samples = match read(&path) {
            Ok(samples) => samples,
            Err(trouble) => {
                assert!(
                    trouble.error.to_string().contains("call.wav"),
                    "{trouble:?}"
                );
                return;
            }
        };
        assert!(samples.len() * 2 <= input.len(), "more than there was");
        let heard = &samples[..samples.len().min(4 * RATE)];
        let subject = Subject {
            id: "call".to_owned(),
            title: "call.wav".to_owned(),
            samples: heard.to_vec(),
            replay: Replay::of(heard, Settings::default(), &CallFacts::default()),
            message: None,
            plays: None,
            evidence: None,
        };
        assert!(!story(&subject, Printer::plain()).is_empty());
        assert!(TableRow::of(&subject).line().starts_with("call"));
        let scene = Layout::of(&Recording {
            title: &subject.title,
            samples: &subject.samples,
            replay: &subject.replay,
            message: None,
            plays: None,
            later: &[],
        });
        assert!(scene.render(PictureFormat::Svg).starts_with(b"<"));
    });
}

const WORDS: &[&[u8]] = &[
    b"RIFF",
    b"WAVE",
    b"fmt ",
    b"data",
    b"fact",
    b"LIST",
    b"RF64",
    &[
        16, 0, 0, 0, 1, 0, 1, 0, 0x40, 0x1f, 0, 0, 0x80, 0x3e, 0, 0, 2, 0, 16, 0,
    ],
    &[0xfe, 0xff],
    &[40, 0, 0, 0],
    &[0x40, 0x1f, 0, 0],
];
