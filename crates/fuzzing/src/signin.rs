//! Whatever text arrives as a message to sign in with, reading it never panics, and what is accepted
//! says what stands in it.

use tauline_protocol::login::LoginRequest;
use tauline_transcript::signature::eip55;

use self::signin::eip4361;

/// The reader alone: under a fuzzer the server around it takes minutes to build.
#[allow(
    dead_code,
    unreachable_pub,
    clippy::module_inception,
    clippy::unwrap_used
)]
#[path = "../../server/src/signin"]
mod signin {
    pub mod account;
    pub mod eip4361;
}

fn message(text: &str) {
    let Ok(message) = eip4361::parse(text) else {
        return;
    };
    let address = eip55(&message.address);
    let (domain, uri) = (message.domain, message.uri.as_str());
    for said in [
        address.as_str(),
        domain,
        uri,
        message.chain_id,
        message.nonce,
    ] {
        assert!(text.contains(said), "{said:?}");
    }
    assert!(!domain.contains(['/', '\n']));
    assert!(message.nonce.len() >= 8);
    // Nothing may follow, not even an empty line.
    let longer = format!("{text}\n");
    assert!(eip4361::parse(&longer).is_err());
}

/// Takes the bytes for a message to sign in with, and for a request that holds one.
///
/// # Panics
/// When a message was accepted that does not say what was read of it.
pub fn check(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        message(text);
    }
    if let Ok(LoginRequest::Siwe(proof)) = serde_json::from_slice(bytes) {
        message(&proof.message);
    }
}
