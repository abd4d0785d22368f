//! Answers of a server that come in time.

use std::time::Duration;

use super::error::Failure;

/// The server's answer, or that there was none in time: a network that swallows packets gives no sign of it.
pub(super) async fn timely<T>(
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(ANSWER_WITHIN, answer).await {
        Ok(answer) => answer.map_err(Failure::from),
        Err(_) => Err(Failure::NoAnswer),
    }
}

/// How long an answer of PostgreSQL's is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
