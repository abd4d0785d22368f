//! Commands of this program in the documentation work as they are typed: there is such a command, and it takes such options.

use std::fs;

use clap::error::ErrorKind;
use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use crate::pages::{markdown, root};

#[test]
fn commands_are_those_of_the_program() {
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for path in markdown(&root()) {
        // The list of changes names what was, as well; the reference of commands is made of the program, and has their usage.
        if path.ends_with("CHANGELOG.md") || path.ends_with("reference/cli.md") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (line, is_whole) in typed(&text) {
            for words in commands(&line) {
                tried += 1;
                if let Some(why) = refused(&words, is_whole) {
                    let page = path.strip_prefix(root()).unwrap().display();
                    wrong.push(format!("{page}: {}: {why}", words.join(" ")));
                }
            }
        }
    }
    assert!(tried > 200, "{tried}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_command_that_is_none_is_found() {
    for (line, is_wrong) in [
        ("aftertone campaign pause spring", false),
        ("aftertone campaign halt spring", true),
        ("aftertone drop +12025550101 --message x --at-once", true),
        ("aftertone dnc add", true),
        (
            "sudo -u aftertone aftertone dnc add +12025550101 | wc",
            false,
        ),
    ] {
        let wrong = commands(line)
            .iter()
            .any(|words| refused(words, true).is_some());
        assert_eq!(wrong, is_wrong, "{line}");
    }
}

/// What the page has in blocks of code, line by line, and within lines; whether it is a whole command.
fn typed(text: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut block = None;
    for event in Parser::new(text) {
        if let Event::Start(Tag::CodeBlock(_)) = event {
            block = Some(String::new());
        } else if let Event::End(TagEnd::CodeBlock) = event {
            let text = block.take().unwrap_or_default().replace("\\\n", " ");
            found.extend(text.lines().map(|line| (line.to_owned(), true)));
        } else if let Event::Code(text) = event {
            found.push((text.into_string(), false));
        } else if let (Event::Text(text), Some(block)) = (event, &mut block) {
            block.push_str(&text);
        }
    }
    found
}

/// The commands of this program in a line of a shell.
fn commands(line: &str) -> Vec<Vec<String>> {
    let line = line.trim_start().trim_start_matches("$ ");
    let parts = words(line);
    let ends = |word: &String| {
        matches!(word.as_str(), "|" | "&&" | "||" | ";" | "&")
            || word.trim_start_matches('2').starts_with('>')
            || word == "<"
    };
    let parts = parts.split(ends);
    let ours = parts.filter_map(|words| {
        let mut rest = words;
        loop {
            match rest {
                [first, ..] if first == "aftertone" => return Some(rest.to_vec()),
                // Whoever runs it, and with which variables.
                [first, second, _, ..] if first == "sudo" && second == "-u" => {
                    rest = &rest[3..];
                }
                [first, ..]
                    if matches!(first.as_str(), "sudo" | "env" | "time") || first.contains('=') =>
                {
                    rest = &rest[1..];
                }
                _ => return None,
            }
        }
    });
    ours.collect()
}

/// The words of a line: quotes hold together, and what is behind `#` is a comment.
fn words(line: &str) -> Vec<String> {
    let (mut all, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for sign in line.chars() {
        match (quote, sign) {
            (Some(open), sign) if sign == open => quote = None,
            (Some(_), sign) => word.get_or_insert_default().push(sign),
            (None, '"' | '\'') => {
                quote = Some(sign);
                word.get_or_insert_default();
            }
            (None, ' ') => all.extend(word.take()),
            (None, '#') if word.is_none() => break,
            (None, ';') => {
                all.extend(word.take());
                all.push(sign.to_string());
            }
            (None, sign) => word.get_or_insert_default().push(sign),
        }
    }
    all.extend(word);
    all
}

/// Why the program does not take a command; values that stand for others are not judged, and what is not whole may lack some.
fn refused(words: &[String], is_whole: bool) -> Option<String> {
    let is_cut = |word: &String| word.contains('…') || word.contains("..") && !word.contains('/');
    if words.iter().any(is_cut) {
        return None;
    }
    let error = aftertone::cli::command()
        .try_get_matches_from(words)
        .err()?;
    let kind = error.kind();
    let is_unknown = matches!(
        kind,
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand | ErrorKind::ArgumentConflict
    );
    let lacks = matches!(
        kind,
        ErrorKind::MissingRequiredArgument | ErrorKind::TooFewValues
    );
    let is_wrong = is_unknown || (lacks && is_whole);
    is_wrong.then(|| {
        error
            .to_string()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned()
    })
}
