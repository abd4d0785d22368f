//! The ears, whatever they hear and whenever they are given a cue.
//!
//! An input is a program: settings, then sounds, words of Asterisk's and plays of the message, in any order. The call is
//! heard twice, in frames of 20 ms and in pieces of any size, and what is reported has to be the same and to keep to the
//! [`Contract`].

mod contract;
mod sound;

use super::{Bytes, Target};
use crate::screen::{Amd, Call, Ears, Heard, Hint, HintSays, HintSource, Message, RATE, Settings};

use self::contract::Contract;

#[test]
fn whatever_is_heard_the_ears_keep_to_their_contract() {
    let target = Target {
        name: "ears",
        inputs: 120,
        longest: 400,
        words: sound::WORDS,
    };
    target.check(|input| {
        let call = LiveEars::of(Bytes(input));
        let mut whole = Contract::new(&call.settings);
        call.hear(PieceLength::Frames, &mut |heard, ears| {
            whole.take(heard, ears)
        });
        let mut cut = Contract::new(&call.settings);
        call.hear(PieceLength::Any(call.seed), &mut |heard, ears| {
            cut.take(heard, ears);
        });
        assert_eq!(whole.told(), cut.told(), "the pieces change what is heard");
    });
}

/// A call as the ears live through it.
#[derive(Debug)]
struct LiveEars {
    settings: Settings,
    samples: Vec<i16>,
    /// What happens beside the sound, by the sample before which it does.
    cues: Vec<(usize, EarsCue)>,
    message: Option<Message>,
    /// From a ready point to the message, in samples; `None` if it is not played.
    plays_after: Option<usize>,
    seed: u8,
}

#[derive(Clone, Debug)]
enum EarsCue {
    Amd(Amd),
    Call(Call),
    Hint(Hint),
    Playing,
}

/// In which pieces the sound comes.
enum PieceLength {
    Frames,
    Any(u8),
}

impl LiveEars {
    fn of(mut bytes: Bytes<'_>) -> Self {
        let flags = bytes.byte();
        let seed = bytes.byte();
        let mut call = Self {
            settings: settings(&mut bytes),
            samples: Vec::new(),
            cues: Vec::new(),
            message: None,
            plays_after: (flags & 1 == 1).then(|| PIECE + usize::from(flags) * 16),
            seed,
        };
        let mut last = Vec::new();
        while !bytes.is_empty() && call.samples.len() < LONGEST {
            let at = call.samples.len();
            match bytes.below(21) {
                0 => call.cues.push((at, EarsCue::Amd(amd(bytes.byte())))),
                1 => {
                    let alerted = bytes.byte();
                    let word = EarsCue::Call(Call {
                        // A minute at most, as calls have it.
                        alerted: (alerted > 0).then(|| f32::from(alerted - 1) / 4.0),
                        other_rang: bytes.byte() & 1 == 1,
                    });
                    call.cues.push((at, word));
                }
                2 => call.cues.push((at, EarsCue::Playing)),
                3 => call.message = Some(Message::new(&last)),
                4 => call.samples.extend(&last),
                5 => call.cues.push((at, EarsCue::Hint(hint(&mut bytes)))),
                kind => {
                    last = sound::part(kind - 6, &mut bytes);
                    call.samples.extend(&last);
                }
            }
        }
        call.samples.truncate(LONGEST);
        call
    }

    fn hear(&self, pace: PieceLength, tell: &mut impl FnMut(Told, &Ears)) {
        let mut ears = Ears::new(self.settings);
        let mut cues = self.cues.iter().peekable();
        let mut plays = None;
        let (mut at, mut state) = (0, 0_u32);
        let mut heard = Vec::new();
        loop {
            while let Some((_, cue)) = cues.next_if(|(due, _)| *due == at) {
                match cue {
                    EarsCue::Amd(word) => ears.note_amd(*word),
                    EarsCue::Call(call) => ears.note_call(*call),
                    EarsCue::Hint(hint) => ears.note_hint(*hint),
                    EarsCue::Playing => {
                        ears.playing(self.message.clone());
                        tell(None, &ears);
                    }
                }
            }
            if plays == Some(at) {
                plays = None;
                ears.playing(self.message.clone());
                tell(None, &ears);
            }
            if at >= self.samples.len() {
                return;
            }
            let piece = match pace {
                PieceLength::Frames => 160,
                PieceLength::Any(seed) => {
                    state = state
                        .wrapping_mul(1_664_525)
                        .wrapping_add(u32::from(seed) * 2 + 1);
                    1 + (state >> 16) as usize % PIECE
                }
            };
            let next_cue = cues.peek().map(|(due, _)| *due);
            let end = [Some(at + piece), next_cue, plays, Some(self.samples.len())];
            let end = end.into_iter().flatten().min().unwrap_or(at);
            ears.hear(&self.samples[at..end], &mut |event| heard.push(event));
            at = end;
            for event in heard.drain(..) {
                // The driver hears of it at the end of a piece and plays a while later, at the same sample in either pace.
                if let (Heard::Ready { at: ready, .. }, Some(after)) = (&event, self.plays_after) {
                    plays = Some(ready.0 as usize + after);
                }
                tell(Some(event), &ears);
            }
        }
    }
}

/// What happens between the ears and the listener behind them: something is heard, or the message is played.
type Told = Option<Heard>;

/// Half of all as they are by default, the others anywhere in their range, its ends included.
fn settings(bytes: &mut Bytes<'_>) -> Settings {
    let mut settings = Settings::default();
    if bytes.byte() & 1 == 0 {
        return settings;
    }
    for setting in Settings::ALL {
        let value = match bytes.byte() {
            0..64 => setting.default,
            64..96 => setting.least,
            96..128 => setting.most,
            part => setting.least + (setting.most - setting.least) * f32::from(part - 128) / 127.0,
        };
        // A message is not restarted one and a half times.
        let value = if setting.unit == "times" {
            value.floor()
        } else {
            value
        };
        settings.set(setting.name, &value.to_string()).unwrap();
    }
    settings
}

/// Any hint, the odd ones included.
fn hint(bytes: &mut Bytes<'_>) -> Hint {
    let (kind, nats) = (bytes.byte(), bytes.byte());
    Hint {
        source: if kind & 8 == 0 {
            HintSource::Prompt
        } else {
            HintSource::Words
        },
        says: match kind % 8 {
            0 => HintSays::Records {
                beep_in: (kind & 16 == 0).then(|| f32::from(nats) / 16.0 - 2.0),
            },
            1 => HintSays::BeepComes,
            2 => HintSays::Person,
            3 => HintSays::Menu,
            4 => HintSays::Full,
            5 => HintSays::OutOfService,
            6 => HintSays::Screening,
            _ if kind & 32 != 0 => HintSays::Withdrawn,
            _ => HintSays::Connects,
        },
        nats: if nats == 255 {
            f32::NAN
        } else {
            f32::from(nats) / 16.0 - 2.0
        },
        detail: u32::from(kind),
    }
}

fn amd(byte: u8) -> Amd {
    match byte % 3 {
        0 => Amd::Machine,
        1 => Amd::Human,
        _ => Amd::Unsure,
    }
}

/// The longest piece, in samples; the player takes longer than that to begin.
const PIECE: usize = 2_000;

/// The longest call, in samples.
const LONGEST: usize = 16 * RATE;
