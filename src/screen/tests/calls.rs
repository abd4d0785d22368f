//! Whole calls: who answered, and when the message may start.

use super::signal::{Codec, Sound};
use crate::{
    screen::{
        Amd, At, Call, CallFacts, Cue, Ears, Heard, Message, NoBeep, RATE, Replay, Setting,
        Settings,
    },
    words::{ReadyBy, Verdict},
};

#[test]
fn a_person_who_says_hello_is_let_go_soon() {
    for codec in Codec::ALL {
        let sound = Sound::new().quiet(0.6).speech(0.6, -20.0);
        let end = sound.end();
        let replay = hear(&sound.quiet(6.0), codec);
        let (verdict, at) = verdict(&replay);
        assert_eq!(verdict, Verdict::Human, "{codec:?}: {:?}", replay.heard);
        assert!((1.2..1.7).contains(&(at - end)), "{codec:?}: {at}");
        assert_eq!(replay.ready, None);
    }
}

#[test]
fn a_person_who_asks_twice_is_a_person() {
    for gap in [0.7, 1.2, 2.6, 3.5] {
        let sound = Sound::new()
            .quiet(0.6)
            .speech(0.5, -20.0)
            .quiet(gap)
            .speech(0.5, -20.0)
            .quiet(5.0);
        assert_eq!(
            verdict(&hear(&sound, Codec::MuLaw)).0,
            Verdict::Human,
            "{gap} s"
        );
    }
}

#[test]
fn a_business_that_waits_is_a_person() {
    let sound = Sound::new().quiet(0.4).speech(4.5, -20.0);
    let end = sound.end();
    let replay = hear(
        &sound.quiet(2.5).speech(0.8, -20.0).quiet(8.0),
        Codec::MuLaw,
    );
    let (verdict, at) = verdict(&replay);
    assert_eq!(
        (verdict, replay.ready),
        (Verdict::Human, None),
        "{:?}",
        replay.heard
    );
    assert!(at - end < 4.3 + 0.8, "{at}");
}

#[test]
fn a_person_in_noise_is_a_person() {
    let sound = Sound::new()
        .quiet(0.8)
        .speech(0.7, -18.0)
        .quiet(6.0)
        .noise(-38.0);
    assert_eq!(verdict(&hear(&sound, Codec::MuLaw)).0, Verdict::Human);
}

#[test]
fn the_message_starts_after_the_beep() {
    for (greeting, pause) in [(2.5, 0.1), (2.5, 1.2), (2.5, 2.4), (9.0, 0.4), (14.0, 1.5)] {
        let sound = Sound::new()
            .quiet(0.5)
            .speech(greeting, -18.0)
            .quiet(pause)
            .tone(&[1_000.0], 0.4, -15.0);
        let end = sound.end();
        let replay = hear(&sound.quiet(5.0), Codec::MuLaw);
        let (by, at) = replay
            .ready
            .unwrap_or_else(|| panic!("{greeting} s: {:?}", replay.heard));
        assert_eq!((by, verdict(&replay).0), (ReadyBy::Beep, Verdict::Machine));
        assert!(
            (0.15..0.35).contains(&(at.seconds() as f32 - end)),
            "{greeting} s, {pause} s: {at} for {end}"
        );
        assert!(replay.restarts.is_empty());
    }
}

#[test]
fn pauses_between_sentences_are_not_a_ready_point() {
    let sentence = |sound: Sound| sound.speech(2.5, -18.0).quiet(1.5);
    let sound = (0..5)
        .fold(Sound::new().quiet(0.3), |sound, _| sentence(sound))
        .tone(&[1_000.0], 0.4, -15.0);
    let end = sound.end();
    let replay = hear(&sound.quiet(5.0), Codec::MuLaw);
    let (_, at) = replay.ready.unwrap();
    assert!(at.seconds() as f32 > end, "{:?}", replay.heard);
}

#[test]
fn a_long_greeting_without_a_beep_is_ready_by_silence() {
    let sound = Sound::new().quiet(0.5).speech(9.0, -18.0);
    let end = sound.end();
    let replay = hear(&sound.quiet(5.0), Codec::MuLaw);
    let (by, at) = replay.ready.unwrap();
    assert_eq!(by, ReadyBy::Silence);
    assert!(
        (1.7..2.1).contains(&(at.seconds() as f32 - end)),
        "{at} for {end}"
    );
}

#[test]
fn a_late_beep_starts_the_message_again_and_a_beep_after_that_is_the_limit() {
    let sound = Sound::new()
        .quiet(0.5)
        .speech(9.0, -18.0)
        .quiet(3.0)
        .tone(&[1_000.0], 0.4, -15.0);
    let end = sound.end();
    let replay = hear(
        &sound.quiet(10.0).tone(&[1_000.0], 0.4, -15.0).quiet(2.0),
        Codec::MuLaw,
    );
    assert_eq!(replay.ready.unwrap().0, ReadyBy::Silence);
    let [again] = replay.restarts[..] else {
        panic!("{:?}", replay.heard);
    };
    assert!(
        (0.1..0.35).contains(&(again.seconds() as f32 - end)),
        "{again} for {end}"
    );
    assert!(
        matches!(replay.heard.last(), Some(Heard::LimitBeep(_))),
        "{:?}",
        replay.heard
    );
}

#[test]
fn a_beep_after_the_window_does_not_start_it_again() {
    let sound = Sound::new()
        .quiet(0.5)
        .speech(9.0, -18.0)
        .quiet(11.0)
        .tone(&[1_000.0], 0.4, -15.0)
        .quiet(2.0);
    let replay = hear(&sound, Codec::MuLaw);
    assert!(replay.restarts.is_empty());
    assert!(matches!(replay.heard.last(), Some(Heard::LimitBeep(_))));
}

#[test]
fn a_message_is_started_again_only_so_often() {
    let mut settings = playing();
    settings.set("max_restarts", "0").unwrap();
    let sound = Sound::new()
        .quiet(0.5)
        .speech(9.0, -18.0)
        .quiet(3.0)
        .tone(&[1_000.0], 0.4, -15.0)
        .quiet(2.0);
    let replay = Replay::of(&sound.pcm(), settings, &CallFacts::default());
    assert!(replay.ready.is_some() && replay.restarts.is_empty());
}

#[test]
fn a_beep_turns_what_looked_like_a_person_into_a_machine() {
    let sound = Sound::new()
        .quiet(0.5)
        .speech(1.0, -18.0)
        .quiet(0.8)
        .tone(&[1_400.0], 0.3, -15.0)
        .quiet(3.0);
    let replay = hear(&sound, Codec::MuLaw);
    assert_eq!(verdict(&replay).0, Verdict::Machine);
    assert!(replay.ready.is_some());
}

#[test]
fn a_chime_before_the_greeting_does_not_start_the_message() {
    let sound = Sound::new()
        .quiet(0.5)
        .tone(&[880.0], 0.3, -15.0)
        .quiet(0.6)
        .speech(8.0, -18.0)
        .quiet(0.5)
        .tone(&[1_000.0], 0.4, -15.0);
    let end = sound.end();
    let replay = hear(&sound.quiet(3.0), Codec::MuLaw);
    assert!(
        replay.ready.unwrap().1.seconds() as f32 > end,
        "{:?}",
        replay.heard
    );
}

#[test]
fn a_mailbox_that_only_beeps_is_a_machine() {
    let sound = Sound::new()
        .quiet(1.0)
        .tone(&[1_000.0], 0.4, -15.0)
        .quiet(5.0);
    let replay = hear(&sound, Codec::MuLaw);
    assert_eq!(
        (verdict(&replay).0, replay.ready.map(|(by, _)| by)),
        (Verdict::Machine, Some(ReadyBy::Beep))
    );
}

#[test]
fn ringback_before_a_hello_is_not_a_machine() {
    let sound = Sound::new()
        .tone(&[425.0], 1.0, -20.0)
        .quiet(2.0)
        .tone(&[425.0], 1.0, -20.0)
        .quiet(0.4)
        .speech(0.7, -20.0)
        .quiet(5.0);
    let replay = hear(&sound, Codec::MuLaw);
    assert_eq!(
        (verdict(&replay).0, replay.ready),
        (Verdict::Human, None),
        "{:?}",
        replay.heard
    );
}

#[test]
fn a_line_without_a_voice_is_silence() {
    let replay = hear(&Sound::new().quiet(20.0).noise(-55.0), Codec::MuLaw);
    let (verdict, at) = verdict(&replay);
    assert_eq!((verdict, replay.ready), (Verdict::Silence, None));
    assert!((7.9..8.1).contains(&at), "{at}");
}

#[test]
fn whoever_is_far_from_the_telephone_is_no_silence_for_as_long_again() {
    let murmur = Sound::new().quiet(0.3).speech(5.0, -55.0).quiet(3.5);
    let sound = murmur.clone().speech(3.0, -18.0).quiet(0.6);
    let sound = sound.tone(&[1_000.0], 0.4, -15.0).quiet(3.0);
    let replay = hear(&sound, Codec::MuLaw);
    assert_eq!(
        replay.ready.map(|(by, _)| by),
        Some(ReadyBy::Beep),
        "{:?}",
        replay.heard
    );
    let (verdict, at) = verdict(&hear(&murmur.quiet(9.0), Codec::MuLaw));
    assert_eq!(verdict, Verdict::Silence);
    assert!((13.0..13.6).contains(&at), "{at}");
}

#[test]
fn a_voice_over_the_message_is_reported_and_our_echo_is_not() {
    let message = Sound::new().speech(12.0, -15.0);
    let known = CallFacts {
        message: Some(Message::new(&message.pcm())),
        ..CallFacts::default()
    };
    let opened = Sound::new()
        .quiet(0.5)
        .speech(3.0, -18.0)
        .quiet(0.4)
        .tone(&[1_000.0], 0.3, -15.0);
    let ready = Replay::of(&opened.clone().quiet(1.0).pcm(), playing(), &known)
        .ready
        .unwrap()
        .1
        .seconds() as f32;
    for (delay, db) in [(0.02, -20.0), (0.15, -20.0), (0.4, -12.0), (0.7, -26.0)] {
        let echo = opened
            .clone()
            .quiet(12.0)
            .with(&message, ready + delay, db)
            .noise(-60.0);
        let replay = Replay::of(&echo.clone().through(Codec::MuLaw), playing(), &known);
        assert_eq!(replay.voice, None, "echo after {delay} s at {db} dB");
        // The same without the message to compare with: a voice.
        let unknown = Replay::of(
            &echo.clone().through(Codec::MuLaw),
            playing(),
            &CallFacts::default(),
        );
        assert!(
            unknown.voice.is_some() || db < -25.0,
            "{delay} s at {db} dB"
        );
        let hello = Sound::new()
            .vowel(210.0, [650.0, 1_100.0], 0.3, -16.0)
            .vowel(240.0, [450.0, 900.0], 0.5, -16.0);
        let answered = echo.with(&hello, ready + 4.0, 0.0);
        let replay = Replay::of(&answered.through(Codec::MuLaw), playing(), &known);
        let voice = replay
            .voice
            .unwrap_or_else(|| panic!("a voice over an echo after {delay} s at {db} dB"))
            .seconds() as f32;
        assert!((4.0..5.2).contains(&(voice - ready)), "{voice}");
    }
}

#[test]
fn a_voice_stops_the_message_whatever_may_be_set() {
    let about = Settings::ALL.iter().find(|each| each.name == "live_voice");
    let about = about.unwrap();
    let opened = Sound::new()
        .quiet(0.5)
        .speech(3.0, -18.0)
        .quiet(0.4)
        .tone(&[1_000.0], 0.3, -15.0)
        .quiet(4.0);
    let pcm = opened.speech(4.0, -18.0).quiet(2.0).noise(-60.0);
    for live_voice in [about.least, about.default, about.most] {
        let mut settings = playing();
        settings.set("live_voice", &live_voice.to_string()).unwrap();
        let sound = pcm.clone().through(Codec::MuLaw);
        let replay = Replay::of(&sound, settings, &CallFacts::default());
        assert!(replay.voice.is_some(), "{live_voice} s: {:?}", replay.heard);
    }
    let mut settings = playing();
    assert!(settings.set("live_voice", "1").is_err());
}

#[test]
fn an_echo_may_come_before_word_that_the_message_plays() {
    let message = Sound::new().speech(8.0, -15.0);
    let known = Message::new(&message.pcm());
    let opened = Sound::new().quiet(0.5).speech(3.0, -18.0).quiet(1.0);
    let began = opened.end();
    let hello = Sound::new().vowel(210.0, [650.0, 1_100.0], 0.8, -16.0);
    for (late, db) in [(0.04, -20.0), (0.2, -12.0), (0.48, -20.0)] {
        let echo = opened
            .clone()
            .quiet(9.0)
            .with(&message, began, db)
            .noise(-60.0);
        let voice = |sound: &Sound, message| {
            let told = At(((began + late) * RATE as f32) as u64);
            let samples = sound.clone().through(Codec::MuLaw);
            let cues = [(told, Cue::Playing)];
            let replay = Replay::again(&samples, playing(), &cues, message);
            replay.voice.map(|at| at.seconds() as f32 - began)
        };
        assert_eq!(voice(&echo, Some(&known)), None, "{late} s at {db} dB");
        assert!(voice(&echo, None).is_some(), "{late} s at {db} dB");
        let answered = echo.with(&hello, began + 4.0, 0.0);
        let voice = voice(&answered, Some(&known)).unwrap();
        assert!((4.0..5.2).contains(&voice), "{late} s at {db} dB: {voice}");
    }
}

#[test]
fn a_prompt_that_comes_again_is_a_menu() {
    // Louder in its second half, so that it is not the same all along.
    let prompt = |sound: Sound| {
        sound
            .speech(2.3, -22.0)
            .quiet(0.3)
            .speech(1.9, -18.0)
            .quiet(0.4)
            .speech(3.1, -15.0)
    };
    for (pause, codec) in [2.5, 3.0, 5.0]
        .into_iter()
        .flat_map(|pause| Codec::ALL.map(|codec| (pause, codec)))
    {
        let sound = prompt(prompt(Sound::new().quiet(0.5)).quiet(pause)).quiet(4.0);
        let replay = hear(&sound.noise(-50.0), codec);
        let (verdict, at, reasons) = replay.verdict.unwrap();
        let case = format!("{pause} s, {codec:?}: {:?}", replay.heard);
        assert_eq!(verdict, Verdict::Menu, "{case}");
        let again = 8.5 + pause;
        assert!(
            (2.0..6.0).contains(&(at.seconds() as f32 - again)),
            "{case}"
        );
        assert!(
            reasons.to_string().starts_with("says the same again"),
            "{reasons}"
        );
        // The silence before it had started the message; its first words had stopped it.
        assert!(
            replay.voice.is_some() && replay.restarts.is_empty(),
            "{case}"
        );
    }
}

#[test]
fn other_words_after_a_pause_are_not_a_menu() {
    let sound = Sound::new()
        .quiet(0.5)
        .speech(8.0, -18.0)
        .quiet(2.5)
        .phrase(5, -18.0)
        .quiet(5.0);
    let replay = hear(&sound, Codec::MuLaw);
    assert_eq!(verdict(&replay).0, Verdict::Human, "{:?}", replay.heard);
}

#[test]
fn a_greeting_that_goes_on_long_under_the_message_is_played_to_at_its_end() {
    let sound = Sound::new()
        .quiet(0.5)
        .speech(9.0, -18.0)
        .quiet(2.5)
        .phrase(13, -18.0);
    let end = sound.end();
    let replay = hear(&sound.quiet(4.0), Codec::MuLaw);
    let [again] = replay.restarts[..] else {
        panic!("{:?}", replay.heard);
    };
    assert!(
        (1.8..2.3).contains(&(again.seconds() as f32 - end)),
        "{again} for {end}"
    );
    assert_eq!(verdict(&replay).0, Verdict::Machine);
}

#[test]
fn a_greeting_at_the_heels_of_a_false_beep_is_waited_for() {
    let sound = Sound::new()
        .quiet(0.5)
        .speech(0.8, -18.0)
        .quiet(0.1)
        .tone(&[1_000.0], 0.3, -18.0)
        .quiet(0.4)
        .speech(5.0, -18.0)
        .quiet(0.5)
        .tone(&[1_400.0], 0.4, -15.0);
    let end = sound.end();
    let replay = hear(&sound.quiet(4.0), Codec::MuLaw);
    let [again] = replay.restarts[..] else {
        panic!("{:?}", replay.heard);
    };
    assert!(
        (0.1..0.35).contains(&(again.seconds() as f32 - end)),
        "{again} for {end}"
    );
    assert_eq!(verdict(&replay).0, Verdict::Machine);
}

#[test]
fn a_greeting_that_goes_on_under_the_message_stops_it_until_its_beep() {
    let sound = Sound::new()
        .quiet(0.5)
        .speech(9.0, -18.0)
        .quiet(2.5)
        .phrase(5, -18.0)
        .quiet(0.5)
        .tone(&[1_000.0], 0.4, -15.0);
    let end = sound.end();
    let replay = hear(&sound.quiet(3.0), Codec::MuLaw);
    assert!((12.0..13.0).contains(&(replay.voice.unwrap().seconds() as f32)));
    let [again] = replay.restarts[..] else {
        panic!("{:?}", replay.heard);
    };
    assert!((0.1..0.35).contains(&(again.seconds() as f32 - end)));
    assert!(replay.whole());
    assert_eq!(verdict(&replay).0, Verdict::Machine);
}

#[test]
fn a_person_who_answers_the_message_is_let_go() {
    for opening in [
        Sound::new().quiet(0.5).speech(9.0, -18.0).quiet(2.5),
        Sound::new()
            .quiet(0.5)
            .speech(3.0, -18.0)
            .quiet(0.3)
            .tone(&[1_000.0], 0.4, -15.0)
            .quiet(2.5),
    ] {
        let sound = opening.speech(0.8, -18.0).quiet(6.0);
        let replay = hear(&sound, Codec::MuLaw);
        assert!(replay.voice.is_some() && replay.restarts.is_empty() && !replay.whole());
        assert_eq!(verdict(&replay).0, Verdict::Human, "{:?}", replay.heard);
    }
}

#[test]
fn what_only_the_calls_know_moves_the_verdict_but_never_plays_alone() {
    let short = Sound::new().quiet(0.5).speech(1.2, -18.0);
    let end = short.end();
    let at = |amd, call| {
        let known = CallFacts {
            amd,
            call,
            ..CallFacts::default()
        };
        let replay = Replay::of(&short.clone().quiet(6.0).pcm(), playing(), &known);
        assert_eq!(replay.ready, None);
        let (verdict, at) = verdict(&replay);
        assert_eq!(verdict, Verdict::Human);
        at - end
    };
    let diverted = Some(Call {
        alerted: Some(0.3),
        other_rang: true,
    });
    let lifted = Some(Call {
        alerted: Some(6.0),
        other_rang: true,
    });
    let unknown = Some(Call {
        alerted: None,
        other_rang: true,
    });
    assert!(at(None, None) < 1.7);
    assert!(at(None, unknown) < 1.7, "nobody knows that it was diverted");
    assert!(at(Some(Amd::Human), lifted) < 1.7);
    assert!(
        at(None, diverted) > 2.3,
        "a diverted call waits for the beep"
    );
    assert!(at(Some(Amd::Machine), diverted) > 2.3);
}

#[test]
fn a_verdict_says_why() {
    let sound = Sound::new()
        .quiet(0.5)
        .speech(2.5, -18.0)
        .quiet(0.4)
        .tone(&[1_004.0], 0.42, -15.0);
    let replay = hear(&sound.quiet(2.0), Codec::Clean);
    let (.., reasons) = replay.verdict.unwrap();
    assert_eq!(
        reasons.to_string(),
        "beep 1004 Hz, 0.42 s, ended 3.82 s; spoke 2.4 s, until 3.00 s"
    );
}

#[test]
fn every_setting_can_be_set_within_its_range_and_not_beyond() {
    for Setting {
        name,
        default,
        least,
        most,
        ..
    } in Settings::ALL
    {
        let mut settings = Settings::default();
        assert!((least..=most).contains(&default), "{name}");
        settings.set(name, &most.to_string()).unwrap();
        assert!(settings != Settings::default() || most == default, "{name}");
        for bad in [
            (most + 1.0).to_string(),
            (least - 1.0).to_string(),
            "NaN".to_owned(),
            String::new(),
        ] {
            let kept = settings;
            assert!(settings.set(name, &bad).is_err(), "{name} {bad}");
            assert_eq!(settings, kept);
        }
    }
}

#[test]
fn nothing_is_done_half_a_time() {
    let mut settings = Settings::default();
    for bad in ["0.5", "2.5", "4.999"] {
        assert_eq!(
            settings.set("max_restarts", bad).unwrap_err().to_string(),
            format!(
                "`{bad}` is not a value of `max_restarts`; expected a whole number from 0 to 5 (times)"
            )
        );
    }
    settings.set("max_restarts", "3").unwrap();
    assert_eq!(settings.max_restarts, 3.0);
    settings.set("hold_short", "0.75").unwrap();
}

#[test]
fn a_stream_is_small_and_may_be_heard_on_any_thread() {
    fn goes_to_another_thread<T: Send>() {}
    goes_to_another_thread::<Ears>();
    const { assert!(Ears::BYTES <= 64 * 1_024) };
}

/// These calls are heard as if every machine's greeting were reason enough to play.
fn playing() -> Settings {
    Settings {
        no_beep: NoBeep::Play,
        ..Settings::default()
    }
}

fn hear(sound: &Sound, codec: Codec) -> Replay {
    Replay::of(
        &sound.clone().through(codec),
        playing(),
        &CallFacts::default(),
    )
}

fn verdict(replay: &Replay) -> (Verdict, f32) {
    let (verdict, at, _) = replay
        .verdict
        .unwrap_or_else(|| panic!("no verdict: {:?}", replay.heard));
    (verdict, at.seconds() as f32)
}
