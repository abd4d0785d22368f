//! A list that a form sends: its file goes where a list goes that a program sends, part by part.

use axum::{
    extract::{
        DefaultBodyLimit, Multipart, Path, State,
        multipart::{Field, MultipartError},
    },
    response::Response,
    routing::{MethodFilter, on},
};
use tokio::time::timeout;

use super::{PageRoute, list_decision::refused, see};
use crate::{
    auth::Action,
    http::{
        Api,
        caller::Caller,
        given::{Parameters, SMALL},
        problem::{Problem, ProblemKind},
        routes::imports::{self, GivenList},
        timely::LONGEST_SILENCE,
    },
    orders::UploadCoding,
};

pub(super) fn routes() -> Vec<PageRoute> {
    vec![PageRoute {
        method: axum::http::Method::POST,
        path: "/campaigns/{campaign}/imports",
        action: Some(Action::AddImport),
        // A list has a limit of its own, `serve.max_upload`.
        handler: on(MethodFilter::POST, upload).layer(DefaultBodyLimit::disable()),
    }]
}

async fn upload(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    parts: Result<Multipart, axum::extract::multipart::MultipartRejection>,
) -> Result<Response, Problem> {
    let Ok(parts) = parts else {
        let words = "send the form as `multipart/form-data`, with the file as `list`";
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, words));
    };
    match take(&api, &caller, &name, parts).await {
        Ok(SentList { id, is_kept: true }) => {
            Ok(see(&format!("/campaigns/{name}?tab=imports&import={id}")))
        }
        Ok(SentList { is_kept: false, .. }) => Ok(see(&format!(
            "/campaigns/{name}?tab=imports&done=list-sent"
        ))),
        Err(problem) => refused(&api, &caller, &name, problem, None).await,
    }
}

/// A list that was taken.
struct SentList {
    id: String,
    /// Whether it is only read, and kept to be looked at.
    is_kept: bool,
}

/// Takes the fields, and then the file, which comes last.
async fn take(
    api: &Api,
    caller: &Caller,
    campaign: &str,
    mut parts: Multipart,
) -> Result<SentList, Problem> {
    let (mut given, mut fields) = (Vec::new(), 0);
    while let Some(field) = soon(parts.next_field()).await? {
        let name = field.name().unwrap_or_default().to_owned();
        if name != "list" {
            fields += 1;
            if fields > MOST_FIELDS {
                let words = format!("a form has at most {MOST_FIELDS} fields before its file");
                return Err(Problem::new(ProblemKind::TooLarge, words));
            }
            let text = text_of(field).await?;
            let texts = text.lines().map(str::trim).filter(|line| !line.is_empty());
            for text in texts {
                match name.as_str() {
                    "map" => given.push(("map", text.to_owned())),
                    "date_order" => given.push(("date_order", text.to_owned())),
                    "dry_run" => given.push(("dry_run", "true".to_owned())),
                    "keep" => given.push(("keep", "true".to_owned())),
                    _ => return Err(Problem::fault(name, "there is no such field")),
                }
            }
            continue;
        }
        let file = field.file_name().unwrap_or_default().to_owned();
        if file.is_empty() {
            return Err(Problem::fault("", "choose a file"));
        }
        let is_gzip = file.to_ascii_lowercase().ends_with(".gz");
        given.push(("name", shown_name(&file)));
        let given: Vec<_> = given
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        let parameters = Parameters::of(&given);
        let mut list = GivenList::read(parameters)?;
        if is_gzip {
            list.coding = UploadCoding::Gzip;
        }
        let is_kept = given.iter().any(|(name, _)| *name == "keep");
        let id = imports::take(api, caller, campaign, list, field).await?;
        return Ok(SentList { id, is_kept });
    }
    Err(Problem::fault("", "choose a file"))
}

/// The text of a field, which is no list and has a limit.
async fn text_of(mut field: Field<'_>) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(part) = soon(field.chunk()).await? {
        if bytes.len() + part.len() > SMALL {
            let words = format!("a field of a form has at most {SMALL} bytes");
            let problem = Problem::new(ProblemKind::TooLarge, words);
            return Err(problem.with("limit_bytes", SMALL as u64));
        }
        bytes.extend_from_slice(&part);
    }
    String::from_utf8(bytes)
        .map_err(|_| Problem::new(ProblemKind::Malformed, "a field of the form is not UTF-8"))
}

/// What comes next of a form, unless nothing comes for too long.
async fn soon<T>(part: impl Future<Output = Result<T, MultipartError>>) -> Result<T, Problem> {
    match timeout(LONGEST_SILENCE, part).await {
        Ok(part) => part.map_err(unreadable),
        Err(_) => Err(Problem::new(ProblemKind::Malformed, CUT_OFF)),
    }
}

/// The name of a file as a list may be named.
fn shown_name(file: &str) -> String {
    let last = file.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = last.chars().map(|c| if c.is_control() { ' ' } else { c });
    let name: String = plain.take(200).collect();
    if name.trim().is_empty() {
        "upload".to_owned()
    } else {
        name
    }
}

fn unreadable(error: MultipartError) -> Problem {
    tracing::debug!(%error, "a form with a file could not be read");
    Problem::new(ProblemKind::Malformed, CUT_OFF)
}

const CUT_OFF: &str = "the form could not be read to its end";

/// Most fields of a form before its file: there are four, and each may hold several lines.
const MOST_FIELDS: usize = 32;

#[cfg(test)]
mod tests {
    use axum::extract::FromRequest as _;

    use super::*;

    /// A form with such fields, as they are read.
    async fn read(fields: impl IntoIterator<Item = usize>) -> Result<usize, Problem> {
        let mut body = Vec::new();
        for (nth, size) in fields.into_iter().enumerate() {
            let head = format!("--b\r\nContent-Disposition: form-data; name=\"{nth}\"\r\n\r\n");
            body.extend(head.into_bytes());
            body.resize(body.len() + size, b'a');
            body.extend(b"\r\n");
        }
        body.extend(b"--b--\r\n");
        let request = axum::http::Request::post("/")
            .header("content-type", "multipart/form-data; boundary=b")
            .body(axum::body::Body::from(body))
            .unwrap();
        let mut parts = Multipart::from_request(request, &()).await.unwrap();
        let mut bytes = 0;
        while let Some(field) = soon(parts.next_field()).await? {
            bytes += text_of(field).await?.len();
        }
        Ok(bytes)
    }

    #[tokio::test]
    async fn a_field_that_is_no_list_has_a_limit() {
        assert_eq!(read([0, 7, SMALL]).await.unwrap(), SMALL + 7);
        let problem = read([SMALL + 1]).await.unwrap_err();
        assert_eq!(problem.kind(), ProblemKind::TooLarge);
    }

    #[test]
    fn a_file_names_its_list_in_one_line() {
        for (file, name) in [
            ("leads.csv", "leads.csv"),
            ("C:\\lists\\leads.csv", "leads.csv"),
            ("/etc/../leads\n.csv", "leads .csv"),
            ("a/", "upload"),
            ("<img src=x>.csv", "<img src=x>.csv"),
        ] {
            assert_eq!(shown_name(file), name);
        }
        assert_eq!(shown_name(&"a".repeat(300)).len(), 200);
    }
}
