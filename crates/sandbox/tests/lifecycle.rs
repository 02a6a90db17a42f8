//! Started, found, told apart, emptied, stopped.

use std::fs;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use terrace_sandbox::{Home, Sandbox, Status};

use crate::stage::{self, home, quiet};

async fn fetch(method: &str, url: &str) -> Value {
    let client = Client::builder(TokioExecutor::new()).build_http::<String>();
    let request = http::Request::builder()
        .method(method)
        .uri(url)
        .body("x".to_owned())
        .unwrap();
    let body = client
        .request(request)
        .await
        .unwrap()
        .into_body()
        .collect()
        .await
        .unwrap();
    serde_json::from_slice(&body.to_bytes()).unwrap()
}

fn lives(pid: u32) -> bool {
    // A dead child that its parent has yet to clear away is no process.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|text| !text.contains(") Z "))
}

fn write_note(home: &Home, name: &str, note: &Value) {
    fs::create_dir_all(home.root().join("run")).unwrap();
    fs::write(
        home.root().join("run").join(format!("{name}.json")),
        note.to_string(),
    )
    .unwrap();
}

#[tokio::test]
async fn started_found_emptied_stopped() {
    let home = home();
    let heard = stage::Heard::default();
    let sandbox = Sandbox::ensure(&home, "whole", &|line| heard.say(line))
        .await
        .unwrap();
    assert!(heard.text().contains("starting the AWS emulator"));
    let pid = sandbox.pid();
    assert!(lives(pid));

    let again = Sandbox::ensure(&home, "whole", &|line| panic!("{line}"))
        .await
        .unwrap();
    assert_eq!((again.pid(), again.endpoint()), (pid, sandbox.endpoint()));
    drop(again);
    assert!(lives(pid), "a shared sandbox outlives the value");
    let status = Sandbox::status(&home, "whole").await.unwrap();
    let Status::Running {
        pid: seen,
        port,
        since,
        current,
    } = status
    else {
        panic!("{status:?}")
    };
    assert_eq!((seen, port, current), (pid, sandbox.port(), true));
    assert!(since.elapsed().unwrap() < Duration::from_mins(10));

    fetch("POST", &format!("{}/thing", sandbox.endpoint())).await;
    sandbox.set_pace(2.5).await.unwrap();
    let world = fetch("GET", &sandbox.endpoint()).await;
    assert_eq!(world, json!(["/thing x", "/terrace/pace?seconds=2.5 "]));
    sandbox.reset().await.unwrap();
    assert_eq!(fetch("GET", &sandbox.endpoint()).await, json!([]));

    sandbox.stop().await.unwrap();
    assert!(!lives(pid));
    assert_eq!(
        Sandbox::status(&home, "whole").await.unwrap(),
        Status::Stopped
    );
    assert!(Sandbox::find(&home, "whole").await.unwrap().is_none());
    assert!(!Sandbox::stop_named(&home, "whole", &quiet).await.unwrap());
}

#[tokio::test]
async fn two_at_once_are_one() {
    let home = home();
    let both = tokio::join!(
        Sandbox::ensure(&home, "twice", &quiet),
        Sandbox::ensure(&home, "twice", &quiet),
    );
    let (one, two) = (both.0.unwrap(), both.1.unwrap());
    assert_eq!(one.pid(), two.pid());
    one.stop().await.unwrap();
    assert!(!lives(two.pid()));
}

#[tokio::test]
async fn knows_nothing_of_aws() {
    let sandbox = Sandbox::private(&home(), &quiet).await.unwrap();
    let environment = fetch("GET", &format!("{}/environment", sandbox.endpoint())).await;
    for (name, value) in environment.as_object().unwrap() {
        let harmless = [
            "AWS_CONFIG_FILE",
            "AWS_SHARED_CREDENTIALS_FILE",
            "AWS_EC2_METADATA_DISABLED",
        ];
        let fits = !name.starts_with("AWS_") || harmless.contains(&name.as_str());
        assert!(fits, "{name}={value}");
    }
    assert_eq!(environment["AWS_SHARED_CREDENTIALS_FILE"], "/dev/null");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_private_one_ends_with_its_value() {
    let sandbox = Sandbox::private(&home(), &quiet).await.unwrap();
    let (pid, log) = (sandbox.pid(), sandbox.log().to_owned());
    assert!(lives(pid) && log.exists());
    drop(sandbox);
    for _ in 0..250 {
        if !lives(pid) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!lives(pid) && !log.exists());
}

/// Where the killed process below leaves its emulator's number.
const LEFT: &str = "SANDBOX_TEST_PID_FILE";

#[tokio::test]
async fn a_private_one_ends_with_its_process_however_that_ends() {
    let folder = stage::folder();
    let file = folder.path().join("pid");
    let mut victim = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["lifecycle::to_be_killed", "--exact", "--ignored"])
        .env(LEFT, &file)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let pid: u32 = loop {
        if let Some(pid) = fs::read_to_string(&file)
            .ok()
            .and_then(|text| text.parse().ok())
        {
            break pid;
        }
        assert!(victim.try_wait().unwrap().is_none());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(lives(pid));
    victim.kill().await.unwrap();
    for _ in 0..250 {
        if !lives(pid) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{pid} outlives its process");
}

#[tokio::test]
#[ignore = "the process that another test starts and kills"]
async fn to_be_killed() {
    let Some(file) = std::env::var_os(LEFT) else {
        return;
    };
    let sandbox = Sandbox::private(&home(), &quiet).await.unwrap();
    fs::write(file, sandbox.pid().to_string()).unwrap();
    tokio::time::sleep(Duration::from_mins(5)).await;
}

#[tokio::test]
async fn a_note_on_a_dead_process_is_stale() {
    let home = home();
    let mut gone = stage::bystander();
    let pid = gone.id().unwrap();
    gone.kill().await.unwrap();
    let note = json!({"pid": pid, "port": 9, "identity": "x-1", "package": "x", "started": 1});
    write_note(&home, "dead", &note);
    let status = Sandbox::status(&home, "dead").await.unwrap();
    let Status::Stale { why, .. } = status else {
        panic!("{status:?}")
    };
    assert_eq!(why, "its process has ended");
    let heard = stage::Heard::default();
    let sandbox = Sandbox::ensure(&home, "dead", &|line| heard.say(line))
        .await
        .unwrap();
    assert!(heard.text().contains("starting anew"), "{}", heard.text());
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_foreign_server_and_process_are_left_alone() {
    let home = home();
    // Another sandbox's server on the noted port, and another program under the noted number.
    let other = Sandbox::private(&home, &quiet).await.unwrap();
    let bystander = stage::bystander();
    let note = json!({
        "pid": bystander.id().unwrap(), "port": other.port(), "identity": "x-1",
        "package": home_hash(), "started": 1,
    });
    write_note(&home, "foreign", &note);
    let status = Sandbox::status(&home, "foreign").await.unwrap();
    assert!(matches!(status, Status::Stale { .. }), "{status:?}");
    assert!(!Sandbox::stop_named(&home, "foreign", &quiet).await.unwrap());
    write_note(&home, "foreign", &note);

    let sandbox = Sandbox::ensure(&home, "foreign", &quiet).await.unwrap();
    assert_ne!(sandbox.port(), other.port());
    assert_ne!(sandbox.pid(), other.pid());
    sandbox.stop().await.unwrap();
    assert!(lives(bystander.id().unwrap()) && lives(other.pid()));
    fetch("GET", &other.endpoint()).await;
}

fn home_hash() -> String {
    stage::stand_in("").hash().to_owned()
}

#[tokio::test]
async fn another_version_is_replaced() {
    let home = home();
    let old = Sandbox::ensure(
        &home.clone().with_package(stage::stand_in("# 1")),
        "version",
        &quiet,
    )
    .await
    .unwrap();
    let status = Sandbox::status(&home, "version").await.unwrap();
    assert!(
        matches!(status, Status::Running { current: false, .. }),
        "{status:?}"
    );
    let heard = stage::Heard::default();
    let new = Sandbox::ensure(&home, "version", &|line| heard.say(line))
        .await
        .unwrap();
    assert!(heard.text().contains("another version"), "{}", heard.text());
    assert_ne!(old.pid(), new.pid());
    assert!(!lives(old.pid()));
    // The old value's stop touches neither the new one nor its note.
    old.stop().await.unwrap();
    assert!(lives(new.pid()));
    assert!(Sandbox::find(&home, "version").await.unwrap().is_some());
    new.stop().await.unwrap();
}

#[tokio::test]
async fn a_hung_one_is_replaced() {
    let home = home();
    let sandbox = Sandbox::ensure(&home, "hung", &quiet).await.unwrap();
    signal(sandbox.pid(), "STOP");
    let status = Sandbox::status(&home, "hung").await.unwrap();
    assert!(matches!(status, Status::Stale { .. }), "{status:?}");
    let next = Sandbox::ensure(&home, "hung", &quiet).await.unwrap();
    assert!(!lives(sandbox.pid()));
    next.stop().await.unwrap();
}

fn signal(pid: u32, name: &str) {
    let pid = pid.to_string();
    let mut kill = std::process::Command::new("sh");
    assert!(
        kill.args(["-c", "kill -$0 $1", name, &pid])
            .status()
            .unwrap()
            .success()
    );
}

#[tokio::test]
async fn one_that_dies_or_stays_silent_shows_its_log() {
    let dies = terrace_sandbox::Package::from_files(&[
        ("requirements.txt", "# nothing\n"),
        (
            "terrace_emulator/__main__.py",
            "raise SystemExit('no such luck')",
        ),
    ]);
    let home = home();
    let error = Sandbox::ensure(&home.clone().with_package(dies), "dies", &quiet)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no such luck"), "{error}");
    assert!(error.hints()[0].contains("dies.log"), "{:?}", error.hints());
    assert_eq!(
        Sandbox::status(&home, "dies").await.unwrap(),
        Status::Stopped
    );

    let silent = terrace_sandbox::Package::from_files(&[
        ("requirements.txt", "# nothing\n"),
        (
            "terrace_emulator/__main__.py",
            "print('hm', flush=True)\nimport time; time.sleep(600)",
        ),
    ]);
    let home = home
        .with_package(silent)
        .with_patience(Duration::from_secs(2));
    let error = Sandbox::ensure(&home, "silent", &quiet).await.unwrap_err();
    assert!(
        error.to_string().contains("did not answer in 2 seconds"),
        "{error}"
    );
    assert!(error.to_string().contains("hm"), "{error}");
    assert_eq!(
        Sandbox::status(&home, "silent").await.unwrap(),
        Status::Stopped
    );
}

#[tokio::test]
async fn a_broken_note_is_as_good_as_none() {
    let home = home();
    fs::create_dir_all(home.root().join("run")).unwrap();
    fs::write(home.root().join("run/broken.json"), "{").unwrap();
    assert_eq!(
        Sandbox::status(&home, "broken").await.unwrap(),
        Status::Stopped
    );
    assert!(!Sandbox::stop_named(&home, "broken", &quiet).await.unwrap());
}

#[tokio::test]
async fn names_stay_in_their_folder() {
    let error = Sandbox::status(&home(), "../up").await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`../up` cannot be a sandbox's name")
    );
}

/// Commands spawn them.
#[test]
fn futures_may_move_between_threads() {
    fn check<T: Send>(_: &T) {}
    let home = home();
    check(&Sandbox::ensure(&home, "any", &quiet));
    check(&Sandbox::private(&home, &quiet));
    check(&Sandbox::status(&home, "any"));
    check(&Sandbox::stop_named(&home, "any", &quiet));
    check(&terrace_sandbox::Proxy::start("http://127.0.0.1:1"));
}
