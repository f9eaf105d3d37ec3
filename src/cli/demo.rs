//! `sceau demo`: everything on this machine, to be tried in a minute.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::ending::Signals;
use super::output;
use crate::demo::{Announce, Demo, Settings, Showcase, Step, play};

/// Arguments of `sceau demo`.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// First of four ports: provider, sample service, phone page, the provider above; 0 takes free ones
    #[arg(long, default_value_t = 8080, value_name = "N")]
    port: u16,
    /// Keep the data in this folder; without it they are deleted at the end
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON line for programs instead of text
    #[arg(long)]
    json: bool,
    /// Play a whole sign-in in the terminal, on free ports, and end
    #[arg(long, conflicts_with_all = ["json", "port", "data"])]
    play: bool,
}

/// Runs `sceau demo`.
pub async fn run(args: DemoArgs) -> ExitCode {
    let done = if args.play { Box::pin(play_once()).await } else { Box::pin(serve(args)).await };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::failed(&error),
    }
}

async fn serve(args: DemoArgs) -> anyhow::Result<()> {
    let announce: Announce = if args.json {
        Arc::new(|_| ())
    } else {
        Arc::new(|codes| output::line(format_args!("Nouveaux codes / New codes: {codes}")))
    };
    let demo = Demo::start(Settings { port: args.port, data: args.data, announce }).await?;
    if args.json {
        output::line(demo.showcase.to_json()?);
    } else {
        welcome(&demo.showcase)?.iter().for_each(output::line);
    }
    let stop = CancellationToken::new();
    let ((), served) = tokio::join!(stop_on_signal(stop.clone()), demo.serve(stop));
    served
}

async fn play_once() -> anyhow::Result<()> {
    let demo = Demo::start(Settings { port: 0, data: None, announce: Arc::new(|_| ()) }).await?;
    let showcase = Arc::clone(&demo.showcase);
    let stop = CancellationToken::new();
    let playing = async {
        let _stop = stop.clone().drop_guard();
        tokio::select! {
            played = play(&showcase, &tell) => played,
            () = stop_on_signal(stop.clone()) => anyhow::bail!("interrupted"),
        }
    };
    let (played, served) = tokio::join!(playing, demo.serve(stop.clone()));
    served.and(played)
}

fn tell(step: &Step) {
    output::line(format_args!("\n• {}\n  {}", step.french, step.english));
    step.seen.iter().for_each(|line| output::line(format_args!("    {line}")));
}

/// What a newcomer needs, and the line that says that all is ready.
fn welcome(showcase: &Showcase) -> anyhow::Result<Vec<String>> {
    let addresses = &showcase.addresses;
    let persons = showcase.desk.persons();
    let person = persons.first().context("the sample directory is empty")?;
    let (service, phone, issuer) = (&addresses.service, &addresses.phone, &addresses.issuer);
    let above = &addresses.franceconnect;
    let (id, email, code) =
        (person.national_id.expose(), person.codes.email.expose(), person.codes.phone.expose());
    Ok(vec![
        format!("sceau : démonstration. Tout est fictif, rien ne quitte cette machine."),
        format!("  Service d’exemple     {service}"),
        format!("  Téléphone (page)      {phone}"),
        format!("  Fournisseur (OpenID)  {issuer}"),
        format!("  FranceConnect (simulé)  {above}"),
        format!("  Une personne : {}, {id} ; codes : e-mail {email}, téléphone {code}", person.name),
        format!("  1. Ouvrir {phone} : choisir {}, activer.", person.name),
        format!("  2. Ouvrir {service} dans un autre onglet : « Se connecter avec mon téléphone »."),
        format!("  3. Donner l’identifiant {id} : un nombre s’affiche."),
        format!(
            "  4. Sur la page du téléphone : taper ce nombre, approuver. Vous êtes connecté. Ctrl-C arrête tout."
        ),
        String::from(
            "  Patient : sur le service, « Ouvrir mon dossier », puis « FranceConnect (simulé) » : choisir une personne, autoriser.",
        ),
        format!(
            "  Puis {issuer}/account : ajouter un téléphone, coller son ticket sur {phone}/?phone=patient, et se connecter par le code QR."
        ),
        String::new(),
        format!("sceau: demonstration. All of it is fictitious, nothing leaves this machine."),
        format!("  Sample service     {service}"),
        format!("  Phone (page)       {phone}"),
        format!("  Provider (OpenID)  {issuer}"),
        format!("  FranceConnect (simulé)  {above}"),
        format!("  A person: {}, {id}; codes: e-mail {email}, phone {code}", person.name),
        format!("  1. Open {phone}: choose {}, activate.", person.name),
        format!("  2. Open {service} in another tab: \"Sign in with my phone\"."),
        format!("  3. Give the identifier {id}: a number appears."),
        format!(
            "  4. On the phone page: type that number, approve. You are signed in. Ctrl-C stops everything."
        ),
        String::from(
            "  A patient: on the service, \"Open my record\", then \"FranceConnect (simulé)\": choose a person, allow.",
        ),
        format!(
            "  Then {issuer}/account: add a phone, paste its ticket on {phone}/?phone=patient, and sign in by the QR code."
        ),
        String::new(),
        format!("sceau demo: ready on {issuer}"),
    ])
}

/// Cancels `stop` at SIGTERM or SIGINT.
async fn stop_on_signal(stop: CancellationToken) {
    match Signals::listen() {
        Ok(mut signals) => signals.told().await,
        Err(error) => tracing::error!(reason = %error, "no signal handler: stopping"),
    }
    tracing::info!("stopping");
    stop.cancel();
}
