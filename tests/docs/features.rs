//! What a dependency is asked for is the same with the tests' own dependencies and without.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use crate::pages::root;

/// Cargo builds a crate once for each set of features, and all that depends on it as often: the program for the package and the same
/// program for its tests are one only if theirs are.
#[test]
fn the_program_is_built_once_for_itself_and_its_tests() {
    let [without, with] = ["normal,build", "normal,build,dev"].map(features);
    assert!(without.len() > 200, "{}", without.len());
    let twice: Vec<_> = without
        .iter()
        .filter(|(package, features)| with.get(*package) != Some(features))
        .map(|(package, features)| format!("{package}: {features:?} and {:?}", with.get(package)))
        .collect();
    assert!(
        twice.is_empty(),
        "these are built twice: have [dependencies] and [dev-dependencies] ask for the same\n{}",
        twice.join("\n")
    );
}

/// The features of each package, by its name and version.
fn features(edges: &str) -> BTreeMap<String, BTreeSet<String>> {
    let tree = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--locked", "--offline", "--package", "aftertone"])
        .args(["--prefix", "none", "--format", "{p};{f}", "--edges", edges])
        .output()
        .unwrap();
    assert!(tree.status.success(), "{tree:?}");
    let text = String::from_utf8(tree.stdout).unwrap();
    let mut all = BTreeMap::<_, BTreeSet<_>>::new();
    for line in text.lines() {
        let line = line.trim_end_matches(" (*)");
        if let Some((package, features)) = line.split_once(';') {
            let own = all.entry(package.to_owned()).or_default();
            own.insert(features.to_owned());
        }
    }
    all
}
