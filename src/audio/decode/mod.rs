//! Reads a recording into one channel at the working rate.
//!
//! Everything is bounded: the file's size, the length that is decoded, and so the memory. Samples are mixed down and
//! resampled as they come, so that a minute costs 4 MB whatever the source's rate and channel count are.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::Duration,
};

use symphonia::core::{
    codecs::audio::{AudioDecoder, AudioDecoderOptions},
    errors::Error as Trouble,
    formats::{FormatOptions, FormatReader, TrackType, probe::Hint},
    io::MediaSourceStream,
    meta::MetadataOptions,
};

use super::{
    normalise::{Resampler, WORK_RATE},
    refusal::Refusal,
    sniff::{Format, Mended, counts_frames, format_of},
};

/// A recording as one channel at [`WORK_RATE`].
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) format: Format,
    /// The source's rate in Hz.
    pub(super) rate: u32,
    /// The source's channel count.
    pub(super) channels: usize,
    /// The source's length.
    pub(super) length: Duration,
    /// Full scale is 1.0; every sample is finite.
    pub(super) samples: Vec<f32>,
    /// The one channel (from 1) that was used because all of them together cancel out.
    pub(super) only_channel: Option<usize>,
    /// How many samples were not numbers and became silence.
    pub(super) bad_samples: u64,
    /// How many damaged MP3 frames were left out.
    pub(super) skipped: u64,
}

/// Reads the recording at `path` for a message of at most `limit`.
///
/// # Errors
/// [`Refusal`] says why it cannot be used; a recording longer than `limit` and a minute of silence around it is refused
/// as soon as that much was read.
pub(super) fn decode(path: &Path, limit: Duration) -> Result<Decoded, Refusal> {
    let all = guarded(path, limit, Mix::All)?;
    match all.cancelled_in_favour_of {
        None => Ok(all.decoded),
        Some(channel) => Ok(guarded(path, limit, Mix::Only(channel))?.decoded),
    }
}

/// How the channels become one.
#[derive(Clone, Copy)]
enum Mix {
    /// Their mean.
    All,
    /// This one alone, counted from 0.
    Only(usize),
}

struct Pass {
    decoded: Decoded,
    cancelled_in_favour_of: Option<usize>,
}

fn guarded(path: &Path, limit: Duration, mix: Mix) -> Result<Pass, Refusal> {
    // The decoders are made for hostile bytes and are fuzzed upstream; one that panics after all must not take a
    // controller with hundreds of calls down with it.
    catch_unwind(AssertUnwindSafe(|| pass(path, limit, mix))).unwrap_or_else(|_| {
        Err(Refusal::Damaged {
            why: "the decoder gave up on it".to_owned(),
        })
    })
}

fn pass(path: &Path, limit: Duration, mix: Mix) -> Result<Pass, Refusal> {
    let OpenedRecording {
        sources,
        format,
        counted,
    } = open(path)?;
    let mut progress = DecodeProgress {
        sink: None,
        skipped: 0,
        idle: 0,
    };
    for source in sources {
        progress.read(source, format, counted, mix, limit)?;
    }
    let Some(sink) = progress.sink else {
        return Err(Refusal::Empty);
    };
    sink.finish(format, progress.skipped)
}

/// How far reading is, over all recordings of a file.
struct DecodeProgress {
    sink: Option<Sink>,
    skipped: u64,
    idle: u32,
}

impl DecodeProgress {
    fn read(
        &mut self,
        source: Mended,
        format: Format,
        counted: bool,
        mix: Mix,
        limit: Duration,
    ) -> Result<(), Refusal> {
        let Self {
            sink,
            skipped,
            idle,
        } = self;
        let before = sink.as_ref().map_or(0, |sink| sink.frames);
        let (mut reader, mut decoder, mut track) = start(source, format)?;
        let mut promised =
            promise(reader.as_ref(), track).map(|frames| frames.saturating_add(before));
        let mut chunk: Vec<f32> = Vec::new();
        let mut behind = None;
        loop {
            let packet = match reader.next_packet() {
                Ok(Some(packet)) if packet.track_id == track => packet,
                Ok(Some(_)) => {
                    *idle += 1;
                    if *idle > MAX_IDLE {
                        return Err(damaged("it holds hardly any audio"));
                    }
                    continue;
                }
                Ok(None) => break,
                Err(Trouble::ResetRequired) => {
                    // A chained stream: another recording begins. It goes on in the same message if it is alike.
                    (decoder, track) = decoder_of(reader.as_ref())?;
                    let more = promise(reader.as_ref(), track);
                    promised = promised.zip(more).map(|(a, b)| a.saturating_add(b));
                    continue;
                }
                Err(trouble) => return Err(refusal(trouble, format, promised, sink.as_ref())),
            };
            // Frames of FLAC that do not fit what its header says are passed over, and so are damaged ones.
            if format == Format::Flac {
                if behind.is_some_and(|behind| behind != packet.pts) {
                    return Err(damaged("a part of its audio cannot be read"));
                }
                behind = packet.pts.checked_add(packet.dur);
            }
            let buffer = match decoder.decode(&packet) {
                Ok(buffer) => buffer,
                // An MP3 that was cut out of a longer one begins with frames that lean on missing ones.
                Err(Trouble::DecodeError(why)) if format == Format::Mp3 => {
                    *skipped += 1;
                    if *skipped > MAX_SKIPPED {
                        return Err(damaged(why));
                    }
                    continue;
                }
                Err(trouble) => return Err(refusal(trouble, format, promised, sink.as_ref())),
            };
            if buffer.frames() == 0 {
                *idle += 1;
                if *idle > MAX_IDLE {
                    return Err(damaged("it holds hardly any audio"));
                }
                continue;
            }
            let rate = buffer.spec().rate();
            let channels = buffer.spec().channels().count();
            let sink = match sink {
                Some(sink) => sink,
                None => sink.insert(Sink::new(rate, channels, mix, limit)?),
            };
            if (sink.rate, sink.channels) != (rate, channels) {
                return Err(Refusal::Encoding {
                    why: "its rate or channel count changes in the middle".to_owned(),
                });
            }
            buffer.copy_to_vec_interleaved(&mut chunk);
            sink.take(&chunk)?;
        }
        let Some(sink) = sink else {
            return Ok(());
        };
        if let Some(promised) = promised
            && counted
            && sink.frames + SLACK_FRAMES < promised
        {
            return Err(sink.cut_off(promised));
        }
        if decoder.finalize().verify_ok == Some(false) {
            return Err(damaged("its checksum does not fit its audio"));
        }
        Ok(())
    }
}

struct OpenedRecording {
    /// One for each recording that was put into the file.
    sources: Vec<Mended>,
    format: Format,
    /// Whether the length that the file promises is meant.
    counted: bool,
}

fn open(path: &Path) -> Result<OpenedRecording, Refusal> {
    // Asked before opening: to open a pipe without a writer would wait for ever.
    let meta = std::fs::metadata(path).map_err(Refusal::Unreadable)?;
    if !meta.is_file() {
        return Err(Refusal::NotAFile);
    }
    let len = meta.len();
    if len == 0 {
        return Err(Refusal::Empty);
    }
    if len > MAX_BYTES {
        return Err(Refusal::TooLarge {
            bytes: len,
            limit: MAX_BYTES,
        });
    }
    let mut file = File::open(path).map_err(Refusal::Unreadable)?;
    let mut head = Vec::with_capacity(HEAD);
    file.by_ref()
        .take(HEAD as u64)
        .read_to_end(&mut head)
        .map_err(Refusal::Unreadable)?;
    let format = format_of(&head)?;
    let counted = format != Format::Mp3 || counts_frames(&mut file).map_err(Refusal::Unreadable)?;
    let sources = match format {
        Format::Wav => vec![Mended::wav(file, len)?],
        Format::Mp3 => vec![Mended::mp3(file, len)?],
        Format::Flac => Mended::flac(file, len).map_err(Refusal::Unreadable)?,
        Format::Ogg => vec![Mended::as_is(file, len)],
    };
    Ok(OpenedRecording {
        // Frames that are put together are not counted by any header.
        counted: counted && (format != Format::Mp3 || sources.iter().all(Mended::is_as_is)),
        sources,
        format,
    })
}

type Started = (Box<dyn FormatReader>, Box<dyn AudioDecoder>, u32);

fn start(source: Mended, format: Format) -> Result<Started, Refusal> {
    let stream = MediaSourceStream::new(Box::new(source), Default::default());
    let mut hint = Hint::new();
    hint.with_extension(format.extension());
    let reader = symphonia::default::get_probe()
        .probe(
            &hint,
            stream,
            FormatOptions::default(),
            MetadataOptions::default(),
        )
        .map_err(|trouble| unprobed(trouble, format))?;
    let (decoder, track) = decoder_of(reader.as_ref())?;
    Ok((reader, decoder, track))
}

fn decoder_of(reader: &dyn FormatReader) -> Result<(Box<dyn AudioDecoder>, u32), Refusal> {
    let Some(track) = reader.default_track(TrackType::Audio) else {
        return Err(damaged("it has no audio track"));
    };
    let Some(parameters) = track.codec_params.as_ref().and_then(|p| p.audio()) else {
        return Err(damaged("it does not say how its audio is encoded"));
    };
    let options = AudioDecoderOptions::default().verify(true);
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &options)
        .map_err(|trouble| Refusal::Encoding {
            why: trouble.to_string(),
        })?;
    Ok((decoder, track.id))
}

/// How many frames the headers promise.
fn promise(reader: &dyn FormatReader, track: u32) -> Option<u64> {
    let mut tracks = reader.tracks().iter();
    tracks.find(|t| t.id == track).and_then(|t| t.num_frames)
}

/// Takes decoded samples: mixes them to one channel, cleans and resamples them.
struct Sink {
    rate: u32,
    channels: usize,
    mix: Mix,
    resampler: Resampler,
    mono: Vec<f32>,
    frames: u64,
    most_frames: u64,
    limit: Duration,
    bad_samples: u64,
    energy: Vec<f64>,
    mixed_energy: f64,
}

impl Sink {
    fn new(rate: u32, channels: usize, mix: Mix, limit: Duration) -> Result<Self, Refusal> {
        if !RATES.contains(&rate) || channels == 0 {
            return Err(Refusal::Encoding {
                why: format!("{channels} channels at {rate} Hz"),
            });
        }
        Ok(Self {
            rate,
            channels,
            mix,
            resampler: Resampler::new(rate, WORK_RATE),
            mono: Vec::new(),
            frames: 0,
            most_frames: ((limit + SILENCE_READ).as_secs_f64() * f64::from(rate)).ceil() as u64,
            limit,
            bad_samples: 0,
            energy: vec![0.0; channels],
            mixed_energy: 0.0,
        })
    }

    fn take(&mut self, interleaved: &[f32]) -> Result<(), Refusal> {
        self.mono.clear();
        let share = 1.0 / self.channels as f32;
        for frame in interleaved.chunks_exact(self.channels) {
            let mut sum = 0.0;
            let mut only = 0.0;
            for (channel, raw) in frame.iter().enumerate() {
                let sound = raw.is_finite() && raw.abs() <= LOUDEST_SAMPLE;
                let sample = if sound { *raw } else { 0.0 };
                self.bad_samples += u64::from(!sound);
                self.energy[channel] += f64::from(sample).powi(2);
                sum += sample;
                if matches!(self.mix, Mix::Only(it) if it == channel) {
                    only = sample;
                }
            }
            let mixed = match self.mix {
                Mix::All => sum * share,
                Mix::Only(_) => only,
            };
            self.mixed_energy += f64::from(mixed).powi(2);
            self.mono.push(mixed);
        }
        self.frames += self.mono.len() as u64;
        if self.frames > self.most_frames {
            return Err(Refusal::TooLong {
                length: self.length(),
                measured: false,
                limit: self.limit,
            });
        }
        self.resampler.push(&self.mono);
        Ok(())
    }

    fn length(&self) -> Duration {
        Duration::from_secs_f64(self.frames as f64 / f64::from(self.rate))
    }

    fn cut_off(&self, promised: u64) -> Refusal {
        Refusal::Truncated {
            percent: (self.frames * 100 / promised.max(1)) as u32,
        }
    }

    fn finish(self, format: Format, skipped: u64) -> Result<Pass, Refusal> {
        let length = self.length();
        if self.bad_samples * 10 > self.frames * self.channels as u64 {
            return Err(damaged("more than a tenth of its samples are not numbers"));
        }
        // What channels that know nothing of each other would add up to; far below it, they cancel each other out.
        let unrelated = self.energy.iter().sum::<f64>() / (self.channels as f64).powi(2);
        let cancelled = matches!(self.mix, Mix::All) && self.mixed_energy < unrelated * CANCELLED;
        let loudest = (0..self.channels).max_by(|a, b| self.energy[*a].total_cmp(&self.energy[*b]));
        Ok(Pass {
            cancelled_in_favour_of: loudest.filter(|_| cancelled),
            decoded: Decoded {
                format,
                rate: self.rate,
                channels: self.channels,
                length,
                samples: self.resampler.finish(),
                only_channel: match self.mix {
                    Mix::All => None,
                    Mix::Only(channel) => Some(channel + 1),
                },
                bad_samples: self.bad_samples,
                skipped,
            },
        })
    }
}

/// What a failure to read the file's headers means.
fn unprobed(trouble: Trouble, format: Format) -> Refusal {
    if let Trouble::Unsupported(why) = trouble
        && format != Format::Mp3
    {
        return Refusal::Encoding {
            why: why.to_owned(),
        };
    }
    refusal(trouble, format, None, None)
}

/// What a failure in the middle of the audio means.
fn refusal(
    trouble: Trouble,
    format: Format,
    promised: Option<u64>,
    sink: Option<&Sink>,
) -> Refusal {
    let Trouble::IoError(e) = trouble else {
        return damaged(&format!("{}: {trouble}", format.as_str()));
    };
    if e.kind() != ErrorKind::UnexpectedEof {
        return Refusal::Unreadable(e);
    }
    match (promised, sink) {
        (Some(promised), Some(sink)) if sink.frames < promised => sink.cut_off(promised),
        _ => damaged("its end is missing"),
    }
}

fn damaged(why: &str) -> Refusal {
    Refusal::Damaged {
        why: why.to_owned(),
    }
}

/// Rates that are read, in Hz: below, nothing of speech is left; above, no converter works.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=768_000;

/// Largest file that is read: three minutes of 8 channels at 96 kHz and 24 bit.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// How much longer than the message a recording may be: silence around it, which is cut.
const SILENCE_READ: Duration = Duration::from_secs(60);

/// How much of the file's beginning is read to find its format.
const HEAD: usize = 128;

/// Most packets without audio for us: a bound on the time that crafted files can take.
const MAX_IDLE: u32 = 100_000;

/// Most damaged MP3 frames that are left out (26 ms each at 44.1 kHz): the few at a cut, not a broken file.
const MAX_SKIPPED: u64 = 4;

/// How many frames fewer than promised are still the whole recording: encoders count their padding differently.
const SLACK_FRAMES: u64 = 4_096;

/// Samples beyond this (+100 dB) are noise of a wrong format, not sound.
const LOUDEST_SAMPLE: f32 = 1e5;

/// A mix this far (6 dB) below that of unrelated channels has lost what the channels hold.
const CANCELLED: f64 = 0.25;

#[cfg(test)]
mod tests;
