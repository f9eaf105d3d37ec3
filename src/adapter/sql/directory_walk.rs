//! The staged file and the store, read side by side in the order of the blind index.
//!
//! The parts of the file are merged: one block of each is open at a time.

use async_trait::async_trait;
use uuid::Uuid;

use super::directory_staging::{self, Entry};
use super::row::{array, corrupt};
use super::statements_directory::{BLOCK_NEXT, PERSON_PAGE};
use super::store::Store;
use crate::base::{PersonId, RunId};
use crate::identity::PersonStatus;
use crate::ports::{DirectoryPair, DirectoryWalk, PersonIndex, PortResult, StoredRecord};

/// Where a run's reading is.
pub(super) struct Walk {
    store: Store,
    run: RunId,
    parts: Vec<Part>,
    persons: Persons,
}

/// A part of the file.
struct Part {
    chunk: u32,
    /// The last person of the block that is open, or of what was applied before.
    after: Vec<u8>,
    entries: std::iter::Peekable<std::vec::IntoIter<Entry>>,
    ended: bool,
}

/// Stored persons, a page at a time.
struct Persons {
    after: Vec<u8>,
    page: std::iter::Peekable<std::vec::IntoIter<(PersonIndex, StoredRecord)>>,
    ended: bool,
}

impl Walk {
    pub(super) fn new(store: Store, run: RunId, chunks: u32, position: &[u8]) -> Self {
        let nothing = || Vec::new().into_iter().peekable();
        let part = |chunk| Part { chunk, after: position.to_vec(), entries: nothing(), ended: false };
        let persons =
            Persons { after: position.to_vec(), page: Vec::new().into_iter().peekable(), ended: false };
        Self { store, run, parts: (0..chunks).map(part).collect(), persons }
    }

    /// The next person of either side.
    async fn pair(&mut self) -> PortResult<Option<DirectoryPair>> {
        let mut first: Option<PersonIndex> = self.persons.peek(&self.store).await?;
        for part in &mut self.parts {
            let index = part.peek(&self.store, self.run).await?;
            first = match (first, index) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        let Some(index) = first else { return Ok(None) };
        let (mut lines, mut refused) = (Vec::new(), false);
        for part in &mut self.parts {
            while let Some((_, text)) = part.entries.next_if(|(entry, _)| *entry == index) {
                refused |= text.is_none();
                lines.extend(text);
            }
        }
        lines.sort_unstable();
        lines.dedup();
        let stored = self.persons.page.next_if(|(person, _)| *person == index).map(|(_, stored)| stored);
        Ok(Some(DirectoryPair { index, lines, refused, stored }))
    }
}

#[async_trait]
impl DirectoryWalk for Walk {
    async fn next(&mut self, limit: usize) -> PortResult<Vec<DirectoryPair>> {
        let mut pairs = Vec::new();
        while pairs.len() < limit
            && let Some(pair) = self.pair().await?
        {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}

impl Part {
    async fn peek(&mut self, store: &Store, run: RunId) -> PortResult<Option<PersonIndex>> {
        // Of the first block after a resumption, the beginning was applied.
        while self.entries.peek().is_none() && !self.ended {
            let row: Option<(Vec<u8>, Vec<u8>)> = on!(store.db.reader(), |c| sqlx::query_as(BLOCK_NEXT)
                .bind(run.uuid())
                .bind(i64::from(self.chunk))
                .bind(self.after.as_slice())
                .fetch_optional(c))?;
            let Some((last, sealed)) = row else {
                self.ended = true;
                break;
            };
            let mut entries =
                directory_staging::open(store, (run, self.chunk, &array(&last)?), &sealed).await?;
            entries.retain(|(index, _)| index.as_slice() > self.after.as_slice());
            self.entries = entries.into_iter().peekable();
            self.after = last;
        }
        Ok(self.entries.peek().map(|(index, _)| *index))
    }
}

impl Persons {
    async fn peek(&mut self, store: &Store) -> PortResult<Option<PersonIndex>> {
        if self.page.peek().is_none() && !self.ended {
            let rows: Vec<Row> = on!(store.db.reader(), |c| sqlx::query_as(PERSON_PAGE)
                .bind(self.after.as_slice())
                .bind(PAGE)
                .fetch_all(c))?;
            let page = rows.into_iter().map(read).collect::<PortResult<Vec<_>>>()?;
            match page.last() {
                Some((last, _)) => self.after = last.to_vec(),
                None => self.ended = true,
            }
            self.page = page.into_iter().peekable();
        }
        Ok(self.page.peek().map(|(index, _)| *index))
    }
}

type Row = (Vec<u8>, Uuid, String, Option<Vec<u8>>);

fn read((index, id, status, digest): Row) -> PortResult<(PersonIndex, StoredRecord)> {
    let status = PersonStatus::from_stored(&status).ok_or_else(|| corrupt("a person's status is unknown"))?;
    let digest = digest.map(|digest| array(&digest)).transpose()?;
    Ok((array(&index)?, StoredRecord { id: PersonId::from_uuid(id), status, digest }))
}

const PAGE: i64 = 500;
