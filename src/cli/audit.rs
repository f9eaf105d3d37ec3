//! `sceau audit`: verify the log, export the evidence of an approval.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use crate::audit::verify_chain;
use crate::base::{ApprovalId, base64url};
use crate::ports::Evidence;

use super::open::Target;
use super::output;

/// Rows read at a time.
const PAGE: u32 = 10_000;

/// Arguments of `sceau audit`.
#[derive(Clone, Debug, clap::Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum AuditCommand {
    /// Export what a phone signed for an approval, for a verifier without our code
    Evidence(EvidenceArgs),
    /// Recompute every leaf and chain of the log
    Verify(VerifyArgs),
}

#[derive(Clone, Debug, clap::Args)]
struct EvidenceArgs {
    #[command(flatten)]
    target: Target,
    /// The approval, as in the audit log
    approval: String,
}

#[derive(Clone, Debug, clap::Args)]
struct VerifyArgs {
    #[command(flatten)]
    target: Target,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `sceau audit`.
pub async fn run(args: AuditArgs) -> ExitCode {
    let done = match args.command {
        AuditCommand::Evidence(args) => evidence(args).await,
        AuditCommand::Verify(args) => verify(args).await,
    };
    done.unwrap_or_else(|error| output::failed(&error))
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

async fn verify(args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let app = args.target.open().await?;
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let page = app.provider.ports.audit.rows(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.writer, last.sequence));
        rows.extend(
            page.into_iter().map(|row| (row.writer, row.sequence, row.previous, row.record, row.leaf_hash)),
        );
    }
    match verify_chain(rows.into_iter()) {
        Ok(count) => {
            if args.json {
                output::json(&json!({ "rows": count, "intact": true, "truncation_excluded": false }));
            } else {
                output::line(format_args!("{count} rows, every leaf and chain intact"));
                output::line(
                    "Without checkpoints kept elsewhere, truncation and rollback cannot be excluded.",
                );
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            if args.json {
                output::json(&json!({ "intact": false, "error": error.to_string() }));
            }
            output::error(error);
            Ok(ExitCode::from(2))
        }
    }
}
