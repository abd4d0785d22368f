//! The laws of states that are stricter than those of their country, as a table.
//!
//! Many of them bind sales calls only, some recorded messages only, and some make exceptions of people who consented or
//! who are customers. A drop is a recorded message, and whether it sells is what a court would be asked; so the table
//! takes all of them as binding for every drop, but for one of Oklahoma's, which its entry names.
//!
//! For states that are not here no rule on hours or frequency stricter than the federal one was found on 2026-11-23.
//! [`Read::Text`] says that the law itself was read in a public copy, [`Read::Digest`] that only guides and the notes of
//! law firms were. A law that a court struck down is in the table with the judgment, and is not applied.

use super::{
    Counted, Law, Limit, MADE, Read,
    holidays::{ALABAMA, LOUISIANA, NEBRASKA, PENNSYLVANIA, RHODE_ISLAND, UTAH},
};
use crate::campaign::policy::{
    jurisdiction::Jurisdiction,
    span::{Span, Week},
};

/// Sorted by state.
pub(super) static STATES: &[Law] = &[
    Law {
        holidays: ALABAMA,
        ..law(
            "US-AL",
            Week::of(EIGHT_TO_EIGHT, EIGHT_TO_EIGHT, None),
            "Ala. Admin. Code r. 770-X-5-.17(1)(b); holidays: Ala. Code 1-3-8",
            Read::Text,
        )
    },
    law(
        "US-CA",
        Week::daily(Span::hours(9, 21)),
        "Cal. Pub. Util. Code 2872(c), for announcing devices",
        Read::Text,
    ),
    law(
        "US-CT",
        Week::daily(Span::hours(9, 20)),
        "Conn. Gen. Stat. 42-288a, as amended by Public Act 23-98",
        Read::Digest,
    ),
    Law {
        limits: THREE_CALLS_A_DAY,
        ..law(
            "US-FL",
            Week::daily(Span::hours(8, 20)),
            "Fla. Stat. 501.616(6)(a) and (b)",
            Read::Text,
        )
    },
    law(
        "US-IL",
        Week::daily(Span::hours(9, 21)),
        "815 ILCS 305/15, for recorded messages",
        Read::Digest,
    ),
    law(
        "US-KY",
        Week::daily(Span::hours(10, 21)),
        "Ky. Rev. Stat. 367.46955",
        Read::Digest,
    ),
    Law {
        holidays: LOUISIANA,
        ..law(
            "US-LA",
            Week::of(EIGHT_TO_EIGHT, EIGHT_TO_EIGHT, None),
            "La. R.S. 45:811(2) and (3); holidays: La. R.S. 1:55",
            Read::Text,
        )
    },
    law(
        "US-MA",
        Week::daily(Span::hours(8, 20)),
        "201 CMR 12.02(2)",
        Read::Text,
    ),
    Law {
        limits: THREE_CALLS_A_DAY,
        ..law(
            "US-MD",
            Week::daily(Span::hours(8, 20)),
            "Md. Code, Com. Law title 14, subtitle 45 (Stop the Spam Calls Act of 2023)",
            Read::Digest,
        )
    },
    // A call that is cancelled before an answer is not completed, so that a drop counts once.
    Law {
        limits: &[Limit {
            most: 1,
            hours: 8,
            of: Counted::Drops,
        }],
        ..law(
            "US-ME",
            Week::of(Some(Span::hours(9, 17)), None, None),
            "10 M.R.S. 1498(3), for automated devices",
            Read::Text,
        )
    },
    law(
        "US-MI",
        Week::daily(Span::hours(9, 21)),
        "Mich. Comp. Laws 484.125, for recorded messages",
        Read::Digest,
    ),
    law(
        "US-MN",
        Week::daily(Span::hours(9, 21)),
        "Minn. Stat. 325E.30, for announcing devices",
        Read::Digest,
    ),
    law(
        "US-MS",
        Week::of(EIGHT_TO_EIGHT, EIGHT_TO_EIGHT, None),
        "Miss. Code 77-3-723(1)",
        Read::Text,
    ),
    Law {
        holidays: NEBRASKA,
        on_holidays: Some(Span::hours(13, 21)),
        ..law(
            "US-NE",
            Week::of(
                Some(Span::hours(8, 21)),
                Some(Span::hours(8, 21)),
                Some(Span::hours(13, 21)),
            ),
            "291 Neb. Admin. Code 11-003, for announcing devices; holidays: Neb. Rev. Stat. 25-2221",
            Read::Digest,
        )
    },
    law(
        "US-NM",
        Week::daily(Span::hours(9, 21)),
        "N.M. Stat. 57-12-22(B)(5)",
        Read::Text,
    ),
    // An older text of the section has 9 p.m.; guides of 2025 have 8 p.m.
    law(
        "US-NV",
        Week::daily(Span::hours(9, 20)),
        "Nev. Rev. Stat. 597.814(2), for announcing devices",
        Read::Digest,
    ),
    // The hours of the sales law. Okla. Stat. tit. 15, 755.1(C)(2) besides has 9 a.m. to 9 p.m. for automatic dial
    // announcing devices, consent or not; anyone who counts a drop among these makes a rule of `09:00-20:00` for `US-OK`.
    Law {
        limits: THREE_CALLS_A_DAY,
        ..law(
            "US-OK",
            Week::daily(Span::hours(8, 20)),
            "Okla. Stat. tit. 15, 775C.4 (Telephone Solicitation Act of 2022); 755.1(C)(2) has 9 to 21 for announcing devices",
            Read::Digest,
        )
    },
    Law {
        limits: THREE_CALLS_A_DAY,
        ..law(
            "US-OR",
            Week::daily(Span::hours(8, 20)),
            "Or. Laws 2025, HB 3865, in force since 2026-01-01",
            Read::Digest,
        )
    },
    Law {
        holidays: PENNSYLVANIA,
        ..law(
            "US-PA",
            Week::daily(Span::hours(8, 21)),
            "73 P.S. 2245(a)(1) and (10); holidays: 44 P.S. 11",
            Read::Text,
        )
    },
    Law {
        holidays: RHODE_ISLAND,
        ..law(
            "US-RI",
            Week::of(Some(Span::hours(9, 18)), Some(Span::hours(10, 17)), None),
            "R.I. Gen. Laws 5-61-2(2) and 5-61-3.6; holidays: R.I. Gen. Laws 25-1-1",
            Read::Text,
        )
    },
    // The hours of announcing devices, 8 to 19; the whole section fell. The state's Telephone Privacy Protection Act has those
    // of the federal law (S.C. Code 37-21-30).
    Law {
        struck_down: Some(
            "Cahaly v. LaRosa, 796 F.3d 399 (4th Cir. 2015), affirming 25 F. Supp. 3d 817 (D.S.C. 2014)",
        ),
        ..law(
            "US-SC",
            Week::daily(Span::hours(8, 19)),
            "S.C. Code 16-17-446(C)(3), for announcing devices",
            Read::Text,
        )
    },
    law(
        "US-SD",
        Week::of(Some(Span::hours(9, 21)), None, None),
        "S.D. Codified Laws 37-30-28, for automated dialling",
        Read::Text,
    ),
    law(
        "US-TX",
        Week::of(
            Some(Span::hours(9, 21)),
            Some(Span::hours(9, 21)),
            Some(Span::hours(12, 21)),
        ),
        "Tex. Bus. & Com. Code 301.051",
        Read::Digest,
    ),
    Law {
        holidays: UTAH,
        ..law(
            "US-UT",
            Week::of(Some(Span::hours(8, 21)), Some(Span::hours(8, 21)), None),
            "Utah Code 13-25a-103(3); holidays: Utah Code 63G-1-301",
            Read::Text,
        )
    },
    law(
        "US-WA",
        Week::daily(Span::hours(8, 20)),
        "Wash. Rev. Code 19.158.040(2) and 80.36.390",
        Read::Text,
    ),
];

/// A law without holidays and limits.
const fn law(place: &'static str, week: Week, source: &'static str, read: Read) -> Law {
    Law {
        place: Jurisdiction::known(place),
        week,
        holidays: &[],
        on_holidays: None,
        limits: &[],
        source,
        read,
        as_of: MADE,
        struck_down: None,
    }
}

const EIGHT_TO_EIGHT: Option<Span> = Some(Span::hours(8, 20));

const THREE_CALLS_A_DAY: &[Limit] = &[Limit {
    most: 3,
    hours: 24,
    of: Counted::Calls,
}];
