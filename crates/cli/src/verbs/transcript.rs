//! `tauline transcript`: downloads the current transcript, and resumes interrupted downloads.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap};
use reqwest::{Response, StatusCode, Url};
use tauline_protocol::status::CeremonyStatus;
use tauline_transcript::Sizes;
use tokio::time::sleep;

use crate::backoff::Backoff;
use crate::client::{self, Client, ClientError, next_piece, parse_server};
use crate::exit::{Failure, Outcome};
use crate::progress::Meter;
use crate::runtime::online;
use crate::verbs::contribute;
use crate::{numbers, output};

/// How long calls are repeated while the coordinator does not answer. Long enough for a
/// restart, but not for moving to another machine. The next run resumes where this one stopped.
const PATIENCE: Duration = Duration::from_secs(60);

/// Download the current transcript. Run it again to resume an interrupted download.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The coordinator's address.
    #[arg(long, value_name = "URL", env = "TAULINE_SERVER", value_parser = parse_server)]
    server: Url,
    /// File to write. While it is downloaded, it is called FILE.part, and FILE.part.etag tells its
    /// version.
    #[arg(short = 'o', long, value_name = "FILE")]
    output: PathBuf,
    /// Replace the file if there is one.
    #[arg(long)]
    force: bool,
}

/// Downloads the transcript.
///
/// # Errors
/// When the coordinator does not answer, or the file cannot be written.
pub fn run(args: &Args) -> Outcome {
    output::check_writable(&args.output, args.force)?;
    online(async {
        let client = Client::new(client::http(&args.server)?, args.server.clone());
        let mut part = Part::open(&args.output)?;
        let meter = Meter::transfer("Downloading");
        if part.len > 0 {
            meter.say(&format!("Going on after {}.", numbers::bytes(part.len)));
        }
        download(&client, &mut part, &meter).await?;
        drop(meter);
        let len = part.len;
        part.finish(&args.output, args.force)?;
        let status = client.status().await.ok();
        let name = args.output.display();
        let (len, sizes) = (numbers::bytes(len), sizes_flag(status.as_ref()));
        output::print(&format!(
            "{name}: {len}. Check it: tauline verify {name}{sizes}"
        ))?;
        match status.and_then(|status| status.moved_to) {
            Some(moved) => output::print(&format!(
                "This is the transcript up to the handover to another coordinator: {}.",
                client::where_it_went(&moved)
            )),
            None => Ok(()),
        }
    })
}

/// The flag that `verify` needs for a ceremony whose sizes are not the default ones.
fn sizes_flag(status: Option<&CeremonyStatus>) -> String {
    let sizes = status.and_then(|status| contribute::sizes(status).ok());
    match sizes.filter(|sizes| *sizes != Sizes::default()) {
        Some(sizes) => format!(" --ceremony {sizes}"),
        None => String::new(),
    }
}

async fn download(client: &Client, part: &mut Part, meter: &Meter) -> Outcome {
    let mut backoff = Backoff::new(PATIENCE);
    let mut is_first = true;
    loop {
        let before = part.len;
        let error = match attempt(client, part, meter).await {
            Ok(()) => return Ok(()),
            Err(Trouble::Local(failure)) => return Err(failure),
            Err(Trouble::Remote(error)) => error,
        };
        if part.len > before {
            backoff = Backoff::new(PATIENCE);
        }
        // If nobody has ever answered, the address is more likely wrong than the server slow.
        let hopeless = is_first && part.len == 0 && !matches!(error, ClientError::Refused(_));
        is_first = false;
        let pause = backoff
            .next(error.retry_after())
            .filter(|_| error.is_transient());
        let Some(pause) = pause.filter(|_| !hopeless) else {
            let failure = match hopeless {
                true => client.explain(error).await,
                false => error.into_failure(client.server()),
            };
            return Err(match part.len {
                0 => failure,
                _ => failure.help("run the same command again: it goes on where it stopped"),
            });
        };
        meter.say(&format!("Connection trouble: {error}. Trying again."));
        sleep(pause).await;
    }
}

enum Trouble {
    Remote(ClientError),
    Local(Failure),
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        Self::Remote(error)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Local(failure)
    }
}

/// Makes one request: for what is missing, or for everything if the coordinator does not have that
/// version any more.
async fn attempt(client: &Client, part: &mut Part, meter: &Meter) -> Result<(), Trouble> {
    let mut response = match client.transcript(part.len, part.etag.as_deref()).await {
        // The part is longer than the transcript, so it belongs to something else.
        Err(ClientError::Refused(refused)) if refused.status == 416 => {
            part.restart(None)?;
            client.transcript(0, None).await?
        }
        response => response?,
    };
    let etag = header(response.headers(), &ETAG);
    let is_rest = response.status() == StatusCode::PARTIAL_CONTENT
        && etag == part.etag
        && range_start(response.headers()) == Some(part.len);
    if !is_rest {
        if response.status() == StatusCode::PARTIAL_CONTENT {
            part.restart(None)?;
            return Err(ClientError::Network("it sent another part".to_owned()).into());
        }
        if part.len > 0 {
            meter.say("The transcript has changed: starting again.");
        }
        part.restart(etag)?;
    }
    let total = response.content_length().map(|rest| part.len + rest);
    receive(&mut response, part, total, meter).await?;
    match total {
        Some(total) if total != part.len => {
            Err(ClientError::Network("the connection was cut".to_owned()).into())
        }
        _ => Ok(()),
    }
}

async fn receive(
    response: &mut Response,
    part: &mut Part,
    total: Option<u64>,
    meter: &Meter,
) -> Result<(), Trouble> {
    meter.set(part.len, total);
    while let Some(piece) = next_piece(response).await? {
        part.append(&piece)?;
        meter.set(part.len, total);
    }
    Ok(())
}

fn header(headers: &HeaderMap, name: &reqwest::header::HeaderName) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

/// The first byte that a `Content-Range: bytes A-B/N` names.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let range = header(headers, &CONTENT_RANGE)?;
    range
        .strip_prefix("bytes ")?
        .split_once('-')?
        .0
        .parse()
        .ok()
}

/// The part of a transcript that has been downloaded, and the version it belongs to.
struct Part {
    path: PathBuf,
    etag_path: PathBuf,
    file: File,
    len: u64,
    etag: Option<String>,
}

impl Part {
    fn open(output: &Path) -> Outcome<Self> {
        let path = with_suffix(output, ".part");
        let etag_path = with_suffix(output, ".part.etag");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options
            .open(&path)
            .map_err(|error| Failure::file("write", &path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::usage(format!(
                    "another download is writing {}",
                    path.display()
                ))
                .help("wait for it, or choose another name"));
            }
            // Some file systems have no locks.
            Err(TryLockError::Error(_)) => {}
        }
        let etag = fs::read_to_string(&etag_path)
            .ok()
            .map(|text| text.trim_end().to_owned());
        let len = file
            .seek(SeekFrom::End(0))
            .map_err(|error| Failure::file("read", &path, &error))?;
        let mut part = Self {
            path,
            etag_path,
            file,
            len,
            etag,
        };
        if part.etag.is_none() && part.len > 0 {
            // Nothing tells which version this is a part of.
            part.restart(None)?;
        }
        Ok(part)
    }

    fn restart(&mut self, etag: Option<String>) -> Outcome {
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(|error| Failure::file("write", &self.path, &error))?;
        self.len = 0;
        let noted = match &etag {
            Some(etag) => fs::write(&self.etag_path, format!("{etag}\n")),
            None => remove_if_there(&self.etag_path),
        };
        noted.map_err(|error| Failure::file("write", &self.etag_path, &error))?;
        self.etag = etag;
        Ok(())
    }

    fn append(&mut self, piece: &[u8]) -> Outcome {
        self.file
            .write_all(piece)
            .map_err(|error| Failure::file("write", &self.path, &error))?;
        self.len += piece.len() as u64;
        Ok(())
    }

    /// Gives the whole file its name.
    fn finish(self, output: &Path, replace: bool) -> Outcome {
        output::check_writable(output, replace)?;
        let finished = self
            .file
            .sync_all()
            .and_then(|()| fs::rename(&self.path, output));
        finished.map_err(|error| Failure::file("write", output, &error))?;
        remove_if_there(&self.etag_path)
            .map_err(|error| Failure::file("remove", &self.etag_path, &error))
    }
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_nothing_known_is_not_built_on() {
        let dir = tempfile::tempdir().unwrap();
        let output = dir.path().join("t.json");
        fs::write(dir.path().join("t.json.part"), "what is this").unwrap();
        let part = Part::open(&output).unwrap();
        assert_eq!((part.len, part.etag), (0, None));
    }

    #[test]
    fn a_part_is_built_on_with_its_etag() {
        let dir = tempfile::tempdir().unwrap();
        let output = dir.path().join("t.json");
        let mut part = Part::open(&output).unwrap();
        part.restart(Some("\"5-abc\"".to_owned())).unwrap();
        part.append(b"begin").unwrap();
        assert!(Part::open(&output).is_err(), "two downloads to one file");
        drop(part);
        let mut part = Part::open(&output).unwrap();
        assert_eq!((part.len, part.etag.as_deref()), (5, Some("\"5-abc\"")));
        part.append(b"ning").unwrap();
        part.finish(&output, false).unwrap();
        assert_eq!(fs::read(&output).unwrap(), b"beginning");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_place_of_a_range_is_read() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_RANGE, "bytes 42-99/100".parse().unwrap());
        assert_eq!(range_start(&headers), Some(42));
        headers.insert(CONTENT_RANGE, "bytes */100".parse().unwrap());
        assert_eq!(range_start(&headers), None);
    }
}
