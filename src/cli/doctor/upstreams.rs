//! Identity providers above us: whether their discovery answers.

use futures_util::future::join_all;

use super::Diagnosis;
use super::probe::{Prober, reason};
use crate::config::Documents;
use crate::federation::UpstreamProvider;

/// Each of them, all at once.
pub(super) async fn examine(documents: &Documents) -> Vec<Diagnosis> {
    if documents.upstreams.is_empty() {
        return Vec::new();
    }
    let prober = match Prober::new(None) {
        Ok(prober) => prober,
        Err(error) => return vec![Diagnosis::wrong(CHECK, format!("nothing can be asked: {error:#}"))],
    };
    join_all(documents.upstreams.iter().map(|upstream| of_one(&prober, upstream))).await
}

async fn of_one(prober: &Prober, upstream: &UpstreamProvider) -> Diagnosis {
    let issuer = upstream.issuer.as_str().trim_end_matches('/');
    let found = prober.get(&format!("{issuer}/.well-known/openid-configuration")).await;
    let lost = |why: String| {
        let sentence = format!(
            "the discovery of {issuer} {why}: nobody can sign in or link an account by it; look at the way out of this machine, then at upstream.issuer"
        );
        Diagnosis::wrong(CHECK, sentence)
    };
    match found {
        Ok(answer)
            if answer
                .json()
                .and_then(|json| Some(json.get("issuer")?.as_str()? == upstream.issuer.as_str()))
                == Some(true) =>
        {
            Diagnosis::ok(CHECK, format!("the discovery of {issuer} answers"))
        }
        Ok(answer) if answer.status == 200 => lost(String::from("tells of another issuer")),
        Ok(answer) => lost(format!("answers {}", answer.status)),
        Err(error) => lost(format!("does not answer ({})", reason(&error))),
    }
}

const CHECK: &str = "upstream";
