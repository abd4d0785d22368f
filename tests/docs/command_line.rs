//! The commands and their options, from the program's own help.

use clap::{Arg, Command};

use crate::pages::{head, prose, row};

/// Every command: its help, its usage, its arguments and its options.
pub(crate) fn commands() -> String {
    let mut root = aftertone::cli::command();
    root.build();
    let mut text = String::new();
    describe(&mut root, "aftertone", &mut text);
    text
}

fn describe(command: &mut Command, path: &str, text: &mut String) {
    let is_root = path == "aftertone";
    *text += &format!("## `{path}`\n\n");
    let about = command.get_long_about().or_else(|| command.get_about());
    *text += &format!("{}\n\n", prose(&about.unwrap().to_string()));
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    *text += &format!("```text\n{usage}\n```\n\n");

    let arguments: Vec<_> = command.get_positionals().collect();
    if !arguments.is_empty() {
        *text += &head(["argument", ""]);
        for argument in arguments {
            *text += &row([format!("`{}`", name(argument)).as_str(), &help(argument)]);
        }
        *text += "\n";
    }
    // Each group of options by its heading, in the order of the help; `--config` once, for all.
    let shown = |option: &&Arg| {
        let id = option.get_id().as_str();
        id != "help" && id != "version" && (is_root || !option.is_global_set())
    };
    let options = command.get_arguments().filter(|arg| !arg.is_positional());
    let options: Vec<_> = options.filter(shown).collect();
    let mut headings: Vec<_> = options.iter().map(|o| o.get_help_heading()).collect();
    headings.sort_by_key(Option::is_some);
    let mut seen = Vec::new();
    for heading in headings {
        if seen.contains(&heading) {
            continue;
        }
        seen.push(heading);
        *text += &head([heading.map_or("option", |h| h.trim_end_matches(':')), ""]);
        for option in options.iter().filter(|o| o.get_help_heading() == heading) {
            *text += &row([format!("`{}`", name(option)).as_str(), &help(option)]);
        }
        *text += "\n";
    }

    let names: Vec<_> = command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set())
        .map(|sub| sub.get_name().to_owned())
        .filter(|name| name != "help")
        .collect();
    if !names.is_empty() {
        *text += &head(["command", ""]);
        for name in &names {
            let about = command.find_subcommand(name).unwrap().get_about().unwrap();
            let anchor = format!("{path} {name}").replace(' ', "-");
            let link = format!("[`{path} {name}`](#{anchor})");
            *text += &row([link.as_str(), &prose(&about.to_string())]);
        }
        *text += "\n";
    }
    for name in names {
        let sub = command.find_subcommand_mut(&name).unwrap();
        describe(sub, &format!("{path} {name}"), text);
    }
}

/// As it is typed: `-m, --message <MESSAGE>`.
fn name(arg: &Arg) -> String {
    let values = arg.get_value_names().unwrap_or_default();
    let values: Vec<_> = values.iter().map(ToString::to_string).collect();
    if arg.is_positional() {
        let values = values.join(" ");
        let dots = if arg.get_num_args().is_some_and(|n| n.max_values() > 1) {
            "..."
        } else {
            ""
        };
        return if arg.is_required_set() {
            format!("<{values}>{dots}")
        } else {
            format!("[{values}]{dots}")
        };
    }
    let mut name = arg
        .get_short()
        .map_or_else(String::new, |short| format!("-{short}, "));
    name += &format!("--{}", arg.get_long().unwrap());
    if arg.get_action().takes_values() {
        name += &format!(" <{}>", values.join(" "));
    }
    name
}

fn help(arg: &Arg) -> String {
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let mut text = prose(&help.map(ToString::to_string).unwrap_or_default());
    if !arg.get_action().takes_values() {
        return text;
    }
    let more = |text: &mut String, words: &str| {
        if !text.ends_with('.') {
            text.push('.');
        }
        *text += &format!(" {words}");
    };
    let values: Vec<_> = arg
        .get_possible_values()
        .iter()
        .map(|value| {
            let help = value.get_help().map(|help| format!(" ({help})"));
            format!("`{}`{}", value.get_name(), prose(&help.unwrap_or_default()))
        })
        .collect();
    if !values.is_empty() {
        more(&mut text, &format!("Values: {}.", values.join(", ")));
    }
    let defaults: Vec<_> = arg
        .get_default_values()
        .iter()
        .map(|value| format!("`{}`", value.to_string_lossy()))
        .collect();
    if !defaults.is_empty() {
        more(&mut text, &format!("Default: {}.", defaults.join(", ")));
    }
    text
}
