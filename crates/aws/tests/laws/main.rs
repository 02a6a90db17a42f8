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

/// One emulator for all; every trial has an account of its own in it.
struct Emulator {
    runtime: Runtime,
    sandbox: OnceLock<Result<Sandbox, String>>,
}

impl Emulator {
    fn endpoint(&self) -> Result<String, Failed> {
        let start = || {
            let start = async {
                let home = Home::from_env()?;
                Sandbox::private(&home, &|text| eprintln!("{text}")).await
            };
            self.runtime
                .block_on(start)
                .map_err(|error| error.to_string())
        };
        let sandbox = self.sandbox.get_or_init(start).as_ref();
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
    // The emulator answers one request at a time; more threads only wait.
    arguments.test_threads = arguments.test_threads.or(Some(4));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let emulator = Arc::new(Emulator {
        runtime,
        sandbox: OnceLock::new(),
    });
    let mut trials = vec![
        Trial::test("every_kind_has_an_example", || Ok(example::complete()?)),
        Trial::test("every_property_has_a_row", || Ok(trials::rows()?)),
        Trial::test("every_property_has_a_law", || Ok(example::values()?)),
    ];
    let mut account = 100_000_000_000_u64;
    for kind in KINDS {
        for (name, law) in LAWS {
            account += 1;
            let emulator = Arc::clone(&emulator);
            let account = account.to_string();
            trials.push(Trial::test(format!("{name}::{}", kind.name()), move || {
                let handle = emulator.runtime.handle().clone();
                let stand = stand::Stand::new(emulator.endpoint()?, account, handle);
                Ok(law(*kind, &stand)?)
            }));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // Statics are not dropped at exit: the emulator ends here, by its own process.
    drop(emulator);
    conclusion.exit_code()
}
