//! The text of a new configuration file.

use std::path::PathBuf;

use super::values::{self, Endpoint, PbxUrl};
use crate::phone::CallerId;

/// What a new configuration file begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// `pbx.url`.
    pub url: String,
    /// `pbx.username`.
    pub username: String,
    /// The source of the password.
    pub password: Password,
    /// `pbx.endpoint`.
    pub endpoint: String,
    /// `pbx.caller_id`.
    pub caller_id: String,
    /// `pbx.sounds_dir`.
    pub sounds_dir: String,
    /// `pbx.ca_file`.
    pub ca_file: Option<String>,
}

/// The source of the ARI user's password. The file that is written holds none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// A file that holds it alone.
    File(PathBuf),
    /// The environment, at each start.
    Environment,
}

impl Template {
    /// The default of `pbx.url`.
    pub const URL: &str = "http://127.0.0.1:8088";
    /// The default of `pbx.username`.
    pub const USERNAME: &str = "aftertone";
    /// The default of `pbx.sounds_dir`.
    pub const SOUNDS_DIR: &str = "/var/lib/asterisk/sounds/aftertone";

    /// What is wrong with a value for a key of `[pbx]`, in words; a key that takes any text has none.
    ///
    /// # Errors
    /// The words.
    pub fn check(key: &str, value: &str) -> Result<(), String> {
        if value.contains(char::is_control) {
            return Err("it holds a control character".to_owned());
        }
        match key {
            "url" => PbxUrl::parse(value).map(drop),
            "username" => values::username(value).map(drop),
            "endpoint" => Endpoint::parse(value).map(drop),
            "caller_id" => CallerId::parse(value)
                .map(drop)
                .map_err(|error| error.to_string()),
            "sounds_dir" => values::pbx_folder(value).map(drop),
            _ if value.is_empty() => Err("it is empty".to_owned()),
            _ => Ok(()),
        }
    }

    /// The file's text: what is given, and what else there is as comments with its default.
    pub fn text(&self) -> String {
        let password = match &self.password {
            Password::File(file) => format!(
                "password_file = {}   # a file that holds the password alone\n",
                quote(&file.to_string_lossy())
            ),
            Password::Environment => {
                "# The password comes from the environment variable AFTERTONE__PBX__PASSWORD. Better: password_file = \"/run/secrets/ari\"\n"
                    .to_owned()
            }
        };
        let ca_file = match &self.ca_file {
            Some(file) => format!("ca_file = {}\n", quote(file)),
            None => String::from(
                "# ca_file = \"/etc/aftertone/tls.crt\"     # for https://, unless a public authority signed the PBX's certificate\n",
            ),
        };
        TEXT.replace("@URL@", &quote(&self.url))
            .replace("@USERNAME@", &quote(&self.username))
            .replace("@PASSWORD@\n", &password)
            .replace("@ENDPOINT@", &quote(&self.endpoint))
            .replace("@CALLER_ID@", &quote(&self.caller_id))
            .replace("@SOUNDS_DIR@", &quote(&self.sounds_dir))
            .replace("@CA_FILE@\n", &ca_file)
    }
}

/// A text as TOML has it.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

const TEXT: &str = r#"# The configuration of aftertone. What begins with `#` shows the default, or an example.
# Each key can come from the environment instead: AFTERTONE__PBX__URL for `url` of `[pbx]`.

# instance = "aftertone"                     # names this controller among others on the same PBX
# state_dir = "/var/lib/aftertone"           # locks and the database; $STATE_DIRECTORY if a service manager sets it

[pbx]
url = @URL@          # https:// beyond this machine
username = @USERNAME@                       # a user in the PBX's ari.conf
@PASSWORD@
@CA_FILE@
endpoint = @ENDPOINT@      # {number} is E.164 with +, {digits} without
caller_id = @CALLER_ID@                   # the number that the called party sees
sounds_dir = @SOUNDS_DIR@   # prepared messages: writable here, readable for the PBX
# pbx_sounds_dir = "/var/lib/asterisk/sounds/aftertone"   # the same folder as the PBX sees it, if that differs
# default_region = "US"                      # for numbers without +

[drop]
# technique = "double"                       # or "single": one call, for trunks that punish short cancelled calls
# lead = "2s"                                # from the first call to the second
# answer_timeout = "45s"
# when_unsure = "hang_up"                    # or "play"
# when_screened = "hang_up"                  # or "say", with the prepared message that `screening_prompt` names
# when_busy_leg_answered = "promote"         # or "continue", "give_up"

[screen]
# mode = "listen"                            # or "dialplan": the PBX alone detects who answered
# listen = "127.0.0.1:0"                     # the address to which the PBX brings the audio
# advertise = "192.0.2.20"                   # the same address as the PBX reaches it, if the PBX is elsewhere

[trunk]                                      # what the trunk carries, over all campaigns
# starts_per_second = 1
# in_flight = 10
# cancelled = 20                             # per cent of calls that its contract lets be cancelled; half of those of double drops are
# short = 15                                 # per cent of answered calls that it lets be short; "none": it has no limit

[gate]                                       # the rules that every call must meet
# consent = true
# caps = true
# hours = true
# limits = ["1 per 24h", "3 per 7d"]

[evidence]                                   # recordings of the calls that were made
# dir = "/var/lib/aftertone/evidence"        # nothing is kept unless this is set
# max_age = "30d"
# max_size = "1GB"

[retention]                                  # what is deleted once a day, or by `aftertone prune`
# drops = "400d"
# decisions = "90d"
# campaigns = "800d"                         # those that are over, as a whole
# events = "30d"                             # what happened, for those who follow; `events_at_most = 5000000`
# greetings = "30d"                          # what was learnt of one number alone; controllers forget it by themselves

[store]
# url = "sqlite:aftertone.db"                # in the state folder; or "postgres://USER@HOST/DATABASE"
# connections = 8                            # to PostgreSQL, of each process

[serve]                                      # `aftertone serve`
# listen = "127.0.0.1:8090"                  # beyond this machine only with TLS, or with plain_http = "behind a proxy"
# tls_certificate = "/etc/aftertone/serve.crt"
# tls_key = "/etc/aftertone/serve.key"
# public_url = "https://dialler.example.com" # where people and programs reach it
# drain = "120s"                             # how long drops may finish once it is to end
# max_upload = "1GB"                         # how large a list that is sent may be, decoded
"#;

#[cfg(test)]
mod tests {
    use super::{super::keys::KEYS, *};

    fn template() -> Template {
        Template {
            url: Template::URL.to_owned(),
            username: "back\\slash \"quoted\"".to_owned(),
            password: Password::File("/run/secrets/ari".into()),
            endpoint: "PJSIP/{number}@trunk".to_owned(),
            caller_id: "+12025550100".to_owned(),
            sounds_dir: Template::SOUNDS_DIR.to_owned(),
            ca_file: None,
        }
    }

    #[test]
    fn the_file_reads_as_it_was_meant_also_with_its_comments_taken_off() {
        let mut template = template();
        let mut texts = vec![template.text()];
        let bare = texts[0].lines().map(|line| match line.strip_prefix("# ") {
            Some(key)
                if key
                    .split_once(" = ")
                    .is_some_and(|(key, _)| !key.contains(' ')) =>
            {
                key
            }
            _ => line,
        });
        // The file of a certificate has to be there.
        let bare: Vec<_> = bare.filter(|line| !line.starts_with("ca_file")).collect();
        texts.push(bare.join("\n"));
        template.password = Password::Environment;
        texts.push(template.text());
        for text in texts {
            let given: toml_keys::GivenKeys = toml_keys::read(&text);
            for key in given.keys() {
                assert!(KEYS.contains(&key.as_str()), "{key}");
            }
            assert_eq!(given["pbx.username"], template.username);
            assert_eq!(given["pbx.endpoint"], template.endpoint);
        }
    }

    #[test]
    fn a_value_that_will_not_do_is_found_before_it_is_written() {
        for (key, good, bad) in [
            ("url", "https://pbx:8089", "pbx:8089"),
            ("username", "me", "a:b"),
            ("endpoint", "PJSIP/{number}@t", "PJSIP/t"),
            ("caller_id", "+12025550100", "nobody"),
            ("sounds_dir", "/s", "s"),
        ] {
            assert_eq!(Template::check(key, good), Ok(()), "{key}");
            assert!(Template::check(key, bad).is_err(), "{key}");
            assert!(Template::check(key, &format!("{good}\n")).is_err(), "{key}");
        }
    }

    mod toml_keys {
        use std::collections::BTreeMap;

        use config::{File, FileFormat, Map, Source as _, Value, ValueKind};

        pub(super) type GivenKeys = BTreeMap<String, String>;

        pub(super) fn read(text: &str) -> GivenKeys {
            let table = File::from_str(text, FileFormat::Toml).collect().unwrap();
            let mut given = GivenKeys::new();
            flatten("", table, &mut given);
            given
        }

        fn flatten(prefix: &str, table: Map<String, Value>, given: &mut GivenKeys) {
            for (name, value) in table {
                let key = format!("{prefix}{name}");
                if let ValueKind::Table(inner) = value.kind {
                    flatten(&format!("{key}."), inner, given);
                } else {
                    given.insert(key, value.to_string());
                }
            }
        }
    }
}
