//! A server of the API in this process, beside a fake PBX, and a client of it.

use std::{fmt::Display, fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use aftertone::{
    auth::{KeptToken, Scope, Token},
    campaign::policy::GateSettings,
    config::Config,
    controller::{incoming::IncomingCalls, ordered_drops::OrderedDrops, place},
    hooks::{Webhooks, begin_sending},
    http::{Api, ApiState, Condition, Server as HttpServer, openapi},
    import::{SpooledUploads, UploadRules},
    orders::{ReloadAnswer, ReloadRequest},
    store::{AuditEntry, Prunable, Store},
};
use jiff::Timestamp;
use reqwest::{Client, Method, RequestBuilder, header::HeaderMap};
use serde_json::Value;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    base::{Base, Kind, Server},
    fake::Settings,
    http_client,
    program::Program,
};

/// A server, and what it needs.
pub(crate) struct ApiServer {
    pub(crate) program: Program,
    /// A token that may do everything.
    pub(crate) admin: String,
    pub(crate) store: Store,
    pub(crate) at: SocketAddr,
    pub(crate) client: Client,
    stopping: CancellationToken,
    closed: CancellationToken,
    /// What a reload replaces.
    config: watch::Sender<Arc<Config>>,
    sending: JoinHandle<()>,
    served: JoinHandle<()>,
    drops: JoinHandle<()>,
    incoming: JoinHandle<()>,
    base: Option<Base>,
    document: Value,
}

/// What the service itself does when it is asked to read its configuration anew: here it has one answer, and then another.
fn answering_reloads() -> mpsc::UnboundedSender<ReloadRequest> {
    let (ask, mut asked) = mpsc::unbounded_channel::<ReloadRequest>();
    tokio::spawn(async move {
        let mut answers = [
            ReloadAnswer {
                live: vec!["gate.hours".to_owned()],
                at_restart: vec!["serve.listen".to_owned()],
                error: None,
            },
            ReloadAnswer {
                error: Some("`gate.hours` is wrong".to_owned()),
                ..ReloadAnswer::default()
            },
        ]
        .into_iter();
        while let (Some(request), Some(answer)) = (asked.recv().await, answers.next()) {
            request.send(answer).unwrap();
        }
    });
    ask
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// A header's value; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The slug of the problem.
    pub(crate) fn problem(&self) -> &str {
        let kind = self.body["type"].as_str().unwrap_or("");
        kind.strip_prefix("/docs/problems#").unwrap_or(kind)
    }
}

impl ApiServer {
    /// A server on SQLite; `gate` is the section of the configuration, which is switched off if it is empty.
    pub(crate) async fn start(settings: Settings, gate: &str) -> Self {
        Self::start_on(settings, gate, Kind::Sqlite, &Server::default()).await
    }

    /// A server on SQLite, whose gate is off, with this before the last section of its configuration.
    pub(crate) async fn start_with(settings: Settings, section: &str) -> Self {
        Self::start_with_on(settings, section, Kind::Sqlite, &Server::default()).await
    }

    /// A server beside a program that has run, on its SQLite.
    pub(crate) async fn of(program: Program) -> Self {
        Self::start_program(program, Kind::Sqlite, &Server::default()).await
    }

    pub(crate) async fn start_on(
        settings: Settings,
        gate: &str,
        database: Kind,
        postgres: &Server,
    ) -> Self {
        let program = Program::new(settings).await;
        if !gate.is_empty() {
            program.gate(gate);
        }
        Self::start_program(program, database, postgres).await
    }

    /// One that may send webhooks to this machine.
    pub(crate) async fn with_webhooks(database: Kind, postgres: &Server) -> Self {
        let allow = "[webhooks]\nallow = [\"127.0.0.0/8\"]\n";
        Self::start_with_on(Settings::default(), allow, database, postgres).await
    }

    /// The same, which trusts an authority of a file as well.
    pub(crate) async fn with_webhooks_over_tls(ca_file: &Path) -> Self {
        let file = ca_file.display();
        let section =
            format!("[webhooks]\nallow = [\"127.0.0.0/8\", \"::1\"]\nca_file = \"{file}\"\n");
        Self::start_with(Settings::default(), &section).await
    }

    async fn start_with_on(
        settings: Settings,
        section: &str,
        database: Kind,
        postgres: &Server,
    ) -> Self {
        let program = Program::new(settings).await;
        let path = program.path("aftertone.toml");
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replacen("[store]\n", &format!("{section}[store]\n"), 1);
        fs::write(path, text).unwrap();
        Self::start_program(program, database, postgres).await
    }

    /// One beside a program, which answers requests within this.
    pub(crate) async fn answering_within(program: Program, longest: Duration) -> Self {
        let state = ApiState::answering_within(longest);
        Self::start_as(program, Kind::Sqlite, &Server::default(), state).await
    }

    /// A server beside a program that has run.
    pub(crate) async fn start_program(program: Program, database: Kind, postgres: &Server) -> Self {
        Self::start_as(program, database, postgres, ApiState::default()).await
    }

    async fn start_as(
        program: Program,
        database: Kind,
        postgres: &Server,
        state: ApiState,
    ) -> Self {
        let base = match database {
            Kind::Sqlite => None,
            Kind::Postgres => Some(Base::fresh(database, postgres).await),
        };
        // The server is not in the folder of its configuration.
        let path = program.path("aftertone.toml");
        let text = fs::read_to_string(&path).unwrap();
        let folder = program.folder.path().display();
        let mut text = text
            .replace(
                "state_dir = \"state\"",
                &format!("state_dir = \"{folder}/state\""),
            )
            .replace(
                "sounds_dir = \"sounds\"",
                &format!("sounds_dir = \"{folder}/sounds\""),
            );
        // What is limited is limited by the tests of that.
        if !text.contains("requests_per_second") {
            let any = "requests_per_second = \"any\"\n";
            text = if text.contains("[serve]\n") {
                text.replacen("[serve]\n", &format!("[serve]\n{any}"), 1)
            } else {
                text.replacen("[pbx]\n", &format!("[serve]\n{any}[pbx]\n"), 1)
            };
        }
        if let Some(base) = &base {
            let sqlite = format!("sqlite:{folder}/aftertone.db");
            text = text.replace(&sqlite, base.url());
        }
        fs::write(&path, text).unwrap();
        Self::begin(program, base, None, state).await
    }

    /// Takes networks out of those that webhooks may be sent to, as a reload does.
    pub(crate) fn allow_no_webhooks(&self) {
        self.config.send_modify(|config| {
            let mut changed = (**config).clone();
            changed.webhooks.allow.clear();
            *config = Arc::new(changed);
        });
    }

    /// Changes the settings of the gate, as a reload does.
    pub(crate) fn set_gate(&self, change: impl Fn(&mut GateSettings)) {
        self.config.send_modify(|config| {
            let mut changed = (**config).clone();
            change(&mut changed.gate);
            *config = Arc::new(changed);
        });
    }

    /// Begins to carry ordered drops out a second time, as another server of the same PBX does.
    pub(crate) fn drops_besides(&self) -> (OrderedDrops, JoinHandle<()>, CancellationToken) {
        let (stopping, hang_up) = (CancellationToken::new(), CancellationToken::new());
        let config = self.config.subscribe();
        let (drops, task) =
            OrderedDrops::begin(self.store.clone(), config, stopping.clone(), hang_up);
        (drops, task, stopping)
    }

    /// Begins to send webhooks a second time, as another server does.
    pub(crate) fn send_besides(&self) -> (CancellationToken, JoinHandle<()>) {
        let stopping = CancellationToken::new();
        let webhooks = Webhooks::new(self.config.subscribe()).unwrap();
        let sending = begin_sending(self.store.clone(), webhooks, stopping.clone());
        (stopping, sending)
    }

    /// Deletes all events but the newest, as their retention does.
    pub(crate) async fn prune_events(&self) {
        let what = Prunable {
            events_at_most: Some(1),
            ..Prunable::default()
        };
        self.store.prune(&what, |_| true).await.unwrap();
    }

    /// The address of its database, if that is on a server.
    pub(crate) fn database_url(&self) -> Option<&str> {
        self.base.as_ref().map(Base::url)
    }

    /// Runs statements behind the store's back.
    pub(crate) async fn run(&self, sql: &str) {
        self.base.as_ref().unwrap().run(sql).await;
    }

    /// Ends it, and begins another one on the same database.
    pub(crate) async fn restart(self) -> Self {
        self.stopping.cancel();
        self.drops.await.unwrap();
        self.incoming.await.unwrap();
        self.closed.cancel();
        self.served.await.unwrap();
        self.sending.await.unwrap();
        self.store.close().await;
        let (admin, state) = (Some(self.admin), ApiState::default());
        Self::begin(self.program, self.base, admin, state).await
    }

    pub(crate) async fn stop(self) {
        self.stopping.cancel();
        self.drops.await.unwrap();
        self.incoming.await.unwrap();
        self.closed.cancel();
        self.served.await.unwrap();
        self.sending.await.unwrap();
        self.store.close().await;
        if let Some(base) = self.base {
            base.remove().await;
        }
    }

    async fn begin(
        program: Program,
        base: Option<Base>,
        admin: Option<String>,
        state: ApiState,
    ) -> Self {
        let client = http_client();
        let config = Config::load(Some(&program.path("aftertone.toml"))).unwrap();
        config.make_state_dir();
        let store = Store::open(&place(&config.store)).await.unwrap();
        let (changing, configured) = watch::channel(Arc::new(config.clone()));
        let stopping = CancellationToken::new();
        let (drops, dropping) = OrderedDrops::begin(
            store.clone(),
            configured.clone(),
            stopping.clone(),
            CancellationToken::new(),
        );
        let (calls, incoming) = IncomingCalls::begin(
            store.clone(),
            configured.clone(),
            stopping.clone(),
            CancellationToken::new(),
        );
        let drops = drops.beside(calls);
        let rules = UploadRules {
            phone: config.pbx.rules,
            gate: config.gate.clone(),
        };
        let lists = match &base {
            None => Store::open(&place(&config.store)).await.unwrap(),
            Some(_) => store.clone(),
        };
        let (uploads, _) = SpooledUploads::begin(
            store.clone(),
            lists,
            &config.state_dir,
            Arc::new(move || rules.clone()),
            stopping.clone(),
        );
        let server = HttpServer::bind("127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let at = server.at();
        let (_, condition) = watch::channel(Condition::default());
        let webhooks = Webhooks::new(configured.clone()).unwrap();
        let reloads = answering_reloads();
        let sending = begin_sending(store.clone(), webhooks.clone(), stopping.clone());
        let api = Api {
            store: store.clone(),
            config: configured,
            condition,
            stopping: stopping.clone(),
            drops: Some(Arc::new(drops)),
            view: watch::channel(None).1,
            examinations: None,
            uploads: Arc::new(uploads),
            reloads,
            webhooks,
            state,
        };
        let closed = CancellationToken::new();
        let until = closed.clone();
        let served = tokio::spawn(async move { server.serve(api, until).await.unwrap() });
        let mut server = Self {
            program,
            admin: String::new(),
            store,
            at,
            client,
            stopping,
            closed,
            config: changing,
            sending,
            served,
            drops: dropping,
            incoming,
            base,
            document: openapi(),
        };
        server.admin = match admin {
            Some(admin) => admin,
            None => server.token(&["admin"]).await,
        };
        server
    }

    /// A token with these scopes.
    pub(crate) async fn token(&self, scopes: &[&str]) -> String {
        let mut random = [0; 40];
        getrandom::fill(&mut random).unwrap();
        let token = Token::of(&random);
        let now = Timestamp::now();
        let kept = KeptToken {
            id: token.id().clone(),
            name: scopes.join(" "),
            scopes: scopes
                .iter()
                .map(|scope| scope.parse::<Scope>().unwrap())
                .collect(),
            digest: token.digest(),
            created_at: now,
            created_by: "test".to_owned(),
            expires_at: None,
            networks: vec!["127.0.0.0/8".parse().unwrap()],
            last_used_at: None,
            last_used_from: None,
            revoked_at: None,
        };
        let entry = AuditEntry {
            at: now,
            who: "test".to_owned(),
            via: "cli",
            ip: None,
            request_id: None,
            action: "token.add".to_owned(),
            object: format!("token:{}", token.id()),
            before: None,
            after: None,
        };
        self.store.audited(entry).add_token(&kept).await.unwrap();
        token.expose().to_owned()
    }

    pub(crate) async fn revoke(&self, token: &str) {
        let token = Token::parse(token).unwrap();
        assert!(
            self.store
                .revoke_token(token.id(), Timestamp::now())
                .await
                .unwrap()
        );
    }

    /// A request without a token.
    pub(crate) fn plain(&self, method: Method, path: &str) -> RequestBuilder {
        let at = self.at;
        self.client
            .request(method, format!("http://{at}/api/v1{path}"))
    }

    /// A request by the admin.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.plain(method, path).bearer_auth(&self.admin)
    }

    /// A request by the admin, unless it is given another token.
    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.plain(Method::POST, path)
            .json(body)
            .header(BY_ADMIN, "1")
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let (client, request) = request.build_split();
        let mut request = request.unwrap();
        let wants_token = request.headers_mut().remove(BY_ADMIN).is_some();
        if wants_token && !request.headers().contains_key("authorization") {
            let token = format!("Bearer {}", self.admin).parse().unwrap();
            request.headers_mut().insert("authorization", token);
        }
        let response = client.execute(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // A stream has no end.
        let is_stream = headers
            .get("content-type")
            .is_some_and(|kind| kind == "text/event-stream");
        let text = if is_stream {
            String::new()
        } else {
            response.text().await.unwrap()
        };
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
        };
        Answer {
            status,
            headers,
            body,
        }
    }

    /// The status and the text of an answer that is not JSON.
    pub(crate) async fn text(&self, request: RequestBuilder) -> (u16, String) {
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    /// Orders a drop by the admin.
    pub(crate) async fn order(&self, key: &str, body: &Value) -> Answer {
        self.send(self.post("/drops", body).header("idempotency-key", key))
            .await
    }

    /// Holds a body to its schema: it has all members that are required, and none that is not named.
    pub(crate) fn fits(&self, body: &Value, schema: &str) {
        let schema = &self.document["components"]["schemas"][schema];
        assert!(schema.is_object(), "there is no such schema");
        self.fits_schema(body, schema, &"");
    }

    /// The same for a problem, which may have members of its own.
    pub(crate) fn fits_problem(&self, body: &Value) {
        let named = &self.document["components"]["schemas"]["Problem"]["properties"];
        let named = named.as_object().unwrap();
        let known: serde_json::Map<_, _> = body
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| named.contains_key(*name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        self.fits(&Value::Object(known), "Problem");
    }

    fn fits_schema(&self, body: &Value, schema: &Value, at: &dyn Display) {
        if let Some(name) = schema["$ref"].as_str() {
            let schema = self.document.pointer(name.trim_start_matches('#')).unwrap();
            return self.fits_schema(body, schema, at);
        }
        for many in ["oneOf", "anyOf", "allOf"] {
            let Some(many) = schema[many].as_array() else {
                continue;
            };
            // Of these there are only such as are null or something.
            let some = many
                .iter()
                .find(|one| (one["type"] == "null") == body.is_null());
            return self.fits_schema(body, some.unwrap_or(&many[0]), at);
        }
        let types = match schema["type"].as_array() {
            Some(types) => types.clone(),
            None => vec![schema["type"].clone()],
        };
        let kind = match body {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let fits = schema["type"].is_null() || types.iter().any(|one| one == kind);
        assert!(fits, "{at}: {body} is not {types:?}");
        match body {
            Value::Array(items) => {
                for (nth, item) in items.iter().enumerate() {
                    self.fits_schema(item, &schema["items"], &format!("{at}/{nth}"));
                }
            }
            Value::Object(members) => {
                let Some(named) = schema["properties"].as_object() else {
                    return;
                };
                for name in named.keys() {
                    // What may be null is not required, and is there all the same.
                    let is_optional = at.to_string().is_empty() && name == "errors";
                    assert!(
                        is_optional || members.contains_key(name),
                        "{at}/{name} is missing: {body}"
                    );
                }
                for (name, value) in members {
                    let member = named.get(name);
                    let member =
                        member.unwrap_or_else(|| panic!("{at}/{name} is not in the document"));
                    self.fits_schema(value, member, &format!("{at}/{name}"));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// Asks for the admin's token, and is not sent.
const BY_ADMIN: &str = "x-by-admin";
