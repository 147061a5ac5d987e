//! What a contribution costs the leader, and the replica that it comes through: processor time.
//!
//! PostgreSQL and two replicas of `tauline-server` (the one beside this program, or `--server-binary`) are started
//! here. One participant after the other signs in, joins, gets the state and sends a contribution of full size that was
//! computed beforehand: at the follower, or with `--at leader` at the leader. Prints, for each form, the mean
//! processor time that each replica used for the state, and for the contribution up to half a second after the
//! receipt, and how long the receipt took. Both replicas do nothing else meanwhile but what they always do.
//!
//! `cargo build --workspace --bins && target/debug/vetting-cost`

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use reqwest::Client;
use tauline_benches::contribution_chain;
use tauline_benches::kills::replicas::Replicas;
use tauline_benches::load::{Binary, http};
use tauline_benches::process::Process;
use tauline_transcript::{Encoding, RawContribution};
use tokio::task::block_in_place;

/// Forms: name, media type of the contribution, and of the state.
const FORMS: [(&str, &str, &str); 3] = [
    ("json", "application/json", "application/json"),
    ("msgpack", "application/msgpack", "application/msgpack"),
    (
        "msgpack-uncompressed",
        "application/msgpack",
        "application/msgpack; points=uncompressed",
    ),
];

/// How long replicas have for what they do beside an answer.
const REST: Duration = Duration::from_millis(500);

/// What a contribution costs the leader and a follower.
#[derive(Parser)]
struct Options {
    /// Contributions of each form.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// At which replica participants are.
    #[arg(long, value_enum, default_value_t = Place::Follower)]
    at: Place,
    /// Sizes of the ceremony.
    #[arg(long = "ceremony", default_value = "4096:65,8192:65,16384:65,32768:65")]
    sizes: String,
    #[command(flatten)]
    binary: Binary,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Place {
    Leader,
    Follower,
}

fn main() -> Result<()> {
    tauline_benches::choose_arithmetic();
    let options = Options::parse();
    let turns = options.rounds * FORMS.len();
    let sizes = options.sizes.parse()?;
    let chain = contribution_chain(&sizes, turns, Encoding::Compressed)?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(async { tokio::spawn(run(options, chain)).await? })
}

async fn run(options: Options, chain: Vec<Vec<u8>>) -> Result<()> {
    let (binary, client) = (options.binary.path()?, http().build()?);
    let people = chain.len();
    let replicas = block_in_place(|| Replicas::start(&binary, &options.sizes, 2, people))?;
    replicas.ready(&client).await?;
    let (leader, _) = block_in_place(|| replicas.leads())?.context("one leads")?;
    let follower = 1 - leader;
    let at = match options.at {
        Place::Leader => leader,
        Place::Follower => follower,
    };
    let address = replicas.addresses().swap_remove(at);
    let url = format!("http://{address}");
    let processes = [leader, follower].map(|number| replicas.process(number));
    let [Some(leader), Some(follower)] = processes else {
        anyhow::bail!("a replica has ended");
    };
    let both = [leader, follower];
    let mut all: [Vec<Took>; FORMS.len()] = Default::default();
    for (turn, contribution) in chain.iter().enumerate() {
        let form = turn % FORMS.len();
        let took = take_part(&client, &url, both, turn, form, contribution).await?;
        all[form].push(took);
    }
    for ((name, ..), took) in FORMS.iter().zip(&all) {
        print(name, took);
    }
    Ok(())
}

/// Processor time of the leader and of the follower.
type Pair = [Duration; 2];

struct Took {
    state: Pair,
    contribution: Pair,
    receipt: Duration,
}

fn used(both: [Process; 2]) -> Result<Pair> {
    let [leader, follower] = both;
    Ok([leader.processor_time()?, follower.processor_time()?])
}

fn since(before: Pair, now: Pair) -> Pair {
    [0, 1].map(|at| now[at].saturating_sub(before[at]))
}

async fn take_part(
    client: &Client,
    url: &str,
    both: [Process; 2],
    turn: usize,
    form: usize,
    contribution: &[u8],
) -> Result<Took> {
    let (_, media, accept) = FORMS[form];
    let contribution = RawContribution::from_msgpack(contribution)?;
    let body = match form {
        0 => contribution.to_json()?,
        1 => contribution.to_msgpack(Encoding::Compressed)?,
        _ => contribution.to_msgpack(Encoding::Uncompressed)?,
    };
    let invitation = serde_json::json!({ "invite": format!("code-of-participant-{turn}") });
    let login = client.post(format!("{url}/login")).json(&invitation);
    let login: serde_json::Value = login.send().await?.error_for_status()?.json().await?;
    let token = login["token"].as_str().context("a session")?.to_owned();
    let post = |path: &str| client.post(format!("{url}{path}")).bearer_auth(&token);
    post("/queue/join").send().await?.error_for_status()?;
    tokio::time::sleep(REST).await;

    let before = used(both)?;
    let state = post("/contribution/start").header("accept", accept);
    let state = state.send().await?.error_for_status()?.bytes().await?;
    tokio::time::sleep(REST).await;
    let handed_out = used(both)?;
    let sent = Instant::now();
    let upload = post("/contribution/complete").header("content-type", media);
    let receipt = upload.body(body.clone()).send().await?;
    receipt.error_for_status()?.bytes().await?;
    let took = Took {
        receipt: sent.elapsed(),
        state: since(before, handed_out),
        contribution: {
            tokio::time::sleep(REST).await;
            since(handed_out, used(both)?)
        },
    };
    println!(
        "# {}: state of {} bytes {:?}, contribution of {} bytes {:?}, receipt after {:?}",
        FORMS[form].0,
        state.len(),
        took.state,
        body.len(),
        took.contribution,
        took.receipt
    );
    Ok(took)
}

fn print(name: &str, took: &[Took]) {
    let mean = |what: &dyn Fn(&Took) -> Duration| {
        let sum: Duration = took.iter().map(what).sum();
        sum.as_secs_f64() * 1e3 / took.len().max(1) as f64
    };
    for (at, replica) in ["leader", "follower"].into_iter().enumerate() {
        println!("{name}_state_{replica}_ms {:.0}", mean(&|it| it.state[at]));
        println!(
            "{name}_contribution_{replica}_ms {:.0}",
            mean(&|it| it.contribution[at])
        );
    }
    println!("{name}_receipt_ms {:.0}", mean(&|it| it.receipt));
}
