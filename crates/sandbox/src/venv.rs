//! Makes the emulator's private Python environment, once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::embed::short_hash;
use crate::error::dotted;
use crate::home::make_folder;
use crate::python::Python;
use crate::{Home, Result, SandboxError, Say};

/// In an environment that is whole: written last.
const MARK: &str = "terrace-complete";

/// The Python of the environment with the package's requirements, made if there is none.
pub(crate) async fn prepare(home: &Home, say: Say<'_>) -> Result<PathBuf> {
    let requirements = home.package.requirements();
    let base = home.search.find().await?;
    let folder = home.root().join(format!(
        "python-{}",
        short_hash(&[requirements, b"\n", base.key.as_bytes()].concat())
    ));
    let python = folder.join("bin").join("python");
    let complete = || folder.join(MARK).is_file() && python.is_file();
    if complete() {
        return Ok(python);
    }
    let _lock = home.lock("python", say).await?;
    if complete() {
        return Ok(python);
    }
    // Left half-made by a crash, or by a Python that is gone.
    if folder.exists() {
        tokio::fs::remove_dir_all(&folder)
            .await
            .map_err(|error| SandboxError::io("remove", &folder, &error))?;
    }
    make_folder(home.root())?;
    let file = home.root().join("requirements.txt");
    fs::write(&file, requirements).map_err(|error| SandboxError::io("write", &file, &error))?;

    let version = dotted(&base.version);
    say(&format!(
        "making a private Python environment with Python {version} (once)"
    ));
    let maker = Maker::new(home, &base)?;
    maker.make(&folder).await?;
    let count = requirement_count(requirements);
    if count > 0 {
        say(&format!(
            "installing moto, the AWS emulator: {count} Python packages (once)"
        ));
        maker.install(&python, &file).await?;
    }
    let mark = folder.join(MARK);
    fs::write(&mark, requirements).map_err(|error| SandboxError::io("write", &mark, &error))?;
    Ok(python)
}

fn requirement_count(requirements: &[u8]) -> usize {
    String::from_utf8_lossy(requirements)
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_alphanumeric()))
        .count()
}

/// What makes environments here.
enum Maker<'a> {
    Venv(&'a Python),
    Uv { uv: PathBuf, base: &'a Python },
}

impl<'a> Maker<'a> {
    fn new(home: &Home, base: &'a Python) -> Result<Self> {
        if base.venv {
            return Ok(Self::Venv(base));
        }
        if let Some(uv) = home.search.program("uv") {
            return Ok(Self::Uv { uv, base });
        }
        let version = dotted(&base.version[..2]);
        Err(SandboxError::new(format!(
            "`{}` (Python {version}) comes without the `venv` module, which the sandbox needs",
            base.path.display()
        ))
        .hint(home.search.system.install_venv(&version))
        .hint("or install uv, which does without: https://docs.astral.sh/uv/"))
    }

    async fn make(&self, folder: &Path) -> Result<()> {
        let mut command = match self {
            Self::Venv(base) => {
                let mut command = Command::new(&base.path);
                command.args(["-m", "venv"]).arg(folder);
                command
            }
            Self::Uv { uv, base } => {
                let mut command = Command::new(uv);
                command.args(["venv", "--quiet", "--no-project", "--python"]);
                command.arg(&base.path).arg(folder);
                command
            }
        };
        run(&mut command).await.map_err(|said| {
            SandboxError::new("the sandbox's Python environment could not be made").quoting(&said)
        })
    }

    async fn install(&self, python: &Path, requirements: &Path) -> Result<()> {
        // The user's own settings decide where packages come from: no index is named here.
        let mut command = match self {
            Self::Venv(_) => {
                let mut command = Command::new(python);
                command.args([
                    "-m",
                    "pip",
                    "install",
                    "--no-input",
                    "--progress-bar",
                    "off",
                ]);
                // Refused in an environment, yet some systems set it for all.
                command
                    .env("PIP_USER", "0")
                    .env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
                command
            }
            Self::Uv { uv, .. } => {
                let mut command = Command::new(uv);
                command.args(["pip", "install", "--python"]).arg(python);
                command
            }
        };
        command
            .args(["--no-deps", "--requirement"])
            .arg(requirements);
        run(&mut command).await.map_err(|said| {
            let settings = match self {
                Self::Venv(_) => "`PIP_INDEX_URL` (or pip's own configuration)",
                Self::Uv { .. } => "`UV_DEFAULT_INDEX` (or uv's own configuration)",
            };
            SandboxError::new("the sandbox's Python packages could not be installed")
                .quoting(&said)
                .hint("it is done once and needs a Python package index: is this machine online?")
                .hint("behind a proxy, set `HTTPS_PROXY`")
                .hint(format!("with an index of your own, name it in {settings}"))
        })
    }
}

/// Runs it to its end; the error is what it said.
async fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .env_remove("PYTHONHOME")
        .env_remove("PYTHONPATH")
        .env_remove("VIRTUAL_ENV")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    let said = said.join("\n");
    // Each try of pip's is told at length; what it says in the end is enough.
    let lines = said
        .lines()
        .filter(|line| !line.contains("WARNING: Retrying ("));
    Err(lines.collect::<Vec<_>>().join("\n"))
}
