//! One participant's requests.

use std::sync::Arc;

use anyhow::{Context, Result};
use reqwest::Client;
use serde_json::Value;

use super::world::{What, World};

/// Sends one participant's requests to the coordinator.
pub struct Caller {
    /// Its number in the order of arrival.
    pub number: usize,
    /// What all participants share.
    pub world: Arc<World>,
    /// Its own connections.
    pub http: Client,
    /// Its session's token.
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

    /// A request with the participant's session.
    pub fn call(&self, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.world.url);
        self.http.post(url).bearer_auth(&self.token)
    }
}

/// Sends a request, and returns the status and the JSON of the answer. An answer that is not JSON
/// is returned as a string.
///
/// # Errors
/// A request that breaks.
pub async fn answer(request: reqwest::RequestBuilder) -> Result<(u16, Value)> {
    let answer = request.send().await.context("sending")?;
    let status = answer.status().as_u16();
    let text = answer.text().await.context("reading the answer")?;
    Ok((status, serde_json::from_str(&text).unwrap_or(text.into())))
}
