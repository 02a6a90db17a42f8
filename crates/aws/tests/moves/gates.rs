//! Traffic waits for what is to answer it, and what it leaves waits for its end.

use terrace_core::plan::{Action, Gate};

use super::stand::{Site, describe};
use super::{World, records, world};

const AROUND: &str = r#"
[vpc.main]
cidr = "10.0.0.0/16"

[internet_gateway.main]
vpc = "vpc.main"

[subnet.public]
for_each = { a = "10.0.0.0/24", b = "10.0.1.0/24" }
vpc      = "vpc.main"
zone     = "{{ each.key }}"
cidr     = "{{ each.value }}"

[hosted_zone.main]
name = "shop.example"

[eip.box]
"#;

/// Machines that no autoscaling group brings, behind a load balancer.
const FRONT: &str = r#"
[instance.web]
for_each  = ["a", "b"]
image     = "al2023"
type      = "t3.micro"
subnet    = "subnet.public.{{ each.key }}"
stateless = true
tags      = { terrace-sandbox-health = "MARK" }

[target_group.web]
vpc          = "vpc.main"
port         = 8080
health_check = { interval = "5s", timeout = "2s", healthy = 2 }
TARGETS

[security_group.lb]
vpc = "vpc.main"

[load_balancer.web]
subnets         = ["subnet.public.*"]
security_groups = ["security_group.lb"]

[listener.web]
load_balancer = "load_balancer.web"
port          = 80
protocol      = "HTTP"
action        = { forward = "target_group.web" }
"#;

/// By this tag the emulator knows which machines are sick.
const SICK: &str = "unhealthy";
const WELL: &str = "healthy";

fn stack(target: &str, mark: &str, targets: &str) -> String {
    let front = FRONT
        .replace("MARK", mark)
        .replace("TARGETS", &format!("targets = [{targets}]"));
    let ttl = if target.starts_with("eip") {
        "ttl = \"60s\""
    } else {
        ""
    };
    let name = format!(
        "[record.site]\nzone = \"hosted_zone.main\"\nname = \"shop.example\"\ntarget = \"{target}\"\n{ttl}\n"
    );
    match target {
        "eip.box" => format!("{AROUND}{name}"),
        _ => format!("{AROUND}{name}{front}").replace("[eip.box]\n", ""),
    }
}

const ALL: &str = "\"instance.web.*\"";

impl World {
    /// Tries to apply; answers what went wrong.
    async fn shut(&self, toml: &str) -> String {
        let error = self.site(toml).await.apply().await;
        error.err().unwrap_or_else(|| panic!("it went through"))
    }
}

/// Whether the site's name still is the address, and the address is there.
async fn is_as_before(site: &Site) -> bool {
    let address = site.cx.ec2.describe_addresses().send().await.unwrap();
    let address = address.addresses()[0].public_ip.clone().unwrap();
    records(site, "shop.example.").await[0].2 == [address]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_stays_until_the_targets_behind_its_new_one_are_healthy() {
    let world = world().await;
    let site = world.at(&stack("eip.box", "", "")).await;
    let sick = stack("load_balancer.web", SICK, ALL);
    let (plan, _) = world.site(&sick).await.plan(false).await.unwrap();
    let switch = plan
        .steps
        .iter()
        .find(|step| !step.gates.is_empty())
        .unwrap();
    assert_eq!(switch.address.to_string(), "record.site");
    let awaited: Vec<String> = switch.gates.iter().filter_map(Gate::words).collect();
    assert_eq!(awaited, ["healthy targets of target_group.web"]);

    let error = world.shut(&sick).await;
    let why = "target_group.web: 2 of 2 targets are unhealthy (Target.ResponseCodeMismatch: Health checks failed with these codes: [503])";
    assert!(error.contains(why), "{error}");
    assert!(is_as_before(&site).await);
    // Everything is made now, and it is the same: nothing is left to build, and the gate is shut.
    let (plan, _) = world.site(&sick).await.plan(false).await.unwrap();
    let builds = |action: &Action| matches!(action, Action::Create { .. } | Action::Wait(_));
    assert!(
        !plan.steps.iter().any(|step| builds(&step.action)),
        "{}",
        describe(&plan)
    );
    // No targets at all are none that are healthy.
    let error = world.shut(&stack("load_balancer.web", SICK, "")).await;
    assert!(
        error.contains("target_group.web: it has no targets"),
        "{error}"
    );
    assert!(is_as_before(&site).await);

    let site = world.at(&stack("load_balancer.web", WELL, ALL)).await;
    assert!(records(&site, "shop.example.").await[0].2.is_empty());
    assert!(
        site.cx
            .ec2
            .describe_addresses()
            .send()
            .await
            .unwrap()
            .addresses()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_was_taken_out_by_a_run_that_was_cut_off_drains_before_it_goes() {
    let world = world().await;
    let both = stack("load_balancer.web", WELL, ALL);
    let site = world.at(&both).await;
    // As it is when a run is cut off just after the call.
    let groups = site.cx.elb.describe_target_groups().send().await.unwrap();
    let arn = groups.target_groups()[0].target_group_arn.clone().unwrap();
    let inventory = site.discover().await.unwrap();
    let machine = inventory.ours.iter().find(|found| {
        let mark = found.mark.as_ref();
        mark.is_some_and(|(address, _)| address.to_string() == "instance.web.a")
    });
    let target = aws_sdk_elasticloadbalancingv2::types::TargetDescription::builder()
        .id(machine.unwrap().live.id())
        .build();
    world.sandbox.set_pace(8.0).await.unwrap();
    let call = site.cx.elb.deregister_targets().target_group_arn(&arn);
    call.targets(target).send().await.unwrap();
    let one = both.replace("for_each  = [\"a\", \"b\"]", "for_each  = [\"b\"]");
    let site = world.site(&one).await;
    let (plan, _) = site.plan(false).await.unwrap();
    let place = |word: &str, kind: &str| {
        let is = |step: &terrace_core::plan::Step| step.action.word() == word && step.kind == kind;
        let place = plan.steps.iter().position(is);
        place.unwrap_or_else(|| panic!("no {word} {kind} in {}", describe(&plan)))
    };
    let (wait, gone) = (place("wait", "target_group"), place("delete", "instance"));
    assert!(
        plan.steps[gone].needs.contains(&wait),
        "{}",
        describe(&plan)
    );
    world.sandbox.set_pace(0.05).await.unwrap();
    site.apply().await.unwrap();
    site.settled().await.unwrap();
}

/// A second group with a machine of its own, and a rule that leads some requests there.
const API: &str = r#"
[instance.api]
image     = "al2023"
type      = "t3.micro"
subnet    = "subnet.public.a"
stateless = true
tags      = { terrace-sandbox-health = "MARK" }

[target_group.api]
vpc          = "vpc.main"
port         = 8080
health_check = { interval = "5s", timeout = "2s", healthy = 2 }
targets      = ["instance.api"]

[listener.web.rules.api]
priority = 10
match    = { path = ["/api/*"] }
action   = { forward = "target_group.api" }
"#;

/// The shares of the rule of the only listener, by the names of the target groups.
async fn shares(site: &Site) -> Vec<(String, i32)> {
    let elb = &site.cx.elb;
    let groups = elb.describe_target_groups().send().await.unwrap();
    let name = |arn: Option<&str>| {
        let mut groups = groups.target_groups().iter();
        let group = groups.find(|group| group.target_group_arn() == arn);
        let name = group.unwrap().target_group_name().unwrap();
        let kind = if name.contains("api") { "api" } else { "web" };
        kind.to_owned()
    };
    let balancers = elb.describe_load_balancers().send().await.unwrap();
    let balancer = balancers.load_balancers()[0].load_balancer_arn().unwrap();
    let listeners = elb.describe_listeners().load_balancer_arn(balancer);
    let listeners = listeners.send().await.unwrap();
    let listener = listeners.listeners()[0].listener_arn().unwrap();
    let rules = elb.describe_rules().listener_arn(listener).send().await;
    let rules = rules.unwrap().rules.unwrap();
    let own = rules.iter().find(|rule| rule.is_default != Some(true));
    let action = &own.unwrap().actions()[0];
    let forward = action.forward_config().unwrap().target_groups();
    let share = |one: &aws_sdk_elasticloadbalancingv2::types::TargetGroupTuple| {
        (name(one.target_group_arn()), one.weight().unwrap_or(1))
    };
    let mut shares: Vec<_> = forward.iter().map(share).collect();
    shares.sort();
    shares
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_takes_requests_once_the_targets_it_leads_to_are_healthy() {
    let world = world().await;
    let front = stack("load_balancer.web", WELL, ALL);
    world.at(&front).await;
    let with = |mark: &str| format!("{front}{}", API.replace("MARK", mark));
    let why = "requests stay where they are led, since the target group";
    // Once as it is made, and once as a later run finds it.
    for _ in 0..2 {
        let error = world.shut(&with(SICK)).await;
        assert!(error.contains(why), "{error}");
        assert!(error.contains("1 of 1 target is unhealthy"), "{error}");
        let site = world.site(&with(SICK)).await;
        let meanwhile = [("api".to_owned(), 0), ("web".to_owned(), 1)];
        assert_eq!(shares(&site).await, meanwhile);
    }
    let site = world.at(&with(WELL)).await;
    assert_eq!(shares(&site).await, [("api".to_owned(), 1)]);
}
