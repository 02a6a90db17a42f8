//! How long a command takes that asks nobody: "start-up under 30 ms", with our crates optimised. `just bench`.

#![allow(missing_docs, clippy::unwrap_used)]

use std::process::{Command, Stdio};

fn main() {
    divan::main();
}

fn terrace(arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_terrace"));
    command
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.unwrap().success());
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn help() {
    terrace(&["--help"]);
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn validate_shop() {
    terrace(&["validate", "stacks/shop"]);
}
