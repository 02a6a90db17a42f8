//! What becomes of old objects: the rules as the TOML says them, and as S3 keeps them.

use std::collections::BTreeMap;

use aws_sdk_s3::types::builders::LifecycleExpirationBuilder;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus,
    LifecycleExpiration, LifecycleRule, LifecycleRuleAndOperator, LifecycleRuleFilter,
    NoncurrentVersionExpiration, NoncurrentVersionTransition, Tag, Transition,
    TransitionStorageClass,
};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use terrace_core::canon::Duration;
use terrace_core::error::Result;
use terrace_core::kind::{Impact, Objection};

use super::super::shared::{of, tag_list, tags, there};
use crate::client::Aws;
use crate::door::Op;
use crate::names::invalid;

/// What becomes of objects as they grow old.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Those whose name begins so. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Those with all of these tags. Absent: with any or none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Those larger than so many bytes. Absent: of any size; but AWS moves none below 128 KB to a
    /// cheaper class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub larger_than: Option<i64>,
    /// Those smaller than so many bytes. Absent: of any size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smaller_than: Option<i64>,
    /// At which age they move to a cheaper class: `{ standard_ia = "30d", glacier = "90d" }`.
    #[serde(default, skip_serializing_if = "Transitions::is_none")]
    pub transitions: Transitions,
    /// At which age they are deleted. With versioning, what is deleted is kept as an old version. Absent:
    /// never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire: Option<Duration>,
    /// Whether the mark of a deletion goes once no version is left behind it. It needs a rule without
    /// `expire`, `tags` and sizes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delete_markers: bool,
    /// What becomes of versions that others have taken the place of. Absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noncurrent: Option<Noncurrent>,
    /// After what time the parts of an upload that was never ended are deleted. Absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort_uploads: Option<Duration>,
}

/// What becomes of versions that others have taken the place of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Noncurrent {
    /// How long after that they are deleted. Absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire: Option<Duration>,
    /// How many of the newest stay all the same. Absent: none. Only beside `expire`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<i32>,
    /// How long after that they move to a cheaper class.
    #[serde(default, skip_serializing_if = "Transitions::is_none")]
    pub transitions: Transitions,
}

/// At which age objects move to which class. Ages are whole days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transitions {
    /// At hand at once, cheaper to keep, dearer to read. From 30 days on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_ia: Option<Duration>,
    /// The same, in one zone only: lost with it. From 30 days on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onezone_ia: Option<Duration>,
    /// Moved to and fro by AWS, as it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intelligent_tiering: Option<Duration>,
    /// An archive that is at hand at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glacier_ir: Option<Duration>,
    /// An archive: hours to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glacier: Option<Duration>,
    /// The cheapest: a day to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deep_archive: Option<Duration>,
}

impl Transitions {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }

    fn all(&self) -> [(TransitionStorageClass, Option<Duration>); 6] {
        [
            (TransitionStorageClass::StandardIa, self.standard_ia),
            (TransitionStorageClass::OnezoneIa, self.onezone_ia),
            (
                TransitionStorageClass::IntelligentTiering,
                self.intelligent_tiering,
            ),
            (TransitionStorageClass::GlacierIr, self.glacier_ir),
            (TransitionStorageClass::Glacier, self.glacier),
            (TransitionStorageClass::DeepArchive, self.deep_archive),
        ]
    }

    fn said(&self) -> impl Iterator<Item = (TransitionStorageClass, Duration)> {
        let all = self.all().into_iter();
        all.filter_map(|(class, age)| Some((class, age?)))
    }

    /// The age for a class; `None` for a class that this terrace does not know.
    fn of(&mut self, class: Option<&TransitionStorageClass>) -> Option<&mut Option<Duration>> {
        match class? {
            TransitionStorageClass::StandardIa => Some(&mut self.standard_ia),
            TransitionStorageClass::OnezoneIa => Some(&mut self.onezone_ia),
            TransitionStorageClass::IntelligentTiering => Some(&mut self.intelligent_tiering),
            TransitionStorageClass::GlacierIr => Some(&mut self.glacier_ir),
            TransitionStorageClass::Glacier => Some(&mut self.glacier),
            TransitionStorageClass::DeepArchive => Some(&mut self.deep_archive),
            _ => None,
        }
    }
}

impl Rule {
    /// One that says nothing yet.
    fn empty() -> Self {
        Self {
            prefix: None,
            tags: BTreeMap::new(),
            larger_than: None,
            smaller_than: None,
            transitions: Transitions::default(),
            expire: None,
            delete_markers: false,
            noncurrent: None,
            abort_uploads: None,
        }
    }

    /// Every age that it names.
    fn ages(&self) -> Vec<Duration> {
        let old = self.noncurrent.as_ref();
        let ends = [
            self.expire,
            self.abort_uploads,
            old.and_then(|old| old.expire),
        ];
        let moves = [Some(self.transitions), old.map(|old| old.transitions)];
        let moves = moves.iter().flatten().flat_map(Transitions::said);
        let moves = moves.map(|(_, age)| age);
        ends.into_iter().flatten().chain(moves).collect()
    }

    /// Whether it deletes what somebody stored.
    fn deletes(&self) -> bool {
        let old = self.noncurrent.as_ref();
        self.expire.is_some() || old.is_some_and(|old| old.expire.is_some())
    }

    fn does_nothing(&self) -> bool {
        !self.delete_markers && self.ages().is_empty()
    }
}

/// What is wrong with rules that read well.
pub(super) fn check(rules: &IndexMap<String, Rule>) -> Vec<Objection> {
    let mut wrong = Vec::new();
    for (name, rule) in rules {
        let field = format!("lifecycle.{name}");
        if name.len() > 255 {
            wrong.push(Objection::new(
                &field,
                "a rule's name has 255 letters at most",
            ));
        }
        if rule.does_nothing() {
            let help = "write expire = \"365d\", or transitions = { standard_ia = \"30d\" }";
            wrong.push(Objection::new(&field, "this rule does nothing").help(help));
        }
        let whole = |age: &Duration| age.as_days().is_some_and(|days| days > 0);
        if !rule.ages().iter().all(whole) {
            let message = "objects age in whole days: \"30d\"";
            wrong.push(Objection::new(&field, message));
        }
        let filtered =
            !rule.tags.is_empty() || rule.larger_than.is_some() || rule.smaller_than.is_some();
        if rule.delete_markers && (rule.expire.is_some() || filtered) {
            let message = "`delete_markers` stands in a rule without `expire`, `tags` and sizes";
            wrong.push(Objection::new(&field, message).help("give it a rule of its own"));
        }
        let old = rule.noncurrent.as_ref();
        if old.is_some_and(|old| old.keep.is_some() && old.expire.is_none()) {
            let message = "`keep` says how many outlive `expire`, which is not said";
            wrong.push(Objection::new(format!("{field}.noncurrent"), message));
        }
    }
    wrong
}

/// The rules by name, in the form in which both sides are compared.
pub(super) fn canonical(rules: &IndexMap<String, Rule>) -> BTreeMap<String, Value> {
    rules
        .iter()
        .map(|(name, rule)| (name.clone(), json!(rule)))
        .collect()
}

/// What a change of the rules does to people: a new one that deletes takes what they stored.
pub(super) fn impact(want: &IndexMap<String, Rule>, have: &BTreeMap<String, Value>) -> Impact {
    let fresh = want
        .iter()
        .filter(|(name, rule)| have.get(*name) != Some(&json!(rule)));
    if fresh.into_iter().any(|(_, rule)| rule.deletes()) {
        Impact::DataLoss
    } else {
        Impact::None
    }
}

/// The rules in force.
pub(super) async fn read(cx: &Aws, bucket: &str) -> Result<BTreeMap<String, Value>> {
    const ACTION: &str = "s3:GetLifecycleConfiguration";
    let call = || of!(cx, bucket, get_bucket_lifecycle_configuration).send();
    let answer = there(
        cx.read(ACTION, call).await,
        &["NoSuchLifecycleConfiguration"],
    )?;
    let rules = answer.and_then(|answer| answer.rules).unwrap_or_default();
    let named = |rule: LifecycleRule| (rule.id.clone().unwrap_or_default(), live(rule));
    Ok(rules.into_iter().map(named).collect())
}

/// Puts the rules in force, all of them: one call writes them whole.
pub(super) async fn put(cx: &Aws, bucket: &str, rules: &IndexMap<String, Rule>) -> Result<()> {
    const ACTION: &str = "s3:PutLifecycleConfiguration";
    if rules.is_empty() {
        let call = || of!(cx, bucket, delete_bucket_lifecycle).send();
        return cx.mutate(Op::again(ACTION), call).await.map(drop);
    }
    let rules = rules
        .iter()
        .map(|(name, rule)| written(name, rule))
        .collect::<Result<Vec<_>>>()?;
    let configuration = BucketLifecycleConfiguration::builder().set_rules(Some(rules));
    let configuration = configuration
        .build()
        .map_err(|error| invalid(ACTION, error))?;
    let call = || {
        of!(cx, bucket, put_bucket_lifecycle_configuration)
            .lifecycle_configuration(configuration.clone())
            .send()
    };
    cx.mutate(Op::again(ACTION), call).await.map(drop)
}

fn written(name: &str, rule: &Rule) -> Result<LifecycleRule> {
    const ACTION: &str = "s3:PutLifecycleConfiguration";
    let transitions = rule.transitions.said().map(|(class, age)| {
        let transition = Transition::builder().storage_class(class);
        transition.days(days(age)).build()
    });
    let transitions: Vec<_> = transitions.collect();
    let expiration = match rule.expire {
        Some(age) => Some(LifecycleExpiration::builder().days(days(age))),
        None => rule
            .delete_markers
            .then(|| LifecycleExpiration::builder().expired_object_delete_marker(true)),
    };
    let old = rule.noncurrent.as_ref();
    let old_transitions = old.map(|old| old.transitions).unwrap_or_default();
    let old_transitions = old_transitions.said().map(|(class, age)| {
        let transition = NoncurrentVersionTransition::builder().storage_class(class);
        transition.noncurrent_days(days(age)).build()
    });
    let old_transitions: Vec<_> = old_transitions.collect();
    let old_expiration = old.and_then(|old| {
        let expiration = NoncurrentVersionExpiration::builder().noncurrent_days(days(old.expire?));
        Some(expiration.set_newer_noncurrent_versions(old.keep).build())
    });
    let abort = rule.abort_uploads.map(|age| {
        let abort = AbortIncompleteMultipartUpload::builder();
        abort.days_after_initiation(days(age)).build()
    });
    LifecycleRule::builder()
        .id(name)
        .status(ExpirationStatus::Enabled)
        .filter(filter(ACTION, rule)?)
        .set_transitions(filled(transitions))
        .set_expiration(expiration.map(LifecycleExpirationBuilder::build))
        .set_noncurrent_version_transitions(filled(old_transitions))
        .set_noncurrent_version_expiration(old_expiration)
        .set_abort_incomplete_multipart_upload(abort)
        .build()
        .map_err(|error| invalid(ACTION, error))
}

/// AWS takes an empty list for a mistake.
fn filled<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

fn days(age: Duration) -> i32 {
    let days = age.as_days().and_then(|days| i32::try_from(days).ok());
    days.unwrap_or(i32::MAX)
}

/// One condition stands alone, several stand in an `And`; none is an empty prefix.
fn filter(action: &'static str, rule: &Rule) -> Result<LifecycleRuleFilter> {
    let tags: Vec<Tag> = tag_list(action, &rule.tags)?;
    let conditions = tags.len()
        + usize::from(rule.prefix.is_some())
        + usize::from(rule.larger_than.is_some())
        + usize::from(rule.smaller_than.is_some());
    if conditions > 1 {
        let and = LifecycleRuleAndOperator::builder()
            .set_prefix(rule.prefix.clone())
            .set_tags(filled(tags))
            .set_object_size_greater_than(rule.larger_than)
            .set_object_size_less_than(rule.smaller_than);
        return Ok(LifecycleRuleFilter::builder().and(and.build()).build());
    }
    let prefix = match conditions {
        0 => Some(String::new()),
        _ => rule.prefix.clone(),
    };
    Ok(LifecycleRuleFilter::builder()
        .set_prefix(prefix)
        .set_tag(tags.into_iter().next())
        .set_object_size_greater_than(rule.larger_than)
        .set_object_size_less_than(rule.smaller_than)
        .build())
}

/// A rule of AWS's as the TOML would say it. What the TOML has no word for stands beside it, so that it
/// differs from every wanted one.
fn live(rule: LifecycleRule) -> Value {
    let mut other: Vec<&str> = Vec::new();
    let mut is = Rule::empty();
    #[expect(deprecated, reason = "rules that are old enough have it")]
    is.prefix.clone_from(&rule.prefix);
    if let Some(filter) = rule.filter {
        let and = filter.and.unwrap_or_else(|| {
            let and = LifecycleRuleAndOperator::builder().set_prefix(filter.prefix);
            and.set_tags(filter.tag.map(|tag| vec![tag]))
                .set_object_size_greater_than(filter.object_size_greater_than)
                .set_object_size_less_than(filter.object_size_less_than)
                .build()
        });
        is.prefix = and.prefix;
        is.tags = tags(and.tags.unwrap_or_default());
        is.larger_than = and.object_size_greater_than;
        is.smaller_than = and.object_size_less_than;
    }
    is.prefix = is.prefix.filter(|prefix| !prefix.is_empty());
    for transition in rule.transitions.unwrap_or_default() {
        match is.transitions.of(transition.storage_class.as_ref()) {
            Some(age) if transition.days.is_some() => *age = transition.days.map(span),
            _ => other.push("transitions"),
        }
    }
    if let Some(expiration) = rule.expiration {
        is.expire = expiration.days.filter(|days| *days > 0).map(span);
        is.delete_markers = expiration.expired_object_delete_marker.unwrap_or_default();
        if expiration.date.is_some() {
            other.push("expire");
        }
    }
    let mut old = Noncurrent {
        expire: None,
        keep: None,
        transitions: Transitions::default(),
    };
    for transition in rule.noncurrent_version_transitions.unwrap_or_default() {
        match old.transitions.of(transition.storage_class.as_ref()) {
            Some(age) if transition.newer_noncurrent_versions.is_none() => {
                *age = transition.noncurrent_days.map(span);
            }
            _ => other.push("noncurrent.transitions"),
        }
    }
    if let Some(expiration) = rule.noncurrent_version_expiration {
        old.expire = expiration.noncurrent_days.map(span);
        old.keep = expiration.newer_noncurrent_versions;
    }
    let is_there = old.expire.is_some() || old.keep.is_some() || !old.transitions.is_none();
    is.noncurrent = is_there.then_some(old);
    let abort = rule.abort_incomplete_multipart_upload;
    is.abort_uploads = abort
        .and_then(|abort| abort.days_after_initiation)
        .map(span);
    if rule.status != ExpirationStatus::Enabled {
        other.push("switched off");
    }
    let mut canonical = json!(is);
    if !other.is_empty() {
        canonical["other"] = json!(other);
    }
    canonical
}

fn span(days: i32) -> Duration {
    Duration::days(u64::try_from(days).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rules(table: Value) -> IndexMap<String, Rule> {
        serde_json::from_value(table).unwrap()
    }

    #[test]
    fn a_rule_reads_back_as_it_was_written() {
        for table in [
            json!({ "noncurrent": { "expire": "90d" } }),
            json!({ "abort_uploads": "7d" }),
            json!({ "prefix": "logs/", "expire": "365d" }),
            json!({ "tags": { "class": "raw" }, "expire": "3d" }),
            json!({ "larger_than": 1024, "transitions": { "glacier_ir": "90d" } }),
            json!({ "prefix": "a/", "tags": { "b": "c" }, "smaller_than": 9, "expire": "1d" }),
            json!({ "delete_markers": true, "noncurrent": { "expire": "1d", "keep": 3 } }),
            json!({
                "transitions": { "standard_ia": "30d", "glacier": "90d", "deep_archive": "365d" },
                "noncurrent": { "transitions": { "onezone_ia": "30d" } },
            }),
        ] {
            let rule: Rule = serde_json::from_value(table.clone()).unwrap();
            assert_eq!(live(written("one", &rule).unwrap()), table);
        }
    }

    #[test]
    fn what_the_toml_cannot_say_differs_from_all_it_can() {
        let rule: Rule = serde_json::from_value(json!({ "expire": "3d" })).unwrap();
        let mut theirs = written("one", &rule).unwrap();
        theirs.status = ExpirationStatus::Disabled;
        assert_eq!(
            live(theirs),
            json!({ "expire": "3d", "other": ["switched off"] })
        );
    }

    #[test]
    fn only_a_new_rule_that_deletes_loses_data() {
        let (deletes, moves) = (
            json!({ "expire": "3d" }),
            json!({ "transitions": { "glacier": "9d" } }),
        );
        let want = rules(json!({ "one": deletes, "two": moves }));
        assert_eq!(impact(&want, &BTreeMap::new()), Impact::DataLoss);
        let have = BTreeMap::from([("one".to_owned(), deletes)]);
        assert_eq!(impact(&want, &have), Impact::None);
    }

    #[test]
    fn what_is_no_rule_is_told() {
        let wrong = |table: Value| check(&rules(json!({ "one": table }))).len();
        assert_eq!(wrong(json!({ "abort_uploads": "7d" })), 0);
        assert_eq!(wrong(json!({ "prefix": "a/" })), 1);
        assert_eq!(wrong(json!({ "expire": "36h" })), 1);
        assert_eq!(wrong(json!({ "delete_markers": true, "expire": "3d" })), 1);
        let keep = json!({ "noncurrent": { "keep": 3 }, "expire": "3d" });
        assert_eq!(wrong(keep), 1);
    }
}
