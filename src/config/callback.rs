//! `[callback]`: what those hear, and can do, who call back.

use super::{
    ConfigError,
    layers::Layers,
    values::{self, quoted},
};
use crate::callback::{CallbackPlan, WhenSilent};

/// What those hear, and can do, who call back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackConfig {
    /// The prepared message that they hear first, unless their campaign or variant has one of its own.
    pub prompt: String,
    /// The one that says that their number will not be called again.
    pub removed: String,
    /// The one that asks for a number, if none comes with the call.
    pub which_number: String,
    /// The one that says that it could not be done; `None`: the call is hung up without a word.
    pub failed: Option<String>,
    /// Where a call is sent on: context, extension and priority of the dialplan; `None`: nowhere.
    pub goes_to: Option<DialplanPlace>,
    /// The do-not-call list that numbers are put on.
    pub list: String,
    /// What keys do.
    pub plan: CallbackPlan,
}

/// A place in the dialplan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialplanPlace {
    /// The context.
    pub context: String,
    /// The extension.
    pub extension: String,
    /// The priority, from 1.
    pub priority: u32,
}

/// `None` unless a prompt is given: then calls that come back go on in the dialplan.
pub(super) fn callback(layers: &Layers) -> Result<Option<CallbackConfig>, ConfigError> {
    let prompt = message(layers, "callback.prompt")?;
    let removed = message(layers, "callback.removed")?;
    let which_number = message(layers, "callback.which_number")?;
    let failed = message(layers, "callback.failed")?;
    let goes_to = layers.parsed("callback.goes_to", PLACE, place)?;
    let opt_out = key(layers, "callback.opt_out")?.unwrap_or('9');
    let connect = key(layers, "callback.connect")?.unwrap_or('1');
    if opt_out == connect {
        let problem = "it is the key of `callback.opt_out`, too";
        return Err(layers.bad("callback.connect", problem, "another key"));
    }
    let words = [
        ("hang_up", WhenSilent::HangUp),
        ("connect", WhenSilent::Connect),
    ];
    let when_silent = layers.choice("callback.when_silent", &words)?;
    let when_silent = when_silent.unwrap_or_default();
    if when_silent == WhenSilent::Connect && goes_to.is_none() {
        let problem = "there is nowhere to send the call";
        let expected = "`callback.goes_to` beside it, or `hang_up`";
        return Err(layers.bad("callback.when_silent", problem, expected));
    }
    let list = layers.word("callback.list", "callback", values::MESSAGE)?;
    let plan = CallbackPlan {
        opt_out,
        connect: goes_to.is_some().then_some(connect),
        when_silent,
        wait: layers.duration("callback.wait", 6, 1..=30)?,
        times: layers.whole("callback.times", 2, 1..=9)?,
    };
    let Some(prompt) = prompt else {
        let needs = [
            "callback.removed",
            "callback.which_number",
            "callback.goes_to",
        ];
        return match needs.into_iter().find(|key| layers.is_given(key)) {
            Some(key) => {
                let problem = "it is of no use without `callback.prompt`";
                Err(layers.bad(key, problem, "a prompt, or neither"))
            }
            None => Ok(None),
        };
    };
    let needed =
        |given: Option<String>, key| given.ok_or_else(|| layers.missing(key, &expected_message()));
    Ok(Some(CallbackConfig {
        prompt,
        removed: needed(removed, "callback.removed")?,
        which_number: needed(which_number, "callback.which_number")?,
        failed,
        goes_to,
        list,
        plan,
    }))
}

fn message(layers: &Layers, key: &'static str) -> Result<Option<String>, ConfigError> {
    layers.parsed(key, &expected_message(), |text| values::MESSAGE.check(text))
}

fn expected_message() -> String {
    format!("the name of a prepared message, {}", values::MESSAGE)
}

fn key(layers: &Layers, key: &'static str) -> Result<Option<char>, ConfigError> {
    layers.parsed(key, "a digit in quotes", |text| match text.as_bytes() {
        [digit] if digit.is_ascii_digit() => Ok(char::from(*digit)),
        _ => Err(format!("{} is not one", quoted(text))),
    })
}

fn place(text: &str) -> Result<DialplanPlace, String> {
    let fits = |part: &str| {
        let holds = |b: u8| b.is_ascii_alphanumeric() || b"_-+*#.".contains(&b);
        (1..=80).contains(&part.len()) && part.bytes().all(holds)
    };
    let bad = || format!("{} is none", quoted(text));
    let mut parts = text.split(',').map(str::trim);
    let (Some(context), Some(extension), priority, None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(bad());
    };
    let priority = priority.unwrap_or("1").parse();
    match priority {
        Ok(priority @ 1..) if fits(context) && fits(extension) => Ok(DialplanPlace {
            context: context.to_owned(),
            extension: extension.to_owned(),
            priority,
        }),
        _ => Err(bad()),
    }
}

const PLACE: &str = "a place in the dialplan, such as `sales,s,1`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_dialplan_is_read() {
        let of = |text| place(text).map(|place| (place.context, place.extension, place.priority));
        let sales = || ("sales".to_owned(), "s".to_owned(), 1);
        assert_eq!(of("sales,s,1"), Ok(sales()));
        assert_eq!(of("sales, s"), Ok(sales()));
        assert_eq!(of("from-did,+12025550100,2").unwrap().2, 2);
        for bad in [
            "", "sales", "sales,", ",s,1", "a,b,0", "a,b,c", "a,b,1,2", "a b,s,1", "a,${X},1",
        ] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
