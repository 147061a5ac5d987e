//! A real nginx before the replicas, with the example of `deploy` for several.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// The example for one coordinator, and what takes the place of its `upstream` with several.
const ONE: &str = include_str!("../../../deploy/nginx/tauline.conf");
const SEVERAL: &str = include_str!("../../../deploy/nginx/replicas.conf");

/// How long nginx may take until it listens.
const LIMIT: Duration = Duration::from_secs(30);

/// An nginx that is killed when this is dropped.
pub struct Front {
    child: Child,
    /// Its address as a URL.
    pub url: String,
    _directory: tempfile::TempDir,
}

impl Front {
    /// Starts nginx before replicas at these addresses.
    ///
    /// # Errors
    /// When there is no nginx, or it does not listen.
    pub fn start(replicas: &[String]) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let port = free_port()?;
        let at = directory.path().join("nginx.conf");
        std::fs::write(&at, configuration(directory.path(), port, replicas)?)?;
        let said = std::fs::File::create(directory.path().join("said.log"))?;
        let child = Command::new("/usr/sbin/nginx")
            .arg("-e")
            .arg(directory.path().join("early.log"))
            .arg("-c")
            .arg(&at)
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .context("there is no /usr/sbin/nginx: apt-get install nginx-light")?;
        let mut front = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
            _directory: directory,
        };
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let has_ended = front.child.try_wait()?.is_some();
            ensure!(
                !has_ended && since.elapsed() < LIMIT,
                "nginx does not listen"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(front)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The whole configuration: the example as it is, but for TLS, addresses and paths.
fn configuration(directory: &Path, port: u16, replicas: &[String]) -> Result<String> {
    let at = directory.display();
    let (head, rest) = ONE
        .split_once("upstream tauline {")
        .context("the example has an upstream")?;
    let (_, rest) = rest.split_once("\n}\n").context("the upstream ends")?;
    let mut addresses = replicas.iter();
    let mut http = String::new();
    for line in format!("{head}{SEVERAL}\n{rest}").lines() {
        let word = line.trim();
        let changed = match word {
            "listen 443 ssl http2;" => format!("listen 127.0.0.1:{port};"),
            "listen 80;" => format!("listen unix:{at}/plain;"),
            _ if word.starts_with("listen ") || word.starts_with("ssl_") => continue,
            _ if word.starts_with("server 10.") => {
                let Some(address) = addresses.next() else {
                    continue;
                };
                let (_, settings) = word.split_once(":3000").context("a server has a port")?;
                format!("server {address}{settings}")
            }
            _ => line
                .replace("/var/cache/nginx", &at.to_string())
                .replace("/var/log/nginx", &at.to_string()),
        };
        http.push_str(&changed);
        http.push('\n');
    }
    ensure!(addresses.next().is_none(), "the example has fewer replicas");
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("{what}_temp_path {at}/{what};\n"))
        .concat();
    Ok(format!(
        "daemon off;\nmaster_process off;\npid {at}/pid;\nerror_log {at}/error.log;\n\
         worker_rlimit_nofile 20000;\nevents {{ worker_connections 16000; }}\n\
         http {{\naccess_log off;\n{paths}{http}}}\n"
    ))
}

fn free_port() -> Result<u16> {
    let free = TcpListener::bind("127.0.0.1:0")?;
    Ok(free.local_addr()?.port())
}

#[test]
fn the_example_is_used_with_each_replica_in_it() {
    let replicas = ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"].map(str::to_owned);
    let text = configuration(Path::new("/nowhere"), 4, &replicas).unwrap();
    for replica in &replicas {
        let line = format!("server {replica} max_fails=1 fail_timeout=2s;");
        assert_eq!(text.matches(&line).count(), 1, "{text}");
    }
    assert!(!text.contains(":3000") && !text.contains("ssl_") && !text.contains("/var/"));
    assert!(text.contains("listen 127.0.0.1:4;"), "{text}");
    let four = [&replicas[..], &replicas[..1]].concat();
    assert!(configuration(Path::new("/nowhere"), 4, &four).is_err());
}
