//! A kind is one file, one word and one example: a toy is added to a copy of this workspace, which is built, and
//! everything there must know it.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Folder, repository};

const KIND: &str = "network_interface";
const FILE: &str = "crates/aws/src/kinds/ec2/network_interface.rs";
const LIST: &str = "crates/aws/src/kinds.rs";
const EXAMPLE: &str = "examples/network_interface.toml";

const STACK: &str = r#"
name   = "toy"
region = "eu-west-3"

[outputs]
card = "{{ network_interface.example.id }}"

"#;

#[test]
fn adding_a_toy_kind_touches_one_file_one_word_and_one_example() {
    let copy = Copy::new();
    copy.add_toy();
    let touched = BTreeSet::from([FILE, LIST, EXAMPLE].map(str::to_owned));
    assert_eq!(copy.touched(), touched);
    let (program, laws) = copy.build();
    assert_eq!(copy.touched(), touched, "the build touched more");
    explain(&program);
    documents(&program, &copy, &touched);
    let stack = fs::read_to_string(copy.workspace().join(EXAMPLE)).unwrap();
    draws(&program, &stack);
    lives(&program, &stack);
    obeys(&laws);
}

/// A copy of this workspace's sources, with a target directory of its own; both go with it.
struct Copy {
    root: TempDir,
}

impl Copy {
    fn new() -> Self {
        // Beside what was built, as the one is linked to the other.
        let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let copy = Self { root };
        for (file, content) in sources(&repository()) {
            let path = copy.workspace().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        copy
    }

    fn workspace(&self) -> PathBuf {
        self.root.path().join("workspace")
    }

    fn target(&self) -> PathBuf {
        self.root.path().join("target")
    }

    fn add_toy(&self) {
        let toys = repository().join("tests/toy");
        for (from, to) in [("rs", FILE), ("toml", EXAMPLE)] {
            let to = self.workspace().join(to);
            assert!(!to.exists(), "{KIND} is no toy any more: choose another");
            fs::copy(toys.join(KIND).with_extension(from), to).unwrap();
        }
        let list = self.workspace().join(LIST);
        let kinds = fs::read_to_string(&list).unwrap();
        let word = "    ec2 {\n        network_interface NetworkInterface,\n";
        fs::write(&list, kinds.replacen("    ec2 {\n", word, 1)).unwrap();
    }

    /// The files that are not as they are in this workspace.
    fn touched(&self) -> BTreeSet<String> {
        let (here, there) = (sources(&repository()), sources(&self.workspace()));
        let names = here.keys().chain(there.keys());
        let touched = names.filter(|name| here.get(*name) != there.get(*name));
        touched.cloned().collect()
    }

    /// The program and its laws. Nothing in it may be warned of.
    fn build(&self) -> (PathBuf, PathBuf) {
        let profile = Path::new(env!("CARGO_BIN_EXE_terrace")).parent().unwrap();
        let name = profile.file_name().unwrap().to_str().unwrap();
        for folder in ["deps", "build", ".fingerprint"] {
            inherit(
                &profile.join(folder),
                &self.target().join(name).join(folder),
            );
        }
        let mut cargo = Command::new(env!("CARGO"));
        // What cargo tells a test of its package would count as a change to build scripts that ask for it.
        for (variable, _) in std::env::vars_os() {
            let told = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "OUT_DIR"];
            if told
                .iter()
                .any(|told| variable.to_string_lossy().starts_with(told))
            {
                cargo.env_remove(variable);
            }
        }
        // The same choice of packages as `cargo test --workspace`, so that dependencies have the same features.
        cargo.args(["build", "--workspace", "--bin", "terrace", "--test", "laws"]);
        cargo.args(["--locked", "--offline", "--message-format", "json"]);
        cargo.args(["--profile", if name == "debug" { "dev" } else { name }]);
        cargo.env("CARGO_TARGET_DIR", self.target());
        cargo.env("CARGO_INCREMENTAL", "0");
        cargo.current_dir(self.workspace()).stdin(Stdio::null());
        let output = cargo.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let mut built = BTreeMap::new();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let message: Value = serde_json::from_str(line).unwrap();
            let warning = message["message"]["rendered"].as_str();
            assert_eq!(warning, None, "{}", warning.unwrap_or_default());
            if let Some(executable) = message["executable"].as_str() {
                built.insert(message["target"]["name"].to_string(), executable.into());
            }
        }
        let mut take = |name: &str| built.remove(&format!("{name:?}")).unwrap();
        (take("terrace"), take("laws"))
    }
}

/// All files of a workspace, by their path in it. What is generated or hidden is none.
fn sources(workspace: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![workspace.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            if name.starts_with('.') || name == "target" || name == "__pycache__" {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(workspace).unwrap().display().to_string();
                all.insert(name, fs::read(path).unwrap());
            }
        }
    }
    all
}

/// Takes over what was built of others' crates, not of ours. Libraries are linked, as compilers write them aside
/// and put them in place; all else is copied, with its time, by which cargo tells what is stale.
fn inherit(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if name.contains("terrace") || name.starts_with("laws-") || name.starts_with("moves-") {
            continue;
        }
        let to = to.join(name.as_ref());
        let library = path.extension().and_then(OsStr::to_str);
        if path.is_dir() {
            inherit(&path, &to);
        } else if library.is_some_and(|end| ["rlib", "rmeta", "so", "dylib", "dll"].contains(&end))
        {
            fs::hard_link(&path, to).unwrap();
        } else {
            fs::copy(&path, &to).unwrap();
            let time = path.metadata().unwrap().modified().unwrap();
            let copy = fs::File::options().write(true).open(to).unwrap();
            copy.set_modified(time).unwrap();
        }
    }
}

/// Runs the program to its end, which must be good.
fn run(folder: &Folder, arguments: &[&str]) -> String {
    let answer = folder.run(arguments);
    assert_eq!(answer.exit, Some(0), "{arguments:?}: {answer}");
    answer.stdout
}

fn explain(program: &Path) {
    let folder = Folder::new().with_program(program);
    assert!(run(&folder, &["explain"]).contains(KIND));
    let kind = run(&folder, &["explain", KIND]);
    for word in ["security_groups", "address", "ec2:CreateNetworkInterface"] {
        assert!(kind.contains(word), "{word}: {kind}");
    }
    let property = run(&folder, &["explain", "network_interface.subnet"]);
    assert!(
        property.contains("The subnet that its address is of."),
        "{property}"
    );
    for file in ["all", "stage"] {
        let schema: Value = serde_json::from_str(&run(&folder, &["schema", file])).unwrap();
        assert!(
            schema["$defs"][KIND]["properties"]["subnet"].is_object(),
            "{file}"
        );
        assert!(schema["properties"][KIND].is_object(), "{file}");
    }
}

/// The reference gets a page for it, with its example, and nothing but the lists of kinds changes beside.
fn documents(program: &Path, copy: &Copy, touched: &BTreeSet<String>) {
    let folder = Folder::new().with_program(program);
    let docs = copy.workspace().join("docs");
    run(&folder, &["docs", "--write", docs.to_str().unwrap()]);
    let page = fs::read_to_string(docs.join("reference/network_interface.md")).unwrap();
    assert!(page.contains("[network_interface.example]"), "{page}");
    let written: Vec<String> = copy.touched().difference(touched).cloned().collect();
    let expected = [
        "docs/reference/README.md",
        "docs/reference/network_interface.md",
        "docs/terrace.schema.json",
    ];
    assert_eq!(written, expected);
}

fn draws(program: &Path, stack: &str) {
    let folder = Folder::new()
        .with_program(program)
        .file("stack.toml", &format!("{STACK}{stack}"));
    run(&folder, &["validate"]);
    let graph = run(&folder, &["graph"]);
    let line = " 3  network_interface.example  needs security_group.one, subnet.one";
    assert!(graph.contains(line), "{graph}");
    let picture = run(&folder, &["graph", "--format", "svg"]);
    assert!(picture.contains(">1 network interface<"), "{picture}");
    let misspelt = stack.replace("[network_interface", "[network_interfaces");
    let folder = Folder::new()
        .with_program(program)
        .file("stack.toml", &format!("{STACK}{misspelt}"));
    let answer = folder.run(&["validate"]);
    assert!(
        answer.stderr.contains("did you mean `network_interface`"),
        "{answer}"
    );
}

/// It goes up, is let go of and taken back, is changed, and goes down.
fn lives(program: &Path, stack: &str) {
    let folder = Folder::with_sandbox("toy").with_program(program);
    folder.write("stack.toml", &format!("{STACK}{stack}"));
    let settled = ["plan", "--sandbox", "--detailed-exitcode"];
    run(&folder, &["apply", "--sandbox", "--yes"]);
    run(&folder, &settled);
    let id = run(&folder, &["output", "--sandbox", "--name", "card"]);
    assert!(id.starts_with("eni-"), "{id}");
    let address = "network_interface.example";
    run(&folder, &["forget", address, "--sandbox", "--yes"]);
    assert_eq!(folder.run(&settled).exit, Some(2), "it is still known");
    run(
        &folder,
        &["import", address, id.trim(), "--sandbox", "--yes"],
    );
    run(&folder, &settled);
    let changed = format!("{STACK}{stack}description = \"For the firewall\"\n");
    folder.write("stack.toml", &changed);
    let plan = run(&folder, &["plan", "--sandbox"]);
    assert!(plan.contains("1 to change"), "{plan}");
    run(&folder, &["apply", "--sandbox", "--yes"]);
    run(&folder, &settled);
    run(
        &folder,
        &["destroy", "--sandbox", "--yes", "--allow", "network"],
    );
    let plan = run(&folder, &["plan", "--sandbox"]);
    assert!(plan.contains("6 to create"), "{plan}");
}

/// It has the laws that every kind has, and obeys them.
fn obeys(laws: &Path) {
    let of = |arguments: &[&str]| {
        let output = Command::new(laws)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}\n{text}{said}");
        text
    };
    let of_kind = |kind: &str| -> BTreeSet<String> {
        let list = of(&["--list", &format!("::{kind}")]);
        let laws = list
            .lines()
            .filter_map(|line| line.strip_suffix(&format!("::{kind}: test")));
        laws.map(str::to_owned).collect()
    };
    let number = of_kind("vpc").len();
    assert_eq!(of_kind(KIND), of_kind("vpc"));
    let passed = format!("{number} passed; 0 failed");
    let verdict = of(&[&format!("::{KIND}")]);
    assert!(number > 0 && verdict.contains(&passed), "{verdict}");
    of(&["every_"]);
}
