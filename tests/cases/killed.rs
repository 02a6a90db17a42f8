//! The program is killed in the middle of an apply, and run again.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read};
use std::thread::sleep;
use std::time::Duration;

use crate::world::Account;

const APPLY: [&str; 4] = ["apply", "--yes", "--stage", "single-instance"];

/// After how many lines of progress; an undisturbed run says some seventy.
const POINTS: [usize; 5] = [1, 12, 26, 40, 54];

/// Begins to apply, and is killed by SIGKILL after so many lines of progress.
fn kill_after(account: &Account, lines: usize) {
    let mut child = account.begin(&APPLY);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    let mut seen = 0;
    while seen < lines {
        line.clear();
        let read = stderr.read_line(&mut line).unwrap();
        assert!(read > 0, "it ended after {seen} lines of progress");
        if line.starts_with('[') {
            seen += 1;
        }
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), None, "killed, and not ended");
    let _ = stderr.read_to_string(&mut line);
}

/// Applies to the end. Until the lease of the killed run has run out, its lock is respected.
fn apply(account: &Account) {
    for _ in 0..60 {
        let answer = account.run(&APPLY);
        if answer.exit == Some(0) {
            return;
        }
        assert!(answer.stderr.contains("holds the lock since"), "{answer}");
        sleep(Duration::from_millis(500));
    }
    panic!("the lock of a killed run is never free");
}

#[test]
fn wherever_it_is_killed_the_next_run_ends_as_if_nothing_had_been() {
    let undisturbed = Account::with_shop("killed", "prod");
    apply(&undisturbed);
    let expected = undisturbed.census();
    let killed = POINTS.map(|point| {
        let account = Account::with_shop("killed", "prod");
        kill_after(&account, point);
        (point, account)
    });
    for (point, account) in killed {
        apply(&account);
        let plan = ["plan", "--detailed-exitcode", "--stage", "single-instance"];
        account.ends(0, &plan);
        assert_eq!(account.census(), expected, "killed after {point} lines");
    }
}
