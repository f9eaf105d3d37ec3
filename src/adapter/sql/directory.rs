//! The national directory's changes, one transaction per import.

use async_trait::async_trait;

use super::persons::StoredPerson;
use super::statements::{PERSON_FIND_BY_INDEX, PERSON_FIND_BY_INDEX_LOCKED, PERSON_INSERT, PERSON_UPDATE};
use super::store::Store;
use super::write::Write;
use crate::audit::AuditEvent;
use crate::identity::Person;
use crate::ports::{Directory, DirectoryCounts, PortError, PortResult};

pub(super) struct SqlDirectory(pub(super) Store);

#[async_trait]
impl Directory for SqlDirectory {
    async fn apply(&self, persons: &[Person], event: &AuditEvent) -> PortResult<DirectoryCounts> {
        let mut counts = DirectoryCounts::default();
        let mut write = self.0.write().await?;
        for person in persons {
            let change = self.apply_one(&mut write, person).await?;
            let count = match change {
                Change::Created => &mut counts.created,
                Change::Updated => &mut counts.updated,
                Change::None => &mut counts.unchanged,
            };
            *count = count.saturating_add(1);
        }
        write.commit(event).await?;
        Ok(counts)
    }
}

enum Change {
    Created,
    Updated,
    None,
}

impl SqlDirectory {
    async fn apply_one(&self, write: &mut Write<'_>, person: &Person) -> PortResult<Change> {
        let index = self.0.national_index(&person.professional.national_id);
        let text = write.text(PERSON_FIND_BY_INDEX, PERSON_FIND_BY_INDEX_LOCKED);
        let known: Option<StoredPerson> =
            on!(write.connection(), |c| sqlx::query_as(text).bind(index.as_slice()).fetch_optional(c))?;
        let Some(known) = known else {
            return self.create(write, person, &index).await;
        };
        let known = self.0.person(&known)?;
        if known.professional == person.professional {
            return Ok(Change::None);
        }
        let next = Person { professional: person.professional.clone(), ..known };
        on!(write.connection(), |c| sqlx::query_as::<_, ()>(PERSON_UPDATE)
            .bind(next.id.uuid())
            .bind(self.0.seal_person(&next)?)
            .fetch_optional(c))?;
        Ok(Change::Updated)
    }

    async fn create(&self, write: &mut Write<'_>, person: &Person, index: &[u8; 32]) -> PortResult<Change> {
        on!(write.connection(), |c| sqlx::query_as::<_, ()>(PERSON_INSERT)
            .bind(person.id.uuid())
            .bind(index.as_slice())
            .bind(person.status.as_str())
            .bind(self.0.seal_person(person)?)
            .fetch_optional(c))?
        .map(|()| Change::Created)
        .ok_or(PortError::Conflict)
    }
}
