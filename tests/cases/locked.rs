//! Two runs at once, runs that die, runs that are asked to stop: one lock, and what it leaves.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::world::Account;

const APPLY: [&str; 4] = ["apply", "--yes", "--stage", "single-instance"];
const PLAN: [&str; 4] = ["plan", "--detailed-exitcode", "--stage", "single-instance"];
/// A run that waits for a database.
const LONG_APPLY: [&str; 4] = ["apply", "--yes", "--stage", "split-database"];
const LONG_PLAN: [&str; 4] = ["plan", "--detailed-exitcode", "--stage", "split-database"];
/// How many seconds a state lasts that takes time; a database has several on its way.
const SLOW: f64 = 5.0;
const QUICK: f64 = 0.05;

/// A run that has begun: it has said so many lines of progress.
struct Begun {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
}

impl Begun {
    /// It goes on for half a minute at least: however busy the machine, a signal comes in time. The world must be
    /// the test's own, as all in it is slow until [`Account::set_pace`]. It heeds SIGINT, which a shell has what it
    /// starts in the background ignore, these tests perhaps among it.
    fn slowly(account: &Account, arguments: &[&str], lines: usize) -> Self {
        account.set_pace(SLOW);
        let python = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])";
        let mut foreground = Command::new("python3");
        foreground.args(["-c", python]);
        Self::of(begin(foreground, &account.command(arguments)), lines)
    }

    fn of(mut child: Child, lines: usize) -> Self {
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let (mut line, mut seen) = (String::new(), 0);
        while seen < lines {
            line.clear();
            let read = stderr.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended after {seen} lines of progress");
            seen += usize::from(line.starts_with('['));
        }
        Self { child, stderr }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success(), "{name}");
    }

    /// Its exit code and the rest of what it says.
    fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

/// Begins a command by way of a wrapper, which it takes the place of.
fn begin(mut wrapper: Command, command: &Command) -> Child {
    wrapper.arg(command.get_program()).args(command.get_args());
    let set = command.get_envs();
    wrapper.envs(set.filter_map(|(key, value)| Some((key, value?))));
    wrapper.current_dir(command.get_current_dir().unwrap());
    wrapper.stdin(Stdio::null()).stdout(Stdio::null());
    wrapper.stderr(Stdio::piped()).spawn().unwrap()
}

/// What `terrace lock` says of the lock.
fn state(account: &Account) -> Value {
    let told = account.ends(0, &["lock", "--format", "json"]);
    serde_json::from_str::<Value>(&told.stdout).unwrap()["lock"]["state"].clone()
}

#[test]
fn the_second_of_two_runs_is_told_who_the_first_is() {
    let account = Account::with_shop("two-runs", "prod");
    let first = Begun::slowly(&account, &APPLY, 1);
    first.signal("STOP");
    account.set_pace(QUICK);
    assert_eq!(state(&account), "held");
    let told = account.ends(1, &APPLY);
    let pid = first.child.id();
    for words in [
        "holds the lock since ",
        &format!("(process {pid} on "),
        "`terrace lock --release` frees it",
    ] {
        assert!(told.stderr.contains(words), "{words}: {told}");
    }
    // A plan takes no lock.
    account.ends(2, &PLAN);
    first.signal("CONT");
    let (exit, rest) = first.end();
    assert_eq!(exit, Some(0), "{rest}");
    assert_eq!(state(&account), Value::Null);
    account.ends(0, &PLAN);
}

#[test]
fn a_run_may_wait_for_another() {
    let account = Account::with_shop("locked", "prod");
    let text = account.read("stack.toml");
    account.write("stack.toml", &format!("{text}\n[lock]\nwait = \"7d\"\n"));
    let first = Begun::of(account.begin(&APPLY), 1);
    let told = account.ends(0, &APPLY);
    assert!(told.stderr.contains("the lock is held by"), "{told}");
    assert!(told.stderr.contains("waiting"), "{told}");
    let (exit, rest) = first.end();
    assert_eq!(exit, Some(0), "{rest}");
    account.ends(0, &PLAN);
}

#[test]
fn whose_lock_was_taken_over_changes_nothing_more() {
    let account = Account::with_shop("taken-over", "prod");
    let first = Begun::slowly(&account, &APPLY, 12);
    // As with a lid that is closed.
    first.signal("STOP");
    account.set_pace(QUICK);
    let told = account.ends_once_free(&APPLY);
    assert!(told.stderr.contains("took over the lock of"), "{told}");
    account.ends(
        0,
        &["destroy", "--yes", "--allow", "data", "--allow", "address"],
    );
    let before = account.census();
    first.signal("CONT");
    let (exit, rest) = first.end();
    assert_eq!(exit, Some(1), "{rest}");
    assert!(
        rest.contains("the lock was taken over by another run"),
        "{rest}"
    );
    // What had left the fence before the lid was closed may still arrive; nothing else begins. A call on its way
    // to AWS so long is refused there, as its signature is too old.
    let after = account.census();
    let many = |census: &std::collections::BTreeMap<String, u64>| census.values().sum::<u64>();
    assert!(
        many(&after) <= many(&before) + 3,
        "{before:?} {after:?}: {rest}"
    );
}

#[test]
fn a_lock_that_is_freed_by_hand_is_left_unsettled() {
    let account = Account::with_shop("freed", "prod");
    let first = Begun::slowly(&account, &APPLY, 12);
    first.signal("KILL");
    account.set_pace(QUICK);
    let (exit, _) = first.end();
    assert_eq!(exit, None);
    let told = account.ends(1, &["lock", "--release"]);
    assert!(told.stderr.contains("--yes agrees in advance"), "{told}");
    let told = account.ends(0, &["lock", "--release", "--yes"]);
    assert!(told.stdout.contains("(process "), "{told}");
    assert_eq!(state(&account), "unsettled");
    let told = account.ends(0, &APPLY);
    assert!(told.stderr.contains("its run did not end well"), "{told}");
    assert_eq!(state(&account), Value::Null);
    account.ends(0, &PLAN);
}

/// Begins a run that is sent signals while it waits for a database.
fn stopped(account: &Account, signals: &[&str]) -> (Option<i32>, String) {
    let run = Begun::slowly(account, &LONG_APPLY, 12);
    for signal in signals {
        run.signal(signal);
    }
    let end = run.end();
    account.set_pace(QUICK);
    end
}

#[test]
fn who_is_asked_to_stop_says_where_it_stands() {
    for signal in ["INT", "TERM", "HUP"] {
        let account = Account::with_shop("stopped", "prod");
        let (exit, rest) = stopped(&account, &[signal]);
        assert_eq!(exit, Some(1), "{signal}: {rest}");
        for words in [
            "stopping: no step starts any more",
            "stopped by hand: ",
            "run it again to go on",
        ] {
            assert!(rest.contains(words), "{signal}: {words}: {rest}");
        }
        // Every call was awaited, so the next run need not wait.
        assert_eq!(state(&account), Value::Null, "{signal}");
        account.ends(0, &LONG_APPLY);
        account.ends(0, &LONG_PLAN);
    }
}

#[test]
fn what_nohup_has_it_ignore_it_ignores() {
    let account = Account::with_shop("locked", "prod");
    let nohup = begin(Command::new("nohup"), &account.command(&APPLY));
    let run = Begun::of(nohup, 12);
    run.signal("HUP");
    let (exit, rest) = run.end();
    assert_eq!(exit, Some(0), "{rest}");
    account.ends(0, &PLAN);
}

#[test]
fn who_is_asked_twice_stops_at_once_and_the_next_run_goes_on() {
    let account = Account::with_shop("stopped-at-once", "prod");
    // As CI systems do: first the one, some seconds later the other.
    let (exit, rest) = stopped(&account, &["INT", "TERM"]);
    assert_eq!(exit, Some(1), "{rest}");
    // Between the signals the calls under way may all have been answered.
    assert_ne!(state(&account), "held", "{rest}");
    account.ends(0, &LONG_APPLY);
    account.ends(0, &LONG_PLAN);
}
