//! Many wait in line, and check in as the coordinator tells them: at one coordinator, or at replicas.
//!
//! `--waiting` people sign in, join, and check in from then on: each `--early` seconds before the deadline
//! that its last answer gave, or, with `--held`, as our own clients do, one held check-in after the other on
//! a connection of its own. One more has the turn, and keeps it. When all are in line and `--settle` seconds
//! are over, what happens in `--seconds` is counted. Prints check-ins a second and how long their answers
//! took, and of each process its processor time, its memory and its open files; of memory also what each
//! who waits has added.
//!
//! It fails if a place is lost whose check-ins were sent in time, if an answer comes after its deadline, if a
//! request is refused, or if 99 of 100 answers take longer than `--most` milliseconds. Requests that break,
//! or are answered 5xx, are sent to the next server and counted.
//!
//! Without `--url` it starts a coordinator of its own. Others, such as three replicas and their database,
//! are started before, with the invitations that `--write-invites FILE` writes and the settings that
//! [`NO_RATES`] and [`SETTINGS`] have:
//!
//! `many-wait --waiting 100000 --url http://127.0.0.1:3000 --url http://127.0.0.1:3001 --process leader=PID …`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use rustix::process::{Resource, getrlimit, setrlimit};
use tauline_benches::clock::processor_time;
use tauline_benches::crowd::{Crowd, Seen, Way};
use tauline_benches::load::{Binary, NO_RATES, Server, http, invitations};
use tauline_benches::process::{Process, Usage};

/// What the coordinators are started with, beside `--signin invite`, `--invites`, `--ceremony` and
/// [`NO_RATES`]: as many connections from an address as there are, and a turn that outlasts the run.
const SETTINGS: [&str; 4] = [
    "--max-connections-per-address",
    "0",
    "--contribution-limit",
    "86400",
];

/// Many wait in line, at one coordinator or at replicas.
#[derive(Parser)]
struct Options {
    /// People who wait.
    #[arg(long, default_value_t = 1000)]
    waiting: usize,
    /// A server, http://ADDRESS:PORT; may be given several times. [default: one of its own]
    #[arg(long = "url", value_name = "URL")]
    urls: Vec<String>,
    /// A process to be watched; may be given several times.
    #[arg(long = "process", value_name = "NAME=PID", value_parser = named)]
    processes: Vec<(String, Process)>,
    /// Writes the invitations that the servers need, and ends.
    #[arg(long, value_name = "FILE")]
    write_invites: Option<PathBuf>,
    /// Seconds before the deadline at which people check in.
    #[arg(long, default_value_t = 2.0)]
    early: f64,
    /// Seconds for which check-ins are held, each on a connection of its own.
    #[arg(long, value_name = "SECONDS")]
    held: Option<f64>,
    /// Seconds after the last has joined in which nothing is counted.
    #[arg(long, default_value_t = 30.0)]
    settle: f64,
    /// Seconds in which everything is counted.
    #[arg(long, default_value_t = 60.0)]
    seconds: f64,
    /// How many join at a time.
    #[arg(long, default_value_t = 32)]
    joining: usize,
    /// Milliseconds that 99 of 100 answers may take.
    #[arg(long, default_value_t = 250.0)]
    most: f64,
    /// Sizes of the ceremony, for a server of its own.
    #[arg(long = "ceremony", default_value = "16:4,32:4")]
    sizes: String,
    #[command(flatten)]
    binary: Binary,
}

fn named(text: &str) -> Result<(String, Process), String> {
    let wrong = || format!("{text} is not NAME=PID");
    let (name, pid) = text.split_once('=').ok_or_else(wrong)?;
    let pid = pid.parse().map_err(|_| wrong())?;
    Ok((name.to_owned(), Process(pid)))
}

fn main() -> Result<()> {
    let mut options = Options::parse();
    // One more has the turn.
    let people = options.waiting + 1;
    if let Some(file) = &options.write_invites {
        std::fs::write(file, invitations(people))?;
        println!("{people} invitations; the servers need --signin invite, --invites and");
        println!("{}", [&NO_RATES[..], &SETTINGS].concat().join(" "));
        return Ok(());
    }
    open_many_files(&options)?;
    let own = match options.urls.is_empty() {
        true => {
            let binary = options.binary.path()?;
            Some(Server::start(&binary, &options.sizes, people, &SETTINGS)?)
        }
        false => None,
    };
    if let Some(server) = &own {
        options.urls.push(server.url.clone());
        let coordinator = ("coordinator".to_owned(), server.process());
        options.processes.push(coordinator);
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(&options, own.as_ref()))
}

/// Lets this program, and the server that it starts, open as many files as people wait.
fn open_many_files(options: &Options) -> Result<()> {
    let needed = match options.held {
        Some(_) => options.waiting as u64 + 2000,
        None => 4000,
    };
    let mut files = getrlimit(Resource::Nofile);
    if files.current.is_some_and(|now| now < needed) {
        files.maximum = files.maximum.map(|most| most.max(needed));
        files.current = Some(needed);
        setrlimit(Resource::Nofile, files)
            .with_context(|| format!("{needed} files have to be open: raise `ulimit -Hn`"))?;
    }
    Ok(())
}

async fn run(options: &Options, own: Option<&Server>) -> Result<()> {
    if let Some(server) = own {
        server.ready(&http().build()?).await?;
    }
    let way = match options.held {
        Some(hold) => Way::Held {
            hold: Duration::from_secs_f64(hold),
        },
        None => Way::ByDeadline {
            early: Duration::from_secs_f64(options.early),
        },
    };
    let crowd = Crowd::new(&options.urls, way)?;
    crowd.occupy_the_turn(0).await?;
    let before = usages(options);
    let began = Instant::now();
    let lives = crowd.fill(1..options.waiting + 1, options.joining).await?;
    println!(
        "{} signed in and joined, each durably, {} at a time, in {:.1} s",
        options.waiting,
        options.joining,
        began.elapsed().as_secs_f64()
    );
    tokio::time::sleep(Duration::from_secs_f64(options.settle)).await;
    let (settled, ours) = (usages(options), processor_time());
    let seen = crowd
        .observe(Duration::from_secs_f64(options.seconds))
        .await;
    let (after, ours) = (usages(options), processor_time() - ours);
    crowd.end(lives).await;

    seen.latencies().print("check-ins", options.seconds);
    println!(
        "{} requests repeated; {} places lost, {} answers after the deadline; {} check-ins sent too late by this program",
        seen.repeated, seen.lost, seen.late, seen.own_fault
    );
    for (number, (name, _)) in options.processes.iter().enumerate() {
        match (before[number], settled[number], after[number]) {
            (Some(before), Some(settled), Some(after)) => {
                show(name, options, [before, settled, after]);
            }
            _ => println!("{name}: it has ended"),
        }
    }
    println!(
        "this program: {:.1} s of processor time",
        ours.as_secs_f64()
    );
    judge(&seen, options.most)
}

/// What each process has used; none of one that has ended.
fn usages(options: &Options) -> Vec<Option<Usage>> {
    let processes = options.processes.iter();
    processes.map(|(_, process)| process.usage().ok()).collect()
}

/// Prints what a process has used: empty, when all were in line, and at the end.
fn show(name: &str, options: &Options, [before, settled, after]: [Usage; 3]) {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let time = (after.time - settled.time).as_secs_f64();
    let each = (after.memory as f64 - before.memory as f64) / options.waiting as f64;
    println!(
        "{name}: {time:.2} s of processor time in {:.0} s, {:.1} % of a core; memory {:.1} MB, {:.1} MB at its highest, {:.2} KB for each who waits; {} open files",
        options.seconds,
        100.0 * time / options.seconds,
        megabytes(after.memory),
        megabytes(after.most_memory),
        each / 1e3,
        after.files
    );
}

fn judge(seen: &Seen, most: f64) -> Result<()> {
    if let Some(fault) = &seen.first_fault {
        eprintln!("{fault}");
    }
    ensure!(seen.faults == 0, "{} answers should not be", seen.faults);
    ensure!(seen.lost == 0, "{} places were lost", seen.lost);
    ensure!(
        seen.late == 0,
        "{} answers came after the deadline",
        seen.late
    );
    ensure!(
        seen.own_fault == 0,
        "this program was late {} times: it needs more of the machine",
        seen.own_fault
    );
    let p99 = seen.latencies().at(0.99);
    ensure!(p99 <= most, "99 of 100 answers took up to {p99:.0} ms");
    Ok(())
}
