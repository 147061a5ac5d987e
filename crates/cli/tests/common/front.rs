//! Real proxies in front of coordinators: nginx, HAProxy and Caddy.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tauline_test_ports::free_port;

use super::server::Server;
use super::temporary;

/// A proxy. Killed when dropped.
pub(crate) struct Front {
    child: Child,
    /// Its address.
    pub(crate) url: String,
    /// Its program.
    pub(crate) name: &'static str,
    _dir: tempfile::TempDir,
}

impl Front {
    /// The proxies that are here, each with the example of `deploy` for it.
    pub(crate) fn examples(server: &Server) -> Vec<Self> {
        let at = address(server);
        let all = [
            Self::nginx_example(&example("nginx/tauline.conf"), &[at]),
            Self::haproxy_example(&[at]),
            Self::caddy_example(server),
        ];
        all.into_iter().flatten().collect()
    }

    /// The proxies that are here, each with the example of `deploy` for several replicas, before these.
    pub(crate) fn replicas(at: &[&str]) -> Vec<Self> {
        let several = example("nginx/replicas.conf");
        let one = example("nginx/tauline.conf");
        let (head, rest) = one.split_once("upstream tauline {").unwrap();
        let (_, rest) = rest.split_once("\n}\n").unwrap();
        let nginx = format!("{head}\n{several}\n{rest}");
        let all = [Self::nginx_example(&nginx, at), Self::haproxy_example(at)];
        all.into_iter().flatten().collect()
    }

    /// Starts nginx with these directives. None, with a message, if there is no nginx.
    pub(crate) fn nginx(server: &Server, directives: &str) -> Option<Self> {
        Self::nginx_with(|_, port| {
            format!(
                "server {{ listen 127.0.0.1:{port}; {directives}\n\
                 location / {{ proxy_pass {}; }} }}",
                server.url
            )
        })
    }

    /// Starts nginx with an example, without TLS, before these servers.
    fn nginx_example(example: &str, servers: &[&str]) -> Option<Self> {
        let mut servers = servers.iter();
        Self::nginx_with(|at, port| {
            let changed = example.lines().map(|line| match line.trim() {
                "listen 443 ssl http2;" => format!("listen 127.0.0.1:{port};"),
                "listen 80;" => format!("listen unix:{at}/plain;"),
                other if other.starts_with("ssl_") || other.starts_with("listen") => String::new(),
                other if other.starts_with("server ") && other.contains(":3000") => {
                    instead(other, servers.next())
                }
                _ => line
                    .replace("/var/cache/nginx", at)
                    .replace("/var/log/nginx", at),
            });
            changed.collect::<Vec<_>>().join("\n")
        })
    }

    /// Starts HAProxy with the example, without TLS, before these servers. None, with a message, if there is
    /// no HAProxy.
    fn haproxy_example(servers: &[&str]) -> Option<Self> {
        let there = ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"];
        let program = program("HAProxy", &there, "TAULINE_REQUIRE_HAPROXY", "haproxy")?;
        let (dir, port, mut servers) = (temporary(), free_port(), servers.iter());
        let example = example("haproxy/haproxy.cfg");
        let changed = example.lines().map(|line| match line.trim() {
            "bind :80" => String::new(),
            other if other.starts_with("http-request redirect scheme") => String::new(),
            other if other.starts_with("bind :443") => format!("bind 127.0.0.1:{port}"),
            // As many files as the machine lets it open.
            other if other.starts_with("maxconn") => "maxconn 1000".to_owned(),
            other if other.starts_with("server ") => instead(other, servers.next()),
            _ => line.to_owned(),
        });
        let config = changed.collect::<Vec<_>>().join("\n") + "\n";
        fs::write(dir.path().join("haproxy.cfg"), config).unwrap();
        let mut command = Command::new(program);
        command
            .arg("-db")
            .arg("-f")
            .arg(dir.path().join("haproxy.cfg"));
        Some(Self::listens("haproxy", &mut command, port, dir))
    }

    /// Starts Caddy with the example, without TLS. None, with a message, if there is no Caddy.
    fn caddy_example(server: &Server) -> Option<Self> {
        let there = ["/usr/bin/caddy", "/usr/local/bin/caddy"];
        let program = program("Caddy", &there, "TAULINE_REQUIRE_CADDY", "caddy")?;
        let (dir, port) = (temporary(), free_port());
        let at = dir.path().display().to_string();
        let site = format!("http://:{port} {{\n\tbind 127.0.0.1");
        let changed = example("caddy/Caddyfile")
            .replace("ceremony.example.org {", &site)
            .replace("127.0.0.1:3000", address(server))
            .replace("/var/log/caddy", &at);
        assert!(
            changed.contains(&site) && changed.contains(address(server)),
            "{changed}"
        );
        let config = format!("{{\n\tadmin off\n}}\n{changed}");
        fs::write(dir.path().join("Caddyfile"), config).unwrap();
        let mut command = Command::new(program);
        command
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(dir.path().join("Caddyfile"))
            .env("HOME", dir.path())
            .env("XDG_DATA_HOME", dir.path())
            .env("XDG_CONFIG_HOME", dir.path());
        Some(Self::listens("caddy", &mut command, port, dir))
    }

    /// Starts nginx with what stands in its block `http`, for this directory and this port.
    fn nginx_with(http: impl FnOnce(&str, u16) -> String) -> Option<Self> {
        let there = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"];
        let program = program("nginx", &there, "TAULINE_REQUIRE_NGINX", "nginx-light")?;
        let (dir, port) = (temporary(), free_port());
        let at = dir.path().display().to_string();
        let http = http(&at, port);
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|what| format!("{what}_temp_path {at}/{what};\n"))
            .concat();
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
             events {{}}\nhttp {{ access_log off;\n{temporary}\n{http}\n}}\n"
        );
        fs::write(dir.path().join("nginx.conf"), config).unwrap();
        let mut command = Command::new(program);
        command
            .arg("-e")
            .arg(dir.path().join("early.log"))
            .arg("-c")
            .arg(dir.path().join("nginx.conf"));
        Some(Self::listens("nginx", &mut command, port, dir))
    }

    /// Starts a program, and waits until it listens on this port.
    fn listens(
        name: &'static str,
        command: &mut Command,
        port: u16,
        dir: tempfile::TempDir,
    ) -> Self {
        let said = fs::File::create(dir.path().join("said.log")).unwrap();
        let child = command.stdout(Stdio::null()).stderr(said).spawn().unwrap();
        let mut front = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
            name,
            _dir: dir,
        };
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let has_ended = front.child.try_wait().unwrap().is_some();
            assert!(
                !has_ended && since.elapsed() < Duration::from_secs(60),
                "{name} does not listen: {}",
                fs::read_to_string(front._dir.path().join("said.log")).unwrap()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        front
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of `deploy`.
fn example(path: &str) -> String {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    fs::read_to_string(deploy.join(path)).unwrap()
}

fn address(server: &Server) -> &str {
    server.url.trim_start_matches("http://")
}

/// A line of an example that names a server, with another in its place, or nothing if there is none.
fn instead(line: &str, server: Option<&&str>) -> String {
    let is_address = |word: &&str| word.contains(":3000");
    let example = line.split([' ', ';']).find(is_address).unwrap();
    let replaced = server.map(|server| line.replace(example, server));
    replaced.unwrap_or_default()
}

/// A program at one of these paths. None, with a message, if there is none, unless it must be there.
fn program(name: &str, there: &[&str], required: &str, package: &str) -> Option<PathBuf> {
    let found = there.iter().map(PathBuf::from).find(|path| path.exists());
    if found.is_none() {
        assert!(
            std::env::var_os(required).is_none(),
            "{required} is set, and there is no {name}"
        );
        eprintln!("SKIPPED: there is no {name}: apt-get install {package}");
    }
    found
}
