//! The emulator: started, found again, emptied, stopped.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use http::Method;
use serde::Deserialize;
use tokio::process::Child;

use crate::home::{Home, Note, make_folder, remove_file};
use crate::process::{self, Life};
use crate::proof::{PATIENCE, Proof, Status};
use crate::start::start;
use crate::weather::Sky;
use crate::{Result, SandboxError, Say, client};

/// An emulator of AWS that runs on this machine's loopback.
#[derive(Debug)]
pub struct Sandbox {
    note: Note,
    log: PathBuf,
    keep: Keep,
}

/// An AWS fact that moto does not keep, and the emulator does while it is on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Correction {
    /// Its name: `ec2.vpc-in-use`.
    pub name: String,
    /// The fact itself.
    pub fact: String,
    /// Whether it is believed rather than proven on AWS.
    pub unverified: bool,
    /// Whether it is kept.
    pub on: bool,
}

#[derive(Debug)]
enum Keep {
    /// Others may use it; the path is its note's.
    Shared(PathBuf),
    /// Only this value uses it, and ends it.
    Private(Child),
    /// The same, of one that another emulator started as a copy of itself.
    Copy,
}

/// A private emulator under a name: commands that are told the name use it, as long as the value lives.
#[derive(Debug)]
pub struct Lent {
    note: Note,
    path: PathBuf,
}

impl Drop for Lent {
    fn drop(&mut self) {
        let _ = self.note.remove(&self.path);
    }
}

impl Sandbox {
    /// The named emulator: found if it runs, started if not. Two at once get the same one.
    pub async fn ensure(home: &Home, name: &str, say: Say<'_>) -> Result<Self> {
        check(name)?;
        if let Some(found) = Self::find(home, name).await? {
            return Ok(found);
        }
        let path = home.note(name);
        let _lock = home.lock(&format!("{name}.start"), say).await?;
        let mut wish = None;
        if let Some(note) = Note::read(&path)? {
            match Proof::of(&note).await {
                Proof::Answers if note.package == home.package.hash() => {
                    return Ok(Self::shared(home, name, note));
                }
                Proof::Answers => {
                    say("replacing the sandbox of another version of terrace: its world is lost");
                    process::end(note.pid).await?;
                }
                Proof::Silent => {
                    say("replacing a sandbox that does not answer: its world is lost");
                    process::end(note.pid).await?;
                }
                Proof::None(why) => {
                    say(&format!("the last sandbox is gone ({why}): starting anew"));
                }
            }
            // Whoever has its address in a variable finds the new one there, if nobody took it.
            wish = Some(note.port);
            note.remove(&path)?;
        }
        let log = home.log(name);
        let (child, note) = start(home, &log, Life::Own, wish, Some(&path), say).await?;
        // Not killed with the value, but cleared away by the runtime should it end before us.
        drop(child);
        Ok(Self::shared(home, name, note))
    }

    /// The named emulator if it runs, is ours and of this version. Starts nothing.
    pub async fn find(home: &Home, name: &str) -> Result<Option<Self>> {
        check(name)?;
        let Some(note) = Note::read(&home.note(name))? else {
            return Ok(None);
        };
        let fits = note.package == home.package.hash()
            && process::is_alive(note.pid)
            && process::answers(note.port, &note.identity, PATIENCE).await;
        Ok(fits.then(|| Self::shared(home, name, note)))
    }

    /// An emulator of one's own, for a test or a rehearsal: it ends with the value, or with this
    /// process, whichever is first.
    pub async fn private(home: &Home, say: Say<'_>) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let log = home.log(&format!("private-{}-{next}", std::process::id()));
        let (child, note) = start(home, &log, Life::WithUs, None, None, say).await?;
        Ok(Self {
            note,
            log,
            keep: Keep::Private(child),
        })
    }

    /// A copy of this emulator with all that is in it. It goes its own way, and ends with its value, or
    /// with this one.
    pub async fn copy(&self) -> Result<Self> {
        #[derive(Deserialize)]
        struct Made {
            pid: u32,
            port: u16,
        }
        let identity = process::new_identity(&self.note.package);
        let text = self
            .tell(Method::POST, &format!("fork?identity={identity}"))
            .await?;
        let Made { pid, port } = serde_json::from_str(&text).map_err(|error| {
            SandboxError::new(format!("the sandbox's emulator copies nothing: {error}"))
        })?;
        let note = Note {
            pid,
            port,
            identity,
            ..self.note.clone()
        };
        Ok(Self {
            note,
            log: self.log.clone(),
            keep: Keep::Copy,
        })
    }

    /// Lets commands find this emulator under a name, at `port`: that of a proxy before it. For tests
    /// that stand in between.
    pub fn lend(&self, home: &Home, name: &str, port: u16) -> Result<Lent> {
        check(name)?;
        make_folder(&home.run_folder())?;
        let note = Note {
            port,
            ..self.note.clone()
        };
        let path = home.note(name);
        note.write(&path)?;
        Ok(Lent { note, path })
    }

    /// All that a plain AWS client sees in an account, a line an item, without what AWS made up: two
    /// worlds that were made alike are alike.
    pub async fn likeness(&self, account: &str, region: &str) -> Result<Vec<String>> {
        let text = self
            .tell(
                Method::GET,
                &format!("likeness?account={account}&region={region}"),
            )
            .await?;
        serde_json::from_str(&text).map_err(|error| {
            SandboxError::new(format!(
                "the sandbox's emulator gave no likeness of its world: {error}"
            ))
        })
    }

    /// What is known of the named emulator. Starts and ends nothing.
    pub async fn status(home: &Home, name: &str) -> Result<Status> {
        check(name)?;
        let Some(note) = Note::read(&home.note(name))? else {
            return Ok(Status::Stopped);
        };
        let (pid, port) = (note.pid, note.port);
        Ok(match Proof::of(&note).await {
            Proof::Answers => Status::Running {
                pid,
                port,
                since: UNIX_EPOCH + Duration::from_secs(note.started),
                current: note.package == home.package.hash(),
            },
            Proof::Silent => Status::Stale {
                pid,
                port,
                why: "it runs but does not answer".into(),
            },
            Proof::None(why) => Status::Stale {
                pid,
                port,
                why: why.into(),
            },
        })
    }

    /// Stops the named emulator, of whatever version, and forgets stale ones. Answers whether one ran.
    pub async fn stop_named(home: &Home, name: &str, say: Say<'_>) -> Result<bool> {
        check(name)?;
        let path = home.note(name);
        let _lock = home.lock(&format!("{name}.start"), say).await?;
        let Some(note) = Note::read(&path)? else {
            // One that cannot be read is of no use to anybody.
            remove_file(&path)?;
            return Ok(false);
        };
        let runs = !matches!(Proof::of(&note).await, Proof::None(_));
        if runs {
            process::end(note.pid).await?;
        }
        note.remove(&path)?;
        Ok(runs)
    }

    /// Where AWS clients reach it.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.note.port)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.note.pid
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.note.port
    }

    /// Where it writes what it does.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Empties its world.
    pub async fn reset(&self) -> Result<()> {
        self.tell(Method::POST, "reset").await.map(drop)
    }

    /// Makes what a look-up of a stack needs and a fresh world does not hold, if it is not there: a
    /// resource of `kind` with the properties `like`.
    pub async fn stand_in(
        &self,
        account: &str,
        region: &str,
        kind: &str,
        like: &BTreeMap<String, String>,
    ) -> Result<()> {
        let place = [("account", account), ("region", region), ("kind", kind)];
        let like = like
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let query: Vec<String> = like
            .chain(place)
            .map(|(name, value)| format!("{name}={}", percent(value)))
            .collect();
        let what = format!("stand-in?{}", query.join("&"));
        self.tell(Method::POST, &what).await.map(drop)
    }

    /// Ends all slow states now.
    pub async fn settle(&self) -> Result<()> {
        self.tell(Method::POST, "settle").await.map(drop)
    }

    /// How many seconds its slow resources take to become ready.
    pub async fn set_pace(&self, seconds: f64) -> Result<()> {
        self.tell(Method::POST, &format!("pace?seconds={seconds}"))
            .await
            .map(drop)
    }

    /// How long its slow resources take, and for how long what was just made is not seen, in this
    /// weather. `scale` is a factor on AWS's time.
    pub async fn set_weather(&self, sky: Sky, scale: f64) -> Result<()> {
        if let Some(pace) = sky.pace() {
            self.set_pace(pace * scale).await?;
        }
        let late = sky.lateness() * scale;
        self.tell(Method::POST, &format!("lateness?seconds={late}"))
            .await
            .map(drop)
    }

    /// The AWS facts that the emulator keeps beyond moto's own.
    pub async fn corrections(&self) -> Result<Vec<Correction>> {
        let text = self.tell(Method::GET, "corrections").await?;
        serde_json::from_str(&text).map_err(|error| {
            SandboxError::new(format!(
                "the sandbox's emulator lists no corrections: {error}"
            ))
        })
    }

    /// Keeps the named AWS fact (again).
    pub async fn turn_on(&self, correction: &str) -> Result<()> {
        self.tell(Method::POST, &format!("corrections/{correction}?on=1"))
            .await
            .map(drop)
    }

    /// Keeps the named AWS fact no more, as moto alone does.
    pub async fn turn_off(&self, correction: &str) -> Result<()> {
        self.tell(Method::POST, &format!("corrections/{correction}?on=0"))
            .await
            .map(drop)
    }

    /// Stops it and waits until it is gone.
    pub async fn stop(mut self) -> Result<()> {
        let note = self.note.clone();
        match &mut self.keep {
            Keep::Private(child) => {
                process::kill(note.pid);
                let _ = child.wait().await;
            }
            Keep::Copy => process::kill(note.pid),
            Keep::Shared(path) => {
                if !matches!(Proof::of(&note).await, Proof::None(_)) {
                    process::end(note.pid).await?;
                }
                note.remove(path)?;
            }
        }
        Ok(())
    }

    fn shared(home: &Home, name: &str, note: Note) -> Self {
        Self {
            note,
            log: home.log(name),
            keep: Keep::Shared(home.note(name)),
        }
    }

    async fn tell(&self, method: Method, what: &str) -> Result<String> {
        let url = format!("{}/terrace/{what}", self.endpoint());
        let failed = |why: &str| {
            SandboxError::new(format!("the sandbox's emulator refused `{what}`: {why}"))
                .hint(format!("what it did stands in `{}`", self.log.display()))
        };
        match client::call(method, &url, Duration::from_mins(1)).await {
            Ok((status, text)) if status.is_success() => Ok(text),
            Ok((status, text)) => Err(failed(&status.to_string()).quoting(&text)),
            Err(why) => Err(failed(&why)),
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        match &self.keep {
            Keep::Private(child) => {
                // No id: it has been waited for, and its number may be another's by now.
                if let Some(pid) = child.id() {
                    process::kill(pid);
                }
                let _ = remove_file(&self.log);
            }
            Keep::Copy => process::kill(self.note.pid),
            Keep::Shared(_) => {}
        }
    }
}

fn check(name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.is_empty() && name.len() <= 64 && name.chars().all(fits) {
        return Ok(());
    }
    Err(
        SandboxError::new(format!("`{name}` cannot be a sandbox's name"))
            .hint("use lower-case letters, digits and `-`"),
    )
}

/// What a plain AWS client (boto3) counts in an account and region of the emulator at `endpoint`, by
/// kind of thing; what is not there is left out.
pub async fn census(endpoint: &str, account: &str, region: &str) -> Result<BTreeMap<String, u64>> {
    let url = format!("{endpoint}/terrace/census?account={account}&region={region}");
    let failed =
        |why: &str| SandboxError::new(format!("the sandbox's emulator gave no census: {why}"));
    match client::call(Method::GET, &url, Duration::from_mins(1)).await {
        Ok((status, text)) if status.is_success() => {
            serde_json::from_str(&text).map_err(|error| failed(&error.to_string()))
        }
        Ok((status, text)) => Err(failed(&status.to_string()).quoting(&text)),
        Err(why) => Err(failed(&why)),
    }
}

/// A value as it may stand in a query.
fn percent(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
