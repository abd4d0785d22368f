//! A secret that was just made, which is shown this once.

use askama::Template;
use axum::{http::StatusCode, response::Response};

use super::{page, shell::PageShell};
use crate::http::problem::Problem;

#[derive(Template)]
#[template(path = "shown_once.html")]
pub(super) struct ShownOnce {
    pub(super) shell: PageShell,
    pub(super) words: String,
    pub(super) secret: String,
    pub(super) back: String,
}

impl ShownOnce {
    pub(super) fn page(&self) -> Result<Response, Problem> {
        page(StatusCode::CREATED, self)
    }
}
