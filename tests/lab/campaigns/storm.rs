//! A campaign whose controller, database and PBX are killed again and again, and started again each time: no contact is
//! rung again for it, none is forgotten, and what was lost is said.

use std::{collections::BTreeMap, thread, time::Duration};

use jiff::{SignedDuration, Timestamp};
use libtest_mimic::Failed;

use super::{
    carrier::Log,
    contacts::{Contact, Fate, contacts, list},
    database::Database,
    judge::Judge,
    program::{Program, Row, Running},
};
use crate::{
    Bench, check,
    network::{Lab, now, wait_for},
    test_speech::Random,
};

/// Drops in flight, so no kill can cost more of them.
const AT_ONCE: usize = 8;

/// Slow enough that some contacts are left to be called after the last kill.
const STARTS_PER_SECOND: &str = "0.8";

/// What is done to a campaign.
pub(crate) struct Storm {
    /// Names the lab, the campaign and the files.
    pub(crate) name: &'static str,
    pub(crate) postgres: bool,
    /// Whom to call.
    pub(crate) kinds: &'static [(&'static str, Fate, usize)],
    /// What is killed, in this order.
    pub(crate) blows: &'static [What],
}

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The controller, at any moment.
    Controller,
    /// The controller, at once when a contact's phone rings.
    Dialling,
    /// The database, which stays away for some seconds.
    Postgres,
    /// The database, and the controller while it is away.
    Both,
    /// The PBX, and so all calls.
    Pbx,
}

use What::{Both, Controller, Dialling, Pbx, Postgres};

/// A kill that has happened.
#[derive(Clone, Copy, Debug)]
struct Blow {
    what: What,
    /// What was killed was alive for the last time.
    at: Timestamp,
    /// It was gone.
    gone: Timestamp,
    /// It was to be had again.
    back: Timestamp,
}

/// Short calls to everybody who ends one soon.
pub(crate) const THREE_HUNDRED: &[(&str, Fate, usize)] = &[
    ("0116", Fate::Called, 130),
    ("0104", Fate::Called, 20),
    ("0102", Fate::Called, 20),
    ("0103", Fate::Called, 20),
    ("0106", Fate::Called, 25),
    ("0107", Fate::Called, 25),
    ("0109", Fate::Called, 20),
    ("0110", Fate::Called, 20),
    ("0117", Fate::Called, 20),
];

/// A third of it.
pub(crate) const HUNDRED: &[(&str, Fate, usize)] = &[
    ("0116", Fate::Called, 40),
    ("0104", Fate::Called, 8),
    ("0102", Fate::Called, 8),
    ("0103", Fate::Called, 8),
    ("0106", Fate::Called, 8),
    ("0107", Fate::Called, 7),
    ("0109", Fate::Called, 7),
    ("0110", Fate::Called, 7),
    ("0117", Fate::Called, 7),
];

/// Twenty kills of the controller, three of PostgreSQL, two of the PBX.
pub(crate) const TWENTY: &[What] = &[
    Controller, Dialling, Controller, Pbx, Dialling, Postgres, Controller, Dialling, Controller,
    Dialling, Pbx, Controller, Dialling, Both, Controller, Dialling, Controller, Postgres,
    Dialling, Controller, Dialling, Controller, Dialling, Controller,
];

/// Six kills of the controller.
pub(crate) const SIX: &[What] = &[
    Controller, Dialling, Controller, Dialling, Controller, Dialling,
];

impl Storm {
    /// Runs the campaign to its end, and judges it.
    pub(crate) fn pass(&self) -> Result<(), Failed> {
        let bench = Bench::of_its_own(self.name);
        let lab = bench.lab();
        let database = self.postgres.then(|| Database::start(lab)).transpose()?;
        let mut program = Program::new(lab, self.name)
            .with("TRUNK__STARTS_PER_SECOND", STARTS_PER_SECOND)
            .with("TRUNK__IN_FLIGHT", AT_ONCE.to_string())
            .with("TRUNK__CANCELLED", "none")
            .with("TRUNK__SHORT", "none")
            .with("TRUNK__PEOPLE", "none");
        if let Some(database) = &database {
            program = program.with("STORE__URL", database.url());
        }
        let message = lab.prepare("short", 1.0)?;
        let contacts = contacts(self.kinds);
        let path = lab.folder().join("list.csv");
        std::fs::write(&path, list(&contacts, &[]))?;
        // It is on purpose that so many are lost.
        program.create(
            self.name,
            &message.name,
            &["--technique", "double", "--stop-on", "never"],
            &path,
        )?;

        let mut weather = Weather {
            storm: self,
            lab,
            program: &program,
            running: program.run(self.name)?,
            database: database.as_ref(),
            random: Random(SEED),
            said: String::new(),
            starts: 1,
        };
        let blows = weather.blow_all(self.blows)?;
        weather.let_it_end()?;
        let said = weather.said;

        lab.wait_for_silence_of("", Duration::from_secs(5))?;
        wait_for(CARRIER_FORGETS, || {
            let up = Log::read(lab)?.still_up();
            check!(up.is_empty(), "still up at the carrier:\n{up}");
            Ok(())
        })?;
        let rows = program.results(self.name)?;
        let mut judge = Judge::new(lab, &message)?;
        let lost = judge_all(&mut judge, &contacts, &rows, &blows);
        no_number_rung_without_database(&mut judge, &blows);
        for blow in blows.iter().filter(|blow| blow.what == Pbx) {
            judge.log.end_all(blow.at);
        }
        let at_once = judge.log.most_at_once(SLACK);
        judge.expect(at_once <= AT_ONCE, || format!("{at_once} at once"));
        told(&mut judge, &program, self.name, &said, &lost)?;
        judge.verdict()
    }
}

/// The campaign while all that happens to it.
struct Weather<'a> {
    storm: &'a Storm,
    lab: &'a Lab,
    program: &'a Program<'a>,
    running: Running,
    database: Option<&'a Database>,
    random: Random,
    /// What all runs of the program said, but for the one that runs.
    said: String,
    starts: usize,
}

impl Weather<'_> {
    fn blow_all(&mut self, blows: &[What]) -> Result<Vec<Blow>, Failed> {
        let mut done: Vec<Blow> = Vec::new();
        for (index, &what) in blows.iter().enumerate() {
            let left = blows.len() - index;
            let wait = self.seconds(10.0, 15.0);
            let over = self.keep_it_running_for(wait)?;
            check!(!over, "the campaign was over with {left} kills to go");
            done.push(self.blow(what)?);
        }
        Ok(done)
    }

    fn blow(&mut self, what: What) -> Result<Blow, Failed> {
        let (at, gone, back) = match what {
            Controller => {
                let at = self.kill()?;
                self.start()?;
                (at, at, at)
            }
            Dialling => {
                self.wait_for_a_ring()?;
                let at = self.kill()?;
                self.start()?;
                (at, at, at)
            }
            Postgres | Both => {
                let database = self.database.ok_or("no database to be killed")?;
                let at = Timestamp::now();
                database.kill()?;
                let gone = Timestamp::now();
                if what == Both {
                    let wait = self.seconds(0.5, 1.5);
                    self.keep_it_running_for(wait)?;
                    self.kill()?;
                    self.start()?;
                }
                let wait = self.seconds(2.0, 4.0);
                self.keep_it_running_for(wait)?;
                let back = Timestamp::now();
                database.start_again()?;
                (at, gone, back)
            }
            Pbx => {
                let at = Timestamp::now();
                self.lab.kill_pbx()?;
                let wait = self.seconds(1.0, 4.0);
                self.keep_it_running_for(wait)?;
                self.lab.start_pbx()?;
                (at, at, Timestamp::now())
            }
        };
        Ok(Blow {
            what,
            at,
            gone,
            back,
        })
    }

    /// Starts the program again whenever it has given up, as whatever supervises it would. Whether the campaign is over.
    fn keep_it_running_for(&mut self, wait: Duration) -> Result<bool, Failed> {
        let until = now() + wait;
        while now() < until {
            if self.is_over()? {
                return Ok(true);
            }
            thread::park_timeout(Duration::from_millis(50));
        }
        Ok(false)
    }

    fn let_it_end(&mut self) -> Result<(), Failed> {
        wait_for(THE_REST, || {
            let over = self.is_over()?;
            check!(over, "the campaign does not end:\n{}", self.running.said());
            Ok(())
        })?;
        self.said += &self.running.said();
        Ok(())
    }

    fn is_over(&mut self) -> Result<bool, Failed> {
        match self.running.ended()? {
            None => Ok(false),
            Some(0) => Ok(true),
            Some(status) => {
                let said = self.running.said();
                check!(
                    self.starts < MOST_STARTS,
                    "it ended {MOST_STARTS} times, with {status} at last:\n{said}"
                );
                thread::park_timeout(BEFORE_A_RESTART);
                self.start()?;
                Ok(false)
            }
        }
    }

    fn kill(&mut self) -> Result<Timestamp, Failed> {
        self.running.kill()
    }

    fn start(&mut self) -> Result<(), Failed> {
        self.said += &self.running.said();
        self.starts += 1;
        self.running = self.program.run(self.storm.name)?;
        Ok(())
    }

    fn wait_for_a_ring(&self) -> Result<(), Failed> {
        let rung = || Ok::<_, Failed>(self.lab.call_log()?.matches("call=1 event=invite").count());
        let before = rung()?;
        let until = now() + Duration::from_secs(8);
        while rung()? == before && now() < until {
            thread::park_timeout(Duration::from_millis(2));
        }
        Ok(())
    }

    fn seconds(&mut self, least: f32, most: f32) -> Duration {
        Duration::from_secs_f32(least + (most - least) * self.random.unit())
    }
}

/// Judges each contact; those that were lost, each with the kill that cost it.
fn judge_all(
    judge: &mut Judge<'_>,
    contacts: &[Contact],
    rows: &[Row],
    blows: &[Blow],
) -> BTreeMap<String, usize> {
    let mut lost = BTreeMap::new();
    for (contact, row) in judge.pair(contacts, rows) {
        if was_cut_off_with_the_pbx(&row, blows) {
            judge.lost(contact, &row);
            continue;
        }
        if row.outcome.as_deref() != Some("lost") {
            judge.called(contact, &row);
            continue;
        }
        judge.lost(contact, &row);
        let fatal = blows.iter().position(|blow| {
            let kills = match blow.what {
                Controller | Dialling | Both | Pbx => true,
                Postgres => false,
            };
            kills && row.started.is_some_and(|started| started <= blow.back)
        });
        let Some(fatal) = fatal else {
            judge.problem(contact, Some(&row), "lost, though nothing was killed");
            continue;
        };
        // While the database is away nothing can be written down.
        let away = blows
            .iter()
            .rev()
            .find(|blow| matches!(blow.what, Postgres | Both) && blow.at <= blows[fatal].at);
        let known_until = away
            .filter(|away| blows[fatal].at <= away.back + SETTLES)
            .map_or(blows[fatal].at, |away| away.at.min(blows[fatal].at));
        let calls = judge.log.calls(&contact.number);
        let ended = calls.iter().filter_map(|call| call.ended).max();
        if ended.is_some_and(|ended| ended + SETTLES < known_until) {
            let words = format!("lost, though it had ended before {:?}", blows[fatal]);
            judge.problem(contact, Some(&row), &words);
        }
        lost.insert(contact.id.clone(), fatal);
    }
    for (index, blow) in blows.iter().enumerate() {
        let count = lost.values().filter(|&&fatal| fatal == index).count();
        judge.expect(count <= AT_ONCE, || format!("{count} lost by {blow:?}"));
    }
    lost
}

/// Whether the PBX died while the message was played: the connection that carried it ended at once, so the outcome is known.
fn was_cut_off_with_the_pbx(row: &Row, blows: &[Blow]) -> bool {
    let ended = row.json["ended_at"].as_str();
    let ended = ended.and_then(|at| at.parse::<Timestamp>().ok());
    let (Some(started), Some(ended)) = (row.started, ended) else {
        return false;
    };
    let mut kills = blows.iter().filter(|blow| blow.what == Pbx);
    row.outcome.as_deref() == Some("cut_off")
        && kills.any(|blow| started <= blow.at && blow.at <= ended)
}

/// An intent that cannot be written is not dialled.
fn no_number_rung_without_database(judge: &mut Judge<'_>, blows: &[Blow]) {
    let rings = judge.log.first_rings();
    for blow in blows {
        if !matches!(blow.what, Postgres | Both) {
            continue;
        }
        let rung = rings
            .iter()
            .filter(|&&ring| blow.gone + ON_ITS_WAY < ring && ring < blow.back)
            .count();
        judge.expect(rung == 0, || {
            format!("{rung} numbers rung while the database was away: {blow:?}")
        });
    }
}

/// What is lost is said: by the campaign's summary, and by the run that found it out.
fn told(
    judge: &mut Judge<'_>,
    program: &Program<'_>,
    campaign: &str,
    said: &str,
    lost: &BTreeMap<String, usize>,
) -> Result<(), Failed> {
    let summary = program.summary(campaign)?;
    let counted = summary["outcomes"]["lost"].as_u64().unwrap_or(0);
    judge.expect(counted == lost.len() as u64, || {
        format!("{} lost, and the summary says: {summary:#}", lost.len())
    });
    judge.expect(lost.is_empty() || said.contains("lost"), || {
        format!("what was lost is not said:\n{said}")
    });
    Ok(())
}

/// The moments of the kills follow from it.
const SEED: u64 = 20_261_123;

/// From the last kill to the end of the campaign.
const THE_REST: Duration = Duration::from_secs(180);

/// More starts than there are kills: one that cannot reach its database ends, and is started again.
const MOST_STARTS: usize = 120;

/// How long a supervisor waits before it starts again what has given up.
const BEFORE_A_RESTART: Duration = Duration::from_millis(250);

/// A call whose PBX is gone stays up at the carrier until its mailbox has recorded for three minutes.
const CARRIER_FORGETS: Duration = Duration::from_secs(200);

/// From the end of a drop until that is in the database, on a busy machine.
const SETTLES: SignedDuration = SignedDuration::from_secs(5);

/// From an intent that is written to the carrier's phone that rings.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_millis(300);

/// From the end of a call on the PBX to the carrier's word of it.
const SLACK: Duration = Duration::from_millis(100);
