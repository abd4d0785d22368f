//! Names that this program chooses: of a run, of a drop, of its channels and playbacks.
//!
//! ```text
//! channel   <run>-<drop id>-busy|drop|snoop|tap|amd
//! bridge    <run>-<drop id>-bridge
//! playback  <run>-<drop id>-play<n>
//! ```
//!
//! A run and a drop id hold no `-`, so an id is parsed whole and never matched by prefix: a channel's
//! name alone says which drop it belongs to, after a restart too.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};
use thiserror::Error;
use uuid::Uuid;

use crate::words::Leg;

/// Most characters a run's name may have: Asterisk takes channel ids of at most 149 (`AST_MAX_PUBLIC_UNIQUEID`).
const RUN_MAX: usize = 64;

/// The most playbacks of one drop that have distinct ids.
const PLAY_MAX: u32 = 9_999;

/// The name of one run of the program: `[a-z0-9]{1,64}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunName(String);

impl RunName {
    /// The run of a controller that registers its app under the instance's own name.
    ///
    /// # Errors
    /// [`BadId`] unless `name` is `[a-z0-9]{1,64}`.
    pub fn new(name: &str) -> Result<Self, BadId> {
        let fits = (1..=RUN_MAX).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if fits {
            Ok(Self(name.to_owned()))
        } else {
            Err(BadId)
        }
    }

    /// A run of its own beside others of the same instance: the instance's name followed by ten random characters.
    ///
    /// # Errors
    /// [`BadId`] unless `instance` is `[a-z0-9]{1,54}`.
    pub fn unique(instance: &str) -> Result<Self, BadId> {
        let random = Uuid::new_v4().simple().to_string();
        Self::new(&format!("{instance}x{}", &random[..9]))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of one drop: 32 lower-case hexadecimal digits, sortable by the time they were made (UUID v7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DropId(Uuid);

impl DropId {
    /// A new id, never given before.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id as a number.
    pub const fn as_u128(self) -> u128 {
        self.0.as_u128()
    }

    /// When it was made, in milliseconds since 1970; `None` of one that was not made by [`Self::generate`].
    pub fn made_at_ms(self) -> Option<u64> {
        let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
        Some(1_000 * seconds + u64::from(nanos) / 1_000_000)
    }

    /// An id from a number, for tests that want the same ids on every run.
    pub const fn from_u128(number: u128) -> Self {
        Self(Uuid::from_u128(number))
    }
}

impl fmt::Display for DropId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

impl FromStr for DropId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let simple = text.len() == 32
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !simple {
            return Err(BadId);
        }
        Uuid::try_parse(text).map(Self).map_err(|_| BadId)
    }
}

impl Serialize for DropId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a channel of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A leg of the drop.
    Leg(Leg),
    /// A copy of a leg's incoming audio.
    Snoop,
    /// The channel that carries this copy to us.
    Tap,
    /// A second copy, which the PBX's own detector listens to.
    Amd,
}

impl Role {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Leg(leg) => leg.as_str(),
            Self::Snoop => "snoop",
            Self::Tap => "tap",
            Self::Amd => "amd",
        }
    }
}

/// The id of a channel that this program made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId {
    /// The run that made it.
    pub run: RunName,
    /// The drop it belongs to.
    pub drop: DropId,
    /// What it is for.
    pub role: Role,
}

impl ChannelId {
    /// The channel of a drop's leg.
    pub const fn leg(run: RunName, drop: DropId, leg: Leg) -> Self {
        Self {
            run,
            drop,
            role: Role::Leg(leg),
        }
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.run, self.drop, self.role.as_str())
    }
}

impl FromStr for ChannelId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let (run, drop, role) = three_parts(text)?;
        let role = match role {
            "busy" => Role::Leg(Leg::Busy),
            "drop" => Role::Leg(Leg::Drop),
            "snoop" => Role::Snoop,
            "tap" => Role::Tap,
            "amd" => Role::Amd,
            _ => return Err(BadId),
        };
        Ok(Self { run, drop, role })
    }
}

/// The id of the bridge that joins the leg that is listened to and its [`Role::Tap`], if we connect to the PBX.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BridgeId {
    /// The run that made it.
    pub run: RunName,
    /// The drop it belongs to.
    pub drop: DropId,
}

impl fmt::Display for BridgeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{BRIDGE}", self.run, self.drop)
    }
}

impl FromStr for BridgeId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        match three_parts(text)? {
            (run, drop, BRIDGE) => Ok(Self { run, drop }),
            _ => Err(BadId),
        }
    }
}

/// The last part of a bridge's id.
const BRIDGE: &str = "bridge";

/// One playback within its drop, counted from 1: each play has its own, and only the current one's end counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Play(pub u32);

impl Play {
    /// What answers a call screener, which is not the message.
    pub const PROMPT: Self = Self(0);
}

/// The id of a playback that this program asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaybackId {
    /// The run that made it.
    pub run: RunName,
    /// The drop it belongs to.
    pub drop: DropId,
    /// Which play of the drop.
    pub play: Play,
}

impl fmt::Display for PlaybackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-play{}", self.run, self.drop, self.play.0)
    }
}

impl FromStr for PlaybackId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let (run, drop, play) = three_parts(text)?;
        let digits = play.strip_prefix("play").ok_or(BadId)?;
        let plain = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
        let number = digits.parse().map_err(|_| BadId)?;
        if !plain || number > PLAY_MAX {
            return Err(BadId);
        }
        Ok(Self {
            run,
            drop,
            play: Play(number),
        })
    }
}

/// The text is not an id of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an id of this program")]
pub struct BadId;

fn three_parts(text: &str) -> Result<(RunName, DropId, &str), BadId> {
    let mut parts = text.split('-');
    let (Some(run), Some(drop), Some(last), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(BadId);
    };
    Ok((RunName::new(run)?, drop.parse()?, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        let run = RunName::new("aftertone").unwrap();
        let drop = DropId::generate();
        for role in [
            Role::Leg(Leg::Busy),
            Role::Leg(Leg::Drop),
            Role::Snoop,
            Role::Tap,
            Role::Amd,
        ] {
            let id = ChannelId {
                run: run.clone(),
                drop,
                role,
            };
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        let bridge = BridgeId {
            run: run.clone(),
            drop,
        };
        assert_eq!(bridge.to_string().parse(), Ok(bridge));
        let play = PlaybackId {
            run,
            drop,
            play: Play(12),
        };
        assert_eq!(play.to_string().parse(), Ok(play));
    }

    #[test]
    fn what_only_resembles_an_id_is_none() {
        let drop = DropId::from_u128(7).to_string();
        for text in [
            String::new(),
            "aftertone".into(),
            format!("aftertone-{drop}"),
            format!("aftertone-{drop}-busyx"),
            format!("aftertone-{drop}-busy-1"),
            format!("aftertone-{drop}-busy;2"),
            format!("Aftertone-{drop}-busy"),
            format!("-{drop}-busy"),
            format!("aftertone-{}-busy", drop.to_uppercase().replace('0', "A")),
            format!("aftertone-{}-busy", &drop[1..]),
            format!("{}-{drop}-busy", "a".repeat(65)),
            "1699999999.17".into(),
        ] {
            assert_eq!(text.parse::<ChannelId>(), Err(BadId), "{text}");
        }
        for bridge in ["bridge1", "bridg", "tap", "bridge-", ""] {
            let text = format!("aftertone-{drop}-{bridge}");
            assert_eq!(text.parse::<BridgeId>(), Err(BadId), "{text}");
        }
        for play in ["play", "play0", "play01", "play+1", "play10000", "playx"] {
            let text = format!("aftertone-{drop}-{play}");
            assert_eq!(text.parse::<PlaybackId>(), Err(BadId), "{text}");
        }
    }

    #[test]
    fn the_longest_id_fits_what_asterisk_takes() {
        let id = ChannelId {
            run: RunName::new(&"a".repeat(RUN_MAX)).unwrap(),
            drop: DropId::from_u128(u128::MAX),
            role: Role::Snoop,
        };
        assert!(id.to_string().len() <= 149);
    }

    #[test]
    fn runs_beside_each_other_have_names_of_their_own() {
        let one = RunName::unique("aftertone").unwrap();
        let two = RunName::unique("aftertone").unwrap();
        assert_ne!(one, two);
        assert!(one.as_str().starts_with("aftertone"));
        assert!(RunName::unique("After-Tone").is_err());
    }
}
