//! `/live`: the state of everything as it is now, whole at first and then what has changed.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use crate::{
    auth::{Action, Object},
    http::{
        Api,
        caller::Caller,
        given::Parameters,
        live_feed::LiveState,
        problem::Problem,
        streams::{self, StreamReader},
    },
};

/// The state now, or a stream of it: server-sent events.
pub(in crate::http) async fn show(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let once = parameters.flag("once");
    parameters.finish()?;
    // The fleet is shown to whoever may see it.
    let with_fleet = caller.may(Action::ReadFleet, Object::Any).is_ok();
    if once {
        let state = api.state.live.behind(None, &api).await?;
        return Ok(Json(whole(&state, with_fleet)).into_response());
    }
    let telling = api.clone();
    open(&api, &caller, move |reader| async move {
        tell(&reader, &telling, with_fleet).await
    })
}

/// Opens a stream of the state, of which what is late is left out: the next change has it.
///
/// # Errors
/// [`Problem`] as of [`streams::open`].
pub(in crate::http) fn open<T: Future<Output = Result<(), Problem>> + Send + 'static>(
    api: &Api,
    caller: &Caller,
    tell: impl FnOnce(StreamReader) -> T,
) -> Result<Response, Problem> {
    streams::open(api, caller, QUEUE, |reader| {
        let told = tell(reader);
        async {
            if let Err(problem) = told.await {
                // The reader comes back.
                tracing::info!(problem = problem.kind().slug(), "a live stream has ended");
            }
        }
    })
}

async fn tell(reader: &StreamReader, api: &Api, with_fleet: bool) -> Result<(), Problem> {
    let mut last = api.state.live.behind(None, api).await?;
    if !reader.greet("live").await || !reader.tell("view", &whole(&last, with_fleet)).await {
        return Ok(());
    }
    loop {
        let next = api.state.live.behind(Some(last.number), api).await?;
        if let Some(change) = change(&last, &next, with_fleet)
            && !reader.tell("change", &change).await
        {
            return Ok(());
        }
        last = next;
    }
}

/// All of it.
fn whole(state: &LiveState, with_fleet: bool) -> Value {
    let campaigns: Vec<_> = state.campaigns.values().collect();
    let fleet = if with_fleet {
        state.fleet.clone()
    } else {
        Value::Null
    };
    json!({"at": state.at.to_string(), "campaigns": campaigns, "fleet": fleet})
}

/// What has changed from one to another: campaigns, each as a whole; names of those that are not shown any more; the fleet.
fn change(before: &Arc<LiveState>, now: &Arc<LiveState>, with_fleet: bool) -> Option<Value> {
    let changed: Vec<_> = now
        .campaigns
        .iter()
        .filter(|(name, view)| before.campaigns.get(*name) != Some(*view))
        .map(|(_, view)| view)
        .collect();
    let gone: Vec<_> = before
        .campaigns
        .keys()
        .filter(|name| !now.campaigns.contains_key(*name))
        .collect();
    let is_fleet_other = with_fleet && before.fleet != now.fleet;
    if changed.is_empty() && gone.is_empty() && !is_fleet_other {
        return None;
    }
    let mut told = json!({"at": now.at.to_string(), "campaigns": changed, "gone": gone});
    if is_fleet_other {
        told["fleet"] = now.fleet.clone();
    }
    Some(told)
}

/// How many changes wait for their reader at most: what is late is left out.
const QUEUE: usize = 2;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_change_has_what_is_other_and_no_more() {
        let before = state(&[("a", 1), ("b", 1)], 1);
        let told = |now, with_fleet| change(&before, &state(now, 1), with_fleet);
        assert_eq!(told(&[("a", 1), ("b", 1)], true), None);
        let changed = told(&[("a", 2), ("c", 1)], true).unwrap();
        assert_eq!(changed["campaigns"], json!([{"done": 2}, {"done": 1}]));
        assert_eq!(changed["gone"], json!(["b"]));
        assert!(changed.get("fleet").is_none());
        let other = state(&[("a", 1), ("b", 1)], 2);
        assert_eq!(change(&before, &other, true).unwrap()["fleet"], 2);
        assert_eq!(change(&before, &other, false), None);
        assert_eq!(whole(&before, true)["fleet"], 1);
        assert_eq!(whole(&before, false)["fleet"], Value::Null);
    }

    fn state(campaigns: &[(&str, u64)], fleet: u64) -> Arc<LiveState> {
        let campaigns = campaigns.iter();
        let campaigns = campaigns.map(|(name, done)| ((*name).to_owned(), json!({"done": done})));
        Arc::new(LiveState {
            number: 1,
            at: Timestamp::UNIX_EPOCH,
            read_at: crate::clock::now(),
            campaigns: campaigns.collect::<BTreeMap<_, _>>(),
            fleet: json!(fleet),
            views: BTreeMap::new(),
            fleet_view: None,
        })
    }
}
