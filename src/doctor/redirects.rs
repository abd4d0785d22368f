//! What the trunk does with a call that the network answers with another number (302).

use super::{check::Check, trunk::Trunk};
use crate::ari::Rest;

/// Checks how the trunk follows a redirection. `None` unless it is an endpoint of PJSIP that the PBX knows.
pub(super) async fn check(rest: &Rest, trunk: &Trunk) -> Option<Check> {
    let Trunk::Endpoint { name: trunk, .. } = trunk else {
        return None;
    };
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
                "`{trunk}` follows a redirection (302) by dialling another channel (`redirect_method = {method}`); \
                 such a call is hung up and ends as `failed`"
            ),
            remedy,
        ),
        Ok(None) | Err(_) => Check::warn(
            REDIRECTS,
            format!("the PBX does not report how `{trunk}` follows a redirection (302)"),
            format!("check it with `pjsip show endpoint {trunk}` on the PBX's console: {remedy}"),
        ),
    })
}

const REDIRECTS: &str = "redirects";
