//! What a column can hold, by its name.

use std::fmt;

use crate::words::plain;

/// What a column can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `number`, the only one that a list must have.
    Number,
    /// `name`.
    Name,
    /// `first_name`, put together with the last if there is no `name`.
    FirstName,
    /// `last_name`.
    LastName,
    /// `timezone`.
    Timezone,
    /// `state`.
    State,
    /// `consent`: how it was given.
    Consent,
    /// `consent_at`: when.
    ConsentAt,
    /// `consent_source`: the record of it.
    ConsentSource,
    /// `message`: the one for this contact.
    Message,
    /// `foreign_id`: the contact's id in the user's own system.
    ForeignId,
}

impl Field {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 11] = [
        Self::Number,
        Self::Name,
        Self::FirstName,
        Self::LastName,
        Self::Timezone,
        Self::State,
        Self::Consent,
        Self::ConsentAt,
        Self::ConsentSource,
        Self::Message,
        Self::ForeignId,
    ];

    /// Its name in a mapping.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Name => "name",
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::Timezone => "timezone",
            Self::State => "state",
            Self::Consent => "consent",
            Self::ConsentAt => "consent_at",
            Self::ConsentSource => "consent_source",
            Self::Message => "message",
            Self::ForeignId => "foreign_id",
        }
    }

    /// What lists call it, as [`plain`] has it.
    const fn synonyms(self) -> &'static str {
        match self {
            Self::Number => {
                "number phone phonenumber phoneno phonenum telephone telephonenumber telephoneno tel \
                 mobile mobilephone mobilenumber mobileno cell cellphone cellnumber cellphonenumber msisdn \
                 contactnumber contactphone primaryphone primaryphonenumber phone1 e164 phonee164 to dial \
                 customerphone leadphone"
            }
            Self::Name => "name fullname contactname contact customername customer leadname",
            Self::FirstName => "firstname first givenname forename",
            Self::LastName => "lastname last surname familyname",
            Self::Timezone => "timezone tz zone timezonename ianatimezone localtimezone",
            Self::State => {
                "state region province st stateprovince stateorprovince provincestate statecode usstate"
            }
            Self::Consent => "consent consenttype consentkind consentform optin",
            Self::ConsentAt => {
                "consentat consentdate consenttime consenttimestamp consentdatetime consentedat dateofconsent \
                 optinat optindate optintimestamp"
            }
            Self::ConsentSource => "consentsource sourceofconsent consentorigin optinsource",
            Self::Message => "message messagename recording voicemail audio",
            Self::ForeignId => {
                "foreignid id externalid extid leadid contactid customerid crmid recordid clientid accountid \
                 uniqueid reference ref"
            }
        }
    }

    pub(super) fn of(name: &str) -> Option<Self> {
        let name = plain(name);
        Self::ALL.into_iter().find(|field| {
            field
                .synonyms()
                .split_ascii_whitespace()
                .any(|known| known == name)
        })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

/// Whether a column of this name has numbers in it.
pub(super) fn names_a_number(name: &str) -> bool {
    Field::of(name) == Some(Field::Number)
}
