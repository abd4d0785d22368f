//! How often a number may be called.

use super::*;

#[test]
fn one_drop_in_24_hours_to_the_second() {
    let contact = Contact::under(202).starts(&[("2026-11-24T10:00:30[America/New_York]", 2)]);
    assert_says(
        &contact,
        &GateSettings::default(),
        &[
            (
                "2026-11-24T10:00:30[America/New_York]",
                "frequency_cap Wed 2026-11-25 10:00:30 -0500",
            ),
            (
                "2026-11-25T10:00:29[America/New_York]",
                "frequency_cap Wed 2026-11-25 10:00:30 -0500",
            ),
            ("2026-11-25T10:00:30[America/New_York]", "allowed"),
        ],
    );
}

#[test]
fn three_drops_in_7_days_roll() {
    let contact = Contact::under(202).starts(&[
        ("2026-11-21T12:00[America/New_York]", 2),
        ("2026-11-19T11:00[America/New_York]", 2),
        ("2026-11-23T13:00[America/New_York]", 2),
    ]);
    assert_says(
        &contact,
        &GateSettings::default(),
        &[
            // Both caps are full; the later one counts.
            (
                "2026-11-23T13:30[America/New_York]",
                "frequency_cap Thu 2026-11-26 11:00:00 -0500",
            ),
            (
                "2026-11-26T10:59:59[America/New_York]",
                "frequency_cap Thu 2026-11-26 11:00:00 -0500",
            ),
            ("2026-11-26T11:00[America/New_York]", "allowed"),
        ],
    );
}

#[test]
fn a_day_of_a_cap_is_24_hours_through_a_change_of_clocks() {
    let contact = Contact::under(202).starts(&[("2027-03-13T12:00[America/New_York]", 2)]);
    assert_says(
        &contact,
        &GateSettings::default(),
        &[(
            "2027-03-14T12:00[America/New_York]",
            "frequency_cap Sun 2027-03-14 13:00:00 -0400",
        )],
    );
    let leap = Contact::under(202).starts(&[("2028-02-28T12:00[America/New_York]", 2)]);
    assert_says(
        &leap,
        &GateSettings::default(),
        &[("2028-02-29T12:00[America/New_York]", "allowed")],
    );
}

#[test]
fn a_cap_that_opens_at_night_holds_until_the_morning() {
    let contact = Contact::under(202).starts(&[("2026-11-24T20:59[America/New_York]", 2)]);
    let late = contact
        .clone()
        .starts(&[("2026-11-24T22:00[America/New_York]", 2)]);
    assert_says(
        &contact,
        &GateSettings::default(),
        &[(
            "2026-11-25T09:00[America/New_York]",
            "frequency_cap Wed 2026-11-25 20:59:00 -0500",
        )],
    );
    assert_says(
        &late,
        &GateSettings::default(),
        &[
            (
                "2026-11-25T09:00[America/New_York]",
                "frequency_cap Thu 2026-11-26 08:00:00 -0500",
            ),
            (
                "2026-11-25T22:00[America/New_York]",
                "calling_hours Thu 2026-11-26 08:00:00 -0500",
            ),
        ],
    );
    // Hours that are not asked about hold nothing off either.
    let no_hours = GateSettings {
        hours: false,
        ..GateSettings::default()
    };
    let by_cap = [(
        "2026-11-25T09:00[America/New_York]",
        "frequency_cap Wed 2026-11-25 22:00:00 -0500",
    )];
    assert_says(&late, &no_hours, &by_cap);
    let forced = late
        .clone()
        .overriding("calling_hours", "they asked for it");
    assert_says(&forced, &GateSettings::default(), &by_cap);
    let ruling = late.asked(
        &GateSettings::default(),
        moment("2026-11-25T09:00[America/New_York]"),
    );
    assert_eq!(
        ruling.words(),
        "held (frequency_cap) until 2026-11-26T13:00:00Z: 1 of 1 drops in 24 hours are used, and this drop adds 1; \
         gate.caps allows no more before 2026-11-26T03:00:00Z, and calling hours then begin at 2026-11-26T13:00:00Z"
    );
}

/// Only what the law says.
fn by_law() -> GateSettings {
    GateSettings {
        limits: Vec::new(),
        ..GateSettings::default()
    }
}

#[test]
fn a_double_call_is_two_calls_where_three_are_allowed_in_24_hours() {
    let ten = "2026-11-24T10:00[America/New_York]";
    let noon = "2026-11-24T12:00[America/New_York]";
    let one = "2026-11-24T13:00[America/New_York]";
    let caps_alone = GateSettings {
        hours: false,
        ..by_law()
    };
    // Florida and Maryland by number, Oregon and Oklahoma by state.
    for contact in [
        Contact::under(305),
        Contact::under(301),
        Contact::under(202).state("OR"),
        Contact::under(202).state("OK"),
    ] {
        let mut contact = contact.starts(&[(ten, 2)]);
        assert_says(
            &contact,
            &caps_alone,
            &[
                (noon, "frequency_cap Wed 2026-11-25 10:00:00 -0500"),
                ("2026-11-25T10:00[America/New_York]", "allowed"),
            ],
        );
        contact.calls = 1;
        assert_says(&contact, &caps_alone, &[(noon, "allowed")]);
        let contact = contact.starts(&[(ten, 2), (noon, 1)]);
        assert_says(
            &contact,
            &caps_alone,
            &[(one, "frequency_cap Wed 2026-11-25 10:00:00 -0500")],
        );
    }
    // New York has no such law.
    let contact = Contact::under(212).starts(&[(ten, 2), (noon, 2)]);
    assert_says(&contact, &by_law(), &[(one, "allowed")]);
}

#[test]
fn maine_has_one_drop_in_eight_hours() {
    let contact = Contact::under(207).starts(&[("2026-11-24T09:00[America/New_York]", 2)]);
    assert_says(
        &contact,
        &by_law(),
        &[
            (
                "2026-11-24T16:00[America/New_York]",
                "frequency_cap Wed 2026-11-25 09:00:00 -0500",
            ),
            ("2026-11-25T09:00[America/New_York]", "allowed"),
        ],
    );
}

#[test]
fn a_start_that_the_clock_has_yet_to_reach_counts() {
    let contact = Contact::under(202).starts(&[("2026-11-24T12:05[America/New_York]", 2)]);
    assert_says(
        &contact,
        &GateSettings::default(),
        &[(
            "2026-11-24T12:00[America/New_York]",
            "frequency_cap Wed 2026-11-25 12:05:00 -0500",
        )],
    );
}

#[test]
fn a_cap_that_no_drop_fits_never_opens_and_says_so() {
    let settings = GateSettings {
        limits: vec![Limit {
            most: 1,
            hours: 24,
            of: Counted::Calls,
        }],
        ..GateSettings::default()
    };
    let ruling = Contact::under(202).asked(&settings, moment("2026-11-24T12:00[America/New_York]"));
    assert!(
        ruling.words().ends_with("no moment within a year suits"),
        "{}",
        ruling.words()
    );
    assert_eq!(ruling.rule(), Some(Rule::FrequencyCap));
}

#[test]
fn the_history_reaches_back_as_far_as_the_longest_cap() {
    assert_eq!(GateSettings::default().history().as_hours(), 7 * 24);
    assert_eq!(by_law().history().as_hours(), 24);
    let month = GateSettings {
        limits: vec![Limit {
            most: 4,
            hours: 30 * 24,
            of: Counted::Drops,
        }],
        ..GateSettings::default()
    };
    assert_eq!(month.history().as_hours(), 30 * 24);
}
