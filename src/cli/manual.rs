//! `aftertone manual`: man pages and completions, for packages.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use clap::{Args, Command, CommandFactory as _};
use clap_complete::{Shell, generate_to};
use clap_mangen::Man;

use super::{Cli, CliError, Exit};

/// Write man pages and completions into a folder
///
/// `man1` has a page for each command, `completions` a file for each shell: what packages install.
#[derive(Debug, Args)]
pub(super) struct ManualArgs {
    /// The folder
    folder: PathBuf,
}

/// Writes them.
///
/// # Errors
/// [`CliError`] if they cannot be written.
pub(super) fn run(args: &ManualArgs) -> Result<Exit, CliError> {
    write(&args.folder).map_err(|error| {
        let words = format!("cannot write into `{}`", args.folder.display());
        CliError::new(anyhow!(error).context(words))
    })?;
    Ok(Exit::Success)
}

fn write(folder: &Path) -> io::Result<()> {
    let (pages, completions) = (folder.join("man1"), folder.join("completions"));
    fs::create_dir_all(&pages)?;
    fs::create_dir_all(&completions)?;
    let mut root = Cli::command();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut root, "aftertone", &completions)?;
    }
    // Each page is of its own command: the help of the parent is not repeated in it.
    root = root.disable_help_subcommand(true);
    root.build();
    page(&root, "aftertone", &pages)
}

fn page(command: &Command, name: &str, folder: &Path) -> io::Result<()> {
    let shown = command.clone().display_name(name);
    let man = Man::new(shown)
        .title(name.to_uppercase())
        .manual("Aftertone")
        .source(concat!("aftertone ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    man.render(&mut text)?;
    fs::write(folder.join(format!("{name}.1")), text)?;
    for sub in command.get_subcommands() {
        if !sub.is_hide_set() && sub.get_name() != "help" {
            page(sub, &format!("{name}-{}", sub.get_name()), folder)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_and_every_shell_its_completions() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        let names = |below: &str| -> Vec<String> {
            let entries = fs::read_dir(folder.path().join(below)).unwrap();
            let mut names: Vec<_> = entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        let pages = names("man1");
        for page in [
            "aftertone.1",
            "aftertone-serve.1",
            "aftertone-campaign-run.1",
        ] {
            assert!(pages.iter().any(|name| name == page), "{page}: {pages:?}");
        }
        assert!(
            !pages.iter().any(|name| name.contains("manual")),
            "{pages:?}"
        );
        assert_eq!(
            names("completions"),
            ["_aftertone", "aftertone.bash", "aftertone.fish"]
        );
        let text = fs::read_to_string(folder.path().join("man1/aftertone-campaign-run.1")).unwrap();
        assert!(text.contains(".TH") && text.contains("SYNOPSIS"), "{text}");
    }
}
