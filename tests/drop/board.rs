//! The board: routing, drops that come while the link is lost, ghosts, deadlines.

use std::{collections::BTreeMap, time::Duration};

use aftertone::{
    clock,
    drop::{Board, Command, Event, Milestone, Outcome, Seen},
    id::DropId,
    words::Leg,
};

use crate::script;

const ONE: DropId = DropId::from_u128(1);
const TWO: DropId = DropId::from_u128(2);

#[test]
fn a_drop_starts_once() {
    let (mut board, now) = (Board::new(), clock::now());
    board.start(ONE, script::plan("double"), now);
    board.start(ONE, script::plan("single"), now);
    assert_eq!(commands(&mut board), [(ONE, Command::Dial(Leg::Busy))]);
    assert_eq!(board.len(), 1);
}

#[test]
fn an_event_reaches_its_drop_alone() {
    let (mut board, now) = (Board::new(), clock::now());
    board.start(ONE, script::plan("single"), now);
    board.start(TWO, script::plan("single"), now);
    commands(&mut board);
    board.handle_event(TWO, script::event("entered drop"), now);
    assert_eq!(commands(&mut board), [(TWO, Command::Screen(Leg::Drop))]);
}

#[test]
fn the_next_deadline_is_that_of_the_drop_that_is_due_first() {
    let (mut board, now) = (Board::new(), clock::now());
    assert_eq!(board.poll_timeout(), None);
    board.start(ONE, script::plan("lead=3"), now);
    board.start(TWO, script::plan("lead=2"), now);
    assert_eq!(board.poll_timeout(), Some(now + Duration::from_secs(2)));
    board.handle_event(TWO, script::event("accepted busy"), now);
    board.handle_timeout(now + Duration::from_millis(2_500));
    assert_eq!(board.poll_timeout(), Some(now + Duration::from_secs(3)));
    board.handle_timeout(now + Duration::from_secs(3));
    assert_eq!(
        board.poll_timeout(),
        Some(now + Duration::from_millis(47_500))
    );
    board.handle_event(TWO, script::event("gone drop 17"), now);
    board.handle_event(TWO, script::event("gone busy 17"), now);
    assert_eq!(board.poll_timeout(), Some(now + Duration::from_secs(48)));
}

#[test]
fn deadlines_that_fall_together_are_all_met() {
    let (mut board, now) = (Board::new(), clock::now());
    board.start(ONE, script::plan("lead=2"), now);
    board.start(TWO, script::plan("lead=2"), now);
    for id in [ONE, TWO] {
        board.handle_event(id, script::event("accepted busy"), now);
    }
    commands(&mut board);
    board.handle_timeout(now + Duration::from_secs(2));
    let dialled = [
        (ONE, Command::Dial(Leg::Drop)),
        (TWO, Command::Dial(Leg::Drop)),
    ];
    assert_eq!(commands(&mut board), dialled);
}

#[test]
fn an_ended_drop_leaves_the_board_with_one_report() {
    let (mut board, now) = (Board::new(), clock::now());
    board.start(ONE, script::plan("single"), now);
    board.handle_event(ONE, script::event("gone drop 17/486"), now);
    board.handle_event(ONE, script::event("gone drop 17/486"), now);
    board.cancel(ONE, now);
    assert_eq!(ended(&mut board), [(ONE, Outcome::Busy)]);
    assert!(board.is_empty() && !board.owns(ONE));
    assert_eq!(board.poll_timeout(), None);
    let told = std::iter::from_fn(|| board.poll_moment()).map(|(_, moment)| moment.event);
    let told: Vec<_> = told.collect();
    assert_eq!(told, [Milestone::DropDialled, Milestone::DropGone]);
}

#[test]
fn an_id_may_be_used_again_once_its_drop_has_ended() {
    let (mut board, now) = (Board::new(), clock::now());
    board.start(ONE, script::plan("single"), now);
    board.handle_event(ONE, script::event("gone drop 17"), now);
    board.start(ONE, script::plan("single"), now);
    board.handle_event(ONE, script::event("gone drop 21/603"), now);
    assert_eq!(
        ended(&mut board),
        [(ONE, Outcome::Busy), (ONE, Outcome::Rejected)]
    );
}

#[test]
fn a_leg_of_no_drop_that_shows_life_is_hung_up_and_one_that_does_not_is_left_alone() {
    let rows = [
        ("accepted drop", true),
        ("progress drop", true),
        ("ringing drop", true),
        ("answered drop", true),
        ("entered drop", true),
        ("screened drop machine", true),
        ("ready drop beep", true),
        ("not_ready drop", true),
        ("play_started 1", false),
        ("play_done 1", false),
        ("far_end drop 16", false),
        ("gone drop 16", false),
        ("absent drop", false),
        ("refused hang_up drop failed", false),
        ("refused dial drop no_reply", false),
    ];
    let (mut board, now) = (Board::new(), clock::now());
    for (event, hung_up) in rows {
        board.handle_event(ONE, script::event(event), now);
        let expected = if hung_up {
            vec![(ONE, Command::HangUp(Leg::Drop))]
        } else {
            vec![]
        };
        assert_eq!(commands(&mut board), expected, "{event}");
    }
    assert!(board.is_empty() && board.poll_ended().is_none());
}

#[test]
fn a_drop_started_while_the_link_is_lost_ends_at_once_and_dials_nothing() {
    for technique in ["single", "double"] {
        let (mut board, now) = (Board::new(), clock::now());
        board.start(TWO, script::plan("single"), now);
        commands(&mut board);
        board.link_lost(now);
        board.start(ONE, script::plan(technique), now);
        // The order that came twice is not the drop that is in flight.
        board.start(TWO, script::plan(technique), now);
        let (id, report) = board.poll_ended().unwrap();
        assert!(id == ONE && report.is_not_dialled(), "{report:?}");
        let why = Some("the event link to the PBX is down");
        assert_eq!(report.words.as_deref(), why);
        assert!(report.timeline.is_empty() && board.poll_ended().is_none());
        assert!(!board.owns(ONE) && board.owns(TWO));
        let later = now + Duration::from_secs(36_000);
        board.link_restored(&[(TWO, Seen::default())].into(), later);
        let dialled = |(_, command): &(DropId, Command)| matches!(command, Command::Dial(_));
        assert!(!commands(&mut board).iter().any(dialled));
        board.start(ONE, script::plan("single"), later);
        assert!(commands(&mut board).iter().any(dialled));
    }
}

#[test]
fn all_drops_can_be_cancelled_at_once() {
    let (mut board, now) = (Board::new(), clock::now());
    board.start(ONE, script::plan("single"), now);
    board.start(TWO, script::plan("single"), now);
    commands(&mut board);
    board.cancel_all(now);
    let hung_up = [
        (ONE, Command::HangUp(Leg::Drop)),
        (TWO, Command::HangUp(Leg::Drop)),
    ];
    assert_eq!(commands(&mut board), hung_up);
}

#[test]
fn what_is_seen_after_a_gap_reaches_the_drop_it_belongs_to() {
    let (mut board, now) = (Board::new(), clock::now());
    for id in [ONE, TWO] {
        board.start(id, script::plan("single"), now);
        board.handle_event(id, Event::Accepted(Leg::Drop), now);
    }
    commands(&mut board);
    board.link_lost(now);
    let seen: BTreeMap<DropId, Seen> = [(TWO, script::seen("drop answered; drop entered"))].into();
    board.link_restored(&seen, now);
    let expected = [
        (ONE, Command::HangUp(Leg::Drop)),
        (TWO, Command::Screen(Leg::Drop)),
    ];
    assert_eq!(commands(&mut board), expected);
    assert_eq!(ended(&mut board), [(ONE, Outcome::Lost)]);
    assert!(board.owns(TWO));
}

fn commands(board: &mut Board) -> Vec<(DropId, Command)> {
    std::iter::from_fn(|| board.poll_command()).collect()
}

fn ended(board: &mut Board) -> Vec<(DropId, Outcome)> {
    std::iter::from_fn(|| board.poll_ended())
        .map(|(id, report)| (id, report.outcome))
        .collect()
}
