//! Many drops in this process, without the program around them: to time them, or to have many at once.

use std::time::Duration;

use aftertone::{
    config::Config,
    id::DropId,
    phone::{PhoneNumber, Rules},
    run::{Job, News, Session, plan},
};
use libtest_mimic::Failed;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::network::Number;

/// Starts a drop that plays `media`, so long, and returns what is told of it.
pub(crate) async fn start(
    session: &Session,
    config: &Config,
    number: &Number,
    media: &str,
    length: Duration,
) -> Result<UnboundedReceiver<News>, Failed> {
    let job = Job {
        id: DropId::generate(),
        number: PhoneNumber::parse(&number.e164(), Rules::default())?,
        plan: plan(config, Some(length)),
        media: media.to_owned(),
        echo: None,
        tape: None,
        caller_id: None,
        campaign: None,
    };
    Ok(session.start(job).await)
}

/// Follows a drop until there is news of which `wanted` makes something.
pub(crate) async fn follow<T>(
    news: &mut UnboundedReceiver<News>,
    patience: Duration,
    mut wanted: impl FnMut(News) -> Option<T>,
) -> Result<T, Failed> {
    let found = async {
        loop {
            let news = news.recv().await?;
            if let Some(found) = wanted(news) {
                return Some(found);
            }
        }
    };
    tokio::time::timeout(patience, found)
        .await
        .map_err(|_| "the drop does not get there")?
        .ok_or_else(|| "the drop ended before it got there".into())
}
