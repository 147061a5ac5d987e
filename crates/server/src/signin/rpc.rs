//! An Ethereum node, asked over JSON-RPC.

pub mod contract;
pub mod error;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{self, Method, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tauline_protocol::object::Object;

use self::error::CallError;
use super::outgoing::{Party, Slot, Unreachable};
use super::secret::Secret;
use crate::telemetry::throttle::Throttle;

/// Accounts that the node is asked about at a time. At a fiftieth of a second each, that is
/// thousands a second.
const MAX_ACCOUNTS: usize = 64;
/// Contracts that run at a time. They are strangers' and may run for as long as the node lets them:
/// so few run that the node has time for everything else.
const MAX_CONTRACTS: usize = 8;
/// For how long the node's word on its chain is trusted: another node may come to answer at its
/// address.
const CHAIN_LASTS: Duration = Duration::from_secs(60);

/// A node. Its address is a secret: those of hosted nodes hold a key.
pub struct Node {
    url: Secret,
    /// The chain that it must follow.
    chain_id: u64,
    accounts: Party,
    contracts: Party,
    /// When it last said that it follows that chain; none if it could not be reached since.
    followed: Mutex<Option<Instant>>,
    other_chain: Throttle,
}

#[derive(Deserialize)]
struct Answer {
    result: Option<Value>,
    error: Option<Object<AnswerError>>,
}

#[derive(Deserialize)]
struct AnswerError {
    code: i64,
    message: String,
    data: Option<Value>,
}

impl Node {
    /// The node at a URL, which must follow a chain.
    ///
    /// # Errors
    /// When the system has no TLS to offer.
    pub fn new(url: Secret, chain_id: u64) -> Result<Self, reqwest::Error> {
        Ok(Self {
            url,
            chain_id,
            accounts: Party::new("Ethereum node, accounts", MAX_ACCOUNTS)?,
            contracts: Party::new("Ethereum node, contracts", MAX_CONTRACTS)?,
            followed: Mutex::default(),
            other_chain: Throttle::default(),
        })
    }

    /// Asks the node for its chain.
    ///
    /// # Errors
    /// [`CallError::OtherChain`], or when it could not be asked.
    pub async fn check_chain(&self) -> Result<(), CallError> {
        self.on_its_chain(&self.accounts.slot()?).await
    }

    /// Transactions that an account had sent up to and in a block: its nonce after it.
    ///
    /// # Errors
    /// When the node could not be asked, or does not keep the state of that block.
    pub async fn transaction_count(&self, address: [u8; 20], block: u64) -> Result<u64, CallError> {
        let slot = self.accounts.slot()?;
        self.on_its_chain(&slot).await?;
        let params = json!([prefixed(&address), format!("{block:#x}")]);
        self.number(&slot, "eth_getTransactionCount", params).await
    }

    /// Makes sure that the node follows the chain: before its first use, after it was not there,
    /// and now and then.
    async fn on_its_chain(&self, slot: &Slot<'_>) -> Result<(), CallError> {
        let followed = *self.followed();
        if followed.is_some_and(|at| at.elapsed() < CHAIN_LASTS) {
            return Ok(());
        }
        let asked = Instant::now();
        let chain = self.number(slot, "eth_chainId", json!([])).await?;
        if chain == self.chain_id {
            *self.followed() = Some(asked);
            return Ok(());
        }
        *self.followed() = None;
        if let Some(refused) = self.other_chain.count() {
            tracing::error!(
                refused,
                "the node of --eth-rpc-url follows chain {chain}, and --chain-id is {}: until it is right, nobody is looked up there",
                self.chain_id
            );
        }
        Err(CallError::OtherChain(chain))
    }

    fn followed(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn number(&self, slot: &Slot<'_>, method: &str, params: Value) -> Result<u64, CallError> {
        let result = self.call(slot, method, params).await?;
        let number = result.as_str().and_then(quantity);
        number.ok_or(CallError::Unreadable)
    }

    async fn call(&self, slot: &Slot<'_>, method: &str, params: Value) -> Result<Value, CallError> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let request = http::Request::builder()
            .method(Method::POST)
            .uri(self.url.reveal())
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_string().into_bytes())
            .map_err(|_| CallError::Unreadable)?;
        let answer = slot.send(request).await.inspect_err(|_| {
            // Who comes back may be another.
            *self.followed() = None;
        })?;
        // Some nodes send an error with a status that is one; its words are what is wanted.
        let status = answer.status();
        match serde_json::from_slice::<Object<Answer>>(answer.body()).map(Object::into_inner) {
            Ok(Answer {
                error: Some(error), ..
            }) => {
                let AnswerError {
                    code,
                    message,
                    data,
                } = error.into_inner();
                Err(CallError::Refused {
                    code,
                    message,
                    data,
                })
            }
            Ok(Answer {
                result: Some(result),
                ..
            }) if status == StatusCode::OK => Ok(result),
            _ if status != StatusCode::OK => {
                *self.followed() = None;
                Err(Unreachable::Status(status.as_u16()).into())
            }
            _ => Err(CallError::Unreadable),
        }
    }
}

/// A number as JSON-RPC has it: `0x` and hex digits without leading zeros.
/// (<https://ethereum.org/developers/docs/apis/json-rpc/#quantities-encoding>)
fn quantity(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x")?;
    let is_number = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let is_shortest = digits == "0" || !digits.starts_with('0');
    (is_number && is_shortest).then(|| u64::from_str_radix(digits, 16).ok())?
}

fn prefixed(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_hex_digits_behind_0x_and_nothing_else() {
        for (text, number) in [
            ("0x0", Some(0)),
            ("0x5", Some(5)),
            ("0xaF", Some(0xaf)),
            ("0xffffffffffffffff", Some(u64::MAX)),
            ("0x+5", None),
            ("0x-5", None),
            ("0x", None),
            ("0x05", None),
            ("0x 5", None),
            ("0x5_0", None),
            ("0X5", None),
            ("5", None),
            ("+0x5", None),
            ("0x0x5", None),
            ("0x10000000000000000", None),
        ] {
            assert_eq!(quantity(text), number, "{text}");
        }
    }
}
