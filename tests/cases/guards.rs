//! Guards over a whole plan: most of a stack is not deleted unasked, and one that is not found is not built again.

#![allow(clippy::unwrap_used)]

use std::fmt::Write;

use crate::world::Account;

fn groups(count: usize) -> String {
    let mut toml =
        "name = \"shop\"\nregion = \"eu-west-3\"\n\n[vpc.main]\ncidr = \"10.0.0.0/16\"\n"
            .to_owned();
    for number in 0..count {
        let _ = write!(toml, "\n[security_group.g{number}]\nvpc = \"vpc.main\"\n");
    }
    toml
}

fn live(account: &Account) -> String {
    account.boto3(
        r#"
groups = client("ec2").describe_security_groups()["SecurityGroups"]
print(len([group for group in groups if group["GroupName"] != "default"]))
"#,
    )
}

#[test]
fn most_of_a_stack_is_not_deleted_unasked() {
    let account = Account::with_stack("guards", &groups(7));
    account.ends(0, &["apply", "--yes"]);
    account.write("stack.toml", &groups(2));
    let told = account.ends(0, &["plan"]);
    let words = "this deletes 5 of the 8 resources that are live";
    assert!(told.stderr.contains(words), "{told}");
    assert!(told.stderr.contains("--allow many"), "{told}");
    let told = account.ends(3, &["apply", "--yes"]);
    assert!(told.stderr.contains(words), "{told}");
    assert_eq!(live(&account), "7");
    // Nor by a plan that was saved.
    let saved = account.folder().join("plan.json").display().to_string();
    account.ends(0, &["plan", "--out", &saved]);
    account.ends(3, &["apply", "--plan", &saved]);
    assert_eq!(live(&account), "7");
    // Half of it is no slip, and a teardown is asked for by name.
    account.write("stack.toml", &groups(3));
    account.ends(0, &["apply", "--yes"]);
    assert_eq!(live(&account), "3");
    account.write("stack.toml", &groups(7));
    account.ends(0, &["apply", "--yes"]);
    account.write("stack.toml", &groups(1));
    account.ends(0, &["apply", "--yes", "--allow", "many"]);
    assert_eq!(live(&account), "1");
    account.write("stack.toml", &groups(7));
    account.ends(0, &["apply", "--yes"]);
    account.ends(0, &["destroy", "--yes"]);
    assert_eq!(live(&account), "0");
}

#[test]
fn a_stack_that_is_not_found_is_not_built_a_second_time() {
    let account = Account::with_stack("guards", &groups(0));
    account.ends(0, &["apply", "--yes"]);
    // The marks are hidden, as from credentials that see none of it.
    account.boto3(
        r#"
vpc = marked("ec2", "describe_vpcs", "Vpcs", "vpc.main")
client("ec2").delete_tags(Resources=[vpc["VpcId"]], Tags=[{"Key": "terrace:stack"}])
"#,
    );
    let networks = || {
        account.boto3(
            r#"print(len([vpc for vpc in client("ec2").describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]))"#,
        )
    };
    for command in [&["plan"][..], &["apply", "--yes"], &["drift"]] {
        let told = account.ends(3, command);
        for words in [
            "nothing of shop/main is found",
            "--allow empty",
            "credentials",
        ] {
            assert!(told.stderr.contains(words), "{told}");
        }
        assert_eq!(networks(), "1");
    }
    // Nobody has seen that it is missing.
    let told = account.ends(3, &["drift", "--detailed-exitcode", "--format", "json"]);
    assert_eq!(told.stdout, "", "{told}");
    account.ends(0, &["apply", "--yes", "--allow", "empty"]);
    assert_eq!(networks(), "2");
    account.ends(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn what_never_stood_or_was_taken_down_is_built_unasked() {
    let account = Account::with_stack("guards", &groups(0));
    account.ends(2, &["drift", "--detailed-exitcode"]);
    account.ends(0, &["apply", "--yes"]);
    account.ends(0, &["destroy", "--yes"]);
    account.ends(2, &["drift", "--detailed-exitcode"]);
    account.ends(0, &["apply", "--yes"]);
    // All of it taken out by the TOML.
    account.write("stack.toml", "name = \"shop\"\nregion = \"eu-west-3\"\n");
    account.ends(0, &["apply", "--yes", "--allow", "network"]);
    account.write("stack.toml", &groups(0));
    account.ends(0, &["apply", "--yes"]);
    // A first run that came to nothing is made again.
    let taken = "name = \"shop\"\nregion = \"eu-west-3\"\n\n[ssm_parameter.first]\nname = \"/taken\"\nvalue = \"1\"\n";
    let other = Account::with_stack("guards", taken);
    other.boto3(r#"client("ssm").put_parameter(Name="/taken", Value="0", Type="String")"#);
    other.ends(1, &["apply", "--yes"]);
    other.ends(1, &["apply", "--yes"]);
    other.boto3(r#"client("ssm").delete_parameter(Name="/taken")"#);
    other.ends(0, &["apply", "--yes"]);
}

/// What AWS lets others write is shown, and acts on nothing.
#[test]
fn what_others_wrote_acts_on_no_terminal() {
    let toml = groups(1).replace("[vpc.main]", "[tags]\nteam = \"web\"\n\n[vpc.main]");
    let toml = format!(
        "{toml}\n[ssm_parameter.url]\nname = \"/shop/url\"\nvalue = \"https://shop.example.com\"\n"
    );
    let account = Account::with_stack("guards", &toml);
    account.ends(0, &["apply", "--yes"]);
    account.boto3(
        r#"
evil = "\x1b]0;owned\x07\x1b[2J\x1b[31mred\u202e\x9b2K\r\n```\n</details> @all"
quiet = "\u202ered\x9b2K\n```\n"
vpc = marked("ec2", "describe_vpcs", "Vpcs", "vpc.main")
client("ec2").create_tags(Resources=[vpc["VpcId"]], Tags=[{"Key": "team", "Value": quiet}, {"Key": quiet, "Value": quiet}])
client("ssm").put_parameter(Name="/shop/url", Value=evil, Description=evil, Overwrite=True)
"#,
    );
    let acts = |c: char| terrace_core::canon::acts(c) && c != '\n';
    for command in ["plan", "drift"] {
        for format in ["human", "json", "markdown"] {
            let told = account.run(&[command, "--format", format]);
            for text in [&told.stdout, &told.stderr] {
                assert!(
                    !text.contains(acts),
                    "{command} --format {format}: {text:?}"
                );
            }
            assert!(told.stdout.contains("vpc.main"), "{told}");
            match format {
                // Between our own two fences nothing begins or ends one.
                "markdown" => {
                    let fence = told
                        .stdout
                        .lines()
                        .find(|line| line.starts_with("```"))
                        .unwrap();
                    let bare = fence.trim_end_matches("text");
                    let ends = told.stdout.lines().filter(|line| line.trim() == bare);
                    assert_eq!(ends.count(), 1, "{told}");
                }
                "json" => drop(serde_json::from_str::<serde_json::Value>(&told.stdout).unwrap()),
                _ => {}
            }
        }
    }
    // Even where colours are wanted only ours are there.
    let told = account.run(&["plan", "--color", "always"]);
    assert!(
        told.stdout.contains("\u{1b}[") && !told.stdout.contains("\u{1b}[31mred"),
        "{told}"
    );
    account.ends(0, &["apply", "--yes"]);
}
