//! Sign-in by Ethereum key: an EIP-4361 message, checked in all that it says.

use siwe::Message;
use tauline_protocol::Identity;
use tauline_protocol::error::Code;
use tauline_protocol::login::SiweProof;
use tauline_queue_core::Timestamp;
use tauline_transcript::signature;
use time::OffsetDateTime;

use super::nonce::Nonces;
use super::origin::Origin;
use crate::coordinator::Refused;

/// How far in the future a message may have been issued: clocks differ, by five minutes at most.
const CLOCK_ALLOWANCE_SECONDS: i64 = 300;

/// What a sign-in message must say.
pub struct Expected<'a> {
    /// The domain and the URI are this coordinator's.
    pub origin: &'a Origin,
    /// The chain.
    pub chain_id: u64,
    /// The nonce is one of these.
    pub nonces: &'a Nonces,
    /// The message is in force now.
    pub now: Timestamp,
}

/// The identity that a message and its signature prove. Uses the nonce up, but only when all
/// else is right.
///
/// # Errors
/// The first thing that is wrong, in the order: form, domain, chain, time, nonce, signature.
pub fn verify(proof: &SiweProof, expected: &Expected<'_>) -> Result<Identity, Refused> {
    let message: Message = proof.message.parse().map_err(|error| {
        refuse(
            Code::LoginMalformedMessage,
            format!("this is no EIP-4361 message: {error}; sign its text exactly as the standard lays it out"),
        )
    })?;
    // The parser passes over some of the text; what was signed must be what was understood.
    if message.to_string() != proof.message {
        return Err(refuse(
            Code::LoginMalformedMessage,
            "the message is not laid out as EIP-4361 has it: mind blank lines and the line's end",
        ));
    }
    check_domain(&message, expected.origin)?;
    if message.chain_id != expected.chain_id {
        return Err(refuse(
            Code::LoginWrongChain,
            format!(
                "the message names chain {}, this ceremony takes chain {}",
                message.chain_id, expected.chain_id
            ),
        ));
    }
    check_time(&message, expected.now)?;
    if !expected.nonces.is_good(&message.nonce, expected.now) {
        return Err(unknown_nonce());
    }
    let signature = read_signature(&proof.signature)?;
    let digest = signature::personal_message_digest(proof.message.as_bytes());
    if signature::ecdsa_recover(&digest, &signature) != Some(message.address) {
        return Err(refuse(
            Code::LoginInvalidSignature,
            "the signature is not by the address that the message names",
        ));
    }
    // Of two requests with one message the first wins.
    if !expected.nonces.take(&message.nonce, expected.now) {
        return Err(unknown_nonce());
    }
    Ok(Identity::eth(message.address))
}

fn check_domain(message: &Message, origin: &Origin) -> Result<(), Refused> {
    let domain = message.domain.as_str();
    if !origin.is_domain(domain) {
        return Err(refuse(
            Code::LoginWrongDomain,
            format!(
                "the message is for {domain}, this coordinator is {}",
                origin.domain()
            ),
        ));
    }
    if !origin.holds(message.uri.as_str()) {
        return Err(refuse(
            Code::LoginWrongDomain,
            format!(
                "the message's URI is {}, this coordinator's is {}",
                message.uri,
                origin.uri()
            ),
        ));
    }
    Ok(())
}

fn check_time(message: &Message, now: Timestamp) -> Result<(), Refused> {
    let seconds = i64::try_from(now.as_millis() / 1000).unwrap_or(i64::MAX);
    let Ok(now) = OffsetDateTime::from_unix_timestamp(seconds) else {
        return Err(refuse(Code::Internal, "the coordinator's clock is wrong"));
    };
    let issued: &OffsetDateTime = message.issued_at.as_ref();
    if (*issued - now).whole_seconds() > CLOCK_ALLOWANCE_SECONDS {
        return Err(refuse(
            Code::LoginExpired,
            "the message was issued in the future: set your clock, and sign a new one",
        ));
    }
    if !message.valid_at(&now) {
        return Err(refuse(
            Code::LoginExpired,
            "the message has expired or is not yet valid: sign a new one",
        ));
    }
    Ok(())
}

fn read_signature(text: &str) -> Result<[u8; 65], Refused> {
    let mut bytes = [0; 65];
    let digits = text.strip_prefix("0x").unwrap_or(text);
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| {
        refuse(
            Code::LoginInvalidSignature,
            "the signature must be 0x and 130 hex digits: r, s and v of a personal message",
        )
    })?;
    Ok(bytes)
}

fn unknown_nonce() -> Refused {
    refuse(
        Code::LoginUnknownNonce,
        "the nonce is not this coordinator's, was used or is too old: get another from /login/nonce",
    )
}

fn refuse(code: Code, error: impl Into<String>) -> Refused {
    Refused {
        code,
        error: error.into(),
    }
}
