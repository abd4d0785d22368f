//! What somebody was let in by, as it is stored: by it they are looked at again while an answer lasts.

use std::net::IpAddr;

use jiff::Timestamp;

use super::{KeptSession, KeptToken, KeptUser, Principal, SessionRefusal, TokenRefusal};

/// What somebody was let in by.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A token.
    Token(KeptToken),
    /// A session, and whose it is.
    Session(KeptSession, KeptUser),
}

/// Why somebody is not let in any more who was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialRefusal {
    /// For their token.
    Token(TokenRefusal),
    /// For their session.
    Session(SessionRefusal),
}

impl Credential {
    /// Whether it is the same that was shown: another secret under the same name is not.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Token(one), Self::Token(other)) => one.digest == other.digest,
            (Self::Session(one, _), Self::Session(other, _)) => one.digest == other.digest,
            (Self::Token(_), Self::Session(..)) | (Self::Session(..), Self::Token(_)) => false,
        }
    }

    /// Who it lets in, from an address and at a moment.
    ///
    /// # Errors
    /// [`CredentialRefusal`] if it lets nobody in.
    pub fn admits(&self, from: IpAddr, now: Timestamp) -> Result<Principal, CredentialRefusal> {
        match self {
            Self::Token(token) => token.admits(from, now).map_err(CredentialRefusal::Token),
            Self::Session(session, user) => {
                session.admit(user, now).map_err(CredentialRefusal::Session)
            }
        }
    }

    /// Why it lets nobody in if it is not there any more.
    pub const fn gone(&self) -> CredentialRefusal {
        match self {
            Self::Token(_) => CredentialRefusal::Token(TokenRefusal::Unknown),
            Self::Session(..) => CredentialRefusal::Session(SessionRefusal::Unknown),
        }
    }
}

impl CredentialRefusal {
    /// Its slug.
    pub const fn slug(self) -> &'static str {
        match self {
            // Which of a token there was is not there any more.
            Self::Token(TokenRefusal::Unknown | TokenRefusal::Revoked) => "revoked",
            Self::Token(TokenRefusal::Expired) => "expired",
            Self::Token(TokenRefusal::Network) => "network",
            Self::Session(SessionRefusal::Unknown | SessionRefusal::Over) => "session_over",
            Self::Session(SessionRefusal::Disabled) => "disabled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Role, Scope, Scopes, SecretDigest, Token, UserName};

    #[test]
    fn a_token_lets_in_until_it_expires_or_is_revoked_and_from_its_networks() {
        let now = Timestamp::UNIX_EPOCH;
        let later = |seconds| now + jiff::SignedDuration::from_secs(seconds);
        let token = Token::of(&[7; 40]);
        let kept = KeptToken {
            id: token.id().clone(),
            name: "crm".to_owned(),
            scopes: Scopes::from_iter([Scope::EventsRead]),
            digest: token.digest(),
            created_at: now,
            created_by: "root".to_owned(),
            expires_at: Some(later(10)),
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            last_used_at: None,
            last_used_from: None,
            revoked_at: None,
        };
        let from = |ip: &str| ip.parse::<IpAddr>().unwrap();
        let credential = Credential::Token(kept.clone());
        let let_in = credential
            .admits(from("::ffff:10.1.2.3"), later(9))
            .unwrap();
        assert_eq!(let_in.id, format!("token:{}", kept.id));
        let why = |credential: &Credential, ip: &str, at| {
            credential.admits(from(ip), at).unwrap_err().slug()
        };
        assert_eq!(why(&credential, "10.1.2.3", later(10)), "expired");
        assert_eq!(why(&credential, "192.0.2.1", later(0)), "network");
        let revoked = Credential::Token(KeptToken {
            revoked_at: Some(now),
            ..kept.clone()
        });
        assert_eq!(why(&revoked, "10.1.2.3", later(0)), "revoked");
        assert!(credential.is_same(&revoked));
        let other = Credential::Token(KeptToken {
            digest: Token::of(&[8; 40]).digest(),
            ..kept
        });
        assert!(!credential.is_same(&other));
    }

    #[test]
    fn a_session_lets_in_until_it_is_over_and_its_user_is_disabled() {
        let now = Timestamp::UNIX_EPOCH;
        let session = KeptSession {
            digest: SecretDigest::stored("a".to_owned()),
            user: UserName::parse("ann").unwrap(),
            began_at: now,
            seen_at: now,
            ip: None,
        };
        let user = KeptUser {
            name: UserName::parse("ann").unwrap(),
            role: Role::Viewer,
            password: None,
            password_at: None,
            created_at: now,
            created_by: "root".to_owned(),
            disabled_at: None,
            signed_in_at: None,
            link_until: None,
        };
        let nowhere = IpAddr::from([127, 0, 0, 1]);
        let credential = Credential::Session(session.clone(), user.clone());
        assert!(credential.admits(nowhere, now).is_ok());
        let over = credential.admits(nowhere, session.ends_at()).unwrap_err();
        assert_eq!(over.slug(), "session_over");
        let user = KeptUser {
            disabled_at: Some(now),
            ..user
        };
        let disabled = Credential::Session(session, user).admits(nowhere, now);
        assert_eq!(disabled.unwrap_err().slug(), "disabled");
    }
}
