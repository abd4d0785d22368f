//! How prompts travel between stores: a line of JSON for each, with its fingerprint and without any sound, number or call.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::PromptEntry;
use crate::{screen::book::Prints, words::PromptEnd};

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportedPrompt {
    ends: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    beep_ms: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// Base 64.
    prints: String,
}

/// Prompts as lines of JSON.
pub fn write_export<'a>(prompts: impl IntoIterator<Item = &'a PromptEntry>) -> String {
    let mut lines = String::new();
    for prompt in prompts {
        let exported = ExportedPrompt {
            ends: prompt.ends.to_string(),
            beep_ms: prompt.beep_ms,
            label: prompt.label.clone(),
            prints: encode(&prompt.prints.to_bytes()),
        };
        lines.push_str(&serde_json::to_string(&exported).unwrap_or_default());
        lines.push('\n');
    }
    lines
}

/// Prompts from [`write_export`].
///
/// # Errors
/// [`BadExport`] of the first line that is none.
pub fn read_export(text: &str) -> Result<Vec<PromptEntry>, BadExport> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(nth, line)| read_line(line).map_err(|why| BadExport { line: nth + 1, why }))
        .collect()
}

fn read_line(line: &str) -> Result<PromptEntry, String> {
    let read: ExportedPrompt = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let ends = PromptEnd::of(&read.ends);
    let ends = ends.ok_or_else(|| format!("`{}` is not how a prompt ends", read.ends))?;
    let bytes = decode(&read.prints).ok_or("its fingerprint is not base 64")?;
    let prints = Prints::from_bytes(&bytes).map_err(|error| error.to_string())?;
    if prints.is_empty() {
        return Err("its fingerprint is empty".to_owned());
    }
    Ok(PromptEntry {
        ends,
        beep_ms: read.beep_ms,
        label: read.label,
        prints,
    })
}

/// Why a file is no export of prompts.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line} is not a prompt: {why}")]
pub struct BadExport {
    /// Which line, from 1 on.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - three.len()));
        for nth in 0..=three.len() {
            text.push(char::from(DIGITS[(bits >> (18 - 6 * nth)) as usize & 63]));
        }
    }
    text
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for four in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for digit in four {
            bits = bits << 6 | DIGITS.iter().position(|known| known == digit)? as u32;
        }
        let whole = four.len().checked_sub(1).filter(|whole| *whole > 0)?;
        bits <<= 6 * (4 - four.len());
        bytes.extend(&bits.to_be_bytes()[1..=whole]);
    }
    Some(bytes)
}

/// Base 64 of RFC 4648, without padding.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        assert_eq!(encode(b"Man"), "TWFu");
        assert_eq!(encode(b"Ma"), "TWE");
        for length in 0..70_u8 {
            let bytes: Vec<u8> = (0..length).map(|n| n.wrapping_mul(91)).collect();
            assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
        assert_eq!(decode("TW=u"), None);
        assert_eq!(decode("A"), None);
    }

    #[test]
    fn a_line_that_is_no_prompt_is_named() {
        let error = read_export("\n{}\n").unwrap_err();
        assert_eq!(error.line, 2);
        let error = read_export(r#"{"ends":"never","prints":""}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 1 is not a prompt: `never` is not how a prompt ends"
        );
        let error = read_export(r#"{"ends":"menu","prints":"AgAAAAA"}"#).unwrap_err();
        assert_eq!(error.why, "its fingerprint is empty");
    }
}
