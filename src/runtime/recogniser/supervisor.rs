//! Keeps the recogniser running: writes what calls sound like, reads what it says, and starts it again if it fails.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt, io,
    process::ExitStatus,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::mpsc,
};
use tracing::{debug, info, warn};

use super::{
    Phrase, ToSupervisor,
    process::Process,
    protocol::{FromRecogniser, Line, Lines, PROTOCOL, ToRecogniser, plain},
};
use crate::clock;

/// Runs the command until no call can come any more.
pub(super) async fn supervise(command: Vec<String>, orders: mpsc::UnboundedReceiver<ToSupervisor>) {
    let mut supervisor = Supervisor {
        orders,
        waiting: VecDeque::new(),
        calls: BTreeMap::new(),
    };
    let mut failures = 0;
    loop {
        let began = clock::now();
        let end = supervisor.run(&command).await;
        if matches!(end, RunEnd::NoMoreCalls) {
            return;
        }
        if clock::now().saturating_duration_since(began) >= HEALTHY {
            failures = 0;
        }
        failures += 1;
        let pause = pause_after(failures);
        warn!(
            again_in_s = pause.as_secs(),
            "the recogniser of `screen.words` failed: {end}; calls go on without words"
        );
        if !supervisor.wait(pause).await {
            return;
        }
    }
}

/// Why a process is not served any more.
#[derive(Debug)]
pub(super) enum RunEnd {
    /// There is nothing left to hear.
    NoMoreCalls,
    /// It could not be started.
    NotStarted(io::Error),
    /// It ended by itself, or closed a pipe.
    Died(Option<ExitStatus>, Option<String>),
    /// It does not answer.
    Stalled(&'static str, Duration, Option<String>),
    /// It says too much.
    Floods,
    /// It speaks another version.
    Protocol(u32),
}

struct Supervisor {
    orders: mpsc::UnboundedReceiver<ToSupervisor>,
    /// What came while something else was being written.
    waiting: VecDeque<ToSupervisor>,
    calls: BTreeMap<u64, mpsc::Sender<Phrase>>,
}

impl Supervisor {
    async fn run(&mut self, command: &[String]) -> RunEnd {
        let mut process = match Process::start(command) {
            Ok(process) => process,
            Err(error) => return RunEnd::NotStarted(error),
        };
        let end = self.serve(&mut process).await;
        match end {
            RunEnd::NoMoreCalls => {
                process.end().await;
                RunEnd::NoMoreCalls
            }
            RunEnd::Died(..) => {
                let (status, last) = process.cut_off().await;
                RunEnd::Died(status, last)
            }
            RunEnd::Stalled(what, after, _) => {
                let (_, last) = process.cut_off().await;
                RunEnd::Stalled(what, after, last)
            }
            RunEnd::NotStarted(_) | RunEnd::Floods | RunEnd::Protocol(_) => {
                process.cut_off().await;
                end
            }
        }
    }

    async fn serve(&mut self, process: &mut Process) -> RunEnd {
        let mut talk = Exchange::new(clock::now());
        let mut lines = Lines::default();
        let mut bytes = [0; 8_192];
        loop {
            while talk.is_written()
                && let Some(order) = self.waiting.pop_front()
            {
                self.pass_on(order, &mut talk);
            }
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => self.waiting.push_back(order),
                    None => return RunEnd::NoMoreCalls,
                },
                written = process.stdin.write(talk.to_write()), if !talk.is_written() => match written {
                    Ok(0) | Err(_) => return RunEnd::Died(None, None),
                    Ok(written) => talk.wrote(written),
                },
                read = process.stdout.read(&mut bytes) => match read {
                    Ok(0) | Err(_) => return RunEnd::Died(None, None),
                    Ok(read) => {
                        let mut end = talk.count(read, clock::now());
                        lines.take(&bytes[..read], |line| {
                            let then = self.on_line(line, &mut talk);
                            end = end.take().or(then);
                        });
                        if let Some(end) = end {
                            return end;
                        }
                    }
                },
                () = clock::reach(Some(talk.wake())) => {
                    if let Some(end) = talk.on_time(clock::now()) {
                        return end;
                    }
                }
            }
        }
    }

    fn pass_on(&mut self, order: ToSupervisor, talk: &mut Exchange) {
        if !talk.is_ready {
            return self.keep_account(order);
        }
        match &order {
            ToSupervisor::Begin { call, .. } => talk.say(ToRecogniser::Begin { call: *call }),
            ToSupervisor::End { call } => talk.say(ToRecogniser::End { call: *call }),
            ToSupervisor::Sound {
                call,
                at,
                samples,
                queued,
                _room,
            } => {
                let waited = clock::now().saturating_duration_since(*queued);
                if waited <= LATEST {
                    ToRecogniser::write_sound(*call, *at, samples, &mut talk.out);
                }
            }
        }
        self.keep_account(order);
    }

    /// Knows which calls there are. Sound that is not passed on is dropped.
    fn keep_account(&mut self, order: ToSupervisor) {
        match order {
            ToSupervisor::Begin { call, phrases } => {
                self.calls.insert(call, phrases);
            }
            ToSupervisor::End { call } => {
                self.calls.remove(&call);
            }
            ToSupervisor::Sound { .. } => {}
        }
    }

    fn on_line(&self, line: Line<'_>, talk: &mut Exchange) -> Option<RunEnd> {
        let read = match line {
            Line::Whole(line) => FromRecogniser::read(line).ok_or(line),
            Line::TooLong(start) => Err(start),
        };
        match read {
            Ok(FromRecogniser::Ready { protocol, .. }) if protocol != PROTOCOL => {
                return Some(RunEnd::Protocol(protocol));
            }
            Ok(FromRecogniser::Ready { name, .. }) if !talk.is_ready => {
                info!(name, "the recogniser is ready");
                talk.on_ready(clock::now());
                for &call in self.calls.keys() {
                    talk.say(ToRecogniser::Begin { call });
                }
            }
            Ok(FromRecogniser::Words { call, phrase }) if talk.is_ready => {
                // A call may have ended, and a listener that takes nothing must not hold up the others.
                if let Some(phrases) = self.calls.get(&call) {
                    let _ = phrases.try_send(phrase);
                }
            }
            Ok(FromRecogniser::Pong { n }) => talk.on_pong(n, clock::now()),
            Ok(FromRecogniser::Ready { .. } | FromRecogniser::Words { .. }) => {}
            Err(garbage) => talk.on_garbage(garbage),
        }
        None
    }

    /// Waits before the next start, and keeps account of calls meanwhile. Returns whether any can come.
    async fn wait(&mut self, pause: Duration) -> bool {
        let until = clock::now() + pause;
        while let Some(order) = self.waiting.pop_front() {
            self.keep_account(order);
        }
        loop {
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => self.keep_account(order),
                    None => return false,
                },
                () = clock::reach(Some(until)) => return true,
            }
        }
    }
}

/// What is to be written to one process, and what it owes us. Pure: time is an argument.
#[derive(Debug)]
struct Exchange {
    /// What is being written.
    out: Vec<u8>,
    /// How much of it is.
    gone: usize,
    is_ready: bool,
    /// By when it has to answer what it was asked, and when that was.
    owes: Option<(Instant, Instant)>,
    pings: u64,
    /// When it is asked next.
    ping_at: Instant,
    /// Bytes that it said since then.
    said: (usize, Instant),
    garbage: u64,
}

impl Exchange {
    fn new(now: Instant) -> Self {
        let mut this = Self {
            out: Vec::new(),
            gone: 0,
            is_ready: false,
            owes: Some((now + START, now)),
            pings: 0,
            ping_at: now + START,
            said: (0, now),
            garbage: 0,
        };
        this.say(ToRecogniser::HELLO);
        this
    }

    fn say(&mut self, what: ToRecogniser) {
        what.write(&mut self.out);
    }

    fn is_written(&self) -> bool {
        self.out.is_empty()
    }

    fn to_write(&self) -> &[u8] {
        &self.out[self.gone..]
    }

    fn wrote(&mut self, bytes: usize) {
        self.gone += bytes;
        if self.gone >= self.out.len() {
            self.out.clear();
            self.gone = 0;
        }
    }

    /// When [`Self::on_time`] has something to do.
    fn wake(&self) -> Instant {
        match self.owes {
            Some((by, _)) => by,
            None => self.ping_at,
        }
    }

    /// Asks whether it keeps up, and sees that it does not answer.
    fn on_time(&mut self, now: Instant) -> Option<RunEnd> {
        match self.owes {
            Some((by, _)) if now < by => None,
            Some((by, _)) if clock::suspended_for(by, now).is_some() => {
                // This program was suspended: the answer may only have to be read.
                self.owes = Some((now + LATEST, now));
                None
            }
            Some((by, asked)) => {
                let what = if self.is_ready { "a ping" } else { "the hello" };
                let after = by.saturating_duration_since(asked);
                Some(RunEnd::Stalled(what, after, None))
            }
            None if now < self.ping_at => None,
            None => {
                self.pings += 1;
                // Behind what is being written: what does not get that far is a stall, too.
                self.say(ToRecogniser::Ping { n: self.pings });
                self.owes = Some((now + STALL, now));
                None
            }
        }
    }

    fn on_ready(&mut self, now: Instant) {
        self.is_ready = true;
        self.owes = None;
        self.ping_at = now + PING_EVERY;
    }

    fn on_pong(&mut self, n: u64, now: Instant) {
        if self.is_ready && n == self.pings && self.owes.is_some() {
            self.owes = None;
            self.ping_at = now + PING_EVERY;
        }
    }

    fn on_garbage(&mut self, line: &[u8]) {
        self.garbage += 1;
        if self.garbage == 1 {
            let line = plain(&String::from_utf8_lossy(line));
            warn!(
                line,
                "the recogniser of `screen.words` says something that is not of the protocol; it is ignored, and so is what \
                 follows of the kind"
            );
        } else {
            debug!("one more line that is not of the protocol");
        }
    }

    fn count(&mut self, bytes: usize, now: Instant) -> Option<RunEnd> {
        let (said, since) = self.said;
        self.said = if now.saturating_duration_since(since) >= SECOND {
            (bytes, now)
        } else {
            (said + bytes, since)
        };
        (self.said.0 > MOST_A_SECOND).then_some(RunEnd::Floods)
    }
}

impl fmt::Display for RunEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = match self {
            Self::NoMoreCalls => return f.write_str("there are no more calls"),
            Self::NotStarted(error) => return write!(f, "it cannot be started: {error}"),
            Self::Floods => return f.write_str("it says more than 1 MB a second, and was ended"),
            Self::Protocol(version) => {
                return write!(
                    f,
                    "it speaks version {version} of the protocol, and this program {PROTOCOL}"
                );
            }
            Self::Died(Some(status), last) => {
                write!(f, "it ended ({status})")?;
                last
            }
            Self::Died(None, last) => {
                f.write_str("it closed its input or its output, and was ended")?;
                last
            }
            Self::Stalled(what, after, last) => {
                let seconds = after.as_secs();
                write!(
                    f,
                    "it did not answer {what} within {seconds} s, and was ended"
                )?;
                last
            }
        };
        match last {
            Some(last) => write!(f, "; its last line was `{last}`"),
            None => Ok(()),
        }
    }
}

/// The pause before the next start: it doubles with each failure.
fn pause_after(failures: u32) -> Duration {
    let doubled = SECOND * 2_u32.saturating_pow(failures.saturating_sub(1).min(16));
    doubled.min(LONGEST_PAUSE)
}

/// How long it may take until it is ready: models are large.
pub(super) const START: Duration = Duration::from_secs(30);

/// From the answer to one ping to the next ping.
const PING_EVERY: Duration = Duration::from_secs(2);

/// How long an answer may take.
pub(super) const STALL: Duration = Duration::from_secs(10);

/// Sound that has waited for longer is not passed on: words of it would come too late.
const LATEST: Duration = Duration::from_secs(2);

/// A process that ran for so long had started well.
const HEALTHY: Duration = Duration::from_secs(60);

const LONGEST_PAUSE: Duration = Duration::from_secs(60);

const SECOND: Duration = Duration::from_secs(1);

/// Bytes that it may say within a second.
const MOST_A_SECOND: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_and_has_an_end() {
        let pauses = [1, 2, 3, 6, 7, 100].map(|failures| pause_after(failures).as_secs());
        assert_eq!(pauses, [1, 2, 4, 32, 60, 60]);
    }

    #[test]
    fn a_process_owes_an_answer_to_the_hello_and_to_each_ping() {
        let now = clock::now();
        let at = |seconds: u64| now + Duration::from_secs(seconds);
        let stalled = |end| matches!(end, Some(RunEnd::Stalled(..)));
        let mut talk = Exchange::new(now);
        assert_eq!(talk.wake(), at(30));
        assert!(stalled(talk.on_time(at(30))), "no hello");
        talk.on_ready(at(5));
        assert_eq!(talk.wake(), at(7));
        assert!(talk.on_time(at(7)).is_none());
        assert!(talk.out.ends_with(b"{\"type\":\"ping\",\"n\":1}\n"));
        talk.on_pong(2, at(8));
        assert_eq!(talk.wake(), at(17), "it was another ping");
        talk.on_pong(1, at(8));
        assert_eq!(talk.wake(), at(10));
        assert!(talk.on_time(at(10)).is_none());
        // This program stood still meanwhile.
        assert!(talk.on_time(at(21)).is_none());
        assert!(stalled(talk.on_time(at(23))));
    }

    #[test]
    fn a_process_that_floods_is_ended() {
        let now = clock::now();
        let mut talk = Exchange::new(now);
        for n in 0..50 {
            let at = now + SECOND * n;
            assert!(talk.count(MOST_A_SECOND, at).is_none());
        }
        let at = now + SECOND * 50;
        assert!(talk.count(MOST_A_SECOND, at).is_none());
        assert!(matches!(talk.count(1, at), Some(RunEnd::Floods)));
    }
}
