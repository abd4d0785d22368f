//! Which keys two configurations differ in, and which of them a running program can take up.

use std::{
    collections::BTreeMap,
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use config::Value;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Config, serve};

/// What was given for each key, only to be compared: no value can be read from it.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct GivenKeys(BTreeMap<String, u64>);

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
        let mut keys: BTreeMap<_, _> = given
            .iter()
            .map(|(key, value)| (key.clone(), digest(&value.kind.to_string())))
            .collect();
        keys.insert(PASSWORD.to_owned(), digest(password.expose_secret()));
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

    /// Whether a key is given, with its default or with something else.
    pub fn is_given(&self, key: &str) -> bool {
        self.given.0.contains_key(key)
    }

    /// What `new` changes. A key that is given with its default changes as well, and does no harm.
    pub fn change_to(&self, new: &Self) -> ConfigChange {
        // A server that speaks TLS takes another certificate up; whether it does is decided when it starts.
        let has_tls = self.serve.tls.is_some() && new.serve.tls.is_some();
        let is_live = |key: &str| is_live(key) || (has_tls && is_certificate(key));
        let (old, new) = (&self.given.0, &new.given.0);
        let mut change = ConfigChange::default();
        let mut keys: Vec<_> = old.keys().chain(new.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys
            .into_iter()
            .filter(|key| old.get(*key) != new.get(*key))
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
            keys.map(|(key, digest)| (key.clone(), *digest)).collect()
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
