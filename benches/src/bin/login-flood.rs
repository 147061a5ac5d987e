//! Callbacks with codes that the provider does not know, from many networks, while people sign in
//! with keys.
//!
//! Starts the release coordinator on a fresh data directory without rate limits, so that no
//! callback is refused because there are too many. Begins `--callbacks` sign-ins in a browser and
//! ends each with an unknown code, from `--networks` IPv6 networks in turn. Meanwhile somebody
//! signs in ten times a second. Prints how long all of this took, and fails if one of these was
//! refused.
//!
//! `cargo build --release --bin tauline-server && cargo run --release -p tauline-benches --bin
//! login-flood`

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use k256::ecdsa::SigningKey;
use tauline_benches::load::{Latencies, Server, Target, http};
use tauline_protocol::login::NonceAnswer;
use tauline_transcript::signature::{ecdsa_sign, eip55, eth_address, personal_message_digest};

/// Callbacks with foreign codes, while people sign in.
#[derive(Parser)]
struct Options {
    /// Callbacks; 262,144 are as many nonces as the coordinator remembers.
    #[arg(long, default_value_t = 1 << 18)]
    callbacks: usize,
    /// Networks of 64 bits that they come from.
    #[arg(long, default_value_t = 1052)]
    networks: usize,
    /// Callbacks on their way at a time.
    #[arg(long, default_value_t = 32)]
    at_once: usize,
    #[command(flatten)]
    target: Target,
}

/// How many answers had which status.
type Statuses = BTreeMap<u16, usize>;

/// An address in the network with this number.
fn address(network: usize) -> String {
    Ipv6Addr::from_bits(0x2001_0db8 << 96 | (network as u128) << 80 | 1).to_string()
}

/// Begins a sign-in and ends it with an unknown code. Returns the status.
async fn foreign(client: &reqwest::Client, url: &str, network: usize) -> Result<u16> {
    let from = address(network);
    let get = |path: &str| {
        client
            .get(format!("{url}{path}"))
            .header("x-forwarded-for", &from)
    };
    let begun = get("/auth/start/eth").send().await?.error_for_status()?;
    let headers = begun.headers();
    let cookie = headers.get("set-cookie").context("a cookie is set")?;
    let cookie = cookie
        .to_str()?
        .split(';')
        .next()
        .unwrap_or_default()
        .to_owned();
    let page = headers
        .get("location")
        .context("it leads to the page for wallets")?;
    let (_, state) = page
        .to_str()?
        .split_once("#state=")
        .context("the page has a state")?;
    let callback = get(&format!("/auth/callback/eth?code=foreign&state={state}"));
    let answer = callback.header("cookie", cookie).send().await?;
    let status = answer.status().as_u16();
    answer.bytes().await?;
    Ok(status)
}

/// Signs in by the key of this number.
async fn honest(client: &reqwest::Client, url: &str, number: u32) -> Result<()> {
    let mut secret = [0x11; 32];
    secret[28..].copy_from_slice(&number.to_be_bytes());
    let key = SigningKey::from_slice(&secret)?;
    let nonce = client.get(format!("{url}/login/nonce")).send().await?;
    let nonce = nonce.error_for_status()?.bytes().await?;
    let NonceAnswer {
        nonce,
        domain,
        uri,
        chain_id,
        ..
    } = serde_json::from_slice(&nonce)?;
    let message = format!(
        "{domain} wants you to sign in with your Ethereum account:\n{}\n\n\n\
         URI: {uri}\nVersion: 1\nChain ID: {chain_id}\nNonce: {nonce}\nIssued At: 2026-09-21T14:13:20Z",
        eip55(&eth_address(key.verifying_key()))
    );
    let signature = ecdsa_sign(&personal_message_digest(message.as_bytes()), &key);
    let body =
        serde_json::json!({"siwe": {"message": message, "signature": hex::encode(signature)}});
    let login = client
        .post(format!("{url}/login"))
        .header("content-type", "application/json")
        .body(body.to_string());
    let answer = login.send().await?;
    let status = answer.status();
    ensure!(status.is_success(), "{status}: {}", answer.text().await?);
    Ok(())
}

/// Ends sign-ins with foreign codes, as many at once as the options say. Returns how many answers had
/// which status; 0 is none.
async fn flood(client: &reqwest::Client, url: &str, options: &Options) -> Result<Statuses> {
    let next = Arc::new(AtomicUsize::new(0));
    let (callbacks, networks) = (options.callbacks, options.networks);
    let mut flood = tokio::task::JoinSet::new();
    for _ in 0..options.at_once {
        let (client, url, next) = (client.clone(), url.to_owned(), Arc::clone(&next));
        flood.spawn(async move {
            let mut statuses = Statuses::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= callbacks {
                    return statuses;
                }
                let status = foreign(&client, &url, number % networks).await;
                *statuses.entry(status.unwrap_or(0)).or_default() += 1;
            }
        });
    }
    let mut statuses = Statuses::new();
    while let Some(of_one) = flood.join_next().await {
        for (status, count) in of_one? {
            *statuses.entry(status).or_default() += count;
        }
    }
    Ok(statuses)
}

/// Signs in by key ten times a second until the flood is over, and twenty times more. Returns how
/// long it took, how many were refused, and why the first was.
async fn sign_in_meanwhile(
    client: reqwest::Client,
    url: String,
    is_over: Arc<AtomicBool>,
) -> (Latencies, usize, Option<anyhow::Error>) {
    let (mut took, mut failed, mut why, mut last) = (Vec::new(), 0, None, 0);
    for number in 0.. {
        let began = Instant::now();
        match honest(&client, &url, number).await {
            Ok(()) => took.push(began.elapsed().as_secs_f64() * 1e3),
            Err(error) => {
                failed += 1;
                why = why.or(Some(error));
            }
        }
        if is_over.load(Ordering::Relaxed) {
            last += 1;
            if last == 20 {
                break;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    (Latencies::new(took, failed), failed, why)
}

#[tokio::main]
async fn main() -> Result<()> {
    tauline_benches::choose_arithmetic();
    let options = Options::parse();
    let client = http()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let flags = ["--signin", "siwe", "--trusted-proxies", "127.0.0.1"];
    let server = Server::start(&options.target.binary()?, &options.target.sizes, 0, &flags)?;
    server.ready(&client).await?;

    let is_over = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let signing_in = tokio::spawn(sign_in_meanwhile(
        client.clone(),
        server.url.clone(),
        Arc::clone(&is_over),
    ));
    let statuses = flood(&client, &server.url, &options).await?;
    is_over.store(true, Ordering::Relaxed);
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "foreign callbacks: {} in {seconds:.0} s, by status {statuses:?}",
        options.callbacks
    );
    let (honest, failed, why) = signing_in.await?;
    honest.print("honest sign-ins meanwhile and after", seconds);
    let (memory, most, _) = server.usage()?;
    println!("memory: {memory:.0} MB, at most {most:.0} MB");
    ensure!(
        failed == 0,
        "{failed} honest people were refused, the first with {why:?}"
    );
    Ok(())
}
