//! Machines of their own, as far as the network goes: namespaces of Linux on one bridge, which are parted
//! from each other without anybody being told.
//!
//! They take root, and `ip` and `bridge` of iproute2. They go with the test's process, however it ends: a
//! shell waits for that and removes them.

use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// How the names of all that is made begin; the number of the process follows.
const PREFIX: &str = "tl";

/// Waits for the end of its standard input. Then ends what runs in the namespaces, and removes them and
/// their bridge.
const KEEPER: &str = r#"
    cat > /dev/null
    for name in $(ip netns list | cut -d ' ' -f 1 | grep "^$1-"); do
        for process in $(ip netns pids "$name"); do kill -9 "$process"; done
        ip netns delete "$name"
    done
    ip link delete "$1"
"#;

/// Some machines on one bridge, numbered from 0. The test's own is on it, too.
pub struct Machines {
    name: String,
    net: [u8; 3],
    keeper: Child,
}

impl Machines {
    /// So many machines. None where namespaces cannot be made.
    ///
    /// # Panics
    /// Where they cannot be made, and `TAULINE_REQUIRE_NETNS` is in the environment.
    pub fn make(count: usize) -> Option<Self> {
        static TRIED: OnceLock<Result<(), String>> = OnceLock::new();
        static MADE: AtomicU32 = AtomicU32::new(0);
        if let Err(why) = TRIED.get_or_init(can_be_made) {
            let is_required = std::env::var_os("TAULINE_REQUIRE_NETNS").is_some();
            assert!(!is_required, "{why}, and TAULINE_REQUIRE_NETNS is set");
            eprintln!("SKIPPED: network namespaces cannot be made here: {why}");
            return None;
        }
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let name = format!("{PREFIX}{process}x{number}");
        // Of the addresses that are nobody's outside of a provider's net (RFC 6598).
        let spread = process.wrapping_mul(8).wrapping_add(number);
        let byte = |value: u32| u8::try_from(value).unwrap();
        let net = [100, byte(64 + spread % 64), byte(spread / 64 % 256)];
        let machines = Self {
            keeper: keeper(&name),
            name,
            net,
        };
        machines.connect(count);
        Some(machines)
    }

    fn connect(&self, count: usize) {
        let bridge = self.name.as_str();
        let own = format!("{}/24", self.at(1));
        ip(&format!("link add {bridge} type bridge"));
        ip(&format!("address add {own} dev {bridge}"));
        ip(&format!("link set {bridge} up"));
        for number in 0..count {
            let (name, address) = (self.machine(number), self.address(number));
            ip(&format!("netns add {name}"));
            ip(&format!(
                "link add {name} type veth peer name eth0 netns {name}"
            ));
            ip(&format!("link set {name} master {bridge} up"));
            ip(&format!("-n {name} address add {address}/24 dev eth0"));
            ip(&format!("-n {name} link set eth0 up"));
            ip(&format!("-n {name} link set lo up"));
        }
    }

    fn at(&self, last: u8) -> Ipv4Addr {
        let [a, b, c] = self.net;
        Ipv4Addr::new(a, b, c, last)
    }

    /// The namespace of a machine, and the end of its cable at the bridge.
    fn machine(&self, number: usize) -> String {
        format!("{}-{number}", self.name)
    }

    /// Where a machine is reached.
    pub fn address(&self, number: usize) -> Ipv4Addr {
        self.at(u8::try_from(10 + number).unwrap())
    }

    /// What a command is begun with to run on a machine.
    pub fn on(&self, number: usize) -> Vec<String> {
        let name = self.machine(number);
        ["ip", "netns", "exec", &name].map(str::to_owned).into()
    }

    /// Two machines hear nothing of each other any more. One pair at a time.
    pub fn part(&self, one: usize, other: usize) {
        self.isolate(one, other, "on");
    }

    /// They do again.
    pub fn join(&self, one: usize, other: usize) {
        self.isolate(one, other, "off");
    }

    /// Machines that are isolated reach all that are not.
    fn isolate(&self, one: usize, other: usize, word: &str) {
        for number in [one, other] {
            self.set(number, &format!("isolated {word}"));
        }
    }

    /// A machine hears nothing of anybody, nor does anybody of it.
    pub fn cut_off(&self, number: usize) {
        self.set(number, "state disabled");
    }

    /// It does again.
    pub fn mend(&self, number: usize) {
        self.set(number, "state forwarding");
    }

    fn set(&self, number: usize, what: &str) {
        let name = self.machine(number);
        run("bridge", &format!("link set dev {name} {what}")).unwrap();
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

fn keeper(name: &str) -> Child {
    Command::new("sh")
        .args(["-c", KEEPER, "sh", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Why no namespace can be made, if none can.
fn can_be_made() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("the tests do not run as root".to_owned());
    }
    let name = format!("{PREFIX}{}try", std::process::id());
    for program in ["ip", "bridge"] {
        let found = Command::new(program).arg("-V").output();
        found.map_err(|error| format!("{program}: {error} (Debian: apt-get install iproute2)"))?;
    }
    remove_left_over();
    run("ip", &format!("netns add {name}"))?;
    run("ip", &format!("netns delete {name}"))
}

/// Removes what processes have left that were killed together with the shell that would have.
fn remove_left_over() {
    let Ok(listed) = Command::new("ip").args(["netns", "list"]).output() else {
        return;
    };
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        let Some((bridge, _)) = name.split_once('-') else {
            continue;
        };
        let process = bridge
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('x'))
            .and_then(|(process, _)| process.parse::<u32>().ok());
        let runs = |id| std::path::Path::new(&format!("/proc/{id}")).exists();
        if process.is_some_and(|id| !runs(id)) {
            let mut keeper = keeper(bridge);
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }
}

/// Runs a program with these words.
fn run(program: &str, words: &str) -> Result<(), String> {
    let output = Command::new(program).args(words.split(' ')).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{program} {words}: {}", said.trim())),
    }
}

fn ip(words: &str) {
    run("ip", words).unwrap();
}
