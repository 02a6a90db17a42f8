//! Traffic is never without a path: after every call that changes anything the site's name leads to something
//! healthy, also for those who remember an older answer.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use crate::program::Answer;
use crate::watch::{Report, Watch};
use crate::world::Account;

const ZONE: &str = "example.com";
const NAME: &str = "shop.example.com";

/// The shop as it stands at a stage, and somebody who watches its name.
struct Site {
    account: Account,
    watch: Watch,
}

impl Site {
    fn at(stage: &str) -> Self {
        let account = Account::with_shop("unbroken", "prod");
        let watch = Watch::over(&account, ZONE, NAME);
        let mut site = Self { account, watch };
        let (answer, _) = site.to(stage);
        assert_eq!(answer.exit, Some(0), "{answer}");
        site
    }

    /// Goes to a stage.
    fn to(&mut self, stage: &str) -> (Answer, Report) {
        let confirmed = ["record.db", "record.db_read"].map(|held| ["--confirm", held]);
        let apply = ["apply", "--yes", "--stage", stage];
        let apply = [apply.as_slice(), confirmed.concat().as_slice()].concat();
        let mut command = self.watch.command(&self.account, &apply);
        let answer = self.account.end(&mut command);
        (answer, self.watch.report())
    }

    /// Goes to a stage, nobody being turned away on the way; answers how the name moved.
    fn unbroken(&mut self, stage: &str) -> Report {
        let (answer, report) = self.to(stage);
        assert_eq!(answer.exit, Some(0), "{stage}: {answer}");
        assert!(report.wrong.is_empty(), "{stage}: {:#?}", report.wrong);
        assert!(report.looks > 10, "{stage}: {report:?}");
        report
    }
}

#[test]
fn the_name_leads_to_something_healthy_after_every_call() {
    let mut site = Site::at("split-database");
    let up = site.unbroken("multi-az");
    assert_eq!(up.moves.len(), 1, "{up:?}");
    assert!(up.kept > 1, "{up:?}");
    let up = site.unbroken("cdn-offload");
    assert_eq!(up.moves.len(), 1, "{up:?}");
    assert!(up.moves[0].ends_with(".cloudfront.net"), "{up:?}");
    assert!(up.kept > 1, "{up:?}");
    site.unbroken("read-replicas");
    // And the ladder down again.
    site.unbroken("cdn-offload");
    let down = site.unbroken("multi-az");
    assert_eq!(down.moves.len(), 1, "{down:?}");
    assert!(down.kept > 1, "{down:?}");
    let down = site.unbroken("split-database");
    assert_eq!(down.moves.len(), 1, "{down:?}");
    assert!(down.kept > 1, "{down:?}");
}

#[test]
fn who_is_killed_with_the_move_still_waits_for_those_who_remember() {
    let mut site = Site::at("split-database");
    let mut command = site
        .watch
        .command(&site.account, &["apply", "--yes", "--stage", "multi-az"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    site.watch.kill_with_the_move(child.id());
    assert_eq!(child.wait().unwrap().code(), None, "killed, and not ended");
    let report = site.watch.report();
    assert_eq!(report.moves.len(), 1, "{report:?}");
    assert!(report.wrong.is_empty(), "{:#?}", report.wrong);

    let answer = next(&mut site, "multi-az");
    let rests = "delete instance.web: waits, requests may still come for 60 s";
    assert!(answer.stderr.contains(rests), "{answer}");
    let planned = ["plan", "--detailed-exitcode", "--stage", "multi-az"];
    site.account.ends(0, &planned);
}

/// Applies what a killed run has left, once its lock is free.
fn next(site: &mut Site, stage: &str) -> Answer {
    for _ in 0..60 {
        let (answer, report) = site.to(stage);
        assert!(report.wrong.is_empty(), "{:#?}", report.wrong);
        if answer.exit == Some(0) {
            return answer;
        }
        assert!(answer.stderr.contains("holds the lock since"), "{answer}");
        sleep(Duration::from_millis(500));
    }
    panic!("the lock of a killed run is never free");
}

#[test]
fn machines_that_never_get_healthy_stop_the_roll_and_the_old_ones_serve_on() {
    let mut site = Site::at("multi-az");
    let before = machines(&site.account);
    let web = site.account.read("web.sh");
    // The emulator's machines are sick that say so.
    site.account
        .write("web.sh", &format!("{web}\n# terrace-sandbox-unhealthy\n"));
    let (answer, report) = site.to("multi-az");
    assert_eq!(answer.exit, Some(1), "{answer}");
    let group = "web/autoscaling_group.web";
    let failed = format!("failed update {group}");
    assert!(answer.stderr.contains(&failed), "{answer}");
    let why = "the renewal of its machines failed, and the old ones are back";
    assert!(answer.stderr.contains(why), "{answer}");
    assert!(answer.stderr.contains("healthy in time"), "{answer}");
    assert!(report.wrong.is_empty(), "{:#?}", report.wrong);
    assert!(report.looks > 1, "{report:?}");
    // Renewed once they are well, a few at a time.
    site.account.write("web.sh", &format!("{web}\n# better\n"));
    site.unbroken("multi-az");
    let after = machines(&site.account);
    assert_eq!(after.len(), before.len(), "{after:?}");
    assert!(
        after.iter().all(|machine| !before.contains(machine)),
        "{after:?}"
    );
}

/// The machines that serve in the shop's group.
fn machines(account: &Account) -> Vec<String> {
    let told = account.boto3(
        r#"
for group in client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]:
    for machine in group["Instances"]:
        if machine["LifecycleState"] == "InService":
            print(machine["InstanceId"])
"#,
    );
    told.lines().map(str::to_owned).collect()
}
