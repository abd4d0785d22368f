//! The fake answers as Asterisk 22.10.1 was seen to answer; what the other tests rest on.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{collections::BTreeMap, time::Duration};

use aftertone::words::Leg;
use futures::StreamExt;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::fake::{
    Fake, Settings,
    fault::{Cut, Fault, Kind, Rule, Wire},
    script::{Call, Far, Playback, Script},
};

#[tokio::test]
async fn a_double_call_gives_the_events_of_a_real_one() {
    let settings = Settings {
        files: false,
        ..Settings::default()
    };
    let mut pbx = Tester::new(Fake::start(settings).await).await;
    pbx.originate(BUSY).await;
    pbx.event_on(BUSY, "ChannelStateChange").await;
    pbx.originate(DROP).await;
    pbx.event_on(DROP, "ChannelStateChange").await;
    pbx.ask(Method::DELETE, &format!("channels/{BUSY}")).await;
    pbx.event_on(DROP, "StasisStart").await;
    let go_on = json!({"context": "aftertone-screen", "extension": "s", "priority": 1});
    pbx.post(&format!("channels/{DROP}/continue"), go_on).await;
    let back = pbx.event_on(DROP, "StasisStart").await;
    assert_eq!(
        back["args"],
        json!([DROP_ID, "MACHINE", "LONGGREETING-1500-1500", "SILENCE"])
    );
    let play = json!({"media": "sound:/anywhere/message"});
    pbx.post(&format!("channels/{DROP}/play/p1"), play).await;
    pbx.event_on(DROP, "PlaybackFinished").await;
    pbx.ask(Method::DELETE, &format!("channels/{DROP}")).await;
    pbx.event_on(DROP, "ChannelDestroyed").await;

    // The real trace, but for the order of two events that come from two threads, and RTP statistics.
    insta::assert_snapshot!(pbx.told(), @r#"
    busy Dial  ""
    busy ChannelStateChange Ringing
    busy Dial  "RINGING"
    drop Dial  ""
    drop Dial  "RINGING"
    drop ChannelStateChange Ringing
    busy ChannelHangupRequest Ringing 32
    busy Dial  "NOANSWER"
    busy ChannelDestroyed Ringing 16
    drop ChannelStateChange Up
    drop Dial  "ANSWER"
    drop ChannelVarset Up "STASISSTATUS" ""
    drop StasisStart Up ["00000000000000000000000000000007"]
    drop StasisEnd Up
    drop ChannelDialplan Up "AMD"
    drop ChannelVarset Up "AMDSTATUS" "MACHINE"
    drop ChannelVarset Up "AMDCAUSE" "LONGGREETING-1500-1500"
    drop ChannelDialplan Up "Set"
    drop ChannelVarset Up "AFTERTONE_VERDICT" "MACHINE,LONGGREETING-1500-1500"
    drop ChannelDialplan Up "GotoIf"
    drop ChannelDialplan Up "WaitForSilence"
    drop ChannelVarset Up "WAITSTATUS" "SILENCE"
    drop ChannelDialplan Up "Stasis"
    drop ChannelVarset Up "STASISSTATUS" ""
    drop StasisStart Up ["00000000000000000000000000000007","MACHINE","LONGGREETING-1500-1500","SILENCE"]
    drop PlaybackStarted
    drop PlaybackFinished
    drop ChannelHangupRequest Up 32
    drop StasisEnd Up
    drop ChannelVarset Up "STASISSTATUS" "SUCCESS"
    drop ChannelDestroyed Up 16
    "#);
}

#[tokio::test]
async fn requests_that_cannot_be_carried_out_are_refused_as_asterisk_does() {
    let pbx = Tester::new(Fake::start(Settings::default()).await).await;
    pbx.originate(BUSY).await;
    let rows = [
        (Method::DELETE, "channels/none", 404, "Channel not found"),
        (
            Method::POST,
            "channels/none/continue?context=a",
            404,
            "Channel not found",
        ),
        (
            Method::POST,
            "channels/none/play?media=sound:a",
            404,
            "Channel not found",
        ),
        (Method::GET, "playbacks/none", 404, "Playback not found"),
        (Method::DELETE, "playbacks/none", 404, "Playback not found"),
        (
            Method::GET,
            "applications/none",
            404,
            "Application not found",
        ),
        (
            Method::GET,
            "endpoints/PJSIP/none",
            404,
            "Endpoint not found",
        ),
        (
            Method::GET,
            "asterisk/modules/none.so",
            404,
            "Module could not be found in running modules",
        ),
        (Method::GET, "nothing", 404, "Resource not found"),
    ];
    for (method, path, status, message) in rows {
        let (was, body) = pbx.ask(method, path).await;
        assert_eq!((was, body), (status, json!({"message": message})), "{path}");
    }
    for path in [
        "play?media=sound:a",
        "continue?context=a",
        "variable?variable=A&value=1",
    ] {
        let (was, body) = pbx
            .ask(Method::POST, &format!("channels/{BUSY}/{path}"))
            .await;
        let message = "Channel not in Stasis application";
        assert_eq!((was, body), (409, json!({"message": message})), "{path}");
    }
    let again = pbx.originate(BUSY).await;
    assert_eq!(again, 409);
    let nowhere = json!({"endpoint": "PJSIP/1@nowhere", "app": "app"});
    assert_eq!(
        pbx.post("channels", nowhere).await,
        (500, json!({"error": "Allocation failed"}))
    );
}

#[tokio::test]
async fn calls_that_fail_end_with_their_causes() {
    let rows = [
        (17, 486, "BUSY", "User busy"),
        (1, 404, "NOANSWER", "Unallocated (unassigned) number"),
        (34, 503, "CONGESTION", "Circuit/channel congestion"),
        (21, 603, "NOANSWER", "Call Rejected"),
    ];
    for (q850, sip, dial, text) in rows {
        let settings = Settings::default().number("0101", Script::refusing(q850, sip));
        let mut pbx = Tester::new(Fake::start(settings).await).await;
        pbx.originate(BUSY).await;
        let request = pbx.event_on(BUSY, "ChannelHangupRequest").await;
        assert_eq!(
            (&request["cause"], &request["tech_cause"]),
            (&json!(q850), &json!(sip))
        );
        assert_eq!(pbx.event_on(BUSY, "Dial").await["dialstatus"], dial);
        let gone = pbx.event_on(BUSY, "ChannelDestroyed").await;
        assert_eq!(gone["cause_txt"], text);
        assert_eq!(
            (&gone["cause"], &gone["tech_cause"]),
            (&json!(q850), &json!(sip))
        );
    }
}

#[tokio::test]
async fn a_time_limit_ends_a_channel_without_a_hang_up_request() {
    let mut pbx = Tester::new(Fake::start(Settings::default()).await).await;
    pbx.originate_with(BUSY, json!({"TIMEOUT(absolute)": "0.2"}))
        .await;
    assert_eq!(pbx.event_on(BUSY, "ChannelDestroyed").await["cause"], 0);
    assert!(
        !pbx.told().contains("ChannelHangupRequest"),
        "{}",
        pbx.told()
    );
}

#[tokio::test]
async fn a_variable_set_during_a_playback_waits_for_its_end() {
    let settings = Settings {
        files: false,
        other_numbers: Script(vec![Call::of(&[(1, Far::Answer)])])
            .playing(Playback::Whole(Duration::from_millis(250))),
        ..Settings::default()
    };
    let mut pbx = Tester::new(Fake::start(settings).await).await;
    pbx.originate(BUSY).await;
    pbx.event_on(BUSY, "StasisStart").await;
    let play = json!({"media": "sound:hello-world"});
    pbx.post(&format!("channels/{BUSY}/play/p1"), play).await;
    let set = json!({"variable": "A", "value": "1"});
    assert_eq!(
        pbx.post(&format!("channels/{BUSY}/variable"), set).await.0,
        204
    );
    pbx.fake.with(|world| {
        let ended = world
            .log
            .iter()
            .any(|entry| entry.is_event("PlaybackFinished"));
        assert!(ended, "the reply came before the end of the playback");
    });
}

#[tokio::test]
async fn each_fault_does_what_it_says() {
    let cases = [
        (Fault::Refuse(503), Some(503), false),
        (Fault::DoneBut(500), Some(500), true),
        (Fault::Silence { done: true }, None, true),
        (Fault::Silence { done: false }, None, false),
        (Fault::Hang { done: true }, None, true),
        (Fault::Hang { done: false }, None, false),
        (Fault::Garbage, None, true),
        (Fault::GarbageBody, Some(200), true),
        (Fault::Slow(Duration::from_millis(20)), Some(200), true),
    ];
    for (fault, status, done) in cases {
        let pbx = Tester::new(Fake::start(Settings::default()).await).await;
        let rule = Rule::once(Kind::Originate, fault.clone()).on(Leg::Drop);
        pbx.fake.with(|world| world.rules.push(rule));
        assert_eq!(pbx.originate(BUSY).await, 200, "the other leg is spared");
        let body = call(DROP, json!({}));
        assert_eq!(pbx.try_post("channels", body).await, status, "{fault:?}");
        let exists = pbx.fake.with(|world| world.channels.contains_key(DROP));
        assert_eq!(exists, done, "{fault:?}");
        pbx.ask(Method::DELETE, &format!("channels/{DROP}")).await;
        assert_eq!(pbx.originate(DROP).await, 200, "it comes once: {fault:?}");
    }
}

#[tokio::test]
async fn the_event_connection_ends_where_the_test_asks() {
    let cuts = [
        (Cut::Before("ChannelStateChange", Leg::Busy), "Dial"),
        (
            Cut::After("ChannelStateChange", Leg::Busy),
            "ChannelStateChange",
        ),
        (Cut::AtByte(900), "Dial"),
    ];
    for (cut, last) in cuts {
        let fake = Fake::start(Settings::default()).await;
        fake.with(|world| world.wire.cut = Some(cut.clone()));
        let mut pbx = Tester::new(fake).await;
        // An odd serial: the state change comes before the Dial event.
        pbx.originate("other").await;
        pbx.originate(BUSY).await;
        let mut types = Vec::new();
        while let Some(event) = pbx.next().await {
            types.push(event["type"].as_str().unwrap().to_owned());
        }
        assert_eq!(types.last().map(String::as_str), Some(last), "{cut:?}");
        assert!(pbx.fake.with(|world| world.active_apps()).is_empty());
    }
}

#[tokio::test]
async fn events_can_come_twice_late_or_never() {
    let fake = Fake::start(Settings::default().number("0101", Script::refusing(17, 486))).await;
    fake.with(|world| {
        world.wire = Wire {
            repeats: 1,
            lost: vec!["Dial"],
            ..Wire::default()
        };
    });
    let mut pbx = Tester::new(fake).await;
    pbx.originate(BUSY).await;
    pbx.event_on(BUSY, "ChannelDestroyed").await;
    pbx.event_on(BUSY, "ChannelDestroyed").await;
    assert!(!pbx.told().contains("Dial"), "{}", pbx.told());

    let mut orders = BTreeMap::new();
    for seed in 0..8 {
        let settings = Settings::default().number("0101", Script::refusing(17, 486));
        let fake = Fake::start(settings).await;
        fake.with(|world| world.wire.shuffle = Some(seed));
        let mut pbx = Tester::new(fake).await;
        pbx.originate(BUSY).await;
        for _ in 0..4 {
            pbx.next().await;
        }
        *orders.entry(pbx.told()).or_insert(0) += 1;
    }
    assert!(orders.len() > 1, "never in another order: {orders:?}");
}

#[tokio::test]
async fn a_second_listener_takes_the_app_and_the_first_is_informed() {
    let mut pbx = Tester::new(Fake::start(Settings::default()).await).await;
    let mut second = listen(&pbx.fake).await;
    assert_eq!(pbx.next().await.unwrap()["type"], "ApplicationReplaced");
    pbx.originate(BUSY).await;
    let heard: Value = read(&mut second).await.unwrap();
    assert_eq!(heard["type"], "Dial");
}

#[tokio::test]
async fn it_stops_without_a_word_and_starts_again_at_the_same_address() {
    let mut pbx = Tester::new(Fake::start(Settings::default()).await).await;
    pbx.originate(BUSY).await;
    pbx.fake.stop();
    while pbx.next().await.is_some() {}
    pbx.fake.start_again().await;
    let (status, channels) = pbx.ask(Method::GET, "channels").await;
    assert_eq!((status, channels), (200, json!([])));
}

const DROP_ID: &str = "00000000000000000000000000000007";
const BUSY: &str = "run-00000000000000000000000000000007-busy";
const DROP: &str = "run-00000000000000000000000000000007-drop";

fn call(channel: &str, variables: Value) -> Value {
    let mut all = json!({"AFTERTONE_APP": "app", "AFTERTONE_DROP": DROP_ID});
    for (name, value) in variables.as_object().unwrap() {
        all[name] = value.clone();
    }
    json!({
        "channelId": channel, "endpoint": "PJSIP/+12025550101@carrier", "app": "app", "appArgs": DROP_ID,
        "callerId": "+12025550100", "timeout": 30, "variables": all,
    })
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A client as simple as can be.
struct Tester {
    fake: Fake,
    http: Client,
    socket: Socket,
    heard: Vec<Value>,
}

impl Tester {
    async fn new(fake: Fake) -> Self {
        let http = crate::http_client();
        let socket = listen(&fake).await;
        Self {
            fake,
            http,
            socket,
            heard: Vec::new(),
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let settings = Settings::default();
        self.http
            .request(method, format!("{}/ari/{path}", self.fake.url()))
            .timeout(Duration::from_millis(500))
            .basic_auth(settings.user, Some(settings.password))
    }

    async fn ask(&self, method: Method, path: &str) -> (u16, Value) {
        answer(self.request(method, path).send().await.unwrap()).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let request = self.request(Method::POST, path).json(&body);
        answer(request.send().await.unwrap()).await
    }

    async fn try_post(&self, path: &str, body: Value) -> Option<u16> {
        let request = self.request(Method::POST, path).json(&body);
        Some(request.send().await.ok()?.status().as_u16())
    }

    async fn originate(&self, channel: &str) -> u16 {
        self.originate_with(channel, json!({})).await
    }

    async fn originate_with(&self, channel: &str, variables: Value) -> u16 {
        self.post("channels", call(channel, variables)).await.0
    }

    async fn next(&mut self) -> Option<Value> {
        let event = read(&mut self.socket).await?;
        self.heard.push(event.clone());
        Some(event)
    }

    /// The next event of this type about this channel.
    async fn event_on(&mut self, channel: &str, kind: &str) -> Value {
        loop {
            let event = self.next().await.expect("the connection is open");
            if event["type"] == kind && about(&event) == channel {
                return event;
            }
        }
    }

    /// What was heard, a line an event.
    fn told(&self) -> String {
        let lines = self.heard.iter().map(|event| {
            let channel = about(event);
            let leg = channel.rsplit('-').next().unwrap_or_default();
            let detail = [
                "dialstatus",
                "variable",
                "value",
                "dialplan_app",
                "args",
                "cause",
            ]
            .iter()
            .filter_map(|name| event.get(*name))
            .map(|value| format!(" {value}"))
            .collect::<String>();
            if event["variable"]
                .as_str()
                .is_some_and(|name| name.starts_with("RTPAUDIO"))
            {
                return String::new();
            }
            let state = event["channel"]["state"].as_str().unwrap_or_default();
            let kind = event["type"].as_str().unwrap_or_default();
            format!("{leg} {kind} {state}{detail}")
                .trim_end()
                .to_owned()
                + "\n"
        });
        lines.collect()
    }
}

/// The channel that an event is about.
fn about(event: &Value) -> String {
    let target = event["playback"]["target_uri"].as_str();
    let target = target.and_then(|uri| uri.strip_prefix("channel:"));
    let id = event["channel"]["id"]
        .as_str()
        .or(event["peer"]["id"].as_str());
    id.or(target).unwrap_or_default().to_owned()
}

async fn answer(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn listen(fake: &Fake) -> Socket {
    let url = fake.url().replace("http", "ws") + "/ari/events?app=app";
    let mut request = url.into_client_request().unwrap();
    let settings = Settings::default();
    let authorization = crate::http_client()
        .get(fake.url())
        .basic_auth(settings.user, Some(settings.password))
        .build()
        .unwrap()
        .headers()["authorization"]
        .clone();
    request.headers_mut().insert("authorization", authorization);
    request
        .headers_mut()
        .insert("sec-websocket-protocol", HeaderValue::from_static("ari"));
    tokio_tungstenite::connect_async(request).await.unwrap().0
}

/// The next event; `None` if the connection has ended.
async fn read(socket: &mut Socket) -> Option<Value> {
    let message = tokio::time::timeout(Duration::from_secs(20), socket.next());
    match message.await.expect("nothing came for 20 s")? {
        Ok(Message::Text(text)) => Some(serde_json::from_str(&text).unwrap()),
        Ok(other) => panic!("no event: {other:?}"),
        Err(_) => None,
    }
}
