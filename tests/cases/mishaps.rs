//! What goes wrong around a run and not in the stack: who calls, from where, with which clock, and whether anybody
//! answers. Each is one error that says what to do; nothing is half recorded, and the next run ends as it should.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use terrace_sandbox::{Asked, Fate, Home, Refusal, Sandbox, Turn, Weather};
use tokio::runtime::Runtime;

use crate::front::Front;
use crate::program::{Answer, Folder};
use crate::world::Account;

const STACK: &str = r#"
name   = "shop"
region = "eu-west-3"

[vpc.main]
cidr = "10.0.0.0/16"

[subnet.a]
vpc  = "vpc.main"
cidr = "10.0.0.0/24"
zone = "a"

[subnet.b]
vpc  = "vpc.main"
cidr = "10.0.1.0/24"
zone = "b"

[security_group.web]
vpc = "vpc.main"

[security_group.web.ingress]
https = { port = 443, from = "0.0.0.0/0" }

[volume.data]
zone = "a"
size = 10

[ssm_parameter.url]
name  = "/shop/url"
value = "https://shop.example.com"

[secret.db]

[iam_role.web]
trust = { service = "ec2.amazonaws.com" }
"#;

/// What happens to every call once so many have acted; `None` is from the first call on.
struct Mishap {
    after: Option<u64>,
    what: fn(&Asked) -> Turn,
    acts: AtomicU64,
}

impl Weather for Mishap {
    fn before(&self, call: &Asked) -> Fate {
        // The lock's own writes come when they come.
        let acts = !call.reads && call.service != "s3";
        let acts = self.acts.fetch_add(u64::from(acts), Ordering::Relaxed) + u64::from(acts);
        match self.after {
            Some(after) if acts <= after => Fate::default(),
            _ => (self.what)(call).into(),
        }
    }
}

/// A run of the program on the account's stack, with a mishap.
fn run(account: &Account, words: &[&str], after: Option<u64>, what: fn(&Asked) -> Turn) -> Answer {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mishap = Mishap {
        after,
        what,
        acts: AtomicU64::new(0),
    };
    let name = format!("mishap-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let runtime = Runtime::new().unwrap();
    let home = Home::from_env().unwrap();
    let front = runtime.block_on(async {
        let sandbox = Sandbox::find(&home, account.sandbox()).await.unwrap();
        Front::before(&sandbox.unwrap(), &name, Arc::new(mishap)).await
    });
    let all = [&words[..1], &["--sandbox", "."], &words[1..]].concat();
    account.end(&mut front.command(&account.folder(), &all))
}

/// It failed with one error, which says these words.
fn says(answer: &Answer, words: &[&str]) {
    assert_eq!(answer.exit, Some(1), "{answer}");
    let mut parts = answer.stderr.split("error: ");
    let (progress, error) = (parts.next().unwrap(), parts.next().unwrap_or_default());
    assert_eq!(parts.next(), None, "{answer}");
    assert!(!progress.contains("warning: "), "{answer}");
    for words in words {
        assert_eq!(error.matches(words).count(), 1, "{words}: {answer}");
    }
}

/// Applies as soon as the lock of the run before lets it, and finds nothing left to do.
fn converges(account: &Account) {
    account.ends_once_free(&["apply", "--yes"]);
    account.ends(0, &["plan", "--detailed-exitcode"]);
    let told = account.ends(0, &["lock", "--format", "json"]);
    let lock: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(lock["lock"]["state"], Value::Null, "{told}");
}

/// The census of the stack where nothing ever went wrong.
fn undisturbed() -> std::collections::BTreeMap<String, u64> {
    let account = Account::with_stack("mishaps", STACK);
    converges(&account);
    account.census()
}

/// Of a plan, an apply and a teardown, from the first call on: nothing is there afterwards, no lock and no
/// footprint either.
fn stops_at_the_door(what: fn(&Asked) -> Turn, words: &[&str]) {
    let account = Account::with_stack("mishaps", STACK);
    let before = account.census();
    for command in [
        &["plan"][..],
        &["apply", "--yes"],
        &["drift"],
        &["destroy", "--yes"],
    ] {
        let answer = run(&account, command, None, what);
        says(&answer, words);
        assert_eq!(answer.stdout, "", "{answer}");
    }
    assert_eq!(account.census(), before);
    converges(&account);
}

/// Of an apply, once so many calls have acted: the next one goes on, and it is as if nothing had been.
fn stops_in_the_middle(what: fn(&Asked) -> Turn, points: &[u64], words: &[&str]) {
    let expected = undisturbed();
    for after in points {
        let account = Account::with_stack("mishaps", STACK);
        let answer = run(&account, &["apply", "--yes"], Some(*after), what);
        says(&answer, words);
        converges(&account);
        assert_eq!(account.census(), expected, "after {after}");
    }
}

const EXPIRED: &[&str] = &[
    "the AWS credentials have expired",
    "get new ones, as by `aws sso login`",
];

fn expired(call: &Asked) -> Turn {
    Turn::Refuse(Refusal::expired(call))
}

#[test]
fn credentials_that_have_expired_are_said_to_have() {
    stops_at_the_door(expired, EXPIRED);
    // Between the first question and the others.
    let account = Account::with_stack("mishaps", STACK);
    converges(&account);
    let late = |call: &Asked| match call.service.as_str() {
        "sts" => Turn::Pass,
        _ => expired(call),
    };
    for command in [&["plan"][..], &["apply", "--yes"]] {
        says(&run(&account, command, None, late), EXPIRED);
    }
    // Whichever service is the first to say so.
    let first = |call: &Asked| match call.service.as_str() {
        "s3" => expired(call),
        _ => Turn::Pass,
    };
    says(&run(&account, &["plan"], None, first), EXPIRED);
}

#[test]
fn credentials_that_expire_in_the_middle_stop_the_run() {
    let words = [EXPIRED, &["nothing that was begun is lost"]].concat();
    stops_in_the_middle(expired, &[0, 1, 4, 9], &words);
}

/// An HTTP date so many minutes from now.
fn date(minutes: i64) -> String {
    let then = Timestamp::now() + SignedDuration::from_mins(minutes);
    let printer = DateTimePrinter::new();
    printer.timestamp_to_rfc9110_string(&then).unwrap()
}

#[test]
fn a_clock_that_is_off_is_told_by_how_much() {
    stops_at_the_door(
        |call| Turn::Refuse(Refusal::skewed(call, &date(13))),
        &[
            "this machine's clock is 13 minutes behind AWS's",
            "set the clock",
        ],
    );
    stops_in_the_middle(
        |call| Turn::Refuse(Refusal::skewed(call, &date(-180))),
        &[4],
        &[
            "this machine's clock is 3 hours ahead of AWS's",
            "set the clock",
        ],
    );
}

#[test]
fn credentials_that_nobody_knows_are_said_to_be_none() {
    let unknown = |call: &Asked| {
        Turn::Refuse(Refusal {
            code: "InvalidClientTokenId",
            message: "The security token included in the request is invalid".to_owned(),
            ..Refusal::denied(call)
        })
    };
    stops_at_the_door(
        unknown,
        &["AWS does not know these credentials", "AWS_PROFILE"],
    );
}

#[test]
fn where_nobody_answers_any_more_the_next_run_goes_on() {
    stops_in_the_middle(|_| Turn::LoseBefore, &[1, 9], &["no answer"]);
}

/// A stack that is meant for AWS, reached at an endpoint with the credentials of an account.
fn at(folder: &Folder, endpoint: &str, account: &str, words: &[&str]) -> Answer {
    let mut command: Command = folder.command(words);
    command
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", format!("TERRACE{account}"))
        .env("AWS_SECRET_ACCESS_KEY", "sandbox");
    folder.end(&mut command)
}

#[test]
fn without_a_network_it_is_told_in_seconds() {
    let folder = Folder::new().file(
        "stack.toml",
        &format!("account = \"123456789012\"\n{STACK}"),
    );
    // A port that nobody listens at, and a name that nobody has (RFC 6761).
    for endpoint in ["http://127.0.0.1:1", "http://aws.invalid"] {
        for command in [&["plan"][..], &["apply", "--yes"]] {
            let begun = Instant::now();
            let answer = at(&folder, endpoint, "123456789012", command);
            let look = format!("look whether anything answers at {endpoint}");
            says(&answer, &["no connection", &look]);
            assert!(begun.elapsed() < Duration::from_secs(30), "{answer}");
        }
    }
}

#[test]
fn credentials_that_cannot_be_had_are_told() {
    let config = "[default]\ncredential_process = false\n";
    let folder = Folder::new()
        .file("stack.toml", STACK)
        .file("config", config);
    let mut command = folder.command(&["plan"]);
    command.env("AWS_CONFIG_FILE", folder.path().join("config"));
    says(
        &folder.end(&mut command),
        &["the AWS credentials cannot be had", "look at AWS_PROFILE"],
    );
}

#[test]
fn the_credentials_of_another_account_touch_nothing() {
    let account = Account::with_stack("mishaps", STACK);
    let folder = Folder::new().file("stack.toml", &account.read("stack.toml"));
    let before = account.census();
    for command in [&["plan"][..], &["apply", "--yes"], &["destroy", "--yes"]] {
        let answer = at(&folder, &account.endpoint(), "210987654321", command);
        let told = format!(
            "the credentials are of account 210987654321, but the stack is pinned to {}",
            account.number()
        );
        says(&answer, &[&told, "choose other credentials"]);
    }
    assert_eq!(account.census(), before);
    converges(&account);
}

#[test]
fn an_emulator_that_is_gone_in_the_middle_is_said_to_be() {
    let folder = Folder::with_sandbox("gone").file("stack.toml", STACK);
    let started = folder.run(&["sandbox", "start"]);
    assert_eq!(started.exit, Some(0), "{started}");
    let home = Home::from_env().unwrap();
    let find = Sandbox::find(&home, folder.sandbox().unwrap());
    let sandbox = Runtime::new().unwrap().block_on(find).unwrap().unwrap();
    let mut command = folder.command(&["apply", "--sandbox", ".", "--yes"]);
    command.stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("] done") {
        let read = std::io::BufRead::read_line(&mut stderr, &mut said).unwrap();
        assert!(read > 0, "{said}");
    }
    let killed = Command::new("kill")
        .args(["-KILL", &sandbox.pid().to_string()])
        .status();
    assert!(killed.unwrap().success());
    std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
    let answer = Answer {
        exit: child.wait().unwrap().code(),
        stdout: String::new(),
        stderr: said.split_off(said.find("error: ").unwrap()),
    };
    says(
        &answer,
        &["the sandbox is stopped", "run it again to go on"],
    );
    // Its world went with it; another is begun, and it is whole.
    let again = folder.run(&["apply", "--sandbox", ".", "--yes"]);
    assert_eq!(again.exit, Some(0), "{again}");
    let plan = folder.run(&["plan", "--sandbox", ".", "--detailed-exitcode"]);
    assert_eq!(plan.exit, Some(0), "{plan}");
}
