//! The settings of a campaign: the options of `campaign create`, as keys, with what a campaign has unless told otherwise.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    pages::{head, prose, row},
    program::Program,
};

/// A table of all settings.
pub(crate) fn settings() -> String {
    let program = Program::new();
    program.file("leads.csv", "phone\n+12025550101\n");
    let known = known(&program);
    program.run(&[
        "campaign",
        "create",
        "spring",
        "leads.csv",
        "--message",
        "sound:hello",
        "--kind",
        "marketing",
    ]);
    let defaults = program.json(&["campaign", "set", "spring"]).remove(0);

    let mut options = options();
    let mut text = head(["key", "option", "unless given", "meaning"]);
    let mut undescribed = BTreeSet::new();
    for key in &known {
        if key == "version" {
            let words = "the format of the settings; the program writes it";
            text += &row(["`version`", "", &default(&defaults, key), words]);
            continue;
        }
        match options.remove(key.as_str()) {
            Some((option, help)) => {
                // What the help calls the default is in the column of defaults.
                let (help, named) = help.split_once(" [default: ").unwrap_or((&help, ""));
                let default = match default(&defaults, key) {
                    none if none.is_empty() => named.trim_end_matches(']').to_owned(),
                    default => default,
                };
                text += &row([
                    format!("`{key}`").as_str(),
                    &format!("`--{option}`"),
                    &default,
                    help,
                ]);
            }
            None => drop(undescribed.insert(key)),
        }
    }
    assert!(undescribed.is_empty(), "no option sets {undescribed:?}");
    assert!(options.is_empty(), "no key is set by {options:?}");
    text
}

/// The keys, from the error that an unknown one gives.
fn known(program: &Program) -> Vec<String> {
    program.file("wrong.toml", "no_such_key = 1\n");
    let output = program.run(&[
        "campaign",
        "create",
        "wrong",
        "leads.csv",
        "--settings",
        "wrong.toml",
    ]);
    let error = String::from_utf8(output.stderr).unwrap();
    let line = error
        .lines()
        .find(|line| line.contains("`version`"))
        .unwrap();
    let quoted = line.split('`').skip(1).step_by(2);
    let keys: Vec<_> = quoted
        .skip_while(|key| *key != "version")
        .map(str::to_owned)
        .collect();
    assert!(keys.len() > 10, "{error}");
    keys
}

/// The options that set a key, by the key: their long name and their help.
fn options() -> BTreeMap<String, (String, String)> {
    let mut root = aftertone::cli::command();
    root.build();
    let create = ["campaign", "create"]
        .into_iter()
        .fold(&root, |command, name| {
            command.find_subcommand(name).unwrap()
        });
    let settings = create.get_arguments().filter(|arg| {
        arg.get_help_heading()
            .is_some_and(|h| h.contains("settings"))
    });
    let mut options = BTreeMap::new();
    for arg in settings {
        let long = arg.get_long().unwrap().to_owned();
        let key = match long.as_str() {
            "settings" => continue,
            "variant" => "variants".to_owned(),
            other => other.replace('-', "_"),
        };
        let help = prose(&arg.get_help().unwrap().to_string());
        options.insert(key, (long, help));
    }
    options
}

/// What a campaign has unless the key is given.
fn default(defaults: &Value, key: &str) -> String {
    match (key, &defaults[key]) {
        // Those that the campaign was made with.
        ("kind", _) => "**required**".to_owned(),
        ("message", _) => "**required**, or `variants`".to_owned(),
        (_, Value::Null) => String::new(),
        ("retry", Value::Object(rules)) => {
            let rules = rules
                .iter()
                .map(|(outcome, rule)| format!("`{outcome} = {}`", inline(rule)));
            rules.collect::<Vec<_>>().join("<br>")
        }
        (_, value) => format!("`{}`", inline(value)),
    }
}

/// A value as TOML has it on one line.
fn inline(value: &Value) -> String {
    let Value::Object(fields) = value else {
        return value.to_string();
    };
    let fields = fields
        .iter()
        .map(|(key, value)| format!("{key} = {}", inline(value)));
    format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
}
