//! The prompts that come with the program: fingerprints of freely licensed recordings, made by `tools/prompts/starting_book.sh`, which
//! names its sources.

use std::sync::LazyLock;

use super::{PromptEntry, read_export};

/// The number of the first prompt that comes with the program; those of the store are smaller.
pub const FIRST_SHIPPED: u32 = 1_000_000;

/// The prompts that come with the program, in the order of their numbers.
pub fn shipped() -> &'static [PromptEntry] {
    &SHIPPED
}

/// One of them, by its number.
pub fn shipped_prompt(id: u32) -> Option<&'static PromptEntry> {
    SHIPPED.get(id.checked_sub(FIRST_SHIPPED)? as usize)
}

static SHIPPED: LazyLock<Vec<PromptEntry>> = LazyLock::new(|| {
    read_export(include_str!("starting_book.jsonl")).expect("a test reads all of it")
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prompt_of_the_program_is_read_and_labelled() {
        for prompt in shipped() {
            assert!(
                prompt.prints.len() > 100 && prompt.label.is_some(),
                "{:?}",
                prompt.label
            );
        }
        assert!(shipped().len() >= 40, "{}", shipped().len());
        assert_eq!(shipped_prompt(FIRST_SHIPPED), Some(&shipped()[0]));
        assert_eq!(shipped_prompt(5), None);
    }
}
