//! What a browser is asked and told of a session: its cookie, and that a request is one of this server's own pages.
//!
//! Pages of others send cookies along as well. So a cookie counts only for a request that the browser says is of the same
//! origin: by `Sec-Fetch-Site`, which no page can write, or, from an address to which browsers do not send that, by an `Origin`
//! that is the host which was asked.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::{
    auth::{KeptSession, Secret},
    config::ServeConfig,
};

/// The secret of the session that a request brings.
pub(super) fn session_of(headers: &HeaderMap) -> Option<Secret> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let cookies = cookies.filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';'));
    let text = pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))?;
    Secret::parse(text)
}

/// What gives the browser its cookie.
pub(super) fn begin(secret: &Secret) -> HeaderValue {
    let lasts = KeptSession::LONGEST.as_secs();
    cookie(secret.expose(), lasts)
}

/// What takes it away.
pub(super) fn end() -> HeaderValue {
    cookie("", 0)
}

/// Whether a request is of one of our own pages.
pub(super) fn is_own(headers: &HeaderMap, serve: &ServeConfig) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text("origin").map(|origin| is_own_origin(origin, text("host"), serve));
    match text("sec-fetch-site") {
        Some(site) => site == "same-origin" && origin != Some(false),
        None => origin == Some(true),
    }
}

/// Whether a request is of a page of somebody else's, as far as the browser says; a program says nothing.
pub(super) fn is_foreign(headers: &HeaderMap, serve: &ServeConfig) -> bool {
    let says = headers.contains_key("sec-fetch-site") || headers.contains_key("origin");
    says && !is_own(headers, serve)
}

/// Whether a browser keeps a cookie that is `Secure` of whoever asked by this `Host`: it does over TLS, and of its own machine.
pub(super) fn keeps_cookies(headers: &HeaderMap, serve: &ServeConfig) -> bool {
    let has_tls =
        serve.tls.is_some() || serve.public_url.as_ref().is_some_and(|url| url.is_https());
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = host.and_then(|host| host.parse::<axum::http::uri::Authority>().ok());
    let is_here = host.is_some_and(|host| {
        let name = host.host().trim_start_matches('[').trim_end_matches(']');
        let address = name.parse::<std::net::IpAddr>();
        name == "localhost" || address.is_ok_and(|ip| ip.to_canonical().is_loopback())
    });
    has_tls || is_here
}

fn is_own_origin(origin: &str, host: Option<&str>, serve: &ServeConfig) -> bool {
    let public = serve.public_url.as_ref().map(ToString::to_string);
    let scheme = if serve.tls.is_some() { "https" } else { "http" };
    let asked = host.map(|host| format!("{scheme}://{host}"));
    public.as_deref() == Some(origin) || asked.as_deref() == Some(origin)
}

fn cookie(value: &str, lasts: i64) -> HeaderValue {
    let text = format!("{COOKIE}={value}; Path=/; Max-Age={lasts}; HttpOnly; Secure; SameSite=Lax");
    HeaderValue::from_str(&text).expect("it is letters, digits and signs")
}

/// A browser takes one of this name only over TLS, for this host alone and for all of its paths.
const COOKIE: &str = "__Host-aftertone";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PublicUrl;

    #[test]
    fn a_request_is_our_own_if_the_browser_says_so() {
        let (plain, public) = (serve(None), serve(Some("https://d.example")));
        for (serve, given, own, foreign) in [
            (&plain, &[][..], false, false),
            (&plain, &[("sec-fetch-site", "same-origin")], true, false),
            (&plain, &[("sec-fetch-site", "cross-site")], false, true),
            (&plain, &[("sec-fetch-site", "same-site")], false, true),
            (&plain, &[("sec-fetch-site", "none")], false, true),
            (&plain, &[("origin", "http://127.0.0.1:8090")], true, false),
            (&plain, &[("origin", "https://127.0.0.1:8090")], false, true),
            (&plain, &[("origin", "http://evil.example")], false, true),
            (&plain, &[("origin", "null")], false, true),
            (
                &plain,
                &[
                    ("origin", "http://evil.example"),
                    ("sec-fetch-site", "same-origin"),
                ],
                false,
                true,
            ),
            (&public, &[("origin", "https://d.example")], true, false),
            (
                &public,
                &[("origin", "https://d.example.evil.example")],
                false,
                true,
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static("127.0.0.1:8090"));
            for (name, value) in given {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(is_own(&headers, serve), own, "{given:?}");
            assert_eq!(is_foreign(&headers, serve), foreign, "{given:?}");
        }
    }

    #[test]
    fn a_cookie_is_read_among_others_and_is_for_this_host_alone() {
        let secret = Secret::of(&[7; 32]);
        let given = begin(&secret);
        let text = given.to_str().unwrap();
        for part in [
            "__Host-",
            "; Secure",
            "; HttpOnly",
            "; SameSite=Lax",
            "; Path=/;",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("Domain"));
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("cookie", HeaderValue::from_str(text).unwrap());
            session_of(&headers).map(|found| found.digest())
        };
        let own = format!("__Host-aftertone={}", secret.expose());
        assert_eq!(read(&format!("a=b; {own};c=d")), Some(secret.digest()));
        for other in [
            "",
            "a=b",
            "__Host-aftertone=",
            "__Host-aftertone=x",
            "__Host-aftertones=a",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
        assert!(end().to_str().unwrap().contains("Max-Age=0"));
    }

    #[test]
    fn a_cookie_is_kept_over_tls_and_on_this_machine() {
        let keeps = |host: &'static str, serve: &ServeConfig| {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static(host));
            keeps_cookies(&headers, serve)
        };
        let plain = serve(None);
        for here in ["127.0.0.1:8090", "localhost", "[::1]:80"] {
            assert!(keeps(here, &plain), "{here}");
        }
        for there in ["10.0.0.5:8090", "d.example"] {
            assert!(!keeps(there, &plain), "{there}");
            assert!(!keeps(there, &serve(Some("http://d.example"))), "{there}");
            assert!(keeps(there, &serve(Some("https://d.example"))), "{there}");
        }
    }

    fn serve(public: Option<&str>) -> ServeConfig {
        ServeConfig {
            listen: "127.0.0.1:8090".parse().unwrap(),
            tls: None,
            public_url: public.map(|url| PublicUrl::parse(url).unwrap()),
            trusted_proxies: Vec::new(),
            requests_per_second: None,
            max_upload: 0,
            drain: std::time::Duration::ZERO,
            log: None,
        }
    }
}
