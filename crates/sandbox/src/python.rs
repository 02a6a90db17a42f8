//! Finds a Python that can run the emulator.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::error::dotted;
use crate::{Result, SandboxError, System};

const NAMES: [&str; 7] = [
    "python3",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "python",
];

/// The oldest Python that will do.
const LEAST: (u32, u32) = (3, 10);

/// Asks a Python what it is. Read by Python 2 as well, to be told that it is too old.
const PROBE: &str = "\
import json, platform, sys
try:
    import ensurepip, venv
    venv = True
except ImportError:
    venv = False
print(json.dumps([list(sys.version_info[:3]), venv,
    platform.python_implementation(), platform.machine(), sys.platform, sys.prefix]))
";

/// Where Python is looked for.
#[derive(Clone, Debug)]
pub struct Search {
    /// The one to use, whatever else there is: a path, or a name on `path`.
    pub python: Option<OsString>,
    /// The folders to look in, as in `PATH`.
    pub path: OsString,
    /// The system that remedies are named for.
    pub system: System,
}

impl Search {
    /// By `$TERRACE_PYTHON` and `$PATH`.
    pub fn from_env() -> Self {
        Self {
            python: env::var_os("TERRACE_PYTHON").filter(|value| !value.is_empty()),
            path: env::var_os("PATH").unwrap_or_default(),
            system: System::here(),
        }
    }

    /// The program of that name, as a shell would find it.
    pub(crate) fn program(&self, name: impl AsRef<Path>) -> Option<PathBuf> {
        let name = name.as_ref();
        if name.components().count() > 1 {
            return std::path::absolute(name).ok().filter(|path| path.is_file());
        }
        env::split_paths(&self.path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
    }

    /// The first Python that is new enough, one with `venv` before one without.
    pub(crate) async fn find(&self) -> Result<Python> {
        if let Some(chosen) = &self.python {
            return self.chosen(chosen).await;
        }
        let mut bare = None;
        let mut old = Vec::new();
        let mut broken = Vec::new();
        for path in NAMES.iter().filter_map(|name| self.program(name)) {
            match Python::ask(&path).await {
                Ok(python) if !python.is_new_enough() => old.push(python),
                Ok(python) if python.venv => return Ok(python),
                Ok(python) => bare = bare.or(Some(python)),
                Err(reason) => broken.push((path, reason)),
            }
        }
        if let Some(python) = bare {
            return Ok(python);
        }
        let mut failed = match (old.first(), broken.first()) {
            (Some(python), _) => SandboxError::new(format!(
                "the sandbox needs Python 3.10 or newer, and `{}` is {}",
                python.path.display(),
                dotted(&python.version),
            )),
            (None, Some((path, reason))) => SandboxError::new(format!(
                "the sandbox needs Python 3.10 or newer, and `{}` does not run",
                path.display()
            ))
            .quoting(reason),
            (None, None) => SandboxError::new(
                "the sandbox needs Python 3.10 or newer, and there is no Python on the `PATH`",
            ),
        };
        failed = failed.hint(self.system.install_python());
        if self.program("uv").is_some() {
            failed = failed.hint("or let uv bring one: `uv python install 3.13`");
        }
        Err(failed.hint("if there is one elsewhere, name it in `TERRACE_PYTHON`"))
    }

    async fn chosen(&self, name: &OsString) -> Result<Python> {
        let shown = name.to_string_lossy();
        let hint = "set `TERRACE_PYTHON` to a Python 3.10 or newer, or unset it";
        let path = self.program(Path::new(name)).ok_or_else(|| {
            SandboxError::new(format!(
                "`TERRACE_PYTHON` names `{shown}`, which does not exist"
            ))
            .hint(hint)
        })?;
        let python = Python::ask(&path).await.map_err(|reason| {
            SandboxError::new(format!(
                "`TERRACE_PYTHON` names `{shown}`, which does not run"
            ))
            .quoting(&reason)
            .hint(hint)
        })?;
        if python.is_new_enough() {
            return Ok(python);
        }
        let version = dotted(&python.version);
        Err(SandboxError::new(format!(
            "`TERRACE_PYTHON` names `{shown}`, which is Python {version}: the sandbox needs 3.10 or newer"
        ))
        .hint(hint))
    }
}

/// A Python that answered.
#[derive(Debug)]
pub(crate) struct Python {
    pub(crate) path: PathBuf,
    pub(crate) version: [u32; 3],
    /// Whether it can make a virtual environment with pip in it.
    pub(crate) venv: bool,
    /// All that an environment made by it depends on.
    pub(crate) key: String,
}

impl Python {
    async fn ask(path: &Path) -> std::result::Result<Self, String> {
        let run = Command::new(path)
            .args(["-E", "-s", "-c", PROBE])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = match tokio::time::timeout(Duration::from_secs(30), run).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err("it did not answer in 30 seconds".into()),
        };
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        match serde_json::from_str::<([u32; 3], bool, String, String, String, String)>(&said) {
            Ok((version, venv, ..)) if output.status.success() => Ok(Self {
                path: path.to_owned(),
                version,
                venv,
                key: said,
            }),
            _ => Err(format!(
                "{said}\n{}",
                String::from_utf8_lossy(&output.stderr)
            )),
        }
    }

    fn is_new_enough(&self) -> bool {
        (self.version[0], self.version[1]) >= LEAST
    }
}
