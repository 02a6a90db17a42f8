//! The laws: what holds for every kind in the list, from `examples/<kind>.toml`, against the emulator.
//!
//! No kind has a test of its own here: a new kind gets all laws by being in the list. One kind's laws:
//! `cargo test -p terrace-aws --test laws -- ::<kind>`.

#![allow(missing_docs, reason = "a test says what it is by its name")]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may fail"
)]

mod example;
mod faults;
mod stand;
mod trials;

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};
use terrace_aws::KINDS;
use terrace_core::erased::AnyKind;
use terrace_sandbox::{Home, Sandbox};
use tokio::runtime::Runtime;

/// Two emulators for all, for each answers one request at a time; every trial has an account of its own in one of them.
struct Emulators {
    runtime: Runtime,
    sandboxes: [OnceLock<Result<Sandbox, String>>; 2],
}

impl Emulators {
    fn endpoint(&self, trial: usize) -> Result<String, Failed> {
        let start = || {
            let start = async {
                let home = Home::from_env()?;
                Sandbox::private(&home, &|text| eprintln!("{text}")).await
            };
            self.runtime
                .block_on(start)
                .map_err(|error| error.to_string())
        };
        let sandbox = &self.sandboxes[trial % self.sandboxes.len()];
        let sandbox = sandbox.get_or_init(start).as_ref();
        sandbox
            .map(Sandbox::endpoint)
            .map_err(|error| error.as_str().into())
    }
}

type Law = fn(&dyn AnyKind, &stand::Stand) -> stand::Verdict;

const LAWS: [(&str, Law); 8] = [
    ("1_applied_is_settled", |kind, stand| {
        stand.block(trials::settled(kind, stand))
    }),
    ("2_a_change_is_that_change", |kind, stand| {
        stand.block(trials::updates(kind, stand))
    }),
    ("3_a_replacement_keeps_its_order", |kind, stand| {
        stand.block(trials::replacements(kind, stand))
    }),
    ("4_twice_is_once", |kind, stand| {
        stand.block(faults::doubled(kind, stand))
    }),
    ("5_interrupted_it_converges", |kind, stand| {
        stand.block(faults::interrupted(kind, stand))
    }),
    ("6_destroyed_is_empty", |kind, stand| {
        stand.block(trials::destroyed(kind, stand))
    }),
    ("7_imported_is_settled", |kind, stand| {
        stand.block(trials::imported(kind, stand))
    }),
    ("8_actions_are_declared", |kind, stand| {
        stand.block(trials::actions(kind, stand))
    }),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Two an emulator: one is asked while the other thinks.
    arguments.test_threads = arguments.test_threads.or(Some(4));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let emulators = Arc::new(Emulators {
        runtime,
        sandboxes: [OnceLock::new(), OnceLock::new()],
    });
    let mut trials = vec![
        Trial::test("every_kind_has_an_example", || Ok(example::complete()?)),
        Trial::test("every_property_has_a_row", || Ok(trials::rows()?)),
        Trial::test("every_property_has_a_law", || Ok(example::values()?)),
    ];
    let mut account = 100_000_000_000_u64;
    for (row, kind) in KINDS.iter().enumerate() {
        for (column, (name, law)) in LAWS.into_iter().enumerate() {
            account += 1;
            let emulators = Arc::clone(&emulators);
            // As on a chessboard: neighbours in time do not share one, and neither has all of the longest law.
            let (trial, account) = (row + column, account.to_string());
            trials.push(Trial::test(format!("{name}::{}", kind.name()), move || {
                let handle = emulators.runtime.handle().clone();
                let stand = stand::Stand::new(emulators.endpoint(trial)?, account, handle);
                Ok(law(*kind, &stand)?)
            }));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // Statics are not dropped at exit: the emulators end here, each by its own process.
    drop(emulators);
    conclusion.exit_code()
}
