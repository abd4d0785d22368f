//! Which hosts may connect with audio: only the PBX.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use ipnet::IpNet;
use tokio::{net::lookup_host, sync::Mutex};
use tracing::debug;

use crate::clock;

/// The hosts that may connect, beside this machine itself.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Configured networks. If there are any, the PBX's host does not count.
    pub allow: Vec<IpNet>,
    /// The PBX's host: a name, which is looked up when a host connects, or an address.
    pub pbx: Option<String>,
}

/// The hosts that may connect, with the PBX's addresses as far as they are known.
#[derive(Clone, Debug)]
pub(super) struct AllowList {
    access: Arc<Access>,
    known: Arc<Mutex<ResolvedAddresses>>,
}

#[derive(Debug, Default)]
struct ResolvedAddresses {
    addresses: Vec<IpAddr>,
    asked: Option<Instant>,
}

impl AllowList {
    pub(super) fn new(access: Access) -> Self {
        Self {
            access: Arc::new(access),
            known: Arc::default(),
        }
    }

    /// Whether a connection from this address is let in.
    pub(super) async fn may_enter(&self, from: IpAddr) -> bool {
        let from = from.to_canonical();
        if from.is_loopback()
            || self
                .access
                .allow
                .iter()
                .any(|network| network.contains(&from))
        {
            return true;
        }
        let Some(host) = self.access.pbx.as_deref() else {
            return false;
        };
        if !self.access.allow.is_empty() {
            return false;
        }
        // One look-up at a time; the others wait for what it finds.
        let mut known = self.known.lock().await;
        let now = clock::now();
        let is_stale = known.asked.is_none_or(|asked| now > asked + ASK_AGAIN);
        if !known.addresses.contains(&from) && is_stale {
            known.asked = Some(now);
            match lookup_host((host, 0)).await {
                Ok(found) => {
                    known.addresses = found.map(|address| address.ip().to_canonical()).collect();
                }
                Err(error) => debug!(host, %error, "the PBX's name cannot be looked up"),
            }
        }
        known.addresses.contains(&from)
    }
}

/// How long after a look-up the PBX's name is looked up again for an unknown host.
const ASK_AGAIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn this_machine_the_named_networks_and_the_pbx_are_let_in() {
        let guests = |allow: &[&str], pbx: Option<&str>| {
            AllowList::new(Access {
                allow: allow.iter().map(|text| text.parse().unwrap()).collect(),
                pbx: pbx.map(str::to_owned),
            })
        };
        let rows = [
            (&[][..], None, "127.0.0.1", true),
            (&[], None, "::ffff:127.0.0.1", true),
            (&[], None, "192.0.2.1", false),
            (&[], Some("192.0.2.1"), "192.0.2.1", true),
            (&[], Some("192.0.2.1"), "::ffff:192.0.2.1", true),
            (&[], Some("192.0.2.1"), "192.0.2.2", false),
            (&["192.0.2.0/24"], None, "192.0.2.77", true),
            (&["198.51.100.0/24"], Some("192.0.2.1"), "192.0.2.1", false),
        ];
        for (allow, pbx, from, enters) in rows {
            let may = guests(allow, pbx).may_enter(from.parse().unwrap()).await;
            assert_eq!(may, enters, "{allow:?} {pbx:?} {from}");
        }
    }
}
