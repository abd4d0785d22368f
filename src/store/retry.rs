//! Transactions that others got in the way of, and that are tried again as a whole.

use std::time::Duration;

use super::StoreError;

/// How often one transaction was tried.
#[derive(Debug, Default)]
pub(super) struct Attempts(u32);

impl Attempts {
    /// Whether it ought to be tried again, after a pause that is over when this returns: the database took it back because
    /// another transaction waited for it, or wrote what it was about to write.
    pub(super) async fn again(&mut self, error: &StoreError) -> bool {
        if !error.is_conflict() || self.0 >= AT_MOST {
            return false;
        }
        self.0 += 1;
        tracing::debug!(doing = %error.doing, attempt = self.0, "another transaction got in the way; trying again");
        tokio::time::sleep(PAUSE * self.0).await;
        true
    }
}

/// How often at most. Of two that wait for each other one goes on, so that few are enough.
const AT_MOST: u32 = 10;

/// The first pause; each further one is as much longer.
const PAUSE: Duration = Duration::from_millis(20);
