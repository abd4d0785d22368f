//! Whether messages can be recorded by telephone: the modules for it, and the sounds that those hear who do.

use super::check::{Check, unanswered};
use crate::{
    ari::{Failure, Module, Rest},
    config::Config,
};

/// Checks what it takes. `None` if no calls are taken (`incoming.app`), so that nobody records.
pub(super) async fn check(rest: &Rest, config: &Config) -> Option<Check> {
    config.incoming.app.as_ref()?;
    let found = look(rest, config).await;
    Some(found.unwrap_or_else(|failure| unanswered(NAME, &failure)))
}

async fn look(rest: &Rest, config: &Config) -> Result<Check, Failure> {
    let mut modules = Vec::new();
    for name in MODULES {
        let module = rest.module(name).await?;
        if !module.as_ref().is_some_and(Module::is_running) {
            modules.push(name);
        }
    }
    let folder = match rest.recordings().await {
        Ok(_) => Folder::IsThere,
        Err(failure) if failure.status == Some(500) => Folder::Missing,
        Err(failure) if modules.is_empty() => return Err(failure),
        Err(_) => Folder::Unknown,
    };
    let mut sounds = Vec::new();
    for (key, sound) in config.record.sounds.all() {
        // Of those with a whole path the PBX says nothing.
        if !sound.starts_with('/') && rest.sound(sound).await?.is_none() {
            sounds.push(format!("`{sound}` (`{key}`)"));
        }
    }
    Ok(judge(&modules, folder, &sounds))
}

/// The PBX's folder of recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Folder {
    IsThere,
    Missing,
    /// A module is missing that would say.
    Unknown,
}

fn judge(modules: &[&str], folder: Folder, sounds: &[String]) -> Check {
    if !modules.is_empty() {
        let load: Vec<_> = modules
            .iter()
            .map(|name| format!("`module load {name}`"))
            .collect();
        return Check::warn(
            NAME,
            format!(
                "messages cannot be recorded by telephone: {} not running",
                modules.join(" and ")
            ),
            format!("{} on the PBX's console", load.join(", ")),
        );
    }
    if folder == Folder::Missing {
        return Check::warn(
            NAME,
            "messages cannot be recorded by telephone: the PBX has no folder for recordings, or may not write to it",
            "`install -d -o asterisk -g asterisk -m 750 /var/spool/asterisk/recording` on the PBX, as its `astspooldir` is",
        );
    }
    if !sounds.is_empty() {
        return Check::warn(
            NAME,
            format!(
                "those who record a message by telephone do not hear {}: the PBX has no such sound",
                sounds.join(", ")
            ),
            "install Asterisk's core sounds (`asterisk-core-sounds-en`), or name other sounds in `[record]`",
        );
    }
    Check::ok(
        NAME,
        "messages can be recorded by telephone, and the PBX has the sounds for it",
    )
}

const NAME: &str = "recording";

const MODULES: [&str; 2] = ["res_ari_recordings.so", "res_stasis_recording.so"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::Status;

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(judge(&[], Folder::IsThere, &[]).status, Status::Ok);
        let check = judge(&["res_stasis_recording.so"], Folder::Unknown, &[]);
        assert_eq!(check.status, Status::Warn);
        assert!(check.remedy.unwrap().contains("module load res_stasis"));
        let check = judge(&[], Folder::Missing, &[]);
        assert!(check.detail.contains("no folder"), "{}", check.detail);
        let check = judge(
            &[],
            Folder::IsThere,
            &["`vm-review` (`record.menu`)".to_owned()],
        );
        assert!(check.detail.contains("`record.menu`"), "{}", check.detail);
    }
}
