//! The connections, on real sockets.

use axum::extract::ws;
use tokio::time::timeout;

use super::*;
use crate::{
    ari::fixture::{FakePbx, OpenedSocket, soon},
    drop::SpokenEnd,
    id::Play,
};

#[tokio::test]
async fn we_connect_to_the_channel_as_the_ari_user() {
    let mut call = TestCall::new().await;
    assert_eq!(call.pbx.target, "/media/the-id");
    assert_eq!(call.pbx.headers["sec-websocket-protocol"], "media");
    assert!(call.pbx.headers.contains_key("authorization"));
    assert_eq!(call.heard().await, Heard::Sound(160), "silence, at once");
}

#[tokio::test]
async fn sound_comes_as_samples_and_goes_as_mu_law() {
    let mut call = TestCall::new().await;
    call.say_sound(vec![0xff, 0x00, 0x80]).await;
    let samples = [0_i16, -32_124, 32_124].map(i16::to_le_bytes).concat();
    assert_eq!(call.next().await, FromCall::Sound(samples.into()));
    call.order(Order::Speak(Play(1), vec![1_000; 1_600].into()));
    assert_eq!(call.next().await, FromCall::Speaking(Play(1)));
    while call.heard().await != Heard::Sound(1_600) {}
    assert_eq!(
        call.heard().await,
        Heard::Text("REPORT_QUEUE_DRAINED".into())
    );
}

#[tokio::test]
async fn a_message_is_whole_when_the_pbx_has_played_it() {
    let mut call = TestCall::new().await;
    call.say("MEDIA_START connection_id:the-id format:ulaw")
        .await;
    call.order(Order::Speak(Play(1), vec![1_000; 1_600].into()));
    assert_eq!(call.next().await, FromCall::Speaking(Play(1)));
    while !matches!(call.heard().await, Heard::Text(_)) {}
    // Before the message can be over it says nothing of it.
    let spoken = loop {
        call.say("QUEUE_DRAINED").await;
        if let Ok(spoken) = timeout(Duration::from_millis(20), call.spoken()).await {
            break spoken;
        }
    };
    assert_eq!(spoken, (SpokenEnd::Whole, 200));
    assert_eq!(call.heard().await, Heard::Text("HANGUP".into()));
    drop(call.pbx);
    let end = soon(call.connection.next()).await;
    assert_eq!(end, FromCall::Ended(ConnectionEnd::Parted));
}

#[tokio::test]
async fn a_connection_that_the_pbx_ends_loses_the_message() {
    let mut call = TestCall::new().await;
    call.order(Order::Speak(Play(1), vec![1_000; 160 * 500].into()));
    assert_eq!(call.next().await, FromCall::Speaking(Play(1)));
    drop(call.pbx);
    let FromCall::Spoken(Play(1), spoken) = soon(call.connection.next()).await else {
        panic!("the message comes first")
    };
    assert_eq!(spoken.end, SpokenEnd::Lost);
    assert!(spoken.sent <= Duration::from_secs(2), "{:?}", spoken.sent);
    let end = soon(call.connection.next()).await;
    assert!(
        matches!(
            end,
            FromCall::Ended(ConnectionEnd::HungUp | ConnectionEnd::Closed)
        ),
        "{end:?}"
    );
}

#[tokio::test]
async fn a_connection_that_is_let_go_is_closed() {
    let mut call = TestCall::new().await;
    drop(call.connection);
    let closed = async {
        while let Some(Ok(message)) = call.pbx.socket.recv().await {
            if let ws::Message::Close(_) = message {
                break;
            }
        }
    };
    soon(closed).await;
}

#[tokio::test]
async fn a_channel_that_does_not_wait_for_us_is_an_error() {
    let mut pbx = FakePbx::start().await;
    let sockets = WebSockets::new(&pbx.pbx(), None).unwrap();
    let (connected, ()) = tokio::join!(soon(sockets.connect("gone")), async {
        pbx.asked().await.answer(404, "");
    });
    let error = connected.unwrap_err();
    assert!(
        matches!(error, LinkError::Refused { status: 404, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_driver_that_stalls_loses_every_call_and_can_begin_again() {
    let pulse = Pulse::default();
    let mut call = TestCall::with(Some(pulse.clone()), PATIENCE).await;
    // No beat comes.
    let ended = async { while call.next().await != FromCall::Ended(ConnectionEnd::Standstill) {} };
    soon(ended).await;
    pulse.beat();
    let again = soon(call.sockets.connect("the-id")).await;
    assert!(again.is_ok());
}

#[tokio::test]
async fn a_drop_that_does_not_keep_up_loses_its_connection() {
    let call = TestCall::with(None, Duration::from_millis(200)).await;
    let TestCall {
        mut pbx,
        mut connection,
        ..
    } = call;
    let pbx = tokio::spawn(async move {
        // Until it is closed.
        while pbx
            .socket
            .send(ws::Message::Binary(vec![0xff; 160].into()))
            .await
            .is_ok()
        {}
    });
    soon(pbx).await.unwrap();
    let ended = async { while connection.next().await != FromCall::Ended(ConnectionEnd::Slow) {} };
    soon(ended).await;
}

/// What the PBX heard of us.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Sound(usize),
    Text(String),
}

/// A call, from both ends of its connection.
struct TestCall {
    sockets: WebSockets,
    pbx: OpenedSocket,
    connection: Connection,
    _server: FakePbx,
}

impl TestCall {
    async fn new() -> Self {
        Self::with(None, PATIENCE).await
    }

    async fn with(pulse: Option<Pulse>, patience: Duration) -> Self {
        let mut server = FakePbx::start().await;
        let sockets = WebSockets::new(&server.pbx(), pulse).unwrap();
        let connection = soon(sockets.connect_with("the-id", patience))
            .await
            .unwrap();
        Self {
            sockets,
            pbx: server.opened().await,
            connection,
            _server: server,
        }
    }

    fn order(&self, order: Order) {
        self.connection.order(order);
    }

    async fn next(&mut self) -> FromCall {
        soon(self.connection.next()).await
    }

    async fn say(&mut self, text: &str) {
        self.pbx.send(text).await;
    }

    async fn say_sound(&mut self, octets: Vec<u8>) {
        let message = ws::Message::Binary(octets.into());
        self.pbx.socket.send(message).await.unwrap();
    }

    async fn heard(&mut self) -> Heard {
        loop {
            match soon(self.pbx.socket.recv()).await.unwrap().unwrap() {
                ws::Message::Binary(octets) => return Heard::Sound(octets.len()),
                ws::Message::Text(text) => return Heard::Text(text.to_string()),
                ws::Message::Ping(_) | ws::Message::Pong(_) | ws::Message::Close(_) => {}
            }
        }
    }

    /// How the message ended, and how many milliseconds of it were sent.
    async fn spoken(&mut self) -> (SpokenEnd, u128) {
        loop {
            if let FromCall::Spoken(_, spoken) = self.next().await {
                return (spoken.end, spoken.sent.as_millis());
            }
        }
    }
}
