//! The OpenAPI document of the API. Its paths are the rows of [`OPERATIONS`], which a test holds to the table of routes; its
//! schemas are made from types that are nothing but that, which the tests of the API hold to what is answered.

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{
    idempotency,
    openapi_people::{
        NewToken, NewUser, SessionList, SignIn, SignedIn, TokenList, TokenOrder, UserChange,
        UserLink, UserList, UserOrder,
    },
    openapi_schemas::{
        AuditPage, BarredList, CampaignChange, CampaignCounts, CampaignOrder, CampaignPage,
        CampaignShown, CheckRequest, Checks, ConfigurationShown, ContactHistory, ContactOrder,
        ContactPage, ContactShown, DoNotCallEntry, DoNotCallLists, DoNotCallReason, DropAccepted,
        DropOrder, DropPage, DropReplay, DropShown, DropTimeline, ErasureRequest, ErasureShown,
        EventPage, EvidenceList, Examination, Fleet, ImportPage, ImportPreviewShown, ImportShown,
        Live, LiveShown, MessageList, PersonExportRequest, Problem, PutContacts, ReloadShown,
        ReplayRequest, SimulationList, SimulationRequest, SimulationShown, StandingOrder,
        WaitingShown,
    },
    openapi_webhooks::{
        DeliveryPage, PingShown, ReplayOrdered, ReplayShown, SecretRotation, WebhookChange,
        WebhookOrder, WebhookPage,
    },
    problem::{PROBLEM_JSON, ProblemKind, problem_type},
};
use crate::auth::{Action, Object, Principal, Role, allows};

/// What the document says of a route, beside what the route itself knows.
struct Operation {
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    /// Names of parameters: of the query, or `{...}` of the path, or with a capital of the headers.
    parameters: &'static [&'static str],
    request: Option<&'static str>,
    /// Status, description, and the schema of the body.
    responses: &'static [(u16, &'static str, Option<&'static str>)],
}

const OPERATIONS: &[Operation] = &[
    Operation {
        method: "POST",
        path: "/drops",
        id: "order_drop",
        summary: "Order a drop: one message to one number",
        description: "The gate, the intent and the trunk's limits are asked as for every other drop. It is answered once the \
            intent is committed. A key stays with its first request for 72 h, whatever came of it: the same request is \
            answered as before, a drop that has failed stays that drop, and so does a refusal. For a new attempt choose a new key. \
            What the gate holds is refused, or, with `when_held` as `wait`, kept and dialled when the gate allows it, by the same gate, intent and limits.",
        parameters: &["Idempotency-Key", "Prefer", "Traceparent"],
        request: Some("DropOrder"),
        responses: &[
            (202, "It is on its way, or held", Some("DropAccepted")),
            (200, "It has ended; only with `Prefer: wait`", Some("Drop")),
        ],
    },
    Operation {
        method: "GET",
        path: "/drops",
        id: "list_drops",
        summary: "List drops, the latest first",
        description: "Of campaigns and single ones. `foreign_id` finds those that were ordered with it, and those to contacts that have it; `status=held` those that wait.",
        parameters: &[
            "limit",
            "cursor",
            "number",
            "foreign_id",
            "status",
            "full_numbers",
        ],
        request: None,
        responses: &[(200, "A page", Some("DropPage"))],
    },
    Operation {
        method: "GET",
        path: "/drops/{drop}",
        id: "show_drop",
        summary: "Show a drop",
        description: "",
        parameters: &["{drop}", "full_numbers"],
        request: None,
        responses: &[(200, "The drop", Some("Drop"))],
    },
    Operation {
        method: "DELETE",
        path: "/drops/{drop}",
        id: "cancel_drop",
        summary: "Cancel a drop that is held or in flight",
        description: "One that is held ends at once, and nothing is dialled; one in flight is hung up, and has its end. Drops of campaigns are cancelled by the campaign's standing.",
        parameters: &["{drop}"],
        request: None,
        responses: &[(202, "It has ended, or is being hung up", Some("Drop"))],
    },
    Operation {
        method: "GET",
        path: "/drops/{drop}/timeline",
        id: "show_timeline",
        summary: "Show what happened to a drop, and why it was allowed",
        description: "",
        parameters: &["{drop}"],
        request: None,
        responses: &[(
            200,
            "The timeline and the gate's ruling",
            Some("DropTimeline"),
        )],
    },
    Operation {
        method: "GET",
        path: "/drops/{drop}/picture.svg",
        id: "draw_drop",
        summary: "Draw what was heard of a drop",
        description: "From its evidence, if that is kept on the server's machine. That it was looked at is in the audit log.",
        parameters: &["{drop}"],
        request: None,
        responses: &[(200, "The picture", Some("Picture"))],
    },
    Operation {
        method: "GET",
        path: "/drops/{drop}/evidence",
        id: "list_evidence",
        summary: "List the files that are kept of a drop",
        description: "If they are kept on the server's machine.",
        parameters: &["{drop}"],
        request: None,
        responses: &[(200, "The files", Some("EvidenceList"))],
    },
    Operation {
        method: "GET",
        path: "/drops/{drop}/evidence/{file}",
        id: "read_evidence",
        summary: "Read a file of a drop's evidence, or a part of it",
        description: "What the ears heard, what was played, the message, the manifest or the picture. `Range` and `If-None-Match` are \
            understood. That it was read is in the audit log.",
        parameters: &["{drop}", "{file}", "Range", "If-None-Match"],
        request: None,
        responses: &[
            (200, "The file", Some("File")),
            (206, "The part", Some("File")),
            (304, "It is as it was", None),
            (416, "There is no such part", None),
        ],
    },
    Operation {
        method: "GET",
        path: "/drops/{drop}/bundle",
        id: "download_evidence_bundle",
        summary: "Download all that is kept of a call, in one file",
        description: "A zip file with the drop and its report, the files of its evidence, and `manifest.json` with the size and the SHA-256 of \
            each. The number is masked unless the caller may read whole ones. That it was downloaded is in the audit log. Only on the \
            server that has the evidence.",
        parameters: &["{drop}"],
        request: None,
        responses: &[(200, "The zip file", Some("File"))],
    },
    Operation {
        method: "POST",
        path: "/drops/{drop}/replay",
        id: "replay_drop",
        summary: "Hear a drop again, with other settings, dialling nothing",
        description: "What `aftertone explain --set` prints of its evidence, and how that differs from what was decided live. One call is heard \
            at a time. That it was heard is in the audit log.",
        parameters: &["{drop}"],
        request: Some("ReplayRequest"),
        responses: &[(200, "What is heard", Some("DropReplay"))],
    },
    Operation {
        method: "POST",
        path: "/campaigns",
        id: "create_campaign",
        summary: "Create a campaign",
        description: "Nothing of it is dialled before somebody says run: with `\"run\": true`, by its standing, or on the command line.",
        parameters: &[],
        request: Some("CampaignOrder"),
        responses: &[(201, "It is created", Some("Campaign"))],
    },
    Operation {
        method: "GET",
        path: "/campaigns",
        id: "list_campaigns",
        summary: "List campaigns, the latest first",
        description: "",
        parameters: &["limit", "cursor"],
        request: None,
        responses: &[(200, "A page", Some("CampaignPage"))],
    },
    Operation {
        method: "GET",
        path: "/campaigns/{campaign}",
        id: "show_campaign",
        summary: "Show a campaign: its state and its settings",
        description: "",
        parameters: &["{campaign}"],
        request: None,
        responses: &[(200, "The campaign", Some("Campaign"))],
    },
    Operation {
        method: "PATCH",
        path: "/campaigns/{campaign}",
        id: "change_campaign",
        summary: "Change a campaign's settings, even while it runs",
        description: "What is not given stays. Drops in flight keep the settings that they started with.",
        parameters: &["{campaign}", "If-Match"],
        request: Some("CampaignChange"),
        responses: &[(200, "It is changed", Some("Campaign"))],
    },
    Operation {
        method: "DELETE",
        path: "/campaigns/{campaign}",
        id: "delete_campaign",
        summary: "Delete a campaign that has no drops",
        description: "Drops are the record of who was called: a campaign that has any is cancelled, and stays.",
        parameters: &["{campaign}"],
        request: None,
        responses: &[(204, "It is gone", None)],
    },
    Operation {
        method: "PUT",
        path: "/campaigns/{campaign}/standing",
        id: "set_standing",
        summary: "Run, pause or cancel a campaign",
        description: "A controller that runs it obeys within a second.",
        parameters: &["{campaign}"],
        request: Some("StandingOrder"),
        responses: &[(200, "It is ordered", Some("Campaign"))],
    },
    Operation {
        method: "GET",
        path: "/campaigns/{campaign}/waiting",
        id: "list_waiting",
        summary: "List what the contacts of a campaign wait for",
        description: "",
        parameters: &["{campaign}"],
        request: None,
        responses: &[(
            200,
            "What they wait for, the soonest first",
            Some("Waiting"),
        )],
    },
    Operation {
        method: "GET",
        path: "/campaigns/{campaign}/live",
        id: "show_campaign_live",
        summary: "Show how a campaign runs, and why nothing of it is dialled, if so",
        description: "What only its controller knows is null unless that is in the server that is asked.",
        parameters: &["{campaign}"],
        request: None,
        responses: &[(200, "The campaign as it runs", Some("LiveCampaign"))],
    },
    Operation {
        method: "GET",
        path: "/campaigns/{campaign}/summary",
        id: "show_campaign_summary",
        summary: "Show what came of a campaign, as counts",
        description: "As `aftertone campaign results --summary` prints it: outcomes, refusals, cost, and variants with the interval that \
            holds their share with 95 % confidence.",
        parameters: &["{campaign}"],
        request: None,
        responses: &[(200, "The counts", Some("CampaignSummary"))],
    },
    Operation {
        method: "GET",
        path: "/campaigns/{campaign}/results",
        id: "export_results",
        summary: "Export what came of a campaign",
        description: "A row for each drop, and with `undialled` for each contact without one, ordered by contact and attempt, as they are \
            read: as CSV, as JSON, or as a JSON object a line. An answer that is cut off was not whole.",
        parameters: &[
            "{campaign}",
            "fields",
            "outcome",
            "since",
            "until",
            "number",
            "foreign_id",
            "variant",
            "undialled",
            "full_numbers",
        ],
        request: None,
        responses: &[(200, "The rows", Some("Rows"))],
    },
    Operation {
        method: "GET",
        path: "/campaigns/{campaign}/contacts",
        id: "list_contacts",
        summary: "List the contacts of a campaign, in the order in which they came in",
        description: "One of `number`, `foreign_id`, `outcome` and `refused` at a time.",
        parameters: &[
            "{campaign}",
            "limit",
            "cursor",
            "number",
            "foreign_id",
            "outcome",
            "refused",
            "count",
            "full_numbers",
        ],
        request: None,
        responses: &[(200, "A page", Some("ContactPage"))],
    },
    Operation {
        method: "POST",
        path: "/campaigns/{campaign}/contacts",
        id: "add_contacts",
        summary: "Add contacts to a campaign, one or up to 10,000",
        description: "One object, an array of them, or one a line (`application/x-ndjson`). They are read as the rows of a list are, and added \
            in one transaction; those that the campaign has and never called become what is given. Nothing is dialled that was not \
            dialled before: a campaign that was complete is a draft then.",
        parameters: &["{campaign}"],
        request: Some("NewContact"),
        responses: &[(
            200,
            "What became of each, in their order",
            Some("PutContacts"),
        )],
    },
    Operation {
        method: "GET",
        path: "/contacts/{contact}",
        id: "show_contact",
        summary: "Show a contact",
        description: "",
        parameters: &["{contact}", "full_numbers"],
        request: None,
        responses: &[(200, "The contact", Some("Contact"))],
    },
    Operation {
        method: "DELETE",
        path: "/contacts/{contact}",
        id: "delete_contact",
        summary: "Delete a contact that was never called",
        description: "Who was called is kept: a person's right to be forgotten is `aftertone contact erase`.",
        parameters: &["{contact}"],
        request: None,
        responses: &[(204, "It is gone", None)],
    },
    Operation {
        method: "GET",
        path: "/contacts/{contact}/history",
        id: "show_contact_history",
        summary: "Show what the gate decided about a contact, and its drops",
        description: "Of each contact the last decision that held or refused it is kept; what allowed a drop is with the drop.",
        parameters: &["{contact}"],
        request: None,
        responses: &[(200, "The history", Some("ContactHistory"))],
    },
    Operation {
        method: "POST",
        path: "/campaigns/{campaign}/imports",
        id: "upload_list",
        summary: "Send a list of contacts into a campaign",
        description: "The body is the list: CSV in UTF-8, or one contact a line as JSON as `POST .../contacts` takes them, as it is or with \
            `Content-Encoding: gzip` or `zstd`, of `serve.max_upload` bytes at most when it is decoded. It is answered once all of it is on the server's disk. Its rows come in from then on by \
            themselves, also if the server is killed meanwhile. The same list into the same campaign is the same import, however \
            often it is sent. Nothing is dialled that was not dialled before: a campaign that was complete is a draft then.",
        parameters: &[
            "{campaign}",
            "name",
            "map",
            "date_order",
            "dry_run",
            "keep",
            "from",
            "Content-Encoding",
            "Content-Digest",
        ],
        request: Some("List"),
        responses: &[(202, "All of it is there", Some("Import"))],
    },
    Operation {
        method: "GET",
        path: "/campaigns/{campaign}/imports",
        id: "list_imports",
        summary: "List the lists that were sent into a campaign, the latest first",
        description: "They are kept for 30 days, with their rejects.",
        parameters: &["{campaign}", "limit", "cursor"],
        request: None,
        responses: &[(200, "A page", Some("ImportPage"))],
    },
    Operation {
        method: "GET",
        path: "/imports/{import}",
        id: "show_import",
        summary: "Show how far a list is, and what came of it",
        description: "The headers `Upload-Complete` and `Upload-Offset` say whether all of it is there, and how many bytes are, if it was cut off \
            and can be gone on with; `HEAD` gives them alone.",
        parameters: &["{import}"],
        request: None,
        responses: &[(200, "The import", Some("Import"))],
    },
    Operation {
        method: "PATCH",
        path: "/imports/{import}",
        id: "resume_upload",
        summary: "Go on with a list that was cut off",
        description: "After draft-ietf-httpbis-resumable-upload-12: the body is what is left of the list, behind the bytes that `Upload-Offset` \
            of `HEAD` counts. A list that is sent as CSV and not packed can be gone on with for a day, at the server that has its beginning; any \
            other is sent again. If another number of bytes is there, it is answered with 409 and their `Upload-Offset`.",
        parameters: &["{import}", "Upload-Offset", "Upload-Complete"],
        request: Some("RestOfList"),
        responses: &[(202, "All of it is there", Some("Import"))],
    },
    Operation {
        method: "DELETE",
        path: "/imports/{import}",
        id: "forget_import",
        summary: "End the work on a list, and forget it with its files",
        description: "Contacts that are in stay in.",
        parameters: &["{import}"],
        request: None,
        responses: &[(204, "It is forgotten", None)],
    },
    Operation {
        method: "GET",
        path: "/imports/{import}/preview",
        id: "preview_import",
        summary: "Show the first rows of a list, what each column is taken for, and what the gate says",
        description: "The first 20 rows of a list that is on the server: one that was sent with `dry_run` and `keep`, for a day. Whole numbers \
            are masked. If the list does not say which column is the number, `fault` says so, and the rows are there all the same: send it \
            again with `from`, and with a `map` that does.",
        parameters: &["{import}"],
        request: None,
        responses: &[(200, "The first rows", Some("ImportPreview"))],
    },
    Operation {
        method: "GET",
        path: "/imports/{import}/rejects",
        id: "list_rejects",
        summary: "List the rows of a list that were not taken in, each with its line and why",
        description: "With `full_numbers` the rows themselves are behind that, so that they can be mended and sent again.",
        parameters: &["{import}", "full_numbers"],
        request: None,
        responses: &[(200, "The rejects, as CSV", Some("Csv"))],
    },
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
        method: "GET",
        path: "/do-not-call",
        id: "list_do_not_call",
        summary: "List the do-not-call lists",
        description: "",
        parameters: &[],
        request: None,
        responses: &[(200, "The lists", Some("DoNotCallLists"))],
    },
    Operation {
        method: "POST",
        path: "/do-not-call",
        id: "import_do_not_call",
        summary: "Put the numbers of a list on a do-not-call list",
        description: "The body is the list: numbers, one a line, or CSV. It is read generously, as `aftertone dnc import` does. When it is \
            answered, no drop to any of them begins any more. Sent again, it changes nothing.",
        parameters: &["list", "column", "because"],
        request: Some("List"),
        responses: &[(200, "What became of it", Some("BarredList"))],
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
    Operation {
        method: "GET",
        path: "/configuration",
        id: "show_configuration",
        summary: "Show the configuration in force, and where each key came from",
        description: "Every key of `aftertone.toml`. Secrets are left out, and a password in a URL is `***`.",
        parameters: &[],
        request: None,
        responses: &[(200, "The keys", Some("Configuration"))],
    },
    Operation {
        method: "POST",
        path: "/configuration/reloads",
        id: "reload_configuration",
        summary: "Read the configuration anew",
        description: "What `aftertone reload` does: what can be taken up is, without a call being lost, and other keys are named. If it is \
            wrong, or the certificate is, all stays as it was, and `error` says why. That it was asked for is in the audit log.",
        parameters: &[],
        request: None,
        responses: &[(200, "What came of it", Some("Reload"))],
    },
    Operation {
        method: "POST",
        path: "/erasures",
        id: "erase_person",
        summary: "Bar a person for good, and erase everything about them",
        description: "As `aftertone contact erase --yes`: contacts, calls, decisions and evidence lose all that is the person's, and a salted digest \
            of the number stays on the do-not-call list `own`. There is no way back. 409: a call to them is in flight; they are barred by \
            then, and it is to be asked again. The audit log does not say whom it was about.",
        parameters: &[],
        request: Some("ErasureRequest"),
        responses: &[(200, "What is gone", Some("Erasure"))],
    },
    Operation {
        method: "POST",
        path: "/person-exports",
        id: "export_person",
        summary: "Hand out all that is known of a person, as a zip file",
        description: "As `aftertone contact export`: contacts with their consent, decisions of the gate, calls with their reports, the evidence that is on \
            this server, and a manifest with the SHA-256 of each file. Numbers are whole, which takes `numbers:full` as well, and, of those who have \
            signed in, the password within ten minutes. That it was read is in the audit log.",
        parameters: &[],
        request: Some("PersonExportRequest"),
        responses: &[(200, "The file", Some("File"))],
    },
    Operation {
        method: "GET",
        path: "/messages/{message}/audio",
        id: "read_message",
        summary: "Read the recording of a message, or a part of it",
        description: "As it is kept for the telephone. `Range` and `If-None-Match` are understood.",
        parameters: &["{message}", "Range", "If-None-Match"],
        request: None,
        responses: &[
            (200, "The recording", Some("File")),
            (206, "The part", Some("File")),
            (304, "It is as it was", None),
            (416, "There is no such part", None),
        ],
    },
    Operation {
        method: "GET",
        path: "/messages/{message}/picture.svg",
        id: "draw_message",
        summary: "Draw the sound of a message",
        description: "",
        parameters: &["{message}"],
        request: None,
        responses: &[(200, "The picture", Some("Picture"))],
    },
    Operation {
        method: "GET",
        path: "/do-not-call/{list}/numbers/{number}",
        id: "show_do_not_call",
        summary: "Look a number up on a do-not-call list",
        description: "",
        parameters: &["{list}", "{number}"],
        request: None,
        responses: &[(200, "It is on the list", Some("DoNotCallEntry"))],
    },
    Operation {
        method: "PUT",
        path: "/do-not-call/{list}/numbers/{number}",
        id: "add_do_not_call",
        summary: "Put a number on a do-not-call list",
        description: "The list is made if it is missing. When it is answered, no drop to the number begins any more, of any campaign or controller.",
        parameters: &["{list}", "{number}"],
        request: Some("DoNotCallReason"),
        responses: &[
            (201, "It is on the list from now on", Some("DoNotCallEntry")),
            (200, "It was on the list before", Some("DoNotCallEntry")),
        ],
    },
    Operation {
        method: "DELETE",
        path: "/do-not-call/{list}/numbers/{number}",
        id: "remove_do_not_call",
        summary: "Take a number off a do-not-call list",
        description: "Who did it, when and why is kept.",
        parameters: &["{list}", "{number}", "because"],
        request: None,
        responses: &[(204, "It is not on the list any more", None)],
    },
    Operation {
        method: "GET",
        path: "/messages",
        id: "list_messages",
        summary: "List the prepared messages",
        description: "",
        parameters: &[],
        request: None,
        responses: &[(200, "The messages, by name", Some("MessageList"))],
    },
    Operation {
        method: "GET",
        path: "/messages/{message}",
        id: "show_message",
        summary: "Show a message, and what was done to its recording",
        description: "",
        parameters: &["{message}"],
        request: None,
        responses: &[(200, "The message", Some("Message"))],
    },
    Operation {
        method: "PUT",
        path: "/messages/{message}",
        id: "prepare_message",
        summary: "Prepare a recording for the telephone and keep it",
        description: "The body is the recording: WAV, MP3, FLAC or Ogg Vorbis, at most 50 MiB. One of the same name is replaced; drops in flight keep the one they have.",
        parameters: &["{message}"],
        request: Some("Recording"),
        responses: &[
            (201, "It is prepared", Some("Message")),
            (
                200,
                "It is prepared in the place of another one",
                Some("Message"),
            ),
        ],
    },
    Operation {
        method: "DELETE",
        path: "/messages/{message}",
        id: "remove_message",
        summary: "Remove a message",
        description: "",
        parameters: &["{message}"],
        request: None,
        responses: &[(204, "It is gone", None)],
    },
    Operation {
        method: "GET",
        path: "/fleet",
        id: "show_fleet",
        summary: "Show the PBXes, trunks and controllers that share the database",
        description: "With the budgets of the trunks, as `aftertone fleet list --json`.",
        parameters: &[],
        request: None,
        responses: &[(200, "The fleet", Some("Fleet"))],
    },
    Operation {
        method: "GET",
        path: "/events",
        id: "list_events",
        summary: "List what happened, the oldest first",
        description: "Events are numbered in the order in which they can be seen: whoever goes on from `next` misses none and sees \
            none twice. Each drop has exactly one event that ends it, `drop.ended` or `drop.withdrawn`.",
        parameters: &["after", "types", "campaign", "limit", "full_numbers"],
        request: None,
        responses: &[(200, "A page", Some("EventPage"))],
    },
    Operation {
        method: "GET",
        path: "/events/stream",
        id: "stream_events",
        summary: "Follow what happens, as server-sent events",
        description: "Behind `Last-Event-ID` or `after`; else from now on. An event's `id` is its `sequence`, its `data` what the list \
            gives. `event: reset` says that events are not kept any more, `event: bye` that this server is about to end. A reader that \
            takes nothing for 30 s is cut off; a token has 8 streams at most.",
        parameters: &[
            "Last-Event-ID",
            "after",
            "types",
            "campaign",
            "full_numbers",
        ],
        request: None,
        responses: &[(200, "The stream", Some("EventStream"))],
    },
    Operation {
        method: "GET",
        path: "/live",
        id: "follow_state",
        summary: "Follow the state of all campaigns and of the fleet, as server-sent events",
        description: "`event: view` has all of it: the campaigns that are not over, the 20 that were last changed of those that are, and the \
            fleet if the token has the scope `metrics:read`. `event: change` has what has changed since, at most twice a second: campaigns as a whole, \
            the names of those that are `gone`, the fleet. What a slow reader does not take is left out, and the next change has it. With `once=true` it is \
            answered as JSON. Streams count as those of events do.",
        parameters: &["once"],
        request: None,
        responses: &[(200, "The stream, or the state", Some("LiveStream"))],
    },
    Operation {
        method: "POST",
        path: "/webhooks",
        id: "create_webhook",
        summary: "Create an endpoint that is told what happens",
        description: "Messages are signed after Standard Webhooks 1.0.0 with a secret that is shown in this answer and never again. It is told of what \
            happens from now on, or behind `after`. The address is looked at here and again at each connection: a public one over `https`, or one \
            of a network that the server's configuration allows. `full_numbers` takes the scope `numbers:full`.",
        parameters: &[],
        request: Some("WebhookOrder"),
        responses: &[(201, "It is created", Some("Webhook"))],
    },
    Operation {
        method: "GET",
        path: "/webhooks",
        id: "list_webhooks",
        summary: "List the endpoints, the latest first",
        description: "",
        parameters: &["limit", "cursor"],
        request: None,
        responses: &[(200, "A page", Some("WebhookPage"))],
    },
    Operation {
        method: "GET",
        path: "/webhooks/{webhook}",
        id: "show_webhook",
        summary: "Show an endpoint: its settings, its health, and what it has before it",
        description: "",
        parameters: &["{webhook}"],
        request: None,
        responses: &[(200, "The endpoint", Some("Webhook"))],
    },
    Operation {
        method: "PATCH",
        path: "/webhooks/{webhook}",
        id: "change_webhook",
        summary: "Change, disable or enable an endpoint",
        description: "What is not given stays. One that is enabled again goes on where it was: nothing in between is lost as long as its events are kept.",
        parameters: &["{webhook}", "If-Match"],
        request: Some("WebhookChange"),
        responses: &[(200, "It is changed", Some("Webhook"))],
    },
    Operation {
        method: "DELETE",
        path: "/webhooks/{webhook}",
        id: "remove_webhook",
        summary: "Remove an endpoint, with the log of what was sent to it",
        description: "",
        parameters: &["{webhook}"],
        request: None,
        responses: &[(204, "It is gone", None)],
    },
    Operation {
        method: "POST",
        path: "/webhooks/{webhook}/secret",
        id: "rotate_webhook_secret",
        summary: "Give an endpoint another secret",
        description: "Earlier secrets count for 24 h, or for `overlap`: until then each message has a signature of each. The secret is shown in this answer and never again.",
        parameters: &["{webhook}"],
        request: Some("SecretRotation"),
        responses: &[(200, "It has another secret", Some("Webhook"))],
    },
    Operation {
        method: "POST",
        path: "/webhooks/{webhook}/ping",
        id: "ping_webhook",
        summary: "Send a message of type `ping` and wait for the answer",
        description: "Also to one that is disabled. Nothing of it is kept.",
        parameters: &["{webhook}"],
        request: None,
        responses: &[(200, "What came of it", Some("Ping"))],
    },
    Operation {
        method: "GET",
        path: "/webhooks/{webhook}/deliveries",
        id: "list_deliveries",
        summary: "List what was sent to an endpoint, the latest first",
        description: "With each attempt. They are kept as long as the events that they tell of.",
        parameters: &["{webhook}", "limit", "cursor", "state"],
        request: None,
        responses: &[(200, "A page", Some("DeliveryPage"))],
    },
    Operation {
        method: "POST",
        path: "/webhooks/{webhook}/deliveries/{delivery}/replays",
        id: "replay_delivery",
        summary: "Send one message again, with the same id",
        description: "One that waits is sent at once.",
        parameters: &["{webhook}", "{delivery}"],
        request: None,
        responses: &[(202, "It is due", Some("Delivery"))],
    },
    Operation {
        method: "POST",
        path: "/webhooks/{webhook}/replays",
        id: "replay_webhook",
        summary: "Send messages again, with the same ids",
        description: "What was given up (`dead`), or all events of a time, whether they were delivered or not.",
        parameters: &["{webhook}"],
        request: Some("ReplayOrder"),
        responses: &[(202, "It is ordered", Some("Replay"))],
    },
    Operation {
        method: "GET",
        path: "/audit",
        id: "list_audit",
        summary: "List who changed what, the latest first",
        description: "",
        parameters: &["object", "limit", "cursor"],
        request: None,
        responses: &[(200, "A page", Some("AuditPage"))],
    },
    Operation {
        method: "GET",
        path: "/users",
        id: "list_users",
        summary: "List who signs in, by name",
        description: "",
        parameters: &[],
        request: None,
        responses: &[(200, "The users", Some("UserList"))],
    },
    Operation {
        method: "POST",
        path: "/users",
        id: "add_user",
        summary: "Make a user",
        description: "The answer has a link, good for fifteen minutes and once, by which the user sets a password. It is shown here alone.",
        parameters: &[],
        request: Some("UserOrder"),
        responses: &[(201, "The user is made", Some("NewUser"))],
    },
    Operation {
        method: "GET",
        path: "/users/{user}",
        id: "show_user",
        summary: "Show a user",
        description: "",
        parameters: &["{user}"],
        request: None,
        responses: &[(200, "The user", Some("User"))],
    },
    Operation {
        method: "PATCH",
        path: "/users/{user}",
        id: "change_user",
        summary: "Change the role of a user, or whether the user is let in",
        description: "Either ends the user's sessions. Nobody changes their own.",
        parameters: &["{user}"],
        request: Some("UserChange"),
        responses: &[(200, "The user is changed", Some("User"))],
    },
    Operation {
        method: "POST",
        path: "/users/{user}/links",
        id: "link_user",
        summary: "Make a link by which a user sets a new password",
        description: "Good for fifteen minutes and once; the one before is good for nothing any more.",
        parameters: &["{user}"],
        request: None,
        responses: &[(201, "The link", Some("UserLink"))],
    },
    Operation {
        method: "GET",
        path: "/tokens",
        id: "list_tokens",
        summary: "List the tokens, the latest first",
        description: "Without their secrets, which are nowhere.",
        parameters: &[],
        request: None,
        responses: &[(200, "The tokens", Some("TokenList"))],
    },
    Operation {
        method: "POST",
        path: "/tokens",
        id: "add_token",
        summary: "Make a token",
        description: "It is shown here alone. It takes the password within the last ten minutes.",
        parameters: &[],
        request: Some("TokenOrder"),
        responses: &[(201, "The token is made", Some("NewToken"))],
    },
    Operation {
        method: "DELETE",
        path: "/tokens/{token}",
        id: "revoke_token",
        summary: "Revoke a token",
        description: "It is good for nothing from then on.",
        parameters: &["{token}"],
        request: None,
        responses: &[(204, "It is revoked", None)],
    },
    Operation {
        method: "POST",
        path: "/sessions",
        id: "sign_in",
        summary: "Sign in",
        description: "For pages of this server: the answer sets the cookie `__Host-aftertone`, which counts only for requests of the same origin. Programs send tokens.             A session ends 12 h after it was last used, and 7 days after it began. An address, and a name, has ten attempts and then one a minute.",
        parameters: &[],
        request: Some("SignIn"),
        responses: &[(201, "It has begun", Some("SignedIn"))],
    },
    Operation {
        method: "GET",
        path: "/sessions",
        id: "list_sessions",
        summary: "List one's own sessions, the latest first",
        description: "With `all` those of everybody, which takes the role `admin`.",
        parameters: &["all"],
        request: None,
        responses: &[(200, "The sessions", Some("SessionList"))],
    },
    Operation {
        method: "DELETE",
        path: "/sessions/{session}",
        id: "end_session",
        summary: "Sign out, or end another session",
        description: "`current` is the one by which is asked. Sessions of others take the role `admin`.",
        parameters: &["{session}"],
        request: None,
        responses: &[(204, "It has ended", None)],
    },
    Operation {
        method: "GET",
        path: "/openapi.json",
        id: "show_openapi",
        summary: "This document",
        description: "It needs no token.",
        parameters: &[],
        request: None,
        responses: &[(200, "The document", Some("OpenApi"))],
    },
];

/// A route that is to be described: its method, its path, and what a token is asked for.
pub(super) type DescribedRoute = (String, &'static str, Option<Action>);

/// The document of an API that begins at `base` and has these routes.
pub(super) fn document(base: &str, routes: &[DescribedRoute]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.to_ascii_lowercase()] = operation.value(routes);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Aftertone",
            "version": "1",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
            "description": "Leaves a recorded message in a contact's voicemail through an Asterisk PBX. Within version 1 members \
                and resources are added and none is renamed or dropped; values of words may be added.",
        },
        "servers": [{"url": base}],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of `aftertone token add`; each operation names the scope that it takes.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "__Host-aftertone",
                    "description": "A session of a user, for pages of this server: it counts only for requests of the same origin.",
                },
            },
            "schemas": schemas(),
            "responses": {"Problem": {
                "description": "It was not carried out",
                "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }},
        },
    })
}

impl Operation {
    fn value(&self, routes: &[DescribedRoute]) -> Value {
        let mut routes = routes.iter();
        let route = routes.find(|(method, path, _)| method == self.method && *path == self.path);
        let action = route.and_then(|(_, _, action)| *action);
        let mut responses: Map<String, Value> = Map::new();
        for (status, description, schema) in self.responses {
            let mut response = json!({"description": description});
            if *schema == Some("Picture") {
                response["content"] = json!({"image/svg+xml": {"schema": {"type": "string"}}});
            } else if *schema == Some("EventStream") {
                response["content"] = json!({"text/event-stream": {"schema": {"type": "string"}}});
            } else if *schema == Some("File") {
                response["content"] =
                    json!({"*/*": {"schema": {"type": "string", "format": "binary"}}});
            } else if *schema == Some("Csv") {
                response["content"] = json!({"text/csv": {"schema": {"type": "string"}}});
            } else if *schema == Some("LiveStream") {
                response["content"] = json!({
                    "text/event-stream": {"schema": {"type": "string"}},
                    "application/json": {"schema": {"$ref": "#/components/schemas/Live"}},
                });
            } else if *schema == Some("Rows") {
                response["content"] = json!({
                    "text/csv": {"schema": {"type": "string"}},
                    "application/x-ndjson": {"schema": {"type": "string"}},
                    "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
                });
            } else if let Some(schema) = schema {
                let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
                response["content"] = json!({"application/json": {"schema": schema}});
            }
            responses.insert(status.to_string(), response);
        }
        let problem = json!({"$ref": "#/components/responses/Problem"});
        responses.insert("default".to_owned(), problem);
        let mut words = self.description.to_owned();
        if let Some(action) = action {
            let access = access(action);
            words = if words.is_empty() {
                access
            } else {
                format!("{words} {access}")
            };
        }
        let parameters: Vec<_> = self.parameters.iter().map(|name| parameter(name)).collect();
        let mut operation = json!({
            "operationId": self.id,
            "summary": self.summary,
            "description": words,
            "responses": responses,
        });
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
        match action {
            None => operation["security"] = json!([]),
            Some(action) if action.is_for_people() => {
                operation["security"] = json!([{"session": []}]);
            }
            Some(_) => {}
        }
        if self.request == Some("List") {
            let list = json!({"schema": {"type": "string"}});
            let mut content = json!({"text/csv": list});
            if self.path.ends_with("/imports") {
                content["application/x-ndjson"] = list;
            }
            operation["requestBody"] = json!({"required": true, "content": content});
        } else if self.request == Some("RestOfList") {
            operation["requestBody"] =
                json!({"required": true, "content": {"application/partial-upload": {}}});
        } else if self.request == Some("NewContact") {
            let one = json!({"$ref": "#/components/schemas/NewContact"});
            let many = json!({"type": "array", "items": one, "minItems": 1, "maxItems": 10_000});
            operation["requestBody"] = json!({"required": true, "content": {
                "application/json": {"schema": {"anyOf": [one, many]}},
                "application/x-ndjson": {"schema": {"type": "string"}},
            }});
        } else if self.request == Some("Recording") {
            operation["requestBody"] = json!({"required": true, "content": {"audio/*": {}}});
        } else if let Some(schema) = self.request {
            let is_required =
                !["DoNotCallReason", "ReplayRequest", "SecretRotation"].contains(&schema);
            let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
            operation["requestBody"] = json!({
                "required": is_required,
                "content": {"application/json": {"schema": schema}},
            });
        }
        operation
    }
}

/// Who may do something, for people.
fn access(action: Action) -> String {
    let may = |role: &Role| {
        let person = Principal {
            id: String::new(),
            name: String::new(),
            scopes: role.scopes(),
            role: Some(*role),
        };
        allows(&person, action, Object::Any).is_ok()
    };
    let roles = Role::ALL.iter().filter(|role| may(role));
    let roles: Vec<_> = roles.map(|role| format!("`{role}`")).collect();
    let roles = match roles.as_slice() {
        [] => "nobody".to_owned(),
        all if all.len() == Role::ALL.len() => "everybody".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    };
    if action == Action::ManageUsers {
        return format!(
            "No token does this; of those who have signed in within ten minutes, {roles} may."
        );
    }
    if action.is_for_people() {
        return format!("No token does this; of those who have signed in, {roles} may.");
    }
    let scope = action.scope();
    format!("Takes the scope `{scope}`. Of those who have signed in, {roles} may.")
}

/// A parameter by its name in [`OPERATIONS`].
fn parameter(name: &str) -> Value {
    let in_path = name
        .strip_prefix('{')
        .and_then(|name| name.strip_suffix('}'));
    let (name, place) = match in_path {
        Some(name) => (name, "path"),
        None if name.starts_with(|c: char| c.is_ascii_uppercase()) => (name, "header"),
        None => (name, "query"),
    };
    let (description, schema) = match name {
        "Idempotency-Key" => (
            "New for each drop, such as a UUID; kept for 72 h",
            json!({"type": "string", "minLength": 1, "maxLength": 255}),
        ),
        "Prefer" => (
            "`wait=60` waits for the drop's end, 300 s at most",
            json!({"type": "string"}),
        ),
        "Traceparent" => (
            "The caller's trace, as W3C Trace Context has it: it comes back with the drop, its events and webhooks, and the drop's own \
             trace is within it",
            json!({"type": "string"}),
        ),
        "If-Match" => ("The `ETag` of what was read", json!({"type": "string"})),
        "limit" => (
            "Most items",
            json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}),
        ),
        "cursor" => ("`next` or `previous` of a page", json!({"type": "string"})),
        "number" if place == "query" => ("Only this number", json!({"type": "string"})),
        "Last-Event-ID" => (
            "The `id` of the last event that was handled",
            json!({"type": "integer", "minimum": 0}),
        ),
        "after" => (
            "Only events behind the one with this `sequence`; a list begins with the oldest that is kept",
            json!({"type": "integer", "minimum": 0}),
        ),
        "types" => (
            "Only events of these types or groups, such as `drop.ended,campaign.*`",
            json!({"type": "string"}),
        ),
        "campaign" if place == "query" => ("Only this campaign", json!({"type": "string"})),
        "foreign_id" => ("Only this foreign id", json!({"type": "string"})),
        "status" => (
            "Only those that wait until the gate allows them",
            json!({"type": "string", "enum": ["held"]}),
        ),
        "full_numbers" => (
            "Numbers unmasked; takes the scope `numbers:full`, and is in the audit log",
            json!({"type": "boolean", "default": false}),
        ),
        "once" => (
            "Answer with the state of this moment",
            json!({"type": "boolean", "default": false}),
        ),
        "state" => (
            "Only those in this state",
            json!({"type": "string", "enum": ["pending", "delivered", "dead"]}),
        ),
        "webhook" => (
            "The endpoint's id",
            json!({"type": "string", "pattern": "^wh_[0-9]+$"}),
        ),
        "delivery" => (
            "The message's id",
            json!({"type": "string", "pattern": "^dlv_[0-9]+$"}),
        ),
        "because" => (
            "The reason, kept with the change",
            json!({"type": "string"}),
        ),
        "drop" => ("The drop's id", json!({"type": "string"})),
        "campaign" => ("The campaign's name", json!({"type": "string"})),
        "list" if place == "query" => (
            "The list's name, created if it is missing; `own` unless given",
            json!({"type": "string", "pattern": "^[a-z0-9_-]{1,64}$"}),
        ),
        "column" => (
            "The column that holds the number, by its name or its position, if the header does not say",
            json!({"type": "array", "items": {"type": "string"}}),
        ),
        "count" => (
            "How many there are on all pages as well",
            json!({"type": "boolean", "default": false}),
        ),
        "simulation" => ("The simulation's id", json!({"type": "string"})),
        "file" => (
            "`incoming.wav`, `played.wav`, `message.wav`, `drop.json` or `picture.svg`",
            json!({"type": "string"}),
        ),
        "Range" => (
            "The part, such as `bytes=0-65535`",
            json!({"type": "string"}),
        ),
        "If-None-Match" => ("The `ETag` of what is known", json!({"type": "string"})),
        "contact" => ("The contact's number", json!({"type": "integer"})),
        "import" => ("The import's id", json!({"type": "string"})),
        "name" => (
            "The list's name, for people",
            json!({"type": "string", "minLength": 1, "maxLength": 200}),
        ),
        "map" => (
            "The column of a field if it is not found by its name, such as `number=Telefon` or `name=3`; `state=` takes the field from \
             no column",
            json!({"type": "array", "items": {"type": "string"}}),
        ),
        "date_order" => (
            "Whether the month or the day comes first in dates such as `03/01/2026`",
            json!({"type": "string", "enum": ["mdy", "dmy"]}),
        ),
        "dry_run" => (
            "Read it, say what would become of its rows, and take nothing in",
            json!({"type": "boolean", "default": false}),
        ),
        "object" => (
            "Only what was done to this, by its whole name in the log, such as a campaign's name",
            json!({"type": "string"}),
        ),
        "keep" => (
            "With `dry_run`: keep the list for a day, so that its first rows can be looked at, and it be taken in by `from`. It is kept \
             whether or not it says which column is the number",
            json!({"type": "boolean", "default": false}),
        ),
        "from" => (
            "The import whose list it is, which was sent with `keep`: then no body is sent",
            json!({"type": "string"}),
        ),
        "Content-Encoding" => (
            "How the list is sent",
            json!({"type": "string", "enum": ["identity", "gzip", "zstd"]}),
        ),
        "Upload-Offset" => (
            "How many bytes of the list are there",
            json!({"type": "integer", "minimum": 0}),
        ),
        "Upload-Complete" => (
            "That the body is all that is left",
            json!({"type": "string", "enum": ["?1"]}),
        ),
        "Content-Digest" => (
            "The SHA-256 of the bytes as they are sent, after RFC 9530: `sha-256=:...:`. If they have another one, nothing is taken",
            json!({"type": "string"}),
        ),
        "outcome" => ("Only this outcome", json!({"type": "string"})),
        "refused" => (
            "Only what the gate refused for this reason",
            json!({"type": "string"}),
        ),
        "token" => ("The token's id", json!({"type": "string"})),
        "user" => ("The user's name", json!({"type": "string"})),
        "session" => ("`current`, or the session's id", json!({"type": "string"})),
        "all" => (
            "Those of everybody; takes the role `admin`",
            json!({"type": "boolean", "default": false}),
        ),
        "message" => (
            "The message's name",
            json!({"type": "string", "pattern": "^[a-z0-9_-]{1,64}$"}),
        ),
        "list" => (
            "The list's name",
            json!({"type": "string", "pattern": "^[a-z0-9_-]{1,64}$"}),
        ),
        _ => ("The number", json!({"type": "string"})),
    };
    let is_required = place == "path" || name == "Idempotency-Key" || name == "If-Match";
    json!({"name": name, "in": place, "required": is_required, "description": description, "schema": schema})
}

/// Adds a schema, and those that it names.
fn add<T: ToSchema>(all: &mut Map<String, Value>) {
    let mut named = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut named);
    for (name, schema) in named {
        all.insert(name, serde_json::to_value(schema).unwrap_or_default());
    }
}

fn schemas() -> Value {
    let mut all = Map::new();
    add::<DropOrder>(&mut all);
    add::<DropAccepted>(&mut all);
    add::<DropShown>(&mut all);
    add::<DropPage>(&mut all);
    add::<DropTimeline>(&mut all);
    add::<EvidenceList>(&mut all);
    add::<BarredList>(&mut all);
    add::<SimulationRequest>(&mut all);
    add::<SimulationShown>(&mut all);
    add::<SimulationList>(&mut all);
    add::<Examination>(&mut all);
    add::<ErasureRequest>(&mut all);
    add::<ErasureShown>(&mut all);
    add::<PersonExportRequest>(&mut all);
    add::<ReplayRequest>(&mut all);
    add::<DropReplay>(&mut all);
    add::<CampaignOrder>(&mut all);
    add::<CampaignChange>(&mut all);
    add::<StandingOrder>(&mut all);
    add::<CampaignShown>(&mut all);
    add::<CampaignPage>(&mut all);
    add::<LiveShown>(&mut all);
    add::<CampaignCounts>(&mut all);
    add::<WaitingShown>(&mut all);
    add::<ContactOrder>(&mut all);
    add::<ContactShown>(&mut all);
    add::<ContactPage>(&mut all);
    add::<ContactHistory>(&mut all);
    add::<PutContacts>(&mut all);
    add::<ImportShown>(&mut all);
    add::<ImportPage>(&mut all);
    add::<ImportPreviewShown>(&mut all);
    add::<CheckRequest>(&mut all);
    add::<Checks>(&mut all);
    add::<DoNotCallLists>(&mut all);
    add::<DoNotCallReason>(&mut all);
    add::<DoNotCallEntry>(&mut all);
    add::<MessageList>(&mut all);
    add::<Fleet>(&mut all);
    add::<ConfigurationShown>(&mut all);
    add::<ReloadShown>(&mut all);
    add::<EventPage>(&mut all);
    add::<Live>(&mut all);
    add::<WebhookOrder>(&mut all);
    add::<WebhookChange>(&mut all);
    add::<WebhookPage>(&mut all);
    add::<SecretRotation>(&mut all);
    add::<PingShown>(&mut all);
    add::<DeliveryPage>(&mut all);
    add::<ReplayOrdered>(&mut all);
    add::<ReplayShown>(&mut all);
    add::<AuditPage>(&mut all);
    add::<UserList>(&mut all);
    add::<UserOrder>(&mut all);
    add::<UserChange>(&mut all);
    add::<NewUser>(&mut all);
    add::<UserLink>(&mut all);
    add::<SignIn>(&mut all);
    add::<SignedIn>(&mut all);
    add::<SessionList>(&mut all);
    add::<TokenList>(&mut all);
    add::<TokenOrder>(&mut all);
    add::<NewToken>(&mut all);
    add::<Problem>(&mut all);
    all.insert("OpenApi".to_owned(), json!({"type": "object"}));
    let types: Vec<_> = ProblemKind::ALL.into_iter().map(problem_type).collect();
    all["Problem"]["properties"]["type"]["examples"] = types.into();
    // Settings have keys of their own beside those that are named.
    for name in ["CampaignOrder", "CampaignChange"] {
        all[name]["additionalProperties"] = true.into();
    }
    debug_assert_eq!(idempotency::KEPT_FOR.as_hours(), 72, "the document says so");
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::{openapi, routes::table};

    #[test]
    fn the_document_has_every_route_and_no_other() {
        let routes = table()
            .into_iter()
            .map(|route| format!("{} {}", route.method, route.path));
        let operations = OPERATIONS
            .iter()
            .map(|operation| format!("{} {}", operation.method, operation.path));
        assert_eq!(
            routes.collect::<BTreeSet<_>>(),
            operations.collect::<BTreeSet<_>>()
        );
        let ids: BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.id).collect();
        assert_eq!(ids.len(), OPERATIONS.len());
    }

    #[test]
    fn every_part_that_is_named_is_there() {
        let document = openapi();
        let text = document.to_string();
        for part in text.split("\"$ref\":\"#").skip(1) {
            let pointer = part.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
        for operation in OPERATIONS {
            let in_path = operation.path.matches('{').count();
            let named = operation
                .parameters
                .iter()
                .filter(|name| name.starts_with('{'))
                .count();
            assert_eq!(in_path, named, "{}", operation.path);
        }
    }
}
