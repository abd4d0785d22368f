//! Who is compared, and what each says of a call.

use serde::{Deserialize, Serialize};

/// What rings.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum System {
    /// Aftertone's own ears, on a single call.
    Listen,
    /// The same with two calls, of which the second is answered.
    Twice,
    /// Aftertone with AMD and WaitForSilence in the dialplan.
    Dialplan,
    /// Asterisk's AMD as it comes, WaitForSilence, Playback.
    Amd,
    /// The same with VICIdial's values.
    Vicidial,
    /// Plays back what it hears: what the way and the machine do to a call.
    #[value(skip)]
    Echo,
}

impl System {
    /// Those that are compared.
    pub(crate) const ALL: [Self; 5] = [
        Self::Listen,
        Self::Twice,
        Self::Dialplan,
        Self::Amd,
        Self::Vicidial,
    ];

    /// Those whose ears are the program's own, so that they can hear without a telephone network.
    pub(crate) const EARS: [Self; 2] = [Self::Listen, Self::Twice];

    /// Whether it hears by the program's own ears.
    pub(crate) fn has_ears(self) -> bool {
        Self::EARS.contains(&self)
    }

    /// Its name in the table.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Listen => "aftertone `listen`",
            Self::Twice => "the same, two calls",
            Self::Dialplan => "aftertone `dialplan`",
            Self::Amd => "AMD, its defaults",
            Self::Vicidial => "AMD, VICIdial's values",
            Self::Echo => "echo",
        }
    }

    /// The last four digits of the numbers that it rings.
    pub(crate) const fn subscriber(self) -> &'static str {
        match self {
            Self::Listen => "0190",
            Self::Dialplan => "0191",
            Self::Amd => "0192",
            Self::Vicidial => "0193",
            Self::Echo => "0194",
            Self::Twice => "0195",
        }
    }
}

/// What a system said of a call.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Told {
    pub(crate) outcome: Option<String>,
    pub(crate) verdict: Option<String>,
    /// Its reasons; AMD's cause.
    pub(crate) why: Option<String>,
    pub(crate) ready_by: Option<String>,
    pub(crate) restarts: u32,
    /// From the answer, as the PBX saw it, to the last verdict and the first start of the message (s).
    pub(crate) verdict_s: Option<f64>,
    pub(crate) ready_s: Option<f64>,
    /// Why its ears failed, and the dialplan helped out.
    pub(crate) deaf: Option<String>,
}
