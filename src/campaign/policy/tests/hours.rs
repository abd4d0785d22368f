//! Which hours hold for whom, and when the next ones begin.

use std::collections::BTreeSet;

use jiff::civil::{Weekday, date};

use super::*;

#[test]
fn a_number_in_two_zones_is_called_while_both_are_open() {
    // The panhandle of Florida, and the rest of area code 850.
    assert_says(
        &Contact::under(850),
        &GateSettings::default(),
        &[
            (
                "2026-12-07T08:30[America/New_York]",
                "calling_hours Mon 2026-12-07 09:00:00 -0500",
            ),
            ("2026-12-07T09:00[America/New_York]", "allowed"),
            ("2026-12-07T19:59:59[America/New_York]", "allowed"),
            (
                "2026-12-07T20:00[America/New_York]",
                "calling_hours Tue 2026-12-08 09:00:00 -0500",
            ),
        ],
    );
    // The contact's own zone decides.
    assert_says(
        &Contact::under(850).zone("America/Chicago"),
        &GateSettings::default(),
        &[
            ("2026-12-07T08:00[America/Chicago]", "allowed"),
            ("2026-12-07T19:59:59[America/Chicago]", "allowed"),
        ],
    );
}

#[test]
fn indiana_and_arizona_have_the_zones_of_their_area_codes() {
    assert_says(
        &Contact::under(219),
        &GateSettings::default(),
        &[
            (
                "2026-12-07T08:00[America/Indiana/Indianapolis]",
                "calling_hours Mon 2026-12-07 09:00:00 -0500",
            ),
            (
                "2026-12-07T20:59:59[America/Indiana/Indianapolis]",
                "allowed",
            ),
        ],
    );
    // Arizona has no summer time; the Navajo Nation has, and shares an area code with it.
    assert_says(
        &Contact::under(928),
        &GateSettings::default(),
        &[
            ("2026-12-07T08:00[America/Phoenix]", "allowed"),
            ("2027-07-12T08:00[America/Phoenix]", "allowed"),
            ("2027-07-12T19:59:59[America/Phoenix]", "allowed"),
            (
                "2027-07-12T20:00[America/Phoenix]",
                "calling_hours Tue 2027-07-13 08:00:00 -0700",
            ),
        ],
    );
}

#[test]
fn alaska_is_called_while_all_its_zones_are_open() {
    assert_says(
        &Contact::under(907),
        &GateSettings::default(),
        &[
            (
                "2026-12-07T08:59[America/Anchorage]",
                "calling_hours Mon 2026-12-07 09:00:00 -0900",
            ),
            ("2026-12-07T20:59:59[America/Anchorage]", "allowed"),
        ],
    );
}

#[test]
fn the_state_of_the_list_and_of_the_number_both_hold() {
    // A number of Alabama whose owner lives in New York: Alabama is closed on Sunday.
    assert_says(
        &Contact::under(205).state("NY").zone("America/New_York"),
        &GateSettings::default(),
        &[
            ("2026-12-12T08:00[America/New_York]", "allowed"),
            ("2026-12-12T19:59:59[America/New_York]", "allowed"),
            (
                "2026-12-12T20:00[America/New_York]",
                "calling_hours Mon 2026-12-14 08:00:00 -0500",
            ),
        ],
    );
    // A number and a zone of New York beside a state of another zone: both zones have to be open.
    assert_says(
        &Contact::under(212).state("AL").zone("America/New_York"),
        &GateSettings::default(),
        &[
            ("2026-12-12T19:59:59[America/New_York]", "allowed"),
            (
                "2026-12-12T20:00[America/New_York]",
                "calling_hours Mon 2026-12-14 09:00:00 -0500",
            ),
        ],
    );
    // Ontario by the list, Florida by the number.
    assert_says(
        &Contact::under(305).state("ON").zone("America/Toronto"),
        &GateSettings::default(),
        &[
            (
                "2026-12-07T08:59:59[America/Toronto]",
                "calling_hours Mon 2026-12-07 09:00:00 -0500",
            ),
            (
                "2026-12-12T18:00[America/Toronto]",
                "calling_hours Sun 2026-12-13 10:00:00 -0500",
            ),
        ],
    );
}

#[test]
fn the_next_opening_is_found_over_sundays_holidays_and_the_new_year() {
    // Alabama: Saturday night, Sunday, Memorial Day.
    assert_says(
        &Contact::under(205),
        &GateSettings::default(),
        &[(
            "2027-05-29T20:00[America/Chicago]",
            "calling_hours Tue 2027-06-01 08:00:00 -0500",
        )],
    );
    // Rhode Island: New Year's Day of 2028 is a Saturday, kept on Friday too; then Sunday.
    assert_says(
        &Contact::under(401),
        &GateSettings::default(),
        &[(
            "2027-12-30T18:00[America/New_York]",
            "calling_hours Mon 2028-01-03 09:00:00 -0500",
        )],
    );
    // Louisiana: Mardi Gras on a leap day.
    assert_says(
        &Contact::under(504),
        &GateSettings::default(),
        &[(
            "2028-02-28T20:00[America/Chicago]",
            "calling_hours Wed 2028-03-01 08:00:00 -0600",
        )],
    );
    // Canada: from a weekday into the weekend.
    assert_says(
        &Contact::under(416),
        &GateSettings::default(),
        &[(
            "2026-12-11T21:30[America/Toronto]",
            "calling_hours Sat 2026-12-12 10:00:00 -0500",
        )],
    );
}

#[test]
fn numbers_of_other_countries_have_the_usual_hours_of_their_own() {
    for (number, zone) in [
        ("+442079460958", "Europe/London"),
        ("+919810012345", "Asia/Kolkata"),
        ("+9779841234567", "Asia/Kathmandu"),
        ("+61883001234", "Australia/Adelaide"),
    ] {
        let mut contact = Contact::at(number);
        contact.zone = Some(zone.to_owned());
        let at = |time: &str| format!("2026-12-07T{time}[{zone}]");
        assert_eq!(
            contact.says(&GateSettings::default(), &at("20:59:59")),
            "allowed"
        );
        assert_eq!(
            contact.says(&GateSettings::default(), &at("08:00")),
            "allowed",
            "{number}"
        );
        for time in ["07:59:59", "21:00"] {
            assert!(
                contact
                    .says(&GateSettings::default(), &at(time))
                    .starts_with("calling_hours"),
                "{number} {time}"
            );
        }
    }
}

#[test]
fn a_number_of_no_country_needs_a_zone() {
    let contact = Contact::at("+80012345678");
    let noon = moment("2026-12-07T12:00[UTC]");
    let ruling = contact.asked(&GateSettings::default(), noon);
    assert_eq!(
        ruling.words(),
        "refused (blocked_prefix): the number belongs to no country (as those of +800, +870, +881 and +883 do not), so that \
         no time zone is known for it; a list that names one in a column `timezone` can be imported"
    );
    let refused = Decision::Refused(RefusedReason::BlockedPrefix);
    for number in [
        "+80012345678",
        "+870773111632",
        "+881612345678",
        "+883510012345678",
    ] {
        let contact = Contact::at(number);
        let decision = contact.asked(&GateSettings::default(), noon).decision;
        assert_eq!(decision, refused, "{number}");
        // Nor is it held until a cap has room.
        let called = contact.starts(&[("2026-12-07T11:00[UTC]", 2)]);
        let decision = called.asked(&GateSettings::default(), noon).decision;
        assert_eq!(decision, refused, "{number}");
    }
    let without_hours = GateSettings {
        hours: false,
        ..GateSettings::default()
    };
    assert!(contact.asked(&without_hours, noon).decision.is_allowed());
    assert_says(
        &contact.zone("Europe/Berlin"),
        &GateSettings::default(),
        &[("2026-12-07T12:00[Europe/Berlin]", "allowed")],
    );
}

/// A list of a program whose default time zone is UTC, at half past one at night in California.
#[test]
fn a_zone_that_is_nobody_s_or_of_another_country_opens_no_night() {
    let night = "2026-12-02T01:30[America/Los_Angeles]";
    let by_california = "calling_hours Wed 2026-12-02 09:00:00 -0800";
    let california = || Contact::under(310);
    for contact in [
        california().zone("UTC"),
        california().zone("GMT"),
        california().zone("Etc/UTC"),
        california().zone("Etc/GMT-9"),
        california().zone("+00:00"),
        california(),
        california().state("CA"),
        california().zone("Europe/London"),
        california().zone("UTC").state("CA"),
        california().zone("Zulu").state("Calif."),
        california().zone("Asia/Tokyo").state("CA"),
    ] {
        let said = contact.says(&GateSettings::default(), night);
        let expected = if contact.zone.as_deref() == Some("Asia/Tokyo") {
            // 16:00 in California is 9:00 the next day in Tokyo, by California's law.
            "calling_hours Wed 2026-12-02 16:00:00 -0800"
        } else {
            by_california
        };
        assert_eq!(said, expected, "{:?} {:?}", contact.zone, contact.state);
    }
    let noon = moment("2026-12-02T12:00[America/Los_Angeles]");
    assert_eq!(
        california()
            .zone("UTC")
            .asked(&GateSettings::default(), noon)
            .words(),
        "allowed: every rule is met; the time zone `UTC` is that of no place and is ignored"
    );
}

#[test]
fn a_state_in_any_usual_spelling_has_its_law_and_any_other_has_all() {
    let evening = "2026-11-30T20:30[America/New_York]";
    let sunday = "2026-12-06T18:00[America/New_York]";
    for state in [
        "Florida",
        "FL",
        "Fla.",
        "Florida, USA",
        "FL - Florida",
        "US-FL",
        "Miami, FL",
        "Floridda",
    ] {
        let said = Contact::under(202)
            .state(state)
            .says(&GateSettings::default(), evening);
        assert!(said.starts_with("calling_hours "), "{state}: {said}");
    }
    for state in [
        "Alabama",
        "Ala.",
        "AL",
        "Alabama (USA)",
        "State of Alabama",
        "Albama",
    ] {
        let said = Contact::under(202)
            .state(state)
            .says(&GateSettings::default(), sunday);
        assert!(
            said.starts_with("calling_hours Mon 2026-12-07"),
            "{state}: {said}"
        );
    }
    // Without a state the number's own law holds, which closes neither.
    for at in [evening, sunday] {
        assert_eq!(
            Contact::under(202).says(&GateSettings::default(), at),
            "allowed"
        );
        assert_eq!(
            Contact::under(202)
                .state("N/A")
                .says(&GateSettings::default(), at),
            "allowed"
        );
    }
    // The laws of all states and the clocks of all of them: ten in Hawaii, by Kentucky's law; Maine ends at five.
    let unknown = Contact::under(202).state("Atlantis");
    assert_says(
        &unknown,
        &GateSettings::default(),
        &[
            (
                "2026-12-07T12:00[America/New_York]",
                "calling_hours Mon 2026-12-07 15:00:00 -0500",
            ),
            ("2026-12-07T15:00[America/New_York]", "allowed"),
            ("2026-12-07T16:59:59[America/New_York]", "allowed"),
            (
                "2026-12-07T17:00[America/New_York]",
                "calling_hours Tue 2026-12-08 15:00:00 -0500",
            ),
        ],
    );
    let words = unknown
        .asked(&GateSettings::default(), moment(sunday))
        .words();
    assert!(
        words
            .ends_with("; the state `Atlantis` is not known, so that the laws of every state hold"),
        "{words}"
    );
    assert!(words.contains(" more laws close it too; "), "{words}");
    // What takes the place of one state's law leaves those of the others.
    let florida = UserRule {
        name: "Florida".to_owned(),
        places: vec![Jurisdiction::parse("US-FL").unwrap()],
        week: Week::ALWAYS,
        closed: BTreeSet::new(),
        instead_of_law: Some("a test".to_owned()),
    };
    let said = unknown.says(&with_rules(vec![florida]), sunday);
    assert!(said.starts_with("calling_hours Mon"), "{said}");
}

#[test]
fn a_toll_free_number_is_called_while_the_whole_continent_is_awake() {
    assert_says(
        &Contact::at("+18332345678"),
        &GateSettings::default(),
        &[
            // Nine o'clock in Hawaii, by Canada's rule.
            (
                "2026-12-07T12:00[America/New_York]",
                "calling_hours Mon 2026-12-07 14:00:00 -0500",
            ),
            ("2026-12-07T14:00[America/New_York]", "allowed"),
        ],
    );
}

#[test]
fn a_user_s_rule_holds_in_a_country_abroad_by_its_numbers() {
    let rule = |because: Option<&str>| UserRule {
        name: "Sundays in Germany".to_owned(),
        places: vec![Jurisdiction::of_setting("country:DE").unwrap()],
        week: Week::daily(Span::parse("07:00-22:00").unwrap()).with(Weekday::Sunday, None),
        closed: BTreeSet::new(),
        instead_of_law: because.map(str::to_owned),
    };
    let settings = with_rules(vec![rule(None)]);
    assert_says(
        &Contact::at("+4930901820"),
        &settings,
        &[
            (
                "2026-12-06T12:00[Europe/Berlin]",
                "calling_hours Mon 2026-12-07 08:00:00 +0100",
            ),
            ("2026-12-07T12:00[Europe/Berlin]", "allowed"),
        ],
    );
    for elsewhere in ["+442079460958", "+12125550101", "+41446681800"] {
        let contact = Contact::at(elsewhere);
        let sunday = contact.says(&settings, "2026-12-06T12:00[America/New_York]");
        assert_eq!(sunday, "allowed", "{elsewhere}");
    }
    // In the place of the usual hours, with a reason.
    let early = "2026-12-07T07:30[Europe/Berlin]";
    let german = Contact::at("+4930901820");
    assert_ne!(german.says(&settings, early), "allowed");
    let forced = with_rules(vec![rule(Some("a test"))]);
    assert_eq!(german.says(&forced, early), "allowed");
}

#[test]
fn a_user_s_rule_makes_hours_stricter_and_opens_nothing() {
    let settings = with_rules(vec![
        UserRule::daily("office hours", Span::parse("06:00-18:30").unwrap()),
        UserRule {
            name: "no Fridays in Florida".to_owned(),
            places: vec![Jurisdiction::parse("US-FL").unwrap()],
            week: Week::ALWAYS.with(Weekday::Friday, None),
            closed: BTreeSet::from([date(2026, 12, 12)]),
            instead_of_law: None,
        },
    ]);
    assert_says(
        &Contact::under(212),
        &settings,
        &[
            (
                "2026-12-11T07:00[America/New_York]",
                "calling_hours Fri 2026-12-11 08:00:00 -0500",
            ),
            ("2026-12-11T18:29:59[America/New_York]", "allowed"),
            (
                "2026-12-11T18:30[America/New_York]",
                "calling_hours Sat 2026-12-12 08:00:00 -0500",
            ),
        ],
    );
    assert_says(
        &Contact::under(305),
        &settings,
        &[(
            "2026-12-10T18:30[America/New_York]",
            "calling_hours Sun 2026-12-13 08:00:00 -0500",
        )],
    );
    let ruling = Contact::under(305).asked(&settings, moment("2026-12-11T12:00[America/New_York]"));
    assert!(
        ruling
            .words()
            .contains("no Fridays in Florida allows no calls on this day"),
        "{}",
        ruling.words()
    );
}

#[test]
fn a_forced_rule_stands_in_place_of_the_law_and_is_named() {
    let sundays = UserRule {
        name: "Sundays with consent".to_owned(),
        places: vec![Jurisdiction::parse("US-UT").unwrap()],
        week: Week::daily(Span::hours(10, 18)),
        closed: BTreeSet::new(),
        instead_of_law: None,
    };
    assert_eq!(
        sundays.clone().forced(" ").unwrap_err().to_string(),
        "the rule `Sundays with consent` is to take the place of the law, which needs a reason"
    );
    let because = "13-25a-103(3) exempts prior express consent";
    let settings = with_rules(vec![sundays.forced(because).unwrap()]);
    let noon = "2026-12-13T12:00[America/Denver]";
    assert_says(
        &Contact::under(801),
        &settings,
        &[
            (noon, "allowed"),
            (
                "2026-12-13T18:00[America/Denver]",
                "calling_hours Mon 2026-12-14 10:00:00 -0700",
            ),
        ],
    );
    let json = serde_json::to_value(Contact::under(801).asked(&settings, moment(noon))).unwrap();
    let rules = &json["findings"][4]["inputs"]["hours"]["rules"];
    assert_eq!(rules.as_array().unwrap().len(), 1);
    assert_eq!(rules[0]["instead_of_law"], because);
    // Elsewhere, and if another state's law holds too, the law holds.
    for contact in [
        Contact::under(205),
        Contact::under(801).state("AL").zone("America/Denver"),
    ] {
        let said = contact.says(&settings, noon);
        assert!(said.starts_with("calling_hours Mon"), "{said}");
    }
}

#[test]
fn hours_that_never_come_are_held_for_a_year_and_said_so() {
    let settings = with_rules(vec![UserRule::daily("late", Span::hours(20, 21))]);
    let now = moment("2026-12-07T12:00[America/New_York]");
    let ruling = Contact::under(305).asked(&settings, now);
    assert_eq!(
        ruling.decision,
        Decision::Held {
            reason: HeldReason::CallingHours,
            until: moment("2027-12-08T12:00[America/New_York]"),
        }
    );
    assert!(
        ruling.words().ends_with("no moment within a year suits"),
        "{}",
        ruling.words()
    );
}
