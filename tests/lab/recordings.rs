//! Messages recorded by telephone: real callers of the lab's carrier, who type, speak and hang up, over PJSIP and RTP. What was spoken is
//! what is kept, and nothing else; nothing of it stays on the PBX, also if the program is killed.

use std::{fs, sync::Arc, time::Duration};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::{
    Bench,
    agents::{program, serving, serving_api},
    beside_others,
    campaigns::program::{Program, Running},
    check,
    fault_proxy::FaultProxy,
    network::{Lab, wait_for},
    recording::{self, Samples, find, likeness},
    subscribers::PATIENCE,
    test_speech,
};

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut single = |name: &str, test: fn(&Bench) -> Result<(), Failed>| {
        trials.push(beside_others(bench, format!("recordings::{name}"), test));
    };
    single("what_was_spoken_is_played_back_and_kept", kept);
    single("three_wrong_pins_end_the_call", wrong_pins);
    single("too_short_once_more_and_in_the_place_of_another", replaced);
    single("who_hangs_up_keeps_nothing", hung_up);
    single("killed_while_it_records_nothing_stays", killed_recording);
    single("killed_while_it_plays_back_nothing_stays", killed_playing);
    single("a_link_that_is_lost_loses_no_recording", link_lost);
    single("without_a_program_the_call_goes_on", nobody);
    trials
}

/// A program that takes such calls under an app of eight characters, with a user whose PIN it returns.
fn recording<'a>(lab: &'a Lab, app: &str) -> Result<(Program<'a>, String), Failed> {
    let program = program(lab, app)
        .with("SERVE__LOG", "aftertone=trace")
        .with("RECORD__SILENCE", "2s")
        .with("RECORD__WAIT", "3s");
    program.ask(&["user", "add", "ann", "--role", "manager"])?;
    let pin = program.ask(&["user", "pin", "ann"])?.trim().to_owned();
    check!(pin.len() == 10, "{} digits", pin.len());
    Ok((program, pin))
}

/// Somebody who calls the PBX from the carrier's side.
struct Speaker<'a> {
    lab: &'a Lab,
    app: String,
    /// The carrier's name of their channel.
    channel: String,
}

impl<'a> Speaker<'a> {
    /// Calls to record a message of a name.
    fn calls(lab: &'a Lab, app: &str, name: &str) -> Result<Self, Failed> {
        let line = format!(
            "channel originate PJSIP/anonymous/sip:{app}{name}@127.0.0.1:{} extension {app}@lab-speaker",
            lab.port(1)
        );
        lab.console("carrier", &line)?;
        let channel = wait_for(PATIENCE, || {
            let all = lab.ask_carrier("GET", "channels")?;
            let mut all = all.as_array().ok_or("no list of channels")?.iter();
            let is_it = |channel: &&Value| {
                channel["dialplan"]["exten"] == app && channel["dialplan"]["app_name"] == "Wait"
            };
            let found = all.find(is_it).ok_or("nobody calls")?;
            Ok(found["name"].as_str().unwrap_or_default().to_owned())
        })?;
        let app = app.to_owned();
        Ok(Self { lab, app, channel })
    }

    /// Presses keys, `h` for the hash key.
    fn presses(&self, keys: &str) -> Result<(), Failed> {
        self.does(&format!("k{keys}"))
    }

    /// Speaks what is in a file of the carrier's sounds, and returns when it was spoken.
    fn speaks(&self, name: &str) -> Result<(), Failed> {
        self.does(&format!("s{name}"))
    }

    /// Goes through an extension of the carrier's, to its end.
    fn does(&self, extension: &str) -> Result<(), Failed> {
        let redirect = format!(
            "channel redirect {} lab-speaker,{extension},1",
            self.channel
        );
        self.lab.console("carrier", &redirect)?;
        wait_for(PATIENCE, || {
            let of = self.of_carrier()?.ok_or("the caller is gone")?;
            let at = &of["dialplan"];
            check!(
                at["exten"] == extension && at["app_name"] == "Wait",
                "{at:#}"
            );
            Ok(())
        })
    }

    fn of_carrier(&self) -> Result<Option<Value>, Failed> {
        let all = self.lab.ask_carrier("GET", "channels")?;
        let mut all = all.as_array().ok_or("no list of channels")?.iter();
        let found = all.find(|channel| channel["name"] == self.channel.as_str());
        Ok(found.cloned())
    }

    fn hangs_up(&self) -> Result<(), Failed> {
        let of = self.of_carrier()?.ok_or("the caller is gone")?;
        let id = of["id"].as_str().ok_or("no id")?;
        self.lab.ask_carrier("DELETE", &format!("channels/{id}"))?;
        Ok(())
    }

    fn until_gone(&self) -> Result<(), Failed> {
        wait_for(PATIENCE, || {
            check!(self.of_carrier()?.is_none(), "the caller is still there");
            Ok(())
        })
    }

    /// What they heard.
    fn heard(&self) -> Result<Samples, Failed> {
        let file = format!("recordings/{}-speaker.wav", self.app);
        Ok(recording::read(&self.lab.folder().join(file))?)
    }
}

/// Something to be spoken, which the carrier has among its sounds.
fn spoken(lab: &Lab, name: &str, seconds: f32) -> Result<Samples, Failed> {
    let seed = name
        .bytes()
        .fold(7_u64, |seed, byte| seed.wrapping_mul(31) + u64::from(byte));
    let samples = test_speech::speak(seed, seconds);
    let file = lab.folder().join(format!("carrier/sounds/{name}.wav"));
    test_speech::write_wav(&file, &samples)?;
    Ok(samples)
}

/// Waits until a program has said something so often.
fn says(service: &Running, words: &str, times: usize) -> Result<(), Failed> {
    wait_for(PATIENCE, || {
        let said = service.said();
        let count = said.matches(words).count();
        check!(
            count >= times,
            "`{words}` {count} times of {times}:\n{said}"
        );
        Ok(())
    })
}

/// Waits until the PBX has nothing that was recorded for an app.
fn nothing_stays(lab: &Lab, app: &str) -> Result<(), Failed> {
    wait_for(PATIENCE, || {
        let all = lab.ask("GET", "recordings/stored")?;
        let of_app = format!("aftertone-record-{app}-");
        check!(!all.to_string().contains(&of_app), "{all:#}");
        Ok(())
    })
}

/// How many recordings the PBX makes or has of an app.
fn stored(lab: &Lab, app: &str) -> Result<usize, Failed> {
    let all = lab.ask("GET", "recordings/stored")?;
    let of_app = format!("aftertone-record-{app}-");
    Ok(all.to_string().matches(&of_app).count())
}

fn file(lab: &Lab, name: &str) -> std::path::PathBuf {
    lab.sounds().join(format!("{name}.wav"))
}

fn kept(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let (program, pin) = recording(lab, "reckeep1")?;
    let said = spoken(lab, "reckeep1", 4.0)?;
    let (service, api) = serving_api(&program, lab, "reckeep1")?;
    let caller = Speaker::calls(lab, "reckeep1", "spoken-keep")?;
    says(&service, "a prompt begins", 1)?;
    caller.presses(&format!("{pin}h"))?;
    says(&service, "whoever calls has shown who they are", 1)?;
    says(&service, "a recording begins", 1)?;
    caller.speaks("reckeep1")?;
    caller.presses("h")?;
    says(&service, "a recording is prepared", 1)?;
    check!(!file(lab, "spoken-keep").exists(), "it is kept unasked");
    // It is heard to its end, and the menu begins.
    says(&service, "prompt=Menu", 1)?;
    caller.presses("1")?;
    says(&service, "and is kept", 1)?;
    caller.until_gone()?;
    let kept = recording::read(&file(lab, "spoken-keep"))?;
    let found = find(&said, &kept).ok_or("what is kept is not what was spoken")?;
    check!(
        found.has_both_ends() && found.inside_missing < Duration::from_millis(100),
        "{found}"
    );
    // What they heard is what is kept.
    let heard = find(&kept, &caller.heard()?).ok_or("it was not played back")?;
    check!(heard.has_both_ends(), "{heard}");
    let shown: Value =
        serde_json::from_str(&program.ask(&["message", "show", "spoken-keep", "--json"])?)?;
    let lufs = shown["report"]["lufs"].as_f64().ok_or("no loudness")?;
    check!((lufs + 18.0).abs() < 0.5, "{shown:#}");
    let rows = api.ask("GET", "/audit?object=spoken-keep", None)?;
    let row = &rows["items"][0];
    check!(
        row["action"] == "message.add" && row["who"] == "user:ann" && row["via"] == "pbx",
        "{rows:#}"
    );
    nothing_stays(lab, "reckeep1")?;
    let log = service.said();
    check!(
        !log.contains(&pin) && !log.contains(&pin[4..]),
        "the log has the pin"
    );
    check!(!log.contains("2025550142"), "the log has a number");
    program.ask(&["message", "rm", "spoken-keep"])?;
    service.stop()
}

fn wrong_pins(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let (program, pin) = recording(lab, "recwrong")?;
    let service = serving(&program, lab, "recwrong")?;
    let caller = Speaker::calls(lab, "recwrong", "spoken-wrong")?;
    says(&service, "a prompt begins", 1)?;
    // Another secret, a number that nobody has, and the right one of a user who may not record any more.
    let last = if pin.ends_with('0') { "1" } else { "0" };
    caller.presses(&format!("{}{last}h", &pin[..9]))?;
    says(&service, "a pin was wrong", 1)?;
    caller.presses("12h")?;
    says(&service, "a pin was wrong", 2)?;
    program.ask(&["user", "role", "ann", "viewer"])?;
    caller.presses(&format!("{pin}h"))?;
    says(&service, "a pin was wrong", 3)?;
    caller.until_gone()?;
    says(&service, "outcome=\"wrong_pin\"", 1)?;
    check!(!service.said().contains("a recording begins"));
    program.ask(&["user", "role", "ann", "manager"])?;
    // Who was wrong thrice is let in with the right one; after five it rests.
    let caller = Speaker::calls(lab, "recwrong", "spoken-wrong")?;
    says(&service, "prompt=AskPin", 2)?;
    caller.presses(&format!("{pin}h"))?;
    says(&service, "whoever calls has shown who they are", 1)?;
    caller.hangs_up()?;
    caller.until_gone()?;
    for calls in 0..2 {
        let caller = Speaker::calls(lab, "recwrong", "spoken-wrong")?;
        says(&service, "prompt=AskPin", 3 + calls)?;
        for tries in 0..3 {
            let typed = match calls * 3 + tries {
                5 => pin.clone(),
                _ => format!("{}{last}", &pin[..9]),
            };
            caller.presses(&format!("{typed}h"))?;
            says(&service, "a pin was wrong", 4 + calls * 3 + tries)?;
        }
        caller.until_gone()?;
    }
    let log = service.said();
    check!(
        !log.contains(&pin) && !log.contains(&pin[4..]),
        "the log has the pin"
    );
    service.stop()
}

fn replaced(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let (program, pin) = recording(lab, "recagain")?;
    let before = lab.prepare("spoken-again", 2.0)?;
    spoken(lab, "recagain-short", 0.4)?;
    spoken(lab, "recagain-first", 2.0)?;
    let said = spoken(lab, "recagain-last", 3.0)?;
    let service = serving(&program, lab, "recagain")?;
    let caller = Speaker::calls(lab, "recagain", "spoken-again")?;
    says(&service, "a prompt begins", 1)?;
    caller.presses(&format!("{pin}h"))?;
    says(&service, "a recording begins", 1)?;
    caller.speaks("recagain-short")?;
    caller.presses("h")?;
    says(&service, "prompt=TooShort", 1)?;
    says(&service, "a recording begins", 2)?;
    caller.speaks("recagain-first")?;
    // Nobody presses anything: it is silent.
    says(&service, "prompt=Prepared", 1)?;
    caller.presses("3")?;
    says(&service, "a recording begins", 3)?;
    caller.speaks("recagain-last")?;
    caller.presses("h")?;
    says(&service, "prompt=Prepared", 2)?;
    caller.presses("1")?;
    says(&service, "prompt=Taken", 1)?;
    let kept = recording::read(&file(lab, "spoken-again"))?;
    check!(kept == before.samples, "it is replaced by one key");
    caller.presses("1")?;
    says(&service, "and is kept", 1)?;
    caller.until_gone()?;
    let kept = recording::read(&file(lab, "spoken-again"))?;
    let found = find(&said, &kept).ok_or("what is kept is not what was spoken last")?;
    check!(found.has_both_ends(), "{found}");
    check!(likeness(&before.samples, &kept) < 0.6);
    nothing_stays(lab, "recagain")?;
    program.ask(&["message", "rm", "spoken-again"])?;
    service.stop()
}

fn hung_up(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let (program, pin) = recording(lab, "rechangs")?;
    spoken(lab, "rechangs", 4.0)?;
    let service = serving(&program, lab, "rechangs")?;
    let phases = [
        "pin",
        "instructions",
        "recording",
        "played",
        "menu",
        "other",
    ];
    for (nth, phase) in phases.into_iter().enumerate() {
        let caller = Speaker::calls(lab, "rechangs", "spoken-hangs")?;
        says(&service, "prompt=AskPin", nth + 1)?;
        if phase != "pin" {
            caller.presses(&format!("{pin}h"))?;
            says(&service, "prompt=Instructions", nth)?;
        }
        if nth >= 2 {
            says(&service, "a recording begins", nth - 1)?;
            caller.speaks("rechangs")?;
        }
        if nth >= 3 {
            caller.presses("h")?;
            says(&service, "prompt=Prepared", nth - 2)?;
        }
        if nth >= 4 {
            says(&service, "prompt=Menu", nth - 3)?;
        }
        if phase == "other" {
            caller.presses("7")?;
            says(&service, "outcome=\"discarded\"", 1)?;
        } else {
            caller.hangs_up()?;
        }
        caller.until_gone()?;
        says(&service, "a call that recorded a message is over", nth + 1)?;
        check!(!file(lab, "spoken-hangs").exists(), "{phase}: it is kept");
        nothing_stays(lab, "rechangs")?;
    }
    check!(
        service.said().matches("outcome=\"hung_up\"").count() == 5,
        "{}",
        service.said()
    );
    let left = fs::read_dir(lab.sounds())?.filter_map(Result::ok);
    let left: Vec<_> = left
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("once-") && name.contains("rechangs"))
        .collect();
    check!(left.is_empty(), "{left:?}");
    service.stop()
}

/// Kills the program where `until` says, starts it again, and looks for what is left.
fn killed(
    bench: &Bench,
    app: &str,
    until: impl Fn(&Speaker<'_>, &Running) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let lab = bench.lab();
    let (program, pin) = recording(lab, app)?;
    spoken(lab, app, 4.0)?;
    let name = format!("spoken-{app}");
    let mut service = serving(&program, lab, app)?;
    let caller = Speaker::calls(lab, app, &name)?;
    says(&service, "a prompt begins", 1)?;
    caller.presses(&format!("{pin}h"))?;
    says(&service, "a recording begins", 1)?;
    until(&caller, &service)?;
    service.kill()?;
    let service = serving(&program, lab, app)?;
    caller.until_gone()?;
    nothing_stays(lab, app)?;
    check!(!file(lab, &name).exists(), "it is kept");
    let left = fs::read_dir(lab.sounds())?.filter_map(Result::ok);
    let left: Vec<_> = left
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("once-") && name.contains(app))
        .collect();
    check!(left.is_empty(), "{left:?}");
    service.stop()
}

fn killed_recording(bench: &Bench) -> Result<(), Failed> {
    killed(bench, "reckill1", |caller, _| caller.speaks("reckill1"))
}

fn killed_playing(bench: &Bench) -> Result<(), Failed> {
    killed(bench, "reckill2", |caller, service| {
        caller.speaks("reckill2")?;
        caller.presses("h")?;
        says(service, "prompt=Prepared", 1)?;
        check!(stored(bench.lab(), "reckill2")? == 1);
        Ok(())
    })
}

/// What the events would have said is asked for; what is recorded is kept, and nothing stays.
fn link_lost(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let proxy = FaultProxy::open(lab.pbx_url())?;
    let (program, pin) = recording(lab, "reclink1")?;
    let program = program.with("PBX__URL", proxy.url());
    let said = spoken(lab, "reclink1", 3.0)?;
    let service = serving(&program, lab, "reclink1")?;
    let caller = Speaker::calls(lab, "reclink1", "spoken-link")?;
    says(&service, "a prompt begins", 1)?;
    caller.presses(&format!("{pin}h"))?;
    says(&service, "a recording begins", 1)?;
    proxy.cut();
    caller.speaks("reclink1")?;
    // It is silent, and so ends, wherever the link is by then.
    says(&service, "prompt=Menu", 1)?;
    proxy.cut();
    wait_for(PATIENCE, || {
        // What is pressed while the link is away is not heard.
        let is_kept = service.said().contains("and is kept");
        if !is_kept && caller.of_carrier()?.is_some() {
            caller.presses("1")?;
        }
        check!(is_kept, "{}", service.said());
        Ok(())
    })?;
    caller.until_gone()?;
    let kept = recording::read(&file(lab, "spoken-link"))?;
    let found = find(&said, &kept).ok_or("what is kept is not what was spoken")?;
    check!(found.has_both_ends(), "{found}");
    nothing_stays(lab, "reclink1")?;
    program.ask(&["message", "rm", "spoken-link"])?;
    service.stop()
}

fn nobody(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let caller = Speaker::calls(lab, "recnone1", "spoken-none")?;
    let channel = wait_for(PATIENCE, || {
        let all = lab.ask("GET", "channels")?;
        let mut all = all.as_array().ok_or("no list of channels")?.iter();
        let name = |channel: &Value| channel["caller"]["number"].as_str() == Some("+12025550142");
        let found =
            all.find(|channel| name(channel) && channel["dialplan"]["context"] == "lab-else");
        found
            .cloned()
            .ok_or_else(|| "the call did not go on".into())
    })?;
    let id = channel["id"].as_str().ok_or("no id")?;
    let path = format!("channels/{id}/variable?variable=AFTERTONE_STATUS");
    let status = lab.ask("GET", &path)?;
    check!(status["value"] == "not_running", "{status}");
    caller.hangs_up()?;
    caller.until_gone()
}
