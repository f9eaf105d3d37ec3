//! Patients: sealed as persons are, found by a keyed hash of their reference or of their traits.

use async_trait::async_trait;

use super::persons::StoredPerson;
use super::revocation::cut;
use super::row::corrupt;
use super::statements_people::{
    PATIENT_FIND, PATIENT_FIND_LOCKED, PATIENT_INSERT, PATIENT_OF_ENVIRONMENT, PATIENT_RECORD,
};
use super::statements_representation::{GUARDIANSHIP_DELETE, GUARDIANSHIP_INSERT, PATIENT_REPRESENTED};
use super::store::Store;
use super::write::Write;
use crate::audit::AuditEvent;
use crate::base::PersonId;
use crate::identity::{InsEnvironment, Patient, PatientRef, Person, PersonStatus};
use crate::ports::{Cutoff, CutoffScope, PatientCounts, PatientRecord, Patients, PortError, PortResult};

pub(super) struct SqlPatients(pub(super) Store);

#[async_trait]
impl Patients for SqlPatients {
    async fn find(&self, reference: &PatientRef) -> PortResult<Option<Person>> {
        let row: Option<StoredPerson> = on!(self.0.db.reader(), |c| sqlx::query_as(PATIENT_FIND)
            .bind(self.0.reference_index(reference).as_slice())
            .fetch_optional(c))?;
        match row {
            Some(row) => self.0.person(&row).await.map(Some),
            None => Ok(None),
        }
    }

    async fn import(&self, records: &[PatientRecord], event: &AuditEvent) -> PortResult<PatientCounts> {
        let began = std::time::Instant::now();
        let mut write = self.0.write().await?;
        let mut counts = PatientCounts::default();
        let mut events = Vec::new();
        for record in records {
            events.extend(self.0.import_one(&mut write, record, &mut counts).await?);
        }
        let event = event
            .clone()
            .with_count("created", counts.created)
            .with_count("updated", counts.updated)
            .with_count("unchanged", counts.unchanged)
            .with_count("deactivated", counts.deactivated);
        write.commit_all(events.iter().chain([&event])).await?;
        self.0.let_others_write(began.elapsed()).await;
        Ok(counts)
    }

    async fn declare_email(&self, person: PersonId, email: &str, event: &AuditEvent) -> PortResult<bool> {
        let mut write = self.0.write().await?;
        let Some(found) = self.0.linkable(&mut write, person).await? else { return Ok(false) };
        let person = Person { declared_email: Some(email.to_owned()), ..found.person };
        let Some(patient) = person.patient() else { return Ok(false) };
        self.0.record_patient(&mut write, &person, patient).await?;
        write.commit(event).await?;
        Ok(true)
    }

    async fn represented_by(&self, guardian: &PatientRef) -> PortResult<Vec<Person>> {
        let rows: Vec<StoredPerson> = on!(self.0.db.reader(), |c| sqlx::query_as(PATIENT_REPRESENTED)
            .bind(self.0.guardian_index(guardian).as_slice())
            .fetch_all(c))?;
        let mut persons = Vec::with_capacity(rows.len());
        for row in &rows {
            persons.push(self.0.person(row).await?);
        }
        Ok(persons)
    }

    async fn has_ins_of(&self, environment: InsEnvironment) -> PortResult<bool> {
        let row = on!(self.0.db.reader(), |c| sqlx::query_as::<_, ()>(PATIENT_OF_ENVIRONMENT)
            .bind(word(environment))
            .fetch_optional(c))?;
        Ok(row.is_some())
    }
}

impl Store {
    /// The blind index of a patient's reference.
    fn reference_index(&self, reference: &PatientRef) -> [u8; 32] {
        self.sealer.mac("patient", &[reference.expose().as_bytes()])
    }

    /// The blind index of somebody who may act: another than that of their own record, so that the table alone ties no
    /// two persons.
    fn guardian_index(&self, reference: &PatientRef) -> [u8; 32] {
        self.sealer.mac("guardian", &[reference.expose().as_bytes()])
    }

    /// The event of a change that needs one.
    async fn import_one(
        &self,
        write: &mut Write<'_>,
        record: &PatientRecord,
        counts: &mut PatientCounts,
    ) -> PortResult<Option<AuditEvent>> {
        let new = patient_of(&record.person)?;
        let dead = u64::from(new.deceased);
        if self.insert_patient(write, &record.person, new).await? {
            self.index_guardians(write, record.person.id, new).await?;
            counts.created = counts.created.saturating_add(1);
            counts.deactivated = counts.deactivated.saturating_add(dead);
            return Ok(None);
        }
        let text = write.text(PATIENT_FIND, PATIENT_FIND_LOCKED);
        let row: Option<StoredPerson> = on!(write.connection(), |c| sqlx::query_as(text)
            .bind(self.reference_index(&new.reference).as_slice())
            .fetch_optional(c))?;
        let known = self.person(&row.ok_or(PortError::Conflict)?).await?;
        let status = status_after(known.status, new);
        if status == known.status && patient_of(&known)? == new {
            // Ties of a record stored before the index was.
            self.index_guardians(write, known.id, new).await?;
            counts.unchanged = counts.unchanged.saturating_add(1);
            return Ok(None);
        }
        let was = known.status;
        let had_guardians = !patient_of(&known)?.guardians.is_empty();
        let person = Person { identity: record.person.identity.clone(), status, ..known };
        self.record_patient(write, &person, new).await?;
        if had_guardians {
            on!(write.connection(), |c| sqlx::query_as::<_, ()>(GUARDIANSHIP_DELETE)
                .bind(person.id.uuid())
                .fetch_all(c))?;
        }
        self.index_guardians(write, person.id, new).await?;
        counts.updated = counts.updated.saturating_add(1);
        if was == status {
            return Ok(None);
        }
        if status == PersonStatus::Deactivated {
            counts.deactivated = counts.deactivated.saturating_add(1);
            let at = record.ended.at;
            cut(write, &Cutoff { scope: CutoffScope::Person(person.id), at }).await?;
            return Ok(Some(record.ended.clone().with_person(person.id)));
        }
        Ok(Some(record.returned.clone().with_person(person.id)))
    }

    /// What the record says of guardians, as the index to find the patient by them.
    async fn index_guardians(
        &self,
        write: &mut Write<'_>,
        person: PersonId,
        patient: &Patient,
    ) -> PortResult<()> {
        for tie in &patient.guardians {
            on!(write.connection(), |c| sqlx::query_as::<_, ()>(GUARDIANSHIP_INSERT)
                .bind(self.guardian_index(&tie.guardian_ref).as_slice())
                .bind(person.uuid())
                .fetch_optional(c))?;
        }
        Ok(())
    }

    /// False when the reference is known.
    async fn insert_patient(
        &self,
        write: &mut Write<'_>,
        person: &Person,
        patient: &Patient,
    ) -> PortResult<bool> {
        let row = on!(write.connection(), |c| sqlx::query_as::<_, ()>(PATIENT_INSERT)
            .bind(person.id.uuid())
            .bind(self.reference_index(&patient.reference).as_slice())
            .bind(person.status.as_str())
            .bind(self.seal_person(person)?)
            .bind(self.pivot_index(&patient.pivot).as_slice())
            .bind(environment(patient))
            .fetch_optional(c))?;
        Ok(row.is_some())
    }

    async fn record_patient(
        &self,
        write: &mut Write<'_>,
        person: &Person,
        patient: &Patient,
    ) -> PortResult<()> {
        on!(write.connection(), |c| sqlx::query_as::<_, ()>(PATIENT_RECORD)
            .bind(person.id.uuid())
            .bind(person.status.as_str())
            .bind(self.seal_person(person)?)
            .bind(self.pivot_index(&patient.pivot).as_slice())
            .bind(environment(patient))
            .fetch_optional(c))?;
        Ok(())
    }
}

/// An officer's lock stays with the living.
const fn status_after(known: PersonStatus, patient: &Patient) -> PersonStatus {
    match known {
        _ if patient.deceased => PersonStatus::Deactivated,
        PersonStatus::Locked => PersonStatus::Locked,
        PersonStatus::Active | PersonStatus::Deactivated => PersonStatus::Active,
    }
}

fn patient_of(person: &Person) -> PortResult<&Patient> {
    person.patient().ok_or_else(|| corrupt("a reference leads to no patient"))
}

fn environment(patient: &Patient) -> Option<&'static str> {
    let ins = patient.ins.as_ref()?;
    [InsEnvironment::Production, InsEnvironment::Test].into_iter().find(|one| ins.accepted_in(*one)).map(word)
}

const fn word(environment: InsEnvironment) -> &'static str {
    match environment {
        InsEnvironment::Production => "production",
        InsEnvironment::Test => "test",
    }
}
