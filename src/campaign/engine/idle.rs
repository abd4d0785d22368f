//! Why a campaign dials nothing at this moment, and until when, in words.

use std::fmt;

use jiff::{Timestamp, tz::TimeZone};

use super::{
    CampaignId, Drain, Engine, Gate, Phase,
    campaign::Campaign,
    event::{Availability, End, PauseReason},
    waiting::At,
};
use crate::campaign::{budget::Reading, window::Opening};

/// Why nothing is dialled, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idle {
    /// Why nothing is dialled.
    pub why: Why,
    /// Until when, if nothing happens; `None` if only an event or a person ends it.
    pub until: Option<Timestamp>,
}

/// Why nothing is dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The campaign is over.
    Over(End),
    /// The engine comes to rest.
    Draining {
        /// Drops in flight, over all campaigns.
        in_flight: usize,
    },
    /// The campaign was cancelled, and what is in flight comes to its end.
    Cancelling {
        /// Drops in flight.
        in_flight: usize,
    },
    /// The campaign is paused.
    Paused(PauseReason),
    /// The store cannot be reached or written.
    StoreAway,
    /// The clocks cannot be relied on.
    ClocksApart,
    /// The campaign's own hours; when they open and in which zone, for people.
    Hours(String),
    /// Its last date is over, and what is in flight comes to its end.
    DatesOver,
    /// No PBX can be reached.
    PbxAway,
    /// The far end of the trunk does not answer the PBX.
    TrunkOffline,
    /// The trunk's budget.
    Budget(Reading),
    /// As many drops are in flight as may be.
    Full {
        /// How many drops may be in flight.
        most: u32,
        /// Of the campaign, not of the PBX.
        of_campaign: bool,
        /// How many of them other controllers have.
        others: u32,
    },
    /// It dials, as fast as it may: the next start is to come at its time.
    Pace {
        /// The share of full speed that the trunk's budget leaves, in per cent.
        speed_percent: u32,
    },
    /// A message, or the folder of the evidence, cannot be read or written; which and why, for people.
    FilesAway(String),
    /// The store was asked for contacts and has not answered.
    Asking,
    /// The messages of the contacts at hand are being made.
    MakingMessages {
        /// How many contacts wait for theirs.
        contacts: usize,
    },
    /// Contacts wait for their time; for what, for people.
    Waiting(String),
    /// No contact is left to start; what is in flight comes to its end.
    Finishing {
        /// Drops in flight.
        in_flight: usize,
    },
}

impl Why {
    /// The name under which it is printed for programs.
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Over(_) => "over",
            Self::Draining { .. } => "draining",
            Self::Cancelling { .. } => "cancelling",
            Self::Paused(_) => "paused",
            Self::StoreAway => "store_away",
            Self::ClocksApart => "clocks_apart",
            Self::Hours(_) => "campaign_hours",
            Self::DatesOver => "dates_over",
            Self::PbxAway => "pbx_away",
            Self::TrunkOffline => "trunk_offline",
            Self::Budget(_) => "trunk_budget",
            Self::Full { .. } => "full",
            Self::Pace { .. } => "pace",
            Self::FilesAway(_) => "files_away",
            Self::Asking => "asking",
            Self::MakingMessages { .. } => "making_messages",
            Self::Waiting(_) => "waiting",
            Self::Finishing { .. } => "finishing",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Over(End::Complete) => f.write_str("complete: every contact has its outcome"),
            Self::Over(End::Cancelled) => f.write_str("cancelled"),
            Self::Over(End::DatesOver) => f.write_str("its last date is over"),
            Self::Draining { in_flight } => {
                write!(f, "stopping: {} in flight", drops(*in_flight))
            }
            Self::Cancelling { in_flight } => {
                write!(f, "cancelled: {} in flight", drops(*in_flight))
            }
            Self::Paused(why) => why.fmt(f),
            Self::StoreAway => f.write_str("the database is unavailable"),
            Self::ClocksApart => f.write_str("the clocks cannot be relied on"),
            Self::Hours(opens) => write!(f, "campaign hours: {opens}"),
            Self::DatesOver => f.write_str("its last date is over; drops in flight finish"),
            Self::PbxAway => f.write_str("the PBX cannot be reached"),
            Self::TrunkOffline => f.write_str(
                "the trunk is offline: its far end does not answer the PBX, which is asked again every few seconds",
            ),
            Self::Budget(reading) => write!(f, "trunk budget: {reading}"),
            Self::Full { most, of_campaign, others } => {
                let key = if *of_campaign {
                    "the campaign's `in_flight`"
                } else {
                    "`trunk.in_flight`"
                };
                write!(f, "{} in flight, the most that {key} allows", drops(*most as usize))?;
                match others {
                    0 => Ok(()),
                    others => write!(f, "; other controllers have {others} of them"),
                }
            }
            Self::Pace { speed_percent: 100 } => f.write_str("at full pace"),
            Self::Pace { speed_percent } => {
                write!(
                    f,
                    "slowed to {speed_percent}.0 % of full pace, near a limit of `[trunk]`"
                )
            }
            Self::FilesAway(why) => f.write_str(why),
            Self::Asking => f.write_str("waiting for the database"),
            Self::MakingMessages { contacts: 1 } => f.write_str("making the message of 1 contact"),
            Self::MakingMessages { contacts } => {
                write!(f, "making the messages of {contacts} contacts")
            }
            Self::Waiting(words) => f.write_str(words),
            Self::Finishing { in_flight } => {
                write!(f, "no contact is left to dial: {} in flight", drops(*in_flight))
            }
        }
    }
}

fn drops(count: usize) -> String {
    let drops = if count == 1 { "drop" } else { "drops" };
    format!("{count} {drops}")
}

impl<G: Gate> Engine<G> {
    /// Why a campaign dials nothing at the moment of the last change, and until when; `None` unless it was added.
    pub fn why_idle(&self, id: CampaignId) -> Option<Idle> {
        let campaign = self.campaigns.get(&id)?;
        let why = self.why(campaign);
        let until = match why {
            Why::Waiting(_) => campaign.supply.next(),
            Why::Hours(_) | Why::Budget(_) | Why::Pace { .. } | Why::FilesAway(_) => {
                self.deadline_of(id)
            }
            Why::Over(_)
            | Why::Draining { .. }
            | Why::Cancelling { .. }
            | Why::Paused(_)
            | Why::StoreAway
            | Why::ClocksApart
            | Why::DatesOver
            | Why::PbxAway
            | Why::TrunkOffline
            | Why::Full { .. }
            | Why::Asking
            | Why::MakingMessages { .. }
            | Why::Finishing { .. } => None,
        };
        Some(Idle { why, until })
    }

    fn why(&self, campaign: &Campaign) -> Why {
        let in_flight = campaign.in_flight.len();
        match campaign.phase {
            Phase::Over(end) => return Why::Over(end),
            Phase::Cancelling => return Why::Cancelling { in_flight },
            Phase::Paused(why) => return Why::Paused(why),
            Phase::Running => {}
        }
        if self.drain != Drain::No {
            let in_flight = self.campaigns.values().map(|c| c.in_flight.len()).sum();
            return Why::Draining { in_flight };
        }
        if self.store == Availability::Away {
            return Why::StoreAway;
        }
        if self.clocks == Availability::Away {
            return Why::ClocksApart;
        }
        match campaign.opening {
            Opening::Open { .. } => {}
            Opening::Closed { until } => return Why::Hours(self.opens(campaign, until)),
            Opening::Over => return Why::DatesOver,
        }
        if let Some(away) = &campaign.files_away {
            return Why::FilesAway(away.why.clone());
        }
        if campaign.at_hand() == 0 && campaign.supply.is_exhausted() {
            return Why::Finishing { in_flight };
        }
        let terms = campaign.settings.terms();
        if !self.pbxs.values().any(|pbx| pbx.is_up()) {
            let there = self.pbxs.values().any(|pbx| pbx.reach == Availability::Up);
            return if there {
                Why::TrunkOffline
            } else {
                Why::PbxAway
            };
        }
        let up = || self.pbxs.values().filter(|pbx| pbx.is_up());
        let mut refusals = up().map(|pbx| pbx.budget.technique(terms).err());
        // The first refusal, if every PBX has one.
        let forbidden = refusals.next().flatten();
        if let Some(reading) = forbidden.filter(|_| refusals.all(|refusal| refusal.is_some())) {
            return Why::Budget(reading);
        }
        if campaign.ready.is_empty() {
            return self.why_none_is_ready(campaign);
        }
        let own_most = campaign.settings.in_flight.filter(|_| !campaign.has_room());
        if let Some(most) = own_most {
            return Why::Full {
                most,
                of_campaign: true,
                others: campaign.share.others_in_flight,
            };
        }
        let serving = || up().filter(|pbx| pbx.serves(terms));
        if !serving().any(|pbx| pbx.has_room()) {
            return Why::Full {
                most: serving().map(|pbx| pbx.most_in_flight).sum(),
                of_campaign: false,
                others: serving().map(|pbx| pbx.share.others_in_flight).sum(),
            };
        }
        let speeds = serving().map(|pbx| pbx.budget.stretch(terms).speed_percent());
        Why::Pace {
            speed_percent: speeds.max().unwrap_or(100),
        }
    }

    fn why_none_is_ready(&self, campaign: &Campaign) -> Why {
        let contacts = campaign.preparing.len();
        if contacts > 0 {
            return Why::MakingMessages { contacts };
        }
        match campaign.supply.next() {
            Some(at) if at > self.now => Why::Waiting(
                campaign
                    .waiting
                    .words(self.now)
                    .unwrap_or_else(|| format!("the next contact is due at {} UTC", self.utc(at))),
            ),
            Some(_) | None => Why::Asking,
        }
    }

    fn opens(&self, campaign: &Campaign, until: Timestamp) -> String {
        let utc = TimeZone::UTC;
        let window = campaign.settings.window.as_ref();
        let zone = window.map_or(&utc, |window| window.zone());
        let at = At {
            local: zone.to_datetime(until),
            ahead: until.duration_since(self.now),
        };
        format!("opens {at} in {}", zone.iana_name().unwrap_or("UTC"))
    }

    fn utc(&self, at: Timestamp) -> At {
        At {
            local: TimeZone::UTC.to_datetime(at),
            ahead: at.duration_since(self.now),
        }
    }
}
