//! Moves that no single example shows: what a name leads to as a stack grows, a database and its copies,
//! what is in a bucket, the ways out of a network.

#![allow(missing_docs, reason = "a test says what it is by its name")]
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail, and shares the laws' stand"
)]

mod balance;
mod blocked;
#[path = "../laws/example.rs"]
mod example;
mod gates;
mod groups;
#[path = "../laws/stand.rs"]
mod stand;
mod storage;
mod throttled;
mod ways;

use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
};
use stand::{Site, Stand, describe};
use terrace_aws::KINDS;
use terrace_core::plan::Action;
use terrace_core::planner::{self, Input, Kinds, Options};
use terrace_sandbox::{Home, Sandbox};
use tokio::runtime::Handle;

const ACCOUNT: &str = "200000000001";

struct World {
    stand: Stand,
    sandbox: Sandbox,
}

async fn world() -> World {
    let home = Home::from_env().unwrap();
    let sandbox = Sandbox::private(&home, &|_| {}).await.unwrap();
    let stand = Stand::new(sandbox.endpoint(), ACCOUNT.into(), Handle::current());
    World { stand, sandbox }
}

impl World {
    async fn site(&self, toml: &str) -> Site {
        self.stand
            .site("law", &toml.parse().unwrap())
            .await
            .unwrap_or_else(|report| panic!("{report}"))
    }

    /// Applies a stage and proves that nothing is left to do.
    async fn at(&self, toml: &str) -> Site {
        let site = self.site(toml).await;
        site.apply().await.unwrap_or_else(|error| panic!("{error}"));
        site.settled()
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        site
    }
}

const NETWORK: &str = r#"
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

[eip.web]

[hosted_zone.internal]
name = "shop.internal"
vpcs = ["vpc.main"]
"#;

const DATABASE: &str = r#"
[secret.db]

[db_subnet_group.main]
subnets = ["subnet.a", "subnet.b"]

[db_instance.main]
engine       = "mariadb"
class        = "db.t3.small"
storage      = 20
username     = "shop"
password     = "secret.db"
subnet_group = "db_subnet_group.main"
"#;

const REPLICAS: &str = r#"
[db_instance.replica]
for_each   = ["a", "b"]
replica_of = "db_instance.main"
class      = "db.t3.small"
zone       = "{{ each.key }}"
protect    = false
"#;

/// What is refused where nobody consented to anything.
async fn refusals(site: &Site) -> Vec<String> {
    let inventory = site.discover().await.unwrap();
    let input = Input {
        kinds: Kinds::new(KINDS),
        stack: &site.loaded.stack,
        identity: &site.identity,
        inventory: &inventory,
        options: &Options::default(),
    };
    let plan = planner::plan(&input).unwrap();
    plan.refusals
        .into_iter()
        .map(|refusal| refusal.what)
        .collect()
}

/// What Route 53 answers of one name: type, set, values.
async fn records(site: &Site, name: &str) -> Vec<(String, String, Vec<String>)> {
    let zones = site.cx.route53.list_hosted_zones().send().await.unwrap();
    let id = zones.hosted_zones[0].id.clone();
    let sets = site
        .cx
        .route53
        .list_resource_record_sets()
        .hosted_zone_id(id)
        .send()
        .await
        .unwrap();
    let row = |set: &ResourceRecordSet| {
        let values = set
            .resource_records()
            .iter()
            .map(|record| record.value.clone())
            .collect();
        (
            set.r#type.to_string(),
            set.set_identifier.clone().unwrap_or_default(),
            values,
        )
    };
    sets.resource_record_sets()
        .iter()
        .filter(|set| set.name == name)
        .map(row)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_follows_the_stack_as_it_grows() {
    let world = world().await;
    let record = "[record.db]\nzone = \"hosted_zone.internal\"\nname = \"db.{{ hosted_zone.internal.name }}\"\nttl = \"5s\"\n";
    let site = world
        .at(&format!("{NETWORK}{record}target = \"eip.web\""))
        .await;
    let now = records(&site, "db.shop.internal.").await;
    assert_eq!((now.len(), now[0].0.as_str()), (1, "A"));

    // Another type, in one batch.
    let site = world
        .site(&format!(
            "{NETWORK}{DATABASE}{record}target = \"db_instance.main\""
        ))
        .await;
    site.apply().await.unwrap();
    assert_eq!(
        site.cx.door().calls()["route53:ChangeResourceRecordSets"],
        1
    );
    site.settled().await.unwrap();
    let now = records(&site, "db.shop.internal.").await;
    assert_eq!((now.len(), now[0].0.as_str()), (1, "CNAME"));
    assert!(now[0].2[0].contains("rds.amazonaws.com"), "{now:?}");
    assert!(
        records(&site, "_terrace-a.db.shop.internal.")
            .await
            .is_empty()
    );

    // Several ways, then others.
    let main = "[record.db.weighted]\nmain = { target = \"db_instance.main\", weight = 100 }";
    world
        .at(&format!("{NETWORK}{DATABASE}{record}{main}"))
        .await;
    let copies = "[record.db.weighted]\na = { target = \"db_instance.replica.a\", weight = 50 }\nb = { target = \"db_instance.replica.b\", weight = 50 }";
    let site = world
        .at(&format!("{NETWORK}{DATABASE}{REPLICAS}{record}{copies}"))
        .await;
    let now = records(&site, "db.shop.internal.").await;
    assert_eq!(
        now.iter().map(|set| set.1.as_str()).collect::<Vec<_>>(),
        ["a", "b"]
    );

    // And back: the copies go only once nothing leads to them.
    let site = world
        .site(&format!("{NETWORK}{DATABASE}{record}{main}"))
        .await;
    let plan = site.apply().await.unwrap();
    let place = |wanted: fn(&Action) -> bool, kind: &str| {
        plan.steps
            .iter()
            .position(|step| step.address.kind == kind && wanted(&step.action))
            .unwrap()
    };
    let switch = place(|action| matches!(action, Action::Update), "record");
    let delete = place(|action| matches!(action, Action::Delete(_)), "db_instance");
    assert!(
        plan.steps[delete].needs.contains(&switch),
        "{}",
        describe(&plan)
    );
    site.settled().await.unwrap();
    site.destroy().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_wrote_is_not_overwritten() {
    let world = world().await;
    let site = world.at(NETWORK).await;
    let zones = site.cx.route53.list_hosted_zones().send().await.unwrap();
    let foreign = ResourceRecordSet::builder()
        .name("www.shop.internal.")
        .r#type(RrType::A)
        .ttl(60)
        .resource_records(
            ResourceRecord::builder()
                .value("192.0.2.1")
                .build()
                .unwrap(),
        )
        .build()
        .unwrap();
    let change = Change::builder()
        .action(ChangeAction::Create)
        .resource_record_set(foreign)
        .build()
        .unwrap();
    let batch = ChangeBatch::builder().changes(change).build().unwrap();
    let call = site
        .cx
        .route53
        .change_resource_record_sets()
        .hosted_zone_id(&zones.hosted_zones[0].id);
    call.change_batch(batch).send().await.unwrap();

    let record = "[record.www]\nzone = \"hosted_zone.internal\"\nname = \"www.shop.internal\"\n";
    for way in [
        "values = [\"192.0.2.9\"]",
        "[record.www.weighted]\nx = { values = [\"192.0.2.9\"], weight = 1 }",
    ] {
        let site = world.site(&format!("{NETWORK}{record}{way}")).await;
        let error = site.apply().await.err().unwrap();
        assert!(
            error.contains("www.shop.internal has a record of type A already"),
            "{error}"
        );
        assert_eq!(
            records(&site, "www.shop.internal.").await[0].2,
            ["192.0.2.1"]
        );
    }
    // Nor is a zone that holds it deleted.
    let error = site.destroy().await.err().unwrap();
    assert!(error.contains("HostedZoneNotEmpty"), "{error}");
    assert_eq!(records(&site, "www.shop.internal.").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_and_wildcards_come_back_as_they_were_said() {
    let world = world().await;
    let key = "p".repeat(400);
    world
        .at(&format!(
            r#"{NETWORK}
[record.any]
zone   = "hosted_zone.internal"
name   = "*.Shop.internal"
values = ["192.0.2.2", "192.0.2.1"]

[record.mail]
zone   = "hosted_zone.internal"
name   = "shop.internal"
type   = "MX"
values = ["10 Mail.shop.internal."]

[record.key]
zone   = "hosted_zone.internal"
name   = "key._domainkey.shop.internal"
type   = "TXT"
values = ["v=DKIM1; {key}", "say \"hi\""]
"#
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_of_its_secret_is_sent_to_the_database() {
    let world = world().await;
    let site = world.at(&format!("{NETWORK}{DATABASE}")).await;
    let before = site.cx.door().calls().get("rds:ModifyDBInstance").copied();
    assert_eq!(before, None, "it was made with it");
    let rotated = DATABASE.replace("[secret.db]", "[secret.db]\nrotate = 2");
    // The first number is written down, the second is another password.
    world
        .at(&format!(
            "{NETWORK}{}",
            rotated.replace("rotate = 2", "rotate = 1")
        ))
        .await;
    let site = world.at(&format!("{NETWORK}{rotated}")).await;
    assert_eq!(site.cx.door().calls()["rds:ModifyDBInstance"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_promoted_with_consent_only() {
    let world = world().await;
    world.at(&format!("{NETWORK}{DATABASE}{REPLICAS}")).await;
    let own = REPLICAS.replace(
        "replica_of = \"db_instance.main\"",
        "engine = \"mariadb\"\nstorage = 20\nusername = \"shop\"\npassword = \"secret.db\"",
    );
    let site = world.site(&format!("{NETWORK}{DATABASE}{own}")).await;
    let refused = refusals(&site).await;
    assert!(
        refused
            .iter()
            .any(|what| what.contains("link to its source")),
        "{refused:?}"
    );
    site.apply().await.unwrap();
    site.settled().await.unwrap();
}
