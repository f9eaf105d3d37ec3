//! Persons.

use async_trait::async_trait;

use super::PortResult;
use crate::base::PersonId;
use crate::identity::{NationalId, Person};

/// Store of persons, durable; identity is sealed field by field and found by a blind index.
#[async_trait]
pub trait Persons: Send + Sync {
    /// A person, active or not.
    async fn find(&self, id: PersonId) -> PortResult<Option<Person>>;
    /// The person with this identity number, active or not.
    async fn find_by_national_id(&self, national_id: &NationalId) -> PortResult<Option<Person>>;
}
