//! Commands that end drops have their traces sent, if they are to be sent.

use super::CliError;
use crate::{
    config::{Config, TelemetryConfig},
    telemetry::{self, TraceSending},
    traces::TracesKept,
};

/// Does a command's work, and has the traces sent of the drops that it ends.
///
/// # Errors
/// [`CliError`], the work's or if no traces can be sent.
pub(super) async fn traced<T>(
    config: &Config,
    work: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    let sending = begin(config)?;
    let done = work.await;
    if let Some(sending) = sending {
        sending.end().await;
    }
    done
}

/// Begins to send traces, if they are to be sent.
///
/// # Errors
/// [`CliError`].
pub(super) fn begin(config: &Config) -> Result<Option<TraceSending>, CliError> {
    let TelemetryConfig { otlp, traces } = &config.telemetry;
    let Some(url) = otlp else {
        return Ok(None);
    };
    let kept = TracesKept { percent: *traces };
    let begun = telemetry::begin_traces(url, &config.instance, kept);
    begun.map(Some).map_err(CliError::new)
}
