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
    let print = |prompt: &StoredPrompt| {
        if args.json {
            printer.json(&view(prompt));
        } else {
            printer.line(&line(prompt));
        }
    };
    let shipped = shipped_here(store).await?;
    let is_contradicted = |prompt: &&StoredPrompt| prompt.contradicted.is_some();
    let stored = store.contradicted_prompts(usize::MAX).await;
    let mut contradicted = stored.map_err(database::trouble)?;
    contradicted.extend(shipped.iter().filter(is_contradicted).cloned());
    contradicted.sort_by_key(|prompt| prompt.id);
    contradicted.iter().for_each(print);
    let mut is_empty = contradicted.is_empty();
    if !args.contradicted {
        let mut others = shipped;
        others.retain(|prompt| prompt.contradicted.is_none());
        let mut after = None;
        loop {
            let page = store.prompts_after(after, PAGE).await;
            let page = page.map_err(database::trouble)?;
            after = page.last().map(|prompt| prompt.id);
            let is_last = page.len() < PAGE;
            others.extend(page);
            // Those that come with the program have numbers of their own, behind all that are learnt.
            others.sort_by_key(|prompt| prompt.id);
            let ready = others
                .iter()
                .take_while(|prompt| is_last || Some(prompt.id) <= after)
                .count();
            for prompt in others.drain(..ready) {
                if prompt.contradicted.is_none() {
                    print(&prompt);
                    is_empty = false;
                }
            }
            if is_last {
                break;
            }
        }
    }
    if args.json {
        return Ok(Exit::Success);
    }
    if is_empty {
        printer.line("no prompts");
    } else if !contradicted.is_empty() {
        printer.hint(
            "`aftertone prompts label NUMBER --ends END` says how a contradicted prompt ends",
        );
    }
    Ok(Exit::Success)
}

/// A prompt of the store, or one that comes with the program.
pub(super) async fn one(store: &Store, id: u32) -> Result<Option<StoredPrompt>, CliError> {
    let found = store.prompt(id).await.map_err(database::trouble)?;
    if found.is_some() || id < FIRST_SHIPPED {
        return Ok(found);
    }
    let shipped = shipped_here(store).await?;
    Ok(shipped.into_iter().find(|prompt| prompt.id == id))
}

/// The prompts that come with the program and that nobody has changed, with the calls in which they were heard here.
async fn shipped_here(store: &Store) -> Result<Vec<StoredPrompt>, CliError> {
    let changed = store.prompts_after(Some(FIRST_SHIPPED - 1), shipped().len());
    let changed = changed.await.map_err(database::trouble)?;
    let mut prompts = Vec::new();
    for (id, prompt) in (FIRST_SHIPPED..).zip(shipped()) {
        if changed.iter().any(|stored| stored.id == id) {
            continue;
        }
        let shipped = prompt.stored(PromptOrigin::Shipped);
        let heard = store.unchanged_prompt(id, &shipped).await;
        prompts.push(heard.map_err(database::trouble)?);
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

/// How many prompts are read at once.
const PAGE: usize = 500;

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
