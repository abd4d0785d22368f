//! What the clip of a word is called.

use deunicode::deunicode;

use crate::audio::name::NAME_MAX;

/// What the clip of `text` is called, without its folder: in ASCII and lower case, with a `-` for everything between
/// letters and digits. `None` if nothing is left, or too much.
///
/// `José` is `jose`, `Zoë Ann` is `zoe-ann`, and `O'Brien` is `o-brien`.
pub fn clip_name(text: &str) -> Option<String> {
    let ascii = deunicode(text).to_ascii_lowercase();
    let words: Vec<_> = ascii
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let name = words.join("-");
    (1..=NAME_MAX).contains(&name.len()).then_some(name)
}
