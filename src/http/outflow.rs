//! Exports: answers without a length that are made as they are read, few at a time, and none for somebody who reads nothing.

use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::{
    BoxError,
    body::{Body, Bytes},
};
use futures::{Stream, StreamExt as _, stream};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};

use super::problem::{Problem, ProblemKind};
#[cfg(test)]
use super::timely::LONGEST_SILENCE;

/// The places for exports. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Exports(Arc<Semaphore>);

impl Default for Exports {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Exports {
    /// A place, for as long as an export takes.
    ///
    /// # Errors
    /// [`Problem`] if all are taken.
    pub(super) fn place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.0).try_acquire_owned().map_err(|_| {
            let words =
                format!("{AT_ONCE} exports are on their way, which is as many as there may be");
            Problem::new(ProblemKind::TooManyRequests, words).retry_after(RETRY_AFTER)
        })
    }
}

/// A body of these parts, which holds its place until its end. If whoever reads is gone, no part is made any more; if they read
/// nothing for so long, the answer breaks off.
pub(super) fn body_of<E: Into<BoxError> + Send + 'static>(
    parts: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    place: OwnedSemaphorePermit,
    silence: Duration,
) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let _place = place;
        let mut parts = pin!(parts);
        loop {
            let part = tokio::select! {
                part = parts.next() => part,
                () = sender.closed() => return,
            };
            let is_last = !matches!(part, Some(Ok(_)));
            let sent = timeout(silence, sender.send(part.transpose())).await;
            if is_last || !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
    });
    Body::from_stream(stream::try_unfold(receiver, next_part))
}

type PartReceiver<E> = mpsc::Receiver<Result<Option<Bytes>, E>>;

async fn next_part<E: Into<BoxError>>(
    mut parts: PartReceiver<E>,
) -> Result<Option<(Bytes, PartReceiver<E>)>, BoxError> {
    match parts.recv().await {
        Some(Ok(Some(bytes))) => Ok(Some((bytes, parts))),
        Some(Ok(None)) => Ok(None),
        Some(Err(error)) => Err(error.into()),
        // So that what was cut off does not look whole.
        None => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
    }
}

/// How many exports there may be at once.
const AT_ONCE: usize = 2;

/// In how many seconds it may be asked again.
const RETRY_AFTER: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_exports_are_on_their_way_and_a_third_waits() {
        let exports = Exports::default();
        let endless = || stream::repeat_with(|| Ok::<_, io::Error>(Bytes::from_static(b"row\n")));
        let body = || Some(body_of(endless(), exports.place().ok()?, LONGEST_SILENCE));
        let (one, two) = (body().unwrap(), body().unwrap());
        let refused = exports.place().unwrap_err();
        assert_eq!(refused.kind(), ProblemKind::TooManyRequests);
        // Whoever stops reading gives the place back.
        drop(one);
        let place = timeout(LONGEST_SILENCE, Arc::clone(&exports.0).acquire_owned()).await;
        assert!(place.is_ok());
        drop((two, place));
    }

    #[tokio::test]
    async fn whoever_reads_nothing_is_cut_off_and_an_answer_that_is_cut_is_not_whole() {
        let exports = Exports::default();
        let parts = |count: usize| {
            stream::iter((0..count).map(|_| Ok::<_, io::Error>(Bytes::from_static(b"row\n"))))
        };
        let body = |count, silence| body_of(parts(count), exports.place().unwrap(), silence);
        let whole = body(3, LONGEST_SILENCE).into_data_stream();
        let whole: Vec<_> = whole.collect().await;
        assert!(
            whole.len() == 3 && whole.iter().all(Result::is_ok),
            "{whole:?}"
        );
        let cut = body(100, Duration::from_millis(20));
        // Both places are free again once its maker has given up.
        let all = Arc::clone(&exports.0).acquire_many_owned(AT_ONCE as u32);
        assert!(timeout(LONGEST_SILENCE, all).await.is_ok());
        let cut: Vec<_> = cut.into_data_stream().collect().await;
        assert!(cut.last().unwrap().is_err(), "{cut:?}");
        let broken = stream::iter([Ok(Bytes::from_static(b"row\n")), Err(io::Error::other("x"))]);
        let broken = body_of(broken, exports.place().unwrap(), LONGEST_SILENCE);
        let broken: Vec<_> = broken.into_data_stream().collect().await;
        assert!(broken.len() == 2 && broken[1].is_err(), "{broken:?}");
    }
}
