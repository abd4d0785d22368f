//! The package on a machine that systemd runs, with a PBX beside it. `tests/package.sh` asks for it: it boots the machine and says how a
//! command is run there.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{fmt::Write as _, fs, ops::Range, process::Stdio, time::Duration};

use aftertone::clock;
use serde_json::Value;
use tokio::{
    io::AsyncWriteExt as _,
    process::Command,
    time::{sleep, timeout},
};

use crate::{
    campaign::{
        campaign_fixture::{CampaignFixture, number},
        slow,
    },
    fake::{
        fault::Kind,
        script::{Call, Far, Playback, Script},
    },
};

/// The package that is there is of an earlier version, and the one that comes is beside it.
#[ignore = "it takes a machine: `make package`"]
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_by_package_in_the_midst_of_a_run_rings_nobody_twice() {
    const CONTACTS: u32 = 150;
    let machine = Machine::named();
    let fixture = CampaignFixture::new(slow()).await;
    machine
        .configure(&fixture, "starts_per_second = 10\nin_flight = 15")
        .await;
    machine.begin("upgraded", 200..200 + CONTACTS).await;
    fixture.until_dialled(20).await;
    let show = ["systemctl", "show", "-P", "MainPID", SERVICE];
    let before = machine.inside(&show).await;
    machine
        .inside(&[
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "-qq",
            "-y",
            "--no-install-recommends",
            "-o",
            "Dpkg::Options::=--force-confold",
            "install",
            "/packages/new.deb",
        ])
        .await;
    let after = machine.inside(&show).await;
    assert_ne!(before, after, "the service was not restarted");
    let dialled = fixture.first_calls().len();
    assert!(
        dialled < CONTACTS as usize,
        "it was no longer in the midst of it"
    );

    // Each has one message, by one call of each leg; what was in flight when the order came has ended as well as the rest.
    machine.until_complete("upgraded").await;
    let told = machine.status("upgraded").await;
    assert_eq!(told["outcomes"]["delivered"], CONTACTS, "{told}");
    assert_eq!(fixture.requests(Kind::Originate), 2 * CONTACTS as usize);
    fixture.assert_no_contact_twice();
    fixture.assert_nothing_up();
}

#[ignore = "it takes a machine: `make package`"]
#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_s_order_lets_fifty_drops_end() {
    let mut mailbox = Call::of(&[(50, Far::Ringing), (100, Far::Answer)]);
    mailbox.playback = Playback::Whole(Duration::from_secs(5));
    let fixture = CampaignFixture::new(Script(vec![Call::ringing_for_ever(), mailbox])).await;
    let machine = Machine::named();
    machine
        .configure(&fixture, "starts_per_second = 50\nin_flight = 50")
        .await;
    machine.begin("stopped", 400..520).await;
    fixture
        .program
        .fake
        .until("fifty messages that are played", |world| {
            let played = world.log.iter().filter(|e| e.is_event("PlaybackStarted"));
            let over = world.log.iter().filter(|e| e.is_event("PlaybackFinished"));
            (played.count() == 50 && over.count() == 0).then_some(())
        })
        .await;
    let began = clock::now();
    machine.inside(&["systemctl", "stop", SERVICE]).await;
    let took = began.elapsed();
    // `TimeoutStopSec` is longer than the drain; a message has five seconds.
    assert!(took < Duration::from_secs(30), "{took:?}");
    fixture.assert_nothing_up();
    for (property, wanted) in [
        ("Result", "success"),
        ("ExecMainStatus", "0"),
        ("ActiveState", "inactive"),
    ] {
        let show = ["systemctl", "show", "-P", property, SERVICE];
        let found = machine.inside(&show).await;
        assert_eq!(found.trim(), wanted, "{property}");
    }
    let told = machine.status("stopped").await;
    let dialled = fixture.first_calls().len();
    assert_eq!(told["outcomes"]["delivered"], dialled, "{told}");
    assert_eq!(told["in_flight"], 0, "{told}");
    assert!(dialled < 120, "nothing was left to dial");
    fixture.assert_no_contact_twice();
    machine
        .as_service(&["aftertone", "campaign", "cancel", "stopped"])
        .await;
    machine.inside(&["systemctl", "start", SERVICE]).await;
}

struct Machine {
    /// What a command is run with.
    inside: Vec<String>,
}

impl Machine {
    fn named() -> Self {
        let inside = std::env::var("AFTERTONE_INSIDE");
        let inside = inside.expect("AFTERTONE_INSIDE says how a command is run on the machine");
        Self {
            inside: inside.split_whitespace().map(str::to_owned).collect(),
        }
    }

    /// The service with this PBX, and with the folders and the database of the package.
    async fn configure(&self, fixture: &CampaignFixture, trunk: &str) {
        fixture.trunk(trunk);
        let text = fs::read_to_string(fixture.program.path("aftertone.toml")).unwrap();
        let store = fixture.program.path("aftertone.db");
        let text = text
            .replace("state_dir = \"state\"\n", "")
            .replace(
                "sounds_dir = \"sounds\"",
                "sounds_dir = \"/var/lib/asterisk/sounds/aftertone\"",
            )
            .replace(
                &format!("sqlite:{}", store.display()),
                "sqlite:/var/lib/aftertone/aftertone.db",
            );
        let serve = self.serve().await;
        let text = text.replacen("[store]\n", &format!("[serve]\n{serve}[store]\n"), 1);
        let write = ["sh", "-c", "cat >/etc/aftertone/aftertone.toml"];
        self.run(&write, &text).await;
        self.inside(&["systemctl", "restart", SERVICE]).await;
        // It is up before it has reached the PBX.
        let health = "until aftertone healthcheck 2>/dev/null; do sleep 0.1; done";
        self.as_service(&["timeout", "30", "sh", "-c", health])
            .await;
    }

    /// What `[serve]` has: where it listens, as the network is not the machine's own, and what an upgrade has to keep.
    async fn serve(&self) -> String {
        let lines = "^(listen|requests_per_second)";
        self.inside(&["grep", "-E", lines, "/etc/aftertone/aftertone.toml"])
            .await
    }

    /// Makes a campaign of these contacts, and starts it.
    async fn begin(&self, name: &str, contacts: Range<u32>) {
        let mut list = String::from("phone\n");
        for nth in contacts {
            writeln!(list, "+{}", number(nth).digits()).unwrap();
        }
        let file = format!("/tmp/{name}.csv");
        self.run(&["sh", "-c", &format!("cat >{file}")], &list)
            .await;
        let created = [
            "aftertone",
            "campaign",
            "create",
            name,
            &file,
            "--message",
            "sound:hello-world",
            "--kind",
            "informational",
            "--technique",
            "double",
        ];
        self.as_service(&created).await;
        self.as_service(&["aftertone", "campaign", "start", name])
            .await;
    }

    async fn status(&self, name: &str) -> Value {
        let told = self
            .as_service(&["aftertone", "campaign", "status", name, "--json"])
            .await;
        serde_json::from_str(&told).unwrap()
    }

    async fn until_complete(&self, name: &str) {
        let looking = async {
            while self.status(name).await["standing"] != "complete" {
                sleep(Duration::from_millis(200)).await;
            }
        };
        timeout(Duration::from_secs(120), looking)
            .await
            .expect("it never ends");
    }

    /// As the service's own user.
    async fn as_service(&self, command: &[&str]) -> String {
        let user = [
            "setpriv",
            "--reuid",
            "aftertone",
            "--regid",
            "aftertone",
            "--init-groups",
            "env",
            "HOME=/var/lib/aftertone",
        ];
        self.inside(&[&user, command].concat()).await
    }

    async fn inside(&self, command: &[&str]) -> String {
        self.run(command, "").await
    }

    /// Runs a command that must succeed, and returns what it prints.
    async fn run(&self, command: &[&str], input: &str) -> String {
        let mut child = Command::new(&self.inside[0])
            .args(&self.inside[1..])
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        let ended = child.wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{command:?}: {said}");
        String::from_utf8(ended.stdout).unwrap()
    }
}

const SERVICE: &str = "aftertone.service";
