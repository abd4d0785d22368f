//! Which addresses may be connected to: public ones over TLS, and those of networks that the configuration names.
//!
//! It is the address that counts, never the name: a name is judged by what it resolves to, when it is saved and again at each
//! connection. However an address is written, the reader of URLs brings it into its usual form first.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use reqwest::Url;

/// Where an endpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) url: Url,
    /// The address, if it is written as one: nobody resolves it then.
    pub(super) literal: Option<IpAddr>,
    pub(super) is_tls: bool,
}

/// What is wrong with where an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetFault {
    /// It is no URL of a web server.
    #[error("expected a URL such as `https://crm.example/hooks`")]
    NotUrl,
    /// It has a user or a password.
    #[error("a URL with a user or a password is not accepted: messages are signed")]
    Credentials,
    /// It has a fragment.
    #[error("a URL with a `#` is not accepted: what follows it is never sent")]
    Fragment,
    /// It is longer than 2,000 bytes.
    #[error("a URL has at most 2,000 bytes here")]
    TooLong,
    /// The address, or one that the name has, is not public and in no network that is allowed.
    #[error(
        "its address is not a public one; a network of your own is allowed by `webhooks.allow` in the configuration of the server"
    )]
    Address,
    /// It is plain HTTP to an address in no network that is allowed.
    #[error(
        "expected `https`; plain `http` is for networks that `webhooks.allow` in the configuration of the server names"
    )]
    Plain,
    /// The name has no address.
    #[error("its name has no address at this moment")]
    Name,
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`TargetFault`].
    pub(super) fn read(text: &str) -> Result<Self, TargetFault> {
        if text.len() > MOST_BYTES {
            return Err(TargetFault::TooLong);
        }
        let url = Url::parse(text).map_err(|_| TargetFault::NotUrl)?;
        let is_tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(TargetFault::NotUrl),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetFault::Credentials);
        }
        if url.fragment().is_some() {
            return Err(TargetFault::Fragment);
        }
        let host = url.host_str().unwrap_or_default();
        if host.is_empty() {
            return Err(TargetFault::NotUrl);
        }
        let address = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let literal = address.unwrap_or(host).parse().ok();
        Ok(Self {
            url,
            literal,
            is_tls,
        })
    }
}

/// Whether an address may be connected to.
///
/// # Errors
/// [`TargetFault`].
pub(super) fn judge(address: IpAddr, is_tls: bool, allow: &[IpNet]) -> Result<(), TargetFault> {
    let address = address.to_canonical();
    if allow.iter().any(|network| network.contains(&address)) {
        return Ok(());
    }
    if !is_public(address) {
        return Err(TargetFault::Address);
    }
    if is_tls {
        Ok(())
    } else {
        Err(TargetFault::Plain)
    }
}

/// Whether an address is one of the internet's.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    !NOT_PUBLIC_V4
        .iter()
        .any(|(network, length)| bits >> (32 - length) == u32::from(*network) >> (32 - length))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let inner =
        |high: u16, low: u16| is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match parts {
        // NAT64 and 6to4 lead to the IPv4 address within.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inner(high, low),
        [0x2002, high, low, ..] => inner(high, low),
        // Teredo, benchmarks, ORCHID and documentation.
        [0x2001, 0..=0x01ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, ..] => false,
        // The rest of what is given out; all else is local, reserved, or many.
        [first, ..] => first >> 13 == 0b001,
    }
}

/// After the registry of special addresses: this network, private, shared, loopback, link-local, assignments, documentation,
/// 6to4 relays, benchmarks, multicast and reserved.
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

const MOST_BYTES: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_public_are_refused_however_they_are_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "127.0.0.1.",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "①②⑦.0.0.1",
            "%31%32%37.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "169.254.169.254",
            "2852039166",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:10.0.0.1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::ffff:a9fe:a9fe]",
            "[::127.0.0.1]",
            "[::7f00:1]",
            "[64:ff9b::10.0.0.1]",
            "[64:ff9b::a9fe:a9fe]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[2002:a00:1::1]",
            "[2002:c0a8:101::1]",
            "[2001::1]",
            "[2001:10::1]",
            "[2001:db8::1]",
            "[3fff::1]",
            "[100::1]",
            "[fc00::1]",
            "[fd12:3456::1]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[5f00::1]",
            "[4000::1]",
        ] {
            let target = Target::read(&format!("https://{host}/hook")).expect(host);
            let literal = target.literal.expect(host);
            assert_eq!(
                judge(literal, true, &[]),
                Err(TargetFault::Address),
                "{host}"
            );
        }
    }

    #[test]
    fn public_addresses_are_connected_to_over_tls() {
        for host in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "[2606:4700:4700::1111]",
            "[2a00:1450::1]",
            "[::ffff:1.1.1.1]",
            "[64:ff9b::1.1.1.1]",
            "[2002:101:101::1]",
            "[2001:200::1]",
        ] {
            let target = Target::read(&format!("https://{host}/hook")).expect(host);
            let literal = target.literal.expect(host);
            assert_eq!(judge(literal, true, &[]), Ok(()), "{host}");
            assert_eq!(
                judge(literal, false, &[]),
                Err(TargetFault::Plain),
                "{host}"
            );
        }
    }

    #[test]
    fn a_network_that_is_allowed_is_connected_to_in_plain_http_too() {
        let allow: Vec<IpNet> = ["10.1.0.0/16", "127.0.0.0/8", "fd00::/8"]
            .map(|network| network.parse().unwrap())
            .into();
        let judged = |address: &str| judge(address.parse().unwrap(), false, &allow);
        for allowed in ["10.1.2.3", "127.0.0.1", "::ffff:10.1.2.3", "fd12::1"] {
            assert_eq!(judged(allowed), Ok(()), "{allowed}");
        }
        for refused in [
            "10.2.0.1",
            "::1",
            "fc00::1",
            "192.168.0.1",
            "64:ff9b::a01:203",
        ] {
            assert_eq!(judged(refused), Err(TargetFault::Address), "{refused}");
        }
        assert_eq!(judged("1.1.1.1"), Err(TargetFault::Plain));
    }

    #[test]
    fn a_url_is_one_of_a_web_server() {
        let long = format!("https://crm.example/{}", "a".repeat(2_000));
        for (text, fault) in [
            ("", TargetFault::NotUrl),
            ("crm.example", TargetFault::NotUrl),
            ("ftp://crm.example/", TargetFault::NotUrl),
            ("file:///etc/passwd", TargetFault::NotUrl),
            ("gopher://127.0.0.1:70/", TargetFault::NotUrl),
            ("https://", TargetFault::NotUrl),
            ("https://1.2.3.4.5.999/", TargetFault::NotUrl),
            ("https://user@crm.example/", TargetFault::Credentials),
            ("https://:x@crm.example/", TargetFault::Credentials),
            ("https://crm.example/#top", TargetFault::Fragment),
            (&long, TargetFault::TooLong),
        ] {
            assert_eq!(Target::read(text), Err(fault), "{text}");
        }
        let target = Target::read("HTTPS://CRM.example:8443/hooks?a=1").unwrap();
        assert_eq!(target.url.as_str(), "https://crm.example:8443/hooks?a=1");
        assert_eq!((target.literal, target.is_tls), (None, true));
        assert!(!Target::read("http://crm.example/").unwrap().is_tls);
    }
}
