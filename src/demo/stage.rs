//! The stage: the provider with the loosened rules of a demonstration, the service, the phone page and the simulated FranceConnect, started and
//! stopped together.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::header::CACHE_CONTROL;
use axum::routing::get;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::addresses::{Listeners, bind};
use super::clients::register_all;
use super::codes_desk::{DeskSender, EXTRACT};
use super::folder::Folder;
use super::franceconnect::{FranceConnect, franceconnect_router};
use super::service::{Service, service_router};
use super::{Addresses, Announce, CodesDesk, DemoClient, phone_page};
use crate::app::{App, Durable, Ephemeral, Parts, RelyingParty};
use crate::base::{Entropy, OsEntropy, Secret, SystemClock};
use crate::config::Limits;
use crate::device::AttestationPolicy;
use crate::flow::{ActivationPolicy, DirectoryPolicy, ImportOptions, Lifetimes, Policy, Silent, text_lines};
use crate::http::HttpLimits;
use crate::identity::{Acr, AssurancePolicy, InsEnvironment, PatientFileError, SectorSettings};
use crate::keyring::{KeyPolicy, SHIPPED_POLICY};
use crate::phone::SOFTWARE_PHONE_AAGUID;
use crate::worker::{Job, Worker};

const PATIENTS: &str = include_str!("sample_patients.jsonl");
/// How long requests under way may take once the demonstration stops.
const DRAIN: Duration = Duration::from_secs(2);

/// What a demonstration is started with.
pub struct Settings {
    /// First of four ports; 0 takes free ones.
    pub port: u16,
    /// Folder that keeps the data; none for a temporary one.
    pub data: Option<PathBuf>,
    /// Hears of new activation codes.
    pub announce: Announce,
}

/// What a visitor needs.
pub struct Showcase {
    /// Where the parts are.
    pub addresses: Addresses,
    /// The clients, the sample service first.
    pub clients: Vec<DemoClient>,
    /// Activation codes.
    pub desk: Arc<CodesDesk>,
    /// The secret by which the bridge authenticates to the simulated FranceConnect.
    pub franceconnect_secret: Secret,
}

/// A demonstration that is ready and does not accept connections yet.
pub struct Demo {
    /// What a visitor needs.
    pub showcase: Arc<Showcase>,
    app: App,
    franceconnect: Arc<FranceConnect>,
    listeners: Listeners,
    entropy: Arc<dyn Entropy>,
    folder: Folder,
}

impl Demo {
    /// Binds the ports, opens the data, loads the fictitious directory and registers the clients.
    ///
    /// # Errors
    /// A port is taken, the data folder cannot be used, or the provider refuses what it is given.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        let (listeners, addresses) = bind(settings.port).await?;
        let folder = Folder::open(settings.data.as_deref())?;
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let desk = Arc::new(CodesDesk::new(settings.announce));
        let franceconnect = FranceConnect::new(&addresses, PATIENTS, &entropy)?;
        let parts = Parts {
            policy: policy(&addresses)?,
            durable: Durable::File(folder.database()),
            ephemeral: Ephemeral::InProcess,
            key_encryption_key: *folder.key_encryption_key(&*entropy)?,
            key_token: None,
            relying_party: RelyingParty {
                id: String::from("localhost"),
                name: String::from("sceau (demo)"),
                allowed_origins: vec![Url::parse(&addresses.phone)?],
                attestation_roots: Vec::new(),
            },
            upstreams: vec![franceconnect.upstream()?],
            code_sender: Arc::new(DeskSender(Arc::clone(&desk))),
            clock: Arc::new(SystemClock),
            entropy: Arc::clone(&entropy),
        };
        let app = App::assemble(parts).await?;
        let options = ImportOptions { allow_share: Some(100), ..ImportOptions::default() };
        if let Some(run) = app.provider.directory_run().await?.filter(|run| !run.state.is_over()) {
            app.provider.discard_directory().await.with_context(|| format!("giving up import {}", run.id))?;
        }
        app.provider
            .import_directory(&mut text_lines(EXTRACT), options, &mut Silent)
            .await
            .context("loading the sample directory")?;
        load_patients(&app).await?;
        let clients = register_all(&app.provider, &addresses).await?;
        desk.open(&app.provider).await.context("drawing activation codes")?;
        let franceconnect_secret = franceconnect.client_secret().clone();
        let showcase = Arc::new(Showcase { addresses, clients, desk, franceconnect_secret });
        Ok(Self { showcase, app, franceconnect, listeners, entropy, folder })
    }

    /// Serves the four parts until `stop`.
    ///
    /// # Errors
    /// The sample service cannot be set up.
    pub async fn serve(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self { showcase, app, franceconnect, listeners, entropy, folder } = self;
        let limits = Limits { drain: DRAIN, ..Limits::default() };
        let provider = app.router(Vec::new(), &HttpLimits::default());
        let service = service_router(Service::new(&showcase, &entropy)?);
        let phone = phone_router(&showcase)?;
        let franceconnect = franceconnect_router(franceconnect);
        let worker = Worker::start(jobs(&app, &showcase.desk), &entropy);
        tokio::join!(
            listeners.issuer.serve(provider, limits, stop.clone()),
            listeners.service.serve(service, limits, stop.clone()),
            listeners.phone.serve(phone, limits, stop.clone()),
            listeners.franceconnect.serve(franceconnect, limits, stop),
        );
        worker.stop(DRAIN).await;
        app.close().await;
        // Only now may a temporary folder go.
        drop(folder);
        Ok(())
    }
}

impl Showcase {
    /// Everything a program needs to play any part.
    ///
    /// # Errors
    /// A key cannot be written.
    pub fn to_json(&self) -> anyhow::Result<Value> {
        let clients: Vec<Value> = self.clients.iter().map(DemoClient::to_json).collect::<Result<_, _>>()?;
        Ok(json!({
            "issuer": self.addresses.issuer,
            "service": self.addresses.service,
            "phone": self.addresses.phone,
            "franceconnect": self.addresses.franceconnect,
            "clients": clients,
            "persons": self.desk.to_json(),
        }))
    }

    /// The client called `id`.
    pub(super) fn client(&self, id: &str) -> anyhow::Result<&DemoClient> {
        self.clients.iter().find(|client| client.client_id == id).context("no such client")
    }
}

/// Invented patients, with numbers of the demonstration register.
async fn load_patients(app: &App) -> anyhow::Result<()> {
    let mut refused = None;
    let mut rejected = |error: &PatientFileError| refused = Some(*error);
    let mut lines = text_lines(PATIENTS);
    app.provider.import_patients(&mut lines, &mut rejected).await.context("loading the sample patients")?;
    refused.map_or(Ok(()), |error| Err(error).context("loading the sample patients"))
}

/// The default rules, but that phones in software are accepted, at the lowest level, and that codes do not age.
fn policy(addresses: &Addresses) -> anyhow::Result<Policy> {
    Ok(Policy {
        issuer: addresses.issuer.clone(),
        lifetimes: Lifetimes::default(),
        assurance: AssurancePolicy { ceiling: Acr::Eidas2 },
        attestation: AttestationPolicy { allow_self: true, aaguids: vec![SOFTWARE_PHONE_AAGUID] },
        sector: SectorSettings::default(),
        keys: KeyPolicy::parse(SHIPPED_POLICY).context("the shipped key policy")?,
        client_rate: 0,
        devices_per_person: 5,
        live_approvals: 3,
        activation: ActivationPolicy::Unlimited,
        codes_per_hour: 1000,
        directory: DirectoryPolicy::default(),
        patients_ins: InsEnvironment::Test,
    })
}

fn phone_router(showcase: &Arc<Showcase>) -> anyhow::Result<Router> {
    let desk = Arc::clone(&showcase.desk);
    let persons = get(move || {
        let persons = axum::Json(desk.to_json());
        async move { ([(CACHE_CONTROL, "no-store")], persons) }
    });
    Ok(phone_page(&showcase.addresses.issuer_url()?).route("/demo/persons.json", persons))
}

fn jobs(app: &App, desk: &Arc<CodesDesk>) -> Vec<Job> {
    let (provider, desk) = (Arc::clone(&app.provider), Arc::clone(desk));
    let codes = Job::new("activation_codes", Duration::from_secs(1), move || {
        let (provider, desk) = (Arc::clone(&provider), Arc::clone(&desk));
        async move { desk.renew(&provider).await }
    });
    let mut jobs = app.jobs(None);
    jobs.push(codes);
    jobs
}
