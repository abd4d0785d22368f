//! Each state's hours at their edges, in local time, written down a second time.

use super::*;

/// An area code of a state, its zone, and its hours from Monday to Friday, on Saturday and on Sunday; `-` if closed.
const HOURS: &[(u16, &str, &str, &str, &str)] = &[
    // No rule of their own: New York, Georgia, Arizona, Indiana, Hawaii, Puerto Rico; South Carolina's was struck down.
    (803, "America/New_York", "08-21", "08-21", "08-21"),
    (212, "America/New_York", "08-21", "08-21", "08-21"),
    (404, "America/New_York", "08-21", "08-21", "08-21"),
    (602, "America/Phoenix", "08-21", "08-21", "08-21"),
    (
        317,
        "America/Indiana/Indianapolis",
        "08-21",
        "08-21",
        "08-21",
    ),
    (808, "Pacific/Honolulu", "08-21", "08-21", "08-21"),
    (787, "America/Puerto_Rico", "08-21", "08-21", "08-21"),
    // States with a rule.
    (205, "America/Chicago", "08-20", "08-20", "-"),
    (213, "America/Los_Angeles", "09-21", "09-21", "09-21"),
    (203, "America/New_York", "09-20", "09-20", "09-20"),
    (305, "America/New_York", "08-20", "08-20", "08-20"),
    (312, "America/Chicago", "09-21", "09-21", "09-21"),
    (502, "America/New_York", "10-21", "10-21", "10-21"),
    (504, "America/Chicago", "08-20", "08-20", "-"),
    (617, "America/New_York", "08-20", "08-20", "08-20"),
    (301, "America/New_York", "08-20", "08-20", "08-20"),
    (207, "America/New_York", "09-17", "-", "-"),
    (313, "America/Detroit", "09-21", "09-21", "09-21"),
    (612, "America/Chicago", "09-21", "09-21", "09-21"),
    (601, "America/Chicago", "08-20", "08-20", "-"),
    (402, "America/Chicago", "08-21", "08-21", "13-21"),
    (505, "America/Denver", "09-21", "09-21", "09-21"),
    (702, "America/Los_Angeles", "09-20", "09-20", "09-20"),
    (405, "America/Chicago", "08-20", "08-20", "08-20"),
    (503, "America/Los_Angeles", "08-20", "08-20", "08-20"),
    (215, "America/New_York", "08-21", "08-21", "08-21"),
    (401, "America/New_York", "09-18", "10-17", "-"),
    (214, "America/Chicago", "09-21", "09-21", "12-21"),
    (801, "America/Denver", "08-21", "08-21", "-"),
    (206, "America/Los_Angeles", "08-20", "08-20", "08-20"),
    // Canada, with its half hours.
    (416, "America/Toronto", "09-21:30", "10-18", "10-18"),
    (604, "America/Vancouver", "09-21:30", "10-18", "10-18"),
    (306, "America/Regina", "09-21:30", "10-18", "10-18"),
    (506, "America/Moncton", "09-21:30", "10-18", "10-18"),
    // The Bahamas have no law in the table.
    (242, "America/Nassau", "08-21", "08-21", "08-21"),
];

#[test]
fn each_state_opens_and_closes_to_the_second() {
    for &(area, zone, weekdays, saturday, sunday) in HOURS {
        let contact = Contact::under(area);
        for (day, hours) in [
            ("2026-12-07", weekdays),
            ("2026-12-11", weekdays),
            ("2026-12-12", saturday),
            ("2026-12-13", sunday),
            // Clocks are set forward, and back; both are Sundays.
            ("2027-03-14", sunday),
            ("2026-11-01", sunday),
            // A leap day's eve, and high summer.
            ("2028-02-28", weekdays),
            ("2027-07-13", weekdays),
        ] {
            let open = |time: &str| {
                let at = moment(&format!("{day}T{time}[{zone}]"));
                let ruling = contact.asked(&GateSettings::default(), at);
                ruling.decision.is_allowed()
            };
            let Some((from, to)) = hours.split_once('-').filter(|_| hours.len() > 1) else {
                for hour in 0..24 {
                    assert!(!open(&format!("{hour:02}:30:00")), "{area} {day} {hour}");
                }
                continue;
            };
            let [from, to] = [from, to].map(|time| match time.split_once(':') {
                Some(_) => format!("{time}:00"),
                None => format!("{time}:00:00"),
            });
            let last = before(&to);
            let early = before(&from);
            assert!(!open(&early), "{area} {day} {early}");
            assert!(open(&from), "{area} {day} {from}");
            assert!(open(&last), "{area} {day} {last}");
            assert!(!open(&to), "{area} {day} {to}");
        }
    }
}

#[test]
fn south_dakota_has_two_zones_and_weekdays_only() {
    assert_says(
        &Contact::under(605),
        &GateSettings::default(),
        &[
            (
                "2026-12-07T09:30[America/Chicago]",
                "calling_hours Mon 2026-12-07 10:00:00 -0600",
            ),
            ("2026-12-07T10:00[America/Chicago]", "allowed"),
            ("2026-12-07T20:59:59[America/Chicago]", "allowed"),
            (
                "2026-12-11T21:00[America/Chicago]",
                "calling_hours Mon 2026-12-14 10:00:00 -0600",
            ),
        ],
    );
}

/// A day on which each of these states is closed, or not.
#[test]
fn holidays_close_the_states_that_keep_them() {
    let states: [(&str, u16, &str); 6] = [
        ("AL", 205, "America/Chicago"),
        ("LA", 504, "America/Chicago"),
        ("PA", 215, "America/New_York"),
        ("RI", 401, "America/New_York"),
        ("UT", 801, "America/Denver"),
        ("NY", 212, "America/New_York"),
    ];
    for (day, closed) in [
        // Thanksgiving, and the day after.
        ("2026-11-26", "AL LA PA RI UT"),
        ("2026-11-27", "LA"),
        ("2026-12-01", "AL"),
        ("2026-12-25", "AL LA PA RI UT"),
        // 4 July 2026 is a Saturday.
        ("2026-07-03", "AL LA PA RI UT"),
        // Mardi Gras of 2028 is the leap day.
        ("2028-02-29", "AL LA"),
        ("2027-03-26", "LA PA"),
        ("2027-04-26", "AL"),
        ("2027-05-04", "RI"),
        ("2027-05-31", "AL LA PA RI UT"),
        ("2027-06-14", "PA"),
        // 19 June 2027 is a Saturday; Utah keeps it on Monday.
        ("2027-06-18", "AL LA RI"),
        ("2027-06-21", "UT"),
        // 19 June 2029 is a Tuesday; Utah keeps it on Monday.
        ("2029-06-18", "UT"),
        ("2029-06-19", "AL LA RI UT"),
        ("2026-07-24", "UT"),
        ("2027-08-09", "RI"),
        ("2027-08-30", "LA"),
        ("2027-11-02", "PA"),
        ("2028-11-07", "LA PA RI"),
        ("2027-11-01", "LA"),
        // New Year's Day of 2028 is a Saturday.
        ("2027-12-31", "AL LA PA RI UT"),
        ("2026-11-25", ""),
    ] {
        let found: Vec<_> = states
            .iter()
            .filter(|&&(_, area, zone)| {
                let noon = moment(&format!("{day}T12:00[{zone}]"));
                let ruling = Contact::under(area).asked(&GateSettings::default(), noon);
                !ruling.decision.is_allowed()
            })
            .map(|&(state, ..)| state)
            .collect();
        assert_eq!(found.join(" "), closed, "{day}");
    }
}

#[test]
fn nebraska_opens_at_one_on_holidays() {
    assert_says(
        &Contact::under(402),
        &GateSettings::default(),
        &[
            (
                "2026-11-26T12:59:59[America/Chicago]",
                "calling_hours Thu 2026-11-26 13:00:00 -0600",
            ),
            ("2026-11-26T13:00[America/Chicago]", "allowed"),
        ],
    );
}

#[test]
fn a_holiday_is_named() {
    let ruling = Contact::under(504).asked(
        &GateSettings::default(),
        moment("2026-11-27T12:00[America/Chicago]"),
    );
    assert_eq!(
        ruling.words(),
        "held (calling_hours) until 2026-11-28T14:00:00Z: it is Fri 12:00 in America/Chicago; US-LA (La. R.S. 45:811(2) \
         and (3); holidays: La. R.S. 1:55) allows no calls on Acadian Day; opens Sat 2026-11-28 08:00"
    );
}

/// The second before a time of the day.
fn before(time: &str) -> String {
    let time: jiff::civil::Time = time.parse().unwrap();
    (time - jiff::SignedDuration::from_secs(1)).to_string()
}
