//! Many drops in this process, without the program around them: to time them, or to have many at once.

use std::{sync::Arc, time::Duration};

use aftertone::{
    clock,
    config::Config,
    drop::{Plan, Report},
    id::DropId,
    phone::{PhoneNumber, Rules},
    runtime::{CallSpec, DropUpdate, Session, plan},
};
use libtest_mimic::Failed;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::{
    network::{Lab, Message, Number},
    recording::RATE,
};

/// Drops the message at all numbers at once, in one run with the lab's configuration but for what `set` changes, and returns the
/// reports in the order of the numbers; none may take longer than `patience`.
#[allow(dead_code, reason = "the benchmark of the line paces its drops")]
pub(crate) async fn all_at_once(
    lab: &Lab,
    message: &Message,
    set: impl FnOnce(&mut Config),
    numbers: &[Number],
    patience: Duration,
) -> Result<Vec<Report>, Failed> {
    let mut config = Config::load(Some(lab.config()))?;
    set(&mut config);
    let session = Session::open(&config, None).await?;
    let length = Duration::from_secs_f64(message.samples.len() as f64 / RATE as f64);
    let folder = config.pbx.pbx_sounds_dir.display();
    let media = format!("sound:{folder}/{}", message.name);
    let sound = message.own();
    let mut drops = Vec::new();
    for number in numbers {
        let sound = Some(Arc::clone(&sound));
        drops.push(start(&session, &config, number, (&media, length, sound)).await?);
    }
    let mut reports = Vec::new();
    for news in &mut drops {
        let ended = |news| match news {
            DropUpdate::Ended(report) => Some(*report),
            DropUpdate::Moment(..) => None,
        };
        reports.push(follow(news, patience, ended).await?);
    }
    session
        .close()
        .await
        .map_err(|error| format!("{error:?}"))?;
    Ok(reports)
}

/// Starts a drop that leaves a message, by its media URI, its length and, if they are known, its samples, and returns the
/// news of it.
pub(crate) async fn start(
    session: &Session,
    config: &Config,
    number: &Number,
    (media, length, sound): (&str, Duration, Option<Arc<[i16]>>),
) -> Result<UnboundedReceiver<DropUpdate>, Failed> {
    let spec = CallSpec {
        sound,
        ..CallSpec::new(
            DropId::generate(),
            PhoneNumber::parse(&number.e164(), Rules::default())?,
            plan(config, Some(length)),
            media.to_owned(),
            clock::now() + Plan::DIAL_WITHIN,
        )
    };
    Ok(session.start(spec, None).await)
}

/// Follows a drop until there is news of which `wanted` makes something.
pub(crate) async fn follow<T>(
    news: &mut UnboundedReceiver<DropUpdate>,
    patience: Duration,
    mut wanted: impl FnMut(DropUpdate) -> Option<T>,
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
