//! `aftertone healthcheck`: whether the service of this configuration is ready.

use std::{path::Path, time::Duration};

use clap::Args;

use super::{CliError, Exit, printer::Printer};
use crate::{config::Config, http::probe};

/// Ask `aftertone serve` on this machine whether it is ready
///
/// It asks for `/readyz` where the configuration says that the service listens, and prints what is not as it should be. It is made for
/// whatever looks after a container, such as Docker's HEALTHCHECK.
///
/// The exit status is 0 if the service is ready, 1 if it is not or does not answer, and 2 if the configuration is wrong.
#[derive(Debug, Args)]
pub(super) struct HealthcheckArgs {
    /// How long to wait for an answer: 1s to 60s
    #[arg(long, value_name = "DURATION", default_value = "8s", value_parser = seconds)]
    wait: Duration,
}

/// Asks once.
///
/// # Errors
/// [`CliError`] if the configuration is wrong.
pub(super) async fn run(
    args: &HealthcheckArgs,
    file: Option<&Path>,
    printer: Printer,
) -> Result<Exit, CliError> {
    let config = Config::load_for_database(file).map_err(CliError::new)?;
    let serve = &config.serve;
    match probe(serve.listen, serve.tls.is_some(), args.wait).await {
        Ok(said) if said.is_ready => {
            printer.line("ready");
            Ok(Exit::Success)
        }
        Ok(said) => {
            printer.line(&format!("not ready: {}", said.failed.join(", ")));
            Ok(Exit::Failure)
        }
        Err(error) => {
            printer.error(&error);
            Ok(Exit::Failure)
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix('s').unwrap_or(text).parse().ok();
    let number = number.filter(|number| (1..=60).contains(number));
    number
        .map(Duration::from_secs)
        .ok_or_else(|| "expected 1s to 60s".to_owned())
}
