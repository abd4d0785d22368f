//! The service beside a real PBX: a campaign that is a draft, is started, and is delivered; a drop, and a campaign from its list to its
//! end, over HTTP alone.

use std::{fs, sync::Arc};

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::{
    Bench, beside_others,
    campaigns::program::{Program, Running},
    check,
    network::{Lab, wait_for},
    subscribers::{PATIENCE, delivered},
};

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut single = |name: &str, test: fn(&Bench) -> Result<(), Failed>| {
        trials.push(beside_others(bench, format!("serve::{name}"), test));
    };
    single(
        "a_draft_is_dialled_once_it_is_started_and_delivered",
        started_and_delivered,
    );
    single("a_drop_over_http_is_delivered_and_proven", ordered);
    single(
        "a_list_over_http_is_dialled_paused_and_cancelled",
        sent_paused_and_cancelled,
    );
    trials
}

/// A program of its own that is to serve.
pub(crate) fn program<'a>(lab: &'a Lab, name: &str) -> Program<'a> {
    let folder = lab.folder().join(name);
    Program::new(lab, name)
        .with("INSTANCE", name)
        .with("STATE_DIR", folder.display().to_string())
        .with("STORE__URL", format!("sqlite:{name}.db"))
        .with("SERVE__LISTEN", "127.0.0.1:0")
}

/// Waits until it listens; returns its address.
pub(crate) fn address(service: &Running) -> Result<String, Failed> {
    wait_for(PATIENCE, || {
        let said = service.said();
        let mut addresses = said
            .lines()
            .filter_map(|line| line.split_once("listening on ").map(|(_, address)| address));
        let address = addresses.next().ok_or_else(|| said.clone())?;
        Ok(address.trim().to_owned())
    })
}

/// The API of a service, to a client that may do everything.
pub(crate) struct Api {
    url: String,
    token: String,
    runtime: tokio::runtime::Runtime,
}

impl Api {
    pub(crate) fn new(program: &Program<'_>, service: &Running) -> Result<Self, Failed> {
        let made = program.ask(&["token", "add", "lab", "--scope", "admin", "--json"])?;
        let made: Value = serde_json::from_str(&made)?;
        Ok(Self {
            url: format!("{}/api/v1", address(service)?),
            token: made["token"].as_str().ok_or("no token")?.to_owned(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
        })
    }

    /// A request with a body of this media type; its answer, which has to be a good one.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, String)>,
    ) -> Result<Value, Failed> {
        let client = reqwest::Client::new();
        let mut request = client
            .request(method.parse()?, format!("{}{path}", self.url))
            .bearer_auth(&self.token)
            .timeout(PATIENCE);
        if path == "/drops" {
            request = request
                .header("idempotency-key", "lab")
                .header("prefer", "wait=60");
        }
        if let Some((media, body)) = body {
            request = request.header("content-type", media).body(body);
        }
        let (status, text) = self.runtime.block_on(async {
            let answer = request.send().await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.text().await?))
        })?;
        check!(status.is_success(), "{method} {path}: {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }

    pub(crate) fn json(&self, method: &str, path: &str, body: &Value) -> Result<Value, Failed> {
        self.ask(method, path, Some(("application/json", body.to_string())))
    }
}

fn ordered(bench: &Bench) -> Result<(), Failed> {
    let (lab, number) = (bench.lab(), bench.lab().number("0101"));
    let program = program(lab, "ordered");
    let service = program.serve()?;
    let api = Api::new(&program, &service)?;
    let order = json!({
        "to": number.e164(), "message": bench.message().name, "kind": "informational", "foreign_id": "C-1",
    });
    let ended = api.json("POST", "/drops", &order)?;
    check!(ended["status"] == "ended", "{ended:#}");
    check!(ended["outcome"] == "delivered", "{ended:#}");
    check!(ended["report"]["proof"] == "proven", "{ended:#}");
    let found = delivered(bench, &number)?;
    check!(found.is_whole(), "{found}");
    check!(lab.times_called(&number)? == 2);
    service.stop()
}

fn sent_paused_and_cancelled(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = program(lab, "sent");
    let service = program.serve()?;
    let api = Api::new(&program, &service)?;
    // One now, and the next in a minute.
    let settings = json!({
        "name": "web", "kind": "informational", "message": bench.message().name, "rate": "1/m",
    });
    api.json("POST", "/campaigns", &settings)?;
    let numbers = [lab.number("0101"), lab.number("0101")];
    let list = format!("phone\n{}\n{}\n", numbers[0].e164(), numbers[1].e164());
    let sent = api.ask(
        "POST",
        "/campaigns/web/imports?name=web.csv",
        Some(("text/csv", list)),
    )?;
    let import = format!("/imports/{}", sent["id"].as_str().ok_or("no import")?);
    wait_for(PATIENCE, || {
        let shown = api.ask("GET", &import, None)?;
        check!(shown["state"] == "complete", "{shown:#}");
        check!(shown["added"] == 2, "{shown:#}");
        Ok(())
    })?;
    for number in &numbers {
        check!(lab.calls(number)?.is_empty(), "nobody has started it");
    }
    let standing = |standing: &str| {
        let order = json!({"standing": standing});
        api.json("PUT", "/campaigns/web/standing", &order)
    };
    standing("running")?;
    wait_for(PATIENCE, || {
        let results = api.ask("GET", "/campaigns/web/summary", None)?;
        check!(results["outcomes"]["delivered"] == 1, "{results:#}");
        Ok(())
    })?;
    let paused = standing("paused")?;
    check!(paused["standing"] == "paused", "{paused:#}");
    standing("cancelled")?;
    wait_for(PATIENCE, || {
        let shown = api.ask("GET", "/campaigns/web", None)?;
        check!(shown["standing"] == "cancelled", "{shown:#}");
        Ok(())
    })?;
    let called: Vec<_> = numbers
        .iter()
        .map(|number| lab.times_called(number))
        .collect::<Result<_, _>>()?;
    check!(called.iter().sum::<usize>() == 2, "{called:?}");
    let first = if called[0] == 2 {
        &numbers[0]
    } else {
        &numbers[1]
    };
    let found = delivered(bench, first)?;
    check!(found.is_whole(), "{found}");
    service.stop()
}

fn started_and_delivered(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let program = program(lab, "served");
    let mut service = program.serve()?;
    address(&service)?;

    let (draft, other) = (lab.number("0101"), lab.number("0101"));
    for (name, number) in [("draft", &draft), ("other", &other)] {
        let list = lab.folder().join(format!("served-{name}.csv"));
        fs::write(&list, format!("phone\n{}\n", number.e164()))?;
        program.create(name, &bench.message().name, &[], &list)?;
    }
    // The service has read what was created before it dials what was started after that.
    program.ask(&["campaign", "start", "other"])?;
    until_complete(&program, "other")?;
    check!(delivered(bench, &other)?.is_whole());
    check!(lab.calls(&draft)?.is_empty(), "nobody has started it");

    program.ask(&["campaign", "start", "draft"])?;
    until_complete(&program, "draft")?;
    let found = delivered(bench, &draft)?;
    check!(found.is_whole(), "{found}");
    check!(lab.times_called(&draft)? == 2);
    check!(service.ended()?.is_none(), "{}", service.said());
    service.stop()
}

fn until_complete(program: &Program<'_>, campaign: &str) -> Result<(), Failed> {
    wait_for(PATIENCE, || {
        let state = program.ask(&["campaign", "status", campaign])?;
        check!(state.contains(&format!("{campaign}: complete")), "{state}");
        Ok(())
    })
}
