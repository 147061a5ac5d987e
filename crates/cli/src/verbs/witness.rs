//! `tauline witness`: cosigns what a log shows, so that it can show nobody anything else
//! (`docs/spec/public-log.md#witnesses`).

mod book;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tauline_log::note::{KeyName, VerifierKey};
use tokio::net::TcpListener;

use self::book::Book;
use crate::exit::{Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::output;
use crate::runtime::online;

/// Witness the public logs of ceremonies: remember how far each has come, and cosign only what goes
/// on from there.
///
/// A coordinator that is told of this witness (`tauline-server --witness KEY=URL`) offers each
/// checkpoint to it. Whoever sees a checkpoint with the cosignatures of some witnesses knows that
/// everybody is shown the same log. Run it on another machine than the coordinator, and publish its
/// key, which it prints first.
///
/// It speaks C2SP tlog-witness, so logs of other kinds can be witnessed, too.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The witness's name, such as a domain of yours. It is part of the key.
    #[arg(long, value_name = "NAME", value_parser = key_name)]
    name: KeyName,
    /// The key of a log to witness, as the log's first entry and `tauline audit` have it. May be
    /// given several times.
    #[arg(long, value_name = "KEY", required = true, value_parser = log_key)]
    log: Vec<VerifierKey>,
    /// Directory for the witness's key and for what it has cosigned. Never go back to an old copy of
    /// it.
    #[arg(long, value_name = "DIR", default_value = "tauline-witness")]
    data_dir: PathBuf,
    /// Address and port to serve HTTP on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3100")]
    listen: SocketAddr,
}

fn key_name(text: &str) -> Result<KeyName, String> {
    text.parse()
        .map_err(|error| format!("this is no name for a key: {error}"))
}

fn log_key(text: &str) -> Result<VerifierKey, String> {
    text.parse()
        .map_err(|error| format!("this is no verifier key: {error}"))
}

/// Serves until it is interrupted.
///
/// # Errors
/// A directory that cannot be used, or an address that cannot be listened on.
pub fn run(args: Args) -> Outcome {
    let book = Arc::new(Book::open(&args.data_dir, args.name, args.log)?);
    online(serve(book, args.listen))
}

async fn serve(book: Arc<Book>, address: SocketAddr) -> Outcome {
    let failed = |error: std::io::Error| {
        Failure::io(format!("{address} cannot be listened on: {error}"))
            .help("give another address: --listen ADDR")
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let mut interrupt = Interrupt::listen()?;
    output::print(&format!(
        "Witness key: {}\nTo be offered its checkpoints, a coordinator is started with:\n  \
         tauline-server --witness {}=http://{bound}\nServing on http://{bound}",
        book.verifier_key(),
        book.verifier_key()
    ))?;
    axum::serve(listener, serve::router(book))
        .with_graceful_shutdown(async move {
            interrupt.raised().await;
        })
        .await
        .map_err(|error| Failure::io(format!("serving failed: {error}")))
}
