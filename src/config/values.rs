//! Single values, checked so that they cannot be misused further in.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::IpNet;
use jiff::SignedDuration;
use secrecy::SecretString;

use crate::{
    phone::{PhoneNumber, Region},
    screen::Setting,
};

/// The URL of Asterisk's HTTP server: `http` or `https`, a host, perhaps a port and the prefix of its http.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PbxUrl {
    text: String,
}

impl PbxUrl {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| "it has no `http://` in front".to_owned())?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "http" && scheme != "https" {
            return Err("it begins with neither `http://` nor `https://`".to_owned());
        }
        if rest.contains('@') {
            return Err(
                "credentials do not belong in a URL but in `pbx.username` and `pbx.password`"
                    .to_owned(),
            );
        }
        let rest = rest.trim_end_matches('/');
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        check_authority(authority)?;
        if path == "/ari" || path.ends_with("/ari") {
            return Err("it ends in `/ari`, which is added by itself".to_owned());
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
        if !path.bytes().all(plain) || path.contains("//") || path.contains("..") {
            return Err("its path is not a plain prefix such as `/asterisk`".to_owned());
        }
        Ok(Self {
            text: format!("{scheme}://{}{path}", authority.to_ascii_lowercase()),
        })
    }

    /// The URL without a slash at its end, such as `http://127.0.0.1:8088`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The PBX's host: a name or an address, without a port.
    pub fn host(&self) -> &str {
        let rest = self.text.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        if let Some((address, _)) = authority
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            return address;
        }
        authority.split(':').next().unwrap_or_default()
    }

    /// Whether the way to the PBX is encrypted.
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https:")
    }
}

impl Default for PbxUrl {
    fn default() -> Self {
        Self {
            text: "http://127.0.0.1:8088".to_owned(),
        }
    }
}

impl fmt::Display for PbxUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The address to which the PBX brings the audio of calls: an address of this machine, and the first free of some ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAt {
    /// The address.
    pub host: IpAddr,
    /// The ports; `0..=0` is any free one.
    pub ports: RangeInclusive<u16>,
}

impl ListenAt {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let none = || format!("{} is not an address with a port", quoted(text));
        let (host, ports) = text.rsplit_once(':').ok_or_else(none)?;
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        // As one address with its port, so that an IPv6 address must be in brackets.
        let address = |port: &str| -> Result<SocketAddr, String> {
            format!("{host}:{port}").parse().map_err(|_| none())
        };
        let (first, last) = (address(first)?, address(last)?);
        if first.port() > last.port() || (first.port() == 0 && last.port() != 0) {
            return Err(format!("{ports} is not a range of ports"));
        }
        Ok(Self {
            host: first.ip(),
            ports: first.port()..=last.port(),
        })
    }
}

impl Default for ListenAt {
    fn default() -> Self {
        Self {
            host: Ipv4Addr::LOCALHOST.into(),
            ports: 0..=0,
        }
    }
}

impl fmt::Display for ListenAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.ports.start(), self.ports.end());
        write!(f, "{}", SocketAddr::new(self.host, *first))?;
        if first == last {
            Ok(())
        } else {
            write!(f, "-{last}")
        }
    }
}

/// An address or a network.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let alone = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse()
        .or_else(|_| alone())
        .map_err(|_| format!("{} is neither an address nor a network", quoted(text)))
}

/// What the PBX is to dial, with a place for the number: `PJSIP/{number}@trunk`.
///
/// `{number}` is E.164 with its `+`, `{digits}` without. A trunk that is given `{digits}` has to read them as E.164: the
/// digits of a number in Delhi begin with 911.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    template: String,
}

impl Endpoint {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let places = text.matches("{number}").count() + text.matches("{digits}").count();
        let plain = text.replace("{number}", "0").replace("{digits}", "0");
        if places != 1 || plain.contains(['{', '}']) {
            return Err(format!(
                "{} does not hold `{{number}}` or `{{digits}}` exactly once",
                quoted(text)
            ));
        }
        // `&` and `,` would add a second destination or options, the others would end a quoted text.
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/@:.;=_+*#-[]".contains(&b);
        if let Some(stray) = plain.chars().find(|&c| !(c.is_ascii() && allowed(c as u8))) {
            return Err(format!("it holds `{}`", stray.escape_default()));
        }
        let named = plain.split_once('/').is_some_and(|(technology, resource)| {
            !technology.is_empty()
                && technology.bytes().all(|b| b.is_ascii_alphanumeric())
                && !resource.is_empty()
        });
        if !named || text.find(['{']) < text.find('/') {
            return Err(format!(
                "{} does not begin with a technology such as `PJSIP/`",
                quoted(text)
            ));
        }
        if text.len() > 200 {
            return Err("it is longer than 200 characters".to_owned());
        }
        Ok(Self {
            template: text.to_owned(),
        })
    }

    /// What to dial for a number. It holds the whole number: not for logs.
    pub fn dial_string(&self, number: &PhoneNumber) -> String {
        self.template
            .replace("{number}", &number.full().to_string())
            .replace("{digits}", number.digits())
    }

    /// The template, as it was given.
    pub fn as_str(&self) -> &str {
        &self.template
    }

    /// The technology in front, such as `PJSIP`.
    pub fn technology(&self) -> &str {
        self.template
            .split_once('/')
            .map_or("", |(technology, _)| technology)
    }

    /// The name of the trunk among the PBX's endpoints: `trunk` of `PJSIP/{number}@trunk` and of
    /// `PJSIP/trunk/sip:{number}@host`. `None` for a Local channel, which leads into the dialplan.
    pub fn trunk(&self) -> Option<&str> {
        let (technology, resource) = self.template.split_once('/')?;
        if technology.eq_ignore_ascii_case("Local") {
            return None;
        }
        match resource.split_once('/') {
            Some((trunk, _)) if !trunk.contains('{') => Some(trunk),
            Some(_) => None,
            None => resource.rsplit_once('@').map(|(_, trunk)| trunk),
        }
    }
}

/// The database.
#[derive(Clone, Debug)]
pub enum StoreUrl {
    /// A file of SQLite's; absolute in a configuration that was read.
    Sqlite(PathBuf),
    /// A PostgreSQL server, with the URL's password if it has one.
    Postgres(SecretString),
}

impl StoreUrl {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(SecretString::from(text)));
        }
        let Some(path) = text.strip_prefix("sqlite:") else {
            return Err("it begins with neither `sqlite:` nor `postgres://`".to_owned());
        };
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.contains([':', '?', '\0']) {
            return Err("what follows `sqlite:` is not a plain file".to_owned());
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }
}

/// Which words a key takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Charset {
    form: &'static str,
    longest: usize,
    holds: fn(u8) -> bool,
}

impl Charset {
    pub(super) fn check(self, text: &str) -> Result<String, String> {
        let fits = (1..=self.longest).contains(&text.len()) && text.bytes().all(self.holds);
        if fits {
            Ok(text.to_owned())
        } else {
            Err(format!("{} does not fit", quoted(text)))
        }
    }
}

impl fmt::Display for Charset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1 to {} characters of `{}`", self.longest, self.form)
    }
}

/// It becomes part of channel ids ([`crate::config`] must not name them), whose parts hold no `-`.
pub(super) const INSTANCE: Charset = Charset {
    form: "a-z0-9",
    longest: 32,
    holds: |b| b.is_ascii_lowercase() || b.is_ascii_digit(),
};

/// It is an argument of the dialplan's `Stasis`, which a comma would end.
pub(super) const APP: Charset = Charset {
    form: "A-Za-z0-9_-",
    longest: 64,
    holds: is_word,
};

/// The name of a prepared message.
pub(super) const MESSAGE: Charset = Charset {
    form: "a-z0-9_-",
    longest: 64,
    holds: |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-',
};

/// A sound of the PBX. A comma would begin another one to it, and `&` another file.
pub(super) const SOUND: Charset = Charset {
    form: "A-Za-z0-9_./-",
    longest: 200,
    holds: |b| is_word(b) || b == b'.' || b == b'/',
};

/// Asterisk keeps contexts in 80 bytes with the closing NUL (`AST_MAX_CONTEXT`).
pub(super) const CONTEXT: Charset = Charset {
    form: "A-Za-z0-9_-",
    longest: 79,
    holds: is_word,
};

pub(super) fn duration(text: &str, range: &RangeInclusive<u64>) -> Result<Duration, String> {
    let signed: SignedDuration = text
        .parse()
        .map_err(|_| format!("{} is not a duration", quoted(text)))?;
    let duration =
        Duration::try_from(signed).map_err(|_| format!("{} is negative", quoted(text)))?;
    let limits = Duration::from_secs(*range.start())..=Duration::from_secs(*range.end());
    if limits.contains(&duration) {
        Ok(duration)
    } else {
        Err(format!("{} is out of range", quoted(text)))
    }
}

/// A setting of the ears as they take it: a duration becomes seconds, and what is counted is a whole number.
pub(super) fn setting(text: &str, about: &Setting) -> Option<String> {
    if let Ok(number) = text.parse::<f32>() {
        let fits = about.unit != TIMES || number.fract() == 0.0;
        return fits.then(|| text.to_owned());
    }
    let duration: SignedDuration = text.parse().ok()?;
    (about.unit == SECONDS).then(|| duration.as_secs_f64().to_string())
}

/// What a setting of the ears takes.
pub(super) fn expected_of(about: &Setting) -> String {
    let Setting {
        unit, least, most, ..
    } = about;
    match *unit {
        SECONDS => format!("{least} to {most} seconds, as a number or a duration such as \"1.5s\""),
        TIMES => format!("a whole number from {least} to {most} ({unit})"),
        _ => format!("a number from {least} to {most} ({unit})"),
    }
}

const SECONDS: &str = "seconds";
const TIMES: &str = "times";

/// An age in days (`30d`) or as any other duration; `None` is `never`.
pub(super) fn age(text: &str) -> Result<Option<Duration>, String> {
    const DAY: u64 = 86_400;
    let range = 1..=3_650 * DAY;
    if text == "never" {
        return Ok(None);
    }
    let days = text.strip_suffix('d').map(str::parse::<u64>);
    let Some(Ok(days)) = days else {
        return duration(text, &range).map(Some);
    };
    let seconds = days.checked_mul(DAY).filter(|age| range.contains(age));
    let seconds = seconds.ok_or_else(|| format!("{} is out of range", quoted(text)))?;
    Ok(Some(Duration::from_secs(seconds)))
}

/// A size in bytes with its unit: `500MB` (of 1,000) or `500MiB` (of 1,024).
pub(super) fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 8] = [
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
        ("PB", 1_000_000_000_000_000),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("PiB", 1 << 50),
    ];
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = UNITS.iter().find(|(name, _)| *name == unit.trim_start());
    let number = number.parse::<u64>().ok();
    let (number, (_, unit)) = number
        .zip(unit)
        .ok_or_else(|| format!("{} is not a size", quoted(text)))?;
    let size = number.checked_mul(*unit);
    size.filter(|size| (1_000_000..=1_000_000_000_000_000).contains(size))
        .ok_or_else(|| format!("{} is out of range", quoted(text)))
}

/// A folder as the PBX sees it, valid in a `sound:` URI.
pub(super) fn pbx_folder(text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text);
    if !path.is_absolute() {
        return Err(format!("{} is not absolute", quoted(text)));
    }
    if text.contains([',', '&']) || text.contains(char::is_control) {
        return Err(format!(
            "{} holds a character that ends a file name in the PBX",
            quoted(text)
        ));
    }
    Ok(path.to_owned())
}

pub(super) fn authority(text: &str) -> Result<String, String> {
    check_authority(text).map(|()| text.to_owned())
}

pub(super) fn username(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    // The colon ends the name in an HTTP header (RFC 7617, 2).
    if text.contains(':') || text.contains(char::is_control) {
        return Err("it holds a colon or a control character".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn region(text: &str) -> Result<Region, String> {
    Region::parse(text).ok_or_else(|| format!("{} is not a known country", quoted(text)))
}

/// What is logged: levels, and parts of the program with a level each, with commas between them.
pub(super) fn log_filter(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

    for part in text.split(',').map(str::trim) {
        let (target, level) = part.split_once('=').unwrap_or(("", part));
        let is_target = target.bytes().all(|b| is_word(b) || b == b':');
        if !is_target || !LEVELS.contains(&level) {
            return Err(format!("{} is not a level", quoted(part)));
        }
    }
    Ok(text.to_owned())
}

/// A value as an error shows it: escaped, and cut after 60 characters.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'-'
}

fn check_authority(authority: &str) -> Result<(), String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(inner) => {
            let (host, after) = inner
                .split_once(']')
                .ok_or_else(|| "its `[` has no `]`".to_owned())?;
            host.parse::<std::net::Ipv6Addr>()
                .map_err(|_| "what is in its brackets is not an IPv6 address".to_owned())?;
            (host, after)
        }
        None => match authority.find(':') {
            Some(at) => authority.split_at(at),
            None => (authority, ""),
        },
    };
    let named = |b: u8| b.is_ascii_alphanumeric() || b"-._:".contains(&b);
    if host.is_empty() || !host.bytes().all(named) {
        return Err("it has no host name or address".to_owned());
    }
    let port_fits = port.is_empty()
        || port.strip_prefix(':').is_some_and(|number| {
            number.bytes().all(|b| b.is_ascii_digit())
                && number.parse::<u16>().is_ok_and(|number| number > 0)
        });
    if port_fits {
        Ok(())
    } else {
        Err("its port is not a number from 1 to 65535".to_owned())
    }
}
