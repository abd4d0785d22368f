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

/// A chunk of a WAV file, of the length that is announced or of another one.
fn chunk(id: &[u8; 4], body: &[u8], announced: usize) -> Vec<u8> {
    let size = u32::try_from(announced).unwrap().to_le_bytes();
    [&id[..], &size, body].concat()
}

/// A WAV file of one channel at 8 kHz in 16 bits, with these chunks behind the one that says so.
fn wav(rate: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
    let format = [
        &[1, 0, 1, 0][..],
        &rate.to_le_bytes(),
        &(rate * 2).to_le_bytes(),
        &[2, 0, 16, 0],
    ];
    let chunks = [chunk(b"fmt ", &format.concat(), 16), chunks.concat()].concat();
    let riff = [&b"WAVE"[..], &chunks].concat();
    chunk(b"RIFF", &riff, riff.len())
}

/// So many milliseconds of a tone.
fn tone(ms: usize) -> Vec<u8> {
    let samples = (0..ms * 8).map(|n| ((n as f32 * 0.3).sin() * 8_000.0) as i16);
    samples.flat_map(i16::to_le_bytes).collect()
}

fn length(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    match decode(file.path(), Duration::from_secs(60)) {
        Ok(decoded) => format!("{} ms", decoded.length.as_millis()),
        Err(refusal) => refusal.to_string(),
    }
}

#[test]
fn all_audio_of_a_wav_file_is_read_whatever_its_headers_announce() {
    let second = tone(1_000);
    let data = |announced: usize| chunk(b"data", &second, announced);
    let whole = data(second.len());
    let list = chunk(b"LIST", b"INFOISFT\x04\0\0\0lavf", 16);
    let one = wav(8_000, std::slice::from_ref(&whole));
    for (what, bytes, expected) in [
        ("plain", one.clone(), "1000 ms"),
        ("put together", one.repeat(3), "3000 ms"),
        (
            "put together, with a chunk behind each",
            wav(8_000, &[whole.clone(), list.clone()]).repeat(2),
            "2000 ms",
        ),
        (
            "two chunks of audio",
            wav(8_000, &[whole.clone(), list, whole.clone()]),
            "2000 ms",
        ),
        (
            "a header that died early",
            wav(8_000, &[data(4_000)]),
            "1000 ms",
        ),
        (
            "a header that was never written",
            wav(8_000, &[data(0)]),
            "1000 ms",
        ),
        (
            "died early, twice",
            wav(8_000, &[data(4_000)]).repeat(2),
            "2000 ms",
        ),
        (
            "streamed, twice",
            wav(8_000, &[data(0xFFFF_FFFF)]).repeat(2),
            "2000 ms",
        ),
        (
            "a few bytes too many",
            wav(8_000, &[data(second.len() + 44)]),
            "1000 ms",
        ),
        (
            "many bytes too many",
            wav(8_000, &[data(second.len() * 2)]),
            "it is cut off: it holds 50 % of what its header promises",
        ),
        (
            "of different rates",
            [one.clone(), wav(16_000, std::slice::from_ref(&whole))].concat(),
            "its encoding is not accepted: it is put together of recordings that are encoded differently",
        ),
        (
            "zeros behind it",
            [one.clone(), vec![0; 20_000]].concat(),
            "1000 ms",
        ),
        (
            "a tag behind it",
            [one.clone(), b"TAG".to_vec(), vec![b'x'; 125]].concat(),
            "1000 ms",
        ),
    ] {
        assert_eq!(length(&bytes), expected, "{what}");
    }
}

#[test]
fn all_recordings_that_are_put_into_one_file_are_read() {
    for name in ["tone.mp3", "tone.flac", "tone.ogg"] {
        let one = fs::read(fixture(name)).unwrap();
        let ms = |bytes: &[u8]| -> f64 {
            let length = length(bytes);
            let ms = length
                .strip_suffix(" ms")
                .unwrap_or_else(|| panic!("{name}: {length}"));
            ms.parse().unwrap()
        };
        let (once, thrice) = (ms(&one), ms(&one.repeat(3)));
        // The padding of encoders is cut off if one header counts it.
        assert!(
            (thrice - 3.0 * once).abs() < 300.0,
            "{name}: {once} {thrice}"
        );
    }
}

#[test]
fn a_flac_is_read_beyond_what_its_header_announces() {
    let one = fs::read(fixture("tone.flac")).unwrap();
    let expected = length(&one);
    // How many samples: the last 36 of 64 bits. Zero is for a length that is not known; an encoder that died wrote how
    // far it was at first, and no checksum.
    for announced in [0_u64, 1, 8_000, 16_800, 33_599] {
        for has_checksum in [true, false] {
            let mut early = one.clone();
            let bits = u64::from_be_bytes(early[18..26].try_into().unwrap());
            let bits = bits >> 36 << 36 | announced;
            early[18..26].copy_from_slice(&bits.to_be_bytes());
            if !has_checksum {
                early[26..42].fill(0);
            }
            assert_eq!(length(&early), expected, "{announced} {has_checksum}");
            let twice = [early.clone(), one.clone()].concat();
            assert_eq!(length(&twice), length(&one.repeat(2)), "{announced}");
        }
    }
    // Frames that are longer, in bytes or in samples, than any announced are read, or the recording is refused.
    for (at, bytes) in [(15, &[0, 0, 16][..]), (15, &[0, 1, 0]), (10, &[0x08, 0])] {
        let mut early = one.clone();
        early[at..at + bytes.len()].copy_from_slice(bytes);
        early[26..42].fill(0);
        let found = length(&early);
        assert!(
            found == expected || !found.ends_with(" ms"),
            "{bytes:?} {found}"
        );
    }
    // One with a damaged frame is refused without a checksum, too.
    let mut damaged = one.clone();
    damaged[26..42].fill(0);
    let middle = one.len() / 2;
    damaged[middle..middle + 40].fill(0x5A);
    assert!(!length(&damaged).ends_with(" ms"), "{}", length(&damaged));
    // One that announces more than it holds is still refused, checksum or not.
    let mut cut = one.clone();
    cut[26..42].fill(0);
    cut.truncate(one.len() / 2);
    assert!(
        length(&cut).starts_with("it is cut off"),
        "{}",
        length(&cut)
    );
}

#[test]
fn an_mp3_is_read_beyond_what_its_first_frame_announces() {
    let one = fs::read(fixture("tone.mp3")).unwrap();
    let at = one
        .windows(4)
        .position(|w| w == b"Info" || w == b"Xing")
        .unwrap();
    // An encoder that died wrote how far it was at first.
    let mut early = one.clone();
    early[at + 8..at + 12].copy_from_slice(&5_u32.to_be_bytes());
    let expected: f64 = length(&one).strip_suffix(" ms").unwrap().parse().unwrap();
    let found: f64 = length(&early).strip_suffix(" ms").unwrap().parse().unwrap();
    assert!((found - expected).abs() < 150.0, "{found} of {expected}");
    // If the second one is missing its end, this is said.
    let mut cut = one.repeat(2);
    cut.truncate(one.len() * 5 / 4);
    assert!(
        length(&cut).starts_with("it is cut off"),
        "{}",
        length(&cut)
    );
}
