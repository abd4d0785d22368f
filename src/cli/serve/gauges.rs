//! What `/metrics` shows of a controller, from its view of itself.

use jiff::Timestamp;

use crate::{
    campaign::{
        RefusedReason,
        engine::{End, PauseReason, Phase, Why},
    },
    drop::{Outcome, Proof, Technique},
    metrics::{CampaignGauges, Labels},
    orders::{CampaignView, View, fraction, gauge_slug, phase_slug},
    words::Verdict,
};

/// The words of all labels that are known beforehand.
pub(super) fn labels() -> Labels {
    let verdicts = [
        Verdict::Machine,
        Verdict::Human,
        Verdict::Unsure,
        Verdict::Fax,
        Verdict::Sit,
        Verdict::Silence,
        Verdict::Menu,
        Verdict::Screening,
    ];
    let refused = [
        RefusedReason::DoNotCall,
        RefusedReason::NoConsent,
        RefusedReason::InvalidNumber,
        RefusedReason::BlockedPrefix,
        RefusedReason::EmergencyNumber,
        RefusedReason::Duplicate,
    ];
    let proofs = [Proof::Proven, Proof::Probable, Proof::Unproven];
    Labels {
        techniques: vec![
            Technique::Double.slug(),
            Technique::Single.slug(),
            Technique::Adopted.slug(),
        ],
        outcomes: Outcome::ALL.map(Outcome::slug).to_vec(),
        proofs: proofs.map(Proof::slug).to_vec(),
        verdicts: verdicts.map(Verdict::as_str).to_vec(),
        refused: refused.map(RefusedReason::slug).to_vec(),
    }
}

/// What is shown of the campaigns of a controller.
pub(super) fn gauges(view: &View) -> CampaignGauges {
    let mut phases: Vec<_> = PHASES.map(|phase| (phase_slug(phase), 0)).to_vec();
    for phase in view.campaigns.iter().filter_map(CampaignView::phase) {
        let slug = phase_slug(phase);
        if let Some((_, count)) = phases.iter_mut().find(|(word, _)| *word == slug) {
            *count += 1;
        }
    }
    let sum = |of: fn(&CampaignView) -> u64| view.campaigns.iter().map(of).sum::<u64>();
    let (contacts, in_flight) = (sum(|c| c.contacts), sum(|c| c.in_flight));
    let ended = sum(|campaign| campaign.outcomes.values().sum());
    let refused = sum(|campaign| campaign.refused.values().sum());
    let waiting = contacts.saturating_sub(in_flight + ended + refused);
    let budget = view.budget.iter().map(|gauge| {
        let limit = gauge.limit.map(fraction);
        (gauge_slug(gauge.gauge), fraction(gauge.share), limit)
    });
    CampaignGauges {
        phases,
        contacts: vec![
            ("waiting", waiting),
            ("in_flight", in_flight),
            ("ended", ended),
            ("refused", refused),
        ],
        is_idle_expected: view.trouble.is_none() && view.campaigns.iter().all(is_expected),
        are_clocks_right: !view.campaigns.iter().any(CampaignView::waits_for_clocks),
        budget: budget.collect(),
    }
}

/// What is shown while there is no controller.
pub(super) fn nothing() -> CampaignGauges {
    gauges(&View {
        at: Timestamp::UNIX_EPOCH,
        campaigns: Vec::new(),
        budget: Vec::new(),
        trouble: None,
        draining: false,
    })
}

/// Whether a campaign that runs waits for what comes by itself. One that dials does not wait.
fn is_expected(campaign: &CampaignView) -> bool {
    let Some(run) = &campaign.run else {
        return true;
    };
    if run.phase != Phase::Running {
        return true;
    }
    match &run.idle {
        Some(
            Why::Over(_)
            | Why::Draining { .. }
            | Why::Cancelling { .. }
            | Why::Paused(_)
            | Why::Hours(_)
            | Why::DatesOver
            | Why::Pace { .. }
            | Why::Waiting(_)
            | Why::Finishing { .. },
        ) => true,
        None
        | Some(
            Why::StoreAway
            | Why::ClocksApart
            | Why::PbxAway
            | Why::TrunkOffline
            | Why::FilesAway(_)
            | Why::Budget(_)
            | Why::Full { .. }
            | Why::Asking
            | Why::MakingMessages { .. },
        ) => false,
    }
}

/// One of each phase that has a word of its own.
const PHASES: [Phase; 8] = [
    Phase::Running,
    Phase::Paused(PauseReason::Operator),
    Phase::Paused(PauseReason::Errors { errors: 0, of: 0 }),
    Phase::Paused(PauseReason::Refusals {
        refused: 0,
        of: 0,
        before: 0,
        of_before: 0,
    }),
    Phase::Cancelling,
    Phase::Over(End::Complete),
    Phase::Over(End::Cancelled),
    Phase::Over(End::DatesOver),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        campaign::{budget::Share, engine::CampaignId},
        orders::{GaugeView, RunView},
    };

    #[test]
    fn campaigns_are_counted_by_phase_and_contacts_by_stage() {
        let view = View {
            campaigns: vec![
                campaign(Phase::Running, Some(Why::Waiting(String::new()))),
                campaign(Phase::Running, None),
                campaign(Phase::Over(End::Complete), Some(Why::Over(End::Complete))),
            ],
            ..view()
        };
        let shown = gauges(&view);
        assert_eq!(shown.phases.len(), PHASES.len());
        assert!(shown.phases.contains(&("running", 2)) && shown.phases.contains(&("complete", 1)));
        assert!(shown.phases.contains(&("stopped_on_refusals", 0)));
        let stages = [
            ("waiting", 15),
            ("in_flight", 3),
            ("ended", 6),
            ("refused", 6),
        ];
        assert_eq!(shown.contacts, stages);
        assert_eq!(
            shown.budget,
            [("short", 0.1, Some(0.2)), ("people", 0.0, None)]
        );
        assert!(nothing().phases.iter().all(|(_, count)| *count == 0));
    }

    #[test]
    fn who_waits_for_what_does_not_come_by_itself_is_not_expected_to() {
        for (phase, idle, expected) in [
            (Phase::Running, Some(Why::Waiting(String::new())), true),
            (Phase::Running, Some(Why::Hours(String::new())), true),
            (Phase::Running, Some(Why::PbxAway), false),
            (Phase::Running, Some(Why::TrunkOffline), false),
            (Phase::Running, Some(Why::ClocksApart), false),
            (Phase::Running, Some(Why::Asking), false),
            (Phase::Running, None, false),
            (
                Phase::Paused(PauseReason::Operator),
                Some(Why::PbxAway),
                true,
            ),
        ] {
            let words = format!("{phase:?} {idle:?}");
            let view = View {
                campaigns: vec![campaign(phase, idle)],
                ..view()
            };
            let shown = gauges(&view);
            assert_eq!(shown.is_idle_expected, expected, "{words}");
            let are_right = !words.contains("ClocksApart");
            assert_eq!(shown.are_clocks_right, are_right, "{words}");
            let trouble = View {
                trouble: Some("the disk is full".to_owned()),
                ..view
            };
            assert!(!gauges(&trouble).is_idle_expected, "{words}");
        }
    }

    fn view() -> View {
        let gauge = |gauge, share, limit: Option<u32>| GaugeView {
            gauge,
            share: Share::thousandths(share),
            limit: limit.map(Share::thousandths),
            state: crate::campaign::budget::GaugeState::Well,
        };
        View {
            at: Timestamp::UNIX_EPOCH,
            campaigns: Vec::new(),
            budget: vec![
                gauge(crate::campaign::budget::Gauge::Short, 100, Some(200)),
                gauge(crate::campaign::budget::Gauge::People, 0, None),
            ],
            trouble: None,
            draining: false,
        }
    }

    fn campaign(phase: Phase, idle: Option<Why>) -> CampaignView {
        CampaignView {
            id: CampaignId(1),
            name: "spring".to_owned(),
            standing: "running",
            contacts: 10,
            done: 4,
            in_flight: 1,
            outcomes: BTreeMap::from([(Outcome::Delivered, 2)]),
            refused: BTreeMap::from([(RefusedReason::NoConsent, 2)]),
            stored: None,
            run: Some(RunView {
                phase,
                started: 0,
                starts_a_minute: 0,
                ends_at: None,
                idle_words: idle.as_ref().map(|_| String::new()),
                idle,
                idle_until: None,
            }),
        }
    }
}
