//! The shop's ladder: climbed once undisturbed, a copy of the world being kept before every move.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use terrace_aws::lock::LEASE;
use terrace_aws::timing::Timing;
use terrace_sandbox::{Home, Sandbox};
use tokio::runtime::Runtime;

use super::front::{Front, PLACE};
use super::killer::{Killer, Nth};
use super::points::Point;

const STAGES: [&str; 5] = [
    "single-instance",
    "split-database",
    "multi-az",
    "cdn-offload",
    "read-replicas",
];

/// How long a run may have to wait for the lease of one that was killed, and to do its work.
const PATIENCE: Duration = Duration::from_mins(2);

/// One move: from where, how, and where to.
pub(crate) struct Move {
    pub(crate) title: String,
    pub(crate) calls: Vec<(Nth, bool)>,
    words: Vec<String>,
    before: Sandbox,
    after: Vec<String>,
}

/// All of them.
pub(crate) struct Ladder {
    pub(crate) moves: Vec<Move>,
    folder: TempDir,
    /// The copies end with what they were copied from.
    _world: Sandbox,
}

/// How a point ended.
pub(crate) enum End {
    /// In the world of an undisturbed run.
    Same,
    /// The same; but the call at which it was to be killed did not come.
    Missed,
    Failed(String),
}

impl Ladder {
    /// Climbs and comes down.
    pub(crate) async fn climb(home: &Home) -> Self {
        let folder = TempDir::new().unwrap();
        lay_out(folder.path(), "guarded", false);
        lay_out(folder.path(), "lifted", true);
        let world = Sandbox::private(home, &|text| eprintln!("{text}"))
            .await
            .unwrap();
        // What a likeness needs is read once here, and not again in every copy.
        settled(&world).await;
        let mut plays: Vec<(String, Vec<String>)> = Vec::new();
        for stage in STAGES {
            plays.push((format!("up to {stage}"), words("apply", "guarded", stage)));
        }
        plays.push((
            "protect = false".into(),
            words("apply", "lifted", STAGES[4]),
        ));
        for stage in STAGES.iter().rev().skip(1) {
            plays.push((format!("down to {stage}"), words("apply", "lifted", stage)));
        }
        plays.push(("destroy".into(), words("destroy", "lifted", STAGES[0])));
        let mut moves = Vec::new();
        for (title, words) in plays {
            let before = world.copy().await.unwrap();
            // The calls of the plan are not the move's.
            let front = Front::before(&world, "ask", Arc::new(Killer::default())).await;
            let words = confirmed(&front, folder.path(), words);
            let counter = Arc::new(Killer::default());
            let front = Front::before(&world, "climb", counter.clone()).await;
            let answer = run(&front, folder.path(), &words);
            assert!(answer.0, "{title}: {}", answer.1);
            // Else it went to another emulator, and there would be nothing to survive.
            assert!(!counter.calls().is_empty(), "{title} makes no call");
            moves.push(Move {
                title,
                calls: counter.calls(),
                words,
                before,
                after: settled(&world).await,
            });
        }
        Self {
            moves,
            folder,
            _world: world,
        }
    }

    /// Kills a run of a move at a point, runs it again until it is done, and compares.
    pub(crate) fn survive(&self, runtime: &Runtime, point: &Point, number: usize) -> End {
        let one = &self.moves[point.step];
        let folder = self.folder.path();
        let world = match runtime.block_on(one.before.copy()) {
            Ok(world) => world,
            Err(error) => return End::Failed(error.to_string()),
        };
        let killer = Arc::new(Killer::at(point.call.clone(), point.when));
        let weather = Arc::clone(&killer);
        let front = runtime.block_on(Front::before(&world, &number.to_string(), weather));
        let start = || {
            let words: Vec<&str> = one.words.iter().map(String::as_str).collect();
            let mut command = front.command(folder, &words);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().unwrap()
        };
        let (_, killed) = killer.run(start);
        let since = Instant::now();
        if killed {
            // The lock of a run that was killed is free when its lease has run out, in the sandbox's time.
            sleep(Timing::sandbox().scaled(LEASE));
        }
        loop {
            let (done, said) = run(&front, folder, &one.words);
            if done {
                break;
            }
            // As CI would.
            if !said.contains("holds the lock since") || since.elapsed() > PATIENCE {
                return End::Failed(format!("run again, it failed: {said}"));
            }
            sleep(Duration::from_millis(400));
        }
        let after = runtime.block_on(settled(&world));
        match (difference(&one.after, &after), killed) {
            (None, true) => End::Same,
            (None, false) => End::Missed,
            (Some(differs), _) => End::Failed(format!("another world: {differs}")),
        }
    }
}

/// The shop with what it shares; `lifted` protects nothing any more.
fn lay_out(root: &Path, name: &str, lifted: bool) {
    let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    for folder in ["stacks/shop", "modules/network", "modules/web-tier"] {
        let target = root.join(name).join(folder);
        fs::create_dir_all(&target).unwrap();
        for entry in fs::read_dir(repository.join(folder)).unwrap() {
            let entry = entry.unwrap();
            let mut text = fs::read_to_string(entry.path()).unwrap();
            if lifted {
                text = text
                    .replace("protect    = true", "protect    = false")
                    .replace(
                        "[db_instance.main]\n",
                        "[db_instance.main]\nprotect = false\n",
                    );
            }
            fs::write(target.join(entry.file_name()), text).unwrap();
        }
    }
}

fn words(command: &str, folder: &str, stage: &str) -> Vec<String> {
    let stack = format!("{folder}/stacks/shop");
    let mut words: Vec<String> = [
        command,
        &stack,
        "--sandbox",
        "--env",
        "prod",
        "--stage",
        stage,
        "--yes",
    ]
    .map(str::to_owned)
    .to_vec();
    for loss in ["data", "address", "network", "promotion", "many"] {
        words.extend(["--allow".to_owned(), loss.to_owned()]);
    }
    words
}

/// The same with all confirmed that the plan holds for a person.
fn confirmed(front: &Front, folder: &Path, mut words: Vec<String>) -> Vec<String> {
    if words[0] == "destroy" {
        return words;
    }
    let mut plan: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| *word != "--yes")
        .collect();
    plan[0] = "plan";
    plan.extend(["--format", "json"]);
    let output = front.command(folder, &plan).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let plan: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    let held = plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["held"].is_string());
    let mut held: Vec<String> = held
        .map(|step| step["address"].as_str().unwrap().to_owned())
        .collect();
    held.sort();
    held.dedup();
    words.extend(
        held.into_iter()
            .flat_map(|address| ["--confirm".to_owned(), address]),
    );
    words
}

/// Whether it ended well, and what it said.
fn run(front: &Front, folder: &Path, words: &[String]) -> (bool, String) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = front.command(folder, &words).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let tail: Vec<&str> = said.lines().rev().take(15).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    (output.status.success(), tail.join("\n"))
}

/// What is there once all that takes time has come to its end.
async fn settled(world: &Sandbox) -> Vec<String> {
    world.settle().await.unwrap();
    world.likeness(PLACE.0, PLACE.1).await.unwrap()
}

/// What one world has and the other has not; nothing if they are alike.
fn difference(expected: &[String], found: &[String]) -> Option<String> {
    let mut counts: BTreeMap<&String, i64> = BTreeMap::new();
    for line in expected {
        *counts.entry(line).or_default() -= 1;
    }
    for line in found {
        *counts.entry(line).or_default() += 1;
    }
    let of = |sign: i64| {
        let some = counts
            .iter()
            .filter(move |(_, count)| count.signum() == sign);
        some.map(|(line, _)| line.as_str()).collect::<Vec<_>>()
    };
    let (lost, mut gained) = (of(-1), of(1));
    let mut lines = Vec::new();
    for line in lost {
        // The one that has most in common with it is what became of it.
        let closest = (0..gained.len())
            .filter(|other| what(gained[*other]) == what(line))
            .min_by_key(|other| apart(line, gained[*other]).len());
        match closest {
            Some(other) => lines.push(format!(
                "~ {}: {}",
                what(line),
                apart(line, gained.remove(other))
            )),
            None => lines.push(format!("- {line}")),
        }
    }
    lines.extend(gained.into_iter().map(|line| format!("+ {line}")));
    (!lines.is_empty()).then(|| format!("\n  {}", lines.join("\n  ")))
}

/// The kind of thing that a line is of.
fn what(line: &str) -> &str {
    line.split_once(" {").map_or(line, |(what, _)| what)
}

/// The parts in which two lines differ.
fn apart(one: &str, other: &str) -> String {
    let parts = |line: &str| line.split(", ").map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (parts(one), parts(other));
    let lacks = |some: &[String], all: &[String]| {
        let missing = some.iter().filter(|part| !all.contains(part));
        let all = missing.cloned().collect::<Vec<_>>().join(", ");
        // A whole script is no help.
        all.chars().take(600).collect::<String>()
    };
    format!("{} -> {}", lacks(&one, &other), lacks(&other, &one))
}
