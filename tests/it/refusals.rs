//! One gate for all: whoever asks to call a number that is not to be called hears the same, and nobody is called of whom the
//! database knows nothing.

use std::{collections::BTreeSet, time::Duration};

use aftertone::{
    phone::PhoneNumber,
    store::{DropFilter, ListName, OWN_LIST},
};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::{
    campaign::campaign_fixture::{add_contacts, number, start},
    fake::script::Script,
    http_client,
    serve::{Service, draft_that_is_started, fixture, until_all_ended},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_barred_is_refused_alike_by_every_way() {
    let fixture = fixture(Script::mailbox()).await;
    fixture.program.gate("hours = false\nconsent = false");
    let id = draft_that_is_started(&fixture, "spring", 100..103).await;
    let add = ["token", "add", "crm", "--json", "--scope", "admin"];
    let made = fixture.program.run(&add).await;
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let service = Service::start(&fixture).await;
    until_all_ended(&fixture, "spring", 3).await;
    let barred = number(150);
    let own = ListName::new(OWN_LIST).unwrap();
    add_contacts(&fixture.store, id, "late", 150..151).await;
    let now = crate::campaign::campaign_fixture::now();
    fixture
        .store
        .bar(&own, std::slice::from_ref(&barred), None, now)
        .await
        .unwrap();
    start(&fixture.store, id).await;

    let ask = async |path: &str| -> Value {
        let url = format!("{}/api/v1{path}", service.url);
        let answer = http_client().get(url).bearer_auth(&token).send().await;
        answer.unwrap().json().await.unwrap()
    };
    let refused = async {
        loop {
            let found = ask("/campaigns/spring/contacts?refused=do_not_call").await;
            if let Some(contact) = found["items"].get(0) {
                return contact["contact"].as_i64().unwrap();
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    let contact = timeout(Duration::from_secs(60), refused).await.unwrap();
    let history = ask(&format!("/contacts/{contact}/history")).await;
    let decision = history["decisions"].as_array().unwrap().last().unwrap();
    let finding = decision["ruling"]["findings"]
        .as_array()
        .unwrap()
        .last()
        .unwrap();
    let (rule, words) = (&finding["rule"], finding["words"].as_str().unwrap());
    assert_eq!(
        (&decision["reason"], rule),
        (&"do_not_call".into(), &"do_not_call".into())
    );

    let order =
        json!({"to": barred.shown(true), "message": "sound:hello-world", "kind": "informational"});
    let request = http_client().post(format!("{}/api/v1/drops", service.url));
    let request = request.bearer_auth(&token).header("idempotency-key", "k1");
    let answer = request.json(&order).send().await.unwrap();
    assert_eq!(answer.status(), 422);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(
        (&answer["rule"], &answer["reason"]),
        (rule, &decision["reason"])
    );
    assert_eq!(answer["detail"], words);

    let full = barred.shown(true);
    let drop = ["drop", &full, "--message", "sound:hello-world"];
    let ended = fixture.program.run(&drop).await;
    assert_eq!(ended.status, Some(2), "{ended:?}");
    let said = format!("refused (do_not_call): {words}");
    assert!(ended.stderr.contains(&said), "{said}\n{ended:?}");

    // Whoever was called has a drop, with the ruling that allowed it.
    let called: BTreeSet<_> = fixture.program.fake.with(|world| {
        let calls = world
            .calls
            .keys()
            .map(|called| called.trim_start_matches('+').to_owned());
        calls.collect()
    });
    let drops = fixture
        .store
        .drops(&DropFilter::All, None, true, 99)
        .await
        .unwrap();
    // What was ordered and refused is kept as that, and was not called.
    let (refused, drops): (Vec<_>, Vec<_>) =
        drops.into_iter().partition(|drop| drop.hold.is_some());
    assert!(
        drops.iter().all(|drop| drop.ruling.contains("\"allowed\"")),
        "{drops:?}"
    );
    assert!(
        refused.iter().all(|drop| drop.started_at.is_none()
            && drop.number.as_ref().map(PhoneNumber::digits) == Some(barred.digits())),
        "{refused:?}"
    );
    let known: BTreeSet<_> = drops
        .iter()
        .map(|drop| drop.number.as_ref().unwrap().digits().to_owned())
        .collect();
    assert_eq!(called, known);
    assert!(!called.contains(barred.digits()));
    service.end().await;
}
