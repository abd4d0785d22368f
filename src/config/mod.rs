//! The configuration: `aftertone.toml`, with single keys overridden by `AFTERTONE__SECTION__KEY`.
//!
//! The file is the one named on the command line, else the one that `AFTERTONE_CONFIG` names, else `./aftertone.toml`,
//! else `/etc/aftertone/aftertone.toml`; without any the environment alone may give all that is required. An
//! environment variable that is set but empty counts as not set, because container tools pass such ones on.
//!
//! A relative path is relative to the folder of the file that gives it, or to the working folder if an environment
//! variable gives it. Everything is checked before anything starts: a wrong word, value or file is an error that names
//! the key, its place and what was expected. Secrets show neither in errors nor in `Debug`.

mod callback;
mod change;
mod error;
mod gate;
mod keys;
mod layers;
mod record;
mod serve;
mod source;
mod speech;
mod telemetry;
mod template;
mod trunk;
mod values;
mod webhooks;

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::IpNet;
use secrecy::SecretString;
use tracing::{debug, warn};

use crate::{
    audio::{MessageSettings, SpeechSettings},
    campaign::{cost::Price, engine::PbxSettings, policy},
    drop::{Technique, WhenBusyLegAnswered, WhenScreened, WhenUnsure},
    owner::give_to_owner_of_folder,
    phone::{CallerId, Rules},
    screen::{NoBeep, Settings},
};

pub use callback::{CallbackConfig, DialplanPlace};
pub use change::{ConfigChange, KeyInForce, KeySource};
pub use error::{Absent, ConfigError, KeyPlace};
pub use keys::{Key, KeyDefault, REFERENCE};
pub use record::{RecordConfig, RecordSounds};
pub use serve::{PublicUrl, ServeConfig, TlsFiles};
pub use telemetry::TelemetryConfig;
pub use template::{Password, Template};
pub use values::{Endpoint, ListenAt, PbxUrl, StoreUrl};
pub use webhooks::WebhooksConfig;

use change::GivenKeys;
use layers::Layers;
use source::Surroundings;

/// All settings, checked. [`REFERENCE`] has each key, with its default and its meaning.
#[derive(Clone, Debug)]
pub struct Config {
    /// Names this controller among others on the same PBX: `[a-z0-9]{1,32}`.
    pub instance: String,
    /// The PBX and the way to it.
    pub pbx: PbxConfig,
    /// Whether `[pbx]` says how to reach a PBX. Only [`Config::load_for_service`] gives one that does not: what `pbx` then holds
    /// of the way there is nothing to go by.
    pub has_pbx: bool,
    /// How a drop is carried out.
    pub drop: DropSettings,
    /// How the answering party is detected.
    pub screen: Screen,
    /// The database of campaigns and results.
    pub store: Store,
    /// How recordings are prepared.
    pub audio: Audio,
    /// What is kept of drops as evidence.
    pub evidence: EvidenceConfig,
    /// How long drops and decisions are kept.
    pub retention: Retention,
    /// The rules that every call must meet.
    pub gate: policy::GateSettings,
    /// What the trunk behind the PBX carries and tolerates, over all campaigns.
    pub trunk: PbxSettings,
    /// The name of that trunk, over all controllers that use it; `None`: by its PBX and its endpoint there.
    pub trunk_name: Option<String>,
    /// Whether `trunk.cancelled` or `trunk.short` is given, `none` included: what the trunk's contract tolerates of double
    /// calls is known then.
    pub is_trunk_known: bool,
    /// What the trunk charges; `None` without a section `[price]`: then no cost is shown.
    pub price: Option<Price>,
    /// Which calls of others are taken.
    pub incoming: IncomingConfig,
    /// How `aftertone serve` is reached, and how it ends.
    pub serve: ServeConfig,
    /// Where webhooks may be sent, and what their secrets are kept by.
    pub webhooks: WebhooksConfig,
    /// Where traces of drops are sent.
    pub telemetry: TelemetryConfig,
    /// What those hear who call back; `None`: calls that come back are not taken.
    pub callback: Option<CallbackConfig>,
    /// What those hear who record a message by telephone.
    pub record: RecordConfig,
    /// How words become speech; `None`: messages have none.
    pub speech: Option<SpeechSettings>,
    /// The folder of the database and the locks of runs.
    pub state_dir: PathBuf,
    /// What was given for each key.
    given: GivenKeys,
}

/// The PBX and the way to it.
#[derive(Clone, Debug)]
pub struct PbxConfig {
    /// The URL of Asterisk's HTTP server.
    pub url: PbxUrl,
    /// The ARI user.
    pub username: String,
    /// The ARI user's password, from `password` or `password_file`.
    pub password: SecretString,
    /// The Stasis app that a controller registers: `[A-Za-z0-9_-]{1,64}`.
    pub app: String,
    /// What to dial for a number.
    pub endpoint: Endpoint,
    /// The number the called party sees.
    pub caller_id: CallerId,
    /// The folder for prepared messages.
    pub sounds_dir: PathBuf,
    /// The same folder as the PBX sees it; absolute.
    pub pbx_sounds_dir: PathBuf,
    /// The dialplan context that screens an answered leg: `[A-Za-z0-9_-]{1,79}`.
    pub context: String,
    /// Certificates that an `https` PBX is trusted by beside the system's own, in PEM.
    pub ca_file: Option<PathBuf>,
    /// How numbers are read and which may be dialled (`default_region`, `allow_premium`).
    pub rules: Rules,
}

/// How a drop is carried out; the plan of a single drop is made from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropSettings {
    /// One call or two.
    pub technique: Technique,
    /// From originating the busy leg to originating the drop leg, 0 to 60 s.
    pub lead: Duration,
    /// From originating the drop leg to its answer, 1 to 300 s.
    pub answer_timeout: Duration,
    /// From answer to the start of play, 1 to 600 s.
    pub screening_timeout: Duration,
    /// From a machine verdict to the ready point, 1 to 600 s.
    pub ready_timeout: Duration,
    /// How long to wait for ringing after a 183 before the busy leg is released, 0 to 60 s; `None` is `never`.
    pub release_on_progress: Option<Duration>,
    /// How long a drop leg may show nothing before the busy leg is released, 1 to 300 s; `None` is `never`.
    pub release_when_unheard: Option<Duration>,
    /// What to do if it is not clear who answered.
    pub when_unsure: WhenUnsure,
    /// What to do if a call screener answers.
    pub when_screened: WhenScreened,
    /// The prepared message that answers one; there is one if that is to be said.
    pub screening_prompt: Option<String>,
    /// What to do if the busy leg is answered first.
    pub when_busy_leg_answered: WhenBusyLegAnswered,
}

/// How the answering party is detected.
#[derive(Clone, Debug, PartialEq)]
pub struct Screen {
    /// Who listens.
    pub mode: ScreenMode,
    /// What carries the audio of a call that we listen to. It has no effect in the mode `dialplan`.
    pub media: Media,
    /// The address to which the PBX brings audio. It has no effect in the mode `dialplan`.
    pub listen: ListenAt,
    /// This address as the PBX sees it, `HOST` or `HOST:PORT`, if it differs. It has no effect in the mode `dialplan`.
    pub advertise: Option<String>,
    /// Networks from which audio is taken, beside this machine; if there are none, the PBX's own host.
    pub allow: Vec<IpNet>,
    /// Whether the dialplan's AMD hears the calls that we listen to; its word is one reason among others.
    pub amd: bool,
    /// The command that hears the words of calls, with its arguments. It has no effect in the mode `dialplan`.
    pub words: Option<Vec<String>>,
    /// Whether calls are compared with the book of prompts.
    pub book: bool,
    /// What our own ears go by; each setting is a key of its own name. It has no effect in the mode `dialplan`.
    pub ears: Settings,
}

/// Who listens to an answered leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScreenMode {
    /// `listen`: our own ears, on the live leg's audio connection; the PBX if that fails.
    #[default]
    Listen,
    /// `dialplan`: the PBX alone, with AMD and WaitForSilence.
    Dialplan,
}

/// What carries the audio of a call that we listen to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Media {
    /// `auto`: `AudioSocket()`; chan_websocket if the PBX has no `AudioSocket()` that can be used, and has that.
    #[default]
    Auto,
    /// `audiosocket`: the PBX connects to us.
    AudioSocket,
    /// `websocket`: we connect to the PBX's web server, which a network that loses packets does not harm.
    WebSocket,
}

/// The database of campaigns and results.
#[derive(Clone, Debug)]
pub struct Store {
    /// The database.
    pub url: StoreUrl,
    /// How long after the end of its lease a controller whose PBX does not come back is given up, and its drops are lost:
    /// longer than any call.
    pub lost_after: Duration,
    /// Connections to PostgreSQL that a process has at most, 2 to 100. It has no effect on SQLite.
    pub connections: u32,
}

/// How recordings are prepared.
#[derive(Clone, Debug, PartialEq)]
pub struct Audio {
    /// The longest message that is accepted, 1 to 600 s.
    pub max_length: Duration,
    /// The loudness to bring messages to, -40 to -5 LUFS; `None` leaves it to the preparation's own default.
    pub target_lufs: Option<f64>,
}

/// What is kept of drops as evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceConfig {
    /// The folder, with one for each drop in it; `None`: no evidence is kept.
    pub dir: Option<PathBuf>,
    /// How long, 1 s to 10 years; 30 days unless set. `None` is `never`: until there is too much.
    pub max_age: Option<Duration>,
    /// How much of it at most, in bytes, 1 MB to 1 PB; 1 GB unless set.
    pub max_size: u64,
}

/// Which calls of others are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncomingConfig {
    /// The app that they enter, `[A-Za-z0-9_-]{1,64}`; `None`: none are taken.
    pub app: Option<String>,
}

/// How long `aftertone prune`, and each day a controller, leaves what grows with calls; `None`: for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Drops that have ended, of campaigns that are over and of none; 1 day to 10 years. As long as a cap looks back they
    /// stay whatever this says.
    pub drops: Option<Duration>,
    /// What the gate held or refused, of campaigns that are over; 1 day to 10 years.
    pub decisions: Option<Duration>,
    /// Campaigns that are over, with all that they have: contacts, drops, decisions and imports; 1 day to 10 years.
    pub campaigns: Option<Duration>,
    /// Greetings in the book of prompts that one number alone has played; 1 day to 10 years.
    pub greetings: Option<Duration>,
    /// Events; 1 day to 10 years.
    pub events: Option<Duration>,
    /// How many events at most, the newest; 1,000 to 1,000,000,000.
    pub events_at_most: u64,
}

impl Config {
    /// What is configured of messages.
    pub fn messages(&self) -> MessageSettings {
        MessageSettings {
            dir: self.pbx.sounds_dir.clone(),
            pbx_dir: self.pbx.pbx_sounds_dir.clone(),
            max_length: self.audio.max_length,
            lufs: self.audio.target_lufs,
            speech: self.speech.clone(),
        }
    }

    /// Creates the state folder, readable for its owner only. A failure is reported by what uses the folder.
    pub fn make_state_dir(&self) {
        let was_there = self.state_dir.exists();
        let mut folder = DirBuilder::new();
        let made = folder.recursive(true).mode(0o700).create(&self.state_dir);
        if made.is_ok() && !was_there {
            give_to_owner_of_folder(&self.state_dir);
        }
        if let Err(error) = made {
            debug!(folder = %self.state_dir.display(), %error, "the state folder cannot be made");
        }
    }

    /// Finds, reads and checks the configuration; `explicit` is what the command line names.
    ///
    /// # Errors
    /// [`ConfigError`] for the first thing that is wrong.
    pub fn load(explicit: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load_within(explicit, Surroundings::of_process()?)
    }

    /// The same, but that `[pbx]` may say nothing of a PBX: `aftertone serve` then serves the API alone.
    ///
    /// # Errors
    /// [`ConfigError`] for the first thing that is wrong.
    pub fn load_for_service(explicit: Option<&Path>) -> Result<Self, ConfigError> {
        let needs = Needs {
            pbx: false,
            password: true,
        };
        Self::load_as(explicit, Surroundings::of_process()?, needs)
    }

    /// The same for what never speaks to the PBX: the file of `pbx.password_file` is not read, which may be there only while
    /// the service runs, or for its user alone. `pbx.password` is empty then.
    ///
    /// # Errors
    /// [`ConfigError`] for the first thing that is wrong.
    pub fn load_for_database(explicit: Option<&Path>) -> Result<Self, ConfigError> {
        let needs = Needs {
            pbx: false,
            password: false,
        };
        Self::load_as(explicit, Surroundings::of_process()?, needs)
    }

    /// The same where `[pbx]` has to be there, as for campaigns.
    ///
    /// # Errors
    /// [`ConfigError`] for the first thing that is wrong.
    pub fn load_without_password(explicit: Option<&Path>) -> Result<Self, ConfigError> {
        let needs = Needs {
            pbx: true,
            password: false,
        };
        Self::load_as(explicit, Surroundings::of_process()?, needs)
    }

    fn load_within(
        explicit: Option<&Path>,
        surroundings: Surroundings,
    ) -> Result<Self, ConfigError> {
        let needs = Needs {
            pbx: true,
            password: true,
        };
        Self::load_as(explicit, surroundings, needs)
    }

    fn load_as(
        explicit: Option<&Path>,
        surroundings: Surroundings,
        needs: Needs,
    ) -> Result<Self, ConfigError> {
        let layers = &Layers::read(explicit, surroundings)?;
        let has_pbx = needs.pbx || WAY_TO_PBX.iter().any(|key| layers.is_given(key));
        let state_dir = match layers.path("state_dir")? {
            Some(path) => path,
            None => layers.default_state_dir(),
        };
        let (trunk, is_trunk_known) = trunk::trunk(layers)?;
        let (drop, screen) = (drop_settings(layers)?, screen(layers)?);
        let audio = audio(layers)?;
        let longest_call = longest_call(&drop, &screen, &audio);
        let pbx = if has_pbx {
            pbx(layers, needs)?
        } else {
            no_pbx(layers)?
        };
        let config = Self {
            instance: layers.word("instance", "aftertone", values::INSTANCE)?,
            given: GivenKeys::of(layers.given(), &pbx.password),
            pbx,
            has_pbx,
            drop,
            screen,
            store: store(layers, &state_dir, longest_call)?,
            audio,
            evidence: evidence(layers)?,
            retention: Retention {
                drops: retention(layers, "retention.drops", None)?,
                decisions: retention(layers, "retention.decisions", None)?,
                campaigns: retention(layers, "retention.campaigns", None)?,
                greetings: retention(layers, "retention.greetings", Some(30 * DAY))?,
                events: retention(layers, "retention.events", Some(30 * DAY))?,
                events_at_most: layers
                    .whole("retention.events_at_most", 5_000_000, 1_000..=1_000_000_000)?
                    .into(),
            },
            gate: gate::gate(layers)?,
            trunk,
            is_trunk_known,
            trunk_name: trunk::name(layers)?,
            price: trunk::price(layers)?,
            incoming: incoming(layers)?,
            serve: serve::serve(layers)?,
            webhooks: webhooks::webhooks(layers)?,
            telemetry: telemetry::telemetry(layers)?,
            callback: callback::callback(layers)?,
            record: record::record(layers)?,
            speech: speech::speech(layers)?,
            state_dir,
        };
        Ok(config)
    }
}

/// What a configuration is read for.
#[derive(Clone, Copy, Debug)]
struct Needs {
    /// A way to a PBX.
    pbx: bool,
    /// The password there.
    password: bool,
}

fn pbx(layers: &Layers, needs: Needs) -> Result<PbxConfig, ConfigError> {
    let (sounds_dir, pbx_sounds_dir) = sounds(layers)?;
    Ok(PbxConfig {
        url: layers
            .parsed(
                "pbx.url",
                "`http://HOST:PORT` or `https://HOST:PORT`",
                PbxUrl::parse,
            )?
            .unwrap_or_default(),
        username: layers.required(
            "pbx.username",
            "the name of a user in the PBX's ari.conf",
            values::username,
        )?,
        password: if needs.password {
            layers.password()?
        } else {
            layers.password_if_inline()?
        },
        app: layers.word("pbx.app", "aftertone", values::APP)?,
        endpoint: layers.required(
            "pbx.endpoint",
            "what the PBX is to dial, such as `PJSIP/{number}@trunk`",
            Endpoint::parse,
        )?,
        caller_id: layers.required(
            "pbx.caller_id",
            "the number to show, such as `+12025550100`",
            |text| CallerId::parse(text).map_err(|error| error.to_string()),
        )?,
        sounds_dir,
        pbx_sounds_dir,
        context: layers.word("pbx.context", "aftertone-screen", values::CONTEXT)?,
        ca_file: layers.readable_file("pbx.ca_file")?,
        rules: number_rules(layers)?,
    })
}

/// What a server of the API alone takes of `[pbx]`: how numbers are read, and where messages are.
fn no_pbx(layers: &Layers) -> Result<PbxConfig, ConfigError> {
    let (sounds_dir, pbx_sounds_dir) = sounds(layers)?;
    Ok(PbxConfig {
        url: PbxUrl::default(),
        username: String::new(),
        password: SecretString::from(""),
        app: "aftertone".to_owned(),
        endpoint: Endpoint::parse("none/{number}").expect("it has a place for the number"),
        caller_id: CallerId::parse("00").expect("it is two digits"),
        sounds_dir,
        pbx_sounds_dir,
        context: "aftertone-screen".to_owned(),
        ca_file: None,
        rules: number_rules(layers)?,
    })
}

/// The folder of messages, as this machine and as the PBX sees it.
fn sounds(layers: &Layers) -> Result<(PathBuf, PathBuf), ConfigError> {
    const SOUNDS: &str =
        "an absolute path without `,` or `&`, such as `/var/lib/asterisk/sounds/aftertone`";

    let sounds_dir = layers
        .path("pbx.sounds_dir")?
        .unwrap_or_else(|| PathBuf::from("/var/lib/asterisk/sounds/aftertone"));
    let pbx_sounds_dir = match layers.parsed("pbx.pbx_sounds_dir", SOUNDS, values::pbx_folder)? {
        Some(folder) => folder,
        None => values::pbx_folder(&sounds_dir.to_string_lossy())
            .map_err(|problem| layers.bad("pbx.sounds_dir", problem, SOUNDS))?,
    };
    Ok((sounds_dir, pbx_sounds_dir))
}

fn number_rules(layers: &Layers) -> Result<Rules, ConfigError> {
    const EXPECTED: &str = "the two letters of a country, such as `US`";

    let default_region = layers.parsed("pbx.default_region", EXPECTED, values::region)?;
    Ok(Rules {
        default_region: default_region.unwrap_or_default(),
        allow_premium: layers.flag("pbx.allow_premium")?.unwrap_or(false),
    })
}

fn drop_settings(layers: &Layers) -> Result<DropSettings, ConfigError> {
    let minute = 0..=60;
    Ok(DropSettings {
        technique: layers
            .choice(
                "drop.technique",
                &[("double", Technique::Double), ("single", Technique::Single)],
            )?
            .unwrap_or_default(),
        lead: layers.duration("drop.lead", 2, minute.clone())?,
        answer_timeout: layers.duration("drop.answer_timeout", 45, 1..=300)?,
        screening_timeout: layers.duration("drop.screening_timeout", 90, 1..=600)?,
        ready_timeout: layers.duration("drop.ready_timeout", 60, 1..=600)?,
        release_on_progress: layers.duration_or_never("drop.release_on_progress", 0, minute)?,
        release_when_unheard: layers.duration_or_never("drop.release_when_unheard", 10, 1..=300)?,
        when_unsure: layers
            .choice(
                "drop.when_unsure",
                &[("hang_up", WhenUnsure::HangUp), ("play", WhenUnsure::Play)],
            )?
            .unwrap_or_default(),
        when_screened: when_screened(layers)?,
        screening_prompt: screening_prompt(layers)?,
        when_busy_leg_answered: layers
            .choice(
                "drop.when_busy_leg_answered",
                &[
                    ("promote", WhenBusyLegAnswered::Promote),
                    ("continue", WhenBusyLegAnswered::Continue),
                    ("give_up", WhenBusyLegAnswered::GiveUp),
                ],
            )?
            .unwrap_or_default(),
    })
}

fn when_screened(layers: &Layers) -> Result<WhenScreened, ConfigError> {
    const KEY: &str = "drop.when_screened";
    let words = [
        ("hang_up", WhenScreened::HangUp),
        ("say", WhenScreened::Say),
    ];
    let chosen = layers.choice(KEY, &words)?.unwrap_or_default();
    if chosen == WhenScreened::Say && screening_prompt(layers)?.is_none() {
        let problem = "`say` needs a prompt to say";
        return Err(layers.bad(
            KEY,
            problem,
            "`drop.screening_prompt` beside it, or `hang_up`",
        ));
    }
    Ok(chosen)
}

fn screening_prompt(layers: &Layers) -> Result<Option<String>, ConfigError> {
    let expected = format!("the name of a prepared message, {}", values::MESSAGE);
    layers.parsed("drop.screening_prompt", &expected, |text| {
        values::MESSAGE.check(text)
    })
}

fn screen(layers: &Layers) -> Result<Screen, ConfigError> {
    let mode = layers.choice(
        "screen.mode",
        &[
            ("listen", ScreenMode::Listen),
            ("dialplan", ScreenMode::Dialplan),
        ],
    )?;
    let media = layers.choice(
        "screen.media",
        &[
            ("auto", Media::Auto),
            ("audiosocket", Media::AudioSocket),
            ("websocket", Media::WebSocket),
        ],
    )?;
    let listen = layers.parsed(
        "screen.listen",
        "an address and a port, or a range of ports, such as `127.0.0.1:0` or `10.0.0.5:40000-40100`",
        ListenAt::parse,
    )?;
    let allow = layers.list(
        "screen.allow",
        "a list of addresses or networks such as `10.1.0.0/16`",
        values::network,
    )?;
    Ok(Screen {
        mode: mode.unwrap_or_default(),
        media: media.unwrap_or_default(),
        listen: listen.unwrap_or_default(),
        allow: allow.unwrap_or_default(),
        amd: layers.flag("screen.amd")?.unwrap_or(true),
        book: layers.flag("screen.book")?.unwrap_or(true),
        advertise: layers.parsed(
            "screen.advertise",
            "`HOST` or `HOST:PORT` as the PBX reaches it",
            values::authority,
        )?,
        words: words(layers)?,
        ears: Settings {
            no_beep: layers
                .choice("screen.no_beep", &NoBeep::ALL)?
                .unwrap_or_default(),
            ..layers.ears()?
        },
    })
}

fn words(layers: &Layers) -> Result<Option<Vec<String>>, ConfigError> {
    const KEY: &str = "screen.words.command";
    const EXPECTED: &str =
        "a program and its arguments, such as `[\"/usr/local/bin/recogniser\", \"en\"]`";

    let command = layers.list(KEY, EXPECTED, |part| {
        if part.contains('\0') {
            return Err("it holds a NUL".to_owned());
        }
        Ok(part.to_owned())
    })?;
    match command {
        Some(command) if command.first().is_none_or(String::is_empty) => {
            Err(layers.bad(KEY, "it names no program", EXPECTED))
        }
        command => Ok(command),
    }
}

/// The longest that a call can last, by the limits that it is given on the PBX.
fn longest_call(drop: &DropSettings, screen: &Screen, audio: &Audio) -> Duration {
    const SPARE: Duration = Duration::from_secs(10);
    let plays = 1 + screen.ears.max_restarts as u32;
    let before = drop.answer_timeout + drop.screening_timeout + drop.ready_timeout;
    before + SPARE + plays * (audio.max_length + SPARE / 2)
}

fn store(layers: &Layers, state_dir: &Path, longest_call: Duration) -> Result<Store, ConfigError> {
    const KEY: &str = "store.url";
    const EXPECTED: &str = "`sqlite:FILE` or `postgres://USER@HOST/DATABASE`";

    let url = layers.parsed(KEY, EXPECTED, StoreUrl::parse)?;
    let url = match url.unwrap_or_else(|| StoreUrl::Sqlite(PathBuf::from("aftertone.db"))) {
        StoreUrl::Sqlite(file) => StoreUrl::Sqlite(database(layers, state_dir, &file)?),
        url @ StoreUrl::Postgres(_) => url,
    };
    Ok(Store {
        url,
        lost_after: lost_after(layers, longest_call)?,
        connections: layers.whole("store.connections", 8, 2..=100)?,
    })
}

/// Nothing of a drop may be up any more when it is given up, wherever its PBX is.
fn lost_after(layers: &Layers, longest_call: Duration) -> Result<Duration, ConfigError> {
    const KEY: &str = "store.lost_after";
    const USUALLY: u64 = 600;
    let least = longest_call.as_secs() + u64::from(longest_call.subsec_nanos() > 0);
    let given = layers.duration(KEY, USUALLY.max(least), 1..=86_400)?;
    if given < longest_call {
        let problem = format!("with these timeouts, a call can last {least} s");
        let expected = format!("a duration from {least}s to 24h");
        return Err(layers.bad(KEY, problem, &expected));
    }
    Ok(given)
}

/// The path of a database file: in the state folder, unless an earlier version created it beside the configuration.
fn database(layers: &Layers, state_dir: &Path, file: &Path) -> Result<PathBuf, ConfigError> {
    const KEY: &str = "store.url";

    let path = state_dir.join(file);
    let before = layers.folder_of(KEY).join(file);
    if path == before || !before.is_file() {
        return Ok(path);
    }
    if path.exists() {
        let (path, before) = (path.display(), before.display());
        return Err(layers.bad(
            KEY,
            format!("there are two databases, {path} and {before}"),
            "the whole path of the one that counts, such as `sqlite:/var/lib/aftertone/aftertone.db`",
        ));
    }
    warn!(
        database = %before.display(),
        "using the database beside the configuration; it belongs at {}: move it there while nothing runs (with its -wal and \
         -shm files, if there are any), or name it in `store.url`",
        path.display()
    );
    Ok(before)
}

fn audio(layers: &Layers) -> Result<Audio, ConfigError> {
    Ok(Audio {
        max_length: layers.duration("audio.max_length", 120, 1..=600)?,
        target_lufs: layers.number("audio.target_lufs", -36.0..=-10.0)?,
    })
}

fn evidence(layers: &Layers) -> Result<EvidenceConfig, ConfigError> {
    let max_age = layers.parsed(
        "evidence.max_age",
        "`never` or a duration from 1s to 10 years (3650d), such as `30d` or `12h`",
        values::age,
    )?;
    let max_size = layers.parsed(
        "evidence.max_size",
        "a size from 1MB to 1PB, such as `1GB` or `500MiB`",
        values::size,
    )?;
    Ok(EvidenceConfig {
        dir: layers.path("evidence.dir")?,
        max_age: max_age.unwrap_or(Some(Duration::from_secs(30 * 86_400))),
        max_size: max_size.unwrap_or(1_000_000_000),
    })
}

fn incoming(layers: &Layers) -> Result<IncomingConfig, ConfigError> {
    let app = layers.parsed("incoming.app", &values::APP.to_string(), |text| {
        values::APP.check(text)
    })?;
    Ok(IncomingConfig { app })
}

fn retention(
    layers: &Layers,
    key: &'static str,
    default: Option<Duration>,
) -> Result<Option<Duration>, ConfigError> {
    let expected = "`never` or a duration from 1d to 10 years (3650d), such as `400d`";
    let age = layers.parsed(key, expected, |text| match values::age(text)? {
        Some(age) if age < DAY => Err(format!("`{text}` was given")),
        age => Ok(age),
    })?;
    Ok(age.unwrap_or(default))
}

/// Keys of which one is given if there is a PBX; the others of `[pbx]` are of use without one.
const WAY_TO_PBX: [&str; 9] = [
    "pbx.url",
    "pbx.username",
    "pbx.password",
    "pbx.password_file",
    "pbx.app",
    "pbx.endpoint",
    "pbx.caller_id",
    "pbx.context",
    "pbx.ca_file",
];

const DAY: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests;
