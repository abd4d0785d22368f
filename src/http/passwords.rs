//! The hashing of passwords, which takes tens of milliseconds of a core and 19 MiB each: one thread does it, at the lowest
//! priority, and few may wait for it. However many sign in, dialling has its cores.

use std::{
    sync::{Arc, OnceLock, mpsc},
    thread,
};

use tokio::sync::oneshot;

use super::problem::{Problem, ProblemKind};
use crate::auth::{Password, PasswordDigest};

/// The thread, which begins with the first password. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct PasswordThread {
    jobs: Arc<OnceLock<mpsc::SyncSender<Job>>>,
}

/// Something to be hashed, and where the answer goes.
enum Job {
    Compare {
        digest: PasswordDigest,
        password: Password,
        answer: oneshot::Sender<bool>,
    },
    Digest {
        password: Password,
        salt: [u8; 16],
        answer: oneshot::Sender<PasswordDigest>,
    },
}

impl PasswordThread {
    /// Whether a digest is that of a password.
    ///
    /// # Errors
    /// [`Problem`] if too many wait.
    pub(super) async fn fits(
        &self,
        digest: PasswordDigest,
        password: Password,
    ) -> Result<bool, Problem> {
        let (answer, answered) = oneshot::channel();
        self.give(Job::Compare {
            digest,
            password,
            answer,
        })?;
        answered.await.map_err(|_| gone())
    }

    /// The digest of a password.
    ///
    /// # Errors
    /// [`Problem`] if too many wait, or no random bytes can be had.
    pub(super) async fn digest(&self, password: Password) -> Result<PasswordDigest, Problem> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|error| {
            tracing::error!(%error, "no random bytes can be had");
            Problem::new(ProblemKind::Internal, "no random bytes can be had")
        })?;
        let (answer, answered) = oneshot::channel();
        self.give(Job::Digest {
            password,
            salt,
            answer,
        })?;
        answered.await.map_err(|_| gone())
    }

    fn give(&self, job: Job) -> Result<(), Problem> {
        let jobs = self.jobs.get_or_init(|| {
            let (give, given) = mpsc::sync_channel(MOST_WAIT);
            let begun = thread::Builder::new()
                .name("passwords".to_owned())
                .spawn(move || work(&given));
            if let Err(error) = begun {
                tracing::error!(%error, "no thread for passwords can be had");
            }
            give
        });
        match jobs.try_send(job) {
            Ok(()) => Ok(()),
            Err(mpsc::TrySendError::Full(_)) => {
                let words = "too many are signing in at this moment";
                Err(Problem::new(ProblemKind::TooManyRequests, words))
            }
            Err(mpsc::TrySendError::Disconnected(_)) => Err(gone()),
        }
    }
}

fn work(given: &mpsc::Receiver<Job>) {
    // On Linux this is of the thread alone. Without it the thread is one among others.
    if let Err(error) = rustix::process::nice(LOWEST) {
        tracing::debug!(%error, "passwords are hashed at the usual priority");
    }
    while let Ok(job) = given.recv() {
        // Whoever asked may be gone.
        match job {
            Job::Compare {
                digest,
                password,
                answer,
            } => {
                let _ = answer.send(digest.fits(&password));
            }
            Job::Digest {
                password,
                salt,
                answer,
            } => {
                let _ = answer.send(PasswordDigest::of(&password, &salt));
            }
        }
    }
}

fn gone() -> Problem {
    Problem::new(ProblemKind::Internal, "passwords cannot be looked at")
}

/// How many may wait: it takes them less than a second.
const MOST_WAIT: usize = 8;

/// The lowest priority that there is.
const LOWEST: i32 = 19;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn few_wait_and_the_rest_is_sent_away() {
        let thread = PasswordThread::default();
        let password = || Password::given("correct horse battery".to_owned()).unwrap();
        let digest = thread.digest(password()).await.unwrap();
        let asked = (0..200).map(|_| thread.fits(digest.clone(), password()));
        let answers = futures::future::join_all(asked).await;
        let (done, away): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert!(
            done.len() <= MOST_WAIT + 2 && done.len() >= MOST_WAIT,
            "{}",
            done.len()
        );
        assert!(done.into_iter().all(Result::unwrap));
        let kinds = away
            .iter()
            .map(|answer| answer.as_ref().unwrap_err().kind());
        assert!(
            kinds
                .into_iter()
                .all(|kind| kind == ProblemKind::TooManyRequests)
        );
    }
}
