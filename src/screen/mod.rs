//! The ears: who answered, and when does the mailbox begin to record?
//!
//! ```text
//!  frames ─> hops of 10 ms ─> Spectrum ─┬─> Tones       beep, ringback, keys, busy, SIT, fax
//!                                       ├─> Speech      begins, ends
//!                                       ├─> BargeIn     while the message plays: a voice, or our own echo
//!                                       ├─> Repetition  what was said before, word for word
//!                                       └─> Classifier  verdict and ready point, with the reasons
//! ```
//!
//! Pure: 8 kHz samples go in, [`Heard`] comes out, and the only clock is the count of samples. The same samples give the
//! same events however they are cut into frames. Nothing is allocated after [`Ears::new`].

mod at;
mod background;
mod barge_in;
pub mod book;
mod classifier;
mod events;
mod first_turn;
mod hint;
mod line_tones;
mod reason;
mod repetition;
mod replay;
mod ring;
mod settings;
mod speaker;
mod spectrum;
mod speech;
#[cfg(test)]
mod tests;
mod tone;
mod tone_track;
mod weigh;

use std::fmt;

use self::{
    at::HOP, barge_in::BargeIn, classifier::Classifier, first_turn::TURN_GAP,
    repetition::Repetition, speaker::Speaker, speaker::SpeakerEdge, spectrum::Spectrum,
    speech::Speech, tone::Tones,
};
pub use self::{
    at::{At, RATE},
    barge_in::Message,
    events::Heard,
    hint::{Hint, HintSays, HintSource},
    reason::{Amd, Call, PlayGround, Reason, Reasons},
    replay::{CallFacts, Cue, Replay},
    settings::{BadSetting, NoBeep, Setting, Settings},
    tone::{Beep, Signal, SitClass},
};

/// One listener: hears the incoming audio of one call.
pub struct Ears {
    settings: Settings,
    /// Samples of a hop that is not full yet.
    partial: [i16; HOP],
    filled: usize,
    /// Hops heard so far.
    hops: u64,
    spectrum: Spectrum,
    tones: Tones,
    speech: Speech,
    speaker: Speaker,
    barge_in: BargeIn,
    repetition: Repetition,
    classifier: Classifier,
}

impl Ears {
    /// What one stream takes, in bytes: itself and the buffers it makes once. The tables of the transform, which are as
    /// long as a window, are counted twice over.
    pub const BYTES: usize =
        size_of::<Self>() + Spectrum::BYTES + Tones::BYTES + BargeIn::BYTES + Repetition::BYTES;

    /// Ears for one call; the first sample they hear is the moment of answer.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            partial: [0; HOP],
            filled: 0,
            hops: 0,
            spectrum: Spectrum::new(),
            tones: Tones::new(),
            speech: Speech::new(),
            speaker: Speaker::new(),
            barge_in: BargeIn::new(),
            repetition: Repetition::new(),
            classifier: Classifier::new(settings),
        }
    }

    /// Hears 8 kHz samples, any number of them, and reports what they show.
    pub fn hear(&mut self, frame: &[i16], out: &mut impl FnMut(Heard)) {
        for sample in frame {
            self.partial[self.filled] = *sample;
            self.filled += 1;
            if self.filled == HOP {
                self.filled = 0;
                self.hop(out);
            }
        }
    }

    /// Takes note of AMD's answer.
    pub fn note_amd(&mut self, word: Amd) {
        self.classifier.amd = Some(word);
    }

    /// Takes note of what is known of the calls beside their sound.
    pub fn note_call(&mut self, call: Call) {
        self.classifier.call = Some(call);
    }

    /// Takes note of what another part of the program says about the call. It counts from the next sample on; of several hints of
    /// one source the strongest does.
    pub fn note_hint(&mut self, hint: Hint) {
        let now = self.now();
        self.classifier.note_hint(hint, now);
    }

    /// The message starts to play with the next sample heard. If the ears know the message, they recognise its echo.
    pub fn playing(&mut self, message: Option<Message>) {
        let now = self.now();
        self.barge_in.start(message);
        self.classifier.playing(now);
    }

    /// A prompt of ours has answered a call screener: what follows is heard as if the call had just been answered.
    pub fn listen_anew(&mut self) {
        let now = self.now();
        self.speech = Speech::new();
        self.speaker = Speaker::new();
        self.repetition = Repetition::new();
        self.classifier.listen_anew(now);
    }

    /// How much was heard since answer.
    pub fn now(&self) -> At {
        At(self.hops * HOP as u64 + self.filled as u64)
    }

    /// The settings in force.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    fn hop(&mut self, out: &mut impl FnMut(Heard)) {
        self.hops += 1;
        let now = At(self.hops * HOP as u64);
        let look = self.spectrum.hop(&self.partial);
        let expected = self.classifier.expects_beep(now);
        let sound = self.tones.hop(&look, &self.spectrum, expected, now);
        let before = self.speech.last_voice();
        let edge = self.speech.hop(&look, now);
        let spoke = self.speaker.last_voice();
        let speaker_edge = self.speaker.hop(&look, self.speech.active(), now);
        if let Some(SpeakerEdge::Began { start, anew }) = speaker_edge
            && (anew || spoke.is_none_or(|last| start.since(last) > TURN_GAP))
        {
            self.speaker.begin_turn();
        }
        let repeated_from = self
            .repetition
            .hop(&look, edge, self.speech.active(), before);
        let barge_in = self
            .barge_in
            .hop(&look, self.speech.active(), now, &self.settings);
        let classified = self.classifier.hop(
            classifier::Hop {
                sound,
                edge,
                barge_in,
                repeated_from,
                tone: self.tones.sounding(),
                ended: self.tones.ended(),
                speaker_edge,
                last_voice: self.speaker.last_voice(),
                last_of_any: self.speaker.last_of_any(),
                last_of_all: self.speech.last_voice(),
                rises: self.speaker.rises(),
                others_speak: self.speaker.others_speak(now),
                is_steady: !self.speaker.has_others(),
                stops: self.speaker.stops(&look, now),
                look,
            },
            now,
        );
        classified.report(out);
    }
}

impl fmt::Debug for Ears {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ears")
            .field("now", &self.now())
            .finish_non_exhaustive()
    }
}
