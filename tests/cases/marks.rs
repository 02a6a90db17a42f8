//! `import`, `forget` and `drift`, against the emulator.

use insta::{Settings, assert_snapshot};

use crate::program::Folder;

const STACK: &str = r#"
name   = "shop"
region = "eu-west-3"

[vpc.main]
cidr = "10.0.0.0/16"

[outputs]
vpc = "{{ vpc.main.id }}"
"#;

#[test]
fn a_mark_comes_off_and_on_again() {
    let folder = Folder::with_sandbox("marks").file("stack.toml", STACK);
    let run = |arguments: &[&str]| folder.run(&[arguments, &["--sandbox"]].concat());
    let mut settings = Settings::clone_current();
    settings.add_filter(r"\bvpc-[0-9a-f]+", "[ID]");
    let _bound = settings.bind_to_scope();

    let made = run(&["apply", "--yes"]);
    assert_eq!(made.exit, Some(0), "{made}");
    let id = run(&["output", "--name", "vpc"]).stdout.trim().to_owned();
    assert_snapshot!("nothing_differs", run(&["drift", "--detailed-exitcode"]));

    assert_snapshot!("nobody_agrees", run(&["forget", "vpc.main"]));
    assert_snapshot!("forgotten", run(&["forget", "vpc.main", "--yes"]));
    assert_snapshot!("forgotten_twice", run(&["forget", "vpc.main", "--yes"]));
    // It was all there was, and to see nothing where something stood is no drift.
    assert_snapshot!("all_forgotten", run(&["drift", "--detailed-exitcode"]));

    assert_snapshot!(
        "no_such_id",
        run(&["import", "vpc.main", "vpc-0123", "--yes"])
    );
    assert_snapshot!(
        "no_such_address",
        run(&["import", "vpc.mian", &id, "--yes"])
    );
    assert_snapshot!("imported", run(&["import", "vpc.main", &id, "--yes"]));
    assert_snapshot!("imported_twice", run(&["import", "vpc.main", &id, "--yes"]));
    let again = run(&["plan", "--detailed-exitcode"]);
    assert_eq!(
        again.exit,
        Some(0),
        "an imported resource is as the TOML says: {again}"
    );

    let other = STACK.replace("vpc.main", "vpc.other");
    folder.write("stack.toml", &other);
    assert_snapshot!(
        "another_address",
        run(&["import", "vpc.other", &id, "--yes"])
    );
    assert_snapshot!("orphan", run(&["drift", "--detailed-exitcode"]));

    let changed = STACK.replace("/16\"", "/16\"\ndns_hostnames = false");
    folder.write("stack.toml", &changed);
    assert_snapshot!("changed", run(&["drift", "--detailed-exitcode"]));
    assert_snapshot!("changed_markdown", run(&["drift", "--format", "markdown"]));
}
