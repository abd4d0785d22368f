//! `/drops/{drop}/bundle`: a call with its report and all evidence that is kept of it, in one file with a manifest.

use std::io::BufWriter;

use axum::{
    extract::{Path, State},
    response::Response,
};

use super::{drops::find, evidence, person_exports::zip};
use crate::{
    auth::{Action, Object},
    evidence::PersonBundle,
    http::{
        Api,
        caller::{Caller, now},
        given::Parameters,
        problem::Problem,
    },
    orders::DropView,
};

/// Hands it out. Whoever may not read whole numbers, or has not signed in lately, gets it with the number masked.
pub(in crate::http) async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let drop = find(&api, &id).await?;
    let evidence = evidence::folder_of(&drop)?;
    if !evidence.is_dir() {
        return Err(evidence::none());
    }
    let may_in_full = caller.may(Action::ReadFullNumbers, Object::Any).is_ok();
    let in_full = may_in_full && caller.has_just_signed_in(now()).is_ok();
    let shown = caller.disclosure(&api, in_full);
    let number = drop.number.as_ref().map(|number| shown.number(number));
    let number = number.unwrap_or_default();
    let call = serde_json::to_value(DropView::of(&drop, shown)).unwrap_or_default();
    let entry = caller.audit(now(), Action::ReadEvidence, format!("{}/bundle", drop.id));
    let (made_at, made_by) = (entry.at, entry.who.clone());
    // Before it is given.
    api.store.note(entry).await?;
    let of = drop.id;
    zip(&api, &format!("drop-{of}.zip"), move |file| {
        let mut bundle = PersonBundle::new(BufWriter::new(file), made_at);
        bundle.add_call(of, &call, Some(&evidence), Some(&number))?;
        let (out, _) = bundle.end_of_call(&number, &made_by)?;
        out.into_inner()
            .map_err(std::io::IntoInnerError::into_error)?;
        Ok(())
    })
    .await
}
