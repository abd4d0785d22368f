use proptest::prelude::*;

use super::*;

fn dialled(text: &str, region: &str) -> String {
    match parse(text, region) {
        Ok(number) => number.full().to_string(),
        Err(error) => error.slug().to_owned(),
    }
}

fn parse(text: &str, region: &str) -> Result<PhoneNumber, PhoneError> {
    PhoneNumber::parse(
        text,
        Rules {
            default_region: Region::parse(region).unwrap(),
            allow_premium: false,
        },
    )
}

#[test]
fn no_emergency_number_is_let_through_behind_any_prefix_or_calling_code() {
    assert!(
        EMERGENCY
            .iter()
            .all(|number| number.len() <= MOST_DIGITS_OF_EACH)
    );
    let typed = |text: &str| typed_digits(text).unwrap();
    for number in EMERGENCY {
        for code in PHONE_NUMBER_UTIL.get_supported_calling_codes() {
            assert!(is_emergency(&typed(&format!("+{code}{number}"))));
            for prefix in ["", "0", "00", "011"] {
                assert!(is_emergency(&typed(&format!("{prefix}{code}{number}"))));
            }
        }
    }
    // 210 is no calling code, and none begins with 0.
    for text in ["+210911", "+01911", "0112101911", "+2025550101"] {
        assert!(!is_emergency(&typed(text)), "{text}");
    }
}

#[test]
fn a_number_is_read_as_people_write_it() {
    for (text, region, expected) in [
        ("+12025550101", "US", "+12025550101"),
        ("+1 202 555 0101", "US", "+12025550101"),
        (" (202) 555-0101 ", "US", "+12025550101"),
        ("202-555-0101", "US", "+12025550101"),
        ("202.555.0101", "US", "+12025550101"),
        ("1 202 555 0101", "US", "+12025550101"),
        ("2025550101", "CA", "+12025550101"),
        ("011 44 20 7946 0958", "US", "+442079460958"),
        ("00442079460958", "GB", "+442079460958"),
        ("0044 (20) 7946 0958", "DE", "+442079460958"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("030 123456", "DE", "+4930123456"),
        ("+39 06 698 12345", "US", "+390669812345"),
        ("+91 11 2345 6789", "US", "+911123456789"),
    ] {
        assert_eq!(dialled(text, region), expected, "{text} in {region}");
    }
}

#[test]
fn what_is_no_number_to_dial_is_refused() {
    let thousand = "1".repeat(1000);
    for (text, region, slug) in [
        ("", "US", "invalid_number"),
        ("   ", "US", "invalid_number"),
        ("+", "US", "invalid_number"),
        ("()", "US", "invalid_number"),
        ("+1202@x", "US", "invalid_number"),
        ("+12025550101@evil", "US", "invalid_number"),
        ("Local/s@default", "US", "invalid_number"),
        ("+12025550101&PJSIP/1@trunk", "US", "invalid_number"),
        ("+12025550101,30", "US", "invalid_number"),
        ("+12025550101/n", "US", "invalid_number"),
        ("+12025550101\r\nX-Header: 1", "US", "invalid_number"),
        ("+12025550101\n", "US", "invalid_number"),
        ("+12025550101\0", "US", "invalid_number"),
        ("\t+12025550101", "US", "invalid_number"),
        ("+1202555\u{a0}0101", "US", "invalid_number"),
        ("+1202555010１", "US", "invalid_number"),
        ("202555010١", "US", "invalid_number"),
        ("+１２０２５５５０１０１", "US", "invalid_number"),
        ("+١٢٠٢٥٥٥٠١٠١", "US", "invalid_number"),
        ("＋12025550101", "US", "invalid_number"),
        ("+12025550101;ext=5", "US", "invalid_number"),
        ("+12025550101 x5", "US", "invalid_number"),
        ("tel:+12025550101", "US", "invalid_number"),
        ("1-800-FLOWERS", "US", "invalid_number"),
        ("++12025550101", "US", "invalid_number"),
        ("1+2025550101", "US", "invalid_number"),
        ("*67 202 555 0101", "US", "invalid_number"),
        ("202555010", "US", "invalid_number"),
        ("555-0101", "US", "invalid_number"),
        ("20255501011", "US", "invalid_number"),
        ("+19995550101", "US", "invalid_number"),
        ("+12115550101", "US", "invalid_number"),
        ("+11025550101", "US", "invalid_number"),
        ("+999123456789", "US", "invalid_number"),
        ("0044 20 7946 0958", "US", "invalid_number"),
        (&thousand, "US", "invalid_number"),
        ("911", "US", "emergency_number"),
        (" 9-1-1 ", "US", "emergency_number"),
        ("+911", "US", "emergency_number"),
        ("+1911", "US", "emergency_number"),
        ("1911", "US", "emergency_number"),
        ("0111911", "US", "emergency_number"),
        ("9115550101", "US", "emergency_number"),
        ("+1 911 555 0101", "US", "emergency_number"),
        ("112", "US", "emergency_number"),
        ("+49112", "DE", "emergency_number"),
        ("0049 112", "DE", "emergency_number"),
        ("0112", "DE", "emergency_number"),
        ("999", "GB", "emergency_number"),
        ("+44 999", "GB", "emergency_number"),
        ("000", "AU", "emergency_number"),
        ("988", "US", "emergency_number"),
        ("+1 900 234 5678", "US", "blocked_prefix"),
        ("+19005550101", "US", "blocked_prefix"),
        ("0909 879 0000", "GB", "blocked_prefix"),
        ("0900 1123456", "DE", "blocked_prefix"),
        ("+979 1 2345 6789", "US", "blocked_prefix"),
        ("0844 234 5678", "GB", "blocked_prefix"),
    ] {
        assert_eq!(dialled(text, region), slug, "{text:?} in {region}");
    }
}

#[test]
fn premium_numbers_are_dialled_where_that_is_allowed() {
    let rules = Rules {
        allow_premium: true,
        ..Rules::default()
    };
    let number = PhoneNumber::parse("+1 900 234 5678", rules).unwrap();
    assert_eq!(number.digits(), "19002345678");
    assert_eq!(
        PhoneNumber::parse("911", rules),
        Err(PhoneError::Emergency),
        "emergency numbers stay refused"
    );
}

#[test]
fn fictional_numbers_are_accepted_under_every_area_code_of_assignable_form() {
    let mut accepted = 0;
    for area in 200..=999 {
        let text = format!("+1{area}5550117");
        let n11 = area % 100 == 11;
        let nine = area / 10 % 10 == 9;
        let expected = match area {
            900 => "blocked_prefix".to_owned(),
            911 => "emergency_number".to_owned(),
            _ if n11 || nine => "invalid_number".to_owned(),
            _ => text.clone(),
        };
        assert_eq!(dialled(&text, "US"), expected, "{area}");
        accepted += u32::from(expected == text);
    }
    assert_eq!(accepted, 711);
}

#[test]
fn a_number_shows_masked() {
    for (text, masked) in [
        ("+12025550101", "+1202•••0101"),
        ("+442079460958", "+4420•••0958"),
        ("+4930123456", "+4930•••456"),
        ("+37060112345", "+3706•••2345"),
    ] {
        let number = parse(text, "US").unwrap();
        assert_eq!(number.to_string(), masked);
        assert_eq!(format!("{number:?}"), format!("PhoneNumber({masked})"));
    }
    for length in 0..=15 {
        let digits = "123456789012345"[..length].to_owned();
        let shown = mask(&digits).chars().filter(char::is_ascii_digit).count();
        assert!(shown + 3 <= length.max(3), "{length}");
    }
}

#[test]
fn an_error_says_what_is_wrong_but_not_the_number() {
    for (text, message) in [
        (
            "+1202@5550101",
            "a phone number holds digits, spaces, `-`, `.`, brackets and one leading `+`, but character 6 is `@`",
        ),
        (
            "+12025550101\n",
            "a phone number holds digits, spaces, `-`, `.`, brackets and one leading `+`, but character 13 is `\\n`",
        ),
        (
            "+19995550101",
            "1999•••0101 is not a valid phone number, read as one dialled in US; write it with its country code, such as `+12025550101`",
        ),
        (
            "+19002345678",
            "1900•••5678 is a premium-rate or shared-cost number; those are dialled only if `pbx.allow_premium = true`",
        ),
        ("911", "emergency numbers are never dialled"),
    ] {
        assert_eq!(parse(text, "US").unwrap_err().to_string(), message);
    }
}

#[test]
fn a_region_is_a_known_code_of_two_letters() {
    assert_eq!(Region::parse("gb").unwrap().to_string(), "GB");
    for code in ["", "U", "USA", "ZZ", "U1", "001", "ü", "XX"] {
        assert_eq!(Region::parse(code), None, "{code}");
    }
}

#[test]
fn a_caller_id_is_a_plain_number() {
    for (text, sent) in [
        ("+12025550100", "+12025550100"),
        ("+1 (202) 555-0100", "+12025550100"),
        ("2025550100", "2025550100"),
        ("42", "42"),
    ] {
        assert_eq!(CallerId::parse(text).unwrap().as_str(), sent);
    }
    for text in [
        "",
        "+",
        "1",
        "\"Shop\" <+12025550100>",
        "Shop",
        "+12025550100\r\nX-Evil: 1",
        "+12025550100\n",
        "<sip:1@x>",
        "1+2025550100",
        "+1202555010012345",
        "１２３",
        "anonymous",
    ] {
        assert!(CallerId::parse(text).is_err(), "{text:?}");
    }
    let shown = format!("{:?}", CallerId::parse("+12025550100").unwrap());
    assert_eq!(shown, "CallerId(+1202•••0100)");
}

proptest! {
    #[test]
    fn any_text_is_taken_apart_without_a_panic(text in ".{0,60}") {
        only_digits_are_dialled(&text)?;
    }

    #[test]
    fn text_that_resembles_a_number_dials_only_digits(text in "[+ ]?[0-9 ().@,;&/x*#-]{0,20}") {
        only_digits_are_dialled(&text)?;
    }

    #[test]
    fn any_digits_dial_only_digits(text in "[+]?[0-9]{1,16}") {
        only_digits_are_dialled(&text)?;
    }
}

fn only_digits_are_dialled(text: &str) -> Result<(), TestCaseError> {
    for region in ["US", "GB", "DE", "IT", "AU", "BR"] {
        let typed: String = text.chars().filter(char::is_ascii_digit).collect();
        match parse(text, region) {
            Ok(number) => {
                let full = number.full().to_string();
                prop_assert!(full.starts_with('+'));
                prop_assert!(full[1..].bytes().all(|b| b.is_ascii_digit()));
                prop_assert!((7..=15).contains(&number.digits().len()));
                prop_assert!(!number.to_string().contains(number.digits()));
                // Whatever is dialled ends as what was typed: nothing is cut off or made up.
                // But for a trunk prefix of zeros, as in `016300` of Australia.
                let typed = typed.trim_start_matches('0');
                let tail = typed.len().min(5);
                prop_assert!(
                    full.ends_with(&typed[typed.len() - tail..]),
                    "{text} -> {full}"
                );
            }
            Err(error) if typed.len() > 3 => {
                prop_assert!(!error.to_string().contains(&typed) || "12025550101".contains(&typed));
            }
            Err(_) => {}
        }
        let _ = CallerId::parse(text);
    }
    Ok(())
}
