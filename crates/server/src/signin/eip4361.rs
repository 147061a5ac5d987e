//! The grammar of sign-in messages, exactly as EIP-4361 has it
//! (<https://eips.ethereum.org/EIPS/eip-4361>, "ABNF Message Format")
//! (`docs/spec/http-api.md#grammar`).
//!
//! Wallets warn of a message for another site than the one that asks for it, and only if they
//! recognise it. So a message that they do not recognise must sign nobody in, or a foreign page
//! could ask for it without a warning. Where the wallets' recognisers take less than the standard,
//! this takes as little: they want the capitals of EIP-55 for contracts as well, and misread some
//! hosts ([`is_read_by_wallets`]).

mod characters;

use std::iter::Peekable;
use std::str::Split;

use iri_string::types::UriStr;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use self::characters::{is_of, is_pchars, is_reserved, is_unreserved};
use super::account;

/// What stands behind the domain in the first line.
const PREAMBLE: &str = " wants you to sign in with your Ethereum account:";

/// What a message says, but for its statement, request id and resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// The scheme of whoever asks, if it is there.
    pub scheme: Option<&'a str>,
    /// Host and port of whoever asks.
    pub domain: &'a str,
    /// The account.
    pub address: [u8; 20],
    /// What is signed in to.
    pub uri: &'a UriStr,
    /// The chain, in decimal digits without leading zeros.
    pub chain_id: &'a str,
    /// At least eight letters and digits.
    pub nonce: &'a str,
    /// When the message was made.
    pub issued_at: OffsetDateTime,
    /// When it stops being in force.
    pub expires_at: Option<OffsetDateTime>,
    /// When it begins to be.
    pub not_before: Option<OffsetDateTime>,
}

/// The first place where a text is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} {problem}")]
pub struct Malformed {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Reads a message.
///
/// # Errors
/// The first line that is not as the standard has it.
pub fn parse(text: &str) -> Result<Message<'_>, Malformed> {
    let mut lines = Lines::of(text);
    let (scheme, domain) = lines.read(
        "must be the domain and \"wants you to sign in with your Ethereum account:\"",
        |line| authority(line.strip_suffix(PREAMBLE)?),
    )?;
    let address = lines.read(
        "must be the address: 0x and 40 hex digits, with the capitals of EIP-55",
        |line| {
            let address = account::address(line)?;
            (tauline_transcript::signature::eip55(&address) == line).then_some(address)
        },
    )?;
    statement(&mut lines)?;
    let uri = lines.read("must be \"URI: \" and a URI (RFC 3986)", |line| {
        UriStr::new(line.strip_prefix("URI: ")?).ok()
    })?;
    lines.read("must be \"Version: 1\"", |line| {
        (line == "Version: 1").then_some(())
    })?;
    let chain_id = lines.read("must be \"Chain ID: \" and a number", |line| {
        let digits = line.strip_prefix("Chain ID: ")?;
        let is_number = is_of(digits, |byte| byte.is_ascii_digit());
        is_number.then(|| match digits.trim_start_matches('0') {
            "" => "0",
            digits => digits,
        })
    })?;
    let nonce = lines.read(
        "must be \"Nonce: \" and at least eight letters and digits",
        |line| {
            let nonce = line.strip_prefix("Nonce: ")?;
            (nonce.len() >= 8 && is_of(nonce, |byte| byte.is_ascii_alphanumeric())).then_some(nonce)
        },
    )?;
    let issued_at = lines.read(
        "must be \"Issued At: \" and a time, such as 2026-09-21T14:13:20Z (RFC 3339)",
        |line| date_time(line.strip_prefix("Issued At: ")?),
    )?;
    const TIME: &str = "must have a time, such as 2026-09-21T14:13:20Z (RFC 3339)";
    let expires_at = lines.optional("Expiration Time: ", TIME, date_time)?;
    let not_before = lines.optional("Not Before: ", TIME, date_time)?;
    lines.optional(
        "Request ID: ",
        "must have a request id without spaces: letters, digits and -._~!$&'()*+,;=:@, others as %20",
        |id| is_pchars(id).then_some(()),
    )?;
    resources(&mut lines)?;
    end(&mut lines)?;
    Ok(Message {
        scheme,
        domain,
        address,
        uri,
        chain_id,
        nonce,
        issued_at,
        expires_at,
        not_before,
    })
}

/// The statement, between two empty lines; or two empty lines alone.
fn statement(lines: &mut Lines<'_>) -> Result<(), Malformed> {
    const BLANK: &str =
        "must be empty: there is an empty line above the statement and one below it";
    lines.read(BLANK, empty)?;
    if lines.peek() != Some("") {
        lines.read(
            "must be the statement: letters, digits, spaces and -._~:/?#[]@!$&'()*+,;= (no line break, quote, percent \
             sign, or character beyond ASCII)",
            |line| is_of(line, |byte| is_unreserved(byte) || is_reserved(byte) || byte == b' ').then_some(()),
        )?;
    }
    lines.read(BLANK, empty)
}

/// The resources, if there are any.
fn resources(lines: &mut Lines<'_>) -> Result<(), Malformed> {
    if lines.peek() == Some("Resources:") {
        lines.number += 1;
        lines.rest.next();
        while lines.peek().is_some() {
            lines.read(
                "must be a resource: \"- \" and a URI (RFC 3986) whose host is a name or one that wallets read",
                |line| {
                    let uri = UriStr::new(line.strip_prefix("- ")?).ok()?;
                    let parts = uri.authority_components();
                    parts.is_none_or(|parts| is_read_by_wallets(parts.host())).then_some(())
                },
            )?;
        }
    }
    Ok(())
}

/// Nothing after what a message may have.
fn end(lines: &mut Lines<'_>) -> Result<(), Malformed> {
    if lines.peek().is_some() {
        return Err(Malformed {
            line: lines.number + 1,
            problem: "does not belong there: after Issued At may come Expiration Time, Not Before, Request ID and Resources, \
                      in this order, and nothing else",
        });
    }
    Ok(())
}

/// Whether wallets recognise a host in a message. Their parser takes the first reading that fits a
/// part of the host, and never tries another. So it fails on four digits with dots between them and
/// more behind (`1.2.3.45`, `1.2.3.4.example.org`), and on IPv6 addresses that are shortened in the
/// middle.
#[must_use]
pub fn is_read_by_wallets(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        return !address.contains('.') && address.rfind("::").is_none_or(|at| at == 0);
    }
    let is_four_digits = host.len() > 7
        && host.bytes().take(7).enumerate().all(|(at, byte)| {
            if at % 2 == 0 {
                byte.is_ascii_digit()
            } else {
                byte == b'.'
            }
        });
    !is_four_digits
}

/// The lines of a message.
struct Lines<'a> {
    rest: Peekable<Split<'a, char>>,
    /// Of the line that was read last.
    number: usize,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            rest: text.split('\n').peekable(),
            number: 0,
        }
    }

    fn peek(&mut self) -> Option<&'a str> {
        self.rest.peek().copied()
    }

    /// The next line, as `read` understands it.
    fn read<T>(
        &mut self,
        problem: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, Malformed> {
        self.number += 1;
        let line = self.number;
        let read = self.rest.next().and_then(read);
        read.ok_or(Malformed { line, problem })
    }

    /// What stands behind a tag in the next line, if the next line begins with it.
    fn optional<T>(
        &mut self,
        tag: &str,
        problem: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<Option<T>, Malformed> {
        match self.peek().is_some_and(|line| line.starts_with(tag)) {
            true => self
                .read(problem, |line| read(line.strip_prefix(tag)?))
                .map(Some),
            false => Ok(None),
        }
    }
}

/// `[ scheme "://" ] authority`, of which the host is not empty.
fn authority(text: &str) -> Option<(Option<&str>, &str)> {
    let (scheme, domain) = match text.split_once("://") {
        Some((scheme, domain)) => (Some(scheme), domain),
        None => (None, text),
    };
    // A reader of URIs (RFC 3986) checks it. What does not belong into an authority would end it
    // early.
    let whole = format!("{}://{domain}", scheme.unwrap_or("x"));
    let uri = UriStr::new(&whole).ok()?;
    let is_whole = uri.authority_str() == Some(domain);
    (is_whole && !domain.is_empty()).then_some((scheme, domain))
}

/// RFC 3339's `date-time`, to the letter, of a day that the calendar has.
fn date_time(text: &str) -> Option<OffsetDateTime> {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let bytes = text.as_bytes();
    let (start, rest) = bytes.split_at_checked(FORM.len())?;
    let fits = |(byte, form): (&u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        form => byte.eq_ignore_ascii_case(form),
    };
    if !start.iter().zip(FORM).all(fits) {
        return None;
    }
    let zone = match rest.strip_prefix(b".") {
        Some(rest) => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            (digits > 0).then(|| &rest[digits..])?
        }
        None => rest,
    };
    let is_zone = match zone {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', zone @ ..] => zone.len() == 5 && zone.iter().zip(b"00:00").all(fits),
        _ => false,
    };
    if !is_zone {
        return None;
    }
    OffsetDateTime::parse(&text.to_ascii_uppercase(), &Rfc3339).ok()
}

fn empty(line: &str) -> Option<()> {
    line.is_empty().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "localhost:3000 wants you to sign in with your Ethereum account:\n\
        0x6Da01670d8fc844e736095918bbE11fE8D564163\n\nTake part.\n\n\
        URI: http://localhost:3000/login\nVersion: 1\nChain ID: 1\nNonce: kEWepMt9knR6lWJ6A\n\
        Issued At: 2021-12-07T18:28:18.807Z";

    #[test]
    fn a_message_says_what_it_says() {
        let more = "\nExpiration Time: 2021-12-08T00:00:00+02:00\nNot Before: 2021-12-07t00:00:00z\n\
                    Request ID: a%20b\nResources:\n- https://example.org/a?b#c\n- urn:x";
        let text = format!("https://{GOOD}{more}").replace("Chain ID: 1", "Chain ID: 0010");
        let message = parse(&text).unwrap();
        assert_eq!(message.scheme, Some("https"));
        assert_eq!(message.domain, "localhost:3000");
        assert_eq!(message.address[..2], [0x6d, 0xa0]);
        assert_eq!(message.uri.as_str(), "http://localhost:3000/login");
        assert_eq!(message.chain_id, "10");
        assert_eq!(message.nonce, "kEWepMt9knR6lWJ6A");
        assert_eq!(message.issued_at.unix_timestamp(), 1_638_901_698);
        assert_eq!(message.expires_at.unwrap().unix_timestamp(), 1_638_914_400);
        assert_eq!(message.not_before.unwrap().unix_timestamp(), 1_638_835_200);
    }

    #[test]
    fn each_line_has_its_own_refusal() {
        assert!(parse(GOOD).is_ok());
        let lines: Vec<&str> = GOOD.split('\n').collect();
        for number in 0..lines.len() {
            for spoiled in ["\t", "é", "\"", "\\", "%", "\0", "\r", " \u{a0}"] {
                let mut lines = lines.clone();
                let line = format!("{}{spoiled}", lines[number]);
                lines[number] = &line;
                let error = parse(&lines.join("\n")).unwrap_err();
                assert_eq!(error.line, number + 1, "{spoiled:?}: {error}");
            }
        }
        for (more, line) in [
            ("\n", 11),
            ("\nnot before: 2021-12-07T18:28:18Z", 11),
            ("\nRequest ID: a b", 11),
            ("\nRequest ID: 100%", 11),
            ("\nRequest ID: x\nNot Before: 2021-12-07T18:28:18Z", 12),
            (
                "\nResources:\n- https://example.org/\nhttps://example.org/",
                13,
            ),
            ("\nResources:\n- ", 12),
            ("\nResources:\n- /path", 12),
            ("\nResources:\n- http://1.2.3.45/", 12),
            ("\nResources:\n- http://[2001:db8::1]/", 12),
        ] {
            assert_eq!(
                parse(&format!("{GOOD}{more}")).unwrap_err().line,
                line,
                "{more}"
            );
        }
    }

    #[test]
    fn a_time_is_a_date_with_a_t_a_zone_and_a_day_of_the_calendar() {
        for good in [
            "2021-12-07T18:28:18Z",
            "2021-12-07t18:28:18z",
            "2021-12-07T18:28:18.123456789012Z",
            "2021-12-07T18:28:18-00:00",
            "2021-12-07T18:28:18.1+23:59",
            "2024-02-29T00:00:00Z",
        ] {
            assert!(date_time(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "2021-12-07",
            "2021-12-07 18:28:18Z",
            "2021-12-07_18:28:18Z",
            "2021-12-07T18:28:18",
            "2021-12-07T18:28:18.Z",
            "2021-12-07T18:28:18,5Z",
            "2021-12-07T18:28:18+0200",
            "2021-12-07T18:28:18+02",
            "2021-12-07T18:28Z",
            "+2021-12-07T18:28:18Z",
            "2021-12-07T18:28:18ZZ",
            "2021-02-29T00:00:00Z",
            "2021-13-01T00:00:00Z",
            "2021-12-07T25:00:00Z",
            "2021-12-07T18:28:18Z ",
        ] {
            assert_eq!(date_time(bad), None, "{bad}");
        }
    }
}
