//! The one way to the disk: what is read is an ordinary file of a size that a stack can have, in the tree that the
//! stack stands in.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::files::tidy;

/// Bytes of one file. AWS takes 16 KB of user data, and 10,000 resources are 2 MB of TOML.
const LARGEST: u64 = 8 << 20;

/// Bytes of all files together: a span counts them in 32 bits.
const TOGETHER: u64 = 64 << 20;

/// Reads files, and keeps to what a stack may read.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    ground: Option<Ground>,
    read: u64,
}

/// Where the stack stands.
#[derive(Clone)]
struct Ground {
    /// Its folder, as it was said.
    said: PathBuf,
    /// The repository it is in, without links.
    repository: Option<PathBuf>,
}

impl Disk {
    /// The text of a file. The first one that is asked for lies in the stack's folder.
    pub(crate) fn read(&mut self, path: &Path) -> io::Result<String> {
        let said = tidy(&std::path::absolute(path)?);
        let real = fs::canonicalize(&said)?;
        let ground = self.ground.get_or_insert_with(|| Ground::of(&said));
        ground.holds(&said, &real)?;
        let about = fs::metadata(&real)?;
        // A pipe would be waited for, and a device never ends.
        if !about.is_file() {
            let what = if about.is_dir() {
                "it is a folder"
            } else {
                "it is no ordinary file"
            };
            return Err(io::Error::other(what));
        }
        let mut bytes = Vec::new();
        File::open(&real)?
            .take(LARGEST + 1)
            .read_to_end(&mut bytes)?;
        let size = bytes.len() as u64;
        self.read += size;
        if size > LARGEST {
            return Err(io::Error::other(format!(
                "a file of a stack has {} MB at most",
                LARGEST >> 20
            )));
        }
        if self.read > TOGETHER {
            return Err(io::Error::other(format!(
                "the files of a stack have {} MB at most together",
                TOGETHER >> 20
            )));
        }
        String::from_utf8(bytes).map_err(|error| {
            let place = error.utf8_error().valid_up_to();
            let lines = error.as_bytes()[..place].split(|byte| *byte == b'\n');
            io::Error::other(format!("line {} is not UTF-8", lines.count()))
        })
    }
}

impl Ground {
    fn of(file: &Path) -> Self {
        let said = file.parent().unwrap_or(file).to_owned();
        let real = fs::canonicalize(&said).unwrap_or_else(|_| said.clone());
        let repository = real.ancestors().find(|folder| folder.join(".git").exists());
        Self {
            repository: repository.map(Path::to_owned),
            said,
        }
    }

    /// In a repository nothing is read that is not in it: what is reviewed there is all that a plan can show.
    /// Elsewhere a path may lead anywhere, but by what it says itself and not by a link.
    fn holds(&self, said: &Path, real: &Path) -> io::Result<()> {
        let tree = match &self.repository {
            Some(repository) => repository.clone(),
            None => fs::canonicalize(shared(&self.said, said))?,
        };
        if real.starts_with(&tree) {
            return Ok(());
        }
        let message = format!(
            "it leads to {}, which is not in {}",
            real.display(),
            tree.display()
        );
        Err(io::Error::other(message))
    }
}

/// The smallest folder that two paths lead through.
fn shared(one: &Path, other: &Path) -> PathBuf {
    let both = one.components().zip(other.components());
    let shared = both.take_while(|(a, b)| a == b);
    shared
        .map(|(component, _)| component)
        .collect::<Vec<Component<'_>>>()
        .iter()
        .collect()
}
