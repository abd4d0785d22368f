//! A proxy on a real socket: passes everything from the program to the PBX and back, watches the events that go by,
//! and breaks what a test asks it to break, at the moment that the test names.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::Failed;
use serde_json::Value;

use crate::network::now;

/// A proxy between the program and a PBX. It ends with its handle.
pub(crate) struct FaultProxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    pbx: String,
    closing: AtomicBool,
    /// Whether no event link is let through any more.
    away: AtomicBool,
    /// Milliseconds that anything takes on its way, either way.
    delay: AtomicU64,
    /// Event links made so far, and how many of them carry nothing more.
    made: AtomicUsize,
    stalled: AtomicUsize,
    plots: Mutex<Vec<Plot>>,
    faults: Mutex<Vec<Fault>>,
    /// Event links that are open, to be cut.
    links: Mutex<Vec<TcpStream>>,
    /// Method and path of every request that the PBX got.
    asked: Mutex<Vec<String>>,
}

/// What to do when a moment comes.
struct Plot {
    moment: Moment,
    then: Then,
    tell: mpsc::Sender<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// Only say so.
    Tell,
    /// Cut the event link before this event gets through.
    Cut,
    /// Cut it, and let no other one through.
    CutForGood,
}

/// A moment in the life of a drop, as the PBX reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    BusyLegRings,
    DropLegRings,
    DropLegAnswers,
    DropLegEnters,
    Verdict,
    Ready,
    /// Our ears hear the call: AMD's copy of it is there.
    CopyEnters,
    PlaybackStarts,
    PlaybackEnds,
}

impl Moment {
    fn is(self, event: &Value) -> bool {
        let kind = event["type"].as_str().unwrap_or_default();
        let channel = event["channel"]["id"].as_str().unwrap_or_default();
        let state = event["channel"]["state"].as_str().unwrap_or_default();
        let arguments = event["args"].as_array().map_or(0, Vec::len);
        match self {
            Self::BusyLegRings => {
                kind == "ChannelStateChange" && channel.ends_with("-busy") && state == "Ringing"
            }
            Self::DropLegRings => {
                kind == "ChannelStateChange" && channel.ends_with("-drop") && state == "Ringing"
            }
            Self::DropLegAnswers => {
                kind == "ChannelStateChange" && channel.ends_with("-drop") && state == "Up"
            }
            Self::DropLegEnters => {
                kind == "StasisStart" && channel.ends_with("-drop") && arguments == 1
            }
            Self::Verdict => kind == "ChannelVarset" && event["variable"] == "AFTERTONE_VERDICT",
            Self::Ready => kind == "StasisStart" && channel.ends_with("-drop") && arguments > 1,
            Self::CopyEnters => {
                kind == "StasisStart" && channel.ends_with("-amd") && arguments == 1
            }
            Self::PlaybackStarts => kind == "PlaybackStarted",
            Self::PlaybackEnds => kind == "PlaybackFinished",
        }
    }
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// The PBX never gets it; this status comes back.
    Status(u16),
    /// The PBX never gets it, and nothing comes back.
    Nothing,
    /// The PBX gets it; the connection closes without a reply.
    NoReply,
    /// The PBX gets it; what comes back is no HTTP.
    Garbage,
    /// The PBX gets it after this long.
    Slow(Duration),
}

/// The first request that fits goes wrong.
struct Fault {
    request: Request,
    wrong: Wrong,
}

/// One of the requests that a drop needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    DialBusyLeg,
    DialDropLeg,
    HangUpBusyLeg,
    HangUpDropLeg,
    Continue,
    Play,
    /// A copy of the call for AMD.
    Snoop,
}

impl Request {
    fn is(self, line: &str, body: &str) -> bool {
        let leg = |suffix: &str| line.contains(suffix) || body.contains(suffix);
        let dial =
            line.starts_with("POST /ari/channels ") || line.starts_with("POST /ari/channels?");
        match self {
            Self::DialBusyLeg => dial && leg("-busy"),
            Self::DialDropLeg => dial && leg("-drop"),
            Self::HangUpBusyLeg => line.starts_with("DELETE /ari/channels/") && leg("-busy"),
            Self::HangUpDropLeg => line.starts_with("DELETE /ari/channels/") && leg("-drop"),
            Self::Continue => line.starts_with("POST /ari/channels/") && line.contains("/continue"),
            Self::Snoop => line.contains("/snoop/"),
            Self::Play => line.starts_with("POST /ari/channels/") && line.contains("/play"),
        }
    }

    /// Whether one that reached the PBX is such a request.
    fn is_of(self, asked: &str) -> bool {
        self.is(asked, asked)
    }
}

impl FaultProxy {
    /// Opens a port of its own in front of the PBX at `url`.
    pub(crate) fn open(url: &str) -> Result<Self, Failed> {
        let pbx = url
            .strip_prefix("http://")
            .ok_or("the lab speaks plain http")?
            .to_owned();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            pbx,
            closing: AtomicBool::new(false),
            away: AtomicBool::new(false),
            delay: AtomicU64::new(0),
            made: AtomicUsize::new(0),
            stalled: AtomicUsize::new(0),
            plots: Mutex::default(),
            faults: Mutex::default(),
            links: Mutex::default(),
            asked: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.closing.load(Ordering::Relaxed) {
                    break;
                }
                let state = Arc::clone(&shared);
                thread::spawn(move || {
                    // A side that closes a connection early has its reason; the tests look at what came of it.
                    let _ = state.serve(stream);
                });
            }
        });
        Ok(Self { address, state })
    }

    /// Its address, for the program.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Says when the moment has come. Ask before it can.
    pub(crate) fn tell_when(&self, moment: Moment) -> mpsc::Receiver<()> {
        self.plot(moment, Then::Tell)
    }

    /// Cuts the event link when the moment comes, before the event that reports it gets through.
    pub(crate) fn cut_when(&self, moment: Moment) -> mpsc::Receiver<()> {
        self.plot(moment, Then::Cut)
    }

    /// Cuts the event link when the moment comes, and lets none through after it.
    pub(crate) fn cut_for_good_when(&self, moment: Moment) -> mpsc::Receiver<()> {
        self.plot(moment, Then::CutForGood)
    }

    /// Has everything take so long on its way, either way.
    pub(crate) fn delay(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.state.delay.store(ms, Ordering::Relaxed);
    }

    /// Cuts the event link now.
    pub(crate) fn cut(&self) {
        for link in locked(&self.state.links).drain(..) {
            let _ = link.shutdown(Shutdown::Both);
        }
    }

    /// Lets the event link carry nothing more, as if the network between were gone: neither side notices.
    pub(crate) fn stall(&self) {
        let made = self.state.made.load(Ordering::Relaxed);
        self.state.stalled.store(made, Ordering::Relaxed);
    }

    /// Lets the first such request go wrong.
    pub(crate) fn break_one(&self, request: Request, wrong: Wrong) {
        locked(&self.state.faults).push(Fault { request, wrong });
    }

    /// How many such requests reached the PBX.
    pub(crate) fn reached(&self, request: Request) -> usize {
        locked(&self.state.asked)
            .iter()
            .filter(|asked| request.is_of(asked))
            .count()
    }

    /// Whether every fault has happened.
    pub(crate) fn is_spent(&self) -> bool {
        locked(&self.state.faults).is_empty()
    }

    fn plot(&self, moment: Moment, then: Then) -> mpsc::Receiver<()> {
        let (tell, told) = mpsc::channel();
        locked(&self.state.plots).push(Plot { moment, then, tell });
        told
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.state.closing.store(true, Ordering::Relaxed);
        self.cut();
        // Wakes the thread that accepts, so that it sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn serve(&self, client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let mut reader = BufReader::new(client.try_clone()?);
        while let Some(head) = read_head(&mut reader)? {
            if head.starts_with("GET /ari/events") {
                if self.away.load(Ordering::Relaxed) {
                    return Ok(());
                }
                return self.pass_events(&head, reader, &client);
            }
            let length = header(&head, "content-length")
                .and_then(|value| value.parse().ok())
                .unwrap_or(0);
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            if !self.answer(&head, &body, &client)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Answers one request; returns whether the connection stays open.
    fn answer(&self, head: &str, body: &[u8], mut client: &TcpStream) -> io::Result<bool> {
        let line = head.lines().next().unwrap_or_default();
        let text = String::from_utf8_lossy(body);
        let wrong = {
            let mut faults = locked(&self.faults);
            let hit = faults
                .iter()
                .position(|fault| fault.request.is(line, &text));
            hit.map(|index| faults.remove(index).wrong)
        };
        match wrong {
            Some(Wrong::Status(status)) => {
                write!(
                    client,
                    "HTTP/1.1 {status} Broken on purpose\r\nContent-Length: 2\r\n\r\n{{}}"
                )?;
                return Ok(true);
            }
            Some(Wrong::Nothing) => {
                // Until the client gives up.
                let _ = client.read(&mut [0]);
                return Ok(false);
            }
            Some(Wrong::Slow(wait)) => thread::park_timeout(wait),
            Some(Wrong::NoReply | Wrong::Garbage) | None => {}
        }
        thread::park_timeout(self.delay());
        locked(&self.asked).push(format!("{line} {text}"));
        let reply = self.ask_pbx(head, body)?;
        thread::park_timeout(self.delay());
        match wrong {
            Some(Wrong::NoReply) => Ok(false),
            Some(Wrong::Garbage) => {
                client.write_all(b"\x00\xff\x13NOT HTTP AT ALL\r\n\r\n\r\n")?;
                Ok(false)
            }
            Some(Wrong::Status(_) | Wrong::Nothing | Wrong::Slow(_)) | None => {
                client.write_all(&reply)?;
                Ok(true)
            }
        }
    }

    /// One request on a connection of its own; the reply comes back ready to be passed on.
    fn ask_pbx(&self, head: &str, body: &[u8]) -> io::Result<Vec<u8>> {
        let mut pbx = TcpStream::connect(&self.pbx)?;
        let mut lines = head.lines().filter(|line| !line.is_empty());
        let mut request = format!(
            "{}\r\nConnection: close\r\n",
            lines.next().unwrap_or_default()
        );
        for line in lines.filter(|line| !line.to_ascii_lowercase().starts_with("connection:")) {
            request.push_str(line);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        pbx.write_all(request.as_bytes())?;
        pbx.write_all(body)?;
        let mut reply = Vec::new();
        pbx.read_to_end(&mut reply)?;
        let end = reply
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .map_or(reply.len(), |at| at + 4);
        let (head, content) = reply.split_at(end);
        let mut passed = Vec::new();
        for line in String::from_utf8_lossy(head)
            .lines()
            .filter(|line| !line.is_empty())
        {
            let name = line.to_ascii_lowercase();
            if !name.starts_with("connection:") && !name.starts_with("content-length:") {
                passed.extend_from_slice(line.as_bytes());
                passed.extend_from_slice(b"\r\n");
            }
        }
        write!(passed, "Content-Length: {}\r\n\r\n", content.len())?;
        passed.extend_from_slice(content);
        Ok(passed)
    }

    fn pass_events(
        &self,
        head: &str,
        mut from_client: BufReader<TcpStream>,
        client: &TcpStream,
    ) -> io::Result<()> {
        let mut pbx = TcpStream::connect(&self.pbx)?;
        pbx.write_all(head.as_bytes())?;
        let (mut up, link) = (pbx.try_clone()?, client.try_clone()?);
        locked(&self.links).push(link);
        thread::spawn(move || {
            let _ = io::copy(&mut from_client, &mut up);
            let _ = up.shutdown(Shutdown::Both);
        });
        let mut from_pbx = BufReader::new(pbx.try_clone()?);
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let (hand_on, handed) = mpsc::channel::<(Instant, Vec<u8>)>();
        let passed = thread::scope(|scope| {
            scope.spawn(move || {
                let mut client = client;
                for (due, bytes) in handed {
                    thread::park_timeout(due.saturating_duration_since(now()));
                    let is_stalled = self.stalled.load(Ordering::Relaxed) > number;
                    if !is_stalled && client.write_all(&bytes).is_err() {
                        return;
                    }
                }
            });
            // What was handed on is written before the link is shut.
            self.pass_frames(&mut from_pbx, hand_on)
        });
        let _ = client.shutdown(Shutdown::Both);
        let _ = pbx.shutdown(Shutdown::Both);
        passed
    }

    /// Passes the answer to the upgrade and then frame by frame (RFC 6455, 5.2; a server's frames are not masked).
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the other side sees by its end that this has ended"
    )]
    fn pass_frames(
        &self,
        from: &mut impl BufRead,
        to: mpsc::Sender<(Instant, Vec<u8>)>,
    ) -> io::Result<()> {
        let Some(head) = read_head(from)? else {
            return Ok(());
        };
        let hand_on = |bytes| {
            to.send((now() + self.delay(), bytes))
                .map_err(io::Error::other)
        };
        hand_on(head.into_bytes())?;
        loop {
            let mut frame = vec![0; 2];
            from.read_exact(&mut frame)?;
            let more = match frame[1] & 0x7f {
                126 => 2,
                127 => 8,
                _ => 0,
            };
            frame.resize(2 + more, 0);
            from.read_exact(&mut frame[2..])?;
            let length = match more {
                0 => usize::from(frame[1] & 0x7f),
                _ => frame[2..]
                    .iter()
                    .fold(0, |length, byte| length << 8 | usize::from(*byte)),
            };
            let start = frame.len();
            frame.resize(start + length, 0);
            from.read_exact(&mut frame[start..])?;
            match self.watch(&frame[start..]) {
                Then::Tell => {}
                Then::Cut => return Ok(()),
                Then::CutForGood => {
                    self.away.store(true, Ordering::Relaxed);
                    return Ok(());
                }
            }
            hand_on(frame)?;
        }
    }

    fn delay(&self) -> Duration {
        Duration::from_millis(self.delay.load(Ordering::Relaxed))
    }

    fn watch(&self, payload: &[u8]) -> Then {
        let Ok(event) = serde_json::from_slice::<Value>(payload) else {
            return Then::Tell;
        };
        let mut plots = locked(&self.plots);
        let Some(index) = plots.iter().position(|plot| plot.moment.is(&event)) else {
            return Then::Tell;
        };
        let plot = plots.remove(index);
        // A test need not listen.
        let _ = plot.tell.send(());
        plot.then
    }
}

fn read_head(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if from.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(head))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
