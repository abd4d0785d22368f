use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use proptest::prelude::*;
use xml::reader::{EventReader, XmlEvent};

use super::{
    Layout, PictureFormat, Recording,
    layout::WIDTH,
    save,
    shape::{Area, Colour, Face, Shape},
    title::presentable,
    waveform::Scale,
};
use crate::{
    screen::{At, Beep, Heard, RATE, Reasons, Replay, Signal, SitClass},
    words::{ReadyBy, Verdict},
};

#[test]
fn a_mailbox_is_laid_out_as_it_was() {
    let samples = samples(10.0);
    let replay = mailbox();
    let layout = Layout::of(&recording("anna.wav", &samples, &replay, Some(4.0)));
    insta::assert_snapshot!(told(&layout));
    insta::assert_snapshot!(layout.description);
}

#[test]
fn the_same_recording_gives_the_same_picture() {
    let (samples, replay) = (samples(10.0), mailbox());
    let layout = || Layout::of(&recording("anna.wav", &samples, &replay, None));
    assert_eq!(layout(), layout());
    assert_eq!(layout().png(), layout().png());
    assert_eq!(layout().svg(), layout().svg());
}

#[test]
fn what_followed_the_call_is_in_words_that_can_be_drawn() {
    let (samples, replay) = (samples(10.0), mailbox());
    let later = [
        "called back 2026-12-01 14:05:03 UTC, opted out".to_owned(),
        "<\u{65e5}>".to_owned(),
    ];
    let with_later = Recording {
        later: &later,
        ..recording("anna.wav", &samples, &replay, Some(4.0))
    };
    let layout = Layout::of(&with_later);
    let drawn: Vec<_> = texts(&layout).map(|(_, text)| text).collect();
    let line = "Later: called back 2026-12-01 14:05:03 UTC, opted out; <?>";
    assert!(drawn.iter().any(|text| text == line), "{drawn:?}");
    assert!(layout.svg().contains("opted out; &lt;?"));
    assert!(layout.description.contains("; Later: called back"));
    sound(&layout).unwrap();
    // All else moves down by that line.
    let without = Layout::of(&recording("anna.wav", &samples, &replay, Some(4.0)));
    assert!(layout.height > without.height);
    assert_eq!(layout.shapes.len(), without.shapes.len() + 1);
}

#[test]
fn a_message_that_is_stopped_says_by_what() {
    let (ready, late) = (at(2.0), beep(4.0, 4.5, 1_000.0));
    let by = ReadyBy::Silence;
    let replay = replay(&[
        Heard::Ready { by, at: ready },
        Heard::LateBeep(late),
        Heard::Ready { by, at: at(4.7) },
        Heard::Voice {
            start: at(6.0),
            at: at(6.4),
            answers: true,
        },
    ]);
    let samples = samples(10.0);
    let text = Layout::of(&recording("x", &samples, &replay, Some(9.0))).description;
    for part in [
        "ready at 2.00 s, by silence, again at 4.70 s",
        "message, 2.50 s: stopped by a late beep",
        "message, 1.70 s: stopped by a voice",
        "a voice over it, known at 6.40 s",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let whole = Layout::of(&recording("x", &samples, &replay, Some(1.0))).description;
    assert!(whole.contains("message, 1.00 s: whole"), "{whole}");
    let unknown = Layout::of(&recording("x", &samples, &replay, None)).description;
    assert!(!unknown.contains("message, "), "{unknown}");
}

#[test]
fn a_recording_without_anything_in_it_is_drawn_too() {
    for seconds in [0.0, 1.0 / RATE as f32, 0.05, 1.0] {
        let samples = samples(seconds);
        let layout = Layout::of(&recording("x", &samples, &replay(&[]), Some(1.0)));
        sound(&layout).unwrap();
        assert_eq!(
            size(&layout.png()),
            (layout.width, layout.height),
            "{seconds}"
        );
    }
}

#[test]
fn the_svg_is_well_formed_and_holds_every_word() {
    let replay = mailbox();
    let samples = samples(10.0);
    let title = "<Anna> & \"Co\" ]]>\u{1}\u{feff}\u{65e5}.wav";
    let layout = Layout::of(&recording(title, &samples, &replay, Some(4.0)));
    let svg = layout.svg();
    let (mut elements, mut found) = (0, Vec::new());
    for event in EventReader::from_str(&svg) {
        let event = event.unwrap();
        if let XmlEvent::StartElement { .. } = event {
            elements += 1;
        } else if let XmlEvent::Characters(text) = event {
            found.push(text);
        }
    }
    assert_eq!(elements, layout.shapes.len() + 4, "svg, title, desc, paper");
    let mut expected = vec![
        "<Anna> & \"Co\" ]]>???.wav".to_owned(),
        layout.description.clone(),
    ];
    expected.extend(texts(&layout).map(|(_, text)| text));
    assert_eq!(found, expected);
    // The check can fail.
    let torn = svg.replace("&lt;", "<");
    assert!(EventReader::from_str(&torn).into_iter().any(|e| e.is_err()));
}

#[test]
fn the_png_has_its_size_and_its_words_in_it() {
    let replay = mailbox();
    let samples = samples(10.0);
    let layout = Layout::of(&recording("anna.wav", &samples, &replay, Some(4.0)));
    let (width, height, pixels) = decoded(&layout.png());
    assert_eq!((width, height), (layout.width, layout.height));
    assert_eq!(width, WIDTH);
    let inked = |area: Area| {
        let inside = |n: usize| {
            let (x, y) = (n as i32 % width, n as i32 / width);
            (area.left..area.right()).contains(&x) && (area.top..area.bottom()).contains(&y)
        };
        let dark = |pixel: &[u8; 3]| pixel.iter().all(|channel| *channel < 0x90);
        let all = pixels.iter().enumerate();
        all.filter(|(n, pixel)| inside(*n) && dark(pixel)).count()
    };
    for (area, text) in texts(&layout) {
        assert!(inked(area) > text.len() * 5, "{text}: {}", inked(area));
    }
    // The check can fail: no text is in the margin.
    let margin = Area {
        left: 0,
        top: 0,
        width: WIDTH,
        height: 9,
    };
    assert_eq!(inked(margin), 0);
}

#[test]
fn words_that_lie_over_each_other_or_hang_out_are_found() {
    let layout = Layout::of(&recording("x", &[], &replay(&[]), None));
    sound(&layout).unwrap();
    for (x, top) in [(12, 14), (WIDTH - 5, 60), (-1, 60), (300, layout.height)] {
        let mut faulty = layout.clone();
        faulty.shapes.push(Shape::Text {
            x,
            top,
            face: Face::Plain,
            colour: Colour::Text,
            text: "fault".to_owned(),
        });
        assert!(sound(&faulty).is_err(), "{x} {top}");
    }
}

#[test]
fn no_phone_number_is_in_a_picture() {
    for (name, shown) in [
        ("+12025550101.wav", "+xxxxxxxxx01.wav"),
        ("+1 (202) 555-0101", "+x (xxx) xxx-xx01"),
        ("in-2025550101-0007.wav", "in-xxxxxxxxxx-xx07.wav"),
        ("202.555.0101", "xxx.xxx.xx01"),
        ("5550101", "xxxxx01"),
        ("a555010 b42", "a555010 b42"),
        ("0001.wav", "0001.wav"),
        ("take 12 of 3456.wav", "take 12 of 3456.wav"),
        (
            "\u{662}\u{660}\u{662}\u{665}\u{665}\u{665}\u{660}\u{661}",
            "????????",
        ),
    ] {
        assert_eq!(presentable(name), shown);
    }
    let samples = samples(1.0);
    let layout = Layout::of(&recording("+12025550101", &samples, &replay(&[]), None));
    let png = String::from_utf8_lossy(&layout.png()).into_owned();
    for text in [layout.svg(), png] {
        assert!(text.contains("xxxxxxxxx01"));
        assert!(!text.contains("2025550101"));
    }
}

#[test]
fn the_scale_grows_with_quiet_recordings() {
    for (peak, top) in [
        (i16::MIN, 0),
        (16_500, 0),
        (16_400, -6),
        (8_200, -12),
        (1_030, -30),
        (3, -36),
        (0, -36),
    ] {
        assert_eq!(Scale::of(&[0, peak]).top_db, top, "{peak}");
    }
    assert_eq!(Scale::of(&[]).top_db, -36);
}

#[test]
fn a_column_reaches_from_its_lowest_sample_to_its_highest() {
    let area = Area {
        left: 0,
        top: 100,
        width: 4,
        height: 100,
    };
    let samples = [0, 0, 16_384, 0, -16_384, 8_192, i16::MIN, i16::MAX];
    let columns = |samples: &[i16]| Scale::of(samples).columns(samples, area);
    let expected = [(150, 151), (125, 151), (137, 176), (100, 200)];
    assert_eq!(columns(&samples), expected);
    // Fewer samples than columns: each is drawn more than once.
    assert_eq!(columns(&[0, i16::MIN]).len(), 4);
    assert_eq!(columns(&[]), []);
}

#[test]
fn a_picture_is_its_owner_s_and_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::of(&recording("x", &samples(0.1), &replay(&[]), None));
    for name in ["a.svg", "a.PNG"] {
        let path = folder.path().join(name);
        let format = PictureFormat::of(&path).unwrap();
        fs::write(&path, "what was there before").unwrap();
        save(&layout, format, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), layout.render(format));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // A folder is in the place of the file: the rename fails when all is written.
    fs::create_dir(folder.path().join("taken.svg")).unwrap();
    let taken = folder.path().join("taken.svg");
    let error = save(&layout, PictureFormat::Svg, &taken).unwrap_err();
    assert!(error.to_string().contains("taken.svg"), "{error}");
    assert!(save(&layout, PictureFormat::Svg, &folder.path().join("no/a.svg")).is_err());
    let mut left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["a.PNG", "a.svg", "taken.svg"]);
}

#[test]
fn a_name_s_ending_decides_the_format() {
    for (name, format) in [
        ("a.svg", Some(PictureFormat::Svg)),
        ("a/b.PNG", Some(PictureFormat::Png)),
        ("a.jpg", None),
        ("svg", None),
        (".svg", None),
        ("a.svg.gz", None),
        ("", None),
    ] {
        assert_eq!(PictureFormat::of(Path::new(name)), format, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_heard_no_words_lie_over_others(
        seconds in 0.0_f32..25.0,
        heard in prop::collection::vec(any_heard(), 0..60),
        title in ".{0,200}",
        message in prop::option::of(0.0_f32..60.0),
        later in prop::collection::vec(".{0,200}", 0..4),
    ) {
        let samples = samples(seconds);
        let mut replay = replay(&heard);
        replay.end = At(samples.len() as u64);
        let layout = Layout::of(&Recording {
            later: &later,
            ..recording(&title, &samples, &replay, message)
        });
        if let Err(fault) = sound(&layout) {
            return Err(TestCaseError::fail(fault));
        }
        prop_assert!(EventReader::from_str(&layout.svg()).into_iter().all(|event| event.is_ok()));
    }
}

fn any_heard() -> impl Strategy<Value = Heard> {
    (
        0..12_u8,
        prop_oneof![9 => 0.0_f32..26.0, 1 => 0.0_f32..5_000.0],
        0.0_f32..3.0,
    )
        .prop_map(|(kind, from, lasted)| {
            let (start, end) = (at(from), at(from + lasted));
            let beep = beep(from, from + lasted, 440.0 + lasted * 500.0);
            match kind {
                0 | 1 => Heard::SpeechBegan { start },
                2 | 3 => Heard::SpeechEnded { end },
                4 => Heard::Beep(beep),
                5 => Heard::LateBeep(beep),
                6 => {
                    let signal = Signal::Sit(SitClass::NoCircuit);
                    Heard::Signal { signal, start, end }
                }
                7 => verdict(Verdict::Machine, from),
                8 => verdict(Verdict::Human, from),
                9 => Heard::LimitBeep(beep),
                10 => Heard::Voice {
                    start,
                    at: end,
                    answers: true,
                },
                _ => {
                    let by = ReadyBy::Silence;
                    Heard::Ready { by, at: start }
                }
            }
        })
}

/// Whether all texts are within the picture, and none over others.
fn sound(layout: &Layout) -> Result<(), String> {
    let all: Vec<_> = texts(layout).collect();
    for (n, (one, text)) in all.iter().enumerate() {
        let inside = one.left >= 0
            && one.top >= 0
            && one.right() <= layout.width
            && one.bottom() <= layout.height;
        if !inside {
            return Err(format!("`{text}` hangs out: {one:?}"));
        }
        for (other, others) in &all[n + 1..] {
            // Glyphs leave their box's first and last rows empty: lines may touch by so much.
            let apart = one.right() <= other.left
                || other.right() <= one.left
                || one.bottom() <= other.top + 2
                || other.bottom() <= one.top + 2;
            if !apart {
                return Err(format!("`{text}` and `{others}` lie over each other"));
            }
        }
    }
    Ok(())
}

/// Every text and its area.
fn texts(layout: &Layout) -> impl Iterator<Item = (Area, String)> {
    layout.shapes.iter().filter_map(|shape| match shape {
        Shape::Text {
            x, top, face, text, ..
        } => {
            let area = Area {
                left: *x,
                top: *top,
                width: face.width(text),
                height: face.height(),
            };
            Some((area, text.clone()))
        }
        Shape::Fill { .. } | Shape::Wave { .. } => None,
    })
}

/// A layout as text, without the lines and grounds behind its words.
fn told(layout: &Layout) -> String {
    let mut lines = vec![format!("{} x {}", layout.width, layout.height)];
    lines.extend(layout.shapes.iter().filter_map(|shape| match shape {
        Shape::Fill {
            colour: Colour::Grid | Colour::Paper | Colour::Faint,
            ..
        } => None,
        Shape::Fill { area, colour } => Some(format!(
            "{:>4} {:>3}  {colour:?} {}x{}",
            area.left, area.top, area.width, area.height
        )),
        Shape::Wave { left, columns, .. } => {
            let top = columns.iter().map(|(top, _)| top).min()?;
            let bottom = columns.iter().map(|(_, bottom)| bottom).max()?;
            let count = columns.len();
            Some(format!(
                "{left:>4} {top:>3}  wave of {count} columns, to row {bottom}"
            ))
        }
        Shape::Text {
            x, top, face, text, ..
        } => Some(format!("{x:>4} {top:>3}  {face:?} {text}")),
    }));
    lines.join("\n")
}

fn decoded(png: &[u8]) -> (i32, i32, Vec<[u8; 3]>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgb);
    let pixels = bytes.as_chunks::<3>().0.to_vec();
    (info.width as i32, info.height as i32, pixels)
}

fn size(png: &[u8]) -> (i32, i32) {
    let (width, height, _) = decoded(png);
    (width, height)
}

fn recording<'a>(
    title: &'a str,
    samples: &'a [i16],
    replay: &'a Replay,
    message: Option<f32>,
) -> Recording<'a> {
    Recording {
        title,
        samples,
        replay,
        message,
        plays: None,
        later: &[],
    }
}

/// Speech, a beep, and a message that fits behind it.
fn mailbox() -> Replay {
    let mut replay = replay(&[
        Heard::SpeechBegan { start: at(0.5) },
        Heard::SpeechEnded { end: at(2.5) },
        Heard::Beep(beep(3.5, 3.9, 1_004.0)),
        verdict(Verdict::Machine, 4.1),
        Heard::Ready {
            by: ReadyBy::Beep,
            at: at(4.1),
        },
        Heard::SpeechBegan { start: at(9.0) },
    ]);
    replay.end = at(10.0);
    replay
}

/// A replay as its events make it.
fn replay(heard: &[Heard]) -> Replay {
    let mut replay = Replay {
        heard: heard.to_vec(),
        ..Replay::default()
    };
    for heard in heard {
        match heard {
            Heard::Verdict {
                verdict,
                at,
                reasons,
                ..
            } => replay.verdict = Some((*verdict, *at, *reasons)),
            Heard::Ready { by, at } => {
                if replay.ready.is_some() {
                    replay.restarts.push(*at);
                }
                replay.ready.get_or_insert((*by, *at));
            }
            Heard::Beep(beep) | Heard::LateBeep(beep) | Heard::LimitBeep(beep) => {
                replay.beeps.push(*beep);
            }
            Heard::SpeechBegan { .. }
            | Heard::SpeechEnded { .. }
            | Heard::Signal { .. }
            | Heard::BeepWasRing { .. }
            | Heard::Voice { .. } => {}
        }
    }
    replay
}

fn verdict(verdict: Verdict, seconds: f32) -> Heard {
    Heard::Verdict {
        verdict,
        sit: None,
        revised: false,
        at: at(seconds),
        reasons: Reasons::default(),
    }
}

fn beep(start: f32, end: f32, hz: f32) -> Beep {
    Beep {
        start: at(start),
        end: at(end),
        hz,
        second_hz: None,
        sweep: 0.0,
    }
}

fn at(seconds: f32) -> At {
    At::default() + seconds
}

/// A tone at a quarter of full scale that stops and starts.
fn samples(seconds: f32) -> Vec<i16> {
    let count = (seconds * RATE as f32).round() as usize;
    let tone = |n: usize| (n as f32 * 0.4).sin() * 8_000.0 * ((n / 4_000) % 2) as f32;
    (0..count).map(|n| tone(n) as i16).collect()
}
