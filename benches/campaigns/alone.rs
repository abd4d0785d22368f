//! The floors: the driver without a campaign and a store, and the store without a call.

use anyhow::{Context, Result, ensure};

use crate::{
    child::Started,
    controller::{CAMPAIGN, Pace},
    database::Database,
    load::Load,
    pbx::Pbx,
};

/// What the driver alone costs: the drops of a list that is given to it, at an even pace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Driver {
    pub(crate) rate: f64,
    pub(crate) least_in_a_second: u32,
    pub(crate) most_in_a_second: u32,
    pub(crate) in_flight: u32,
    /// Milliseconds of processor a drop.
    pub(crate) cpu: f64,
    /// Those of the fake PBX.
    pub(crate) pbx: f64,
    /// At start and at most, in MB of a million bytes.
    pub(crate) memory: [f64; 2],
}

/// What the store alone costs: the writes of drops as fast as it takes them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bare {
    /// Drops a second.
    pub(crate) rate: f64,
    /// Milliseconds of processor a drop, the database's included.
    pub(crate) cost: f64,
}

impl Driver {
    pub(crate) fn measure(pace: Pace, load: Load) -> Result<Self> {
        let mut pbx = Pbx::start(pace.technique())?;
        let mut process = Started::new(&[
            "driver".into(),
            pbx.url.clone(),
            pace.technique().into(),
            load.rate.to_string(),
            load.drops.to_string(),
        ])?;
        process.expect("ready")?;
        let (cpu, pbx_cpu) = (process.cpu()?, pbx.cpu()?);
        let memory = process.memory("VmRSS")?;
        process.say("go")?;
        process.expect("done")?;
        let seen = pbx.report()?;
        ensure!(
            seen.played == load.drops,
            "not every drop came to its end: {seen:?}"
        );
        let each = |begin: f64, end: f64| 1_000.0 * (end - begin) / f64::from(load.drops);
        Ok(Self {
            rate: seen.rate(),
            least_in_a_second: seen.least_in_a_second,
            most_in_a_second: seen.most_in_a_second,
            in_flight: seen.in_flight,
            cpu: each(cpu, process.cpu()?),
            pbx: each(pbx_cpu, pbx.cpu()?),
            memory: [memory, process.memory("VmHWM")?],
        })
    }
}

impl Bare {
    /// Writes so many drops of the benchmark's campaign, `batch` at a time.
    pub(crate) fn measure(database: &Database, drops: u32, batch: u32) -> Result<Self> {
        let mut process = Started::new(&[
            "store".into(),
            database.url().to_owned(),
            CAMPAIGN.into(),
            drops.to_string(),
            batch.to_string(),
        ])?;
        process.expect("ready")?;
        let begin = process.cpu()? + database.cpu()?;
        process.say("go")?;
        let seconds = process.line()?;
        let seconds: f64 = seconds
            .parse()
            .with_context(|| format!("the store alone said `{seconds}`"))?;
        let end = process.cpu()? + database.cpu()?;
        process.say("end")?;
        Ok(Self {
            rate: f64::from(drops) / seconds,
            cost: 1_000.0 * (end - begin) / f64::from(drops),
        })
    }
}
