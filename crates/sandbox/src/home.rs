//! Where the sandbox lives on this machine, and the notes it leaves there.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Package, Result, SandboxError, Say, Search, venv};

/// Where the sandbox lives: a folder with its Python environment, the emulator's files, and a note
/// on each emulator that runs.
#[derive(Clone, Debug)]
pub struct Home {
    root: PathBuf,
    pub(crate) package: Package,
    pub(crate) search: Search,
    pub(crate) patience: Duration,
}

impl Home {
    /// `$TERRACE_SANDBOX_HOME`, else `terrace/sandbox` in the user's cache folder.
    pub fn from_env() -> Result<Self> {
        if let Some(root) = filled("TERRACE_SANDBOX_HOME") {
            // Made absolute, as the emulator runs in another folder.
            let root = std::path::absolute(&root)
                .map_err(|error| SandboxError::io("use", Path::new(&root), &error))?;
            return Ok(Self::at(root));
        }
        let user = filled("HOME").map(PathBuf::from);
        let cache = if cfg!(target_os = "macos") {
            user.map(|user| user.join("Library").join("Caches"))
        } else {
            filled("XDG_CACHE_HOME")
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
                .or_else(|| user.map(|user| user.join(".cache")))
        };
        let cache = cache.ok_or_else(|| {
            SandboxError::new("there is no folder to keep the sandbox in: `HOME` is not set")
                .hint("set `TERRACE_SANDBOX_HOME` to a folder that you may write")
        })?;
        Ok(Self::at(cache.join("terrace").join("sandbox")))
    }

    /// The given folder, made when it is first needed; an absolute path.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            package: Package::embedded(),
            search: Search::from_env(),
            patience: Duration::from_secs(30),
        }
    }

    /// With another emulator than the one in this binary; for tests.
    #[must_use]
    pub fn with_package(mut self, package: Package) -> Self {
        self.package = package;
        self
    }

    /// With another way to look for Python than the environment's; for tests.
    #[must_use]
    pub fn with_search(mut self, search: Search) -> Self {
        self.search = search;
        self
    }

    /// With another time for the emulator to answer in than thirty seconds; for tests.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the named emulator writes what it does.
    pub fn log(&self, name: &str) -> PathBuf {
        self.run_folder().join(format!("{name}.log"))
    }

    /// The Python that has all the emulator needs, made if there is none yet. Starts nothing.
    pub async fn python(&self, say: Say<'_>) -> Result<PathBuf> {
        venv::prepare(self, say).await
    }

    pub(crate) fn run_folder(&self) -> PathBuf {
        self.root.join("run")
    }

    pub(crate) fn note(&self, name: &str) -> PathBuf {
        self.run_folder().join(format!("{name}.json"))
    }

    /// Waits until no other terrace holds the named lock. It ends with the value, or the process.
    pub(crate) async fn lock(&self, name: &str, say: Say<'_>) -> Result<File> {
        let folder = self.run_folder();
        make_folder(&folder)?;
        let path = folder.join(format!("{name}.lock"));
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| SandboxError::io("open", &path, &error))?;
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    return Err(SandboxError::io("lock", &path, &error));
                }
            }
            if !told {
                say("waiting for another terrace that prepares the sandbox");
                told = true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The note on an emulator that was started: enough to find it again, and to know it from others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) pid: u32,
    pub(crate) port: u16,
    /// Told to the emulator at its start; whoever repeats it is the one we started.
    pub(crate) identity: String,
    pub(crate) package: String,
    /// Seconds since 1970.
    pub(crate) started: u64,
}

impl Note {
    /// `None` if there is no note, or none that can be read: it is then as good as not there.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        match fs::read(path) {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SandboxError::io("read", path, &error)),
        }
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let failed = |error: &io::Error| SandboxError::io("write", path, error);
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(&error.into()))?;
        // Renamed into place: a reader sees all of it or nothing.
        let draft = path.with_extension("json.new");
        fs::write(&draft, text).map_err(|error| failed(&error))?;
        fs::rename(&draft, path).map_err(|error| failed(&error))
    }

    /// Removes the note, unless another emulator has it by now.
    pub(crate) fn remove(&self, path: &Path) -> Result<()> {
        if Self::read(path)?.is_some_and(|now| now.identity != self.identity) {
            return Ok(());
        }
        remove_file(path)
    }
}

pub(crate) fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(SandboxError::io("remove", path, &error))
        }
        _ => Ok(()),
    }
}

pub(crate) fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| SandboxError::io("make", path, &error))
}

fn filled(variable: &str) -> Option<OsString> {
    env::var_os(variable).filter(|value| !value.is_empty())
}
