//! `[serve]`, and what a running program takes up of a new configuration.

use super::*;

#[test]
fn the_server_listens_on_this_machine_unless_a_proxy_is_named() {
    let listen = |lines: &str| {
        let scene = Scene::with(&format!("{REQUIRED}\n[serve]\n{lines}\n"));
        let loaded = scene.load_from(None);
        loaded.map(|config| config.serve.listen.to_string())
    };
    assert_eq!(listen("").unwrap(), "127.0.0.1:8090");
    for there in ["127.0.0.1:0", "[::1]:8090", "127.9.9.9:1"] {
        assert_eq!(listen(&format!("listen = \"{there}\"")).unwrap(), there);
    }
    for there in [
        "0.0.0.0:8090",
        "10.0.0.5:8090",
        "[::]:8090",
        "[::ffff:10.0.0.1]:80",
    ] {
        let line = format!("listen = \"{there}\"");
        let error = listen(&line).unwrap_err().to_string();
        assert!(
            error.contains("`serve.listen`") && error.contains("plain_http"),
            "{error}"
        );
        let with_proxy = format!("{line}\nplain_http = \"behind a proxy\"");
        assert!(listen(&with_proxy).is_ok(), "{there}");
        let with_tls = format!("{line}\ntls_certificate = \"a\"\ntls_key = \"b\"");
        assert!(listen(&with_tls).is_ok(), "{there}");
    }
    for half in ["tls_certificate = \"a\"", "tls_key = \"b\""] {
        let error = listen(half).unwrap_err().to_string();
        assert!(error.contains("both, or neither"), "{error}");
    }
    for bad in ["0", "100001", "\"none\"", "-1"] {
        let error = listen(&format!("requests_per_second = {bad}")).unwrap_err();
        assert!(error.to_string().contains("1 to 100000"), "{error}");
    }
    assert!(listen("public_url = \"dialler.example.com\"").is_err());
    assert!(listen("plain_http = \"yes\"").is_err());
    assert!(listen("log = \"loud\"").is_err());
    assert!(listen("log = \"info,aftertone::ari=debug\"").is_ok());
}

#[test]
fn what_a_running_program_takes_up_is_told_from_the_rest() {
    let load = |lines: &str| Scene::with(&format!("{REQUIRED}\n{lines}\n")).load();
    let before = load("[trunk]\nin_flight = 3\n[drop]\nlead = \"1s\"");
    let new = load(
        "[trunk]\nin_flight = 4\nname = \"a\"\n[gate]\nhours = false\n[serve]\ndrain = \"1s\"\nlisten = \"127.0.0.1:1\"",
    );
    let change = before.change_to(&new);
    assert_eq!(
        change.live,
        ["gate.hours", "serve.drain", "trunk.in_flight"]
    );
    assert_eq!(
        change.at_restart,
        ["drop.lead", "serve.listen", "trunk.name"]
    );
    let now = before.with_live_part_of(&new);
    assert_eq!(
        (now.trunk.in_flight, now.serve.drain),
        (4, Duration::from_secs(1))
    );
    assert_eq!(now.drop.lead, Duration::from_secs(1));
    assert_eq!(now.serve.listen, before.serve.listen);
    // What was taken up is no news any more; the rest still is.
    let rest = now.change_to(&new);
    assert!(rest.live.is_empty(), "{rest:?}");
    assert_eq!(rest.at_restart, change.at_restart);
    assert!(now.change_to(&now.clone()).is_empty());
}

#[test]
fn another_certificate_is_taken_up_by_a_server_that_has_one() {
    let load = |lines: &str| Scene::with(&format!("{REQUIRED}\n[serve]\n{lines}\n")).load();
    let (plain, one) = (load(""), load("tls_certificate = \"1\"\ntls_key = \"k\""));
    let other = load("tls_certificate = \"2\"\ntls_key = \"k\"\npublic_url = \"https://a\"");
    let change = one.change_to(&other);
    assert_eq!(change.live, ["serve.public_url", "serve.tls_certificate"]);
    let now = one.with_live_part_of(&other);
    assert_eq!(now.serve.tls, other.serve.tls);
    assert!(now.change_to(&other).is_empty());
    // Whether it speaks TLS at all is decided when it starts.
    let change = plain.change_to(&other);
    assert_eq!(
        change.at_restart,
        ["serve.tls_certificate", "serve.tls_key"]
    );
    assert_eq!(plain.with_live_part_of(&other).serve.tls, None);
}

#[test]
fn no_secret_is_in_what_configurations_are_compared_by() {
    let config = Scene::with(REQUIRED).load();
    let shown = format!("{config:?}");
    assert!(shown.contains("GivenKeys"), "{shown}");
    assert!(!shown.contains("GivenKeys("), "{shown}");
}
