//! Somebody with a browser that runs no script.

use aftertone::auth::Role;
use jiff::Timestamp;
use reqwest::{Client, Method, RequestBuilder, header::HeaderMap, redirect::Policy};

use super::super::{access::session, server::ApiServer};

/// A browser in which somebody has signed in.
pub(super) struct Visitor<'a> {
    server: &'a ApiServer,
    client: Client,
    pub(super) cookie: String,
}

/// What a browser was given.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Shown {
    /// A header's value; empty if it is not there.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Where it sends the browser.
    pub(super) fn location(&self) -> &str {
        self.header("location")
    }

    /// Holds the page to having all of these.
    #[track_caller]
    pub(super) fn has(&self, texts: &[&str]) {
        for text in texts {
            assert!(self.text.contains(text), "no `{text}` in {}", self.text);
        }
    }

    /// Holds the page to having none of these.
    #[track_caller]
    pub(super) fn lacks(&self, texts: &[&str]) {
        for text in texts {
            assert!(!self.text.contains(text), "`{text}` in {}", self.text);
        }
    }
}

impl<'a> Visitor<'a> {
    /// Somebody of this role, who has signed in a moment ago and is named after it.
    pub(super) async fn of(server: &'a ApiServer, role: Role) -> Self {
        let cookie = session(server, role.slug(), role, Timestamp::now()).await;
        Self {
            cookie,
            ..Self::nobody(server)
        }
    }

    /// Somebody who has not signed in.
    pub(super) fn nobody(server: &'a ApiServer) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            server,
            client: Client::builder()
                .no_proxy()
                .redirect(Policy::none())
                .build()
                .unwrap(),
            cookie: String::new(),
        }
    }

    /// A request as a browser makes it of one of the server's own pages.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.bare(method, path);
        request.header("sec-fetch-site", "same-origin")
    }

    /// The same without what a browser says of the page it comes from.
    pub(super) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.server.at);
        let request = self.client.request(method, url);
        if self.cookie.is_empty() {
            request
        } else {
            request.header("cookie", &self.cookie)
        }
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Shown {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // A stream has no end.
        let is_stream = headers
            .get("content-type")
            .is_some_and(|kind| kind == "text/event-stream");
        let text = if is_stream {
            String::new()
        } else {
            response.text().await.unwrap()
        };
        Shown {
            status,
            headers,
            text,
        }
    }

    pub(super) async fn get(&self, path: &str) -> Shown {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a form.
    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let request = self.request(Method::POST, path);
        self.send(with_form(request, fields)).await
    }
}

/// A request with the fields of a form.
pub(super) fn with_form(request: RequestBuilder, fields: &[(&str, &str)]) -> RequestBuilder {
    let mut body = String::new();
    for (name, value) in fields {
        if !body.is_empty() {
            body.push('&');
        }
        for text in [name, &"=", value] {
            if *text == "=" {
                body.push('=');
            } else {
                body.extend(text.bytes().map(|byte| format!("%{byte:02X}")));
            }
        }
    }
    let kind = "application/x-www-form-urlencoded";
    request.header("content-type", kind).body(body)
}
