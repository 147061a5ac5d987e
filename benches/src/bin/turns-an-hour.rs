//! Turns an hour: one synthetic population against a coordinator.
//!
//! Starts the release coordinator on a fresh data directory, for a ceremony of few powers. People
//! arrive, first a crowd and then at random times. Each signs in, waits in line and has a turn, in
//! which some vanish. All times are divided by `--scale`, including the coordinator's deadlines.
//! The machine's latencies are not, so they weigh that many times as much.
//!
//! `cargo build --release --bin tauline-server && cargo run --release -p tauline-benches --bin
//! turns-an-hour -- --clients own`

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use serde::Serialize;
use tauline_benches::hour::figures::{Bounds, Figures};
use tauline_benches::hour::journal;
use tauline_benches::hour::person::Person;
use tauline_benches::hour::population::{Made, Population};
use tauline_benches::hour::server::Deadlines;
use tauline_benches::hour::world::{Clients, Event, What, World};
use tauline_benches::json_contribution_chain;
use tauline_benches::load::{Binary, Server, http};

/// Turns an hour: one synthetic population against a coordinator.
#[derive(Parser)]
struct Options {
    /// The interface that the clients use: that of the Ethereum ceremony, or Tauline's own.
    #[arg(long, value_enum)]
    clients: Clients,
    /// All times are divided by this.
    #[arg(long, default_value_t = 15.0)]
    scale: f64,
    #[command(flatten)]
    made: Made,
    /// Take the people and turns from this file, which --write-population wrote, instead of from
    /// the seed.
    #[arg(long, value_name = "FILE")]
    population: Option<PathBuf>,
    /// Write the people and turns to this file.
    #[arg(long, value_name = "FILE")]
    write_population: Option<PathBuf>,
    /// With Tauline's own interface: for how long a check-in during a turn asks to be held, in
    /// unscaled seconds; 0 sends none.
    #[arg(long, default_value_t = 5.0)]
    beat: f64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Write everything that happened to this file, one JSON object in each line.
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Fail if anybody is passed more often than --passes allows, if anybody loses a place without
    /// having done anything wrong, or if one of the following bounds is exceeded.
    #[arg(long)]
    check: bool,
    /// Mean idle seconds of an accepted turn that --check allows.
    #[arg(long, default_value_t = 1.5)]
    most_idle: f64,
    /// Mean seconds of a lost turn that --check allows.
    #[arg(long, default_value_t = f64::INFINITY, hide_default_value = true)]
    most_lost: f64,
    #[command(flatten)]
    deadlines: Deadlines,
    #[command(flatten)]
    binary: Binary,
}

/// The ceremony: few powers, so that nobody waits for arithmetic.
const SIZES: &str = "4:2";

/// What a run prints as JSON.
#[derive(Serialize)]
struct Run<'a> {
    clients: Clients,
    seed: u64,
    scale: f64,
    #[serde(flatten)]
    figures: &'a Figures,
}

/// The result of a run.
struct Outcome {
    events: Vec<Event>,
    figures: Figures,
}

fn main() -> Result<()> {
    tauline_benches::choose_arithmetic();
    let options = Options::parse();
    let population = match &options.population {
        Some(file) => serde_json::from_slice(&std::fs::read(file)?)?,
        None => Population::new(&options.made)?,
    };
    if let Some(file) = &options.write_population {
        std::fs::write(file, serde_json::to_vec(&population)?)?;
    }
    // Nobody contributes twice, so one for each person is enough.
    let chain = json_contribution_chain(&SIZES.parse()?, population.arrivals.len())?;
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(&options, population, chain))?;
    if let Some(file) = &options.events {
        let lines: Result<String, serde_json::Error> = outcome
            .events
            .iter()
            .map(|event| Ok(serde_json::to_string(event)? + "\n"))
            .collect();
        std::fs::write(file, lines?)?;
    }
    let figures = &outcome.figures;
    if options.json {
        let run = Run {
            clients: options.clients,
            seed: options.made.seed,
            scale: options.scale,
            figures,
        };
        println!("{}", serde_json::to_string(&run)?);
    } else {
        println!("{figures}");
    }
    if options.check {
        figures.check(&Bounds {
            passes: options.deadlines.passes,
            idle: options.most_idle,
            lost: options.most_lost,
        })?;
    }
    Ok(())
}

async fn run(options: &Options, population: Population, chain: Vec<Vec<u8>>) -> Result<Outcome> {
    let binary = options.binary.path()?;
    let flags = options.deadlines.flags(&binary, options.scale)?;
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let people = population.arrivals.len();
    let mut server = Server::start(&binary, SIZES, people, &flags)?;
    server.ready(&http().build()?).await?;
    let mut world = World::new(
        server.url.clone(),
        options.clients,
        options.beat,
        options.scale,
        population,
        chain,
    )?;
    world.begin();
    let world = Arc::new(world);
    let mut lives = tokio::task::JoinSet::new();
    let arriving = async {
        for (number, at) in world.arrivals().iter().enumerate() {
            world.sleep_until(*at).await;
            lives.spawn(Person::live(
                Arc::clone(&world),
                options.made.clone(),
                number,
            ));
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = arriving => {}
        () = world.sleep_until(options.made.hours * 3600.0) => {}
    }
    world.note(0, What::Over);
    let database = server.kill()?;
    world.end();
    while lives.join_next().await.is_some() {}
    let (mut events, polls) = world.take_notes();
    // What happened because the coordinator was stopped does not belong to the run.
    let over = events.iter().position(|event| event.what == What::Over);
    events.truncate(over.context("the run is over")? + 1);
    let records = journal::read(&database)?;
    let stays = journal::stays(
        records
            .iter()
            .filter_map(|record| Some(&record.entry.as_ref()?.event)),
    )?;
    let figures = Figures::new(
        &events,
        polls,
        options.scale,
        |turn| world.fate(turn).copied(),
        &stays,
    )?;
    Ok(Outcome { events, figures })
}
