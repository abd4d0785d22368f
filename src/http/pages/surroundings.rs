//! What pages show beside campaigns and the fleet: read once for all who look, and kept for a moment.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use tokio::{sync::Mutex, task::spawn_blocking};

use super::{
    banner::Banner,
    idle::AroundCampaigns,
    trunk_prefixes::{PrefixRow, by_caller_id, by_prefix},
};
use crate::{
    auth::{Action, Object},
    clock,
    drop::{Outcome, Proof},
    http::{
        Api, LinkCondition,
        caller::{Caller, now},
        health,
        problem::Problem,
    },
    id::DropId,
    store::{CallbackCount, DisabledBecause, TrunkTalk},
};

/// What was last read. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct PagesState {
    ended: LastRead<EndedLately>,
    troubles: LastRead<Troubles>,
    callbacks: LastRead<CallbackCount>,
    /// By the names of trunks.
    trunks: Arc<Mutex<TrunksRead>>,
}

/// What the calls of a trunk were like.
#[derive(Clone, Debug)]
pub(super) struct TrunkFigures {
    pub(super) talk: TrunkTalk,
    /// How many drops the tables are of.
    pub(super) sampled: u64,
    pub(super) prefixes: Vec<PrefixRow>,
    pub(super) caller_ids: Vec<PrefixRow>,
}

/// The figures of each trunk, and when they were read.
type TrunksRead = BTreeMap<String, (Instant, Arc<TrunkFigures>)>;

/// What was last read, and when.
type LastRead<T> = Arc<Mutex<Option<(Instant, Arc<T>)>>>;

/// The drops that ended last, and how many began in each of the last minutes.
#[derive(Clone, Debug, Default)]
pub(super) struct EndedLately {
    pub(super) drops: Vec<EndedDrop>,
    pub(super) starts: BTreeMap<Timestamp, u64>,
    /// When the starts were counted.
    counted_at: Option<Instant>,
}

/// A drop that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EndedDrop {
    pub(super) id: DropId,
    /// Masked; `None` if the person was erased.
    pub(super) number: Option<String>,
    /// `None` outside campaigns.
    pub(super) campaign: Option<String>,
    pub(super) outcome: Option<Outcome>,
    pub(super) proof: Option<Proof>,
    pub(super) ended_at: Option<Timestamp>,
}

/// What is wrong, beyond what a campaign says of itself.
#[derive(Clone, Debug, Default)]
struct Troubles {
    disk: Option<String>,
    /// Endpoints to which nothing is sent any more, and nobody has said so.
    dead_webhooks: usize,
    /// Whether campaigns are started and no controller runs them.
    is_left_alone: bool,
}

impl PagesState {
    /// The drops that ended last, half a second old at most, and the starts of an hour, a few seconds old.
    ///
    /// # Errors
    /// [`Problem`] if the database fails.
    pub(super) async fn ended(&self, api: &Api) -> Result<Arc<EndedLately>, Problem> {
        let mut kept = self.ended.lock().await;
        let at = clock::now();
        if let Some((read_at, ended)) = &*kept
            && at.duration_since(*read_at) < ENDED_FOR
        {
            return Ok(Arc::clone(ended));
        }
        let drops = api.store.last_ended(MOST_ENDED).await?;
        let before = kept.take().map(|(_, ended)| ended);
        let starts = starts(api, before.as_deref(), at).await?;
        let ended = Arc::new(EndedLately {
            drops: drops
                .into_iter()
                .map(|drop| EndedDrop {
                    id: drop.id,
                    number: drop.number.map(|number| number.to_string()),
                    campaign: drop.campaign,
                    outcome: drop.outcome,
                    proof: drop.proof,
                    ended_at: drop.ended_at,
                })
                .collect(),
            counted_at: Some(starts.1),
            starts: starts.0,
        });
        *kept = Some((at, Arc::clone(&ended)));
        Ok(ended)
    }

    /// What the calls of a trunk were like since a moment, and what came of its latest drops of a day: a few seconds old at most.
    ///
    /// # Errors
    /// [`Problem`] if the database fails.
    pub(super) async fn trunk(
        &self,
        api: &Api,
        name: &str,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Arc<TrunkFigures>, Problem> {
        let mut kept = self.trunks.lock().await;
        let at = clock::now();
        kept.retain(|_, (read_at, _)| at.duration_since(*read_at) < TRUNKS_FOR);
        if let Some((_, figures)) = kept.get(name) {
            return Ok(Arc::clone(figures));
        }
        let day = now.checked_sub(SAMPLED_FOR).unwrap_or(Timestamp::MIN);
        let sample = api.store.trunk_sample(name, day, MOST_SAMPLED).await?;
        let figures = Arc::new(TrunkFigures {
            talk: api.store.trunk_talk(name, since).await?,
            sampled: sample.len() as u64,
            prefixes: by_prefix(&sample),
            caller_ids: by_caller_id(&sample),
        });
        kept.insert(name.to_owned(), (at, Arc::clone(&figures)));
        Ok(figures)
    }

    /// Who called back in the last 24 hours, a few seconds old at most.
    ///
    /// # Errors
    /// [`Problem`] if the database fails.
    pub(super) async fn callbacks(&self, api: &Api) -> Result<CallbackCount, Problem> {
        let mut kept = self.callbacks.lock().await;
        let at = clock::now();
        if let Some((read_at, counted)) = &*kept
            && at.duration_since(*read_at) < CALLBACKS_FOR
        {
            return Ok(**counted);
        }
        let since = now().checked_sub(CALLED_BACK_FOR).unwrap_or(Timestamp::MIN);
        let counted = api.store.count_callbacks(since).await?;
        *kept = Some((at, Arc::new(counted)));
        Ok(counted)
    }

    async fn troubles(&self, api: &Api) -> Arc<Troubles> {
        let mut kept = self.troubles.lock().await;
        let at = clock::now();
        if let Some((read_at, troubles)) = &*kept
            && at.duration_since(*read_at) < TROUBLES_FOR
        {
            return Arc::clone(troubles);
        }
        let folders = health::folders(&api.config.borrow());
        let disk = spawn_blocking(move || health::full_disk(&folders)).await;
        let troubles = Arc::new(Troubles {
            disk: disk.ok().flatten(),
            dead_webhooks: dead_webhooks(api).await.unwrap_or_default(),
            is_left_alone: is_left_alone(api).await.unwrap_or_default(),
        });
        *kept = Some((at, Arc::clone(&troubles)));
        troubles
    }
}

/// The starts of the last hour, minute by minute: the last two anew, the rest as they were.
async fn starts(
    api: &Api,
    before: Option<&EndedLately>,
    at: Instant,
) -> Result<(BTreeMap<Timestamp, u64>, Instant), Problem> {
    let known = before.and_then(|ended| Some((ended, ended.counted_at?)));
    if let Some((ended, counted_at)) = known
        && at.duration_since(counted_at) < STARTS_FOR
    {
        return Ok((ended.starts.clone(), counted_at));
    }
    let now = now();
    let whole_minute = |at: Timestamp| {
        let minute = at.as_second().div_euclid(60) * 60;
        Timestamp::from_second(minute).unwrap_or(at)
    };
    let earlier = |minutes| {
        now.checked_sub(SignedDuration::from_mins(minutes))
            .unwrap_or(now)
    };
    let oldest = whole_minute(earlier(MINUTES - 1));
    // What may still change since it was counted: the minute of then, and the one before it.
    let from = match known {
        Some((_, counted_at)) => {
            let ago = SignedDuration::try_from(at.duration_since(counted_at)).unwrap_or_default();
            let then = now.checked_sub(ago).unwrap_or(now);
            whole_minute(
                then.checked_sub(SignedDuration::from_mins(1))
                    .unwrap_or(then),
            )
        }
        None => oldest,
    };
    let mut starts = known.map_or_else(BTreeMap::new, |(ended, _)| ended.starts.clone());
    starts.retain(|minute, _| (oldest..from).contains(minute));
    starts.extend(api.store.starts_by_minute(from.max(oldest)).await?);
    Ok((starts, at))
}

async fn dead_webhooks(api: &Api) -> Result<usize, Problem> {
    let all = api.store.webhooks(None, true, MOST_WEBHOOKS).await?;
    let is_dead = |because: DisabledBecause| {
        matches!(because, DisabledBecause::Failing | DisabledBecause::Gone)
    };
    let dead = all.iter().filter(|webhook| {
        let disabled = webhook.disabled;
        disabled.is_some_and(|(because, _)| is_dead(because))
    });
    Ok(dead.count())
}

async fn is_left_alone(api: &Api) -> Result<bool, Problem> {
    if api.store.has_controller(now()).await? {
        return Ok(false);
    }
    let campaigns = api.store.campaigns(0).await?;
    let mut started = campaigns.iter().map(|campaign| campaign.status.slug());
    Ok(started.any(|slug| slug == "running" || slug == "cancelling"))
}

/// What is known of this process.
pub(super) fn surroundings(api: &Api) -> AroundCampaigns {
    let condition = api.condition.borrow();
    let view = api.view.borrow();
    let link = condition.driver.as_ref().map(|driver| &driver.link);
    AroundCampaigns {
        trouble: view.as_ref().and_then(|view| view.trouble.clone()),
        pbx_away: match link {
            Some(LinkCondition::Away(why)) => Some(why.clone()),
            Some(LinkCondition::Up) | None => None,
        },
        has_no_pbx: link.is_none(),
        is_ending: api.stopping.is_cancelled(),
    }
}

/// What is wrong, as far as somebody may know of it.
pub(super) async fn banners(api: &Api, caller: &Caller) -> Vec<Banner> {
    let around = surroundings(api);
    let troubles = api.state.pages.troubles(api).await;
    let mut banners = Vec::new();
    let mut banner = |key, words: String, href, link| {
        banners.push(Banner {
            key,
            words,
            href,
            link,
        });
    };
    if around.is_ending {
        let words = "This server is about to end: it starts nothing more.";
        banner("ending", words.to_owned(), "/system", "System");
    }
    if let Some(why) = &around.pbx_away {
        let words = format!("The PBX cannot be reached, so that nothing is dialled: {why}.");
        banner("pbx", words, "/system", "System");
    }
    if let Some(trouble) = &around.trouble {
        let words = format!("Nothing is dialled: {trouble}.");
        banner("trouble", words, "/system", "System");
    }
    if troubles.is_left_alone && around.pbx_away.is_none() {
        let words = "Campaigns are started, and no controller is alive that runs them.";
        banner("lease", words.to_owned(), "/trunk", "Controllers");
    }
    if let Some(disk) = &troubles.disk {
        let words = format!("Little space is left: {disk}.");
        banner("disk", words, "/system", "System");
    }
    let may_see_webhooks = caller.may(Action::ReadWebhooks, Object::Any).is_ok();
    if troubles.dead_webhooks > 0 && may_see_webhooks {
        let words = match troubles.dead_webhooks {
            1 => "A webhook failed for too long, and is sent nothing any more.".to_owned(),
            many => format!("{many} webhooks failed for too long, and are sent nothing any more."),
        };
        banner("webhooks", words, "/webhooks", "Webhooks");
    }
    banners
}

/// Drops that are shown.
pub(super) const MOST_ENDED: usize = 20;

/// Minutes of the chart.
const MINUTES: i64 = 60;

/// Endpoints that are looked at.
const MOST_WEBHOOKS: usize = 1_000;

const ENDED_FOR: Duration = Duration::from_millis(500);
const STARTS_FOR: Duration = Duration::from_secs(5);
const TROUBLES_FOR: Duration = Duration::from_secs(5);
const CALLBACKS_FOR: Duration = Duration::from_secs(5);
const TRUNKS_FOR: Duration = Duration::from_secs(10);

/// Of which calls back are counted.
const CALLED_BACK_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Drops of a trunk that are looked at one by one: of a day, and of each PBX the latest.
const SAMPLED_FOR: SignedDuration = SignedDuration::from_hours(24);
pub(super) const MOST_SAMPLED: usize = 5_000;
