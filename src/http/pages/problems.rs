//! `/docs/problems`: what each kind of problem means, at the address that is its `type`. It is the page of the book, and takes neither a
//! session nor the internet.

use askama::Template;
use axum::{http::StatusCode, response::Response};

use super::{PageRoute, assets, page, pages};
use crate::http::problem::{Problem, ProblemKind};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![GET "/docs/problems" None => show]
}

#[derive(Template)]
#[template(path = "problems.html")]
struct ProblemsPage {
    assets: &'static str,
    introduction: Vec<Paragraph>,
    kinds: Vec<ExplainedKind>,
}

/// A kind, under the anchor of its slug.
struct ExplainedKind {
    slug: &'static str,
    status: u16,
    title: &'static str,
    paragraphs: Vec<Paragraph>,
}

/// Pieces of text, and whether each is code.
type Paragraph = Vec<(String, bool)>;

async fn show() -> Result<Response, Problem> {
    page(StatusCode::OK, &made())
}

fn made() -> ProblemsPage {
    let mut sections = BOOK.split("\n## ");
    let introduction = sections.next().unwrap_or_default();
    let sections: Vec<_> = sections
        .filter_map(|section| section.split_once('\n'))
        .collect();
    let kinds = ProblemKind::ALL.into_iter().map(|kind| {
        let slug = kind.slug();
        let section = sections.iter().find(|(heading, _)| *heading == slug);
        // The first says the status and the title.
        let paragraphs = section.map_or("", |(_, text)| text);
        ExplainedKind {
            slug,
            status: kind.status().as_u16(),
            title: kind.title(),
            paragraphs: paragraphs_of(paragraphs).skip(1).collect(),
        }
    });
    ProblemsPage {
        assets: assets::folder(),
        // Behind the heading.
        introduction: paragraphs_of(introduction).skip(1).collect(),
        kinds: kinds.collect(),
    }
}

fn paragraphs_of(text: &str) -> impl Iterator<Item = Paragraph> {
    let parts = text.split("\n\n").map(str::trim);
    parts.filter(|part| !part.is_empty()).map(paragraph)
}

/// The little that the page has of Markdown: code, and links, which lead to pages that are not here, as their words.
fn paragraph(text: &str) -> Paragraph {
    let pieces = text.split('`').enumerate();
    let pieces = pieces.map(|(at, piece)| {
        let is_code = at % 2 == 1;
        let text = if is_code {
            piece.to_owned()
        } else {
            without_links(&piece.replace('\n', " "))
        };
        (text, is_code)
    });
    pieces.filter(|(text, _)| !text.is_empty()).collect()
}

fn without_links(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        shown.push_str(before);
        let parts = link.split_once("](");
        let parts = parts.and_then(|(words, rest)| Some((words, rest.split_once(')')?.1)));
        let Some((words, behind)) = parts else {
            shown.push('[');
            rest = link;
            continue;
        };
        shown.push_str(words);
        rest = behind;
    }
    shown + rest
}

/// The page of the book.
const BOOK: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/docs/src/reference/problems.md"
));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::problem_type;

    #[test]
    fn the_type_of_each_problem_leads_to_what_it_means() {
        let [route] = routes().try_into().ok().unwrap();
        let text = made().render().unwrap();
        for kind in ProblemKind::ALL {
            let address = problem_type(kind);
            let (path, anchor) = address.split_once('#').unwrap();
            assert_eq!(path, route.path);
            let heading = format!("<h2 id=\"{anchor}\">");
            assert_eq!(text.matches(&heading).count(), 1, "{address}");
        }
        for explained in made().kinds {
            let slug = explained.slug;
            assert!(!explained.paragraphs.is_empty(), "`{slug}` says nothing");
            for (text, is_code) in explained.paragraphs.concat() {
                let is_plain = is_code || !text.contains(['*', '[', ']', '|', '#']);
                assert!(is_plain, "{slug}: {text}");
            }
        }
    }

    #[test]
    fn of_markdown_there_is_code_and_the_words_of_links() {
        let piece = |text: &str, is_code| (text.to_owned(), is_code);
        assert_eq!(
            paragraph("Send `a [b](c)` to\nthe [API](api.md#x), or [not"),
            [
                piece("Send ", false),
                piece("a [b](c)", true),
                piece(" to the API, or [not", false),
            ]
        );
    }
}
