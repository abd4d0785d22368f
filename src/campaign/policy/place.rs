//! The place of a contact: all that calling hours depend on beside the settings and the time. Contacts of one place are
//! closed and open together, so that whether they are is asked once for all of them.

use std::fmt;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{
    facts::{CampaignKind, Case},
    jurisdiction::Jurisdiction,
    whereabouts::{Whereabouts, ZoneBy},
};
use crate::phone::PhoneNumber;

/// Where a contact may be, as far as calling hours depend on it: the zones that all have to be open, and whose laws hold.
#[derive(Clone)]
pub struct CallingPlace {
    key: i64,
    text: String,
    pub(super) whereabouts: Whereabouts,
}

impl CallingPlace {
    /// The place of a contact, by their number and by zone and state as their list has them; `None` if nothing says in
    /// which zone they are.
    pub fn of(number: &PhoneNumber, zone: Option<&str>, state: Option<&str>) -> Option<Self> {
        let case = Case {
            number: Ok(number),
            zone,
            state,
            consent: None,
            campaign: CampaignKind::Marketing,
            calls: 1,
            do_not_call: None,
            starts: &[],
            overrides: &[],
        };
        let Whereabouts { zones, places, .. } = Whereabouts::of(&case, number);
        Self::new(zones, places)
    }

    /// Reads a place as [`Self::as_str`] writes it. `None` if this version of the program does not know all of it.
    pub fn read(text: &str) -> Option<Self> {
        let (zones, places) = text.split_once(';')?;
        let known = TimeZoneDatabase::bundled();
        let zones = zones.split(' ').map(|name| known.get(name).ok());
        let places = places.split(' ').filter(|code| !code.is_empty());
        let place = Self::new(
            zones.collect::<Option<_>>()?,
            places.map(Jurisdiction::parse).collect::<Option<_>>()?,
        );
        place.filter(|place| place.text == text)
    }

    fn new(zones: Vec<TimeZone>, places: Vec<Jurisdiction>) -> Option<Self> {
        let names: Option<Vec<_>> = zones.iter().map(TimeZone::iana_name).collect();
        let mut names = names.filter(|names| !names.is_empty())?;
        names.sort_unstable();
        let codes: Vec<_> = places.iter().map(|place| place.as_str()).collect();
        let text = format!("{};{}", names.join(" "), codes.join(" "));
        Some(Self {
            key: key(&text),
            text,
            whereabouts: Whereabouts {
                zones,
                places,
                by: ZoneBy::Place,
                notes: Vec::new(),
            },
        })
    }

    /// The number under which it is stored: never 0, and the same in every version of the program.
    pub const fn key(&self) -> i64 {
        self.key
    }

    /// Its zones and the codes of its laws' places, as it is stored: `America/Chicago America/New_York;US-FL`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for CallingPlace {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CallingPlace {}

impl fmt::Debug for CallingPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallingPlace({})", self.text)
    }
}

/// FNV-1a of 64 bits, of which 63 are kept. Two places of one number would wait for the hours of the first of them, and
/// the gate would go on to ask for each its own.
fn key(text: &str) -> i64 {
    let hash = text.bytes().fold(OFFSET_BASIS, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    });
    i64::try_from(hash >> 1).unwrap_or(i64::MAX).max(1)
}

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::Rules;

    fn place(number: &str, zone: &str, state: &str) -> CallingPlace {
        let number = PhoneNumber::parse(number, Rules::default()).unwrap();
        CallingPlace::of(&number, Some(zone), Some(state)).unwrap()
    }

    #[test]
    fn a_place_is_its_zones_and_its_laws_however_they_were_named() {
        let florida = place("+18505550101", "", "");
        assert_eq!(florida.as_str(), "America/Chicago America/New_York;US-FL");
        assert_eq!(florida, place("+18505550102", "", "Florida"));
        assert_ne!(florida, place("+18505550101", "ET", ""));
        assert_eq!(place("+442079460958", "", "").as_str(), "Europe/London;");
        assert!(
            place("+12025550101", "", "Atlantis")
                .as_str()
                .ends_with(";US-* US-DC")
        );
    }

    #[test]
    fn what_is_written_is_read_again_and_its_number_stays() {
        for (number, zone, state) in [
            ("+18505550101", "", ""),
            ("+442079460958", "", ""),
            ("+12025550101", "MST", "Atlantis"),
            ("+18005550101", "", ""),
        ] {
            let place = place(number, zone, state);
            let again = CallingPlace::read(place.as_str()).unwrap();
            assert_eq!((again.key(), again.as_str()), (place.key(), place.as_str()));
            assert!(place.key() > 0);
        }
        // These numbers are stored: they never change.
        assert_eq!(place("+442079460958", "", "").key(), KEY_OF_LONDON);
        for text in ["", ";", "Europe/London", "Mars/Phobos;", "Europe/London;XX"] {
            assert_eq!(CallingPlace::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_of_no_country_has_no_place() {
        let number = PhoneNumber::parse("+80012345678", Rules::default()).unwrap();
        assert_eq!(CallingPlace::of(&number, None, None), None);
    }

    const KEY_OF_LONDON: i64 = 3_108_900_735_074_024_567;
}
