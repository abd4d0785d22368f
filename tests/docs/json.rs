//! The objects of `--json`: their keys as the program prints them, and words for each.
//!
//! Each key that is printed has to have words here, and each that has words has to be printed.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use aftertone::{
    drop::{
        Beep, Cause, DropRecord, EndedBy, Milestone, Moment, Outcome, OutcomeReason, Proof, Report,
    },
    id::{DropId, RunName},
    words::{ReadyBy, Verdict},
};
use serde_json::{Value, json};

use crate::{
    pages::{head, root, row},
    program::Program,
};

/// A table of keys for each command.
pub(crate) fn objects() -> String {
    let program = Program::new();
    program.file(
        "leads.csv",
        "phone,state,consent,consent_at,consent_source,id\n\
         +12025550101,DC,written,2026-03-01,web form,a1\n\
         +12025550102,DC,,,,a2\n\
         12,DC,,,,a3\n",
    );
    fs::copy(
        root().join("tests/fixtures/audio/tone.flac"),
        program.path("tone.flac"),
    )
    .unwrap();
    let one = |arguments: &[&str]| program.json(arguments).remove(0);
    let merged = |arguments: &[&str]| merge(&program.json(arguments));

    let checked = program.json(&["campaign", "check", "leads.csv", "--kind", "marketing"]);
    let (counts, rows) = checked.split_last().unwrap();
    // Shares of the trunk's budget are judged from a hundred calls on.
    let many = (1_000..1_200).map(|n| format!("+1202555{n},DC,written,2026-03-01,form\n"));
    let many = many.collect::<String>();
    program.file(
        "many.csv",
        &format!("phone,state,consent,consent_at,consent_source\n{many}"),
    );
    let simulated = one(&["campaign", "simulate", "many.csv", "--kind", "marketing"]);
    let created = one(&[
        "campaign",
        "create",
        "spring",
        "leads.csv",
        "--variant",
        "A=sound:hello",
        "--variant",
        "B=sound:b",
        "--kind",
        "marketing",
    ]);
    program.run(&["campaign", "start", "spring"]);
    let paused = one(&["campaign", "pause", "spring"]);
    program.run(&[
        "campaign",
        "create",
        "autumn",
        "--variant",
        "A=sound:a",
        "--variant",
        "B=sound:b",
        "--kind",
        "marketing",
    ]);
    let requeued = one(&["campaign", "requeue", "spring", "--outcome", "error"]);
    let deleted = one(&["campaign", "delete", "autumn"]);
    program.run(&["dnc", "add", "+12025550103", "--list", "other"]);
    program.run(&["dnc", "remove", "--all", "--list", "other"]);
    program.run(&["dnc", "add", "+12025550103", "--because", "asked"]);
    let header = String::from_utf8(program.run(&["campaign", "results", "spring"]).stdout).unwrap();
    let columns = header.lines().next().unwrap().split(',');
    let results: Value = columns.map(|name| (name.to_owned(), Value::Null)).collect();

    let mut text = String::new();
    let mut add = |title: &str, intro: &str, value: &Value, words: &[(&str, &str)]| {
        text += &format!("\n## {title}\n\n{intro}\n\n{}", table(title, value, words));
    };
    add(
        "`aftertone drop`",
        "One object when the drop has ended; the same is `report` in the database and a part of `drop.json` in the evidence. A leg that was never dialled is null.",
        &ended(),
        DROP,
    );
    text += &format!("\n```json\n{}\n```\n", example());
    let mut add = |title: &str, intro: &str, value: &Value, words: &[(&str, &str)]| {
        text += &format!("\n## {title}\n\n{intro}\n\n{}", table(title, value, words));
    };
    add(
        "`aftertone drop`, if nothing was dialled",
        "`outcome` is null. If neither `refused` nor `held` is given, the message on stderr says why.",
        &one(&["drop", "911", "--message", "sound:hello"]),
        NOT_DIALLED,
    );
    add(
        "`aftertone campaign run`",
        "An object a line. `event` is `view` for the state of all campaigns, when something has changed or `--every` has passed.",
        &snapshot(|value| value["event"] == "view"),
        VIEW,
    );
    add(
        "`aftertone campaign run`: notes",
        "`event` is `note` for something that happened. The last line is the last view once more, with `event` `ended` and `ended` `over`, `idle`, `stopped` or `failed`.",
        &snapshot(|value| value["event"] == "note"),
        NOTE,
    );
    add(
        "`aftertone campaign status`",
        "An array, or for one campaign an object.",
        &snapshot(|value| value["waiting_for"].is_array()),
        STATUS,
    );
    add(
        "`aftertone campaign results`",
        "The columns of the CSV, and the keys of `--json` and `--format jsonl`. What is not there is empty, or null.",
        &results,
        RESULTS,
    );
    add(
        "`aftertone campaign results --summary`",
        "One object.",
        &one(&["campaign", "results", "spring", "--summary"]),
        SUMMARY,
    );
    add(
        "`aftertone campaign check`",
        "An object for each row of the list, and a last one with the counts.",
        &merge(rows),
        CHECK,
    );
    add(
        "`aftertone campaign check`: counts",
        "The last object.",
        counts,
        COUNTS,
    );
    add(
        "`aftertone campaign simulate`",
        "One object.",
        &simulated,
        SIMULATE,
    );
    add(
        "`aftertone campaign create` and `add`",
        "One object.",
        &created,
        CREATE,
    );
    add(
        "`aftertone campaign pause` and `resume`",
        "One object. `campaign set` prints the settings: [campaign settings](campaign-settings.md).",
        &paused,
        PAUSE,
    );
    add(
        "`aftertone campaign cancel`",
        "One object.",
        &one(&["campaign", "cancel", "spring"]),
        CANCEL,
    );
    add(
        "`aftertone fleet list`",
        "One object. `fleet forget` prints `{\"pbx\", \"lost\", \"given_back\"}`: the name, how many drops were settled as lost, and how many contacts were given back.",
        &snapshot(|value| value["trunks"].is_array()),
        FLEET,
    );
    add(
        "`aftertone campaign requeue`",
        "One object.",
        &requeued,
        REQUEUE,
    );
    add(
        "`aftertone campaign delete`",
        "One object.",
        &deleted,
        DELETE,
    );
    add(
        "`aftertone message add` and `show`",
        "One object; `list` prints an array of them, and `{\"name\", \"problem\"}` for one that cannot be used. `add FOLDER/` prints an array as well, with `{\"file\", \"problem\"}` for one that was not added. `rm` prints `{\"removed\": [..]}`.",
        &one(&["message", "add", "tone", "tone.flac"]),
        MESSAGE,
    );
    add(
        "`aftertone message say`",
        "One object.",
        &one(&["message", "say", "tone + tone", "--output", "said.wav"]),
        SAY,
    );
    add(
        "`aftertone dnc check`",
        "An array.",
        &merged(&["dnc", "check", "+12025550103"]),
        DNC,
    );
    add(
        "`aftertone dnc lists`",
        "An array.",
        &merged(&["dnc", "lists"]),
        LISTS,
    );
    add(
        "`aftertone dnc lists --removed`",
        "An array: the lists that were removed as a whole.",
        &merged(&["dnc", "lists", "--removed"]),
        REMOVED,
    );
    add(
        "`aftertone token add`",
        "One object. `list` prints an array of them, without `token`.",
        &one(&[
            "token",
            "add",
            "crm",
            "--scope",
            "drops:write",
            "--network",
            "10.1.0.0/16",
        ]),
        TOKEN,
    );
    add(
        "`aftertone backup`",
        "One object. `restore` prints `{\"file\", \"database\", \"messages\", \"taken_at\", \"paused\", \"lost\", \"given_back\", \"held\", \"uploads\", \"sessions\", \"idempotency_keys\"}`: \
         campaigns that were paused, by name, and counts of what was settled, given back, interrupted, ended and kept; `store restored` prints the same from `taken_at` on.",
        &one(&["backup", "backup.tar"]),
        BACKUP,
    );
    add(
        "`aftertone explain`",
        "An object for each recording, on a line of its own. Times are in seconds from the answer. Evidence of a drop also has `same_as_live`, and `differences`, `notes`, `phrases` (words that were recognised live) and `message` (what a message that was made for the contact says) if there are any. With `--callbacks` it has `callbacks`: `{callback, at, called, drop, outcome}` of each call that came back after the drop.",
        &snapshot(|value| value["beeps"].is_array()),
        EXPLAIN,
    );
    text + "\n## `aftertone doctor`\n\nAn array of `{check, status, detail, remedy}`: what was looked at, `ok`, `warn` or `fail`, what was found, and what to do or null.\n"
}

/// The keys of a value as a table, each with its words, in the order of these.
fn table(title: &str, value: &Value, words: &[(&str, &str)]) -> String {
    let printed = keys(value, words);
    let mut unknown = printed.clone();
    let mut unused = Vec::new();
    let mut text = head(["key", "meaning"]);
    for (key, words) in words {
        unknown.retain(|known| known != key);
        if !printed.iter().any(|known| known == key) {
            unused.push(key);
        }
        text += &row([format!("`{key}`").as_str(), words]);
    }
    assert!(
        unknown.is_empty(),
        "tests/docs/json.rs has no words for {unknown:?} of {title}"
    );
    assert!(unused.is_empty(), "{title} does not print {unused:?}");
    text
}

/// The keys of a value with those of what they hold. An object whose keys are names
/// is one key, `*`, if there are words for that.
fn keys(value: &Value, words: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    collect(value, "", words, &mut found);
    found
}

fn collect(value: &Value, path: &str, words: &[(&str, &str)], found: &mut Vec<String>) {
    let mut add = |key: String| {
        if !key.is_empty() && !found.contains(&key) {
            found.push(key);
        }
    };
    match value {
        Value::Object(fields) => {
            add(path.to_owned());
            let named = format!("{path}.*");
            if words.iter().any(|(key, _)| key.starts_with(&named)) {
                add(named.clone());
                fields
                    .values()
                    .for_each(|value| collect(value, &named, words, found));
                return;
            }
            for (key, value) in fields {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                collect(value, &path, words, found);
            }
        }
        Value::Array(all) => {
            add(path.to_owned());
            for value in all.iter().filter(|value| value.is_object()) {
                let Value::Object(fields) = value else {
                    continue;
                };
                for (key, value) in fields {
                    collect(value, &format!("{path}[].{key}"), words, found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => add(path.to_owned()),
    }
}

/// Several objects, or one array of them, as one that has all their keys.
fn merge(values: &[Value]) -> Value {
    let mut all = serde_json::Map::new();
    for value in values {
        let one = std::slice::from_ref(value);
        let objects = value.as_array().map_or(one, Vec::as_slice);
        for (key, value) in objects.iter().filter_map(Value::as_object).flatten() {
            if all.get(key).is_none_or(Value::is_null) {
                all.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(all)
}

/// The object of a snapshot of the unit tests: what they print without a PBX.
fn snapshot(is_it: impl Fn(&Value) -> bool) -> Value {
    let mut files = Vec::new();
    find(&root().join("src"), &mut files);
    files.sort();
    let values = files.iter().filter_map(|file| {
        let text = fs::read_to_string(file).unwrap();
        let (_, body) = text.strip_prefix("---\n")?.split_once("\n---\n")?;
        serde_json::from_str(body).ok()
    });
    let found = values.into_iter().find(|value| is_it(value));
    found.expect("a snapshot of the unit tests has such an object")
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "snap")
        {
            files.push(path);
        }
    }
}

/// A drop's object with every key that it can have.
fn ended() -> Value {
    let report = Report {
        reason: Some(OutcomeReason::NotReached),
        words: Some("words".to_owned()),
        ..delivered()
    };
    let run = RunName::new("run1").unwrap();
    let ended = DropRecord::new(&run, DropId::from_u128(7), String::new(), &report);
    json!(ended.with_evidence(Err("disk full".to_owned())))
}

/// A drop's object as it is printed.
fn example() -> String {
    let run = RunName::new("run1").unwrap();
    let id = DropId::from_u128(0x0199_a7c0_31d2_7e60_8f5e_6d1f_0b7a_52c4);
    let report = delivered();
    let ended = DropRecord::new(&run, id, "+1202•••0101".to_owned(), &report);
    serde_json::to_string_pretty(&ended).unwrap()
}

fn delivered() -> Report {
    let moment = |ms, event| Moment {
        at: Duration::from_millis(ms),
        event,
    };
    Report {
        outcome: Outcome::Delivered,
        verdict: Some(Verdict::Machine),
        amd_cause: Some("LONGGREETING-1500-1500".to_owned()),
        reasons: Some("spoke 7.1 s, until 7.72 s; AMD says machine".to_owned()),
        ready_by: Some(ReadyBy::Beep),
        ready_at: Some(Duration::from_millis(13_401)),
        beep: Some(Beep {
            hz: 700,
            start: Duration::from_millis(12_780),
            end: Duration::from_millis(13_190),
        }),
        played: Duration::from_millis(9_118),
        proof: Proof::Proven,
        proof_reasons: vec![
            "beep 700 Hz, 0.41 s, ended 13.19 s".to_owned(),
            "played whole after it".to_owned(),
            "no voice was heard over it".to_owned(),
            "line up at the end".to_owned(),
        ],
        ended_by: Some(EndedBy::Us),
        words: None,
        busy: Some(Cause::q850(16)),
        drop: Some(Cause::q850(16)),
        timeline: vec![
            moment(0, Milestone::BusyDialled),
            moment(2_001, Milestone::DropDialled),
            moment(2_318, Milestone::DropAlerting),
            moment(2_318, Milestone::BusyHungUp),
            moment(3_319, Milestone::DropAnswered),
            moment(13_401, Milestone::Ready),
            moment(13_402, Milestone::PlayStarted),
            moment(22_520, Milestone::PlayFinished),
        ],
        ..Report::not_dialled("")
    }
}

const DROP: &[(&str, &str)] = &[
    ("drop", "the drop's id"),
    ("number", "the number called"),
    ("outcome", "how it ended"),
    ("verdict", "who answered, or null"),
    ("amd_cause", "AMDCAUSE, if the dialplan gave one"),
    (
        "reasons",
        "the reasons of the verdict, if Aftertone listened; left out otherwise",
    ),
    ("promoted", "whether the busy leg became the live leg"),
    ("ready_by", "by what the ready point was found, or null"),
    (
        "played_ms",
        "how much of the message was played; of the last play, if there were more",
    ),
    ("restarts", "how often the message started again"),
    (
        "heard_ms",
        "how much of the message at most a person heard, or something else that is not a mailbox",
    ),
    (
        "ended_by",
        "who ended the live leg, or null if there was none",
    ),
    ("legs", "the two calls"),
    ("legs.busy", "the busy leg, or null if it was never dialled"),
    ("legs.busy.channel", "its channel id"),
    ("legs.busy.q850", "its Q.850 cause, or null"),
    (
        "legs.busy.sip",
        "its SIP status, or null if the PBX does not report it",
    ),
    ("legs.drop", "the drop leg, or null if it was never dialled"),
    ("legs.drop.channel", "its channel id"),
    ("legs.drop.q850", "its Q.850 cause, or null"),
    (
        "legs.drop.sip",
        "its SIP status, or null if the PBX does not report it",
    ),
    ("timeline", "what happened, in order"),
    (
        "timeline[].at_ms",
        "when, since the first originate, as every `*_ms` here",
    ),
    ("timeline[].event", "what"),
    ("ready_at_ms", "when the ready point was found, or null"),
    ("beep", "the beep by which it was found, or null"),
    ("beep.hz", "its pitch; the lower one of two"),
    ("beep.start_ms", "when it began"),
    ("beep.end_ms", "when it ended"),
    ("proof", "how sure it is that the message was left"),
    ("proof_reasons", "why, in words"),
    (
        "reason",
        "what the outcome alone does not say; left out if it says all",
    ),
    (
        "words",
        "the PBX's words, or those of `reason`; left out if there are none",
    ),
    (
        "evidence",
        "the folder of the evidence, or null if it could not be kept; left out if none was asked for",
    ),
    (
        "evidence_words",
        "why it could not be kept; left out otherwise",
    ),
];

const NOT_DIALLED: &[(&str, &str)] = &[
    ("drop", "the drop's id"),
    ("outcome", "null"),
    ("refused", "why it is never dialled, or null"),
    ("held", "why it is not dialled yet, or null"),
    ("until", "until when it is held, or null"),
];

const VIEW: &[(&str, &str)] = &[
    ("event", "`view`"),
    ("at", "when it was so"),
    ("campaigns", "the campaigns that are run"),
    ("campaigns[].campaign", "the name"),
    (
        "campaigns[].phase",
        "`running`, `paused`, `stopped_on_errors`, `stopped_on_refusals`, `cancelling`, `complete`, `cancelled`, `dates_over`",
    ),
    ("campaigns[].standing", "the same, as `status` has it"),
    ("campaigns[].contacts", "contacts in all"),
    ("campaigns[].done", "contacts that have come to their end"),
    ("campaigns[].outcomes", "of these, by their last outcome"),
    ("campaigns[].outcomes.*", "how many"),
    (
        "campaigns[].refused",
        "of these, those that the gate refused, by the reason",
    ),
    ("campaigns[].refused.*", "how many"),
    ("campaigns[].in_flight", "drops in flight"),
    ("campaigns[].started", "drops that this run has started"),
    (
        "campaigns[].starts_a_minute",
        "drops started in the last minute",
    ),
    (
        "campaigns[].ends_at",
        "when all will be done at this pace, or null",
    ),
    (
        "campaigns[].idle",
        "why nothing is dialled, or null while dialling: [campaigns](../guide/campaigns.md#why-nothing-is-dialled)",
    ),
    ("campaigns[].idle_words", "the same in words"),
    ("campaigns[].idle_until", "until when, or null"),
    (
        "budget",
        "the shares of the trunk's [budget](../guide/budgets.md)",
    ),
    (
        "budget[].gauge",
        "`cancelled`, `given_up`, `short` or `people`",
    ),
    ("budget[].share", "how much it is, 0 to 1"),
    ("budget[].limit", "its limit, or null"),
    (
        "budget[].state",
        "`well`, `near` (dialling slows down) or `exceeded`",
    ),
    (
        "trouble",
        "the trouble with the database or the PBX that dialling waits for, or null",
    ),
    ("draining", "whether it starts nothing more and ends"),
];

const NOTE: &[(&str, &str)] = &[
    ("event", "`note`"),
    ("at", "when"),
    ("level", "`info` or `warning`"),
    ("campaign", "the campaign it is about, or null for all"),
    ("words", "what"),
];

const STATUS: &[(&str, &str)] = &[
    ("campaign", "the name"),
    ("standing", "its state"),
    ("why", "why it is paused or over, or null"),
    ("created_at", "when it was made"),
    (
        "has_controller",
        "whether any controller is alive that could run it; `status` without `--json` says `waiting for a controller` if not",
    ),
    ("contacts", "contacts in all"),
    ("done", "contacts with their last outcome, and refused ones"),
    (
        "waiting",
        "contacts that wait for their first or next attempt",
    ),
    ("in_flight", "drops in flight"),
    ("drops", "drops in all"),
    ("outcomes", "contacts by their last outcome"),
    ("outcomes.*", "how many"),
    ("refused", "contacts that the gate refused, by the reason"),
    ("refused.*", "how many"),
    ("waiting_for", "for what contacts wait"),
    (
        "waiting_for[].reason",
        "the gate's reason, or null for the next attempt",
    ),
    ("waiting_for[].until", "until when"),
    (
        "waiting_for[].zone",
        "the zone whose hours hold them, or null",
    ),
    ("waiting_for[].contacts", "how many"),
    (
        "interrupted_import",
        "the list whose import was interrupted, or null",
    ),
];

const RESULTS: &[(&str, &str)] = &[
    ("campaign", "the campaign's name"),
    ("line", "the contact's line in its list"),
    ("number", "the number"),
    ("name", "the contact's name"),
    ("foreign_id", "its id in your own system"),
    ("drop", "the drop's id"),
    ("attempt", "which attempt it was"),
    ("started_at", "when it started"),
    ("ended_at", "when it ended"),
    ("outcome", "how it ended"),
    (
        "final",
        "whether the contact's outcome is this one (`yes`, `no`; true, false in JSON)",
    ),
    ("proof", "how sure it is that the message was left"),
    ("proof_reasons", "why"),
    ("refused", "why the gate refused the contact"),
    ("held", "why the gate holds the contact"),
    ("until", "until when"),
    (
        "reason",
        "why nothing was dialled, in the gate's words; rules that were set aside; the PBX's words",
    ),
    ("verdict", "who answered"),
    ("ready_by", "by what the ready point was found"),
    ("ended_by", "who ended the live leg"),
    (
        "alerted_ms",
        "when the live leg alerted, since the first originate",
    ),
    ("answered_ms", "when it was answered"),
    ("ready_ms", "when the ready point was found"),
    ("played_ms", "how much of the message was played"),
    (
        "heard_ms",
        "how much of it at most a person heard, or something else that is not a mailbox",
    ),
    ("busy_up_ms", "how long the busy leg was up"),
    ("drop_up_ms", "how long the drop leg was up"),
    ("technique", "`double` or `single`"),
    ("message", "the message"),
    ("variant", "the variant's name"),
    ("cost", "what the drop cost, if `[price]` is set"),
    ("cost_busy", "of this, the busy leg"),
    ("currency", "in which currency"),
    ("evidence", "the folder of its evidence"),
    (
        "time_zone",
        "the contact's time zone, as the gate found it; with `--excel` the zone of the row's times",
    ),
    (
        "called_back_at",
        "when the contact called back first; with their last drop",
    ),
    (
        "callback",
        "what came of their last call: `opted_out`, `connected`, `listened` or `hung_up`",
    ),
];

const SUMMARY: &[(&str, &str)] = &[
    ("campaign", "the name"),
    ("standing", "its state"),
    ("has_controller", "whether any controller is alive"),
    (
        "contacts_delivered",
        "contacts whose last outcome is `delivered`",
    ),
    ("contacts", "contacts in all"),
    ("waiting", "contacts that wait"),
    ("in_flight", "drops in flight"),
    ("drops", "drops in all"),
    (
        "drops_pruned",
        "of these, drops that `aftertone prune` has deleted: they are counted, and have no rows",
    ),
    (
        "outcomes",
        "contacts by their last outcome: each outcome, and how many",
    ),
    (
        "refused",
        "contacts that the gate refused: each reason, and how many",
    ),
    (
        "proofs",
        "drops that left their message, by how sure that is; those that an earlier version has pruned are not among them",
    ),
    ("cost", "what it cost, or null without `[price]`"),
    ("cost.total", "in all"),
    ("cost.drop_legs", "of this, drop legs"),
    ("cost.busy_legs", "of this, busy legs"),
    ("cost.currency", "in which currency"),
    ("callbacks", "who called back"),
    ("callbacks.contacts", "contacts that called back"),
    ("callbacks.opted_out", "of these, who want no more calls"),
    ("callbacks.connected", "whose call was sent on"),
    ("callbacks.listened", "who heard the prompt to its end"),
    ("callbacks.hung_up", "who hung up before"),
    (
        "callbacks.response_share",
        "the share of contacts with the message that called back, 0 to 1",
    ),
    ("callbacks.response_95", "the range of that share"),
    (
        "callbacks.opt_out_share",
        "the share of those who want no more calls",
    ),
    ("callbacks.opt_out_95", "the range of that share"),
    (
        "callbacks.connected_share",
        "the share of those whose call was sent on",
    ),
    ("callbacks.connected_95", "the range of that share"),
    (
        "callbacks.listened_share",
        "the share of those who heard the prompt to its end",
    ),
    ("callbacks.listened_95", "the range of that share"),
    (
        "callbacks.hung_up_share",
        "the share of those who hung up before",
    ),
    ("callbacks.hung_up_95", "the range of that share"),
    (
        "variants",
        "for each variant `variant`; its drops: `outcomes`, `drops_ended` (also `ended`), `drops_delivered` (also `delivered`), `delivered_share`; `confidence_95`, the range of that share; and `callbacks`, as those of the campaign",
    ),
];

const CHECK: &[(&str, &str)] = &[
    (
        "row",
        "the row that a spreadsheet shows it in; fields with line breaks make it another than the line",
    ),
    ("line", "the line of the list"),
    ("number", "the number, or null if it cannot be read"),
    ("foreign_id", "the contact's id, or null"),
    ("decision", "`allowed`, `held`, `refused` or `rejected`"),
    ("reason", "why, or null"),
    ("until", "until when it is held, or null"),
    ("words", "the same in words"),
];

const COUNTS: &[(&str, &str)] = &[
    ("counts", "rows by decision, and within it by reason"),
    ("counts.*", "a decision"),
    (
        "counts.*.*",
        "how many rows for this reason; `all` without one",
    ),
    ("columns", "the column that each field is taken from"),
    ("columns.*", "the name of the column"),
    ("unused_columns", "the columns that no field is taken from"),
    ("notes", "what was left out above the header, in words"),
    (
        "late_retries",
        "retries that a cap does not let happen when they are due, in words",
    ),
    (
        "empty_columns",
        "the columns that the message needs, each with how many rows have nothing there",
    ),
];

const SIMULATE: &[(&str, &str)] = &[
    ("what", "what was simulated"),
    ("seed", "by which chances were drawn"),
    ("begins", "when it would begin"),
    ("took_s", "how long it would take, in seconds"),
    (
        "end",
        "how it would end: a phase of `campaign run`, or null",
    ),
    ("contacts", "contacts"),
    ("left_out", "rows that would be rejected"),
    (
        "other_campaigns",
        "campaigns that run on the same trunk, and are simulated beside it",
    ),
    ("other_contacts", "contacts that these have left"),
    ("refused", "contacts that the gate would refuse"),
    ("outcomes", "contacts by outcome"),
    ("outcomes.*", "how many"),
    ("attempts", "drops by outcome"),
    ("attempts.*", "how many"),
    ("drops", "drops"),
    ("doubles", "of these, double calls"),
    ("calls", "calls"),
    ("calls_per_hour", "calls an hour"),
    ("busiest_hour", "calls in the busiest hour"),
    ("hours", "calls by the hour in which they are made"),
    ("hours.*", "how many"),
    ("most_in_flight", "the most drops in flight"),
    (
        "budget",
        "the highest share of each [budget](../guide/budgets.md)",
    ),
    (
        "budget[].gauge",
        "`cancelled`, `given_up`, `short` or `people`",
    ),
    ("budget[].share", "how much, 0 to 1"),
    ("budget[].limit", "its limit, or null"),
    ("idle_s", "seconds in which nothing was dialled, by why"),
    ("idle_s.*", "how many"),
    (
        "notes",
        "what was left out above the header of a list, in words",
    ),
    (
        "late_retries",
        "retries that a cap does not let happen when they are due, in words",
    ),
];

const CREATE: &[(&str, &str)] = &[
    ("campaign", "the name"),
    ("import", "what came of the import, or null without a list"),
    ("import.is_complete", "whether the whole list is in"),
    ("import.rows", "rows read"),
    ("import.rows_before", "of these, rows that were in before"),
    ("import.added", "contacts added"),
    (
        "import.updated",
        "rows that changed contacts which were never called",
    ),
    (
        "import.unchanged",
        "rows that say of such contacts what was known",
    ),
    ("import.rejected", "rows rejected"),
    ("import.reasons", "rows rejected, by the reason"),
    ("import.reasons.*", "how many"),
    (
        "import.notes",
        "what was understood otherwise than it is written: rows above the header, unknown time zones",
    ),
    ("import.rejects", "the file they are in, or null"),
    ("import.columns", "the column that each field is taken from"),
    ("import.columns.*", "the name of the column"),
    (
        "import.unused_columns",
        "the columns that no field is taken from",
    ),
];

const PAUSE: &[(&str, &str)] = &[("campaign", "the name"), ("standing", "its state")];

const CANCEL: &[(&str, &str)] = &[
    ("campaign", "the name"),
    (
        "standing",
        "`cancelled`, or `cancelling` as long as drops of it are in flight",
    ),
    ("in_flight", "how many drops of it are in flight"),
];

const TOKEN: &[(&str, &str)] = &[
    ("id", "its id, the part of it that may be shown"),
    ("name", "what it is for"),
    ("token", "the token itself; it is not shown again"),
    ("scopes", "what it is good for"),
    (
        "networks",
        "the networks from which it may be used; none: all",
    ),
    ("state", "`good`, `expired` or `revoked`"),
    ("created_at", "when it was made"),
    ("created_by", "who made it"),
    (
        "expires_at",
        "until when it is good; null: it does not expire",
    ),
    ("last_used_at", "when it was last used, to the minute"),
    ("last_used_from", "from which address"),
    ("revoked_at", "when it was revoked"),
];

const FLEET: &[(&str, &str)] = &[
    ("at", "the moment of this state"),
    ("pbxes", "the PBXes, by name"),
    ("pbxes[].name", "the instance's name"),
    (
        "pbxes[].identity",
        "which PBX it is; null if only version 0.1.0 has used it",
    ),
    ("pbxes[].trunk", "its trunk, or null"),
    (
        "pbxes[].seen_at",
        "when a controller last began on it, or null",
    ),
    ("pbxes[].in_flight", "its drops in flight"),
    (
        "pbxes[].starts_in_last_minute",
        "its drops that began within the last minute",
    ),
    (
        "pbxes[].controllers",
        "its controllers that are alive, and those that are gone and left something",
    ),
    ("pbxes[].controllers[].run", "the run"),
    (
        "pbxes[].controllers[].alive",
        "whether its lease has not ended",
    ),
    (
        "pbxes[].controllers[].runs",
        "`campaigns`, `drop` (one outside any campaign) or null",
    ),
    (
        "pbxes[].controllers[].rate",
        "how fast it was told that the trunk takes starts, such as `2/s`, or null",
    ),
    (
        "pbxes[].controllers[].most_in_flight",
        "how many drops the trunk carries, as it was configured, or null",
    ),
    ("pbxes[].controllers[].began_at", "when it began"),
    (
        "pbxes[].controllers[].lease_ends",
        "when its lease ends, or ended",
    ),
    ("pbxes[].controllers[].in_flight", "its drops in flight"),
    (
        "pbxes[].controllers[].leased",
        "contacts that are leased to it",
    ),
    ("trunks", "the trunks, by name"),
    ("trunks[].name", "its name"),
    ("trunks[].pbxes", "the PBXes before it"),
    (
        "trunks[].rate",
        "the slowest rate that its controllers state, or null if none is alive",
    ),
    (
        "trunks[].most_in_flight",
        "the fewest drops in flight that its controllers state, or null",
    ),
    (
        "trunks[].disagreement",
        "what to say if its controllers state different limits, or null",
    ),
    ("trunks[].in_flight", "drops in flight, over all its PBXes"),
    (
        "trunks[].starts_in_last_minute",
        "drops that began within the last minute",
    ),
    (
        "trunks[].window_s",
        "over how many seconds its budget is counted",
    ),
    (
        "trunks[].budget",
        "the shares of calls that count for its budget",
    ),
    (
        "trunks[].budget[].gauge",
        "`cancelled`, `given_up`, `short` or `people`",
    ),
    ("trunks[].budget[].share", "the share, 0 to 1"),
    ("trunks[].budget[].limit", "its limit, or null"),
    (
        "trunks[].budget[].state",
        "`well`, `near` (dialling slows down) or `exceeded`",
    ),
];

const MESSAGE: &[(&str, &str)] = &[
    ("name", "its name"),
    ("media", "the URI by which the PBX plays it"),
    ("duration_ms", "how long it is"),
    (
        "report",
        "what was done to the recording, or null if Aftertone did not prepare it",
    ),
    ("report.source", "the recording's file name"),
    ("report.format", "its format"),
    ("report.source_rate_hz", "its rate"),
    ("report.source_channels", "its channels"),
    ("report.source_ms", "its length"),
    ("report.prepared_at", "when it was prepared"),
    ("report.duration_ms", "the message's length"),
    ("report.audible_ms", "of this, the audible part"),
    (
        "report.silence_before_ms",
        "the silence that the recording had before it",
    ),
    (
        "report.silence_after_ms",
        "the silence that the recording had after it",
    ),
    ("report.lufs_before", "the recording's loudness in LUFS"),
    ("report.lufs", "the message's loudness"),
    ("report.target_lufs", "the loudness that was aimed at"),
    (
        "report.peak_before_db",
        "the recording's true peak in dB of full scale",
    ),
    ("report.peak_db", "the message's true peak"),
    ("report.gain_db", "what was added to the level"),
    ("report.changes", "what was changed, in words"),
];

const SAY: &[(&str, &str)] = &[
    ("file", "the file that was written"),
    ("duration_ms", "how long the message is"),
    (
        "words",
        "the message in words: speech as it is said, recordings by their names in brackets",
    ),
];

const DNC: &[(&str, &str)] = &[
    ("number", "the number"),
    ("barred", "the lists it is on"),
    ("barred[].list", "the list"),
    ("barred[].at", "since when"),
    ("barred[].because", "why, or null"),
    ("removed", "each time that it was taken off a list"),
    ("removed[].list", "the list"),
    ("removed[].at", "when"),
    ("removed[].by", "by whom"),
    ("removed[].because", "why, or null"),
];

const REMOVED: &[(&str, &str)] = &[
    ("list", "its name"),
    ("numbers", "how many numbers it had"),
    ("at", "when it was removed"),
    ("by", "by whom"),
    ("because", "why, or null"),
];

const REQUEUE: &[(&str, &str)] = &[
    ("campaign", "the name"),
    ("standing", "its standing, which a requeue does not change"),
    ("contacts", "how many contacts were requeued"),
    (
        "ended",
        "the same by how they had ended: an outcome, or `refused:` and the reason",
    ),
    ("is_dry_run", "whether nothing was changed"),
];

const DELETE: &[(&str, &str)] = &[
    ("campaign", "the name"),
    ("contacts", "how many contacts went with it"),
];

const BACKUP: &[(&str, &str)] = &[
    ("file", "the backup"),
    ("taken_at", "of which moment it is"),
    ("aftertone", "the version of the program"),
    ("schema", "the version of the database's schema"),
    ("messages", "how many messages are in it"),
    ("bytes", "how many bytes its files have"),
];

const LISTS: &[(&str, &str)] = &[("list", "its name"), ("numbers", "how many numbers it has")];

const EXPLAIN: &[(&str, &str)] = &[
    ("id", "the recording"),
    ("verdict", "who answered, or null"),
    ("verdict_s", "when that was clear, or null"),
    ("ready_by", "by what the ready point was found, or null"),
    ("ready_s", "when the message would start, or null"),
    ("restarts", "when it would start again"),
    ("beeps", "every beep"),
    ("beeps[].start_s", "when it began"),
    ("beeps[].end_s", "when it ended"),
    ("beeps[].hz", "its pitch"),
    (
        "voice_s",
        "when a voice over the message would stop it, or null",
    ),
    ("whole", "whether the message would have played whole"),
    ("reasons", "the reasons of the verdict, in words"),
];
