//! The real program on a small ceremony by invitation, which is killed and started again.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tauline_test_ports::free_address;
use tauline_transcript::Sizes;

use super::program;

const SIZES: &str = "16:4,32:4,64:4,128:4";

/// The sizes of the ceremony.
pub fn sizes() -> Sizes {
    SIZES.parse().unwrap()
}

/// The code of the invitation with this number.
pub fn code(number: usize) -> String {
    format!("secret-code-of-{number}")
}

/// The name of whoever has it.
pub fn name(number: usize) -> String {
    format!("p{number}")
}

/// How the program is started, each time at the same address.
pub struct Setup {
    data: PathBuf,
    invites: PathBuf,
    listen: String,
    more: &'static [&'static str],
}

impl Setup {
    /// The program with its data in this directory, for so many people, with these flags, too. It is
    /// running.
    pub fn begin(
        directory: &Path,
        people: usize,
        more: &'static [&'static str],
    ) -> (Self, RealServer) {
        let list: String = (0..people)
            .map(|number| format!("{} {}\n", name(number), code(number)))
            .collect();
        let setup = Self {
            data: directory.join("data"),
            invites: directory.join("invites"),
            listen: free_address(),
            more,
        };
        std::fs::write(&setup.invites, list).unwrap();
        let server = setup.start();
        (setup, server)
    }

    /// Starts the program.
    pub fn start(&self) -> RealServer {
        self.try_start(None).expect("the server starts")
    }

    /// Starts the program, which ends itself at a failpoint; none if it does so before it serves.
    pub fn start_until(&self, failpoint: &str) -> Option<RealServer> {
        self.try_start(Some(failpoint))
    }

    fn try_start(&self, failpoint: Option<&str>) -> Option<RealServer> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tauline-server"));
        command
            .args(["--listen", &self.listen, "--ceremony", SIZES])
            .args(["--signin", "invite", "--log", "warn"])
            .args(["--login-rate", "0", "--anonymous-rate", "0"])
            .args(["--session-rate", "0"])
            .args(self.more)
            .arg("--data-dir")
            .arg(&self.data)
            .arg("--invites")
            .arg(&self.invites)
            .env_remove("TAULINE_FAILPOINT")
            .stdout(Stdio::piped());
        if let Some(failpoint) = failpoint {
            command.env("TAULINE_FAILPOINT", failpoint);
        }
        let mut child = command.spawn().unwrap();
        let line = program::first_line(&mut child);
        // Made before anything else is looked at, so that the process never outlives the test.
        let mut server = RealServer {
            child,
            url: String::new(),
        };
        server.url = program::address(&line)?;
        Some(server)
    }
}

/// The running program; killed when dropped.
pub struct RealServer {
    child: Child,
    pub url: String,
}

impl RealServer {
    /// SIGKILL, which no program can do anything about. It may have ended before.
    pub fn kill(mut self) {
        self.end();
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        self.end();
    }
}
