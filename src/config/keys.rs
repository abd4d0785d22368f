//! Every key that there is, with its default and its meaning: the one table that the reader, the reference and the example
//! file are made from.

use std::sync::LazyLock;

use crate::screen::Settings;

/// A key of `aftertone.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its section and its name, such as `drop.lead`; a key at the top has no section.
    pub name: &'static str,
    /// What counts if it is not given.
    pub default: KeyDefault,
    /// A value that can be given, as TOML; the default itself if that is a value.
    pub example: &'static str,
    /// What it is for, in Markdown.
    pub about: &'static str,
}

/// What counts if a key is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyDefault {
    /// It has to be given.
    Required,
    /// The key's example.
    Example,
    /// What these words say, in Markdown.
    Words(&'static str),
}

impl Key {
    /// The section, which is empty at the top, and the name within it.
    pub fn parts(&self) -> (&'static str, &'static str) {
        self.name.split_once('.').unwrap_or(("", self.name))
    }
}

/// Every key, in the order of the documentation.
pub static REFERENCE: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let ears = Settings::ALL.iter().map(|setting| Key {
        // These live as long as the program, once for each setting.
        name: format!("screen.{}", setting.name).leak(),
        default: KeyDefault::Example,
        example: setting.default.to_string().leak(),
        about: setting.about,
    });
    BEFORE
        .iter()
        .copied()
        .chain(ears)
        .chain(AFTER.iter().copied())
        .collect()
});

/// Their names.
pub(super) static KEYS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| REFERENCE.iter().map(|key| key.name).collect());

const BEFORE: &[Key] = &[
    key(
        "instance",
        r#""aftertone""#,
        "Names this controller among others on the same PBX.",
    ),
    unset(
        "state_dir",
        "`$STATE_DIRECTORY` (systemd); else `/var/lib/aftertone` for root and for a user who can write there; else `$XDG_STATE_HOME/aftertone` or `~/.local/state/aftertone`",
        r#""/var/lib/aftertone""#,
        "The folder of the database and the locks of runs.",
    ),
    key(
        "pbx.url",
        r#""http://127.0.0.1:8088""#,
        "The URL of Asterisk's HTTP server; `https://` from another machine, which makes the websocket `wss://`.",
    ),
    required(
        "pbx.username",
        r#""aftertone""#,
        "The ARI user, as in the PBX's `ari.conf`.",
    ),
    unset(
        "pbx.password",
        "required, unless `pbx.password_file` is given",
        r#""...""#,
        "The ARI user's password. Better in the environment, `AFTERTONE__PBX__PASSWORD`, or in a file.",
    ),
    unset(
        "pbx.password_file",
        "required, unless `pbx.password` is given",
        r#""/run/secrets/ari""#,
        "A file that holds the password alone.",
    ),
    key(
        "pbx.app",
        r#""aftertone""#,
        "The Stasis app of a controller, which registers `APP-INSTANCE`.",
    ),
    required(
        "pbx.endpoint",
        r#""PJSIP/{number}@trunk""#,
        "What the PBX dials. `{number}` is E.164 with its `+`, `{digits}` without.",
    ),
    required(
        "pbx.caller_id",
        r#""+12025550100""#,
        "The number that the called party sees.",
    ),
    key(
        "pbx.sounds_dir",
        r#""/var/lib/asterisk/sounds/aftertone""#,
        "The folder for prepared messages: writable here, and readable for the PBX if it is to play them.",
    ),
    unset(
        "pbx.pbx_sounds_dir",
        "`pbx.sounds_dir`",
        r#""/var/lib/asterisk/sounds/aftertone""#,
        "The same folder as the PBX sees it, if that differs (a container, another mount).",
    ),
    key(
        "pbx.context",
        r#""aftertone-screen""#,
        "The dialplan context that screens an answered call.",
    ),
    unset(
        "pbx.ca_file",
        "the system's authorities alone",
        r#""/etc/aftertone/tls.crt""#,
        "Certificates, in PEM, by which an `https` PBX is trusted, beside the system's own.",
    ),
    key(
        "pbx.default_region",
        r#""US""#,
        "The country of numbers without a `+`.",
    ),
    key(
        "pbx.allow_premium",
        "false",
        "Whether premium-rate and shared-cost numbers may be dialled.",
    ),
    key(
        "drop.technique",
        r#""double""#,
        "`double`: busy leg and drop leg. `single`: the drop leg only, for trunks that punish short cancelled calls.",
    ),
    key(
        "drop.lead",
        r#""2s""#,
        "From dialling the busy leg to dialling the drop leg.",
    ),
    key(
        "drop.answer_timeout",
        r#""45s""#,
        "From dialling the drop leg to its answer, at most.",
    ),
    key(
        "drop.screening_timeout",
        r#""90s""#,
        "From the answer to the start of the message, at most.",
    ),
    key(
        "drop.ready_timeout",
        r#""60s""#,
        "From a machine's verdict to the ready point, at most.",
    ),
    key(
        "drop.release_on_progress",
        r#""0s""#,
        "How long to wait for ringing after a 183 before the busy leg is released; `never`: until ringing or answer.",
    ),
    key(
        "drop.release_when_unheard",
        r#""10s""#,
        "How long a drop leg may show nothing, no 180 and no 183, before the busy leg is released; `never`: the busy leg stays until the end.",
    ),
    key(
        "drop.when_unsure",
        r#""hang_up""#,
        "If it is not clear who answered: `hang_up`, unplayed, or `play`, as for a machine.",
    ),
    key(
        "drop.when_screened",
        r#""hang_up""#,
        "If a machine answers that asks for the caller's name and reason, and lets a person listen (iOS 26, Google): `hang_up`, or `say`, the prompt once, and listen on. Only words (`screen.words`) and the book of prompts know such a machine.",
    ),
    unset(
        "drop.screening_prompt",
        "none; required if `drop.when_screened` is `say`",
        r#""who-calls""#,
        "The prepared message that answers it: who calls, and why.",
    ),
    key(
        "drop.when_busy_leg_answered",
        r#""promote""#,
        "If the busy leg is answered before the drop leg: `promote`, screen it as if it were the drop leg; `continue`, hang it up and let the drop leg run; `give_up`, hang up both.",
    ),
    key(
        "screen.mode",
        r#""listen""#,
        "Who detects the answering party: `listen`, Aftertone, on the call's audio; `dialplan`, the PBX alone, by AMD and a wait for silence.",
    ),
    key(
        "screen.media",
        r#""auto""#,
        "What carries the audio of a call: `audiosocket`, the PBX connects to Aftertone; `websocket`, Aftertone connects to the PBX's web server, which a network that loses packets does not harm; `auto`, the first, or the second if the PBX has no `AudioSocket()` that can be used. No effect in the mode `dialplan`.",
    ),
    key(
        "screen.listen",
        r#""127.0.0.1:0""#,
        "The address to which the PBX brings the audio: an address and a port, 0 for any free one, or a range of ports, of which each process takes one. No effect in the mode `dialplan`.",
    ),
    unset(
        "screen.advertise",
        "the address of `screen.listen`",
        r#""192.0.2.20""#,
        "The same address as the PBX reaches it, if that differs; without a port, the port that is listened on. No effect in the mode `dialplan`.",
    ),
    unset(
        "screen.allow",
        "this machine and the addresses of `pbx.url`",
        r#"["10.1.0.0/16"]"#,
        "Networks that may bring audio.",
    ),
    key(
        "screen.amd",
        "true",
        "Whether the dialplan's AMD hears a copy of the calls that Aftertone listens to; its word is one reason among others.",
    ),
    unset(
        "screen.words.command",
        "no words are heard",
        r#"["/usr/local/bin/recogniser", "en"]"#,
        "A program, and its arguments, that hears the calls that Aftertone listens to, and says which phrases it heard: [words](../guide/words.md). In the environment with commas between them. No effect in the mode `dialplan`.",
    ),
    key(
        "screen.no_beep",
        r#""wait_for_reason""#,
        "Whether the message may start by silence alone, if no beep comes: `wait_for_reason`, only if something else speaks for a mailbox that records; or `play`, after every machine's greeting. No effect in the mode `dialplan`.",
    ),
    key(
        "screen.book",
        "true",
        "Whether calls are compared with the book of prompts, and teach it: recordings that were heard before are recognised within two seconds. No effect in the mode `dialplan`.",
    ),
];

const AFTER: &[Key] = &[
    key(
        "store.url",
        r#""sqlite:aftertone.db""#,
        "The database: a file of SQLite, in the state folder unless its path is absolute, or `postgres://USER@HOST/DATABASE`.",
    ),
    unset(
        "store.lost_after",
        "10 minutes, or the longest that a call can last if that is longer",
        r#""10m""#,
        "How long after the end of its controller's lease a drop is settled as `lost`, by any controller, if no controller of its PBX comes back to end its calls there. Longer than any call can last.",
    ),
    key(
        "store.connections",
        "8",
        "The most connections to PostgreSQL that one process holds, 2 to 100. No effect on SQLite.",
    ),
    key(
        "audio.max_length",
        r#""120s""#,
        "The longest message that is accepted.",
    ),
    unset(
        "audio.target_lufs",
        "`-18`",
        "-18",
        "The loudness to which messages are brought, in LUFS.",
    ),
    unset(
        "evidence.dir",
        "no evidence is kept",
        r#""/var/lib/aftertone/evidence""#,
        "The folder for evidence, with one for each drop in it.",
    ),
    key(
        "evidence.max_age",
        r#""30d""#,
        "How long it is kept; `never` removes none by its age.",
    ),
    key(
        "evidence.max_size",
        r#""1GB""#,
        "How much of it is kept, of all folders together; the oldest is removed first.",
    ),
    key(
        "retention.drops",
        r#""never""#,
        "How long drops that have ended are kept, of campaigns that are over and of none, `1d` to `3650d`; a controller that runs deletes older ones once a day, and `aftertone prune` at once; their counts are kept. As long as a cap looks back they stay whatever this says.",
    ),
    key(
        "retention.decisions",
        r#""never""#,
        "How long what the gate held or refused is kept, of campaigns that are over.",
    ),
    key(
        "retention.campaigns",
        r#""never""#,
        "How long campaigns that are over are kept; older ones go as a whole, with their contacts, drops, decisions and imports, once nothing of them is open or younger. Their drops stay as long as a cap looks back.",
    ),
    key(
        "retention.greetings",
        r#""30d""#,
        "How long after it was last heard a prompt that was learnt from calls stays in the book if one number alone has played it: it may be a personal greeting. Controllers forget older ones by themselves, and `contact erase` does at once.",
    ),
    key(
        "retention.events",
        r#""30d""#,
        "How long events are kept for those who follow; `never` deletes none by its age.",
    ),
    key(
        "retention.events_at_most",
        "5000000",
        "How many events are kept at most, the newest, 1,000 to 1,000,000,000.",
    ),
    key(
        "gate.enabled",
        "true",
        "`false` switches `consent`, `caps` and `hours` off.",
    ),
    key("gate.consent", "true", "Whether consent is required."),
    key(
        "gate.caps",
        "true",
        "Whether frequency caps apply, those of the law included.",
    ),
    key(
        "gate.hours",
        "true",
        "Whether calling hours apply, those of the law included.",
    ),
    key(
        "gate.limits",
        r#"["1 per 24h", "3 per 7d"]"#,
        "How often a number is called, over all campaigns: drops, or `calls`, per hours or days, `1h` to `365d`; in the environment with commas between them.",
    ),
    unset(
        "gate.blocked_prefixes",
        "none",
        r#"["+44870"]"#,
        "The first digits, in international form, of numbers that are never dialled.",
    ),
    unset(
        "gate.rules",
        "none",
        r#"[{ name = "shop hours", hours = "09:00-19:00", closed = ["2026-12-24"], places = ["US-FL", "country:CA"] }]"#,
        "Hours and days of your own, also as `[[gate.rules]]`: `name`; `places` such as `US-FL`, `CA-ON`, `US` and `country:CA`, and other countries by the number's country code, `country:DE` (everywhere unless given); `hours`, and each weekday's (`monday` to `sunday`), as `09:00-19:00` or `closed`; `closed` days; and `instead_of_law`, the reason for which the laws on hours of these places are set aside. In the file only.",
    ),
    unset(
        "incoming.app",
        "calls of others are not taken",
        r#""aftertone""#,
        "The Stasis app that calls of others enter: those that agents hand over. The contexts of the dialplan use `aftertone` unless the global variable `AFTERTONE_INCOMING` says otherwise. Of all programs on a PBX, one has it at a time.",
    ),
    unset(
        "trunk.name",
        "the PBX and the endpoint's trunk there",
        r#""carrier-1""#,
        "Names the trunk. Controllers whose trunk has the same name share its limits, also through several PBXes.",
    ),
    key(
        "trunk.starts_per_second",
        "1",
        "Drops started in any second, over all campaigns; a double drop makes two calls.",
    ),
    key(
        "trunk.in_flight",
        "10",
        "Drops in flight, over all campaigns.",
    ),
    unset(
        "trunk.cancelled",
        "no limit",
        "20",
        "The most calls that are cancelled before an answer, in per cent of all calls. Half of the calls of double drops are: campaigns of the technique `double` pause at a limit of 50 or less, and `by_share` mixes double and single calls to keep to it. `none` says that the trunk's contract has no limit.",
    ),
    unset(
        "trunk.short",
        "no limit",
        "15",
        "The most calls of at most 6 s, in per cent of answered calls; `none` says that the trunk's contract has no limit.",
    ),
    unset(
        "trunk.people",
        "3 for marketing campaigns, as the law of the United States has it, and no limit for others",
        "3",
        "The most calls that a person answered and that were hung up, in per cent of answered calls. A limit that is given holds for every campaign; `none` removes it.",
    ),
    key(
        "trunk.window",
        r#""1h""#,
        "The period over which these shares are counted.",
    ),
    key(
        "trunk.at_least",
        "100",
        "How many calls there must be in that period before a share is compared with its limit.",
    ),
    unset(
        "price.per_minute",
        "no cost is shown; required as soon as another key of `[price]` is given",
        "0.0085",
        "What the trunk charges for a minute of an answered call.",
    ),
    key(
        "price.per_attempt",
        "0",
        "What it charges for each call that is dialled; a double drop dials two.",
    ),
    key(
        "price.increment",
        r#""1/1""#,
        "The seconds that are charged at least, and the step by which more are charged.",
    ),
    key(
        "price.currency",
        r#""USD""#,
        "The currency of these amounts.",
    ),
    key(
        "serve.listen",
        r#""127.0.0.1:8090""#,
        "Where the HTTP server of `aftertone serve` listens. Beyond this machine only with `serve.tls_certificate` or `serve.plain_http`.",
    ),
    unset(
        "serve.tls_certificate",
        "the server speaks plain HTTP",
        r#""/etc/aftertone/serve.crt""#,
        "The server's certificate in PEM, and those that lead to its authority. The file is read anew by `aftertone reload`.",
    ),
    unset(
        "serve.tls_key",
        "the server speaks plain HTTP",
        r#""/etc/aftertone/serve.key""#,
        "The certificate's private key in PEM, which only the user who runs Aftertone should be able to read.",
    ),
    unset(
        "serve.plain_http",
        "only this machine may be listened on without TLS",
        r#""behind a proxy""#,
        "Says that a proxy does TLS in front of an address beyond this machine. The server itself speaks plain HTTP.",
    ),
    unset(
        "serve.public_url",
        "only addresses and `localhost` name the server",
        r#""https://dialler.example.com""#,
        "Where people and programs reach the server: requests that name another host are refused, and people sign in only where this, or the server itself, is `https`.",
    ),
    unset(
        "serve.trusted_proxies",
        "nobody's `X-Forwarded-For` is believed",
        r#"["127.0.0.1"]"#,
        "Addresses or networks of proxies in front of the server: who asks is then who they say in `X-Forwarded-For`.",
    ),
    key(
        "serve.requests_per_second",
        "50",
        "How many requests a second one token or user may make, and twice as many at once; `\"any\"`: no limit.",
    ),
    key(
        "serve.drain",
        r#""120s""#,
        "How long drops in flight may go on once `aftertone serve` is to end; then they are hung up. The service manager has to wait longer.",
    ),
    key(
        "serve.max_upload",
        r#""1GB""#,
        "How large a list that is sent over HTTP may be, decoded.",
    ),
    unset(
        "serve.log",
        "what `AFTERTONE_LOG` says",
        r#""info""#,
        "What `aftertone serve` logs beside warnings, in the form of `AFTERTONE_LOG`: a level such as `info`, or `aftertone::ari=debug`.",
    ),
    key(
        "webhooks.allow",
        "[]",
        "Networks whose addresses [webhooks](../guide/webhooks.md) may be sent to though they are not public, and in plain HTTP: those of your own systems, such as `[\"10.1.0.0/16\"]`.",
    ),
    unset(
        "webhooks.ca_file",
        "the system's certificates alone",
        r#""/etc/aftertone/own-ca.pem""#,
        "Certificates in PEM by which the endpoints of webhooks are trusted, beside the system's own.",
    ),
    unset(
        "webhooks.key_file",
        "`webhooks.key` in the state folder, made when the first webhook is",
        r#""/etc/aftertone/webhooks.key""#,
        "The key that seals the secrets of webhooks in the database: 32 bytes in base64, as `openssl rand -base64 32` prints. Servers on one database need the same.",
    ),
    unset(
        "telemetry.otlp",
        "none are sent",
        r#""http://127.0.0.1:4318""#,
        "The collector to which `aftertone serve`, `campaign run` and `drop` send [traces of drops](../guide/monitoring.md#traces), by OTLP over HTTP; without a path, below its `/v1/traces`.",
    ),
    key(
        "telemetry.traces",
        "1",
        "How many of a hundred traces are sent, 0 to 100, beside those of drops that ended as `error`, `lost` or `unsure`, and those that the caller's `traceparent` marks as sampled.",
    ),
    unset(
        "callback.prompt",
        "calls that come back are not taken",
        r#""welcome-back""#,
        "The prepared message that [those who call back](../guide/callbacks.md) hear first: who has called them, and what the keys do. A campaign or a variant may have its own, `callback_prompt`.",
    ),
    unset(
        "callback.removed",
        "required if `callback.prompt` is given",
        r#""removed""#,
        "The prepared message that says that the number will not be called again. It is played once the number is on the list, never before.",
    ),
    unset(
        "callback.which_number",
        "required if `callback.prompt` is given",
        r#""which-number""#,
        "The prepared message that asks for a number, which `#` ends, if the call came without one.",
    ),
    unset(
        "callback.failed",
        "the call is hung up without a word",
        r#""try-again""#,
        "The prepared message that says that the number could not be put on the list.",
    ),
    key(
        "callback.opt_out",
        r#""9""#,
        "The key that puts the number on the do-not-call list.",
    ),
    key(
        "callback.connect",
        r#""1""#,
        "The key that sends the call on, if `callback.goes_to` is given.",
    ),
    unset(
        "callback.goes_to",
        "calls are not sent on",
        r#""sales,s,1""#,
        "Where in the dialplan calls are sent on: context, extension and priority.",
    ),
    key(
        "callback.when_silent",
        r#""hang_up""#,
        "If no key is pressed: `hang_up`, or `connect`, as if the key for that had been.",
    ),
    key(
        "callback.wait",
        r#""6s""#,
        "How long a key is waited for behind a prompt.",
    ),
    key(
        "callback.times",
        "2",
        "How often the first prompt is played, 1 to 9.",
    ),
    key(
        "callback.list",
        r#""callback""#,
        "The do-not-call list that numbers are put on.",
    ),
    key(
        "record.keep",
        r#""1""#,
        "The key that keeps [what was recorded by telephone](../guide/recording.md). If there is a message of the name already, it takes the key twice.",
    ),
    key("record.hear", r#""2""#, "The key that plays it once more."),
    key(
        "record.again",
        r#""3""#,
        "The key that records in its place.",
    ),
    key(
        "record.wait",
        r#""8s""#,
        "How long the first key is waited for behind a prompt, `1s` to `30s`.",
    ),
    key(
        "record.silence",
        r#""5s""#,
        "How long it may be silent until a recording ends, `1s` to `60s`; `#` ends it at once, and `audio.max_length` does at last.",
    ),
    key(
        "record.ask_pin",
        r#""agent-pass""#,
        "The sound that asks for the PIN and `#`. This and the following are sounds that the PBX has, without an extension, by their names below its folder of sounds or by their whole paths there.",
    ),
    key(
        "record.wrong_pin",
        r#""auth-incorrect""#,
        "The sound that says that the PIN was wrong, and asks for it again.",
    ),
    key(
        "record.instructions",
        r#""vm-rec-temp""#,
        "The sound that asks for the message, which `#` ends, after the tone.",
    ),
    key("record.beep", r#""beep""#, "The tone."),
    key(
        "record.menu",
        r#""vm-review""#,
        "The sound that says what the keys do.",
    ),
    key(
        "record.taken",
        r#""beeperr""#,
        "The sound that says that there is a message of this name, and that `record.keep` replaces it.",
    ),
    key(
        "record.saved",
        r#""vm-msgsaved""#,
        "The sound that says that the message is kept.",
    ),
    key(
        "record.discarded",
        r#""vm-deleted""#,
        "The sound that says that nothing is kept.",
    ),
    key(
        "record.too_short",
        r#""vm-tooshort""#,
        "The sound that says that too little was to be heard.",
    ),
    key(
        "record.refused",
        r#""vm-pls-try-again""#,
        "The sound that says that the recording cannot be a message for another reason.",
    ),
    key(
        "record.failed",
        r#""tt-somethingwrong""#,
        "The sound that says that something went wrong at this end.",
    ),
    key(
        "record.goodbye",
        r#""vm-goodbye""#,
        "The sound with which a call ends in which the PIN was wrong, or nothing was typed.",
    ),
    unset(
        "speech.command",
        "messages have no speech",
        r#"["espeak-ng", "--stdin", "-w", "{output}"]"#,
        "A program, and its arguments, that speaks parts of [messages for each person](../guide/templates.md). The text comes by its standard input, as one line of UTF-8. In arguments, `{voice}` stands for the voice, `{output}` for the WAV file to write, and `{text_file}` for a file with the text; without `{output}`, the WAV is read from its standard output. In the environment with commas between them.",
    ),
    unset(
        "speech.voice",
        "none; required if `speech.command` has `{voice}`",
        r#""en-gb""#,
        "The voice of texts that name none with `@VOICE`: what `{voice}` in `speech.command` stands for.",
    ),
    key(
        "speech.at_once",
        "2",
        "How many such commands run at once, 1 to 16.",
    ),
    key(
        "speech.timeout",
        r#""20s""#,
        "How long one may take, 1 s to 5 min; it is killed then, with all that it has started.",
    ),
    key(
        "speech.keep",
        r#""30d""#,
        "How long speech that is not used is kept in `.speech` in the folder of messages, `1h` to `3650d`, before it is removed, and made again if it is needed; 1 GB at most.",
    ),
];

/// A key whose default is a value.
const fn key(name: &'static str, default: &'static str, about: &'static str) -> Key {
    Key {
        name,
        default: KeyDefault::Example,
        example: default,
        about,
    }
}

/// A key that has to be given.
const fn required(name: &'static str, example: &'static str, about: &'static str) -> Key {
    Key {
        name,
        default: KeyDefault::Required,
        example,
        about,
    }
}

/// A key whose default cannot be written as a value.
const fn unset(
    name: &'static str,
    default: &'static str,
    example: &'static str,
    about: &'static str,
) -> Key {
    Key {
        name,
        default: KeyDefault::Words(default),
        example,
        about,
    }
}
