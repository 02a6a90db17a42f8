use std::process::Stdio;

use insta::assert_snapshot;

use crate::program::Folder;

#[test]
fn what_terrace_can_do() {
    assert_snapshot!(Folder::new().run(&["--help"]));
}

#[test]
fn a_usage_error_exits_with_one() {
    assert_snapshot!(Folder::new().run(&["plan", "--until", "tomorrow"]));
}

#[test]
fn no_command_is_a_usage_error() {
    assert_eq!(Folder::new().run(&[]).exit, Some(1));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for arguments in [
        ["schema", "all"],
        ["completions", "bash"],
        ["explain", "common"],
    ] {
        let folder = Folder::new();
        let mut command = folder.command(&arguments);
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            unreachable!("{arguments:?} does not start")
        };
        drop(child.stdout.take());
        let output = child.wait_with_output();
        let output = output.map(|output| (output.status.code(), output.stderr));
        assert_eq!(output.ok(), Some((Some(0), Vec::new())), "{arguments:?}");
    }
}

#[test]
fn every_shell_gets_its_script() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let told = Folder::new().run(&["completions", shell]);
        assert_eq!(told.exit, Some(0));
        assert!(told.stdout.contains("validate"), "{shell}");
    }
}

#[test]
fn without_credentials_one_error_says_what_was_tried() {
    let folder = Folder::new().file("stack.toml", "name = \"lone\"\nregion = \"eu-west-3\"\n");
    let answer = folder.run(&["plan"]);
    assert_eq!(answer.exit, Some(1));
    for words in ["no AWS credentials were found", "AWS_PROFILE", "--sandbox"] {
        assert!(answer.stderr.contains(words), "{answer}");
    }
}

#[test]
fn a_saved_plan_is_not_read_beyond_its_bounds() {
    let stack = "name = \"lone\"\nregion = \"eu-west-3\"\n";
    let folder = Folder::new()
        .file("stack.toml", stack)
        .file("large", &" ".repeat((32 << 20) + 1))
        .file("deep", &"[".repeat(1 << 20))
        .file("other", "name = \"lone\"\n");
    for (plan, words) in [
        ("large", "a saved plan has 32 MB at most"),
        ("/dev/zero", "a saved plan has 32 MB at most"),
        ("deep", "it is no saved plan: recursion limit exceeded"),
        ("other", "it is no saved plan: expected"),
        ("none", "cannot read none: No such file"),
        (".", "cannot read .: Is a directory"),
    ] {
        let answer = folder.run(&["apply", "--sandbox", ".", "--plan", plan]);
        assert_eq!(answer.exit, Some(1), "{answer}");
        // Before anything is connected to, and without the text itself.
        assert!(answer.stderr.starts_with("error: cannot read "), "{answer}");
        assert!(answer.stderr.contains(words), "{words}: {answer}");
        assert!(answer.stderr.len() < 500, "{answer}");
    }
}
