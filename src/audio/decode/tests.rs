//! Nothing in a file may bring the program down: arbitrary bytes, and real files with damage.

use std::{fs, path::PathBuf};

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        start in prop::sample::select(STARTS),
        bytes in prop::collection::vec(any::<u8>(), 0..4_000),
    ) {
        survives(&[start, &bytes].concat())?;
    }

    #[test]
    fn damaged_recordings_never_panic(
        which in 0..FIXTURES.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30),
        near_the_start in any::<bool>(),
        keep in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = fs::read(fixture(FIXTURES[which])).unwrap();
        let reach = if near_the_start { 200 } else { bytes.len() };
        for (place, value) in edits {
            bytes[place.index(reach)] = value;
        }
        if let Some(keep) = keep {
            bytes.truncate(keep.index(bytes.len()));
        }
        survives(&bytes)?;
    }
}

#[test]
fn an_hour_of_nothing_is_not_decoded_to_its_end() {
    let limit = Duration::from_secs(20);
    let refusal = decode(&fixture("hour.flac"), limit).unwrap_err();
    let Refusal::TooLong {
        length,
        measured: false,
        ..
    } = refusal
    else {
        panic!("{refusal}");
    };
    // One FLAC block holds at most 65,535 samples, 8.2 s at this rate.
    assert!(
        length < limit + SILENCE_READ + Duration::from_secs(9),
        "{length:?}"
    );
}

/// Decodes without the net that catches a decoder's panic.
fn survives(bytes: &[u8]) -> Result<(), TestCaseError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let limit = Duration::from_secs(30);
    if let Ok(pass) = pass(file.path(), limit, Mix::All) {
        prop_assert!(pass.decoded.samples.iter().all(|s| s.is_finite()));
        prop_assert!(pass.decoded.length <= limit + SILENCE_READ);
    }
    Ok(())
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/audio")
        .join(name)
}

const FIXTURES: &[&str] = &[
    "tone.mp3",
    "tone.flac",
    "tone.ogg",
    "tone-ulaw.wav",
    "tone-alaw.wav",
];

/// Beginnings that lead arbitrary bytes into each of the decoders.
const STARTS: &[&[u8]] = &[
    b"",
    b"RIFF\x24\x10\0\0WAVE",
    b"RIFF\x24\x10\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1F\0\0\x80\x3E\0\0\x02\0\x10\0data\0\x10\0\0",
    b"RIFF\x24\x10\0\0WAVEfmt \x10\0\0\0\x03\0\x02\0\x40\x1F\0\0\0\xFA\0\0\x08\0\x20\0data\0\x10\0\0",
    b"RIFF\x24\x10\0\0WAVEfmt \x14\0\0\0\x11\0\x01\0\x40\x1F\0\0\0\x10\0\0\0\x01\x04\0\x02\0\xF9\x01data\0\x10\0\0",
    b"fLaC",
    b"fLaC\x80\0\0\x22",
    b"OggS\0\x02\0\0\0\0\0\0\0\0",
    b"ID3\x04\0\0",
    b"\xFF\xFB\x90\x64",
    b"\xFF\xF3\x40\xC4",
];
