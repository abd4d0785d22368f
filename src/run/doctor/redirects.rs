//! Where a call goes that the network answers with another number (302).

use super::Check;
use crate::{ari::Rest, config::Config};

/// Looks at how the trunk follows a redirection. `None` where it is no trunk of PJSIP that could be looked at.
pub(super) async fn check(rest: &Rest, config: &Config) -> Option<Check> {
    let endpoint = &config.pbx.endpoint;
    let trunk = endpoint
        .trunk()
        .filter(|_| endpoint.technology().eq_ignore_ascii_case("PJSIP"))?;
    let asked = rest.configured("res_pjsip", ["endpoint", trunk], "redirect_method");
    let method = asked.await;
    let remedy = format!(
        "set `redirect_method = uri_pjsip` for `{trunk}` in its pjsip.conf, then `module reload res_pjsip.so`"
    );
    Some(match method.as_ref().map(Option::as_deref) {
        Ok(Some("uri_pjsip")) => Check::ok(
            REDIRECTS,
            format!("`{trunk}` follows a redirection (302) on the same channel"),
        ),
        Ok(Some(method)) => Check::warn(
            REDIRECTS,
            format!(
                "`{trunk}` follows a redirection (302) to a number of its own: `redirect_method = {method}`; \
                 such a call is hung up and ends as `failed`"
            ),
            remedy,
        ),
        Ok(None) | Err(_) => Check::warn(
            REDIRECTS,
            format!("the PBX does not tell where `{trunk}` follows a redirection (302) to"),
            format!("look at it with `pjsip show endpoint {trunk}` on the PBX's console: {remedy}"),
        ),
    })
}

const REDIRECTS: &str = "redirects";
