//! Hours that a change of clocks cuts, doubles or leaves out.

use std::collections::BTreeSet;

use jiff::civil::{Date, date};

use super::*;

/// No law, and these hours.
fn only(hours: &str) -> GateSettings {
    with_rules(vec![
        lawless(),
        UserRule::daily("hours", Span::parse(hours).unwrap()),
    ])
}

/// No law and all hours, but not on this day.
fn closed_on(day: Date) -> GateSettings {
    let mut rule = UserRule::daily("closed", Span::DAY);
    rule.closed = BTreeSet::from([day]);
    with_rules(vec![lawless(), rule])
}

#[test]
fn an_opening_within_the_hour_left_out_is_when_the_clocks_go_on() {
    // On 14 March 2027 New York has no 02:00 to 03:00.
    assert_says(
        &Contact::under(212),
        &only("02:15-05:00"),
        &[
            (
                "2027-03-14T01:59:59[America/New_York]",
                "calling_hours Sun 2027-03-14 03:00:00 -0400",
            ),
            ("2027-03-14T03:00[America/New_York]", "allowed"),
            ("2027-03-14T04:59:59[America/New_York]", "allowed"),
            (
                "2027-03-14T05:00[America/New_York]",
                "calling_hours Mon 2027-03-15 02:15:00 -0400",
            ),
        ],
    );
    // Midnight comes before the change, though both are open.
    assert_says(
        &Contact::under(212),
        &only("00:00-03:01"),
        &[(
            "2027-03-13T23:59:59[America/New_York]",
            "calling_hours Sun 2027-03-14 00:00:00 -0500",
        )],
    );
    // Hours that lie in it as a whole do not come that day.
    assert_says(
        &Contact::under(212),
        &only("02:15-02:45"),
        &[(
            "2027-03-14T00:00[America/New_York]",
            "calling_hours Mon 2027-03-15 02:15:00 -0400",
        )],
    );
}

#[test]
fn an_hour_that_comes_twice_is_open_twice_and_closed_between() {
    // On 1 November 2026 New York has 01:00 to 02:00 twice.
    assert_says(
        &Contact::under(212),
        &only("01:30-03:00"),
        &[
            (
                "2026-11-01T01:29:59-04:00[America/New_York]",
                "calling_hours Sun 2026-11-01 01:30:00 -0400",
            ),
            ("2026-11-01T01:59:59-04:00[America/New_York]", "allowed"),
            (
                "2026-11-01T01:00:00-05:00[America/New_York]",
                "calling_hours Sun 2026-11-01 01:30:00 -0500",
            ),
            ("2026-11-01T01:30:00-05:00[America/New_York]", "allowed"),
            ("2026-11-01T02:59:59-05:00[America/New_York]", "allowed"),
        ],
    );
    // Hours that end before two are over twice.
    assert_says(
        &Contact::under(212),
        &only("00:30-01:15"),
        &[
            (
                "2026-11-01T01:15:00-04:00[America/New_York]",
                "calling_hours Sun 2026-11-01 01:00:00 -0500",
            ),
            ("2026-11-01T01:00:00-05:00[America/New_York]", "allowed"),
            (
                "2026-11-01T01:15:00-05:00[America/New_York]",
                "calling_hours Mon 2026-11-02 00:30:00 -0500",
            ),
        ],
    );
}

#[test]
fn the_morning_after_a_change_of_clocks_is_at_the_same_hour() {
    assert_says(
        &Contact::under(212),
        &GateSettings::default(),
        &[
            (
                "2027-03-13T21:00[America/New_York]",
                "calling_hours Sun 2027-03-14 08:00:00 -0400",
            ),
            (
                "2026-10-31T21:00[America/New_York]",
                "calling_hours Sun 2026-11-01 08:00:00 -0500",
            ),
        ],
    );
    // Of two zones, only one changes.
    assert_says(
        &Contact::under(928),
        &GateSettings::default(),
        &[
            (
                "2027-03-13T21:00[America/Phoenix]",
                "calling_hours Sun 2027-03-14 08:00:00 -0700",
            ),
            ("2027-03-13T20:30[America/Phoenix]", "allowed"),
            (
                "2027-03-14T20:30[America/Phoenix]",
                "calling_hours Mon 2027-03-15 08:00:00 -0700",
            ),
        ],
    );
}

#[test]
fn zones_of_half_and_quarter_hours_keep_their_own_time() {
    assert_says(
        &Contact::under(709).zone("America/St_Johns"),
        &GateSettings::default(),
        &[
            (
                "2026-12-07T08:59:59[America/St_Johns]",
                "calling_hours Mon 2026-12-07 09:00:00 -0330",
            ),
            ("2026-12-07T09:00[America/St_Johns]", "allowed"),
            ("2026-12-07T21:29:59[America/St_Johns]", "allowed"),
        ],
    );
    // By the number alone, Labrador is asked too.
    assert_says(
        &Contact::under(709),
        &GateSettings::default(),
        &[(
            "2026-12-07T09:00[America/St_Johns]",
            "calling_hours Mon 2026-12-07 09:30:00 -0330",
        )],
    );
    assert_says(
        &Contact::at("+9779841234567"),
        &GateSettings::default(),
        &[
            (
                "2026-12-07T21:00[Asia/Kathmandu]",
                "calling_hours Tue 2026-12-08 08:00:00 +0545",
            ),
            ("2026-12-08T08:00[Asia/Kathmandu]", "allowed"),
        ],
    );
    // Lord Howe Island sets its clocks by half an hour.
    assert_says(
        &Contact::at("+61265632000").zone("Australia/Lord_Howe"),
        &only("02:15-03:00"),
        &[(
            "2026-10-04T01:59:59[Australia/Lord_Howe]",
            "calling_hours Sun 2026-10-04 02:30:00 +1100",
        )],
    );
}

#[test]
fn days_that_begin_late_twice_or_never_are_found() {
    // Chile has no midnight on 6 September 2026.
    let chile = Contact::at("+56221234567").zone("America/Santiago");
    assert_says(
        &chile,
        &closed_on(date(2026, 9, 5)),
        &[(
            "2026-09-05T12:00[America/Santiago]",
            "calling_hours Sun 2026-09-06 01:00:00 -0300",
        )],
    );
    // And the last hour of 4 April 2026 twice.
    assert_says(
        &chile,
        &closed_on(date(2026, 4, 4)),
        &[
            (
                "2026-04-04T23:30:00-03:00[America/Santiago]",
                "calling_hours Sun 2026-04-05 00:00:00 -0400",
            ),
            (
                "2026-04-04T23:30:00-04:00[America/Santiago]",
                "calling_hours Sun 2026-04-05 00:00:00 -0400",
            ),
        ],
    );
    assert_says(
        &chile,
        &only("23:30-24:00"),
        &[
            ("2026-04-04T23:59:59-03:00[America/Santiago]", "allowed"),
            (
                "2026-04-04T23:00:00-04:00[America/Santiago]",
                "calling_hours Sat 2026-04-04 23:30:00 -0400",
            ),
        ],
    );
    // Samoa went without 30 December 2011.
    let mut samoa = Contact::at("+68521234").zone("Pacific/Apia");
    samoa.consent.as_mut().unwrap().at = Some("2001-01-01T00:00:00Z".parse().unwrap());
    assert_says(
        &samoa,
        &closed_on(date(2011, 12, 29)),
        &[(
            "2011-12-29T12:00[Pacific/Apia]",
            "calling_hours Sat 2011-12-31 00:00:00 +1400",
        )],
    );
}
