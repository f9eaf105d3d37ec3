//! What is read in groups: rows found by one key, for which many requests ask at the same time.
//!
//! A round trip to PostgreSQL costs this process several times what a row does. Whoever asks waits for one of a few reads,
//! which asks for the keys of all who wait by one statement, begun after they asked: nobody is told what was so earlier.
//! SQLite, to which there is no way, is asked by each.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Encode, FromRow, Postgres, Row as _, Sqlite, Type};
use tokio::sync::oneshot;
use tracing::Instrument as _;

use super::Db;
use super::db::Engine;
use super::groups::{Full, GroupPlace, Groups, again};
use super::kept_connection::Kept;
use super::postgres::stated;
use super::timing::Step;
use crate::ports::{PortError, PortResult};

/// Reads of rows by one key.
pub(super) struct GroupRead<Key, Row> {
    db: Db,
    texts: Texts,
    groups: Groups<Asking<Key, Row>>,
}

/// The same question in two forms.
#[derive(Clone, Copy)]
pub(super) struct Texts {
    /// `$1` is a key.
    pub(super) one: &'static str,
    /// `$1` is an array of keys; the column `place` says for which of them, from 1, a row is.
    pub(super) many: &'static str,
}

struct Asking<Key, Row> {
    key: Key,
    found: oneshot::Sender<PortResult<Vec<Row>>>,
}

impl<Key, Row> GroupRead<Key, Row>
where
    Key: for<'q> Encode<'q, Sqlite> + Type<Sqlite> + Send + Sync + 'static,
    Vec<Key>: for<'q> Encode<'q, Postgres> + Type<Postgres>,
    Row: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin + 'static,
{
    pub(super) fn new(db: &Db, texts: Texts) -> Self {
        Self { db: db.clone(), texts, groups: Groups::default() }
    }

    /// The row of `key`.
    pub(super) async fn row(&self, key: Key) -> PortResult<Option<Row>> {
        Ok(self.rows(key).await?.into_iter().next())
    }

    /// All rows of `key`, in the order of the statement.
    pub(super) async fn rows(&self, key: Key) -> PortResult<Vec<Row>> {
        let server = match self.db.engine() {
            Engine::Postgres(server) => server,
            Engine::Sqlite(file) => {
                let _begun = Step::Statement.begun();
                let rows = sqlx::query_as(self.texts.one).bind(key).fetch_all(&file.reader);
                return rows.instrument(Step::Statement.span()).await.map_err(PortError::from);
            }
        };
        let (found, rows) = oneshot::channel();
        match self.groups.join(Asking { key, found }) {
            Ok(Some(place)) => self.start_group(Kept::new(server), place),
            Ok(None) => {}
            Err(Full) => return Err(lost("too many wait for the database")),
        }
        // Behind a read that is on its way and hears nothing.
        match tokio::time::timeout(self.db.patience().mul_f32(1.5), rows).await {
            Ok(Ok(rows)) => rows,
            Ok(Err(_)) => Err(lost("the read was lost")),
            Err(_) => Err(lost("PostgreSQL does not answer")),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a read outlives the request that began it, and ends by itself within its patience"
    )]
    fn start_group(&self, mut kept: Kept, mut place: GroupPlace<Asking<Key, Row>>) {
        let (text, patience) = (self.texts.many, self.db.patience());
        // Boxed: what is spawned is moved several times.
        tokio::spawn(Box::pin(async move {
            loop {
                // The connection first: who comes meanwhile is taken too.
                let connection = kept.connection().await;
                let (keys, asking): (Vec<Key>, Vec<_>) = place
                    .take(|waiting| (waiting, Vec::new()))
                    .into_iter()
                    .filter(|one| !one.found.is_closed())
                    .map(|one| (one.key, one.found))
                    .unzip();
                let rows = async {
                    let rows = sqlx::query(text).bind(keys).fetch_all(connection?);
                    stated(patience, rows).await
                };
                let rows = rows.await;
                if rows.is_err() {
                    kept.give_back();
                }
                let found = rows.and_then(|rows| sorted(&rows, asking.len()));
                tell(asking, found);
                if !place.comes_again() {
                    return kept.leave();
                }
            }
        }));
    }
}

/// The rows of each key; a row that cannot be read fails its key alone.
fn sorted<Row>(rows: &[PgRow], keys: usize) -> PortResult<Vec<PortResult<Vec<Row>>>>
where
    Row: for<'r> FromRow<'r, PgRow>,
{
    let mut found: Vec<PortResult<Vec<Row>>> = std::iter::repeat_with(|| Ok(Vec::new())).take(keys).collect();
    for row in rows {
        let place: i64 = row.try_get("place")?;
        let place = usize::try_from(place.saturating_sub(1)).ok().and_then(|place| found.get_mut(place));
        let of_key = place.ok_or_else(|| lost("a row of no key"))?;
        match (Row::from_row(row), &mut *of_key) {
            (Ok(row), Ok(rows)) => rows.push(row),
            (Ok(_), Err(_)) => {}
            (Err(error), _) => *of_key = Err(error.into()),
        }
    }
    Ok(found)
}

fn tell<Row>(
    asking: Vec<oneshot::Sender<PortResult<Vec<Row>>>>,
    found: PortResult<Vec<PortResult<Vec<Row>>>>,
) {
    match found {
        Ok(found) => {
            for (one, rows) in asking.into_iter().zip(found) {
                // Who has given up hears nothing.
                let _ = one.send(rows);
            }
        }
        Err(error) => {
            for one in asking {
                let _ = one.send(Err(again(&error)));
            }
        }
    }
}

fn lost(why: &str) -> PortError {
    PortError::Unavailable(why.to_owned())
}
