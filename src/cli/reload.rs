//! `aftertone reload`: a service reads its configuration anew.

use std::path::Path;

use anyhow::anyhow;
use clap::Args;

use super::{CliError, Exit, printer::Printer, serve::ask_to_reload};
use crate::config::Config;

/// Have `aftertone serve` on this machine read its configuration anew
///
/// The service takes up `[gate]`, `[trunk]`, `[price]`, `[retention]`, its certificate, and of `[serve]` `drain`, `log`, `public_url` and
/// `requests_per_second` at once, without a call being lost; what was decided before goes on as decided. Other keys count from its
/// next start on, and are named. If the configuration is wrong, or the certificate, the service keeps what it has. SIGHUP does the
/// same, and its log says what came of it.
///
/// The exit status is 0 if the configuration was taken up, 1 if it is wrong, and 2 if no service could be reached.
#[derive(Debug, Args)]
pub(super) struct ReloadArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Has the service read its configuration anew.
///
/// # Errors
/// [`CliError`] if there is none that could.
pub(super) async fn run(
    args: &ReloadArgs,
    file: Option<&Path>,
    printer: Printer,
) -> Result<Exit, CliError> {
    let config = match Config::load_for_database(file) {
        Ok(config) => config,
        Err(error) => {
            CliError::new(error)
                .hint("the service goes on with the configuration that it has")
                .print(printer);
            return Ok(Exit::Failure);
        }
    };
    let listen = config.serve.listen;
    let answer = ask_to_reload(&config.state_dir, listen).await;
    let answer = answer.map_err(|error| {
        let words = format!("no `aftertone serve` that is configured to listen on {listen} can be reached");
        CliError::new(anyhow!(error).context(words)).hint(
            "it has to run on this machine, with this `state_dir`; a change of `serve.listen` needs a restart",
        )
    })?;
    let exit = match &answer.error {
        Some(_) => Exit::Failure,
        None => Exit::Success,
    };
    if args.json {
        printer.json(&answer);
        return Ok(exit);
    }
    if let Some(error) = &answer.error {
        CliError::new(anyhow!("{error}"))
            .hint("the service goes on with the configuration that it has")
            .print(printer);
        return Ok(exit);
    }
    if answer.live.is_empty() {
        printer.line("nothing has changed that can be taken up");
    } else {
        printer.line(&format!("taken up: {}", answer.live.join(", ")));
    }
    if !answer.at_restart.is_empty() {
        printer.warning(&format!(
            "from the next start on: {}",
            answer.at_restart.join(", ")
        ));
    }
    Ok(exit)
}
