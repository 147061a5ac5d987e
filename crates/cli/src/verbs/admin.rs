//! `tauline admin`: operates a coordinator over the Unix socket in its data directory.

mod data;
mod people;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf, absolute};
use std::str::FromStr as _;
use std::time::Duration;

use clap::Subcommand;
use tauline_protocol::Identity;
use tauline_protocol::admin::{AdminAnswer, AdminRequest, Reason, SOCKET_NAME};
use tauline_protocol::status::{CeremonyStatus, ModeWord};

use crate::exit::{Failure, Outcome};
use crate::identity::parse_identity;
use crate::verbs::status;
use crate::{numbers, output};

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

#[derive(Debug, Subcommand)]
enum Order {
    /// Show the ceremony's status.
    Status,
    /// Let nobody join any more, serve everyone in line, then halt.
    Drain,
    /// Let participants join again.
    Open,
    /// Stop all deadlines: nobody is called, and nobody loses a place.
    Pause,
    /// Go on after a pause.
    Resume,
    /// Let an identity that was used up without contributing join again. This goes into the public
    /// log.
    Pardon {
        /// The identity: eth|0x…, git|ID|LOGIN or invite|NAME.
        #[arg(value_name = "ID", value_parser = parse_identity)]
        id: Identity,
    },
    /// End the stay of somebody in line or in its turn. The identity is used up; a pardon lets it join
    /// again. This goes into the public log with the reason, which whoever is expelled is told.
    ///
    /// A contribution that is being verified cannot be expelled: it gets its verdict.
    Expel {
        /// The stay's ticket, as `tauline admin queue` shows it.
        #[arg(value_name = "TICKET")]
        ticket: u64,
        /// Why: one line of at most 500 characters.
        #[arg(long, value_name = "TEXT", value_parser = Reason::from_str)]
        reason: Reason,
    },
    /// Show who is in line, whether they are present, and when their next deadline is.
    Queue {
        /// How many to show, starting with who has the turn; at most 10,000.
        #[arg(long, value_name = "NUMBER", default_value_t = 30)]
        first: u32,
    },
    /// Show, make and revoke invitations, without a restart.
    Invites {
        #[command(subcommand)]
        order: InvitesOrder,
    },
    /// Read the settings and the invitations again, as SIGHUP does.
    ///
    /// These take effect at once: invitations, --log, --login-rate, --anonymous-rate,
    /// --session-rate, --lobby-rate and --trusted-proxies. Other settings that have changed need a
    /// restart; they are named.
    Reload,
    /// Write a consistent copy of the ceremony's data while it runs.
    ///
    /// The copy holds the coordinator's key: keep it as safe as the original.
    Backup {
        /// File to write, which must not exist yet.
        #[arg(short = 'o', long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Check a backup or a data directory, and show what it holds: contributions, the log's head,
    /// the coordinator's address, the last time.
    ///
    /// It checks all that a coordinator checks when it starts. Nothing is changed, and no
    /// coordinator needs to run.
    Check {
        /// A backup or a data directory [default: that of --data-dir].
        #[arg(value_name = "FILE|DIR")]
        path: Option<PathBuf>,
    },
    /// Check a backup and restore it to a new data directory, in which no coordinator may run.
    Restore {
        /// The backup.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The file tauline.signed of the old data directory, which tells how much of the public log
        /// was signed. A backup that is older than that is refused: somebody holds the proof of what
        /// it lacks.
        #[arg(long, value_name = "FILE")]
        signed: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum InvitesOrder {
    /// Show who is invited, and how far each has come in the queue.
    List,
    /// Invite people, and print a code for each. The codes are not shown again.
    Add {
        /// Their names.
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
    /// Revoke invitations. Nobody can sign in with their codes any more; whoever is in line keeps
    /// the place.
    Revoke {
        /// Their names.
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
}

/// Sends the order to the coordinator and prints its answer.
///
/// # Errors
/// When the coordinator refuses or is not there.
pub fn run(args: &Args) -> Outcome {
    let request = match &args.order {
        Order::Restore { file, signed } => {
            return data::restore(file, signed.as_deref(), &args.data_dir, args.json);
        }
        Order::Check { path } => {
            let path = path.as_deref().unwrap_or(&args.data_dir);
            return data::check(path, args.json);
        }
        Order::Backup { output } => {
            output::check_new(output)?;
            let to = absolute(output).map_err(|error| Failure::file("write", output, &error))?;
            AdminRequest::Backup { to }
        }
        Order::Status => AdminRequest::Status,
        Order::Drain => AdminRequest::Drain,
        Order::Open => AdminRequest::Open,
        Order::Pause => AdminRequest::Pause,
        Order::Resume => AdminRequest::Resume,
        Order::Pardon { id } => AdminRequest::Pardon { id: id.clone() },
        Order::Expel { ticket, reason } => AdminRequest::Expel {
            ticket: *ticket,
            reason: reason.clone(),
        },
        Order::Queue { first } => AdminRequest::Queue { first: *first },
        Order::Reload => AdminRequest::Reload,
        Order::Invites { order } => match order {
            InvitesOrder::List => AdminRequest::Invites,
            InvitesOrder::Add { names } => AdminRequest::Invite {
                names: names.clone(),
            },
            InvitesOrder::Revoke { names } => AdminRequest::Revoke {
                names: names.clone(),
            },
        },
    };
    let answer = ask(&args.data_dir, &request)?;
    if args.json {
        output::print_json(&answer)?;
    }
    match answer {
        AdminAnswer::Refused { error } => Err(Failure::bad(error)),
        _ if args.json => Ok(()),
        AdminAnswer::Done { status, paused } => output::print(&done(&args.order, &status, paused)),
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

/// The text that says what has been done.
fn done(order: &Order, status: &CeremonyStatus, paused: bool) -> String {
    let in_line = status.queue_length + u64::from(status.turn.is_some());
    let line = match in_line {
        0 => "nobody is in line".to_owned(),
        n => format!("{} in line", numbers::count(n, "participant")),
    };
    match order {
        Order::Drain if status.mode == ModeWord::Halted => "Halted: nobody was in line.".to_owned(),
        Order::Drain => {
            format!("Draining: nobody may join any more; {line}; it halts when all are served.")
        }
        Order::Open => format!("Open: anyone may join; {line}."),
        Order::Pause => {
            format!("Paused: no deadline runs, nobody is called, no place is lost; {line}.")
        }
        Order::Resume => {
            format!("Resumed: {}; {line}.", status.mode.as_str())
        }
        Order::Pardon { id } => format!("Pardoned: {id} may join again."),
        Order::Expel { ticket, .. } => format!(
            "Expelled: the stay with ticket {ticket} is over, and the reason is in the log; {line}."
        ),
        Order::Backup { output } => {
            let output = output.display();
            format!(
                "Backup: {output}, up to record {} of the log. It holds the coordinator's key.\n\
                 To restore it: tauline admin --data-dir NEW restore {output}",
                numbers::with_commas(status.log.records)
            )
        }
        Order::Status
        | Order::Check { .. }
        | Order::Restore { .. }
        | Order::Queue { .. }
        | Order::Invites { .. }
        | Order::Reload => {
            let paused = if paused {
                " (paused by the operator)"
            } else {
                ""
            };
            format!(
                "Ceremony is {}{paused}\n{}",
                status.mode.as_str(),
                status::text(status)
            )
        }
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
