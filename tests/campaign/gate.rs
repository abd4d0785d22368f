//! A gate with hours, a cap and a list of those who must not be called.

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use aftertone::{
    campaign::{
        Decision, HeldReason, RefusedReason,
        engine::{Ask, CampaignId, Contact, ContactId, Gate},
    },
    phone::{PhoneNumber, Rules},
};
use jiff::{Timestamp, tz::TimeZone};

/// What the gate of a test allows.
#[derive(Clone, Debug)]
pub(crate) struct TestGate {
    /// Local hours in which contacts may be called; `None`: at all times.
    pub(crate) hours: Option<(i64, i64)>,
    /// How long a number is left alone after a start.
    pub(crate) cap: Option<Duration>,
    /// Every so manieth contact must not be called.
    pub(crate) do_not_call: Option<i64>,
    /// When numbers were last started.
    pub(crate) started: BTreeMap<PhoneNumber, Timestamp>,
    /// The attempt that was allowed last.
    pub(crate) allowed: Option<(ContactId, Timestamp)>,
    /// When contacts were last started.
    pub(crate) made: BTreeMap<(CampaignId, ContactId), Timestamp>,
}

impl TestGate {
    /// A gate that lets everybody pass.
    pub(crate) const fn open() -> Self {
        Self {
            hours: None,
            cap: None,
            do_not_call: None,
            started: BTreeMap::new(),
            allowed: None,
            made: BTreeMap::new(),
        }
    }

    fn rule(&self, contact: &Contact, now: Timestamp) -> Decision {
        let decision = self.rule_but_for_caps(contact, now);
        if decision == Decision::Allowed
            && let Some(cap) = self.cap
            && let Some(&last) = self.started.get(&contact.number)
            && now < last + cap
        {
            return Decision::Held {
                reason: HeldReason::FrequencyCap,
                until: last + cap,
            };
        }
        decision
    }

    /// What the rules say that need to know nothing but the contact and the time.
    pub(crate) fn rule_but_for_caps(&self, contact: &Contact, now: Timestamp) -> Decision {
        if self
            .do_not_call
            .is_some_and(|each| contact.id.0 % each == 0)
        {
            return Decision::Refused(RefusedReason::DoNotCall);
        }
        let Some((opens, closes)) = self.hours else {
            return Decision::Allowed;
        };
        let local = now.as_second() + 3_600 * offset(contact);
        let (day, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let next = if second < 3_600 * opens {
            day
        } else if second < 3_600 * closes {
            return Decision::Allowed;
        } else {
            day + 1
        };
        let until = 86_400 * next + 3_600 * (opens - offset(contact));
        Decision::Held {
            reason: HeldReason::CallingHours,
            until: Timestamp::from_second(until).unwrap(),
        }
    }
}

impl Gate for TestGate {
    fn decide(&mut self, ask: &Ask<'_>, now: Timestamp) -> Decision {
        let decision = self.rule(ask.contact, now);
        self.allowed = (decision == Decision::Allowed).then_some((ask.contact.id, now));
        decision
    }

    fn started(&mut self, ask: &Ask<'_>, now: Timestamp) {
        assert_eq!(self.allowed, Some((ask.contact.id, now)), "nobody asked");
        self.started.insert(ask.contact.number.clone(), now);
        self.made.insert((ask.campaign, ask.contact.id), now);
    }

    fn zone(&self, contact: &Contact) -> Option<TimeZone> {
        TimeZone::get(ZONES[index(contact)].0).ok()
    }
}

fn offset(contact: &Contact) -> i64 {
    ZONES[index(contact)].1
}

fn index(contact: &Contact) -> usize {
    usize::try_from(contact.id.0).unwrap() % ZONES.len()
}

/// Zones without summer time, with their hours from UTC.
const ZONES: [(&str, i64); 3] = [
    ("America/Panama", -5),
    ("America/Regina", -6),
    ("America/Phoenix", -7),
];

/// A contact with a number of its own, up to 71,100 of them.
pub(crate) fn contact(id: i64) -> Contact {
    Contact {
        id: ContactId(id),
        number: NUMBERS[usize::try_from(id).unwrap() % NUMBERS.len()].clone(),
        attempts: 0,
        message: None,
        only_single: false,
    }
}

/// The fictional numbers of North America, but for those under a premium code.
static NUMBERS: LazyLock<Vec<PhoneNumber>> = LazyLock::new(|| {
    (200..1_000)
        .filter(|area| area / 10 % 10 != 9 && area % 100 != 11 && *area != 900)
        .flat_map(|area| (0..100).map(move |line| format!("+1{area}55501{line:02}")))
        .map(|number| PhoneNumber::parse(&number, Rules::default()).unwrap())
        .collect()
});
