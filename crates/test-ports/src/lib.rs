//! Ports on which tests have programs listen, for as long as the test lasts.
//!
//! A port that the system chose (port 0) is a listener's own while it listens. Once it is closed, so that a
//! program may listen there instead, anybody may get the same port: another listener that asks for port 0,
//! or a connection that somebody makes. So a test that must name a port before its program listens, or that
//! starts its program again at the same address, takes one from here: from below those that systems choose
//! themselves (from 32,768 on by Linux, from 49,152 on by RFC 6335), and each once in a process.

#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where the ports begin.
const FIRST: u16 = 20_000;

/// How many there are.
const COUNT: u16 = 12_000;

/// How far apart processes begin that were started one after the other: a prime, so that they come back to
/// the same port late.
const APART: u32 = 97;

/// Ports that this process has looked at.
static LOOKED_AT: AtomicU32 = AtomicU32::new(0);

/// A port of `127.0.0.1` on which nobody listens. No other call in this process returns it.
///
/// # Panics
/// When there is none left.
#[must_use]
pub fn free_port() -> u16 {
    let begin = std::process::id().wrapping_mul(APART) % u32::from(COUNT);
    loop {
        let looked_at = LOOKED_AT.fetch_add(1, Ordering::Relaxed);
        assert!(looked_at < u32::from(COUNT), "all ports are taken");
        let offset = (begin + looked_at) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset).unwrap_or(0);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// An address on which nobody listens: [`free_port`] of `127.0.0.1`.
///
/// # Panics
/// As [`free_port`].
#[must_use]
pub fn free_address() -> String {
    format!("127.0.0.1:{}", free_port())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice_nor_where_somebody_listens() {
        let mut listeners = Vec::new();
        let mut ports = HashSet::new();
        for round in 0..200 {
            let port = free_port();
            assert!(ports.insert(port), "{port} twice");
            assert!((FIRST..FIRST + COUNT).contains(&port), "{port}");
            // On every second one somebody listens, and on the next one, too.
            if round % 2 == 0 {
                listeners.push(TcpListener::bind(("127.0.0.1", port)).unwrap());
                if let Ok(next) = TcpListener::bind(("127.0.0.1", port + 1)) {
                    ports.insert(port + 1);
                    listeners.push(next);
                }
            }
        }
    }
}
