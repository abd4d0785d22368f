//! The floor: the same requests on the same events, and nothing else.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use aftertone::{
    id::{ChannelId, DropId, Role, RunName},
    words::Leg,
};
use anyhow::{Context, Error, Result, bail};
use futures::StreamExt;
use reqwest::{
    Client, Method,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, SEC_WEBSOCKET_PROTOCOL},
    redirect, retry,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, sleep_until},
};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::{LEAD, Load, child, fake::Settings};

/// Connects, waits for the word, makes the drops, ends when the last channel has.
pub(crate) async fn run(url: &str, load: Load) -> Result<()> {
    let (failed, mut failures) = mpsc::unbounded_channel();
    let floor = Arc::new(Floor::new(url, failed)?);
    let events = format!("{}/ari/events?app={APP}", url.replacen("http", "ws", 1));
    let mut request = events.into_client_request()?;
    let headers = request.headers_mut();
    headers.insert(AUTHORIZATION, floor.authorization.clone());
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("ari"));
    let (mut socket, _) = connect_async(request).await?;
    floor.send(Method::GET, "asterisk/info", None).await?;
    println!("ready");
    child::told().await?;

    let dialling = Arc::clone(&floor);
    tokio::spawn(async move {
        let start = Instant::now();
        for nth in 0..load.drops {
            let begin = start + load.begin(nth);
            sleep_until(begin).await;
            dialling.see_to(Arc::clone(&dialling).dial_both(nth));
        }
    });

    let mut alerted = HashSet::new();
    let mut gone = 0;
    while gone < 2 * load.drops {
        let message = tokio::select! {
            message = socket.next() => message.context("the events have ended")??,
            Some(error) = failures.recv() => return Err(error),
        };
        let Message::Text(text) = message else {
            continue;
        };
        let event: Event<'_> = serde_json::from_str(&text)?;
        let target = event.playback.as_ref().map(|playback| playback.target_uri);
        let channel = event.channel.as_ref().or(event.peer.as_ref());
        let id = channel
            .map(|channel| channel.id)
            .or(target.and_then(|uri| uri.strip_prefix("channel:")))
            .context("an event about nothing")?;
        let id: ChannelId = id.parse()?;
        let is_drop = id.role == Role::Leg(Leg::Drop);
        match event.type_ {
            "ChannelStateChange" | "Dial" if is_drop => {
                let rings = event.dialstatus == Some("RINGING")
                    || channel.is_some_and(|c| c.state == "Ringing");
                if rings && alerted.insert(id.drop) {
                    floor.react(id.drop, Floor::release);
                }
            }
            "StasisStart" if event.args.len() == 1 => floor.react(id.drop, Floor::screen),
            "StasisStart" => floor.react(id.drop, Floor::play),
            "PlaybackFinished" => floor.react(id.drop, Floor::hang_up),
            "ChannelDestroyed" => gone += 1,
            _ => {}
        }
    }
    println!("done");
    child::told().await?;
    socket.close(None).await?;
    Ok(())
}

const APP: &str = "floor";

/// All that the requests need.
struct Floor {
    client: Client,
    base: String,
    authorization: HeaderValue,
    run: RunName,
    /// As many requests under way as `aftertone::ari` allows itself: more would only be more connections.
    lanes: Semaphore,
    /// A request that failed ends the run: the floor cannot make it good.
    failed: mpsc::UnboundedSender<Error>,
}

impl Floor {
    fn new(url: &str, failed: mpsc::UnboundedSender<Error>) -> Result<Self> {
        // Refused if one is installed already, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // As in `aftertone::ari`.
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_secs(5))
            .pool_idle_timeout(Duration::from_secs(10))
            .pool_max_idle_per_host(48)
            .build()?;
        let settings = Settings::default();
        let request = client
            .get(url)
            .basic_auth(settings.user, Some(settings.password))
            .build()?;
        Ok(Self {
            client,
            base: format!("{url}/ari/"),
            authorization: request.headers()[AUTHORIZATION].clone(),
            run: RunName::new("floor")?,
            lanes: Semaphore::new(48),
            failed,
        })
    }

    /// Runs what an event asks for in a task of its own.
    fn react<F>(self: &Arc<Self>, drop: DropId, what: fn(Arc<Self>, DropId) -> F)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.see_to(what(Arc::clone(self), drop));
    }

    fn see_to(&self, work: impl Future<Output = Result<()>> + Send + 'static) {
        let failed = self.failed.clone();
        tokio::spawn(async move {
            if let Err(error) = work.await {
                // There is no listener once the run is over.
                let _ = failed.send(error);
            }
        });
    }

    async fn dial_both(self: Arc<Self>, nth: u32) -> Result<()> {
        let drop = DropId::generate();
        let number = Load::number(nth);
        let second = Instant::now() + LEAD;
        self.originate(drop, Leg::Busy, &number).await?;
        sleep_until(second).await;
        self.originate(drop, Leg::Drop, &number).await
    }

    async fn originate(&self, drop: DropId, leg: Leg, number: &str) -> Result<()> {
        let drop_text = drop.to_string();
        let mut variables = BTreeMap::from([
            ("AFTERTONE_APP", APP),
            ("AFTERTONE_DROP", &drop_text),
            ("AFTERTONE_READY_TIMEOUT", "60"),
            ("AFTERTONE_WHEN_UNSURE", "hang_up"),
            ("TIMEOUT(absolute)", "57"),
        ]);
        if leg == Leg::Busy {
            variables.insert("CDR_PROP(disable)", "1");
        }
        let body = json!({
            "channelId": self.channel(drop, leg),
            "endpoint": format!("PJSIP/{number}@carrier"),
            "callerId": "+12025550100",
            "app": APP,
            "appArgs": drop_text,
            "timeout": 47,
            "variables": variables,
        });
        self.send(Method::POST, "channels", Some(body)).await
    }

    async fn release(self: Arc<Self>, drop: DropId) -> Result<()> {
        let path = format!("channels/{}", self.channel(drop, Leg::Busy));
        self.send(Method::DELETE, &path, None).await
    }

    async fn screen(self: Arc<Self>, drop: DropId) -> Result<()> {
        self.limit(drop, "90").await?;
        let path = format!("channels/{}/continue", self.channel(drop, Leg::Drop));
        let body = json!({"context": "aftertone-screen", "extension": "s", "priority": 1});
        self.send(Method::POST, &path, Some(body)).await
    }

    async fn play(self: Arc<Self>, drop: DropId) -> Result<()> {
        self.limit(drop, "6").await?;
        let channel = self.channel(drop, Leg::Drop);
        let path = format!("channels/{channel}/play/{}-{drop}-play1", self.run);
        let body = json!({"media": "sound:/bench/message"});
        self.send(Method::POST, &path, Some(body)).await
    }

    async fn hang_up(self: Arc<Self>, drop: DropId) -> Result<()> {
        let path = format!("channels/{}", self.channel(drop, Leg::Drop));
        self.send(Method::DELETE, &path, None).await
    }

    async fn limit(&self, drop: DropId, seconds: &str) -> Result<()> {
        let path = format!("channels/{}/variable", self.channel(drop, Leg::Drop));
        let body = json!({"variable": "TIMEOUT(absolute)", "value": seconds});
        self.send(Method::POST, &path, Some(body)).await
    }

    fn channel(&self, drop: DropId, leg: Leg) -> String {
        ChannelId::leg(self.run.clone(), drop, leg).to_string()
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<()> {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .header(AUTHORIZATION, self.authorization.clone());
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(serde_json::to_vec(&body)?);
        }
        let _permit = self.lanes.acquire().await?;
        let response = request.send().await?;
        let status = response.status();
        response.bytes().await?;
        if !status.is_success() {
            bail!("{path}: {status}");
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    type_: &'a str,
    #[serde(borrow)]
    channel: Option<Channel<'a>>,
    peer: Option<Channel<'a>>,
    playback: Option<Playback<'a>>,
    dialstatus: Option<&'a str>,
    #[serde(default)]
    args: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Channel<'a> {
    id: &'a str,
    state: &'a str,
}

#[derive(Deserialize)]
struct Playback<'a> {
    target_uri: &'a str,
}
