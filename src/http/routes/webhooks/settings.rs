//! The settings of an endpoint as they are given.

use serde_json::Value;

use crate::{
    events::EventFilter,
    hooks::SignatureKind,
    http::{
        Api,
        fields::{Fields, below},
        problem::{Fault, Problem},
    },
    store::WebhookSettings,
};

/// What is given; what is not given is as it was.
#[derive(Debug)]
pub(super) struct GivenSettings {
    pub(super) settings: WebhookSettings,
    /// Whether anything is to be sent.
    pub(super) enabled: Option<bool>,
    /// A number of an event behind which it begins.
    pub(super) after: Option<u32>,
    /// How its messages are signed.
    pub(super) signature: Option<SignatureKind>,
    /// Whether it is said where the endpoint is.
    says_url: bool,
    faults: Vec<Fault>,
}

impl GivenSettings {
    /// Reads what is given of an endpoint that is to be made.
    pub(super) async fn of_new(api: &Api, fields: Fields) -> Result<Self, Problem> {
        let usual = WebhookSettings {
            url: String::new(),
            description: None,
            types: Vec::new(),
            campaign: None,
            full_numbers: false,
            concurrency: 8,
            per_second: None,
            ordered: false,
            batch: 1,
            linger_ms: 0,
        };
        Self::read(api, fields, usual, true)
            .await?
            .finish(api)
            .await
    }

    /// Reads what is given to change an endpoint.
    pub(super) async fn of_change(
        api: &Api,
        fields: Fields,
        before: WebhookSettings,
    ) -> Result<Self, Problem> {
        Self::read(api, fields, before, false)
            .await?
            .finish(api)
            .await
    }

    async fn read(
        api: &Api,
        mut fields: Fields,
        before: WebhookSettings,
        is_new: bool,
    ) -> Result<Self, Problem> {
        let mut settings = before;
        let url = fields.text("url");
        if is_new {
            let url = fields.required(
                "url",
                url.clone(),
                "a URL such as `https://crm.example/hooks`",
            );
            settings.url = url.unwrap_or_default();
        } else if let Some(url) = &url {
            settings.url.clone_from(url);
        }
        if fields.is_null("description") {
            settings.description = None;
        }
        let description = fields.parsed("description", |text| {
            let fits = text.len() <= 200 && !text.chars().any(char::is_control);
            fits.then(|| text.to_owned())
                .ok_or("expected at most 200 bytes, without control characters")
        });
        settings.description = description.or(settings.description);
        if let Some(types) = fields.list("types") {
            settings.types = read_types(&mut fields, &types);
        }
        if fields.is_null("campaign") {
            settings.campaign = None;
        }
        if let Some(name) = fields.text("campaign") {
            match api.store.campaign(&name).await? {
                Some(campaign) => settings.campaign = Some(campaign.id),
                None => fields.fault("campaign", "there is no such campaign"),
            }
        }
        if let Some(full_numbers) = fields.flag("full_numbers") {
            settings.full_numbers = full_numbers;
        }
        if let Some(concurrency) = fields.whole("concurrency", 1..=50) {
            settings.concurrency = concurrency;
        }
        if fields.is_null("per_second") {
            settings.per_second = None;
        }
        settings.per_second = fields
            .whole("per_second", 1..=1_000)
            .or(settings.per_second);
        if let Some(ordered) = fields.flag("ordered") {
            settings.ordered = ordered;
        }
        if let Some(batch) = fields.whole("batch", 1..=500) {
            settings.batch = batch;
        }
        if let Some(linger) = fields.parsed("linger", |text| duration_ms(text, 60_000)) {
            settings.linger_ms = linger;
        }
        let enabled = if is_new { None } else { fields.flag("enabled") };
        let after = if is_new {
            fields.whole("after", 0..=u32::MAX)
        } else {
            None
        };
        let signature = if is_new {
            fields.parsed("signature", read_signature)
        } else {
            None
        };
        let (unknown, mut faults) = fields.rest();
        faults.extend(unknown.into_iter().map(|(name, _)| Fault {
            pointer: below("", &name),
            detail: "there is no such member".to_owned(),
        }));
        Ok(Self {
            settings,
            enabled,
            after,
            signature,
            says_url: url.is_some(),
            faults,
        })
    }

    /// Looks at where the endpoint is, and at all else that is wrong.
    async fn finish(mut self, api: &Api) -> Result<Self, Problem> {
        if self.says_url {
            match api.webhooks.check(&self.settings.url).await {
                Ok(url) => self.settings.url = url,
                Err(fault) => self.faults.push(Fault {
                    pointer: "/url".to_owned(),
                    detail: fault.to_string(),
                }),
            }
        }
        if self.faults.is_empty() {
            Ok(self)
        } else {
            Err(Problem::invalid(self.faults))
        }
    }
}

/// Types of events, or groups of them.
pub(super) fn read_types(fields: &mut Fields, given: &[Value]) -> Vec<String> {
    let mut types = Vec::new();
    for (at, value) in given.iter().enumerate() {
        let text = value.as_str().unwrap_or_default();
        if EventFilter::kinds([text]).is_ok() {
            types.push(text.to_owned());
        } else {
            fields.item_fault(
                "types",
                at,
                "expected a type of events such as `drop.ended`, or a group such as `drop.*`",
            );
        }
    }
    types
}

/// A way to sign.
pub(super) fn read_signature(text: &str) -> Result<SignatureKind, &'static str> {
    let mut all = SignatureKind::ALL.into_iter();
    let kind = all.find(|kind| kind.slug() == text);
    kind.ok_or("expected `v1` (a shared secret) or `v1a` (Ed25519, with a public key)")
}

/// A duration in ms, up to so many.
pub(super) fn duration_ms(text: &str, most: u32) -> Result<u32, String> {
    let read = text.parse::<jiff::SignedDuration>().ok();
    let ms = read.and_then(|duration| u32::try_from(duration.as_millis()).ok());
    ms.filter(|ms| *ms <= most).ok_or_else(|| {
        format!(
            "expected a duration from 0s to {}s, such as `2s`",
            most / 1_000
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_as_on_the_command_line() {
        for (text, ms) in [("0s", 0), ("500ms", 500), ("2s", 2_000), ("1m", 60_000)] {
            assert_eq!(duration_ms(text, 60_000), Ok(ms), "{text}");
        }
        for text in ["", "2", "61s", "-1s", "soon", "1h"] {
            assert!(duration_ms(text, 60_000).is_err(), "{text}");
        }
    }
}
