//! HTTP/1.1 the way Asterisk's small server speaks it: one request after another on a connection, each answered with a
//! `Content-Length`. Written by hand because a test must be able to answer with anything, or with nothing.

use std::{fmt::Write as _, io};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::Instant,
};

/// One request, read whole.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// When its last byte had been read.
    pub(crate) at: Instant,
    pub(crate) method: String,
    /// The path without `/ari`, decoded, as its parts.
    pub(crate) path: Vec<String>,
    /// The query as it was written, for assertions about what must not be in it.
    pub(crate) raw_query: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) authorization: Option<String>,
    pub(crate) websocket_key: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// A parameter: Asterisk takes each from the query or from the JSON body.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let from_query = self.query.iter().find(|(key, _)| key == name);
        if let Some((_, value)) = from_query {
            return Some(value.clone());
        }
        let body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        let value = body.get(name)?;
        let first = value
            .as_array()
            .and_then(|list| list.first())
            .unwrap_or(value);
        Some(
            first
                .as_str()
                .map_or_else(|| first.to_string(), str::to_owned),
        )
    }
}

/// What is sent back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn json(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            body: body.into(),
        }
    }

    /// An error in the form in which Asterisk words nearly all of its own.
    pub(crate) fn message(status: u16, message: &str) -> Self {
        Self::json(status, format!("{{\"message\":\"{message}\"}}"))
    }

    pub(crate) fn nothing() -> Self {
        Self::json(204, "")
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let reason = match self.status {
            200 => "OK",
            201 => "Created",
            204 => "No Content",
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            409 => "Conflict",
            412 => "Precondition Failed",
            422 => "Unprocessable Entity",
            426 => "Upgrade Required",
            503 => "Service Unavailable",
            _ => "Internal Server Error",
        };
        let mut text = String::with_capacity(256 + self.body.len());
        let _ = write!(
            text,
            "HTTP/1.1 {} {reason}\r\nServer: Asterisk/22.10.1\r\nCache-Control: no-cache, no-store\r\n",
            self.status
        );
        if self.status == 401 {
            text.push_str("WWW-Authenticate: Basic realm=\"Asterisk REST Interface\"\r\n");
        }
        if self.status != 204 {
            let _ = write!(
                text,
                "Content-type: application/json\r\nContent-Length: {}\r\n",
                self.body.len()
            );
        }
        text.push_str("\r\n");
        text.push_str(&self.body);
        text.into_bytes()
    }
}

/// Reads requests off one connection.
pub(crate) struct Reader {
    buffer: Vec<u8>,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self {
            buffer: Vec::with_capacity(4096),
        }
    }

    /// What has been read beyond the last request.
    pub(crate) fn into_rest(self) -> Vec<u8> {
        self.buffer
    }

    /// The next request; `None` if the client closed the connection between two.
    pub(crate) async fn next(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<Option<Request>> {
        loop {
            if let Some(head) = find(&self.buffer, b"\r\n\r\n") {
                let mut request = parse(&self.buffer[..head])?;
                let end = head + 4 + request.1;
                if self.buffer.len() >= end {
                    request.0.body = self.buffer[head + 4..end].to_vec();
                    request.0.at = Instant::now();
                    self.buffer.drain(..end);
                    return Ok(Some(request.0));
                }
            }
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}

/// The head of a request, and the length of its body.
fn parse(head: &[u8]) -> io::Result<(Request, usize)> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let head = std::str::from_utf8(head).map_err(|_| bad("head is not text"))?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target)) = (first.next(), first.next()) else {
        return Err(bad("no request line"));
    };
    let (path, raw_query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        at: Instant::now(),
        method: method.to_owned(),
        path: path
            .split('/')
            .filter(|part| !part.is_empty())
            .skip_while(|&part| part == "ari")
            .map(decoded)
            .collect(),
        raw_query: raw_query.to_owned(),
        query: raw_query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decoded(key), decoded(value))
            })
            .collect(),
        authorization: None,
        websocket_key: None,
        body: Vec::new(),
    };
    let mut length = 0;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().map_err(|_| bad("bad Content-Length"))?;
        } else if name.eq_ignore_ascii_case("authorization") {
            request.authorization = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case("sec-websocket-key") {
            request.websocket_key = Some(value.to_owned());
        }
    }
    Ok((request, length))
}

fn decoded(text: &str) -> String {
    if !text.contains(['%', '+']) {
        return text.to_owned();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let high = bytes.next().and_then(|b| char::from(b).to_digit(16));
                let low = bytes.next().and_then(|b| char::from(b).to_digit(16));
                let code = high.zip(low).map(|(high, low)| high * 16 + low);
                out.extend(code.and_then(|code| u8::try_from(code).ok()));
            }
            b'+' => out.push(b' '),
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
