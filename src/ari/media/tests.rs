//! The listener, on real sockets.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::ari::fixture::soon;

#[tokio::test]
async fn an_expected_connection_brings_its_audio_and_its_end() {
    let taps = taps().await;
    let mut expected = taps.expect();
    let mut pbx = connect(&taps).await;
    pbx.write_all(&hello(expected.uuid)).await.unwrap();
    pbx.write_all(&[0x10, 0, 4, 1, 0, 2, 0]).await.unwrap();
    pbx.write_all(&[0x03, 0, 1, b'5']).await.unwrap();
    pbx.write_all(&[0x10, 0, 2, 3, 0, 0x00, 0, 0])
        .await
        .unwrap();
    let mut frames = soon(expected.come()).await;
    assert_eq!(soon(frames.next()).await.unwrap().as_ref(), [1, 0, 2, 0]);
    assert_eq!(soon(frames.next()).await.unwrap().as_ref(), [3, 0]);
    assert_eq!(soon(frames.next()).await, Err(TapEnd::HungUp));
    assert_eq!(taps.counts(), TapCounts::default());
}

#[tokio::test]
async fn the_pbx_never_waits_long_for_a_frame_of_ours() {
    let taps = taps().await;
    let mut expected = taps.expect();
    let mut pbx = connect(&taps).await;
    pbx.write_all(&hello(expected.uuid)).await.unwrap();
    let mut frames = soon(expected.come()).await;
    let mut frame = [1; 323];
    // Before it has sent any audio, and after.
    for _ in 0..3 {
        soon(pbx.read_exact(&mut frame)).await.unwrap();
        assert_eq!(frame, SILENCE);
    }
    pbx.write_all(&[0x10, 0, 2, 1, 0]).await.unwrap();
    assert_eq!(soon(frames.next()).await.unwrap().as_ref(), [1, 0]);
    for _ in 0..3 {
        soon(pbx.read_exact(&mut frame)).await.unwrap();
        assert_eq!(frame, SILENCE);
    }
    assert_eq!(SILENCE[..3], [0x10, 1, 64]);
}

#[tokio::test]
async fn the_pbx_is_told_the_address_that_it_can_reach() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    for (advertise, told) in [
        (None, "127.0.0.1:PORT"),
        (Some("here.example"), "here.example:PORT"),
        (Some("[2001:db8::1]"), "[2001:db8::1]:PORT"),
        (Some("here.example:9000"), "here.example:9000"),
        (Some("[2001:db8::1]:9000"), "[2001:db8::1]:9000"),
    ] {
        let taps = Taps::bind(any, advertise).await.unwrap();
        let address = taps.address();
        match told.strip_suffix(":PORT") {
            None => assert_eq!(address, told),
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
async fn connections_find_their_own_drop() {
    let taps = taps().await;
    let (mut one, mut two) = (taps.expect(), taps.expect());
    assert_ne!(one.uuid, two.uuid);
    assert_eq!(one.uuid.get_version_num(), 4);
    let (mut first, mut second) = (connect(&taps).await, connect(&taps).await);
    second.write_all(&hello(one.uuid)).await.unwrap();
    first.write_all(&hello(two.uuid)).await.unwrap();
    second.write_all(&[0x10, 0, 2, 1, 0]).await.unwrap();
    first.write_all(&[0x10, 0, 2, 2, 0]).await.unwrap();
    let (mut one, mut two) = (soon(one.come()).await, soon(two.come()).await);
    assert_eq!(soon(one.next()).await.unwrap().as_ref(), [1, 0]);
    assert_eq!(soon(two.next()).await.unwrap().as_ref(), [2, 0]);
}

#[tokio::test]
async fn a_uuid_is_good_once_and_as_long_as_it_is_expected() {
    let taps = taps().await;
    let mut expected = taps.expect();
    let uuid = expected.uuid;
    let mut first = connect(&taps).await;
    first.write_all(&hello(uuid)).await.unwrap();
    let _frames = soon(expected.come()).await;
    turned_away(&taps, &hello(uuid)).await;
    assert_eq!(taps.counts().unknown, 1);
    let gone = taps.expect().uuid;
    turned_away(&taps, &hello(gone)).await;
    turned_away(&taps, &hello(Uuid::new_v4())).await;
    assert_eq!(taps.counts().unknown, 3);
    assert_eq!(taps.counts().total(), 3);
}

#[tokio::test]
async fn whoever_does_not_speak_audiosocket_is_turned_away() {
    let taps = taps().await;
    turned_away(&taps, b"GET / HTTP/1.1\r\n\r\n").await;
    turned_away(&taps, &[0x10, 0, 2, 1, 0]).await;
    assert_eq!(taps.counts().garbage, 2);
    turned_away(&taps, &[0x10, 0xff, 0xff]).await;
    assert_eq!(taps.counts().oversized, 1);
}

#[tokio::test]
async fn whoever_says_nothing_is_turned_away_in_time() {
    let taps = taps().await;
    let mut silent = connect(&taps).await;
    let mut slow = connect(&taps).await;
    slow.write_all(&hello(Uuid::new_v4())[..10]).await.unwrap();
    assert_eq!(soon(silent.read(&mut [0])).await.unwrap_or(0), 0);
    assert_eq!(soon(slow.read(&mut [0])).await.unwrap_or(0), 0);
    assert_eq!(taps.counts().half_open, 2);
}

#[tokio::test]
async fn whoever_goes_away_without_a_word_is_counted_however_they_go() {
    let taps = taps().await;
    drop(connect(&taps).await);
    let mut half = connect(&taps).await;
    half.write_all(&hello(Uuid::new_v4())[..10]).await.unwrap();
    drop(half);
    let reset = connect(&taps).await;
    // Closing then sends a reset.
    reset.set_zero_linger().unwrap();
    drop(reset);
    until(|| taps.counts().half_open == 3, || taps.counts()).await;
    assert_eq!(taps.counts().total(), 3);
}

#[tokio::test]
async fn whoever_says_nothing_keeps_nobody_waiting_and_only_so_many_may() {
    let few = Limits {
        greeting_most: 3,
        ..Limits::default()
    };
    let taps = Taps::open(loopback(), None, few).await.unwrap();
    let (_one, _two) = (connect(&taps).await, connect(&taps).await);
    let mut expected = taps.expect();
    let mut pbx = connect(&taps).await;
    pbx.write_all(&hello(expected.uuid)).await.unwrap();
    let _frames = soon(expected.come()).await;
    assert_eq!(taps.counts().total(), 0, "before anybody's time was over");
    let _three = connect(&taps).await;
    let mut fourth = connect(&taps).await;
    // Sooner than its own time is over: it is the others that are counted for that.
    assert_eq!(soon(fourth.read(&mut [0])).await.unwrap_or(0), 0);
    let counts = taps.counts();
    assert_eq!((counts.crowded, counts.half_open), (1, 0));
    // Their time over, there is room again.
    until(|| taps.counts().half_open == 3, || taps.counts()).await;
    let mut expected = taps.expect();
    let mut pbx = connect(&taps).await;
    pbx.write_all(&hello(expected.uuid)).await.unwrap();
    let _frames = soon(expected.come()).await;
    assert_eq!(taps.counts().crowded, 1);
}

#[tokio::test]
async fn of_two_that_bring_one_uuid_at_once_one_is_let_in() {
    let taps = taps().await;
    let mut expected = taps.expect();
    let (mut one, mut two) = (connect(&taps).await, connect(&taps).await);
    let hello = hello(expected.uuid);
    let (first, second) = tokio::join!(one.write_all(&hello), two.write_all(&hello));
    assert!(first.is_ok() && second.is_ok());
    let _frames = soon(expected.come()).await;
    until(|| taps.counts().unknown == 1, || taps.counts()).await;
    assert_eq!(taps.counts().total(), 1);
}

#[tokio::test]
async fn the_listener_closes_with_the_last_who_expects_anything() {
    let taps = taps().await;
    let address = taps.address().to_owned();
    let clone = taps.clone();
    drop(taps);
    drop(connect(&clone).await);
    drop(clone);
    soon(async { while TcpStream::connect(&address).await.is_ok() {} }).await;
}

#[tokio::test]
async fn a_second_name_and_a_frame_too_large_end_a_tap() {
    let taps = taps().await;
    for (bytes, end) in [
        (hello(Uuid::new_v4()), TapEnd::Garbage),
        (vec![0x10, 0x10, 0], TapEnd::Oversized),
        (vec![0x77, 0, 0], TapEnd::Garbage),
    ] {
        let mut expected = taps.expect();
        let mut pbx = connect(&taps).await;
        pbx.write_all(&hello(expected.uuid)).await.unwrap();
        pbx.write_all(&bytes).await.unwrap();
        let mut frames = soon(expected.come()).await;
        assert_eq!(soon(frames.next()).await, Err(end), "{bytes:02x?}");
    }
    assert_eq!((taps.counts().garbage, taps.counts().oversized), (2, 1));
}

#[tokio::test]
async fn a_drop_that_does_not_keep_up_loses_its_tap_and_no_other() {
    let taps = taps().await;
    let (mut slow, mut quick) = (taps.expect(), taps.expect());
    let (mut to_slow, mut to_quick) = (connect(&taps).await, connect(&taps).await);
    to_slow.write_all(&hello(slow.uuid)).await.unwrap();
    to_quick.write_all(&hello(quick.uuid)).await.unwrap();
    let (mut slow, mut quick) = (soon(slow.come()).await, soon(quick.come()).await);
    let frame = [[0x10, 1, 64].as_slice(), &[0; 320]].concat();
    for _ in 0..=FRAMES {
        to_slow.write_all(&frame).await.unwrap();
        to_quick.write_all(&frame).await.unwrap();
        assert!(soon(quick.next()).await.is_ok());
    }
    closed(&mut to_slow).await;
    assert_eq!(taps.counts().slow, 1);
    for _ in 0..FRAMES {
        assert!(soon(slow.next()).await.is_ok());
    }
    assert_eq!(soon(slow.next()).await, Err(TapEnd::Slow));
    to_quick.write_all(&frame).await.unwrap();
    assert!(soon(quick.next()).await.is_ok());
}

#[tokio::test]
async fn a_tap_that_is_let_go_is_closed() {
    let taps = taps().await;
    let mut expected = taps.expect();
    let mut pbx = connect(&taps).await;
    pbx.write_all(&hello(expected.uuid)).await.unwrap();
    drop(soon(expected.come()).await);
    closed(&mut pbx).await;
}

#[tokio::test]
async fn the_pbx_is_told_another_address_where_there_is_one() {
    let taps = Taps::bind(loopback(), Some("pbx-side.example:9092"))
        .await
        .unwrap();
    assert_eq!(taps.address(), "pbx-side.example:9092");
}

/// Waits until the connection is closed from the other side, whatever silence comes before.
async fn closed(pbx: &mut TcpStream) {
    let mut silence = Vec::new();
    // In order, or because something was left unread.
    let _ = soon(pbx.read_to_end(&mut silence)).await;
}

async fn turned_away(taps: &Taps, bytes: &[u8]) {
    let mut stranger = connect(taps).await;
    stranger.write_all(bytes).await.unwrap();
    // Closed, whether in order or because something was left unread.
    assert_eq!(soon(stranger.read(&mut [0])).await.unwrap_or(0), 0);
}

async fn taps() -> Taps {
    Taps::bind(loopback(), None).await.unwrap()
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Waits until it is so.
pub(super) async fn until(so: impl Fn() -> bool, seen: impl Fn() -> TapCounts) {
    let wait = async {
        while !so() {
            tokio::task::yield_now().await;
        }
    };
    let in_time = timeout(Duration::from_secs(20), wait).await;
    assert!(in_time.is_ok(), "{:?}", seen());
}

async fn connect(taps: &Taps) -> TcpStream {
    TcpStream::connect(taps.address()).await.unwrap()
}

fn hello(uuid: Uuid) -> Vec<u8> {
    [[0x01, 0, 16].as_slice(), uuid.as_bytes()].concat()
}
