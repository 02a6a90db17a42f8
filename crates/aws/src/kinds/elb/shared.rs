//! What the kinds of Elastic Load Balancing share: names, protocols, tags, and whose something is.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aws_sdk_elasticloadbalancingv2::types::{
    LoadBalancer, Tag, TargetGroup, TargetHealthDescription,
};
use futures_util::future::{try_join, try_join_all};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::Objection;
use terrace_core::mark::{self, Mark, Tags};

use crate::client::Aws;
use crate::door::Op;
use crate::names::taken;

/// How many ARNs one call takes (API reference, DescribeTags).
const AT_A_TIME: usize = 20;

/// The protocols that are listened for, and those that targets are spoken to in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Protocol {
    /// HTTP, of an application load balancer.
    #[default]
    Http,
    /// HTTPS, of an application load balancer.
    Https,
    /// TCP, of a network load balancer.
    Tcp,
    /// TLS, of a network load balancer.
    Tls,
    /// UDP, of a network load balancer.
    Udp,
    /// TCP and UDP on one port, of a network load balancer.
    TcpUdp,
}

impl Protocol {
    /// AWS's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Udp => "UDP",
            Self::TcpUdp => "TCP_UDP",
        }
    }

    /// Whether it is one of an application load balancer.
    pub(crate) fn is_web(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}

/// The longest name of a balancer or a target group.
const LONGEST: usize = 32;

/// The name that the TOML gives, or one made from the address.
pub(crate) fn name(said: Option<&String>, mark: &Mark) -> String {
    if let Some(name) = said {
        return name.clone();
    }
    let name = mark.name(LONGEST);
    // AWS keeps `internal-` for names of its own (API reference, CreateLoadBalancer).
    if name.starts_with("internal-") {
        return format!("t-{}", mark.name(LONGEST - 2));
    }
    name
}

/// What is wrong with a name.
pub(crate) fn check_name(name: Option<&String>) -> Option<Objection> {
    let name = name?;
    let fits = (1..=LONGEST).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.starts_with("internal-");
    let message = "a name here has letters, digits and dashes, none at its ends, is at most 32 long, and does not begin with `internal-`";
    (!fits).then(|| Objection::new("name", message))
}

/// The end of an ARN by which metrics call it: `app/web/0123`, `targetgroup/web/0123`.
pub(crate) fn full_name(arn: &str) -> &str {
    let resource = arn.rsplit(':').next().unwrap_or_default();
    resource.strip_prefix("loadbalancer/").unwrap_or(resource)
}

/// A map of tags as a call takes it.
pub(crate) fn tag_list(tags: &Tags) -> Vec<Tag> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    tags.iter().map(tag).collect()
}

/// An answer, or none if what it is about went meanwhile.
pub(crate) fn if_there<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Err(error) if error.class == ErrorClass::NotFound => Ok(None),
        answer => answer.map(Some),
    }
}

/// Whether something is what an `existing` look-up describes: tags here, the rest by `has`.
pub(crate) fn alike(
    like: &BTreeMap<String, String>,
    tags: &Tags,
    has: impl Fn(&str, &str) -> bool,
) -> bool {
    let same = |(property, value): (&String, &String)| match property.strip_prefix("tags.") {
        Some(key) => tags.get(key) == Some(value),
        None => has(property, value),
    };
    like.iter().all(same)
}

/// The balancers and the target groups of a region, and the tags of both: a listing has none, no call finds by
/// them, and one call tells those of twenty.
pub(crate) struct Listed {
    pub(crate) balancers: Vec<LoadBalancer>,
    pub(crate) groups: Vec<TargetGroup>,
    pub(crate) tags: HashMap<String, Tags>,
}

impl Aws {
    /// All that stand in the region, once a discovery.
    pub(crate) async fn elb_listed(&self, seen: &Seen) -> Result<Arc<Listed>> {
        let read = Box::pin(async {
            let balancers = self.read("elasticloadbalancing:DescribeLoadBalancers", || {
                let call = self.elb.describe_load_balancers().page_size(400);
                let pages = call.into_paginator().items().send();
                pages.collect::<std::result::Result<Vec<_>, _>>()
            });
            let groups = self.read("elasticloadbalancing:DescribeTargetGroups", || {
                let call = self.elb.describe_target_groups().page_size(400);
                let pages = call.into_paginator().items().send();
                pages.collect::<std::result::Result<Vec<_>, _>>()
            });
            let (balancers, groups) = try_join(balancers, groups).await?;
            let arns = balancers.iter().filter_map(LoadBalancer::load_balancer_arn);
            let arns = arns.chain(groups.iter().filter_map(TargetGroup::target_group_arn));
            let arns: Vec<&str> = arns.collect();
            let tags = self.elb_tags(&arns).await?;
            Ok(Listed {
                balancers,
                groups,
                tags,
            })
        });
        seen.once(format!("load balancers in {}", self.region), read)
            .await
    }

    /// How the targets of a group are, once a discovery.
    pub(crate) async fn elb_health(
        &self,
        group: &str,
        seen: &Seen,
    ) -> Result<Arc<Vec<TargetHealthDescription>>> {
        let read = Box::pin(async {
            let answer = self
                .read("elasticloadbalancing:DescribeTargetHealth", || {
                    let call = self.elb.describe_target_health();
                    call.target_group_arn(group).send()
                })
                .await?;
            Ok(answer.target_health_descriptions.unwrap_or_default())
        });
        seen.once(format!("health in {group}"), read).await
    }

    /// Those of a listing that may be looked for, each with its tags.
    pub(crate) async fn elb_tagged<T>(
        &self,
        listed: Vec<T>,
        arn: fn(&T) -> &str,
        look: &Look,
    ) -> Result<Vec<Found<T>>> {
        let arns: Vec<&str> = listed.iter().map(arn).collect();
        let tags = self.elb_tags(&arns).await?;
        Ok(self.elb_found(listed, arn, &tags, look))
    }

    /// The same where their tags are known.
    pub(crate) fn elb_found<T>(
        &self,
        listed: Vec<T>,
        arn: fn(&T) -> &str,
        tags: &HashMap<String, Tags>,
        look: &Look,
    ) -> Vec<Found<T>> {
        let owner = self.owner();
        // What has no tags here went between the two calls.
        let pair = |one: T| {
            tags.get(arn(&one))
                .map(|tags| Found::new(one, tags.clone()))
        };
        let mut found: Vec<Found<T>> = listed.into_iter().filter_map(pair).collect();
        if matches!(look, Look::Ours) {
            found.retain(|found| found.tags.get(mark::STACK) == Some(&owner));
        }
        found
    }

    /// The tags of several things by ARN; what is gone has none.
    pub(crate) async fn elb_tags(&self, arns: &[&str]) -> Result<HashMap<String, Tags>> {
        let chunks = arns
            .chunks(AT_A_TIME)
            .map(|chunk| self.elb_some_tags(chunk));
        Ok(try_join_all(chunks).await?.into_iter().flatten().collect())
    }

    async fn elb_some_tags(&self, arns: &[&str]) -> Result<HashMap<String, Tags>> {
        match self.elb_describe_tags(arns).await {
            // One that went since it was listed spoils the answer for all.
            Err(error) if error.class == ErrorClass::NotFound => {
                let alone = arns
                    .iter()
                    .map(|arn| async move { if_there(self.elb_describe_tags(&[*arn]).await) });
                let found = try_join_all(alone).await?;
                Ok(found.into_iter().flatten().flatten().collect())
            }
            answer => answer,
        }
    }

    async fn elb_describe_tags(&self, arns: &[&str]) -> Result<HashMap<String, Tags>> {
        let answer = self
            .read("elasticloadbalancing:DescribeTags", || {
                let arns = arns.iter().map(ToString::to_string).collect();
                let call = self.elb.describe_tags();
                call.set_resource_arns(Some(arns)).send()
            })
            .await?;
        let tags = |list: Vec<Tag>| {
            let pair = |tag: Tag| Some((tag.key?, tag.value.unwrap_or_default()));
            list.into_iter().filter_map(pair).collect::<Tags>()
        };
        let described = answer.tag_descriptions.unwrap_or_default().into_iter();
        let described = described
            .filter_map(|one| Some((one.resource_arn?, tags(one.tags.unwrap_or_default()))));
        Ok(described.collect())
    }

    /// Sets and removes tags of anything of Elastic Load Balancing.
    pub(crate) async fn elb_tag(&self, arn: &str, set: &Tags, unset: &[String]) -> Result<()> {
        if !set.is_empty() {
            self.mutate(Op::again("elasticloadbalancing:AddTags"), || {
                let call = self.elb.add_tags().resource_arns(arn);
                call.set_tags(Some(tag_list(set))).send()
            })
            .await?;
        }
        if !unset.is_empty() {
            self.mutate(Op::again("elasticloadbalancing:RemoveTags"), || {
                let call = self.elb.remove_tags().resource_arns(arn);
                call.set_tag_keys(Some(unset.to_vec())).send()
            })
            .await?;
        }
        Ok(())
    }

    /// Takes what a creating call answered only if it is of this mark: one with a name that is taken
    /// answers with what has the name, whoever made it, if all settings are the same.
    pub(crate) async fn elb_made<T>(
        &self,
        action: &'static str,
        made: T,
        arn: fn(&T) -> &str,
        mark: &Mark,
    ) -> Result<T> {
        let id = arn(&made).to_owned();
        // What cannot be asked for yet was made this moment.
        let Some(tags) = self.elb_tags(&[&id]).await?.remove(&id) else {
            return Ok(made);
        };
        let refused = CloudError::new(
            action,
            ErrorClass::Conflict,
            format!("there is an equal one already: {id}"),
        );
        taken(refused, Some(Found::new(made, tags)), mark)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use terrace_core::mark::{Generation, Identity};

    use super::*;

    fn mark(stack: &str) -> Mark {
        Mark {
            identity: Identity {
                stack: stack.into(),
                environment: "prod".into(),
                account: "123456789012".into(),
                region: "eu-west-3".into(),
            },
            address: "load_balancer.web".parse().unwrap(),
            generation: Generation::first(1),
            tags: Tags::new(),
            protect: false,
            ephemeral: None,
            salt: String::new(),
        }
    }

    #[test]
    fn a_derived_name_is_one_that_aws_takes() {
        for stack in ["shop", "internal", "internal-tools-of-a-long-name"] {
            let name = name(None, &mark(stack));
            assert!(check_name(Some(&name)).is_none(), "{name}");
        }
    }

    #[test]
    fn names_that_aws_refuses() {
        for name in ["", "-a", "a-", "internal-a", "a_b", &"a".repeat(33)] {
            assert!(check_name(Some(&name.to_owned())).is_some(), "{name}");
        }
    }

    #[test]
    fn metrics_call_it_by_the_end_of_its_arn() {
        let begin = "arn:aws:elasticloadbalancing:eu-west-3:123456789012:";
        for (arn, is) in [
            ("loadbalancer/app/web/50dc", "app/web/50dc"),
            ("targetgroup/web/73e2", "targetgroup/web/73e2"),
        ] {
            assert_eq!(full_name(&format!("{begin}{arn}")), is);
        }
    }
}
