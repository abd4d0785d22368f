//! What the gate of a controller remembers, and for how long.

use super::*;
use crate::{
    campaign::{
        RefusedReason,
        policy::{Consent, ConsentKind, Counted, Limit},
    },
    phone::Rules,
};

const SPRING: CampaignId = CampaignId(1);
const REMINDER: CampaignId = CampaignId(2);

/// A moment at which New York is open.
const NOON: &str = "2026-12-07T17:00:00Z";

#[test]
fn a_drop_counts_at_once_for_all_contacts_of_its_number() {
    let mut gate = gate();
    let first = gate.remember(leased(1, "+12125550101"));
    let again = gate.remember(leased(2, "+12125550101"));
    let other = gate.remember(leased(3, "+12125550102"));

    assert_eq!(decide(&mut gate, SPRING, &first, NOON), Decision::Allowed);
    start(&mut gate, SPRING, &first, NOON);
    let until = at(NOON) + SignedDuration::from_hours(24);
    assert_eq!(
        decide(&mut gate, REMINDER, &again, NOON),
        Decision::Held {
            reason: HeldReason::FrequencyCap,
            until
        }
    );
    assert_eq!(decide(&mut gate, REMINDER, &other, NOON), Decision::Allowed);
}

#[test]
fn a_drop_that_was_not_dialled_counts_no_more() {
    let mut gate = gate();
    let first = gate.remember(leased(1, "+12125550101"));
    let again = gate.remember(leased(2, "+12125550101"));
    decide(&mut gate, SPRING, &first, NOON);
    start(&mut gate, SPRING, &first, NOON);
    gate.take_ruling(first.id).unwrap();

    let not_dialled = Settlement::NotDialled { attempt: 1 };
    assert_eq!(gate.settled(first.id, &not_dialled), None);
    assert_eq!(decide(&mut gate, REMINDER, &again, NOON), Decision::Allowed);
    assert_eq!(gate.len(), 1);
}

#[test]
fn in_a_simulation_a_drop_that_reached_no_telephone_counts_no_more() {
    let mut gate = gate();
    let first = gate.remember(leased(1, "+12125550101"));
    for (outcome, is_allowed) in [
        (Outcome::Congestion, true),
        (Outcome::Failed, true),
        (Outcome::NoAnswer, false),
    ] {
        assert_eq!(decide(&mut gate, SPRING, &first, NOON), Decision::Allowed);
        start(&mut gate, SPRING, &first, NOON);
        gate.ended(first.id, outcome);
        let decision = decide(&mut gate, SPRING, &first, NOON);
        assert_eq!(decision.is_allowed(), is_allowed, "{outcome}");
    }
}

#[test]
fn a_drop_counts_though_its_contact_is_forgotten() {
    let mut gate = gate();
    let first = gate.remember(leased(1, "+12125550101"));
    let again = gate.remember(leased(2, "+12125550101"));
    decide(&mut gate, SPRING, &first, NOON);
    start(&mut gate, SPRING, &first, NOON);
    gate.forget(first.id);
    assert!(!decide(&mut gate, REMINDER, &again, NOON).is_allowed());
    gate.forget(again.id);
    assert!(gate.is_empty() && gate.by_number.is_empty());
}

#[test]
fn facts_that_are_read_again_replace_what_was_counted() {
    let mut gate = gate();
    let first = gate.remember(leased(1, "+12125550101"));
    decide(&mut gate, SPRING, &first, NOON);
    start(&mut gate, SPRING, &first, NOON);
    // The store knows of the start by now; counted twice it would fill two of the three in seven days.
    let mut facts = facts();
    facts.starts = vec![Start {
        at: at(NOON),
        calls: 2,
    }];
    facts.version = 8;
    let again = gate.remember(Leased {
        contact: contact(1, "+12125550101"),
        facts,
    });
    assert_eq!(gate.contacts[&again.id].facts.starts.len(), 1);
    assert_eq!(gate.len(), 1);
}

#[test]
fn a_ruling_is_given_out_once_with_the_version_it_was_made_with() {
    let mut gate = gate();
    let first = gate.remember(leased(1, "+12125550101"));
    decide(&mut gate, SPRING, &first, NOON);
    let ruled = gate.take_ruling(first.id).unwrap();
    assert_eq!((ruled.version, ruled.zone), (Some(7), None));
    let kept: Ruling = serde_json::from_str(&ruled.ruling).unwrap();
    assert_eq!(kept.decision, Decision::Allowed);
    assert_eq!(kept.findings.len(), Rule::ORDER.len());
    assert!(!ruled.ruling.contains("2125550101"), "{}", ruled.ruling);
    assert_eq!(gate.take_ruling(first.id), None);
}

#[test]
fn who_is_held_by_hours_waits_for_a_zone() {
    let mut gate = gate();
    let chicago = gate.remember(leased(1, "+13125550101"));
    let early = "2026-12-07T13:30:00Z";
    let held = decide(&mut gate, SPRING, &chicago, early);
    let Decision::Held { reason, until } = held else {
        panic!("{held:?}");
    };
    assert_eq!(reason, HeldReason::CallingHours);
    let zone = gate.zone(&chicago).unwrap();
    assert_eq!(zone.iana_name(), Some("America/Chicago"));
    let ruled = gate.settled(chicago.id, &Settlement::Held { reason, until });
    assert_eq!(ruled.unwrap().zone.as_deref(), Some("America/Chicago"));
    assert!(gate.is_empty());
}

#[test]
fn what_a_campaign_is_for_decides_which_consent_suffices() {
    let mut gate = gate();
    let mut verbal = leased(1, "+12125550101");
    verbal.facts.consent.as_mut().unwrap().kind = ConsentKind::Verbal;
    let contact = gate.remember(verbal);
    let no_consent = Decision::Refused(RefusedReason::NoConsent);
    assert_eq!(
        decide(&mut gate, REMINDER, &contact, NOON),
        Decision::Allowed
    );
    assert_eq!(decide(&mut gate, SPRING, &contact, NOON), no_consent);
    assert_eq!(decide(&mut gate, CampaignId(3), &contact, NOON), no_consent);
}

#[test]
fn nobody_is_called_of_whom_nothing_is_known() {
    let mut gate = gate();
    let stranger = contact(9, "+12125550101");
    assert!(!decide(&mut gate, SPRING, &stranger, NOON).is_allowed());
    assert!(gate.zone(&stranger).is_none());
    assert_eq!(gate.take_ruling(stranger.id), None);
}

#[test]
fn without_caps_no_drop_in_between_matters() {
    let mut gate = CampaignGate::new(GateSettings {
        caps: false,
        ..GateSettings::default()
    });
    let first = gate.remember(leased(1, "+12125550101"));
    decide(&mut gate, SPRING, &first, NOON);
    assert_eq!(gate.take_ruling(first.id).unwrap().version, None);
}

/// The store has to be asked for drops that were too long ago to be known: with these facts no intent is written.
#[test]
fn caps_that_look_back_further_count_for_contacts_that_are_remembered() {
    let mut gate = gate();
    let first = gate.remember(leased(1, "+12125550101"));
    let limits = |hours| GateSettings {
        limits: vec![Limit {
            most: 1,
            hours,
            of: Counted::Drops,
        }],
        ..GateSettings::default()
    };
    gate.set_settings(limits(24));
    decide(&mut gate, SPRING, &first, NOON);
    assert_eq!(gate.take_ruling(first.id).unwrap().version, Some(7));
    gate.set_settings(limits(60 * 24));
    decide(&mut gate, SPRING, &first, NOON);
    assert_eq!(gate.take_ruling(first.id).unwrap().version, Some(OUTDATED));
}

fn gate() -> CampaignGate {
    let mut gate = CampaignGate::new(GateSettings::default());
    gate.set_campaign(SPRING, CampaignKind::Marketing);
    gate.set_campaign(REMINDER, CampaignKind::Informational);
    gate
}

fn leased(id: i64, number: &str) -> Leased {
    Leased {
        contact: contact(id, number),
        facts: facts(),
    }
}

fn contact(id: i64, number: &str) -> Contact {
    Contact {
        id: ContactId(id),
        number: PhoneNumber::parse(number, Rules::default()).unwrap(),
        attempts: 0,
        message: None,
        only_single: false,
    }
}

fn facts() -> Facts {
    Facts {
        consent: Some(Consent {
            kind: ConsentKind::Written,
            at: Some(at("2026-03-01T00:00:00Z")),
            source: Some("web form".to_owned()),
        }),
        version: 7,
        ..Facts::default()
    }
}

fn decide(gate: &mut CampaignGate, campaign: CampaignId, contact: &Contact, now: &str) -> Decision {
    gate.decide(&ask(campaign, contact), at(now))
}

fn start(gate: &mut CampaignGate, campaign: CampaignId, contact: &Contact, now: &str) {
    gate.started(&ask(campaign, contact), at(now));
}

fn ask(campaign: CampaignId, contact: &Contact) -> Ask<'_> {
    Ask {
        campaign,
        contact,
        technique: Technique::Double,
    }
}

fn at(moment: &str) -> Timestamp {
    moment.parse().unwrap()
}
