//! A trial of the recogniser: does it start, answer, and end?

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::{
    process::Process,
    protocol::{FromRecogniser, Line, Lines, PROTOCOL, ToRecogniser, plain},
    supervisor::{STALL, START},
};
use crate::{clock, screen::RATE};

/// What a trial showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trial {
    /// What the recogniser calls itself.
    pub(crate) name: String,
    /// How long it took until it was ready.
    pub(crate) started: Duration,
    /// How long it took to hear two seconds of silence.
    pub(crate) heard: Duration,
    /// Whether it ended by itself when its input was closed.
    pub(crate) ends: bool,
}

/// Starts the command, lets it hear two seconds of silence, and ends it.
///
/// # Errors
/// What it did not do.
pub(crate) async fn trial(command: &[String]) -> Result<Trial, String> {
    let process = Process::start(command);
    let mut process = process.map_err(|error| format!("it cannot be started: {error}"))?;
    match talk(&mut process).await {
        Ok(found) => Ok(Trial {
            ends: process.end().await.is_some(),
            ..found
        }),
        Err(why) => {
            let last = match process.cut_off().await {
                (Some(status), Some(last)) => format!(" ({status}, `{last}`)"),
                (Some(status), None) => format!(" ({status})"),
                (None, Some(last)) => format!(" (`{last}`)"),
                (None, None) => String::new(),
            };
            Err(format!("{why}{last}"))
        }
    }
}

async fn talk(process: &mut Process) -> Result<Trial, String> {
    let mut bytes = Vec::new();
    let began = clock::now();
    ToRecogniser::HELLO.write(&mut bytes);
    let hello = exchange(process, &bytes, |said| match said {
        FromRecogniser::Ready { protocol, name } => Some((protocol, name)),
        FromRecogniser::Words { .. } | FromRecogniser::Pong { .. } => None,
    });
    let (protocol, name) = within(START, hello, "the hello").await?;
    if protocol != PROTOCOL {
        return Err(format!(
            "it speaks version {protocol} of the protocol, and this program {PROTOCOL}"
        ));
    }
    let ready = clock::now();
    bytes.clear();
    ToRecogniser::Begin { call: 1 }.write(&mut bytes);
    for piece in 0..20 {
        let at = piece * (RATE / 10) as u64;
        ToRecogniser::write_sound(1, at, &[0; RATE / 10], &mut bytes);
    }
    ToRecogniser::Ping { n: 1 }.write(&mut bytes);
    ToRecogniser::End { call: 1 }.write(&mut bytes);
    let pong = exchange(process, &bytes, |said| match said {
        FromRecogniser::Pong { n: 1 } => Some(()),
        FromRecogniser::Pong { .. }
        | FromRecogniser::Ready { .. }
        | FromRecogniser::Words { .. } => None,
    });
    within(STALL, pong, "a ping").await?;
    Ok(Trial {
        name,
        started: since(began, ready),
        heard: since(ready, clock::now()),
        ends: false,
    })
}

/// Writes bytes, and reads until something comes that is waited for.
async fn exchange<T>(
    process: &mut Process,
    bytes: &[u8],
    mut wanted: impl FnMut(FromRecogniser) -> Option<T>,
) -> Result<T, String> {
    let Process { stdin, stdout, .. } = process;
    let write = async {
        // What it did not take shows in what it does not say.
        let _ = stdin.write_all(bytes).await;
        std::future::pending().await
    };
    let read = async {
        let (mut lines, mut buffer) = (Lines::default(), [0; 4_096]);
        loop {
            let read = stdout.read(&mut buffer).await.unwrap_or(0);
            if read == 0 {
                return Err("it closed its output".to_owned());
            }
            let mut found = None;
            lines.take(&buffer[..read], |line| {
                let said = match line {
                    Line::Whole(line) => FromRecogniser::read(line).ok_or(line),
                    Line::TooLong(start) => Err(start),
                };
                found = match (found.take(), said) {
                    (Some(found), _) => Some(found),
                    (None, Ok(said)) => wanted(said).map(Ok),
                    (None, Err(line)) => Some(Err(format!(
                        "it says something that is not of the protocol: `{}`",
                        plain(&String::from_utf8_lossy(line))
                    ))),
                };
            });
            if let Some(found) = found {
                return found;
            }
        }
    };
    tokio::select! {
        never = write => never,
        found = read => found,
    }
}

async fn within<T>(
    patience: Duration,
    answer: impl Future<Output = Result<T, String>>,
    what: &str,
) -> Result<T, String> {
    match timeout(patience, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(format!(
            "it did not answer {what} within {} s",
            patience.as_secs()
        )),
    }
}

fn since(from: Instant, to: Instant) -> Duration {
    to.saturating_duration_since(from)
}
