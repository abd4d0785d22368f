//! The book of prompts: when one is in use, what takes it out of use, and what is forgotten.

use std::sync::Arc;

use aftertone::{
    campaign::budget::Calls,
    drop::{Outcome, Technique},
    id::DropId,
    store::{ErasedPerson, NewPrompt, PromptHearing, PromptOrigin, Prunable, StoredPrompt, Write},
    words::PromptEnd,
};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, digits, end, intent, number},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        a_prompt_is_in_use_when_two_numbers_have_played_it,
        two_contradicting_ends_take_a_prompt_out_of_use_until_it_is_labelled,
        what_was_learnt_from_a_person_goes_with_them,
        personal_greetings_are_forgotten_and_a_networks_prompt_stays,
        a_prompt_of_the_program_is_overridden,
        where_a_prompt_was_heard_goes_with_the_drops_and_what_is_known_of_it_stays,
        the_book_is_read_page_by_page,
    )
}

async fn a_prompt_is_in_use_when_two_numbers_have_played_it(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let store = &fixture.store;
    let before = store.prompt_generation().await.unwrap();
    let id = learn(&fixture, PromptEnd::Records, 0).await;
    assert!(store.prompt_generation().await.unwrap() > before);
    let prompt = only(&fixture).await;
    assert_eq!((prompt.id, prompt.calls, prompt.numbers), (id, 1, 1));
    assert_eq!(
        (prompt.ends, prompt.beep_ms, prompt.bytes),
        (PromptEnd::Records, Some(4_250), 5)
    );
    let prints = store.prompt_prints(None, u32::MAX).await.unwrap();
    assert_eq!(prints, [(id, new(PromptEnd::Records).prints)]);
    assert_eq!(store.prompt_prints(Some(id), u32::MAX).await.unwrap(), []);
    assert!(!prompt.is_in_use());
    // The same number again says nothing more.
    hear(&fixture, id, "second", 0, None).await;
    assert!(!only(&fixture).await.is_in_use());
    hear(&fixture, id, "third", 1, Some(PromptEnd::Records)).await;
    hear(&fixture, id, "third", 1, None).await;
    let prompt = only(&fixture).await;
    assert_eq!((prompt.calls, prompt.numbers), (3, 2));
    assert!(prompt.is_in_use());
    assert_eq!(prompt.first_heard, Some(fixture.at(0)));
    let hearings = store.prompt_hearings(id).await.unwrap();
    let ends: Vec<_> = hearings.iter().map(|heard| heard.ends).collect();
    assert_eq!(hearings.len(), 3, "{hearings:?}");
    assert_eq!(ends.iter().flatten().count(), 2, "{hearings:?}");

    // What the operator says counts at once, however often it was heard.
    let other = learn(&fixture, PromptEnd::Menu, 5).await;
    let labelled = store.label_prompt(other, PromptEnd::Full, Some("full"), None, fixture.at(9));
    assert!(labelled.await.unwrap());
    let all = store.prompts().await.unwrap();
    assert!(all[1].is_in_use() && all[1].ends == PromptEnd::Full);
    let missing = store.label_prompt(77, PromptEnd::Full, None, None, fixture.at(9));
    assert!(!missing.await.unwrap());
}

async fn two_contradicting_ends_take_a_prompt_out_of_use_until_it_is_labelled(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let id = learn(&fixture, PromptEnd::Records, 0).await;
    hear(&fixture, id, "second", 1, Some(PromptEnd::Records)).await;
    assert!(only(&fixture).await.is_in_use());
    hear(&fixture, id, "third", 2, Some(PromptEnd::Connects)).await;
    let prompt = only(&fixture).await;
    assert_eq!(prompt.contradicted, Some((1, PromptEnd::Connects)));
    assert!(!prompt.is_in_use());
    let store = &fixture.store;
    let label = store.label_prompt(id, PromptEnd::Records, None, None, fixture.at(50));
    assert!(label.await.unwrap());
    assert!(only(&fixture).await.is_in_use());
    let later = PromptHearing {
        at: fixture.at(60),
        ..heard("fourth", 3, Some(PromptEnd::Menu), &fixture)
    };
    store.hear_prompts(&[(id, later)]).await.unwrap();
    assert!(!only(&fixture).await.is_in_use());
}

async fn what_was_learnt_from_a_person_goes_with_them(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let store = &fixture.store;
    learn(&fixture, PromptEnd::Records, 7).await;
    let shared = learn(&fixture, PromptEnd::Records, 7).await;
    for (call, nth) in [("b", 8), ("c", 9)] {
        hear(&fixture, shared, call, nth, Some(PromptEnd::Records)).await;
    }
    let person = [number(7)];
    store
        .bar_for_good(&person, None, fixture.at(1))
        .await
        .unwrap();
    let erased = store.erase(&person, fixture.at(2)).await.unwrap();
    let ErasedPerson::Done { prompts, .. } = erased else {
        panic!("{erased:?}");
    };
    assert_eq!(prompts, 1);
    let left = only(&fixture).await;
    assert_eq!((left.id, left.calls, left.numbers), (shared, 2, 2));
    let hearings = store.prompt_hearings(shared).await.unwrap();
    assert!(hearings.iter().all(|heard| heard.number != number(7)));
    // Nothing more is learnt from them.
    let call = heard("d", 7, None, &fixture);
    let prompt = new(PromptEnd::Records);
    let added = store.add_prompt(&prompt, Some(&call), fixture.at(3));
    assert_eq!(added.await.unwrap(), None);
    store.hear_prompts(&[(shared, call)]).await.unwrap();
    assert_eq!(only(&fixture).await.calls, 2);
}

async fn personal_greetings_are_forgotten_and_a_networks_prompt_stays(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let store = &fixture.store;
    let personal = learn(&fixture, PromptEnd::Records, 0).await;
    hear(&fixture, personal, "again", 0, None).await;
    let network = learn(&fixture, PromptEnd::Records, 0).await;
    hear(&fixture, network, "elsewhere", 1, None).await;
    let imported = NewPrompt {
        origin: PromptOrigin::Imported,
        ..new(PromptEnd::Menu)
    };
    let imported = store
        .add_prompt(&imported, None, fixture.at(0))
        .await
        .unwrap();
    assert_eq!(store.forget_greetings(fixture.at(0)).await.unwrap(), 0);
    assert_eq!(store.old_greetings(fixture.at(1)).await.unwrap(), 1);
    assert_eq!(store.forget_greetings(fixture.at(1)).await.unwrap(), 1);
    let left: Vec<_> = store
        .prompts()
        .await
        .unwrap()
        .iter()
        .map(|left| left.id)
        .collect();
    assert_eq!(left, [network, imported.unwrap()]);
    assert!(store.prompt_hearings(personal).await.unwrap().is_empty());
}

async fn a_prompt_of_the_program_is_overridden(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let store = &fixture.store;
    let shipped = NewPrompt {
        origin: PromptOrigin::Shipped,
        ..new(PromptEnd::Menu)
    };
    let id = 1_000_003;
    let label = store.label_prompt(id, PromptEnd::Full, None, Some(&shipped), fixture.at(1));
    assert!(label.await.unwrap());
    let prompt = only(&fixture).await;
    assert_eq!((prompt.id, prompt.ends), (id, PromptEnd::Full));
    assert!(prompt.is_in_use());
    assert!(
        store
            .forget_prompt(id, Some(&shipped), fixture.at(2))
            .await
            .unwrap()
    );
    assert!(!only(&fixture).await.is_in_use());
    // The next that is learnt has a number of its own.
    assert!(!store.forget_prompt(4, None, fixture.at(2)).await.unwrap());
}

async fn where_a_prompt_was_heard_goes_with_the_drops_and_what_is_known_of_it_stays(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let store = &fixture.store;
    let single = |drop: u128| Write::Start(Box::new(intent(None, number(0), drop)));
    fixture.commit(&[single(1), single(2)], 1).await;
    let ended = |drop| Write::EndDrop {
        end: Box::new(end(drop, Outcome::Delivered)),
        calls: Calls::at_least(Technique::Double),
    };
    fixture.commit(&[ended(1)], 30).await;

    let shared = learn(&fixture, PromptEnd::Records, 3).await;
    for (call, nth) in [("b", 4), ("c", 5)] {
        hear(&fixture, shared, call, nth, Some(PromptEnd::Records)).await;
    }
    let greeting = learn(&fixture, PromptEnd::Records, 0).await;
    for drop in [1, 2] {
        let call = DropId::from_u128(drop).to_string();
        hear(&fixture, greeting, &call, 0, None).await;
    }
    let against = learn(&fixture, PromptEnd::Records, 6).await;
    hear(&fixture, against, "d", 7, Some(PromptEnd::Menu)).await;
    let before = store.prompts().await.unwrap();
    assert_eq!(before[2].contradicted, Some((1, PromptEnd::Menu)));

    // Nothing is old.
    let prunable = |seconds| Prunable {
        drops_before: Some(fixture.at(seconds)),
        ..Prunable::default()
    };
    store.prune(&prunable(0), |_| true).await.unwrap();
    assert_eq!(store.prompt_hearings(shared).await.unwrap().len(), 3);

    // The drop that has not ended is kept, and with it where its prompt was heard.
    for _ in 0..2 {
        store.prune(&prunable(60), |_| true).await.unwrap();
        assert_eq!(store.prompts().await.unwrap(), before);
        assert!(store.prompt_hearings(shared).await.unwrap().is_empty());
        let left = store.prompt_hearings(greeting).await.unwrap();
        let left: Vec<_> = left.into_iter().map(|heard| heard.call).collect();
        assert_eq!(left, [DropId::from_u128(2).to_string()]);
    }
    let numbers = base.texts("SELECT coalesce(CAST(number AS TEXT), '') FROM prompts ORDER BY id");
    let kept = [0, 6].map(|which| digits(which).to_string());
    assert_eq!(numbers.await, ["", kept[0].as_str(), kept[1].as_str()]);

    // More calls are added to what was counted.
    hear(&fixture, shared, "e", 4, None).await;
    store.prune(&prunable(60), |_| true).await.unwrap();
    let counted = store.prompt(shared).await.unwrap().unwrap();
    assert_eq!((counted.calls, counted.numbers), (4, 3));
    assert!(counted.is_in_use());

    // A greeting is still one person's, and goes with them.
    let person = [number(0)];
    fixture.commit(&[ended(2)], 70).await;
    let barred = store.bar_for_good(&person, None, fixture.at(71)).await;
    barred.unwrap();
    let erased = store.erase(&person, fixture.at(72)).await.unwrap();
    assert!(
        matches!(erased, ErasedPerson::Done { prompts: 1, .. }),
        "{erased:?}"
    );
    let left = base.texts("SELECT CAST(prompt AS TEXT) FROM pruned_hearings ORDER BY prompt, ends");
    let [shared, against] = [shared, against].map(|id| id.to_string());
    let wanted = [&shared, &shared, &against, &against];
    assert_eq!(left.await, wanted.map(String::clone));
    // Each was heard at two numbers, by calls that are not kept.
    assert_eq!(store.forget_greetings(fixture.at(600)).await.unwrap(), 0);
}

async fn the_book_is_read_page_by_page(base: &Base) {
    let fixture = Fixture::of(base, 1).await;
    let store = &fixture.store;
    let mut ids = Vec::new();
    for nth in 0..5 {
        ids.push(learn(&fixture, PromptEnd::Records, nth).await);
    }
    hear(&fixture, ids[3], "other", 9, Some(PromptEnd::Menu)).await;
    let all = store.prompts().await.unwrap();
    let mut read = Vec::new();
    loop {
        let after = read.last().map(|prompt: &StoredPrompt| prompt.id);
        let page = store.prompts_after(after, 2).await.unwrap();
        assert!(page.len() <= 2);
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!(read, all);
    assert_eq!(read.iter().map(|one| one.id).collect::<Vec<_>>(), ids);
    let contradicted = store.contradicted_prompts(10).await.unwrap();
    assert_eq!(contradicted, [all[3].clone()]);
    assert_eq!(store.contradicted_prompts(0).await.unwrap(), []);
    assert_eq!(store.prompt(ids[2]).await.unwrap().as_ref(), Some(&all[2]));
    assert_eq!(store.prompt(77).await.unwrap(), None);
    let calls = store.last_hearings(ids[3], 1).await.unwrap();
    assert_eq!(calls.len(), 1);
}

fn new(ends: PromptEnd) -> NewPrompt {
    NewPrompt {
        origin: PromptOrigin::Learnt,
        ends,
        beep_ms: (ends == PromptEnd::Records).then_some(4_250),
        length_ms: 4_000,
        prints: vec![1, 0, 255, 128, 7],
        label: None,
    }
}

fn heard(call: &str, nth: usize, ends: Option<PromptEnd>, fixture: &Fixture) -> PromptHearing {
    PromptHearing {
        call: call.to_owned(),
        number: number(nth),
        at: fixture.at(0),
        ends,
        campaign: Some(1),
        pbx: Some("here".to_owned()),
        evidence: None,
    }
}

async fn learn(fixture: &Fixture, ends: PromptEnd, nth: usize) -> u32 {
    let call = heard("first", nth, Some(ends), fixture);
    let prompt = new(ends);
    let added = fixture
        .store
        .add_prompt(&prompt, Some(&call), fixture.at(0));
    added.await.unwrap().unwrap()
}

async fn hear(fixture: &Fixture, id: u32, call: &str, nth: usize, ends: Option<PromptEnd>) {
    let call = heard(call, nth, ends, fixture);
    fixture.store.hear_prompts(&[(id, call)]).await.unwrap();
}

async fn only(fixture: &Fixture) -> StoredPrompt {
    let mut prompts = fixture.store.prompts().await.unwrap();
    assert_eq!(prompts.len(), 1, "{prompts:?}");
    prompts.remove(0)
}
