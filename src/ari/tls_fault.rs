//! Which fault of TLS keeps a request from the PBX.

use std::{error::Error as StdError, io};

use rustls::{CertificateError, Error as TlsError};

/// What is wrong with the encrypted way to the PBX, as far as there are different remedies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFault {
    /// No authority that is trusted here has signed the certificate.
    UnknownIssuer,
    /// The certificate is that of an authority (`CA:TRUE`), and a server must not show one as its own.
    AuthorityAsServer,
    /// The certificate is for other names.
    WrongName,
    /// The certificate is too old, or its time has not come, or one of the clocks is wrong.
    OutOfDate,
    /// What answers speaks no TLS: the port is one for plain HTTP.
    NotTls,
    /// Anything else of TLS.
    Other,
}

impl TlsFault {
    /// The fault among the causes of an error; `None` if TLS is not the cause.
    pub(super) fn of(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(cause) = next {
            if let Some(fault) = cause.downcast_ref::<TlsError>() {
                return Some(Self::judge(fault));
            }
            // What an I/O error wraps is not its `source()` but itself.
            next = match cause
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref)
            {
                Some(inner) => Some(inner),
                None => cause.source(),
            };
        }
        None
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "another crate's enums, which grow"
    )]
    fn judge(fault: &TlsError) -> Self {
        match fault {
            TlsError::InvalidMessage(_) => Self::NotTls,
            TlsError::InvalidCertificate(certificate) => match certificate {
                CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                    Self::UnknownIssuer
                }
                CertificateError::NotValidForName
                | CertificateError::NotValidForNameContext { .. } => Self::WrongName,
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => Self::OutOfDate,
                // rustls reports this as text only.
                other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
                    Self::AuthorityAsServer
                }
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}
