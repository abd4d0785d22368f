//! A drop is not dialled on a permission that is no longer fresh: not after a wait for the PBX, and not behind a queue.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
};

use crate::{
    desk::{Desk, Ended, NUMBER, count, pbx, wait},
    fake::{
        World,
        fault::{Fault, Kind, Rule},
        script::Script,
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_that_waits_for_the_link_asks_the_gate_again() {
    let (desk, child, mut said) = waiting().await;
    // The number is barred while it waits.
    let barred = desk.run(&["dnc", "add", NUMBER]).await;
    assert_eq!(barred.status, Some(0), "{barred:?}");
    desk.fake.with(|world| world.rules.clear());
    let rest = async { while said.next_line().await.unwrap().is_some() {} };
    let (ended, ()) = tokio::join!(wait(child), rest);
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert_eq!(ended.json()["refused"], "do_not_call", "{ended:?}");
    assert_not_dialled(&desk, &ended);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_that_waits_for_the_link_is_dialled_once_it_is_back() {
    let (desk, child, mut said) = waiting().await;
    desk.fake.with(|world| world.rules.clear());
    let rest = async { while said.next_line().await.unwrap().is_some() {} };
    let (ended, ()) = tokio::join!(wait(child), rest);
    assert_eq!(ended.outcome(), "delivered", "{ended:?}");
    desk.assert_clean("a link that came back", &ended);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_does_not_wait_for_the_link_without_end() {
    let (desk, child, mut said) = waiting().await;
    let mut lines = Vec::new();
    let rest = async {
        while let Some(line) = said.next_line().await.unwrap() {
            lines.push(line);
        }
    };
    let (ended, ()) = tokio::join!(wait(child), rest);
    assert_eq!(ended.status, Some(2), "{ended:?}");
    let told = "error: nothing was dialled: the event link to the PBX is down";
    assert!(lines.iter().any(|line| line == told), "{lines:?}");
    assert!(
        lines.iter().any(|line| line.starts_with("hint: ")),
        "{lines:?}"
    );
    assert_not_dialled(&desk, &ended);
}

/// More first calls than the PBX takes at once, each answered late: those that wait for too long are decided on again.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_behind_a_slow_pbx_for_too_long_is_decided_on_again() {
    let desk = Desk::new(pbx(Script(vec![crate::fake::script::Call::mailbox()]))).await;
    for limit in ["answer_timeout", "screening_timeout", "ready_timeout"] {
        desk.set(limit, "40s");
    }
    let rows = (0..36).map(|nth| format!("+1202555{:04}\n", 100 + nth));
    let list = "phone\n".to_owned() + &rows.collect::<String>();
    std::fs::write(desk.path("leads.csv"), list).unwrap();
    let path = desk.path("aftertone.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let trunk = "[trunk]\nstarts_per_second = 50\nin_flight = 40\ncancelled = \"none\"\nshort = \"none\"\npeople = \"none\"\n[screen]";
    std::fs::write(&path, text.replacen("[screen]", trunk, 1)).unwrap();
    let slow = Fault::Slow(Duration::from_secs(8));
    desk.fake.with(|world| {
        let rule = Rule::always(Kind::Originate, slow);
        world.rules = vec![Rule { times: 32, ..rule }];
    });
    let line = "campaign run leads.csv --message sound:a --kind informational --technique single --retry never";
    let mut command = desk.command(&line.split_whitespace().collect::<Vec<_>>());
    command.env("AFTERTONE_LOG", "aftertone::controller=debug");
    let ended = wait(command.spawn().unwrap()).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("not dialled"), "{ended:?}");
    let status = desk.run(&["campaign", "status", "leads", "--json"]).await;
    assert_eq!(status.json()["outcomes"]["delivered"], 36, "{status:?}");
    let calls = desk.fake.with(|world| count(world, Kind::Originate, None));
    assert_eq!(calls, 36, "{}", desk.fake.ladder());
}

/// A drop whose event link was cut before anything was dialled, and stays away; it has said that it waits.
async fn waiting() -> (
    Desk,
    Child,
    tokio::io::Lines<BufReader<tokio::process::ChildStderr>>,
) {
    let desk = Desk::new(pbx(Script::mailbox())).await;
    desk.gate("hours = false\nconsent = false");
    // Between the link and the drop there is a moment: the list of channels takes its time.
    let slow = Fault::Slow(Duration::from_millis(700));
    desk.fake
        .with(|world| world.rules = vec![Rule::once(Kind::ListChannels, slow)]);
    let line = ["drop", NUMBER, "--message", "sound:hello-world", "--json"];
    let mut child = desk.command(&line).spawn().unwrap();
    let asked = |world: &mut World| (count(world, Kind::ListChannels, None) > 0).then_some(());
    desk.fake.until("the list of channels", asked).await;
    desk.fake.with(|world| {
        world
            .rules
            .push(Rule::always(Kind::Events, Fault::Refuse(503)));
        for app in world.active_apps() {
            world.cut(&app);
        }
    });
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    loop {
        let line = said.next_line().await.unwrap().expect("it waits");
        if line.contains("waiting for it") {
            return (desk, child, said);
        }
    }
}

/// Nothing was dialled, and nothing counts.
fn assert_not_dialled(desk: &Desk, ended: &Ended) {
    let dialled = desk.fake.with(|world| count(world, Kind::Originate, None));
    assert_eq!(dialled, 0, "{ended:?}\n{}", desk.fake.ladder());
}
