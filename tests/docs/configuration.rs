//! `aftertone.toml`: its keys, an example of it, and whether the table of keys says what the program does.

use std::{fs, path::Path};

use aftertone::{
    audio::Targets,
    config::{Config, ConfigError, Key, KeyDefault, REFERENCE},
};
use tempfile::TempDir;

use crate::pages::{head, row};

/// A table for each section.
pub(crate) fn keys() -> String {
    check_surroundings();
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    let mut last = None;
    for key in REFERENCE.iter() {
        let (section, name) = key.parts();
        if last != Some(section) {
            last = Some(section);
            let heading = match section {
                "" => "At the top".to_owned(),
                section => format!("`[{section}]`"),
            };
            text += &format!("\n### {heading}\n\n");
            text += &head(["key", "default", "takes", "meaning"]);
        }
        let default = match key.default {
            KeyDefault::Required => "**required**".to_owned(),
            KeyDefault::Example => format!("`{}`", key.example),
            KeyDefault::Words(words) => words.to_owned(),
        };
        let takes = takes(key, &folder);
        let name = format!("`{name}`");
        text += &row([name.as_str(), &default, &takes, &paragraphs(key.about)]);
    }
    text
}

/// What a key takes, in the words of the error that a wrong value gives. A key that is in the table and that the program does not
/// read fails here.
fn takes(key: &Key, folder: &TempDir) -> String {
    let (section, name) = key.parts();
    let mut file = String::new();
    for other in REFERENCE.iter().filter(|other| is_needed(other)) {
        if other.name != key.name && !(section == "price" && other.name == "price.per_minute") {
            file += &line(other);
        }
    }
    // A list within a list is what no key takes.
    let wrong = match section {
        "" => format!("{name} = [[1]]\n{file}"),
        section => format!("{file}{section}.{name} = [[1]]\n"),
    };
    match load(folder, &wrong) {
        Err(ConfigError::Bad {
            key: told,
            expected,
            ..
        }) if told == key.name => {
            // The page says once what a duration is.
            expected.replace(", such as \"2s\" or \"500ms\"", "")
        }
        other => panic!("a wrong value of `{}` gives {other:?}", key.name),
    }
}

/// The text of an example file. Its comments begin with `# `, and its keys that are not given with `#`.
pub(crate) fn example() -> String {
    let mut text = "\
# Every key of aftertone.toml. A line that begins with `#` and a key shows the default, or if there is none, an example.
# Made from the program: `UPDATE_DOCS=1 cargo test --test docs` writes it anew.
# Each key can come from the environment instead: AFTERTONE__PBX__URL for `url` of `[pbx]`.
"
    .to_owned();
    let mut last = "";
    for key in REFERENCE.iter() {
        let (section, name) = key.parts();
        if section != last {
            last = section;
            text += &format!("\n[{section}]\n");
        }
        text += "\n";
        for line in wrap(&key.about.replace("\n\n", " "), 118) {
            text += &format!("# {line}\n");
        }
        match key.default {
            KeyDefault::Required => {
                text += &format!("# Required.\n{name} = {}\n", key.example);
            }
            KeyDefault::Example => text += &format!("#{name} = {}\n", key.example),
            KeyDefault::Words(words) => {
                let words = match words.strip_prefix("required") {
                    Some(rest) => format!("Required{rest}."),
                    None => format!("Unless given: {words}."),
                };
                for line in wrap(&words, 118) {
                    text += &format!("# {line}\n");
                }
                // One of the two is given.
                let mark = if key.name == "pbx.password_file" {
                    ""
                } else {
                    "#"
                };
                text += &format!("{mark}{name} = {}\n", key.example);
            }
        }
    }
    text
}

/// The loader takes the example as it is, and with every line uncommented that can be.
pub(crate) fn check_example(text: &str) {
    check_surroundings();
    let folder = tempfile::tempdir().unwrap();
    let present = |text: &str| {
        // Files that have to be there.
        let mut text = text.to_owned();
        for name in ["/run/secrets/ari", "/etc/aftertone/tls.crt"] {
            let file = folder.path().join(Path::new(name).file_name().unwrap());
            fs::write(&file, "hunter2\n").unwrap();
            text = text.replace(name, file.to_str().unwrap());
        }
        text
    };
    load(&folder, &present(text)).unwrap();
    let mut uncommented = 0;
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        // `password_file` is given.
        Some(setting) if !setting.starts_with([' ', '#']) && !setting.starts_with("password =") => {
            uncommented += 1;
            setting
        }
        _ => line,
    });
    let all = lines.collect::<Vec<_>>().join("\n");
    let needed = REFERENCE.iter().filter(|key| is_needed(key)).count();
    assert_eq!(
        uncommented,
        REFERENCE.len() - needed - 1,
        "a key is not in the example"
    );
    let config = load(&folder, &present(&all)).unwrap();
    assert!(config.price.is_some() && config.evidence.dir.is_some());
}

/// A configuration that gives every default is the same as one that gives none.
pub(crate) fn check_defaults() {
    check_surroundings();
    let folder = tempfile::tempdir().unwrap();
    let needed: String = REFERENCE
        .iter()
        .filter(|key| is_needed(key))
        .map(line)
        .collect();
    // Costs are shown as soon as one key of theirs is given.
    let bare = format!("{needed}price.per_minute = 0.0085\n");
    let given = REFERENCE
        .iter()
        .filter(|key| key.default == KeyDefault::Example);
    let given: String = given.map(line).collect();
    let given = load(&folder, &format!("{bare}{given}")).unwrap();
    let bare = load(&folder, &bare).unwrap();
    assert_eq!(format!("{bare:#?}"), format!("{given:#?}"));

    let lufs = REFERENCE.iter().find(|key| key.name == "audio.target_lufs");
    assert_eq!(lufs.unwrap().example, Targets::LUFS.to_string());
}

/// Whether it has to be in every file; of the two for the password one.
fn is_needed(key: &Key) -> bool {
    key.default == KeyDefault::Required || key.name == "pbx.password_file"
}

/// The key as a line with its dotted name.
fn line(key: &Key) -> String {
    format!("{} = {}\n", key.name, key.example)
}

fn load(folder: &TempDir, text: &str) -> Result<Config, ConfigError> {
    let secret = folder.path().join("secret");
    fs::write(&secret, "hunter2\n").unwrap();
    let text = text.replace("/run/secrets/ari", secret.to_str().unwrap());
    let file = folder.path().join("aftertone.toml");
    fs::write(&file, text).unwrap();
    Config::load(Some(&file))
}

/// Variables would count for more than the files of these tests.
fn check_surroundings() {
    let set = std::env::vars_os().find(|(name, value)| {
        name.to_string_lossy().starts_with("AFTERTONE__") && !value.is_empty()
    });
    assert!(
        set.is_none(),
        "a variable overrides the configuration: {set:?}"
    );
}

/// Paragraphs in a cell of a table.
fn paragraphs(text: &str) -> String {
    text.replace("\n\n ", "<br>")
}

/// A text in lines of at most so many characters.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().unwrap();
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= width {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
