use std::sync::Arc;

use futures::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Semaphore,
};

use super::*;
use crate::{
    ari::{
        Pbx, PbxSettings,
        fixture::{DROP, FakePbx, leg, run, settings, soon},
    },
    clock,
    drop::RefusalKind as Kind,
    id::{BridgeId, ChannelId, Play, Role},
    words::Leg,
};

const CHANNEL: &str = r#"{"id":"x","name":"PJSIP/t-1","state":"Up","creationtime":"2026-11-23T12:00:00.123+0000",
    "dialplan":{"context":"c","exten":"s","priority":1,"app_name":"Stasis","app_data":"a,b"},"more":{}}"#;

fn call() -> Originate {
    Originate {
        by: None,
        unless: CancellationToken::new(),
        channel: leg(Leg::Busy),
        endpoint: "PJSIP/+12025550101@trunk".to_owned(),
        caller_id: "+12025550100".to_owned(),
        app: "app".to_owned(),
        app_args: DROP.to_string(),
        timeout: Duration::from_millis(44_001),
        variables: BTreeMap::from([("TIMEOUT(absolute)".to_owned(), "55".to_owned())]),
    }
}

fn play() -> PlaybackId {
    PlaybackId {
        run: run(),
        drop: DROP,
        play: Play(1),
    }
}

/// Does what a client would do with one request, while `replies` are given in turn; returns what was asked.
async fn exchange<T>(
    request: impl AsyncFnOnce(Rest) -> T,
    replies: &[(u16, &str)],
) -> (T, Vec<String>) {
    let mut fake = FakePbx::start().await;
    let rest = fake.pbx().rest();
    let answers = async {
        let mut lines = Vec::new();
        for (status, body) in replies {
            let asked = fake.asked().await;
            assert_eq!(asked.headers["authorization"], "Basic dXMgZXI6cGFzczp3b3Jk");
            assert!(!asked.target.contains("pass"), "{}", asked.target);
            lines.push(asked.line());
            asked.answer(*status, body);
        }
        lines
    };
    let (done, lines) = soon(async { tokio::join!(request(rest), answers) }).await;
    assert!(fake.asked.try_recv().is_err(), "asked for more");
    (done, lines)
}

#[tokio::test]
async fn each_request_is_written_as_ari_reads_it() {
    let leg = leg(Leg::Busy);
    let play = play();
    let id = format!("run1-{DROP}-busy");
    let play_id = format!("run1-{DROP}-play1");
    let mut lines = Vec::new();
    macro_rules! says {
        ($body:expr, $request:expr) => {{
            let (done, asked) = exchange($request, &[(200, $body)]).await;
            assert!(done.is_ok(), "{done:?} of {asked:?}");
            lines.extend(asked);
        }};
    }
    says!("{}", async |rest| rest.originate(&call()).await);
    says!("", async |rest| rest.hang_up(&id).await);
    says!("", async |rest| rest.hang_up("odd/../id?#").await);
    says!("", async |rest| rest
        .set_variable(&leg, "A(b)", "1 & 2")
        .await);
    says!("", async |rest| rest.continue_in(&leg, "ctx", "s", 1).await);
    says!("{}", async |rest| rest
        .play(&leg, &play, "sound:/a/b")
        .await);
    says!("", async |rest| rest.stop_play(&play).await);
    says!("{}", async |rest| rest.playback(&play).await);
    says!("[]", async |rest| rest.channels().await);
    says!(r#"{"value":""}"#, async |rest| rest
        .variable(&id, "F(a,b) c")
        .await);
    says!("{}", async |rest| {
        let sources = ["channel:a".to_owned(), "channel:b".to_owned()];
        rest.subscribe("app", &sources).await
    });
    says!("{}", async |rest| rest.module("app_amd.so").await);
    says!("{}", async |rest| rest.endpoint("PJSIP", "a b").await);
    says!("{}", async |rest| rest.ping().await);
    says!(r#"{"value":"x"}"#, async |rest| rest
        .global_variable("V")
        .await);
    let expected = [
        &format!(
            r#"POST /ari/channels {{"channelId":"{id}","endpoint":"PJSIP/+12025550101@trunk","callerId":"+12025550100","app":"app","appArgs":"{DROP}","timeout":45,"variables":{{"TIMEOUT(absolute)":"55"}}}}"#
        ),
        &format!("DELETE /ari/channels/{id}"),
        "DELETE /ari/channels/odd%2F..%2Fid%3F%23",
        &format!(r#"POST /ari/channels/{id}/variable {{"variable":"A(b)","value":"1 & 2"}}"#),
        &format!(
            r#"POST /ari/channels/{id}/continue {{"context":"ctx","extension":"s","priority":1}}"#
        ),
        &format!(r#"POST /ari/channels/{id}/play/{play_id} {{"media":"sound:/a/b"}}"#),
        &format!("DELETE /ari/playbacks/{play_id}"),
        &format!("GET /ari/playbacks/{play_id}"),
        "GET /ari/channels",
        &format!("GET /ari/channels/{id}/variable?variable=F%28a%2Cb%29+c"),
        r#"POST /ari/applications/app/subscription {"eventSource":"channel:a,channel:b"}"#,
        "GET /ari/asterisk/modules/app_amd.so",
        "GET /ari/endpoints/PJSIP/a%20b",
        "GET /ari/asterisk/ping",
        "GET /ari/asterisk/variable?variable=V",
    ];
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(line, expected);
    }
    assert_eq!(lines.len(), expected.len());
}

#[tokio::test]
async fn variables_are_set_side_by_side() {
    let variables = [
        ("A", "1".to_owned()),
        ("B", "2".to_owned()),
        ("C", String::new()),
    ];
    for (statuses, kind) in [
        ([204, 204, 204], None),
        ([204, 400, 409], Some(Kind::Rejected)),
        ([409, 500, 204], Some(Kind::WrongState)),
        // That it is not there says more.
        ([409, 204, 404], Some(Kind::NotFound)),
    ] {
        let mut fake = FakePbx::start().await;
        let rest = fake.pbx().rest();
        let answering = async {
            let mut asked = Vec::new();
            // None is answered before all have come.
            for _ in &variables {
                asked.push(fake.asked().await);
            }
            asked.sort_by_key(|asked| asked.line());
            let lines: Vec<_> = asked.iter().map(|asked| asked.line()).collect();
            for (asked, status) in asked.into_iter().zip(statuses) {
                asked.answer(status, "");
            }
            lines
        };
        let setting = rest.set_variables_of("1.2", &variables);
        let (done, lines) = soon(async { tokio::join!(setting, answering) }).await;
        assert_eq!(done.err().map(|failure| failure.kind), kind);
        let expected = variables.clone().map(|(name, value)| {
            format!(r#"POST /ari/channels/1.2/variable {{"variable":"{name}","value":"{value}"}}"#)
        });
        assert_eq!(lines, expected);
    }
}

#[tokio::test]
async fn each_refusal_of_each_request_has_its_kind() {
    let rows = [
        (302, Kind::Rejected),
        (400, Kind::Rejected),
        (401, Kind::Rejected),
        (403, Kind::Rejected),
        (404, Kind::NotFound),
        (409, Kind::WrongState),
        (412, Kind::WrongState),
        (422, Kind::WrongState),
        (500, Kind::Failed),
        (503, Kind::Failed),
    ];
    let leg = leg(Leg::Drop);
    let says = r#"{"message":"no way to +12025550101"}"#;
    for (status, kind) in rows {
        let reply = [(status, says)];
        let (played, _) = exchange(
            async |rest| rest.play(&leg, &play(), "sound:x").await,
            &reply,
        )
        .await;
        let (continued, _) = exchange(
            async |rest| rest.continue_in(&leg, "c", "s", 1).await,
            &reply,
        )
        .await;
        let (set, _) = exchange(async |rest| rest.set_variable(&leg, "a", "b").await, &reply).await;
        for failure in [played, continued, set].map(Result::unwrap_err) {
            assert_eq!((failure.kind, failure.status), (kind, Some(status)));
            assert_eq!(failure.detail, format!("{status} no way to +•••0101"));
        }
        let (ended, _) = exchange(async |rest| rest.hang_up("x").await, &reply).await;
        match status {
            404 => assert_eq!(ended, Ok(HangUp::NotThere)),
            _ => assert_eq!(ended.unwrap_err().kind, kind),
        }
        if status != 409 {
            let (dialled, _) = exchange(async |rest| rest.originate(&call()).await, &reply).await;
            assert_eq!(dialled.unwrap_err().kind, kind);
        }
    }
}

#[tokio::test]
async fn a_409_on_originate_is_believed_only_if_the_channel_exists() {
    let dial = async |rest: Rest| rest.originate(&call()).await;
    let exists = (
        409,
        r#"{"message":"Channel with given unique ID already exists"}"#,
    );
    let (done, lines) = exchange(dial, &[exists, (200, CHANNEL)]).await;
    assert_eq!(done, Ok(()));
    assert_eq!(lines[1], format!("GET /ari/channels/run1-{DROP}-busy"));
    let (done, _) = exchange(dial, &[exists, (404, "{}")]).await;
    assert_eq!(done.unwrap_err().kind, Kind::Failed);
}

#[tokio::test]
async fn an_originate_without_a_channel_to_dial_by_has_dialled_nothing() {
    let dial = async |rest: Rest| rest.originate(&call()).await;
    let rows = [
        (500, r#"{"error":"Allocation failed"}"#, Kind::NotMade),
        (500, r#"{"message":"Allocation failed"}"#, Kind::NotMade),
        (500, r#"{"error":"Out of memory"}"#, Kind::Failed),
        (502, r#"{"error":"Allocation failed"}"#, Kind::Failed),
    ];
    for (status, says, kind) in rows {
        let (dialled, _) = exchange(dial, &[(status, says)]).await;
        assert_eq!(dialled.unwrap_err().kind, kind, "{status} {says}");
    }
    // Of another request it says nothing of the kind.
    let (played, _) = exchange(
        async |rest| rest.play(&leg(Leg::Drop), &play(), "sound:x").await,
        &[(500, r#"{"error":"Allocation failed"}"#)],
    )
    .await;
    assert_eq!(played.unwrap_err().kind, Kind::Failed);
}

#[tokio::test]
async fn what_does_not_exist_is_none_and_a_read_only_user_is_distinguished_from_a_broken_pbx() {
    let gone = [(404, r#"{"message":"x"}"#)];
    assert_eq!(
        exchange(async |r| r.playback(&play()).await, &gone).await.0,
        Ok(None)
    );
    assert_eq!(
        exchange(async |r| r.module("x").await, &gone).await.0,
        Ok(None)
    );
    assert_eq!(
        exchange(async |r| r.sound("x").await, &gone).await.0,
        Ok(None)
    );
    assert_eq!(
        exchange(async |r| r.variable("x", "y").await, &gone)
            .await
            .0,
        Ok(None)
    );
    let may_write = async |rest: Rest| rest.may_write().await;
    assert_eq!(exchange(may_write, &gone).await.0, Ok(true));
    assert_eq!(exchange(may_write, &[(403, "")]).await.0, Ok(false));
    assert!(exchange(may_write, &[(500, "")]).await.0.is_err());
}

#[tokio::test]
async fn lists_are_read_and_garbage_in_their_place_is_a_failure() {
    let list = format!("[{CHANNEL},{{}}]");
    let (channels, _) = exchange(async |rest| rest.channels().await, &[(200, &list)]).await;
    let channels = channels.unwrap();
    assert_eq!(channels.len(), 2);
    assert_eq!(channels[0].dialplan.app_data, "a,b");
    assert_eq!(channels[0].created().map(|at| at.0 % 1_000), Some(123));
    for garbage in ["", "<html>", "{}", r#"[{"id":}]"#] {
        let (done, _) = exchange(async |rest| rest.channels().await, &[(200, garbage)]).await;
        assert_eq!(done.unwrap_err().kind, Kind::Failed, "{garbage}");
    }
}

/// A server that answers each connection's request with these bytes and closes; counts the requests.
async fn blunt(reply: &'static [u8]) -> (Pbx, Arc<Semaphore>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Semaphore::new(0));
    let count = Arc::clone(&requests);
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4_096];
            let _ = socket.read(&mut request).await.unwrap();
            count.add_permits(1);
            let _ = socket.write_all(reply).await;
        }
    });
    (Pbx::new(&settings(url)).unwrap(), requests)
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_open_what_became_of_the_request() {
    let replies: [&[u8]; 4] = [
        b"",
        b"\x00\xff nonsense \r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        b"HTTP/1.1 200",
    ];
    for reply in replies {
        let (pbx, requests) = blunt(reply).await;
        let failure = soon(pbx.rest().originate(&call())).await.unwrap_err();
        assert_eq!(failure.kind, Kind::NoReply, "{failure}");
        assert!(!failure.detail.contains("http://"), "{failure}");
        assert_eq!(
            requests.available_permits(),
            1,
            "an originate is never repeated"
        );
        let failure = soon(pbx.rest().hang_up("x")).await.unwrap_err();
        assert_eq!(failure.kind, Kind::NoReply, "{failure}");
        assert_eq!(
            requests.available_permits(),
            3,
            "a hang-up is repeated once"
        );
    }
}

#[tokio::test]
async fn a_request_to_a_port_without_a_listener_was_never_made() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let failure = Pbx::new(&settings(url))
        .unwrap()
        .rest()
        .originate(&call())
        .await
        .unwrap_err();
    assert_eq!(failure.kind, Kind::Unreachable);
    assert!(!failure.detail.contains("http"), "{failure}");
}

#[tokio::test]
async fn a_reply_that_does_not_come_in_time_is_not_a_refusal() {
    let mut fake = FakePbx::start().await;
    let pbx = Pbx::new(&PbxSettings {
        request_timeout: Duration::from_millis(100),
        ..settings(format!("http://{}", fake.at))
    })
    .unwrap();
    let failure = soon(pbx.rest().originate(&call())).await.unwrap_err();
    assert_eq!(failure.kind, Kind::NoReply);
    assert_eq!(fake.asked().await.method, Method::POST);
}

#[tokio::test]
async fn a_hang_up_does_not_wait_behind_originates_and_these_keep_below_the_session_limit() {
    let mut fake = FakePbx::start().await;
    let rest = fake.pbx().rest();
    let calls = join_all((0..200).map(|_| {
        let rest = rest.clone();
        async move { rest.originate(&call()).await }
    }));
    let pbx = async {
        let mut held = Vec::new();
        for _ in 0..Http::ORDINARY {
            held.push(fake.asked().await);
        }
        let (ended, asked) = tokio::join!(rest.hang_up("x"), async {
            let asked = fake.asked().await;
            let method = asked.method.clone();
            asked.answer(204, "");
            method
        });
        assert_eq!((ended, asked), (Ok(HangUp::Done), Method::DELETE));
        assert!(fake.asked.try_recv().is_err(), "more than the lane holds");
        let answered = held.len();
        held.into_iter().for_each(|asked| asked.answer(200, "{}"));
        for _ in answered..200 {
            fake.asked().await.answer(200, "{}");
        }
    };
    let (done, ()) = soon(async { tokio::join!(calls, pbx) }).await;
    assert!(done.iter().all(Result::is_ok));
}

#[test]
fn seconds_are_rounded_up_and_never_zero() {
    let rows = [
        (0, 1),
        (1, 1),
        (999, 1),
        (1_000, 1),
        (1_001, 2),
        (44_001, 45),
    ];
    for (millis, seconds) in rows {
        assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
    }
}

#[tokio::test]
async fn what_it_takes_to_hear_a_leg_is_written_as_ari_reads_it() {
    let leg = leg(Leg::Drop);
    let of = |role| ChannelId {
        role,
        ..leg.clone()
    };
    let copy = of(Role::Amd);
    let bridge = BridgeId {
        run: run(),
        drop: DROP,
    };
    let (_, lines) = exchange(
        async |rest| {
            rest.snoop(&leg, &copy, "app", "args").await.unwrap();
            assert_eq!(rest.end_bridge(&bridge).await, Ok(HangUp::NotThere));
            let bridges = rest.bridges().await.unwrap();
            assert_eq!(bridges.len(), 1);
            assert_eq!(bridges[0].id, "b");
            assert_eq!(rest.bridges().await, Ok(vec![]));
        },
        &[
            (200, "{}"),
            (404, ""),
            (200, r#"[{"id":"b","channels":[]}]"#),
            (404, ""),
        ],
    )
    .await;
    let names = lines.join("\n").replace(&DROP.to_string(), "DROP");
    insta::assert_snapshot!(names, @r#"
    POST /ari/channels/run1-DROP-drop/snoop/run1-DROP-amd {"spy":"in","app":"app","appArgs":"args"}
    DELETE /ari/bridges/run1-DROP-bridge
    GET /ari/bridges
    GET /ari/bridges
    "#);
}

#[tokio::test]
async fn what_it_takes_to_carry_a_leg_s_audio_is_written_as_ari_reads_it() {
    let (leg, bridge) = (
        leg(Leg::Drop),
        BridgeId {
            run: run(),
            drop: DROP,
        },
    );
    let tap = ChannelId {
        role: Role::Tap,
        ..leg.clone()
    };
    let media = ExternalMedia {
        channel: tap.clone(),
        app: "app".into(),
        variables: BTreeMap::from([("A".into(), "1".into())]),
    };
    let (_, lines) = exchange(
        async |rest| {
            let told = rest.external_media(&media).await;
            assert_eq!(told, Ok(Some("one".into())));
            let asked = rest.external_media(&media).await;
            assert_eq!(asked, Ok(Some("two".into())));
            assert_eq!(rest.external_media(&media).await, Ok(None));
            rest.create_bridge(&bridge).await.unwrap();
            rest.add_to_bridge(&bridge, &[&leg, &tap]).await.unwrap();
        },
        &[
            (
                200,
                r#"{"id":"x","channelvars":{"MEDIA_WEBSOCKET_CONNECTION_ID":"one"}}"#,
            ),
            (200, r#"{"id":"x"}"#),
            (200, r#"{"value":"two"}"#),
            (200, "{}"),
            (200, r#"{"value":""}"#),
            (200, "{}"),
            (204, ""),
        ],
    )
    .await;
    let mut names = lines.join("\n").replace(&DROP.to_string(), "DROP");
    let first = names.find('\n').unwrap();
    names = names.replacen(&names[..first].to_owned(), "MADE", 3);
    assert_eq!(
        lines[0].replace(&DROP.to_string(), "DROP"),
        r#"POST /ari/channels/externalMedia {"channelId":"run1-DROP-tap","app":"app","external_host":"INCOMING","encapsulation":"none","transport":"websocket","connection_type":"server","format":"ulaw","variables":{"A":"1"}}"#
    );
    insta::assert_snapshot!(names, @r#"
    MADE
    MADE
    GET /ari/channels/run1-DROP-tap/variable?variable=MEDIA_WEBSOCKET_CONNECTION_ID
    MADE
    GET /ari/channels/run1-DROP-tap/variable?variable=MEDIA_WEBSOCKET_CONNECTION_ID
    POST /ari/bridges/run1-DROP-bridge {"type":"mixing"}
    POST /ari/bridges/run1-DROP-bridge/addChannel {"channel":["run1-DROP-drop","run1-DROP-tap"]}
    "#);
}

#[tokio::test]
async fn a_call_behind_others_is_not_sent_too_late_nor_after_it_was_given_up() {
    let mut fake = FakePbx::start().await;
    let rest = fake.pbx().rest();
    // Every lane is taken by a request that is not answered.
    let mut taken = tokio::task::JoinSet::new();
    let mut asked = Vec::new();
    for _ in 0..Http::ORDINARY {
        let rest = rest.clone();
        taken.spawn(async move { rest.channels().await });
        asked.push(soon(fake.asked()).await);
    }
    let late = Originate {
        by: Some(clock::now() + Duration::from_millis(20)),
        ..call()
    };
    let failure = soon(rest.originate(&late)).await.unwrap_err();
    assert_eq!((failure.kind, failure.status), (Kind::TooLate, None));
    let unwanted = call();
    let (done, ()) = tokio::join!(rest.originate(&unwanted), async {
        unwanted.unless.cancel();
    });
    assert_eq!(done.unwrap_err().kind, Kind::TooLate);
    // With room again neither is sent.
    for asked in asked {
        asked.answer(200, "[]");
    }
    while let Some(done) = taken.join_next().await {
        done.unwrap().unwrap();
    }
    for call in [late, unwanted] {
        let failure = soon(rest.originate(&call)).await.unwrap_err();
        assert_eq!(failure.kind, Kind::TooLate, "{failure}");
    }
    let (_, next) = tokio::join!(soon(rest.channels()), async {
        let asked = soon(fake.asked()).await;
        let line = asked.line();
        asked.answer(200, "[]");
        line
    });
    assert!(next.starts_with("GET /ari/channels"), "{next}");
}
