//! A driver that stands still, for tests of those who look after it: in programs built for them alone.

use std::{path::PathBuf, sync::LazyLock, time::Duration};

use tokio::time::sleep;

/// Stands still while the file is there that `AFTERTONE_TEST_STANDSTILL` names.
pub(super) async fn stand_if_ordered() {
    static ORDER: LazyLock<Option<PathBuf>> =
        LazyLock::new(|| std::env::var_os("AFTERTONE_TEST_STANDSTILL").map(PathBuf::from));
    while ORDER.as_ref().is_some_and(|file| file.exists()) {
        sleep(Duration::from_millis(20)).await;
    }
}
