//! Replicas of one coordinator and their database, as real programs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tauline_test_ports::free_address;
use tauline_test_postgres::Server as Postgres;

use crate::load::{NO_RATES, invitations};
use crate::process::Process;

/// Within what time all serve; over a long log on a busy machine it takes a while.
const LIMIT: Duration = Duration::from_secs(180);

/// What each is started with, beside addresses, sizes and [`NO_RATES`]: all load comes through one proxy.
const SETTINGS: [&str; 6] = [
    "--signin",
    "invite",
    "--max-connections-per-address",
    "0",
    "--trusted-proxies",
    "127.0.0.1",
];

/// Several replicas, which end when this is dropped.
pub struct Replicas {
    postgres: Postgres,
    schema: String,
    directory: tempfile::TempDir,
    binary: PathBuf,
    sizes: String,
    all: Vec<Replica>,
}

struct Replica {
    name: String,
    /// Where participants reach it, and where the others do.
    listen: String,
    inside: String,
    child: Option<Child>,
}

impl Drop for Replica {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Replicas {
    /// Starts a database and so many replicas, with an invitation for each participant.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or a program cannot be started.
    pub fn start(binary: &Path, sizes: &str, count: usize, people: usize) -> Result<Self> {
        let postgres = Postgres::start().context("PostgreSQL is needed")?;
        let schema = postgres.fresh();
        let mut replicas = Self::on(postgres, schema, binary, sizes, count, people)?;
        for number in 0..count {
            replicas.run(number)?;
        }
        Ok(replicas)
    }

    /// So many replicas on a database that runs, in which there may be a ceremony of these sizes already. None
    /// of them runs yet.
    ///
    /// # Errors
    /// When the list of invitations cannot be written.
    pub fn on(
        postgres: Postgres,
        schema: String,
        binary: &Path,
        sizes: &str,
        count: usize,
        people: usize,
    ) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        std::fs::write(directory.path().join("invites"), invitations(people))?;
        let mut all = Vec::new();
        for number in 0..count {
            all.push(Replica {
                name: format!("r{number}"),
                listen: free_address(),
                inside: free_address(),
                child: None,
            });
        }
        Ok(Self {
            postgres,
            schema,
            directory,
            binary: binary.to_owned(),
            sizes: sizes.to_owned(),
            all,
        })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Where participants reach each.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.all.iter().map(|it| it.listen.clone()).collect()
    }

    /// The process of one that runs.
    #[must_use]
    pub fn process(&self, number: usize) -> Option<Process> {
        let child = self.all.get(number)?.child.as_ref()?;
        Some(Process(child.id()))
    }

    /// Starts one that does not run.
    ///
    /// # Errors
    /// When its program cannot be started.
    pub fn run(&mut self, number: usize) -> Result<()> {
        let folder = self.directory.path();
        let replica = &mut self.all[number];
        ensure!(replica.child.is_none(), "{} runs already", replica.name);
        let log = folder.join(format!("{}.log", replica.name));
        let log = File::options().create(true).append(true).open(log)?;
        let child = Command::new(&self.binary)
            .args(["--listen", &replica.listen, "--ceremony", &self.sizes])
            .args(["--replica-name", &replica.name])
            .args(["--replica-listen", &replica.inside])
            .args(["--replica-url", &format!("http://{}", replica.inside)])
            .args(SETTINGS)
            .args(NO_RATES)
            .arg("--invites")
            .arg(folder.join("invites"))
            .arg("--data-dir")
            .arg(folder.join(&replica.name))
            .env("TAULINE_STORE", self.postgres.url(&self.schema))
            .env("TAULINE_LOG", "info")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))?;
        replica.child = Some(child);
        Ok(())
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When it does not run, or has ended by itself.
    pub fn kill(&mut self, number: usize) -> Result<()> {
        let replica = &mut self.all[number];
        let mut child = replica.child.take().context("it runs")?;
        let ended = child.try_wait()?;
        ensure!(ended.is_none(), "{} had ended by itself", replica.name);
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// SIGTERM. It ends by itself, which is waited for by [`Replicas::has_stopped`].
    ///
    /// # Errors
    /// When it does not run.
    pub fn stop(&self, number: usize) -> Result<()> {
        let child = self.all[number].child.as_ref().context("it runs")?;
        Ok(kill_process(Pid::from_child(child), Signal::TERM)?)
    }

    /// Waits until one that was told to stop has done so.
    ///
    /// # Errors
    /// When it ends otherwise.
    pub fn has_stopped(&mut self, number: usize) -> Result<()> {
        let mut child = self.all[number].child.take().context("it runs")?;
        let exit = child.wait()?;
        ensure!(
            exit.success(),
            "{} ended with {exit}",
            self.all[number].name
        );
        Ok(())
    }

    /// Makes sure that none has ended by itself.
    ///
    /// # Errors
    /// One that has; the last that it has written is in the message.
    pub fn run_on(&mut self) -> Result<()> {
        for replica in &mut self.all {
            if let Some(child) = &mut replica.child
                && let Some(exit) = child.try_wait()?
            {
                let log = self.directory.path().join(format!("{}.log", replica.name));
                let log = std::fs::read_to_string(log).unwrap_or_default();
                let last = log.lines().last().unwrap_or_default();
                bail!("{} has ended by itself, {exit}: {last}", replica.name);
            }
        }
        Ok(())
    }

    /// Which one leads, by the database, and its epoch. None while nobody does.
    ///
    /// # Errors
    /// A row that is not understood.
    pub fn leads(&self) -> Result<Option<(usize, u64)>> {
        let asked = "SELECT epoch, name FROM leader WHERE expires_at > clock_timestamp()";
        let row = self.postgres.sql(&self.schema, asked);
        let Some((epoch, name)) = row.split_once('|') else {
            return Ok(None);
        };
        let number = self.all.iter().position(|it| it.name == name);
        Ok(Some((number.context("a name of ours")?, epoch.parse()?)))
    }

    /// Waits until each that runs is ready to serve.
    ///
    /// # Errors
    /// When one is not in time; what it has written is in the message.
    pub async fn ready(&self, client: &reqwest::Client) -> Result<()> {
        let since = Instant::now();
        for replica in self.all.iter().filter(|it| it.child.is_some()) {
            let url = format!("http://{}/readyz", replica.listen);
            loop {
                let request = client.get(&url).timeout(Duration::from_secs(5));
                let answer = request.send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    break;
                }
                let name = &replica.name;
                let log = self.directory.path().join(format!("{name}.log"));
                ensure!(
                    since.elapsed() < LIMIT,
                    "{name} is not ready; it has written: {}",
                    std::fs::read_to_string(log).unwrap_or_default()
                );
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }
}
