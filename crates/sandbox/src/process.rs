//! The emulator as a process: starting it, knowing it again, ending it.

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use http::Method;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process};
use sha2::{Digest, Sha256};
use tokio::process::{Child, Command};

use crate::client::call;
use crate::embed::hex;
use crate::{Result, SandboxError};

/// Ends the emulator when our end of its standard input closes, however we end.
const WITH_US: &str = "\
import os, runpy, sys, threading
def watch():
    sys.stdin.buffer.read()
    os._exit(0)
threading.Thread(target=watch, daemon=True).start()
runpy.run_module('terrace_emulator', run_name='__main__', alter_sys=True)
";

/// How long an emulator lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Until it is stopped.
    Own,
    /// As long as the value, or this process.
    WithUs,
}

/// All that an emulator is started with.
pub(crate) struct Launch<'a> {
    pub(crate) python: &'a Path,
    pub(crate) package: &'a Path,
    pub(crate) log: &'a Path,
    pub(crate) identity: &'a str,
    pub(crate) port: u16,
    pub(crate) life: Life,
}

impl Launch<'_> {
    pub(crate) fn start(&self) -> Result<Child> {
        let failed = |error| SandboxError::io("write", self.log, &error);
        let log = File::create(self.log).map_err(failed)?;
        let errors = log.try_clone().map_err(failed)?;
        let mut command = Command::new(self.python);
        match self.life {
            Life::Own => command
                .args(["-m", "terrace_emulator"])
                .stdin(Stdio::null()),
            Life::WithUs => command.args(["-c", WITH_US]).stdin(Stdio::piped()),
        };
        command
            .args([
                "--port",
                &self.port.to_string(),
                "--identity",
                self.identity,
            ])
            .stdout(log)
            .stderr(errors)
            // Not the user's folder: Python would import what lies there, and it could not be
            // unmounted or removed while the emulator lives.
            .current_dir(self.package)
            // Not the terminal's group: the interrupt that ends a command is not meant for it.
            .process_group(0)
            .kill_on_drop(self.life == Life::WithUs);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if ["AWS_", "BOTO", "MOTO_", "PYTHON"]
                .iter()
                .any(|start| text.starts_with(start))
            {
                command.env_remove(&name);
            }
        }
        command
            .env("PYTHONPATH", self.package)
            .env("PYTHONUNBUFFERED", "1")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
            .spawn()
            .map_err(|error| SandboxError::io("run", self.python, &error))
    }
}

/// A word that nobody else knows, with the package's hash before it.
pub(crate) fn new_identity(package: &str) -> String {
    let mut seed = Sha256::new();
    for _ in 0..4 {
        // Keyed by the system's randomness.
        seed.update(RandomState::new().build_hasher().finish().to_be_bytes());
    }
    seed.update(std::process::id().to_be_bytes());
    format!("{package}-{}", hex(&seed.finalize()[..16]))
}

/// A free port: the wished one, if it is.
pub(crate) fn free_port(wish: Option<u16>) -> Result<u16> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let found = match wish.map(bind) {
        Some(Ok(listener)) => Ok(listener),
        _ => bind(0),
    };
    found
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| SandboxError::new(format!("there is no free port on 127.0.0.1: {error}")))
}

/// Whether the server on the port repeats the word.
pub(crate) async fn answers(port: u16, identity: &str, patience: Duration) -> bool {
    let url = format!("http://127.0.0.1:{port}/terrace/identity");
    call(Method::GET, &url, patience)
        .await
        .is_ok_and(|(status, text)| status.is_success() && text.contains(identity))
}

/// Whether the process was started with the word; `None` where the system does not tell.
pub(crate) async fn was_started_with(pid: u32, identity: &str) -> Option<bool> {
    if !is_alive(pid) {
        return Some(false);
    }
    if Path::new("/proc/self/cmdline").exists() {
        let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        return Some(
            words
                .split(|byte| *byte == 0)
                .any(|word| word == identity.as_bytes()),
        );
    }
    let output = Command::new("ps")
        .args(["-ww", "-o", "command=", "-p", &pid.to_string()])
        .stdin(Stdio::null())
        .output()
        .await
        .ok()
        .filter(|output| output.status.success())?;
    Some(
        String::from_utf8_lossy(&output.stdout)
            .split_whitespace()
            .any(|word| word == identity),
    )
}

/// Whether there is such a process, and it is more than an entry that its parent has yet to clear.
pub(crate) fn is_alive(pid: u32) -> bool {
    let Some(pid) = pid_of(pid) else { return false };
    if test_kill_process(pid).is_err_and(|error| error == rustix::io::Errno::SRCH) {
        return false;
    }
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    // `pid (name) state`, where the name may hold anything.
    let state = stat.ok().and_then(|text| {
        text.rsplit_once(") ")
            .map(|(_, rest)| rest.starts_with('Z'))
    });
    state != Some(true)
}

/// Ends the process and its children: asks, and after five seconds insists. The caller has proven
/// that it is ours.
pub(crate) async fn end(pid: u32) -> Result<()> {
    for (signal, patience) in [(Signal::TERM, 5), (Signal::KILL, 10)] {
        signal_group(pid, signal);
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(patience) {
            if !is_alive(pid) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Err(SandboxError::new(format!(
        "the emulator (process {pid}) does not end"
    )))
}

/// Kills the process and its children at once, without waiting.
pub(crate) fn kill(pid: u32) {
    signal_group(pid, Signal::KILL);
}

fn signal_group(pid: u32, signal: Signal) {
    // Every emulator leads a group of its own. One that is gone already is what we want.
    if let Some(pid) = pid_of(pid) {
        let _ = kill_process_group(pid, signal);
    }
}

fn pid_of(pid: u32) -> Option<Pid> {
    // 1 is the system's first process, and its group would mean every process there is.
    i32::try_from(pid)
        .ok()
        .filter(|pid| *pid > 1)
        .and_then(Pid::from_raw)
}

/// What it wrote last.
pub(crate) fn log_text(path: &PathBuf) -> String {
    fs::read(path)
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .unwrap_or_default()
}
