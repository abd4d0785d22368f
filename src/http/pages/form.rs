//! What a form on a page sends, and how it becomes a body of the API: a form is carried out by the API's own handler.

use axum::{
    Form,
    body::Body as RawBody,
    extract::{FromRequest, Request},
};

use crate::http::{
    given::{Body, NO_NUL, SMALL},
    problem::{Problem, ProblemKind},
};

/// The fields of a form, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct PageForm(Vec<(String, String)>);

impl PageForm {
    /// One of these fields.
    #[cfg(test)]
    pub(super) fn of(fields: &[(&str, &str)]) -> Self {
        let fields = fields.iter();
        Self(
            fields
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    /// A field without white space around it; `None` if it is empty or not there.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let text = self.raw(name)?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// A field as it was sent.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(given, _)| given == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// Every value of a field that may be there more than once.
    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        let found = self.0.iter().filter(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// Whether a box is ticked.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.text(name).is_some()
    }
}

impl<S: Send + Sync> FromRequest<S> for PageForm {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let whole = Request::from_parts(parts.clone(), body);
        let Body { bytes, media_type } = Body::<SMALL>::read(whole).await?;
        if media_type != "application/x-www-form-urlencoded" {
            let words = "send `Content-Type: application/x-www-form-urlencoded`";
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, words));
        }
        let whole = Request::from_parts(parts, RawBody::from(bytes));
        let read = Form::<Vec<(String, String)>>::from_request(whole, state).await;
        let Form(fields) =
            read.map_err(|_| Problem::new(ProblemKind::Malformed, "the form cannot be read"))?;
        let has_nul =
            |(name, value): &&(String, String)| name.contains('\0') || value.contains('\0');
        if let Some((name, _)) = fields.iter().find(has_nul) {
            return Err(Problem::fault(format!("/{name}"), NO_NUL));
        }
        Ok(Self(fields))
    }
}
