//! Somebody who looks after every change whether the site's name still leads to something healthy.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;
use terrace_sandbox::Home;

use crate::program::repository;
use crate::world::Account;

/// The pace of the sandbox: what takes AWS a second.
const SCALE: f64 = 0.02;

/// A proxy before an account's emulator that looks and keeps count; ended with the value.
pub(crate) struct Watch {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// The sandbox by whose name the program comes through here.
    name: String,
    note: PathBuf,
}

/// What was seen since it was last asked.
#[derive(Debug)]
pub(crate) struct Report {
    /// How often the name led to something healthy.
    pub(crate) looks: u64,
    /// In how many of them an answer of before was still remembered.
    pub(crate) kept: u64,
    /// How the answers changed.
    pub(crate) moves: Vec<String>,
    /// When it led nowhere.
    pub(crate) wrong: Vec<String>,
}

impl Watch {
    /// Watches a name in a public zone.
    pub(crate) fn over(account: &Account, zone: &str, name: &str) -> Self {
        let mut child = Command::new(account.python())
            .arg(repository().join("tests/watch/watcher.py"))
            .args([account.endpoint().as_str(), account.number(), "eu-west-3"])
            .args([zone, name, &SCALE.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        stdout.read_line(&mut port).unwrap();
        let port: u64 = port.trim().parse().unwrap();
        // Whoever looks for the sandbox finds the watch, and behind it the emulator.
        let run = Home::from_env().unwrap().root().join("run");
        let text = fs::read(run.join(format!("{}.json", account.sandbox()))).unwrap();
        let mut text: Value = serde_json::from_slice(&text).unwrap();
        text["port"] = port.into();
        let name = format!("{}-watched-{port}", account.sandbox());
        let note = run.join(format!("{name}.json"));
        fs::write(&note, text.to_string()).unwrap();
        Self {
            child,
            stdin,
            stdout,
            name,
            note,
        }
    }

    /// A command of the program, about to be run under its eyes.
    pub(crate) fn command(&self, account: &Account, arguments: &[&str]) -> Command {
        let mut command = account.command(arguments);
        command.env("TERRACE_SANDBOX_NAME", &self.name);
        command
    }

    /// What it has seen.
    pub(crate) fn report(&mut self) -> Report {
        let told = self.tell("report");
        let texts = |key: &str| {
            let texts = told[key].as_array().unwrap().iter();
            texts
                .map(|text| text.as_str().unwrap().to_owned())
                .collect()
        };
        Report {
            looks: told["looks"].as_u64().unwrap(),
            kept: told["kept"].as_u64().unwrap(),
            moves: texts("moves"),
            wrong: texts("wrong"),
        }
    }

    /// Kills a process with the change that moves the name: carried out, and never answered.
    pub(crate) fn kill_with_the_move(&mut self, process: u32) {
        self.tell(&format!("kill {process}"));
    }

    fn tell(&mut self, what: &str) -> Value {
        writeln!(self.stdin, "{what}").unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.note);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
