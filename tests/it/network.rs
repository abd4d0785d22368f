//! What a trunk and a network answer that is not about the callee: who is blamed, what is retried, and who is rung.

use std::time::Duration;

use aftertone::{
    campaign::{
        budget::TechniqueRule,
        engine::{PauseReason, Phase, StopOn},
        retry::{Backoff, RetryRules},
    },
    controller::{Ended, Selection},
    drop::Outcome,
    orders::View,
    words::Leg,
};
use futures::{StreamExt, stream};

use crate::{
    campaign::campaign_fixture::{CampaignFixture, end_of},
    fake::{
        Settings, World,
        fault::{Fault, Kind, Rule},
        log::What,
        script::{Call, Far, Script},
    },
    program::{Program, count, pbx},
};

#[tokio::test]
async fn each_failure_has_its_outcome_by_status_and_by_cause_alone() {
    let at_once = |q850, sip| Script::refusing(q850, sip);
    let rang = |q850, sip| {
        let steps = [(20, Far::Ringing), (30, Far::Refuse { q850, sip })];
        Script(vec![Call::of(&steps)])
    };
    // What came, the outcome by the SIP status, and the outcome if the PBX reports the cause alone.
    let rows = [
        ("403", at_once(21, 403), "failed", "failed"),
        ("407", at_once(21, 407), "failed", "failed"),
        ("603", at_once(21, 603), "rejected", "failed"),
        ("603 after a ring", rang(21, 603), "rejected", "rejected"),
        ("403 after a ring", rang(21, 403), "failed", "rejected"),
        ("608", at_once(127, 608), "rejected", "failed"),
        ("408", at_once(18, 408), "congestion", "congestion"),
        ("408 after a ring", rang(18, 408), "no_answer", "no_answer"),
        ("480", at_once(19, 480), "congestion", "no_answer"),
        ("480 after a ring", rang(19, 480), "no_answer", "no_answer"),
        ("504", at_once(102, 504), "congestion", "congestion"),
        ("404", at_once(1, 404), "invalid_number", "invalid_number"),
        ("302", at_once(23, 302), "failed", "failed"),
    ];
    let runs = rows.into_iter().flat_map(|(name, script, status, cause)| {
        [(true, status), (false, cause)].map(|(tells, outcome)| {
            let settings = Settings {
                tells_status: tells,
                ..pbx(script.clone())
            };
            async move {
                let program = Program::new(settings).await;
                let ended = program.drop(&["--technique", "single"]).await;
                program.assert_clean(name, &ended);
                let was = (ended.outcome(), ended.status);
                (was != (outcome.to_owned(), Some(1)))
                    .then(|| format!("{name}, status told: {tells}: {was:?}, not {outcome}"))
            }
        })
    });
    let wrong: Vec<String> = stream::iter(runs)
        .buffer_unordered(6)
        .filter_map(|wrong| async { wrong })
        .collect()
        .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_call_that_the_network_redirects_rings_no_phone() {
    let redirect = Far::Redirect {
        to: "+12025550199",
        told: true,
    };
    let stranger = Script(vec![Call::of(&[(3_000, Far::Ringing), (50, Far::Answer)])]);
    let rows = [
        ("the first call", vec![Call::of(&[(20, redirect)])]),
        (
            "the second call",
            vec![Call::ringing_for_ever(), Call::of(&[(20, redirect)])],
        ),
    ];
    for (name, calls) in rows {
        let settings = pbx(Script(calls)).number("0199", stranger.clone());
        let program = Program::new(settings).await;
        let ended = program.drop(&[]).await;
        program.assert_clean(name, &ended);
        let json = ended.json();
        assert_eq!(ended.outcome(), "failed", "{name}: {ended:?}");
        assert_eq!(json["reason"], "redirected", "{name}: {json:#}");
        assert_eq!(json["words"], "the network redirected the call");
        assert!(
            program.fake.with(|world| !rang_a_stranger(world)),
            "{name}\n{}",
            program.fake.ladder()
        );
    }
}

/// Whether a channel that the PBX made in the place of one of ours got as far as ringing.
fn rang_a_stranger(world: &World) -> bool {
    world.log.iter().any(|entry| match &entry.what {
        What::Event {
            kind: "ChannelStateChange",
            channel: Some(channel),
            ..
        } => channel.starts_with("1699999999."),
        What::Event { .. } | What::Request { .. } => false,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_that_enters_our_app_with_a_drop_s_id_is_hung_up_at_once() {
    let fixture = CampaignFixture::new(Script(vec![
        Call::ringing_for_ever(),
        Call::of(&[(1_500, Far::Ringing), (50, Far::Answer)]),
    ]))
    .await;
    let redirect = Far::Redirect {
        to: "+12025550199",
        told: false,
    };
    fixture.script("0199", Script(vec![Call::of(&[(200, Far::Answer)])]));
    fixture.campaign("spring", 8).await;
    let redirected = crate::campaign::campaign_fixture::number(1_001)
        .full()
        .to_string();
    let ending = redirected[redirected.len() - 4..].to_owned();
    fixture.script(&ending, Script(vec![Call::of(&[(20, redirect)])]));
    let controller = fixture.open(Selection::All).await.unwrap();
    let running = tokio::spawn(controller.run());
    let entered = |world: &mut World| {
        let of = world
            .channels
            .keys()
            .find(|id| id.starts_with("1699999999."));
        of.cloned()
    };
    let stranger = fixture.program.fake.until("a stranger", entered).await;
    let hung_up = |world: &mut World| {
        let asked = world.log.iter().any(|entry| match &entry.what {
            What::Request {
                kind: Kind::HangUp,
                channel,
                ..
            } => channel.as_deref() == Some(&stranger),
            What::Request { .. } | What::Event { .. } => false,
        });
        (asked && !world.channels.contains_key(&stranger)).then_some(())
    };
    fixture.program.fake.until("its end", hung_up).await;
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    fixture.assert_nothing_up();
    let tally = fixture.tally("spring").await;
    assert_eq!(tally.outcomes[&Outcome::Failed], 1, "{tally:?}");
    assert_eq!(tally.outcomes[&Outcome::Delivered], 7, "{tally:?}");
}

#[tokio::test]
async fn an_offline_trunk_is_reported_before_anything_is_dialled() {
    let settings = Settings {
        offline: true,
        ..pbx(Script::mailbox())
    };
    let program = Program::new(settings).await;
    let ended = program.drop(&[]).await;
    program.assert_clean("offline", &ended);
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert_eq!(ended.stdout, "");
    insta::assert_snapshot!(ended.spoken(), @r"
    error: nothing was dialled: the trunk PJSIP/carrier is offline, its far end does not answer the PBX
    hint: look at it on the PBX's console with `pjsip show endpoint` and `pjsip show contacts`, and try again when it is online
    ");
    let dialled = program
        .fake
        .with(|world| count(world, Kind::Originate, None));
    assert_eq!(dialled, 0);
}

#[tokio::test]
async fn a_call_that_the_pbx_cannot_make_says_so() {
    let settings = Settings {
        trunks: vec!["another".into()],
        ..pbx(Script::mailbox())
    };
    let program = Program::new(settings).await;
    let ended = program.drop(&[]).await;
    program.assert_clean("no such endpoint", &ended);
    assert_eq!((ended.outcome().as_str(), ended.status), ("error", Some(1)));
    let json = ended.json();
    assert_eq!(json["reason"], "not_made", "{json:#}");
    let words = json["words"].as_str().unwrap();
    assert!(words.contains("Allocation failed"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_waits_for_an_offline_trunk_and_burns_no_contact() {
    let fixture = CampaignFixture::new(Script::mailbox()).await;
    fixture
        .program
        .fake
        .with(|world| world.settings.offline = true);
    fixture.campaign("spring", 12).await;
    let controller = fixture.open(Selection::All).await.unwrap();
    let mut view = controller.watch();
    let running = tokio::spawn(controller.run());
    let seen = fixture.until_view(&mut view, is_offline).await;
    let words = seen.trouble.unwrap();
    assert!(words.contains("the trunk is offline"), "{words}");
    assert_eq!(fixture.requests(Kind::Originate), 0);
    // It is asked for again, and not only once.
    let asked = fixture.requests(Kind::Endpoints);
    let again = |world: &mut World| {
        let those = world.log.iter().filter(|e| e.is_request(Kind::Endpoints));
        (those.count() > asked).then_some(())
    };
    fixture.program.fake.until("another look", again).await;
    assert_eq!(fixture.requests(Kind::Originate), 0);
    fixture
        .program
        .fake
        .with(|world| world.settings.offline = false);
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    fixture.assert_each(12, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_goes_offline_in_a_campaign_costs_no_contact_its_attempt() {
    let fixture = CampaignFixture::new(Script::mailbox()).await;
    fixture.trunk("starts_per_second = 10\nin_flight = 6");
    fixture.campaign("spring", 24).await;
    let controller = fixture.open(Selection::All).await.unwrap();
    let mut view = controller.watch();
    let running = tokio::spawn(controller.run());
    fixture.until_dialled(6).await;
    fixture
        .program
        .fake
        .with(|world| world.settings.offline = true);
    fixture.until_view(&mut view, is_offline).await;
    fixture
        .program
        .fake
        .with(|world| world.settings.offline = false);
    assert_eq!(end_of(running).await.unwrap(), Ended::Over);
    fixture.assert_nothing_up();
    let tally = fixture.tally("spring").await;
    let lost: u64 = [Outcome::Failed, Outcome::Error]
        .iter()
        .filter_map(|outcome| tally.outcomes.get(outcome))
        .sum();
    // A drop whose busy leg was up as the trunk went may have lost its second call.
    assert!(lost <= 6, "{tally:?}");
    let delivered = tally.outcomes[&Outcome::Delivered];
    assert_eq!(delivered + lost, 24, "{tally:?}");
}

fn is_offline(view: &View) -> bool {
    let campaign = view.campaigns.first();
    let idle = campaign.and_then(|campaign| campaign.idle());
    idle.is_some_and(|(slug, words)| slug == "trunk_offline" && words.contains("asked again"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_whose_numbers_are_all_refused_stops_and_says_what_it_had_before() {
    for (q850, sip, outcome) in [
        (1, 404, Outcome::InvalidNumber),
        (21, 603, Outcome::Rejected),
    ] {
        let fixture = CampaignFixture::new(Script::refusing(q850, sip)).await;
        fixture.trunk("starts_per_second = 50\nin_flight = 4");
        fixture
            .campaign_with("spring", 100, |spec| spec.stop_on = Some(StopOn::default()))
            .await;
        let controller = fixture.open(Selection::All).await.unwrap();
        let orders = controller.orders();
        let mut view = controller.watch();
        let running = tokio::spawn(controller.run());
        let is_stopped = |view: &View| {
            let phase = view.campaigns.first().and_then(|campaign| campaign.phase());
            matches!(phase, Some(Phase::Paused(PauseReason::Refusals { .. })))
        };
        let seen = fixture.until_view(&mut view, is_stopped).await;
        let (slug, words) = seen.campaigns[0].idle().unwrap();
        assert_eq!(slug, "paused");
        assert!(
            words.contains("of the last 20 drops were declined or had no such number"),
            "{words}"
        );
        orders.finish();
        assert_eq!(end_of(running).await.unwrap(), Ended::Drained);
        let tally = fixture.tally("spring").await;
        let burnt = tally.outcomes[&outcome];
        assert!((20..=30).contains(&burnt), "{tally:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_our_own_call_makes_busy_is_tried_again_by_one_call_or_not_at_all() {
    let script = || {
        let busy = Call::of(&[(20, Far::Refuse { q850: 17, sip: 486 })]);
        Script(vec![Call::ringing_for_ever(), busy, Call::mailbox()])
    };
    for (technique, outcome, busy_legs, drop_legs) in [
        (TechniqueRule::ByShare, "delivered", 1, 2),
        (TechniqueRule::Double, "busy", 1, 1),
    ] {
        let fixture = CampaignFixture::new(script()).await;
        fixture
            .campaign_with("spring", 1, |spec| {
                let soon = Backoff {
                    first: Duration::from_secs(1),
                    factor: 1,
                    longest: Duration::from_secs(1),
                    attempts: 4,
                };
                let mut retry = RetryRules::none();
                retry.set_most_attempts(4);
                retry.set(Outcome::Busy, Some(soon)).unwrap();
                spec.retry = retry;
                spec.technique = technique;
            })
            .await;
        let controller = fixture.open(Selection::All).await.unwrap();
        assert_eq!(controller.run().await.unwrap(), Ended::Over);
        let tally = fixture.tally("spring").await;
        let ends: Vec<_> = tally.outcomes.keys().map(|o| o.slug()).collect();
        assert_eq!(ends, [outcome], "{technique:?}");
        let dialled = [Leg::Busy, Leg::Drop].map(|leg| {
            let fake = &fixture.program.fake;
            fake.with(|world| count(world, Kind::Originate, Some(leg)))
        });
        assert_eq!(dialled, [busy_legs, drop_legs], "{technique:?}");
    }
}

#[tokio::test]
async fn a_drop_leg_that_shows_nothing_lets_the_busy_leg_go_before_it_rings() {
    let queued = [(1_600, Far::Ringing), (50, Far::Answer)];
    let program = Program::new(pbx(Script(vec![
        Call::ringing_for_ever(),
        Call::of(&queued),
    ])))
    .await;
    program.set("release_when_unheard", "1s");
    let ended = program.drop(&[]).await;
    program.assert_clean("queued", &ended);
    assert_eq!(ended.outcome(), "delivered", "{ended:?}");
    let json = ended.json();
    let at = |event: &str| {
        let timeline = json["timeline"].as_array().unwrap();
        let moment = timeline.iter().find(|moment| moment["event"] == event);
        moment.unwrap()["at_ms"].as_u64().unwrap()
    };
    assert!(at("busy_hung_up") >= at("drop_dialled") + 1_000, "{json:#}");
    assert!(at("busy_hung_up") < at("drop_alerting"), "{json:#}");
}

#[tokio::test]
async fn the_second_call_waits_until_the_pbx_has_answered_for_the_first() {
    let settings = pbx(Script(vec![Call::of(&[]), Call::mailbox()]));
    let slow = Fault::Slow(Duration::from_millis(800));
    let rules = vec![Rule::once(Kind::Originate, slow).on(Leg::Busy)];
    let program = Program::with_rules(settings, rules).await;
    let ended = program.drop(&[]).await;
    program.assert_clean("slow", &ended);
    assert_eq!(ended.outcome(), "delivered", "{ended:?}");
    let json = ended.json();
    let second = &json["timeline"][1];
    assert_eq!(second["event"], "drop_dialled", "{json:#}");
    assert!(second["at_ms"].as_u64().unwrap() >= 800, "{json:#}");
}
