//! Sign-in by Ethereum account: an EIP-4361 message, checked in all that it says.

use tauline_protocol::error::Code;
use tauline_protocol::login::SiweProof;
use tauline_queue_core::Timestamp;
use tauline_transcript::signature;
use time::OffsetDateTime;

use super::eip4361::{self, Message};
use super::nonce::Nonces;
use super::origin::Origin;
use crate::refused::Refused;

/// How far in the future a message may have been issued: clocks differ, by five minutes at most.
const CLOCK_ALLOWANCE_SECONDS: i64 = 300;

/// The statement in the messages of our own page.
const STATEMENT: &str = "I take part in this powers-of-tau ceremony.";

/// Bytes of a key's signature: r, s and v.
const KEY_SIGNATURE_LEN: usize = 65;

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

/// A message that says what it must. The signature tells whose it is.
pub struct Signed {
    /// The account that it names.
    pub address: [u8; 20],
    /// Its nonce.
    pub nonce: String,
    /// What is signed.
    pub digest: [u8; 32],
    /// The signature: 65 bytes by a key, any number by a contract.
    pub signature: Vec<u8>,
}

/// Reads a message and a signature, and checks what the message says, but not yet who signed it.
///
/// # Errors
/// The first thing that is wrong, in the order: form, domain, chain, time, nonce, form of the
/// signature.
pub fn read(proof: &SiweProof, expected: &Expected<'_>) -> Result<Signed, Refused> {
    let message = eip4361::parse(&proof.message).map_err(|error| {
        refuse(
            Code::LoginMalformedMessage,
            format!("this is no EIP-4361 message: {error}; sign its text exactly as the standard lays it out"),
        )
    })?;
    check_domain(&message, expected.origin)?;
    if message.chain_id != expected.chain_id.to_string() {
        return Err(refuse(
            Code::LoginWrongChain,
            format!(
                "the message names chain {}, this ceremony takes chain {}",
                message.chain_id, expected.chain_id
            ),
        ));
    }
    check_time(&message, expected.now)?;
    if !expected.nonces.is_good(message.nonce, expected.now) {
        return Err(unknown_nonce());
    }
    Ok(Signed {
        address: message.address,
        digest: signature::personal_message_digest(proof.message.as_bytes()),
        signature: read_signature(&proof.signature)?,
        nonce: message.nonce.to_owned(),
    })
}

impl Signed {
    /// Whether the account's key signed.
    #[must_use]
    pub fn is_by_key(&self) -> bool {
        <[u8; KEY_SIGNATURE_LEN]>::try_from(self.signature.as_slice()).is_ok_and(|signature| {
            signature::ecdsa_recover(&self.digest, &signature) == Some(self.address)
        })
    }
}

/// The message that our own page has a wallet sign; the account is still missing.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    /// Where the page is, which wallets compare.
    pub domain: &'a str,
    /// The same as a URI.
    pub uri: &'a str,
    /// The chain.
    pub chain_id: u64,
    /// The sign-in's.
    pub nonce: &'a str,
    /// Now.
    pub issued_at: Timestamp,
    /// When the nonce expires.
    pub expires_at: Timestamp,
}

impl Draft<'_> {
    /// The text for an account.
    #[must_use]
    pub fn text(&self, address: [u8; 20]) -> String {
        let Self {
            domain,
            uri,
            chain_id,
            nonce,
            issued_at,
            expires_at,
        } = self;
        format!(
            "{domain} wants you to sign in with your Ethereum account:\n{}\n\n{STATEMENT}\n\n\
             URI: {uri}\nVersion: 1\nChain ID: {chain_id}\nNonce: {nonce}\n\
             Issued At: {}\nExpiration Time: {}",
            signature::eip55(&address),
            date(*issued_at),
            date(*expires_at),
        )
    }
}

fn date(at: Timestamp) -> jiff::Timestamp {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX)
}

fn check_domain(message: &Message<'_>, origin: &Origin) -> Result<(), Refused> {
    let domain = message.domain;
    let is_scheme = message.scheme.is_none_or(|scheme| origin.is_scheme(scheme));
    if !is_scheme || !origin.is_domain(domain) {
        return Err(refuse(
            Code::LoginWrongDomain,
            format!(
                "the message is for {}, this coordinator is {}",
                match message.scheme {
                    Some(scheme) => format!("{scheme}://{domain}"),
                    None => domain.to_owned(),
                },
                origin.domain()
            ),
        ));
    }
    if !origin.holds(message.uri) {
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

fn check_time(message: &Message<'_>, now: Timestamp) -> Result<(), Refused> {
    let seconds = i64::try_from(now.as_millis() / 1000).unwrap_or(i64::MAX);
    let Ok(now) = OffsetDateTime::from_unix_timestamp(seconds) else {
        return Err(refuse(Code::Internal, "the coordinator's clock is wrong"));
    };
    if (message.issued_at - now).whole_seconds() > CLOCK_ALLOWANCE_SECONDS {
        return Err(refuse(
            Code::LoginExpired,
            "the message was issued in the future: set your clock, and sign a new one",
        ));
    }
    let has_begun = message.not_before.is_none_or(|begins| begins <= now);
    let is_over = message.expires_at.is_some_and(|ends| ends <= now);
    if !has_begun || is_over {
        return Err(refuse(
            Code::LoginExpired,
            "the message has expired or is not yet valid: sign a new one",
        ));
    }
    Ok(())
}

fn read_signature(text: &str) -> Result<Vec<u8>, Refused> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|_| invalid_signature())
}

/// The refusal of a signature.
#[must_use]
pub fn invalid_signature() -> Refused {
    refuse(
        Code::LoginInvalidSignature,
        "the signature is not by the address that the message names: send 0x and 130 hex digits, r, s and v \
         of a personal message, or what the account's contract takes for its signature where the coordinator can ask it",
    )
}

/// The refusal of a signature that the account's contract was asked about.
#[must_use]
pub fn refused_by_contract() -> Refused {
    refuse(
        Code::LoginInvalidSignature,
        "the account's contract does not take this signature for its own, or fails when it is asked; its message is used up: \
         begin again, and sign a new one",
    )
}

/// The refusal of a nonce.
#[must_use]
pub fn unknown_nonce() -> Refused {
    refuse(
        Code::LoginUnknownNonce,
        "the nonce is not this coordinator's, was used or is too old: begin again, with another from /login/nonce",
    )
}

fn refuse(code: Code, error: impl Into<String>) -> Refused {
    Refused::new(code, error)
}
