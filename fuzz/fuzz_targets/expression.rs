//! See `terrace_aws::probe::expression`.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

fuzz_target!(|bytes: &[u8]| terrace_aws::probe::expression(FOLDER.path(), bytes));
