//! Messages that are made for one contact each, while the contact waits to be decided on.
//!
//! ```text
//!   leased ──> begin ──> columns ──> a place ──> fill, compose ──> Input::MessageMade ──> the engine may start it
//!                │                                                                             │
//!                └── given back, held, refused: forget, which ends the making                  └── take, into the intent
//! ```
//!
//! Nothing is decided about a contact before its message is made, or it is certain that it cannot be: then its drop is an error, with
//! nothing dialled. If that is no fault of the contact's, such as a full disk's, all contacts at hand are given back instead. At most [`AT_ONCE`] messages of a campaign are made at once; the others of the campaign wait for a place, and
//! those of other campaigns do not. The files of a message go when nothing has a hold of it any more.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Semaphore, mpsc},
    time::sleep,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::debug;

use super::{
    Input,
    in_flight::ContactKey,
    made_message::{Made, NoMessage},
};
use crate::{
    audio::{
        self, Composed, Composer,
        template::{BadTemplate, Template},
    },
    campaign::engine::{CampaignId, ContactId},
    clock,
    error_chain::chain,
    id::RunName,
    store::{SpokenColumns, Store},
};

/// That a message is made.
#[derive(Debug)]
pub(super) struct MessageMade {
    key: ContactKey,
    /// Which making it was: the contact may have been given back since, and leased again.
    number: u64,
    made: Made,
}

/// The messages of contacts that are leased and not started.
pub(super) struct Preparations {
    composer: Composer,
    store: Store,
    run: RunName,
    inputs: mpsc::UnboundedSender<Input>,
    contacts: BTreeMap<ContactKey, Preparation>,
    places: HashMap<CampaignId, Arc<Semaphore>>,
    begun: u64,
}

/// How far the message of a contact is.
struct Preparation {
    number: u64,
    template: Arc<str>,
    /// `None` while it is being made.
    made: Option<Made>,
    /// Ends its making.
    _ends: DropGuard,
}

/// A contact whose message is to be made.
struct Wanted {
    contact: ContactId,
    template: Arc<str>,
    number: u64,
    ended: CancellationToken,
}

impl Preparations {
    pub(super) fn new(
        composer: Composer,
        store: Store,
        run: RunName,
        inputs: mpsc::UnboundedSender<Input>,
    ) -> Self {
        Self {
            composer,
            store,
            run,
            inputs,
            contacts: BTreeMap::new(),
            places: HashMap::new(),
            begun: 0,
        }
    }

    /// Begins to make the messages of contacts of a campaign that were leased, each from its template; what is being made
    /// already goes on.
    pub(super) fn begin(&mut self, campaign: CampaignId, contacts: Vec<(ContactId, Arc<str>)>) {
        let mut wanted = Vec::with_capacity(contacts.len());
        for (contact, template) in contacts {
            let key = (campaign, contact);
            if let Some(known) = self.contacts.get_mut(&key)
                && known.template == template
            {
                // It was leased again meanwhile: it is told of again.
                if let Some(made) = known.made.take() {
                    let number = known.number;
                    self.tell(MessageMade { key, number, made });
                }
                continue;
            }
            self.begun += 1;
            let ended = CancellationToken::new();
            let preparation = Preparation {
                number: self.begun,
                template: Arc::clone(&template),
                made: None,
                _ends: ended.clone().drop_guard(),
            };
            self.contacts.insert(key, preparation);
            wanted.push(Wanted {
                contact,
                template,
                number: self.begun,
                ended,
            });
        }
        if wanted.is_empty() {
            return;
        }
        let places = self.places.entry(campaign);
        let places = places.or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE)));
        let maker = Maker {
            campaign,
            composer: self.composer.clone(),
            run: self.run.clone(),
            inputs: self.inputs.clone(),
            places: Arc::clone(places),
        };
        tokio::spawn(maker.make_all(self.store.clone(), wanted));
    }

    fn tell(&self, made: MessageMade) {
        // The loop has the other end; it is gone only if the program ends.
        let _ = self.inputs.send(Input::MessageMade(Box::new(made)));
    }

    /// Takes note of a message that is made; returns its contact if that still waits for it.
    pub(super) fn on_made(&mut self, made: MessageMade) -> Option<(ContactKey, &Made)> {
        let MessageMade { key, number, made } = made;
        let known = self.contacts.get_mut(&key);
        let known = known.filter(|known| known.number == number)?;
        Some((key, known.made.insert(made)))
    }

    /// Takes the message of a contact that is started; `None` if none was made from this template.
    pub(super) fn take(&mut self, key: ContactKey, template: &str) -> Option<Made> {
        let made = self.contacts.remove(&key)?.made?;
        (&*made.template == template).then_some(made)
    }

    /// A contact is not started: its message goes.
    pub(super) fn forget(&mut self, key: ContactKey) {
        self.contacts.remove(&key);
    }
}

/// Makes messages of a campaign.
#[derive(Clone)]
struct Maker {
    campaign: CampaignId,
    composer: Composer,
    run: RunName,
    inputs: mpsc::UnboundedSender<Input>,
    places: Arc<Semaphore>,
}

impl Maker {
    /// Makes the messages of contacts, whose columns are read in one go; each is told of when it is made.
    async fn make_all(self, store: Store, wanted: Vec<Wanted>) {
        let ids: Vec<_> = wanted.iter().map(|wanted| wanted.contact).collect();
        let mut columns = loop {
            match store.spoken_columns(&ids).await {
                Ok(columns) => break columns,
                // Nothing is dialled while the store is away, and what is given back needs no message.
                Err(error) => {
                    debug!(error = chain(&error), "columns of contacts are read again");
                    sleep(READ_AGAIN).await;
                }
            }
            if wanted.iter().all(|wanted| wanted.ended.is_cancelled()) {
                return;
            }
        };
        for wanted in wanted {
            let columns = columns.remove(&wanted.contact).unwrap_or_default();
            let (maker, ended) = (self.clone(), wanted.ended.clone());
            // In the order in which they are to be started.
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                return;
            };
            if ended.is_cancelled() {
                continue;
            }
            tokio::spawn(async move {
                tokio::select! {
                    () = maker.make(wanted, columns) => {}
                    () = ended.cancelled() => {}
                }
                drop(place);
            });
        }
    }

    async fn make(&self, wanted: Wanted, columns: SpokenColumns) {
        let Wanted {
            contact,
            template,
            number,
            ended: _,
        } = wanted;
        let message = make(&self.composer, &template, &columns, &self.run).await;
        // The loop is gone only if the program ends.
        let _ = self.inputs.send(Input::MessageMade(Box::new(MessageMade {
            key: (self.campaign, contact),
            number,
            made: Made { template, message },
        })));
    }
}

async fn make(
    composer: &Composer,
    template: &str,
    columns: &SpokenColumns,
    run: &RunName,
) -> Result<Composed, NoMessage> {
    let words = |error: &(dyn std::error::Error + 'static)| {
        NoMessage::of_contact(format!("the message cannot be made: {}", chain(error)))
    };
    let template: Template = template
        .parse()
        .map_err(|error: BadTemplate| words(&error))?;
    let filled = template.fill(|column| columns.get(column));
    let filled = filled.map_err(|error| words(&error))?;
    match composer.compose(&filled, run.as_str(), clock::wall()).await {
        Ok(made) => Ok(made),
        // Its name is of the person's columns, and what a drop says of itself is told to others.
        Err(audio::Error::Missing { name }) if name.folder().is_some() => {
            let folder = name.folder().unwrap_or_default();
            Err(NoMessage::of_contact(format!(
                "the message cannot be made: there is no clip in `{folder}/` for what the contact's column holds, and the message names none to use then"
            )))
        }
        Err(error) => Err(NoMessage::unmade(&error)),
    }
}

/// How many messages of a campaign are made at once.
const AT_ONCE: usize = 8;

/// After which time columns are read again that could not be.
const READ_AGAIN: Duration = Duration::from_secs(1);
