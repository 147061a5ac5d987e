//! Whatever text arrives as a message to sign in with, reading it never panics, and what is accepted
//! says what stands in it. Whatever a client writes of its own address is never believed.

#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use tauline_protocol::login::LoginRequest;
use tauline_server::testing::addresses::client;
use tauline_server::testing::signin::eip4361;
use tauline_transcript::signature::eip55;

/// The network of the proxies that are trusted.
const TRUSTED: &str = "10.0.0.0/8";
const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

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

fn forwarded(bytes: &[u8]) {
    let ask = |peer, values: &[&[u8]]| client(TRUSTED, peer, values).expect("a network");
    // Nobody speaks for others who is not trusted.
    assert_eq!(ask(STRANGER, &[bytes]), STRANGER);
    // What the proxy writes comes last, in a header of its own or behind a comma.
    let own = STRANGER.to_string();
    assert_eq!(ask(PROXY, &[bytes, own.as_bytes()]), STRANGER);
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~');
    if bytes.iter().all(is_text) {
        let appended = [bytes, b", ", own.as_bytes()].concat();
        assert_eq!(ask(PROXY, &[&appended[..]]), STRANGER);
    }
    let said = ask(PROXY, &[bytes]);
    assert_eq!(said, said.to_canonical());
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        message(text);
    }
    if let Ok(LoginRequest::Siwe(proof)) = serde_json::from_slice(bytes) {
        message(&proof.message);
    }
    forwarded(bytes);
});
