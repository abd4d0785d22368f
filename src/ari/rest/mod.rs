//! The requests that this program makes of Asterisk.

mod configured;
mod hear;
mod media;
mod record;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

pub use hear::ExternalMedia;
pub use record::NewRecording;

use futures::future::join_all;
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};
use tokio_util::sync::CancellationToken;

use super::{
    adopted::AdoptedChannels,
    failure::Failure,
    transport::{Http, Reply, Request},
    wire::{
        Application, AsteriskInfo, Channel, Complaint, EndpointState, Module, Ping, Playback,
        SoundFile, Variable,
    },
};
use crate::{
    drop::RefusalKind,
    id::{ChannelId, PlaybackId},
};

/// Sends requests to the PBX. Cheap to clone; all clones share one pool of connections.
///
/// Each method fails with a [`Failure`] that says what is known of what became of the request.
#[derive(Clone)]
pub struct Rest {
    http: Http,
    adopted: AdoptedChannels,
}

/// A call to make.
#[derive(Clone, Debug)]
pub struct Originate {
    /// The id that the channel is to have.
    pub channel: ChannelId,
    /// The dial string, such as `PJSIP/+12025550101@trunk`.
    pub endpoint: String,
    /// Whose number the callee sees.
    pub caller_id: String,
    /// The app that the answered channel enters.
    pub app: String,
    /// The arguments with which it enters, separated by commas.
    pub app_args: String,
    /// How long it may ring; whole seconds, at least one, rounded up.
    pub timeout: Duration,
    /// Channel variables and functions, set before the call goes out.
    pub variables: BTreeMap<String, String>,
    /// Until when it may be sent: what allowed it does not hold for ever.
    pub by: Option<Instant>,
    /// It is not sent once this is cancelled.
    pub unless: CancellationToken,
}

/// What became of a request to end something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HangUp {
    /// It is being ended.
    Done,
    /// There is no such thing: it has ended already.
    NotThere,
}

/// Calls, and what is done to them.
impl Rest {
    pub(super) const fn new(http: Http, adopted: AdoptedChannels) -> Self {
        Self { http, adopted }
    }

    /// Makes a call. That the channel exists (409) is success: the id is ours alone, so an earlier request made it.
    /// It is looked up, though: after one true 409 Asterisk answers 409 to whatever else fails on that connection.
    ///
    /// # Errors
    /// [`Failure`]; [`RefusalKind::NotMade`] if the PBX could not make the channel, because it does not know the
    /// endpoint or the far end does not answer it.
    pub async fn originate(&self, call: &Originate) -> Result<(), Failure> {
        let channel = call.channel.to_string();
        let body = OriginateBody {
            channel_id: &channel,
            endpoint: &call.endpoint,
            caller_id: &call.caller_id,
            app: &call.app,
            app_args: &call.app_args,
            timeout: whole_seconds(call.timeout),
            variables: &call.variables,
        };
        let request = Request {
            method: Method::POST,
            path: &["channels"],
            query: &[],
            urgent: false,
            by: call.by,
            unless: Some(&call.unless),
        };
        let reply = self.http.send(request, Some(json(&body)?)).await?;
        if reply.status != 409 {
            return done(reply).map_err(Failure::of_originate);
        }
        match self.channel(&channel).await? {
            Some(_) => Ok(()),
            None => Err(Failure {
                kind: RefusalKind::Failed,
                status: Some(reply.status),
                detail: "409 for a channel that is not there: the PBX could not make the call; is the endpoint known?"
                    .to_owned(),
                tls: None,
            }),
        }
    }

    /// Ends a channel, in whatever state it is.
    ///
    /// # Errors
    /// [`Failure`], never [`RefusalKind::NotFound`].
    pub async fn hang_up(&self, channel: &str) -> Result<HangUp, Failure> {
        self.end(&["channels", channel]).await
    }

    /// Sets a variable or function of a channel. Only a channel in an app can be set, and one that is played to makes
    /// this wait until the playback has ended.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn set_variable(
        &self,
        channel: &ChannelId,
        name: &str,
        value: &str,
    ) -> Result<(), Failure> {
        self.set_variable_of(&channel.to_string(), name, value)
            .await
    }

    /// The same for a channel that is none of ours.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn set_variable_of(
        &self,
        channel: &str,
        name: &str,
        value: &str,
    ) -> Result<(), Failure> {
        let body = VariableBody {
            variable: name,
            value,
        };
        done(self.post(&["channels", channel, "variable"], &body).await?)
    }

    /// Sets several variables or functions of a channel, all at once: they are asked for side by side, and are set in no certain
    /// order. All are, or one is not and fails it.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn set_variables_of(
        &self,
        channel: &str,
        variables: &[(&str, String)],
    ) -> Result<(), Failure> {
        let set = variables
            .iter()
            .map(|(name, value)| self.set_variable_of(channel, name, value));
        all_done(join_all(set).await).map(drop)
    }

    /// Lets a channel that is none of ours leave the app for the place behind the one where it entered it.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn go_on(&self, channel: &str) -> Result<(), Failure> {
        let path = ["channels", channel, "continue"];
        done(self.send(Method::POST, &path, &[], None).await?)
    }

    /// Lets a channel leave the app for the dialplan.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn continue_in(
        &self,
        channel: &ChannelId,
        context: &str,
        extension: &str,
        priority: u32,
    ) -> Result<(), Failure> {
        let id = channel.to_string();
        let body = ContinueBody {
            context,
            extension,
            priority,
        };
        done(self.post(&["channels", &id, "continue"], &body).await?)
    }

    /// Begins to play to a channel. Never to be repeated after [`RefusalKind::NoReply`]: Asterisk takes a playback id
    /// twice, and plays twice. `media` is a URI such as `sound:/folder/name`, without an extension.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn play(
        &self,
        channel: &ChannelId,
        playback: &PlaybackId,
        media: &str,
    ) -> Result<(), Failure> {
        let channel = channel.to_string();
        let playback = playback.to_string();
        let path = ["channels", &channel, "play", &playback];
        let body = PlayBody {
            media,
            offsetms: None,
        };
        done(self.post(&path, &body).await?)
    }

    /// Stops a playback.
    ///
    /// # Errors
    /// [`Failure`], never [`RefusalKind::NotFound`].
    pub async fn stop_play(&self, playback: &PlaybackId) -> Result<HangUp, Failure> {
        self.end(&["playbacks", &playback.to_string()]).await
    }

    /// A playback as it is now; `None` if the PBX knows none of that id, because it has ended or never began.
    ///
    /// # Errors
    /// [`Failure`], never [`RefusalKind::NotFound`].
    pub async fn playback(&self, playback: &PlaybackId) -> Result<Option<Playback>, Failure> {
        self.find(&["playbacks", &playback.to_string()], &[]).await
    }

    /// Lets a channel of somebody else's leave the app for a place in the dialplan.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn send_to(
        &self,
        channel: &str,
        context: &str,
        extension: &str,
        priority: u32,
    ) -> Result<(), Failure> {
        let body = ContinueBody {
            context,
            extension,
            priority,
        };
        done(self.post(&["channels", channel, "continue"], &body).await?)
    }

    /// Begins to play to a channel of somebody else's. As [`Self::play`], it is never to be repeated.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn play_prompt(
        &self,
        channel: &str,
        playback: &str,
        media: &str,
    ) -> Result<(), Failure> {
        let body = PlayBody {
            media,
            offsetms: None,
        };
        done(
            self.post(&["channels", channel, "play", playback], &body)
                .await?,
        )
    }

    /// Stops what [`Self::play_prompt`] has begun.
    ///
    /// # Errors
    /// [`Failure`], never [`RefusalKind::NotFound`].
    pub async fn stop_prompt(&self, playback: &str) -> Result<HangUp, Failure> {
        self.end(&["playbacks", playback]).await
    }

    /// All channels of the PBX.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn channels(&self) -> Result<Vec<Channel>, Failure> {
        let mut channels: Vec<Channel> = self.get(&["channels"], &[]).await?;
        for channel in &mut channels {
            if let Some(ours) = self.adopted.ours(&channel.id) {
                channel.id = ours;
            }
        }
        Ok(channels)
    }

    /// One channel; `None` if there is none of that id.
    ///
    /// # Errors
    /// [`Failure`], never [`RefusalKind::NotFound`].
    pub async fn channel(&self, channel: &str) -> Result<Option<Channel>, Failure> {
        self.find(&["channels", channel], &[]).await
    }

    /// A variable or function of a channel, evaluated there; `None` if it is not set or there is no such channel.
    ///
    /// # Errors
    /// [`Failure`], never [`RefusalKind::NotFound`].
    pub async fn variable(&self, channel: &str, name: &str) -> Result<Option<String>, Failure> {
        let query = [("variable", name)];
        let found: Option<Variable> = self
            .find(&["channels", channel, "variable"], &query)
            .await?;
        Ok(found.map(|variable| variable.value))
    }
}

/// The app, and the PBX itself.
impl Rest {
    /// Makes an app hear of `sources`, such as `channel:<id>`.
    ///
    /// # Errors
    /// [`Failure`]; 422 ([`RefusalKind::WrongState`]) if one of them does not exist.
    pub async fn subscribe(&self, app: &str, sources: &[String]) -> Result<(), Failure> {
        let body = SubscribeBody {
            event_source: self.sources(sources),
        };
        let path = ["applications", app, "subscription"];
        done(self.post(&path, &body).await?)
    }

    /// Makes an app hear no more of `sources`.
    ///
    /// # Errors
    /// [`Failure`]; 422 ([`RefusalKind::WrongState`]) if one of them does not exist.
    pub async fn unsubscribe(&self, app: &str, sources: &[String]) -> Result<(), Failure> {
        let sources = self.sources(sources);
        let query = [("eventSource", sources.as_str())];
        let path = ["applications", app, "subscription"];
        done(self.send(Method::DELETE, &path, &query, None).await?)
    }

    /// Sources as the PBX knows them.
    fn sources(&self, sources: &[String]) -> String {
        let theirs = sources.iter().map(|source| match source.split_once(':') {
            Some(("channel", id)) => format!("channel:{}", self.adopted.theirs(id)),
            _ => source.clone(),
        });
        theirs.collect::<Vec<_>>().join(",")
    }

    /// The apps that are registered.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn applications(&self) -> Result<Vec<Application>, Failure> {
        self.get(&["applications"], &[]).await
    }

    /// A sign of life, with the PBX's time.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn ping(&self) -> Result<Ping, Failure> {
        self.get(&["asterisk", "ping"], &[]).await
    }

    /// What the PBX says of itself.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn asterisk_info(&self) -> Result<AsteriskInfo, Failure> {
        self.get(&["asterisk", "info"], &[]).await
    }

    /// A module, such as `app_amd.so`; `None` if it is not loaded.
    ///
    /// # Errors
    /// [`Failure`], never [`RefusalKind::NotFound`].
    pub async fn module(&self, name: &str) -> Result<Option<Module>, Failure> {
        self.find(&["asterisk", "modules", name], &[]).await
    }

    /// All modules that are loaded.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn modules(&self) -> Result<Vec<Module>, Failure> {
        self.get(&["asterisk", "modules"], &[]).await
    }

    /// A global variable; `None` if it is empty or not set. Functions are not evaluated: they need a channel.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn global_variable(&self, name: &str) -> Result<Option<String>, Failure> {
        let found: Variable = self
            .get(&["asterisk", "variable"], &[("variable", name)])
            .await?;
        Ok(Some(found.value).filter(|value| !value.is_empty()))
    }

    /// Sets a global variable, ahead of requests that wait: a value that is kept there shows that we are alive.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn set_global_variable(&self, name: &str, value: &str) -> Result<(), Failure> {
        let body = VariableBody {
            variable: name,
            value,
        };
        let request = Request {
            method: Method::POST,
            path: &["asterisk", "variable"],
            query: &[],
            urgent: true,
            by: None,
            unless: None,
        };
        done(self.http.send(request, Some(json(&body)?)).await?)
    }

    /// All endpoints of the PBX.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn endpoints(&self) -> Result<Vec<EndpointState>, Failure> {
        self.get(&["endpoints"], &[]).await
    }

    /// One endpoint, such as `PJSIP`, `trunk`; `None` if there is none.
    ///
    /// # Errors
    /// [`Failure`], never [`RefusalKind::NotFound`].
    pub async fn endpoint(
        &self,
        technology: &str,
        resource: &str,
    ) -> Result<Option<EndpointState>, Failure> {
        self.find(&["endpoints", technology, resource], &[]).await
    }

    /// One sound of the PBX's own folders; `None` if there is none of that name.
    ///
    /// # Errors
    /// [`Failure`], never [`RefusalKind::NotFound`].
    pub async fn sound(&self, name: &str) -> Result<Option<SoundFile>, Failure> {
        self.find(&["sounds", name], &[]).await
    }

    /// Whether our ARI user may change things: asks for the end of a channel that cannot exist.
    ///
    /// # Errors
    /// [`Failure`] if that cannot be found out; 403 is an answer.
    pub async fn may_write(&self) -> Result<bool, Failure> {
        match self.hang_up("aftertone-write-probe").await {
            Ok(HangUp::Done | HangUp::NotThere) => Ok(true),
            Err(failure) if failure.status == Some(403) => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}

/// How requests are made.
impl Rest {
    async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, Failure> {
        let reply = self.send(Method::GET, path, query, None).await?;
        read(reply)
    }

    async fn find<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Option<T>, Failure> {
        let reply = self.send(Method::GET, path, query, None).await?;
        match reply.status {
            404 => Ok(None),
            _ => read(reply).map(Some),
        }
    }

    async fn end(&self, path: &[&str]) -> Result<HangUp, Failure> {
        let reply = self.send(Method::DELETE, path, &[], None).await?;
        match reply.status {
            404 => Ok(HangUp::NotThere),
            _ => done(reply).map(|()| HangUp::Done),
        }
    }

    async fn post(&self, path: &[&str], body: &impl Serialize) -> Result<Reply, Failure> {
        self.send(Method::POST, path, &[], Some(json(body)?)).await
    }

    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<Reply, Failure> {
        let urgent = method == Method::DELETE;
        let theirs;
        let mut named = path.to_vec();
        if let ["channels", id, ..] = path {
            theirs = self.adopted.theirs(id);
            named[1] = &theirs;
        }
        let request = Request {
            method,
            path: &named,
            query,
            urgent,
            by: None,
            unless: None,
        };
        self.http.send(request, body).await
    }
}

/// What came of requests that were made side by side, if all were carried out; else the first failure, but that there is no such
/// channel says more than any other.
///
/// # Errors
/// [`Failure`].
pub(crate) fn all_done<T>(done: Vec<Result<T, Failure>>) -> Result<Vec<T>, Failure> {
    let (mut taken, mut failed) = (Vec::with_capacity(done.len()), None::<Failure>);
    for one in done {
        match one {
            Ok(one) => taken.push(one),
            Err(failure) => match &failed {
                Some(first) if first.kind == RefusalKind::NotFound => {}
                Some(_) if failure.kind != RefusalKind::NotFound => {}
                Some(_) | None => failed = Some(failure),
            },
        }
    }
    failed.map_or(Ok(taken), Err)
}

/// Whole seconds, rounded up: ARI knows no fractions, and takes zero for its own default.
pub(crate) fn whole_seconds(time: Duration) -> u64 {
    let up = u64::from(time.subsec_nanos() > 0);
    (time.as_secs() + up).max(1)
}

fn done(reply: Reply) -> Result<(), Failure> {
    match reply.status {
        200..=299 => Ok(()),
        status => Err(complaint(status, &reply.body)),
    }
}

fn read<T: DeserializeOwned>(reply: Reply) -> Result<T, Failure> {
    match reply.status {
        200..=299 => serde_json::from_slice(&reply.body)
            .map_err(|_| Failure::nonsense(reply.status, "not as ARI does")),
        status => Err(complaint(status, &reply.body)),
    }
}

fn complaint(status: u16, body: &[u8]) -> Failure {
    let said = serde_json::from_slice::<Complaint<'_>>(body).unwrap_or_default();
    let message = match (said.message.as_str(), said.error.as_str()) {
        ("", error) => error,
        (message, _) => message,
    };
    Failure::of_status(status, message)
}

fn json(body: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(body).map_err(|error| Failure {
        kind: RefusalKind::Unreachable,
        status: None,
        detail: format!("not sent: {error}"),
        tls: None,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OriginateBody<'a> {
    channel_id: &'a str,
    endpoint: &'a str,
    caller_id: &'a str,
    app: &'a str,
    app_args: &'a str,
    timeout: u64,
    variables: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct VariableBody<'a> {
    variable: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct ContinueBody<'a> {
    context: &'a str,
    extension: &'a str,
    priority: u32,
}

#[derive(Serialize)]
struct PlayBody<'a> {
    media: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    offsetms: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SubscribeBody {
    event_source: String,
}

#[cfg(test)]
mod tests;
