//! Which PBX it is, whatever its address is called: two PBXes on `127.0.0.1:8088` of two machines are two, and one PBX may
//! have many names.

use std::fmt;

use backon::Retryable as _;
use tokio::time::sleep;

use super::reach::pauses;
use crate::{
    ari::{Failure, Rest},
    config::PbxUrl,
    drop::RefusalKind,
    id::DropId,
};

/// The identity of a PBX: Asterisk's entity id, with the port of its web server, which tells Asterisks of one host apart;
/// the address alone if it has no such id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PbxIdentity {
    name: String,
    marker: Option<String>,
}

impl PbxIdentity {
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

    /// Asks a PBX that is reached at this address, and marks it, so that it is known by any other address, too. A mark that
    /// cannot be made or read is none.
    ///
    /// # Errors
    /// [`Failure`] if it does not answer.
    pub(crate) async fn ask_and_mark(rest: &Rest, url: &PbxUrl) -> Result<Self, Failure> {
        let identity = Self::ask_of(rest, url).await?;
        let marker = match rest.global_variable(MARKER).await {
            Ok(None) => {
                let own = DropId::generate().to_string();
                // Of two that mark it at once, the later one's stays.
                match rest.set_global_variable(MARKER, &own).await {
                    Ok(()) => rest.global_variable(MARKER).await.ok().flatten(),
                    Err(_) => None,
                }
            }
            Ok(marker) => marker,
            Err(_) => None,
        };
        Ok(Self { marker, ..identity })
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
        let name = if is_none {
            address
        } else {
            format!("{entity_id}:{port}")
        };
        Self { name, marker: None }
    }

    /// What tells this PBX, as long as it runs, from one whose machine was cloned; `None` if it cannot be marked.
    pub(crate) fn marker(&self) -> Option<&str> {
        self.marker.as_deref()
    }

    /// The name that it has in the store: the one by which it is known there if that is the same PBX behind another port,
    /// by its entity id and its mark; else its own.
    pub(crate) fn known_as<'a>(&'a self, known: Option<(&'a str, Option<&'a str>)>) -> &'a str {
        let host = |name: &str| name.rsplit_once(':').map(|(host, _)| host.to_owned());
        match known {
            Some((name, Some(marker)))
                if self.marker() == Some(marker) && host(name) == host(&self.name) =>
            {
                name
            }
            Some(_) | None => &self.name,
        }
    }

    /// As it is stored and printed.
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for PbxIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A global variable of the PBX, which ends with its process.
const MARKER: &str = "AFTERTONE_PBX";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pbx_behind_another_port_is_known_by_its_mark_alone() {
        let pbx = |name: &str, marker: Option<&str>| PbxIdentity {
            name: name.to_owned(),
            marker: marker.map(str::to_owned),
        };
        let rows = [
            (pbx("a:1", Some("m")), Some(("a:2", Some("m"))), "a:2"),
            // A clone of its machine, or the PBX after its restart.
            (pbx("a:1", Some("n")), Some(("a:2", Some("m"))), "a:1"),
            (pbx("a:1", None), Some(("a:2", Some("m"))), "a:1"),
            (pbx("a:1", Some("m")), Some(("a:2", None)), "a:1"),
            (pbx("a:1", None), Some(("a:2", None)), "a:1"),
            (pbx("b:1", Some("m")), Some(("a:1", Some("m"))), "b:1"),
            (pbx("a:1", Some("m")), None, "a:1"),
        ];
        for (pbx, known, expected) in rows {
            assert_eq!(pbx.known_as(known), expected, "{pbx:?} {known:?}");
        }
    }

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
