//! Requests that go to other target groups than before, by a listener or a rule of it: they do once the targets of
//! those are healthy.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Mutex;

use aws_sdk_elasticloadbalancingv2::types::Action as Raw;
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::inventory::{Look, Seen};
use terrace_core::kind::{Kind, Live, Serving};
use terrace_core::mutex::lock;

use super::act::Act;
use crate::client::Aws;
use crate::kinds::elb::target_group::{TargetGroup, TargetGroupLive};

/// How many target groups an action may name (ELB quotas).
const MOST: usize = 5;

/// What takes over, and what is done until it can.
pub(super) struct Switch {
    /// The groups that come to have a share, by ARN.
    comers: Vec<String>,
    /// Those that have one now.
    serving: Vec<String>,
    /// The old shares, and none for those that come: AWS checks the targets of those only that some listener
    /// names (aws-semantics 3.20).
    meanwhile: Act,
}

impl Switch {
    /// What is between an action and another, if anything has to be awaited.
    pub(super) fn between(have: &Act, want: &Act) -> Option<Self> {
        let (Act::Forward(old, sticky), Act::Forward(new, _)) = (have, want) else {
            return None;
        };
        let share = |all: &BTreeMap<String, i32>, arn: &str| all.get(arn).copied().unwrap_or(0);
        let comers = new
            .keys()
            .filter(|arn| share(new, arn) > 0 && share(old, arn) == 0);
        let comers: Vec<String> = comers.cloned().collect();
        let mut shares = old.clone();
        for arn in &comers {
            shares.entry(arn.clone()).or_insert(0);
        }
        let serving = old.iter().filter(|(_, share)| **share > 0);
        (!comers.is_empty() && shares.len() <= MOST).then(|| Self {
            serving: serving.map(|(arn, _)| arn.clone()).collect(),
            meanwhile: Act::Forward(shares, *sticky),
            comers,
        })
    }

    /// What is done until those that come serve; `None` where nobody is served now, and nothing to wait for.
    pub(super) async fn meanwhile(&self, cx: &Aws) -> Result<Option<&Act>> {
        for arn in &self.serving {
            if group(cx, arn).await?.is_some_and(|group| group.answers()) {
                return Ok(Some(&self.meanwhile));
            }
        }
        Ok(None)
    }

    /// Waits until those that come serve; `put` sets what is done meanwhile in place of `have`.
    pub(super) async fn prepare<F, Fut>(&self, cx: &Aws, have: &Act, put: F) -> Result<()>
    where
        F: FnOnce(Raw) -> Fut,
        Fut: Future<Output = Result<()>>,
    {
        let Some(meanwhile) = self.meanwhile(cx).await? else {
            return Ok(());
        };
        if meanwhile != have {
            put(meanwhile.write()).await?;
        }
        for arn in &self.comers {
            self.until_serving(cx, arn).await?;
        }
        Ok(())
    }

    async fn until_serving(&self, cx: &Aws, arn: &str) -> Result<()> {
        let Some(first) = group(cx, arn).await? else {
            return Ok(());
        };
        let last = Mutex::new(String::new());
        let why = || lock(&last);
        let serves = || async {
            let now = group(cx, arn).await?;
            Ok(match now.as_ref().map(TargetGroup::serving) {
                None | Some(Serving::Yes) => Some(()),
                Some(Serving::NotYet(said) | Serving::Never(said)) => {
                    *why() = said;
                    None
                }
            })
        };
        let usual = crate::minutes::of(TargetGroup::NAME).create;
        let patience = TargetGroup::patience(&first, usual);
        match cx.until(patience, "a target group", serves).await {
            Err(error) if error.operation == "terrace:wait" => {
                let name = first.outputs().get("name").cloned().unwrap_or_default();
                let name = name.as_str().unwrap_or(arn);
                let message = format!(
                    "requests stay where they are led, since the target group {name} does not answer them: {}",
                    why()
                );
                let error = CloudError::new("terrace:gate", ErrorClass::Invalid, message);
                Err(error.hinted("mend its targets, and apply again"))
            }
            end => end,
        }
    }
}

async fn group(cx: &Aws, arn: &str) -> Result<Option<TargetGroupLive>> {
    let found = TargetGroup::discover(cx, &Look::Id(arn.to_owned()), &Seen::default()).await?;
    Ok(found.into_iter().next().map(|found| found.live))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forward<const N: usize>(shares: [(&str, i32); N]) -> Act {
        let own = |(arn, share): (&str, i32)| (arn.to_owned(), share);
        Act::Forward(shares.map(own).into(), None)
    }

    #[test]
    fn who_comes_has_no_share_until_it_serves() {
        let meanwhile = forward([("a", 1), ("b", 0)]);
        // Cut off there, it goes on from there.
        for have in [forward([("a", 1)]), meanwhile.clone()] {
            let switch = Switch::between(&have, &forward([("b", 1)]));
            let told = switch.map(|switch| (switch.meanwhile, switch.comers, switch.serving));
            let (comers, serving) = (vec!["b".to_owned()], vec!["a".to_owned()]);
            assert_eq!(told, Some((meanwhile.clone(), comers, serving)));
        }
    }

    #[test]
    fn other_shares_of_the_same_wait_for_nobody() {
        let (more, less) = (forward([("a", 1), ("b", 9)]), forward([("a", 9), ("b", 1)]));
        assert!(Switch::between(&more, &less).is_none());
        assert!(Switch::between(&more, &forward([("a", 1)])).is_none());
    }
}
