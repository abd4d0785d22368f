//! Asks the rules in their order and says what came of each.

use jiff::{
    Timestamp,
    civil::Time,
    tz::{Offset, TimeZone},
};

use super::{
    caps,
    explain::{
        Finding, HoursSeen, Inputs, LawRead, Outcome, RuleSeen, Ruling, ZoneSeen, held, refused,
    },
    facts::{CampaignKind, Case, Consent, ConsentKind},
    hours::{HORIZON, Hours},
    jurisdiction::Jurisdiction,
    law::Law,
    place::CallingPlace,
    rule::Rule,
    settings::{GateSettings, UserRule},
    span::Span,
    whereabouts::Whereabouts,
};
use crate::{
    campaign::{Decision, HeldReason, RefusedReason},
    phone::PhoneError,
};

/// The gate, with a user's settings.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    settings: GateSettings,
}

impl Gate {
    /// A gate with these settings.
    pub const fn new(settings: GateSettings) -> Self {
        Self { settings }
    }

    /// Its settings.
    pub const fn settings(&self) -> &GateSettings {
        &self.settings
    }

    /// Decides whether a call may be made at a moment.
    ///
    /// A call that no moment within a year would suit is held for a year, and the finding says so.
    pub fn decide(&self, case: &Case<'_>, now: Timestamp) -> Ruling {
        let mut findings = Vec::with_capacity(Rule::ORDER.len());
        let decision = self.ask_all(case, now, &mut findings);
        Ruling {
            decision,
            at: now,
            findings,
        }
    }

    fn ask_all(&self, case: &Case<'_>, now: Timestamp, findings: &mut Vec<Finding>) -> Decision {
        let finding = self.finding(case, Rule::Number, self.number(case));
        let decision = finding.decision();
        findings.push(finding);
        let (None, Ok(number)) = (decision, case.number) else {
            return decision.unwrap_or(refused(RefusedReason::InvalidNumber));
        };
        let whereabouts = Whereabouts::of(case, number);
        let hours = Hours::of(&whereabouts, &self.settings.rules, Some(number));
        for rule in Rule::ORDER {
            let found = match rule {
                Rule::Number => continue,
                Rule::DoNotCall => do_not_call(case),
                Rule::Consent => consent(case, &whereabouts, now),
                Rule::FrequencyCap => self.caps(case, &whereabouts, &hours, now),
                Rule::CallingHours => calling_hours(&whereabouts, &hours, now),
            };
            let finding = self.finding(case, rule, found);
            let decision = finding.decision();
            findings.push(finding);
            if let Some(decision) = decision {
                return decision;
            }
        }
        Decision::Allowed
    }

    /// The ruling on every contact of a place that no other rule stops, while its calling hours hold them; `None` while
    /// they do not.
    pub fn hours_of(&self, place: &CallingPlace, now: Timestamp) -> Option<Ruling> {
        let whereabouts = &place.whereabouts;
        let rules = &self.settings.rules;
        // Which countries abroad a number may be of is not of its place: each contact is asked about.
        if whereabouts.places.is_empty() && rules.iter().any(UserRule::names_a_place_abroad) {
            return None;
        }
        let hours = Hours::of(whereabouts, rules, None);
        if !self.is_on(Rule::CallingHours) || hours.are_open(now) {
            return None;
        }
        let found = calling_hours(whereabouts, &hours, now);
        let decision = found.against?;
        let finding = Finding {
            rule: Rule::CallingHours,
            outcome: Outcome::Failed(decision),
            inputs: found.inputs,
            words: found.words,
        };
        Some(Ruling {
            decision,
            at: now,
            findings: vec![finding],
        })
    }

    /// Whether a rule is asked at all, as the settings have it.
    pub const fn is_on(&self, rule: Rule) -> bool {
        let settings = &self.settings;
        match rule {
            Rule::Number | Rule::DoNotCall => true,
            Rule::Consent => settings.enabled && settings.consent,
            Rule::FrequencyCap => settings.enabled && settings.caps,
            Rule::CallingHours => settings.enabled && settings.hours,
        }
    }

    /// Whether a rule that is not met stops this call.
    fn binds(&self, case: &Case<'_>, rule: Rule) -> bool {
        self.is_on(rule) && !case.overrides.iter().any(|o| o.rule() == rule)
    }

    /// What came of a rule, with the settings and the overrides.
    fn finding(&self, case: &Case<'_>, rule: Rule, found: RuleResult) -> Finding {
        let RuleResult {
            inputs,
            against,
            words,
        } = found;
        let forced = case.overrides.iter().find(|o| o.rule() == rule);
        let (outcome, words) = if !self.is_on(rule) {
            (
                Outcome::SwitchedOff,
                format!("the settings switch `{rule}` off"),
            )
        } else if let Some(forced) = forced {
            let because = forced.because().to_owned();
            let words = format!("`{rule}` is set aside, because: {because} ({words})");
            let instead_of = against;
            (
                Outcome::SetAside {
                    because,
                    instead_of,
                },
                words,
            )
        } else {
            (against.map_or(Outcome::Met, Outcome::Failed), words)
        };
        Finding {
            rule,
            outcome,
            inputs,
            words,
        }
    }

    fn number(&self, case: &Case<'_>) -> RuleResult {
        let number = match case.number {
            Ok(number) => number,
            Err(error) => {
                return RuleResult {
                    inputs: Inputs::Number {
                        number: None,
                        blocked_by: None,
                    },
                    against: Some(refused(reason(error))),
                    words: error.to_string(),
                };
            }
        };
        let prefixes = &self.settings.blocked_prefixes;
        let blocked_by = prefixes
            .iter()
            .find(|prefix| number.digits().starts_with(prefix.as_str()));
        let inputs = Inputs::Number {
            number: Some(number.to_string()),
            blocked_by: blocked_by.cloned(),
        };
        match blocked_by {
            None => RuleResult::met(inputs, format!("{number} can be dialled")),
            Some(prefix) => RuleResult {
                inputs,
                against: Some(refused(RefusedReason::BlockedPrefix)),
                words: format!("{number} begins with +{prefix}, which the settings block"),
            },
        }
    }

    fn caps(
        &self,
        case: &Case<'_>,
        whereabouts: &Whereabouts,
        hours: &Hours<'_>,
        now: Timestamp,
    ) -> RuleResult {
        let places = &whereabouts.places;
        let uses = caps::uses(&self.settings, places, case.starts, case.calls, now);
        let Some(fullest) = uses
            .iter()
            .filter(|limit| !limit.has_room(now))
            .max_by_key(|limit| limit.opens.unwrap_or(Timestamp::MAX))
        else {
            return RuleResult::met(Inputs::Caps(uses), "no cap is reached".to_owned());
        };
        let limit = fullest.limit;
        let mut words = format!(
            "{} of {} {} in {} hours are used, and this drop adds {}; {} allows no more",
            fullest.used, limit.most, limit.of, limit.hours, fullest.adds, fullest.source
        );
        // Whenever that may be, its hours would refuse it.
        if hours.zones.is_empty() && self.binds(case, Rule::CallingHours) {
            return RuleResult {
                inputs: Inputs::Caps(uses),
                against: Some(refused(RefusedReason::BlockedPrefix)),
                words: format!("{words}; {NO_ZONE}"),
            };
        }
        let until = fullest.opens.and_then(|opens| {
            words.push_str(&format!(" before {opens}"));
            if !self.binds(case, Rule::CallingHours) {
                return Some(opens);
            }
            let both = hours.open_from(opens)?;
            if both > opens {
                words.push_str(&format!(", and calling hours then begin at {both}"));
            }
            Some(both)
        });
        let until = until.unwrap_or_else(|| {
            words.push_str("; no moment within a year suits");
            after_horizon(fullest.opens.unwrap_or(now))
        });
        RuleResult {
            inputs: Inputs::Caps(uses),
            against: Some(held(HeldReason::FrequencyCap, until)),
            words,
        }
    }
}

/// What a rule found, before settings and overrides.
struct RuleResult {
    inputs: Inputs,
    /// What it would decide; `None` if it is met.
    against: Option<Decision>,
    words: String,
}

impl RuleResult {
    fn met(inputs: Inputs, words: String) -> Self {
        Self {
            inputs,
            against: None,
            words,
        }
    }
}

impl Finding {
    /// What it decides, if it holds or refuses the call.
    fn decision(&self) -> Option<Decision> {
        match self.outcome {
            Outcome::Failed(decision) => Some(decision),
            Outcome::Met | Outcome::SwitchedOff | Outcome::SetAside { .. } => None,
        }
    }
}

/// What a number is refused for that could not be read.
fn reason(error: &PhoneError) -> RefusedReason {
    match error {
        PhoneError::Empty
        | PhoneError::TooLong { .. }
        | PhoneError::NotADigit { .. }
        | PhoneError::Invalid { .. } => RefusedReason::InvalidNumber,
        PhoneError::Emergency => RefusedReason::EmergencyNumber,
        PhoneError::Premium { .. } => RefusedReason::BlockedPrefix,
    }
}

fn do_not_call(case: &Case<'_>) -> RuleResult {
    let inputs = Inputs::DoNotCall {
        list: case.do_not_call.map(str::to_owned),
    };
    match case.do_not_call {
        None => RuleResult::met(
            inputs,
            "the number is not on any do-not-call list".to_owned(),
        ),
        Some(list) => RuleResult {
            inputs,
            against: Some(refused(RefusedReason::DoNotCall)),
            words: format!("the number is on the do-not-call list `{list}`"),
        },
    }
}

fn consent(case: &Case<'_>, whereabouts: &Whereabouts, now: Timestamp) -> RuleResult {
    let inputs = Inputs::Consent {
        campaign: case.campaign,
        consent: case.consent.cloned(),
    };
    match missing(case.campaign, case.consent, whereabouts, now) {
        None => RuleResult::met(inputs, "consent is on record".to_owned()),
        Some(words) => RuleResult {
            inputs,
            against: Some(refused(RefusedReason::NoConsent)),
            words,
        },
    }
}

/// What a consent lacks for a campaign.
fn missing(
    campaign: CampaignKind,
    consent: Option<&Consent>,
    whereabouts: &Whereabouts,
    now: Timestamp,
) -> Option<String> {
    let Some(consent) = consent else {
        return Some("no consent is on record".to_owned());
    };
    let Some(at) = consent.at else {
        return Some("the consent on record has no date".to_owned());
    };
    let source = consent.source.as_deref().map_or("", str::trim);
    if source.is_empty() {
        return Some("the consent on record does not say where it was given".to_owned());
    }
    if is_yet_to_come(at, &whereabouts.zones, now) {
        return Some(format!(
            "the consent on record is dated {at}, which is yet to come"
        ));
    }
    match (campaign, consent.kind) {
        (CampaignKind::Informational, ConsentKind::Written | ConsentKind::Verbal)
        | (CampaignKind::Marketing, ConsentKind::Written) => None,
        (CampaignKind::Marketing, ConsentKind::Verbal) => Some(
            "the consent on record is verbal, and a marketing campaign needs it in writing"
                .to_owned(),
        ),
    }
}

/// Whether the moment of a consent is yet to come, by the clocks of anyone who may have written it down.
///
/// Lists have days, and times of no zone, and both are kept as if they were UTC. A day, at midnight therefore, has begun
/// once it has begun anywhere; a time has passed once a clock where the contact may be has shown it.
fn is_yet_to_come(at: Timestamp, zones: &[TimeZone], now: Timestamp) -> bool {
    if at <= now {
        return false;
    }
    let written = TimeZone::UTC.to_datetime(at);
    if written.time() == Time::midnight() {
        return TimeZone::fixed(EASTERNMOST).to_datetime(now) < written;
    }
    !zones.iter().any(|zone| zone.to_datetime(now) >= written)
}

fn calling_hours(whereabouts: &Whereabouts, hours: &Hours<'_>, now: Timestamp) -> RuleResult {
    let zones: Vec<_> = hours
        .zones
        .iter()
        .map(|zone| {
            let local = zone.to_datetime(now);
            ZoneSeen {
                zone: zone.iana_name().unwrap_or("unnamed").to_owned(),
                local,
                hours: hours.on(local.date()),
                open: hours.is_zone_open(zone, now),
            }
        })
        .collect();
    let opens = hours.open_from(now);
    let closed = zones.iter().find(|zone| !zone.open);
    let day = closed.or(zones.first()).map(|zone| zone.local.date());
    let time = closed.or(zones.first()).map(|zone| zone.local.time());
    let places = &whereabouts.places;
    let by_any_state = places.contains(&Jurisdiction::ANY_STATE);
    let rules = day.map_or_else(Vec::new, |day| {
        // If every state's law holds, those that close nothing are left out.
        let is_shown = |law: &&&Law, span: Option<Span>| {
            let is_named = places
                .iter()
                .any(|&place| place != Jurisdiction::ANY_STATE && law.place.covers(place));
            !by_any_state || is_named || span.zip(time).is_none_or(|(span, time)| !span.holds(time))
        };
        let laws = hours.laws.iter().filter_map(|law| {
            let (span, holiday) = law.on(day);
            is_shown(&law, span).then(|| RuleSeen {
                name: law.name(),
                hours: span,
                holiday: holiday.map(str::to_owned),
                law: Some(LawRead {
                    as_of: law.as_of,
                    read: law.read,
                }),
                instead_of_law: None,
            })
        });
        let own = hours.rules.iter().map(|rule| RuleSeen {
            name: rule.name.clone(),
            hours: rule.on(day),
            holiday: None,
            law: None,
            instead_of_law: rule.instead_of_law.clone(),
        });
        laws.chain(own).collect()
    });
    let seen = HoursSeen {
        zones_by: whereabouts.by,
        zones,
        places: whereabouts.places.clone(),
        rules,
        notes: whereabouts.notes.clone(),
        opens,
    };
    if hours.are_open(now) {
        return RuleResult::met(
            Inputs::Hours(seen),
            "it is an hour to call wherever the contact may be".to_owned(),
        );
    }
    // No hour will ever be known to suit.
    if hours.zones.is_empty() {
        return RuleResult {
            words: with_notes(NO_ZONE.to_owned(), &seen),
            inputs: Inputs::Hours(seen),
            against: Some(refused(RefusedReason::BlockedPrefix)),
        };
    }
    let words = closed_words(&seen, hours);
    RuleResult {
        inputs: Inputs::Hours(seen),
        against: Some(held(
            HeldReason::CallingHours,
            opens.unwrap_or_else(|| after_horizon(now)),
        )),
        words,
    }
}

/// Why a zone is closed, by which rule, and when all are open.
fn closed_words(seen: &HoursSeen, hours: &Hours<'_>) -> String {
    let mut both = seen.zones.iter().zip(hours.zones);
    let Some((zone, clock)) = both.find(|(zone, _)| !zone.open) else {
        return with_notes(NO_ZONE.to_owned(), seen);
    };
    let local = zone.local.strftime("%a %H:%M");
    let closing = seen
        .rules
        .iter()
        .filter(|rule| rule.hours.is_none_or(|span| !span.holds(zone.local.time())));
    let more = closing.clone().count().saturating_sub(MOST_NAMED);
    let mut closing: Vec<_> = closing
        .take(MOST_NAMED)
        .map(|rule| match (rule.hours, &rule.holiday) {
            (Some(span), None) => format!("{} allows {span}", rule.name),
            (Some(span), Some(day)) => format!("{} allows {span} on {day}", rule.name),
            (None, None) => format!("{} allows no calls on this day", rule.name),
            (None, Some(day)) => format!("{} allows no calls on {day}", rule.name),
        })
        .collect();
    if more > 0 {
        closing.push(format!("{more} more laws close it too"));
    }
    let mut words = format!("it is {local} in {}; {}", zone.zone, closing.join(", "));
    match seen.opens {
        None => words.push_str("; no moment within a year suits"),
        Some(opens) => {
            let there = clock.to_datetime(opens).strftime("%a %Y-%m-%d %H:%M");
            match seen.zones.len() {
                1 => words.push_str(&format!("; opens {there}")),
                count => words.push_str(&format!("; all {count} zones are open at {there} there")),
            }
        }
    }
    with_notes(words, seen)
}

/// Words, and what of the list was not understood.
fn with_notes(mut words: String, seen: &HoursSeen) -> String {
    for note in &seen.notes {
        words.push_str("; ");
        words.push_str(note);
    }
    words
}

/// Why a number without a zone is refused.
const NO_ZONE: &str = "the number belongs to no country (as those of +800, +870, +881 and +883 do not), so that no time zone is \
    known for it; a list that names one in a column `timezone` can be imported";

/// The clocks that are ahead of all others: those of Kiritimati.
const EASTERNMOST: Offset = jiff::tz::offset(14);

/// How many of the rules that close a zone are named in words.
const MOST_NAMED: usize = 4;

/// Until when a call is held that no moment suits which is looked at from this one on.
fn after_horizon(from: Timestamp) -> Timestamp {
    from.checked_add(HORIZON).unwrap_or(Timestamp::MAX)
}
