//! A coordinator that is put under load, and the latencies under that load.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tauline_test_ports::free_address;

use crate::process::Process;

/// The coordinator that is put under load: options of every load generator.
#[derive(Debug, clap::Args)]
pub struct Target {
    #[command(flatten)]
    binary: Binary,
    /// Sizes of the ceremony.
    #[arg(long = "ceremony", default_value = "4096:65,8192:65,16384:65,32768:65")]
    pub sizes: String,
}

impl Target {
    /// The coordinator's binary.
    ///
    /// # Errors
    /// When the path of this program is not known.
    pub fn binary(&self) -> Result<PathBuf> {
        self.binary.path()
    }
}

/// The path of the coordinator's binary.
#[derive(Debug, clap::Args)]
pub struct Binary {
    /// The coordinator's binary [default: the one beside this program].
    #[arg(long)]
    server_binary: Option<PathBuf>,
}

impl Binary {
    /// Its path.
    ///
    /// # Errors
    /// When the path of this program is not known.
    pub fn path(&self) -> Result<PathBuf> {
        if let Some(binary) = &self.server_binary {
            return Ok(binary.clone());
        }
        let here = std::env::current_exe()?;
        let folder = here.parent().context("a program lies in a folder")?;
        Ok(folder.join("tauline-server"))
    }
}

/// A client's builder. Its TLS is by `ring`, like the coordinator's, and is used by nobody here.
pub fn http() -> reqwest::ClientBuilder {
    // Fails from the second call on, as it should.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
}

/// No limits on rates, since all load comes from few addresses.
pub const NO_RATES: [&str; 6] = [
    "--login-rate",
    "0",
    "--anonymous-rate",
    "0",
    "--session-rate",
    "0",
];

/// A coordinator in a process of its own, which is killed when this is dropped.
pub struct Server {
    process: Child,
    /// Host and port that it serves on.
    pub address: String,
    /// Its address as a URL.
    pub url: String,
    data: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Starts a coordinator on a new data directory, with an invitation for each participant and
    /// without rate limits, since all load comes from one address.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(binary: &Path, sizes: &str, people: usize, flags: &[&str]) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let invites = data.path().join("invites");
        std::fs::write(&invites, invitations(people))?;
        let address = free_address();
        let process = Command::new(binary)
            .args(["--listen", &address, "--ceremony", sizes])
            .args(["--signin", "invite"])
            .arg("--data-dir")
            .arg(data.path().join("data"))
            .arg("--invites")
            .arg(&invites)
            .args(flags)
            .args(NO_RATES)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .env("TAULINE_LOG", "warn")
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        Ok(Self {
            process,
            url: format!("http://{address}"),
            address,
            data,
        })
    }

    /// Waits until it serves.
    ///
    /// # Errors
    /// When it does not within ten seconds.
    pub async fn ready(&self, client: &reqwest::Client) -> Result<()> {
        for _ in 0..200 {
            if client
                .get(format!("{}/ceremony/status", self.url))
                .send()
                .await
                .is_ok()
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the coordinator did not start")
    }

    /// Kills the coordinator. Returns the path of its database, which is deleted when this is
    /// dropped.
    ///
    /// # Errors
    /// When the system fails.
    pub fn kill(&mut self) -> Result<PathBuf> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(self.data.path().join("data/tauline.db"))
    }

    /// Resident memory, now and at its highest, in MB, and processor time in seconds.
    ///
    /// # Errors
    /// Where there is no `/proc`.
    pub fn usage(&self) -> Result<(f64, f64, f64)> {
        let usage = self.process().usage()?;
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let time = usage.time.as_secs_f64();
        Ok((megabytes(usage.memory), megabytes(usage.most_memory), time))
    }

    /// Processor time so far, in steps of 10 ms.
    ///
    /// # Errors
    /// Where there is no `/proc`.
    pub fn processor_time(&self) -> Result<Duration> {
        self.process().processor_time()
    }

    /// The process.
    #[must_use]
    pub fn process(&self) -> Process {
        Process(self.process.id())
    }
}

/// A file of `--invites` for so many participants, which [`sign_in`] goes by.
#[must_use]
pub fn invitations(people: usize) -> String {
    let lines = (0..people).map(|i| format!("p{i} code-of-participant-{i}\n"));
    lines.collect()
}

/// Signs in with the invitation of this number, and returns the session's token.
///
/// # Errors
/// When that is refused.
pub async fn sign_in(client: &reqwest::Client, url: &str, participant: usize) -> Result<String> {
    let body = format!(r#"{{"invite":"code-of-participant-{participant}"}}"#);
    let answer = client
        .post(format!("{url}/login"))
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await?;
    let answer: serde_json::Value =
        serde_json::from_str(&answer.error_for_status()?.text().await?)?;
    Ok(answer["token"]
        .as_str()
        .context("a login answers with a token")?
        .to_owned())
}

/// Latencies of a run, in milliseconds, and how many requests failed.
pub struct Latencies {
    sorted: Vec<f64>,
    failed: usize,
}

impl Latencies {
    /// From these latencies, and the number of requests that failed.
    #[must_use]
    pub fn new(mut latencies: Vec<f64>, failed: usize) -> Self {
        latencies.sort_by(f64::total_cmp);
        Self {
            sorted: latencies,
            failed,
        }
    }

    /// The latency that this share of the requests did not exceed.
    #[must_use]
    pub fn at(&self, share: f64) -> f64 {
        let index = (self.sorted.len() as f64 * share) as usize;
        let index = index.min(self.sorted.len().saturating_sub(1));
        self.sorted.get(index).copied().unwrap_or(f64::NAN)
    }

    /// Prints a line with percentiles.
    pub fn print(&self, name: &str, seconds: f64) {
        println!(
            "{name}: {} answered, {} failed, {:.0} a second; p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
            self.sorted.len(),
            self.failed,
            self.sorted.len() as f64 / seconds,
            self.at(0.5),
            self.at(0.9),
            self.at(0.99),
            self.at(0.999),
            self.at(1.0),
        );
    }
}
