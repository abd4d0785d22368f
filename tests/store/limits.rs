//! What a trunk and a campaign carry, over all controllers.

use std::{sync::Arc, time::Duration};

use aftertone::{
    campaign::{budget::Calls, engine::CampaignId, pace::Rate},
    drop::{Outcome, Technique},
    id::RunName,
    store::{ControllerLease, Full, Intent, StartTerms, Store, Write, Written},
};
use jiff::Timestamp;
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, controller, end, intent, number, registration},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        starts_of_all_controllers_are_a_gap_apart,
        the_strictest_limits_hold,
        what_a_dead_controller_left_in_flight_counts,
        a_campaign_has_limits_of_its_own,
        who_has_nothing_to_dial_leaves_its_part_to_others,
    )
}

async fn starts_of_all_controllers_are_a_gap_apart(base: &Base) {
    let store = base.open().await;
    let [one, two] = sharers(&store, [(2, 100), (2, 100)]).await;
    let mut moments = Vec::new();
    for (nth, holder) in [(1, &one), (2, &two), (3, &one)] {
        let written = commit(&store, holder, &[single(nth)]).await.remove(0);
        let Written::Scheduled(slot) = written else {
            panic!("{written:?}");
        };
        moments.push(slot.at);
    }
    for pair in moments.windows(2) {
        assert!(
            pair[1].duration_since(pair[0]).as_millis() >= 500,
            "{moments:?}"
        );
    }
    // So far ahead none is given out: what was decided on has to hold.
    let written = commit(&store, &two, &[single(4), single(5)]).await;
    assert!(matches!(
        written[1],
        Written::Full(Full {
            of_campaign: false,
            wait: Some(_)
        })
    ));
}

async fn the_strictest_limits_hold(base: &Base) {
    let store = base.open().await;
    let [generous, strict] = sharers(&store, [(1_000, 50), (1_000, 2)]).await;
    let written = commit(&store, &generous, &[single(1), single(2), single(3)]).await;
    let full = Written::Full(Full {
        of_campaign: false,
        wait: None,
    });
    assert_eq!(written[2], full);
    assert_eq!(commit(&store, &strict, &[single(3)]).await, [full]);
    // One that ends makes room, within the same transaction.
    let ends = Write::EndDrop {
        end: Box::new(end(1, Outcome::NoAnswer)),
        calls: Calls::at_least(Technique::Double),
    };
    let written = commit(&store, &generous, &[ends, single(4)]).await;
    assert!(
        matches!(written[..], [Written::Applied, Written::Scheduled(_)]),
        "{written:?}"
    );
}

async fn what_a_dead_controller_left_in_flight_counts(base: &Base) {
    let store = base.open().await;
    let [dead, alive] = sharers(&store, [(1_000, 1), (1_000, 1)]).await;
    let written = commit(&store, &dead, &[single(1)]).await;
    assert!(
        matches!(written[..], [Written::Scheduled(_)]),
        "{written:?}"
    );
    store.end_controller(&dead, Timestamp::now()).await.unwrap();
    let full = Written::Full(Full {
        of_campaign: false,
        wait: None,
    });
    assert_eq!(commit(&store, &alive, &[single(2)]).await, [full]);
    let shares = store.shares(&alive, Timestamp::now()).await.unwrap();
    assert_eq!(shares.trunk.others_in_flight, 1);
}

async fn a_campaign_has_limits_of_its_own(base: &Base) {
    let fixture = Fixture::of(base, 3).await;
    let _other = controller(&fixture.store, "other").await;
    let (all, _) = fixture.lease(3, 0).await;
    let start = |nth: usize, terms| {
        let of = Some((fixture.campaign, all[nth].id));
        let intent = intent(of, all[nth].number.clone(), nth as u128 + 1);
        Write::Start(Box::new(Intent { terms, ..intent }))
    };
    let slow = StartTerms {
        rate: Rate::new(1, Duration::from_secs(60)),
        ..StartTerms::default()
    };
    let starts = [start(0, slow), start(1, slow)];
    let written = fixture.commit(&starts, 1).await;
    assert!(matches!(written[0], Written::Scheduled(_)), "{written:?}");
    assert!(matches!(
        written[1],
        Written::Full(Full {
            of_campaign: true,
            wait: Some(_)
        })
    ));
    let narrow = StartTerms {
        in_flight: Some(1),
        ..StartTerms::default()
    };
    let written = fixture.commit(&[start(1, narrow)], 1).await;
    assert_eq!(
        written,
        [Written::Full(Full {
            of_campaign: true,
            wait: None
        })]
    );
    // What was not written is due again, once it is given back.
    let state = fixture.state(base, all[1].id).await;
    assert_eq!(state, "leased 0");
}

async fn who_has_nothing_to_dial_leaves_its_part_to_others(base: &Base) {
    let store = base.open().await;
    let [one, two] = sharers(&store, [(2, 5), (2, 5)]).await;
    let sharers_of = async |holder| {
        let shares = store.shares(holder, Timestamp::now()).await.unwrap();
        let campaign = shares.campaigns.get(&CampaignId(7)).copied();
        (
            shares.trunk.sharers,
            campaign.map_or(0, |share| share.sharers),
        )
    };
    store.note_busy(&one, &[CampaignId(7)]).await.unwrap();
    store.note_busy(&two, &[]).await.unwrap();
    assert_eq!(sharers_of(&one).await, (0, 0));
    assert_eq!(sharers_of(&two).await, (1, 1));
    store.note_busy(&two, &[CampaignId(8)]).await.unwrap();
    assert_eq!(sharers_of(&one).await, (1, 0));
    store.end_controller(&two, Timestamp::now()).await.unwrap();
    assert_eq!(sharers_of(&one).await, (0, 0));
}

/// Controllers of two PBXes before one trunk, which know these limits of it: starts a second, drops in flight.
async fn sharers(store: &Store, limits: [(u32, u32); 2]) -> [ControllerLease; 2] {
    let mut all = Vec::new();
    for (nth, (starts, in_flight)) in (1..).zip(limits) {
        let run = RunName::new(&format!("run{nth}")).unwrap();
        let given = aftertone::store::Registration {
            trunk: "carrier".to_owned(),
            rate: Rate::new(starts, Duration::from_secs(1)).unwrap(),
            in_flight,
            ..registration(&run, &format!("pbx{nth}"))
        };
        all.push(
            store
                .begin_controller(&given, Timestamp::now())
                .await
                .unwrap(),
        );
    }
    all.try_into().unwrap()
}

/// A drop outside any campaign.
fn single(nth: usize) -> Write {
    Write::Start(Box::new(intent(None, number(nth), nth as u128)))
}

async fn commit(store: &Store, holder: &ControllerLease, writes: &[Write]) -> Vec<Written> {
    store
        .commit(holder, writes, Timestamp::now())
        .await
        .unwrap()
}
