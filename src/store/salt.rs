//! The salt of a database, and digests of numbers with it.

use std::sync::{Arc, OnceLock};

use super::codec::sha256;

/// The salt of a database, once it was read; it never changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Salt(Arc<OnceLock<String>>);

impl Salt {
    /// The salt, if it was read.
    pub(super) fn known(&self) -> Option<String> {
        self.0.get().cloned()
    }

    /// Keeps what was read, and returns it.
    pub(super) fn keep(&self, salt: String) -> String {
        self.0.get_or_init(|| salt).clone()
    }
}

/// The SHA-256 of the salt, a colon and a number's digits, in hexadecimal digits.
pub(super) fn digest(salt: &str, digits: i64) -> String {
    sha256(format!("{salt}:{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_of_the_salt_and_the_number() {
        // printf 'ab:12025550101' | sha256sum
        let known = "855607b9ed68b05caa6e5b6e52a0dcd417a0660e713a944e87a8cf99ca7e9a8a";
        assert_eq!(digest("ab", 12_025_550_101), known);
        assert_ne!(digest("ac", 12_025_550_101), known);
        assert_ne!(digest("ab", 12_025_550_102), known);
    }
}
