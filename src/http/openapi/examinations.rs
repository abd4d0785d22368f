//! What is asked before anything is dialled: the gate, simulations, and the checks of `aftertone doctor` in the OpenAPI document: the operations, and the schemas as types that are nothing else.

#![expect(dead_code, reason = "of most types only the schemas are used")]

use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Operation, Schemas, drops::ConsentOnRecord};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        method: "POST",
        path: "/checks",
        id: "check_numbers",
        summary: "Ask the gate about numbers, dialling nothing",
        description: "A drop asks the gate again at the moment of the call.",
        parameters: &[],
        request: Some("CheckRequest"),
        responses: &[(
            200,
            "What the gate says to each, in their order",
            Some("Checks"),
        )],
    },
    Operation {
        method: "POST",
        path: "/simulations",
        id: "simulate_campaign",
        summary: "Simulate a campaign on virtual time, dialling nothing",
        description: "As `aftertone campaign simulate`: how long it would take, its calls per hour and its use of the trunk's limits. Of 50,000 \
            contacts at most, and one at a time.",
        parameters: &[],
        request: Some("SimulationRequest"),
        responses: &[(202, "It runs", Some("Simulation"))],
    },
    Operation {
        method: "GET",
        path: "/simulations",
        id: "list_simulations",
        summary: "List the latest simulations of the server that is asked, the latest first",
        description: "",
        parameters: &[],
        request: None,
        responses: &[(200, "The simulations", Some("SimulationList"))],
    },
    Operation {
        method: "GET",
        path: "/simulations/{simulation}",
        id: "show_simulation",
        summary: "Show a simulation, and what came of it",
        description: "",
        parameters: &["{simulation}"],
        request: None,
        responses: &[(200, "The simulation", Some("Simulation"))],
    },
    Operation {
        method: "POST",
        path: "/doctor",
        id: "examine_pbx",
        summary: "Check whether the PBX and the database are fit for drops",
        description: "The checks of `aftertone doctor`, each with what to do about it. It makes a short call within the PBX, and none outside; \
            one at a time.",
        parameters: &[],
        request: None,
        responses: &[(200, "What was found", Some("Examination"))],
    },
];

pub(super) fn add_schemas(all: &mut Schemas) {
    all.add::<SimulationRequest>();
    all.add::<SimulationShown>();
    all.add::<SimulationList>();
    all.add::<Examination>();
    all.add::<CheckRequest>();
    all.add::<Checks>();
}

/// Numbers that the gate is asked about.
#[derive(ToSchema)]
struct CheckRequest {
    /// The numbers, at most 1,000.
    numbers: Vec<String>,
    /// What the message is for: `marketing` or `informational`.
    kind: String,
    /// The consent of all of them.
    consent: Option<ConsentOnRecord>,
    /// `double`, which counts as two calls, or `single`.
    technique: Option<String>,
    /// The moment to ask for; now unless given.
    #[schema(format = DateTime)]
    at: Option<String>,
}

/// What the gate says to numbers.
#[derive(ToSchema)]
struct Checks {
    /// To each, in their order.
    items: Vec<Check>,
}

/// What the gate says to a number.
#[derive(ToSchema)]
struct Check {
    /// Its middle masked; null if it is none.
    number: Option<String>,
    /// `allowed`, `held`, `refused`, or `rejected` if it is no number.
    decision: String,
    /// Why.
    reason: Option<String>,
    /// Until when it is held.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// The same for people.
    words: String,
}

/// What is to be simulated.
#[derive(ToSchema)]
struct SimulationRequest {
    /// The campaign's name.
    campaign: String,
    /// Settings that hold for the simulation alone.
    settings: Option<Map<String, Value>>,
    /// The assumed outcomes with their shares, such as `{"delivered": 72, "no_answer": 28}`.
    assume: Option<Map<String, Value>>,
    /// When it begins; now unless given.
    #[schema(format = DateTime)]
    begins: Option<String>,
}

/// A simulation.
#[derive(ToSchema)]
#[schema(as = Simulation)]
struct SimulationShown {
    /// Its id.
    id: String,
    /// The campaign's name.
    campaign: String,
    /// The settings that hold for it alone.
    settings: Map<String, Value>,
    /// `running`, `complete` or `failed`.
    state: String,
    /// Why it failed, for people.
    why: Option<String>,
    /// When it was asked for.
    #[schema(format = DateTime)]
    began_at: String,
    /// What `aftertone campaign simulate --json` prints; null unless it is complete.
    forecast: Option<Map<String, Value>>,
}

/// The latest simulations of a server.
#[derive(ToSchema)]
struct SimulationList {
    /// The simulations, the latest first.
    items: Vec<SimulationShown>,
}

/// What was found of the PBX and the database.
#[derive(ToSchema)]
struct Examination {
    /// Whether no check has failed; warnings do not count.
    ok: bool,
    /// The checks.
    checks: Vec<ExaminedPoint>,
}

/// A check.
#[derive(ToSchema)]
struct ExaminedPoint {
    /// What was looked at.
    check: String,
    /// `ok`, `warn` or `fail`.
    status: String,
    /// What was found.
    detail: String,
    /// What to do about it.
    remedy: Option<String>,
}
