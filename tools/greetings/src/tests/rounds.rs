//! In which order items are rung, and by whom.

use super::scoring::mailbox;
use crate::{
    calls::{Manner, rounds},
    corpus::Item,
    learning::Teacher,
    system::System,
};

#[test]
fn a_prompt_comes_again_when_all_first_calls_are_over_and_only_to_ears() {
    let items: Vec<Item> = (0..30)
        .map(|nth| {
            let mut item = mailbox(None, None, &[]).item;
            item.heard_before = nth % 3 == 1;
            item
        })
        .collect();
    let manner = Manner {
        systems: System::ALL.to_vec(),
        at_once: 40,
        teacher: Teacher::Calls,
    };
    let [first, again] = rounds(&items, &manner);
    assert!(first.iter().all(|(item, _)| !items[*item].heard_before));
    assert!(again.iter().all(|(item, _)| items[*item].heard_before));
    let echoes = first
        .iter()
        .filter(|(_, system)| *system == System::Echo)
        .count();
    assert_eq!((first.len() - echoes, again.len()), (20 * 5, 10 * 2));
    for (item, _) in &again {
        for ears in System::EARS {
            assert!(again.contains(&(*item, ears)));
        }
    }
    // Each goes first now and then.
    let leads: Vec<System> = first
        .chunk_by(|one, other| one.0 == other.0)
        .map(|turns| turns[0].1)
        .collect();
    for system in System::ALL {
        assert!(leads.contains(&system), "{system:?} never goes first");
    }
}
