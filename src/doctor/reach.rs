//! Whether the PBX can be reached, accepts the ARI user, and has a version that works.

use super::{check::Check, version};
use crate::{
    ari::{Failure, Rest, TlsFault},
    config::Config,
    drop::RefusalKind,
};

/// Reachability, credentials and version; the last of a failure's checks is the one that failed.
pub(super) async fn reach(rest: &Rest, config: &Config) -> Result<Vec<Check>, Vec<Check>> {
    let url = config.pbx.url.as_str();
    let user = &config.pbx.username;
    let reachable = Check::ok(REACHABLE, format!("{url} answers"));
    match rest.asterisk_info().await {
        Ok(info) => {
            let known = Check::ok(CREDENTIALS, format!("user `{user}` is known"));
            let version = version::check(&info.system.version);
            Ok(vec![reachable, known, version])
        }
        Err(failure) => Err(match failure.status {
            Some(401 | 403) => vec![reachable, refused(&failure, user)],
            _ => vec![unreachable(&failure, config)],
        }),
    }
}

fn refused(failure: &Failure, user: &str) -> Check {
    let message = &failure.detail;
    if failure.status == Some(401) {
        return Check::fail(
            CREDENTIALS,
            format!("the PBX rejects user `{user}` with this password: {message}"),
            "set `pbx.username` and the password to those of a user in its ari.conf, then `module reload res_ari.so` on its console",
        );
    }
    Check::fail(
        CREDENTIALS,
        format!("the PBX refuses user `{user}` from here: {message}"),
        "check the user's permit, deny and acl in its ari.conf, then `module reload res_ari.so` on its console",
    )
}

fn unreachable(failure: &Failure, config: &Config) -> Check {
    let url = config.pbx.url.as_str();
    let message = &failure.detail;
    if let Some(fault) = failure.tls {
        return tls(fault, config, message);
    }
    let (detail, remedy) = match (failure.status, failure.kind) {
        (Some(404), _) => (
            format!("{url} answers, but has no ARI"),
            NO_ARI.to_owned(),
        ),
        (Some(503), _) => (
            format!("the PBX at {url} has not finished starting: {message}"),
            "wait until `core waitfullybooted` returns on its console".to_owned(),
        ),
        (Some(_), _) => (
            format!("{url} does not answer as ARI does: {message}"),
            "set `pbx.url` to Asterisk's own HTTP server".to_owned(),
        ),
        // A TLS port also ends a connection that begins in plain text without a reply.
        (None, RefusalKind::NoReply) if !config.pbx.url.is_https() => (
            format!("{url} accepts the request but does not answer: {message}"),
            "set `pbx.url` to Asterisk's own HTTP server; if this is its TLS port (tlsbindaddr in http.conf), write `https://`; \
             otherwise check whether its sessionlimit is reached"
                .to_owned(),
        ),
        (None, RefusalKind::NoReply) => (
            format!("{url} accepts the request but does not answer: {message}"),
            "set `pbx.url` to Asterisk's own HTTP server, and check whether its sessionlimit is reached".to_owned(),
        ),
        (None, _) if config.pbx.url.is_https() => (
            format!("{url} cannot be reached: {message}"),
            "set `tlsenable = yes`, tlsbindaddr, tlscertfile and tlsprivatekey in the PBX's http.conf (docs/src/guide/tls.md), \
             restart it, and set `pbx.url` to that address; `http show status` on its console shows it"
                .to_owned(),
        ),
        (None, _) => (
            format!("{url} cannot be reached: {message}"),
            "set `enabled = yes`, bindaddr and bindport in the PBX's http.conf, restart it, and set `pbx.url` to that \
             address; `http show status` on its console shows it"
                .to_owned(),
        ),
    };
    Check::fail(REACHABLE, detail, remedy)
}

fn tls(fault: TlsFault, config: &Config, message: &str) -> Check {
    let url = config.pbx.url.as_str();
    let (what, remedy) = match fault {
        TlsFault::UnknownIssuer if config.pbx.ca_file.is_some() => (
            "its certificate is not signed by the authority in `pbx.ca_file`, nor by one that this machine trusts",
            "set `pbx.ca_file` to the certificate of the authority that signed the PBX's, or to the PBX's own certificate if it \
             is self-signed; docs/src/guide/tls.md shows how to make one",
        ),
        TlsFault::UnknownIssuer => (
            "no authority that this machine trusts has signed its certificate",
            "copy the certificate of the authority that signed it, or the PBX's own one if it is self-signed, to this machine, \
             and set `pbx.ca_file` to it; docs/src/guide/tls.md shows how to make one",
        ),
        TlsFault::AuthorityAsServer => (
            "its certificate is an authority's (`CA:TRUE`), which a server must not use as its own",
            "make one with `basicConstraints = CA:FALSE`, as docs/src/guide/tls.md shows, set tlscertfile and tlsprivatekey in \
             http.conf to it, and restart the PBX",
        ),
        TlsFault::WrongName => (
            "its certificate is for another name",
            "use a name of the certificate in `pbx.url`, or make one whose `subjectAltName` holds the host of `pbx.url`, as \
             docs/src/guide/tls.md says, and restart the PBX",
        ),
        TlsFault::OutOfDate => (
            "its certificate is out of date, or a clock is wrong",
            "compare both machines' clocks; if they are right, make a new certificate, as docs/src/guide/tls.md shows, and restart the PBX",
        ),
        TlsFault::NotTls => (
            "the server there does not speak TLS",
            "write `http://` for this port, or set `pbx.url` to the PBX's TLS port (tlsbindaddr in http.conf); `http show \
             status` on its console shows both",
        ),
        TlsFault::Other => (
            "TLS fails",
            "see the PBX's log, and make its certificate as docs/src/guide/tls.md shows",
        ),
    };
    Check::fail(REACHABLE, format!("{url}: {what}: {message}"), remedy)
}

const REACHABLE: &str = "reachable";
const CREDENTIALS: &str = "credentials";

const NO_ARI: &str = "set `enabled = yes` in ari.conf, and give it a single section `[general]`: a second one must be written \
     `[general](+)`, or res_ari.so and all that needs it do not load; then restart the PBX; if ARI is loaded, http.conf has a `prefix` that `pbx.url` lacks";
