//! Holds the documentation to the program: what the reference says comes from the program itself, and no link is broken.
//!
//! A page has prose, written by hand, and blocks between `<!-- made: NAME -->` and `<!-- made: end -->`, which are made here.
//! `UPDATE_DOCS=1 cargo test --test docs` writes them anew; without it a block that is not current fails the test.

#![expect(
    clippy::unwrap_used,
    reason = "a page that cannot be read or made fails the test"
)]

mod campaign;
mod command_line;
mod configuration;
mod database;
mod features;
mod json;
mod links;
mod outcomes;
mod pages;
mod program;
mod typed;
mod version;

use std::collections::{BTreeMap, BTreeSet};

use pages::{Page, is_update, markdown, root};

#[test]
fn the_reference_is_what_the_program_says() {
    let made = BTreeMap::from([
        ("campaign settings", campaign::settings()),
        ("command line", command_line::commands()),
        ("configuration", configuration::keys()),
        ("gate reasons", outcomes::gate_reasons()),
        ("json", json::objects()),
        ("outcomes", outcomes::outcomes()),
        ("outcome reasons", outcomes::reasons()),
        ("tables", database::tables()),
        ("words", outcomes::words()),
    ]);
    let mut used = BTreeSet::new();
    let mut stale = Vec::new();
    for path in markdown(&root().join("docs/src")) {
        let page = Page::read(&path);
        let (text, names) = page.with(&made);
        used.extend(names);
        stale.extend(page.keep(&text));
    }
    assert!(stale.is_empty(), "{}", stale.join("\n"));
    let unused: Vec<_> = made.keys().filter(|name| !used.contains(**name)).collect();
    assert!(unused.is_empty(), "no page has these blocks: {unused:?}");
}

#[test]
fn the_example_file_has_every_key_and_its_default() {
    let page = Page::read(&root().join("docs/src/reference/aftertone.toml"));
    let stale = page.keep(&configuration::example());
    assert!(stale.is_none(), "{}", stale.unwrap());
}

#[test]
fn the_openapi_document_is_what_the_server_gives() {
    let page = Page::read(&root().join("docs/src/reference/openapi.json"));
    let document = serde_json::to_string_pretty(&aftertone::http::openapi()).unwrap() + "\n";
    let stale = page.keep(&document);
    assert!(stale.is_none(), "{}", stale.unwrap());
}

#[test]
fn the_example_file_is_a_configuration_with_and_without_its_comments() {
    configuration::check_example(&configuration::example());
}

#[test]
fn what_the_reference_calls_a_default_is_what_the_program_does() {
    configuration::check_defaults();
}

/// What is written beside a volume is gone with the container, or cannot be written at all.
#[test]
fn containers_keep_their_messages_in_the_volume_that_is_mounted_for_them() {
    let read = |file: &str| std::fs::read_to_string(root().join(file)).unwrap();
    let guide = read("docs/src/guide/containers.md");
    let of_lab = read("tests/lab/compose.toml");
    let set = |text: &str, before: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim_start);
        let found = lines.filter_map(|line| line.strip_prefix(before));
        let value = |rest: &str| {
            let end = |c: char| c.is_whitespace() || c == '"';
            rest.split(end).next().unwrap_or_default().to_owned()
        };
        found.map(value).collect()
    };
    let mounted = "- sounds:";
    let own = set(&guide, "AFTERTONE__PBX__SOUNDS_DIR: ");
    assert_eq!((own.len(), &own), (1, &set(&guide, mounted)));
    let folder = &set(&of_lab, "sounds_dir = \"")[0];
    for file in ["docker-compose.yml", "docker-compose.postgres.yml"] {
        let mounts = set(&read(file), mounted);
        assert!(!mounts.is_empty(), "{file}");
        for mount in mounts {
            assert_eq!(mount.trim_end_matches(":ro"), folder, "{file}");
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    let broken = links::broken(&root(), &links::documents(&root()));
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn a_broken_link_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("docs/src/page.md");
    std::fs::create_dir_all(page.parent().unwrap()).unwrap();
    std::fs::write(
        &page,
        "# A page\n\n## A `key` here\n\n[good](#a-key-here) [also](page.md#a-page) [outside](https://example.com)\n\n\
         [gone](gone.md) [no such heading](page.md#nothing) ![no picture](images/none.svg) [reference]\n\n\
         [leaves the book](../../README.md) [renamed](README.md)\n\n[reference]: lost.md\n",
    )
    .unwrap();
    for name in ["README.md", "docs/src/README.md"] {
        std::fs::write(folder.path().join(name), "# Read me\n").unwrap();
    }
    let broken = links::broken(folder.path(), &[page]);
    insta::assert_snapshot!(broken.join("\n"), @r"
    docs/src/page.md: `gone.md`: there is no such file
    docs/src/page.md: `page.md#nothing`: there is no such heading
    docs/src/page.md: `images/none.svg`: there is no such file
    docs/src/page.md: `lost.md`: there is no such file
    docs/src/page.md: `../../README.md`: it leads out of the book
    docs/src/page.md: `README.md`: mdbook gives such a page another name
    ");
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let lost = links::not_in_summary(&root().join("docs/src"));
    assert!(lost.is_empty(), "SUMMARY.md does not name {lost:?}");
}

#[test]
fn an_update_was_not_left_on() {
    assert!(
        !is_update() || std::env::var_os("CI").is_none(),
        "with UPDATE_DOCS nothing is checked"
    );
}
