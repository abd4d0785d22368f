//! The tables, as a database that the program has made has them.

use std::collections::BTreeSet;

use sqlx::{Connection as _, Row as _, SqliteConnection};

use crate::{
    pages::{head, row},
    program::Program,
};

/// Each table and its columns.
pub(crate) fn tables() -> String {
    let program = Program::new();
    program.run(&["store", "migrate"]);
    let file = program.path("state/aftertone.db");
    let columns = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(columns(file.to_str().unwrap()));
    let mut text = String::new();
    let mut unknown = Vec::new();
    let mut known: BTreeSet<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let mut last = String::new();
    for column in &columns {
        if column.table != last {
            last.clone_from(&column.table);
            text += &format!("\n## `{}`\n\n", column.table);
            match TABLES.iter().find(|(name, _)| *name == column.table) {
                Some((_, words)) => text += &format!("{words}\n\n"),
                None => unknown.push(column.table.clone()),
            }
            text += &head(["column", "type", "", "meaning"]);
        }
        let name = format!("{}.{}", column.table, column.name);
        let Some((_, words)) = COLUMNS.iter().find(|(known, _)| *known == name) else {
            unknown.push(name);
            continue;
        };
        known.remove(name.as_str());
        let mut notes = Vec::new();
        if column.is_key {
            notes.push("key".to_owned());
        }
        if !column.is_required {
            notes.push("may be null".to_owned());
        }
        notes.extend(column.refers_to.iter().map(|to| format!("of `{to}`")));
        text += &row([
            format!("`{}`", column.name).as_str(),
            &column.kind.to_lowercase(),
            &notes.join(", "),
            words,
        ]);
    }
    assert!(
        unknown.is_empty(),
        "tests/docs/database.rs has no words for {unknown:?}"
    );
    assert!(known.is_empty(), "there are no such columns: {known:?}");
    text
}

struct Column {
    table: String,
    name: String,
    kind: String,
    is_required: bool,
    is_key: bool,
    refers_to: Option<String>,
}

async fn columns(file: &str) -> Vec<Column> {
    let mut connection = SqliteConnection::connect(&format!("sqlite:{file}"))
        .await
        .unwrap();
    let rows = sqlx::query(
        "SELECT t.name AS t, c.name AS c, c.type, c.\"notnull\" AS required, c.pk, \
         (SELECT f.\"table\" FROM pragma_foreign_key_list(t.name) f WHERE f.\"from\" = c.name) AS refers_to \
         FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '%migrations%' \
         ORDER BY t.rowid, c.cid",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let columns = rows.iter().map(|row| Column {
        table: row.get("t"),
        name: row.get("c"),
        kind: row.get("type"),
        is_required: row.get::<i64, _>("required") != 0,
        is_key: row.get::<i64, _>("pk") != 0,
        refers_to: row.get("refers_to"),
    });
    columns.collect()
}

const TABLES: &[(&str, &str)] = &[
    ("counters", "Counters that transactions wait for."),
    ("campaigns", "One row for each campaign."),
    (
        "controllers",
        "The runs of `campaign run`: the processes that dial.",
    ),
    (
        "pbxes",
        "The PBXes that controllers dial through, by the name of their instance.",
    ),
    (
        "paces",
        "The next moment at which a start may be, of each trunk and campaign that controllers share.",
    ),
    (
        "imports",
        "One row for each list that was taken in, or that is being taken in.",
    ),
    (
        "uploads",
        "Lists that are sent over HTTP: from the first byte to what came of them. The bytes are in `uploads` in the state folder of the server that takes them, until their rows are in; one that was only read may be kept for a day.",
    ),
    (
        "contacts",
        "One row for each contact of each campaign. A number is in a campaign once.",
    ),
    (
        "drops",
        "One row for each drop, of campaigns and of `aftertone drop`. It is written before the first call: a drop without an outcome is in flight, or its process has died.",
    ),
    (
        "last_decisions",
        "What the gate held or refused last, one row for each contact, with its ruling. What it allowed is with the drop; what hours hold by place is in `campaign_places`.",
    ),
    (
        "campaign_places",
        "The places in which a campaign's contacts are: those of one place are in the same zones under the same laws, so that calling hours hold them together. While a place is held, no row of its contacts is written.",
    ),
    (
        "decisions",
        "What the gate held or refused, decision by decision: by earlier versions of the program.",
    ),
    (
        "numbers",
        "A number's version grows with each intent for it: an intent is written only if the facts are still those that the gate saw.",
    ),
    ("callbacks", "Calls that came back."),
    ("lists", "The do-not-call lists."),
    ("do_not_call", "The numbers on them."),
    (
        "counts",
        "How many contacts and drops there are of each kind, kept by triggers. Read the view `counted`, and sum its `count`: it adds what is not in here yet, of which PostgreSQL keeps more tables.",
    ),
    ("counts_state", "One row: how far `counts` is."),
    (
        "schema_compatibility",
        "One row: which programs may use the database, though a later version made it.",
    ),
    (
        "erasure_salt",
        "One row: what goes into the digests of erased numbers, random and of this database alone.",
    ),
    (
        "erased_numbers",
        "Numbers of people who had everything about them erased. What is left of such a person elsewhere has as its number minus the contact's id, or 0 outside campaigns.",
    ),
    (
        "events",
        "What happened, for those who follow: [events](../guide/events.md). Triggers write it in the transaction of what it tells. PostgreSQL's has an `id` besides, in the order of writing; there `sequence` is null until somebody reads.",
    ),
    (
        "webhooks",
        "The endpoints of [webhooks](../guide/webhooks.md).",
    ),
    (
        "webhook_secrets",
        "The secrets of endpoints, sealed: whoever reads the database cannot sign.",
    ),
    (
        "webhook_deliveries",
        "One row for each message to an endpoint. It is written in the transaction that moves the endpoint's position on, so that no event is left out.",
    ),
    (
        "webhook_attempts",
        "One row for each attempt to send a message.",
    ),
    (
        "webhook_replays",
        "Orders to send events again that are being carried out.",
    ),
    (
        "prune_turns",
        "When a controller last deleted what `[retention]` says: one row.",
    ),
    (
        "pruned",
        "Counts of drops that were pruned, so that the results of a campaign stay whole.",
    ),
    (
        "requeues",
        "The runs of `campaign requeue` that brought contacts back.",
    ),
    (
        "requeued",
        "Each contact that came back, with how it had ended.",
    ),
    (
        "held_under",
        "By which rules each controller holds contacts of a campaign: one that comes with others asks the gate again.",
    ),
    (
        "removals",
        "What was taken off do-not-call lists: a row for each number, and one for a list that was removed as a whole.",
    ),
    (
        "prompts",
        "Prompts that were heard in calls, as fingerprints; of a prompt that comes with the program, what the operator has made of it.",
    ),
    (
        "prompt_hearings",
        "The calls in which prompts were heard, as long as their drops are kept.",
    ),
    (
        "pruned_hearings",
        "Counts of the calls in which prompts were heard and that are not kept any more, by how they ended.",
    ),
    (
        "tokens",
        "Tokens of the API. The tokens themselves are nowhere: a digest tells whether one is shown.",
    ),
    (
        "idempotency_keys",
        "What was answered to the keys that clients of the API chose, for 72 hours. A row is written in the transaction that writes the drop's intent.",
    ),
    (
        "ordered_drops",
        "What whoever ordered a drop by the API wants to find again.",
    ),
    (
        "held_drops",
        "Drops that were ordered by the API and that the gate holds: they wait here until it allows them. What is dialled of them has a row in `drops`, written in the transaction that marks it here.",
    ),
    (
        "told_budgets",
        "What was last told of each gauge of a trunk's budget, so that its controllers tell it once.",
    ),
    (
        "told_attacks",
        "When it was last told that refused logins come from an address.",
    ),
    (
        "audit",
        "Who changed what: a row in the transaction of each change, by the API and on the command line. Each has the digest of the row before it in its own; `aftertone audit verify` looks at them.",
    ),
    (
        "users",
        "People who sign in. A password is nowhere: a digest tells whether one is right.",
    ),
    (
        "sessions",
        "Those who have signed in. What their browsers keep is nowhere: a digest tells whether it is shown.",
    ),
];

const COLUMNS: &[(&str, &str)] = &[
    (
        "events.sequence",
        "its number, in the order in which events can be seen; never given again",
    ),
    ("events.at", "when it happened"),
    ("events.type", "what happened"),
    ("events.campaign", "the campaign that it is about"),
    ("events.contact", "the contact that it is about"),
    ("events.drop_id", "the drop that it is about"),
    (
        "events.number",
        "the phone number that was put on a do-not-call list, or taken off",
    ),
    ("events.detail", "what else it tells, as a JSON object"),
    ("webhooks.id", "its number; `wh_` and the number in the API"),
    ("webhooks.url", "where it is"),
    ("webhooks.description", "what it is for"),
    (
        "webhooks.types",
        "the types of events, or groups of them, that it is told of; empty: all",
    ),
    (
        "webhooks.campaign",
        "the campaign whose events alone it is told of",
    ),
    ("webhooks.full_numbers", "1: numbers are told unmasked"),
    ("webhooks.concurrency", "most requests at a time"),
    ("webhooks.per_second", "most requests a second"),
    (
        "webhooks.ordered",
        "1: each message waits until the one before it is delivered or given up",
    ),
    ("webhooks.batch", "most events in a message"),
    (
        "webhooks.linger_ms",
        "how long a message waits for further events",
    ),
    ("webhooks.created_at", "when it was created"),
    ("webhooks.created_by", "who created it"),
    ("webhooks.version", "grows with each change"),
    ("webhooks.disabled_at", "since when nothing is sent to it"),
    (
        "webhooks.disabled_because",
        "`operator`, `failing`, `gone` or `removed`",
    ),
    (
        "webhooks.position",
        "of the events up to this number, each that it is told of has a row in `webhook_deliveries`",
    ),
    (
        "webhooks.missed",
        "events that were not kept until it could be told of them",
    ),
    ("webhooks.failures", "failures in a row"),
    ("webhooks.failing_since", "since when attempts fail"),
    ("webhooks.last_failure_at", "when an attempt last failed"),
    ("webhooks.last_success_at", "when an attempt last succeeded"),
    (
        "webhooks.probe_at",
        "when the next request may be, while one at a time tries whether it answers, or if it asked to be left alone",
    ),
    (
        "webhooks.orders",
        "grows with each order to send something again",
    ),
    ("webhooks.holder", "the server that sends to it"),
    ("webhooks.lease_ends", "when that server's lease ends"),
    ("webhook_secrets.id", "its number"),
    ("webhook_secrets.webhook", "the endpoint"),
    (
        "webhook_secrets.sealed",
        "the secret, sealed by the key of `webhooks.key_file`; of `v1a` behind `v1a.`, the public key and a dot",
    ),
    ("webhook_secrets.created_at", "when it was made"),
    (
        "webhook_secrets.expires_at",
        "until when it counts; null: until it is rotated",
    ),
    (
        "webhook_deliveries.id",
        "its number; `dlv_` and the number in the API",
    ),
    ("webhook_deliveries.webhook", "the endpoint"),
    (
        "webhook_deliveries.message",
        "the `webhook-id`, the same however often it is sent",
    ),
    (
        "webhook_deliveries.first_sequence",
        "the number of its first event",
    ),
    (
        "webhook_deliveries.last_sequence",
        "the number of its last event; the row goes with it",
    ),
    ("webhook_deliveries.events", "how many events it holds"),
    (
        "webhook_deliveries.types",
        "their types, with spaces between and around",
    ),
    (
        "webhook_deliveries.body",
        "the bytes that are signed and sent, until they are delivered; null: made anew from the events",
    ),
    (
        "webhook_deliveries.state",
        "`pending`, `delivered` or `dead`",
    ),
    (
        "webhook_deliveries.attempts",
        "attempts since it was queued, or ordered to be sent again",
    ),
    ("webhook_deliveries.due_at", "when it is sent next"),
    (
        "webhook_deliveries.taken",
        "1 while the server that holds the endpoint has it in memory",
    ),
    ("webhook_deliveries.created_at", "when it was queued"),
    (
        "webhook_deliveries.settled_at",
        "when it was delivered or given up",
    ),
    ("webhook_attempts.delivery", "the message"),
    ("webhook_attempts.nth", "its number, from 1"),
    ("webhook_attempts.at", "when it began"),
    ("webhook_attempts.took_ms", "how long it took"),
    ("webhook_attempts.status", "the status of the answer"),
    (
        "webhook_attempts.fault",
        "why there was no answer that counts",
    ),
    (
        "webhook_attempts.answer",
        "the beginning of an answer that is no success",
    ),
    ("webhook_replays.id", "its number"),
    ("webhook_replays.webhook", "the endpoint"),
    ("webhook_replays.since", "only events from then on"),
    ("webhook_replays.until", "only events until then"),
    (
        "webhook_replays.types",
        "only events of these types or groups",
    ),
    (
        "webhook_replays.position",
        "up to which number the log was gone through",
    ),
    (
        "webhook_replays.up_to",
        "up to which number it is to be gone through",
    ),
    ("webhook_replays.created_at", "when it was ordered"),
    ("prune_turns.id", "always 1"),
    ("prune_turns.run", "the controller that is at it"),
    ("prune_turns.began_at", "when it last began"),
    ("prune_turns.done_at", "when all was last deleted"),
    (
        "prune_turns.failed_at",
        "when it failed, unless all was deleted since",
    ),
    ("prune_turns.failure", "why it failed"),
    ("pruned.campaign", "the campaign"),
    (
        "pruned.kind",
        "`drops` by hour and outcome, `variant` by variant and final outcome, `busy` and `drop` legs by seconds",
    ),
    ("pruned.at", "the hour's beginning, or seconds"),
    (
        "pruned.name",
        "the variant, the proof of what was delivered, or empty",
    ),
    ("pruned.outcome", "the outcome's word, or empty"),
    ("pruned.count", "how many there were"),
    ("schema_compatibility.id", "1"),
    (
        "schema_compatibility.programs_from",
        "the lowest schema whose programs may use it",
    ),
    ("erasure_salt.id", "1"),
    ("erasure_salt.salt", "the salt, in hexadecimal digits"),
    (
        "erased_numbers.digest",
        "SHA-256, in hexadecimal digits, of the salt, a colon and the number's digits",
    ),
    ("erased_numbers.at", "when they were erased"),
    ("erased_numbers.because", "the reason that was given"),
    (
        "counters.name",
        "`campaign` gives campaigns their versions in the order of their commits; `do_not_call` grows with whatever is barred; `audit` numbers the rows of the audit log; `ping` is written to see whether anything can be written",
    ),
    ("counters.value", "the count"),
    ("campaigns.id", "its number"),
    ("campaigns.name", "its name"),
    (
        "campaigns.spec",
        "its settings, as JSON: [campaign settings](campaign-settings.md)",
    ),
    (
        "campaigns.standing",
        "`running`, `paused`, `cancelling`, `complete`, `cancelled`, `dates_over`; a draft is `paused` and has `draft` of 1",
    ),
    (
        "campaigns.draft",
        "1 if nobody has started it, or not since contacts were added to it after it was complete, else 0: the state `draft`",
    ),
    ("campaigns.why", "why it is paused or over, in words"),
    (
        "campaigns.in_flight",
        "what a pause or cancellation does to drops in flight: `finish` or `hang_up`",
    ),
    ("campaigns.created_at", "when it was made"),
    ("campaigns.changed_at", "when it was changed last"),
    (
        "campaigns.version",
        "grows with each change, over all campaigns",
    ),
    (
        "campaigns.resumed_at",
        "when the operator last resumed it: what had failed before does not count for `stop_on`",
    ),
    (
        "controllers.run",
        "the run's name, with which its channel ids begin",
    ),
    ("controllers.pbx", "the PBX through which it dials"),
    ("controllers.began_at", "when it began"),
    (
        "controllers.lease_ends",
        "until when its lease lasts; it is renewed every few seconds",
    ),
    ("controllers.ended_at", "when it ended, or was found dead"),
    (
        "controllers.trunk",
        "the trunk behind the PBX, which other controllers may share",
    ),
    (
        "controllers.is_single",
        "1: for one drop outside any campaign",
    ),
    (
        "controllers.starts",
        "how many starts its configuration allows on the trunk, in `per_us`",
    ),
    (
        "controllers.per_us",
        "the span of that rate, in microseconds",
    ),
    (
        "controllers.in_flight",
        "how many drops in flight its configuration allows on the trunk",
    ),
    (
        "controllers.busy_with",
        "the campaigns that it has contacts of to dial now, a JSON array of ids",
    ),
    (
        "controllers.takes_turns",
        "1: its program queues with others that write to an SQLite file; null: it is of an earlier version",
    ),
    ("pbxes.name", "the instance's name"),
    (
        "pbxes.identity",
        "which PBX that is, so that no other one passes for it",
    ),
    ("pbxes.trunk", "the trunk behind it"),
    ("pbxes.seen_at", "when a controller last began on it"),
    (
        "pbxes.marker",
        "what is in the PBX's global variable `AFTERTONE_PBX`, by which it is known behind another port",
    ),
    (
        "pbxes.forgotten_at",
        "when the operator gave it up: it is not listed any more, and its calls still count for its trunk",
    ),
    (
        "paces.scope",
        "`trunk:` and its name, or `campaign:` and its id",
    ),
    ("paces.next_at", "the next moment of a start"),
    (
        "uploads.id",
        "its id, of 32 hexadecimal digits in the order of time",
    ),
    ("uploads.campaign", "the campaign it goes into"),
    ("uploads.name", "the list's name"),
    (
        "uploads.reading",
        "how it is read, as JSON: `map` and `date_order`",
    ),
    (
        "uploads.is_dry_run",
        "whether it is read only, and nothing is taken in",
    ),
    ("uploads.who", "who sends it: `token:` and the token's id"),
    (
        "uploads.state",
        "`receiving`, `checking`, `importing`, `complete`, `interrupted` or `failed`; one that is not over and whose `beat_at` is older than 30 s is interrupted",
    ),
    (
        "uploads.why",
        "why it failed or was interrupted, for people",
    ),
    (
        "uploads.bytes",
        "how many bytes have come, and from `importing` on how many were read",
    ),
    ("uploads.size", "its size in bytes, decoded"),
    (
        "uploads.digest",
        "a digest of its bytes and of how they are read; null until all of it is there",
    ),
    ("uploads.rows", "rows that were passed"),
    ("uploads.rows_in_all", "all of its rows"),
    ("uploads.added", "rows that became contacts"),
    (
        "uploads.updated",
        "rows that changed contacts which were never called",
    ),
    (
        "uploads.unchanged",
        "rows that say of such contacts what was known",
    ),
    ("uploads.rejected", "rows that were rejected"),
    ("uploads.rate", "rows a second"),
    ("uploads.reasons", "the rejects by their reasons, as JSON"),
    (
        "uploads.notes",
        "what was understood otherwise than it is written, as JSON",
    ),
    (
        "uploads.gate",
        "what the gate would have said to its rows when it was read only, as JSON",
    ),
    ("uploads.began_at", "when it began"),
    ("uploads.beat_at", "when whoever works on it last said so"),
    ("uploads.ended_at", "when it ended"),
    ("imports.id", "its number"),
    ("imports.campaign", "the campaign it goes into"),
    ("imports.name", "the list's file name"),
    ("imports.size", "the list's size in bytes"),
    (
        "imports.digest",
        "the list's digest, by which the same list is recognised",
    ),
    ("imports.bytes", "how far it is, in bytes"),
    ("imports.lines", "how far it is, in lines"),
    (
        "imports.last_bytes",
        "where it was before its last transaction, in bytes",
    ),
    (
        "imports.last_lines",
        "where it was before its last transaction, in lines",
    ),
    ("imports.rows", "rows that became contacts"),
    ("imports.rejected", "rows that were rejected"),
    (
        "imports.updated",
        "rows that changed contacts which were never called",
    ),
    (
        "imports.unchanged",
        "rows that say of such contacts what was known",
    ),
    ("imports.is_complete", "whether the whole list is in"),
    ("imports.began_at", "when it began"),
    ("imports.changed_at", "when its last transaction was"),
    ("contacts.id", "its number"),
    ("contacts.campaign", "the campaign it belongs to"),
    ("contacts.import", "the import it came by"),
    ("contacts.line", "the line of the list on which it began"),
    ("contacts.number", "the phone number"),
    ("contacts.name", "the contact's name"),
    ("contacts.zone", "the time zone that the list gives"),
    ("contacts.state", "the state that the list gives"),
    (
        "contacts.consent",
        "how consent was given: `written` or `verbal`",
    ),
    ("contacts.consent_at", "when"),
    ("contacts.consent_source", "where that is recorded"),
    (
        "contacts.message",
        "the message for this contact, if it has its own",
    ),
    (
        "contacts.foreign_id",
        "its id in the system that the list came from",
    ),
    ("contacts.others", "all other columns of the list, as JSON"),
    (
        "contacts.stage",
        "`due`; `leased` to a controller; `dialling`, its intent is written; `ended`; `refused`",
    ),
    (
        "contacts.due_at",
        "when it is due; of a leased contact, when its lease ends, so that it is due again by itself; null if it is not open",
    ),
    (
        "contacts.was_due",
        "when it was due before it was leased: its place among the others if it is given back",
    ),
    ("contacts.holder", "the run that has leased it, or dials it"),
    ("contacts.attempts", "how many drops it has had"),
    (
        "contacts.held",
        "why it waits until `due_at`: a reason of the gate",
    ),
    ("contacts.held_zone", "the zone whose hours hold it"),
    (
        "contacts.place",
        "where the contact is: a number of `campaign_places`; 0 if it is not known",
    ),
    ("contacts.outcome", "its last outcome, if it has ended"),
    ("contacts.refused", "why it was refused, if it was"),
    ("contacts.ended_at", "when it ended or was refused"),
    ("contacts.called_back_at", "when they called back first"),
    (
        "contacts.callback",
        "what came of their last call: `opted_out`, `connected`, `listened` or `hung_up`",
    ),
    ("callbacks.id", "the call's id"),
    ("callbacks.at", "when it came"),
    (
        "callbacks.number",
        "who called; null if that was withheld, 0 once the person is erased",
    ),
    (
        "callbacks.called",
        "the number that they called, as the PBX has it",
    ),
    ("callbacks.pbx", "the PBX, by its instance"),
    (
        "callbacks.drop_id",
        "the last drop to whoever called, from that number",
    ),
    ("callbacks.campaign", "its campaign"),
    ("callbacks.contact", "its contact"),
    ("callbacks.variant", "the variant that it left"),
    ("callbacks.ended_at", "when it was over"),
    (
        "callbacks.outcome",
        "what came of it, as `contacts.callback`; null while it is up",
    ),
    ("drops.id", "the drop's id, which is in its channel ids"),
    ("drops.campaign", "the campaign; null for `aftertone drop`"),
    ("drops.contact", "the contact; null for `aftertone drop`"),
    (
        "drops.attempt",
        "which attempt at the contact it is, from 1",
    ),
    ("drops.number", "the phone number"),
    ("drops.pbx", "the PBX"),
    ("drops.run", "the run that its channels belong to"),
    (
        "drops.holder",
        "the run that has to settle it, or has settled it",
    ),
    (
        "drops.technique",
        "`double` or `single`; of one that took a call over `single`, and `ordered_drops.channel` has the call",
    ),
    ("drops.message", "the message"),
    (
        "drops.variant",
        "the variant's name, if the campaign has variants",
    ),
    (
        "drops.caller_id",
        "the number that the called party saw, if the campaign chose one",
    ),
    ("drops.ruling", "what the gate looked at and found, as JSON"),
    (
        "drops.despite_do_not_call",
        "whether the do-not-call rule was set aside for it",
    ),
    ("drops.started_at", "when its intent was written"),
    ("drops.ended_at", "when it ended"),
    (
        "drops.outcome",
        "its [outcome](outcomes.md); null while it is in flight",
    ),
    ("drops.proof", "its proof: `proven`, `probable`, `unproven`"),
    (
        "drops.is_final",
        "whether the contact's outcome is this one; null while it is not known, and outside campaigns",
    ),
    ("drops.busy_legs", "busy legs dialled"),
    ("drops.drop_legs", "drop legs dialled"),
    (
        "drops.released",
        "busy legs released before they were answered",
    ),
    ("drops.given_up", "drop legs given up unanswered"),
    ("drops.answered", "calls answered"),
    ("drops.short", "of these, calls of at most 6 s"),
    (
        "drops.people",
        "of these, calls that a person answered and that were hung up",
    ),
    ("drops.busy_up_ms", "how long the busy leg was up, in ms"),
    ("drops.drop_up_ms", "how long the drop leg was up, in ms"),
    (
        "drops.report",
        "the object of [`drop --json`](json.md#aftertone-drop), as JSON",
    ),
    ("drops.evidence", "the folder of its evidence"),
    ("last_decisions.contact", "the contact"),
    ("last_decisions.campaign", "the campaign"),
    ("last_decisions.at", "when it was decided"),
    ("last_decisions.decision", "`held` or `refused`"),
    ("last_decisions.reason", "the reason's word"),
    ("last_decisions.until", "until when it is held"),
    ("last_decisions.zone", "the zone whose hours hold it"),
    (
        "last_decisions.ruling",
        "what the gate looked at and found, as JSON",
    ),
    (
        "last_decisions.times_held",
        "how often the gate has held the contact, this time included",
    ),
    (
        "last_decisions.held_since",
        "when it held the contact for the first time",
    ),
    ("campaign_places.campaign", "the campaign"),
    ("campaign_places.place", "the place's number"),
    (
        "campaign_places.text",
        "its time zones and, behind a `;`, the places whose laws hold",
    ),
    (
        "campaign_places.held_until",
        "until when calling hours hold it; null while they do not",
    ),
    ("campaign_places.held_zone", "the zone that is closed"),
    (
        "campaign_places.ruling",
        "what the gate looked at and found, as JSON",
    ),
    ("campaign_places.held_at", "when that was found"),
    ("campaign_places.times_held", "how often hours have held it"),
    (
        "campaign_places.held_since",
        "when they held it for the first time",
    ),
    ("decisions.id", "its number"),
    ("decisions.campaign", "the campaign"),
    ("decisions.contact", "the contact"),
    ("decisions.at", "when it was decided"),
    ("decisions.decision", "`held` or `refused`"),
    ("decisions.reason", "the reason's word"),
    ("decisions.until", "until when it is held"),
    ("decisions.zone", "the zone whose hours hold it"),
    (
        "decisions.ruling",
        "what the gate looked at and found, as JSON",
    ),
    ("numbers.number", "the phone number"),
    ("numbers.version", "how many intents were written for it"),
    ("lists.id", "its number"),
    (
        "lists.name",
        "its name; `own` is the one without a name of yours",
    ),
    ("lists.created_at", "when it was made"),
    ("do_not_call.number", "the phone number"),
    ("do_not_call.list", "the list"),
    ("do_not_call.at", "when it was added"),
    ("do_not_call.because", "why"),
    ("counts.campaign", "the campaign"),
    ("counts.stage", "the stage of contacts, or `drop`"),
    (
        "counts.reason",
        "of contacts their outcome, why they are refused, or why they are held; of drops the caller id; empty if there is none",
    ),
    ("counts.place", "where contacts are; 0 if that is not known"),
    (
        "counts.zone",
        "the zone whose hours hold contacts, or empty",
    ),
    (
        "counts.until",
        "of contacts that are `due`, when, rounded up to the minute; else 0",
    ),
    ("counts.count", "how many there are"),
    ("counts_state.id", "1"),
    (
        "counts_state.counted_to",
        "up to which id contacts are in `counts`",
    ),
    ("requeues.id", "its number"),
    ("requeues.campaign", "the campaign"),
    ("requeues.at", "when"),
    ("requeues.who", "who did it"),
    ("requeues.because", "why"),
    (
        "requeues.which",
        "what was asked for, as on the command line",
    ),
    ("requeues.contacts", "how many contacts came back"),
    ("requeued.contact", "the contact"),
    ("requeued.requeue", "the run that brought it back"),
    ("requeued.outcome", "the outcome that it had"),
    ("requeued.refused", "or why it had been refused"),
    ("held_under.campaign", "the campaign"),
    ("held_under.run", "the controller's run"),
    (
        "held_under.digest",
        "a digest of the gate's and the campaign's settings that holds depend on",
    ),
    ("removals.id", "its number"),
    ("removals.list", "the list's name"),
    (
        "removals.number",
        "the phone number; null for a list as a whole",
    ),
    ("removals.numbers", "how many numbers went"),
    ("removals.at", "when"),
    ("removals.who", "who did it"),
    ("removals.because", "why"),
    (
        "prompts.id",
        "its number; from 1000000 on of prompts that come with the program",
    ),
    ("prompts.origin", "`learnt`, `imported` or `shipped`"),
    ("prompts.ends", "how it ends"),
    (
        "prompts.beep_ms",
        "when its beep begins, in milliseconds since the prompt began",
    ),
    ("prompts.length_ms", "how long it is, in milliseconds"),
    (
        "prompts.prints",
        "its fingerprint; empty if it is not used any more",
    ),
    ("prompts.label", "what the operator calls it"),
    (
        "prompts.labelled_at",
        "when the operator last said how it ends",
    ),
    (
        "prompts.number",
        "the phone number in whose call it was learnt",
    ),
    ("prompts.made_at", "when it was put into the book"),
    ("prompt_hearings.prompt", "the prompt"),
    ("prompt_hearings.call", "the drop"),
    ("prompt_hearings.number", "the phone number"),
    ("prompt_hearings.at", "when"),
    (
        "prompt_hearings.ends",
        "how the call ended, if that is beyond doubt",
    ),
    ("prompt_hearings.campaign", "the campaign"),
    (
        "prompt_hearings.pbx",
        "the instance whose PBX made the call",
    ),
    ("prompt_hearings.evidence", "the folder of evidence"),
    ("pruned_hearings.prompt", "the prompt"),
    (
        "pruned_hearings.ends",
        "how the calls ended; empty if that is not beyond doubt",
    ),
    ("pruned_hearings.calls", "how many"),
    (
        "pruned_hearings.numbers",
        "at how many numbers the prompt had been heard, at most at one time",
    ),
    ("pruned_hearings.first_at", "when the first of them was"),
    ("pruned_hearings.last_at", "when the last of them was"),
    ("users.name", "the name by which the user signs in"),
    (
        "users.role",
        "`viewer`, `operator`, `manager`, `auditor` or `admin`",
    ),
    (
        "users.password",
        "argon2id of the password, with its salt and parameters; null: none is set yet",
    ),
    ("users.password_at", "when it was set"),
    ("users.created_at", "when the user was made"),
    ("users.created_by", "who made it"),
    (
        "users.disabled_at",
        "since when the user is not let in; null: the user is",
    ),
    ("users.signed_in_at", "when the user last signed in"),
    (
        "users.link_digest",
        "SHA-256, in hexadecimal digits, of what is behind the link that sets the password; null once it is used",
    ),
    ("users.link_until", "until when the link is good"),
    (
        "users.pin_number",
        "the first four digits of the PIN by which the user records messages by telephone, which find the user; null: there is none",
    ),
    (
        "users.pin",
        "argon2id of the whole PIN, with its salt and parameters",
    ),
    ("users.pin_at", "when it was made"),
    (
        "users.pin_tries",
        "how often it was tried since it was last right",
    ),
    (
        "users.pin_locked_until",
        "until when it is not looked at, since it was wrong too often",
    ),
    (
        "sessions.digest",
        "SHA-256, in hexadecimal digits, of what the browser keeps",
    ),
    ("sessions.user_name", "whose it is"),
    ("sessions.began_at", "when the user signed in"),
    ("sessions.seen_at", "when it was last used, to the minute"),
    ("sessions.ip", "from which address the user signed in"),
    ("tokens.id", "its id, the part of it that may be shown"),
    ("tokens.name", "what it is for"),
    ("tokens.scopes", "what it is good for, with spaces between"),
    (
        "tokens.digest",
        "SHA-256, in hexadecimal digits, of the whole token",
    ),
    (
        "tokens.networks",
        "the networks from which it may be used, with spaces between; empty: all",
    ),
    ("tokens.created_at", "when it was made"),
    ("tokens.created_by", "who made it"),
    (
        "tokens.expires_at",
        "until when it is good; null: it does not expire",
    ),
    (
        "tokens.last_used_at",
        "when it was last used, to the minute",
    ),
    ("tokens.last_used_from", "from which address"),
    ("tokens.revoked_at", "when it was revoked"),
    (
        "idempotency_keys.principal",
        "who asked: `token:` and its id",
    ),
    ("idempotency_keys.route", "method and path"),
    ("idempotency_keys.key", "the key"),
    (
        "idempotency_keys.request",
        "SHA-256, in hexadecimal digits, of the salt of erased numbers and the SHA-256 of the request's body; `erased` once everything about the person was",
    ),
    ("idempotency_keys.status", "the status of the answer"),
    ("idempotency_keys.body", "its body"),
    (
        "idempotency_keys.drop_id",
        "the drop; there is none of this id if the gate refused it",
    ),
    ("idempotency_keys.at", "when it was answered"),
    ("ordered_drops.drop_id", "the drop"),
    (
        "ordered_drops.principal",
        "who ordered it: `token:` and its id, `user:` and a name, or `dialplan`",
    ),
    (
        "ordered_drops.foreign_id",
        "its id in the system that ordered it",
    ),
    (
        "ordered_drops.metadata",
        "what that system wants back with it, as JSON",
    ),
    ("ordered_drops.expires_at", "from then on it is not dialled"),
    (
        "ordered_drops.traceparent",
        "the trace of whoever ordered it, as W3C Trace Context has it",
    ),
    (
        "ordered_drops.channel",
        "the call that it took over: the PBX, and the channel there; a channel has one drop",
    ),
    ("held_drops.drop_id", "the drop"),
    (
        "held_drops.number",
        "the number; 0 once the person is erased",
    ),
    (
        "held_drops.pbx",
        "the PBX that dials it, by its controllers' instance",
    ),
    ("held_drops.kind", "`informational` or `marketing`"),
    (
        "held_drops.consent",
        "the kind of consent on record: `written` or `verbal`",
    ),
    ("held_drops.consent_at", "when it was given"),
    ("held_drops.consent_source", "the record of it"),
    (
        "held_drops.overrides",
        "the rules of the gate that are set aside and why, as JSON",
    ),
    ("held_drops.message", "the message"),
    (
        "held_drops.fields",
        "what the message says of whoever is called, as JSON; null if that is nothing, once it has ended without a call, and once the person is erased",
    ),
    ("held_drops.technique", "`double` or `single`"),
    (
        "held_drops.caller_id",
        "the number shown; null: as configured when it is dialled",
    ),
    (
        "held_drops.state",
        "`waiting`, `dialled`, `refused`, or `ended` without a call",
    ),
    (
        "held_drops.reason",
        "why it is held or refused; of one that has ended, its outcome",
    ),
    ("held_drops.words", "the same for people"),
    ("held_drops.ruling", "the gate's last ruling, as JSON"),
    (
        "held_drops.until",
        "until when it is held, as far as is known",
    ),
    ("held_drops.due_at", "when the gate is asked again"),
    ("held_drops.expires_at", "from then on it is not dialled"),
    ("held_drops.held_at", "when it was ordered"),
    (
        "held_drops.settled_at",
        "when it ended or was refused without a call",
    ),
    ("told_budgets.trunk", "the trunk"),
    ("told_budgets.gauge", "`cancelled`, `short` or `people`"),
    ("told_budgets.state", "`near`, `exceeded` or `well`"),
    ("told_budgets.at", "since when"),
    ("told_attacks.ip", "the address"),
    ("told_attacks.at", "when"),
    ("audit.id", "its number; they follow one another"),
    ("audit.at", "when"),
    (
        "audit.who",
        "who: `token:` and its id, or a user of the system",
    ),
    (
        "audit.via",
        "`api`, `session`, `link`, `cli`, or `pbx`: by the dialplan",
    ),
    ("audit.ip", "the address it came from"),
    ("audit.request_id", "the request that it was"),
    ("audit.action", "what was done"),
    ("audit.object", "to what; numbers are masked"),
    ("audit.before", "what it was before, as JSON"),
    ("audit.after", "what it was after, as JSON"),
    ("audit.prev_hash", "the digest of the row before"),
    (
        "audit.hash",
        "SHA-256, in hexadecimal digits, of all other columns as a JSON array",
    ),
];
