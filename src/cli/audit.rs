//! `sceau audit`: verify the log, search it, pass it on, export the evidence of an approval.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use crate::audit::{NoteKey, SignedCheckpoint, TrustedKey};
use crate::base::{ApprovalId, UnixTime, base64url};
use crate::ports::Evidence;

use super::audit_export::{self, ExportArgs};
use super::audit_search::{self, SearchArgs};
use super::audit_verify::{self, VerifyArgs};
use super::open::Target;
use super::output;

/// Arguments of `sceau audit`.
#[derive(Clone, Debug, clap::Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum AuditCommand {
    /// Recompute every record, lane, index and the tree, and hold checkpoints against them; ends with 2 when something
    /// does not hold, and names the place
    Verify(VerifyArgs),
    /// Find records by person, client, kind, time or identifier
    Search(SearchArgs),
    /// Pass the log on, from any index, to a file, a collector or standard output
    Export(ExportArgs),
    /// Print the public keys that sign checkpoints, to be kept elsewhere for `verify --key`
    Keys(KeysArgs),
    /// Export what a phone signed for an approval, for a verifier without our code
    Evidence(EvidenceArgs),
}

#[derive(Clone, Debug, clap::Args)]
struct KeysArgs {
    #[command(flatten)]
    target: Target,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug, clap::Args)]
struct EvidenceArgs {
    #[command(flatten)]
    target: Target,
    /// The approval, as in the audit log
    approval: String,
}

/// Runs `sceau audit`.
pub async fn run(args: AuditArgs) -> ExitCode {
    let done = match args.command {
        AuditCommand::Verify(args) => Box::pin(audit_verify::run(args)).await,
        AuditCommand::Search(args) => Box::pin(audit_search::run(args)).await,
        AuditCommand::Export(args) => Box::pin(audit_export::run(args)).await,
        AuditCommand::Keys(args) => keys(args).await,
        AuditCommand::Evidence(args) => evidence(args).await,
    };
    done.unwrap_or_else(|error| output::failed(&error))
}

async fn keys(args: KeysArgs) -> anyhow::Result<ExitCode> {
    let reader = args.target.open_audit().await?;
    let Some(last) = reader.log.last_checkpoint().await? else {
        output::error("no checkpoint has been signed yet: `sceau serve` signs the first one within seconds");
        return Ok(ExitCode::from(2));
    };
    let origin = SignedCheckpoint::parse(&last.note).context("the last checkpoint")?.origin().to_owned();
    for key in reader.log.audit_keys().await? {
        let public = NoteKey::from_jwk(&origin, &key.jwk).context("an audit key")?;
        let trusted = TrustedKey { key: public, until: key.revoked };
        if args.json {
            let revoked_at = key.revoked.map(UnixTime::rfc3339);
            output::json(&json!({
                "key": trusted.to_string(), "kid": key.kid, "revoked": key.revoked.is_some(), "revoked_at": revoked_at,
            }));
        } else {
            output::line(trusted);
        }
    }
    reader.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn evidence(args: EvidenceArgs) -> anyhow::Result<ExitCode> {
    let approval: ApprovalId = args.approval.parse().context("the approval is not an identifier")?;
    let app = args.target.open().await?;
    let Some(evidence) = app.provider.export_evidence(approval).await? else {
        output::error("no committed approval has this identifier");
        return Ok(ExitCode::from(2));
    };
    output::json(&bundle(&evidence)?);
    Ok(ExitCode::SUCCESS)
}

/// The bundle: the text as signed, everything binary in base64url.
fn bundle(evidence: &Evidence) -> anyhow::Result<serde_json::Value> {
    Ok(json!({
        "approval": evidence.approval.to_string(),
        "text": std::str::from_utf8(&evidence.text).context("the text is not UTF-8")?,
        "random": base64url(&evidence.random),
        "client_data_json": base64url(&evidence.client_data_json),
        "authenticator_data": base64url(&evidence.authenticator_data),
        "signature": base64url(&evidence.signature),
        "credential_key": base64url(&evidence.credential_key),
        "rp_id": evidence.rp_id,
        "decided_at": evidence.decided_at.rfc3339(),
    }))
}
