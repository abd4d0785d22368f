//! `aftertone init`: a first configuration file.

use std::{
    env, fs,
    io::{self, BufRead, IsTerminal as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use clap::Args;
use tempfile::NamedTempFile;

use super::{CliError, printer::Printer};
use crate::config::{Config, Password, Template};

/// Write a first aftertone.toml, with comments, then run doctor
///
/// Asks on a terminal for what is not given as an option, and takes the default of an empty answer. Elsewhere --endpoint and
/// --caller-id are required. The file is the one that --config names, else $AFTERTONE_CONFIG, else
/// /etc/aftertone/aftertone.toml for root and ./aftertone.toml for other users. The exit status is that of doctor, 2 if no file
/// was written.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The URL of Asterisk's HTTP server [default: http://127.0.0.1:8088]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The ARI user [default: aftertone]
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// The file that holds the password of this user alone [default: the password that asterisk-conf/install.sh generated,
    /// copied to `ari-password` beside the configuration]
    #[arg(long, value_name = "FILE", conflicts_with = "password_stdin")]
    password_file: Option<PathBuf>,
    /// Read the password from stdin and keep it in `ari-password` beside the configuration
    #[arg(long)]
    password_stdin: bool,
    /// What the PBX dials for a number, such as `PJSIP/{number}@trunk`
    #[arg(long, value_name = "ENDPOINT")]
    endpoint: Option<String>,
    /// The number that the called party sees, such as +12025550100
    #[arg(long, value_name = "NUMBER")]
    caller_id: Option<String>,
    /// The folder for prepared messages, which the PBX reads [default: /var/lib/asterisk/sounds/aftertone]
    #[arg(long, value_name = "DIR")]
    sounds_dir: Option<PathBuf>,
    /// The certificate to trust an https:// PBX by
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
    /// Do not run doctor afterwards
    #[arg(long)]
    no_doctor: bool,
}

impl InitArgs {
    /// Whether the PBX is to be examined once the file is there.
    pub(super) const fn wants_doctor(&self) -> bool {
        !self.no_doctor
    }
}

/// Writes the file, and returns its path.
///
/// # Errors
/// [`CliError`] if no file was written.
pub(super) fn run(
    args: &InitArgs,
    named: Option<&Path>,
    printer: Printer,
) -> Result<PathBuf, CliError> {
    let file = target(named).map_err(CliError::new)?;
    if file.exists() && !args.force {
        return Err(CliError::new(anyhow!("{} exists already", file.display()))
            .hint("edit it, or overwrite it with `--force`"));
    }
    let stdin = io::stdin();
    let asks = stdin.is_terminal() && !args.password_stdin;
    let mut input = stdin.lock();
    let mut questions = Questions {
        input: &mut input,
        asks,
        say: &|words| printer.talk(words),
    };
    let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
    let template = questions.answers(args, &folder)?;
    write(&file, &template, args.force).map_err(CliError::new)?;
    printer.talk(&format!("written: {}", file.display()));
    printer.talk(&source(&template.password));
    Ok(file)
}

/// The path of the file: one at which the program will find it.
fn target(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let variable = env::var_os("AFTERTONE_CONFIG").filter(|value| !value.is_empty());
    let file = match (named, variable) {
        (Some(file), _) => file.to_owned(),
        (None, Some(file)) => PathBuf::from(file),
        (None, None) if is_root() => PathBuf::from("/etc/aftertone/aftertone.toml"),
        (None, None) => PathBuf::from("aftertone.toml"),
    };
    std::path::absolute(&file)
        .with_context(|| format!("cannot resolve the path {}", file.display()))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Asks for what the options do not say.
struct Questions<'a> {
    input: &'a mut dyn BufRead,
    asks: bool,
    say: &'a dyn Fn(&str),
}

impl Questions<'_> {
    fn answers(&mut self, args: &InitArgs, folder: &Path) -> Result<Template, CliError> {
        let text = |path: &Option<PathBuf>| path.as_ref().map(|p| p.to_string_lossy().into_owned());
        let absolute = |path: &Option<PathBuf>| {
            path.as_ref().map(|path| {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                path.to_string_lossy().into_owned()
            })
        };
        let url = self.value(
            "url",
            "URL of Asterisk's HTTP server",
            &args.url,
            Some(Template::URL),
        )?;
        let username = self.value(
            "username",
            "ARI user",
            &args.username,
            Some(Template::USERNAME),
        )?;
        let password = self.password(args, &username, folder)?;
        let endpoint = self.value(
            "endpoint",
            "What the PBX dials for a number, such as PJSIP/{number}@trunk",
            &args.endpoint,
            None,
        )?;
        let caller_id = self.value(
            "caller_id",
            "Number that the called party sees, such as +12025550100",
            &args.caller_id,
            None,
        )?;
        let sounds_dir = self.value(
            "sounds_dir",
            "Folder for prepared messages, which the PBX reads",
            &text(&args.sounds_dir),
            Some(Template::SOUNDS_DIR),
        )?;
        let ca_file = absolute(&args.ca_file);
        Ok(Template {
            url,
            username,
            password,
            endpoint,
            caller_id,
            sounds_dir,
            ca_file,
        })
    }

    /// The value of a key: the option's, else the answer, else the default.
    fn value(
        &mut self,
        key: &str,
        question: &str,
        option: &Option<String>,
        default: Option<&str>,
    ) -> Result<String, CliError> {
        let flag = format!("--{}", key.replace('_', "-"));
        if let Some(given) = option {
            Template::check(key, given).map_err(|why| CliError::new(anyhow!("{flag}: {why}")))?;
            return Ok(given.clone());
        }
        if !self.asks {
            return default.map(str::to_owned).ok_or_else(|| {
                CliError::new(anyhow!("{flag} is required without a terminal")).hint(
                    "`aftertone init --endpoint 'PJSIP/{number}@trunk' --caller-id +12025550100`",
                )
            });
        }
        loop {
            let shown = default.map_or_else(String::new, |default| format!(" [{default}]"));
            (self.say)(&format!("{question}{shown}:"));
            let answer = self.line()?;
            let answer = match (answer.as_str(), default) {
                ("", Some(default)) => default.to_owned(),
                _ => answer,
            };
            match Template::check(key, &answer) {
                Ok(()) => return Ok(answer),
                Err(why) => (self.say)(&format!("Not valid: {why}")),
            }
        }
    }

    /// The source of the password; one that is entered here is kept in a file of its own.
    fn password(
        &mut self,
        args: &InitArgs,
        username: &str,
        folder: &Path,
    ) -> Result<Password, CliError> {
        if let Some(file) = &args.password_file {
            let file = std::path::absolute(file).map_err(CliError::new)?;
            return Ok(Password::File(file));
        }
        let own = folder.join("ari-password");
        if args.password_stdin {
            let password = self.line()?;
            return keep(&own, &password, args.force);
        }
        if env::var_os("AFTERTONE__PBX__PASSWORD").is_some_and(|value| !value.is_empty()) {
            return Ok(Password::Environment);
        }
        if let Some(password) = generated(username) {
            return keep(&own, &password, args.force);
        }
        if self.asks {
            (self.say)(&format!(
                "Password of {username} in the PBX's ari.conf, or the path of a file that holds it (kept in {}):",
                own.display()
            ));
            let answer = self.line()?;
            if Path::new(&answer).is_absolute() {
                return Ok(Password::File(PathBuf::from(answer)));
            }
            return keep(&own, &answer, args.force);
        }
        if own.exists() {
            return Ok(Password::File(own));
        }
        Err(CliError::new(anyhow!("the password of the ARI user is not known"))
            .hint("give `--password-file FILE`, a file that holds it alone; asterisk-conf/install.sh put it into /etc/asterisk/aftertone/ari.conf on the PBX"))
    }

    fn line(&mut self) -> Result<String, CliError> {
        let mut line = String::new();
        let read = self.input.read_line(&mut line);
        match read.context("cannot read stdin").map_err(CliError::new)? {
            0 => Err(CliError::new(anyhow!(
                "stdin ended before all questions were answered"
            ))),
            _ => Ok(line.trim().to_owned()),
        }
    }
}

/// The password that asterisk-conf/install.sh generated, if the PBX is on this machine.
fn generated(username: &str) -> Option<String> {
    password_in(&fs::read_to_string(GENERATED).ok()?, username)
}

/// The password of a user in the text of an ari.conf.
fn password_in(text: &str, username: &str) -> Option<String> {
    let section = format!("[{username}]");
    let mut lines = text
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != section);
    lines.next()?;
    let own = lines.take_while(|line| !line.starts_with('['));
    let found = own.filter_map(|line| line.split_once('='));
    let mut found = found.filter(|(key, _)| key.trim() == "password");
    found.next().map(|(_, value)| value.trim().to_owned())
}

/// Keeps the password in a file of its own, readable by its owner only.
fn keep(file: &Path, password: &str, force: bool) -> Result<Password, CliError> {
    if password.is_empty() {
        return Err(CliError::new(anyhow!("the password is empty")));
    }
    if file.exists()
        && !force
        && fs::read_to_string(file).ok().as_deref() != Some(&format!("{password}\n"))
    {
        let error = anyhow!(
            "{} exists already and holds another password",
            file.display()
        );
        return Err(CliError::new(error).hint(
            "name it with `--password-file` if it is the right one, or overwrite it with `--force`",
        ));
    }
    put(file, &format!("{password}\n"), 0o600, true).map_err(CliError::new)?;
    Ok(Password::File(file.to_owned()))
}

fn write(file: &Path, template: &Template, force: bool) -> anyhow::Result<()> {
    // It holds no secret.
    put(file, &template.text(), 0o644, force)
}

/// Writes a file whole or not at all.
fn put(file: &Path, text: &str, mode: u32, over: bool) -> anyhow::Result<()> {
    let doing = || format!("cannot write {}", file.display());
    let folder = file.parent().unwrap_or(Path::new("/"));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder)
        .with_context(doing)?;
    let mut staged = NamedTempFile::new_in(folder).with_context(doing)?;
    staged.write_all(text.as_bytes()).with_context(doing)?;
    let permissions = fs::Permissions::from_mode(mode);
    staged
        .as_file()
        .set_permissions(permissions)
        .with_context(doing)?;
    staged.as_file().sync_all().with_context(doing)?;
    if over {
        staged.persist(file).map(drop).with_context(doing)
    } else {
        staged.persist_noclobber(file).map(drop).with_context(doing)
    }
}

/// The source of the password, for people.
fn source(password: &Password) -> String {
    match password {
        Password::File(file) => format!("the password of the ARI user comes from {}; the user that runs aftertone must be able to read it", file.display()),
        Password::Environment => {
            "the password of the ARI user comes from the environment variable AFTERTONE__PBX__PASSWORD".to_owned()
        }
    }
}

/// Reads the file that was written.
///
/// # Errors
/// [`CliError`] if the file is not valid.
pub(super) fn load(file: &Path) -> Result<Config, CliError> {
    let loaded = Config::load(Some(file));
    loaded.map_err(|error| {
        CliError::new(error).hint("correct it in the file, then run `aftertone doctor`")
    })
}

/// The file in which asterisk-conf/install.sh puts the ARI user.
const GENERATED: &str = "/etc/asterisk/aftertone/ari.conf";

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct InitLine {
        #[command(flatten)]
        args: InitArgs,
    }

    fn args(words: &[&str]) -> InitArgs {
        InitLine::parse_from(std::iter::once(&"init").chain(words)).args
    }

    /// What comes of the options and the answers, and what was said.
    fn ask(words: &[&str], answers: &str, asks: bool) -> (Result<Template, String>, String) {
        let folder = tempfile::tempdir().unwrap();
        let said = RefCell::new(String::new());
        let mut input = answers.as_bytes();
        let mut questions = Questions {
            input: &mut input,
            asks,
            say: &|words| said.borrow_mut().push_str(&format!("{words}\n")),
        };
        let answers = questions.answers(&args(words), folder.path());
        let answers = answers.map_err(|trouble| trouble.error.to_string());
        (answers, said.into_inner())
    }

    #[test]
    fn missing_options_are_asked_for_until_they_are_valid() {
        let answers = "\n\nPJSIP/trunk\nPJSIP/{number}@trunk\n+12025550100\n\n";
        let (template, said) = ask(&["--password-file", "/run/ari"], answers, true);
        let template = template.unwrap();
        assert_eq!(template.url, Template::URL);
        assert_eq!(template.endpoint, "PJSIP/{number}@trunk");
        assert_eq!(template.password, Password::File("/run/ari".into()));
        assert!(
            said.contains("Not valid: `PJSIP/trunk` does not hold"),
            "{said}"
        );
        assert!(said.contains("[http://127.0.0.1:8088]"), "{said}");
    }

    #[test]
    fn without_a_terminal_what_is_missing_is_named() {
        let given = ["--password-file", "/run/ari", "--caller-id", "+12025550100"];
        let (template, said) = ask(&given, "", false);
        assert!(template.unwrap_err().contains("--endpoint is required"));
        assert_eq!(said, "");
        let (template, _) = ask(&["--password-file", "/x", "--endpoint", "SIP"], "", false);
        assert!(template.unwrap_err().starts_with("--endpoint: "));
    }

    #[test]
    fn the_password_is_that_of_the_user() {
        let text = "[general](+)\nenabled = yes\n[other]\npassword = no\n[me]\ntype = user\npassword = s=1\n[z]\npassword = z\n";
        assert_eq!(password_in(text, "me").as_deref(), Some("s=1"));
        assert_eq!(password_in(text, "nobody"), None);
    }

    #[test]
    fn a_file_that_is_there_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/ari-password");
        keep(&file, "one", false).unwrap();
        keep(&file, "one", false).unwrap();
        assert!(keep(&file, "two", false).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "one\n");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        keep(&file, "two", true).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "two\n");
    }
}
