//! Why the node gave no result, and whose fault that is.

use serde_json::Value;
use tauline_protocol::error::Code;

use crate::refused::Refused;
use crate::signin::outgoing::{Busy, Unreachable, cut};

/// Error codes of a call that failed in the contract: reverted (geth, and others after it), and
/// Nethermind's for all failures.
const FAILED_IN_CONTRACT: [i64; 2] = [3, -32_015];
/// Words of nodes (geth, Erigon, Nethermind, Besu, Reth, Anvil, Ganache) for a contract that fails,
/// or that they end because it takes too long. Anything else is the node's own trouble.
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

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// All slots are taken.
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
    /// Whether the contract failed, and not the node.
    pub(super) fn is_the_contracts_fault(&self) -> bool {
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
            // The node's own module says it in the log, and seldom.
            CallError::OtherChain(_) => Self::new(
                Code::LoginProviderMisbehaved,
                "the Ethereum node that knows about accounts follows another chain: tell the operator",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contract_that_fails_is_told_from_a_node_that_does() {
        let fails = |code: i64, message: &str, data: Option<&str>| {
            CallError::Refused {
                code,
                message: message.to_owned(),
                data: data.map(|text| Value::String(text.to_owned())),
            }
            .is_the_contracts_fault()
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
