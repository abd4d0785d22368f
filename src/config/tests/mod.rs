mod campaigns;
mod ears;
mod serve;

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _};

use insta::assert_snapshot;
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::{keys::KEYS, source::is_exposed, *};
use crate::{
    audio::SpeechSettings,
    callback::{CallbackPlan, WhenSilent},
    phone::PhoneNumber,
    record::RecordPlan,
};

const REQUIRED: &str = r#"
[pbx]
username = "aftertone"
password = "hunter2"
endpoint = "PJSIP/{number}@trunk"
caller_id = "+12025550100"
"#;

/// A folder of its own with files, an environment and a place for the machine's file.
struct Scene {
    folder: TempDir,
    environment: BTreeMap<String, String>,
    is_root: bool,
}

impl Scene {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            environment: BTreeMap::new(),
            is_root: false,
        }
    }

    fn with(file: &str) -> Self {
        Self::new().file("aftertone.toml", file)
    }

    fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings {
            environment: self.environment.clone(),
            folder: self.folder.path().to_owned(),
            system_file: self.path("etc.toml"),
            system_state: self.path("var"),
            is_root: self.is_root,
        }
    }

    fn load_from(&self, explicit: Option<&Path>) -> Result<Config, ConfigError> {
        Config::load_within(explicit, self.surroundings())
    }

    fn load_for(&self, needs: Needs) -> Result<Config, ConfigError> {
        Config::load_as(None, self.surroundings(), needs)
    }

    fn load(&self) -> Config {
        self.load_from(None).unwrap()
    }

    /// The error with its sources, and `DIR` for the scene's folder.
    fn error(&self) -> String {
        let error = anyhow::Error::from(self.load_from(None).unwrap_err());
        format!("{error:#}").replace(self.folder.path().to_str().unwrap(), "DIR")
    }
}

/// The error for a file that has all that is required, and then this.
fn error_for(more: &str) -> String {
    let file = match more.split_once("[pbx]\n") {
        Some((before, after)) => format!("{before}{REQUIRED}{after}"),
        None => format!("{REQUIRED}{more}"),
    };
    Scene::with(&file).error()
}

#[test]
fn what_is_not_given_has_the_documented_default() {
    let scene = Scene::with(REQUIRED).variable("HOME", "/home/op");
    let config = scene.load();
    assert_eq!(config.instance, "aftertone");
    assert_eq!(config.pbx.url.as_str(), "http://127.0.0.1:8088");
    assert_eq!(config.pbx.username, "aftertone");
    assert_eq!(config.pbx.password.expose_secret(), "hunter2");
    assert_eq!(config.pbx.app, "aftertone");
    assert_eq!(config.pbx.caller_id.as_str(), "+12025550100");
    assert_eq!(config.pbx.context, "aftertone-screen");
    assert_eq!(config.pbx.ca_file, None);
    assert_eq!(config.pbx.rules, Rules::default());
    let sounds = Path::new("/var/lib/asterisk/sounds/aftertone");
    assert_eq!(config.pbx.sounds_dir, sounds);
    assert_eq!(config.pbx.pbx_sounds_dir, sounds);
    let seconds = Duration::from_secs;
    assert_eq!(
        config.drop,
        DropSettings {
            technique: Technique::Double,
            lead: seconds(2),
            answer_timeout: seconds(45),
            screening_timeout: seconds(90),
            ready_timeout: seconds(60),
            release_on_progress: Some(seconds(0)),
            release_when_unheard: Some(seconds(10)),
            when_unsure: WhenUnsure::HangUp,
            when_screened: WhenScreened::HangUp,
            screening_prompt: None,
            when_busy_leg_answered: WhenBusyLegAnswered::Promote,
        }
    );
    assert_eq!(config.screen.mode, ScreenMode::Listen);
    assert_eq!(config.screen.ears, Settings::default());
    assert_eq!(config.screen.listen.to_string(), "127.0.0.1:0");
    assert!(config.screen.amd && config.screen.book && config.screen.allow.is_empty());
    assert_eq!(config.screen.media, Media::Auto);
    assert_eq!(config.audio.max_length, seconds(120));
    assert_eq!(config.audio.target_lufs, None);
    assert_eq!(config.evidence.dir, None);
    assert_eq!(config.incoming.app, None);
    assert_eq!(config.speech, None);
    assert_eq!(config.evidence.max_age, Some(seconds(30 * 86_400)));
    assert_eq!(config.evidence.max_size, 1_000_000_000);
    assert!(
        matches!(config.store.url, StoreUrl::Sqlite(path) if path == Path::new("/home/op/.local/state/aftertone/aftertone.db"))
    );
    assert_eq!(
        config.state_dir,
        Path::new("/home/op/.local/state/aftertone")
    );
}

#[test]
fn every_key_can_be_given_in_the_file() {
    let file = r#"
instance = "north1"
state_dir = "state"
[pbx]
url = "HTTPS://PBX.example:8089/asterisk/"
username = "ari"
password_file = "secret"
app = "north_1"
endpoint = "PJSIP/trunk/sip:{digits}@host;user=phone"
caller_id = "202 555 0100"
sounds_dir = "sounds"
pbx_sounds_dir = "/mnt/sounds"
context = "screen"
ca_file = "ca.pem"
default_region = "gb"
allow_premium = true
[drop]
technique = "single"
lead = "1m"
answer_timeout = "1s"
screening_timeout = "2m 30s"
ready_timeout = "1500ms"
release_on_progress = "never"
release_when_unheard = "never"
when_unsure = "play"
when_screened = "say"
screening_prompt = "who-calls"
when_busy_leg_answered = "give_up"
[screen]
mode = "dialplan"
media = "websocket"
listen = "0.0.0.0:9000-9100"
advertise = "here.example"
allow = ["10.1.0.0/16", "192.0.2.7"]
amd = false
no_beep = "play"
book = false
[store]
url = "postgres://me:topsecret@db/aftertone"
lost_after = "20m"
connections = 20
[screen.words]
command = ["/bin/recogniser", "en"]

[retention]
drops = "400d"
decisions = "90d"
campaigns = "800d"
greetings = "7d"
events = "3d"
events_at_most = 2000
[audio]
max_length = "45s"
target_lufs = -18
[evidence]
dir = "evidence"
max_age = "90d"
max_size = "500MiB"
[gate]
enabled = true
consent = false
caps = false
hours = false
limits = ["2 per 12h"]
blocked_prefixes = ["+1900"]
rules = [{ name = "late", hours = "10:00-20:00" }]
[incoming]
app = "aftertone"
[trunk]
name = "carrier-1"
starts_per_second = 5
in_flight = 40
cancelled = "none"
short = 12.5
people = 2
window = "30m"
at_least = 50
[price]
per_minute = 0.0085
per_attempt = "0.001"
increment = "60/6"
currency = "EUR"
[serve]
listen = "10.0.0.5:80"
plain_http = "behind a proxy"
tls_certificate = "serve.crt"
tls_key = "serve.key"
public_url = "https://dialler.example.com"
trusted_proxies = ["127.0.0.1", "10.1.0.0/16"]
requests_per_second = "any"
drain = "3m"
max_upload = "200MB"
log = "info"
[webhooks]
allow = ["10.3.0.0/16", "127.0.0.1"]
ca_file = "ca.pem"
key_file = "webhooks.key"
[telemetry]
otlp = "http://127.0.0.1:4318"
traces = 25
[callback]
prompt = "welcome-back"
removed = "removed"
which_number = "which-number"
failed = "try-again"
opt_out = "8"
connect = "2"
goes_to = "sales,s,3"
when_silent = "connect"
wait = "9s"
times = 3
list = "gone"
[record]
keep = "4"
hear = "5"
again = "6"
silence = "3s"
ask_pin = "pin"
wrong_pin = "wrong"
instructions = "speak"
beep = "/tones/beep"
menu = "keys"
taken = "taken"
saved = "saved"
discarded = "gone"
too_short = "short"
refused = "refused"
failed = "custom/failed"
goodbye = "bye"

[speech]
command = ["piper", "--model", "{voice}", "--output_file", "{output}"]
voice = "/opt/piper/en_GB-alba-medium.onnx"
at_once = 3
timeout = "1m"
keep = "7d"
"#;
    let ears: Vec<_> = Settings::ALL
        .iter()
        .map(|about| format!("{} = {}\n", about.name, about.most))
        .collect();
    let file = &file.replace("[store]", &format!("{}[store]", ears.concat()));
    let scene = Scene::with(file)
        .file("secret", "hunter2\n")
        .file("ca.pem", "");
    let config = scene.load();
    assert_eq!(config.instance, "north1");
    assert_eq!(config.state_dir, scene.path("state"));
    let pbx = &config.pbx;
    assert_eq!(pbx.url.as_str(), "https://pbx.example:8089/asterisk");
    assert!(pbx.url.is_https());
    assert_eq!(pbx.username, "ari");
    assert_eq!(pbx.password.expose_secret(), "hunter2");
    assert_eq!(pbx.app, "north_1");
    assert_eq!(pbx.caller_id.as_str(), "2025550100");
    assert_eq!(pbx.sounds_dir, scene.path("sounds"));
    assert_eq!(pbx.pbx_sounds_dir, Path::new("/mnt/sounds"));
    assert_eq!(pbx.context, "screen");
    assert_eq!(pbx.ca_file, Some(scene.path("ca.pem")));
    assert_eq!(pbx.rules.default_region.to_string(), "GB");
    assert!(pbx.rules.allow_premium);
    let number = PhoneNumber::parse("020 7946 0958", pbx.rules).unwrap();
    assert_eq!(
        pbx.endpoint.dial_string(&number),
        "PJSIP/trunk/sip:442079460958@host;user=phone"
    );
    assert_eq!(
        config.drop,
        DropSettings {
            technique: Technique::Single,
            lead: Duration::from_secs(60),
            answer_timeout: Duration::from_secs(1),
            screening_timeout: Duration::from_secs(150),
            ready_timeout: Duration::from_millis(1500),
            release_on_progress: None,
            release_when_unheard: None,
            when_unsure: WhenUnsure::Play,
            when_screened: WhenScreened::Say,
            screening_prompt: Some("who-calls".to_owned()),
            when_busy_leg_answered: WhenBusyLegAnswered::GiveUp,
        }
    );
    assert_eq!(config.screen.media, Media::WebSocket);
    assert_eq!(config.screen.listen.to_string(), "0.0.0.0:9000-9100");
    assert_eq!(config.screen.listen.ports, 9_000..=9_100);
    assert_eq!(config.screen.advertise.as_deref(), Some("here.example"));
    let allow: Vec<_> = config
        .screen
        .allow
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(allow, ["10.1.0.0/16", "192.0.2.7/32"]);
    assert!(!config.screen.amd && !config.screen.book);
    assert_eq!(config.screen.ears.no_beep, NoBeep::Play);
    assert!(matches!(
        &config.store.url,
        StoreUrl::Postgres(url) if url.expose_secret() == "postgres://me:topsecret@db/aftertone"
    ));
    assert_eq!(config.store.lost_after, Duration::from_secs(1_200));
    assert_eq!(config.store.connections, 20);
    assert_eq!(config.incoming.app.as_deref(), Some("aftertone"));
    let days = |days: u64| Some(Duration::from_secs(days * 86_400));
    assert_eq!(config.retention.drops, days(400));
    assert_eq!(config.retention.decisions, days(90));
    assert_eq!(config.retention.campaigns, days(800));
    assert_eq!(config.retention.greetings, days(7));
    assert_eq!(config.retention.events, days(3));
    assert_eq!(config.retention.events_at_most, 2_000);
    let mut most = Settings {
        no_beep: NoBeep::Play,
        ..Settings::default()
    };
    for about in Settings::ALL {
        most.set(about.name, &about.most.to_string()).unwrap();
    }
    let words = ["/bin/recogniser", "en"].map(str::to_owned);
    assert_eq!(config.screen.words, Some(words.to_vec()));
    assert_eq!(config.screen.ears, most);
    assert_eq!(config.audio.max_length, Duration::from_secs(45));
    assert_eq!(config.audio.target_lufs, Some(-18.0));
    assert_eq!(config.evidence.dir, Some(scene.path("evidence")));
    assert_eq!(
        config.evidence.max_age,
        Some(Duration::from_secs(90 * 86_400))
    );
    assert_eq!(config.evidence.max_size, 500 << 20);
    assert_eq!(
        config.serve,
        ServeConfig {
            listen: "10.0.0.5:80".parse().unwrap(),
            tls: Some(TlsFiles {
                certificate: scene.path("serve.crt"),
                key: scene.path("serve.key"),
            }),
            public_url: Some(PublicUrl::parse("https://dialler.example.com").unwrap()),
            trusted_proxies: vec![
                "127.0.0.1/32".parse().unwrap(),
                "10.1.0.0/16".parse().unwrap(),
            ],
            requests_per_second: None,
            drain: Duration::from_secs(180),
            max_upload: 200_000_000,
            log: Some("info".to_owned()),
        }
    );
    assert_eq!(
        config.webhooks,
        WebhooksConfig {
            allow: ["10.3.0.0/16", "127.0.0.1/32"]
                .map(|network| network.parse().unwrap())
                .into(),
            ca_file: Some(scene.path("ca.pem")),
            key_file: Some(scene.path("webhooks.key")),
        }
    );
    assert_eq!(
        config.telemetry,
        TelemetryConfig {
            otlp: Some("http://127.0.0.1:4318".to_owned()),
            traces: 25,
        }
    );
    assert_eq!(
        config.callback,
        Some(CallbackConfig {
            prompt: "welcome-back".to_owned(),
            removed: "removed".to_owned(),
            which_number: "which-number".to_owned(),
            failed: Some("try-again".to_owned()),
            goes_to: Some(DialplanPlace {
                context: "sales".to_owned(),
                extension: "s".to_owned(),
                priority: 3,
            }),
            list: "gone".to_owned(),
            plan: CallbackPlan {
                opt_out: '8',
                connect: Some('2'),
                when_silent: WhenSilent::Connect,
                wait: Duration::from_secs(9),
                times: 3,
            },
        })
    );
    let record = &config.record;
    let plan = RecordPlan {
        keep: '4',
        hear: '5',
        again: '6',
        wait: Duration::from_secs(8),
    };
    assert_eq!(
        (&record.plan, record.silence),
        (&plan, Duration::from_secs(3))
    );
    let sounds: Vec<_> = record.sounds.all().map(|(_, sound)| sound).collect();
    assert_eq!(
        sounds,
        [
            "pin",
            "wrong",
            "speak",
            "/tones/beep",
            "keys",
            "taken",
            "saved",
            "gone",
            "short",
            "refused",
            "custom/failed",
            "bye"
        ]
    );
    let speech = ["piper", "--model", "{voice}", "--output_file", "{output}"];
    assert_eq!(
        config.speech,
        Some(SpeechSettings {
            command: speech.map(str::to_owned).into(),
            voice: "/opt/piper/en_GB-alba-medium.onnx".to_owned(),
            at_once: 3,
            timeout: Duration::from_secs(60),
            keep: Duration::from_secs(7 * 86_400),
        })
    );
    for key in KEYS.iter().filter(|key| **key != "pbx.password") {
        let name = key.rsplit('.').next().unwrap();
        assert!(file.contains(&format!("\n{name} = ")), "{key} is not tried");
    }
}

#[test]
fn the_environment_overrides_the_file_and_its_values_stay_text() {
    let scene = Scene::with(&format!("{REQUIRED}[drop]\nlead = \"5s\"\n"))
        .variable("AFTERTONE__DROP__LEAD", "500ms")
        .variable("AFTERTONE__PBX__CALLER_ID", "+12025550199")
        .variable("AFTERTONE__PBX__PASSWORD", "0123")
        .variable("AFTERTONE__PBX__ALLOW_PREMIUM", "true")
        .variable("AFTERTONE__AUDIO__TARGET_LUFS", "-20.5")
        .variable("AFTERTONE__INSTANCE", "42")
        .variable("AFTERTONE__PBX__URL", "")
        .variable("AFTERTONE_LOG", "debug");
    let config = scene.load();
    assert_eq!(config.drop.lead, Duration::from_millis(500));
    assert_eq!(config.pbx.caller_id.as_str(), "+12025550199");
    assert_eq!(config.pbx.password.expose_secret(), "0123");
    assert!(config.pbx.rules.allow_premium);
    assert_eq!(config.audio.target_lufs, Some(-20.5));
    assert_eq!(config.instance, "42");
    assert_eq!(config.pbx.url.as_str(), "http://127.0.0.1:8088");
}

#[test]
fn the_environment_alone_is_enough() {
    let scene = Scene::new()
        .file("secret", "hunter2\r\n")
        .variable("AFTERTONE__PBX__USERNAME", "aftertone")
        .variable("AFTERTONE__PBX__PASSWORD_FILE", "secret")
        .variable("AFTERTONE__PBX__ENDPOINT", "Local/{number}@out")
        .variable("AFTERTONE__PBX__CALLER_ID", "+12025550100");
    let config = scene.load();
    assert_eq!(config.pbx.password.expose_secret(), "hunter2");
    assert_eq!(config.state_dir, scene.path("var"));
}

#[test]
fn the_file_is_found_in_the_documented_order() {
    let named = |instance: &str| format!("instance = \"{instance}\"\n{REQUIRED}");
    let mut scene = Scene::new().file("etc.toml", &named("system"));
    assert_eq!(scene.load().instance, "system");
    scene = scene.file("aftertone.toml", &named("folder"));
    assert_eq!(scene.load().instance, "folder");
    scene = scene
        .file("named.toml", &named("variable"))
        .variable("AFTERTONE_CONFIG", "named.toml");
    assert_eq!(scene.load().instance, "variable");
    scene = scene.file("explicit.toml", &named("explicit"));
    let config = scene.load_from(Some(Path::new("explicit.toml"))).unwrap();
    assert_eq!(config.instance, "explicit");
}

#[test]
fn relative_paths_start_where_they_are_written() {
    let scene = Scene::new();
    fs::create_dir(scene.path("etc")).unwrap();
    let file = REQUIRED.replace(
        "password = \"hunter2\"",
        "password_file = \"ari\"\nsounds_dir = \"s\"",
    );
    let scene = scene
        .file("etc/a.toml", &file)
        .file("etc/ari", "from the file's folder")
        .variable("AFTERTONE__STATE_DIR", "state");
    let config = scene.load_from(Some(Path::new("etc/a.toml"))).unwrap();
    assert_eq!(
        config.pbx.password.expose_secret(),
        "from the file's folder"
    );
    assert_eq!(config.pbx.sounds_dir, scene.path("etc/s"));
    assert_eq!(config.state_dir, scene.path("state"));
}

#[test]
fn the_state_folder_is_the_service_managers_else_the_users() {
    for (variables, expected) in [
        (
            &[("STATE_DIRECTORY", "/var/lib/a:/var/lib/b"), ("HOME", "/h")][..],
            "/var/lib/a",
        ),
        (&[("XDG_STATE_HOME", "/x"), ("HOME", "/h")], "/x/aftertone"),
        (
            &[("XDG_STATE_HOME", ""), ("HOME", "/h")],
            "/h/.local/state/aftertone",
        ),
        (&[], "DIR/var"),
    ] {
        let scene = variables
            .iter()
            .fold(Scene::with(REQUIRED), |scene, (name, value)| {
                scene.variable(name, value)
            });
        let expected = expected.replace("DIR", scene.folder.path().to_str().unwrap());
        assert_eq!(
            scene.load().state_dir,
            Path::new(&expected),
            "{variables:?}"
        );
    }
}

#[test]
fn the_state_folder_of_the_machine_is_for_root_and_for_who_can_write_there() {
    let home = || {
        Scene::with(REQUIRED)
            .variable("HOME", "/h")
            .variable("XDG_STATE_HOME", "/x")
    };
    assert_eq!(home().load().state_dir, Path::new("/x/aftertone"));
    let root = Scene {
        is_root: true,
        ..home()
    };
    assert_eq!(root.load().state_dir, root.path("var"));
    let writer = home();
    fs::create_dir(writer.path("var")).unwrap();
    assert_eq!(writer.load().state_dir, writer.path("var"));
    let service = Scene {
        is_root: true,
        ..home().variable("STATE_DIRECTORY", "/s")
    };
    assert_eq!(service.load().state_dir, Path::new("/s"));
}

#[test]
fn the_database_is_in_the_state_folder_unless_there_is_one_beside_the_configuration() {
    let of = |scene: &Scene| match scene.load().store.url {
        StoreUrl::Sqlite(path) => path,
        StoreUrl::Postgres(_) => panic!("no file"),
    };
    for (section, name) in [
        ("", "aftertone.db"),
        ("[store]\nurl = \"sqlite:calls.db\"\n", "calls.db"),
    ] {
        let scene =
            Scene::with(&format!("{REQUIRED}{section}")).variable("AFTERTONE__STATE_DIR", "state");
        assert_eq!(of(&scene), scene.path("state").join(name));
        let scene = scene.file(name, "made by 0.1.0");
        assert_eq!(of(&scene), scene.path(name));
        fs::create_dir(scene.path("state")).unwrap();
        let scene = scene.file(&format!("state/{name}"), "made since");
        let error = scene.error();
        assert!(
            error.contains("there are two databases, DIR/state/"),
            "{error}"
        );
    }
}

#[test]
fn a_missing_key_is_told_with_where_it_could_stand() {
    let without = |line: &str| {
        let kept: Vec<_> = REQUIRED.lines().filter(|l| !l.starts_with(line)).collect();
        Scene::with(&kept.join("\n")).error()
    };
    assert_snapshot!(without("username"), @"`pbx.username` is missing from DIR/aftertone.toml; expected the name of a user in the PBX's ari.conf (or set AFTERTONE__PBX__USERNAME)");
    assert_snapshot!(without("password"), @"`pbx.password` is missing from DIR/aftertone.toml; expected exactly one of `pbx.password` and `pbx.password_file` (or set AFTERTONE__PBX__PASSWORD)");
    assert_snapshot!(without("endpoint"), @"`pbx.endpoint` is missing from DIR/aftertone.toml; expected what the PBX is to dial, such as `PJSIP/{number}@trunk` (or set AFTERTONE__PBX__ENDPOINT)");
    assert_snapshot!(without("caller_id"), @"`pbx.caller_id` is missing from DIR/aftertone.toml; expected the number to show, such as `+12025550100` (or set AFTERTONE__PBX__CALLER_ID)");
    assert_snapshot!(Scene::new().error(), @"`pbx.username` is missing and there is no file DIR/aftertone.toml nor DIR/etc.toml; expected the name of a user in the PBX's ari.conf (or set AFTERTONE__PBX__USERNAME)");
}

#[test]
fn an_unknown_key_is_told_with_the_known_ones() {
    assert_snapshot!(error_for("[drop]\nleed = \"2s\""), @"unknown key `drop.leed` in DIR/aftertone.toml; [drop] has technique, lead, answer_timeout, screening_timeout, ready_timeout, release_on_progress, release_when_unheard, when_unsure, when_screened, screening_prompt, when_busy_leg_answered");
    assert_snapshot!(error_for("[dorp]\nlead = \"2s\""), @"unknown key `dorp.lead` in DIR/aftertone.toml; the sections and keys at the top are instance, state_dir, pbx, drop, screen, store, audio, evidence, retention, gate, incoming, trunk, price, serve, webhooks, telemetry, callback, record, speech");
    assert_snapshot!(error_for("lead = \"2s\"\n[pbx]\n"), @"unknown key `lead` in DIR/aftertone.toml; the sections and keys at the top are instance, state_dir, pbx, drop, screen, store, audio, evidence, retention, gate, incoming, trunk, price, serve, webhooks, telemetry, callback, record, speech");
    assert_snapshot!(error_for("[drop.lead]\nx = 1"), @r#"`drop.lead` in DIR/aftertone.toml: a section was given, not a text in quotes; expected a duration from 0s to 60s, such as "2s" or "500ms""#);
    assert_snapshot!(
        Scene::with(REQUIRED).variable("AFTERTONE__DROP__LEED", "2s").error(), @"unknown key `drop.leed` in the environment variable AFTERTONE__DROP__LEED; [drop] has technique, lead, answer_timeout, screening_timeout, ready_timeout, release_on_progress, release_when_unheard, when_unsure, when_screened, screening_prompt, when_busy_leg_answered");
    assert_snapshot!(
        Scene::with(REQUIRED).variable("AFTERTONE__TYPO", "1").error(), @"unknown key `typo` in the environment variable AFTERTONE__TYPO; the sections and keys at the top are instance, state_dir, pbx, drop, screen, store, audio, evidence, retention, gate, incoming, trunk, price, serve, webhooks, telemetry, callback, record, speech");
    assert_snapshot!(
        Scene::with(REQUIRED).variable("AFTERTONE__DROP", "1").error(), @"unknown key `drop` in the environment variable AFTERTONE__DROP; [drop] has technique, lead, answer_timeout, screening_timeout, ready_timeout, release_on_progress, release_when_unheard, when_unsure, when_screened, screening_prompt, when_busy_leg_answered");
    assert_snapshot!(
        Scene::with(REQUIRED).variable("AFTERTONE__drop__lead", "1s").error(), @"unknown key `drop.lead` in the environment variable AFTERTONE__drop__lead; write the variable in capitals, AFTERTONE__DROP__LEAD");
}

#[test]
fn a_bad_value_is_told_with_key_place_and_what_was_expected() {
    assert_snapshot!(error_for("[drop]\nlead = 2"), @r#"`drop.lead` in DIR/aftertone.toml: a whole number was given, not a text in quotes; expected a duration from 0s to 60s, such as "2s" or "500ms""#);
    assert_snapshot!(error_for("[drop]\nlead = \"2\""), @r#"`drop.lead` in DIR/aftertone.toml: `2` is not a duration; expected a duration from 0s to 60s, such as "2s" or "500ms""#);
    assert_snapshot!(error_for("[drop]\nlead = \"-2s\""), @r#"`drop.lead` in DIR/aftertone.toml: `-2s` is negative; expected a duration from 0s to 60s, such as "2s" or "500ms""#);
    assert_snapshot!(error_for("[drop]\nlead = \"61s\""), @r#"`drop.lead` in DIR/aftertone.toml: `61s` is out of range; expected a duration from 0s to 60s, such as "2s" or "500ms""#);
    assert_snapshot!(error_for("[drop]\nlead = \"never\""), @r#"`drop.lead` in DIR/aftertone.toml: `never` is not a duration; expected a duration from 0s to 60s, such as "2s" or "500ms""#);
    assert_snapshot!(error_for("[drop]\nanswer_timeout = \"0s\""), @r#"`drop.answer_timeout` in DIR/aftertone.toml: `0s` is out of range; expected a duration from 1s to 300s, such as "2s" or "500ms""#);
    assert_snapshot!(error_for("[drop]\nscreening_timeout = \"11m\""), @r#"`drop.screening_timeout` in DIR/aftertone.toml: `11m` is out of range; expected a duration from 1s to 600s, such as "2s" or "500ms""#);
    assert_snapshot!(error_for("[drop]\nrelease_on_progress = \"always\""), @r#"`drop.release_on_progress` in DIR/aftertone.toml: `always` is not a duration; expected `never` or a duration from 0s to 60s, such as "2s" or "500ms""#);
    assert_snapshot!(error_for("[drop]\ntechnique = \"triple\""), @"`drop.technique` in DIR/aftertone.toml: `triple` is not a known value; expected `double` or `single`");
    assert_snapshot!(error_for("[drop]\nwhen_unsure = true"), @"`drop.when_unsure` in DIR/aftertone.toml: `true` or `false` was given, not a text in quotes; expected `hang_up` or `play`");
    assert_snapshot!(error_for("[drop]\nwhen_busy_leg_answered = [\"promote\"]"), @"`drop.when_busy_leg_answered` in DIR/aftertone.toml: a list was given, not a text in quotes; expected `promote` or `continue` or `give_up`");
    assert_snapshot!(error_for("[screen]\nmode = \"ears\""), @"`screen.mode` in DIR/aftertone.toml: `ears` is not a known value; expected `listen` or `dialplan`");
    assert_snapshot!(error_for("[screen]\nmedia = \"rtp\""), @"`screen.media` in DIR/aftertone.toml: `rtp` is not a known value; expected `auto` or `audiosocket` or `websocket`");
    assert_snapshot!(error_for("[screen]\nlisten = \"localhost\""), @"`screen.listen` in DIR/aftertone.toml: `localhost` is not an address with a port; expected an address and a port, or a range of ports, such as `127.0.0.1:0` or `10.0.0.5:40000-40100`");
    assert_snapshot!(error_for("[screen]\nlisten = \"127.0.0.1:9-1\""), @"`screen.listen` in DIR/aftertone.toml: 9-1 is not a range of ports; expected an address and a port, or a range of ports, such as `127.0.0.1:0` or `10.0.0.5:40000-40100`");
    assert_snapshot!(error_for("[screen]\nallow = [\"10.1.0.0/33\"]"), @"`screen.allow` in DIR/aftertone.toml: `10.1.0.0/33` is neither an address nor a network; expected a list of addresses or networks such as `10.1.0.0/16`");
    assert_snapshot!(error_for("[screen]\nadvertise = \"a b:9000\""), @"`screen.advertise` in DIR/aftertone.toml: it has no host name or address; expected `HOST` or `HOST:PORT` as the PBX reaches it");
    assert_snapshot!(error_for("[store]\nurl = \"mysql://x\""), @"`store.url` in DIR/aftertone.toml: it begins with neither `sqlite:` nor `postgres://`; expected `sqlite:FILE` or `postgres://USER@HOST/DATABASE`");
    // 45 + 90 + 60 + 10, and three plays of 120 + 5.
    assert_snapshot!(error_for("[store]\nlost_after = \"579s\""), @"`store.lost_after` in DIR/aftertone.toml: with these timeouts, a call can last 580 s; expected a duration from 580s to 24h");
    assert_snapshot!(error_for("[store]\nurl = \"sqlite:\""), @"`store.url` in DIR/aftertone.toml: what follows `sqlite:` is not a plain file; expected `sqlite:FILE` or `postgres://USER@HOST/DATABASE`");
    assert_snapshot!(error_for("[audio]\nmax_length = \"1h\""), @r#"`audio.max_length` in DIR/aftertone.toml: `1h` is out of range; expected a duration from 1s to 600s, such as "2s" or "500ms""#);
    for (age, kept) in [
        ("never", None),
        ("12h", Some(43_200)),
        ("3650d", Some(315_360_000)),
    ] {
        let file = format!("{REQUIRED}[evidence]\nmax_age = \"{age}\"");
        let kept = kept.map(Duration::from_secs);
        assert_eq!(Scene::with(&file).load().evidence.max_age, kept);
    }
    for (size, bytes) in [
        ("1MB", 1_000_000),
        ("2 GiB", 2 << 30),
        ("1PB", 1_000_000_000_000_000),
    ] {
        let file = format!("{REQUIRED}[evidence]\nmax_size = \"{size}\"");
        assert_eq!(Scene::with(&file).load().evidence.max_size, bytes);
    }
    for bad in ["0d", "3651d", "30", "d", "-1d", "99999999999999999999d"] {
        let told = error_for(&format!("[evidence]\nmax_age = \"{bad}\""));
        assert!(
            told.contains("expected `never` or a duration from 1s"),
            "{told}"
        );
    }
    for bad in [
        "1",
        "GB",
        "0GB",
        "999KB",
        "1.5GB",
        "2PB",
        "99999999999999999999GB",
        "9999999999PiB",
    ] {
        let told = error_for(&format!("[evidence]\nmax_size = \"{bad}\""));
        assert!(told.contains("expected a size from 1MB to 1PB"), "{told}");
    }
    assert_snapshot!(error_for("[audio]\ntarget_lufs = 3"), @"`audio.target_lufs` in DIR/aftertone.toml: `3` was given; expected a number from -36 to -10");
    assert_snapshot!(error_for("instance = \"After-Tone\"\n[pbx]\n"), @"`instance` in DIR/aftertone.toml: `After-Tone` does not fit; expected 1 to 32 characters of `a-z0-9`");
    assert_snapshot!(Scene::with("pbx = 3\n").error(), @"unknown key `pbx` in DIR/aftertone.toml; [pbx] has url, username, password, password_file, app, endpoint, caller_id, sounds_dir, pbx_sounds_dir, context, ca_file, default_region, allow_premium");
    assert_snapshot!(error_for("[pbx]\nallow_premium = \"yes\"\n"), @"`pbx.allow_premium` in DIR/aftertone.toml: `yes` was given; expected `true` or `false`");
    assert_snapshot!(error_for("[pbx]\ndefault_region = \"UK\"\n"), @"`pbx.default_region` in DIR/aftertone.toml: `UK` is not a known country; expected the two letters of a country, such as `US`");
    assert_snapshot!(error_for("[pbx]\napp = \"a,b\"\n"), @"`pbx.app` in DIR/aftertone.toml: `a,b` does not fit; expected 1 to 64 characters of `A-Za-z0-9_-`");
    assert_snapshot!(error_for("[pbx]\ncontext = \"\"\n"), @"`pbx.context` in DIR/aftertone.toml: `` does not fit; expected 1 to 79 characters of `A-Za-z0-9_-`");
    assert_snapshot!(error_for("[pbx]\nca_file = \"none.pem\"\n"), @"`pbx.ca_file` in DIR/aftertone.toml: cannot read DIR/none.pem: No such file or directory (os error 2); expected a file that can be read");
    assert_snapshot!(error_for("[pbx]\nca_file = \".\"\n"), @"`pbx.ca_file` in DIR/aftertone.toml: DIR/. is not a file; expected a file that can be read");
    assert_snapshot!(error_for("[pbx]\nsounds_dir = \"a,b\"\n"), @"`pbx.sounds_dir` in DIR/aftertone.toml: `DIR/a,b` holds a character that ends a file name in the PBX; expected an absolute path without `,` or `&`, such as `/var/lib/asterisk/sounds/aftertone`");
    assert_snapshot!(error_for("[pbx]\npbx_sounds_dir = \"sounds\"\n"), @"`pbx.pbx_sounds_dir` in DIR/aftertone.toml: `sounds` is not absolute; expected an absolute path without `,` or `&`, such as `/var/lib/asterisk/sounds/aftertone`");
    assert_snapshot!(
        Scene::with(REQUIRED).variable("AFTERTONE__DROP__LEAD", "soon").error(), @r#"`drop.lead` in the environment variable AFTERTONE__DROP__LEAD: `soon` is not a duration; expected a duration from 0s to 60s, such as "2s" or "500ms""#);
    assert_snapshot!(
        Scene::with(REQUIRED).variable("AFTERTONE__PBX__CALLER_ID", "\"Shop\" <1>").error(), @r#"`pbx.caller_id` in the environment variable AFTERTONE__PBX__CALLER_ID: a caller id is a number without a name or quotes, but character 1 is `\"`; expected the number to show, such as `+12025550100`"#);
    assert_snapshot!(error_for(&format!("[pbx]\napp = \"{}\"\n", "a b".repeat(50))), @"`pbx.app` in DIR/aftertone.toml: `a ba ba ba ba ba ba ba ba ba ba ba ba ba ba ba ba ba ba ba b…` does not fit; expected 1 to 64 characters of `A-Za-z0-9_-`");
}

#[test]
fn the_host_of_a_pbx_is_known_without_its_port_and_prefix() {
    for (url, host) in [
        ("http://127.0.0.1:8088", "127.0.0.1"),
        ("https://PBX.example", "pbx.example"),
        ("http://pbx:8088/asterisk", "pbx"),
        ("http://[2001:db8::1]:8088", "2001:db8::1"),
    ] {
        assert_eq!(PbxUrl::parse(url).unwrap().host(), host, "{url}");
    }
}

#[test]
fn only_a_plain_address_is_a_pbx() {
    let url = |text: &str| error_for(&format!("[pbx]\nurl = \"{text}\"\n"));
    assert_snapshot!(url("127.0.0.1:8088"), @"`pbx.url` in DIR/aftertone.toml: it has no `http://` in front; expected `http://HOST:PORT` or `https://HOST:PORT`");
    assert_snapshot!(url("ws://127.0.0.1:8088"), @"`pbx.url` in DIR/aftertone.toml: it begins with neither `http://` nor `https://`; expected `http://HOST:PORT` or `https://HOST:PORT`");
    assert_snapshot!(url("http://ari:hunter2@127.0.0.1"), @"`pbx.url` in DIR/aftertone.toml: credentials do not belong in a URL but in `pbx.username` and `pbx.password`; expected `http://HOST:PORT` or `https://HOST:PORT`");
    assert_snapshot!(url("http://127.0.0.1:8088/ari/"), @"`pbx.url` in DIR/aftertone.toml: it ends in `/ari`, which is added by itself; expected `http://HOST:PORT` or `https://HOST:PORT`");
    for bad in [
        "",
        "http://",
        "http:///ari",
        "http://h:",
        "http://h:0",
        "http://h:65536",
        "http://h:8088:1",
        "http://h/x?y",
        "http://h/#f",
        "http://h x",
        "http://[::1",
        "http://[zz]",
        "http://h/../x",
        "http://h\\\\x",
        "http://h:+80",
    ] {
        assert!(
            url(bad).starts_with("`pbx.url` in DIR/aftertone.toml: "),
            "{bad}"
        );
    }
    for (good, kept) in [
        ("http://[::1]:8088", "http://[::1]:8088"),
        ("http://pbx_1.local", "http://pbx_1.local"),
        ("https://h/p/", "https://h/p"),
    ] {
        assert_eq!(PbxUrl::parse(good).unwrap().as_str(), kept);
    }
}

#[test]
fn an_endpoint_has_one_place_for_the_number_and_nothing_that_adds_a_destination() {
    let endpoint = |text: &str| {
        let file = REQUIRED.replace("PJSIP/{number}@trunk", text);
        Scene::with(&file).error()
    };
    assert_snapshot!(endpoint("PJSIP/trunk"), @"`pbx.endpoint` in DIR/aftertone.toml: `PJSIP/trunk` does not hold `{number}` or `{digits}` exactly once; expected what the PBX is to dial, such as `PJSIP/{number}@trunk`");
    assert_snapshot!(endpoint("PJSIP/{number}@a&PJSIP/1@b"), @"`pbx.endpoint` in DIR/aftertone.toml: it holds `&`; expected what the PBX is to dial, such as `PJSIP/{number}@trunk`");
    for bad in [
        "",
        "{number}",
        "/{number}",
        "{number}/x",
        "PJSIP/{number}{number}@t",
        "PJSIP/{number}{digits}@t",
        "PJSIP/{number}@{trunk}",
        "PJSIP/{number}@t,30",
        "PJSIP/{number}@t x",
        "PJSIP/{number}@t'",
        "PJSIP/{number}@t\\n",
        "PJSIP/{number}@tü",
        "PJ SIP/{number}",
    ] {
        assert!(
            endpoint(bad).starts_with("`pbx.endpoint` in DIR/aftertone.toml: "),
            "{bad}"
        );
    }
    let number = PhoneNumber::parse("+12025550101", Rules::default()).unwrap();
    for (template, dialled, technology, trunk) in [
        (
            "PJSIP/{number}@trunk",
            "PJSIP/+12025550101@trunk",
            "PJSIP",
            Some("trunk"),
        ),
        (
            "PJSIP/t/sip:{digits}@h",
            "PJSIP/t/sip:12025550101@h",
            "PJSIP",
            Some("t"),
        ),
        ("IAX2/t/{number}", "IAX2/t/+12025550101", "IAX2", Some("t")),
        (
            "Local/{number}@out",
            "Local/+12025550101@out",
            "Local",
            None,
        ),
        ("DAHDI/{digits}", "DAHDI/12025550101", "DAHDI", None),
    ] {
        let endpoint = Endpoint::parse(template).unwrap();
        assert_eq!(endpoint.dial_string(&number), dialled);
        assert_eq!(endpoint.technology(), technology);
        assert_eq!(endpoint.trunk(), trunk);
        assert_eq!(endpoint.as_str(), template);
    }
}

#[test]
fn a_password_comes_from_exactly_one_place() {
    let with_file = |name: &str| {
        REQUIRED.replace(
            "password = \"hunter2\"",
            &format!("password_file = \"{name}\""),
        )
    };
    assert_snapshot!(error_for("[pbx]\npassword_file = \"x\"\n"), @"`pbx.password_file` in DIR/aftertone.toml: `pbx.password` is given too, in DIR/aftertone.toml; expected exactly one of `pbx.password` and `pbx.password_file`");
    assert_snapshot!(
        Scene::with(&with_file("x")).variable("AFTERTONE__PBX__PASSWORD", "y").error(), @"`pbx.password_file` in DIR/aftertone.toml: `pbx.password` is given too, in the environment variable AFTERTONE__PBX__PASSWORD; expected exactly one of `pbx.password` and `pbx.password_file`");
    assert_snapshot!(Scene::with(&with_file("none")).error(), @"`pbx.password_file` in DIR/aftertone.toml: cannot read DIR/none: No such file or directory (os error 2); expected a file that can be read");
    assert_snapshot!(Scene::with(&with_file("empty")).file("empty", "\n").error(), @"`pbx.password_file` in DIR/aftertone.toml: DIR/empty is empty; expected a file that holds the password alone");
    assert_snapshot!(
        Scene::with(&with_file("long")).file("long", &"x".repeat(5000)).error(), @"`pbx.password_file` in DIR/aftertone.toml: cannot read DIR/long: it is longer than 4096 bytes, so it holds no password; expected a file that can be read");
    assert_snapshot!(Scene::with(&with_file(".")).error(), @"`pbx.password_file` in DIR/aftertone.toml: cannot read DIR/.: Is a directory (os error 21); expected a file that can be read");
    // Nobody but who speaks to the PBX needs it: the file may be there only while the service runs.
    for pbx in [true, false] {
        let needs = Needs {
            pbx,
            password: false,
        };
        let absent = Scene::with(&with_file("none")).load_for(needs).unwrap();
        assert!(absent.has_pbx && absent.pbx.password.expose_secret().is_empty());
        let twice = with_file("x").replace("[pbx]", "[pbx]\npassword = \"y\"");
        assert!(Scene::with(&twice).load_for(needs).is_err());
    }
    let two_lines = Scene::with(&with_file("two")).file("two", " a\n\n").load();
    assert_eq!(two_lines.pbx.password.expose_secret(), " a\n");
}

#[test]
fn no_secret_shows() {
    let scene = Scene::with(&format!(
        "{REQUIRED}[store]\nurl = \"postgres://me:topsecret@db/a\"\n"
    ));
    let shown = format!("{:?}", scene.load());
    assert!(
        !shown.contains("hunter2") && !shown.contains("topsecret"),
        "{shown}"
    );
    assert!(!shown.contains("2025550100"), "{shown}");

    for file in [
        "[pbx]\npassword = hunter2",
        "[pbx]\npassword = \"hunter2",
        "[pbx]\npassword = \"hunter2\" x",
        "[pbx]\nusername = \"a\"\npassword = [\"hunter2\"]\n",
        "[pbx]\nurl = \"http://a:hunter2@h\"\nusername = \"a\"",
        "[store]\nurl = \"mysql://me:hunter2@db\"\n",
    ] {
        let error = Scene::with(file).error();
        assert!(!error.contains("hunter2"), "{error}");
    }
    let error = error_for("[pbx]\nendpoint = \"PJSIP/{number}@t\"\n");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_broken_or_absent_file_is_told() {
    assert_snapshot!(Scene::with("[pbx\nurl = 1").error(), @"DIR/aftertone.toml is not valid TOML: TOML parse error at line 1, column 5: unclosed table, expected `]`");
    assert_snapshot!(Scene::with("[pbx]\npassword = \"hunter2").error(), @r#"DIR/aftertone.toml is not valid TOML: TOML parse error at line 2, column 20: invalid basic string, expected `"`"#);
    assert_snapshot!(
        Scene::new().variable("AFTERTONE_CONFIG", "none.toml").error(), @"cannot read the configuration file DIR/none.toml: No such file or directory (os error 2)");
    let folder = Scene::new();
    fs::create_dir(folder.path("aftertone.toml")).unwrap();
    assert_snapshot!(folder.error(), @"cannot read the configuration file DIR/aftertone.toml: Is a directory (os error 21)");
}

#[test]
fn a_section_with_all_its_keys_commented_out_says_nothing() {
    let config = Scene::with(&format!("{REQUIRED}[drop]\n# lead = \"3s\"\n[screen]\n")).load();
    assert_eq!(config.drop.lead, Duration::from_secs(2));
}

#[test]
fn a_file_that_everybody_can_read_is_known() {
    let scene = Scene::with(REQUIRED);
    let file = scene.path("aftertone.toml");
    for (mode, exposed) in [(0o644, true), (0o604, true), (0o640, false), (0o600, false)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(is_exposed(&file), exposed, "{mode:o}");
    }
}
