//! What a browser is told of every page and asset: that nothing of others is loaded, framed or run, and that nothing leaks.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// What pages may have of a browser, with who may have the microphone.
macro_rules! permissions {
    ($microphone:literal) => {
        concat!(
            "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), \
             gyroscope=(), magnetometer=(), microphone=",
            $microphone,
            ", midi=(), payment=(), picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), usb=(), \
             xr-spatial-tracking=()"
        )
    };
}
/// Sets what pages and assets have in common.
pub(super) fn secure(headers: &mut HeaderMap) {
    for (name, value) in SECURE {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Tells the browser to send no referrer, of a page whose address holds a secret.
pub(super) fn without_referrer(headers: &mut HeaderMap) {
    let none = HeaderValue::from_static("no-referrer");
    headers.insert(header::REFERRER_POLICY, none);
}

/// Lets the browser give a page the microphone, if its user does.
pub(super) fn with_microphone(headers: &mut HeaderMap) {
    let policy = HeaderValue::from_static(permissions!("(self)"));
    headers.insert(PERMISSIONS, policy);
}

const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");

const SECURE: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        // `aftertone` is the one policy by which our own script names its worker.
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; \
         worker-src 'self'; font-src 'self'; manifest-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types aftertone",
    ),
    // With `no-referrer` a browser sends `Origin: null` with our own forms, by which those of others could not be told.
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (PERMISSIONS, permissions!("()")),
];
