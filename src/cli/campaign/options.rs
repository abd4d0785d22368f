//! A campaign's settings on the command line: options, and a file with the same keys.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use clap::Args;
use serde_json::{Map, Value, json};

use crate::{
    audio::{self, Library, Name, Reference, Targets},
    campaign::{
        budget::TechniqueRule,
        variant::{Messages, Variant, Variants},
    },
    cli::{CliError, printer::Printer},
    clock,
    config::Config,
    orders::{DOUBLE_CALL, Spec, SpecError, advice, overlay},
    store::Campaign,
};

/// A campaign's settings. Their values are read with those of the file.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "The campaign's settings")]
pub(super) struct Options {
    /// What the campaign is for: `informational` or `marketing`
    #[arg(long)]
    kind: Option<String>,
    /// The message: the name of a prepared one, a `sound:` URI of the PBX, or the path of a recording, which is prepared
    /// under the campaign's name
    #[arg(long, short)]
    message: Option<String>,
    /// One of several messages, for a share of the contacts in proportion to its weight; may be given more than once
    #[arg(long, value_name = "NAME[:WEIGHT]=MESSAGE", conflicts_with = "message")]
    variant: Vec<String>,
    /// Most drops started in a period: `5/s`, `300/m` or `20/10s` [default: trunk.starts_per_second]
    #[arg(long)]
    rate: Option<String>,
    /// Most drops in flight [default: trunk.in_flight]
    #[arg(long, value_name = "DROPS")]
    in_flight: Option<String>,
    /// Its share of the trunk if several campaigns run [default: 1]
    #[arg(long)]
    weight: Option<String>,
    /// The time zone of its hours and dates, such as `America/New_York`
    #[arg(long)]
    zone: Option<String>,
    /// Its own hours, within what the gate allows: `mon-fri 09:00-17:00, sat 10:00-14:00`
    #[arg(long)]
    hours: Option<String>,
    /// The first date on which it dials
    #[arg(long, value_name = "DATE")]
    first_date: Option<String>,
    /// The last date on which it dials
    #[arg(long, value_name = "DATE")]
    last_date: Option<String>,
    /// Dates on which it does not dial
    #[arg(long, value_name = "DATE", value_delimiter = ',')]
    except_dates: Vec<String>,
    /// When to try again after an outcome: `busy:first=15m,factor=2,longest=4h,attempts=4`, `unsure:never`, or `never`
    /// for all outcomes; may be given more than once
    #[arg(long, value_name = "OUTCOME:RULE")]
    retry: Vec<String>,
    /// Most attempts to reach a contact [default: 5]
    #[arg(long, value_name = "ATTEMPTS")]
    most_attempts: Option<String>,
    /// The caller ID; several make a pool [default: pbx.caller_id]
    #[arg(long, value_name = "NUMBER", value_delimiter = ',')]
    caller_id: Vec<String>,
    /// How to choose from a caller-ID pool: `least_used` or `area_code` [default: least_used]
    #[arg(long, value_name = "RULE")]
    caller_id_by: Option<String>,
    /// Two calls per drop, one, or two as far as trunk.cancelled allows: `double`, `single` or `by_share` [default:
    /// double]
    #[arg(long)]
    technique: Option<String>,
    /// When it pauses by itself because drops fail: `share=50%,at_least=20,window=10m`, or `never`
    #[arg(long, value_name = "RULE")]
    stop_on: Option<String>,
    /// Who detects the answering party: `listen` or `dialplan` [default: screen.mode]
    #[arg(long, value_name = "MODE")]
    screen: Option<String>,
    /// What to do with numbers of other campaigns: `allow`, `skip_open` or `skip_any` [default: allow]
    #[arg(long, value_name = "RULE")]
    duplicates: Option<String>,
    /// Seed of the choice of variants, and of chance in simulations [default: 0]
    #[arg(long)]
    seed: Option<String>,
    /// The prepared message that those hear first who call back [default: that of `callback.prompt`]
    #[arg(long, value_name = "MESSAGE")]
    callback_prompt: Option<String>,
    /// A TOML file with any of these settings as keys; options override it
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

impl Options {
    /// All settings that are given.
    ///
    /// # Errors
    /// [`CliError`] if the file cannot be read, or an option cannot be parsed.
    pub(super) fn keys(&self) -> Result<Map<String, Value>, CliError> {
        let mut keys = match &self.settings {
            Some(file) => table(file).map_err(CliError::new)?,
            None => Map::new(),
        };
        overlay(&mut keys, self.given().map_err(wrong)?);
        Ok(keys)
    }

    /// The settings that are given as options.
    fn given(&self) -> Result<Map<String, Value>, SpecError> {
        let single = [
            ("kind", &self.kind),
            ("message", &self.message),
            ("rate", &self.rate),
            ("in_flight", &self.in_flight),
            ("weight", &self.weight),
            ("zone", &self.zone),
            ("hours", &self.hours),
            ("first_date", &self.first_date),
            ("last_date", &self.last_date),
            ("most_attempts", &self.most_attempts),
            ("caller_id_by", &self.caller_id_by),
            ("technique", &self.technique),
            ("screen", &self.screen),
            ("duplicates", &self.duplicates),
            ("seed", &self.seed),
            ("callback_prompt", &self.callback_prompt),
        ];
        let given = single
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), json!(value.as_ref()?))));
        let mut keys: Map<String, Value> = given.collect();
        for (key, values) in [
            ("except_dates", &self.except_dates),
            ("caller_id", &self.caller_id),
        ] {
            if !values.is_empty() {
                keys.insert(key.to_owned(), json!(values));
            }
        }
        if !self.variant.is_empty() {
            let variants = self.variant.iter().map(|text| variant(text));
            keys.insert("variants".to_owned(), variants.collect::<Result<_, _>>()?);
        }
        for text in &self.retry {
            let rule = retry(text)?;
            overlay(&mut keys, Map::from_iter([("retry".to_owned(), rule)]));
        }
        if let Some(text) = &self.stop_on {
            let rule = rule("stop_on", text)?;
            keys.insert("stop_on".to_owned(), rule);
        }
        Ok(keys)
    }
}

/// A valid campaign name.
///
/// # Errors
/// What was expected.
pub(super) fn name(text: &str) -> Result<String, String> {
    if Campaign::is_name(text) {
        Ok(text.to_owned())
    } else {
        Err("a campaign's name is 1 to 64 of the characters a-z, 0-9, `_` and `-`".to_owned())
    }
}

/// The error of an invalid setting, with a hint.
pub(super) fn wrong(error: SpecError) -> CliError {
    let hint = "`aftertone campaign create --help` lists the values of each setting";
    CliError::new(error).hint(hint)
}

/// Says what an operator should know of a campaign's settings on the configured trunk.
pub(super) fn advise(name: Option<&str>, spec: &Spec, config: &Config, printer: Printer) {
    for text in advice(spec, &config.trunk) {
        match name {
            Some(name) => printer.note(&format!("{name}: {text}")),
            None => printer.note(&text),
        }
    }
}

/// Says what double calls cost, if a campaign makes them and the configuration does not say what the trunk tolerates.
pub(super) fn warn_of_double_calls(spec: &Spec, config: &Config, printer: Printer) {
    match spec.technique {
        TechniqueRule::Double | TechniqueRule::ByShare if !config.is_trunk_known => {
            printer.note(DOUBLE_CALL);
        }
        TechniqueRule::Double | TechniqueRule::ByShare | TechniqueRule::Single => {}
    }
}

/// Resolves the messages of the settings: recordings are prepared and replaced by their names.
///
/// # Errors
/// [`CliError`] if there is no such message, or it cannot be prepared.
pub(super) fn prepare(
    spec: &mut Spec,
    campaign: &str,
    library: &Library,
    targets: &Targets,
) -> Result<(), CliError> {
    settle(spec, campaign, library, |name, file| {
        library
            .add(name, file, targets, false, clock::wall())
            .map(|_| ())
            .map_err(|error| {
                let hint = if let audio::Error::Taken { name } = &error {
                    Some(format!(
                        "leave that one with `--message {name}`, or remove it with `aftertone message rm {name}`"
                    ))
                } else {
                    error.hint()
                };
                CliError::new(error).maybe_hint(hint)
            })
    })
}

/// The same without preparing anything: recordings are replaced by the names they would get.
///
/// # Errors
/// [`CliError`] if there is no such message.
pub(super) fn foresee(spec: &mut Spec, campaign: &str, library: &Library) -> Result<(), CliError> {
    settle(spec, campaign, library, |_, _| Ok(()))
}

fn settle(
    spec: &mut Spec,
    campaign: &str,
    library: &Library,
    mut add: impl FnMut(&Name, &Path) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut settle = |text: &str, name: String| -> Result<String, CliError> {
        let meant = audio::resolve(text, |name| library.holds(name), Path::is_file);
        let meant = meant.map_err(|error| {
            let hint = error.hint();
            CliError::new(error).hint(hint)
        })?;
        match meant {
            Reference::Prepared(name) => Ok(name.to_string()),
            Reference::OnPbx(uri) => Ok(uri.to_string()),
            Reference::Template(_) => Ok(text.to_owned()),
            Reference::File(file) => {
                let name: Name = name.parse().map_err(|error| {
                    CliError::new(anyhow!("`{name}` cannot be the name of a message: {error}"))
                        .hint("prepare the recording with `aftertone message add NAME FILE`")
                })?;
                add(&name, &file)?;
                Ok(name.to_string())
            }
        }
    };
    spec.messages = match &spec.messages {
        Messages::One(text) => Messages::One(settle(text, campaign.to_owned())?),
        Messages::Several(variants) => {
            let settled = variants.all().iter().map(|variant| {
                let own = format!("{campaign}-{}", variant.name.to_ascii_lowercase());
                Ok(Variant {
                    message: settle(&variant.message, own)?,
                    ..variant.clone()
                })
            });
            let settled: Vec<_> = settled.collect::<Result<_, CliError>>()?;
            Messages::Several(Variants::new(settled).map_err(CliError::new)?)
        }
    };
    Ok(())
}

/// `A:3=promo-a`.
fn variant(text: &str) -> Result<Value, SpecError> {
    let (name, message) = text.split_once('=').ok_or_else(|| SpecError {
        key: "variant".to_owned(),
        problem: format!(
            "`{}` is not like `A=promo-a` or `A:3=promo-a`",
            text.escape_debug()
        ),
    })?;
    Ok(match name.split_once(':') {
        Some((name, weight)) => json!({"name": name, "message": message, "weight": weight}),
        None => json!({"name": name, "message": message}),
    })
}

/// `busy:first=15m,attempts=4`, `busy:never`, `never`.
fn retry(text: &str) -> Result<Value, SpecError> {
    let Some((outcome, text)) = text.split_once(':') else {
        return Ok(json!(text));
    };
    let rule = rule(&format!("retry.{outcome}"), text)?;
    Ok(Value::Object(Map::from_iter([(outcome.to_owned(), rule)])))
}

/// `share=50%,at_least=20`, or a word.
fn rule(key: &str, text: &str) -> Result<Value, SpecError> {
    if !text.contains('=') {
        return Ok(json!(text));
    }
    let parts = text.split(',').map(|part| {
        let (of, value) = part.split_once('=').ok_or_else(|| SpecError {
            key: key.to_owned(),
            problem: format!("`{}` has no `=`", part.escape_debug()),
        })?;
        Ok((of.trim().to_owned(), json!(value.trim())))
    });
    parts.collect::<Result<_, _>>().map(Value::Object)
}

/// The keys of a TOML file.
pub(super) fn table(file: &Path) -> anyhow::Result<Map<String, Value>> {
    let read = || format!("cannot read {}", file.display());
    let text = fs::read_to_string(file).with_context(read)?;
    Spec::keys_of_toml(&text)
        .map_err(anyhow::Error::msg)
        .with_context(read)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::campaign::policy::CampaignKind;

    #[derive(Debug, Parser)]
    struct OptionsLine {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn options_go_before_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("spring.toml");
        let text = "kind = \"marketing\"\nmessage = \"promo\"\nrate = \"5/s\"\nfirst_date = 2026-11-24\n\
                    zone = \"America/New_York\"\ncaller_id = [\"+12025550100\"]\n\
                    [retry]\nhuman = { first = \"7d\", attempts = 2 }\nbusy = \"never\"\n[stop_on]\nat_least = 50\n";
        fs::write(&file, text).unwrap();
        let file = format!("--settings={}", file.display());
        let options = options(&[
            &file,
            "--rate=2/s",
            "--variant=A:3=promo-a",
            "--variant=B=sound:b",
            "--retry=no_answer:never",
            "--retry=busy:attempts=2",
            "--stop-on=share=30%",
            "--except-dates=2026-11-26,2026-11-27",
        ]);
        let keys = options.keys().unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(&keys).unwrap());
        let spec = Spec::from_keys(&keys).unwrap();
        assert!(matches!(spec.messages, Messages::Several(_)));
        assert_eq!(spec.stop_on.unwrap().at_least, 50);
    }

    #[test]
    fn options_without_a_form_are_refused() {
        for bad in [
            "--variant=A",
            "--retry=busy:first=1m,attempts",
            "--stop-on=share=5%,x",
        ] {
            assert!(options(&[bad]).given().is_err(), "{bad}");
        }
        assert!(options(&["--settings=/nowhere.toml"]).keys().is_err());
        assert!(OptionsLine::try_parse_from(["x", "--message=a", "--variant=A=b"]).is_err());
    }

    #[test]
    fn names_are_like_those_of_messages() {
        for good in ["a", "spring-2026", "0_x"] {
            assert!(name(good).is_ok(), "{good}");
        }
        for bad in ["", "Spring", "a b", "a/b", "ä", &"a".repeat(65)] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_recording_is_prepared_once_under_the_campaign_s_name() {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::new(&folder.path().join("sounds"), Path::new("/pbx")).unwrap();
        let tone = format!(
            "{}/tests/fixtures/audio/tone.flac",
            env!("CARGO_MANIFEST_DIR")
        );
        let ordered = |text: &str| Spec::new(CampaignKind::Marketing, text);
        let mut foreseen = ordered(&tone);
        foresee(&mut foreseen, "spring", &library).unwrap();
        assert_eq!(foreseen.messages, Messages::One("spring".to_owned()));
        let mut spec = ordered(&tone);
        prepare(&mut spec, "spring", &library, &Targets::default()).unwrap();
        assert_eq!(spec.messages, Messages::One("spring".to_owned()));
        assert!(library.holds(&"spring".parse().unwrap()));
        let again = prepare(&mut ordered(&tone), "spring", &library, &Targets::default());
        assert!(
            again
                .unwrap_err()
                .hint
                .unwrap()
                .contains("--message spring")
        );
        for (text, kept) in [("spring", "spring"), ("sound:hello", "sound:hello")] {
            let mut spec = ordered(text);
            prepare(&mut spec, "other", &library, &Targets::default()).unwrap();
            assert_eq!(spec.messages, Messages::One(kept.to_owned()));
        }
        assert!(prepare(&mut ordered("autumn"), "x", &library, &Targets::default()).is_err());
    }

    fn options(args: &[&str]) -> Options {
        let line = OptionsLine::try_parse_from([&["x"], args].concat());
        line.unwrap().options
    }
}
