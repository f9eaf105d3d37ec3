//! As much of a browser as the journey needs: cookies, forms, and redirects one at a time.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::header::LOCATION;
use url::Url;

const TIMEOUT: Duration = Duration::from_secs(10);

/// What the phone can tell of it is the system alone.
const AGENT: &str = "sceau-demo (Linux)";

/// A browser with its cookies.
pub(super) struct Browser {
    site: Url,
    http: reqwest::Client,
}

impl Browser {
    /// A browser that visits `site`.
    pub(super) fn new(site: &Url) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .user_agent(AGENT)
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { site: site.clone(), http })
    }

    /// The text of the page at `address`.
    pub(super) async fn page(&self, address: &str) -> anyhow::Result<String> {
        let answer = self.http.get(self.site.join(address)?).send().await?;
        ensure!(answer.status().is_success(), "{} instead of a page", answer.status());
        Ok(answer.text().await?)
    }

    /// Where `address` redirects to.
    pub(super) async fn redirect(&self, address: &str) -> anyhow::Result<Url> {
        self.follow(self.http.get(self.site.join(address)?)).await
    }

    /// Where the form sent to `address` leads.
    pub(super) async fn submit(&self, address: &str, fields: &[(&str, &str)]) -> anyhow::Result<Url> {
        self.follow(self.http.post(self.site.join(address)?).form(fields)).await
    }

    async fn follow(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Url> {
        let answer = request.send().await?;
        ensure!(answer.status().is_redirection(), "{} instead of a redirect", answer.status());
        let location = answer.headers().get(LOCATION).context("a redirect to nowhere")?.to_str()?;
        Ok(answer.url().join(location)?)
    }
}

/// What stands in `text` after `before` and up to `after`, or to the end.
pub(super) fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after).map_or(rest, |(found, _)| found).to_owned())
}
