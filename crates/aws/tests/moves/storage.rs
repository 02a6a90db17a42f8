//! Buckets: what is in them, and whose they are.

use aws_sdk_s3::primitives::ByteStream;
use futures_util::future::try_join_all;
use terrace_aws::client::Aws;
use terrace_core::fields::FieldChange;
use terrace_core::plan::Action;
use terrace_core::said::Said;

use super::stand::{Site, Stand};
use super::{World, refusals, world};

/// The names of all buckets of the account.
async fn buckets(cx: &Aws) -> Vec<String> {
    let buckets = cx.s3.list_buckets().send().await.unwrap().buckets;
    let buckets = buckets.unwrap_or_default().into_iter();
    buckets.filter_map(|bucket| bucket.name).collect()
}

async fn put(cx: &Aws, bucket: &str, key: &str) {
    let call = cx.s3.put_object().bucket(bucket).key(key);
    call.body(ByteStream::from_static(b"x"))
        .send()
        .await
        .unwrap();
}

async fn refused(world: &World, toml: &str) -> String {
    let site = world.site(toml).await;
    site.apply().await.expect_err("it is refused")
}

const VERSIONED: &str = "[s3_bucket.files]\nversioning = true\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_emptied_with_consent_only() {
    let world = world().await;
    let site = world.at(VERSIONED).await;
    let (cx, bucket) = (&site.cx, buckets(&site.cx).await.remove(0));
    // More than one page of versions, a mark of a deletion, an upload that was never ended.
    let puts = (0..1005).map(|number| {
        let call = cx.s3.put_object().bucket(&bucket);
        call.key(format!("{}", number / 2)).send()
    });
    try_join_all(puts).await.unwrap();
    let call = cx.s3.delete_object().bucket(&bucket).key("7");
    call.send().await.unwrap();
    let call = cx.s3.create_multipart_upload().bucket(&bucket).key("big");
    call.send().await.unwrap();

    let gone = world.site("").await;
    let refusals = refusals(&gone).await;
    assert_eq!(
        refusals,
        ["it is no longer in the TOML, and what users stored in it would be lost"]
    );
    assert_eq!(buckets(cx).await.len(), 1);
    gone.apply().await.unwrap();
    assert!(buckets(cx).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_found_by_its_mark_whatever_its_name_is() {
    let world = world().await;
    let site = world
        .at("[s3_bucket.files]\nname = \"www.example.com\"\n")
        .await;
    assert_eq!(buckets(&site.cx).await, ["www.example.com"]);
    // Without its name in the TOML it keeps it, and another name is refused.
    world.at("[s3_bucket.files]\n").await;
    let error = refused(&world, "[s3_bucket.files]\nname = \"files.example.com\"\n").await;
    assert!(
        error.contains("a bucket keeps its name; write name = \"www.example.com\""),
        "{error}"
    );
    world.at("").await;
    assert!(buckets(&site.cx).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_taken_is_told() {
    let world = world().await;
    let named = |name: &str| format!("[s3_bucket.files]\nname = \"{name}\"\n");
    let runtime = tokio::runtime::Handle::current();
    let foreign = Stand::new(world.sandbox.endpoint(), "200000000009".into(), runtime);
    let theirs = named("theirs").parse().unwrap();
    let foreign = foreign.site("other", &theirs).await.unwrap();
    foreign.apply().await.unwrap();
    let error = refused(&world, &named("theirs")).await;
    assert!(error.contains("BucketAlreadyExists"), "{error}");

    let site = world.at(&named("ours")).await;
    let call = site.cx.s3.delete_bucket_tagging().bucket("ours");
    call.send().await.unwrap();
    let error = refused(&world, &named("ours")).await;
    assert!(error.contains("BucketAlreadyOwnedByYou"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_derived_name_proves_whose_an_empty_bucket_is() {
    let world = world().await;
    let site = world.at(VERSIONED).await;
    let bucket = buckets(&site.cx).await.remove(0);
    // As if the run had ended between the creation and its tags, where an endpoint takes them apart.
    let bare = async || {
        let call = site.cx.s3.delete_bucket_tagging().bucket(&bucket);
        call.send().await.unwrap();
    };
    bare().await;
    world.at(VERSIONED).await;
    bare().await;
    put(&site.cx, &bucket, "somebody's").await;
    let error = refused(&world, VERSIONED).await;
    assert!(error.contains("BucketAlreadyOwnedByYou"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_to_be_told_must_be_there() {
    let world = world().await;
    let nobody = "arn:aws:sns:eu-west-3:200000000001:nobody";
    let tells = |to: &str| {
        format!(
            "[s3_bucket.files]\neventbridge = true\n[s3_bucket.files.notifications]\n\
             pictures = {{ events = [\"s3:ObjectCreated:*\"], prefix = \"in/\", suffix = \".jpg\", to = \"{to}\" }}\n"
        )
    };
    let error = refused(&world, &tells(nobody)).await;
    assert!(error.contains("Unable to validate"), "{error}");
    let site = world.site("").await;
    let topic = site.cx.sns.create_topic().name("oncall").send().await;
    world.at(&tells(&topic.unwrap().topic_arn.unwrap())).await;
    // The rest of the document stays when a part of it goes.
    world.at("[s3_bucket.files]\neventbridge = true\n").await;
    world.at("[s3_bucket.files]\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_stays() {
    let world = world().await;
    let locked = |days: &str| {
        format!("{VERSIONED}object_lock = {{ mode = \"governance\", retention = \"{days}\" }}\n")
    };
    world.at(&locked("1d")).await;
    world.at(&locked("2d")).await;
    world.at(&format!("{VERSIONED}object_lock = {{}}\n")).await;
    let error = refused(&world, VERSIONED).await;
    assert!(error.contains("AWS never takes it off"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_that_name_each_other_are_made_and_go() {
    let world = world().await;
    // Each keeps the other's log, and each policy names the other.
    let toml = ["a", "b"].map(|name| {
        let other = if name == "a" { "b" } else { "a" };
        format!(
            "[s3_bucket.{name}]\n[s3_bucket.{name}.logging]\nbucket = \"s3_bucket.{other}\"\n\
             [[s3_bucket.{name}.policy.statements]]\nprincipals = {{ service = \"logging.s3.amazonaws.com\" }}\n\
             actions = \"s3:PutObject\"\nresources = \"{{{{ self.arn }}}}/*\"\n\
             conditions = {{ ArnLike = {{ \"aws:SourceArn\" = \"{{{{ s3_bucket.{other}.arn }}}}\" }} }}\n"
        )
    });
    let site = world.at(&toml.concat()).await;
    site.destroy().await.unwrap();
    assert!(buckets(&site.cx).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_arns_are_known_before_there_is_a_bucket() {
    let world = world().await;
    let site = world
        .site(
            r#"
[s3_bucket.files]

[ssm_parameter.bucket]
value = "{{ s3_bucket.files.name }}"

[iam_role.web]
trust = { service = "ec2.amazonaws.com" }

[[iam_role.web.policies.files.statements]]
actions   = "s3:GetObject"
resources = "{{ s3_bucket.files.arn }}/*"
"#,
        )
        .await;
    let value = changes(&site, "ssm_parameter", "value").await;
    let name = value.as_str().unwrap();
    assert!(name.starts_with("law-main-s3-bucket-files-"), "{name}");
    let policies = changes(&site, "iam_role", "policies").await;
    assert!(
        policies
            .to_string()
            .contains(&format!("arn:aws:s3:::{name}/*")),
        "{policies}"
    );
    site.apply().await.unwrap();
    assert_eq!(buckets(&site.cx).await, [name]);
}

/// What a property will be at creation; it must be known.
async fn changes(site: &Site, kind: &str, field: &str) -> serde_json::Value {
    let (plan, _) = site.plan(false).await.unwrap();
    let steps = plan.steps.iter().filter(|step| step.address.kind == kind);
    let made = steps.filter(|step| matches!(step.action, Action::Create { .. } | Action::Late));
    let mut changes = made.flat_map(|step| &step.changes);
    let change: Option<&FieldChange> = changes.find(|change| change.field == field);
    match &change.unwrap().want {
        Said::Value(value) => value.clone(),
        other => panic!("{other:?}"),
    }
}
