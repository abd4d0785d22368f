//! `aftertone token`: tokens of the API.

use anyhow::anyhow;
use clap::{Args, Subcommand};
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{CliError, Exit, database, operator::Because, printer::Printer};
use crate::{
    auth::{KeptToken, Scope, Scopes, Token, TokenId},
    config::Config,
    store::AuditEntry,
};

/// Make, list and revoke tokens of the API
///
/// A token is what a program shows to `aftertone serve`: it is good for its scopes, until it expires or is revoked. It is
/// shown once, when it is made; the database has its digest only.
#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    Add(AddArgs),
    List(TokenListArgs),
    Revoke(RevokeArgs),
}

/// Make a token, and show it once
#[derive(Debug, Args)]
struct AddArgs {
    /// What it is for, such as the program that will have it
    name: String,
    /// What it is good for, such as `drops:write`; may be given several times
    #[arg(long = "scope", required = true, value_name = "SCOPE")]
    scopes: Vec<Scope>,
    /// How long it is good: a number of days, or `never`
    #[arg(long, value_name = "DAYS", default_value = "90", value_parser = days)]
    expires: Expiry,
    /// A network from which it may be used, such as 10.1.0.0/16 [default: all]; may be given several times
    #[arg(long = "network", value_name = "NETWORK")]
    networks: Vec<IpNet>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    because: Because,
}

/// List the tokens, the latest first
#[derive(Debug, Args)]
struct TokenListArgs {
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

/// Revoke a token: from now on it is good for nothing
#[derive(Debug, Args)]
struct RevokeArgs {
    /// Its id, as `aftertone token list` shows it
    #[arg(value_parser = id)]
    id: TokenId,
    #[command(flatten)]
    because: Because,
}

/// How long a token is good.
#[derive(Clone, Copy, Debug)]
enum Expiry {
    Days(u32),
    Never,
}

/// Carries out a command.
///
/// # Errors
/// [`CliError`] if it could not be started.
pub(super) async fn run(
    args: &TokenArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    match &args.command {
        TokenCommand::Add(args) => add(args, config, printer).await,
        TokenCommand::List(args) => list(args, config, printer).await,
        TokenCommand::Revoke(args) => revoke(args, config, printer).await,
    }
}

async fn add(args: &AddArgs, config: &Config, printer: Printer) -> Result<Exit, CliError> {
    let name = args.name.trim();
    if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        let words =
            format!("a token's name has 1 to {LONGEST_NAME} bytes, and no control characters");
        return Err(CliError::new(anyhow!(words)));
    }
    let mut random = [0; 40];
    getrandom::fill(&mut random)
        .map_err(|error| CliError::new(anyhow!("no random bytes can be had: {error}")))?;
    let token = Token::of(&random);
    let store = database::open(config).await?;
    let (now, who) = (database::now(), args.because.who());
    let expires_at = match args.expires {
        Expiry::Never => None,
        Expiry::Days(days) => Some(now + SignedDuration::from_hours(i64::from(days) * 24)),
    };
    let kept = KeptToken {
        id: token.id().clone(),
        name: name.to_owned(),
        scopes: args.scopes.iter().copied().collect(),
        digest: token.digest(),
        created_at: now,
        created_by: who.clone(),
        expires_at,
        networks: args.networks.clone(),
        last_used_at: None,
        last_used_from: None,
        revoked_at: None,
    };
    let entry = AuditEntry {
        after: Some(object(&kept, now).to_string()),
        ..entry(now, &who, "token.add", token.id(), args.because.because())
    };
    let added = store.audited(entry).add_token(&kept).await;
    added.map_err(database::trouble)?;
    if args.json {
        let mut object = object(&kept, now);
        object["token"] = token.expose().into();
        printer.json(&object);
        return Ok(Exit::Success);
    }
    printer.line(token.expose());
    let until = match expires_at {
        Some(at) => format!("until {at:.0}"),
        None => "until it is revoked".to_owned(),
    };
    printer.talk(&format!(
        "token {} (`{name}`) is good for {} {until}; it is not shown again",
        kept.id,
        words(&kept.scopes)
    ));
    Ok(Exit::Success)
}

async fn list(args: &TokenListArgs, config: &Config, printer: Printer) -> Result<Exit, CliError> {
    let store = database::open_to_read(config).await?;
    let now = database::now();
    let tokens = store.tokens().await.map_err(database::trouble)?;
    if args.json {
        let objects: Vec<_> = tokens.iter().map(|token| object(token, now)).collect();
        printer.json(&objects);
        return Ok(Exit::Success);
    }
    if tokens.is_empty() {
        printer.line("there is no token yet");
        printer.hint("`aftertone token add NAME --scope drops:write` makes one");
    }
    for token in &tokens {
        printer.line(&line(token, now));
    }
    Ok(Exit::Success)
}

async fn revoke(args: &RevokeArgs, config: &Config, printer: Printer) -> Result<Exit, CliError> {
    let store = database::open(config).await?;
    let (now, id, who) = (database::now(), &args.id, args.because.who());
    let entry = entry(now, &who, "token.revoke", id, args.because.because());
    let revoked = store.audited(entry).revoke_token(id, now).await;
    if !revoked.map_err(database::trouble)? {
        let problem = anyhow!("there is no token `{id}` that is good");
        return Err(CliError::new(problem).hint("`aftertone token list` lists the tokens"));
    }
    printer.line(&format!("{id}: revoked"));
    Ok(Exit::Success)
}

fn entry(
    at: Timestamp,
    who: &str,
    action: &str,
    id: &TokenId,
    because: Option<&str>,
) -> AuditEntry {
    AuditEntry {
        at,
        who: who.to_owned(),
        via: "cli",
        ip: None,
        request_id: None,
        action: action.to_owned(),
        object: format!("token:{id}"),
        before: None,
        after: because.map(|because| json!({"because": because}).to_string()),
    }
}

fn object(token: &KeptToken, now: Timestamp) -> Value {
    let networks: Vec<_> = token.networks.iter().map(ToString::to_string).collect();
    let scopes: Vec<_> = token.scopes.iter().map(Scope::slug).collect();
    json!({
        "id": token.id.as_str(),
        "name": token.name,
        "scopes": scopes,
        "networks": networks,
        "state": state(token, now),
        "created_at": token.created_at,
        "created_by": token.created_by,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "last_used_from": token.last_used_from,
        "revoked_at": token.revoked_at,
    })
}

fn line(token: &KeptToken, now: Timestamp) -> String {
    let used = match (token.last_used_at, token.last_used_from) {
        (Some(at), Some(from)) => format!("last used {at:.0} from {from}"),
        (Some(at), None) => format!("last used {at:.0}"),
        (None, _) => "never used".to_owned(),
    };
    let until = match (token.revoked_at, token.expires_at) {
        (Some(at), _) => format!("revoked {at:.0}"),
        (None, Some(at)) if at <= now => format!("expired {at:.0}"),
        (None, Some(at)) => format!("until {at:.0}"),
        (None, None) => "does not expire".to_owned(),
    };
    let (id, name) = (&token.id, token.name.escape_debug());
    format!("{id}  {name}: {}; {until}; {used}", words(&token.scopes))
}

fn state(token: &KeptToken, now: Timestamp) -> &'static str {
    match token.revoked_at {
        Some(_) => "revoked",
        None if token.is_good(now) => "good",
        None => "expired",
    }
}

fn words(scopes: &Scopes) -> String {
    let slugs: Vec<_> = scopes.iter().map(Scope::slug).collect();
    slugs.join(", ")
}

fn days(text: &str) -> Result<Expiry, String> {
    if text == "never" {
        return Ok(Expiry::Never);
    }
    let number = text.strip_suffix('d').unwrap_or(text);
    let days = number
        .parse()
        .ok()
        .filter(|days| (1..=MOST_DAYS).contains(days));
    days.map(Expiry::Days)
        .ok_or_else(|| format!("expected 1 to {MOST_DAYS} days, such as `30`, or `never`"))
}

fn id(text: &str) -> Result<TokenId, String> {
    TokenId::new(text).ok_or_else(|| "expected 8 letters and digits".to_owned())
}

const LONGEST_NAME: usize = 100;
const MOST_DAYS: u32 = 3_650;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_line() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-11-24T12:00:00Z");
        let token = KeptToken {
            id: TokenId::new("a1B2c3D4").unwrap(),
            name: "crm".to_owned(),
            scopes: Scopes::from_iter([Scope::DropsWrite, Scope::DropsRead]),
            digest: crate::auth::TokenDigest::stored(String::new()),
            created_at: at("2026-11-01T00:00:00Z"),
            created_by: "ann".to_owned(),
            expires_at: Some(at("2027-01-30T00:00:00Z")),
            networks: Vec::new(),
            last_used_at: Some(at("2026-11-24T11:59:00Z")),
            last_used_from: Some("10.1.2.3".parse().unwrap()),
            revoked_at: None,
        };
        insta::assert_snapshot!(line(&token, now), @"a1B2c3D4  crm: drops:write, drops:read; until 2027-01-30T00:00:00Z; last used 2026-11-24T11:59:00Z from 10.1.2.3");
        assert_eq!(state(&token, now), "good");
        assert_eq!(state(&token, at("2027-02-01T00:00:00Z")), "expired");
    }

    #[test]
    fn a_token_is_good_for_days_or_for_ever() {
        assert!(matches!(days("90"), Ok(Expiry::Days(90))));
        assert!(matches!(days("7d"), Ok(Expiry::Days(7))));
        assert!(matches!(days("never"), Ok(Expiry::Never)));
        for bad in ["0", "-1", "3651", "90h", ""] {
            assert!(days(bad).is_err(), "{bad}");
        }
    }
}
