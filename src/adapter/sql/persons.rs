//! Persons: sealed as a whole, found by id or by a keyed hash of the identity number.

use async_trait::async_trait;
use uuid::Uuid;

use super::group_read::GroupRead;
use super::row::corrupt;
use super::statements_groups::{PERSON, PERSON_BY_INDEX};
use super::store::Store;
use crate::base::PersonId;
use crate::identity::{NationalId, Person, PersonStatus};
use crate::ports::{Persons, PortResult};

pub(super) struct SqlPersons {
    store: Store,
    by_id: GroupRead<Uuid, StoredPerson>,
    by_index: GroupRead<Vec<u8>, StoredPerson>,
}

impl SqlPersons {
    pub(super) fn new(store: Store) -> Self {
        let by_id = GroupRead::new(&store.db, PERSON);
        let by_index = GroupRead::new(&store.db, PERSON_BY_INDEX);
        Self { store, by_id, by_index }
    }

    async fn read(&self, row: Option<StoredPerson>) -> PortResult<Option<Person>> {
        match row {
            Some(row) => self.store.person(&row).await.map(Some),
            None => Ok(None),
        }
    }
}

#[async_trait]
impl Persons for SqlPersons {
    async fn find(&self, id: PersonId) -> PortResult<Option<Person>> {
        self.read(self.by_id.row(id.uuid()).await?).await
    }

    async fn find_by_national_id(&self, national_id: &NationalId) -> PortResult<Option<Person>> {
        let index = self.store.national_index(national_id).to_vec();
        self.read(self.by_index.row(index).await?).await
    }
}

/// Identifier, status, sealed person.
pub(super) type StoredPerson = (Uuid, String, Vec<u8>);

impl Store {
    /// The blind index of an identity number.
    pub(super) fn national_index(&self, national_id: &NationalId) -> [u8; 32] {
        self.sealer.mac("national_id", &[national_id.expose().as_bytes()])
    }

    pub(super) fn seal_person(&self, person: &Person) -> PortResult<Vec<u8>> {
        self.seal(SEALED, person.id.uuid().as_bytes(), person)
    }

    /// The column says the status: a revocation opens nothing.
    pub(super) async fn person(&self, (id, status, sealed): &StoredPerson) -> PortResult<Person> {
        let person: Person = self.open(SEALED, id.as_bytes(), sealed).await?;
        let status =
            PersonStatus::from_stored(status).ok_or_else(|| corrupt("a person's status is unknown"))?;
        Ok(Person { status, ..person })
    }
}

pub(super) const SEALED: &str = "persons/sealed";
