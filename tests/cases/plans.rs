//! What a plan says of a database, an instance and a secret that differ.

#![allow(clippy::unwrap_used)]

use crate::world::Account;

const STAGE: [&str; 2] = ["--stage", "split-database"];

fn run(account: &Account, arguments: &[&str]) -> String {
    account.ends(0, &[arguments, &STAGE].concat()).stdout
}

#[test]
fn neither_digests_nor_minutes_that_are_none() {
    let account = Account::with_shop("plans", "prod");
    let plan = run(&account, &["plan"]);
    let created = "password              (known after secret.db)";
    assert!(plan.contains(created), "{plan}");
    run(&account, &["apply", "--yes"]);
    account.boto3(
        r#"
secrets = client("secretsmanager")
[secret] = secrets.list_secrets()["SecretList"]
secrets.put_secret_value(SecretId=secret["ARN"], SecretString="x" * 32)
"#,
    );
    let stage = account.read("split-database.toml");
    let stage = stage.replace("stateless = true", "stateless = false");
    account.write("split-database.toml", &stage);
    let plan = run(&account, &["plan"]);
    let lines: Vec<&str> = plan.lines().map(str::trim).collect();
    for line in [
        "~ db_instance.main                     update for split-database; about 1 min",
        "password  the version it has -> the current version of secret.db",
        "~ instance.web                         update for split-database",
        "stateless  true -> false",
    ] {
        assert!(lines.contains(&line), "`{line}` is not in\n{plan}");
    }
    let stage = account.read("single-instance.toml");
    let secret = "[secret.db]\nusername = \"shop\"\n";
    account.write(
        "single-instance.toml",
        &stage.replace("[secret.db]", secret),
    );
    let plan = run(&account, &["plan"]);
    let line = "username  the one it has -> shop";
    assert!(plan.contains(line), "{plan}");
}
