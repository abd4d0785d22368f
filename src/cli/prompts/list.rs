//! What `aftertone prompts list` shows.

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::super::{CliError, Exit, database, printer::Printer};
use crate::{
    controller::prompts::{FIRST_SHIPPED, shipped},
    screen::book::Prints,
    store::{PromptOrigin, Store, StoredPrompt},
    words::PromptEnd,
};

/// List the prompts of the book
///
/// Those that need you come first: prompts whose calls contradict each other are not in use until you say how they end.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only prompts that calls have contradicted
    #[arg(long)]
    contradicted: bool,
    /// Print JSON, one object for each prompt, each on its own line
    #[arg(long)]
    json: bool,
}

/// A prompt in JSON.
#[derive(Debug, Serialize)]
pub(super) struct PromptView {
    prompt: u32,
    origin: &'static str,
    ends: PromptEnd,
    beep_ms: Option<u32>,
    length_ms: u32,
    label: Option<String>,
    in_use: bool,
    labelled: bool,
    calls: u64,
    numbers: u64,
    first_heard: Option<Timestamp>,
    last_heard: Option<Timestamp>,
    contradictions: u64,
    contradicted_by: Option<PromptEnd>,
}

pub(super) async fn run(
    args: &ListArgs,
    store: &Store,
    printer: Printer,
) -> Result<Exit, CliError> {
    let mut prompts = all(store).await?;
    prompts.retain(|prompt| !args.contradicted || prompt.contradicted.is_some());
    prompts.sort_by_key(|prompt| (prompt.contradicted.is_none(), prompt.id));
    if args.json {
        prompts
            .iter()
            .for_each(|prompt| printer.json(&view(prompt)));
        return Ok(Exit::Success);
    }
    for prompt in &prompts {
        printer.line(&line(prompt));
    }
    if prompts.is_empty() {
        printer.line("no prompts");
    } else if prompts.iter().any(|prompt| prompt.contradicted.is_some()) {
        printer.hint(
            "`aftertone prompts label NUMBER --ends END` says how a contradicted prompt ends",
        );
    }
    Ok(Exit::Success)
}

/// The prompts of the store, and those that come with the program.
pub(super) async fn all(store: &Store) -> Result<Vec<StoredPrompt>, CliError> {
    let mut prompts = store.prompts().await.map_err(database::trouble)?;
    for (id, prompt) in (FIRST_SHIPPED..).zip(shipped()) {
        if prompts.iter().any(|stored| stored.id == id) {
            continue;
        }
        let new = prompt.stored(PromptOrigin::Shipped);
        let hearings = store.prompt_hearings(id).await.map_err(database::trouble)?;
        let mut numbers: Vec<_> = hearings.iter().map(|heard| heard.number.digits()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let against = hearings.iter().filter_map(|heard| heard.ends);
        let against: Vec<_> = against.filter(|ends| *ends != new.ends).collect();
        prompts.push(StoredPrompt {
            id,
            origin: new.origin,
            ends: new.ends,
            beep_ms: new.beep_ms,
            length_ms: new.length_ms,
            bytes: new.prints.len() as u64,
            version: new.prints.first().copied(),
            label: new.label,
            is_labelled: false,
            calls: hearings.len() as u64,
            numbers: numbers.len() as u64,
            first_heard: hearings.last().map(|heard| heard.at),
            last_heard: hearings.first().map(|heard| heard.at),
            contradicted: against.last().map(|ends| (against.len() as u64, *ends)),
        });
    }
    Ok(prompts)
}

pub(super) fn view(prompt: &StoredPrompt) -> PromptView {
    PromptView {
        prompt: prompt.id,
        origin: prompt.origin.as_str(),
        ends: prompt.ends,
        beep_ms: prompt.beep_ms,
        length_ms: prompt.length_ms,
        label: prompt.label.clone(),
        in_use: is_used(prompt),
        labelled: prompt.is_labelled,
        calls: prompt.calls,
        numbers: prompt.numbers,
        first_heard: prompt.first_heard,
        last_heard: prompt.last_heard,
        contradictions: prompt.contradicted.map_or(0, |(calls, _)| calls),
        contradicted_by: prompt.contradicted.map(|(_, ends)| ends),
    }
}

/// Whether calls are decided by it: its fingerprint also has to be one that this program reads.
fn is_used(prompt: &StoredPrompt) -> bool {
    prompt.is_in_use() && is_readable(prompt)
}

/// Whether its fingerprint is of this program's version.
pub(super) fn is_readable(prompt: &StoredPrompt) -> bool {
    prompt.version == Some(Prints::VERSION)
}

/// A prompt on one line.
pub(super) fn line(prompt: &StoredPrompt) -> String {
    let length = f64::from(prompt.length_ms) / 1_000.0;
    let mut line = format!("{:>7}  {:<14} {length:5.1} s  ", prompt.id, prompt.ends);
    line += &match (prompt.contradicted, is_used(prompt)) {
        (Some((calls, ends)), _) => format!("contradicted: {ends} in {calls} calls"),
        (None, true) => "in use".to_owned(),
        (None, false) if prompt.bytes == 0 => "forgotten".to_owned(),
        (None, false) if !is_readable(prompt) => {
            "not in use: an older program learnt it, and it is learnt anew".to_owned()
        }
        (None, false) => "not in use: heard at one number".to_owned(),
    };
    if let Some(ms) = prompt.beep_ms {
        line += &format!("; beep after {:.1} s", f64::from(ms) / 1_000.0);
    }
    line += &match prompt.last_heard {
        Some(last) => format!(
            "; {} calls, {} numbers, last {}",
            prompt.calls,
            prompt.numbers,
            last.strftime("%F")
        ),
        None => "; not heard yet".to_owned(),
    };
    if let Some(label) = &prompt.label {
        line += &format!("; {}", label.escape_debug());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_shown_with_what_keeps_it_out_of_use() {
        let prompt = StoredPrompt {
            id: 12,
            origin: PromptOrigin::Learnt,
            ends: PromptEnd::Records,
            beep_ms: Some(7_250),
            length_ms: 7_040,
            bytes: 9,
            version: Some(Prints::VERSION),
            label: None,
            is_labelled: false,
            calls: 3,
            numbers: 1,
            first_heard: None,
            last_heard: Some(Timestamp::UNIX_EPOCH),
            contradicted: None,
        };
        insta::assert_snapshot!(line(&prompt), @"     12  records          7.0 s  not in use: heard at one number; beep after 7.2 s; 3 calls, 1 numbers, last 1970-01-01");
        let contradicted = StoredPrompt {
            contradicted: Some((2, PromptEnd::Connects)),
            numbers: 2,
            ..prompt.clone()
        };
        insta::assert_snapshot!(line(&contradicted), @"     12  records          7.0 s  contradicted: connects in 2 calls; beep after 7.2 s; 3 calls, 2 numbers, last 1970-01-01");
        // Whatever was said of it.
        let older = StoredPrompt {
            version: Some(1),
            is_labelled: true,
            ..prompt
        };
        insta::assert_snapshot!(line(&older), @"     12  records          7.0 s  not in use: an older program learnt it, and it is learnt anew; beep after 7.2 s; 3 calls, 1 numbers, last 1970-01-01");
        assert!(!view(&older).in_use);
    }
}
