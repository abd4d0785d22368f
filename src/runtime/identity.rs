//! Which PBX it is, whatever its address is called: two PBXes on `127.0.0.1:8088` of two machines are two, and one PBX may
//! have many names.

use std::fmt;

use backon::Retryable as _;
use tokio::time::sleep;

use super::{
    error::SessionError,
    reach::{pauses, settings},
};
use crate::{
    ari::{Failure, Pbx, Rest},
    config::{Config, PbxUrl},
    drop::RefusalKind,
};

/// The identity of a PBX: Asterisk's entity id, with the port of its web server, which tells Asterisks of one host apart;
/// the address alone if it has no such id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PbxIdentity(String);

impl PbxIdentity {
    /// Asks the configured PBX.
    ///
    /// # Errors
    /// [`SessionError`] if it does not answer.
    pub(crate) async fn ask(config: &Config) -> Result<Self, SessionError> {
        let pbx = Pbx::new(&settings(config)).map_err(SessionError::Settings)?;
        let asked = Self::ask_of(&pbx.rest(), &config.pbx.url).await;
        asked.map_err(|source| SessionError::Pbx {
            url: config.pbx.url.to_string(),
            source,
        })
    }

    /// Asks a PBX that is reached at this address.
    ///
    /// # Errors
    /// [`Failure`] if it does not answer.
    pub(crate) async fn ask_of(rest: &Rest, url: &PbxUrl) -> Result<Self, Failure> {
        let info = || rest.asterisk_info();
        let info = info.retry(pauses()).sleep(sleep);
        let info = info.when(|failure| failure.kind == RefusalKind::NoReply);
        Ok(Self::new(&info.await?.system.entity_id, url.as_str()))
    }

    /// The identity of a PBX with this entity id, which may be none, at this address.
    fn new(entity_id: &str, url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let address = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let address = address.to_ascii_lowercase();
        let usual = if scheme == "https" { "443" } else { "80" };
        // An IPv6 address has colons of its own, within brackets.
        let port = match address.rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => port,
            Some(_) | None => usual,
        };
        let entity_id = entity_id.trim().to_ascii_lowercase();
        let is_none = entity_id.chars().all(|c| matches!(c, '0' | ':' | '-'));
        Self(if is_none {
            address
        } else {
            format!("{entity_id}:{port}")
        })
    }

    /// As it is stored and printed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PbxIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pbx_is_the_same_by_every_name_and_no_other_on_its_host() {
        const ID: &str = "02:42:AC:11:00:02";
        let rows = [
            (ID, "http://127.0.0.1:8088", "02:42:ac:11:00:02:8088"),
            (
                ID,
                "http://localhost:8088/asterisk",
                "02:42:ac:11:00:02:8088",
            ),
            (ID, "http://[::1]:8088", "02:42:ac:11:00:02:8088"),
            (ID, "http://127.0.0.1:8089", "02:42:ac:11:00:02:8089"),
            (ID, "http://pbx.example", "02:42:ac:11:00:02:80"),
            (ID, "https://[::1]", "02:42:ac:11:00:02:443"),
            ("", "http://PBX.example:8088/x", "pbx.example:8088"),
            (
                "00:00:00:00:00:00",
                "http://127.0.0.1:8088",
                "127.0.0.1:8088",
            ),
        ];
        for (entity_id, url, identity) in rows {
            assert_eq!(PbxIdentity::new(entity_id, url).as_str(), identity, "{url}");
        }
    }
}
