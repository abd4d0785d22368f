//! Who gives a command that leaves a trace.

use std::{fs, os::unix::fs::MetadataExt as _};

use clap::Args;

use super::database;
use crate::{
    phone::PhoneNumber,
    store::{AuditEntry, Operator},
};

/// Who gives a command, and why; both are kept.
#[derive(Debug, Args)]
pub(super) struct Because {
    /// The reason, kept with the change
    #[arg(long, value_name = "TEXT")]
    because: Option<String>,
    /// Who makes the change, kept with it [default: this system's user]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl Because {
    /// The reason, unless none is given.
    pub(super) fn because(&self) -> Option<&str> {
        let because = self.because.as_deref().map(str::trim);
        because.filter(|because| !because.is_empty())
    }

    /// Who it is.
    pub(super) fn who(&self) -> String {
        let by = self.by.as_deref().map(str::trim);
        match by.filter(|by| !by.is_empty()) {
            Some(by) => by.to_owned(),
            None => system_user(),
        }
    }

    /// Both, `who` being what [`Self::who`] has returned.
    pub(super) fn operator<'a>(&'a self, who: &'a str) -> Operator<'a> {
        Operator {
            who,
            because: self.because(),
        }
    }
}

/// What the audit log says of something that is done by this system's user.
pub(super) fn by_user(action: &str, object: impl Into<String>) -> AuditEntry {
    by(&system_user(), action, object)
}

/// The same by whoever says so.
pub(super) fn by(who: &str, action: &str, object: impl Into<String>) -> AuditEntry {
    AuditEntry {
        at: database::now(),
        who: who.to_owned(),
        via: "cli",
        ip: None,
        request_id: None,
        action: action.to_owned(),
        object: object.into(),
        before: None,
        after: None,
    }
}

/// What the audit log says of numbers on a list: the number, its middle masked, if it is one.
pub(super) fn of_numbers(list: &str, numbers: &[PhoneNumber]) -> String {
    match numbers {
        [number] => format!("{list}/{number}"),
        _ => list.to_owned(),
    }
}

/// The name of the user this program runs as, or the user's number if it has no name here; behind `sudo`, both users.
fn system_user() -> String {
    let Ok(process) = fs::metadata("/proc/self") else {
        return "unknown".to_owned();
    };
    let names = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = name_of(process.uid(), &names);
    match std::env::var("SUDO_USER") {
        Ok(sudo) if process.uid() == 0 && !sudo.is_empty() => format!("{user} (sudo by {sudo})"),
        Ok(_) | Err(_) => user,
    }
}

/// The name of a user's number in the text of `/etc/passwd`.
fn name_of(uid: u32, passwd: &str) -> String {
    let uid = uid.to_string();
    let name = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then_some(name)
    });
    name.map_or_else(|| format!("uid {uid}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_name_of_the_passwords_file() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nbroken\nann:x:1000:100::/home/ann:/bin/sh\n";
        assert_eq!(name_of(1000, passwd), "ann");
        assert_eq!(name_of(0, passwd), "root");
        assert_eq!(name_of(100, passwd), "uid 100");
        assert!(!system_user().is_empty());
    }
}
