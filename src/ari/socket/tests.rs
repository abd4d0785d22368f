use axum::extract::ws::Message as Sent;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::*;
use crate::{
    ari::{
        Pbx,
        fixture::{DROP, FakePbx, OpenedSocket, run, settings, soon},
    },
    drop::Event,
    words::Leg,
};

const APP: &str = "an app&x";

#[tokio::test]
async fn the_app_is_registered_with_its_credentials_in_the_header() {
    let mut fake = FakePbx::start().await;
    let mut events = listen(&fake, Pace::default()).await;
    let opened = fake.opened().await;
    assert_eq!(opened.target, "/ari/events?app=an+app%26x");
    assert_eq!(
        opened.headers["authorization"],
        "Basic dXMgZXI6cGFzczp3b3Jk"
    );
    assert_eq!(opened.headers["sec-websocket-protocol"], "ari");
    assert_eq!(next(&mut events).await, Incoming::Up { first: true });
}

#[tokio::test]
async fn what_cannot_be_read_is_counted_and_skipped() {
    let mut fake = FakePbx::start().await;
    let mut events = listen(&fake, Pace::default()).await;
    let mut pbx = fake.opened().await;
    next(&mut events).await;
    for text in [
        "",
        "{",
        "null",
        "7",
        "\"x\"",
        "{\"type\":\"Dial\"",
        "{\"type\":\"NeverHeardOf\",\"a\":[{}]}",
        "{}",
    ] {
        pbx.send(text).await;
    }
    pbx.socket.send(Sent::binary(vec![0, 255])).await.unwrap();
    pbx.send(&ringing()).await;
    assert_eq!(next(&mut events).await, rings());
    assert_eq!(events.unreadable(), 7);
}

#[tokio::test]
async fn a_consumer_that_is_too_slow_gets_what_was_queued_then_down_and_up_once_it_has_caught_up() {
    let mut fake = FakePbx::start().await;
    let mut events = listen(&fake, quick(4)).await;
    let mut pbx = fake.opened().await;
    assert_eq!(next(&mut events).await, Incoming::Up { first: true });
    for _ in 0..4 {
        pbx.send(&ringing()).await;
    }
    pbx.send(&ringing()).await;
    // Our side closes although nothing is consumed: nothing waits for the consumer.
    assert_closed(&mut pbx).await;
    assert!(
        fake.opened.try_recv().is_err(),
        "no socket without a reader"
    );
    assert_eq!(next(&mut events).await, rings());
    // One item has been taken, and `Down` has its place: nothing may come as long as the rest has not been.
    let early = timeout(Duration::from_millis(200), fake.opened.recv()).await;
    assert!(early.is_err(), "a socket before the consumer has caught up");
    for _ in 1..4 {
        assert_eq!(next(&mut events).await, rings());
    }
    assert!(
        matches!(next(&mut events).await, Incoming::Down { why } if why.contains("4 events behind"))
    );
    let mut pbx = fake.opened().await;
    assert_eq!(next(&mut events).await, Incoming::Up { first: false });
    pbx.send(&ringing()).await;
    assert_eq!(next(&mut events).await, rings());
}

#[tokio::test]
async fn a_pbx_that_falls_silent_counts_as_gone() {
    let mut fake = FakePbx::start().await;
    let mut events = listen(&fake, quick(64)).await;
    // This side of the socket is not read, so that no pong is sent.
    let silent = fake.opened().await;
    next(&mut events).await;
    assert!(matches!(next(&mut events).await, Incoming::Down { why } if why.contains("silent")));
    assert_eq!(next(&mut events).await, Incoming::Up { first: false });
    drop(silent);
}

#[tokio::test]
async fn a_quiet_pbx_that_answers_pings_does_not() {
    let mut fake = FakePbx::start().await;
    let mut events = listen(&fake, quick(64)).await;
    let mut pbx = fake.opened().await;
    next(&mut events).await;
    // Reading answers each ping, and lets many more of them pass than the silence that is allowed.
    for _ in 0..20 {
        let frame = soon(pbx.socket.recv()).await.unwrap().unwrap();
        assert!(matches!(frame, Sent::Ping(_)));
    }
    assert_eq!(events.ready(), None);
}

#[tokio::test]
async fn a_link_that_is_cut_comes_back_again_and_again() {
    let mut fake = FakePbx::start().await;
    let mut events = listen(&fake, quick(64)).await;
    let mut pbx = fake.opened().await;
    assert_eq!(next(&mut events).await, Incoming::Up { first: true });
    for _ in 0..3 {
        drop(pbx);
        assert!(matches!(next(&mut events).await, Incoming::Down { .. }));
        pbx = fake.opened().await;
        assert_eq!(next(&mut events).await, Incoming::Up { first: false });
        pbx.send(&ringing()).await;
        assert_eq!(next(&mut events).await, rings());
    }
}

#[tokio::test]
async fn a_link_that_was_replaced_does_not_come_back() {
    let mut fake = FakePbx::start().await;
    let mut events = listen(&fake, quick(64)).await;
    let mut pbx = fake.opened().await;
    next(&mut events).await;
    let other = json!({ "type": "ApplicationReplaced", "application": "another" });
    pbx.send(&other.to_string()).await;
    pbx.send(&ringing()).await;
    assert_eq!(next(&mut events).await, rings());
    let replaced = json!({ "type": "ApplicationReplaced", "application": APP });
    pbx.send(&replaced.to_string()).await;
    assert_eq!(next(&mut events).await, Incoming::Replaced);
    assert_eq!(soon(events.next()).await, None);
    assert!(fake.opened.try_recv().is_err());
    assert_closed(&mut pbx).await;
}

#[tokio::test]
async fn a_link_that_is_closed_says_goodbye() {
    let mut fake = FakePbx::start().await;
    let events = listen(&fake, Pace::default()).await;
    let mut pbx = fake.opened().await;
    let (frame, ()) = soon(async {
        tokio::join!(
            async {
                loop {
                    match pbx.socket.recv().await {
                        Some(Ok(Sent::Ping(_))) => {}
                        frame => return frame,
                    }
                }
            },
            events.close()
        )
    })
    .await;
    assert!(matches!(frame, Some(Ok(Sent::Close(_)))), "{frame:?}");
}

#[tokio::test]
async fn dropping_the_events_ends_the_link() {
    let mut fake = FakePbx::start().await;
    drop(listen(&fake, Pace::default()).await);
    assert_closed(&mut fake.opened().await).await;
}

#[tokio::test]
async fn a_first_attempt_that_fails_says_what_to_do() {
    let rows: [(&[u8], &str, &str); 9] = [
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", "password is wrong", "ari.conf"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "(403)", "`permit`"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "has no ARI", "`enabled = yes`"),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "not ready", "waitfullybooted"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "answered 200", "8088"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "not Asterisk", "8088"),
        (b"\xff\xfe\x00", "not Asterisk", "8088"),
        (b"", "closed the connection", "sessionlimit"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "not Asterisk", "8088"),
    ];
    let name = run();
    for (answer, says, hint) in rows {
        let (listener, pbx) = bare().await;
        let server = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            read_head(&mut socket).await;
            socket.write_all(answer).await.unwrap();
        };
        let (done, ()) = soon(async { tokio::join!(pbx.listen(APP, &name), server) }).await;
        let error = done.unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.hint().contains(hint), "{}", error.hint());
        assert!(!chain(&error).contains("pass:word"));
    }
    let (listener, pbx) = bare().await;
    drop(listener);
    let error = soon(pbx.listen(APP, &name)).await.unwrap_err();
    assert!(matches!(error, LinkError::Unreachable { .. }), "{error}");
    let (listener, _) = bare().await;
    let https = format!("https://{}", listener.local_addr().unwrap());
    let plain = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        socket
    };
    let pbx = Pbx::new(&settings(https)).unwrap();
    let (done, _) = soon(async { tokio::join!(pbx.listen(APP, &name), plain) }).await;
    let error = done.unwrap_err();
    assert!(matches!(error, LinkError::Tls { .. }), "{error}");
}

/// Frames that no websocket sends: each breaks the link, and none the program.
#[tokio::test]
async fn bytes_that_are_not_frames_break_the_link_and_nothing_else() {
    let (listener, pbx) = bare().await;
    let rows: [&[u8]; 8] = [
        b"\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x81\xff\xff\xff",
        b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff{}",
        b"\x81\x02\xc3\x28",
        b"\x01\x02{}\x81\x02{}",
        b"\x80\x02{}",
        b"\x88\x01\x00",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ];
    let good = ringing();
    let server = async {
        for bytes in rows {
            let mut socket = accept(&listener).await;
            socket.write_all(&text_frame(&good)).await.unwrap();
            socket.write_all(bytes).await.unwrap();
        }
        accept(&listener).await
    };
    let client = async {
        let mut events = pbx.listen_at(APP, &run(), quick(64)).await.unwrap();
        for row in 0..rows.len() {
            assert_eq!(next(&mut events).await, Incoming::Up { first: row == 0 });
            assert_eq!(next(&mut events).await, rings(), "row {row}");
            assert!(
                matches!(next(&mut events).await, Incoming::Down { .. }),
                "row {row}"
            );
        }
        assert_eq!(next(&mut events).await, Incoming::Up { first: false });
    };
    soon(async { tokio::join!(server, client) }).await;
}

async fn listen(fake: &FakePbx, pace: Pace) -> Events {
    soon(fake.pbx().listen_at(APP, &run(), pace)).await.unwrap()
}

async fn next(events: &mut Events) -> Incoming {
    soon(events.next()).await.expect("an incoming")
}

/// Waits until our side has closed the socket.
async fn assert_closed(pbx: &mut OpenedSocket) {
    soon(async {
        while let Some(Ok(frame)) = pbx.socket.recv().await {
            if matches!(frame, Sent::Close(_)) {
                return;
            }
        }
    })
    .await;
}

fn quick(queue: usize) -> Pace {
    Pace {
        ping: Duration::from_millis(20),
        silence: Duration::from_millis(200),
        retry_first: Duration::from_millis(1),
        retry_longest: Duration::from_millis(20),
        queue,
    }
}

fn ringing() -> String {
    json!({ "type": "ChannelStateChange",
        "channel": { "id": format!("run1-{DROP}-drop"), "state": "Ringing" } })
    .to_string()
}

fn rings() -> Incoming {
    Incoming::Notice(Notice::Drop {
        drop: DROP,
        event: Event::Ringing(Leg::Drop),
    })
}

async fn bare() -> (TcpListener, Pbx) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, Pbx::new(&settings(url)).unwrap())
}

async fn read_head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Takes a websocket, after which the connection is the test's to write to.
async fn accept(listener: &TcpListener) -> TcpStream {
    let (mut socket, _) = listener.accept().await.unwrap();
    let head = read_head(&mut socket).await;
    let key = head
        .lines()
        .find_map(|line| {
            line.to_lowercase()
                .starts_with("sec-websocket-key:")
                .then(|| &line[18..])
        })
        .unwrap();
    let accept = derive_accept_key(key.trim().as_bytes());
    let reply = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Protocol: ari\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    socket.write_all(reply.as_bytes()).await.unwrap();
    socket
}

fn text_frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    let mut frame = vec![0x81];
    if length < 126 {
        frame.push(length);
    } else {
        frame.extend([126, 0, length]);
    }
    frame.extend(text.as_bytes());
    frame
}
