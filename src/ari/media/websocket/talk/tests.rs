use super::*;

/// A talk, its clock, and what it has done.
struct Scene {
    begin: Instant,
    now: Instant,
    talk: Talk,
}

impl Scene {
    fn new() -> Self {
        let now = crate::clock::now();
        let mut scene = Self {
            begin: now,
            now,
            talk: Talk::new(now),
        };
        scene.said(PbxMessage::Start(Style::Plain));
        scene
    }

    fn at(&mut self, millis: u64) -> &mut Self {
        self.now = self.begin + Duration::from_millis(millis);
        self
    }

    fn order(&mut self, order: Order) -> Vec<String> {
        let mut actions = Vec::new();
        self.talk.on_order(order, self.now, &mut actions);
        told(&actions)
    }

    fn said(&mut self, said: PbxMessage) -> Vec<String> {
        let mut actions = Vec::new();
        self.talk.on_message(said, self.now, &mut actions);
        told(&actions)
    }

    fn wake(&mut self) -> Vec<String> {
        let mut actions = Vec::new();
        self.talk.on_time(self.now, &mut actions);
        told(&actions)
    }

    /// Lives on until then, waking when something is due.
    fn until(&mut self, millis: u64) -> Vec<String> {
        let end = self.begin + Duration::from_millis(millis);
        let mut all = Vec::new();
        while self.talk.wake() <= end {
            self.now = self.now.max(self.talk.wake());
            all.append(&mut self.wake());
            if all.last().is_some_and(|action| action.starts_with("end")) {
                break;
            }
        }
        self.now = end;
        all
    }
}

fn told(actions: &[Action]) -> Vec<String> {
    let line = |action: &Action| match action {
        Action::Sound(octets) if octets.iter().all(|&octet| octet == ulaw::SILENCE) => {
            format!("silence {}", octets.len() / 8)
        }
        Action::Sound(octets) => format!("sound {}", octets.len() / 8),
        Action::Command(text) => text.clone(),
        Action::Report(FromCall::Spoken(play, spoken)) => format!(
            "spoken {} {:?} {}",
            play.0,
            spoken.end,
            spoken.sent.as_millis()
        ),
        Action::Report(what) => format!("{what:?}"),
        Action::End(end) => format!("end {end:?}"),
    };
    actions.iter().map(line).collect()
}

/// So many frames that are not silent.
fn message(frames: usize) -> Arc<[i16]> {
    vec![1_000; frames * SAMPLES].into()
}

fn speak(frames: usize) -> Order {
    Order::Speak(Play(1), message(frames))
}

#[test]
fn silence_goes_out_at_once_and_five_times_a_second() {
    let mut scene = Scene::new();
    assert_eq!(scene.until(0), ["silence 20"]);
    assert_eq!(scene.until(199), [""; 0]);
    assert_eq!(scene.until(999), ["silence 20"; 4]);
}

#[test]
fn a_message_is_kept_a_second_ahead_and_ends_by_the_pbx_s_word() {
    let mut scene = Scene::new();
    assert_eq!(scene.order(speak(200)), ["sound 1000", "Speaking(Play(1))"]);
    assert_eq!(scene.until(99), [""; 0]);
    assert_eq!(scene.until(100), ["sound 100"]);
    let rest = scene.until(3_000);
    assert_eq!(rest.len(), 30, "{rest:?}");
    assert_eq!(rest[28..], ["sound 100", "REPORT_QUEUE_DRAINED"]);
    assert_eq!(scene.until(4_030), [""; 0]);
    assert_eq!(
        scene.said(PbxMessage::Drained),
        ["spoken 1 Whole 4000", "HANGUP"]
    );
    assert_eq!(
        scene.talk.closed(ConnectionEnd::HungUp),
        ConnectionEnd::Parted
    );
}

#[test]
fn a_prompt_ends_by_the_pbx_s_word_and_the_call_goes_on() {
    let mut scene = Scene::new();
    assert_eq!(
        scene.order(Order::Say(Play::PROMPT, message(10))),
        ["sound 200", "Speaking(Play(0))", "REPORT_QUEUE_DRAINED"]
    );
    let end = scene.at(200).said(PbxMessage::Drained);
    assert_eq!(end, ["spoken 0 Whole 200"]);
    assert_eq!(scene.until(399), ["silence 20"]);
    assert_eq!(scene.order(speak(1))[1], "Speaking(Play(1))");
}

#[test]
fn no_piece_is_too_large_for_asterisk() {
    let mut scene = Scene::new();
    let mut all = scene.order(speak(5_000));
    all.append(&mut scene.until(50_000));
    all.append(&mut scene.at(95_000).wake());
    for action in all {
        let sound = action.strip_prefix("sound ");
        let sent: u32 = sound.map_or(0, |millis| millis.parse().unwrap());
        assert!(sent * 8 < 60_000, "{action}");
    }
}

#[test]
fn only_whole_frames_are_sent() {
    let mut scene = Scene::new();
    let odd: Arc<[i16]> = vec![1_000; 3 * SAMPLES + 1].into();
    let actions = scene.order(Order::Speak(Play(1), odd));
    assert_eq!(
        actions,
        ["sound 80", "Speaking(Play(1))", "REPORT_QUEUE_DRAINED"]
    );
}

#[test]
fn a_pbx_that_does_not_say_that_it_is_over_confirms_nothing() {
    let mut scene = Scene::new();
    scene.order(speak(100));
    scene.until(3_999);
    assert_eq!(
        scene.until(4_000),
        ["spoken 1 Unconfirmed 2000", "end Unanswered"]
    );
}

#[test]
fn what_the_pbx_says_of_an_older_message_counts_for_no_newer_one() {
    let mut scene = Scene::new();
    scene.order(speak(10));
    assert_eq!(scene.at(50).said(PbxMessage::Drained), [""; 0], "too soon");
    assert_eq!(
        scene.order(Order::Speak(Play(2), message(10))),
        [
            "FLUSH_MEDIA",
            "spoken 1 Stopped 60",
            "sound 200",
            "Speaking(Play(2))",
            "REPORT_QUEUE_DRAINED"
        ]
    );
    assert_eq!(
        scene.at(70).said(PbxMessage::Drained),
        [""; 0],
        "the flush's"
    );
    let end = scene.at(260).said(PbxMessage::Drained);
    assert_eq!(end, ["spoken 2 Whole 200", "HANGUP"]);
}

#[test]
fn a_stop_empties_the_pbx_and_what_was_sent_is_what_was_heard() {
    let mut scene = Scene::new();
    scene.order(speak(200));
    assert_eq!(scene.at(10).order(Order::Hush(Play(2))), [""; 0]);
    scene.until(130);
    assert_eq!(
        scene.order(Order::Hush(Play(1))),
        ["FLUSH_MEDIA", "spoken 1 Stopped 140"]
    );
    assert_eq!(scene.until(150), ["silence 20"]);
    assert_eq!(scene.said(PbxMessage::Drained), [""; 0]);
}

#[test]
fn a_connection_that_is_lost_has_lost_what_was_not_heard() {
    let mut scene = Scene::new();
    scene.order(speak(200));
    let mut actions = Vec::new();
    scene.at(500);
    scene.talk.end(scene.now, &mut actions);
    assert_eq!(told(&actions), ["spoken 1 Lost 520"]);
    actions.clear();
    scene.talk.end(scene.now, &mut actions);
    assert!(actions.is_empty());
}

#[test]
fn a_full_queue_is_waited_for_and_one_that_ran_dry_is_a_gap() {
    let mut scene = Scene::new();
    scene.order(speak(100));
    scene.at(50).said(PbxMessage::Xoff);
    assert_eq!(scene.at(900).wake(), [""; 0]);
    assert_eq!(scene.said(PbxMessage::Xon), ["sound 900"]);
    // We stalled: nothing was left after 1.9 s.
    assert_eq!(
        scene.at(2_400).wake(),
        [
            "Stumbled(Play(1), 500ms)",
            "sound 100",
            "REPORT_QUEUE_DRAINED"
        ]
    );
    assert_eq!(
        scene.at(2_300).said(PbxMessage::Drained),
        [""; 0],
        "it ends later"
    );
    let end = scene.at(2_510).said(PbxMessage::Drained);
    assert_eq!(end, ["spoken 1 Whole 2000", "HANGUP"]);
}

#[test]
fn a_report_that_comes_very_late_shows_a_gap() {
    let mut scene = Scene::new();
    scene.order(speak(100));
    scene.until(2_900);
    assert_eq!(
        scene.said(PbxMessage::Drained),
        ["Stumbled(Play(1), 900ms)", "spoken 1 Whole 2000", "HANGUP"]
    );
}

#[test]
fn a_goodbye_is_the_pbx_s_to_answer() {
    let mut scene = Scene::new();
    scene.order(speak(100));
    assert_eq!(
        scene.at(100).order(Order::Goodbye),
        ["FLUSH_MEDIA", "spoken 1 Stopped 120", "HANGUP"]
    );
    assert_eq!(scene.order(Order::Goodbye), [""; 0]);
    assert_eq!(scene.order(speak(1)), [""; 0], "nothing is said after it");
    assert_eq!(scene.until(2_099), [""; 0]);
    assert_eq!(scene.until(2_100), ["end Unanswered"]);
}

#[test]
fn the_longest_silence_of_the_far_end_during_the_message_is_known() {
    let mut scene = Scene::new();
    scene.order(speak(100));
    for (at, sound) in [(300, true), (900, true), (1_000, true), (2_010, false)] {
        scene.at(at);
        if sound {
            scene.talk.on_sound(scene.now);
        }
        scene.wake();
    }
    let mut actions = Vec::new();
    scene
        .talk
        .on_message(PbxMessage::Drained, scene.now, &mut actions);
    let Some(Action::Report(FromCall::Spoken(_, spoken))) = actions.first() else {
        panic!("{actions:?}")
    };
    assert_eq!(spoken.unheard, Duration::from_millis(1_010));
}

#[test]
fn a_pbx_that_speaks_json_is_answered_so() {
    let mut scene = Scene::new();
    scene.said(PbxMessage::Start(Style::Json));
    let actions = scene.order(Order::Goodbye);
    assert_eq!(actions, [r#"{"command":"HANGUP"}"#]);
}
