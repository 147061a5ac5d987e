//! An Ethereum node, asked over JSON-RPC.

use std::sync::Arc;

use axum::http::{self, Method, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tauline_protocol::error::Code;

use super::outgoing::{Outgoing, Unreachable};
use super::secret::Secret;
use crate::coordinator::Refused;

/// First bytes of a call of `isValidSignature(bytes32,bytes)`, and of its answer when the
/// signature is good (EIP-1271).
const IS_VALID_SIGNATURE: [u8; 4] = [0x16, 0x26, 0xba, 0x7e];

/// The error code of a call that the contract reverted (geth, and others after it).
const REVERTED: i64 = 3;

/// A node. Its address is a secret: those of hosted nodes hold a key.
pub struct Node {
    url: Secret,
    outgoing: Arc<Outgoing>,
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The node could not be asked.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The node refused.
    #[error("the node answered with error {code}: {message:?}")]
    Refused {
        /// JSON-RPC's code.
        code: i64,
        /// The node's words.
        message: String,
    },
    /// The node answered something else than was asked.
    #[error("the node's answer is not readable")]
    Unreadable,
}

impl CallError {
    /// Whether it is the contract, not the node, that refused.
    fn is_revert(&self) -> bool {
        match self {
            Self::Refused { code, message } => *code == REVERTED || message.contains("revert"),
            _ => false,
        }
    }
}

impl From<CallError> for Refused {
    fn from(error: CallError) -> Self {
        tracing::warn!(%error, "the Ethereum node could not be asked");
        Self::new(
            Code::LoginProviderUnreachable,
            "the Ethereum node that knows about accounts could not be asked: sign in again in a minute",
        )
    }
}

#[derive(Deserialize)]
struct Answer {
    result: Option<Value>,
    error: Option<AnswerError>,
}

#[derive(Deserialize)]
struct AnswerError {
    code: i64,
    message: String,
}

impl Node {
    /// The node at a URL.
    #[must_use]
    pub fn new(url: Secret, outgoing: Arc<Outgoing>) -> Self {
        Self { url, outgoing }
    }

    /// The chain that the node follows.
    ///
    /// # Errors
    /// When it could not be asked.
    pub async fn chain_id(&self) -> Result<u64, CallError> {
        self.number("eth_chainId", json!([])).await
    }

    /// Transactions that an account had sent up to and in a block: its nonce after it.
    ///
    /// # Errors
    /// When the node could not be asked, or does not keep the state of that block.
    pub async fn transaction_count(&self, address: [u8; 20], block: u64) -> Result<u64, CallError> {
        let params = json!([prefixed(&address), format!("{block:#x}")]);
        self.number("eth_getTransactionCount", params).await
    }

    /// Whether the contract at an address takes the signature for its own (EIP-1271). An account
    /// without code takes none.
    ///
    /// # Errors
    /// When the node could not be asked.
    pub async fn is_valid_signature(
        &self,
        contract: [u8; 20],
        digest: [u8; 32],
        signature: &[u8],
    ) -> Result<bool, CallError> {
        let data = prefixed(&is_valid_signature_call(digest, signature));
        let params = json!([{"to": prefixed(&contract), "data": data}, "latest"]);
        match self.call("eth_call", params).await {
            Ok(Value::String(word)) => Ok(word == good_answer()),
            Ok(_) => Err(CallError::Unreadable),
            Err(error) if error.is_revert() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn number(&self, method: &str, params: Value) -> Result<u64, CallError> {
        let result = self.call(method, params).await?;
        let digits = result.as_str().and_then(|text| text.strip_prefix("0x"));
        digits
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .ok_or(CallError::Unreadable)
    }

    async fn call(&self, method: &str, params: Value) -> Result<Value, CallError> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let request = http::Request::builder()
            .method(Method::POST)
            .uri(self.url.reveal())
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_string().into_bytes())
            .map_err(|_| CallError::Unreadable)?;
        let answer = self.outgoing.send(request).await?;
        // Some nodes send an error with status 400; its words are what is wanted.
        let status = answer.status();
        match serde_json::from_slice(answer.body()) {
            Ok(Answer {
                error: Some(AnswerError { code, message }),
                ..
            }) => Err(CallError::Refused { code, message }),
            Ok(Answer {
                result: Some(result),
                ..
            }) if status == StatusCode::OK => Ok(result),
            _ if status != StatusCode::OK => Err(Unreachable::Status(status.as_u16()).into()),
            _ => Err(CallError::Unreadable),
        }
    }
}

/// A call's data, as the ABI has it: selector, digest, where the bytes begin, how many there are,
/// and the bytes, filled up to whole words.
fn is_valid_signature_call(digest: [u8; 32], signature: &[u8]) -> Vec<u8> {
    let word = |number: usize| {
        let mut word = [0; 32];
        word[24..].copy_from_slice(&(number as u64).to_be_bytes());
        word
    };
    let mut data = IS_VALID_SIGNATURE.to_vec();
    data.extend_from_slice(&digest);
    data.extend_from_slice(&word(2 * 32));
    data.extend_from_slice(&word(signature.len()));
    data.extend_from_slice(signature);
    data.resize(4 + (data.len() - 4).next_multiple_of(32), 0);
    data
}

/// The selector in the first bytes of a word.
fn good_answer() -> String {
    let mut word = [0; 32];
    word[..4].copy_from_slice(&IS_VALID_SIGNATURE);
    prefixed(&word)
}

fn prefixed(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_is_laid_out_in_words() {
        let data = is_valid_signature_call([0xdd; 32], &[0x55; 65]);
        assert_eq!(data.len(), 4 + 32 * (1 + 1 + 1 + 3));
        assert_eq!(data[..4], [0x16, 0x26, 0xba, 0x7e]);
        assert_eq!(data[4..36], [0xdd; 32]);
        assert_eq!(data[36 + 31], 0x40);
        assert_eq!(data[68 + 31], 65);
        assert_eq!(data[100..165], [0x55; 65]);
        assert!(data[165..].iter().all(|byte| *byte == 0));
        assert_eq!(is_valid_signature_call([0; 32], &[]).len(), 4 + 3 * 32);
    }
}
