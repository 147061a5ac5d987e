//! `tauline-server`: starts the coordinator of a ceremony and serves until it is told to stop.

use std::process::ExitCode;

use tauline_server::config::{Settings, SettingsError};
use tauline_server::{server, telemetry};
use tokio::signal::unix::{SignalKind, signal};

/// The exit code for settings that cannot be served with, as clap has it.
const USAGE: u8 = 2;

/// Threads for what blocks: look-ups in the store, pieces of files, and the one upload that is read.
/// All but the last take less than a millisecond; the more threads, the more memory a crowd's
/// requests leave behind in their stacks and heaps.
const BLOCKING_THREADS: usize = 32;

fn main() -> ExitCode {
    let settings = match Settings::from_process() {
        Ok(settings) => settings,
        Err(SettingsError::Flags(error)) => error.exit(),
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(USAGE);
        }
    };
    match run(&settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: &Settings) -> anyhow::Result<()> {
    telemetry::init(&settings.log, settings.log_format)?;
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let running = server::start(settings).await?;
        println!("tauline-server listens on http://{}", running.address());
        running
            .until(async {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            })
            .await
    })
}

/// Every waiting participant holds a connection, and many systems allow 1024 open files unless
/// asked for more.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit on open files could not be raised");
    }
}
