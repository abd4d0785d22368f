//! Which keys two configurations differ in, and which of them a running program can take up.

use std::{
    collections::BTreeMap,
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use config::Value;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Config, serve};

/// What was given for each key, to be compared, and shown as far as it is no secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct GivenKeys(BTreeMap<String, GivenKey>);

/// What was given for a key: no secret can be read from it.
#[derive(Clone, PartialEq, Eq)]
struct GivenKey {
    digest: u64,
    /// `None`: it is a secret, or holds one.
    shown: Option<String>,
    source: KeySource,
}

/// Where the value of a key came from. Slugs are part of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// `file`: the configuration file.
    File,
    /// `environment`: an environment variable.
    Environment,
    /// `default`: nothing was given.
    Default,
}

impl KeySource {
    /// Its name.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Environment => "environment",
            Self::Default => "default",
        }
    }
}

/// A key as it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInForce<'a> {
    /// Where its value came from.
    pub source: KeySource,
    /// What was given; `None` if nothing was, or if it is a secret.
    pub given: Option<&'a str>,
    /// Whether its value is never shown.
    pub is_secret: bool,
    /// Whether a running program takes up a new value.
    pub is_live: bool,
}

/// What a new configuration changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigChange {
    /// Keys whose new values a running program takes up.
    pub live: Vec<String>,
    /// Keys whose new values count from its next start on.
    pub at_restart: Vec<String>,
}

impl ConfigChange {
    /// Whether nothing is changed.
    pub const fn is_empty(&self) -> bool {
        self.live.is_empty() && self.at_restart.is_empty()
    }
}

impl GivenKeys {
    /// Of the keys that were given, and the password wherever it is.
    pub(super) fn of(given: &BTreeMap<String, Value>, password: &SecretString) -> Self {
        let source = |value: &Value| match value.origin() {
            Some(_) => KeySource::Environment,
            None => KeySource::File,
        };
        let mut keys: BTreeMap<_, _> = given
            .iter()
            .map(|(key, value)| {
                let text = value.kind.to_string();
                let given = GivenKey {
                    digest: digest(&text),
                    shown: (!is_secret(key)).then(|| without_password(&text)),
                    source: source(value),
                };
                (key.clone(), given)
            })
            .collect();
        let from = [PASSWORD, PASSWORD_FILE].into_iter();
        let from = from.filter_map(|key| given.get(key)).map(source).next();
        let password = GivenKey {
            digest: digest(password.expose_secret()),
            shown: None,
            source: from.unwrap_or(KeySource::Default),
        };
        keys.insert(PASSWORD.to_owned(), password);
        Self(keys)
    }
}

impl fmt::Debug for GivenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenKeys")
    }
}

impl Config {
    /// Whether nothing at all was given, as by a file that is about to be written.
    pub fn is_blank(&self) -> bool {
        self.given.0.keys().all(|key| key == PASSWORD)
    }

    /// A key as it is in force. Passwords, and what may hold one, are left out.
    pub fn in_force(&self, key: &str) -> KeyInForce<'_> {
        let given = self.given.0.get(key);
        let has_tls = self.serve.tls.is_some();
        KeyInForce {
            source: given.map_or(KeySource::Default, |given| given.source),
            given: given.and_then(|given| given.shown.as_deref()),
            is_secret: is_secret(key),
            is_live: is_live(key) || (has_tls && is_certificate(key)),
        }
    }

    /// What `new` changes. A key that is given with its default changes as well, and does no harm.
    pub fn change_to(&self, new: &Self) -> ConfigChange {
        // A server that speaks TLS takes another certificate up; whether it does is decided when it starts.
        let has_tls = self.serve.tls.is_some() && new.serve.tls.is_some();
        let is_live = |key: &str| is_live(key) || (has_tls && is_certificate(key));
        let (old, new) = (&self.given.0, &new.given.0);
        let digest_of =
            |keys: &BTreeMap<String, GivenKey>, key: &str| keys.get(key).map(|given| given.digest);
        let mut change = ConfigChange::default();
        let mut keys: Vec<_> = old.keys().chain(new.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys
            .into_iter()
            .filter(|key| digest_of(old, key) != digest_of(new, key))
        {
            let into = if is_live(key) {
                &mut change.live
            } else {
                &mut change.at_restart
            };
            into.push(key.clone());
        }
        change
    }

    /// This configuration with what a running program takes up of `new`.
    #[must_use]
    pub fn with_live_part_of(&self, new: &Self) -> Self {
        let mut now = self.clone();
        now.gate = new.gate.clone();
        now.trunk = new.trunk.clone();
        now.is_trunk_known = new.is_trunk_known;
        now.price = new.price;
        now.retention = new.retention;
        now.webhooks.allow.clone_from(&new.webhooks.allow);
        now.serve.drain = new.serve.drain;
        now.serve.max_upload = new.serve.max_upload;
        now.serve.log.clone_from(&new.serve.log);
        now.serve.public_url.clone_from(&new.serve.public_url);
        now.serve.requests_per_second = new.serve.requests_per_second;
        let has_tls = self.serve.tls.is_some() && new.serve.tls.is_some();
        if has_tls {
            now.serve.tls.clone_from(&new.serve.tls);
        }
        let is_live = |key: &str| is_live(key) || (has_tls && is_certificate(key));
        let live = |keys: &GivenKeys, want| -> BTreeMap<_, _> {
            let keys = keys.0.iter().filter(|(key, _)| is_live(key) == want);
            keys.map(|(key, given)| (key.clone(), given.clone()))
                .collect()
        };
        let mut given = live(&self.given, false);
        given.extend(live(&new.given, true));
        now.given = GivenKeys(given);
        now
    }
}

/// Whether a running program takes up a new value of this key.
fn is_live(key: &str) -> bool {
    const SECTIONS: [&str; 4] = ["gate.", "trunk.", "price.", "retention."];
    const KEYS: [&str; 6] = [
        "serve.drain",
        "serve.log",
        "serve.max_upload",
        "webhooks.allow",
        "serve.public_url",
        "serve.requests_per_second",
    ];
    // The name is what the trunk is registered by.
    const NOT: &str = "trunk.name";

    key != NOT && (KEYS.contains(&key) || SECTIONS.iter().any(|section| key.starts_with(section)))
}

/// Whether the value of a key is never shown.
fn is_secret(key: &str) -> bool {
    // A URL of PostgreSQL may have a password in its query as well.
    [PASSWORD, "store.url"].contains(&key)
}

/// A value without what stands before the `@` of a URL in it.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://***{}", &rest[at..]),
        None => text.to_owned(),
    }
}

fn is_certificate(key: &str) -> bool {
    [serve::CERTIFICATE, serve::KEY].contains(&key)
}

fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The password's key, also if a file holds it.
const PASSWORD: &str = "pbx.password";
const PASSWORD_FILE: &str = "pbx.password_file";

#[cfg(test)]
mod tests {
    use super::{super::REFERENCE, *};

    /// A new key that sounds like a secret is one, or has a reason here.
    #[test]
    fn no_key_that_sounds_like_a_secret_is_shown() {
        let harmless = ["pbx.password_file", "serve.tls_key", "webhooks.key_file"];
        for key in REFERENCE.iter() {
            let sounds = ["password", "secret", "token", "key", "credential"];
            let sounds = sounds.iter().any(|word| key.name.contains(word));
            let is_path = harmless.contains(&key.name);
            assert_eq!(
                is_secret(key.name) || is_path,
                sounds || key.name == "store.url",
                "{}",
                key.name
            );
        }
    }

    #[test]
    fn a_url_shows_no_password() {
        for (text, shown) in [
            ("https://ann:pass@pbx:8089/a@b", "https://***@pbx:8089/a@b"),
            ("http://127.0.0.1:8088", "http://127.0.0.1:8088"),
            ("ann@example.com", "ann@example.com"),
        ] {
            assert_eq!(without_password(text), shown);
        }
    }
}
