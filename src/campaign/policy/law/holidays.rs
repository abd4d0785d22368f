//! The holidays of the states whose laws make exceptions of them, as of 2026-11-23.
//!
//! If a state lists a day that only some of its counties keep, it counts for the whole state.

use jiff::civil::Weekday::{Friday, Monday, Thursday};

use crate::campaign::policy::holiday::{
    Day::{self, Easter, Election, Nth, On},
    Holiday,
    Kept::{self, AlwaysMonday, AsItFalls, Nearest},
};

/// Ala. Code 1-3-8(a) and (b), read in a public copy; Juneteenth and Mrs. Rosa L. Parks Day by guides.
pub(super) const ALABAMA: &[Holiday] = &[
    NEW_YEAR,
    KING,
    WASHINGTON,
    at("Mardi Gras, in Mobile and Baldwin counties", Easter(-47)),
    at("Confederate Memorial Day", Nth(4, Monday, 4, 0)),
    MEMORIAL,
    at("Jefferson Davis' birthday", Nth(1, Monday, 6, 0)),
    kept("Juneteenth", On(6, 19), Nearest),
    INDEPENDENCE,
    LABOR,
    COLUMBUS,
    VETERANS,
    THANKSGIVING,
    kept("Mrs. Rosa L. Parks Day", On(12, 1), Nearest),
    CHRISTMAS,
];

/// La. R.S. 1:55(A)(1), read in a public copy; Juneteenth, Election Day and the day after Thanksgiving by guides.
pub(super) const LOUISIANA: &[Holiday] = &[
    NEW_YEAR,
    kept("Battle of New Orleans", On(1, 8), Nearest),
    KING,
    WASHINGTON,
    at("Mardi Gras", Easter(-47)),
    at("Good Friday", Easter(-2)),
    MEMORIAL,
    kept("Juneteenth", On(6, 19), Nearest),
    INDEPENDENCE,
    kept("Huey P. Long Day", On(8, 30), Nearest),
    LABOR,
    COLUMBUS,
    kept("All Saints' Day", On(11, 1), Nearest),
    at("Election Day", Election { even_years: true }),
    VETERANS,
    THANKSGIVING,
    at("Acadian Day", Nth(4, Thursday, 11, 1)),
    CHRISTMAS,
];

/// Neb. Rev. Stat. 25-2221, by guides.
pub(super) const NEBRASKA: &[Holiday] = &[
    NEW_YEAR,
    KING,
    WASHINGTON,
    at("Arbor Day", Nth(-1, Friday, 4, 0)),
    MEMORIAL,
    kept("Juneteenth", On(6, 19), Nearest),
    INDEPENDENCE,
    LABOR,
    COLUMBUS,
    VETERANS,
    THANKSGIVING,
    at("the day after Thanksgiving", Nth(4, Thursday, 11, 1)),
    CHRISTMAS,
];

/// 44 P.S. 11, by a trade guide's list of 2019.
pub(super) const PENNSYLVANIA: &[Holiday] = &[
    NEW_YEAR,
    KING,
    WASHINGTON,
    at("Good Friday", Easter(-2)),
    MEMORIAL,
    kept("Flag Day", On(6, 14), Kept::Monday),
    INDEPENDENCE,
    LABOR,
    COLUMBUS,
    at("Election Day", Election { even_years: false }),
    VETERANS,
    THANKSGIVING,
    CHRISTMAS,
];

/// R.I. Gen. Laws 25-1-1, by guides, with those of the nation, which 5-61-2(2) names too.
pub(super) const RHODE_ISLAND: &[Holiday] = &[
    NEW_YEAR,
    KING,
    WASHINGTON,
    kept("Rhode Island Independence Day", On(5, 4), Kept::Monday),
    MEMORIAL,
    kept("Juneteenth", On(6, 19), Nearest),
    INDEPENDENCE,
    at("Victory Day", Nth(2, Monday, 8, 0)),
    LABOR,
    COLUMBUS,
    at("Election Day", Election { even_years: true }),
    VETERANS,
    THANKSGIVING,
    CHRISTMAS,
];

/// Utah Code 63G-1-301 as of 2025-05-07, read in a public copy. Easter is a Sunday, closed as all are.
pub(super) const UTAH: &[Holiday] = &[
    NEW_YEAR,
    KING,
    WASHINGTON,
    MEMORIAL,
    kept("Juneteenth", On(6, 19), AlwaysMonday),
    INDEPENDENCE,
    kept("Pioneer Day", On(7, 24), Nearest),
    LABOR,
    COLUMBUS,
    VETERANS,
    THANKSGIVING,
    CHRISTMAS,
];

const NEW_YEAR: Holiday = kept("New Year's Day", On(1, 1), Nearest);
const KING: Holiday = at("Martin Luther King Day", Nth(3, Monday, 1, 0));
const WASHINGTON: Holiday = at("Washington's birthday", Nth(3, Monday, 2, 0));
const MEMORIAL: Holiday = at("Memorial Day", Nth(-1, Monday, 5, 0));
const INDEPENDENCE: Holiday = kept("Independence Day", On(7, 4), Nearest);
const LABOR: Holiday = at("Labor Day", Nth(1, Monday, 9, 0));
const COLUMBUS: Holiday = at("Columbus Day", Nth(2, Monday, 10, 0));
const VETERANS: Holiday = kept("Veterans Day", On(11, 11), Nearest);
const THANKSGIVING: Holiday = at("Thanksgiving", Nth(4, Thursday, 11, 0));
const CHRISTMAS: Holiday = kept("Christmas", On(12, 25), Nearest);

const fn at(name: &'static str, day: Day) -> Holiday {
    kept(name, day, AsItFalls)
}

const fn kept(name: &'static str, day: Day, kept: Kept) -> Holiday {
    Holiday { name, day, kept }
}
