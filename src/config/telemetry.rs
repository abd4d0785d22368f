//! `[telemetry]`: where traces of drops are sent.

use super::{ConfigError, layers::Layers};

/// Where traces of drops are sent, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// The collector that takes them by OTLP over HTTP; `None`: none are sent.
    pub otlp: Option<String>,
    /// How many of a hundred drops in which nothing went wrong, 0 to 100.
    pub traces: u32,
}

pub(super) fn telemetry(layers: &Layers) -> Result<TelemetryConfig, ConfigError> {
    let expected = "the address of a collector, such as `http://127.0.0.1:4318`";
    Ok(TelemetryConfig {
        otlp: layers.parsed("telemetry.otlp", expected, address)?,
        traces: layers.whole("telemetry.traces", 1, 0..=100)?,
    })
}

fn address(text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    let fits = host.is_some_and(|host| !host.is_empty() && !host.contains('@'))
        && !text.contains(char::is_whitespace);
    if fits {
        Ok(text.to_owned())
    } else {
        Err("it is not an address of HTTP".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_by_an_address_of_http() {
        for text in [
            "http://127.0.0.1:4318",
            "https://otel.example/v1/traces",
            "http://[::1]:4318/",
        ] {
            assert_eq!(address(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            "127.0.0.1:4318",
            "http://",
            "http:///v1",
            "grpc://a:4317",
            "http://user@host",
            "http://a b",
        ] {
            assert!(address(text).is_err(), "{text}");
        }
    }
}
