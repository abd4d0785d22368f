//! Time zones as CRMs write them.

use crate::campaign::policy::is_zone;

/// A time zone's name as the gate understands it: an IANA name, or one of the abbreviations of North America. `None` if a
/// text is no name of a zone that is known, such as an offset alone, whose clocks may change or not.
///
/// Understood are the names of Windows (`Eastern Standard Time`), those that people read there and in CRMs (`(GMT-08:00)
/// Pacific Time`, `(UTC-05:00) Eastern Time (US & Canada)`), those with an IANA name in brackets, and IANA names with spaces.
pub(super) fn zone(text: &str) -> Option<String> {
    let text = text.trim();
    if is_zone(text) {
        return Some(text.to_owned());
    }
    let name = without_offset(text);
    let inner = name
        .strip_suffix(')')
        .and_then(|rest| rest.rsplit_once('('));
    inner
        .and_then(|(_, inner)| iana(inner))
        .or_else(|| iana(name))
        .or_else(|| spoken(name).map(str::to_owned))
        .or_else(|| windows(name).map(str::to_owned))
}

/// What follows `(GMT-08:00)`, `UTC-8` or the like: the clocks of a zone change, and its name is what counts.
fn without_offset(text: &str) -> &str {
    let rest = text.trim_start_matches('(');
    let offset = ["GMT", "UTC"]
        .into_iter()
        .find_map(|name| rest.strip_prefix(name))
        .filter(|offset| {
            offset
                .trim_start()
                .starts_with(['+', '-', '\u{2212}', '\u{b1}', ')'])
        });
    offset.map_or(text, |offset| {
        offset.trim_start_matches(|c: char| !c.is_alphabetic())
    })
}

/// An IANA name, such as `America/Los Angeles`, or `us_slash_pacific` as one CRM exports it.
fn iana(text: &str) -> Option<String> {
    let text = text.replace("_slash_", "/").replace("_hyphen_", "-");
    let parts: Vec<String> = text
        .split('/')
        .map(|part| part.trim().replace(' ', "_"))
        .collect();
    let name = parts.join("/");
    (parts.len() > 1 && is_zone(&name)).then_some(name)
}

/// A zone of North America as it is spoken of: `Eastern Time (US & Canada)`, `US Mountain Daylight Time`. Its abbreviation
/// has every zone that people mean by it.
fn spoken(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase().replace("u.s.", "us");
    let name = COUNTRIES
        .iter()
        .find_map(|country| name.strip_suffix(country))
        .unwrap_or(&name);
    let mut words: Vec<&str> = name.split_whitespace().collect();
    if words.len() > 1 && matches!(words[0], "us" | "usa" | "canada") {
        words.remove(0);
    }
    while words.len() > 1 && words.last().is_some_and(|word| OF_CLOCKS.contains(word)) {
        words.pop();
    }
    let name = words.join(" ");
    SPOKEN
        .iter()
        .find(|(names, _)| names.contains(&name.as_str()))
        .map(|(_, zone)| *zone)
}

/// A zone of Windows, whichever of its clocks is named.
fn windows(name: &str) -> Option<&'static str> {
    let name = name.replace(" Daylight Time", " Standard Time");
    WINDOWS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(&name))
        .map(|(_, zone)| *zone)
}

/// What follows a name of a zone that is North America's.
const COUNTRIES: &[&str] = &[
    "(us & canada)",
    "(us and canada)",
    "(us &amp; canada)",
    "(us/canada)",
    "(us, canada)",
    "(usa)",
    "(us)",
    "(canada)",
    "us & canada",
    "us and canada",
];

/// Words of which clocks are meant, summer's or winter's, which a day decides.
const OF_CLOCKS: &[&str] = &[
    "time", "zone", "timezone", "standard", "daylight", "saving", "savings", "summer",
];

/// What people call the zones of North America, and how the gate does.
const SPOKEN: &[(&[&str], &str)] = &[
    (&["eastern"], "ET"),
    (&["central"], "CT"),
    (&["mountain"], "MT"),
    (&["pacific"], "PT"),
    (&["alaska", "alaskan"], "AKT"),
    (&["hawaii", "hawaiian", "hawaii-aleutian"], "HT"),
    (&["atlantic"], "AT"),
    (&["newfoundland"], "NT"),
    (&["arizona"], "America/Phoenix"),
    (&["indiana (east)"], "America/Indiana/Indianapolis"),
    (&["saskatchewan"], "America/Regina"),
];

/// The zones of Windows and the IANA zone of each, of whatever country.
///
/// Source: Unicode CLDR, `common/supplemental/windowsZones.xml`, the rows of territory 001, of the tz database's version 2021a;
/// without those that are an offset alone (`UTC-08`, `Dateline Standard Time`).
const WINDOWS: &[(&str, &str)] = &[
    ("Afghanistan Standard Time", "Asia/Kabul"),
    ("Alaskan Standard Time", "America/Anchorage"),
    ("Alberta Standard Time", "America/Edmonton"),
    ("Aleutian Standard Time", "America/Adak"),
    ("Altai Standard Time", "Asia/Barnaul"),
    ("Arab Standard Time", "Asia/Riyadh"),
    ("Arabian Standard Time", "Asia/Dubai"),
    ("Arabic Standard Time", "Asia/Baghdad"),
    ("Argentina Standard Time", "America/Buenos_Aires"),
    ("Astrakhan Standard Time", "Europe/Astrakhan"),
    ("Atlantic Standard Time", "America/Halifax"),
    ("AUS Central Standard Time", "Australia/Darwin"),
    ("Aus Central W. Standard Time", "Australia/Eucla"),
    ("AUS Eastern Standard Time", "Australia/Sydney"),
    ("Azerbaijan Standard Time", "Asia/Baku"),
    ("Azores Standard Time", "Atlantic/Azores"),
    ("Bahia Standard Time", "America/Bahia"),
    ("Bangladesh Standard Time", "Asia/Dhaka"),
    ("Belarus Standard Time", "Europe/Minsk"),
    ("Bougainville Standard Time", "Pacific/Bougainville"),
    ("British Columbia Standard Time", "America/Vancouver"),
    ("Canada Central Standard Time", "America/Regina"),
    ("Cape Verde Standard Time", "Atlantic/Cape_Verde"),
    ("Caucasus Standard Time", "Asia/Yerevan"),
    ("Cen. Australia Standard Time", "Australia/Adelaide"),
    ("Central America Standard Time", "America/Guatemala"),
    ("Central Asia Standard Time", "Asia/Bishkek"),
    ("Central Brazilian Standard Time", "America/Cuiaba"),
    ("Central Europe Standard Time", "Europe/Budapest"),
    ("Central European Standard Time", "Europe/Warsaw"),
    ("Central Pacific Standard Time", "Pacific/Guadalcanal"),
    ("Central Standard Time", "America/Chicago"),
    ("Central Standard Time (Mexico)", "America/Mexico_City"),
    ("Chatham Islands Standard Time", "Pacific/Chatham"),
    ("China Standard Time", "Asia/Shanghai"),
    ("Cuba Standard Time", "America/Havana"),
    ("E. Africa Standard Time", "Africa/Nairobi"),
    ("E. Australia Standard Time", "Australia/Brisbane"),
    ("E. Europe Standard Time", "Europe/Chisinau"),
    ("E. South America Standard Time", "America/Sao_Paulo"),
    ("Easter Island Standard Time", "Pacific/Easter"),
    ("Eastern Standard Time", "America/New_York"),
    ("Eastern Standard Time (Mexico)", "America/Cancun"),
    ("Egypt Standard Time", "Africa/Cairo"),
    ("Ekaterinburg Standard Time", "Asia/Yekaterinburg"),
    ("Fiji Standard Time", "Pacific/Fiji"),
    ("FLE Standard Time", "Europe/Kiev"),
    ("Georgian Standard Time", "Asia/Tbilisi"),
    ("GMT Standard Time", "Europe/London"),
    ("Greenland Standard Time", "America/Godthab"),
    ("Greenwich Standard Time", "Atlantic/Reykjavik"),
    ("GTB Standard Time", "Europe/Bucharest"),
    ("Haiti Standard Time", "America/Port-au-Prince"),
    ("Hawaiian Standard Time", "Pacific/Honolulu"),
    ("India Standard Time", "Asia/Calcutta"),
    ("Iran Standard Time", "Asia/Tehran"),
    ("Israel Standard Time", "Asia/Jerusalem"),
    ("Jordan Standard Time", "Asia/Amman"),
    ("Kaliningrad Standard Time", "Europe/Kaliningrad"),
    ("Korea Standard Time", "Asia/Seoul"),
    ("Libya Standard Time", "Africa/Tripoli"),
    ("Line Islands Standard Time", "Pacific/Kiritimati"),
    ("Lord Howe Standard Time", "Australia/Lord_Howe"),
    ("Magadan Standard Time", "Asia/Magadan"),
    ("Magallanes Standard Time", "America/Punta_Arenas"),
    ("Manitoba Standard Time", "America/Winnipeg"),
    ("Marquesas Standard Time", "Pacific/Marquesas"),
    ("Mauritius Standard Time", "Indian/Mauritius"),
    ("Middle East Standard Time", "Asia/Beirut"),
    ("Montevideo Standard Time", "America/Montevideo"),
    ("Morocco Standard Time", "Africa/Casablanca"),
    ("Mountain Standard Time", "America/Denver"),
    ("Mountain Standard Time (Mexico)", "America/Mazatlan"),
    ("Myanmar Standard Time", "Asia/Rangoon"),
    ("N. Central Asia Standard Time", "Asia/Novosibirsk"),
    ("Namibia Standard Time", "Africa/Windhoek"),
    ("Nepal Standard Time", "Asia/Katmandu"),
    ("New Zealand Standard Time", "Pacific/Auckland"),
    ("Newfoundland Standard Time", "America/St_Johns"),
    ("Norfolk Standard Time", "Pacific/Norfolk"),
    ("North Asia East Standard Time", "Asia/Irkutsk"),
    ("North Asia Standard Time", "Asia/Krasnoyarsk"),
    ("North Korea Standard Time", "Asia/Pyongyang"),
    ("Omsk Standard Time", "Asia/Omsk"),
    ("Pacific SA Standard Time", "America/Santiago"),
    ("Pacific Standard Time", "America/Los_Angeles"),
    ("Pacific Standard Time (Mexico)", "America/Tijuana"),
    ("Pakistan Standard Time", "Asia/Karachi"),
    ("Paraguay Standard Time", "America/Asuncion"),
    ("Qyzylorda Standard Time", "Asia/Qyzylorda"),
    ("Romance Standard Time", "Europe/Paris"),
    ("Russia Time Zone 10", "Asia/Srednekolymsk"),
    ("Russia Time Zone 11", "Asia/Kamchatka"),
    ("Russia Time Zone 3", "Europe/Samara"),
    ("Russian Standard Time", "Europe/Moscow"),
    ("SA Eastern Standard Time", "America/Cayenne"),
    ("SA Pacific Standard Time", "America/Bogota"),
    ("SA Western Standard Time", "America/La_Paz"),
    ("Saint Pierre Standard Time", "America/Miquelon"),
    ("Sakhalin Standard Time", "Asia/Sakhalin"),
    ("Samoa Standard Time", "Pacific/Apia"),
    ("Sao Tome Standard Time", "Africa/Sao_Tome"),
    ("Saratov Standard Time", "Europe/Saratov"),
    ("SE Asia Standard Time", "Asia/Bangkok"),
    ("Singapore Standard Time", "Asia/Singapore"),
    ("South Africa Standard Time", "Africa/Johannesburg"),
    ("South Sudan Standard Time", "Africa/Juba"),
    ("Sri Lanka Standard Time", "Asia/Colombo"),
    ("Sudan Standard Time", "Africa/Khartoum"),
    ("Syria Standard Time", "Asia/Damascus"),
    ("Taipei Standard Time", "Asia/Taipei"),
    ("Tasmania Standard Time", "Australia/Hobart"),
    ("Tocantins Standard Time", "America/Araguaina"),
    ("Tokyo Standard Time", "Asia/Tokyo"),
    ("Tomsk Standard Time", "Asia/Tomsk"),
    ("Tonga Standard Time", "Pacific/Tongatapu"),
    ("Transbaikal Standard Time", "Asia/Chita"),
    ("Turkey Standard Time", "Europe/Istanbul"),
    ("Turks And Caicos Standard Time", "America/Grand_Turk"),
    ("Ulaanbaatar Standard Time", "Asia/Ulaanbaatar"),
    ("US Eastern Standard Time", "America/Indianapolis"),
    ("US Mountain Standard Time", "America/Phoenix"),
    ("Venezuela Standard Time", "America/Caracas"),
    ("Vladivostok Standard Time", "Asia/Vladivostok"),
    ("Volgograd Standard Time", "Europe/Volgograd"),
    ("W. Australia Standard Time", "Australia/Perth"),
    ("W. Central Africa Standard Time", "Africa/Lagos"),
    ("W. Europe Standard Time", "Europe/Berlin"),
    ("W. Mongolia Standard Time", "Asia/Hovd"),
    ("West Asia Standard Time", "Asia/Tashkent"),
    ("West Bank Standard Time", "Asia/Hebron"),
    ("West Pacific Standard Time", "Pacific/Port_Moresby"),
    ("Yakutsk Standard Time", "Asia/Yakutsk"),
    ("Yukon Standard Time", "America/Whitehorse"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_understood_as_crms_write_it() {
        for (text, expected) in [
            ("America/Denver", "America/Denver"),
            ("US/Pacific", "US/Pacific"),
            ("EST5EDT", "EST5EDT"),
            ("PST", "PST"),
            ("America/Los Angeles", "America/Los_Angeles"),
            ("america / new_york", "america/new_york"),
            ("us_slash_pacific", "us/pacific"),
            ("Eastern Standard Time", "ET"),
            ("Eastern Daylight Time", "ET"),
            ("Pacific Time", "PT"),
            ("Pacific Time Zone", "PT"),
            ("US Eastern", "ET"),
            ("U.S. Central Time", "CT"),
            ("US Mountain Standard Time", "MT"),
            ("(GMT-08:00) Pacific Time", "PT"),
            ("(UTC-05:00) Eastern Time (US & Canada)", "ET"),
            ("(GMT-06:00) Central Time (US and Canada)", "CT"),
            ("GMT-7 Mountain Time", "MT"),
            ("(GMT-07:00) Arizona", "America/Phoenix"),
            ("(UTC-10:00) Hawaii", "HT"),
            ("Atlantic Time (Canada)", "AT"),
            (
                "(GMT-08:00) Pacific Standard Time (America/Los_Angeles)",
                "America/Los_Angeles",
            ),
            ("W. Europe Standard Time", "Europe/Berlin"),
            ("GMT Standard Time", "Europe/London"),
            ("AUS Eastern Daylight Time", "Australia/Sydney"),
            ("Pacific Standard Time (Mexico)", "America/Tijuana"),
            ("Central America Standard Time", "America/Guatemala"),
        ] {
            assert_eq!(zone(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["Mars/Base", "Local", "?"] {
            assert_eq!(zone(text), None, "{text}");
        }
        // An offset names no place: the gate ignores it with a note.
        for text in ["GMT-8", "(UTC-05:00)", "-08:00", "UTC-08"] {
            assert!(zone(text).is_none_or(|zone| zone == text), "{text}");
        }
    }

    #[test]
    fn the_gate_understands_every_zone_of_the_tables() {
        assert!(WINDOWS.iter().all(|(_, zone)| is_zone(zone)));
        assert!(SPOKEN.iter().all(|(_, zone)| is_zone(zone)));
        let names: std::collections::BTreeSet<_> = WINDOWS.iter().map(|row| row.0).collect();
        assert_eq!(names.len(), WINDOWS.len());
    }
}
