//! Starts an emulator and waits until it serves.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::process::Child;

use crate::home::{Home, Note, make_folder};
use crate::process::{self, Launch, Life};
use crate::proof::PATIENCE;
use crate::{Result, SandboxError, Say, venv};

/// Starts an emulator and waits until it answers. Its note is written before that, so that whoever
/// comes after a crash in between finds it.
pub(crate) async fn start(
    home: &Home,
    log: &PathBuf,
    life: Life,
    mut wish: Option<u16>,
    path: Option<&PathBuf>,
    say: Say<'_>,
) -> Result<(Child, Note)> {
    let python = venv::prepare(home, say).await?;
    let package = home.package.lay_out(home)?;
    make_folder(&home.run_folder())?;
    say("starting the AWS emulator");
    let identity = process::new_identity(home.package.hash());
    let mut tries = 0;
    loop {
        let port = process::free_port(wish.take())?;
        let launch = Launch {
            python: &python,
            package: &package,
            log,
            identity: &identity,
            port,
            life,
        };
        let mut child = launch.start()?;
        let started = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let pid = child.id().unwrap_or_default();
        let package = home.package.hash().to_owned();
        let note = Note {
            pid,
            port,
            identity: identity.clone(),
            package,
            started,
        };
        if let Some(path) = path {
            note.write(path)?;
        }
        let ended = match wait(home, &mut child, &note).await {
            Ok(()) => return Ok((child, note)),
            Err(why) => why,
        };
        process::kill(pid);
        let _ = child.wait().await;
        if let Some(path) = path {
            note.remove(path)?;
        }
        let said = process::log_text(log);
        tries += 1;
        // Somebody took the port between our look and its start.
        if tries < 5 && said.contains("cannot listen on") {
            continue;
        }
        return Err(
            SandboxError::new(format!("the AWS emulator did not start: {ended}"))
                .quoting(&said)
                .hint(format!("all it said stands in `{}`", log.display()))
                .hint(format!(
                    "removing `{}` makes the sandbox afresh",
                    home.root().display()
                )),
        );
    }
}

async fn wait(home: &Home, child: &mut Child, note: &Note) -> Result<(), String> {
    let since = Instant::now();
    while since.elapsed() < home.patience {
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("it ended with {status}"));
        }
        if process::answers(note.port, &note.identity, PATIENCE.min(home.patience)).await {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(format!(
        "it did not answer in {} seconds",
        home.patience.as_secs()
    ))
}
