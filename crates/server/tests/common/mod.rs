//! A server in the test's own process on a free port, and clients that talk to it as participants
//! do: over HTTP.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

mod client;
pub mod crowd;
pub mod http;
pub mod log;
pub mod namespaces;
pub mod program;
pub mod raw;
pub mod real;
pub mod replicas;
pub mod spoil;
pub mod sse;
pub mod turn;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use tauline_protocol::Identity;
use tauline_queue_core::Timestamp;
use tauline_server::Running;
use tauline_server::Settings;
use tauline_server::testing::clock::{Clock, Hands};
use tauline_server::testing::start_at;
use tauline_transcript::Sizes;
use tauline_transcript::transcript::{
    ExpectedSizes, Options, Report, TranscriptError, verify_transcript,
};

pub use client::{Answer, Client, alter_json, update};

/// The sizes that tests use when they do not say otherwise.
pub const SMALL: &str = "16:4,32:4,64:4,128:4";

/// When a manual clock starts.
pub const NOON: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// A running server with a data directory of its own.
pub struct TestServer {
    running: Option<Running>,
    directory: Option<tempfile::TempDir>,
    flags: Vec<(String, String)>,
    clock: Clock,
    hands: Option<Hands>,
}

impl TestServer {
    /// A server with small sizes, no limits on rates, and the default deadlines.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A server with further settings, `("start-limit", "1")`, over those of [`TestServer::start`].
    pub async fn with(flags: &[(&str, &str)]) -> Self {
        Self::open(flags, Clock::system(), None, tempfile::tempdir().unwrap())
            .await
            .unwrap()
    }

    /// A server on a clock that moves only when told to; it starts at [`NOON`].
    pub async fn at_noon(flags: &[(&str, &str)]) -> Self {
        Self::at(NOON, flags).await
    }

    /// A server on a clock that starts at this time, and moves only when told to.
    pub async fn at(start: Timestamp, flags: &[(&str, &str)]) -> Self {
        let (clock, hands) = Clock::manual(start);
        Self::open(flags, clock, Some(hands), tempfile::tempdir().unwrap())
            .await
            .unwrap()
    }

    /// Starts a server on data that is there, and stops it.
    pub async fn try_on(data: &tempfile::TempDir, flags: &[(&str, &str)]) -> anyhow::Result<()> {
        let flags: Vec<_> = flags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let running = start_at(&settings(data.path(), &flags), Clock::system()).await?;
        running.stop().await
    }

    async fn open(
        flags: &[(&str, &str)],
        clock: Clock,
        hands: Option<Hands>,
        directory: tempfile::TempDir,
    ) -> anyhow::Result<Self> {
        let flags: Vec<_> = flags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let running = start_at(&settings(directory.path(), &flags), clock.clone()).await?;
        Ok(Self {
            running: Some(running),
            directory: Some(directory),
            flags,
            clock,
            hands,
        })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.running().url()
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub fn data_dir(&self) -> &Path {
        self.directory.as_ref().unwrap().path()
    }

    pub fn sizes(&self) -> Sizes {
        settings(self.data_dir(), &self.flags).service.ceremony
    }

    /// Moves a manual clock.
    pub fn advance(&self, by: Duration) {
        self.hands
            .as_ref()
            .expect("this server is on the machine's clock")
            .advance(by);
    }

    /// Lets time pass on a manual clock, in steps that are no absence of the coordinator, and has
    /// it look at each.
    pub async fn pass(&self, time: Duration) {
        const STEP: Duration = Duration::from_secs(1);
        let bystander = Identity::invite("bystander").unwrap();
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(STEP);
            self.advance(step);
            left -= step;
            self.running()
                .coordinator()
                .check_in(bystander.clone())
                .await
                .unwrap();
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Stops the server as SIGTERM does, and starts it again on the same data (at another port).
    pub async fn restart(self) -> Self {
        self.restart_after(|_| ()).await
    }

    /// Restarts; in between something happens to the data directory.
    pub async fn restart_after(mut self, change: impl FnOnce(&Path)) -> Self {
        self.running.take().unwrap().stop().await.unwrap();
        change(self.data_dir());
        self.start_again().await;
        self
    }

    /// Restarts; meanwhile the manual clock is set, back too.
    pub async fn restart_at(mut self, time: Timestamp) -> Self {
        self.running.take().unwrap().stop().await.unwrap();
        let hands = self.hands.as_ref();
        hands
            .expect("this server is on the machine's clock")
            .set(time);
        self.start_again().await;
        self
    }

    /// Restarts on the machine's clock.
    pub async fn restart_on_the_machines_clock(mut self) -> Self {
        self.running.take().unwrap().stop().await.unwrap();
        self.clock = Clock::system();
        self.hands = None;
        self.start_again().await;
        self
    }

    async fn start_again(&mut self) {
        let settings = settings(self.data_dir(), &self.flags);
        self.running = Some(start_at(&settings, self.clock.clone()).await.unwrap());
    }

    /// Stops the server and gives its data.
    pub async fn stop(mut self) -> tempfile::TempDir {
        self.running.take().unwrap().stop().await.unwrap();
        self.directory.take().unwrap()
    }

    /// A client that has not signed in.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.url())
    }

    /// A client signed in by the Ethereum key of this number.
    pub async fn client(&self, number: u32) -> Client {
        let mut client = Client::with_key(&self.url(), number);
        client.sign_in().await.expect_ok();
        client
    }

    /// A client signed in by invitation.
    pub async fn invited(&self, code: &str) -> Client {
        let mut client = Client::new(&self.url());
        client.sign_in_by_invite(code).await.expect_ok();
        client
    }

    /// Downloads the transcript and verifies it whole.
    pub async fn verify_transcript(&self) -> Result<Report, TranscriptError> {
        let transcript = self
            .anonymous()
            .get("/ceremony/transcript")
            .await
            .expect_ok()
            .bytes;
        let sizes = ExpectedSizes::These(self.sizes());
        let options = Options {
            sizes,
            ..Options::default()
        };
        verify_transcript(&transcript[..], &options, &mut rand_core::OsRng, &|_| ())
    }
}

fn settings(data_dir: &Path, flags: &[(String, String)]) -> Settings {
    let mut all = BTreeMap::from([
        ("listen".to_owned(), "127.0.0.1:0".to_owned()),
        ("data-dir".to_owned(), data_dir.display().to_string()),
        ("ceremony".to_owned(), SMALL.to_owned()),
        ("login-rate".to_owned(), "0".to_owned()),
        ("anonymous-rate".to_owned(), "0".to_owned()),
        ("session-rate".to_owned(), "0".to_owned()),
    ]);
    all.extend(flags.iter().cloned());
    let args = all
        .into_iter()
        .map(|(key, value)| format!("--{key}={value}").into());
    Settings::from_args(std::iter::once("tauline-server".into()).chain(args)).unwrap()
}

/// The number that an environment variable holds, if there is one.
pub fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    let number = text.parse().ok();
    Some(number.unwrap_or_else(|| panic!("{name} is not a number: {text}")))
}

/// Bytes, compressed.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
