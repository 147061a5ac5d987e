//! The server as a process: its signals, its threads, its exit code.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Weak;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::{Action, Settings, SettingsError, write_manual};
use crate::server::reload::InForce;
use crate::telemetry::LogFormat;
use crate::{server, telemetry};

/// The exit code for settings that cannot be served with, as clap has it.
const USAGE: u8 = 2;

/// Threads for what blocks: look-ups in the store, pieces of files, and the one upload that is read.
/// All but the last take less than a millisecond; the more threads, the more memory a crowd's
/// requests leave behind in their stacks and heaps.
const BLOCKING_THREADS: usize = 32;

/// Runs this process as a server, by its arguments, its environment and the settings file that they name, until
/// it is told to stop.
pub fn run_process() -> ExitCode {
    // For tests and comparisons: keeps the vector instructions out.
    if std::env::var_os("TAULINE_FIELD").is_some_and(|value| value == "portable") {
        tauline_transcript::use_portable_arithmetic();
    }
    let settings = match Settings::from_process() {
        Ok(settings) => settings,
        Err(SettingsError::Flags(error)) if !error.use_stderr() => error.exit(),
        Err(error) => return refuse(error),
    };
    let result = match settings.action {
        Some(Action::PublicKey) => print_public_key(&settings.service.data_dir),
        Some(Action::Manual) => write_manual(&mut std::io::stdout()).map_err(anyhow::Error::from),
        None => run(&settings),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::say_fatal(settings.log.log_format, &format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Says why settings cannot be served with, in the form that they ask for as far as can be told.
fn refuse(error: SettingsError) -> ExitCode {
    let format = LogFormat::asked_for(std::env::args());
    match error {
        SettingsError::Flags(error) if format == LogFormat::Text => error.exit(),
        error => {
            let text = error.to_string();
            let text = text.trim_start_matches("error: ").trim_end();
            telemetry::say_fatal(format, text);
            ExitCode::from(USAGE)
        }
    }
}

/// Prints the key by which the coordinator of this directory is named.
fn print_public_key(data_dir: &Path) -> anyhow::Result<()> {
    let key = tauline_store::handover::public_key(data_dir)?;
    writeln!(std::io::stdout(), "{key}")?;
    Ok(())
}

fn run(settings: &Settings) -> anyhow::Result<()> {
    telemetry::init(&settings.log.log, settings.log.log_format)?;
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        // Before anything takes time: from here on the signal does not kill the process.
        let hangup = signal(SignalKind::hangup())?;
        let told_to_stop = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        match settings.replicas.store {
            None => {
                let running = server::start(settings).await?;
                telemetry::say_listening(settings.log.log_format, &running.url());
                read_again_at(hangup, running.in_force());
                running.until(told_to_stop).await
            }
            Some(_) => {
                let replica = server::start_replica(settings).await?;
                telemetry::say_listening(settings.log.log_format, &replica.url());
                read_again_at(hangup, replica.in_force());
                replica.until(told_to_stop).await
            }
        }
    })
}

/// Reads the settings again at each of these signals.
fn read_again_at(mut hangup: Signal, in_force: Weak<InForce>) {
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let Some(in_force) = in_force.upgrade() else {
                break;
            };
            // It says in the log how it went.
            let _ = tokio::task::spawn_blocking(move || in_force.reload()).await;
        }
    });
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
