//! The search for Python, and what is said when it fails.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use terrace_sandbox::{Home, Sandbox, SandboxError, Search, System};

use crate::stage;

fn program(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn answer(version: &str, venv: bool) -> String {
    format!("echo '[[{version}], {venv}, \"CPython\", \"x86_64\", \"linux\", \"/usr\"]'")
}

/// What is said where `path` is all there is.
async fn failure(path: &Path, python: Option<&str>, system: System) -> SandboxError {
    let search = Search {
        python: python.map(Into::into),
        path: path.as_os_str().to_owned(),
        system,
    };
    let home = Home::at(path.join("home"))
        .with_package(stage::stand_in(""))
        .with_search(search);
    Sandbox::ensure(&home, "default", &stage::quiet)
        .await
        .unwrap_err()
}

#[tokio::test]
async fn no_python_at_all() {
    let folder = stage::folder();
    let error = failure(folder.path(), None, System::Debian).await;
    assert!(
        error
            .to_string()
            .contains("there is no Python on the `PATH`"),
        "{error}"
    );
    assert_eq!(
        error.hints()[0],
        "install it: `sudo apt install python3 python3-venv`"
    );
    let error = failure(folder.path(), None, System::Alpine).await;
    assert_eq!(error.hints()[0], "install it: `apk add python3`");
    assert!(!error.hints().iter().any(|hint| hint.contains("uv")));
}

#[tokio::test]
async fn too_old_but_uv_is_there() {
    let folder = stage::folder();
    program(folder.path(), "python3", &answer("3, 9, 2", true));
    program(folder.path(), "python", &answer("2, 7, 18", false));
    program(folder.path(), "uv", "exit 1");
    let error = failure(folder.path(), None, System::MacOs).await;
    assert!(error.to_string().ends_with("python3` is 3.9.2"), "{error}");
    assert!(error.hints()[0].contains("brew install python3"));
    assert!(error.hints()[1].contains("uv python install"));
}

#[tokio::test]
async fn does_not_run() {
    let folder = stage::folder();
    program(
        folder.path(),
        "python3",
        "echo 'xcode-select: no developer tools' >&2; exit 1",
    );
    let error = failure(folder.path(), None, System::MacOs).await;
    assert!(
        error.to_string().contains("python3` does not run"),
        "{error}"
    );
    assert!(error.to_string().contains("no developer tools"), "{error}");
}

#[tokio::test]
async fn no_venv_module() {
    let folder = stage::folder();
    program(folder.path(), "python3", &answer("3, 11, 2", false));
    let error = failure(folder.path(), None, System::Debian).await;
    assert!(
        error
            .to_string()
            .contains("(Python 3.11) comes without the `venv` module"),
        "{error}"
    );
    assert!(
        error.hints()[0].contains("sudo apt install python3-venv"),
        "{:?}",
        error.hints()
    );
    assert!(
        error.hints()[0].contains("python3.11-venv"),
        "{:?}",
        error.hints()
    );
}

#[tokio::test]
async fn uv_makes_the_environment_where_venv_is_missing() {
    let folder = stage::folder();
    program(folder.path(), "python3", &answer("3, 11, 2", false));
    program(folder.path(), "uv", "echo \"uv: $*\" >&2; exit 2");
    let error = failure(folder.path(), None, System::Debian).await;
    assert!(
        error.to_string().contains("environment could not be made"),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("uv: venv --quiet --no-project --python"),
        "{error}"
    );
}

#[tokio::test]
async fn a_newer_one_is_found_behind_an_older() {
    let folder = stage::folder();
    program(folder.path(), "python3", &answer("3, 9, 2", true));
    program(
        folder.path(),
        "python3.12",
        "case $* in *ensurepip*) echo '[[3, 12, 1], true, \"CPython\", \"x86_64\", \"linux\", \"/usr\"]' ;; *) echo told to fail >&2; exit 1 ;; esac",
    );
    let error = failure(folder.path(), None, System::Other).await;
    assert!(error.to_string().contains("told to fail"), "{error}");
}

#[tokio::test]
async fn the_chosen_one_is_used_or_refused() {
    let folder = stage::folder();
    let error = failure(folder.path(), Some("/nowhere/python"), System::Other).await;
    assert!(
        error
            .to_string()
            .contains("`/nowhere/python`, which does not exist"),
        "{error}"
    );
    program(folder.path(), "old", &answer("3, 6, 15", true));
    let error = failure(folder.path(), Some("old"), System::Other).await;
    assert!(
        error.to_string().contains("`old`, which is Python 3.6.15"),
        "{error}"
    );
    assert!(error.hints()[0].contains("TERRACE_PYTHON"));
}

#[tokio::test]
async fn no_package_index() {
    let folder = stage::folder();
    let package = terrace_sandbox::Package::from_files(&[
        // Fails as an index does that is not there, but without pip's patience.
        (
            "requirements.txt",
            "thing @ file:///nowhere/thing-1-py3-none-any.whl\n",
        ),
        ("terrace_emulator/__main__.py", ""),
    ]);
    let home = Home::at(folder.path()).with_package(package);
    let heard = stage::Heard::default();
    let error = Sandbox::ensure(&home, "default", &|line| heard.say(line))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("packages could not be installed"),
        "{error}"
    );
    assert!(error.to_string().contains("/nowhere/thing"), "{error}");
    assert!(
        error
            .hints()
            .iter()
            .any(|hint| hint.contains("PIP_INDEX_URL"))
    );
    assert!(
        heard.text().contains("1 Python packages"),
        "{}",
        heard.text()
    );
    // Not taken for whole the next time.
    let error = Sandbox::ensure(&home, "default", &stage::quiet)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("packages could not be installed"),
        "{error}"
    );
}

#[tokio::test]
async fn an_environment_left_half_made_is_made_again() {
    let folder = stage::folder();
    let home = Home::at(folder.path()).with_package(stage::stand_in(""));
    let sandbox = Sandbox::private(&home, &stage::quiet).await.unwrap();
    sandbox.stop().await.unwrap();
    let venv = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("python-")
        })
        .unwrap();
    fs::remove_file(venv.join("bin/python")).unwrap();
    symlink("/nowhere/python", venv.join("bin/python")).unwrap();
    let heard = stage::Heard::default();
    let sandbox = Sandbox::private(&home, &|line| heard.say(line))
        .await
        .unwrap();
    assert!(
        heard.text().contains("making a private Python environment"),
        "{}",
        heard.text()
    );
    sandbox.stop().await.unwrap();
}

#[test]
fn systems_by_their_release_file() {
    assert_eq!(
        System::of("NAME=x\nID=ubuntu\nID_LIKE=debian\n"),
        System::Debian
    );
    assert_eq!(
        System::of("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"),
        System::Debian
    );
    assert_eq!(
        System::of("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"),
        System::Fedora
    );
    assert_eq!(System::of("ID=alpine\n"), System::Alpine);
    assert_eq!(
        System::of("ID=opensuse-leap\nID_LIKE=\"suse opensuse\"\n"),
        System::Suse
    );
    assert_eq!(System::of("ID=nixos\n"), System::Other);
    assert_eq!(System::of(""), System::Other);
}
