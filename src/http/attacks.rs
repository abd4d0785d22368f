//! Refused logins, counted by the address that they come from, so that somebody is told if there are many.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::Api;
use crate::clock;

/// Addresses from which logins were refused. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Attacks(Arc<Mutex<BTreeMap<String, Refusals>>>);

/// Those of an address.
#[derive(Clone, Copy, Debug)]
struct Refusals {
    since: Instant,
    count: u32,
}

impl Attacks {
    /// Counts a refusal; the address and how many there were within the hour if that is to be told, once an hour.
    fn note(&self, ip: IpAddr, now: Instant) -> Option<(String, u32)> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let address = address(ip);
        if known.len() >= MANY && !known.contains_key(&address) {
            known.retain(|_, refusals| now.duration_since(refusals.since) < WINDOW);
            if known.len() >= MANY {
                // From so many at once nobody is told of each; the counter in `/metrics` shows it.
                return None;
            }
        }
        let fresh = Refusals {
            since: now,
            count: 0,
        };
        let refusals = known.entry(address.clone()).or_insert(fresh);
        if now.duration_since(refusals.since) >= WINDOW {
            *refusals = fresh;
        }
        refusals.count = refusals.count.saturating_add(1);
        (refusals.count == TOLD_AT).then_some((address, refusals.count))
    }
}

/// A login was refused, by a password or a token that is not good, or because there were too many.
pub(super) fn note_refusal(api: &Api, ip: IpAddr, now: Timestamp) {
    let Some((address, refused)) = api.state.attacks.note(ip, clock::now()) else {
        return;
    };
    tracing::warn!(address, refused, "many logins were refused");
    let store = api.store.clone();
    // Nobody waits for it.
    tokio::spawn(async move {
        if let Err(error) = store.tell_of_attack(&address, refused, now).await {
            tracing::debug!(%error, "it was not told that logins were refused");
        }
    });
}

/// An address as it is counted: of version 6 the network, which belongs to one.
fn address(ip: IpAddr) -> String {
    match ip.to_canonical() {
        ip @ IpAddr::V4(_) => ip.to_string(),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            let network = std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0);
            format!("{network}/64")
        }
    }
}

/// From how many refusals of an address within the window on it is told.
const TOLD_AT: u32 = 20;

/// How long refusals of an address are counted.
const WINDOW: Duration = Duration::from_secs(60 * 60);

/// How many addresses are known at once.
const MANY: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_of_once_an_hour() {
        let (attacks, start) = (Attacks::default(), clock::now());
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let told = |ip, from: u64, count: u64| {
            let at = |n| start + Duration::from_secs(from + n);
            (0..count)
                .filter_map(|n| attacks.note(ip, at(n)))
                .collect::<Vec<_>>()
        };
        let one = ip("203.0.113.9");
        assert_eq!(told(one, 0, 19), []);
        assert_eq!(told(ip("203.0.113.10"), 0, 19), []);
        assert_eq!(told(one, 19, 500), [("203.0.113.9".to_owned(), 20)]);
        assert_eq!(told(one, 3_600, 19), []);
        assert_eq!(told(one, 3_620, 1), [("203.0.113.9".to_owned(), 20)]);
        // Addresses of one network are one.
        let six = (0..20).filter_map(|n| attacks.note(ip(&format!("2001:db8:1:2::{n:x}")), start));
        assert_eq!(
            six.collect::<Vec<_>>(),
            [("2001:db8:1:2::/64".to_owned(), 20)]
        );
    }

    #[test]
    fn no_more_addresses_are_known_than_there_is_room_for() {
        let (attacks, start) = (Attacks::default(), clock::now());
        let note = |n: u32, at| attacks.note(IpAddr::V4(n.into()), at);
        for n in 0..20_000 {
            note(n, start);
        }
        assert_eq!(attacks.0.lock().unwrap().len(), MANY);
        // Later they make room.
        note(30_000, start + WINDOW);
        assert_eq!(attacks.0.lock().unwrap().len(), 1);
    }
}
