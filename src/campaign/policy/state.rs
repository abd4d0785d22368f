//! What contact lists write for a state: read if it can mean one place alone, else reported as not understood.

use super::jurisdiction::Jurisdiction;

/// What the state column of a contact says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StateText {
    /// A state of the USA, its capital's district, a territory, or a province of Canada.
    State(Jurisdiction),
    /// A whole country: the USA or Canada.
    Country(Jurisdiction),
    /// Nothing, or one of the words by which lists say so, such as `N/A`.
    Nothing,
    /// Something that may be any state.
    Unknown,
}

impl StateText {
    /// Reads a text.
    ///
    /// Case, accents, spaces and punctuation do not matter. A country behind or before the state, a postal code, and a
    /// town before a comma are left out: `Fla.`, `US-FL`, `FL - Florida`, `Florida, USA`, `Miami, FL 33101`. `CA` is
    /// California, except beside a province's code. Two states that differ are not understood.
    pub(super) fn read(text: &str) -> Self {
        let whole = key(text);
        if whole.is_empty() || NOTHING.contains(&whole.as_str()) {
            return Self::Nothing;
        }
        if let Some(place) = place_of(&whole) {
            return Self::State(place);
        }
        let mut countries = Vec::new();
        let parts: Vec<Vec<&str>> = text
            .split(SEPARATORS)
            .map(|part| without_country(part, &mut countries))
            .filter(|words| !words.is_empty())
            .collect();
        let place = if parts.is_empty() {
            return match countries.as_slice() {
                [] => Self::Unknown,
                [first, others @ ..] if others.iter().all(|country| country == first) => {
                    Self::Country(*first)
                }
                _ => Self::Unknown,
            };
        } else {
            place_of(&key(&parts.concat().concat())).or_else(|| {
                let has_town = !text.contains(['/', '|', ';', '(', ':']);
                of_parts(&parts, has_town)
            })
        };
        match place {
            Some(place) if countries.iter().all(|country| country.covers(place)) => {
                Self::State(place)
            }
            Some(_) | None => Self::Unknown,
        }
    }
}

/// The one place that the parts of a text name. If the text may begin with a town, parts before the last may be one.
fn of_parts(parts: &[Vec<&str>], has_town: bool) -> Option<Jurisdiction> {
    let found: Vec<_> = parts.iter().map(|words| of_words(words)).collect();
    let known: Vec<_> = found.iter().copied().flatten().collect();
    let first = *known.first()?;
    let is_one = known.iter().all(|&place| place == first);
    let (last, before) = found.split_last()?;
    let is_understood =
        known.len() == found.len() || (has_town && last.is_some() && !before.is_empty());
    if is_one {
        return Some(first).filter(|_| is_understood);
    }
    // `ON, CA`: no town of California has a name of two letters.
    let [one, other] = parts else { return None };
    let province = match (one.as_slice(), other.as_slice()) {
        ([code], [country]) | ([country], [code])
            if key(country) == "ca" && key(code).len() == 2 =>
        {
            place_of(&key(code))?
        }
        _ => return None,
    };
    Jurisdiction::CANADA.covers(province).then_some(province)
}

/// The place that words name, once or twice: `Fla`, `State of Florida`, `FL Florida`.
fn of_words(words: &[&str]) -> Option<Jurisdiction> {
    let words = match words {
        [kind, of, rest @ ..] if KINDS.contains(&key(kind).as_str()) && key(of) == "of" => rest,
        [rest @ .., kind] if !rest.is_empty() && KINDS.contains(&key(kind).as_str()) => rest,
        words => words,
    };
    let named = |words: &[&str]| place_of(&key(&words.concat()));
    named(words).or_else(|| {
        (1..words.len()).find_map(|at| {
            let (one, other) = words.split_at(at);
            named(one).filter(|&place| named(other) == Some(place))
        })
    })
}

/// The words of a part without postal codes, and without a country before or behind them.
fn without_country<'a>(part: &'a str, countries: &mut Vec<Jurisdiction>) -> Vec<&'a str> {
    let mut words: Vec<&str> = part
        .split_whitespace()
        .filter(|word| !word.chars().any(|c| c.is_ascii_digit()) && !key(word).is_empty())
        .collect();
    for count in (1..=words.len().min(4)).rev() {
        let behind = words.len() - count;
        if let Some(country) = country_of(&words[behind..]) {
            countries.push(country);
            words.truncate(behind);
            break;
        }
        if let Some(country) = country_of(&words[..count]) {
            countries.push(country);
            words.drain(..count);
            break;
        }
    }
    words
}

fn country_of(words: &[&str]) -> Option<Jurisdiction> {
    match key(&words.concat()).as_str() {
        "us" | "usa" | "unitedstates" | "unitedstatesofamerica" | "theunitedstates" => {
            Some(Jurisdiction::US)
        }
        "canada" | "can" => Some(Jurisdiction::CANADA),
        _ => None,
    }
}

fn place_of(key: &str) -> Option<Jurisdiction> {
    let at = WORDS.binary_search_by(|(word, _)| (*word).cmp(key)).ok()?;
    Some(Jurisdiction::known(WORDS[at].1))
}

/// The letters and digits of a text, in lower case and without accents.
fn key(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'á' | 'à' | 'â' | 'ä' | 'ã' => 'a',
            'í' | 'î' | 'ï' => 'i',
            'ó' | 'ô' | 'ö' => 'o',
            'ú' | 'ù' | 'û' | 'ü' => 'u',
            'ñ' => 'n',
            c => c,
        })
        .collect()
}

const SEPARATORS: [char; 13] = [
    ',', ';', '/', '|', '\\', '(', ')', '[', ']', ':', '-', '–', '—',
];

const KINDS: [&str; 4] = ["state", "commonwealth", "province", "territory"];

/// What lists write if they have no state.
const NOTHING: &[&str] = &[
    "blank",
    "empty",
    "na",
    "nil",
    "none",
    "notapplicable",
    "notavailable",
    "null",
    "undefined",
    "unknown",
    "unspecified",
];

/// Keys of the codes and names of states and provinces, and of their short forms, sorted.
///
/// Sources: ISO 3166-2 and USPS Publication 28, appendix B, for codes; the state names of the AP Stylebook, and chapter 9
/// of the GPO Style Manual of 2016, for short forms; the two-letter symbols and the traditional short forms of Canada Post
/// and The Canadian Style; and spellings usual in lists, such as `N Carolina` and `Penna`.
const WORDS: &[(&str, &str)] = &[
    ("ab", "CA-AB"),
    ("ak", "US-AK"),
    ("al", "US-AL"),
    ("ala", "US-AL"),
    ("alabama", "US-AL"),
    ("alas", "US-AK"),
    ("alaska", "US-AK"),
    ("alb", "CA-AB"),
    ("alberta", "CA-AB"),
    ("alta", "CA-AB"),
    ("americansamoa", "US-AS"),
    ("amersamoa", "US-AS"),
    ("amsamoa", "US-AS"),
    ("ar", "US-AR"),
    ("ariz", "US-AZ"),
    ("arizona", "US-AZ"),
    ("ark", "US-AR"),
    ("arkansas", "US-AR"),
    ("as", "US-AS"),
    ("az", "US-AZ"),
    ("bc", "CA-BC"),
    ("britishcolumbia", "CA-BC"),
    ("ca", "US-CA"),
    ("caab", "CA-AB"),
    ("cabc", "CA-BC"),
    ("cal", "US-CA"),
    ("cali", "US-CA"),
    ("calif", "US-CA"),
    ("california", "US-CA"),
    ("camb", "CA-MB"),
    ("canb", "CA-NB"),
    ("canl", "CA-NL"),
    ("cans", "CA-NS"),
    ("cant", "CA-NT"),
    ("canu", "CA-NU"),
    ("caon", "CA-ON"),
    ("cape", "CA-PE"),
    ("caqc", "CA-QC"),
    ("cask", "CA-SK"),
    ("cayt", "CA-YT"),
    ("cnmi", "US-MP"),
    ("co", "US-CO"),
    ("colo", "US-CO"),
    ("colorado", "US-CO"),
    ("commonwealthofthenorthernmarianaislands", "US-MP"),
    ("conn", "US-CT"),
    ("connecticut", "US-CT"),
    ("ct", "US-CT"),
    ("dc", "US-DC"),
    ("dcwashington", "US-DC"),
    ("de", "US-DE"),
    ("del", "US-DE"),
    ("dela", "US-DE"),
    ("delaware", "US-DE"),
    ("distofcolumbia", "US-DC"),
    ("districtofcolumbia", "US-DC"),
    ("districtofcolumbiawashington", "US-DC"),
    ("fl", "US-FL"),
    ("fla", "US-FL"),
    ("flor", "US-FL"),
    ("florida", "US-FL"),
    ("ga", "US-GA"),
    ("georgia", "US-GA"),
    ("gu", "US-GU"),
    ("guam", "US-GU"),
    ("haw", "US-HI"),
    ("hawaii", "US-HI"),
    ("hi", "US-HI"),
    ("ia", "US-IA"),
    ("id", "US-ID"),
    ("ida", "US-ID"),
    ("idaho", "US-ID"),
    ("il", "US-IL"),
    ("ill", "US-IL"),
    ("illinois", "US-IL"),
    ("ills", "US-IL"),
    ("in", "US-IN"),
    ("ind", "US-IN"),
    ("indiana", "US-IN"),
    ("iowa", "US-IA"),
    ("kan", "US-KS"),
    ("kans", "US-KS"),
    ("kansas", "US-KS"),
    ("kas", "US-KS"),
    ("kentucky", "US-KY"),
    ("ks", "US-KS"),
    ("ky", "US-KY"),
    ("la", "US-LA"),
    ("labrador", "CA-NL"),
    ("louisiana", "US-LA"),
    ("ma", "US-MA"),
    ("maine", "US-ME"),
    ("man", "CA-MB"),
    ("manitoba", "CA-MB"),
    ("maryland", "US-MD"),
    ("mass", "US-MA"),
    ("massachusetts", "US-MA"),
    ("mb", "CA-MB"),
    ("md", "US-MD"),
    ("me", "US-ME"),
    ("mi", "US-MI"),
    ("mich", "US-MI"),
    ("michigan", "US-MI"),
    ("minn", "US-MN"),
    ("minnesota", "US-MN"),
    ("miss", "US-MS"),
    ("mississippi", "US-MS"),
    ("missouri", "US-MO"),
    ("mn", "US-MN"),
    ("mo", "US-MO"),
    ("mont", "US-MT"),
    ("montana", "US-MT"),
    ("mp", "US-MP"),
    ("ms", "US-MS"),
    ("mt", "US-MT"),
    ("nb", "CA-NB"),
    ("nc", "US-NC"),
    ("ncar", "US-NC"),
    ("ncarolina", "US-NC"),
    ("nd", "US-ND"),
    ("ndak", "US-ND"),
    ("ndakota", "US-ND"),
    ("ne", "US-NE"),
    ("neb", "US-NE"),
    ("nebr", "US-NE"),
    ("nebraska", "US-NE"),
    ("nev", "US-NV"),
    ("nevada", "US-NV"),
    ("newbrunswick", "CA-NB"),
    ("newfoundland", "CA-NL"),
    ("newfoundlandandlabrador", "CA-NL"),
    ("newfoundlandlabrador", "CA-NL"),
    ("newhampshire", "US-NH"),
    ("newjersey", "US-NJ"),
    ("newmex", "US-NM"),
    ("newmexico", "US-NM"),
    ("newyork", "US-NY"),
    ("newyorkstate", "US-NY"),
    ("nf", "CA-NL"),
    ("nfld", "CA-NL"),
    ("nfldandlab", "CA-NL"),
    ("nh", "US-NH"),
    ("nj", "US-NJ"),
    ("nl", "CA-NL"),
    ("nm", "US-NM"),
    ("nmarianaislands", "US-MP"),
    ("nmex", "US-NM"),
    ("nmexico", "US-NM"),
    ("nocarolina", "US-NC"),
    ("nodakota", "US-ND"),
    ("northcar", "US-NC"),
    ("northcarolina", "US-NC"),
    ("northdak", "US-ND"),
    ("northdakota", "US-ND"),
    ("northernmarianaislands", "US-MP"),
    ("northernmarianas", "US-MP"),
    ("northwestterritories", "CA-NT"),
    ("northwestterritory", "CA-NT"),
    ("novascotia", "CA-NS"),
    ("ns", "CA-NS"),
    ("nt", "CA-NT"),
    ("nu", "CA-NU"),
    ("nunavut", "CA-NU"),
    ("nv", "US-NV"),
    ("nwt", "CA-NT"),
    ("nwterritories", "CA-NT"),
    ("ny", "US-NY"),
    ("nys", "US-NY"),
    ("oh", "US-OH"),
    ("ohio", "US-OH"),
    ("ok", "US-OK"),
    ("okla", "US-OK"),
    ("oklahoma", "US-OK"),
    ("on", "CA-ON"),
    ("ont", "CA-ON"),
    ("ontario", "CA-ON"),
    ("or", "US-OR"),
    ("ore", "US-OR"),
    ("oreg", "US-OR"),
    ("oregon", "US-OR"),
    ("pa", "US-PA"),
    ("pe", "CA-PE"),
    ("pei", "CA-PE"),
    ("penn", "US-PA"),
    ("penna", "US-PA"),
    ("pennsylvania", "US-PA"),
    ("pq", "CA-QC"),
    ("pr", "US-PR"),
    ("princeedwardis", "CA-PE"),
    ("princeedwardisland", "CA-PE"),
    ("puertorico", "US-PR"),
    ("qc", "CA-QC"),
    ("que", "CA-QC"),
    ("quebec", "CA-QC"),
    ("rhodeisland", "US-RI"),
    ("ri", "US-RI"),
    ("sask", "CA-SK"),
    ("saskatchewan", "CA-SK"),
    ("sc", "US-SC"),
    ("scar", "US-SC"),
    ("scarolina", "US-SC"),
    ("sd", "US-SD"),
    ("sdak", "US-SD"),
    ("sdakota", "US-SD"),
    ("sk", "CA-SK"),
    ("socarolina", "US-SC"),
    ("sodakota", "US-SD"),
    ("southcar", "US-SC"),
    ("southcarolina", "US-SC"),
    ("southdak", "US-SD"),
    ("southdakota", "US-SD"),
    ("tenn", "US-TN"),
    ("tennessee", "US-TN"),
    ("tex", "US-TX"),
    ("texas", "US-TX"),
    ("tn", "US-TN"),
    ("tx", "US-TX"),
    ("unitedstatesvirginislands", "US-VI"),
    ("usak", "US-AK"),
    ("usal", "US-AL"),
    ("usar", "US-AR"),
    ("usas", "US-AS"),
    ("usaz", "US-AZ"),
    ("usca", "US-CA"),
    ("usco", "US-CO"),
    ("usct", "US-CT"),
    ("usdc", "US-DC"),
    ("usde", "US-DE"),
    ("usfl", "US-FL"),
    ("usga", "US-GA"),
    ("usgu", "US-GU"),
    ("ushi", "US-HI"),
    ("usia", "US-IA"),
    ("usid", "US-ID"),
    ("usil", "US-IL"),
    ("usin", "US-IN"),
    ("usks", "US-KS"),
    ("usky", "US-KY"),
    ("usla", "US-LA"),
    ("usma", "US-MA"),
    ("usmd", "US-MD"),
    ("usme", "US-ME"),
    ("usmi", "US-MI"),
    ("usmn", "US-MN"),
    ("usmo", "US-MO"),
    ("usmp", "US-MP"),
    ("usms", "US-MS"),
    ("usmt", "US-MT"),
    ("usnc", "US-NC"),
    ("usnd", "US-ND"),
    ("usne", "US-NE"),
    ("usnh", "US-NH"),
    ("usnj", "US-NJ"),
    ("usnm", "US-NM"),
    ("usnv", "US-NV"),
    ("usny", "US-NY"),
    ("usoh", "US-OH"),
    ("usok", "US-OK"),
    ("usor", "US-OR"),
    ("uspa", "US-PA"),
    ("uspr", "US-PR"),
    ("usri", "US-RI"),
    ("ussc", "US-SC"),
    ("ussd", "US-SD"),
    ("ustn", "US-TN"),
    ("ustx", "US-TX"),
    ("usut", "US-UT"),
    ("usva", "US-VA"),
    ("usvi", "US-VI"),
    ("usvirginislands", "US-VI"),
    ("usvt", "US-VT"),
    ("uswa", "US-WA"),
    ("uswi", "US-WI"),
    ("uswv", "US-WV"),
    ("uswy", "US-WY"),
    ("ut", "US-UT"),
    ("utah", "US-UT"),
    ("va", "US-VA"),
    ("vermont", "US-VT"),
    ("vi", "US-VI"),
    ("virg", "US-VA"),
    ("virginia", "US-VA"),
    ("virginis", "US-VI"),
    ("virginislands", "US-VI"),
    ("virginislandsus", "US-VI"),
    ("vt", "US-VT"),
    ("wa", "US-WA"),
    ("wash", "US-WA"),
    ("washdc", "US-DC"),
    ("washington", "US-WA"),
    ("washingtondc", "US-DC"),
    ("washingtondistrictofcolumbia", "US-DC"),
    ("washingtonstate", "US-WA"),
    ("westva", "US-WV"),
    ("westvirginia", "US-WV"),
    ("wi", "US-WI"),
    ("wis", "US-WI"),
    ("wisc", "US-WI"),
    ("wisconsin", "US-WI"),
    ("wv", "US-WV"),
    ("wva", "US-WV"),
    ("wvirg", "US-WV"),
    ("wvirginia", "US-WV"),
    ("wy", "US-WY"),
    ("wyo", "US-WY"),
    ("wyoming", "US-WY"),
    ("yk", "CA-YT"),
    ("yt", "CA-YT"),
    ("yuk", "CA-YT"),
    ("yukon", "CA-YT"),
    ("yukonterritory", "CA-YT"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::policy::jurisdiction::STATES;

    #[track_caller]
    fn assert_reads(code: &str, texts: &[&str]) {
        for text in texts {
            let found = match StateText::read(text) {
                StateText::State(place) | StateText::Country(place) => place.as_str(),
                StateText::Nothing => "nothing",
                StateText::Unknown => "unknown",
            };
            assert_eq!(found, code, "{text}");
        }
    }

    #[test]
    fn a_state_is_known_by_its_code_its_name_and_its_short_forms() {
        for (code, name) in STATES {
            assert_reads(
                code,
                &[
                    code,
                    &code[3..],
                    name,
                    &name.to_uppercase(),
                    &format!(" {name} "),
                ],
            );
        }
        assert!(WORDS.is_sorted_by(|a, b| a.0 < b.0));
        assert_reads(
            "US-FL",
            &[
                "FL",
                " fl ",
                "us-fl",
                "US_FL",
                "US FL",
                "F.L.",
                "Fla.",
                "FLA",
                "florida",
                "Florida, USA",
            ],
        );
        assert_reads(
            "US-FL",
            &[
                "Florida (FL)",
                "FL - Florida",
                "FL-Florida",
                "FL Florida",
                "Florida/FL",
                "FL, United States of America",
            ],
        );
        assert_reads(
            "US-FL",
            &[
                "Miami, FL",
                "Miami, Florida 33101-1234",
                "FL 33101",
                "State of Florida",
                "Florida State",
                "USA - FL",
                "FL\u{a0}",
            ],
        );
        assert_reads(
            "US-AL",
            &[
                "Ala.",
                "ALA",
                "Alabama (US)",
                "Ala., U.S.A.",
                "U.S. Alabama",
            ],
        );
        assert_reads(
            "US-NY",
            &[
                "N.Y.",
                "N. Y.",
                "n y",
                "New York, NY",
                "NYS",
                "New York State",
                "New  York",
            ],
        );
        assert_reads(
            "US-CA",
            &[
                "CA",
                "Calif.",
                "Cal.",
                "California, US",
                "CA, US",
                "US-CA",
                "Los Angeles, CA",
            ],
        );
        assert_reads("US-WA", &["Washington", "Wash.", "Washington State"]);
        assert_reads(
            "US-DC",
            &[
                "Washington DC",
                "Washington, D.C.",
                "D.C.",
                "Washington, DC, USA",
                "Wash., D.C.",
            ],
        );
        assert_reads("US-VA", &["Commonwealth of Virginia", "Va."]);
        assert_reads("US-WV", &["W. Va.", "W.Va.", "West Virginia"]);
        assert_reads(
            "US-PR",
            &[
                "P.R.",
                "Puerto Rico",
                "PR, USA",
                "Commonwealth of Puerto Rico",
            ],
        );
        assert_reads(
            "US-VI",
            &[
                "USVI",
                "U.S. Virgin Islands",
                "Virgin Islands, U.S.",
                "V.I.",
            ],
        );
        assert_reads("US-MP", &["CNMI", "Northern Marianas", "MP"]);
    }

    #[test]
    fn a_province_is_known_in_both_languages_and_ca_is_not_taken_for_canada() {
        assert_reads(
            "CA-QC",
            &[
                "qc",
                "QUÉBEC",
                "Quebec",
                "Que\u{301}bec",
                "P.Q.",
                "Québec (QC)",
                "Que., Canada",
            ],
        );
        assert_reads(
            "CA-ON",
            &[
                "CA-ON",
                "ON, CA",
                "CA - ON",
                "Ont.",
                "Ontario, Canada",
                "Toronto, ON M5V 2T6",
                "Province of Ontario",
            ],
        );
        assert_reads(
            "CA-NL",
            &[
                "Newfoundland",
                "Nfld.",
                "Newfoundland & Labrador",
                "Newfoundland-Labrador",
                "NF",
            ],
        );
        assert_reads("CA-PE", &["P.E.I.", "Prince Edward Island"]);
        assert_reads("CA-NT", &["N.W.T.", "Northwest Territories"]);
        assert_reads("CA-YT", &["Yukon Territory", "Yukon"]);
    }

    #[test]
    fn what_may_be_several_places_is_not_understood() {
        assert_reads(
            "unknown",
            &[
                "XX",
                "F",
                "New",
                "Bavaria",
                "é",
                "Floridda",
                "FL/GA",
                "FL or GA",
                "FL, GA",
                "Ontario, CA",
                "CA - Ontario",
                "Washington, Georgia",
                "Florida, Canada",
                "Ontario, USA",
                "Not Florida",
                "AE",
                "FM",
                "12345",
                "FL, Miami",
                "Miami/FL",
                "Virgin",
                "Alberta USA",
            ],
        );
    }

    #[test]
    fn a_country_alone_and_no_state_at_all_are_known_as_such() {
        assert_reads(
            "US",
            &["US", "U.S.A.", "United States", "united states of america"],
        );
        assert_reads("CA", &["Canada", "CAN"]);
        assert_reads(
            "nothing",
            &["", " ", "-", "N/A", "n.a.", "None", "NULL", "Unknown", "?"],
        );
    }
}
