//! Requests to the API, over connections that stay open, and how long their answers take.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use aftertone::id::DropId;
use anyhow::{Context as _, Result, bail, ensure};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::{
    runtime::Runtime,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

/// Numbers that are ordered, each once.
#[derive(Clone)]
pub(crate) struct Numbers(Arc<Mutex<Vec<String>>>);

impl Numbers {
    pub(crate) fn new(numbers: Vec<String>) -> Self {
        Self(Arc::new(Mutex::new(numbers)))
    }

    fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// A client of one service.
pub(crate) struct Client {
    runtime: Runtime,
    client: reqwest::Client,
    api: String,
    token: String,
}

/// How long answers took.
pub(crate) struct Times {
    /// In milliseconds, the shortest first.
    answers: Vec<f64>,
    seconds: f64,
}

impl Client {
    /// Of the service at this address.
    pub(crate) fn new(address: &str, token: &str) -> Result<Self> {
        // A client cannot be made without one; the one of before stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()?,
            client: reqwest::Client::builder().no_proxy().build()?,
            api: format!("{address}/api/v1"),
            token: token.to_owned(),
        })
    }

    /// Reads the list of campaigns: so many times a second, or as often as it is answered.
    pub(crate) fn read(&self, rate: Option<u32>, time: Duration) -> Result<Times> {
        let request = self.client.get(format!("{}/campaigns", self.api));
        let request = request.bearer_auth(&self.token);
        self.ask(rate, time, move || {
            request.try_clone().context("no request")
        })
    }

    /// Orders a drop to another number each time.
    pub(crate) fn order(
        &self,
        rate: Option<u32>,
        time: Duration,
        numbers: &Numbers,
    ) -> Result<Times> {
        let request = self.client.post(format!("{}/drops", self.api));
        let request = request.bearer_auth(&self.token);
        let numbers = numbers.clone();
        self.ask(rate, time, move || {
            let order = json!({
                "to": numbers.take().context("all numbers have been ordered")?,
                "message": "sound:hello-world",
                "kind": "informational",
                "technique": "single",
                "consent": {"level": "written", "at": "2026-03-01", "source": "web form"},
            });
            let request = request.try_clone().context("no request")?;
            let request = request.header("idempotency-key", DropId::generate().to_string());
            Ok(request.json(&order))
        })
    }

    /// Makes another campaign, which stays a draft, sends it a list, and waits until its rows are in.
    pub(crate) fn send(&self, list: Vec<u8>) -> Result<Duration> {
        self.runtime.block_on(async {
            let campaign = json!({
                "name": "sent",
                "message": "sound:hello-world",
                "kind": "informational",
            });
            let made = self.client.post(format!("{}/campaigns", self.api));
            answer(made.bearer_auth(&self.token).json(&campaign)).await?;
            let begun = Instant::now();
            let sent = self
                .client
                .post(format!("{}/campaigns/sent/imports", self.api));
            let sent = sent
                .bearer_auth(&self.token)
                .header("content-type", "text/csv");
            let import = object(sent.body(list)).await?;
            let id = import["id"].as_str().context("an import without an id")?;
            let asked = self.client.get(format!("{}/imports/{id}", self.api));
            let asked = asked.bearer_auth(&self.token);
            let mut due = interval(Duration::from_millis(100));
            loop {
                due.tick().await;
                let import = object(asked.try_clone().context("no request")?).await?;
                match import["state"].as_str() {
                    Some("complete") => return Ok(begun.elapsed()),
                    Some("receiving" | "checking" | "importing") => {}
                    _ => bail!("the list did not come in: {import}"),
                }
            }
        })
    }

    fn ask(
        &self,
        rate: Option<u32>,
        time: Duration,
        request: impl Fn() -> Result<RequestBuilder> + Send + Sync + 'static,
    ) -> Result<Times> {
        let request = Arc::new(request);
        self.runtime.block_on(async {
            let begun = Instant::now();
            let mut asking = JoinSet::new();
            match rate {
                // However long an answer takes, the next request is made when it is due.
                Some(rate) => {
                    let mut due = interval(Duration::from_secs(1) / rate);
                    due.set_missed_tick_behavior(MissedTickBehavior::Burst);
                    while begun.elapsed() < time {
                        due.tick().await;
                        let request = Arc::clone(&request);
                        asking.spawn(async move { Ok(vec![answer(request()?).await?]) });
                    }
                }
                None => {
                    for _ in 0..CLIENTS {
                        let request = Arc::clone(&request);
                        asking.spawn(async move {
                            let mut answers = Vec::new();
                            while begun.elapsed() < time {
                                answers.push(answer(request()?).await?);
                            }
                            Ok::<_, anyhow::Error>(answers)
                        });
                    }
                }
            }
            let mut answers = Vec::new();
            while let Some(asked) = asking.join_next().await {
                answers.extend(asked??);
            }
            answers.sort_by(f64::total_cmp);
            Ok(Times {
                answers,
                seconds: begun.elapsed().as_secs_f64(),
            })
        })
    }
}

impl Times {
    /// Of several, one after another.
    pub(crate) fn together(times: Vec<Self>) -> Self {
        let seconds = times.iter().map(|times| times.seconds).sum();
        let mut answers: Vec<f64> = times.into_iter().flat_map(|times| times.answers).collect();
        answers.sort_by(f64::total_cmp);
        Self { answers, seconds }
    }

    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        self.answers.len() as f64 / self.seconds
    }

    /// What this share of the answers took at most, in milliseconds.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let nth = (self.answers.len().saturating_sub(1)) as f64 * share;
        self.answers.get(nth as usize).copied().unwrap_or_default()
    }
}

/// How long an answer takes, in milliseconds; it has to be a good one.
async fn answer(request: RequestBuilder) -> Result<f64> {
    let begun = Instant::now();
    body(request).await?;
    Ok(begun.elapsed().as_secs_f64() * 1_000.0)
}

async fn object(request: RequestBuilder) -> Result<Value> {
    Ok(serde_json::from_str(&body(request).await?)?)
}

async fn body(request: RequestBuilder) -> Result<String> {
    let answer = request.send().await?;
    let status = answer.status();
    let body = answer.text().await?;
    ensure!(status.is_success(), "answered {status}: {body}");
    Ok(body)
}

/// How many connections ask at once, each again as soon as it is answered.
const CLIENTS: usize = 8;
