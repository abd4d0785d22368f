//! Whether the trunk that is to be dialled exists, and whether its far end is known to answer.

use super::check::{Check, unanswered};
use crate::{
    ari::{Failure, Rest},
    config::Config,
};

/// What is known of the trunk.
pub(super) enum Trunk {
    /// All that can be known.
    Judged(Check),
    /// A PJSIP endpoint, of which the PBX reports more on a channel.
    Endpoint {
        /// The endpoint's name.
        name: String,
        /// Whether ARI calls it online; `None` if it does not know.
        online: Option<bool>,
    },
}

/// Checks the trunk as far as that is possible without a channel.
pub(super) async fn look(rest: &Rest, config: &Config) -> Trunk {
    let endpoint = &config.pbx.endpoint;
    let technology = endpoint.technology();
    let pjsip = technology.eq_ignore_ascii_case("PJSIP");
    if let Some(instead) = pjsip.then(|| no_address(endpoint.as_str())).flatten() {
        let dials = endpoint.as_str();
        return Trunk::Judged(Check::fail(
            NAME,
            format!(
                "`{dials}` cannot be dialled: to chan_pjsip, what follows the second `/` is a SIP address"
            ),
            format!("write `pbx.endpoint = \"{instead}\"`"),
        ));
    }
    let Some(trunk) = endpoint.trunk() else {
        let dials = endpoint.as_str();
        return Trunk::Judged(Check::warn(
            NAME,
            format!("`{dials}` names no trunk that can be checked"),
            "make a test call",
        ));
    };
    let name = format!("{technology}/{trunk}");
    let found = match rest.endpoint(technology, trunk).await {
        Ok(found) => found,
        Err(failure) => return Trunk::Judged(unanswered(NAME, &failure)),
    };
    let Some(found) = found else {
        let hint = if pjsip {
            "name a trunk of its pjsip.conf in `pbx.endpoint`; `pjsip show endpoints` on its console lists them"
        } else {
            "name a trunk of the PBX in `pbx.endpoint`"
        };
        let detail = format!("the PBX knows no endpoint {name}");
        return Trunk::Judged(Check::fail(NAME, detail, hint));
    };
    let online = match found.state.as_deref() {
        Some("online") => Some(true),
        Some("offline") => Some(false),
        Some(_) | None => None,
    };
    if pjsip {
        let name = trunk.to_owned();
        return Trunk::Endpoint { name, online };
    }
    Trunk::Judged(match online {
        Some(true) => Check::ok(NAME, format!("{name} is online")),
        Some(false) => Check::fail(
            NAME,
            format!("{name} is known, but its far end does not answer"),
            "check the trunk on the PBX's console",
        ),
        None => Check::warn(
            NAME,
            format!("{name} is known, but not whether its far end answers"),
            "make a test call",
        ),
    })
}

/// What a PJSIP dial string means in which the number is in the place of a SIP address; `None` if it is right.
fn no_address(endpoint: &str) -> Option<String> {
    let (technology, resource) = endpoint.split_once('/')?;
    let (trunk, address) = resource.split_once('/')?;
    let scheme = address.to_ascii_lowercase();
    if scheme.starts_with("sip:") || scheme.starts_with("sips:") || !address.contains('{') {
        return None;
    }
    let user = address.split_once('@').map_or(address, |(user, _)| user);
    Some(format!("{technology}/{user}@{trunk}"))
}

impl Trunk {
    /// What is known without a channel.
    pub(super) fn afar(&self) -> Check {
        match self {
            Self::Judged(check) => check.clone(),
            Self::Endpoint { name, online } => of_ari(name, *online),
        }
    }

    /// What is known, with what the PBX reports on a channel.
    pub(super) async fn closely(&self, rest: &Rest, channel: &str) -> Check {
        match self {
            Self::Judged(check) => check.clone(),
            // A PBX without these functions.
            Self::Endpoint { name, online } => closely(rest, channel, name, *online)
                .await
                .unwrap_or_else(|_| of_ari(name, *online)),
        }
    }
}

/// What ARI alone says of a PJSIP endpoint.
fn of_ari(name: &str, online: Option<bool>) -> Check {
    match online {
        // An endpoint that is never asked counts as online, too.
        Some(true) => Check::ok(NAME, format!("PJSIP/{name} is online")),
        Some(false) => Check::warn(
            NAME,
            format!(
                "the far end of PJSIP/{name} does not answer, or has not been asked since the PBX started"
            ),
            format!(
                "run `pjsip qualify {name}` on the PBX's console; `pjsip show contacts` shows the result"
            ),
        ),
        None => not_asked(name),
    }
}

/// What the PBX's functions say of a PJSIP endpoint, read on a channel.
///
/// # Errors
/// [`Failure`] if they cannot be read, because the PBX has no such functions.
async fn closely(
    rest: &Rest,
    channel: &str,
    name: &str,
    online: Option<bool>,
) -> Result<Check, Failure> {
    let read = async |function: String| -> Result<String, Failure> {
        let value = rest.variable(channel, &function).await?;
        Ok(value.unwrap_or_default())
    };
    let aors = read(format!("PJSIP_ENDPOINT({name},aors)")).await?;
    let mut contacts = Vec::new();
    let mut asked = false;
    for aor in parts(&aors) {
        // An endpoint may name an aor that is not there.
        let frequency = read(format!("PJSIP_AOR({aor},qualify_frequency)")).await;
        asked |= frequency.is_ok_and(|seconds| seconds.trim().parse().is_ok_and(|s: f64| s > 0.0));
        let Ok(of) = read(format!("PJSIP_AOR({aor},contact)")).await else {
            continue;
        };
        for contact in parts(&of) {
            contacts.push(read(format!("PJSIP_CONTACT({contact},status)")).await?);
        }
    }
    Ok(judge(name, online, asked, &contacts))
}

/// The members of a list with commas.
fn parts(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

/// Judges an endpoint by the states of its contacts.
fn judge(name: &str, online: Option<bool>, asked: bool, contacts: &[String]) -> Check {
    let any = |state: &str| contacts.iter().any(|contact| contact == state);
    if contacts.is_empty() {
        return Check::fail(
            NAME,
            format!("PJSIP/{name} has no contact, so there is no address to send a call to"),
            format!(
                "give its aor a `contact = sip:HOST:PORT` in pjsip.conf, name that aor as `aors` of the endpoint, then \
                 `module reload res_pjsip.so` on the PBX's console, and `pjsip show endpoint {name}` shows it"
            ),
        );
    }
    if any("Reachable") {
        return Check::ok(NAME, format!("PJSIP/{name} is online, its far end answers"));
    }
    if !asked {
        return not_asked(name);
    }
    if any("Unreachable") && !any("NonQualified") && online != Some(true) {
        return Check::fail(
            NAME,
            format!("PJSIP/{name} is known, but its far end does not answer"),
            format!(
                "correct host and port of its aor's `contact` in pjsip.conf, check that no firewall is in between, then \
                 `module reload res_pjsip.so` and `pjsip qualify {name}` on the PBX's console; `pjsip show contacts` shows \
                 the result"
            ),
        );
    }
    Check::warn(
        NAME,
        format!(
            "the far end of PJSIP/{name} has not been asked yet whether it answers, as is usual after a restart"
        ),
        format!("run `pjsip qualify {name}` on the PBX's console to ask it at once"),
    )
}

fn not_asked(name: &str) -> Check {
    Check::warn(
        NAME,
        format!(
            "PJSIP/{name} is known, but the PBX never asks whether its far end answers: a dead trunk would look the same"
        ),
        format!(
            "set `qualify_frequency = 30` for its aor in pjsip.conf, then `module reload res_pjsip.so` and `pjsip qualify \
             {name}` on the PBX's console"
        ),
    )
}

const NAME: &str = "trunk";

#[cfg(test)]
mod tests {
    use super::{super::check::Status, *};

    #[test]
    fn a_number_in_the_place_of_an_address_is_found() {
        let rows = [
            ("PJSIP/trunk/{number}", Some("PJSIP/{number}@trunk")),
            ("PJSIP/trunk/{digits}@host", Some("PJSIP/{digits}@trunk")),
            ("PJSIP/trunk/00{digits}", Some("PJSIP/00{digits}@trunk")),
            ("PJSIP/trunk/sip:{number}@host", None),
            ("PJSIP/trunk/SIPS:{number}@host", None),
            ("PJSIP/{number}@trunk", None),
        ];
        for (endpoint, instead) in rows {
            assert_eq!(no_address(endpoint).as_deref(), instead, "{endpoint}");
        }
    }

    #[test]
    fn a_trunk_is_judged_by_its_contacts() {
        use Status::{Fail, Ok, Warn};
        let rows = [
            ("Reachable", true, Some(true), Ok, "answers"),
            ("Unreachable Reachable", true, Some(true), Ok, "answers"),
            ("Unreachable", true, Some(false), Fail, "does not answer"),
            (
                "NonQualified",
                true,
                Some(false),
                Warn,
                "not been asked yet",
            ),
            (
                "Unreachable NonQualified",
                true,
                Some(false),
                Warn,
                "not been asked yet",
            ),
            ("NonQualified", false, Some(true), Warn, "never asks"),
            ("", true, Some(false), Fail, "no contact"),
            ("", false, None, Fail, "no contact"),
        ];
        for (contacts, asked, online, status, words) in rows {
            let states: Vec<_> = contacts.split_whitespace().map(str::to_owned).collect();
            let check = judge("t", online, asked, &states);
            assert_eq!(check.status, status, "{contacts}");
            assert!(check.detail.contains(words), "{}", check.detail);
        }
    }
}
