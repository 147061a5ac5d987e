//! Which messages sign in, beside which ones a wallet recognises (`tests/node/recognise.mjs`: what MetaMask runs on
//! every message that it is asked to sign). A message that wallets do not recognise must sign nobody in:
//! they would not warn of a foreign page that asks for it.

use std::io::Write as _;
use std::process::Stdio;

use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use tauline_protocol::error::Code;
use tauline_server::testing::signin::eip4361;

use crate::common::{Client, TestServer};
use crate::node::program;

const ADDRESS: &str = "0x6Da01670d8fc844e736095918bbE11fE8D564163";

/// The parts of a message, each as it is written.
#[derive(Clone)]
struct Parts {
    domain: String,
    address: String,
    /// With its line break.
    statement: String,
    uri: String,
    version: String,
    chain_id: String,
    nonce: String,
    issued_at: String,
    more: String,
}

impl Parts {
    fn good() -> Self {
        Self {
            domain: "ceremony.example.org".to_owned(),
            address: ADDRESS.to_owned(),
            statement: "Take part.\n".to_owned(),
            uri: "https://ceremony.example.org/login".to_owned(),
            version: "1".to_owned(),
            chain_id: "1".to_owned(),
            nonce: "kEWepMt9knR6lWJ6A".to_owned(),
            issued_at: "2026-09-21T14:13:20Z".to_owned(),
            more: String::new(),
        }
    }

    fn text(&self) -> String {
        let Self {
            domain,
            address,
            statement,
            uri,
            version,
            chain_id,
            nonce,
            issued_at,
            more,
        } = self;
        format!(
            "{domain} wants you to sign in with your Ethereum account:\n{address}\n\n{statement}\n\
             URI: {uri}\nVersion: {version}\nChain ID: {chain_id}\nNonce: {nonce}\nIssued At: {issued_at}{more}"
        )
    }

    fn with(change: impl FnOnce(&mut Self)) -> String {
        let mut parts = Self::good();
        change(&mut parts);
        parts.text()
    }
}

/// What a wallet says of each; `None` where it cannot be asked.
fn recognised(messages: &[String]) -> Option<Vec<bool>> {
    let mut child = program("recognise.mjs")?
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(&serde_json::to_vec(messages).unwrap())
        .unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// What the standard has, and wallets recognise.
fn accepted() -> Vec<String> {
    let statement = |text: &str| Parts::with(|parts| parts.statement = format!("{text}\n"));
    let domain = |text: &str| Parts::with(|parts| parts.domain = text.to_owned());
    let uri = |text: &str| Parts::with(|parts| parts.uri = text.to_owned());
    let time = |text: &str| Parts::with(|parts| parts.issued_at = text.to_owned());
    let more = |text: &str| Parts::with(|parts| parts.more = format!("\n{text}"));
    vec![
        Parts::good().text(),
        Parts::with(|parts| parts.statement = String::new()),
        statement(" "),
        statement("URI: https://evil.example/"),
        statement("AZaz09 -._~ :/?#[]@ !$&'()*+,;="),
        domain("https://ceremony.example.org"),
        domain("localhost"),
        domain("localhost:3000"),
        domain("127.0.0.1:3000"),
        domain("[::1]:3000"),
        domain("CEREMONY.example.org:443"),
        domain("user@ceremony.example.org"),
        uri("https://ceremony.example.org"),
        uri("HTTPS://ceremony.example.org/a%20b/?c=d&e=(f)#g"),
        uri("urn:ceremony"),
        Parts::with(|parts| parts.chain_id = "0".to_owned()),
        Parts::with(|parts| parts.chain_id = "001".to_owned()),
        Parts::with(|parts| parts.chain_id = "9".repeat(40)),
        Parts::with(|parts| parts.nonce = "12345678".to_owned()),
        time("2026-09-21t14:13:20z"),
        time("2026-09-21T14:13:20.1Z"),
        time("2026-09-21T14:13:20.123456789012345Z"),
        time("2026-09-21T14:13:20+02:00"),
        time("2026-09-21T14:13:20-00:00"),
        time("2028-02-29T23:59:59Z"),
        more("Expiration Time: 2026-09-22T14:13:20Z"),
        more("Not Before: 2026-09-20T14:13:20Z"),
        more("Request ID: "),
        more("Request ID: a%20b-._~!$&'()*+,;=:@"),
        more("Resources:"),
        more("Resources:\n- https://example.org/a?b#c\n- urn:x\n- ipfs://bafy/\n- did:example:1"),
        more("Resources:\n- http://127.0.0.1/\n- http://[::1]/\n- http://10.20.30.40/"),
        more(
            "Expiration Time: 2026-09-22T14:13:20Z\nNot Before: 2026-09-20T14:13:20Z\nRequest ID: x\nResources:\n- urn:x",
        ),
    ]
}

/// What neither has.
fn refused() -> Vec<String> {
    let good = Parts::good().text();
    let mut messages = vec![String::new(), "sign me in".to_owned()];
    let foreign = [
        "é",
        "%",
        "100%",
        "\"quoted\"",
        "<b>",
        "a\\b",
        "^",
        "`",
        "{x}",
        "a|b",
        "\u{202e}",
        "\u{feff}",
        "\u{200b}",
        "ı",
        "日本",
        "\t",
        "\0",
        "\u{7}",
        "\u{1b}[31m",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "\r",
        "a\u{b}b",
        "\u{c}",
    ];
    for text in foreign {
        let texts = [
            text.to_owned(),
            format!("Take {text} part."),
            format!("Take part.{text}"),
        ];
        for text in texts {
            messages.push(Parts::with(|parts| parts.statement = format!("{text}\n")));
        }
        messages.push(Parts::with(|parts| {
            parts.more = format!("\nRequest ID: x{text}")
        }));
        messages.push(Parts::with(|parts| {
            parts.more = format!("\nResources:\n- https://example.org/{text}")
        }));
        messages.push(Parts::with(|parts| parts.uri.push_str(text)));
        messages.push(Parts::with(|parts| parts.nonce.push_str(text)));
        messages.push(Parts::with(|parts| parts.chain_id.push_str(text)));
        messages.push(Parts::with(|parts| parts.issued_at.push_str(text)));
        messages.push(Parts::with(|parts| parts.domain.push_str(text)));
    }
    for id in ["a b", " ", "a/b", "a?b", "a#b", "[a]", "%2", "%zz", "a\tb"] {
        messages.push(Parts::with(|parts| {
            parts.more = format!("\nRequest ID: {id}")
        }));
    }
    for time in [
        "",
        "2026-09-21",
        "2026-09-21 14:13:20Z",
        "2026-09-21_14:13:20Z",
        "2026-09-21T14:13:20",
        "2026-09-21T14:13Z",
        "2026-09-21T14:13:20.Z",
        "2026-09-21T14:13:20,5Z",
        "2026-09-21T14:13:20+0200",
        "2026-09-21T14:13:20+02",
        "20260921T141320Z",
        "+2026-09-21T14:13:20Z",
        "2026-9-21T14:13:20Z",
        "1790000000",
        "Mon, 21 Sep 2026 14:13:20 GMT",
    ] {
        messages.push(Parts::with(|parts| parts.issued_at = time.to_owned()));
        messages.push(Parts::with(|parts| {
            parts.more = format!("\nExpiration Time: {time}")
        }));
        messages.push(Parts::with(|parts| {
            parts.more = format!("\nNot Before: {time}")
        }));
    }
    for chain_id in ["", "+1", "-1", "1.0", "0x1", "1 ", " 1", "one", "1_0", "١"] {
        messages.push(Parts::with(|parts| parts.chain_id = chain_id.to_owned()));
    }
    for nonce in ["", "1234567", "1234-5678", "12345678 "] {
        messages.push(Parts::with(|parts| parts.nonce = nonce.to_owned()));
    }
    for version in ["", "2", "1.0", "01", "+1", "1 "] {
        messages.push(Parts::with(|parts| parts.version = version.to_owned()));
    }
    for uri in [
        "",
        "/login",
        "ceremony.example.org/",
        "https://a b/",
        "https://[::1",
        "https://x/%",
        "https://x/<>",
    ] {
        messages.push(Parts::with(|parts| parts.uri = uri.to_owned()));
        messages.push(Parts::with(|parts| {
            parts.more = format!("\nResources:\n- {uri}")
        }));
    }
    for domain in [
        "",
        " ",
        "a b",
        "a/b",
        "a?b",
        "a#b",
        "1https://a",
        "https:/a",
        "[::1",
        "a:b:c:d@e@f",
        "a:3000x",
    ] {
        messages.push(Parts::with(|parts| parts.domain = domain.to_owned()));
    }
    let digits = &ADDRESS[2..];
    for address in [
        ADDRESS.to_lowercase(),
        ADDRESS.to_uppercase(),
        format!("0X{digits}"),
        digits.to_owned(),
        ADDRESS[..41].to_owned(),
        format!("{ADDRESS}0"),
        format!("{ADDRESS} "),
        format!("0x+{}", &digits[1..]),
    ] {
        messages.push(Parts::with(|parts| parts.address = address));
    }
    for more in [
        "\n",
        " ",
        "\n\n",
        "\nresources:",
        "\nResources: ",
        "\nResources:\n",
        "\nResources:\n-https://example.org/",
        "\nResources:\n* https://example.org/",
        "\nResources:\n- urn:x\n",
        "\nResources:\n- urn:x\nRequest ID: x",
        "\nRequest ID: x\nRequest ID: x",
        "\nRequest ID: x\nNot Before: 2026-09-20T14:13:20Z",
        "\nNot Before: 2026-09-20T14:13:20Z\nExpiration Time: 2026-09-22T14:13:20Z",
        "\nExtra: words",
        "\nrequest id: x",
    ] {
        messages.push(format!("{good}{more}"));
    }
    messages.extend([
        format!("\n{good}"),
        format!(" {good}"),
        format!("\u{feff}{good}"),
        good.replace('\n', "\r\n"),
        good.replace(" wants you", "  wants you"),
        good.replace("wants you", "Wants you"),
        good.replace("account:", "account"),
        good.replace("\n\nURI", "\nURI"),
        good.replace("\n\nURI", "\n\n\nURI"),
        good.replace("\n\nTake", "\nTake"),
        good.replace("\n\nTake", "\nhidden words\nTake"),
        good.replace("Take part.", "Take\npart."),
        good.replace("URI: ", "uri: "),
        good.replace("Nonce: ", "Nonce:"),
        good.replace("Nonce: ", "Nonce: 1\nNonce: "),
        good.replace("Chain ID: 1\n", ""),
    ]);
    messages
}

/// What the standard's grammar has, and is refused all the same: what no calendar has, and resources whose host
/// wallets misread.
fn stricter() -> Vec<(String, bool)> {
    let time = |text: &str| Parts::with(|parts| parts.issued_at = text.to_owned());
    let resource = |text: &str| Parts::with(|parts| parts.more = format!("\nResources:\n- {text}"));
    vec![
        (time("2026-02-30T14:13:20Z"), true),
        (time("2026-13-01T14:13:20Z"), true),
        (time("2026-09-21T25:13:20Z"), true),
        (time("2026-09-21T14:13:20+99:00"), true),
        (resource("http://1.2.3.45/"), false),
        (resource("http://1.2.3.4.example.org/"), false),
        (resource("http://[2001:db8::1]/"), false),
    ]
}

#[test]
fn what_is_accepted_a_wallet_recognises_and_what_is_not_it_does_not() {
    let (accepted, refused) = (accepted(), refused());
    for message in &accepted {
        if let Err(error) = eip4361::parse(message) {
            panic!("{error}:\n{message}");
        }
    }
    for message in &refused {
        assert!(eip4361::parse(message).is_err(), "accepted:\n{message:?}");
    }
    let stricter = stricter();
    for (message, _) in &stricter {
        assert!(eip4361::parse(message).is_err(), "accepted:\n{message:?}");
    }
    let (Some(good), Some(bad)) = (recognised(&accepted), recognised(&refused)) else {
        return;
    };
    for (message, is_recognised) in accepted.iter().zip(good) {
        assert!(is_recognised, "no wallet recognises:\n{message}");
    }
    for (message, is_recognised) in refused.iter().zip(bad) {
        assert!(!is_recognised, "a wallet recognises:\n{message}");
    }
    let (messages, expected): (Vec<_>, Vec<_>) = stricter.into_iter().unzip();
    assert_eq!(recognised(&messages), Some(expected));
}

/// Messages made of good parts and spoiled at random: what is accepted, a wallet recognises, and the other
/// way round but for times that no calendar has.
#[test]
fn at_random_no_message_is_accepted_that_a_wallet_does_not_recognise() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let seeds = accepted();
    let spoils: Vec<char> = "aZ09 -._~:/?#[]@!$&'()*+,;=%\"<>\\^`{|}\n\t\r\0é\u{202e}T:"
        .chars()
        .collect();
    let mut messages = Vec::new();
    for _ in 0..4000 {
        let mut message: Vec<char> = seeds.choose(&mut random).unwrap().chars().collect();
        for _ in 0..random.gen_range(1..3) {
            let at = random.gen_range(0..message.len());
            match random.gen_range(0..4) {
                0 => message[at] = *spoils.choose(&mut random).unwrap(),
                1 => message.insert(at, *spoils.choose(&mut random).unwrap()),
                2 => {
                    message.remove(at);
                }
                // Two lines exchanged, or one twice.
                _ => {
                    let text: String = message.iter().collect();
                    let mut lines: Vec<&str> = text.split('\n').collect();
                    let (from, to) = (
                        random.gen_range(0..lines.len()),
                        random.gen_range(0..lines.len()),
                    );
                    if random.gen_bool(0.5) {
                        lines.swap(from, to);
                    } else {
                        lines.insert(to, lines[from]);
                    }
                    message = lines.join("\n").chars().collect();
                }
            }
        }
        messages.push(message.into_iter().collect::<String>());
    }
    let Some(recognised) = recognised(&messages) else {
        return;
    };
    let (mut both, mut neither) = (0, 0);
    for (message, is_recognised) in messages.iter().zip(recognised) {
        match (eip4361::parse(message), is_recognised) {
            (Ok(_), true) => both += 1,
            (Err(_), false) => neither += 1,
            // Domain and URI must be the coordinator's own beyond that, and a start warns of those that
            // wallets misread.
            (Ok(parsed), false) => {
                let uri = parsed.uri.as_str().split("://").nth(1).unwrap_or_default();
                let hosts = [parsed.domain, uri].map(|it| it.rsplit('@').next().unwrap_or(it));
                assert!(
                    !hosts.iter().all(|host| eip4361::is_read_by_wallets(host)),
                    "seed {seed}: no wallet recognises\n{message:?}"
                );
            }
            (Err(error), true) => assert!(
                error.to_string().contains("time, such as"),
                "seed {seed}: {error}\n{message:?}"
            ),
        }
    }
    assert!(both > 200 && neither > 200, "{both} {neither}");
}

/// Over HTTP, signed as they stand (`docs/spec/known-faults.md#unrecognised-message`).
#[tokio::test]
async fn a_message_that_wallets_do_not_recognise_signs_nobody_in() {
    let server = TestServer::with(&[("public-url", "https://ceremony.example.org")]).await;
    let client = Client::with_key(&server.url(), 1);
    let message = async |more: &str| client.siwe_message(&client.nonce().await, more);
    for (what, bad) in [
        (
            "é",
            message("").await.replace("Take part.", "Take part, é."),
        ),
        (
            "%",
            message("").await.replace("Take part.", "Take part, 100%."),
        ),
        (
            "quotes",
            message("").await.replace("Take part.", "\"Take part.\""),
        ),
        (
            "a control character",
            message("").await.replace("Take part.", "Take\u{7}part."),
        ),
        (
            "a space in the request id",
            message("\nRequest ID: a b").await,
        ),
        (
            "a time without T",
            message("").await.replace("21T14", "21 14"),
        ),
        (
            "a resource that wallets misread",
            message("\nResources:\n- http://1.2.3.45/").await,
        ),
    ] {
        let error = client
            .login_with(&bad)
            .await
            .expect_error(Code::LoginMalformedMessage);
        assert!(error.contains("line "), "{what}: {error}");
    }
    for good in [
        message("").await,
        message("").await.replace("Take part.\n", ""),
        format!("https://{}", message("").await),
        message("")
            .await
            .replace("ceremony.example.org", "ceremony.example.org:443"),
        message("\nRequest ID: a%20b\nResources:\n- urn:x").await,
        message("").await.replace("Chain ID: 1", "Chain ID: 01"),
    ] {
        client.login_with(&good).await.expect_ok();
    }
    let http = format!("http://{}", message("").await);
    client
        .login_with(&http)
        .await
        .expect_error(Code::LoginWrongDomain);
}
