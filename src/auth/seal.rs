//! Tags that only we can make: HMAC-SHA-256.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// A key that seals texts, so that one which was changed is known.
#[derive(Clone)]
pub struct Seal {
    inner: [u8; BLOCK],
    outer: [u8; BLOCK],
}

impl Seal {
    /// A seal of a key, of any length.
    pub fn new(key: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        if key.len() > BLOCK {
            block[..32].copy_from_slice(&Sha256::digest(key));
        } else {
            block[..key.len()].copy_from_slice(key);
        }
        Self {
            inner: block.map(|byte| byte ^ 0x36),
            outer: block.map(|byte| byte ^ 0x5c),
        }
    }

    /// Whether this is the tag of a text, found out in a time that tells nothing.
    pub fn fits(&self, text: &[u8], tag: &[u8]) -> bool {
        self.tag(text).ct_eq(tag).into()
    }

    /// The tag of a text.
    pub fn tag(&self, text: &[u8]) -> [u8; 32] {
        let inner = Sha256::new().chain_update(self.inner).chain_update(text);
        let outer = Sha256::new().chain_update(self.outer);
        outer.chain_update(inner.finalize()).finalize().into()
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

/// The block of SHA-256, in bytes.
const BLOCK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_that_of_rfc_4231() {
        for (key, text, known) in [
            (
                &b"Jefe"[..],
                &b"what do ya want for nothing?"[..],
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 131][..],
                &b"Test Using Larger Than Block-Size Key - Hash Key First"[..],
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            let tag = Seal::new(key).tag(text);
            let shown: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(shown, known);
        }
    }
}
