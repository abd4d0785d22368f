//! The listener and its connections, on real sockets.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::bytes::Bytes;

use super::{pacer::SILENCE, *};
use crate::{
    ari::fixture::soon,
    drop::{Spoken, SpokenEnd},
    id::Play,
};

#[tokio::test]
async fn an_expected_connection_brings_its_sound_and_its_end() {
    let media = media();
    let mut call = TestCall::new(&media).await;
    call.say(&[0x10, 0, 4, 1, 0, 2, 0]).await;
    call.say(&[0x03, 0, 1, b'5']).await;
    call.say(&[0x10, 0, 2, 3, 0, 0x00, 0, 0]).await;
    assert_eq!(call.next().await, sound(&[1, 0, 2, 0]));
    assert_eq!(call.next().await, sound(&[3, 0]));
    assert_eq!(call.next().await, FromCall::Ended(ConnectionEnd::HungUp));
    assert_eq!(media.counts(), MediaCounts::default());
}

#[tokio::test]
async fn the_pbx_gets_silence_at_once_and_then_five_times_a_second() {
    let media = media();
    let mut call = TestCall::new(&media).await;
    let begin = clock();
    for _ in 0..3 {
        assert_eq!(call.frame().await, SILENCE);
    }
    let took = begin.elapsed();
    assert!(
        took < Duration::from_secs(2),
        "no release ends the call: {took:?}"
    );
    assert!(
        took >= Duration::from_millis(300),
        "no more than it needs: {took:?}"
    );
    assert_eq!(SILENCE[..3], [0x10, 1, 64]);
}

#[tokio::test]
async fn a_message_goes_out_whole_and_ends_when_the_pbx_has_taken_the_goodbye() {
    let media = media();
    let mut call = TestCall::new(&media).await;
    call.frame().await;
    let message: Vec<i16> = (1..=10_i16).flat_map(|n| [n; 160]).collect();
    call.order(Order::Speak(Play(1), message.into()));
    assert_eq!(call.next().await, FromCall::Speaking(Play(1)));
    for n in 1..=10 {
        assert_eq!(call.frame().await[3..5], [n, 0]);
    }
    assert_eq!(call.read(3).await, [0, 0, 0], "goodbye");
    assert!(call.nothing_came(), "the PBX has not answered it");
    call.pbx.take();
    assert_eq!(call.spoken().await, (SpokenEnd::Whole, 200));
    assert_eq!(call.next().await, FromCall::Ended(ConnectionEnd::Parted));
}

#[tokio::test]
async fn a_prompt_goes_out_whole_and_the_call_goes_on() {
    let media = media();
    let mut call = TestCall::new(&media).await;
    call.frame().await;
    let prompt: Vec<i16> = (1..=5_i16).flat_map(|n| [n; 160]).collect();
    call.order(Order::Say(Play::PROMPT, prompt.into()));
    assert_eq!(call.next().await, FromCall::Speaking(Play::PROMPT));
    for n in 1..=5 {
        assert_eq!(call.frame().await[3..5], [n, 0]);
    }
    let FromCall::Spoken(Play::PROMPT, spoken) = call.next().await else {
        panic!("it does not say that it was said");
    };
    assert_eq!(spoken.end, SpokenEnd::Whole);
    assert_eq!(spoken.sent, Duration::from_millis(100));
    assert_eq!(call.frame().await, SILENCE);
    call.order(Order::Speak(Play(1), vec![7; 160].into()));
    assert_eq!(call.next().await, FromCall::Speaking(Play(1)));
    call.until_goodbye().await;
}

#[tokio::test]
async fn a_reset_answers_a_goodbye_as_well_as_an_end_in_order() {
    let media = media();
    let mut call = TestCall::new(&media).await;
    call.order(Order::Speak(Play(1), vec![1; 160].into()));
    assert_eq!(call.next().await, FromCall::Speaking(Play(1)));
    call.until_goodbye().await;
    let pbx = call.pbx.take().unwrap();
    pbx.set_zero_linger().unwrap();
    drop(pbx);
    assert_eq!(call.spoken().await.0, SpokenEnd::Whole);
    assert_eq!(call.next().await, FromCall::Ended(ConnectionEnd::Parted));
}

#[tokio::test]
async fn a_pbx_that_does_not_answer_the_goodbye_confirms_nothing() {
    let media = media();
    let mut call = TestCall::new(&media).await;
    call.order(Order::Speak(Play(1), vec![1; 160].into()));
    assert_eq!(call.next().await, FromCall::Speaking(Play(1)));
    assert_eq!(call.spoken().await, (SpokenEnd::Unconfirmed, 20));
    assert_eq!(
        call.next().await,
        FromCall::Ended(ConnectionEnd::Unanswered)
    );
}

#[tokio::test]
async fn a_message_is_stopped_within_a_frame_and_can_start_again() {
    let media = media();
    let mut call = TestCall::new(&media).await;
    let long: Arc<[i16]> = vec![7; 160 * 500].into();
    call.order(Order::Speak(Play(1), Arc::clone(&long)));
    assert_eq!(call.next().await, FromCall::Speaking(Play(1)));
    call.order(Order::Hush(Play(2)));
    while call.frame().await[3] != 7 {}
    call.order(Order::Hush(Play(1)));
    let (end, sent) = call.spoken().await;
    assert_eq!(end, SpokenEnd::Stopped);
    assert!(sent <= 200, "{sent} ms");
    // What follows is silence, but for what was on its way.
    while call.frame().await[3] != 0 {}
    call.order(Order::Speak(Play(2), long));
    assert_eq!(call.next().await, FromCall::Speaking(Play(2)));
    call.pbx.take();
    assert_eq!(call.spoken().await.0, SpokenEnd::Lost);
    assert_eq!(call.next().await, FromCall::Ended(ConnectionEnd::Closed));
}

#[tokio::test]
async fn how_long_the_far_end_was_silent_during_the_message_is_known() {
    let media = media();
    let mut call = TestCall::new(&media).await;
    call.order(Order::Speak(Play(1), vec![1; 160 * 20].into()));
    assert_eq!(call.next().await, FromCall::Speaking(Play(1)));
    call.until_goodbye().await;
    call.pbx.take();
    let spoken = loop {
        // A machine under load adds gaps.
        if let FromCall::Spoken(Play(1), spoken) = call.next().await {
            break spoken;
        }
    };
    let unheard = spoken.unheard;
    assert!(unheard >= Duration::from_millis(350), "{unheard:?}");
}

#[tokio::test]
async fn a_goodbye_alone_parts_in_order() {
    let media = media();
    let mut call = TestCall::new(&media).await;
    call.order(Order::Goodbye);
    call.until_goodbye().await;
    call.pbx.take();
    assert_eq!(call.next().await, FromCall::Ended(ConnectionEnd::Parted));
}

#[tokio::test]
async fn every_end_of_ours_is_a_reset() {
    let media = media();
    let mut call = TestCall::new(&media).await;
    call.frame().await;
    let mut pbx = call.pbx.take().unwrap();
    drop(call.connection);
    let end = soon(async {
        loop {
            match pbx.read(&mut [0; 400]).await {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(error.kind()),
            }
        }
    });
    assert_eq!(end.await, Some(io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_driver_that_stalls_loses_every_call_and_can_begin_again() {
    let pulse = Pulse::default();
    let settings = settings(None);
    let media = MediaServer::bind(&settings, Some(pulse.clone())).unwrap();
    let mut call = TestCall::new(&media).await;
    // No beat comes.
    let ended = async { while call.next().await != FromCall::Ended(ConnectionEnd::Standstill) {} };
    soon(ended).await;
    pulse.beat();
    let mut next = TestCall::new(&media).await;
    next.say(&[0x10, 0, 2, 1, 0]).await;
    assert_eq!(next.next().await, sound(&[1, 0]));
}

#[tokio::test]
async fn the_pbx_is_given_the_address_that_it_can_reach() {
    for (advertise, given) in [
        (None, "127.0.0.1:PORT"),
        (Some("here.example"), "here.example:PORT"),
        (Some("[2001:db8::1]"), "[2001:db8::1]:PORT"),
        (Some("here.example:9000"), "here.example:9000"),
        (Some("[2001:db8::1]:9000"), "[2001:db8::1]:9000"),
    ] {
        let media = MediaServer::bind(&settings(advertise), None).unwrap();
        let address = media.address();
        match given.strip_suffix(":PORT") {
            None => assert_eq!(address, given),
            Some(host) => {
                let port = address
                    .strip_prefix(host)
                    .and_then(|port| port.strip_prefix(':'));
                assert_ne!(port.unwrap().parse::<u16>().unwrap(), 0, "{address}");
            }
        }
    }
}

#[tokio::test]
async fn the_first_free_port_of_a_range_is_taken() {
    // Some port that is free, and the two above it, as far as is known.
    let taken = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let first = taken.local_addr().unwrap().port();
    let ranged = |last: u16| MediaSettings {
        ports: first..=last,
        ..settings(None)
    };
    let error = MediaServer::bind(&ranged(first), None).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    let media = MediaServer::bind(&ranged(first.saturating_add(200)), None).unwrap();
    let port: u16 = media.address().rsplit_once(':').unwrap().1.parse().unwrap();
    assert!(port > first, "{port} {first}");
}

#[tokio::test]
async fn connections_find_their_own_drop() {
    let media = media();
    let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
    let (mut first, mut second) = (media.expect(one), media.expect(two));
    let (mut to_two, mut to_one) = (connect(&media).await, connect(&media).await);
    to_one.write_all(&hello(one)).await.unwrap();
    to_two.write_all(&hello(two)).await.unwrap();
    to_one.write_all(&[0x10, 0, 2, 1, 0]).await.unwrap();
    to_two.write_all(&[0x10, 0, 2, 2, 0]).await.unwrap();
    let (mut first, mut second) = (soon(first.come()).await, soon(second.come()).await);
    assert_eq!(soon(first.next()).await, sound(&[1, 0]));
    assert_eq!(soon(second.next()).await, sound(&[2, 0]));
}

#[tokio::test]
async fn a_uuid_is_good_once_and_as_long_as_it_is_expected() {
    let media = media();
    let call = TestCall::new(&media).await;
    turned_away(&media, &hello(call.uuid)).await;
    assert_eq!(media.counts().unknown, 1);
    let gone = Uuid::new_v4();
    drop(media.expect(gone));
    turned_away(&media, &hello(gone)).await;
    turned_away(&media, &hello(Uuid::new_v4())).await;
    assert_eq!(media.counts().unknown, 3);
    assert_eq!(media.counts().total(), 3);
}

#[tokio::test]
async fn a_connection_that_does_not_speak_audiosocket_is_closed() {
    let media = media();
    turned_away(&media, b"GET / HTTP/1.1\r\n\r\n").await;
    turned_away(&media, &[0x10, 0, 2, 1, 0]).await;
    assert_eq!(media.counts().garbage, 2);
    turned_away(&media, &[0x10, 0xff, 0xff]).await;
    assert_eq!(media.counts().oversized, 1);
}

#[tokio::test]
async fn a_connection_that_sends_nothing_is_closed_in_time() {
    let media = media();
    let mut silent = connect(&media).await;
    let mut slow = connect(&media).await;
    slow.write_all(&hello(Uuid::new_v4())[..10]).await.unwrap();
    assert_eq!(soon(silent.read(&mut [0])).await.unwrap_or(0), 0);
    assert_eq!(soon(slow.read(&mut [0])).await.unwrap_or(0), 0);
    assert_eq!(media.counts().half_open, 2);
}

#[tokio::test]
async fn a_connection_that_ends_before_its_uuid_is_counted_however_it_ends() {
    let media = media();
    drop(connect(&media).await);
    let mut half = connect(&media).await;
    half.write_all(&hello(Uuid::new_v4())[..10]).await.unwrap();
    drop(half);
    let reset = connect(&media).await;
    // Closing then sends a reset.
    reset.set_zero_linger().unwrap();
    drop(reset);
    until(|| media.counts().total() >= 2, || media.counts()).await;
    assert_eq!(media.counts().half_open, media.counts().total());
}

#[tokio::test]
async fn many_silent_connections_do_not_keep_others_out() {
    let few = ListenerLimits {
        greeting_most: 3,
        ..ListenerLimits::default()
    };
    let media = MediaServer::open(&settings(None), None, few).unwrap();
    let mut oldest = connect(&media).await;
    let (_two, _three) = (connect(&media).await, connect(&media).await);
    let _call = TestCall::new(&media).await;
    // Sooner than its time is over: it had to make room.
    assert_eq!(soon(oldest.read(&mut [0])).await.unwrap_or(0), 0);
    let counts = media.counts();
    assert_eq!((counts.crowded, counts.total()), (1, 1));
}

#[tokio::test]
async fn of_two_that_bring_one_uuid_at_once_one_is_let_in() {
    let media = media();
    let uuid = Uuid::new_v4();
    let mut expected = media.expect(uuid);
    let (mut one, mut two) = (connect(&media).await, connect(&media).await);
    let hello = hello(uuid);
    let (first, second) = tokio::join!(one.write_all(&hello), two.write_all(&hello));
    assert!(first.is_ok() && second.is_ok());
    let _connection = soon(expected.come()).await;
    until(|| media.counts().unknown == 1, || media.counts()).await;
    assert_eq!(media.counts().total(), 1);
}

#[tokio::test]
async fn the_listener_closes_with_the_last_who_expects_anything_and_its_calls_go_on() {
    let media = media();
    let address = media.address().to_owned();
    let mut call = TestCall::new(&media).await;
    let clone = media.clone();
    drop(media);
    drop(connect(&clone).await);
    drop(clone);
    soon(async { while TcpStream::connect(&address).await.is_ok() {} }).await;
    call.say(&[0x10, 0, 2, 1, 0]).await;
    assert_eq!(call.next().await, sound(&[1, 0]));
}

#[tokio::test]
async fn a_second_name_and_a_frame_too_large_end_a_connection() {
    let media = media();
    for (bytes, end) in [
        (hello(Uuid::new_v4()), ConnectionEnd::Garbage),
        (vec![0x10, 0x10, 0], ConnectionEnd::Oversized),
        (vec![0x77, 0, 0], ConnectionEnd::Garbage),
    ] {
        let mut call = TestCall::new(&media).await;
        call.say(&bytes).await;
        assert_eq!(call.next().await, FromCall::Ended(end), "{bytes:02x?}");
    }
    assert_eq!((media.counts().garbage, media.counts().oversized), (2, 1));
}

#[tokio::test]
async fn a_drop_that_does_not_keep_up_loses_its_connection_and_no_other() {
    let impatient = ListenerLimits {
        patience: Duration::from_millis(200),
        ..ListenerLimits::default()
    };
    let media = MediaServer::open(&settings(None), None, impatient).unwrap();
    let (mut slow, mut quick) = (TestCall::new(&media).await, TestCall::new(&media).await);
    let frame = [[0x10, 1, 64].as_slice(), &[0; 320]].concat();
    for _ in 0..outlet::QUEUE + 10 {
        slow.say(&frame).await;
        quick.say(&frame).await;
        quick.next().await;
    }
    closed(slow.pbx.as_mut().unwrap()).await;
    assert_eq!(media.counts().slow, 1);
    let ended = async { while slow.next().await != FromCall::Ended(ConnectionEnd::Slow) {} };
    soon(ended).await;
    quick.say(&frame).await;
    quick.next().await;
}

#[tokio::test]
async fn sound_that_comes_while_the_drop_does_not_take_it_is_all_there_afterwards() {
    let media = media();
    let mut call = TestCall::new(&media).await;
    let seconds = 8;
    for n in 0..seconds * 50 {
        let [low, high] = i16::try_from(n).unwrap().to_le_bytes();
        let samples = [low, high].repeat(160);
        call.say(&[[0x10, 1, 64].as_slice(), &samples].concat())
            .await;
    }
    for n in 0..seconds * 50 {
        let FromCall::Sound(sound) = call.next().await else {
            panic!("frame {n} is missing")
        };
        assert_eq!(i16::from_le_bytes([sound[0], sound[1]]), n as i16);
    }
}

#[tokio::test]
async fn a_connection_that_is_let_go_is_closed() {
    let media = media();
    let mut call = TestCall::new(&media).await;
    drop(call.connection);
    closed(call.pbx.as_mut().unwrap()).await;
}

/// A call, from both ends of its connection.
struct TestCall {
    uuid: Uuid,
    pbx: Option<TcpStream>,
    connection: Connection,
}

impl TestCall {
    async fn new(media: &MediaServer) -> Self {
        let uuid = Uuid::new_v4();
        let mut expected = media.expect(uuid);
        let mut pbx = connect(media).await;
        pbx.write_all(&hello(uuid)).await.unwrap();
        Self {
            uuid,
            pbx: Some(pbx),
            connection: soon(expected.come()).await,
        }
    }

    async fn say(&mut self, bytes: &[u8]) {
        self.pbx.as_mut().unwrap().write_all(bytes).await.unwrap();
    }

    async fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        soon(self.pbx.as_mut().unwrap().read_exact(&mut bytes))
            .await
            .unwrap();
        bytes
    }

    async fn frame(&mut self) -> Vec<u8> {
        self.read(SILENCE.len()).await
    }

    /// Reads whatever audio comes before the goodbye.
    async fn until_goodbye(&mut self) {
        loop {
            let head = self.read(3).await;
            if head == [0, 0, 0] {
                return;
            }
            self.read(320).await;
        }
    }

    fn order(&self, order: Order) {
        self.connection.order(order);
    }

    async fn next(&mut self) -> FromCall {
        soon(self.connection.next()).await
    }

    fn nothing_came(&mut self) -> bool {
        futures::FutureExt::now_or_never(self.connection.next()).is_none()
    }

    /// How the message ended, and how many milliseconds of it were sent.
    async fn spoken(&mut self) -> (SpokenEnd, u128) {
        loop {
            if let FromCall::Spoken(_, Spoken { end, sent, .. }) = self.next().await {
                return (end, sent.as_millis());
            }
        }
    }
}

fn sound(bytes: &'static [u8]) -> FromCall {
    FromCall::Sound(Bytes::from_static(bytes))
}

/// Waits until the connection is closed from the other side, whatever silence comes before.
async fn closed(pbx: &mut TcpStream) {
    let mut silence = Vec::new();
    // In order, or because something was left unread.
    let _ = soon(pbx.read_to_end(&mut silence)).await;
}

async fn turned_away(media: &MediaServer, bytes: &[u8]) {
    let mut stranger = connect(media).await;
    stranger.write_all(bytes).await.unwrap();
    // Closed, whether in order or because something was left unread.
    assert_eq!(soon(stranger.read(&mut [0])).await.unwrap_or(0), 0);
}

fn media() -> MediaServer {
    MediaServer::bind(&settings(None), None).unwrap()
}

pub(super) fn settings(advertise: Option<&str>) -> MediaSettings {
    MediaSettings {
        host: Ipv4Addr::LOCALHOST.into(),
        ports: 0..=0,
        advertise: advertise.map(str::to_owned),
        access: Access::default(),
    }
}

fn clock() -> std::time::Instant {
    crate::clock::now()
}

/// Waits until it is so.
pub(super) async fn until(so: impl Fn() -> bool, seen: impl Fn() -> MediaCounts) {
    let wait = async {
        while !so() {
            tokio::task::yield_now().await;
        }
    };
    let in_time = timeout(Duration::from_secs(20), wait).await;
    assert!(in_time.is_ok(), "{:?}", seen());
}

async fn connect(media: &MediaServer) -> TcpStream {
    TcpStream::connect(media.address()).await.unwrap()
}

fn hello(uuid: Uuid) -> Vec<u8> {
    [[0x01, 0, 16].as_slice(), uuid.as_bytes()].concat()
}
