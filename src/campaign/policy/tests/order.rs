//! The order of the rules, what each refuses, and what setting one aside does.

use super::*;

const NOON: &str = "2026-11-24T12:00[America/New_York]";
const NIGHT: &str = "2026-11-24T23:00[America/New_York]";

#[test]
fn the_first_rule_that_is_not_met_decides() {
    let settings = GateSettings::default();
    let mut contact = Contact::under(202);
    contact.do_not_call = Some("own".to_owned());
    contact.consent = None;
    let mut contact = contact.starts(&[("2026-11-24T22:00[America/New_York]", 2)]);
    let valid = contact.number.clone();

    contact.number = PhoneNumber::parse("911", Rules::default());
    assert_eq!(contact.says(&settings, NIGHT), "emergency_number");
    contact.number = PhoneNumber::parse("+1 900 555 0199", Rules::default());
    assert_eq!(contact.says(&settings, NIGHT), "blocked_prefix");
    contact.number = PhoneNumber::parse("12345", Rules::default());
    assert_eq!(contact.says(&settings, NIGHT), "invalid_number");
    contact.number = valid;
    assert_eq!(contact.says(&settings, NIGHT), "do_not_call");
    contact.do_not_call = None;
    assert_eq!(contact.says(&settings, NIGHT), "no_consent");
    contact.consent = Contact::under(202).consent;
    assert_eq!(
        contact.says(&settings, NIGHT),
        "frequency_cap Thu 2026-11-26 08:00:00 -0500"
    );
    contact.starts.clear();
    assert_eq!(
        contact.says(&settings, NIGHT),
        "calling_hours Wed 2026-11-25 08:00:00 -0500"
    );
    assert_eq!(contact.says(&settings, NOON), "allowed");
}

#[test]
fn a_blocked_prefix_is_never_dialled() {
    let settings = GateSettings {
        blocked_prefixes: vec!["1242".to_owned(), "44".to_owned()],
        ..GateSettings::default()
    };
    assert_eq!(Contact::under(242).says(&settings, NOON), "blocked_prefix");
    assert_eq!(
        Contact::at("+442079460958").says(&settings, NOON),
        "blocked_prefix"
    );
    assert_eq!(Contact::under(202).says(&settings, NOON), "allowed");
    let ruling = Contact::under(242).asked(&settings, moment(NOON));
    assert_eq!(ruling.findings.len(), 1);
    assert_eq!(
        ruling.words(),
        "refused (blocked_prefix): +1242•••0101 begins with +1242, which the settings block"
    );
}

#[test]
fn consent_needs_a_date_a_source_and_for_marketing_writing() {
    use CampaignKind::{Informational, Marketing};
    use ConsentKind::{Verbal, Written};

    let before = Some("2026-11-24T11:59:59-05:00");
    let at_once = Some("2026-11-24T12:00:00-05:00");
    let later = Some("2026-11-24T12:00:01-05:00");
    for (campaign, kind, at, source, expected) in [
        (Marketing, Written, before, "web form", "allowed"),
        (Marketing, Written, at_once, "web form", "allowed"),
        (Marketing, Written, later, "web form", "no_consent"),
        (Marketing, Written, None, "web form", "no_consent"),
        (Marketing, Written, before, " ", "no_consent"),
        (Marketing, Verbal, before, "call", "no_consent"),
        (Informational, Verbal, before, "call", "allowed"),
        (Informational, Written, before, "web form", "allowed"),
        (Informational, Verbal, later, "call", "no_consent"),
        (Informational, Verbal, None, "call", "no_consent"),
        (Informational, Verbal, before, "", "no_consent"),
    ] {
        let mut contact = Contact::under(202);
        contact.campaign = campaign;
        contact.consent = Some(Consent {
            kind,
            at: at.map(|at| at.parse().unwrap()),
            source: Some(source.to_owned()),
        });
        let said = contact.says(&GateSettings::default(), NOON);
        assert_eq!(said, expected, "{campaign} {:?}", contact.consent);
    }
    let mut nobody = Contact::under(202);
    nobody.consent = None;
    for campaign in [Informational, Marketing] {
        nobody.campaign = campaign;
        assert_eq!(nobody.says(&GateSettings::default(), NOON), "no_consent");
    }
}

#[test]
fn a_consent_of_today_counts_wherever_today_has_begun() {
    let settings = GateSettings::default();
    let says = |number: &str, zone: &str, consent: &str, now: &str| {
        let mut contact = Contact::at(number).zone(zone);
        contact.consent.as_mut().unwrap().at = Some(consent.parse().unwrap());
        contact.says(&settings, now)
    };
    let sydney = |consent, now| says("+61291234567", "Australia/Sydney", consent, now);
    let tokyo = |consent, now| says("+81312345678", "Asia/Tokyo", consent, now);
    let morning = "2026-12-01T09:00[Australia/Sydney]";
    // A day, which lists have without a time, and which is kept as midnight UTC: that is eleven in Sydney.
    assert_eq!(sydney("2026-12-01T00:00:00Z", morning), "allowed");
    assert_eq!(
        tokyo("2026-12-01T00:00:00Z", "2026-12-01T08:00[Asia/Tokyo]"),
        "allowed"
    );
    // A time without a zone, kept as if it were UTC.
    assert_eq!(sydney("2026-12-01T08:30:00Z", morning), "allowed");
    assert_eq!(
        tokyo("2026-12-01T08:30:00Z", "2026-12-01T09:00[Asia/Tokyo]"),
        "allowed"
    );
    assert_eq!(sydney("2026-12-01T09:30:00Z", morning), "no_consent");
    // A day that has begun for those who keep the list, and not for the contact.
    let new_york = |consent, now| says("+12125550101", "America/New_York", consent, now);
    let noon = "2026-11-30T12:00[America/New_York]";
    assert_eq!(new_york("2026-12-01T00:00:00Z", noon), "allowed");
    // A day that has begun nowhere.
    assert_eq!(sydney("2026-12-02T00:00:00Z", morning), "no_consent");
    assert_eq!(new_york("2026-12-02T00:00:00Z", noon), "no_consent");
    // It begins in Kiritimati at ten in London.
    assert_eq!(
        says(
            "+442079460958",
            "Europe/London",
            "2026-12-01T00:00:00Z",
            "2026-11-30T09:59:59[Europe/London]"
        ),
        "no_consent"
    );
    assert_eq!(
        says(
            "+442079460958",
            "Europe/London",
            "2026-12-01T00:00:00Z",
            "2026-11-30T10:00[Europe/London]"
        ),
        "allowed"
    );
}

#[test]
fn what_a_list_says_of_consent_is_read_strictly() {
    for (text, kind) in [
        ("written", Some(ConsentKind::Written)),
        (" Signed ", Some(ConsentKind::Written)),
        ("ELECTRONIC", Some(ConsentKind::Written)),
        ("oral", Some(ConsentKind::Verbal)),
        ("yes", None),
        ("", None),
        ("unwritten", None),
    ] {
        assert_eq!(ConsentKind::parse(text), kind, "{text}");
    }
}

#[test]
fn a_rule_is_set_aside_only_with_a_reason_and_that_is_kept() {
    assert_eq!(
        Override::new("caps", "why not").unwrap_err().to_string(),
        "there is no rule `caps`; those that can be set aside are `do_not_call`, `consent`, `frequency_cap` and `calling_hours`"
    );
    assert_eq!(
        Override::new("invalid_number", "why not").unwrap_err(),
        OverrideError::Number
    );
    assert_eq!(
        Override::new("calling_hours", " ").unwrap_err().to_string(),
        "setting `calling_hours` aside needs a reason, which is kept with the call"
    );

    let contact = Contact::under(202).overriding("calling_hours", "they asked for a late call");
    let ruling = contact.asked(&GateSettings::default(), moment(NIGHT));
    assert_eq!(ruling.decision, Decision::Allowed);
    assert_eq!(
        ruling.words(),
        "allowed: `calling_hours` is set aside, because: they asked for a late call (it is Tue 23:00 in \
         America/New_York; US (47 CFR 64.1200(c)(1)) allows 08:00-21:00; opens Wed 2026-11-25 08:00)"
    );
    let Outcome::SetAside { instead_of, .. } = &ruling.findings[4].outcome else {
        panic!("{ruling:?}");
    };
    assert_eq!(
        *instead_of,
        Some(Decision::Held {
            reason: HeldReason::CallingHours,
            until: moment("2026-11-25T08:00[America/New_York]"),
        })
    );
}

#[test]
fn setting_one_rule_aside_leaves_the_others() {
    let settings = GateSettings::default();
    let mut contact = Contact::under(202)
        .starts(&[("2026-11-24T11:00[America/New_York]", 2)])
        .overriding("frequency_cap", "the first one was cut off");
    assert_eq!(contact.says(&settings, NOON), "allowed");
    assert_eq!(
        contact.says(&settings, NIGHT),
        "calling_hours Wed 2026-11-25 08:00:00 -0500"
    );
    contact.do_not_call = Some("national".to_owned());
    assert_eq!(contact.says(&settings, NOON), "do_not_call");
    let contact = contact.overriding("do_not_call", "they asked to be called");
    assert_eq!(contact.says(&settings, NOON), "allowed");
}

#[test]
fn what_the_settings_switch_off_is_said() {
    let mut contact = Contact::under(202).starts(&[("2026-11-24T22:00[America/New_York]", 2)]);
    contact.consent = None;
    let off = GateSettings {
        enabled: false,
        ..GateSettings::default()
    };
    let one_by_one = GateSettings {
        consent: false,
        caps: false,
        hours: false,
        ..GateSettings::default()
    };
    for settings in [&off, &one_by_one] {
        let ruling = contact.asked(settings, moment(NIGHT));
        assert_eq!(ruling.decision, Decision::Allowed);
        let off = |f: &&Finding| f.outcome == Outcome::SwitchedOff;
        assert_eq!(ruling.findings.iter().filter(off).count(), 3);
        assert_eq!(
            ruling.words(),
            "allowed: the settings switch `consent` off; the settings switch `frequency_cap` off; the settings switch \
             `calling_hours` off"
        );
    }
    contact.do_not_call = Some("own".to_owned());
    assert_eq!(contact.says(&off, NIGHT), "do_not_call");
    // A cap that is full waits for no hours if those are off.
    contact.do_not_call = None;
    contact.consent = Contact::under(202).consent;
    let no_hours = GateSettings {
        hours: false,
        ..GateSettings::default()
    };
    assert_eq!(
        contact.says(&no_hours, NIGHT),
        "frequency_cap Wed 2026-11-25 22:00:00 -0500"
    );
}

#[test]
fn a_ruling_is_kept_as_data_and_says_why() {
    let ruling = Contact::under(305).state("TX").asked(
        &GateSettings::default(),
        moment("2026-11-29T11:30[America/Chicago]"),
    );
    assert_eq!(
        ruling.words(),
        "held (calling_hours) until 2026-11-29T19:00:00Z: it is Sun 11:30 in America/Chicago; US-TX (Tex. Bus. & Com. \
         Code 301.051) allows 12:00-21:00; all 2 zones are open at Sun 2026-11-29 13:00 there"
    );
    assert_eq!(ruling.rule(), Some(Rule::CallingHours));
    let json = serde_json::to_value(&ruling).unwrap();
    assert_eq!(json["decision"], "held");
    assert_eq!(json["of"]["reason"], "calling_hours");
    assert_eq!(json["findings"][4]["rule"], "calling_hours");
    let hours = &json["findings"][4]["inputs"]["hours"];
    assert_eq!(hours["zones_by"], "state");
    assert_eq!(hours["zones"][0]["local"], "2026-11-29T11:30:00");
    assert_eq!(hours["zones"][0]["hours"], "12:00-20:00");
    assert_eq!(hours["places"][0], "US-FL");
    assert_eq!(hours["rules"][2]["law"]["as_of"], "2026-11-23");
    assert_eq!(serde_json::from_value::<Ruling>(json).unwrap(), ruling);
}

#[test]
fn no_whole_number_is_in_a_ruling() {
    let ruling = Contact::under(202).asked(&GateSettings::default(), moment(NIGHT));
    let json = serde_json::to_string(&ruling).unwrap();
    assert!(!json.contains("5550101"), "{json}");
    assert!(json.contains("+1202•••0101"), "{json}");
}

#[test]
fn every_rule_has_a_slug_of_its_own() {
    for rule in Rule::ORDER {
        assert_eq!(Rule::parse(rule.slug()), Some(rule));
        let json = serde_json::to_string(&rule).unwrap();
        assert_eq!(json, format!("\"{rule}\""));
    }
    assert_eq!(Rule::parse("no_consent"), Some(Rule::Consent));
    assert_eq!(Rule::parse("hours"), None);
    assert_eq!(RefusedReason::Duplicate.slug(), "duplicate");
}
