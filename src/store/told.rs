//! What is told of that no trigger tells: a trunk's budget, the database itself, attempts to sign in, lists that did not come in.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Store, StoreError, UploadEnd, UploadState,
    codec::{micros, read_time},
    events::EventRow,
    sql::{Sql, args, sql},
    tally::known,
    transaction::Tx,
};
use crate::{campaign::budget::GaugeState, events::EventKind};

impl Store {
    /// Tells that a share of the trunk of a PBX is near its limit, has passed it or has come back, unless another controller of
    /// the trunk has told so. `detail` is a JSON object that says of what. Returns whether it was told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tell_of_budget(
        &self,
        pbx: &str,
        gauge: &str,
        state: GaugeState,
        detail: &Value,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write("tell of the trunk's budget").await?;
        let trunk: Option<(String,)> = tx.one(TRUNK_OF, args![pbx]).await?;
        let trunk = trunk.map_or_else(|| pbx.to_owned(), |(trunk,)| trunk);
        let at = micros(now);
        tx.execute(MEET, args![&trunk, gauge, at]).await?;
        let before: Option<(String,)> = tx.one(TOLD, args![&trunk, gauge]).await?;
        let before = before.map_or(Some(GaugeState::Well), |(slug,)| GaugeState::read(&slug));
        let Some(kind) = told_of(known(&tx, before, "state of a budget")?, state) else {
            return Ok(false);
        };
        tx.execute(NOTE, args![&trunk, gauge, state.slug(), at])
            .await?;
        let mut detail = detail.clone();
        detail["trunk"] = trunk.into();
        detail["gauge"] = gauge.into();
        tx.tell(&plain(kind, &detail), at).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Tells that the database could not be written since then, and can be again. `who` is the server that noticed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tell_of_outage(
        &self,
        who: &str,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.write("tell that the database was away").await?;
        // As the event has it.
        let since = read_time(micros(since)).unwrap_or(since);
        let away = json!({ "instance": who });
        tx.tell(&plain(EventKind::StoreAway, &away), micros(since))
            .await?;
        let restored = json!({ "instance": who, "since": since.to_string() });
        tx.tell(&plain(EventKind::StoreRestored, &restored), micros(now))
            .await?;
        tx.commit().await
    }

    /// Tells that so many logins from an address were refused within an hour, unless it was told of the address within the last
    /// hour. Returns whether it was told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tell_of_attack(
        &self,
        ip: &str,
        refused: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write("tell of refused logins").await?;
        let at = micros(now);
        let hour_ago = now.checked_sub(HOUR).unwrap_or(Timestamp::MIN);
        tx.execute(FORGET_ATTACKS, args![micros(hour_ago)]).await?;
        if tx.execute(NOTE_ATTACK, args![ip, at]).await? == 0 {
            return Ok(false);
        }
        let detail = json!({ "ip": ip, "refused": refused });
        tx.tell(&plain(EventKind::AuthAttacked, &detail), at)
            .await?;
        tx.commit().await?;
        Ok(true)
    }
}

impl Tx {
    /// Tells that a list does not come in, if that is so, and before it is written.
    pub(super) async fn tell_of_failed_upload(
        &mut self,
        id: &str,
        end: &UploadEnd,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if end.state != UploadState::Failed {
            return Ok(());
        }
        let open: Option<(i64, String)> = self.one(OPEN_UPLOAD, args![id]).await?;
        let Some((campaign, name)) = open else {
            return Ok(());
        };
        let detail = json!({ "upload": id, "list": name, "why": end.why });
        let told = EventRow {
            campaign: Some(campaign),
            ..plain(EventKind::ImportFailed, &detail)
        };
        self.tell(&told, micros(now)).await
    }
}

/// What is told of a share that was in one state when it was last told of, and is in another. One that has passed its limit
/// comes back from it as a whole.
const fn told_of(before: GaugeState, now: GaugeState) -> Option<EventKind> {
    match (before, now) {
        (GaugeState::Well, GaugeState::Near) => Some(EventKind::BudgetNear),
        (GaugeState::Well | GaugeState::Near, GaugeState::Exceeded) => {
            Some(EventKind::BudgetExceeded)
        }
        (GaugeState::Near | GaugeState::Exceeded, GaugeState::Well) => {
            Some(EventKind::BudgetRecovered)
        }
        (GaugeState::Well, GaugeState::Well)
        | (GaugeState::Near | GaugeState::Exceeded, GaugeState::Near)
        | (GaugeState::Exceeded, GaugeState::Exceeded) => None,
    }
}

const fn plain(kind: EventKind, detail: &Value) -> EventRow<'_> {
    EventRow {
        kind,
        campaign: None,
        drop: None,
        number: None,
        detail,
    }
}

/// How long an address is not told of again.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

const TRUNK_OF: Sql = sql!("SELECT trunk FROM pbxes WHERE name = $1");

const MEET: Sql = sql!(
    "INSERT INTO told_budgets (trunk, gauge, state, at) VALUES ($1, $2, 'well', $3) \
     ON CONFLICT (trunk, gauge) DO NOTHING"
);

const TOLD: Sql = sql!(
    "SELECT state FROM told_budgets WHERE trunk = $1 AND gauge = $2",
    ["", " FOR UPDATE"]
);

const NOTE: Sql =
    sql!("UPDATE told_budgets SET state = $3, at = $4 WHERE trunk = $1 AND gauge = $2");

const FORGET_ATTACKS: Sql = sql!("DELETE FROM told_attacks WHERE at <= $1");

const NOTE_ATTACK: Sql =
    sql!("INSERT INTO told_attacks (ip, at) VALUES ($1, $2) ON CONFLICT (ip) DO NOTHING");

const OPEN_UPLOAD: Sql = sql!(
    "SELECT campaign, name FROM uploads WHERE id = $1 AND state NOT IN ('complete', 'failed') AND is_dry_run = 0"
);
