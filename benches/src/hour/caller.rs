//! One participant's requests.

use std::sync::Arc;

use anyhow::{Context, Result};
use reqwest::Client;
use serde_json::Value;

use super::world::{What, World};

/// What one participant calls the coordinator with.
pub struct Caller {
    /// Its place in the order of coming.
    pub number: usize,
    /// What it shares with all others.
    pub world: Arc<World>,
    /// Its connections, which nobody else uses.
    pub http: Client,
    /// Its session.
    pub token: String,
}

impl Caller {
    /// Notes something about the participant.
    pub fn note(&self, what: What) {
        self.world.note(self.number, what);
    }

    /// Notes that a request broke.
    pub fn broke(&self, error: &anyhow::Error) {
        let why = format!("{error:#}");
        self.note(What::Broke { why });
    }

    /// A call with the participant's session.
    pub fn call(&self, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.world.url);
        self.http.post(url).bearer_auth(&self.token)
    }
}

/// Sends a request; gives the status and the JSON of the answer.
///
/// # Errors
/// A request that breaks. An answer that is no JSON is a text.
pub async fn answer(request: reqwest::RequestBuilder) -> Result<(u16, Value)> {
    let answer = request.send().await.context("sending")?;
    let status = answer.status().as_u16();
    let text = answer.text().await.context("reading the answer")?;
    Ok((status, serde_json::from_str(&text).unwrap_or(text.into())))
}
