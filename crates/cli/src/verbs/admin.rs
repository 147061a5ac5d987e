//! `tauline admin`: operates a coordinator over the Unix socket in its data directory.

mod data;
mod done;
mod migrate;
mod order;
mod people;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tauline_protocol::admin::{AdminAnswer, AdminRequest, SOCKET_NAME};
use tauline_store::objects::Objects;

use self::order::{InvitesOrder, Order};
use crate::exit::{Failure, Outcome};
use crate::output;

/// How long the coordinator may take to answer. Much longer than it takes to copy a gigabyte,
/// since the backup of a large ceremony takes longest.
const ANSWER_LIMIT: Duration = Duration::from_secs(600);

/// Longest answer, in bytes.
const MAX_ANSWER_LEN: u64 = 16 << 20;

/// Operate a coordinator on this machine.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The coordinator's data directory.
    #[arg(
        long,
        value_name = "DIR",
        env = "TAULINE_DATA_DIR",
        default_value = "./tauline-data"
    )]
    data_dir: PathBuf,
    /// Print the answer as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    order: Order,
}

/// Sends the order to the coordinator and prints its answer.
///
/// # Errors
/// When the coordinator refuses or is not there.
pub fn run(args: &Args) -> Outcome {
    let Some(request) = args.order.request()? else {
        return without_coordinator(args);
    };
    let answer = ask(&args.data_dir, &request)?;
    if args.json {
        output::print_json(&answer)?;
    }
    match answer {
        AdminAnswer::Refused { error } => Err(Failure::bad(error)),
        _ if args.json => Ok(()),
        AdminAnswer::Done { status, paused } => {
            output::print(&done::done(&args.order, &status, paused))
        }
        AdminAnswer::HandedOver {
            entries,
            root,
            output,
        } => {
            let text = match &args.order {
                Order::Handover { to, .. } => done::handed_over(to, entries, &root, &output),
                _ => "The ceremony is handed over.".to_owned(),
            };
            output::print(&text)
        }
        AdminAnswer::Queue {
            line,
            in_all,
            paused,
        } => output::print(&people::line(&line, in_all, paused)),
        AdminAnswer::Invites { invites } => {
            let was_revoked = matches!(
                args.order,
                Order::Invites {
                    order: InvitesOrder::Revoke { .. }
                }
            );
            let text = match was_revoked {
                true => people::revoked(&invites),
                false => people::invites(&invites),
            };
            output::print(&text)
        }
        AdminAnswer::Reloaded { changed, restart } => {
            output::print(&people::reloaded(&changed, &restart))
        }
    }
}

/// Where powers are, if they are apart from the rest.
fn objects(url: Option<&str>) -> Outcome<Option<Arc<Objects>>> {
    let objects = url.map(Objects::open).transpose();
    let objects = objects.map_err(|error| Failure::usage(format!("--blobs: {error}")))?;
    Ok(objects.map(Arc::new))
}

/// Carries out an order that needs no coordinator.
fn without_coordinator(args: &Args) -> Outcome {
    match &args.order {
        Order::Restore { file, signed } => {
            data::restore(file, signed.as_deref(), &args.data_dir, args.json)
        }
        Order::Check { path, blobs } => {
            let path = path.as_deref().unwrap_or(&args.data_dir);
            data::check(path, objects(blobs.as_deref())?, args.json)
        }
        Order::Migrate { from, to, blobs } => {
            let objects = objects(blobs.as_deref())?;
            migrate::migrate(from, to, objects.as_ref(), args.json)
        }
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn ask(data_dir: &Path, request: &AdminRequest) -> Outcome<AdminAnswer> {
    use std::os::unix::net::UnixStream;

    let socket = data_dir.join(SOCKET_NAME);
    if !data_dir.is_dir() {
        return Err(
            Failure::io(format!("{} is not a directory", data_dir.display()))
                .help("give the coordinator's data directory with --data-dir"),
        );
    }
    let mut stream = UnixStream::connect(&socket).map_err(|error| {
        let failure = Failure::file("reach the coordinator at", &socket, &error);
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                failure.help("is it running on this data directory?")
            }
            io::ErrorKind::PermissionDenied => {
                failure.help("only the user who runs the coordinator may operate it")
            }
            _ => failure,
        }
    })?;
    let lost = |error: io::Error| Failure::file("talk to the coordinator at", &socket, &error);
    let mut line = serde_json::to_vec(request).map_err(|error| Failure::io(error.to_string()))?;
    line.push(b'\n');
    stream.set_read_timeout(Some(ANSWER_LIMIT)).map_err(lost)?;
    stream.write_all(&line).map_err(lost)?;
    let mut answer = Vec::new();
    BufReader::new(stream)
        .take(MAX_ANSWER_LEN)
        .read_until(b'\n', &mut answer)
        .map_err(lost)?;
    serde_json::from_slice(&answer).map_err(|error| {
        Failure::io(format!(
            "the coordinator's answer is not understood: {error}"
        ))
        .help("are `tauline` and `tauline-server` of the same version?")
    })
}

#[cfg(not(unix))]
fn ask(_: &Path, _: &AdminRequest) -> Outcome<AdminAnswer> {
    Err(Failure::usage(
        "the operator's socket is a Unix socket: this system has none",
    ))
}
