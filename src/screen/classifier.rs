//! Sums the evidence, and finds the verdict and the ready point.
//!
//! ```text
//!  Listening ── machine, and beep or silence ──> Ready ── message plays ──> Playing ── first beep ──> Listening (again)
//!      └── human, fax, sit, silence ──> Over
//! ```
//!
//! Evidence is a sum of log-odds (nats, positive speaks for a machine; [`weigh`](super::weigh)). A sum of [`SURE`] makes a machine. If there is
//! no machine after as much quiet as only a person who waits leaves, it is a person: `hold_short` after a turn like "hello?",
//! `hold_open` after one that may as well be a short greeting, so that its beep can still come.
//!
//! A voice over the message stops it in any case. What follows shows whose it was: a beep, or words that go on as no person's
//! do, bring the message back; a pause that waits for an answer is a person's; a prompt that comes again is a menu.

use super::{
    at::At,
    background::Background,
    events::Heard,
    first_turn::FirstTurn,
    hint::{Hint, HintSays, Hints},
    line_tones,
    reason::{Amd, Call, Reason, Reasons},
    ring::{self, Watched},
    settings::{NoBeep, Settings},
    speaker::SpeakerEdge,
    spectrum::Look,
    speech::Edge,
    tone::{Beep, Signal, SitClass, ToneSound},
    tone_track::RING,
};
use crate::words::{ReadyBy, Verdict};

/// Decides who answered, and when the message may start.
pub(super) struct Classifier {
    pub(super) settings: Settings,
    pub(super) amd: Option<Amd>,
    pub(super) call: Option<Call>,
    pub(super) hints: Hints,
    phase: ClassifierPhase,
    verdict: Option<Verdict>,
    pub(super) first_turn: FirstTurn,
    /// When the last stretch of speech began, whoever spoke.
    speech_from: At,
    /// The end of the first, whoever spoke.
    spoke: Option<At>,
    pub(super) noise: Background,
    /// The last beep since the last speech, and whether there was speech before it.
    pub(super) beep: Option<(Beep, bool)>,
    /// A beep started the message.
    beeped: bool,
    restarts: u32,
    /// The end of the last ring.
    rang: At,
    /// A tone that may be a ring.
    watched: Option<Watched>,
    /// The last sound that may be a voice's: the background is what is heard after it.
    pub(super) last_of_all: At,
    /// The turn's voice is steady, and no other is heard behind it.
    pub(super) is_steady: bool,
    /// From when on what was said before is said again, and when that was known.
    repeated: Option<(At, At)>,
    /// When the sound stopped within a word.
    stopped: Option<At>,
    /// When a voice began over a message that no beep had started.
    interrupted: Option<At>,
}

/// What the detectors found in one hop.
pub(super) struct Hop {
    pub(super) sound: Option<ToneSound>,
    pub(super) edge: Option<Edge>,
    pub(super) speaker_edge: Option<SpeakerEdge>,
    pub(super) barge_in: Option<At>,
    /// When what was said before began again.
    pub(super) repeated_from: Option<At>,
    /// A steady tone sounds.
    pub(super) tone: bool,
    /// The tone that ended with this hop, whatever it is: its begin, its end and its pitch.
    pub(super) ended: Option<(At, At, f32)>,
    /// The last of the nearest voice, and of any that rises over the background.
    pub(super) last_voice: Option<At>,
    pub(super) last_of_any: Option<At>,
    /// The last sound that may be a voice's.
    pub(super) last_of_all: Option<At>,
    /// The nearest voice may be about to speak.
    pub(super) rises: bool,
    /// Others spoke a moment ago.
    pub(super) others_speak: bool,
    /// The voice of the turn is steady, and no other was heard behind it.
    pub(super) is_steady: bool,
    /// The sound stops within a word, with this hop.
    pub(super) stops: bool,
    pub(super) look: Look,
}

/// The events of one hop, in order.
#[derive(Default)]
pub(super) struct Classified {
    list: [Option<Heard>; 8],
}

impl Classified {
    pub(super) fn report(self, out: &mut impl FnMut(Heard)) {
        self.list.into_iter().flatten().for_each(out);
    }

    fn push(&mut self, heard: Heard) {
        if let Some(free) = self.list.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(heard);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum ClassifierPhase {
    Listening,
    /// The ready point was reported; the message is about to start.
    Ready,
    Playing {
        since: At,
    },
    /// The verdict is final.
    Over,
}

impl Classifier {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            amd: None,
            call: None,
            hints: Hints::default(),
            phase: ClassifierPhase::Listening,
            verdict: None,
            first_turn: FirstTurn::default(),
            speech_from: At::default(),
            spoke: None,
            noise: Background::default(),
            beep: None,
            beeped: false,
            restarts: 0,
            rang: At::default(),
            watched: None,
            last_of_all: At::default(),
            is_steady: false,
            repeated: None,
            stopped: None,
            interrupted: None,
        }
    }

    pub(super) fn note_hint(&mut self, hint: Hint, now: At) {
        self.hints.note(hint, now);
    }

    /// Begins anew with what follows: a prompt of ours is over that answered a call screener, and anyone may come now.
    pub(super) fn listen_anew(&mut self, now: At) {
        let patient = Settings {
            initial_silence: self.settings.initial_silence.max(SCREENED_SILENCE),
            ..self.settings
        };
        *self = Self::new(patient);
        self.rang = now;
    }

    pub(super) fn playing(&mut self, now: At) {
        self.phase = ClassifierPhase::Playing { since: now };
    }

    pub(super) fn hop(&mut self, hop: Hop, now: At) -> Classified {
        let mut out = Classified::default();
        match hop.edge {
            Some(Edge::Began(start)) => {
                self.speech_from = start;
                out.push(Heard::SpeechBegan { start });
            }
            Some(Edge::Ended(end)) => {
                self.spoke.get_or_insert(end);
                self.first_turn.end_of_any(self.speech_from, end);
                out.push(Heard::SpeechEnded { end });
            }
            None => {}
        }
        if let Some(edge) = hop.speaker_edge {
            self.edge(edge, now, &mut out);
        }
        self.is_steady = hop.is_steady;
        if hop.stops {
            self.stopped = Some(now);
        } else if !hop.look.void {
            self.stopped = None;
        }
        self.noise.hop(&hop.look, hop.last_of_all, now);
        self.last_of_all = hop.last_of_all.unwrap_or_default();
        match hop.sound {
            Some(ToneSound::Beep(beep)) => self.on_beep(beep, now, &mut out),
            Some(ToneSound::Signal { signal, start, end }) => {
                out.push(Heard::Signal { signal, start, end });
                if signal == Signal::Ringback {
                    self.watched = None;
                }
                self.on_signal(signal, start, now, &mut out);
            }
            None => {}
        }
        self.on_tone_end(&hop, now, &mut out);
        if let Some(start) = hop.repeated_from {
            self.on_repetition(start, now, &mut out);
        }
        self.on_hints(now, &mut out);
        match self.phase {
            ClassifierPhase::Listening => self.listen(&hop, now, &mut out),
            ClassifierPhase::Playing { since } => {
                if let Some(start) = hop.barge_in {
                    self.on_voice(start, since, now, &mut out);
                }
            }
            ClassifierPhase::Ready | ClassifierPhase::Over => {}
        }
        out
    }

    fn edge(&mut self, edge: SpeakerEdge, now: At, out: &mut Classified) {
        match edge {
            SpeakerEdge::Began { start, anew } => {
                let decided = self.verdict == Some(Verdict::Machine) && !anew;
                // A person who waits for an answer may pause like that.
                if self.interrupted.is_some() && start.since(self.first_turn.last) > GREETING_GAP {
                    self.interrupted = Some(start);
                }
                if let Some(watched) = self.watched.filter(|watched| watched.tone.end < start)
                    && self.phase == ClassifierPhase::Listening
                {
                    // Somebody took the call that rang.
                    self.on_ring(watched.tone, now, out);
                }
                if self.hints.connects()
                    && start.since(self.first_turn.last) > CONNECTED
                    && self.phase == ClassifierPhase::Listening
                {
                    self.begin_anew(self.rang);
                }
                if anew {
                    self.first_turn = FirstTurn::default();
                }
                self.first_turn.begin(start, decided);
                // A beep before the words is not the one that follows a greeting.
                if self.beep.is_some_and(|(beep, _)| beep.end < start)
                    && self.phase == ClassifierPhase::Listening
                {
                    self.beep = None;
                }
            }
            SpeakerEdge::Ended(end) => self.first_turn.end(end),
        }
    }

    /// It rings: what was said before was an announcement's, and whoever takes the call begins anew.
    fn on_ring(&mut self, tone: Beep, now: At, out: &mut Classified) {
        let Beep { start, end, .. } = tone;
        out.push(Heard::Signal {
            signal: Signal::Ringback,
            start,
            end,
        });
        self.begin_anew(now);
    }

    fn begin_anew(&mut self, now: At) {
        self.rang = now;
        self.watched = None;
        self.beep = None;
        self.beeped = false;
        self.interrupted = None;
        self.repeated = None;
        self.hints.connected();
        self.first_turn = FirstTurn::default();
    }

    fn on_beep(&mut self, beep: Beep, now: At, out: &mut Classified) {
        let lasted = beep.end.since(beep.start);
        let spoken = self
            .first_turn
            .began
            .is_some_and(|began| beep.start.since(began) >= SPOKEN_LEAST);
        let cut = beep.start <= self.noise.opened() + RINGBACK_TAIL;
        let rings = lasted > RINGBACK_LEAST || cut;
        if !spoken && beep.second_hz.is_none() && RING.contains(&beep.hz) && rings {
            self.on_ring(beep, now, out);
            return;
        }
        if let Some(watched) = self.watched
            && watched.comes_again(&beep, self.settings.ring_wait)
        {
            self.on_ring(watched.tone, now, out);
            self.on_ring(beep, now, out);
            return;
        }
        match self.phase {
            ClassifierPhase::Listening | ClassifierPhase::Ready => {
                let warns = line_tones::warns(beep.hz, beep.second_hz, lasted);
                if warns && self.may_be_warned(&beep, spoken) {
                    return;
                }
                if self.phase == ClassifierPhase::Listening && self.may_ring(&beep) {
                    if self.was_lifted() {
                        // A company puts the call through to a person.
                        self.on_ring(beep, now, out);
                        return;
                    }
                    self.watched = Some(Watched { tone: beep, spoken });
                    return;
                }
                self.beep = Some((beep, spoken));
                out.push(Heard::Beep(beep));
            }
            ClassifierPhase::Playing { since } => self.on_beep_over_message(beep, since, now, out),
            ClassifierPhase::Over => {
                // A live call has ended by now; a recording that is heard to its end shows what was lost.
                if self.verdict == Some(Verdict::Human) && !ring::may_ring(&beep) {
                    out.push(Heard::Beep(beep));
                }
            }
        }
    }

    /// Whether a recorder's tone, or call waiting, may sound now: after no more than "hello?", however softly it was said, where a hand
    /// took the call, or before a person who is called to the telephone.
    fn may_be_warned(&self, tone: &Beep, spoken: bool) -> bool {
        let began = self.first_turn.began.unwrap_or_default();
        let called = spoken && self.first_turn.last.since(began) <= HELLO_MOST;
        let murmured = self.spoke.is_some_and(|spoke| spoke < tone.start);
        called || !spoken && murmured || self.was_lifted() || self.hints.connects()
    }

    /// A tone has ended that is too rough for a beep, as two that beat are: in a pause it may be a ring all the same.
    fn on_tone_end(&mut self, hop: &Hop, now: At, out: &mut Classified) {
        let Some((start, end, hz)) = hop.ended.filter(|_| hop.sound.is_none() && !hop.tone) else {
            return;
        };
        let tone = Beep {
            start,
            end,
            hz,
            second_hz: None,
            sweep: 0.0,
        };
        let spoken = hop.last_of_all.is_some_and(|last| last <= start + PAUSES);
        if spoken
            && self.phase == ClassifierPhase::Listening
            && self.watched.is_none()
            && ring::may_ring(&tone)
        {
            self.on_ring(tone, now, out);
        }
    }

    fn on_beep_over_message(&mut self, beep: Beep, since: At, now: At, out: &mut Classified) {
        let soon = beep.start.since(since);
        if let Some((first, _)) = self.beep.filter(|_| self.beeped)
            && ring::was_ring(&first, &beep, since)
        {
            self.on_beep_was_ring(first, beep, now, out);
            return;
        }
        let may_restart = self.may_restart();
        let late = !self.beeped && soon <= self.settings.late_beep_window;
        let double = self.beeped && soon <= DOUBLE;
        if (late || double) && may_restart {
            self.restarts += 1;
            self.phase = ClassifierPhase::Listening;
            if late && self.may_ring(&beep) {
                self.watched = Some(Watched {
                    tone: beep,
                    spoken: true,
                });
            } else {
                self.beep = Some((beep, true));
            }
            out.push(Heard::LateBeep(beep));
        } else {
            out.push(Heard::LimitBeep(beep));
        }
    }

    /// Whether a tone may be a ring, and has to be watched. Nothing rings behind a call that was diverted to a mailbox, unless
    /// it rings as some country's telephones do.
    fn may_ring(&self, beep: &Beep) -> bool {
        ring::may_ring(beep)
            && self.settings.ring_wait > 0.0
            && !self.hints.beep_comes()
            && (!self.was_diverted() || ring::is_ring_of_a_country(beep))
    }

    /// A voice over the message. After a beep that is a person. If none was heard, or the words come at once, the greeting
    /// may have gone on: its beep proves that, or words that go on as no person's do.
    fn on_voice(&mut self, start: At, since: At, now: At, out: &mut Classified) {
        let answers = self.beeped && start.since(since) >= ANSWER_LEAST;
        let answers = answers || !self.may_restart();
        out.push(Heard::Voice {
            start,
            at: now,
            answers,
        });
        if !answers {
            self.restarts += 1;
            self.beep = None;
            self.interrupted = Some(start);
            self.phase = ClassifierPhase::Listening;
            return;
        }
        let mut reasons = Reasons::default();
        reasons.push(Reason::Voice { start });
        self.decide(Verdict::Human, None, reasons, now, out);
        self.phase = ClassifierPhase::Over;
    }

    /// A prompt comes again and no beep ever came: a menu, or an announcement in a loop; or a mailbox that says twice what to
    /// do, whose beep can still come.
    fn on_repetition(&mut self, start: At, now: At, out: &mut Classified) {
        if self.phase == ClassifierPhase::Over || self.beep.is_some() || self.beeped {
            return;
        }
        self.repeated.get_or_insert((start, now));
        let played = matches!(self.phase, ClassifierPhase::Playing { .. });
        if played || self.interrupted.is_some() {
            self.is_menu(start, now, out);
        }
    }

    fn is_menu(&mut self, start: At, now: At, out: &mut Classified) {
        let mut reasons = Reasons::default();
        reasons.push(Reason::Repetition { start });
        self.decide(Verdict::Menu, None, reasons, now, out);
        self.phase = ClassifierPhase::Over;
    }

    /// Another part of the program is sure that nothing is recorded here. A beep refutes it.
    fn on_hints(&mut self, now: At, out: &mut Classified) {
        if self.phase == ClassifierPhase::Over || self.beep.is_some() || self.beeped {
            return;
        }
        let Some(hint) = self.sure_hint() else {
            return;
        };
        let verdict = match hint.says {
            HintSays::Menu | HintSays::Full => Verdict::Menu,
            HintSays::OutOfService => Verdict::Sit,
            HintSays::Screening => Verdict::Screening,
            HintSays::Records { .. }
            | HintSays::BeepComes
            | HintSays::Person
            | HintSays::Connects
            | HintSays::Withdrawn => return,
        };
        let mut reasons = Reasons::default();
        reasons.push(Reason::Hint(hint));
        self.decide(verdict, None, reasons, now, out);
        self.phase = ClassifierPhase::Over;
    }

    fn on_signal(&mut self, signal: Signal, start: At, now: At, out: &mut Classified) {
        let (verdict, class) = match signal {
            Signal::Sit(class) => (Verdict::Sit, Some(class)),
            Signal::Fax => (Verdict::Fax, None),
            Signal::Busy => (Verdict::Unsure, None),
            Signal::Ringback => {
                match self.phase {
                    ClassifierPhase::Listening => self.begin_anew(now),
                    ClassifierPhase::Playing { since } => {
                        self.on_ring_over_message((start, now), since, out)
                    }
                    ClassifierPhase::Ready | ClassifierPhase::Over => self.rang = now,
                }
                return;
            }
            Signal::Key(_) => return,
        };
        if self.phase == ClassifierPhase::Over {
            return;
        }
        let mut reasons = Reasons::default();
        reasons.push(Reason::Signal { signal, start });
        self.decide(verdict, class, reasons, now, out);
        self.phase = ClassifierPhase::Over;
    }

    /// A ring as long as no beep over the message: nothing records.
    fn on_ring_over_message(&mut self, (start, now): (At, At), since: At, out: &mut Classified) {
        let again = Beep {
            start,
            end: now,
            hz: 0.0,
            second_hz: None,
            sweep: 0.0,
        };
        let first = self.beep.map_or(again, |(beep, _)| beep);
        if !ring::AGAIN.contains(&start.since(since)) {
            return;
        }
        self.on_beep_was_ring(first, again, now, out);
    }

    /// The tone that started the message was a ring: listen anew, unless the message was started too often.
    fn on_beep_was_ring(&mut self, first: Beep, again: Beep, now: At, out: &mut Classified) {
        out.push(Heard::BeepWasRing { first, again });
        self.begin_anew(now);
        if self.may_restart() {
            self.restarts += 1;
            self.phase = ClassifierPhase::Listening;
        } else {
            let mut reasons = Reasons::default();
            reasons.push(Reason::Signal {
                signal: Signal::Ringback,
                start: again.start,
            });
            self.decide(Verdict::Unsure, None, reasons, now, out);
            self.phase = ClassifierPhase::Over;
        }
    }

    fn may_restart(&self) -> bool {
        (self.restarts as f32) < self.settings.max_restarts
    }

    fn listen(&mut self, hop: &Hop, now: At, out: &mut Classified) {
        if let Some(watched) = self.watched
            && let Some((start, end, hz)) = hop.ended
            && watched.sounds_again(start, end, hz)
        {
            self.on_ring(watched.tone, now, out);
        }
        if let Some(watched) = self.watched {
            if now.since(watched.tone.end) < self.settings.ring_wait || hop.tone {
                return;
            }
            self.watched = None;
            self.beep = Some((watched.tone, watched.spoken));
            out.push(Heard::Beep(watched.tone));
        }
        let Some(last_voice) = hop.last_voice.filter(|last| *last > self.rang) else {
            self.listen_to_silence(hop, now, out);
            return;
        };
        self.first_turn.last = last_voice;
        if self
            .beep
            .is_some_and(|(beep, _)| last_voice > beep.end + IN_SPEECH)
        {
            // It was in the middle of a word.
            self.beep = None;
        }
        let (sum, reasons) = self.weigh(now);
        let quiet = now.since(last_voice);
        if let Some((start, known)) = self.repeated.filter(|_| self.beep.is_none()) {
            let over = quiet >= MENU_WAITS || now.since(known) >= MENU_GOES_ON;
            if over && !hop.tone {
                self.is_menu(start, now, out);
            }
            return;
        }
        let goes_on = |start: &At| last_voice.since(*start) >= self.settings.machine_turn;
        let interrupted = self.interrupted.filter(|start| !goes_on(start));
        if let Some(start) = interrupted.filter(|_| self.beep.is_none()) {
            if quiet >= self.settings.hold_open && !hop.tone {
                let mut reasons = Reasons::default();
                reasons.push(Reason::Voice { start });
                reasons.push(Reason::Waits(quiet));
                self.decide(Verdict::Human, None, reasons, now, out);
                self.phase = ClassifierPhase::Over;
            }
            return;
        }
        if sum >= SURE {
            if self.verdict != Some(Verdict::Machine) && self.beep_settled(now) {
                self.decide(Verdict::Machine, None, reasons, now, out);
            }
            self.look_for_ready(hop, quiet, now, out);
            return;
        }
        let hold = if self.was_diverted() {
            // Hardly a person, and a beep may come late.
            self.settings.hold_open * HOLD_DIVERTED
        } else if sum <= PERSON && (self.was_lifted() || !hop.others_speak) {
            self.settings.hold_short
        } else {
            self.settings.hold_open
        };
        // A softer voice may be the same party's; for ever it is not.
        let quiet_of_all = now.since(self.last_of_all);
        let others = if self.was_lifted() {
            hold
        } else {
            self.settings.hold_open + OTHERS_GO_ON
        };
        let waits = quiet_of_all >= hold || quiet >= others;
        if quiet >= hold && waits && !hop.tone && !hop.rises && self.beep.is_none() {
            let lasted = last_voice.since(self.first_turn.began.unwrap_or_default());
            if let Some(stopped) = self.stopped
                && lasted > self.settings.short_turn
                && sum > PERSON
            {
                // The sound stopped, and nobody waits.
                if now.since(stopped) >= self.settings.beep_wait {
                    self.is_unsure(reasons, Reason::SoundStopped, now, out);
                }
                return;
            }
            let mut reasons = reasons;
            reasons.push(Reason::Waits(quiet));
            self.decide(Verdict::Human, None, reasons, now, out);
            self.phase = ClassifierPhase::Over;
        }
    }

    fn is_unsure(&mut self, reasons: Reasons, reason: Reason, now: At, out: &mut Classified) {
        let mut reasons = reasons;
        reasons.push(reason);
        self.decide(Verdict::Unsure, None, reasons, now, out);
        self.phase = ClassifierPhase::Over;
    }

    fn listen_to_silence(&mut self, hop: &Hop, now: At, out: &mut Classified) {
        if self.beep.is_some() && self.beep_settled(now) && !hop.tone {
            let (_, reasons) = self.weigh(now);
            self.decide(Verdict::Machine, None, reasons, now, out);
            self.ready(ReadyBy::Beep, now, out);
            return;
        }
        // Music, or whoever is far from the telephone, is no silence; nor is it a voice for ever.
        let waits = self.settings.initial_silence;
        let heard = self.last_of_all.min(self.rang + waits).max(self.rang);
        if now.since(heard) >= waits && !hop.tone {
            let mut reasons = Reasons::default();
            reasons.push(Reason::NoSpeech(now.since(self.rang)));
            self.decide(Verdict::Silence, None, reasons, now, out);
            self.phase = ClassifierPhase::Over;
        }
    }

    fn look_for_ready(&mut self, hop: &Hop, quiet: f32, now: At, out: &mut Classified) {
        if hop.tone || self.verdict != Some(Verdict::Machine) {
            return;
        }
        if self.beep.is_some() {
            if self.beep_settled(now) {
                self.ready(ReadyBy::Beep, now, out);
            }
            return;
        }
        let waits = self.tone_to_come(now);
        let quiet_of_any = now.since(hop.last_of_any.unwrap_or_default());
        let enough =
            self.settings.ready_silence * self.noise.patience(now.since(self.last_of_all)) + waits;
        let (sum, reasons) = self.reasons_to_play(now);
        let may_play = self.settings.no_beep == NoBeep::Play || sum >= self.settings.reason_least;
        if may_play {
            if quiet.min(quiet_of_any) >= enough {
                // The verdict says again why it is one, with the reasons to play.
                self.decide(Verdict::Machine, None, reasons, now, out);
                self.ready(ReadyBy::Silence, now, out);
            }
        } else if quiet >= self.settings.beep_wait + waits {
            self.is_unsure(reasons, Reason::NoBeep(quiet), now, out);
        }
    }

    /// How much longer to wait for a tone that was announced, or is expected at a known moment, in seconds.
    fn tone_to_come(&self, now: At) -> f32 {
        let expected = self.hints.expected_beep();
        if expected.is_some_and(|beep| now < beep + TONE_OVERDUE) {
            f32::INFINITY
        } else if self.hints.beep_comes() && expected.is_none() {
            TONE_ANNOUNCED
        } else {
            0.0
        }
    }

    /// Whether a tone that sounds or has just sounded is the beep that the book knows of.
    pub(super) fn expects_beep(&self, now: At) -> bool {
        let expected = self.hints.expected_beep();
        expected.is_some_and(|beep| now >= beep.before(EXPECTED) && now <= beep + EXPECTED_ENDS)
    }

    fn was_expected(&self, beep: &Beep) -> bool {
        let expected = self.hints.expected_beep();
        expected.is_some_and(|at| beep.start >= at.before(EXPECTED) && beep.start <= at + EXPECTED)
    }

    /// Whether the beep, if there is one, has been followed by enough quiet.
    fn beep_settled(&self, now: At) -> bool {
        self.beep.is_none_or(|(beep, spoken)| {
            let guard = if self.was_lifted() && spoken {
                self.settings.beep_guard.max(LIFTED_GUARD)
            } else if self.was_expected(&beep) {
                self.settings.beep_guard.min(EXPECTED_GUARD)
            } else if spoken {
                self.settings.beep_guard
            } else if beep.may_call() {
                self.settings.lone_beep_guard.max(CNG_GUARD)
            } else {
                self.settings.lone_beep_guard
            };
            now.since(beep.end) >= guard
        })
    }

    fn ready(&mut self, by: ReadyBy, now: At, out: &mut Classified) {
        self.beeped = by == ReadyBy::Beep;
        self.interrupted = None;
        self.phase = ClassifierPhase::Ready;
        out.push(Heard::Ready { by, at: now });
    }

    fn decide(
        &mut self,
        verdict: Verdict,
        sit: Option<SitClass>,
        reasons: Reasons,
        now: At,
        out: &mut Classified,
    ) {
        let revised = self.verdict.is_some_and(|before| before != verdict);
        self.verdict = Some(verdict);
        out.push(Heard::Verdict {
            verdict,
            sit,
            revised,
            at: now,
            reasons,
        });
    }
}

/// Odds of 12 to 1.
pub(super) const SURE: f32 = 2.5;

/// At most this speaks for a person so clearly that the short hold will do.
pub(super) const PERSON: f32 = -1.5;

/// How many times longer than another turn one is waited for that a diverted call began with.
const HOLD_DIVERTED: f32 = 2.0;

/// Seconds: the shortest ring (British) is 0.4 s long. Before any speech it is not a beep.
const RINGBACK_LEAST: f32 = 0.36;
/// A ring that sounds when the line opens may be cut to any length (s).
const RINGBACK_TAIL: f32 = 0.1;

/// Who is called to the telephone speaks after a longer pause than the prompt before has (s).
const CONNECTED: f32 = 1.2;

/// Quiet after a beep where a hand took the call (s): words would go on.
const LIFTED_GUARD: f32 = 0.5;
/// A voice that is heard so soon after a beep's end, without a pause, went on under it (s).
const IN_SPEECH: f32 = 0.06;

/// A beep begins at most this much before or after the moment that the book has for it (s).
const EXPECTED: f32 = 0.5;
/// After that moment it is over, and known (s).
const EXPECTED_ENDS: f32 = 2.2;
/// Quiet after it (s): it is certain, and no second one is waited for.
const EXPECTED_GUARD: f32 = 0.05;

/// A beep that is expected and has not begun so long after its moment does not come (s).
const TONE_OVERDUE: f32 = 1.0;
/// How much longer than for other beeps to wait for one that was announced (s).
const TONE_ANNOUNCED: f32 = 2.0;

/// A tone that a calling fax sends may be followed by the next after this time (s).
const CNG_GUARD: f32 = 4.2;

/// Words before a beep last at least this long (s); a key or a chime may be taken for less.
const SPOKEN_LEAST: f32 = 0.5;

/// A second beep within this time of the message's start belongs to the first (s).
const DOUBLE: f32 = 0.5;

/// How long a call screener may take to ask its owner, without a sound (s).
const SCREENED_SILENCE: f32 = 30.0;

/// A tone that begins so soon after the last word is not in it (s).
const PAUSES: f32 = 0.05;

/// How much longer than a person waits other voices may go on before they count as somebody else's (s).
const OTHERS_GO_ON: f32 = 1.0;

/// At most this much is no more than a "hello?" (s).
const HELLO_MOST: f32 = 1.2;

/// Quiet after what was said twice, in which a mailbox's beep would have come (s).
const MENU_WAITS: f32 = 2.5;
/// What is said again and goes on for so long is no mailbox's (s).
const MENU_GOES_ON: f32 = 8.0;

/// No person answers a message sooner after its start (s): earlier speech began before it.
const ANSWER_LEAST: f32 = 0.6;
/// The longest pause between sentences of a greeting (s).
const GREETING_GAP: f32 = 1.6;
