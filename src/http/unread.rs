//! What a client still sends of a request that is answered already.
//!
//! A refusal is often written before the body is read. A connection with bytes of it left in it can take no other request: the
//! client that goes on with it is cut off in the next one, and one that still sends never reads its answer.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderValue, Version, header},
    middleware::Next,
    response::Response,
};
use futures::StreamExt as _;
use http_body::{Frame, SizeHint};
use tokio::time::timeout;

/// Reads what a handler left of the body, up to a limit; if there is more, the answer says that the connection ends with it.
pub(super) async fn settle(request: Request, next: Next) -> Response {
    settled(request, READ_FOR, async |request| next.run(request).await).await
}

async fn settled(
    request: Request,
    read_for: Duration,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    if request.body().is_end_stream() {
        return answer(request).await;
    }
    let may_close = request.version() < Version::HTTP_2;
    // Such a client sends once it is asked to, which reading is.
    let mut waits = request.headers().contains_key(header::EXPECT);
    let (parts, body) = request.into_parts();
    let lent = Lent::new(body);
    let request = Request::from_parts(parts, Body::new(lent.clone()));
    let mut response = answer(request).await;
    let (body, was_read) = lent.take_back();
    waits &= !was_read;
    let is_read = match body {
        Some(body) => !waits && read_out(body, read_for).await,
        None => true,
    };
    if may_close && !is_read {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

/// Whether a body came to its end within the limits.
async fn read_out(body: Body, read_for: Duration) -> bool {
    let rest = async {
        let mut left = MOST_READ;
        let mut parts = body.into_data_stream();
        while let Some(part) = parts.next().await {
            let size = part.ok()?.len();
            left = left.checked_sub(size)?;
        }
        Some(())
    };
    matches!(timeout(read_for, rest).await, Ok(Some(())))
}

/// A body that is taken back from whoever read it. Clones are the same.
#[derive(Clone, Debug)]
struct Lent(Arc<Mutex<Loan>>);

#[derive(Debug)]
struct Loan {
    /// `None` once it has ended, or was taken back.
    body: Option<Body>,
    was_read: bool,
}

impl Lent {
    fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Loan {
            body: Some(body),
            was_read: false,
        })))
    }

    /// What is left of it, if it has not ended, and whether somebody began to read it.
    fn take_back(&self) -> (Option<Body>, bool) {
        let mut loan = self.loan();
        (loan.body.take(), loan.was_read)
    }

    fn loan(&self) -> MutexGuard<'_, Loan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut loan = self.loan();
        loan.was_read = true;
        let Some(body) = &mut loan.body else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(context);
        if matches!(polled, Poll::Ready(None)) {
            loan.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.loan()
            .body
            .as_ref()
            .is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let loan = self.loan();
        loan.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

/// How much is read of what nobody wants, in bytes, and for how long.
const MOST_READ: usize = 16 << 20;
const READ_FOR: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, response::IntoResponse as _};
    use futures::stream;

    use super::*;

    const SOON: Duration = Duration::from_millis(100);

    /// What a refusal that reads no body says of the connection.
    async fn connection(body: Body, expects: bool) -> Option<String> {
        let mut request = Request::new(body);
        if expects {
            let value = HeaderValue::from_static("100-continue");
            request.headers_mut().insert(header::EXPECT, value);
        }
        let response = settled(request, SOON, async |_| "refused".into_response()).await;
        let connection = response.headers().get(header::CONNECTION);
        connection.map(|value| value.to_str().unwrap().to_owned())
    }

    fn parts(count: usize) -> Body {
        let part = Bytes::from(vec![b'a'; 1 << 20]);
        Body::from_stream(stream::iter(vec![part; count]).map(Ok::<_, axum::Error>))
    }

    #[tokio::test]
    async fn a_connection_goes_on_only_if_nothing_is_left_in_it() {
        let close = Some("close".to_owned());
        assert_eq!(connection(Body::empty(), false).await, None);
        assert_eq!(connection(parts(3), false).await, None);
        assert_eq!(connection(parts(17), false).await, close);
        let endless = Body::from_stream(stream::pending::<Result<Bytes, axum::Error>>());
        assert_eq!(connection(endless, false).await, close);
        // It is not asked to send.
        assert_eq!(connection(parts(1), true).await, close);
    }

    #[tokio::test]
    async fn a_body_is_read_as_it_was_sent() {
        let mut request = Request::new(parts(2));
        let value = HeaderValue::from_static("100-continue");
        request.headers_mut().insert(header::EXPECT, value);
        let response = settled(request, SOON, async |request| {
            let read = to_bytes(request.into_body(), 3 << 20).await.unwrap();
            read.len().to_string().into_response()
        })
        .await;
        assert_eq!(response.headers().get(header::CONNECTION), None);
        let size = to_bytes(response.into_body(), 100).await.unwrap();
        assert_eq!(size, "2097152");
    }
}
