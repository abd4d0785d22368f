//! The words of the field for the causes with which calls end.

/// What ITU-T Q.850 calls a cause.
pub(super) const fn words_of(cause: u32) -> &'static str {
    match cause {
        1 => "unallocated number",
        2 => "no route to the transit network",
        3 => "no route to the destination",
        16 => "normal clearing",
        17 => "user busy",
        18 => "no user responding",
        19 => "no answer",
        20 => "subscriber absent",
        21 => "call rejected",
        22 => "number changed",
        26 => "cleared elsewhere",
        27 => "destination out of order",
        28 => "invalid number format",
        31 => "normal, unspecified",
        34 => "no circuit available",
        38 => "network out of order",
        41 => "temporary failure",
        42 => "switching equipment congestion",
        44 => "requested circuit not available",
        50 => "facility not subscribed",
        58 => "bearer capability not available",
        88 => "incompatible destination",
        102 => "recovery on timer expiry",
        111 => "protocol error",
        127 => "interworking, unspecified",
        _ => "",
    }
}
