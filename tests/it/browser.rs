//! The live page in a real browser while as many drops as the trunk allows start and end. `tests/browser.sh` asks for it.

use std::{path::Path, time::Duration};

use aftertone::campaign::budget::TechniqueRule;
use tokio::process::Command;

use crate::{
    campaign::campaign_fixture::add_contacts,
    event_storm::thousands,
    fake::script::{Call, Detector, Far, Playback, Script},
    serve::{Service, fixture},
};

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
