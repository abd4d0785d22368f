//! The address at which the PBX reaches our ears, and which hosts may connect.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use tokio::net::TcpSocket;

use super::*;
use crate::fake::own_port;

#[tokio::test]
async fn two_programs_share_a_range_of_ports() {
    let program = listening(mailbox()).await;
    let (_ports, first) = two_ports();
    let range = format!("127.0.0.1:{first}-{}", first + 1);
    let children = ["+12025550101", "+12025550102"].map(|number| {
        let mut command =
            program.command(&["drop", number, "--message", "./message.wav", "--json"]);
        command.env("AFTERTONE__SCREEN__MODE", "listen");
        command.env("AFTERTONE__SCREEN__LISTEN", &range);
        command.spawn().unwrap()
    });
    let [one, other] = children.map(wait);
    let (one, other) = tokio::join!(one, other);
    for ended in [&one, &other] {
        assert_eq!(ended.outcome(), "delivered", "{ended:?}");
        assert_eq!(ended.json()["ready_by"], "beep", "{ended:?}");
    }
    let asked = program.fake.with(|world| requests(world));
    for port in [first, first + 1] {
        let ears = format!("\"AFTERTONE_EARS\":\"127.0.0.1:{port}\"");
        assert!(asked.contains(&ears), "{asked}");
    }
}

#[tokio::test]
async fn a_program_that_finds_no_free_port_says_so() {
    let program = listening(mailbox()).await;
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = listening_program(&program);
    let child = command.env("AFTERTONE__SCREEN__LISTEN", &address).spawn();
    let ended = wait(child.unwrap()).await;
    insta::assert_snapshot!(ended.spoken().replace(&address, "ADDRESS"), @"
    error: cannot listen on ADDRESS for the audio of calls (`screen.listen`): Address already in use (os error 98)
    hint: set `screen.listen` to an address of this machine, or `screen.mode` to `dialplan`
    ");
}

/// Only the PBX brings us audio. Here it comes from an address that is neither loopback nor the one in `pbx.url`.
#[tokio::test]
async fn a_connection_from_elsewhere_is_let_in_only_if_it_is_allowed() {
    // On a machine that has no address but loopback, the unit tests of the listener say it all.
    let Some(own) = address_of_this_machine() else {
        return;
    };
    let rows = [
        (None, false),
        (Some("203.0.113.0/24".to_owned()), false),
        (Some(format!("{own}/32")), true),
    ];
    for (allow, may) in rows {
        let program = listening(mailbox()).await;
        let mut command = listening_program(&program);
        command.env("AFTERTONE__SCREEN__LISTEN", "0.0.0.0:0");
        command.env("AFTERTONE__SCREEN__ADVERTISE", own.to_string());
        if let Some(allow) = &allow {
            let path = program.path("aftertone.toml");
            let text = std::fs::read_to_string(&path).unwrap();
            let listed = format!("[screen]\nallow = [\"{allow}\"]");
            std::fs::write(&path, text.replace("[screen]", &listed)).unwrap();
        }
        let ended = wait(command.spawn().unwrap()).await;
        let name = format!("{own} where {allow:?} is allowed");
        program.assert_clean(&name, &ended);
        let json = ended.json();
        assert_eq!(ended.outcome(), "delivered", "{name}: {ended:?}");
        let by = if may { "beep" } else { "dialplan" };
        assert_eq!(json["ready_by"], by, "{name}: {ended:?}");
        let told = ended
            .stderr
            .contains("add it to `screen.allow` to accept it");
        assert_eq!(told, !may, "{name}: {ended:?}");
    }
}

/// Two ports that follow each other and are kept for the programs, and the first of them.
fn two_ports() -> ([TcpSocket; 2], u16) {
    loop {
        let one = own_port();
        let first = one.local_addr().unwrap().port();
        let other = TcpSocket::new_v4().unwrap();
        other.set_reuseaddr(true).unwrap();
        let next = first.checked_add(1);
        if next.is_some_and(|next| other.bind((Ipv4Addr::LOCALHOST, next).into()).is_ok()) {
            return ([one, other], first);
        }
    }
}

/// An address by which others would reach this machine. Nothing is sent.
fn address_of_this_machine() -> Option<std::net::IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(203, 0, 113, 1), 9)).ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_loopback() && !own.is_unspecified()).then_some(own)
}
