//! Secrets reach no output: canaries are planted wherever a stack may hold one, and looked for in all that is printed,
//! saved, tagged and left lying, through every command that meets them, failures included.

#![allow(clippy::unwrap_used)]

use std::process::Command;

use crate::program::Answer;
use crate::world::Account;

const STACK: &str = r#"
name   = "shop"
region = "eu-west-3"

[vpc.main]
cidr = "10.0.0.0/16"

[subnet.a]
vpc  = "vpc.main"
zone = "a"
cidr = "10.0.0.0/24"

[subnet.b]
vpc  = "vpc.main"
zone = "b"
cidr = "10.0.1.0/24"

[secret.db]

[db_subnet_group.main]
subnets = ["subnet.a", "subnet.b"]

[db_instance.main]
engine          = "mariadb"
engine_version  = "10.6"
class           = "db.t3.small"
storage         = 20
username        = "shop"
password        = "secret.db"
subnet_group    = "db_subnet_group.main"
protect         = false

[instance.web]
image     = "al2023"
type      = "t3.micro"
subnet    = "subnet.a"
user_data = { template = "boot.sh", with = { token = "CANARY-template" } }

[instance.worker]
image     = "al2023"
type      = "t3.micro"
subnet    = "subnet.a"
user_data = "CANARY-inline"

[ssm_parameter.first]
name  = "/taken"
value = "1"

[outputs]
secret   = "{{ secret.db.arn }}"
database = "{{ db_instance.main.address }}"
"#;

/// What is in the environment of every command.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", "CANARYACCESSKEYIDENT"),
    ("AWS_SECRET_ACCESS_KEY", "CANARY-secret-access-key"),
    ("AWS_SESSION_TOKEN", "CANARY-session-token"),
    ("DB_PASSWORD", "CANARY-environment"),
];

/// All that came out so far.
struct Out {
    account: Account,
    said: Vec<(String, String)>,
}

impl Out {
    fn run(&mut self, exit: i32, arguments: &[&str]) -> Answer {
        let mut command: Command = self.account.command(arguments);
        command.envs(ENVIRONMENT);
        let answer = self.account.end(&mut command);
        assert_eq!(answer.exit, Some(exit), "{arguments:?}: {answer}");
        let name = arguments.join(" ");
        self.said.push((name.clone(), answer.stdout.clone()));
        self.said.push((name, answer.stderr.clone()));
        answer
    }

    /// A command whose address comes before the stack.
    fn about(&mut self, command: &str, address: &[&str]) {
        let folder = self.account.folder();
        let mut program = Command::new(env!("CARGO_BIN_EXE_terrace"));
        program.arg(command).args(address).arg(folder);
        program.args(["--sandbox", "--yes"]).envs(ENVIRONMENT);
        program.env("TERRACE_SANDBOX_NAME", self.account.sandbox());
        let answer = self.account.end(&mut program);
        assert_eq!(answer.exit, Some(0), "{command}: {answer}");
        self.said.push((command.to_owned(), answer.stdout));
        self.said.push((command.to_owned(), answer.stderr));
    }

    /// A command that reads the files alone.
    fn offline(&mut self, command: &str) {
        let mut program = Command::new(env!("CARGO_BIN_EXE_terrace"));
        let output = program
            .arg(command)
            .arg(self.account.folder())
            .envs(ENVIRONMENT)
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}");
        for text in [output.stdout, output.stderr] {
            let text = String::from_utf8(text).unwrap();
            self.said.push((command.to_owned(), text));
        }
    }

    /// No canary is in what was said, nor in what lies in the account for all to read.
    fn holds_none(&self, canaries: &[String]) {
        let lying = self.account.boto3(LYING);
        assert!(lying.contains("footprints/shop/main"), "{lying}");
        assert!(lying.contains("terrace:id"), "{lying}");
        let files = self.files();
        assert!(files.len() >= 2, "the plans that were saved");
        let lying = std::iter::once(("the account".to_owned(), lying));
        for (name, text) in self.said.iter().cloned().chain(lying).chain(files) {
            for canary in canaries {
                assert!(!text.contains(canary), "{canary} is in {name}: {text}");
            }
        }
    }

    /// Every file that was not there before.
    fn files(&self) -> Vec<(String, String)> {
        let folder = self.account.folder();
        let entries = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let written =
            entries.filter(|path| !path.ends_with("stack.toml") && !path.ends_with("boot.sh"));
        let read = |path: std::path::PathBuf| {
            let text = std::fs::read(&path).unwrap();
            (
                path.display().to_string(),
                String::from_utf8_lossy(&text).into_owned(),
            )
        };
        written.map(read).collect()
    }
}

/// Tags, names and descriptions of all there is, and every object in the account's bucket.
const LYING: &str = r#"
from botocore.exceptions import ClientError
def show(service, operation, **arguments):
    answer = getattr(client(service), operation)(**arguments)
    answer.pop("ResponseMetadata", None)
    print(service, operation, json.dumps(answer, default=str))
show("ec2", "describe_tags")
show("ec2", "describe_instances")
show("ec2", "describe_vpcs")
show("rds", "describe_db_instances")
show("rds", "describe_db_snapshots")
show("secretsmanager", "list_secrets")
show("ssm", "describe_parameters")
show("resourcegroupstaggingapi", "get_resources")
s3 = client("s3")
bucket = "terrace-" + os.environ["ACCOUNT"]
for one in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
    print(one["Key"], s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read().decode())
"#;

#[test]
fn no_secret_reaches_an_output() {
    let account = Account::with_stack("secrets", STACK);
    account.write(
        "boot.sh",
        "#!/bin/sh\nexport TOKEN={{ token }}\nexport OTHER=CANARY-file\n",
    );
    account.boto3(r#"client("ssm").put_parameter(Name="/taken", Value="0", Type="String")"#);
    let mut out = Out {
        account,
        said: Vec::new(),
    };
    let place = out.account.folder().display().to_string();
    let (first, second) = (
        format!("{place}/first.json"),
        format!("{place}/second.json"),
    );
    out.run(0, &["plan", "--out", &first]);
    out.run(0, &["plan", "--format", "json"]);
    out.run(0, &["plan", "--format", "markdown"]);
    // One fails, the others are made.
    out.run(1, &["apply", "--yes", "--format", "json"]);
    out.account
        .boto3(r#"client("ssm").delete_parameter(Name="/taken")"#);
    out.run(0, &["apply", "--yes", "--calls"]);
    let password = out.account.boto3(
        r#"
secret = client("secretsmanager").list_secrets()["SecretList"][0]["ARN"]
value = client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
print(json.loads(value)["password"] if value.startswith("{") else value)
"#,
    );
    assert_eq!(password.len(), 32, "the password itself");
    for command in ["output", "drift", "plan"] {
        out.run(0, &[command]);
        out.run(0, &[command, "--format", "json"]);
    }
    for command in ["graph", "validate"] {
        out.offline(command);
    }
    // What differs is told without what it differs in.
    out.account.write(
        "boot.sh",
        "#!/bin/sh\nexport TOKEN={{ token }}\nexport OTHER=CANARY-changed\n",
    );
    out.account.boto3(
        r#"
secret = client("secretsmanager").list_secrets()["SecretList"][0]["ARN"]
client("secretsmanager").put_secret_value(SecretId=secret, SecretString="CANARY-by-hand")
"#,
    );
    out.run(0, &["plan", "--out", &second]);
    out.run(0, &["drift", "--format", "markdown"]);
    out.run(
        1,
        &["apply", "--yes", "--plan", &format!("{place}/boot.sh")],
    );
    out.run(
        0,
        &["apply", "--yes", "--plan", &second, "--format", "json"],
    );
    out.about("forget", &["instance.web"]);
    let id = out.account.boto3(
        r#"
machines = [one for all in client("ec2").describe_instances()["Reservations"] for one in all["Instances"]]
marked = lambda one: any(tag["Key"] == "terrace:stack" for tag in one.get("Tags", []))
print([one["InstanceId"] for one in machines if one["State"]["Name"] == "running" and not marked(one)][0])
"#,
    );
    out.about("import", &["instance.web", &id]);
    out.run(3, &["destroy", "--yes"]);
    let canaries = vec!["CANARY".to_owned(), password];
    out.holds_none(&canaries);
    out.run(
        0,
        &["destroy", "--yes", "--allow", "data", "--format", "json"],
    );
    for (name, text) in &out.said {
        assert!(
            !canaries.iter().any(|canary| text.contains(canary)),
            "{name}: {text}"
        );
    }
}
