//! What follows from what a caller does.

use std::{fmt, time::Duration};

use super::{
    KeepVerdict, PinVerdict, RecordOutcome, RecordPlan, RecordPrompt, TakeVerdict, TypedDigits,
};

/// What has happened.
#[derive(Clone, PartialEq, Eq)]
pub enum RecordInput {
    /// The call is answered, and prompts can be played.
    Answered,
    /// A prompt was played to its end.
    Played(RecordPrompt),
    /// A prompt could not be played, or not to its end.
    NotPlayed(RecordPrompt),
    /// A key: `0` to `9`, `*`, `#`, `A` to `D`.
    Key(char),
    /// The time of the last [`RecordStep::Wait`] is over.
    Elapsed,
    /// What was found of the PIN.
    Checked(PinVerdict),
    /// The recording has ended: whether it is there.
    Recorded(bool),
    /// What came of preparing it.
    Prepared(TakeVerdict),
    /// What came of keeping it.
    Kept(KeepVerdict),
    /// The caller has hung up, or the call is lost.
    Gone,
}

impl fmt::Debug for RecordInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered => f.write_str("Answered"),
            Self::Played(prompt) => write!(f, "Played({prompt:?})"),
            Self::NotPlayed(prompt) => write!(f, "NotPlayed({prompt:?})"),
            // It may be one of a PIN.
            Self::Key(_) => f.write_str("Key"),
            Self::Elapsed => f.write_str("Elapsed"),
            Self::Checked(verdict) => write!(f, "Checked({verdict:?})"),
            Self::Recorded(is_there) => write!(f, "Recorded({is_there})"),
            Self::Prepared(verdict) => write!(f, "Prepared({verdict:?})"),
            Self::Kept(verdict) => write!(f, "Kept({verdict:?})"),
            Self::Gone => f.write_str("Gone"),
        }
    }
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordStep {
    /// A prompt begins, in the place of one that plays.
    Play(RecordPrompt),
    /// What plays ends.
    Silence,
    /// [`RecordInput::Elapsed`] is to come after this time, and no earlier one.
    Wait(Duration),
    /// A PIN is to be looked at.
    CheckPin(TypedDigits),
    /// A recording begins, the first with number 1.
    Record(u32),
    /// The recording is to be fetched and prepared.
    Prepare,
    /// What was prepared is to be kept.
    Keep {
        /// Whether in the place of a message of the same name.
        replace: bool,
    },
    /// The call is hung up.
    HangUp,
}

/// One call.
#[derive(Clone, Debug)]
pub struct RecordMachine {
    plan: RecordPlan,
    phase: RecordPhase,
    /// How often a PIN was wrong.
    wrong: u32,
    /// How often it was recorded.
    takes: u32,
    /// How often the menu has begun since something was recorded or heard.
    menus: u32,
    /// Whether there is a message of the name.
    is_taken: bool,
    outcome: RecordOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum RecordPhase {
    Ringing,
    /// A PIN is typed.
    Pin(TypedDigits),
    /// It is looked at.
    Checking,
    /// The instructions or the tone play, or why it is recorded again.
    Before,
    Recording,
    Preparing,
    /// It is played back, or a key is waited for.
    Review,
    /// The key to replace a message is waited for.
    Confirming,
    Keeping,
    /// The last prompt plays.
    Last,
    Over,
}

impl RecordMachine {
    /// A call that records.
    pub const fn new(plan: RecordPlan) -> Self {
        Self {
            plan,
            phase: RecordPhase::Ringing,
            wrong: 0,
            takes: 0,
            menus: 0,
            is_taken: false,
            outcome: RecordOutcome::HungUp,
        }
    }

    /// How it has ended, or would if it ended now.
    pub const fn outcome(&self) -> RecordOutcome {
        self.outcome
    }

    /// Whether nothing more follows. What is being kept is still kept.
    pub const fn is_over(&self) -> bool {
        matches!(self.phase, RecordPhase::Over)
    }

    /// What follows from what has happened.
    pub fn on(&mut self, input: RecordInput) -> Vec<RecordStep> {
        match input {
            RecordInput::Gone => {
                // The key that keeps it was pressed: of that it is still to be heard.
                if self.phase != RecordPhase::Keeping {
                    self.phase = RecordPhase::Over;
                }
                Vec::new()
            }
            RecordInput::Answered if self.phase == RecordPhase::Ringing => {
                self.ask(RecordPrompt::AskPin)
            }
            RecordInput::Played(prompt) => self.on_played(prompt, true),
            RecordInput::NotPlayed(prompt) => self.on_played(prompt, false),
            RecordInput::Key(key) => self.on_key(key),
            RecordInput::Elapsed => self.on_elapsed(),
            RecordInput::Checked(verdict) if self.phase == RecordPhase::Checking => {
                self.on_checked(verdict)
            }
            RecordInput::Recorded(is_there) if self.phase == RecordPhase::Recording => {
                if is_there {
                    self.phase = RecordPhase::Preparing;
                    vec![RecordStep::Prepare]
                } else {
                    self.end(RecordPrompt::Failed, RecordOutcome::Failed)
                }
            }
            RecordInput::Prepared(verdict) if self.phase == RecordPhase::Preparing => {
                self.on_prepared(verdict)
            }
            RecordInput::Kept(verdict) if self.phase == RecordPhase::Keeping => {
                self.on_kept(verdict)
            }
            RecordInput::Answered
            | RecordInput::Checked(_)
            | RecordInput::Recorded(_)
            | RecordInput::Prepared(_)
            | RecordInput::Kept(_) => Vec::new(),
        }
    }

    fn ask(&mut self, prompt: RecordPrompt) -> Vec<RecordStep> {
        self.phase = RecordPhase::Pin(TypedDigits(String::new()));
        vec![RecordStep::Play(prompt)]
    }

    fn on_played(&mut self, prompt: RecordPrompt, is_whole: bool) -> Vec<RecordStep> {
        use RecordPrompt as P;
        match (&self.phase, prompt) {
            (RecordPhase::Pin(typed), P::AskPin | P::WrongPin) if typed.0.is_empty() => {
                vec![RecordStep::Wait(self.plan.wait)]
            }
            (RecordPhase::Before, P::TooShort | P::Refused) => {
                vec![RecordStep::Play(P::Instructions)]
            }
            (RecordPhase::Before, P::Instructions) => vec![RecordStep::Play(P::Beep)],
            (RecordPhase::Before, P::Beep) => {
                self.phase = RecordPhase::Recording;
                self.takes += 1;
                vec![RecordStep::Record(self.takes)]
            }
            (RecordPhase::Review, P::Prepared) if !is_whole => {
                vec![RecordStep::Play(P::AsRecorded)]
            }
            // What was not heard is not kept.
            (RecordPhase::Review, P::AsRecorded) if !is_whole => {
                self.end(P::Failed, RecordOutcome::Failed)
            }
            (RecordPhase::Review, P::Prepared | P::AsRecorded) => self.menu(),
            (RecordPhase::Review, P::Menu) | (RecordPhase::Confirming, P::Taken) => {
                vec![RecordStep::Wait(self.plan.wait)]
            }
            (RecordPhase::Last, _) => self.hang_up(),
            // One that was cut short by a key.
            _ => Vec::new(),
        }
    }

    fn on_key(&mut self, key: char) -> Vec<RecordStep> {
        match &mut self.phase {
            RecordPhase::Pin(typed) => match key {
                '#' => self.check(),
                '*' => {
                    typed.0.clear();
                    vec![RecordStep::Silence, RecordStep::Wait(self.plan.wait)]
                }
                '0'..='9' => {
                    // What is too long is wrong, however long it is.
                    if typed.0.len() <= LONGEST_PIN {
                        typed.0.push(key);
                    }
                    vec![RecordStep::Silence, RecordStep::Wait(NEXT_DIGIT)]
                }
                _ => Vec::new(),
            },
            RecordPhase::Review | RecordPhase::Confirming => self.on_choice(key),
            RecordPhase::Ringing
            | RecordPhase::Checking
            | RecordPhase::Before
            | RecordPhase::Recording
            | RecordPhase::Preparing
            | RecordPhase::Keeping
            | RecordPhase::Last
            | RecordPhase::Over => Vec::new(),
        }
    }

    fn on_choice(&mut self, key: char) -> Vec<RecordStep> {
        let is_confirmed = self.phase == RecordPhase::Confirming;
        if key == self.plan.keep {
            if self.is_taken && !is_confirmed {
                return self.confirm();
            }
            self.phase = RecordPhase::Keeping;
            let replace = is_confirmed;
            return vec![RecordStep::Silence, RecordStep::Keep { replace }];
        }
        if key == self.plan.hear {
            return self.review();
        }
        if key == self.plan.again {
            return self.record(None);
        }
        match key {
            // It ends the recording, and is pressed twice by many.
            '#' | '*' => Vec::new(),
            _ => self.end(RecordPrompt::Discarded, RecordOutcome::Discarded),
        }
    }

    fn on_elapsed(&mut self) -> Vec<RecordStep> {
        match &self.phase {
            RecordPhase::Pin(typed) if typed.0.is_empty() => {
                self.end(RecordPrompt::Goodbye, RecordOutcome::HungUp)
            }
            RecordPhase::Pin(_) => self.check(),
            RecordPhase::Review if self.menus < MENUS => self.menu(),
            RecordPhase::Review => self.end(RecordPrompt::Discarded, RecordOutcome::Discarded),
            RecordPhase::Confirming => {
                self.phase = RecordPhase::Review;
                self.on_elapsed()
            }
            RecordPhase::Ringing
            | RecordPhase::Checking
            | RecordPhase::Before
            | RecordPhase::Recording
            | RecordPhase::Preparing
            | RecordPhase::Keeping
            | RecordPhase::Last
            | RecordPhase::Over => Vec::new(),
        }
    }

    fn check(&mut self) -> Vec<RecordStep> {
        let RecordPhase::Pin(typed) = &self.phase else {
            return Vec::new();
        };
        if typed.0.is_empty() {
            return self.on_wrong();
        }
        let typed = typed.clone();
        self.phase = RecordPhase::Checking;
        vec![RecordStep::Silence, RecordStep::CheckPin(typed)]
    }

    fn on_checked(&mut self, verdict: PinVerdict) -> Vec<RecordStep> {
        match verdict {
            PinVerdict::Right => self.record(None),
            PinVerdict::Wrong => self.on_wrong(),
            PinVerdict::Barred => self.end(RecordPrompt::Goodbye, RecordOutcome::WrongPin),
            PinVerdict::Unknown => self.end(RecordPrompt::Failed, RecordOutcome::Failed),
        }
    }

    fn on_wrong(&mut self) -> Vec<RecordStep> {
        self.wrong += 1;
        if self.wrong == TRIES {
            return self.end(RecordPrompt::Goodbye, RecordOutcome::WrongPin);
        }
        self.ask(RecordPrompt::WrongPin)
    }

    /// Records, or records anew, if that was not done too often; `why` is said first.
    fn record(&mut self, why: Option<RecordPrompt>) -> Vec<RecordStep> {
        if self.takes == TAKES {
            return self.end(RecordPrompt::Goodbye, RecordOutcome::Discarded);
        }
        self.phase = RecordPhase::Before;
        let first = why.unwrap_or(RecordPrompt::Instructions);
        vec![RecordStep::Play(first)]
    }

    fn on_prepared(&mut self, verdict: TakeVerdict) -> Vec<RecordStep> {
        match verdict {
            TakeVerdict::Fit { is_taken } => {
                self.is_taken = is_taken;
                self.review()
            }
            TakeVerdict::TooShort => self.record(Some(RecordPrompt::TooShort)),
            TakeVerdict::Unfit => self.record(Some(RecordPrompt::Refused)),
            TakeVerdict::Failed => self.end(RecordPrompt::Failed, RecordOutcome::Failed),
        }
    }

    fn review(&mut self) -> Vec<RecordStep> {
        self.phase = RecordPhase::Review;
        self.menus = 0;
        vec![RecordStep::Play(RecordPrompt::Prepared)]
    }

    fn menu(&mut self) -> Vec<RecordStep> {
        self.menus += 1;
        vec![RecordStep::Play(RecordPrompt::Menu)]
    }

    fn confirm(&mut self) -> Vec<RecordStep> {
        self.phase = RecordPhase::Confirming;
        vec![RecordStep::Play(RecordPrompt::Taken)]
    }

    fn on_kept(&mut self, verdict: KeepVerdict) -> Vec<RecordStep> {
        match verdict {
            KeepVerdict::Kept => self.end(RecordPrompt::Saved, RecordOutcome::Kept),
            KeepVerdict::Taken => {
                self.is_taken = true;
                self.confirm()
            }
            KeepVerdict::Failed => self.end(RecordPrompt::Failed, RecordOutcome::Failed),
        }
    }

    fn end(&mut self, prompt: RecordPrompt, outcome: RecordOutcome) -> Vec<RecordStep> {
        self.phase = RecordPhase::Last;
        self.outcome = outcome;
        vec![RecordStep::Play(prompt)]
    }

    fn hang_up(&mut self) -> Vec<RecordStep> {
        self.phase = RecordPhase::Over;
        vec![RecordStep::HangUp]
    }
}

/// How often a PIN may be wrong in a call.
const TRIES: u32 = 3;

/// How often it may be recorded in a call.
const TAKES: u32 = 10;

/// How often the menu is played until nobody is taken to be there.
const MENUS: u32 = 3;

/// How long the next digit of a PIN is waited for.
const NEXT_DIGIT: Duration = Duration::from_secs(5);

/// More digits than any PIN has.
const LONGEST_PIN: usize = 16;
