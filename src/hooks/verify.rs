//! Whether a message that was received is one of ours, and if not, why: for those who write a receiver.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value;

use super::signature::{PUBLIC, SECRET, SignatureKind, signed_text};
use crate::auth::Seal;

/// What a message is verified with.
#[derive(Debug)]
pub struct VerifyingKey {
    kind: SignatureKind,
    bytes: Vec<u8>,
}

/// A message as it was received.
#[derive(Clone, Copy, Debug)]
pub struct ReceivedMessage<'a> {
    /// The header `webhook-id`.
    pub id: &'a str,
    /// The header `webhook-timestamp`.
    pub timestamp: &'a str,
    /// The header `webhook-signature`.
    pub signature: &'a str,
    /// The body, byte for byte.
    pub body: &'a [u8],
}

/// That a message is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedMessage {
    /// Which signature of the header fits, from 1 on.
    pub nth: usize,
    /// How many the header holds.
    pub of: usize,
    /// How it is signed.
    pub kind: SignatureKind,
    /// How long ago it was sent; negative if that is to come.
    pub age: SignedDuration,
}

/// Why a message is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageFault {
    /// The time is no number of seconds.
    Timestamp,
    /// The header holds no signature of the form `v1,…`.
    Malformed,
    /// It holds none of the kind that the key verifies, but others.
    OtherKind(SignatureKind),
    /// All fits but the time, which is this long ago, or to come if it is negative.
    TimeOff(SignedDuration),
    /// All fits with the id that the body has.
    IdChanged(String),
    /// All fits with another form of the body.
    BodyChanged(&'static str),
    /// Nothing fits: the secret is another one, or the id, the time or the body was changed.
    NoFit,
}

impl MessageFault {
    /// A word for programs.
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Timestamp => "timestamp",
            Self::Malformed => "malformed",
            Self::OtherKind(_) => "other_kind",
            Self::TimeOff(_) => "time_off",
            Self::IdChanged(_) => "id_changed",
            Self::BodyChanged(_) => "body_changed",
            Self::NoFit => "no_fit",
        }
    }

    /// The same for people.
    pub fn words(&self) -> String {
        match self {
            Self::Timestamp => "`webhook-timestamp` is no number of seconds since 1970".to_owned(),
            Self::Malformed => {
                "`webhook-signature` holds no signature: expected `v1,` or `v1a,` and base64, with spaces between several"
                    .to_owned()
            }
            Self::OtherKind(kind) => format!(
                "`webhook-signature` holds no `{}` signature, which is what this key verifies",
                kind.slug()
            ),
            Self::TimeOff(age) if age.is_negative() => format!(
                "the signature fits, but the message is dated {} s ahead: is this clock right?",
                -age.as_secs()
            ),
            Self::TimeOff(age) => format!(
                "the signature fits, but the message was sent {} s ago: it may be somebody's copy",
                age.as_secs()
            ),
            Self::IdChanged(id) => format!(
                "the signature fits with the id of the body, `{id}`: `webhook-id` was changed"
            ),
            Self::BodyChanged(how) => format!(
                "the signature fits with the body {how}: verify the bytes as they came, before anything reads them"
            ),
            Self::NoFit => {
                "no signature fits: the secret is that of another endpoint, or was rotated; or the id, the time or the body \
                 was changed on the way"
                    .to_owned()
            }
        }
    }
}

impl VerifyingKey {
    /// Reads a secret (`whsec_…`) or a public key (`whpk_…`); `None` if it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (kind, base64) = match (text.strip_prefix(SECRET), text.strip_prefix(PUBLIC)) {
            (Some(base64), _) => (SignatureKind::V1, base64),
            (None, Some(base64)) => (SignatureKind::V1a, base64),
            (None, None) => return None,
        };
        let bytes = BASE64_STANDARD.decode(base64).ok()?;
        let fits = bytes.len() == 32;
        fits.then_some(Self { kind, bytes })
    }

    /// Verifies a message, whose time may be off by so much in either direction.
    ///
    /// # Errors
    /// [`MessageFault`].
    pub fn verify(
        &self,
        message: ReceivedMessage<'_>,
        tolerance: SignedDuration,
        now: Timestamp,
    ) -> Result<VerifiedMessage, MessageFault> {
        let sent = message.timestamp.trim().parse().ok();
        let sent = sent.and_then(|seconds| Timestamp::from_second(seconds).ok());
        let age = now.duration_since(sent.ok_or(MessageFault::Timestamp)?);
        let all: Vec<_> = message.signature.split_ascii_whitespace().collect();
        let kinds = all.iter().filter_map(|one| one.split_once(','));
        let kinds: Vec<_> = kinds.map(|(kind, _)| kind).collect();
        let is_known = |kind: &&str| SignatureKind::ALL.iter().any(|known| known.slug() == *kind);
        if !kinds.iter().any(is_known) {
            return Err(MessageFault::Malformed);
        }
        if !kinds.contains(&self.kind.slug()) {
            return Err(MessageFault::OtherKind(self.kind));
        }
        let fits = |id: &str, body: &[u8]| {
            let text = signed_text(id, message.timestamp.trim(), body);
            all.iter().position(|one| self.fits(one, &text))
        };
        if let Some(at) = fits(message.id, message.body) {
            return if age.abs() > tolerance {
                Err(MessageFault::TimeOff(age))
            } else {
                Ok(VerifiedMessage {
                    nth: at + 1,
                    of: all.len(),
                    kind: self.kind,
                    age,
                })
            };
        }
        // What receivers do to messages, most often without knowing.
        let parsed: Option<Value> = serde_json::from_slice(message.body).ok();
        let id = parsed.as_ref().and_then(|body| body["id"].as_str());
        if let Some(id) = id.filter(|id| *id != message.id && fits(id, message.body).is_some()) {
            return Err(MessageFault::IdChanged(id.to_owned()));
        }
        if fits(message.id, message.body.trim_ascii()).is_some() {
            let how = "without the spaces and line ends around it";
            return Err(MessageFault::BodyChanged(how));
        }
        if let Some(parsed) = parsed
            && fits(message.id, parsed.to_string().as_bytes()).is_some()
        {
            let how = "as it was before a program read it and wrote it anew";
            return Err(MessageFault::BodyChanged(how));
        }
        Err(MessageFault::NoFit)
    }

    fn fits(&self, signature: &str, text: &[u8]) -> bool {
        let Some((kind, base64)) = signature.split_once(',') else {
            return false;
        };
        let Ok(given) = BASE64_STANDARD.decode(base64) else {
            return false;
        };
        kind == self.kind.slug()
            && match self.kind {
                SignatureKind::V1 => Seal::new(&self.bytes).fits(text, &given),
                SignatureKind::V1a => UnparsedPublicKey::new(&ED25519, &self.bytes)
                    .verify(text, &given)
                    .is_ok(),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::WebhookSecret;

    #[test]
    fn a_message_is_verified_or_it_is_said_why_not() {
        let body = r#"{"data":{"n":1},"id":"evt_42","type":"drop.ended"}"#;
        for kind in SignatureKind::ALL {
            let secret = WebhookSecret::of(kind, [7; 32]);
            let other = WebhookSecret::of(kind, [8; 32]);
            let key = secret.expose().or_else(|| secret.public_key()).unwrap();
            let key = VerifyingKey::parse(&format!("{key}\n")).unwrap();
            let both = [
                other.sign("evt_42", at(0), body),
                secret.sign("evt_42", at(0), body),
            ];
            let signature = both.join(" ");
            let message = |body| ReceivedMessage {
                id: "evt_42",
                timestamp: "1790000000",
                signature: &signature,
                body,
            };
            let verify = |message, seconds| key.verify(message, TOLERANCE, at(seconds));
            let good = message(body.as_bytes());
            let verified = VerifiedMessage {
                nth: 2,
                of: 2,
                kind,
                age: SignedDuration::from_secs(12),
            };
            assert_eq!(verify(good, 12), Ok(verified));
            assert!(verify(good, 300).is_ok() && verify(good, -300).is_ok());
            for seconds in [301, -301] {
                let off = MessageFault::TimeOff(SignedDuration::from_secs(seconds));
                assert_eq!(verify(good, seconds), Err(off));
            }
            let id = ReceivedMessage {
                id: "evt_43",
                ..good
            };
            assert_eq!(
                verify(id, 0),
                Err(MessageFault::IdChanged("evt_42".to_owned()))
            );
            let line = format!("{body}\n");
            let pretty = serde_json::from_str::<Value>(body).unwrap();
            let pretty = serde_json::to_string_pretty(&pretty).unwrap();
            let other = body.replace('1', "2");
            for (changed, slug) in [
                (line.as_str(), "body_changed"),
                (&pretty, "body_changed"),
                (&other, "no_fit"),
                ("", "no_fit"),
            ] {
                let fault = verify(message(changed.as_bytes()), 0).unwrap_err();
                assert_eq!(fault.slug(), slug, "{changed}");
            }
            for (timestamp, slug) in [("soon", "timestamp"), ("1790000001", "no_fit")] {
                let fault = verify(ReceivedMessage { timestamp, ..good }, 0);
                assert_eq!(fault.unwrap_err().slug(), slug);
            }
            for (signature, slug) in [
                ("", "malformed"),
                ("v2,AAAA", "malformed"),
                (&both[0], "no_fit"),
                ("v1,%%% v1a,%%%", "no_fit"),
            ] {
                let fault = verify(ReceivedMessage { signature, ..good }, 0);
                assert_eq!(fault.unwrap_err().slug(), slug, "{signature}");
            }
            let strange = match kind {
                SignatureKind::V1 => "v1a,AAAA",
                SignatureKind::V1a => "v1,AAAA",
            };
            let strange = ReceivedMessage {
                signature: strange,
                ..good
            };
            assert_eq!(verify(strange, 0), Err(MessageFault::OtherKind(kind)));
        }
        for bad in ["", "whsec_", "whsec_AAAA", "whpk_%", "secret"] {
            assert!(VerifyingKey::parse(bad).is_none(), "{bad}");
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + seconds).unwrap()
    }

    const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
}
