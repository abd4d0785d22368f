//! Pages of a list: each answer has cursors to what comes behind it and before it, by what is sorted on. How far in a list a
//! page is makes no difference to what it costs, and what is added meanwhile shifts nothing.

use std::str::FromStr;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;

use super::problem::{Problem, ProblemKind};
use crate::auth::Seal;

/// Which page is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PageRequest {
    /// How many items at most.
    pub(super) limit: usize,
    /// From where; `None`: from the beginning of the list.
    pub(super) from: Option<Position>,
}

impl PageRequest {
    /// Whether the page before an item is asked for.
    pub(super) fn is_back(&self) -> bool {
        self.from.as_ref().is_some_and(|from| from.is_back)
    }

    /// What is sorted on, of the item beside the page; `None`: from the beginning of the list.
    pub(super) fn key<T: FromStr>(&self) -> Option<T> {
        self.from.as_ref().and_then(|from| from.key.parse().ok())
    }
}

/// A place in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// What is sorted on, of the item beside it.
    pub(super) key: String,
    /// Whether the page before the item is asked for, not that behind it.
    pub(super) is_back: bool,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Page<T> {
    /// The items.
    pub(super) items: Vec<T>,
    /// The cursor of the page behind this one; `None` at the end.
    pub(super) next: Option<String>,
    /// The cursor of the page before this one; `None` at the beginning.
    pub(super) previous: Option<String>,
}

impl<T> Page<T> {
    /// The same page of something else.
    pub(super) fn map<U>(self, into: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(into).collect(),
            next: self.next,
            previous: self.previous,
        }
    }
}

/// A list, as its cursors know it: by its name and what it is filtered by.
#[derive(Clone, Debug)]
pub(super) struct Paging<'a> {
    seal: &'a Seal,
    list: String,
}

impl<'a> Paging<'a> {
    /// The list of this name, with these filters.
    pub(super) fn new(seal: &'a Seal, name: &str, filters: &[(&str, &str)]) -> Self {
        let mut list = name.to_owned();
        for (name, value) in filters {
            // No two lists are written the same.
            list.push_str(&format!("\n{}:{name}={}:{value}", name.len(), value.len()));
        }
        Self { seal, list }
    }

    /// Reads which page is asked for, by the parameters `limit` and `cursor`.
    ///
    /// # Errors
    /// [`Problem`] if the limit is out of range, or the cursor is not one of this list.
    pub(super) fn request(
        &self,
        limit: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<PageRequest, Problem> {
        let limit = match limit {
            None => USUAL,
            Some(text) => {
                let limit = text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                limit.ok_or_else(|| Problem::fault("?limit", format!("expected 1 to {MOST}")))?
            }
        };
        let from = cursor.map(|cursor| self.read(cursor)).transpose()?;
        Ok(PageRequest { limit, from })
    }

    /// The page of what was found: up to one item more than asked for, in the order in which it was sought, with `key` what
    /// is sorted on.
    pub(super) fn page<T>(
        &self,
        asked: &PageRequest,
        mut found: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Page<T> {
        let has_more = found.len() > asked.limit;
        found.truncate(asked.limit);
        let is_back = asked.is_back();
        if is_back {
            found.reverse();
        }
        // Where it was come from, there is something.
        let (has_next, has_previous) = match &asked.from {
            None => (has_more, false),
            Some(_) if is_back => (true, has_more),
            Some(_) => (has_more, true),
        };
        let cursor = |item: Option<&T>, is_back| {
            item.map(|item| {
                let key = key(item);
                self.write(&Position { key, is_back })
            })
        };
        Page {
            next: cursor(found.last(), false).filter(|_| has_next),
            previous: cursor(found.first(), true).filter(|_| has_previous),
            items: found,
        }
    }

    fn write(&self, position: &Position) -> String {
        let direction = if position.is_back { '<' } else { '>' };
        let text = format!("{direction}{}", position.key);
        let tag = self.tag(&text);
        let mut bytes = tag.to_vec();
        bytes.extend_from_slice(text.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    fn read(&self, cursor: &str) -> Result<Position, Problem> {
        let read = || {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
            let (tag, text) = bytes.split_at_checked(TAG)?;
            let text = std::str::from_utf8(text).ok()?;
            let key = text.get(1..)?.to_owned();
            let is_back = text.starts_with('<');
            (self.tag(text) == tag).then_some(Position { key, is_back })
        };
        read().ok_or_else(|| {
            let words =
                "take `next` or `previous` of a page of the same list, with the same filters";
            Problem::new(ProblemKind::CursorInvalid, words)
        })
    }

    fn tag(&self, text: &str) -> [u8; TAG] {
        let sealed = self.seal.tag(format!("{}\n\n{text}", self.list).as_bytes());
        std::array::from_fn(|at| sealed[at])
    }
}

/// How many items a page has unless `limit` says otherwise, and at most.
const USUAL: usize = 100;
pub(super) const MOST: usize = 1_000;

/// Bytes of the tag that is kept in a cursor.
const TAG: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_walked_to_its_end_and_back() {
        let seal = Seal::new(b"key");
        let paging = Paging::new(&seal, "drops", &[]);
        let all: Vec<u32> = (0..25).collect();
        // As a database finds it: behind a key upwards, before it downwards.
        let find = |asked: &PageRequest| -> Vec<u32> {
            let at_most = asked.limit + 1;
            match &asked.from {
                None => all.iter().copied().take(at_most).collect(),
                Some(from) => {
                    let key: u32 = from.key.parse().unwrap();
                    let behind = all.iter().copied().filter(|item| *item > key);
                    let before = all.iter().copied().rev().filter(|item| *item < key);
                    if from.is_back {
                        before.take(at_most).collect()
                    } else {
                        behind.take(at_most).collect()
                    }
                }
            }
        };
        let page = |cursor: Option<&str>| {
            let asked = paging.request(Some("10"), cursor).unwrap();
            paging.page(&asked, find(&asked), u32::to_string)
        };
        let first = page(None);
        assert_eq!((first.items.len(), &first.previous), (10, &None));
        let second = page(first.next.as_deref());
        assert_eq!(second.items, (10..20).collect::<Vec<_>>());
        let third = page(second.next.as_deref());
        assert_eq!((third.items.len(), &third.next), (5, &None));
        let back = page(third.previous.as_deref());
        assert_eq!(back.items, second.items);
        let first_again = page(back.previous.as_deref());
        assert_eq!(first_again.items, first.items);
        assert_eq!(first_again.previous, None);
        assert_eq!(page(first_again.next.as_deref()).items, second.items);
    }

    #[test]
    fn a_cursor_is_good_for_its_list_alone() {
        let seal = Seal::new(b"key");
        let paging = Paging::new(&seal, "drops", &[("number", "1")]);
        let asked = paging.request(Some("1"), None).unwrap();
        let page = paging.page(&asked, vec![1, 2], i32::to_string);
        let cursor = page.next.unwrap();
        assert!(paging.request(None, Some(&cursor)).is_ok());
        let mut other = cursor.clone();
        let at = if &cursor[5..6] == "A" { "B" } else { "A" };
        other.replace_range(5..6, at);
        for (words, seal, name, filters, cursor) in [
            (
                "changed",
                &seal,
                "drops",
                &[("number", "1")],
                other.as_str(),
            ),
            ("other filter", &seal, "drops", &[("number", "2")], &cursor),
            ("other list", &seal, "audit", &[("number", "1")], &cursor),
            (
                "other key",
                &Seal::new(b"other"),
                "drops",
                &[("number", "1")],
                &cursor,
            ),
            ("empty", &seal, "drops", &[("number", "1")], ""),
            ("no base64", &seal, "drops", &[("number", "1")], "%%%"),
        ] {
            let problem = Paging::new(seal, name, filters).request(None, Some(cursor));
            assert_eq!(
                problem.unwrap_err().kind(),
                ProblemKind::CursorInvalid,
                "{words}"
            );
        }
        for limit in ["0", "1001", "-1", "ten", ""] {
            let problem = paging.request(Some(limit), None).unwrap_err();
            assert_eq!(problem.kind(), ProblemKind::Invalid, "{limit}");
        }
    }
}
