//! The emulator's Python files, carried in the binary and laid out on disk.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use sha2::{Digest, Sha256};

use crate::home::{Home, make_folder};
use crate::{Result, SandboxError};

type File = (Cow<'static, str>, Cow<'static, [u8]>);

const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/emulator.rs"));

/// The Python package that runs as the emulator, with its pinned requirements.
#[derive(Clone, Debug)]
pub struct Package {
    files: Vec<File>,
    hash: String,
}

impl Package {
    /// The one in this binary.
    pub fn embedded() -> Self {
        Self::of(
            FILES
                .iter()
                .map(|(path, text)| ((*path).into(), (*text).into()))
                .collect(),
        )
    }

    /// One of the caller's own, as `(path, text)`; for tests. It needs a `requirements.txt` and a
    /// `terrace_emulator/__main__.py`.
    pub fn from_files(files: &[(&str, &str)]) -> Self {
        Self::of(
            files
                .iter()
                .map(|(path, text)| ((*path).to_owned().into(), text.as_bytes().to_vec().into()))
                .collect(),
        )
    }

    fn of(files: Vec<File>) -> Self {
        let mut content = Vec::new();
        for (path, text) in &files {
            // Lengths first: no two packages read the same.
            content.extend_from_slice(&path.len().to_be_bytes());
            content.extend_from_slice(path.as_bytes());
            content.extend_from_slice(&text.len().to_be_bytes());
            content.extend_from_slice(text);
        }
        Self {
            files,
            hash: short_hash(&content),
        }
    }

    /// Twelve hex digits of its content: tells one version from another.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    pub(crate) fn requirements(&self) -> &[u8] {
        self.files
            .iter()
            .find(|(path, _)| path == "requirements.txt")
            .map_or(&[], |(_, text)| text.as_ref())
    }

    /// Lays the files out in the home, once, and answers where.
    pub(crate) fn lay_out(&self, home: &Home) -> Result<PathBuf> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let folder = home.root().join(format!("emulator-{}", self.hash));
        if folder.is_dir() {
            return Ok(folder);
        }
        let mark = format!("{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let draft = home
            .root()
            .join(format!("emulator-{}.new-{mark}", self.hash));
        for (path, text) in &self.files {
            let path = draft.join(path.as_ref());
            make_folder(path.parent().unwrap_or(&draft))?;
            fs::write(&path, text).map_err(|error| SandboxError::io("write", &path, &error))?;
        }
        // Renamed into place: a folder with the name is whole. Whoever comes second has the same.
        if let Err(error) = fs::rename(&draft, &folder) {
            let _ = fs::remove_dir_all(&draft);
            if !folder.is_dir() {
                return Err(SandboxError::io("write", Path::new(&folder), &error));
            }
        }
        Ok(folder)
    }
}

/// The first twelve hex digits of the SHA-256.
pub(crate) fn short_hash(content: &[u8]) -> String {
    hex(&Sha256::digest(content)[..6])
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
