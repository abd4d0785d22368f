//! What becomes of tasks.

use tokio::task::{JoinError, JoinHandle, spawn_blocking};

/// Does work that blocks, beside the tasks.
///
/// # Panics
/// If the work does.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    outcome(spawn_blocking(work).await)
}

/// Waits for a task; see [`outcome`].
pub(crate) async fn join<T>(task: JoinHandle<T>) -> T {
    outcome(task.await)
}

/// What a task has come to. Its panic is a bug of ours, and goes on where the task is waited for.
///
/// # Panics
/// If it was aborted, too: only tasks that nobody waits for are.
pub(crate) fn outcome<T>(joined: Result<T, JoinError>) -> T {
    match joined {
        Ok(outcome) => outcome,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
