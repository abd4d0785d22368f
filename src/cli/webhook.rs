//! `aftertone webhook`: which endpoints there are, and whether a message that was received is one of ours.

use std::{
    fs,
    io::{self, Read as _},
    path::PathBuf,
};

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{CliError, Exit, database, printer::Printer};
use crate::{
    config::Config,
    hooks::{MessageFault, ReceivedMessage, VerifiedMessage, VerifyingKey, shown},
    store::Webhook,
};

/// Look at endpoints of webhooks, and verify what one has received
///
/// Endpoints are made, changed and removed by the API: `POST /api/v1/webhooks`.
#[derive(Debug, Args)]
pub(super) struct WebhookArgs {
    #[command(subcommand)]
    command: WebhookCommand,
}

#[derive(Debug, Subcommand)]
enum WebhookCommand {
    List(WebhookListArgs),
    Verify(WebhookVerifyArgs),
}

/// Show the endpoints: where they are, whether anything is sent to them, and how it is signed
#[derive(Debug, Args)]
struct WebhookListArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Find out whether a message that an endpoint received is genuine, and if not, why
///
/// Give it the body byte for byte as it came, the three headers, and the secret of the endpoint (`whsec_…`) or its public key
/// (`whpk_…`) in a file or in $AFTERTONE_WEBHOOK_SECRET. It needs no configuration and no database. The exit status is 0 if one of the
/// signatures fits and the time is within the tolerance, 1 if not, and 2 if it could not be found out.
#[derive(Debug, Args)]
struct WebhookVerifyArgs {
    /// The body; `-` for standard input
    #[arg(value_name = "FILE")]
    body: PathBuf,
    /// The header `webhook-id`
    #[arg(long, value_name = "ID")]
    id: String,
    /// The header `webhook-timestamp`
    #[arg(long, value_name = "SECONDS")]
    timestamp: String,
    /// The header `webhook-signature`
    #[arg(long, value_name = "SIGNATURES")]
    signature: String,
    /// A file with the secret or the public key [default: $AFTERTONE_WEBHOOK_SECRET]
    #[arg(long, value_name = "PATH")]
    secret_file: Option<PathBuf>,
    /// How far the time may be off, such as 5m; `none` takes any
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = tolerance)]
    tolerance: SignedDuration,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Carries out a command.
///
/// # Errors
/// [`CliError`] if it could not be started.
pub(super) async fn run(
    args: &WebhookArgs,
    config: impl FnOnce() -> Result<Config, CliError>,
    printer: Printer,
) -> Result<Exit, CliError> {
    match &args.command {
        WebhookCommand::List(args) => list(args, &config()?, printer).await,
        WebhookCommand::Verify(args) => verify(args, printer),
    }
}

async fn list(args: &WebhookListArgs, config: &Config, printer: Printer) -> Result<Exit, CliError> {
    let store = database::open_to_read(config).await?;
    let webhooks = store.webhooks(None, true, usize::MAX).await;
    let mut all = Vec::new();
    for webhook in webhooks.map_err(database::trouble)? {
        let secrets = store.webhook_secrets(webhook.id, database::now()).await;
        let secrets = secrets.map_err(database::trouble)?.into_iter();
        let secrets: Vec<_> = secrets
            .map(|secret| (shown(&secret.sealed), secret.expires_at))
            .collect();
        if args.json {
            let secrets = secrets.into_iter().map(|(secret, expires_at)| {
                json!({
                    "signature": secret.kind.slug(), "public_key": secret.public_key, "expires_at": expires_at,
                })
            });
            all.push(object(&webhook, secrets.collect()));
            continue;
        }
        let state = match webhook.disabled {
            None => "enabled".to_owned(),
            Some((because, at)) => format!("disabled ({}) since {at}", because.slug()),
        };
        printer.line(&format!(
            "{}  {}  {state}",
            webhook.id, webhook.settings.url
        ));
        for (secret, expires_at) in secrets {
            let key = secret.public_key.as_deref().unwrap_or("a shared secret");
            let until = expires_at.map_or_else(String::new, |at| format!(", until {at}"));
            printer.line(&format!(
                "  signed with {}: {key}{until}",
                secret.kind.slug()
            ));
        }
    }
    if args.json {
        printer.json(&json!({ "webhooks": all }));
    }
    Ok(Exit::Success)
}

fn object(webhook: &Webhook, secrets: Vec<Value>) -> Value {
    json!({
        "id": webhook.id.to_string(),
        "url": webhook.settings.url,
        "description": webhook.settings.description,
        "enabled": webhook.disabled.is_none(),
        "disabled_because": webhook.disabled.map(|(because, _)| because.slug()),
        "secrets": secrets,
    })
}

fn verify(args: &WebhookVerifyArgs, printer: Printer) -> Result<Exit, CliError> {
    let key = read_key(args)?;
    let body = if args.body.as_os_str() == "-" {
        let mut body = Vec::new();
        let read = io::stdin().read_to_end(&mut body);
        read.context("cannot read standard input").map(|_| body)
    } else {
        fs::read(&args.body).with_context(|| format!("cannot read {}", args.body.display()))
    };
    let body = body.map_err(CliError::new)?;
    let message = ReceivedMessage {
        id: &args.id,
        timestamp: &args.timestamp,
        signature: &args.signature,
        body: &body,
    };
    let verified = key.verify(message, args.tolerance, database::now());
    if args.json {
        printer.json(&verified_object(&verified));
    } else {
        match &verified {
            Ok(good) => printer.line(&format!(
                "genuine: signature {} of {} fits (`{}`), {}",
                good.nth,
                good.of,
                good.kind.slug(),
                sent(good.age)
            )),
            Err(fault) => {
                CliError::new(anyhow!("not taken: {}", fault.words())).print(printer);
            }
        }
    }
    Ok(if verified.is_ok() {
        Exit::Success
    } else {
        Exit::Failure
    })
}

fn verified_object(verified: &Result<VerifiedMessage, MessageFault>) -> Value {
    let good = verified.as_ref().ok();
    let fault = verified.as_ref().err();
    json!({
        "genuine": good.is_some(),
        "signature": good.map(|good| good.nth),
        "kind": good.map(|good| good.kind.slug()),
        "age_seconds": good.map(|good| good.age.as_secs()),
        "fault": fault.map(MessageFault::slug),
        "words": fault.map(MessageFault::words),
    })
}

/// When a message was sent, from its age.
fn sent(age: SignedDuration) -> String {
    if age.is_negative() {
        format!("dated {} s ahead", -age.as_secs())
    } else {
        format!("sent {} s ago", age.as_secs())
    }
}

/// The secret or the public key; neither is ever said.
fn read_key(args: &WebhookVerifyArgs) -> Result<VerifyingKey, CliError> {
    let text = match &args.secret_file {
        Some(file) => fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))
            .map_err(CliError::new)?,
        None => std::env::var(SECRET).map_err(|_| {
            CliError::new(anyhow!("there is no secret to verify with"))
                .hint(format!("name a file with --secret-file, or set ${SECRET}"))
        })?,
    };
    VerifyingKey::parse(&text).ok_or_else(|| {
        CliError::new(anyhow!("the secret is none of ours")).hint(
            "expected `whsec_` or, of an endpoint with Ed25519, `whpk_`, and 32 bytes in base64",
        )
    })
}

/// A span such as `5m`, or any.
fn tolerance(text: &str) -> Result<SignedDuration, String> {
    if text == "none" {
        return Ok(Timestamp::MAX.duration_since(Timestamp::MIN));
    }
    let span = text.parse::<SignedDuration>();
    let span = span.map_err(|_| "expected a duration such as `5m`, or `none`".to_owned())?;
    if span.is_negative() {
        return Err("expected a duration such as `5m`, or `none`".to_owned());
    }
    Ok(span)
}

const SECRET: &str = "AFTERTONE_WEBHOOK_SECRET";
