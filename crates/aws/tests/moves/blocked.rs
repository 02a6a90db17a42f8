//! Deletions that something is in the way of: what that is is said, with what to do, and it is never touched.

use std::sync::{Arc, Mutex};

use aws_sdk_cloudfront::types::{
    DefaultCacheBehavior, DistributionConfig, Origin, Origins, S3OriginConfig, ViewerProtocolPolicy,
};
use aws_sdk_ec2::types::{IpPermission, UserIdGroupPair};
use aws_sdk_elasticloadbalancingv2::types::{
    Action as Answer, ActionTypeEnum, Certificate, FixedResponseActionConfig, ProtocolEnum,
};
use terrace_core::apply::End;
use terrace_core::error::CloudError;

use super::stand::Site;
use super::world;

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

[security_group.web]
vpc = "vpc.main"
"#;

/// Tears a stack down. Answers what one resource waited for, and how it ended.
async fn blocked(site: &Site, address: &str) -> (Vec<String>, CloudError) {
    let waits = Mutex::new(Vec::new());
    let ends = site
        .ends(true, &|at, why| {
            if at == address {
                waits.lock().unwrap().push(why.to_owned());
            }
        })
        .await
        .unwrap();
    let end = ends
        .into_iter()
        .find(|(at, end)| at == address && matches!(end, End::Failed(_)));
    let Some((_, End::Failed(error))) = end else {
        panic!("{address} is deleted all the same");
    };
    (waits.into_inner().unwrap(), error)
}

/// It is told while it is waited for, with what to do, and at the end again.
fn told(waits: &[String], error: &CloudError, what: &str, remedy: &str) {
    let all = format!("{waits:?} {error} {:?}", error.hints);
    let waited = waits
        .iter()
        .any(|why| why.contains(what) && why.contains(remedy));
    assert!(waited, "not while it waited: {all}");
    assert!(error.message.contains(what), "not at the end: {all}");
    let hinted = error.hints.iter().any(|hint| hint.contains(remedy));
    assert!(hinted, "no hint: {all}");
}

/// The id of the only live resource at an address.
async fn id(site: &Site, address: &str) -> String {
    let inventory = site.discover().await.unwrap();
    let at = |found: &&terrace_core::inventory::FoundAny| {
        found
            .mark
            .as_ref()
            .is_some_and(|(at, _)| at.to_string() == address)
    };
    let found = inventory.ours.iter().find(at).unwrap();
    found.live.id().to_owned()
}

async fn interface(site: &Site, subnet: &str, group: &str) -> String {
    let call = site.cx.ec2.create_network_interface().subnet_id(subnet);
    let call = call.groups(group).description("a printer");
    let made = call.send().await.unwrap().network_interface.unwrap();
    made.network_interface_id.unwrap()
}

async fn group(site: &Site, vpc: &str) -> String {
    let call = site.cx.ec2.create_security_group().vpc_id(vpc);
    let call = call.group_name("theirs").description("theirs");
    call.send().await.unwrap().group_id.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interface_of_somebody_else_holds_a_network() {
    let world = world().await;
    let site = world.at(NETWORK).await;
    let vpc = id(&site, "vpc.main").await;
    let subnet = id(&site, "subnet.a").await;
    let theirs = group(&site, &vpc).await;
    let eni = interface(&site, &subnet, &theirs).await;
    let remedy = format!("aws ec2 delete-network-interface --network-interface-id {eni}");
    let what = format!("network interface {eni} (`a printer`) (not ours)");
    let (waits, error) = blocked(&site, "subnet.a").await;
    told(&waits, &error, &what, &remedy);
    // Not at the first refusal, and not at each.
    let looks = site.cx.door().calls()["ec2:DescribeNetworkInterfaces"];
    let tries = site.cx.door().calls()["ec2:DeleteSubnet"];
    assert!(looks < tries, "{looks} looks for {tries} tries");

    // It stays, and goes only by somebody's hand; then the group is in the way of the VPC.
    let call = site.cx.ec2.delete_network_interface();
    call.network_interface_id(&eni).send().await.unwrap();
    let (waits, error) = blocked(&site, "vpc.main").await;
    let remedy = format!("aws ec2 delete-security-group --group-id {theirs}");
    let what = format!("security group {theirs} (`theirs`) (not ours)");
    told(&waits, &error, &what, &remedy);
    let call = site.cx.ec2.delete_security_group();
    call.group_id(&theirs).send().await.unwrap();
    site.destroy().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_held_by_who_has_it_and_who_refers_to_it() {
    let world = world().await;
    let site = world.at(NETWORK).await;
    let vpc = id(&site, "vpc.main").await;
    let web = id(&site, "security_group.web").await;
    let theirs = group(&site, &vpc).await;
    let pair = UserIdGroupPair::builder().group_id(&web).build();
    let rule = IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(80)
        .to_port(80);
    let call = site
        .cx
        .ec2
        .authorize_security_group_ingress()
        .group_id(&theirs);
    let call = call.ip_permissions(rule.user_id_group_pairs(pair).build());
    call.send().await.unwrap();
    let what = format!("security group {theirs} (`theirs`) (not ours)");
    let (waits, error) = blocked(&site, "security_group.web").await;
    let remedy = format!("take the rule that refers to {web} out of it");
    told(&waits, &error, &what, &remedy);
    let call = site.cx.ec2.describe_security_groups().group_ids(&theirs);
    let still = call.send().await.unwrap().security_groups.unwrap();
    assert_eq!(still[0].ip_permissions().len(), 1, "their rule is theirs");
}

#[tokio::test(flavor = "multi_thread")]
async fn public_addresses_hold_a_gateway_and_what_has_it_an_address() {
    let world = world().await;
    let open = "[internet_gateway.main]\nvpc = \"vpc.main\"\n\n[eip.web]\n";
    let site = world.at(&format!("{NETWORK}{open}")).await;
    let subnet = id(&site, "subnet.a").await;
    let address = id(&site, "eip.web").await;
    let call = site.cx.ec2.create_nat_gateway().subnet_id(&subnet);
    let made = call.allocation_id(&address).send().await.unwrap();
    let nat = made.nat_gateway.unwrap().nat_gateway_id.unwrap();
    let what = format!("NAT gateway {nat} by network interface eni-");
    let remedy = format!("aws ec2 delete-nat-gateway --nat-gateway-id {nat}");
    let (waits, error) = blocked(&site, "internet_gateway.main").await;
    told(&waits, &error, &what, &remedy);
    let (waits, error) = blocked(&site, "eip.web").await;
    told(&waits, &error, &what, &remedy);
    let call = site.cx.ec2.describe_nat_gateways().nat_gateway_ids(&nat);
    let still = call.send().await.unwrap().nat_gateways.unwrap();
    assert_eq!(still[0].state.as_ref().unwrap().as_str(), "available");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subnet_of_somebody_else_holds_its_route_table() {
    let world = world().await;
    let table = "[route_table.public]\nvpc = \"vpc.main\"\n";
    let site = world.at(&format!("{NETWORK}{table}")).await;
    let (vpc, table) = (
        id(&site, "vpc.main").await,
        id(&site, "route_table.public").await,
    );
    let ec2 = &site.cx.ec2;
    let call = ec2.create_subnet().vpc_id(&vpc).cidr_block("10.0.9.0/24");
    let theirs = call.send().await.unwrap().subnet.unwrap();
    let theirs = theirs.subnet_id.unwrap();
    let call = ec2.associate_route_table().route_table_id(&table);
    let made = call.subnet_id(&theirs).send().await.unwrap();
    let association = made.association_id.unwrap();
    let what = format!("subnet {theirs} (not ours)");
    let remedy = format!("aws ec2 disassociate-route-table --association-id {association}");
    let (waits, error) = blocked(&site, "route_table.public").await;
    told(&waits, &error, &what, &remedy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_of_somebody_else_holds_a_role() {
    let world = world().await;
    let role = "[iam_role.web]\ntrust = { service = \"ec2.amazonaws.com\" }\n";
    let site = world.at(role).await;
    let name = id(&site, "iam_role.web").await;
    let iam = &site.cx.iam;
    let call = iam
        .create_instance_profile()
        .instance_profile_name("theirs");
    call.send().await.unwrap();
    let call = iam
        .add_role_to_instance_profile()
        .instance_profile_name("theirs");
    call.role_name(&name).send().await.unwrap();
    let (waits, error) = blocked(&site, "iam_role.web").await;
    let remedy = format!(
        "aws iam remove-role-from-instance-profile --instance-profile-name theirs --role-name {name}"
    );
    told(
        &waits,
        &error,
        "instance profile theirs (not ours)",
        &remedy,
    );
    let call = iam.get_instance_profile().instance_profile_name("theirs");
    let still = call.send().await.unwrap().instance_profile.unwrap();
    assert_eq!(still.roles().len(), 1);
}

const BALANCER: &str = r#"
[load_balancer.web]
subnets         = ["subnet.a", "subnet.b"]
security_groups = ["security_group.web"]
internal        = true
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_of_somebody_else_holds_a_target_group() {
    let world = world().await;
    let group = "[target_group.web]\nvpc = \"vpc.main\"\nport = 80\n";
    let both = world.at(&format!("{NETWORK}{BALANCER}{group}")).await;
    let elb = &both.cx.elb;
    let arn = id(&both, "target_group.web").await;
    let call = elb
        .create_listener()
        .load_balancer_arn(id(&both, "load_balancer.web").await);
    let to = Answer::builder()
        .r#type(ActionTypeEnum::Forward)
        .target_group_arn(&arn);
    let call = call
        .port(8080)
        .protocol(ProtocolEnum::Http)
        .default_actions(to.build());
    let made = call.send().await.unwrap().listeners.unwrap();
    let listener = made[0].listener_arn().unwrap().to_owned();
    // The balancer stays, and with it their listener.
    let site = world.site(&format!("{NETWORK}{BALANCER}")).await;
    let waits = Mutex::new(Vec::new());
    let note = |_: &str, why: &str| waits.lock().unwrap().push(why.to_owned());
    let ends = site.ends(false, &note).await.unwrap();
    let failed = ends.into_iter().find_map(|(_, end)| match end {
        End::Failed(error) => Some(error),
        _ => None,
    });
    let remedy = format!("aws elbv2 delete-listener --listener-arn {listener}");
    let what = "the listener at port 8080 of load balancer app/";
    told(
        &waits.into_inner().unwrap(),
        &failed.unwrap(),
        what,
        &remedy,
    );
    let call = elb.describe_listeners().listener_arns(&listener);
    assert_eq!(call.send().await.unwrap().listeners().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_service_of_somebody_else_holds_a_load_balancer() {
    let world = world().await;
    let balancer = "[load_balancer.web]\ntype = \"network\"\nsubnets = [\"subnet.a\"]\nsecurity_groups = [\"security_group.web\"]\ninternal = true\n";
    let site = world.at(&format!("{NETWORK}{balancer}")).await;
    let ec2 = &site.cx.ec2;
    let call = ec2
        .create_vpc_endpoint_service_configuration()
        .network_load_balancer_arns(id(&site, "load_balancer.web").await);
    let made = call.send().await.unwrap().service_configuration.unwrap();
    let service = made.service_id().unwrap();
    let what = format!("endpoint service {service} (not ours)");
    let remedy =
        format!("aws ec2 delete-vpc-endpoint-service-configurations --service-ids {service}");
    let (waits, error) = blocked(&site, "load_balancer.web").await;
    told(&waits, &error, &what, &remedy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_distribution_of_somebody_else_holds_an_access_control() {
    let world = world().await;
    let site = world.at("[origin_access_control.files]\n").await;
    let control = id(&site, "origin_access_control.files").await;
    let theirs = distribution(&site, &control).await;
    let what = format!("distribution {theirs} (");
    let remedy = format!("aws cloudfront update-distribution --id {theirs}");
    let (waits, error) = blocked(&site, "origin_access_control.files").await;
    told(&waits, &error, &what, &remedy);
}

/// One by somebody else that signs with an access control. Answers its id.
async fn distribution(site: &Site, control: &str) -> String {
    let origin = Origin::builder()
        .id("files")
        .domain_name("files.s3.eu-west-3.amazonaws.com")
        .origin_access_control_id(control)
        .s3_origin_config(S3OriginConfig::builder().origin_access_identity("").build());
    let origins = Origins::builder()
        .quantity(1)
        .items(origin.build().unwrap());
    let behavior = DefaultCacheBehavior::builder()
        .target_origin_id("files")
        // AWS's own CachingDisabled.
        .cache_policy_id("4135ea2d-6df8-44a3-9df3-4b5a84be39ad")
        .viewer_protocol_policy(ViewerProtocolPolicy::HttpsOnly);
    let config = DistributionConfig::builder()
        .caller_reference("theirs")
        .comment("theirs")
        .enabled(true)
        .origins(origins.build().unwrap())
        .default_cache_behavior(behavior.build().unwrap());
    let call = site.cx.cloudfront.create_distribution();
    let call = call.distribution_config(config.build().unwrap());
    call.send().await.unwrap().distribution.unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_of_somebody_else_holds_a_certificate() {
    let world = world().await;
    let certificate = "[hosted_zone.main]\nname = \"shop.example.com\"\nprotect = false\n\n[certificate.web]\ndomain = \"shop.example.com\"\nvalidation = \"hosted_zone.main\"\n";
    let both = world.at(&format!("{NETWORK}{BALANCER}{certificate}")).await;
    let elb = &both.cx.elb;
    let arn = id(&both, "certificate.web").await;
    let call = elb
        .create_listener()
        .load_balancer_arn(id(&both, "load_balancer.web").await);
    let words = FixedResponseActionConfig::builder()
        .status_code("200")
        .build();
    let say = Answer::builder()
        .r#type(ActionTypeEnum::FixedResponse)
        .fixed_response_config(words);
    let call = call
        .port(8443)
        .protocol(ProtocolEnum::Https)
        .default_actions(say.build());
    let call = call.certificates(Certificate::builder().certificate_arn(&arn).build());
    let made = call.send().await.unwrap().listeners.unwrap();
    let listener = made[0].listener_arn().unwrap().to_owned();
    let site = world.site(&format!("{NETWORK}{BALANCER}")).await;
    let waits = Mutex::new(Vec::new());
    let note = |_: &str, why: &str| waits.lock().unwrap().push(why.to_owned());
    let ends = site.ends(false, &note).await.unwrap();
    let failed = ends.into_iter().find_map(|(at, end)| match end {
        End::Failed(error) if at == "certificate.web" => Some(error),
        _ => None,
    });
    let remedy = format!("aws elbv2 delete-listener --listener-arn {listener}");
    let what = "the listener at port 8443 of load balancer app/";
    told(
        &waits.into_inner().unwrap(),
        &failed.unwrap(),
        what,
        &remedy,
    );
    let call = elb.describe_listeners().listener_arns(&listener);
    assert_eq!(call.send().await.unwrap().listeners().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_somebody_else_holds_a_subnet_group_and_its_subnets() {
    let world = world().await;
    let group = "[db_subnet_group.main]\nsubnets = [\"subnet.a\", \"subnet.b\"]\n";
    let site = world.at(&format!("{NETWORK}{group}")).await;
    let name = id(&site, "db_subnet_group.main").await;
    let web = id(&site, "security_group.web").await;
    let call = site
        .cx
        .rds
        .create_db_instance()
        .db_instance_identifier("theirs");
    let call = call
        .db_instance_class("db.t3.micro")
        .engine("mysql")
        .allocated_storage(20);
    let call = call
        .master_username("them")
        .master_user_password("a-password");
    let call = call
        .db_subnet_group_name(&name)
        .vpc_security_group_ids(&web);
    call.send().await.unwrap();
    let remedy = "aws rds delete-db-instance --db-instance-identifier theirs";
    let (waits, error) = blocked(&site, "db_subnet_group.main").await;
    told(&waits, &error, "database theirs (not ours)", remedy);
    // Its group of firewall rules is held by its interface.
    let (waits, error) = blocked(&site, "security_group.web").await;
    told(&waits, &error, "database theirs (not ours)", remedy);
    let call = site
        .cx
        .rds
        .describe_db_instances()
        .db_instance_identifier("theirs");
    assert_eq!(call.send().await.unwrap().db_instances().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_filled_again_and_again_is_told_with_how_much_is_in_it() {
    let world = world().await;
    let site = world.at("[s3_bucket.files]\n").await;
    let bucket = id(&site, "s3_bucket.files").await;
    let writes = {
        let (s3, bucket) = (site.cx.s3.clone(), bucket.clone());
        let goes_on = Arc::new(std::sync::atomic::AtomicBool::new(true));
        let until = Arc::clone(&goes_on);
        let task = tokio::spawn(async move {
            for number in 0.. {
                if !until.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                let call = s3.put_object().bucket(&bucket).key(format!("log-{number}"));
                let _ = call.send().await;
            }
        });
        (goes_on, task)
    };
    let (_, error) = blocked(&site, "s3_bucket.files").await;
    writes.0.store(false, std::sync::atomic::Ordering::Relaxed);
    writes.1.await.unwrap();
    assert!(error.message.contains("; held by "), "{error}");
    assert!(error.message.contains("objects, such as `log-"), "{error}");
    assert!(
        error.hints[0].contains("goes on writing"),
        "{:?}",
        error.hints
    );
}
