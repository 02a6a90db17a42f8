//! The ways out of a network: gateways that keep their address, that fail, that go; endpoints beside them.

use terrace_core::plan::{Action, Plan, Reason};

use super::stand::describe;
use super::{World, world};

const VPC: &str = r#"
[vpc.main]
cidr = "10.0.0.0/16"

[subnet.public]
vpc         = "vpc.main"
zone        = "a"
cidr        = "10.0.0.0/24"
route_table = "route_table.public"

[route_table.public]
vpc = "vpc.main"

[eip.nat]

[nat_gateway.main]
subnet = "subnet.public"
eip    = "eip.nat"
"#;

const OPEN: &str = r#"
[internet_gateway.main]
vpc = "vpc.main"

[route_table.public.routes]
internet = { destination = "0.0.0.0/0", target = "internet_gateway.main" }
"#;

const PRIVATE: &str = r#"
[subnet.private]
vpc         = "vpc.main"
zone        = "a"
cidr        = "10.0.1.0/24"
route_table = "route_table.private"

[route_table.private]
vpc = "vpc.main"

[route_table.private.routes]
internet = { destination = "0.0.0.0/0", target = "nat_gateway.main" }
"#;

const ENDPOINT: &str = r#"
[vpc_endpoint.s3]
vpc          = "vpc.main"
service      = "s3"
route_tables = ["route_table.private"]
"#;

fn place(plan: &Plan, kind: &str, wanted: fn(&Action) -> bool) -> usize {
    let fits = |step: &terrace_core::plan::Step| step.address.kind == kind && wanted(&step.action);
    let place = plan.steps.iter().position(fits);
    place.unwrap_or_else(|| panic!("{kind}: {}", describe(plan)))
}

fn makes(action: &Action) -> bool {
    matches!(action, Action::Create { .. })
}

fn deletes(action: &Action) -> bool {
    matches!(action, Action::Delete(_))
}

fn updates(action: &Action) -> bool {
    matches!(action, Action::Update)
}

/// Whether `first` comes before `then`, directly or by way of others.
fn before(plan: &Plan, first: usize, then: usize) -> bool {
    let needs = &plan.steps[then].needs;
    needs.contains(&first) || needs.iter().any(|need| before(plan, first, *need))
}

async fn replaced(world: &World, toml: &str) -> Plan {
    let site = world.site(toml).await;
    let plan = site.apply().await.unwrap_or_else(|error| panic!("{error}"));
    site.settled()
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_keeps_its_address_goes_first() {
    let world = world().await;
    let all = format!("{VPC}{OPEN}{PRIVATE}");
    world.at(&all).await;
    let again = all.replace("[nat_gateway.main]", "[nat_gateway.main]\ngeneration = 2");
    let plan = replaced(&world, &again).await;
    let (make, delete) = (
        place(&plan, "nat_gateway", makes),
        place(&plan, "nat_gateway", deletes),
    );
    assert!(before(&plan, delete, make), "{}", describe(&plan));
    // The route leads to the old one until there is a new one.
    let route = place(&plan, "route_table", updates);
    assert!(before(&plan, make, route), "{}", describe(&plan));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_address_the_new_gateway_comes_first() {
    let world = world().await;
    let all = format!("{VPC}{OPEN}{PRIVATE}[eip.other]\n");
    world.at(&all).await;
    let other = all.replace("eip    = \"eip.nat\"", "eip    = \"eip.other\"");
    let plan = replaced(&world, &other).await;
    let route = place(&plan, "route_table", updates);
    assert!(
        before(&plan, place(&plan, "nat_gateway", makes), route),
        "{}",
        describe(&plan)
    );
    assert!(
        before(&plan, route, place(&plan, "nat_gateway", deletes)),
        "{}",
        describe(&plan)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_failed_is_made_anew() {
    let world = world().await;
    let site = world.site(VPC).await;
    let error = site.apply().await.err().unwrap();
    assert!(error.contains("Gateway.NotAttached"), "{error}");
    let plan = replaced(&world, &format!("{VPC}{OPEN}")).await;
    let delete = place(&plan, "nat_gateway", deletes);
    assert!(
        matches!(plan.steps[delete].action, Action::Delete(Reason::Broken)),
        "{}",
        describe(&plan)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_takes_hold_of_tables_and_lets_go() {
    let world = world().await;
    let all = format!("{VPC}{OPEN}{PRIVATE}{ENDPOINT}");
    world.at(&all).await;
    let both = all.replace(
        "[\"route_table.private\"]",
        "[\"route_table.private\", \"route_table.public\"]",
    );
    world.at(&both).await;
    world.at(&all).await;
    // A table that goes is let go of first.
    let plan = replaced(&world, &format!("{VPC}{OPEN}")).await;
    let endpoint = place(&plan, "vpc_endpoint", deletes);
    assert!(
        before(&plan, endpoint, place(&plan, "route_table", deletes)),
        "{}",
        describe(&plan)
    );
    world.site("").await.apply().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_replaced_in_the_order_that_its_names_allow() {
    let world = world().await;
    let endpoint = |more: &str| {
        format!(
            "{VPC}{OPEN}[vpc_endpoint.ssm]\nvpc = \"vpc.main\"\nservice = \"ssm\"\ntype = \"interface\"\n\
             subnets = [\"subnet.public\"]\n{more}"
        )
    };
    world.at(&endpoint("")).await;
    let plan = replaced(&world, &endpoint("generation = 2\n")).await;
    let (make, delete) = (
        place(&plan, "vpc_endpoint", makes),
        place(&plan, "vpc_endpoint", deletes),
    );
    assert!(before(&plan, delete, make), "{}", describe(&plan));
    let quiet = "private_dns = false\n";
    world
        .at(&endpoint(&format!("generation = 2\n{quiet}")))
        .await;
    let plan = replaced(&world, &endpoint(&format!("generation = 3\n{quiet}"))).await;
    let (make, delete) = (
        place(&plan, "vpc_endpoint", makes),
        place(&plan, "vpc_endpoint", deletes),
    );
    assert!(before(&plan, make, delete), "{}", describe(&plan));
}
