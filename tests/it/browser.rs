//! The live page in a real browser while as many drops as the trunk allows start and end. `tests/browser.sh` asks for it.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use aftertone::campaign::budget::TechniqueRule;
use tokio::process::Command;

use crate::{
    campaign::campaign_fixture::add_contacts,
    event_storm::thousands,
    fake::script::{Call, Detector, Far, Playback, Script},
    serve::{Service, fixture},
};

/// What `tests/browser/pages.mjs` looks at is every page that there is.
#[test]
fn every_page_is_looked_at() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let parts = ["pages.mjs", "run.mjs"].map(|part| fs::read_to_string(folder.join(part)).unwrap());
    // What stands for a name or a number in an address, there as here.
    let looked_at: BTreeSet<String> = parts
        .iter()
        .flat_map(|part| part.split(['"', '`']))
        .filter(|text| text.starts_with('/'))
        .map(|address| stars(address.split('?').next().unwrap(), "${"))
        .collect();
    let pages = aftertone::http::page_routes().into_iter();
    let pages = pages.filter(|(method, path, _)| method == "GET" && !NO_PAGES.contains(path));
    let missed: Vec<_> = pages
        .map(|(_, path, _)| path)
        .filter(|path| {
            let path = stars(path, "{");
            !looked_at.iter().any(|address| is_one_of(address, &path))
        })
        .collect();
    assert!(
        missed.is_empty(),
        "no part of tests/browser looks at {missed:?}"
    );
}

/// Whether an address is one of a path, where a star stands for any part.
fn is_one_of(address: &str, path: &str) -> bool {
    let (mut of_address, mut of_path) = (address.split('/'), path.split('/'));
    loop {
        match (of_address.next(), of_path.next()) {
            (None, None) => return true,
            (Some(_), Some("*")) => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

/// An address with a star for each part that stands for another.
fn stars(address: &str, begin: &str) -> String {
    let mut text = String::new();
    let mut rest = address;
    while let Some((before, behind)) = rest.split_once(begin) {
        text.push_str(before);
        text.push('*');
        rest = behind.split_once('}').map_or("", |(_, after)| after);
    }
    text + rest
}

/// A stream; and where a user's link leads, which the parts begin with.
const NO_PAGES: [&str; 2] = ["/feed", "/welcome"];

#[ignore = "it takes a browser: `make browser`"]
#[tokio::test(flavor = "multi_thread")]
async fn the_live_page_stays_calm() {
    let mut mailbox = Call::of(&[(50, Far::Ringing), (100, Far::Answer)]);
    mailbox.detector = Detector {
        verdict_after: Duration::from_millis(100),
        wait: Duration::from_millis(50),
        ..mailbox.detector
    };
    mailbox.playback = Playback::Whole(Duration::from_millis(200));
    let fixture = fixture(Script(vec![mailbox])).await;
    fixture.trunk("starts_per_second = 500\nin_flight = 1000");
    let seconds: u32 = if std::env::var_os("PROOF").is_some() {
        600
    } else {
        30
    };
    let campaign = fixture
        .campaign_with("storm", 0, |spec| spec.technique = TechniqueRule::Single)
        .await;
    for thousand in thousands(seconds * 600 + 15_000) {
        let list = format!("list {thousand}");
        let first = 1_000 * thousand;
        add_contacts(&fixture.store, campaign, &list, first..first + 1_000).await;
    }
    let made = fixture
        .program
        .run(&["user", "add", "ann", "--role", "admin"])
        .await;
    assert_eq!(made.status, Some(0), "{made:?}");
    let service = Service::start(&fixture).await;
    let link = made.stdout.split_whitespace().next().unwrap();
    let code = link.split_once("code=").unwrap().1;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/live.mjs");
    let looked = Command::new("node")
        .arg(script)
        .args([&service.url, code, &seconds.to_string()])
        .status()
        .await
        .unwrap();
    assert!(looked.success());
    drop(service);
}
