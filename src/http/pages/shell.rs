//! What every page of somebody who has signed in has around it: the ways to the others, who it is, and what is wrong.

use jiff::{Timestamp, tz::TimeZone};

use super::{assets, banner::Banner, surroundings::banners};
use crate::{
    auth::{Action, Object},
    http::{Api, caller::Caller},
};

/// What is around a page.
#[derive(Clone, Debug)]
pub(super) struct PageShell {
    /// Where the style and the scripts are.
    pub(super) assets: &'static str,
    pub(super) title: String,
    pub(super) nav: Vec<NavLink>,
    pub(super) user: String,
    pub(super) role: &'static str,
    /// What was just done, for people.
    pub(super) done: Option<&'static str>,
    pub(super) banners: Vec<Banner>,
}

/// A way to another page.
#[derive(Clone, Debug)]
pub(super) struct NavLink {
    pub(super) href: &'static str,
    pub(super) label: &'static str,
    pub(super) is_current: bool,
}

impl PageShell {
    /// That of a page of this title, under one of [`NAV`]'s paths.
    pub(super) async fn of(
        api: &Api,
        caller: &Caller,
        title: impl Into<String>,
        under: &str,
    ) -> Self {
        Self::below(banners(api, caller).await, caller, title, under)
    }

    /// The same below these banners.
    pub(super) fn below(
        banners: Vec<Banner>,
        caller: &Caller,
        title: impl Into<String>,
        under: &str,
    ) -> Self {
        let links = NAV
            .iter()
            .filter(|(_, _, action)| caller.may(*action, Object::Any).is_ok());
        Self {
            assets: assets::folder(),
            title: title.into(),
            nav: links
                .map(|(href, label, _)| NavLink {
                    href,
                    label,
                    is_current: *href == under,
                })
                .collect(),
            user: caller.principal.name.clone(),
            role: caller.principal.role.map_or("", |role| role.slug()),
            done: None,
            banners,
        }
    }

    /// The same with words about what was just done, by the slug that a form's redirect has in `?done=`.
    #[must_use]
    pub(super) fn having_done(self, slug: Option<&str>) -> Self {
        let found = slug.and_then(|slug| DONE.iter().find(|(known, _)| *known == slug));
        Self {
            done: found.map(|(_, words)| *words),
            ..self
        }
    }
}

/// A moment on a page: in UTC, which a script turns into the time of whoever looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment(pub(super) Timestamp);

impl Moment {
    /// For programs.
    pub(super) fn utc(&self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// For people.
    pub(super) fn words(&self) -> String {
        self.0.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    }

    /// For people, by the clock of a zone, if there is one; in UTC if it is not known here.
    pub(super) fn words_in(&self, zone: Option<&str>) -> String {
        match zone.and_then(|zone| Some((TimeZone::get(zone).ok()?, zone))) {
            Some((clock, zone)) => {
                let city = zone.rsplit('/').next().unwrap_or(zone).replace('_', " ");
                let at = self.0.to_zoned(clock).strftime("%Y-%m-%d %H:%M:%S");
                format!("{at} ({city})")
            }
            None => self.words(),
        }
    }
}

/// The ways, with what a person must be allowed to do.
pub(super) const NAV: [(&str, &str, Action); 11] = [
    ("/", "Live", Action::ReadLive),
    ("/campaigns", "Campaigns", Action::ReadCampaigns),
    ("/contacts", "Contacts", Action::ReadContacts),
    ("/people", "A person", Action::ExportPerson),
    ("/messages", "Messages", Action::ReadMessages),
    ("/do-not-call", "Do not call", Action::ReadDoNotCall),
    ("/trunk", "Trunk", Action::ReadFleet),
    ("/webhooks", "Webhooks", Action::ReadWebhooks),
    ("/system", "System", Action::ReadFleet),
    ("/access", "Access", Action::OwnSessions),
    ("/prompts", "Prompts", Action::ReadDrops),
];

/// What a page may say was done: only what is here, so that a link says nothing of its own.
const DONE: &[(&str, &str)] = &[
    ("stopped", "All campaigns that were started are paused."),
    (
        "hung-up",
        "All campaigns that were started are paused, and calls in flight are hung up.",
    ),
    (
        "nothing-to-stop",
        "No campaign was started: there is nothing to stop.",
    ),
    ("running", "The campaign is started."),
    ("paused", "The campaign is paused."),
    ("cancelled", "The campaign is cancelled."),
    ("running-several", "Those that were ticked are started."),
    ("paused-several", "Those that were ticked are paused."),
    ("none-ticked", "Nothing was ticked."),
    ("created", "The draft is made. Next: its list."),
    ("deleted", "The campaign is deleted."),
    ("session-ended", "The session is ended."),
    ("user-changed", "The user is changed."),
    ("pin-removed", "The PIN is good for nothing any more."),
    ("token-revoked", "The token is good for nothing any more."),
    ("replaying", "It is sent again from now on."),
    ("enabled", "The endpoint is sent what happens."),
    ("disabled", "The endpoint is sent nothing any more."),
    ("removed", "The endpoint is removed."),
    ("saved", "The settings are saved."),
    (
        "list-sent",
        "The list is here, and its rows come in by themselves. Nothing is dialled by that.",
    ),
    (
        "barred",
        "The number is on the list: no call to it begins any more.",
    ),
    ("unbarred", "The number is off the list, and may be called."),
    ("message-added", "The message is kept, as it will be heard."),
    ("message-removed", "The message is removed."),
    (
        "prompt-labelled",
        "The book has what you said of the prompt.",
    ),
    ("prompt-forgotten", "The prompt is forgotten."),
];
