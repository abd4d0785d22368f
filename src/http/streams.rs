//! Streams of server-sent events, which outlive the request that opened them: whoever reads one is looked at again while it is open.
//!
//! A stream ends with `bye` and why, before anything that still waits for its reader, when the process begins to stop, and when a new
//! request of whoever opened it would not be answered as that one was: its token was revoked, its session is over, the user is another's or
//! may do something else. A database that does not answer says neither, so that it ends as well, a while later.

use std::{convert::Infallible, future::pending, time::Duration};

use axum::{
    http::{HeaderName, HeaderValue},
    response::{
        IntoResponse as _, Response,
        sse::{Event as Sent, KeepAlive, Sse},
    },
};
use futures::{Stream, stream};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use super::{
    Api,
    caller::{Caller, now},
    event_feed::{CountedStream, STREAMS_OF_ONE},
    problem::{Problem, ProblemKind},
};
use crate::{
    auth::{Credential, CredentialRefusal},
    clock,
    store::{Store, StoreError},
};

/// Opens a stream of server-sent events; `tell` tells its reader, for whom so many of them wait at most.
///
/// # Errors
/// [`Problem`] if there are too many streams, or the process is about to end.
pub(super) fn open<T: Future<Output = ()> + Send + 'static>(
    api: &Api,
    caller: &Caller,
    queue: usize,
    tell: impl FnOnce(StreamReader) -> T,
) -> Result<Response, Problem> {
    if api.stopping.is_cancelled() {
        let words = "this process is about to end";
        return Err(Problem::new(ProblemKind::Draining, words));
    }
    let counted = api.state.feed.stream(&caller.principal.id).ok_or_else(|| {
        let words = format!("there are too many streams; a token has {STREAMS_OF_ONE} at most");
        Problem::new(ProblemKind::TooManyRequests, words)
    })?;
    let (to, sent) = mpsc::channel(queue);
    let (end, ended) = watch::channel(None);
    let told = tell(StreamReader(to.clone()));
    let (api, caller) = (api.clone(), caller.clone());
    tokio::spawn(run(told, (to, end), (api, caller), counted));
    let mut response = Sse::new(received(sent, ended))
        .keep_alive(KeepAlive::new().interval(HEARTBEAT))
        .into_response();
    // A proxy that collects an answer before it passes it on would keep events back.
    let unbuffered = HeaderValue::from_static("no");
    response.headers_mut().insert(ACCEL_BUFFERING, unbuffered);
    Ok(response)
}

/// The reader of a stream.
pub(super) struct StreamReader(mpsc::Sender<Sent>);

impl StreamReader {
    /// Says that the stream has begun, and when to come back behind its end; returns whether that was taken in time.
    pub(super) async fn greet(&self, name: &str) -> bool {
        self.send(Sent::default().retry(RETRY).comment(name)).await
    }

    /// Tells of something; returns whether that was taken in time.
    pub(super) async fn tell(&self, name: &str, body: &Value) -> bool {
        self.send(named(name, body)).await
    }

    /// Tells of something behind which a reader who comes back goes on; returns whether that was taken in time.
    pub(super) async fn tell_numbered(&self, number: u64, name: &str, body: &Value) -> bool {
        self.send(named(name, body).id(number.to_string())).await
    }

    async fn send(&self, sent: Sent) -> bool {
        match timeout(READER_TAKES, self.0.send(sent)).await {
            Ok(sent) => sent.is_ok(),
            Err(_) => {
                tracing::info!("a reader of a stream took nothing for too long, and is cut off");
                false
            }
        }
    }
}

/// Why a stream ends that nobody has closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StreamEnd {
    /// The process begins to stop.
    Stopping,
    /// Whoever opened it would not be let in any more.
    Refused(CredentialRefusal),
    /// It would be, and be shown something else: the scopes or the role are others.
    Changed,
    /// For too long the database has not said whether it may go on.
    Unknown,
}

impl StreamEnd {
    const fn slug(self) -> &'static str {
        match self {
            Self::Stopping => "stopping",
            Self::Refused(refusal) => refusal.slug(),
            Self::Changed => "changed",
            Self::Unknown => "store_away",
        }
    }
}

async fn run(
    told: impl Future<Output = ()>,
    (to, end): (mpsc::Sender<Sent>, watch::Sender<Option<StreamEnd>>),
    (api, caller): (Api, Caller),
    counted: CountedStream,
) {
    let why = tokio::select! {
        biased;
        () = api.stopping.cancelled() => Some(StreamEnd::Stopping),
        why = no_longer(&api, &caller) => Some(why),
        () = told => None,
        () = to.closed() => None,
    };
    if let Some(why) = why {
        if why != StreamEnd::Stopping {
            let (who, why) = (&caller.principal.id, why.slug());
            tracing::info!(
                who,
                why,
                "a stream has ended, whose reader may not read it any more"
            );
        }
        end.send_replace(Some(why));
    }
    drop(counted);
}

/// Waits until whoever opened a stream may not read it any more, or nothing is known of that for too long.
async fn no_longer(api: &Api, caller: &Caller) -> StreamEnd {
    let mut credential = caller.credential.clone();
    let mut known_at = clock::now();
    loop {
        sleep(LOOK_EVERY).await;
        match timeout(ANSWERS_WITHIN, stored(&credential, &api.store)).await {
            Ok(Ok(Some(found))) if found.is_same(&credential) => {
                credential = found;
                known_at = clock::now();
            }
            Ok(Ok(_)) => return StreamEnd::Refused(credential.gone()),
            Ok(Err(_)) | Err(_) if clock::now().duration_since(known_at) < UNKNOWN_FOR => {}
            Ok(Err(_)) | Err(_) => return StreamEnd::Unknown,
        }
        // What was known last says when it expires, also while the database is away.
        match credential.admits(caller.ip, now()) {
            Ok(principal) if principal == caller.principal => {}
            Ok(_) => return StreamEnd::Changed,
            Err(refusal) => return StreamEnd::Refused(refusal),
        }
    }
}

/// A credential as it is in the database; `None` if it is not there any more.
async fn stored(credential: &Credential, store: &Store) -> Result<Option<Credential>, StoreError> {
    Ok(match credential {
        Credential::Token(token) => store.token(&token.id).await?.map(Credential::Token),
        Credential::Session(session, _) => {
            let found = store.session(&session.digest).await?;
            found.map(|(session, user)| Credential::Session(session, user))
        }
    })
}

fn named(name: &str, body: &Value) -> Sent {
    Sent::default().event(name).data(body.to_string())
}

/// What a reader gets: what was sent, until there is no more, or why it ends, which waits for nothing.
fn received(
    sent: mpsc::Receiver<Sent>,
    ended: watch::Receiver<Option<StreamEnd>>,
) -> impl Stream<Item = Result<Sent, Infallible>> {
    stream::unfold(Some((sent, ended)), |open| async {
        let (mut sent, mut ended) = open?;
        let end = async {
            let why = ended.wait_for(Option::is_some).await;
            match why.map(|why| *why) {
                Ok(Some(why)) => why,
                // What tells is through, and what it has sent is still to be given.
                Ok(None) | Err(_) => pending().await,
            }
        };
        tokio::select! {
            biased;
            why = end => Some((Ok(named("bye", &json!({"reason": why.slug()}))), None)),
            next = sent.recv() => Some((Ok(next?), Some((sent, ended)))),
        }
    })
}

const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// For how long a reader may take nothing while its queue is full.
const READER_TAKES: Duration = Duration::from_secs(30);

const HEARTBEAT: Duration = Duration::from_secs(15);

/// After how long a reader whose stream has ended comes back.
const RETRY: Duration = Duration::from_secs(2);

/// How often it is looked whether a stream may go on. There are [200](super::event_feed::STREAMS) at most, and each look is one row, or two.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long a look takes at most.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// For how long a stream goes on while nothing says that it may.
const UNKNOWN_FOR: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn nothing_that_waits_comes_before_the_end() {
        let (to, sent) = mpsc::channel(4);
        let (end, ended) = watch::channel(None);
        to.send(named("drop.ended", &json!(1))).await.unwrap();
        end.send_replace(Some(StreamEnd::Changed));
        let told: Vec<_> = received(sent, ended).collect().await;
        assert_eq!(told.len(), 1);
        let told = format!("{:?}", told[0]);
        assert!(told.contains("bye") && told.contains("changed"), "{told}");
    }

    #[tokio::test]
    async fn what_was_told_is_given_to_its_end() {
        let (to, sent) = mpsc::channel(4);
        let (end, ended) = watch::channel(None);
        to.send(named("drop.ended", &json!(1))).await.unwrap();
        drop((to, end));
        assert_eq!(received(sent, ended).count().await, 1);
    }
}
