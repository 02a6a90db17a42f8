//! What a difference does, by example.

#![allow(clippy::unwrap_used)]

use terrace_core::fields::Effect;

use super::launch::told_user_data;
use super::*;

fn spec(more: &serde_json::Value) -> InstanceSpec {
    let mut table = json!({ "image": "al2023", "type": "t3.small", "subnet": "subnet-1" });
    table
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    // References read newtypes; JSON gives plain text, which they take as well.
    serde_json::from_value(table).unwrap()
}

fn live() -> InstanceLive {
    InstanceLive {
        id: "i-1".into(),
        arn: String::new(),
        state: "running".into(),
        failure: None,
        image: "ami-1".into(),
        r#type: "t3.micro".into(),
        architecture: "x86_64".into(),
        subnet: Id::new("subnet-1"),
        zone: "eu-west-3a".into(),
        security_groups: vec!["sg-1".into()],
        instance_profile: Some("arn:aws:iam::123456789012:instance-profile/x/web".into()),
        key_pair: None,
        private_ip: Some("10.0.0.4".into()),
        public_ip: None,
        private_dns_name: None,
        public_dns_name: None,
        root: DiskLive {
            size: 20,
            r#type: "gp3".into(),
            iops: Some(3000),
            throughput: Some(125),
            encrypted: true,
            ..DiskLive::default()
        },
        volumes: vec!["vol-2".into()],
        metadata: Metadata::default(),
        monitoring: false,
        source_dest_check: true,
        credits: Some("unlimited".into()),
        told: Told::read(&Tags::new()),
    }
}

fn effects(want: &InstanceSpec, have: &InstanceLive) -> Vec<(&'static str, Effect)> {
    let changes = Instance::fields().diff(want, have, &Known::default());
    changes
        .into_iter()
        .map(|change| (change.field, change.effect))
        .collect()
}

#[test]
fn what_an_imported_one_was_told_is_never_compared() {
    let mut have = live();
    have.instance_profile = None;
    let want = spec(&json!({ "type": "t3.micro" }));
    assert_eq!(effects(&want, &have), []);
    have.told.family = Some("ubuntu-24.04".into());
    assert_eq!(effects(&want, &have), [("image", Effect::Replace)]);
}

#[test]
fn a_looked_up_image_is_compared_by_its_id() {
    let mut have = live();
    have.instance_profile = None;
    have.told.family = Some("existing.image.own".into());
    let mut known = Known::default();
    let address: terrace_core::address::Address = "existing.image.own".parse().unwrap();
    let want = spec(&json!({ "type": "t3.micro", "image": "/existing.image.own" }));
    let mut fields = |id: &str| -> Vec<&'static str> {
        known.put(address.clone(), outputs! { "id" => json!(id) });
        let changes = Instance::fields().diff(&want, &have, &known);
        changes.into_iter().map(|change| change.field).collect()
    };
    assert!(fields("ami-1").is_empty());
    assert_eq!(fields("ami-2"), ["image"]);
}

#[test]
fn a_type_of_another_architecture_is_refused() {
    let mut have = live();
    have.instance_profile = None;
    assert_eq!(
        effects(&spec(&json!({})), &have),
        [("type", Effect::Update)]
    );
    let refused = effects(&spec(&json!({ "type": "t4g.micro" })), &have);
    assert!(
        matches!(refused.as_slice(), [("type", Effect::Refuse(_))]),
        "{refused:?}"
    );
}

#[test]
fn a_profile_may_be_named_by_its_name() {
    let want = spec(&json!({ "type": "t3.micro", "instance_profile": "web" }));
    assert_eq!(effects(&want, &live()), []);
    let want = spec(&json!({ "type": "t3.micro" }));
    assert_eq!(
        effects(&want, &live()),
        [("instance_profile", Effect::Update)]
    );
}

#[test]
fn a_root_volume_grows_and_never_shrinks() {
    let mut have = live();
    have.instance_profile = None;
    let of = |root: serde_json::Value| spec(&json!({ "type": "t3.micro", "root_volume": root }));
    assert_eq!(
        effects(&of(json!({ "size": 30 })), &have),
        [("root_volume", Effect::Update)]
    );
    assert_eq!(
        effects(&of(json!({ "encrypted": false })), &have),
        [("root_volume", Effect::Replace)]
    );
    let refused = effects(&of(json!({ "size": 10 })), &have);
    assert!(
        matches!(refused.as_slice(), [("root_volume", Effect::Refuse(_))]),
        "{refused:?}"
    );
}

#[test]
fn new_user_data_waits_unless_it_is_told_not_to() {
    let mut have = live();
    have.instance_profile = None;
    have.told.user_data = Some(NONE.into());
    let mut want = spec(&json!({ "type": "t3.micro" }));
    assert_eq!(effects(&want, &have), []);
    want.user_data = Some(Late::Known(Text::from("#!/bin/sh")));
    assert!(matches!(
        effects(&want, &have).as_slice(),
        [("user_data", Effect::Next(_))]
    ));
    want.user_data_change = Some(UserDataChange::Restart);
    assert_eq!(effects(&want, &have), [("user_data", Effect::Update)]);
    have.told.user_data = Some(told_user_data(&want));
    assert_eq!(effects(&want, &have), []);
}

#[test]
fn it_goes_before_the_volumes_it_uses() {
    let uses: Vec<String> = Instance::uses(&live())
        .into_iter()
        .map(|used| used.to)
        .collect();
    assert!(uses.contains(&"vol-2".to_owned()), "{uses:?}");
}
