//! What `aftertone prompts show` shows: where a prompt was heard, and its picture.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use serde_json::json;

use super::{
    super::{CliError, Exit, database, printer::Printer},
    find, list,
};
use crate::{
    controller::prompts::shipped_prompt,
    evidence::{Layout, PictureFormat, PromptPicture, save},
    screen::book::Prints,
    store::{PromptHearing, Store, StoredPrompt},
};

/// Show a prompt: where and how often it was heard, the evidence, and a picture
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The prompt, by its number
    prompt: u32,
    /// Draw its fingerprint into a file that ends in .svg or .png
    #[arg(long, value_name = "OUT")]
    picture: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Show numbers in full
    #[arg(long)]
    full_number: bool,
}

pub(super) async fn run(
    args: &ShowArgs,
    store: &Store,
    printer: Printer,
) -> Result<Exit, CliError> {
    let prompt = find(store, args.prompt).await?;
    let hearings = store.prompt_hearings(args.prompt).await;
    let hearings = hearings.map_err(database::trouble)?;
    if args.json {
        let heard: Vec<_> = hearings
            .iter()
            .map(|heard| {
                json!({
                    "call": heard.call,
                    "number": heard.number.shown(args.full_number),
                    "at": heard.at,
                    "ends": heard.ends,
                    "campaign": heard.campaign,
                    "pbx": heard.pbx,
                    "evidence": heard.evidence,
                })
            })
            .collect();
        printer.json(&json!({ "prompt": list::view(&prompt), "heard": heard }));
    } else {
        printer.line(&list::line(&prompt));
        for heard in &hearings {
            printer.line(&hearing_line(heard, args.full_number));
        }
    }
    if let Some(path) = &args.picture {
        let format = PictureFormat::of(path).ok_or_else(|| {
            let error = anyhow!(
                "`--picture {}` does not end in .svg or .png",
                path.display()
            );
            CliError::new(error).hint("name a file such as `--picture prompt.svg`")
        })?;
        let prints = prints(store, args.prompt).await?;
        save(&picture(&prompt, &prints), format, path).map_err(CliError::new)?;
        printer.talk(&format!("the picture is in {}", path.display()));
    }
    Ok(Exit::Success)
}

fn hearing_line(heard: &PromptHearing, in_full: bool) -> String {
    let ends = heard
        .ends
        .map_or("its end is not known", |ends| ends.as_str());
    let mut line = format!(
        "  {}  {}  {ends}  {}",
        heard.at.strftime("%F %T"),
        heard.number.shown(in_full),
        heard.call
    );
    if let Some(campaign) = heard.campaign {
        line += &format!("  campaign {campaign}");
    }
    if let Some(pbx) = &heard.pbx {
        line += &format!("  pbx {pbx}");
    }
    if let Some(evidence) = &heard.evidence {
        line += &format!("  {evidence}");
    }
    line
}

async fn prints(store: &Store, id: u32) -> Result<Prints, CliError> {
    if let Some(shipped) = shipped_prompt(id) {
        return Ok(shipped.prints.clone());
    }
    let found = store
        .prompt_prints(Some(id).filter(|id| *id > 0).map(|id| id - 1), id)
        .await;
    let found = found.map_err(database::trouble)?;
    let bytes = found.into_iter().next().unwrap_or_default().1;
    Prints::from_bytes(&bytes).map_err(CliError::new)
}

fn picture(prompt: &StoredPrompt, prints: &Prints) -> Layout {
    let peaks: Vec<_> = prints
        .points()
        .flat_map(|(at, (before, [earlier, later]))| [(before, earlier), (at, later)])
        .collect();
    let known = list::line(prompt);
    let lines: Vec<String> = known
        .split("; ")
        .map(|part| part.trim().to_owned())
        .collect();
    Layout::of_prompt(&PromptPicture {
        title: &format!("prompt {}: {}", prompt.id, prompt.ends),
        lines: &lines,
        seconds: prints.seconds(),
        beep: prompt.beep_ms.map(|ms| ms as f32 / 1_000.0),
        peaks: &peaks,
    })
}
