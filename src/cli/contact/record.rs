//! What is known of a person, as text.

use crate::{
    callback::CallbackOutcome,
    campaign::policy::ConsentKind,
    orders::PersonView,
    phone::PhoneNumber,
    store::{
        HeldState, PersonCall, PersonCallback, PersonContact, PersonDecision, PersonHold,
        PersonPrompt,
    },
    words::PromptEnd,
};

/// What is known of a person, for people.
pub(super) struct PersonText<'a>(pub(super) PersonView<'a>);

impl PersonText<'_> {
    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        let record = self.0.record;
        let mut lines = vec![self.shown(self.0.number)];
        if let Some((at, because)) = &record.erased {
            lines.push(format!(
                "  everything about the person was erased at {at}{}; they are never called again",
                self.said(because.as_deref())
            ));
        }
        lines.extend(record.do_not_call.iter().map(|entry| {
            let (list, because) = (entry.list.as_str(), self.said(entry.because.as_deref()));
            format!(
                "  on the do-not-call list `{list}` since {}{because}",
                entry.at
            )
        }));
        lines.extend(record.removals.iter().map(|removal| {
            let because = self.said(removal.because.as_deref());
            format!(
                "  taken off the do-not-call list `{}` at {} by {}{because}",
                removal.list, removal.at, removal.who
            )
        }));
        for contact in &record.contacts {
            lines.extend(self.contact_lines(contact));
        }
        for call in &record.calls {
            lines.extend(self.call_lines(call));
        }
        lines.extend(record.held.iter().map(hold_line));
        lines.extend(record.callbacks.iter().map(callback_line));
        lines.extend(record.prompts.iter().map(prompt_line));
        if lines.len() == 1 {
            lines.push("  nothing is known".to_owned());
        }
        lines
    }

    fn contact_lines(&self, contact: &PersonContact) -> Vec<String> {
        let from = match (&contact.list, contact.line) {
            (Some(list), Some(line)) => format!("from `{}`, line {line}", list.escape_debug()),
            (Some(list), None) => format!("from `{}`", list.escape_debug()),
            (None, _) => "not from a list".to_owned(),
        };
        let spelt = if contact.number == *self.0.number {
            String::new()
        } else {
            format!(" as {}", self.shown(&contact.number))
        };
        let mut lines = vec![format!(
            "  in campaign `{}` ({}){spelt}, {from}",
            contact.campaign,
            contact.status.slug().replace('_', " ")
        )];
        let fields = [
            ("name", &contact.name),
            ("timezone", &contact.zone),
            ("state", &contact.state),
            ("message", &contact.message),
        ];
        let fields = fields.into_iter().filter_map(|(name, value)| {
            let value = self.0.shown.text(value.as_deref()?);
            Some(format!("{name} `{}`", value.escape_debug()))
        });
        let id = contact.foreign_id.as_deref().map(|id| {
            let id = self.0.shown.id(id);
            format!("id `{}`", id.escape_debug())
        });
        let fields = fields.chain(id);
        let others = contact.others.iter();
        let others = others.map(|(name, value)| {
            let value = self.0.shown.text(value);
            format!("{} `{}`", name.escape_debug(), value.escape_debug())
        });
        let fields: Vec<_> = fields.chain(others).collect();
        if !fields.is_empty() {
            lines.push(format!("    {}", fields.join(", ")));
        }
        lines.push(match &contact.consent {
            None => "    consent: none on record".to_owned(),
            Some(consent) => {
                let at = consent
                    .at
                    .map_or_else(String::new, |at| format!(" at {at}"));
                let source = consent.source.as_deref();
                let source = source.map_or_else(String::new, |source| {
                    let source = self.0.shown.text(source);
                    format!(" (`{}`)", source.escape_debug())
                });
                format!("    consent: {}{at}{source}", consent_slug(consent.kind))
            }
        });
        lines.push(format!(
            "    next: {}",
            PersonView::next(contact, self.0.now).1
        ));
        for decision in &contact.decisions {
            lines.push(format!("    {}", decision_line(decision)));
            if let Some(ruling) = &decision.ruling {
                lines.push(format!("      ruling: {}", self.0.shown.text(ruling)));
            }
        }
        lines
    }

    fn call_lines(&self, call: &PersonCall) -> Vec<String> {
        let whose = match &call.campaign {
            Some(campaign) => format!("campaign `{campaign}`, attempt {}", call.attempt),
            None => "a single drop".to_owned(),
        };
        let outcome = match (call.outcome, call.proof) {
            (None, _) => "in flight".to_owned(),
            (Some(outcome), None) => outcome.slug().to_owned(),
            (Some(outcome), Some(proof)) => format!("{} ({})", outcome.slug(), proof.slug()),
        };
        let until = call
            .ended_at
            .map_or_else(String::new, |at| format!(" to {at}"));
        let shows = call.caller_id.as_deref();
        let shows = shows.map_or_else(String::new, |id| format!(", showing {id}"));
        let mut lines = vec![
            format!("  call {} of {whose}: {outcome}", call.drop),
            format!(
                "    {}{until}, {} by `{}`, message `{}`{shows}",
                call.started_at,
                self.shown(&call.number),
                call.pbx,
                call.message.escape_debug()
            ),
            format!("    ruling: {}", self.0.shown.text(&call.ruling)),
        ];
        if let Some(evidence) = &call.evidence {
            lines.push(format!("    evidence: {evidence}"));
        }
        lines
    }

    /// A reason, after a colon.
    fn said(&self, because: Option<&str>) -> String {
        match because {
            None | Some("") => String::new(),
            Some(because) => format!(": {}", self.0.shown.text(because).escape_debug()),
        }
    }

    fn shown(&self, number: &PhoneNumber) -> String {
        self.0.shown.number(number)
    }
}

fn decision_line(decision: &PersonDecision) -> String {
    let until = decision.until;
    let until = until.map_or_else(String::new, |until| format!(" until {until}"));
    let zone = decision.zone.as_deref();
    let zone = zone.map_or_else(String::new, |zone| format!(" in {zone}"));
    let times = match decision.times_held {
        None | Some(0 | 1) => String::new(),
        Some(times) => format!(", held {times} times"),
    };
    format!(
        "{}: {}, {}{zone}{until}{times}",
        decision.at, decision.decision, decision.reason
    )
}

fn callback_line(call: &PersonCallback) -> String {
    let PersonCallback { id, at, .. } = call;
    let outcome = call.outcome.map_or("still up", CallbackOutcome::slug);
    format!("  call {id} of {at}, which they made back: {outcome}")
}

fn hold_line(held: &PersonHold) -> String {
    let PersonHold {
        drop,
        message,
        fields: _,
        held_at,
        hold,
    } = held;
    let reason = &hold.reason;
    let stands = match hold.state {
        HeldState::Waiting => format!("held until {}: {reason}", hold.until),
        HeldState::Refused => format!("refused: {reason}"),
        HeldState::Ended => format!("ended without a call: {reason}"),
    };
    let message = message.escape_debug();
    format!("  drop {drop} of {held_at}, message `{message}`: {stands}")
}

fn prompt_line(prompt: &PersonPrompt) -> String {
    let ends = prompt.ends.map_or("with the program", PromptEnd::as_str);
    let learnt = if prompt.is_learnt {
        ", learnt from them"
    } else {
        ""
    };
    let (calls, last) = (prompt.calls, prompt.last_heard);
    format!(
        "  prompt {} of the book ({ends}){learnt}: heard in {calls} of the calls, last at {last}",
        prompt.prompt
    )
}

const fn consent_slug(kind: ConsentKind) -> &'static str {
    match kind {
        ConsentKind::Written => "written",
        ConsentKind::Verbal => "verbal",
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        campaign::{HeldReason, RefusedReason, policy::Consent},
        drop::{Outcome, Proof, Technique},
        id::DropId,
        phone::Disclosure,
        store::{
            Barred, ContactStep, ListName, PersonRecord, PersonRemoval, SettledHold, SpokenColumns,
            Status,
        },
    };

    #[test]
    fn a_person_is_shown_to_people_and_to_programs() {
        let record = record();
        let mut subject = subject(&record);
        insta::assert_snapshot!("text", PersonText(subject).lines().join("\n"));
        let object = serde_json::to_string_pretty(&subject.object()).unwrap();
        insta::assert_snapshot!("json", object);
        assert!(!object.contains("12025550101"));
        subject.shown = Disclosure::Full;
        assert!(subject.object().to_string().contains("+12025550101"));
    }

    #[test]
    fn nothing_known_is_said() {
        let record = PersonRecord::default();
        insta::assert_snapshot!(PersonText(subject(&record)).lines().join("\n"), @r"
        +1202•••0101
          nothing is known
        ");
    }

    #[test]
    fn what_is_next_follows_from_the_contact_and_the_campaign() {
        let at = |text: &str| text.parse().unwrap();
        let due = |when: &str, held| ContactStep::Due {
            at: at(when),
            held,
            zone: None,
        };
        let later = "2026-11-24T14:00:00Z";
        for (step, status, attempts, expected) in [
            (due("2026-11-24T11:00:00Z", None), Status::Running, 0, "due"),
            (due(later, None), Status::Running, 0, "waiting"),
            (due(later, None), Status::Running, 1, "retry"),
            (
                due(later, Some(HeldReason::FrequencyCap)),
                Status::Running,
                1,
                "frequency_cap",
            ),
            (
                due(later, Some(HeldReason::CallingHours)),
                Status::Paused,
                0,
                "paused",
            ),
            (due(later, None), Status::Cancelled, 0, "cancelled"),
            (due(later, None), Status::DatesOver, 0, "dates_over"),
            (ContactStep::Leased, Status::Running, 0, "leased"),
            (ContactStep::Dialling, Status::Running, 0, "in_flight"),
            (
                ContactStep::Ended(Outcome::Delivered),
                Status::Paused,
                1,
                "ended",
            ),
            (
                ContactStep::Refused(RefusedReason::NoConsent),
                Status::Running,
                0,
                "refused",
            ),
        ] {
            let contact = PersonContact {
                step,
                status,
                attempts,
                ..record().contacts.remove(0)
            };
            let (slug, words) = PersonView::next(&contact, at("2026-11-24T12:00:00Z"));
            assert_eq!(slug, expected, "{words}");
        }
    }

    fn subject(record: &PersonRecord) -> PersonView<'_> {
        static NUMBER: std::sync::LazyLock<PhoneNumber> =
            std::sync::LazyLock::new(|| PhoneNumber::from_digits(12_025_550_101).unwrap());
        PersonView {
            number: &NUMBER,
            record,
            shown: Disclosure::Programs,
            now: "2026-11-24T12:00:00Z".parse().unwrap(),
        }
    }

    fn record() -> PersonRecord {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let number = PhoneNumber::from_digits(12_025_550_101).unwrap();
        PersonRecord {
            callbacks: vec![PersonCallback {
                id: "0199c0ffee0070008000000000000007".parse().unwrap(),
                at: at("2026-11-25T14:00:00Z"),
                called: Some("+12025550100".to_owned()),
                drop: None,
                outcome: Some(CallbackOutcome::OptedOut),
            }],
            contacts: vec![PersonContact {
                campaign: "spring".to_owned(),
                status: Status::Running,
                list: Some("a.csv".to_owned()),
                line: Some(17),
                number: number.clone(),
                name: Some("Ann".to_owned()),
                zone: Some("America/New_York".to_owned()),
                state: Some("NY".to_owned()),
                consent: Some(Consent {
                    kind: ConsentKind::Written,
                    at: Some(at("2026-01-02T00:00:00Z")),
                    source: Some("web form".to_owned()),
                }),
                message: None,
                foreign_id: Some("A-7".to_owned()),
                others: [("city".to_owned(), "Albany".to_owned())].into(),
                attempts: 1,
                step: ContactStep::Due {
                    at: at("2026-11-25T13:00:00Z"),
                    held: Some(HeldReason::CallingHours),
                    zone: Some("America/New_York".to_owned()),
                },
                decisions: vec![PersonDecision {
                    at: at("2026-11-24T02:00:00Z"),
                    decision: "held".to_owned(),
                    reason: "calling_hours".to_owned(),
                    until: Some(at("2026-11-25T13:00:00Z")),
                    zone: Some("America/New_York".to_owned()),
                    ruling: Some(r#"{"decision":"held"}"#.to_owned()),
                    times_held: Some(3),
                }],
            }],
            calls: vec![PersonCall {
                drop: DropId::from_u128(1),
                campaign: Some("spring".to_owned()),
                attempt: 1,
                number,
                pbx: "aftertone".to_owned(),
                technique: Technique::Double,
                message: "promo".to_owned(),
                caller_id: Some("+12025550100".to_owned()),
                ruling: r#"{"decision":"allowed"}"#.to_owned(),
                started_at: at("2026-11-23T18:00:00Z"),
                ended_at: Some(at("2026-11-23T18:00:40Z")),
                outcome: Some(Outcome::NoAnswer),
                proof: Some(Proof::Unproven),
                evidence: Some("/var/lib/aftertone/evidence/20261123T180000Z-1".to_owned()),
            }],
            do_not_call: vec![Barred {
                list: ListName::new("own").unwrap(),
                at: at("2026-11-24T03:00:00Z"),
                because: Some("asked".to_owned()),
            }],
            removals: vec![PersonRemoval {
                list: "old".to_owned(),
                at: at("2026-10-01T00:00:00Z"),
                who: "root".to_owned(),
                because: None,
            }],
            held: vec![PersonHold {
                drop: DropId::from_u128(9),
                message: "spring".to_owned(),
                fields: SpokenColumns::default(),
                held_at: at("2026-11-23T20:00:00Z"),
                hold: SettledHold {
                    state: HeldState::Waiting,
                    reason: "calling_hours".to_owned(),
                    words: None,
                    until: at("2026-11-24T13:00:00Z"),
                },
            }],
            prompts: vec![PersonPrompt {
                prompt: 12,
                ends: Some(PromptEnd::Records),
                calls: 2,
                last_heard: at("2026-11-23T18:00:41Z"),
                is_learnt: true,
            }],
            erased: None,
        }
    }
}
