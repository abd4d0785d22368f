//! Asterisk's JSON, as 22.10.1 writes it.

use std::time::SystemTime;

use jiff::Timestamp;

use super::world::{Channel, State};

pub(crate) const ASTERISK_ID: &str = "02:fc:00:00:00:01";

/// Modules that run, of those that `aftertone` asks for.
pub(crate) const MODULES: [&str; 18] = [
    "app_amd.so",
    "app_audiosocket.so",
    "app_cdr.so",
    "app_exec.so",
    "app_stasis.so",
    "app_waitforsilence.so",
    "chan_pjsip.so",
    "func_cdr.so",
    "func_timeout.so",
    "format_wav.so",
    "res_ari_applications.so",
    "res_ari_channels.so",
    "res_ari_events.so",
    "res_ari_playbacks.so",
    "res_audiosocket.so",
    "res_stasis.so",
    "res_stasis_playback.so",
    "res_stasis_snoop.so",
];

/// What Asterisk says at the end of each call that had media.
pub(crate) const RTP_STATISTICS: [(&str, &str); 5] = [
    (
        "RTPAUDIOQOS",
        "ssrc=594433065;themssrc=2008076699;lp=0;rxjitter=0.000125;rxcount=4477;txjitter=0.000000;txcount=766;rlp=0;\
         rtt=0.000915;rxmes=88.081463;txmes=88.081627",
    ),
    (
        "RTPAUDIOQOSJITTER",
        "minrxjitter=000.000000;maxrxjitter=000.002125;avgrxjitter=000.000061;stdevrxjitter=000.000173;",
    ),
    (
        "RTPAUDIOQOSLOSS",
        "  minrxlost=000.000000;  maxrxlost=000.000000;  avgrxlost=000.000000;  stdevrxlost=000.000000;",
    ),
    (
        "RTPAUDIOQOSRTT",
        "     minrtt=000.000152;     maxrtt=000.001098;     avgrtt=000.000649;     stdevrtt=000.000258;",
    ),
    (
        "RTPAUDIOQOSMES",
        "   minrxmes=088.081301;   maxrxmes=088.087887;   avgrxmes=088.082101;   stdevrxmes=000.001464;",
    ),
];

/// The PBX's wall clock.
pub(crate) struct Clock {
    ahead: i64,
    last: (i64, String),
}

impl Clock {
    pub(crate) fn new(ahead: i64) -> Self {
        Self {
            ahead,
            last: (i64::MIN, String::new()),
        }
    }

    fn milliseconds(&self) -> i64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0));
        now + self.ahead
    }

    pub(crate) fn epoch(&self) -> i64 {
        self.milliseconds() / 1000
    }

    /// This moment, as `2026-11-23T13:07:50.765+0000`.
    pub(crate) fn stamp(&mut self) -> String {
        let now = self.milliseconds();
        if self.last.0 != now {
            let text = Timestamp::from_millisecond(now)
                .map(|t| t.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string())
                .unwrap_or_default();
            self.last = (now, text);
        }
        self.last.1.clone()
    }
}

pub(crate) fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

pub(crate) fn state(state: State) -> &'static str {
    match state {
        State::Down => "Down",
        State::Ringing => "Ringing",
        State::Up => "Up",
    }
}

pub(crate) fn channel(channel: &Channel) -> String {
    let caller = quoted(&channel.caller);
    format!(
        "{{\"id\":\"{}\",\"name\":\"{}\",\"state\":\"{}\",\"protocol_id\":\"{:032x}\",\"caller\":{{\"name\":\"\",\
         \"number\":{caller}}},\"connected\":{{\"name\":\"\",\"number\":{caller}}},\"accountcode\":\"\",\
         \"dialplan\":{{\"context\":\"{}\",\"exten\":\"s\",\"priority\":{},\"app_name\":\"{}\",\"app_data\":{}}},\
         \"creationtime\":\"{}\",\"language\":\"en\"}}",
        channel.id,
        channel.name,
        state(channel.state),
        channel.serial,
        channel.place.context,
        channel.place.priority,
        channel.place.app,
        quoted(&channel.place.data),
        channel.created,
    )
}

pub(crate) fn playback(id: &str, media: &str, channel: &str, state: &str) -> String {
    format!(
        "{{\"id\":\"{id}\",\"media_uri\":{},\"target_uri\":\"channel:{channel}\",\"language\":\"en\",\"state\":\"{state}\"}}",
        quoted(media)
    )
}

pub(crate) fn replaced(app: &str, stamp: &str) -> String {
    format!(
        "{{\"type\":\"ApplicationReplaced\",\"timestamp\":\"{stamp}\",\"asterisk_id\":\"{ASTERISK_ID}\",\"application\":\"{app}\"}}"
    )
}

pub(crate) fn info(version: &str, stamp: &str) -> String {
    format!(
        "{{\"build\":{{\"os\":\"Linux\",\"kernel\":\"unknown\",\"machine\":\"unknown\",\"options\":\"OPTIONAL_API\",\
         \"date\":\"2026-07-20 21:35:32 UTC\",\"user\":\"nobody\"}},\"system\":{{\"version\":\"{version}\",\
         \"entity_id\":\"{ASTERISK_ID}\"}},\"config\":{{\"name\":\"\",\"default_language\":\"en\",\"setid\":{{\"user\":\"\",\
         \"group\":\"\"}}}},\"status\":{{\"startup_time\":\"{stamp}\",\"last_reload_time\":\"{stamp}\"}}}}"
    )
}

pub(crate) fn ping(stamp: &str) -> String {
    format!("{{\"ping\":\"pong\",\"timestamp\":\"{stamp}\",\"asterisk_id\":\"{ASTERISK_ID}\"}}")
}

pub(crate) fn module(name: &str) -> String {
    format!(
        "{{\"name\":\"{name}\",\"description\":\"\",\"use_count\":0,\"status\":\"Running\",\"support_level\":\"core\"}}"
    )
}

/// What the last Dial event of a call that ends unanswered says.
pub(crate) fn dial_status(q850: u16) -> &'static str {
    match q850 {
        17 => "BUSY",
        34 => "CONGESTION",
        _ => "NOANSWER",
    }
}

pub(crate) fn cause_text(q850: u16) -> &'static str {
    match q850 {
        1 => "Unallocated (unassigned) number",
        16 => "Normal Clearing",
        17 => "User busy",
        18 => "No user responding",
        19 => "User alerting, no answer",
        21 => "Call Rejected",
        34 => "Circuit/channel congestion",
        _ => "Unknown",
    }
}

/// The value of the Authorization header.
pub(crate) fn basic(user: &str, password: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::from("Basic ");
    for chunk in format!("{user}:{password}").as_bytes().chunks(3) {
        let byte = |n: usize| u32::from(chunk.get(n).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let six = (bits >> (18 - 6 * place)) & 0x3f;
            out.push(if place <= chunk.len() {
                char::from(ALPHABET[six as usize])
            } else {
                '='
            });
        }
    }
    out
}
