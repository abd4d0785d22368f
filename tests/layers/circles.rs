//! Finds files that import each other, and the parts of a module that do.
//!
//! A name that a `mod.rs` only passes on counts as imported from the file that defines it, and a file may use what the
//! `mod.rs` above it holds, though that one declares it and passes its names on.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::source::{Token, tokens, without_tests};

/// Pairs of files that import each other, and of folders whose files do, each in the order of their paths.
pub(super) fn circles(sources: &[(PathBuf, String)]) -> BTreeSet<(String, String)> {
    let files: BTreeMap<_, _> = sources
        .iter()
        .map(|(path, text)| (module_of(path), File::read(path, text)))
        .collect();
    let tree = Tree(files);
    let mut imports = BTreeSet::new();
    for (module, file) in &tree.0 {
        for named in file.named.iter().chain(file.passed_on.values()) {
            let target = &tree.0[&tree.home_of(named)];
            let target_module = module_of(Path::new(&target.path));
            let is_kin = module.starts_with(&target_module) || target_module.starts_with(module);
            if is_kin {
                continue;
            }
            let (from, to) = (room(&file.path), room(&target.path));
            if from == to {
                imports.insert((file.path.clone(), target.path.clone()));
            } else {
                imports.insert((from, to));
            }
        }
    }
    let mutual = imports
        .iter()
        .filter(|(from, to)| from < to && imports.contains(&(to.clone(), from.clone())));
    mutual.cloned().collect()
}

/// The part of a module at the top that a file belongs to: a file right in the module's folder, or a folder right in it
/// with all its files.
fn room(path: &str) -> String {
    let parts: Vec<_> = path.split('/').collect();
    match parts.as_slice() {
        [src, module, folder, _, ..] => format!("{src}/{module}/{folder}/"),
        _ => path.to_owned(),
    }
}

/// All files by their module's path.
struct Tree(BTreeMap<Vec<String>, File>);

/// What a file has to do with others.
struct File {
    path: String,
    /// The paths of ours that it names, from the root.
    named: Vec<Vec<String>>,
    /// The names that a `use` brings into it, each with the path that it has there.
    passed_on: BTreeMap<String, Vec<String>>,
}

impl Tree {
    /// The module whose file defines what a path leads to.
    fn home_of(&self, path: &[String]) -> Vec<String> {
        let mut path = path.to_vec();
        // Longer than any chain of names that are passed on.
        for _ in 0..10 {
            let length = (0..=path.len())
                .rev()
                .find(|&length| self.0.contains_key(&path[..length]))
                .expect("the root is a module");
            let module = &path[..length];
            let next = path
                .get(length)
                .and_then(|name| self.0[module].passed_on.get(name));
            // A name that leads to itself is another crate's: `use anyhow::Context`.
            let Some(next) = next.filter(|next| !next.starts_with(&path[..=length])) else {
                return module.to_vec();
            };
            path = next.iter().chain(&path[length + 1..]).cloned().collect();
        }
        panic!("{path:?} is passed on in a circle");
    }
}

impl File {
    fn read(path: &Path, text: &str) -> Self {
        let module = module_of(path);
        let tokens = without_tests(tokens(text));
        let mut file = Self {
            path: path.display().to_string(),
            named: Vec::new(),
            passed_on: BTreeMap::new(),
        };
        let mut at = 0;
        while at < tokens.len() {
            let is_use = tokens[at].text == "use";
            let first = at + usize::from(is_use);
            let starts = |token: &Token| matches!(token.text.as_str(), "crate" | "super" | "self");
            let is_path = tokens.get(first).is_some_and(starts)
                && tokens.get(first + 1).is_some_and(|next| next.text == "::");
            if !is_use && !is_path {
                at += 1;
                continue;
            }
            let mut found = Vec::new();
            at = leaves(&tokens, first, &mut Vec::new(), &mut found);
            for (path, name) in found {
                let Some(path) = from_root(&module, path, is_use) else {
                    continue;
                };
                if is_use {
                    file.passed_on.insert(name, path);
                } else {
                    file.named.push(path);
                }
            }
        }
        file
    }
}

/// A path as seen from the root; `None` if it leads into another crate.
fn from_root(module: &[String], path: Vec<String>, is_use: bool) -> Option<Vec<String>> {
    let mut base = module.to_vec();
    let mut rest = path.as_slice();
    match rest.first()?.as_str() {
        "crate" => {
            base.clear();
            rest = &rest[1..];
        }
        "self" => rest = &rest[1..],
        "super" => {
            while rest.first().is_some_and(|part| part == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        // Of a child, or of another crate: a path that leads nowhere ends at the module itself.
        _ if is_use => {}
        _ => return None,
    }
    base.extend_from_slice(rest);
    Some(base)
}

/// The leaves of a path or a tree of paths, each with the name that it has from then on; returns the index after it.
fn leaves(
    tokens: &[Token],
    mut at: usize,
    stem: &mut Vec<String>,
    into: &mut Vec<(Vec<String>, String)>,
) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    if text(at) == "{" {
        at += 1;
        while at < tokens.len() && text(at) != "}" {
            at = if text(at) == "," {
                at + 1
            } else {
                leaves(tokens, at, stem, into)
            };
        }
        return at + 1;
    }
    let depth = stem.len();
    // `a::{self}` names `a`.
    if text(at) != "self" || stem.is_empty() {
        stem.push(text(at).to_owned());
    }
    at += 1;
    if text(at) == "::" {
        at = leaves(tokens, at + 1, stem, into);
    } else {
        let mut name = stem.last().cloned().unwrap_or_default();
        if text(at) == "as" {
            name = text(at + 1).to_owned();
            at += 2;
        }
        into.push((stem.clone(), name));
    }
    stem.truncate(depth);
    at
}

/// The path of a file's module from the root: `["drop", "event"]`, nothing for `src/lib.rs`.
fn module_of(path: &Path) -> Vec<String> {
    let inner = path.strip_prefix("src").unwrap().with_extension("");
    let mut parts: Vec<_> = inner
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect();
    if let Some("mod" | "lib") = parts.last().map(String::as_str) {
        parts.pop();
    }
    parts
}

#[test]
fn two_files_that_import_each_other_are_found() {
    let found = |files: &[(&str, &str)]| {
        let sources: Vec<_> = files
            .iter()
            .map(|(path, text)| (PathBuf::from(path), (*text).to_owned()))
            .chain([(PathBuf::from("src/lib.rs"), "pub mod a; mod d;".to_owned())])
            .collect();
        circles(&sources).into_iter().collect::<Vec<_>>()
    };
    let pair = |one: &str, other: &str| vec![(one.to_owned(), other.to_owned())];
    let a = ("src/a/mod.rs", "mod b; mod c; pub use {b::B, c::C as E};");
    for (b, c) in [
        ("use super::c::C;", "use super::b::B;"),
        ("use super::E;", "use crate::a::B;"),
        ("fn f() -> super::c::C {}", "use super::{b::{self, x}, y};"),
        (
            "use crate::{a::E}; use std::fmt;",
            "fn f() { crate::a::b::f() }",
        ),
    ] {
        assert_eq!(
            found(&[a, ("src/a/b.rs", b), ("src/a/c.rs", c)]),
            pair("src/a/b.rs", "src/a/c.rs"),
            "{b} {c}"
        );
    }
    for (b, c) in [
        ("use super::c::C;", "use super::D;"),
        (
            "use super::c::C;",
            "#[cfg(test)] mod tests { use super::super::b::B; }",
        ),
        ("use super::c::C;", "use crate::d::B; use other::b::B;"),
    ] {
        let d = ("src/d.rs", "");
        assert_eq!(
            found(&[a, d, ("src/a/b.rs", b), ("src/a/c.rs", c)]),
            vec![],
            "{b} {c}"
        );
    }
    let folders = [
        ("src/a/mod.rs", "use crate::d::D; fn f() { self::g() }"),
        ("src/d.rs", "use crate::a::A;"),
    ];
    assert_eq!(found(&folders), pair("src/a/mod.rs", "src/d.rs"));
}
