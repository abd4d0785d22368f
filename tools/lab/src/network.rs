//! The lab, as its tests see it: two real Asterisk servers, what was called on them, and the program under test.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU16, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::Failed;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    own::{OwnName, cache},
    recording::{self, Samples},
    test_speech,
};

/// A lab of a name and ports of its own. It is taken down when this goes.
pub struct Lab {
    /// Two runs in one lab would ring the same numbers.
    name: OwnName,
    /// The program under test.
    program: PathBuf,
    facts: Facts,
    /// The area code of the next number: each test rings numbers of its own.
    area: AtomicU16,
    /// The PBX's address for programs, if not its own.
    via: OnceLock<String>,
}

/// What `lab.sh up` wrote.
#[derive(Debug, Deserialize)]
struct Facts {
    run: PathBuf,
    root: PathBuf,
    ports: u16,
    pbx_url: String,
    pbx_pid: u32,
    pbx_user: String,
    pbx_password: String,
    sounds_dir: PathBuf,
    recordings: PathBuf,
    calls_log: PathBuf,
    carrier_url: String,
    carrier_user: String,
    carrier_password: String,
    cdr_csv: PathBuf,
    config: PathBuf,
}

impl Lab {
    /// Brings up a lab of this name, or of this name and a number if another run has that, and waits until a call can be made.
    pub fn up(program: impl Into<PathBuf>, name: &str) -> Result<Self, Failed> {
        Self::up_as(program, name, None, None)
    }

    /// The same, but for what a person has set: the very name in `LAB`, and the ports from `PORTS` on.
    pub fn up_as_set(program: impl Into<PathBuf>, name: &str) -> Result<Self, Failed> {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let ports = set("PORTS").map(|ports| ports.parse()).transpose()?;
        Self::up_as(program, name, set("LAB").as_deref(), ports)
    }

    /// The same, but for the very name and the ports if they are given. A lab of a name that is given goes on if it is up.
    pub fn up_as(
        program: impl Into<PathBuf>,
        name: &str,
        given: Option<&str>,
        ports: Option<u16>,
    ) -> Result<Self, Failed> {
        let name = match given {
            Some(given) => OwnName::wait_for(&labs(), given)?,
            None => {
                let own = OwnName::first_free(&labs(), name)?;
                // What a run that was killed has left is as that one changed it.
                script(&["down", "--name", own.as_str()])?;
                own
            }
        };
        let ports = ports.map(|ports| ports.to_string());
        let mut arguments = vec!["up", "--name", name.as_str()];
        if let Some(ports) = &ports {
            arguments.extend(["--ports", ports]);
        }
        script(&arguments)?;
        let facts = fs::read(labs().join(name.as_str()).join("lab.json"))?;
        let lab = Self {
            name,
            program: program.into(),
            facts: serde_json::from_slice(&facts)?,
            area: AtomicU16::new(201),
            via: OnceLock::new(),
        };
        lab.forget_calls()?;
        Ok(lab)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// One of its ports. From the fourth to the ninth they are free for tests.
    pub fn port(&self, nth: u16) -> u16 {
        self.facts.ports + nth
    }

    /// The root of the file system that its servers are installed in.
    pub fn root(&self) -> &Path {
        &self.facts.root
    }

    /// A number of the subscriber with these last four digits that no test has rung before.
    pub fn number(&self, subscriber: &str) -> Number {
        let area = self.area.fetch_add(1, Ordering::Relaxed);
        if !is_area_code(area) {
            return self.number(subscriber);
        }
        Number::new(area, subscriber)
    }

    /// The configuration that a user would write for this lab.
    pub fn config(&self) -> &Path {
        &self.facts.config
    }

    /// The PBX's own address, for what is put in between.
    pub fn pbx_url(&self) -> &str {
        &self.facts.pbx_url
    }

    /// Has all programs from now on reach the PBX by this address.
    pub fn reach_by(&self, url: String) {
        // Once is enough.
        let _ = self.via.set(url);
    }

    /// User and password of the PBX's ARI.
    pub fn login(&self) -> (&str, &str) {
        (&self.facts.pbx_user, &self.facts.pbx_password)
    }

    /// The lab's folder.
    pub fn folder(&self) -> &Path {
        &self.facts.run
    }

    /// The folder of prepared messages.
    pub fn sounds(&self) -> &Path {
        &self.facts.sounds_dir
    }

    /// Stops the PBX, which hangs up every call on its way, and starts it again.
    pub fn restart_pbx(&self) -> Result<(), Failed> {
        script(&["restart-pbx", "--name", self.name()]).map(drop)
    }

    /// Kills the PBX as a power cut would, and starts it again.
    pub fn crash_pbx(&self) -> Result<(), Failed> {
        self.kill_pbx()?;
        self.start_pbx()
    }

    /// Kills the PBX as a power cut would.
    pub fn kill_pbx(&self) -> Result<(), Failed> {
        // Each start has another pid.
        let facts: Facts = serde_json::from_slice(&fs::read(self.facts.run.join("lab.json"))?)?;
        let killed = Command::new("kill")
            .args(["-KILL", &facts.pbx_pid.to_string()])
            .status()?;
        if !killed.success() {
            return Err("the PBX was not there to be killed".into());
        }
        Ok(())
    }

    /// Starts the PBX that was killed, and waits until a call can be made.
    pub fn start_pbx(&self) -> Result<(), Failed> {
        script(&["start-pbx", "--name", self.name()]).map(drop)
    }

    /// What the carrier saw of a number, in the order of its clock.
    pub fn calls(&self, number: &Number) -> Result<Vec<Seen>, Failed> {
        let wanted = format!("number={number}");
        let text = fs::read_to_string(&self.facts.calls_log)?;
        let mut seen: Vec<Seen> = text
            .lines()
            .filter(|line| line.split(' ').any(|word| word == wanted))
            .map(|line| Seen::parse(line).ok_or_else(|| format!("the call log is odd: {line}")))
            .collect::<Result<_, _>>()?;
        seen.sort_by(|a, b| a.at.cmp(&b.at));
        Ok(seen)
    }

    /// All that the carrier saw so far, as it wrote it down.
    pub fn call_log(&self) -> Result<String, Failed> {
        Ok(fs::read_to_string(&self.facts.calls_log)?)
    }

    /// What a server, `pbx` or `carrier`, answers to a command on its console.
    pub fn console(&self, server: &str, command: &str) -> Result<String, Failed> {
        script(&["cli", "--name", self.name(), server, command])
    }

    /// How often the number was rung.
    pub fn times_called(&self, number: &Number) -> Result<usize, Failed> {
        Ok(self
            .calls(number)?
            .iter()
            .filter(|seen| seen.event == "invite")
            .count())
    }

    /// What the subscriber heard or recorded in all calls to the number, the last call last.
    pub fn recordings(&self, number: &Number, kind: Recording) -> Result<Vec<Samples>, Failed> {
        let mut found = Vec::new();
        for call in 1..=9 {
            let path = self.recording(number, call, kind);
            if path.exists() {
                found.push(recording::read(&path)?);
            }
        }
        Ok(found)
    }

    /// The path of the recording of one call.
    pub fn recording(&self, number: &Number, call: u8, kind: Recording) -> PathBuf {
        let kind = match kind {
            Recording::Mailbox => "mailbox",
            Recording::Heard => "heard",
            Recording::Returned => "returned",
        };
        self.facts
            .recordings
            .join(format!("{number}-{call}-{kind}.wav"))
    }

    /// The PBX's books.
    pub fn books(&self) -> Result<String, Failed> {
        Ok(fs::read_to_string(&self.facts.cdr_csv).unwrap_or_default())
    }

    /// The ids of all channels on the PBX.
    pub fn channels(&self) -> Result<Vec<String>, Failed> {
        let list = self.ask("GET", "channels")?;
        let ids = list.as_array().ok_or("no list of channels")?.iter();
        Ok(ids
            .filter_map(|channel| channel["id"].as_str().map(str::to_owned))
            .collect())
    }

    /// One ARI request, made as any other client of the PBX would make it; null if the answer is empty.
    pub fn ask(&self, method: &str, path: &str) -> Result<Value, Failed> {
        let facts = &self.facts;
        let login = (facts.pbx_user.as_str(), facts.pbx_password.as_str());
        Self::ask_at(&facts.pbx_url, login, method, path)
    }

    /// One ARI request to the carrier.
    pub fn ask_carrier(&self, method: &str, path: &str) -> Result<Value, Failed> {
        let (login, url) = (self.carrier_login(), &self.facts.carrier_url);
        Self::ask_at(url, login, method, path)
    }

    /// The address of the carrier's ARI.
    pub fn carrier_url(&self) -> &str {
        &self.facts.carrier_url
    }

    /// User and password of the carrier's ARI.
    pub fn carrier_login(&self) -> (&str, &str) {
        (&self.facts.carrier_user, &self.facts.carrier_password)
    }

    fn ask_at(
        url: &str,
        (user, password): (&str, &str),
        method: &str,
        path: &str,
    ) -> Result<Value, Failed> {
        let request = reqwest::Client::new()
            .request(method.parse()?, format!("{url}/ari/{path}"))
            .basic_auth(user, Some(password))
            .timeout(Duration::from_secs(10));
        let answer = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(async { request.send().await?.error_for_status()?.text().await })?;
        Ok(if answer.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&answer)?
        })
    }

    /// Waits until no channel on the PBX has an id with this in it.
    pub fn wait_for_silence_of(&self, part: &str, patience: Duration) -> Result<(), Failed> {
        wait_for(patience, || {
            let left: Vec<_> = self
                .channels()?
                .into_iter()
                .filter(|id| id.contains(part))
                .collect();
            if left.is_empty() {
                Ok(())
            } else {
                Err(format!("still up: {left:?}").into())
            }
        })
    }

    /// The program, with this lab's configuration.
    pub fn aftertone(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--config")
            .arg(&self.facts.config)
            .stdin(Stdio::null());
        if let Some(url) = self.via.get() {
            command.env("AFTERTONE__PBX__URL", url);
        }
        command
    }

    /// A message as a user would make it, prepared by the program; `name` becomes its name.
    pub fn prepare(&self, name: &str, seconds: f32) -> Result<Message, Failed> {
        let source = self.facts.run.join(format!("{name}-source.wav"));
        let seed = name
            .bytes()
            .fold(0_u64, |seed, byte| seed.wrapping_mul(31) + u64::from(byte));
        test_speech::write_wav(&source, &test_speech::speak(seed, seconds))?;
        let out = self
            .aftertone()
            .args(["message", "add", name, "--replace"])
            .arg(&source)
            .output()?;
        if !out.status.success() {
            return Err(format!("message add: {}", told(&out)).into());
        }
        let samples = recording::read(&self.facts.sounds_dir.join(format!("{name}.wav")))?;
        Ok(Message {
            name: name.to_owned(),
            samples,
        })
    }

    /// Calls of an earlier run under the same numbers would be taken for this one's.
    pub fn forget_calls(&self) -> Result<(), Failed> {
        self.console("carrier", "database deltree calls")?;
        for entry in fs::read_dir(&self.facts.recordings)? {
            fs::remove_file(entry?.path())?;
        }
        if self.facts.calls_log.exists() {
            File::options()
                .write(true)
                .truncate(true)
                .open(&self.facts.calls_log)?;
        }
        Ok(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Err(error) = script(&["down", "--name", self.name()]) {
            panic!("the lab {} did not go down: {error:?}", self.name);
        }
    }
}

/// Full digits, without a `+`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(String);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Number {
    /// The subscriber with these last four digits under an area code.
    pub fn new(area: u16, subscriber: &str) -> Self {
        assert!(area < 1_000, "the lab has run out of area codes");
        Self(format!("1{area}555{subscriber}"))
    }

    /// E.164.
    pub fn e164(&self) -> String {
        format!("+{}", self.0)
    }
}

/// Whether three digits can be an area code of the North American plan that is dialled: N9X is kept for the plan's growth and N11 for
/// services, so neither is one, and what 900 costs is not paid unless `pbx.allow_premium` says so.
pub const fn is_area_code(area: u16) -> bool {
    let (tens, units) = (area / 10 % 10, area % 10);
    area >= 200 && area < 1_000 && area != 900 && tens != 9 && !(tens == 1 && units == 1)
}

/// A prepared message.
pub struct Message {
    /// The name by which the program knows it.
    pub name: String,
    /// It as prepared for narrow lines.
    pub samples: Samples,
}

impl Message {
    /// It as the program sends it.
    pub fn own(&self) -> Arc<[i16]> {
        let samples = self.samples.iter();
        samples.map(|sample| (sample * 32_768.0) as i16).collect()
    }
}

/// What the carrier records of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recording {
    /// What the mailbox keeps, from its ready point on.
    Mailbox,
    /// All that the far end heard, from answer on.
    Heard,
    /// What a line with an echo sends back while the mailbox records.
    Returned,
}

/// One line of the carrier's call log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// As it is written; sorts by time.
    pub at: String,
    /// 1 for the first call that the number ever got.
    pub call: u8,
    /// `invite`, `ringing`, `progress`, `answer`, `ready` or `hangup`.
    pub event: String,
}

impl Seen {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let at = words.next()?.to_owned();
        let field = |name: &str| {
            line.split(' ')
                .find_map(|word| word.strip_prefix(name))
                .map(str::to_owned)
        };
        Some(Self {
            at,
            call: field("call=")?.parse().ok()?,
            event: field("event=")?,
        })
    }

    /// Milliseconds since midnight.
    pub fn ms(&self) -> Option<i64> {
        let time = self.at.split('T').nth(1)?;
        let mut parts = time.split([':', '.']).map(|part| part.parse::<i64>().ok());
        let (h, m, s, ms) = (
            parts.next()??,
            parts.next()??,
            parts.next()??,
            parts.next()??,
        );
        Some(((h * 60 + m) * 60 + s) * 1_000 + ms)
    }
}

/// `aftertone drop`, running. It is killed if a test gives it up.
pub struct Dropping {
    child: Child,
    talk: thread::JoinHandle<String>,
    data: thread::JoinHandle<String>,
}

/// How an `aftertone drop` ended.
#[derive(Debug)]
pub struct Dropped {
    /// The exit status; none if a signal ended it.
    pub status: Option<i32>,
    /// What `--json` printed; null if it printed nothing.
    pub json: Value,
    /// What it said on stderr.
    pub talk: String,
}

impl Dropping {
    /// Starts a drop with `--json`.
    pub fn start(
        mut command: Command,
        number: &Number,
        message: &str,
        more: &[&str],
    ) -> Result<Self, Failed> {
        let mut child = command
            .args(["drop", &number.e164(), "--json", "--message", message])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let talk = read_all(child.stderr.take().ok_or("no stderr")?);
        let data = read_all(child.stdout.take().ok_or("no stdout")?);
        Ok(Self { child, talk, data })
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: &str) -> Result<(), Failed> {
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()?;
        if sent.success() {
            Ok(())
        } else {
            Err("the drop had ended already".into())
        }
    }

    /// Waits until it has ended.
    pub fn finish(mut self, patience: Duration) -> Result<Dropped, Failed> {
        let ended: Result<ExitStatus, Failed> = wait_for(patience, || {
            self.child
                .try_wait()?
                .ok_or_else(|| "the drop does not end".into())
        });
        if ended.is_err() {
            self.child.kill()?;
            self.child.wait()?;
        }
        let talk = self.talk.join().unwrap_or_default();
        let data = self.data.join().unwrap_or_default();
        let status = ended
            .map_err(|error| format!("{}\n{talk}\n{data}", error.message().unwrap_or_default()))?;
        let json = if data.trim().is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&data)?
        };
        Ok(Dropped {
            status: status.code(),
            json,
            talk,
        })
    }
}

impl Dropped {
    /// The outcome's slug.
    pub fn outcome(&self) -> &str {
        self.json["outcome"].as_str().unwrap_or("none")
    }

    /// The drop's id, which is part of the names of its channels.
    pub fn id(&self) -> &str {
        self.json["drop"].as_str().unwrap_or("none")
    }
}

/// Waits until `ready` is so, asking again and again; its last refusal is what a timeout says.
pub fn wait_for<T>(
    patience: Duration,
    mut ready: impl FnMut() -> Result<T, Failed>,
) -> Result<T, Failed> {
    let deadline = now() + patience;
    loop {
        match ready() {
            Ok(done) => return Ok(done),
            Err(error) if now() >= deadline => return Err(error),
            // Between two looks, not instead of one.
            Err(_) => thread::park_timeout(Duration::from_millis(20)),
        }
    }
}

/// What a command said.
pub fn told(out: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    )
}

/// The moment it is.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests of the real thing live in real time"
)]
pub fn now() -> Instant {
    Instant::now()
}

fn read_all(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        // What cannot be read any more is the end of it.
        let _ = from.read_to_string(&mut text);
        text
    })
}

/// The folder of the labs, each in a folder of its name.
fn labs() -> PathBuf {
    cache().join("lab")
}

fn script(arguments: &[&str]) -> Result<String, Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/lab/lab.sh");
    let out = Command::new(path)
        .args(arguments)
        .stdin(Stdio::null())
        .output()?;
    if out.status.success() {
        Ok(told(&out))
    } else {
        Err(format!("lab.sh {}: {}", arguments.join(" "), told(&out)).into())
    }
}
