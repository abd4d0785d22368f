//! What pages load: style, scripts, pictures. It is compiled in and lies below one digest of all of it, so that a browser keeps
//! it for as long as it likes and modules name each other by relative paths.

use std::sync::LazyLock;

use axum::{
    Router,
    extract::Path,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use sha2::{Digest as _, Sha256};

use super::headers::secure;
use crate::http::{
    Api,
    problem::{Problem, ProblemKind},
};

/// A file that pages load.
struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

macro_rules! assets {
    ($($name:literal $kind:expr),+ $(,)?) => {
        &[$(Asset {
            name: $name,
            kind: $kind,
            bytes: include_bytes!(concat!("assets/", $name)),
        }),+]
    };
}

/// All of them, by their names in `assets/`.
const ASSETS: &[Asset] = assets![
    "app.css" CSS,
    "app.js" SCRIPT,
    "charts.js" SCRIPT,
    "icon.svg" SVG,
    "keys.js" SCRIPT,
    "live-worker.js" SCRIPT,
    "live.js" SCRIPT,
    "recorder-worklet.js" SCRIPT,
    "recorder.js" SCRIPT,
    "scrubber.js" SCRIPT,
    "table.js" SCRIPT,
    "times.js" SCRIPT,
    "uplot.css" CSS,
    "uplot.js" SCRIPT,
    "upload.js" SCRIPT,
];

/// The folder of this version's assets, without a `/` at its end.
pub(super) fn folder() -> &'static str {
    static FOLDER: LazyLock<String> = LazyLock::new(|| {
        let mut digest = Sha256::new();
        for asset in ASSETS {
            digest.update(asset.name.len().to_le_bytes());
            digest.update(asset.name);
            digest.update(asset.bytes.len().to_le_bytes());
            digest.update(asset.bytes);
        }
        let digest = digest.finalize();
        let hex: String = digest[..DIGEST]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("/assets/{hex}")
    });
    &FOLDER
}

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/assets/{digest}/{name}", get(show))
}

async fn show(Path((digest, name)): Path<(String, String)>) -> Response {
    let is_this_version = folder().rsplit('/').next() == Some(&digest);
    let found = ASSETS.iter().find(|asset| asset.name == name);
    let Some(asset) = found.filter(|_| is_this_version) else {
        let words = "this version has no such file; load the page again";
        return Problem::new(ProblemKind::NotFound, words).into_response();
    };
    let mut response = asset.bytes.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // A worker keeps to the policy of its own script.
    secure(headers);
    response
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Bytes of the digest in the path.
const DIGEST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_asset_is_kept_for_good_and_only_that_of_this_version() {
        let digest = folder().rsplit('/').next().unwrap().to_owned();
        for asset in ASSETS {
            let given = show(Path((digest.clone(), asset.name.to_owned()))).await;
            assert_eq!(given.status(), 200, "{}", asset.name);
            assert!(
                given.headers()["cache-control"]
                    .to_str()
                    .unwrap()
                    .contains("immutable")
            );
            assert_eq!(given.headers()["content-type"], asset.kind);
        }
        for (digest, name) in [("0011223344556677", "app.js"), (&digest, "nothing.js")] {
            let given = show(Path((digest.to_owned(), name.to_owned()))).await;
            assert_eq!(given.status(), 404, "{digest} {name}");
        }
    }
}
