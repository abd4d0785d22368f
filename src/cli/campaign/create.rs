//! `aftertone campaign create`, `add` and `set`.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    import::{self, ImportOptions},
    needs::{check_templates, refuse_lacking, warn_of_empty},
    options::{self, Options},
    read::ColumnUse,
};
use crate::{
    cli::{CliError, Exit, database, library, operator::by_user, printer::Printer},
    config::Config,
    import::NeededColumns,
    orders::{Spec, overlay},
    store::{AuditEntry, Campaign, NewCampaign, Status, Store},
};

/// Create a campaign, and import its list
///
/// Rows that cannot be imported are `rejected`: they go to a file of their own, each with the reason, and the others are
/// imported. The campaign is a draft: nothing of it is dialled, whatever runs, before `campaign run` or `campaign start`.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// The campaign's name: a-z, 0-9, `_` and `-`
    #[arg(value_parser = options::name)]
    name: String,
    /// A CSV file with a row for each contact
    list: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    import: ImportOptions,
}

/// Add a list to a campaign, correct its contacts by one, or resume an import that was interrupted
///
/// Contacts that the campaign has and never called are updated: their consent, zone, state, message, name, id and other
/// columns become those of their new row, and those that the gate refused are due again. Contacts that were called stay as
/// they are; their rows are rejected as `already_called`. Contacts that are added to a campaign that is complete make it a
/// draft again: nobody is called before it is started. The same list read by another `--map` or `--date-order` counts as
/// another list.
#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// The campaign's name
    name: String,
    /// A CSV file with a row for each contact
    list: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    import: ImportOptions,
}

/// Change a campaign's settings, even while it runs
///
/// Settings that are not given stay as they are; `none` resets one to its default. Without any setting, prints all of
/// them. Drops in flight keep the settings they started with.
#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// The campaign's name
    name: String,
    /// Print the settings as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    options: Options,
}

/// Creates a campaign.
///
/// # Errors
/// [`CliError`] if it is not created.
pub(super) async fn create(
    args: &CreateArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let keys = args.options.keys()?;
    // Looked at first: a list that cannot be imported leaves no campaign without contacts behind.
    let list = match &args.list {
        Some(list) => {
            let columns = import::look(list, &args.import)?;
            // What is wrong with the settings is said when they are read to make the campaign.
            if let Ok(spec) = Spec::from_keys(&keys) {
                refuse_lacking(&NeededColumns::of(&spec), list, &columns)?;
            }
            Some((list, columns))
        }
        None => None,
    };
    let store = database::open(config).await?;
    let begun = match &list {
        Some(_) => begun(&args.name, &keys, &store, config).await?,
        None => None,
    };
    let (campaign, done) = match begun {
        Some(campaign) => (campaign, "resuming its import"),
        None => (make(&args.name, &keys, &store, config).await?, "created"),
    };
    if !args.json {
        printer.line(&format!("{}: {done}", campaign.name));
    }
    let spec = ordered(&campaign)?;
    options::advise(None, &spec, config, printer);
    options::warn_of_double_calls(&spec, config, printer);
    let Some((list, columns)) = &list else {
        if args.json {
            printer.json(&json!({"campaign": campaign.name, "import": null}));
        } else {
            let name = &campaign.name;
            printer.hint(&format!(
                "`aftertone campaign add {name} LIST.csv` adds contacts"
            ));
        }
        return Ok(Exit::Success);
    };
    take_in(
        &campaign,
        list,
        columns,
        &args.import,
        &store,
        config,
        args.json,
        printer,
    )
    .await
}

/// Adds a list to a campaign.
///
/// # Errors
/// [`CliError`] if nothing is added.
pub(super) async fn add(
    args: &AddArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let columns = import::look(&args.list, &args.import)?;
    let store = database::open(config).await?;
    let campaign = find(&args.name, &store).await?;
    take_in(
        &campaign,
        &args.list,
        &columns,
        &args.import,
        &store,
        config,
        args.json,
        printer,
    )
    .await
}

/// Changes a campaign's settings.
///
/// # Errors
/// [`CliError`] if they are not changed.
pub(super) async fn set(
    args: &SetArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let store = database::open(config).await?;
    let campaign = find(&args.name, &store).await?;
    let given = args.options.keys()?;
    let mut spec = ordered(&campaign)?;
    if !given.is_empty() {
        let mut keys = spec.to_keys();
        overlay(&mut keys, given);
        spec = Spec::from_keys(&keys).map_err(options::wrong)?;
        let (library, targets) = library(config)?;
        options::prepare(&mut spec, &campaign.name, &library, &targets)?;
        check_templates(&spec, config)?;
        let now = database::now();
        let after = spec.to_json();
        let entry = AuditEntry {
            before: Some(campaign.spec.clone()),
            after: Some(after.clone()),
            ..by_user("campaign.change", &campaign.name)
        };
        let changed = store.audited(entry).reorder(campaign.id, &after, now).await;
        changed.map_err(database::trouble)?;
    }
    let keys = spec.to_keys();
    if args.json {
        printer.json(&keys);
    } else {
        for (key, value) in &keys {
            print_key("", key, value, printer);
        }
    }
    options::advise(None, &spec, config, printer);
    Ok(Exit::Success)
}

/// The campaign that an interrupted run of the same command left: its first import is not complete.
async fn begun(
    name: &str,
    keys: &Map<String, Value>,
    store: &Store,
    config: &Config,
) -> Result<Option<Campaign>, CliError> {
    let Some(campaign) = store.campaign(name).await.map_err(database::trouble)? else {
        return Ok(None);
    };
    let imports = store.imports(campaign.id).await;
    let imports = imports.map_err(database::trouble)?;
    let is_in = imports.iter().any(|(_, importing)| importing.is_complete);
    let is_half = !is_in && is_as_ordered(&campaign, keys, config)?;
    Ok(is_half.then_some(campaign))
}

/// Whether a campaign has the settings that are given, whatever its other settings are.
///
/// # Errors
/// [`CliError`] if they are not valid settings.
pub(super) fn is_as_ordered(
    campaign: &Campaign,
    given: &Map<String, Value>,
    config: &Config,
) -> Result<bool, CliError> {
    let spec = ordered(campaign)?;
    let mut keys = spec.to_keys();
    overlay(&mut keys, given.clone());
    let mut wanted = Spec::from_keys(&keys).map_err(options::wrong)?;
    let (library, _) = library(config)?;
    options::foresee(&mut wanted, &campaign.name, &library)?;
    Ok(wanted == spec)
}

/// Creates a campaign from its settings.
///
/// # Errors
/// [`CliError`] if there is one of this name, or the keys are not valid settings.
pub(super) async fn make(
    name: &str,
    keys: &Map<String, Value>,
    store: &Store,
    config: &Config,
) -> Result<Campaign, CliError> {
    let mut spec = Spec::from_keys(keys).map_err(options::wrong)?;
    if store
        .campaign(name)
        .await
        .map_err(database::trouble)?
        .is_some()
    {
        let hint = format!(
            "`aftertone campaign run {name}` runs it, `aftertone campaign add {name} LIST.csv` adds contacts, `aftertone campaign set {name}` changes its settings"
        );
        return Err(CliError::new(anyhow!("the campaign `{name}` already exists")).hint(hint));
    }
    let (library, targets) = library(config)?;
    options::prepare(&mut spec, name, &library, &targets)?;
    check_templates(&spec, config)?;
    let new = NewCampaign {
        name: name.to_owned(),
        spec: spec.to_json(),
    };
    let entry = AuditEntry {
        after: Some(new.spec.clone()),
        ..by_user("campaign.create", name)
    };
    let store = store.audited(entry);
    let made = store.create_campaign(&new, database::now()).await;
    made.map_err(database::trouble)
}

/// The campaign of a name.
///
/// # Errors
/// [`CliError`] if there is none.
pub(in crate::cli) async fn find(name: &str, store: &Store) -> Result<Campaign, CliError> {
    let found = store.campaign(name).await.map_err(database::trouble)?;
    found.ok_or_else(|| {
        let name = name.escape_debug();
        CliError::new(anyhow!("there is no campaign `{name}`"))
            .hint("`aftertone campaign status` lists the campaigns")
    })
}

/// What to type so that a draft is dialled.
pub(super) fn start_words(name: &str, has_controller: bool) -> String {
    if has_controller {
        format!("`aftertone campaign start {name}` starts it: the controller that runs dials it")
    } else {
        format!("`aftertone campaign run {name}` starts it and dials its contacts")
    }
}

/// The settings of a campaign.
///
/// # Errors
/// [`CliError`] if this version cannot read it.
pub(super) fn ordered(campaign: &Campaign) -> Result<Spec, CliError> {
    Spec::from_json(&campaign.spec).map_err(|error| {
        let reading = format!("cannot read the settings of campaign `{}`", campaign.name);
        CliError::new(anyhow::Error::new(error).context(reading))
    })
}

/// Imports a list and prints the result.
#[expect(
    clippy::too_many_arguments,
    reason = "what two commands have in common"
)]
async fn take_in(
    campaign: &Campaign,
    list: &Path,
    columns: &ColumnUse,
    how: &ImportOptions,
    store: &Store,
    config: &Config,
    as_json: bool,
    printer: Printer,
) -> Result<Exit, CliError> {
    let name = &campaign.name;
    let spec = ordered(campaign)?;
    let duplicates = spec.duplicates;
    if !as_json {
        printer.line(&format!("{name}: {}", columns.line()));
    }
    refuse_lacking(&NeededColumns::of(&spec), list, columns)?;
    warn_of_empty(&spec, list, &how.list, config, printer)?;
    // It takes many transactions, each of a part of the list.
    let file = list.file_name().unwrap_or_default().to_string_lossy();
    let entry = AuditEntry {
        after: Some(json!({"list": file}).to_string()),
        ..by_user("contact.add", name)
    };
    store.note(entry).await.map_err(database::trouble)?;
    let imported = import::import(list, campaign, duplicates, how, store, config, printer).await?;
    if as_json {
        printer.json(&json!({"campaign": name, "import": import::object(&imported, columns)}));
    } else {
        for line in import::lines(name, list, &imported) {
            printer.line(&line);
        }
    }
    if imported.is_complete {
        let now = find(name, store).await?;
        if !as_json && now.status == Status::Draft {
            let has_controller = store.has_controller(database::now()).await;
            let has_controller = has_controller.map_err(database::trouble)?;
            printer.hint(&start_words(name, has_controller));
        }
        return Ok(Exit::Success);
    }
    let list = list.display();
    printer.hint(&format!(
        "`aftertone campaign add {name} {list}` resumes it"
    ));
    Ok(Exit::Failure)
}

fn print_key(of: &str, key: &str, value: &Value, printer: Printer) {
    match value {
        Value::Object(inner) => {
            for (inner_key, value) in inner {
                print_key(&format!("{of}{key}."), inner_key, value, printer);
            }
        }
        Value::String(text) => printer.line(&format!("{of}{key} = {text}")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            printer.line(&format!("{of}{key} = {value}"));
        }
    }
}
