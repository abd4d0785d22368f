//! What the first calls teach those whose prompts come again, and nobody else.

use super::clicks::made;
use crate::{
    corpus::Corpus,
    learning::{PromptsLearnt, Teacher},
    offline::{Variant, hear},
    score::Record,
    system::System,
};

fn heard_with(corpus: &Corpus, teacher: Teacher) -> (Vec<Record>, Vec<Record>) {
    let records = hear(corpus, &[System::Twice], &[Variant::own()], 10.0, teacher).unwrap();
    records
        .into_iter()
        .partition(|record| !record.item.heard_before)
}

fn knows(record: &Record) -> bool {
    let why = record.told.why.as_deref();
    why.is_some_and(|why| why.contains("is known"))
}

#[test]
fn what_is_known_is_known_only_of_prompts_that_come_again() {
    let (_folder, corpus) = made(6, 85);
    let (untaught, strange) = heard_with(&corpus, Teacher::Nobody);
    assert!(!untaught.iter().chain(&strange).any(knows));
    for teacher in [Teacher::Calls, Teacher::Operator] {
        let (first, again) = heard_with(&corpus, teacher);
        let whys = |records: &[Record]| -> Vec<_> {
            records
                .iter()
                .map(|record| record.told.why.clone())
                .collect()
        };
        assert_eq!(whys(&first), whys(&untaught), "{teacher:?}");
        assert!(again.iter().any(knows), "{teacher:?}");
    }
}

#[test]
fn somebody_who_has_listened_labels_every_prompt_and_no_person() {
    let (_folder, corpus) = made(6, 85);
    let firsts = |kinds: &[&str]| {
        let items = corpus.items.iter().filter(|item| !item.heard_before);
        items
            .filter(|item| kinds.iter().any(|kind| item.kind.starts_with(kind)))
            .count()
    };
    let expected = format!(
        "{} prompts, {} records, {} menu, {} full, {} out_of_service, {} screening, {} connects",
        firsts(&[
            "m_",
            "s_ivr",
            "s_full",
            "s_vacant",
            "s_screening",
            "h_company"
        ]),
        firsts(&["m_"]),
        firsts(&["s_ivr"]),
        firsts(&["s_full"]),
        firsts(&["s_vacant"]),
        firsts(&["s_screening"]),
        firsts(&["h_company"]),
    );
    assert_eq!(
        PromptsLearnt::labelled(&corpus).unwrap().to_string(),
        expected
    );
}
