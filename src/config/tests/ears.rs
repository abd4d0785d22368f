//! The settings of the ears, as keys.

use super::*;

#[test]
fn the_ears_take_seconds_as_a_number_or_a_duration() {
    let ears = |line: &str| {
        let scene = Scene::with(&format!("{REQUIRED}[screen]\n{line}\n"));
        scene.load().screen.ears
    };
    for line in [
        "hold_short = 2",
        "hold_short = 2.0",
        "hold_short = \"2\"",
        "hold_short = \"2s\"",
        "hold_short = \"2000ms\"",
    ] {
        let two = Settings {
            hold_short: 2.0,
            ..Settings::default()
        };
        assert_eq!(ears(line), two, "{line}");
    }
    assert_eq!(ears("max_restarts = 0").max_restarts, 0.0);
    let scene = Scene::with(&format!("{REQUIRED}[screen]\nhold_short = 3\n"))
        .variable("AFTERTONE__SCREEN__HOLD_SHORT", "2.5")
        .variable("AFTERTONE__SCREEN__BEEP_GUARD", "150ms");
    let ears = scene.load().screen.ears;
    assert_eq!((ears.hold_short, ears.beep_guard), (2.5, 0.15));
}

#[test]
fn a_recogniser_is_a_program_and_its_arguments() {
    let words = |lines: &str| {
        Scene::with(&format!("{REQUIRED}{lines}\n"))
            .load()
            .screen
            .words
    };
    assert_eq!(words(""), None);
    let given = Some(vec!["/bin/r".to_owned(), "a b".to_owned()]);
    assert_eq!(
        words("[screen.words]\ncommand = [\"/bin/r\", \"a b\"]"),
        given
    );
    assert_eq!(
        words("[screen]\nwords.command = [\"/bin/r\", \"a b\"]"),
        given
    );
    let scene = Scene::with(REQUIRED).variable("AFTERTONE__SCREEN__WORDS__COMMAND", "/bin/r,a b");
    assert_eq!(scene.load().screen.words, given);
    assert_snapshot!(error_for("[screen.words]\ncommand = []"), @r#"`screen.words.command` in DIR/aftertone.toml: it names no program; expected a program and its arguments, such as `["/usr/local/bin/recogniser", "en"]`"#);
    assert_snapshot!(error_for("[screen.words]\ncommand = [\"\"]"), @r#"`screen.words.command` in DIR/aftertone.toml: it names no program; expected a program and its arguments, such as `["/usr/local/bin/recogniser", "en"]`"#);
}

#[test]
fn a_prompt_that_is_to_be_said_has_a_name() {
    let drop = |lines: &str| {
        Scene::with(&format!("{REQUIRED}[drop]\n{lines}\n"))
            .load()
            .drop
    };
    let said = drop("when_screened = \"say\"\nscreening_prompt = \"who-calls\"");
    assert_eq!(said.when_screened, WhenScreened::Say);
    assert_eq!(said.screening_prompt.as_deref(), Some("who-calls"));
    assert_eq!(
        drop("screening_prompt = \"who-calls\"").when_screened,
        WhenScreened::HangUp
    );
    assert_snapshot!(error_for("[drop]\nwhen_screened = \"say\""), @"`drop.when_screened` in DIR/aftertone.toml: `say` needs a prompt to say; expected `drop.screening_prompt` beside it, or `hang_up`");
    assert_snapshot!(error_for("[drop]\nscreening_prompt = \"./who.wav\""), @"`drop.screening_prompt` in DIR/aftertone.toml: `./who.wav` does not fit; expected the name of a prepared message, 1 to 64 characters of `a-z0-9_-`");
}

#[test]
fn calls_that_come_back_are_taken_if_all_is_there_that_they_need() {
    let error = |lines: &str| error_for(&format!("[callback]\n{lines}"));
    let prompts = "prompt = \"a\"\nremoved = \"b\"\nwhich_number = \"c\"\n";
    assert_snapshot!(error("removed = \"a\""), @"`callback.removed` in DIR/aftertone.toml: it is of no use without `callback.prompt`; expected a prompt, or neither");
    assert_snapshot!(error("prompt = \"a\""), @"`callback.removed` is missing from DIR/aftertone.toml; expected the name of a prepared message, 1 to 64 characters of `a-z0-9_-` (or set AFTERTONE__CALLBACK__REMOVED)");
    assert_snapshot!(error(&format!("{prompts}when_silent = \"connect\"")), @"`callback.when_silent` in DIR/aftertone.toml: there is nowhere to send the call; expected `callback.goes_to` beside it, or `hang_up`");
    assert_snapshot!(error(&format!("{prompts}connect = \"9\"")), @"`callback.connect` in DIR/aftertone.toml: it is the key of `callback.opt_out`, too; expected another key");
    assert_snapshot!(error(&format!("{prompts}opt_out = \"99\"")), @"`callback.opt_out` in DIR/aftertone.toml: `99` is not one; expected a digit in quotes");
    assert_snapshot!(error(&format!("{prompts}goes_to = \"sales\"")), @"`callback.goes_to` in DIR/aftertone.toml: `sales` is none; expected a place in the dialplan, such as `sales,s,1`");
}

#[test]
fn keys_of_a_recording_differ_and_its_sounds_are_names() {
    let error = |lines: &str| error_for(&format!("[record]\n{lines}"));
    assert_snapshot!(error("keep = \"2\""), @"`record.hear` in the defaults: it is the key of `record.keep`, too; expected another key");
    assert_snapshot!(error("again = \"2\""), @"`record.again` in DIR/aftertone.toml: it is the key of `record.hear`, too; expected another key");
    assert_snapshot!(error("again = \"#\""), @"`record.again` in DIR/aftertone.toml: `#` is not one; expected a digit in quotes");
    for name in ["a,b", "a&b", "../a", "a//b", "sound:a", ""] {
        let said = error(&format!("menu = \"{name}\""));
        assert!(
            said.contains("`record.menu`") && said.contains("does not fit"),
            "{said}"
        );
    }
}

#[test]
fn a_command_that_speaks_is_a_program_with_its_arguments_and_its_voice() {
    let speech = |lines: &str| {
        Scene::with(&format!("{REQUIRED}[speech]\n{lines}\n"))
            .load()
            .speech
    };
    assert_eq!(speech("voice = \"en\"\nat_once = 1"), None);
    assert_eq!(speech("command = []"), None);
    let flite =
        speech("command = [\"flite\", \"-f\", \"{text_file}\", \"-o\", \"{output}\"]").unwrap();
    assert_eq!((flite.at_once, flite.voice.as_str()), (2, ""));
    assert_eq!(flite.timeout, Duration::from_secs(20));
    assert_eq!(flite.keep, Duration::from_secs(30 * 86_400));
    assert!(!flite.takes_voice());
    let scene = Scene::with(REQUIRED)
        .variable("AFTERTONE__SPEECH__COMMAND", "espeak-ng,-v,{voice}")
        .variable("AFTERTONE__SPEECH__VOICE", "en-gb");
    assert!(scene.load().speech.unwrap().takes_voice());
    let error = |lines: &str| error_for(&format!("[speech]\n{lines}"));
    assert_snapshot!(error("command = [\"\"]"), @r#"`speech.command` in DIR/aftertone.toml: it names no program; expected a program and its arguments, such as `["espeak-ng", "--stdin", "-w", "{output}"]`"#);
    assert_snapshot!(error("command = [\"{voice}\"]"), @r#"`speech.command` in DIR/aftertone.toml: the program itself cannot be a placeholder; expected a program and its arguments, such as `["espeak-ng", "--stdin", "-w", "{output}"]`"#);
    assert_snapshot!(error("command = [\"espeak-ng\", \"-v{voice}\"]"), @"`speech.command` in DIR/aftertone.toml: it has `{voice}`, and `speech.voice` is not given; expected `speech.voice` beside it, or no `{voice}`");
    assert_snapshot!(error("command = [\"espeak-ng\", \"-w\", \"{file}\"]"), @"`speech.command` in DIR/aftertone.toml: `{file}` stands for nothing; expected `{voice}`, `{output}` and `{text_file}` alone; the text comes by the standard input as well");
    assert_snapshot!(error("command = [\"sh\", \"say.sh\", \"--text={text}\"]"), @"`speech.command` in DIR/aftertone.toml: `{text}` stands for nothing; expected `{voice}`, `{output}` and `{text_file}` alone; the text comes by the standard input as well");
    // What is no word in braces may be what the program itself takes.
    for other in ["{}", "{\\\"a\\\": 1}", "}{", "{Text}", "{"] {
        let lines = format!("command = [\"say\", \"{other}\"]");
        assert!(speech(&lines).is_some(), "{other}");
    }
    assert_snapshot!(error("voice = \"--ipa\""), @"`speech.voice` in DIR/aftertone.toml: an option was given; expected a voice of the command");
    assert_snapshot!(error("at_once = 17"), @"`speech.at_once` in DIR/aftertone.toml: `17` was given; expected a whole number from 1 to 16");
    assert_snapshot!(error("timeout = \"10m\""), @r#"`speech.timeout` in DIR/aftertone.toml: `10m` is out of range; expected a duration from 1s to 300s, such as "2s" or "500ms""#);
    assert_snapshot!(error("keep = \"never\""), @"`speech.keep` in DIR/aftertone.toml: `never` was given; expected a duration from 1h to 10 years (3650d), such as `30d`");
    assert_snapshot!(error("keep = \"1m\""), @"`speech.keep` in DIR/aftertone.toml: `1m` was given; expected a duration from 1h to 10 years (3650d), such as `30d`");
}

#[test]
fn a_bad_setting_of_the_ears_is_told_with_range_and_unit() {
    let error = |line: &str| error_for(&format!("[screen]\n{line}"));
    assert_snapshot!(error("hold_short = 9"), @r#"`screen.hold_short` in DIR/aftertone.toml: `9` was given; expected 0.5 to 5 seconds, as a number or a duration such as "1.5s""#);
    assert_snapshot!(error("hold_short = \"9s\""), @r#"`screen.hold_short` in DIR/aftertone.toml: `9s` was given; expected 0.5 to 5 seconds, as a number or a duration such as "1.5s""#);
    assert_snapshot!(error("hold_short = \"-1s\""), @r#"`screen.hold_short` in DIR/aftertone.toml: `-1s` was given; expected 0.5 to 5 seconds, as a number or a duration such as "1.5s""#);
    assert_snapshot!(error("hold_short = \"nan\""), @r#"`screen.hold_short` in DIR/aftertone.toml: `nan` was given; expected 0.5 to 5 seconds, as a number or a duration such as "1.5s""#);
    assert_snapshot!(error("hold_short = true"), @r#"`screen.hold_short` in DIR/aftertone.toml: `true` or `false` was given; expected 0.5 to 5 seconds, as a number or a duration such as "1.5s""#);
    assert_snapshot!(error("live_voice = 1"), @r#"`screen.live_voice` in DIR/aftertone.toml: `1` was given; expected 0.1 to 0.8 seconds, as a number or a duration such as "1.5s""#);
    assert_snapshot!(error("short_turn = 3\nmachine_turn = 2.5"), @"`screen.short_turn` in DIR/aftertone.toml: 3 s is not below `machine_turn`; expected less than the 2.5 seconds from which a turn is a machine's");
    assert_snapshot!(error("max_restarts = 1.5"), @"`screen.max_restarts` in DIR/aftertone.toml: `1.5` was given; expected a whole number from 0 to 5 (times)");
    assert_snapshot!(error("max_restarts = \"1s\""), @"`screen.max_restarts` in DIR/aftertone.toml: `1s` was given; expected a whole number from 0 to 5 (times)");
    assert_snapshot!(
        Scene::with(REQUIRED).variable("AFTERTONE__SCREEN__HOLD_SHORT", "soon").error(), @r#"`screen.hold_short` in the environment variable AFTERTONE__SCREEN__HOLD_SHORT: `soon` was given; expected 0.5 to 5 seconds, as a number or a duration such as "1.5s""#);
    let unknown = error("hold_shirt = 2");
    assert!(
        unknown.contains("[screen] has mode, media, listen, advertise, "),
        "{unknown}"
    );
    for about in Settings::ALL {
        assert!(unknown.contains(about.name), "{unknown}");
    }
}
