//! Lists that were cut off, and go on where they end.

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use serde_json::Value;

use super::{UPLOAD_COMPLETE, UPLOAD_OFFSET, accepted, find, receive, refused};
use crate::{
    auth::Action,
    http::{
        Api,
        caller::{Caller, now},
        given::{Parameters, media_type},
        problem::{Problem, ProblemKind},
    },
    orders::{ListForm, ResumedUpload, UploadCoding, UploadOrder, UploadRefusal},
};

/// Goes on with a list that was cut off, behind what there is of it: after draft-ietf-httpbis-resumable-upload-12, whose headers
/// `GET` and `HEAD` have as well.
pub(in crate::http) async fn resume(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    parameters.finish()?;
    if media_type(&headers) != "application/partial-upload" {
        let words = "send `Content-Type: application/partial-upload`, and what is left of the list as the body";
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, words));
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let offset = text(UPLOAD_OFFSET).and_then(|text| text.trim().parse().ok());
    let offset = offset
        .ok_or_else(|| Problem::fault("Upload-Offset", "expected how many bytes are there"))?;
    if text(UPLOAD_COMPLETE).map(str::trim) != Some("?1") {
        let words = "expected `?1`: send all that is left in one request";
        return Err(Problem::fault("Upload-Complete", words));
    }
    if headers.contains_key("content-digest") || headers.contains_key(header::CONTENT_ENCODING) {
        let words = "what is left of a list is sent as it is, and without a digest of its own";
        return Err(Problem::fault("", words));
    }
    let upload = find(&api, &id).await?;
    if upload.digest.is_some() || upload.state.is_over() {
        let words = "all of it is there";
        return Err(Problem::new(ProblemKind::Conflict, words));
    }
    let reading: Value = serde_json::from_str(&upload.new.reading).unwrap_or_default();
    let mapping = reading["map"].as_array().into_iter().flatten();
    let mapping = mapping.filter_map(|text| text.as_str().map(str::to_owned));
    let order = UploadOrder {
        campaign: upload.new.campaign,
        name: upload.new.name,
        mapping: mapping.collect(),
        dates: reading["date_order"].as_str().map(str::to_owned),
        is_dry_run: upload.new.is_dry_run,
        is_kept: reading["keep"] == true,
        from: None,
        coding: UploadCoding::Plain,
        form: ListForm::Csv,
        resumed: Some(ResumedUpload {
            id: id.clone(),
            offset,
        }),
        announced: text("content-length").and_then(|length| length.parse().ok()),
        sha256: None,
        most_bytes: api.config.borrow().serve.max_upload,
        who: caller.principal.id.clone(),
        audit: caller.audit(now(), Action::AddImport, &upload.campaign_name),
    };
    match receive(&api, order, body.into_data_stream()).await {
        Ok(id) => accepted(&api, &id).await,
        Err(refusal) => {
            let offset = if let UploadRefusal::OtherOffset(there) = &refusal {
                *there
            } else {
                None
            };
            let mut response = refused(refusal).into_response();
            if let Some(offset) = offset {
                let headers = response.headers_mut();
                headers.insert(UPLOAD_OFFSET, HeaderValue::from(offset));
            }
            Ok(response)
        }
    }
}
