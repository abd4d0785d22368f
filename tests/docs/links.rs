//! Links and anchors within the repository. What leads outside is not fetched.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::pages::markdown;

/// Every document of the repository that has links.
pub(crate) fn documents(root: &Path) -> Vec<PathBuf> {
    markdown(root)
}

/// The links of these documents that lead nowhere, and those that would lead out of the book.
pub(crate) fn broken(root: &Path, documents: &[PathBuf]) -> Vec<String> {
    let book = root.join(BOOK);
    let mut anchors = BTreeMap::<PathBuf, BTreeSet<String>>::new();
    let mut broken = Vec::new();
    for document in documents {
        let text = fs::read_to_string(document).unwrap();
        for link in links(&text) {
            let problem = problem(&link, document, &book, &mut anchors);
            if let Some(problem) = problem {
                let document = document.strip_prefix(root).unwrap().display();
                broken.push(format!("{document}: `{link}`: {problem}"));
            }
        }
    }
    broken
}

/// The pages of the book that its table of contents does not name.
pub(crate) fn not_in_summary(book: &Path) -> Vec<PathBuf> {
    let summary = book.join("SUMMARY.md");
    let named: BTreeSet<_> = links(&fs::read_to_string(&summary).unwrap())
        .iter()
        .map(|link| book.join(link))
        .collect();
    let pages = markdown(book).into_iter();
    pages
        .filter(|page| *page != summary && !named.contains(page))
        .collect()
}

fn problem(
    link: &str,
    document: &Path,
    book: &Path,
    anchors: &mut BTreeMap<PathBuf, BTreeSet<String>>,
) -> Option<&'static str> {
    if ["http://", "https://", "mailto:"]
        .iter()
        .any(|scheme| link.starts_with(scheme))
    {
        return None;
    }
    let (path, anchor) = link
        .split_once('#')
        .map_or((link, None), |(p, a)| (p, Some(a)));
    let target = if path.is_empty() {
        document.to_owned()
    } else {
        plain(&document.parent().unwrap().join(path))
    };
    if !target.exists() {
        return Some("there is no such file");
    }
    if document.starts_with(book) && !target.starts_with(book) {
        return Some("it leads out of the book");
    }
    // The table of contents alone may: the page becomes index.html, and other links to it do not follow.
    let is_contents = document.ends_with("SUMMARY.md");
    if document.starts_with(book) && target.ends_with("README.md") && !is_contents {
        return Some("mdbook gives such a page another name");
    }
    let anchor = anchor?;
    if target.extension().is_none_or(|extension| extension != "md") {
        return Some("only a page has headings");
    }
    let known = anchors
        .entry(target.clone())
        .or_insert_with(|| headings(&fs::read_to_string(&target).unwrap()));
    (!known.contains(anchor)).then_some("there is no such heading")
}

/// Where links and pictures lead.
fn links(text: &str) -> Vec<String> {
    let events = Parser::new_ext(text, OPTIONS);
    let found = events.filter_map(|event| {
        let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event else {
            return None;
        };
        Some(dest_url.to_string())
    });
    found.collect()
}

/// The anchors of a page's headings.
fn headings(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(text, OPTIONS) {
        match (event, &mut heading) {
            (Event::Start(Tag::Heading { .. }), _) => heading = Some(String::new()),
            (Event::Text(part) | Event::Code(part), Some(heading)) => heading.push_str(&part),
            (Event::End(TagEnd::Heading(_)), Some(text)) => {
                let anchor = anchor(text);
                let same = (1..).map(|n| format!("{anchor}-{n}"));
                let mut names = std::iter::once(anchor.clone()).chain(same);
                anchors.insert(names.find(|name| !anchors.contains(name)).unwrap());
                heading = None;
            }
            _ => {}
        }
    }
    anchors
}

/// A heading's anchor, as mdbook and GitHub make it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    });
    kept.collect()
}

/// A path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else if part != Component::CurDir {
            plain.push(part);
        }
    }
    plain
}

const BOOK: &str = "docs/src";

const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS);
