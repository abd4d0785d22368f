//! What a message may say of a contact: their columns, by the names that messages give them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Store, StoreError, StoredContact,
    sql::{Sql, args, row, rows, sql},
    tally::known,
};
use crate::{
    campaign::engine::{CampaignId, ContactId},
    words::plain,
};

/// What a message may say of a contact. Case, spaces and marks in the names of columns do not matter.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SpokenColumns(BTreeMap<String, String>);

/// Without what the columns hold: it is of a person.
impl std::fmt::Debug for SpokenColumns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl SpokenColumns {
    /// Those of a contact: a list's own columns, beside their name, state and foreign id.
    pub fn of(contact: &StoredContact) -> Self {
        let own = [&contact.name, &contact.state, &contact.foreign_id];
        Self::of_columns(own.map(Option::as_deref), &contact.others)
    }

    fn of_columns(own: [Option<&str>; 3], others: &BTreeMap<String, String>) -> Self {
        let own = OWN.into_iter().zip(own);
        let own = own.filter_map(|(column, text)| Some((column, text?)));
        let others = others
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()));
        Self::given(others.chain(own))
    }

    /// Those that somebody gives one by one; of two with the same name the last counts.
    pub fn given<'a>(columns: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let columns = columns.into_iter();
        Self(
            columns
                .map(|(name, text)| (plain(name), text.to_owned()))
                .collect(),
        )
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What they hold, by their names.
    pub const fn texts(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// What a column holds; `None` if there is none of this name, or it is empty.
    pub fn get(&self, column: &str) -> Option<String> {
        self.0.get(&plain(column)).cloned()
    }
}

impl Store {
    /// What messages may say of contacts. One that is not there any more is left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn spoken_columns(
        &self,
        contacts: &[ContactId],
    ) -> Result<BTreeMap<ContactId, SpokenColumns>, StoreError> {
        let mut tx = self.read("read what messages say of contacts").await?;
        let given = rows(contacts.iter().map(|contact| row! { id: contact.0 }));
        let stored: Vec<StoredColumns> = tx.all(COLUMNS, args![&given]).await?;
        let mut all = BTreeMap::new();
        for (id, name, state, foreign_id, others) in stored {
            let others = others.as_deref().map(serde_json::from_str).transpose();
            let others: Option<BTreeMap<String, String>> = known(&tx, others.ok(), "column")?;
            let own = [&name, &state, &foreign_id].map(Option::as_deref);
            let columns = SpokenColumns::of_columns(own, &others.unwrap_or_default());
            all.insert(ContactId(id), columns);
        }
        Ok(all)
    }

    /// Which columns, of these names, no contact of a campaign has anything in, as far as its first thousand contacts say.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn columns_nobody_has<'a>(
        &self,
        campaign: CampaignId,
        columns: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<&'a str>, StoreError> {
        let mut missing: Vec<&str> = columns.into_iter().collect();
        let (mut from, mut looked) = (None, 0);
        while !missing.is_empty() && looked < LOOKED_AT {
            let all = super::ContactFilter::All;
            let contacts = self.contacts(campaign, &all, from, false, 200).await?;
            let Some(last) = contacts.last() else {
                break;
            };
            from = Some(last.id);
            looked += contacts.len();
            for contact in &contacts {
                let has = SpokenColumns::of(contact);
                missing.retain(|column| has.get(column).is_none());
            }
        }
        if looked == 0 {
            missing.clear();
        }
        Ok(missing)
    }
}

/// The columns of [`COLUMNS`].
type StoredColumns = (
    i64,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// The columns that every contact may have, beside those of their list.
const OWN: [&str; 3] = ["name", "state", "foreign_id"];

/// How many contacts are looked at for columns that none of them has.
const LOOKED_AT: usize = 1_000;

const COLUMNS: Sql = sql!(
    "SELECT contacts.id, contacts.name, contacts.state, contacts.foreign_id, contacts.others FROM ",
    { id BIGINT },
    " CROSS JOIN contacts WHERE contacts.id = given.id"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_however_they_are_written_and_not_shown() {
        let columns =
            SpokenColumns::given([("First Name", "Ann"), ("city", "Oslo"), ("City", "Rome")]);
        assert_eq!(columns.get("first_name").as_deref(), Some("Ann"));
        assert_eq!(columns.get("FIRSTNAME").as_deref(), Some("Ann"));
        assert_eq!(columns.get("city").as_deref(), Some("Rome"));
        assert_eq!(columns.get("last_name"), None);
        let shown = format!("{columns:?}");
        assert!(
            shown.contains("firstname") && !shown.contains("Ann"),
            "{shown}"
        );
    }
}
