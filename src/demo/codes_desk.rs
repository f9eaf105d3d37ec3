//! The codes desk: activation codes of the fictitious persons, as if the post had delivered them.
//!
//! Each person always has a pair that works: it is replaced once a phone was activated with it, and by a pair that
//! the phone asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use async_trait::async_trait;
use serde_json::{Value, json};

use super::Announce;
use crate::base::{PersonId, Secret};
use crate::device::{Channel, Content};
use crate::flow::Provider;
use crate::identity::{ExtractReader, Person, Professional, fold};
use crate::ports::{CodeSender, Message, PortResult};

/// The fictitious directory.
pub(super) const EXTRACT: &str = include_str!("sample_extract.txt");

/// A pair of activation codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivationCodes {
    /// The one sent by e-mail.
    pub email: Secret,
    /// The one sent to the telephone.
    pub phone: Secret,
}

/// A person of the demonstration.
#[derive(Clone, Debug)]
pub struct DemoPerson {
    /// National identifier.
    pub national_id: Secret,
    /// Name.
    pub name: String,
    /// Codes that activate a phone.
    pub codes: ActivationCodes,
    id: PersonId,
    devices: usize,
}

/// The desk.
pub struct CodesDesk {
    persons: Mutex<Vec<DemoPerson>>,
    announce: Announce,
}

impl CodesDesk {
    /// An empty desk that tells `announce` of new codes.
    pub(super) fn new(announce: Announce) -> Self {
        Self { persons: Mutex::default(), announce }
    }

    /// Draws codes for everybody whose two contacts the directory knows.
    pub(super) async fn open(&self, provider: &Provider) -> anyhow::Result<()> {
        let mut persons = Vec::new();
        for professional in reachable()? {
            let found = provider.ports.persons.find_by_national_id(&professional.national_id).await?;
            let Some(Person { id, .. }) = found else { continue };
            let (email, phone) = provider.issue_codes(id, provider.now()).await?;
            persons.push(DemoPerson {
                national_id: Secret::new(professional.national_id.expose().to_owned()),
                name: format!("{} {}", professional.given_names.join(" "), professional.family_name),
                codes: ActivationCodes { email, phone },
                id,
                devices: provider.ports.devices.list(id).await?.len(),
            });
        }
        *self.lock() = persons;
        Ok(())
    }

    /// Everybody with codes, in the order of the directory.
    #[must_use]
    pub fn persons(&self) -> Vec<DemoPerson> {
        self.lock().clone()
    }

    /// Everybody with codes, for the page of the phone and for programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let person = |person: &DemoPerson| {
            let (email, phone) = (person.codes.email.expose(), person.codes.phone.expose());
            json!({
                "national_id": person.national_id.expose(),
                "name": person.name,
                "activation_codes": { "email": email, "phone": phone },
            })
        };
        self.lock().iter().map(person).collect()
    }

    /// Gives new codes to whoever used the last ones.
    pub(super) async fn renew(&self, provider: &Provider) -> PortResult<()> {
        for person in self.persons() {
            let devices = provider.ports.devices.list(person.id).await?.len();
            if devices == person.devices {
                continue;
            }
            let (email, phone) = provider.issue_codes(person.id, provider.now()).await?;
            self.put(person.id, |kept| {
                kept.devices = devices;
                kept.codes = ActivationCodes { email, phone };
            });
        }
        Ok(())
    }

    fn put(&self, id: PersonId, change: impl FnOnce(&mut DemoPerson)) {
        let mut persons = self.lock();
        let Some(person) = persons.iter_mut().find(|person| person.id == id) else { return };
        change(person);
        let line = person.line();
        drop(persons);
        (self.announce)(&line);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<DemoPerson>> {
        self.persons.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DemoPerson {
    /// Who and which codes, on one line.
    #[must_use]
    pub fn line(&self) -> String {
        let (email, phone) = (self.codes.email.expose(), self.codes.phone.expose());
        format!("{}  {}  e-mail {email}  téléphone/phone {phone}", self.national_id.expose(), self.name)
    }
}

/// Puts freshly requested codes on the desk instead of sending them.
pub(super) struct DeskSender(pub(super) Arc<CodesDesk>);

#[async_trait]
impl CodeSender for DeskSender {
    async fn send(&self, message: Message) -> PortResult<()> {
        let person = message.person;
        // Notices have no place on the desk.
        let Content::Code { code, .. } = message.content else { return Ok(()) };
        match message.channel {
            // The pair is told once it is whole: the e-mail goes first.
            Channel::Email => {
                let mut persons = self.0.lock();
                if let Some(kept) = persons.iter_mut().find(|kept| kept.id == person) {
                    kept.codes.email = code;
                }
            }
            Channel::Phone => self.0.put(person, |kept| kept.codes.phone = code),
        }
        Ok(())
    }
}

/// The persons of the sample whom codes can reach.
fn reachable() -> anyhow::Result<Vec<Professional>> {
    let mut reader = ExtractReader::new();
    let lines: Result<Vec<_>, _> = EXTRACT.lines().map(|line| reader.feed(line)).collect();
    let lines = lines.map_err(|error| anyhow::anyhow!("{error}")).context("the sample directory")?;
    let mut persons = fold(lines.into_iter().flatten());
    persons.retain(|person| person.email.is_some() && person.phone.is_some());
    Ok(persons)
}
