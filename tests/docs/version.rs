//! The version is that of Cargo.toml; whatever else names it says the same.

use std::fs;

use crate::pages::{markdown, root};

#[test]
fn one_version_is_written_in_one_place() {
    let version = env!("CARGO_PKG_VERSION");
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();

    // The crates beside it have none of their own.
    let tools = fs::read_dir(root().join("tools")).unwrap();
    let folders = tools.map(|tool| tool.unwrap().path());
    for folder in folders.chain([root().join("ears")]) {
        let manifest = folder.join("Cargo.toml");
        let Ok(text) = fs::read_to_string(&manifest) else {
            continue;
        };
        let own = text.lines().take_while(|line| !line.starts_with("[dep"));
        let has_own = own.into_iter().any(|line| line.starts_with("version"));
        assert!(!has_own, "{} has a version", manifest.display());
    }
    let lock = read("Cargo.lock");
    let locked = format!("name = \"aftertone\"\nversion = \"{version}\"\n");
    assert!(
        lock.contains(&locked),
        "Cargo.lock has another version: cargo update --workspace"
    );

    // The list of changes begins with it, and the API's document is of no version of the program.
    let changes = read("CHANGELOG.md");
    let heading = changes.lines().find_map(|line| line.strip_prefix("## "));
    let changed = heading.unwrap().split([',', ' ']).next().unwrap();
    assert_eq!(changed, version, "CHANGELOG.md begins with another version");
    let document: serde_json::Value =
        serde_json::from_str(&read("docs/src/reference/openapi.json")).unwrap();
    assert_eq!(document["info"]["version"], "1");

    // What is made of it asks Cargo.toml, and no guide would have to be changed with it.
    for made in [
        "tools/release.sh",
        "tools/deb.sh",
        "tools/sbom.py",
        "Dockerfile",
        "docker-compose.yml",
        "docker-compose.postgres.yml",
        "ops/debian/postinst",
        "tests/package.sh",
    ] {
        assert!(!read(made).contains(version), "{made} names the version");
    }
    let named = [format!("aftertone_{version}"), format!("v{version}")];
    for page in markdown(&root()) {
        let text = fs::read_to_string(&page).unwrap();
        let names = named.iter().any(|name| text.contains(name));
        assert!(!names, "{} names the version", page.display());
    }
}
