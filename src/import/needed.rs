//! What the messages of a campaign need of its lists: the columns that templates name and that say nothing to use if they are empty.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    audio::template::Template,
    campaign::variant::Messages,
    list::{Columns, Field, NewRow},
    orders::Spec,
    store::SpokenColumns,
    words::plain,
};

/// The columns that every contact has to have something in, and how many of a list have nothing there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NeededColumns(BTreeMap<String, u64>);

impl NeededColumns {
    /// Those of a campaign with these settings.
    pub fn of(spec: &Spec) -> Self {
        let mut needed = BTreeMap::new();
        for template in templates(spec) {
            for column in template.required_columns() {
                needed.insert(column.to_owned(), 0);
            }
        }
        Self(needed)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong with a list of these columns, in words; `None` if it has all that is needed. If it names messages of its own,
    /// its contacts may do without.
    pub fn lacking(&self, columns: &Columns) -> Option<String> {
        let has = |field: &Field| columns.of(*field).is_some();
        if has(&Field::Message) {
            return None;
        }
        let fields = Field::ALL.into_iter().filter(has);
        let fields = fields.map(|field| plain(field.slug()));
        let names = columns.names().iter().map(|name| plain(name));
        let there: BTreeSet<_> = fields.chain(names).collect();
        let lacking = self
            .0
            .keys()
            .filter(|column| !there.contains(&plain(column)));
        let lacking: Vec<_> = lacking.map(|column| format!("`{column}`")).collect();
        let columns = match lacking.len() {
            0 => return None,
            1 => "column",
            _ => "columns",
        };
        Some(format!(
            "the campaign's message needs the {columns} {}, which the list does not have; name it with `map`, or say in the \
             message what to use without it, as in `{{column|default}}`",
            lacking.join(", ")
        ))
    }

    /// Counts a contact of the list.
    pub fn count(&mut self, row: &NewRow) {
        if self.0.is_empty() || row.message.is_some() {
            return;
        }
        let own = [
            ("name", &row.name),
            ("state", &row.state),
            ("foreign_id", &row.foreign_id),
        ];
        let own = own
            .into_iter()
            .filter_map(|(column, text)| Some((column, text.as_deref()?)));
        let others = row
            .others
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()));
        let columns = SpokenColumns::given(others.chain(own));
        for (column, empty) in &mut self.0 {
            *empty += u64::from(columns.get(column).is_none());
        }
    }

    /// What is said of rows that have nothing in one of them, a line each.
    pub fn lines(&self) -> Vec<String> {
        let empty = self.0.iter().filter(|(_, empty)| **empty > 0);
        let line = |(column, empty): (&String, &u64)| {
            let rows = if *empty == 1 { "row" } else { "rows" };
            format!(
                "`{column}` is empty in {empty} {rows}: no message can be made for these contacts, and they end as `error` with \
                 nothing dialled"
            )
        };
        empty.map(line).collect()
    }

    /// The columns, each with how many rows have nothing there.
    pub const fn counts(&self) -> &BTreeMap<String, u64> {
        &self.0
    }
}

/// The templates among the messages of a campaign.
pub fn templates(spec: &Spec) -> impl Iterator<Item = Template> {
    let texts: Vec<&str> = match &spec.messages {
        Messages::One(text) => vec![text],
        Messages::Several(variants) => {
            let all = variants.all().iter();
            all.map(|variant| variant.message.as_str()).collect()
        }
    };
    let texts = texts.into_iter().filter(|text| Template::is_one(text));
    texts.filter_map(|text| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use serde_json::{Map, json};

    use super::*;
    use crate::{
        list::{ContactRules, List, Mapping},
        phone::Rules,
    };

    #[test]
    fn a_list_is_told_what_it_lacks_and_in_how_many_rows() {
        let message = r#"names/{first_name|there} + "on {date} in {City|town}""#;
        let keys = [
            ("kind", json!("informational")),
            ("message", json!(message)),
        ];
        let keys = Map::from_iter(keys.map(|(key, value)| (key.to_owned(), value)));
        let needed = NeededColumns::of(&Spec::from_keys(&keys).unwrap());
        assert_eq!(needed.counts().keys().collect::<Vec<_>>(), ["date"]);
        let open = |text: &str| {
            List::open(Cursor::new(text.as_bytes().to_vec()), &Mapping::default()).unwrap()
        };
        let lacking = |text: &str| needed.lacking(open(text).columns());
        let words = lacking("phone,city\n+12025550101,Oslo\n").unwrap();
        assert!(words.contains("needs the column `date`"), "{words}");
        assert_eq!(lacking("phone,DATE\n+12025550101,3 May\n"), None);
        assert_eq!(lacking("phone,message\n+12025550101,spring\n"), None);

        let mut list = open("phone,First Name,Date\n+12025550101,Ann,3 May\n+12025550102,Bob,\n");
        let rules = ContactRules {
            phone: Rules::default(),
            dates: None,
            message: |_| Ok(()),
        };
        let mut counted = needed.clone();
        let batch = list.batch(9).unwrap().unwrap();
        for row in batch.rows() {
            let row = list.columns().contact(row, &rules).unwrap();
            assert_eq!(row.others["first_name"], row.name.clone().unwrap());
            counted.count(&row);
        }
        assert_eq!(counted.counts()["date"], 1);
        let lines = counted.lines();
        assert!(
            lines[0].starts_with("`date` is empty in 1 row:"),
            "{lines:?}"
        );
    }
}
