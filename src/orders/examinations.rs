//! What a server looks at for whoever asks over HTTP: the port between it and the checks of the command line.

use std::fmt;

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// What looks at the PBX and the database.
pub trait Examinations: fmt::Debug + Send + Sync {
    /// Makes the checks of `aftertone doctor`, and gives what it prints: an object for each. It makes a short call within the
    /// PBX, and none outside.
    ///
    /// # Errors
    /// Why nothing could be looked at, for people.
    fn doctor(&self) -> BoxFuture<'static, Result<Vec<Value>, String>>;

    /// Runs a campaign on virtual time, and gives what `aftertone campaign simulate --json` prints. Nothing is dialled.
    ///
    /// # Errors
    /// Why it cannot be simulated, for people.
    fn simulate(&self, order: SimulationOrder) -> BoxFuture<'static, Result<Value, String>>;
}

/// What is to be simulated.
#[derive(Clone, Debug)]
pub struct SimulationOrder {
    /// The campaign's name.
    pub campaign: String,
    /// Settings that hold for the simulation alone.
    pub settings: Map<String, Value>,
    /// The assumed outcomes with their shares; those that are usual if it is empty.
    pub assume: Map<String, Value>,
    /// When it begins.
    pub begins: Timestamp,
}
