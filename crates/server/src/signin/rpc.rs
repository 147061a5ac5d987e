//! An Ethereum node, asked over JSON-RPC.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use axum::http::{self, Method, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tauline_protocol::error::Code;
use tauline_protocol::object::Object;

use super::outgoing::{Busy, Party, Slot, Unreachable, cut};
use super::secret::Secret;
use crate::refused::Refused;
use crate::telemetry::throttle::Throttle;

/// Accounts that the node is asked about at a time: at a fiftieth of a second each, thousands a second.
const ACCOUNTS_AT_ONCE: usize = 64;
/// Contracts that run at a time. Each may run for as long as the node lets it: few, so that those of strangers do
/// not keep the node from anything else.
const CONTRACTS_AT_ONCE: usize = 8;
/// How long the node's chain is taken to be the one that it said. It may be exchanged behind its address.
const CHAIN_LASTS: Duration = Duration::from_secs(60);

/// First bytes of a call of `isValidSignature(bytes32,bytes)`, and of its answer when the
/// signature is good (EIP-1271) (`docs/spec/http-api.md#contract-wallets`).
const IS_VALID_SIGNATURE: [u8; 4] = [0x16, 0x26, 0xba, 0x7e];

/// Error codes of a call that failed in the contract: reverted (geth, and others after it), and
/// Nethermind's for all failures.
const FAILED_IN_CONTRACT: [i64; 2] = [3, -32_015];
/// Words of nodes (geth, Erigon, Nethermind, Besu, Reth, Anvil, Ganache) for a contract that fails, or
/// that they end for taking too long. All else is the node's own trouble.
const CONTRACTS_FAULTS: [&str; 19] = [
    "revert",
    "out of gas",
    "outofgas",
    "gas required exceeds",
    "gas uint64 overflow",
    "opcode",
    "badinstruction",
    "bad instruction",
    "invalid jump",
    "invalidjump",
    "stack underflow",
    "stackunderflow",
    "stack overflow",
    "stack limit",
    "write protection",
    "return data out of bounds",
    "vm exception",
    "execution aborted",
    "evm error",
];

/// A node. Its address is a secret: those of hosted nodes hold a key.
pub struct Node {
    url: Secret,
    /// The chain that it must follow.
    chain_id: u64,
    accounts: Party,
    contracts: Party,
    /// When it last said that it follows that chain, unless it was not there since.
    followed: Mutex<Option<Instant>>,
    strayed: Throttle,
}

/// Leave to run one contract.
pub struct Run<'a> {
    node: &'a Node,
    slot: Slot<'a>,
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// As many are asked about as may be.
    #[error("all slots are taken")]
    Busy,
    /// The node could not be asked.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The node refused.
    #[error("the node answered with error {code}: {}", cut(message))]
    Refused {
        /// JSON-RPC's code.
        code: i64,
        /// The node's words.
        message: String,
        /// More of them, if there are any.
        data: Option<Value>,
    },
    /// The node answered something else than was asked.
    #[error("the node's answer is not readable")]
    Unreadable,
    /// The node follows another chain.
    #[error("the node follows chain {0}")]
    OtherChain(u64),
    /// A contract ran for longer than there is time.
    #[error("the contract gave no answer in time")]
    ContractLate,
}

impl CallError {
    /// Whether it is the contract, not the node, that failed.
    fn is_the_contracts(&self) -> bool {
        let Self::Refused {
            code,
            message,
            data,
        } = self
        else {
            return false;
        };
        let data = data.as_ref().and_then(Value::as_str).unwrap_or_default();
        let words = format!("{message} {data}").to_ascii_lowercase();
        FAILED_IN_CONTRACT.contains(code)
            || CONTRACTS_FAULTS.iter().any(|fault| words.contains(fault))
    }
}

impl From<Busy> for CallError {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

impl From<CallError> for Refused {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Busy => Busy.into(),
            CallError::Unreachable(_) | CallError::Refused { .. } => {
                tracing::warn!(%error, "the Ethereum node could not be asked");
                Self::new(
                    Code::LoginProviderUnreachable,
                    "the Ethereum node that knows about accounts could not be asked: sign in again in a minute",
                )
            }
            CallError::Unreadable => {
                tracing::warn!(%error, "the Ethereum node is of no use");
                Self::new(
                    Code::LoginProviderMisbehaved,
                    "the Ethereum node that knows about accounts gave no answer that can be read: tell the operator",
                )
            }
            CallError::ContractLate => Self::new(
                Code::LoginProviderUnreachable,
                "the account's contract gave no answer in time; its message is used up: begin again, and sign a new one",
            ),
            // Told by the node, and seldom.
            CallError::OtherChain(_) => Self::new(
                Code::LoginProviderMisbehaved,
                "the Ethereum node that knows about accounts follows another chain: tell the operator",
            ),
        }
    }
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
            accounts: Party::new("Ethereum node, accounts", ACCOUNTS_AT_ONCE)?,
            contracts: Party::new("Ethereum node, contracts", CONTRACTS_AT_ONCE)?,
            followed: Mutex::default(),
            strayed: Throttle::default(),
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

    /// Leave to run a contract, if no others run.
    ///
    /// # Errors
    /// [`CallError::Busy`].
    pub fn run(&self) -> Result<Run<'_>, CallError> {
        Ok(Run {
            node: self,
            slot: self.contracts.slot()?,
        })
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
        if let Some(refused) = self.strayed.count() {
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

impl Run<'_> {
    /// Whether the contract at an address takes the signature for its own (EIP-1271). An account
    /// without code takes none, nor does a contract that fails.
    ///
    /// # Errors
    /// When the node could not be asked.
    pub async fn is_valid_signature(
        self,
        contract: [u8; 20],
        digest: [u8; 32],
        signature: &[u8],
    ) -> Result<bool, CallError> {
        let Self { node, slot } = self;
        node.on_its_chain(&slot).await?;
        let data = prefixed(&is_valid_signature_call(digest, signature));
        let params = json!([{"to": prefixed(&contract), "data": data}, "latest"]);
        match node.call(&slot, "eth_call", params).await {
            Ok(Value::String(word)) => {
                let bytes = word
                    .strip_prefix("0x")
                    .and_then(|hex| hex::decode(hex).ok());
                let bytes = bytes.ok_or(CallError::Unreadable)?;
                Ok(bytes == good_answer())
            }
            Ok(_) => Err(CallError::Unreadable),
            Err(error) if error.is_the_contracts() => {
                tracing::debug!(%error, "a contract failed");
                Ok(false)
            }
            Err(CallError::Unreachable(Unreachable::Late)) => Err(CallError::ContractLate),
            Err(error) => Err(error),
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
fn good_answer() -> [u8; 32] {
    let mut word = [0; 32];
    word[..4].copy_from_slice(&IS_VALID_SIGNATURE);
    word
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

    #[test]
    fn a_contract_that_fails_is_told_from_a_node_that_does() {
        let fails = |code: i64, message: &str, data: Option<&str>| {
            CallError::Refused {
                code,
                message: message.to_owned(),
                data: data.map(|text| Value::String(text.to_owned())),
            }
            .is_the_contracts()
        };
        for (code, message, data) in [
            (3, "execution reverted: no", Some("0x08c379a0")),
            (-32_000, "execution reverted", None),
            (-32_000, "out of gas", None),
            (
                -32_000,
                "out of gas: gas required exceeds allowance (50000000)",
                None,
            ),
            (-32_000, "invalid opcode: INVALID", None),
            (-32_000, "invalid opcode: opcode 0xfe not defined", None),
            (-32_000, "stack underflow (0 <=> 2)", None),
            (-32_000, "stack limit reached 1024 (1023)", None),
            (-32_000, "invalid jump destination", None),
            (-32_000, "write protection", None),
            (-32_000, "execution aborted (timeout = 5s)", None),
            (-32_015, "VM execution error.", Some("OutOfGas")),
            (-32_000, "VM execution error", Some("BadInstruction")),
            (
                -32_000,
                "VM Exception while processing transaction: out of gas",
                None,
            ),
            (-32_003, "EVM error: InvalidFEOpcode", None),
        ] {
            assert!(fails(code, message, data), "{message}");
        }
        for (code, message, data) in [
            (-32_000, "header not found", None),
            (-32_000, "missing trie node 01", None),
            (
                -32_005,
                "daily request count exceeded, request rate limited",
                None,
            ),
            (-32_601, "the method eth_call does not exist", None),
            (-32_603, "Internal error", None),
            (429, "Too Many Requests", Some("see https://example.org")),
        ] {
            assert!(!fails(code, message, data), "{message}");
        }
    }
}
