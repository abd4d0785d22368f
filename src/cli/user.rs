//! `aftertone user`: people who sign in.

use anyhow::anyhow;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    CliError, Exit, database,
    operator::{self, Because},
    printer::Printer,
};
use crate::{
    auth::{Action, KeptUser, LINK_LASTS, Object, Pin, Role, Secret, UserName, allows},
    config::Config,
    http::link_at,
    store::{AuditEntry, Store, UserChange},
};

/// Make, list and change users, who sign in with a password
///
/// A user is made with a link, good for fifteen minutes and once, by which the user sets a password at `aftertone serve`. There is no
/// password before, and no page on which whoever comes first becomes admin: the first admin is made here.
///
/// `viewer` sees what happens, numbers masked. `operator` also runs, pauses and cancels campaigns, and puts numbers on do-not-call lists.
/// `manager` also orders drops, makes campaigns, brings contacts and messages in, and takes numbers off lists. `auditor` sees everything,
/// whole numbers, recordings and the audit log included, and changes nothing. `admin` does everything.
#[derive(Debug, Args)]
pub(super) struct UserArgs {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    Add(UserAddArgs),
    List(UserListArgs),
    Role(UserRoleArgs),
    /// Let a user in no more: sessions and links end
    Disable(UserNamed),
    /// Let a user in again
    Enable(UserNamed),
    /// Print a link by which a user sets a new password
    Password(UserNamed),
    Pin(UserPinArgs),
}

/// Make a user, and print the link by which the user sets a password
#[derive(Debug, Args)]
struct UserAddArgs {
    /// The name by which the user signs in
    name: UserName,
    /// What the user may do: viewer, operator, manager, auditor or admin
    #[arg(long, value_name = "ROLE")]
    role: Role,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    because: Because,
}

/// List the users, by name
#[derive(Debug, Args)]
struct UserListArgs {
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

/// Give a user another role; the sessions of the user end
#[derive(Debug, Args)]
struct UserRoleArgs {
    /// The user
    name: UserName,
    /// viewer, operator, manager, auditor or admin
    role: Role,
    #[command(flatten)]
    because: Because,
}

/// Print a PIN by which a user records messages by telephone, in the place of the one before
///
/// Four digits that find the user, and six that are secret; it is shown this once. Only users who may prepare messages record: managers and
/// admins.
#[derive(Debug, Args)]
struct UserPinArgs {
    /// The user
    name: UserName,
    /// Take the user's PIN away
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    because: Because,
}

/// A user, and why.
#[derive(Debug, Args)]
struct UserNamed {
    /// The user
    name: UserName,
    #[command(flatten)]
    because: Because,
}

/// Carries out a command.
///
/// # Errors
/// [`CliError`] if it could not be started.
pub(super) async fn run(
    args: &UserArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    match &args.command {
        UserCommand::Add(args) => add(args, config, printer).await,
        UserCommand::List(args) => list(args, config, printer).await,
        UserCommand::Role(args) => {
            let (change, words) = (UserChange::Role(args.role), args.role.slug());
            let named = (&args.name, &args.because);
            change_user(named, "user.role", &change, words, config, printer).await
        }
        UserCommand::Disable(args) => {
            let change = UserChange::Disabled(database::now());
            let named = (&args.name, &args.because);
            change_user(named, "user.disable", &change, "disabled", config, printer).await
        }
        UserCommand::Enable(args) => {
            let named = (&args.name, &args.because);
            let change = UserChange::Enabled;
            change_user(named, "user.enable", &change, "enabled", config, printer).await
        }
        UserCommand::Password(args) => invite(args, config, printer).await,
        UserCommand::Pin(args) if args.remove => remove_pin(args, config, printer).await,
        UserCommand::Pin(args) => set_pin(args, config, printer).await,
    }
}

async fn add(args: &UserAddArgs, config: &Config, printer: Printer) -> Result<Exit, CliError> {
    let store = database::open(config).await?;
    let (now, who, secret) = (database::now(), args.because.who(), secret()?);
    if find(&store, &args.name).await.is_ok() {
        let problem = anyhow!("there is a user `{}`", args.name);
        let hint = format!("`aftertone user password {}` makes another link", args.name);
        return Err(CliError::new(problem).hint(hint));
    }
    let user = KeptUser {
        name: args.name.clone(),
        role: args.role,
        password: None,
        password_at: None,
        created_at: now,
        created_by: who.clone(),
        disabled_at: None,
        signed_in_at: None,
        link_until: Some(now + LINK_LASTS),
    };
    let after = json!({"role": user.role.slug(), "because": args.because.because()});
    let entry = entry(&who, "user.add", &user.name, &after);
    let added = store.audited(entry).add_user(&user, &secret.digest()).await;
    added.map_err(database::trouble)?;
    let link = link_at(&config.serve.base_url(), &secret);
    if args.json {
        let mut object = object(&user, now);
        object["link"] = link.into();
        printer.json(&object);
        return Ok(Exit::Success);
    }
    printer.line(&link);
    printer.talk(&format!(
        "{} sets a password there, with `aftertone serve` running; the link is good once, for fifteen minutes",
        user.name
    ));
    Ok(Exit::Success)
}

async fn invite(args: &UserNamed, config: &Config, printer: Printer) -> Result<Exit, CliError> {
    let store = database::open(config).await?;
    let user = find(&store, &args.name).await?;
    if user.disabled_at.is_some() {
        let problem = anyhow!("the user `{}` is disabled", user.name);
        let hint = format!(
            "`aftertone user enable {}` lets the user in again",
            user.name
        );
        return Err(CliError::new(problem).hint(hint));
    }
    let (secret, who) = (secret()?, args.because.who());
    let change = UserChange::Link {
        digest: secret.digest(),
        until: database::now() + LINK_LASTS,
    };
    let after = json!({"because": args.because.because()});
    let entry = entry(&who, "user.link", &user.name, &after);
    let changed = store.audited(entry).change_user(&user.name, &change).await;
    changed.map_err(database::trouble)?;
    printer.line(&link_at(&config.serve.base_url(), &secret));
    printer.talk(&format!(
        "{} sets a new password there; the link is good once, for fifteen minutes, and the password of before until then",
        user.name
    ));
    Ok(Exit::Success)
}

async fn set_pin(args: &UserPinArgs, config: &Config, printer: Printer) -> Result<Exit, CliError> {
    let store = database::open(config).await?;
    let user = find(&store, &args.name).await?;
    if allows(&user.principal(), Action::OwnPin, Object::Any).is_err() {
        let problem = anyhow!(
            "the user `{}` is {}, which records no messages",
            user.name,
            user.role
        );
        let hint = format!(
            "`aftertone user role {} manager` gives the user a role that does",
            user.name
        );
        return Err(CliError::new(problem).hint(hint));
    }
    let after = json!({"pin": true, "because": args.because.because()});
    let who = args.because.who();
    for _ in 0..Pin::TRIES {
        let (pin, salt) = (Pin::of(&random()?), random()?);
        let store = store.audited(entry(&who, "user.pin", &user.name, &after));
        let (digest, now) = (pin.digest(&salt), database::now());
        let set = store.set_pin(&user.name, pin.number(), &digest, now);
        if set.await.map_err(database::trouble)? {
            printer.line(pin.expose());
            printer.talk(&format!(
                "{} types it, and `#`, in a call that records a message; it is shown this once",
                user.name
            ));
            return Ok(Exit::Success);
        }
    }
    Err(CliError::new(anyhow!(
        "no number for a PIN was free; try again"
    )))
}

async fn remove_pin(
    args: &UserPinArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let store = database::open(config).await?;
    let user = find(&store, &args.name).await?;
    let after = json!({"pin": false, "because": args.because.because()});
    let entry = entry(&args.because.who(), "user.pin", &user.name, &after);
    let removed = store.audited(entry).remove_pin(&user.name).await;
    if removed.map_err(database::trouble)? {
        printer.line(&format!("{}: no PIN any more", user.name));
    } else {
        printer.line(&format!("{} has no PIN", user.name));
    }
    Ok(Exit::Success)
}

async fn list(args: &UserListArgs, config: &Config, printer: Printer) -> Result<Exit, CliError> {
    let store = database::open_to_read(config).await?;
    let now = database::now();
    let users = store.users().await.map_err(database::trouble)?;
    let pins = store.pins().await.map_err(database::trouble)?;
    let pin_at = |user: &KeptUser| {
        let mut of_user = pins.iter().filter(|(name, _)| *name == user.name);
        of_user.next().map(|(_, at)| *at)
    };
    if args.json {
        let objects = users.iter().map(|user| {
            let mut object = object(user, now);
            object["pin_at"] = json!(pin_at(user));
            object
        });
        printer.json(&objects.collect::<Vec<_>>());
        return Ok(Exit::Success);
    }
    if users.is_empty() {
        printer.line("there is no user yet");
        printer.hint("`aftertone user add NAME --role admin` makes one");
    }
    for user in &users {
        let pin = pin_at(user).map_or("", |_| ", has a PIN");
        printer.line(&format!("{}{pin}", line(user, now)));
    }
    Ok(Exit::Success)
}

async fn change_user(
    (name, because): (&UserName, &Because),
    action: &str,
    change: &UserChange,
    words: &str,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let store = database::open(config).await?;
    let user = find(&store, name).await?;
    let who = because.who();
    let before = json!({"role": user.role.slug(), "state": state(&user)});
    let after = json!({"is": words, "because": because.because()});
    let entry = AuditEntry {
        before: Some(before.to_string()),
        ..entry(&who, action, name, &after)
    };
    let changed = store.audited(entry).change_user(name, change).await;
    if !changed.map_err(database::trouble)? {
        return Err(unknown(name));
    }
    printer.line(&format!("{name}: {words}"));
    Ok(Exit::Success)
}

async fn find(store: &Store, name: &UserName) -> Result<KeptUser, CliError> {
    let found = store.user(name).await.map_err(database::trouble)?;
    found.ok_or_else(|| unknown(name))
}

fn unknown(name: &UserName) -> CliError {
    CliError::new(anyhow!("there is no user `{name}`"))
        .hint("`aftertone user list` lists the users")
}

fn entry(who: &str, action: &str, name: &UserName, after: &Value) -> AuditEntry {
    AuditEntry {
        after: Some(after.to_string()),
        ..operator::by(who, action, format!("user:{name}"))
    }
}

fn secret() -> Result<Secret, CliError> {
    Ok(Secret::of(&random()?))
}

fn random<const BYTES: usize>() -> Result<[u8; BYTES], CliError> {
    let mut random = [0; BYTES];
    getrandom::fill(&mut random)
        .map_err(|error| CliError::new(anyhow!("no random bytes can be had: {error}")))?;
    Ok(random)
}

fn object(user: &KeptUser, now: Timestamp) -> Value {
    json!({
        "user": user.name.as_str(),
        "role": user.role.slug(),
        "state": state(user),
        "created_at": user.created_at,
        "created_by": user.created_by,
        "password_at": user.password_at,
        "signed_in_at": user.signed_in_at,
        "disabled_at": user.disabled_at,
        "link_until": user.link_until.filter(|_| user.has_link(now)),
    })
}

fn line(user: &KeptUser, now: Timestamp) -> String {
    let mut line = format!("{}: {}, {}", user.name, user.role, state(user));
    if let Some(until) = user.link_until.filter(|_| user.has_link(now)) {
        line.push_str(&format!(", its link is good until {until:.0}"));
    }
    match user.signed_in_at {
        Some(at) => line.push_str(&format!(", last signed in {at:.0}")),
        None => line.push_str(", never signed in"),
    }
    line
}

const fn state(user: &KeptUser) -> &'static str {
    match (user.disabled_at, &user.password) {
        (Some(_), _) => "disabled",
        (None, Some(_)) => "active",
        (None, None) => "invited",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_a_line() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let user = KeptUser {
            name: UserName::parse("ann").unwrap(),
            role: Role::Admin,
            password: None,
            password_at: None,
            created_at: at("2026-11-24T12:00:00Z"),
            created_by: "root".to_owned(),
            disabled_at: None,
            signed_in_at: None,
            link_until: Some(at("2026-11-24T12:15:00Z")),
        };
        insta::assert_snapshot!(line(&user, at("2026-11-24T12:01:00Z")), @"ann: admin, invited, its link is good until 2026-11-24T12:15:00Z, never signed in");
        let disabled = KeptUser {
            disabled_at: Some(at("2026-11-25T12:00:00Z")),
            signed_in_at: Some(at("2026-11-24T13:00:00Z")),
            ..user
        };
        insta::assert_snapshot!(line(&disabled, at("2026-11-25T12:01:00Z")), @"ann: admin, disabled, last signed in 2026-11-24T13:00:00Z");
    }
}
