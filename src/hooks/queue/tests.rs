//! An endpoint's queue on virtual time.

use super::*;
use crate::hooks::attempt::HookFault;

#[test]
fn at_most_so_many_are_sent_at_a_time() {
    let mut queue = queue(|_| {});
    queue.add((1..=20).map(delivery));
    let mut sent = started(&mut queue, 0);
    assert_eq!(sent, (1..=8).collect::<Vec<_>>());
    assert_eq!(queue.wake_at(at(0)), None);
    let ended = queue.end(3, &answered(200), at(1), 0);
    assert_eq!(ended.settled.state, DeliveryState::Delivered);
    sent = started(&mut queue, 1);
    assert_eq!(sent, [9]);
}

#[test]
fn a_message_is_tried_ten_times_over_three_days_and_is_dead_then() {
    let mut now = 0;
    let mut waits = Vec::new();
    for attempts in 0..10 {
        // Others succeed in between, so that it is not the endpoint that is given up.
        let mut queue = queue(|_| {});
        queue.add([DueDelivery {
            attempts,
            ..delivery(1)
        }]);
        assert_eq!(started(&mut queue, now), [1]);
        let ended = queue.end(1, &answered(500), at(now), 1 << 63);
        assert_eq!(ended.disable, None);
        match ended.settled.due_at {
            Some(due) => {
                let wait = due.duration_since(at(now)).as_secs();
                waits.push(wait);
                now += wait;
                assert_eq!(ended.settled.state, DeliveryState::Pending);
            }
            None => assert_eq!(ended.settled.state, DeliveryState::Dead),
        }
    }
    assert_eq!(
        waits,
        [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
    );
}

#[test]
fn an_endpoint_that_fails_ten_times_is_probed_by_one_request() {
    let mut queue = queue(|_| {});
    queue.add((1..=30).map(delivery));
    for round in 0..2 {
        let sent = started(&mut queue, round);
        for id in sent {
            queue.end(id, &silent(), at(round), 1 << 63);
        }
    }
    assert!(queue.health().failures >= 10);
    let probe_at = queue.health().probe_at.unwrap();
    assert_eq!(queue.wake_at(at(2)), Some(probe_at));
    assert_eq!(started(&mut queue, 2), Vec::<i64>::new());
    let later = probe_at.as_second() - BEGIN + 1;
    let probe = started(&mut queue, later);
    assert_eq!(probe.len(), 1);
    // What waits is held back, and nothing more comes into memory.
    assert_eq!(queue.room(at(later)), 0);
    queue.end(probe[0], &answered(204), at(later), 0);
    assert_eq!(started(&mut queue, later).len(), 8);
}

#[test]
fn an_endpoint_that_is_probed_takes_one_message_once_it_may() {
    let health = WebhookHealth {
        failures: 12,
        failing_since: Some(at(0)),
        last_failure_at: Some(at(0)),
        last_success_at: None,
        probe_at: Some(at(60)),
    };
    let mut queue = EndpointQueue::new(&settings(), health);
    assert_eq!((queue.room(at(59)), queue.room(at(60))), (0, 1));
    assert_eq!(queue.wake_at(at(59)), Some(at(60)));
    queue.add([delivery(1)]);
    assert_eq!(queue.room(at(60)), 0);
    assert_eq!(started(&mut queue, 60), [1]);
}

#[test]
fn what_is_gone_is_disabled_at_once_and_nothing_of_it_is_lost() {
    let mut queue = queue(|_| {});
    queue.add((1..=20).map(delivery));
    started(&mut queue, 0);
    let ended = queue.end(1, &answered(410), at(1), 0);
    assert_eq!(ended.disable, Some(DisabledBecause::Gone));
    assert_eq!(ended.settled.state, DeliveryState::Pending);
    assert_eq!(ended.released, (9..=20).collect::<Vec<_>>());
    assert!(queue.is_over());
    assert_eq!(started(&mut queue, 2), Vec::<i64>::new());
    assert_eq!((queue.room(at(2)), queue.wake_at(at(2))), (0, None));
}

#[test]
fn five_days_without_a_success_disable_it() {
    let mut health = WebhookHealth::default();
    for hour in (0..120).step_by(24) {
        let mut queue = EndpointQueue::new(&settings(), health);
        queue.add([delivery(1)]);
        started(&mut queue, hour * 3_600);
        let ended = queue.end(1, &silent(), at(hour * 3_600), 0);
        assert_eq!(ended.disable, None, "{hour}");
        health = *queue.health();
    }
    let mut queue = EndpointQueue::new(&settings(), health);
    queue.add([delivery(1)]);
    started(&mut queue, 120 * 3_600);
    let ended = queue.end(1, &silent(), at(120 * 3_600), 0);
    assert_eq!(ended.disable, Some(DisabledBecause::Failing));
    assert_eq!(ended.settled.state, DeliveryState::Pending);
}

#[test]
fn an_endpoint_that_wants_to_be_left_alone_is() {
    let mut queue = queue(|_| {});
    queue.add((1..=20).map(delivery));
    started(&mut queue, 0);
    let busy = HookAttempt {
        retry_after: Some(Duration::from_secs(90)),
        ..answered(429)
    };
    let ended = queue.end(1, &busy, at(1), 0);
    assert_eq!(ended.settled.due_at, Some(at(91)));
    assert_eq!(started(&mut queue, 90), Vec::<i64>::new());
    assert_eq!(queue.wake_at(at(90)), Some(at(91)));
    assert_eq!(started(&mut queue, 91), [9]);
    let long = HookAttempt {
        retry_after: Some(Duration::from_secs(1_000_000)),
        ..answered(503)
    };
    let ended = queue.end(2, &long, at(100), 0);
    assert_eq!(ended.settled.due_at, Some(at(3_700)));
}

#[test]
fn an_ordered_endpoint_is_sent_one_behind_the_other() {
    let mut queue = queue(|settings| settings.ordered = true);
    queue.add((1..=4).map(delivery));
    assert_eq!(started(&mut queue, 0), [1]);
    assert!(queue.end(1, &answered(200), at(0), 0).released.is_empty());
    assert_eq!(started(&mut queue, 1), [2]);
    let ended = queue.end(2, &answered(500), at(1), 0);
    assert_eq!(ended.settled.state, DeliveryState::Pending);
    assert_eq!(ended.released, [3, 4]);
    assert_eq!(started(&mut queue, 2), Vec::<i64>::new());
}

#[test]
fn so_many_are_sent_a_second() {
    let mut queue = queue(|settings| settings.per_second = Some(2));
    queue.add((1..=9).map(delivery));
    let mut sent = Vec::new();
    for ms in (0..2_000).step_by(50) {
        let now = Timestamp::from_millisecond(BEGIN * 1_000 + ms).unwrap();
        while let Some(delivery) = queue.start(now) {
            sent.push((ms, delivery.id));
            queue.end(delivery.id, &answered(200), now, 0);
        }
    }
    assert_eq!(sent, [(0, 1), (500, 2), (1_000, 3), (1_500, 4)]);
}

#[test]
fn a_clock_that_is_set_back_holds_up_nothing() {
    let mut queue = queue(|settings| settings.per_second = Some(2));
    queue.add((1..=9).map(delivery));
    assert_eq!(started(&mut queue, 0), [1]);
    // An hour back: the next is sent half a second later, as it would have been.
    assert_eq!(started(&mut queue, -3_600), Vec::<i64>::new());
    assert_eq!(started(&mut queue, -3_599), [2]);
    let busy = HookAttempt {
        retry_after: Some(Duration::from_secs(90)),
        ..answered(429)
    };
    queue.end(1, &busy, at(-3_598), 0);
    assert_eq!(started(&mut queue, -7_200), Vec::<i64>::new());
    assert_eq!(queue.wake_at(at(-7_200)), Some(at(-7_110)));
    assert_eq!(queue.health().probe_at, Some(at(-7_110)));
    assert_eq!(started(&mut queue, -7_110), [3]);

    // The same of a probe.
    let mut queue = self::queue(|_| {});
    queue.add((1..=30).map(delivery));
    for round in 0..2 {
        for id in started(&mut queue, round) {
            queue.end(id, &silent(), at(round), 1 << 63);
        }
    }
    assert!(queue.health().probe_at.is_some_and(|at| at > self::at(1)));
    assert_eq!(queue.room(at(-86_400)), 0);
    assert_eq!(started(&mut queue, -86_400), Vec::<i64>::new());
    assert_eq!(started(&mut queue, -86_400 + 360).len(), 1);
}

#[test]
fn whoever_takes_an_endpoint_over_leaves_it_alone_as_long_as_it_asked() {
    let mut queue = queue(|_| {});
    queue.add((1..=20).map(delivery));
    started(&mut queue, 0);
    let busy = HookAttempt {
        retry_after: Some(Duration::from_secs(600)),
        ..answered(503)
    };
    queue.end(1, &busy, at(1), 0);
    // One that was in flight meanwhile takes nothing back.
    queue.end(2, &answered(200), at(2), 0);
    assert_eq!(queue.health().failures, 0);
    let mut next = EndpointQueue::new(&settings(), *queue.health());
    next.add((9..=20).map(delivery));
    assert_eq!(started(&mut next, 600), Vec::<i64>::new());
    assert_eq!(next.wake_at(at(600)), Some(at(601)));
    assert_eq!(started(&mut next, 601).len(), 8);
    // Its process began when the clock was set back by a day: it is not waited for longer than is ever heeded.
    let mut back = EndpointQueue::new(&settings(), *queue.health());
    back.add([delivery(9)]);
    assert_eq!(started(&mut back, -86_400), Vec::<i64>::new());
    assert_eq!(started(&mut back, -82_800), [9]);
}

#[test]
fn memory_has_its_bound() {
    let mut queue = queue(|_| {});
    assert_eq!(queue.room(at(0)), 256);
    queue.add((1..=100).map(delivery));
    assert_eq!(queue.room(at(0)), 156);
    queue.add((101..=256).map(delivery));
    assert_eq!(queue.room(at(0)), 0);
    let mut batches = self::queue(|settings| settings.batch = 500);
    assert_eq!(batches.room(at(0)), 16);
}

fn queue(change: impl FnOnce(&mut WebhookSettings)) -> EndpointQueue {
    let mut settings = settings();
    change(&mut settings);
    EndpointQueue::new(&settings, WebhookHealth::default())
}

fn settings() -> WebhookSettings {
    WebhookSettings {
        url: "https://crm.example/".to_owned(),
        description: None,
        types: Vec::new(),
        campaign: None,
        full_numbers: false,
        concurrency: 8,
        per_second: None,
        ordered: false,
        batch: 1,
        linger_ms: 0,
    }
}

fn started(queue: &mut EndpointQueue, second: i64) -> Vec<i64> {
    std::iter::from_fn(|| queue.start(at(second)))
        .map(|delivery| delivery.id)
        .collect()
}

fn delivery(id: i64) -> DueDelivery {
    DueDelivery {
        id,
        message: format!("evt_{id}"),
        first: id.unsigned_abs(),
        last: id.unsigned_abs(),
        events: 1,
        types: vec!["drop.ended".to_owned()],
        body: Some("{}".to_owned()),
        attempts: 0,
    }
}

fn answered(status: u16) -> HookAttempt {
    HookAttempt {
        at: at(0),
        took: Duration::from_millis(20),
        status: Some(status),
        fault: None,
        answer: None,
        retry_after: None,
    }
}

fn silent() -> HookAttempt {
    HookAttempt {
        status: None,
        fault: Some(HookFault::Timeout),
        ..answered(0)
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(BEGIN + second).unwrap()
}

const BEGIN: i64 = 1_790_000_000;
