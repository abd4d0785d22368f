//! What is wrong, above every page.

/// Something that is wrong, and where it is put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Banner {
    /// Under which it is found again.
    pub(super) key: &'static str,
    pub(super) words: String,
    pub(super) href: &'static str,
    pub(super) link: &'static str,
}
