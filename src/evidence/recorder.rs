//! Records a call that is listened to: its sound, on its way to the disk, and what else happened at which sample.
//!
//! ```text
//!  listener ──sound──> Recorder ──pieces of half a second, bounded──> thread ──> incoming.wav
//!                          └── at the end: Recorded, to the folder
//! ```
//!
//! The listener never waits for the disk. A disk that is slower than the call for longer than the pieces on their way last
//! ends the recording there; what was recorded is kept.

use std::{
    fs::File,
    io::{self, BufWriter},
    path::PathBuf,
    sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, sync_channel},
    thread::{self, JoinHandle},
};

use super::{
    files::{SPEC, create, io_error},
    heard_event::HeardEvent,
    phrase::PhraseRecord,
};
use crate::{
    id::Play,
    screen::{self, Amd, Call, Heard, Hint, RATE, Settings},
};

/// Something that happened in a call beside its sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RecordedCue {
    /// What is known of the two calls.
    Call(Call),
    /// AMD's answer.
    Amd(Amd),
    /// What another part of the program said about the call.
    Hint(Hint),
    /// A prompt has answered a call screener, and the ears listen anew.
    Anew,
    /// The message begins to play, or begins again.
    Playing(Play),
    /// This play is over.
    Stopped(Play),
}

impl RecordedCue {
    /// The cue that the ears get, if any.
    pub(super) const fn to_ears(self) -> Option<screen::Cue> {
        match self {
            Self::Call(call) => Some(screen::Cue::Call(call)),
            Self::Amd(amd) => Some(screen::Cue::Amd(amd)),
            Self::Hint(hint) => Some(screen::Cue::Hint(hint)),
            Self::Anew => Some(screen::Cue::Anew),
            Self::Playing(_) => Some(screen::Cue::Playing),
            Self::Stopped(_) => None,
        }
    }
}

/// Records one call, from answer on.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    /// The way to the disk, from the first sound on for as long as the disk keeps up.
    disk: Option<SyncSender<Vec<i16>>>,
    writer: Option<JoinHandle<io::Result<()>>>,
    piece: Vec<i16>,
    /// Samples taken so far.
    samples: u64,
    /// Samples on the disk, or on their way to it.
    written: u64,
    /// The disk did not keep up.
    fell_behind: bool,
    cues: Vec<(u64, RecordedCue)>,
    phrases: Vec<PhraseRecord>,
    heard: Vec<HeardEvent>,
    done: Sender<Recorded>,
}

/// A recording that has ended.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) writer: Option<JoinHandle<io::Result<()>>>,
    pub(super) written: u64,
    pub(super) fell_behind: bool,
    pub(super) cues: Vec<(u64, RecordedCue)>,
    pub(super) phrases: Vec<PhraseRecord>,
    pub(super) heard: Vec<HeardEvent>,
    pub(super) settings: Settings,
    /// Why it ended before its drop did.
    pub(super) lost: Option<String>,
}

impl Recorder {
    /// A recorder whose sound goes to a file that is to be made.
    pub(super) const fn new(path: PathBuf, done: Sender<Recorded>) -> Self {
        Self {
            path,
            disk: None,
            writer: None,
            piece: Vec::new(),
            samples: 0,
            written: 0,
            fell_behind: false,
            cues: Vec::new(),
            phrases: Vec::new(),
            heard: Vec::new(),
            done,
        }
    }

    /// Records samples, in the order in which the ears hear them. Never waits.
    pub fn sound(&mut self, samples: &[i16]) {
        self.samples += samples.len() as u64;
        if self.writer.is_none() {
            let path = self.path.clone();
            self.start(move || create(&path));
        }
        if self.disk.is_none() {
            return;
        }
        self.piece.extend_from_slice(samples);
        if self.piece.len() >= PIECE {
            self.send();
        }
    }

    /// Records what happens before the next sample.
    pub fn cue(&mut self, cue: RecordedCue) {
        self.cues.push((self.samples, cue));
    }

    /// Records a phrase that was recognised between two samples, what it means, and how sure that is. Of a call, so many are
    /// kept that no talker fills the folder.
    pub fn phrase(&mut self, (from, until): (u64, u64), says: &str, nats: f32, text: &str) {
        if self.phrases.len() < PHRASES {
            self.phrases.push(PhraseRecord {
                at: self.samples,
                from,
                until,
                says: says.to_owned(),
                nats,
                text: text.to_owned(),
            });
        }
    }

    /// Records what the ears report.
    pub fn heard(&mut self, heard: &Heard) {
        self.heard.push(HeardEvent::of(heard));
    }

    /// Ends the recording; `lost` is why, if the call went on.
    pub fn end(mut self, settings: Settings, lost: Option<String>) {
        if !self.piece.is_empty() {
            self.send();
        }
        // The folder may have given up on it.
        let _ = self.done.send(Recorded {
            writer: self.writer,
            written: self.written,
            fell_behind: self.fell_behind,
            cues: self.cues,
            phrases: self.phrases,
            heard: self.heard,
            settings,
            lost,
        });
    }

    fn start(&mut self, open: impl FnOnce() -> io::Result<File> + Send + 'static) {
        let (disk, pieces) = sync_channel(ON_THEIR_WAY);
        self.disk = Some(disk);
        self.writer = Some(thread::spawn(move || write(open()?, &pieces)));
    }

    fn send(&mut self) {
        let piece = std::mem::take(&mut self.piece);
        let samples = piece.len() as u64;
        let sent = self.disk.as_ref().map(|disk| disk.try_send(piece));
        match sent {
            Some(Ok(())) => self.written += samples,
            Some(Err(TrySendError::Full(_))) => {
                self.fell_behind = true;
                self.disk = None;
            }
            // The writer itself returns why.
            Some(Err(TrySendError::Disconnected(_))) => self.disk = None,
            None => {}
        }
    }
}

fn write(file: File, pieces: &Receiver<Vec<i16>>) -> io::Result<()> {
    let mut wav = hound::WavWriter::new(BufWriter::new(file), SPEC).map_err(io_error)?;
    for piece in pieces {
        for sample in piece {
            wav.write_sample(sample).map_err(io_error)?;
        }
    }
    wav.finalize().map_err(io_error)
}

/// The most phrases that are kept of a call.
const PHRASES: usize = 200;

/// Samples that go to the disk at once: half a second.
const PIECE: usize = RATE / 2;

/// Pieces that may be on their way: 10 s, or 160 KB a call.
const ON_THEIR_WAY: usize = 20;

#[cfg(test)]
mod tests {
    use std::{path::Path, process::Command, sync::mpsc::channel};

    use super::*;

    #[test]
    fn what_is_heard_is_written_to_the_sample() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("incoming.wav");
        let (done, recorded) = channel();
        let mut recorder = Recorder::new(path.clone(), done);
        let sound: Vec<i16> = (0..20_123).map(|n| n as i16).collect();
        for (n, frame) in sound.chunks(160).enumerate() {
            if n == 50 {
                recorder.cue(RecordedCue::Playing(Play(1)));
            }
            recorder.sound(frame);
        }
        recorder.end(Settings::default(), None);
        let recorded = recorded.recv().unwrap();
        recorded.writer.unwrap().join().unwrap().unwrap();
        assert_eq!(recorded.written, 20_123);
        assert!(!recorded.fell_behind);
        assert_eq!(recorded.cues, [(8_000, RecordedCue::Playing(Play(1)))]);
        assert_eq!(read(&path), sound);
    }

    #[test]
    fn a_full_disk_ends_the_recording_with_an_error() {
        let (done, recorded) = channel();
        let mut recorder = Recorder::new("unused".into(), done);
        recorder.start(|| File::options().write(true).open("/dev/full"));
        for _ in 0..1_000 {
            recorder.sound(&[1; 160]);
        }
        recorder.end(Settings::default(), None);
        let writer = recorded.recv().unwrap().writer.unwrap();
        let error = writer.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error}");
    }

    #[test]
    fn a_disk_that_does_not_keep_up_ends_the_recording_and_never_stalls_the_call() {
        let folder = tempfile::tempdir().unwrap();
        // It has no reader, so that it takes 64 KB and no more.
        let pipe = folder.path().join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let open = |path: &Path| File::options().read(true).write(true).open(path);
        let end = open(&pipe).unwrap();
        let (done, recorded) = channel();
        let mut recorder = Recorder::new("unused".into(), done);
        recorder.start(move || open(&pipe));
        let seconds = 60;
        for _ in 0..seconds * 50 {
            recorder.sound(&[1; 160]);
        }
        recorder.end(Settings::default(), None);
        let recorded = recorded.recv().unwrap();
        assert!(recorded.fell_behind);
        let most = (ON_THEIR_WAY + 2) * PIECE + 64 * 1_024 / 2;
        assert!((recorded.written as usize) <= most, "{}", recorded.written);
        drop(end);
    }

    fn read(path: &Path) -> Vec<i16> {
        let mut wav = hound::WavReader::open(path).unwrap();
        assert_eq!(wav.spec(), SPEC);
        wav.samples().collect::<Result<_, _>>().unwrap()
    }
}
