//! What the store alone costs: the writes of drops, in batches, one after another, and no call.

use std::time::Instant;

use aftertone::{
    campaign::{
        budget::Calls,
        engine::{PbxId, Settlement},
        policy::{CampaignKind, Case, Gate, GateSettings},
    },
    drop::{Outcome, Proof, Technique},
    id::DropId,
    store::{
        Campaign, DatabaseAddress, DropEnd, DueQueue, Intent, Leased, StartTerms, Store, Write,
        Written,
    },
};
use anyhow::{Context, Result, ensure};
use jiff::Timestamp;

use crate::{child, database::registration};

/// Opens the store, waits for the word, leases, begins and ends as many drops as are asked for; prints the seconds it took.
pub(crate) async fn run(
    place: &DatabaseAddress,
    campaign: &str,
    drops: usize,
    batch: usize,
) -> Result<()> {
    let store = Store::open(place).await?;
    let campaign = store.campaign(campaign).await?;
    let campaign = campaign.context("no such campaign")?;
    let registration = registration("bare")?;
    let holder = store
        .begin_controller(&registration, Timestamp::now())
        .await?;
    println!("ready");
    child::told().await?;
    let gate = Gate::new(GateSettings::default());
    let mut queue = DueQueue::new(gate.clone());
    let begun = Instant::now();
    let mut done = 0;
    while done < drops {
        let now = Timestamp::now();
        let history = gate.settings().history();
        let (leased, _) = store
            .lease(&holder, campaign.id, batch, history, &mut queue, now)
            .await?;
        ensure!(!leased.is_empty(), "nothing is due after {done} drops");
        done += leased.len();
        let (starts, ends): (Vec<_>, Vec<_>) = leased
            .iter()
            .map(|leased| both(&gate, &campaign, leased, now))
            .unzip();
        for writes in [starts, ends] {
            let written = store.commit(&holder, &writes, Timestamp::now()).await?;
            let all = written.iter().all(|written| *written == Written::Applied);
            ensure!(all, "the store wrote not all: {written:?}");
        }
    }
    println!("{}", begun.elapsed().as_secs_f64());
    child::told().await?;
    Ok(store.end_controller(&holder, Timestamp::now()).await?)
}

/// What is written of a drop: before it is dialled, and when it has ended.
fn both(gate: &Gate, campaign: &Campaign, leased: &Leased, now: Timestamp) -> (Write, Write) {
    let (contact, facts) = (&leased.contact, &leased.facts);
    let case = Case {
        number: Ok(&contact.number),
        zone: facts.zone.as_deref(),
        state: facts.state.as_deref(),
        consent: facts.consent.as_ref(),
        campaign: CampaignKind::Informational,
        calls: 2,
        do_not_call: None,
        starts: &facts.starts,
        overrides: &[],
    };
    let ruling = serde_json::to_string(&gate.decide(&case, now)).unwrap_or_default();
    let drop = DropId::generate();
    let start = Write::Start(Box::new(Intent {
        drop,
        of: Some((campaign.id, contact.id)),
        attempt: 1,
        number: contact.number.clone(),
        pbx: PbxId(0),
        technique: Technique::Double,
        message: "sound:hello-world".into(),
        variant: None,
        caller_id: None,
        ruling,
        version: Some(facts.version),
        despite_do_not_call: false,
        terms: StartTerms::default(),
    }));
    let end = Write::Settle {
        campaign: campaign.id,
        contact: contact.id,
        settlement: Settlement::Ended {
            attempt: 1,
            outcome: Outcome::Delivered,
            calls: Calls::default(),
            again: None,
        },
        ruling: None,
        zone: None,
        place: None,
        end: Some(Box::new(DropEnd {
            drop,
            outcome: Outcome::Delivered,
            proof: Proof::Probable,
            busy_up_ms: 0,
            drop_up_ms: 900,
            // About as long as what a drop prints.
            report: format!("{{\"drop\":\"{drop}\",\"timeline\":\"{:900}\"}}", ""),
            evidence: None,
        })),
    };
    (start, end)
}
