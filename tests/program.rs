//! Runs the program in a folder of its own, and shows what came out.

#![allow(clippy::unwrap_used)]

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder with files, and the environment the program is run in.
pub(crate) struct Folder {
    root: TempDir,
    program: PathBuf,
    sandbox: Option<String>,
}

impl Folder {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        Self {
            root,
            program: env!("CARGO_BIN_EXE_terrace").into(),
            sandbox: None,
        }
    }

    /// One with an emulated account of its own, gone with it.
    pub(crate) fn with_sandbox(name: &str) -> Self {
        let mut folder = Self::new();
        folder.sandbox = Some(format!("test-{name}-{}", std::process::id()));
        folder
    }

    /// For another build of the program.
    pub(crate) fn with_program(mut self, program: &Path) -> Self {
        program.clone_into(&mut self.program);
        self
    }

    /// With a file.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        self.write(name, text);
        self
    }

    /// Writes a file, or writes it anew.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    /// The name of its emulated account, if it has one.
    pub(crate) fn sandbox(&self) -> Option<&str> {
        self.sandbox.as_deref()
    }

    /// The program, about to be run here. Of the environment only what it needs is there.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.path()).env_clear();
        for name in ["PATH", "HOME", "XDG_CACHE_HOME", "TERRACE_SANDBOX_HOME"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_CONFIG_FILE", self.path().join("no-config"));
        command.env(
            "AWS_SHARED_CREDENTIALS_FILE",
            self.path().join("no-credentials"),
        );
        command.envs(
            self.sandbox
                .as_ref()
                .map(|name| ("TERRACE_SANDBOX_NAME", name)),
        );
        command.stdin(Stdio::null());
        command
    }

    /// Runs the program to its end, in the repository.
    pub(crate) fn run_in_repository(&self, arguments: &str) -> Answer {
        let words: Vec<&str> = arguments.split(' ').collect();
        self.run_in(&repository(), &words)
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        self.run_in(self.path(), arguments)
    }

    /// The same in another folder, such as the repository's.
    pub(crate) fn run_in(&self, folder: &Path, arguments: &[&str]) -> Answer {
        self.end(self.command(arguments).current_dir(folder))
    }

    /// Runs a command of [`Folder::command`] to its end.
    pub(crate) fn end(&self, command: &mut Command) -> Answer {
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            text.replace(&self.path().display().to_string(), "[FOLDER]")
        };
        Answer {
            exit: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.sandbox.is_some() {
            let _ = self.command(&["sandbox", "stop"]).output();
        }
    }
}

/// What the program answered.
pub(crate) struct Answer {
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exit = self
            .exit
            .map_or_else(|| "signal".to_owned(), |code| code.to_string());
        write!(f, "exit {exit}")?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                write!(f, "\n----- {name}\n{}", text.trim_end())?;
            }
        }
        Ok(())
    }
}

/// The repository.
pub(crate) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
