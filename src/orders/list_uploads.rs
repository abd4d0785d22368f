//! Lists that are sent over HTTP: the port between the server that takes their bytes and the importer that takes their rows in.

use std::{collections::BTreeMap, fmt, fs::File, path::PathBuf};

use futures::future::BoxFuture;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::{
    campaign::engine::{CampaignId, ContactId},
    phone::PhoneNumber,
    store::{Across, AuditEntry, StoreError},
};

/// A list that is about to be sent, and how it is read.
#[derive(Clone, Debug)]
pub struct UploadOrder {
    /// Into which campaign.
    pub campaign: CampaignId,
    /// Its name, for people.
    pub name: String,
    /// Which of its columns is what, as `FIELD=COLUMN`, if their names do not say.
    pub mapping: Vec<String>,
    /// `mdy` or `dmy`, if it is stated.
    pub dates: Option<String>,
    /// Whether it is read only, and nothing of it is taken in.
    pub is_dry_run: bool,
    /// Whether a list that is read only is kept for a day, so that it can be taken in without being sent again. It is kept
    /// whichever column is what.
    pub is_kept: bool,
    /// The upload whose list this one is: one that was kept.
    pub from: Option<String>,
    /// How its bytes are coded.
    pub coding: UploadCoding,
    /// What it is, decoded.
    pub form: ListForm,
    /// The upload that it goes on with.
    pub resumed: Option<ResumedUpload>,
    /// How many bytes are announced, coded as they are.
    pub announced: Option<u64>,
    /// The SHA-256 that the bytes have to have, coded as they are, if it is stated.
    pub sha256: Option<[u8; 32]>,
    /// Most bytes, decoded.
    pub most_bytes: u64,
    /// Who sends it.
    pub who: String,
    /// What the audit log says of it.
    pub audit: AuditEntry,
}

/// How the bytes of a list are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadCoding {
    /// As they are.
    Plain,
    /// `gzip`.
    Gzip,
    /// `zstd`.
    Zstd,
}

impl UploadCoding {
    /// Its name.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Plain => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// What a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListForm {
    /// CSV.
    Csv,
    /// A contact a line, as JSON.
    Ndjson,
}

/// A list of which a part is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumedUpload {
    /// Its upload.
    pub id: String,
    /// How many bytes of it are there, as whoever goes on with it knows.
    pub offset: u64,
}

/// A part of a list that is sent.
#[derive(Debug)]
pub enum UploadPart {
    /// Some bytes.
    Bytes(Vec<u8>),
    /// There are no more: all of it was sent. Without it the way to whoever sends it is broken.
    End,
}

/// Why a list is not taken.
#[derive(Debug, Error)]
pub enum UploadRefusal {
    /// Decoded it has more bytes than may be.
    #[error("a list has at most {0} bytes, decoded (`serve.max_upload`)")]
    TooLong(u64),
    /// Decoded it is so much larger that it is no list.
    #[error("decoded it is more than {0} times as large, which no list is")]
    Ratio(u64),
    /// The disk of the state folder has too little space.
    #[error("the disk of the server has no space for it")]
    DiskFull,
    /// Too many lists are being sent at this moment.
    #[error("{0} lists are being sent at this moment, and no more are taken at once")]
    TooMany(usize),
    /// The way to whoever sends it broke.
    #[error("the connection broke before all of it was there")]
    Broken,
    /// Its bytes are not what they are said to be.
    #[error("its digest is not the one that is stated")]
    WrongDigest,
    /// It cannot be decoded.
    #[error("it is not `{}`: {words}", .coding.slug())]
    NotCoded {
        /// What it is said to be.
        coding: UploadCoding,
        /// What is wrong with it.
        words: String,
    },
    /// What there is of it ends elsewhere; `None`: there is nothing that could be gone on with.
    #[error("{}", offset_words(*.0))]
    OtherOffset(Option<u64>),
    /// It is no list, or does not say which column is what.
    #[error("{words}")]
    Unreadable {
        /// What is wrong with it, for people.
        words: String,
        /// Whether it is the mapping that does not fit.
        is_mapping: bool,
    },
    /// The list that it is to be taken from is not kept.
    #[error(
        "its list is not kept on this server: one that is read only is for a day, with `keep`; send it again"
    )]
    NotKept,
    /// A file of ours cannot be written or read.
    #[error("{0}")]
    Files(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The process is about to end.
    #[error("the server is about to end")]
    Draining,
}

fn offset_words(there: Option<u64>) -> String {
    match there {
        Some(there) => format!("{there} bytes of it are there: go on behind them"),
        None => {
            "nothing of it is there that could be gone on with: send all of it again".to_owned()
        }
    }
}

/// Contacts that are given one by one.
#[derive(Clone, Debug)]
pub struct GivenContacts {
    /// Into which campaign.
    pub campaign: CampaignId,
    /// Whether numbers are added that are in other campaigns.
    pub across: Across,
    /// The contacts.
    pub contacts: Vec<ContactFields>,
    /// What the audit log says of it.
    pub audit: AuditEntry,
}

/// A contact as it is given: texts, as a list has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactFields {
    /// By the names of the fields, such as `number`.
    pub fields: BTreeMap<String, String>,
    /// All other columns, by their names.
    pub others: BTreeMap<String, String>,
}

impl ContactFields {
    /// A field's text; empty if it is not given.
    pub fn of(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", String::as_str)
    }
}

/// What became of a contact that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutRow {
    /// `added`, `updated`, `unchanged` or `rejected`.
    pub result: &'static str,
    /// The contact that the campaign has of this number.
    pub contact: Option<ContactId>,
    /// Why it was rejected, as files of rejects have it.
    pub reason: Option<&'static str>,
    /// The same for people.
    pub detail: Option<String>,
}

/// What takes lists: it keeps their bytes, takes their rows in, and goes on by itself after a crash.
pub trait ListUploads: fmt::Debug + Send + Sync {
    /// Takes a list. It is answered with the id of its upload once all of its bytes are on the disk, and its rows come in by
    /// themselves from then on; or once it is certain that nothing of it does. What was begun is done whether the answer is
    /// waited for or not.
    fn receive(
        &self,
        order: UploadOrder,
        parts: mpsc::Receiver<UploadPart>,
    ) -> BoxFuture<'static, Result<String, UploadRefusal>>;

    /// Reads contacts as rows of a list are read, and adds them in one transaction; says of each, in their order, what became of
    /// it.
    fn put(&self, given: GivenContacts) -> BoxFuture<'static, Result<Vec<PutRow>, UploadRefusal>>;

    /// Ends the work on an upload that was forgotten, and removes its files.
    fn forget(&self, id: String) -> BoxFuture<'static, ()>;

    /// How many bytes of an upload that was interrupted are on this machine; `None` if it cannot be gone on with.
    fn received(&self, id: &str) -> Option<u64>;

    /// Where the rejects of an upload are on this machine, if it has any.
    fn rejects(&self, id: &str) -> PathBuf;

    /// Opens the list of an upload on this machine, while its rows come in and as long as it is kept. It blocks.
    fn kept(&self, id: &str) -> Option<File>;

    /// The files of lists and of their rejects on this machine that hold one of these numbers. It blocks.
    fn holding(&self, numbers: &[PhoneNumber]) -> Vec<PathBuf>;
}
