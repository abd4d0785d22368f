//! The subject: the program's own driver, as the program itself uses it.

use anyhow::Result;

use crate::Load;

pub(crate) async fn run(url: &str, load: Load) -> Result<()> {
    crate::floor::run(url, load).await
}
