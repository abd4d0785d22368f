//! Which message a contact gets: its own, the campaign's, or one of several weighed against each other.

use thiserror::Error;

use super::{ids::ContactId, seeded::mix};

/// A message that competes with others for contacts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The name in every result, `A` for one.
    pub name: String,
    /// The message to leave.
    pub message: String,
    /// Its share of the contacts, against the sum of all weights; 1 or more.
    pub weight: u32,
}

/// What a campaign leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Messages {
    /// One message for all.
    One(String),
    /// Several, each for its share of the contacts.
    Several(Variants),
}

/// Two or more weighted messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variants(Vec<Variant>);

/// Why messages cannot compete.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VariantError {
    /// Fewer than two.
    #[error("a comparison needs two messages or more")]
    TooFew,
    /// Two have one name.
    #[error("there are two variants named `{0}`")]
    SameName(String),
    /// A weight is zero.
    #[error("variant `{0}` has the weight 0 and would never be chosen")]
    NoWeight(String),
}

/// What a contact gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen<'a> {
    /// The message to leave.
    pub message: &'a str,
    /// The name of the variant; `None` if none was chosen: the campaign has one message, or the contact its own.
    pub variant: Option<&'a str>,
}

impl Variants {
    /// Weighted messages, in the order given.
    ///
    /// # Errors
    /// [`VariantError`] if there are fewer than two, or a name comes twice, or a weight is zero.
    pub fn new(variants: Vec<Variant>) -> Result<Self, VariantError> {
        if variants.len() < 2 {
            return Err(VariantError::TooFew);
        }
        for (at, variant) in variants.iter().enumerate() {
            if variant.weight == 0 {
                return Err(VariantError::NoWeight(variant.name.clone()));
            }
            if variants[..at]
                .iter()
                .any(|other| other.name == variant.name)
            {
                return Err(VariantError::SameName(variant.name.clone()));
            }
        }
        Ok(Self(variants))
    }

    /// All of them.
    pub fn all(&self) -> &[Variant] {
        &self.0
    }

    /// The variant of a contact: by the campaign's seed and the contact's id alone, so that a retry, a restart and
    /// another controller choose the same. It changes for some contacts if the weights or their order change.
    fn of(&self, seed: u64, contact: ContactId) -> Option<&Variant> {
        let total: u64 = self.0.iter().map(|v| u64::from(v.weight)).sum();
        let mut point = mix(&[seed, contact.0.cast_unsigned()]).checked_rem(total)?;
        self.0.iter().find(|variant| {
            let weight = u64::from(variant.weight);
            let found = point < weight;
            point = point.saturating_sub(weight);
            found
        })
    }
}

impl Messages {
    /// Whether this is one of them.
    pub fn names(&self, message: &str) -> bool {
        match self {
            Self::One(one) => one == message,
            Self::Several(variants) => variants.all().iter().any(|v| v.message == message),
        }
    }

    /// What a contact gets; `own` is the message that its own row names, which goes before all others.
    pub fn choose<'a>(&'a self, seed: u64, contact: ContactId, own: Option<&'a str>) -> Chosen<'a> {
        if let Some(message) = own {
            return Chosen {
                message,
                variant: None,
            };
        }
        match self {
            Self::One(message) => Chosen {
                message,
                variant: None,
            },
            Self::Several(variants) => {
                // There are two or more, each with a weight, so one is found always.
                let chosen = variants.of(seed, contact);
                Chosen {
                    message: chosen.map_or("", |v| &v.message),
                    variant: chosen.map(|v| v.name.as_str()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn each_variant_gets_its_share() {
        let messages = three_to_one();
        let mut counts: BTreeMap<_, u32> = BTreeMap::new();
        for id in 0..10_000 {
            let chosen = messages.choose(42, ContactId(id), None);
            *counts.entry(chosen.variant.unwrap()).or_default() += 1;
        }
        assert!((7_350..7_650).contains(&counts["A"]), "{counts:?}");
        assert_eq!(counts["A"] + counts["B"], 10_000);
    }

    #[test]
    fn a_restart_chooses_the_same_and_another_seed_another() {
        let messages = three_to_one();
        let row = |seed| -> Vec<_> {
            let choose = |id| messages.choose(seed, ContactId(id), None).variant;
            (0..200).map(choose).collect()
        };
        assert_eq!(row(42), row(42));
        assert_ne!(row(42), row(43));
        // What was chosen once stays chosen in later versions of the program.
        let first: String = row(42)[..12].iter().map(|name| name.unwrap()).collect();
        assert_eq!(first, FIRST_OF_SEED_42);
    }

    #[test]
    fn a_contact_s_own_message_goes_first() {
        let messages = three_to_one();
        let chosen = messages.choose(42, ContactId(1), Some("theirs"));
        assert_eq!((chosen.message, chosen.variant), ("theirs", None));
    }

    #[test]
    fn what_cannot_compete_is_refused() {
        let variant = |name: &str, weight| Variant {
            name: name.to_owned(),
            message: name.to_owned(),
            weight,
        };
        for (variants, error) in [
            (vec![variant("A", 1)], VariantError::TooFew),
            (
                vec![variant("A", 1), variant("A", 2)],
                VariantError::SameName("A".to_owned()),
            ),
            (
                vec![variant("A", 1), variant("B", 0)],
                VariantError::NoWeight("B".to_owned()),
            ),
        ] {
            assert_eq!(Variants::new(variants), Err(error));
        }
    }

    fn three_to_one() -> Messages {
        let variant = |name: &str, weight| Variant {
            name: name.to_owned(),
            message: format!("promo-{name}"),
            weight,
        };
        Messages::Several(Variants::new(vec![variant("A", 3), variant("B", 1)]).unwrap())
    }

    const FIRST_OF_SEED_42: &str = "AAAAAABABAAA";
}
