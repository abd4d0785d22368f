//! Holds the program to its layers: which module may name which, which modules are pure, what prints, which files import
//! each other, and how often a type name is used.
//!
//! It reads the sources as tokens, without comments, texts and what is compiled for tests only.

#![expect(
    clippy::unwrap_used,
    reason = "a source that cannot be read fails the test"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use circles::circles;
use source::{Token, test_modules, tokens, without_tests};

#[path = "layers/circles.rs"]
mod circles;
#[path = "layers/source.rs"]
mod source;

/// Which modules of ours a module may name; a path such as `clock::Now` allows that item alone.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("id", &["words"]),
    ("words", &[]),
    ("clock", &[]),
    ("phone", &[]),
    ("owner", &[]),
    ("subprocess", &[]),
    ("tasks", &[]),
    ("audio", &["owner", "subprocess", "tasks"]),
    ("traces", &["id", "words", "drop"]),
    ("telemetry", &["traces"]),
    ("metrics", &["clock"]),
    ("error_chain", &[]),
    ("drop", &["id", "words"]),
    ("screen", &["words"]),
    (
        "config",
        &[
            "owner",
            "words",
            "phone",
            "audio::MessageSettings",
            "audio::SpeechSettings",
            "screen::Setting",
            "screen::Settings",
            "screen::NoBeep",
            "callback",
            "record",
            "campaign::budget",
            "campaign::cost",
            "campaign::engine::PbxSettings",
            "campaign::pace::Rate",
            "campaign::policy",
            "drop::Technique",
            "drop::WhenBusyLegAnswered",
            "drop::WhenScreened",
            "drop::WhenUnsure",
        ],
    ),
    ("campaign", &["id", "words", "phone", "drop", "clock::Now"]),
    ("callback", &["id", "phone"]),
    ("record", &["id"]),
    (
        "ari",
        &[
            "id",
            "words",
            "phone",
            "drop",
            "clock",
            "error_chain",
            "metrics",
        ],
    ),
    ("auth", &[]),
    ("events", &["id", "phone", "drop", "campaign"]),
    (
        "store",
        &[
            "id", "words", "phone", "drop", "campaign", "callback", "auth", "events", "metrics",
            "owner",
        ],
    ),
    ("list", &["words", "phone", "campaign"]),
    (
        "orders",
        &[
            "id", "words", "phone", "drop", "campaign", "callback", "store", "traces",
        ],
    ),
    (
        "evidence",
        &["id", "words", "metrics", "drop", "screen", "audio", "owner"],
    ),
    ("backup", &["audio", "owner"]),
    (
        "runtime",
        &[
            "owner",
            "id",
            "words",
            "clock",
            "phone",
            "audio",
            "telemetry",
            "metrics",
            "error_chain",
            "tasks",
            "subprocess",
            "drop",
            "screen",
            "config",
            "campaign",
            "ari",
            "evidence",
        ],
    ),
    (
        "controller",
        &[
            "owner",
            "auth",
            "callback",
            "record",
            "id",
            "words",
            "clock",
            "phone",
            "audio",
            "telemetry",
            "metrics",
            "error_chain",
            "tasks",
            "drop",
            "screen",
            "config",
            "campaign",
            "ari",
            "store",
            "orders",
            "evidence",
            "runtime",
            "traces",
        ],
    ),
    (
        "doctor",
        &[
            "id",
            "words",
            "clock",
            "phone",
            "audio",
            "telemetry",
            "error_chain",
            "drop",
            "screen",
            "config",
            "ari",
            "runtime",
        ],
    ),
    (
        "import",
        &[
            "id",
            "words",
            "clock",
            "phone",
            "audio",
            "telemetry",
            "metrics",
            "error_chain",
            "drop",
            "campaign",
            "list",
            "store",
            "orders",
        ],
    ),
    (
        "hooks",
        &[
            "owner",
            "id",
            "auth",
            "clock",
            "error_chain",
            "tasks",
            "metrics",
            "telemetry",
            "config",
            "campaign",
            "events",
            "store",
            "traces",
        ],
    ),
    // A drop by the API goes through a port in `orders`, never through `runtime` or `controller`.
    (
        "http",
        &[
            "id",
            "words",
            "auth",
            "clock",
            "phone",
            "audio",
            "error_chain",
            "tasks",
            "drop",
            "config",
            "campaign",
            "events",
            "list",
            "metrics",
            "store",
            "orders",
            "evidence",
            "hooks",
            "traces",
        ],
    ),
    (
        "cli",
        &[
            "callback",
            "auth",
            "backup",
            "id",
            "words",
            "clock",
            "phone",
            "audio",
            "metrics",
            "telemetry",
            "error_chain",
            "tasks",
            "drop",
            "screen",
            "config",
            "campaign",
            "events",
            "list",
            "store",
            "orders",
            "evidence",
            "runtime",
            "controller",
            "doctor",
            "import",
            "hooks",
            "http",
            "traces",
        ],
    ),
    ("main", &["cli"]),
];

/// Modules that hold no `async`, no clock and no lock.
const PURE: &[&str] = &[
    "drop", "campaign", "events", "screen", "words", "id", "phone", "auth", "traces", "callback",
    "record",
];

/// What only one module knows.
const ONLY_IN: &[(&str, &str)] = &[
    ("reqwest", "ari"),
    ("reqwest", "hooks"),
    ("reqwest", "telemetry"),
    ("opentelemetry", "telemetry"),
    ("opentelemetry_otlp", "telemetry"),
    ("opentelemetry_sdk", "telemetry"),
    ("axum", "http"),
    ("axum_server", "http"),
    ("http_body", "http"),
    ("askama", "http"),
    ("tokio_rustls", "http"),
    ("x509_cert", "http"),
    ("prometheus", "metrics"),
    ("argon2", "auth"),
    ("governor", "http"),
    ("sd_notify", "cli"),
    ("tokio_tungstenite", "ari"),
    ("sqlx", "store"),
    ("csv_core", "list"),
    ("sha2", "list"),
    ("sha2", "store"),
    ("sha2", "auth"),
    ("sha2", "http"),
    ("sha2", "backup"),
    ("sha2", "evidence"),
    ("sha2", "audio"),
    ("deunicode", "audio"),
    ("tar", "backup"),
    ("zip", "evidence"),
    ("clap_mangen", "cli"),
    ("clap_complete", "cli"),
    ("subtle", "auth"),
    ("utoipa", "http"),
    ("base64", "http"),
    ("flate2", "import"),
    ("ruzstd", "import"),
    ("base64", "hooks"),
    ("clap", "cli"),
    ("rlibphonenumber", "phone"),
    ("symphonia", "audio"),
    ("tracing_subscriber", "telemetry"),
];

/// Files, and folders within a module, that still import each other. Rows may only go.
const CIRCLES: &[(&str, &str)] = &[];

/// Type names that are still defined more than twice, and how often. Counts may only fall.
const OFTEN: &[(&str, usize)] = &[];

/// The file that prints.
const PRINTER: &str = "src/cli/printer.rs";

#[test]
fn the_sources_keep_to_the_layers() {
    let sources = sources();
    assert!(sources.len() > 10, "only {} sources found", sources.len());
    let violations: Vec<_> = sources
        .iter()
        .flat_map(|(path, text)| violations(path, text))
        .collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn no_two_files_import_each_other() {
    let found = circles(&sources());
    let allowed: BTreeSet<_> = CIRCLES
        .iter()
        .map(|(one, other)| ((*one).to_owned(), (*other).to_owned()))
        .collect();
    assert_eq!(
        found.difference(&allowed).collect::<Vec<_>>(),
        Vec::<&(String, String)>::new(),
        "move what both need to a file of its own"
    );
    assert_eq!(
        allowed.difference(&found).collect::<Vec<_>>(),
        Vec::<&(String, String)>::new(),
        "this circle is open: take its row out of CIRCLES"
    );
}

#[test]
fn no_type_name_is_defined_more_than_twice() {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in sources() {
        for name in types(&without_tests(tokens(&text))) {
            files
                .entry(name)
                .or_default()
                .push(path.display().to_string());
        }
    }
    files.retain(|_, files| files.len() > 2);
    let found: BTreeMap<_, _> = files
        .iter()
        .map(|(name, files)| (name.as_str(), files.len()))
        .collect();
    let allowed: BTreeMap<_, _> = OFTEN.iter().copied().collect();
    for (name, count) in &found {
        let allowed = allowed.get(name).copied().unwrap_or(2);
        assert!(
            *count <= allowed,
            "`{name}` is defined {count} times, say of what it is one: {:#?}",
            files[*name]
        );
    }
    assert_eq!(found, allowed, "OFTEN holds more than there is");
}

#[test]
fn every_module_has_a_row() {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let tokens = without_tests(tokens(&map));
    let modules: Vec<_> = tokens
        .windows(2)
        .filter(|pair| pair[0].text == "mod")
        .map(|pair| pair[1].text.clone())
        .collect();
    assert!(modules.len() > 5, "{modules:?}");
    for module in modules {
        assert!(
            MAY_NAME.iter().any(|(name, _)| *name == module),
            "module `{module}` has no row in MAY_NAME"
        );
    }
    for (name, may) in MAY_NAME {
        for target in *may {
            let target = target.split("::").next().unwrap();
            assert!(
                MAY_NAME.iter().any(|(other, _)| *other == target) && target != *name,
                "{name} may name {target}, which is none"
            );
        }
    }
}

#[test]
fn a_name_that_is_not_allowed_is_found_however_it_is_written() {
    let found = |path: &str, text: &str| violations(Path::new(path), text);
    for text in [
        "use crate::ari::Rest;",
        "use crate::{words::Leg, ari};",
        "use crate::{\n  words::{Leg, Verdict},\n  ari::{self, Rest},\n};",
        "use { crate::ari::Rest };",
        "pub use crate::ari as other;",
        "fn f() { crate::ari::go() }",
        "fn f(x: &crate /* y */ :: ari::Rest) {}",
        "use crate::*;",
        "use crate::{words::Leg, *};",
        "use crate as root;",
        "use super::super::ari::Rest;",
        "mod inner { use super::super::super::ari::Rest; }",
        "#[cfg(not(test))] use crate::ari::Rest;",
        "#[cfg(test)] mod tests { } use crate::ari::Rest;",
        "#[cfg(test)] use std::fmt; use crate::ari::Rest;",
        "const A: char = '\"'; use crate::ari::Rest; const B: char = '\"';",
        "const A: &str = \"\\\"\"; use crate::ari::Rest;",
        "const A: &str = r#\"\"\"#; use crate::ari::Rest;",
        "fn f<'a>(x: &'a str) { crate::ari::go(x) }",
        "/* /* */ */ use crate::ari::Rest;",
    ] {
        assert!(!found("src/drop/board.rs", text).is_empty(), "{text}");
    }
    for text in [
        "use crate::{id::DropId, words::Leg};",
        "use crate::drop::Outcome;",
        "use super::ari::Rest;",
        "mod inner { use super::super::plan::Plan; }",
        "pub(crate) fn f() {}",
        "pub(in crate::drop) fn f() {}",
        "// use crate::ari::Rest;",
        "/// [`crate::ari::Rest`]\n/* crate::ari /* crate::ari */ */ fn f() {}",
        "const A: &str = \"crate::ari\"; const B: &[u8] = b\"crate::ari\";",
        "const A: &str = r##\"\" crate::ari \"#\"##;",
        "#[cfg(test)] mod tests { use crate::ari::Rest; fn f() { { } } }",
        "#[cfg(test)]\n#[expect(dead_code)]\nfn f() { crate::ari::go() }\nfn g() {}",
        "#[cfg(test)] use crate::ari::Rest;",
    ] {
        assert_eq!(
            found("src/drop/board.rs", text),
            Vec::<String>::new(),
            "{text}"
        );
    }
    assert_eq!(found("src/phone.rs", "use super::ari::Rest;").len(), 1);
    assert_eq!(found("src/phone/mod.rs", "use super::ari::Rest;").len(), 1);
    assert_eq!(found("src/phone/mod.rs", "use super::*;").len(), 1);
    assert_eq!(
        found("src/campaign/pace.rs", "use crate::clock::Now;").len(),
        0
    );
    assert_eq!(
        found("src/campaign/pace.rs", "use crate::clock::{Now, wall};").len(),
        1
    );
    assert_eq!(found("src/campaign/pace.rs", "use crate::clock;").len(), 1);
    assert_eq!(
        found("src/main.rs", "fn main() { aftertone::cli::main() }").len(),
        0
    );
    assert_eq!(found("src/main.rs", "use aftertone::ari::Rest;").len(), 1);
    assert_eq!(found("src/surprise.rs", "").len(), 1);
}

#[test]
fn what_a_pure_module_must_not_hold_is_found() {
    for text in [
        "async fn f() {}",
        "fn f() { g().await }",
        "use tokio::time;",
        "fn f() { Instant::now() }",
        "use std::time::SystemTime;",
        "fn f() { jiff::Timestamp::now() }",
        "use std::sync::Mutex;",
        "use std::sync::{Arc, RwLock};",
        "use std::sync::atomic::AtomicU64;",
        "fn f() { std::thread::spawn(g) }",
    ] {
        for path in ["src/drop/machine/mod.rs", "src/id.rs", "src/screen/tone.rs"] {
            assert_eq!(violations(Path::new(path), text).len(), 1, "{text}");
        }
        assert_eq!(
            violations(Path::new("src/runtime/mod.rs"), text).len(),
            0,
            "{text}"
        );
    }
    for text in [
        "fn f(now: Instant) -> Instant { now + LEAD }",
        "// async, Mutex, Instant::now()",
        "fn asynchronous() {}",
    ] {
        assert_eq!(
            violations(Path::new("src/drop/machine/mod.rs"), text).len(),
            0,
            "{text}"
        );
    }
}

#[test]
fn who_prints_or_knows_a_crate_of_another_module_is_found() {
    let count = |path: &str, text: &str| violations(Path::new(path), text).len();
    for text in [
        "fn f() { println!() }",
        "fn f() { std::eprint!(\"x\") }",
        "fn f() { dbg!(x) }",
        "fn f() { std::io::stdout().write(b) }",
        "fn f() { io::stderr().write(b) }",
    ] {
        assert_eq!(count("src/runtime/mod.rs", text), 1, "{text}");
        assert_eq!(count("src/cli/drop.rs", text), 1, "{text}");
        assert_eq!(count(PRINTER, text), 0, "{text}");
    }
    assert_eq!(count("src/telemetry.rs", "fn f() { io::stderr() }"), 0);
    assert_eq!(count("src/telemetry.rs", "fn f() { io::stdout() }"), 1);
    // Three modules know it.
    assert_eq!(count("src/runtime/mod.rs", "use reqwest::Client;"), 3);
    assert_eq!(count("src/hooks/client.rs", "use reqwest::Client;"), 0);
    assert_eq!(count("src/runtime/mod.rs", "fn f() { let sqlx = 1; }"), 0);
    assert_eq!(count("src/ari/rest.rs", "use reqwest::Client;"), 0);
}

#[test]
fn the_types_of_a_source_are_found() {
    let text = "pub struct A<'a>(&'a str); enum B { C } type D = u8; pub(super) trait E { type F; }
        impl E for A<'_> { type F = u8; } fn f() { struct G; } // struct H
        #[cfg(test)] mod tests { struct I; }";
    assert_eq!(
        types(&without_tests(tokens(text))),
        ["A", "B", "D", "E", "G"]
    );
}

#[test]
fn a_file_that_is_only_for_tests_is_known_by_its_declaration() {
    let text =
        "mod rest; #[cfg(test)] mod fixture; #[cfg(test)] #[expect(x)] mod tests; mod inner {}";
    assert_eq!(
        files_for_tests(Path::new("src/ari/mod.rs"), text),
        [
            "src/ari/fixture.rs",
            "src/ari/fixture",
            "src/ari/tests.rs",
            "src/ari/tests"
        ]
        .map(PathBuf::from)
    );
    assert_eq!(
        files_for_tests(Path::new("src/phone.rs"), "#[cfg(test)] mod tests;"),
        ["src/phone/tests.rs", "src/phone/tests"].map(PathBuf::from)
    );
    assert_eq!(
        files_for_tests(Path::new("src/lib.rs"), "mod tests;").len(),
        0
    );
}

/// What a source does that its place forbids, one line each.
fn violations(path: &Path, text: &str) -> Vec<String> {
    let place = Place::of(path);
    let tokens = without_tests(tokens(text));
    let mut found = Vec::new();
    let mut complain = |line: usize, what: String| {
        found.push(format!("{}:{line}: {what}", path.display()));
    };

    if place.module != "lib" {
        match MAY_NAME.iter().find(|(name, _)| *name == place.module) {
            None => complain(
                1,
                format!("module `{}` has no row in MAY_NAME", place.module),
            ),
            Some((_, may)) => {
                for (line, named) in names_of_ours(&place, &tokens) {
                    if !is_allowed(&place.module, may, &named) {
                        complain(
                            line,
                            format!("`{}` must not name `{}`", place.module, named.join("::")),
                        );
                    }
                }
            }
        }
    }
    if PURE.contains(&place.module.as_str()) {
        for (line, what) in impure(&tokens) {
            complain(
                line,
                format!("`{}` is pure, but holds `{what}`", place.module),
            );
        }
    }
    for (line, what) in prints(&tokens) {
        let logs = place.module == "telemetry" && what == "io::stderr";
        if path != Path::new(PRINTER) && !logs {
            complain(line, format!("only {PRINTER} prints, but here is `{what}`"));
        }
    }
    for (name, owner) in ONLY_IN {
        let named = tokens
            .windows(2)
            .find(|pair| pair[0].text == *name && pair[1].text == "::");
        let knows = ONLY_IN.contains(&(*name, place.module.as_str()));
        if let Some(pair) = named
            && !knows
        {
            complain(pair[0].line, format!("only `{owner}` knows `{name}`"));
        }
    }
    found
}

fn is_allowed(module: &str, may: &[&str], named: &[String]) -> bool {
    named[0] == module
        || may.iter().any(|allowed| {
            let allowed: Vec<_> = allowed.split("::").collect();
            named.len() >= allowed.len() && allowed.iter().zip(named).all(|(a, n)| a == n)
        })
}

/// Every path from the root of the program that the tokens name, without `crate`: `["words", "Leg"]`.
fn names_of_ours(place: &Place, tokens: &[Token]) -> Vec<(usize, Vec<String>)> {
    let mut names = Vec::new();
    // For each open brace, whether a `mod` of its own opened it: there `super` is one nearer.
    let mut braces: Vec<bool> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        let text = |ahead: usize| tokens.get(at + ahead).map_or("", |t| t.text.as_str());
        match token.text.as_str() {
            "{" => braces.push(at >= 2 && tokens[at - 2].text == "mod"),
            "}" => {
                braces.pop();
            }
            "crate" if text(1) == "::" => {
                paths(tokens, at + 2, &mut Vec::new(), token.line, &mut names);
            }
            "crate" if text(1) == "as" => names.push((token.line, vec!["*".to_owned()])),
            "aftertone" if place.module == "main" && text(1) == "::" => {
                paths(tokens, at + 2, &mut Vec::new(), token.line, &mut names);
            }
            "super" => {
                let mut ups = 1;
                while text(2 * ups - 1) == "::" && text(2 * ups) == "super" {
                    ups += 1;
                }
                let depth = place.depth + braces.iter().filter(|is_mod| **is_mod).count();
                if ups == depth && text(2 * ups - 1) == "::" {
                    paths(
                        tokens,
                        at + 2 * ups,
                        &mut Vec::new(),
                        token.line,
                        &mut names,
                    );
                }
                at += 2 * (ups - 1);
            }
            _ => {}
        }
        at += 1;
    }
    names
}

/// Takes a path or a tree of paths apart, from the token after its `::`; returns the index after it.
fn paths(
    tokens: &[Token],
    mut at: usize,
    stem: &mut Vec<String>,
    line: usize,
    into: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |t| t.text.as_str());
    if text(at) == "{" {
        at += 1;
        while at < tokens.len() && text(at) != "}" {
            if text(at) == "," {
                at += 1;
            } else if text(at) == "as" {
                at += 2;
            } else {
                at = paths(tokens, at, stem, tokens[at].line, into);
            }
        }
        return at + 1;
    }
    // `a::{self}` names `a`.
    let is_self = text(at) == "self";
    if !is_self {
        stem.push(text(at).to_owned());
    }
    let next = if text(at + 1) == "::" {
        paths(tokens, at + 2, stem, line, into)
    } else {
        if stem.is_empty() {
            stem.push("*".to_owned());
        }
        into.push((line, stem.clone()));
        at + 1
    };
    if !is_self {
        stem.pop();
    }
    next
}

/// The names of the types and traits that a source defines, those in functions included, associated types not.
fn types(tokens: &[Token]) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    for pair in tokens.windows(2) {
        let is_type = match pair[0].text.as_str() {
            "struct" | "enum" | "union" | "trait" => true,
            // Deeper it is an associated type.
            "type" => depth == 0,
            _ => false,
        };
        match pair[0].text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if is_type && pair[1].text.starts_with(char::is_uppercase) {
            names.push(pair[1].text.clone());
        }
    }
    names
}

fn impure(tokens: &[Token]) -> Vec<(usize, String)> {
    const WORDS: &[&str] = &[
        "async",
        "await",
        "tokio",
        "futures",
        "SystemTime",
        "Mutex",
        "RwLock",
        "Condvar",
        "thread",
    ];
    let words = tokens
        .iter()
        .filter(|t| WORDS.contains(&t.text.as_str()) || t.text.starts_with("Atomic"))
        .map(|t| (t.line, t.text.clone()));
    let clocks = tokens
        .windows(2)
        .filter(|pair| pair[0].text == "::" && pair[1].text == "now")
        .map(|pair| (pair[1].line, "::now".to_owned()));
    words.chain(clocks).collect()
}

fn prints(tokens: &[Token]) -> Vec<(usize, String)> {
    const MACROS: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];
    let macros = tokens
        .windows(2)
        .filter(|pair| MACROS.contains(&pair[0].text.as_str()) && pair[1].text == "!")
        .map(|pair| (pair[0].line, format!("{}!", pair[0].text)));
    let streams = tokens
        .windows(3)
        .filter(|t| t[0].text == "io" && t[1].text == "::")
        .filter(|t| t[2].text == "stdout" || t[2].text == "stderr")
        .map(|t| (t[2].line, format!("io::{}", t[2].text)));
    macros.chain(streams).collect()
}

/// The place of a source among the modules.
struct Place {
    /// The module at the top that it belongs to; `lib` and `main` for the two roots.
    module: String,
    /// How many `super` lead from its own module to the root.
    depth: usize,
}

impl Place {
    fn of(path: &Path) -> Self {
        let inner = path.strip_prefix("src").unwrap().with_extension("");
        let mut parts: Vec<_> = inner.iter().map(|p| p.to_str().unwrap()).collect();
        if parts.last() == Some(&"mod") {
            parts.pop();
        }
        Self {
            module: parts[0].to_owned(),
            depth: parts.len(),
        }
    }
}

/// All sources under `src` that are compiled for more than tests, by their path from the project's root.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.insert(path.strip_prefix(root()).unwrap().to_owned(), text);
            }
        }
    }
    let for_tests: Vec<_> = found
        .iter()
        .flat_map(|(path, text)| files_for_tests(path, text))
        .collect();
    found
        .into_iter()
        .filter(|(path, _)| !for_tests.iter().any(|test| path.starts_with(test)))
        .collect()
}

/// The files, and folders, of the modules that a source has for tests only.
fn files_for_tests(path: &Path, text: &str) -> Vec<PathBuf> {
    let folder = match path.file_stem().and_then(|stem| stem.to_str()) {
        Some("mod" | "lib" | "main") => path.with_file_name(""),
        Some(_) | None => path.with_extension(""),
    };
    test_modules(&tokens(text))
        .into_iter()
        .flat_map(|name| [folder.join(format!("{name}.rs")), folder.join(name)])
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
