//! The rules of a listener: what is done with some requests instead of its own action.
//!
//! AWS knows a rule by its priority, which no other rule of the listener has. So rules are compared by
//! it, and their names in the TOML are for people.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    Action as RawAction, Rule as Raw, RuleCondition, RulePriorityPair,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use terrace_core::error::Result;
use terrace_core::fields::Part;
use terrace_core::kind::Objection;
use terrace_core::known::Known;
use terrace_core::said::Said;

use super::act::Act;
use super::action::Action;
use super::condition::{self, Conditions, Match};
use super::switch::Switch;
use super::{ListenerLive, ListenerSpec};
use crate::client::{Aws, missing};
use crate::door::Op;
use crate::names::invalid;

/// What is done with some requests instead.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its place among the rules: of those that fit a request the one with the lowest counts. No other rule
    /// of the listener has it.
    #[schemars(range(min = 1, max = 50000))]
    pub priority: u16,
    /// Which requests it is for.
    pub r#match: Match,
    /// What is done with them. They go to another target group than before once its targets are healthy.
    pub action: Action,
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Content {
    r#match: Conditions,
    action: Act,
}

/// A live rule.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RuleLive {
    arn: String,
    #[serde(flatten)]
    content: Content,
}

impl RuleLive {
    pub(super) fn act(&self) -> &Act {
        &self.content.action
    }
}

/// Live rules by priority.
pub(super) type Rules = BTreeMap<String, RuleLive>;

impl Rule {
    fn wanted(&self, known: &Known) -> std::result::Result<Content, String> {
        Ok(Content {
            r#match: self.r#match.wanted()?,
            action: Act::wanted(&self.action, known)?,
        })
    }
}

/// What is wanted, by priority.
pub(super) fn wanted(want: &ListenerSpec, known: &Known) -> Said {
    let rule = |rule: &Rule| {
        let content = match rule.wanted(known) {
            Ok(content) => json!(content),
            Err(what) => json!(format!("({})", what.trim_matches(['(', ')']))),
        };
        (rule.priority.to_string(), content)
    };
    Said::Value(want.rules.values().map(rule).collect::<Map<_, _>>().into())
}

/// What is live, by priority.
pub(super) fn said(rules: &Rules) -> Said {
    let rule = |(priority, rule): (&String, &RuleLive)| (priority.clone(), json!(rule.content));
    Said::Value(rules.iter().map(rule).collect::<Map<_, Value>>().into())
}

/// What is wrong with them.
pub(super) fn check(want: &ListenerSpec, wrong: &mut Vec<Objection>) {
    let mut places: BTreeMap<u16, &String> = BTreeMap::new();
    for (name, rule) in &want.rules {
        let path = format!("rules.{name}");
        if !(1..=50_000).contains(&rule.priority) {
            let message = "a priority is between 1 and 50000";
            wrong.push(Objection::new(format!("{path}.priority"), message));
        }
        if let Some(other) = places.insert(rule.priority, name) {
            let message = format!("`{other}` has this priority: each rule has its own");
            wrong.push(Objection::new(format!("{path}.priority"), message));
        }
        rule.r#match.check(&format!("{path}.match"), wrong);
        rule.action.check(&format!("{path}.action"), wrong);
    }
    if !want.protocol.is_web() && !want.rules.is_empty() {
        let message = "a network load balancer does not look into requests";
        wrong.push(Objection::new("rules", message));
    }
}

/// All rules of a listener but its own action, which AWS lists as one.
pub(super) async fn of(cx: &Aws, listener: &str) -> Result<Rules> {
    let rules = cx
        .read("elasticloadbalancing:DescribeRules", || {
            let call = cx
                .elb
                .describe_rules()
                .listener_arn(listener)
                .page_size(400);
            let pages = call.into_paginator().items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let rules = rules
        .into_iter()
        .filter(|rule| rule.is_default != Some(true));
    Ok(rules.filter_map(read).collect())
}

fn read(raw: Raw) -> Option<(String, RuleLive)> {
    let content = Content {
        r#match: condition::read(raw.conditions()),
        action: Act::read(raw.actions()),
    };
    Some((
        raw.priority?,
        RuleLive {
            arn: raw.rule_arn?,
            content,
        },
    ))
}

/// Makes the rules so, as far as `part` goes: added first, changed next, dropped last.
pub(super) async fn update(
    cx: &Aws,
    want: &ListenerSpec,
    known: &Known,
    live: &mut ListenerLive,
    part: &Part<'_>,
) -> Result<()> {
    let (added, changed) = (part.added("rules"), part.changed("rules"));
    let mut new = BTreeMap::new();
    let mut other = BTreeMap::new();
    for rule in want.rules.values() {
        let priority = rule.priority.to_string();
        if added.contains_key(&priority) {
            let content = rule.wanted(known);
            let content =
                content.map_err(|what| invalid("elasticloadbalancing:CreateRule", what))?;
            let into = if changed.contains_key(&priority) {
                &mut other
            } else {
                &mut new
            };
            into.insert(priority, content);
        }
    }
    for (priority, content) in new {
        let rule = begin(cx, live, &priority, content).await?;
        live.rules.insert(priority, rule);
    }
    reorder(cx, &mut live.rules, &other).await?;
    for (priority, content) in other {
        match live.rules.get_mut(&priority) {
            Some(rule) if rule.content == content => {}
            Some(rule) => modify(cx, rule, content).await?,
            None => {
                let rule = begin(cx, live, &priority, content).await?;
                live.rules.insert(priority, rule);
            }
        }
    }
    for priority in part.removed("rules").keys() {
        if let Some(rule) = live.rules.remove(priority) {
            let call = || cx.elb.delete_rule().rule_arn(&rule.arn).send();
            let op = Op::again("elasticloadbalancing:DeleteRule");
            cx.gone(cx.mutate(op, call).await)?;
        }
    }
    Ok(())
}

/// Rules that are there already, at other places, are moved: all at once, so that each request meets
/// each of them all the time. Whoever is in the way takes a place that they left.
async fn reorder(cx: &Aws, rules: &mut Rules, wanted: &BTreeMap<String, Content>) -> Result<()> {
    let moves = moves(rules, wanted);
    if moves.is_empty() {
        return Ok(());
    }
    let pair = |(from, to): (&String, &String)| {
        let pair = RulePriorityPair::builder().priority(to.parse().unwrap_or_default());
        let arn = rules.get(from).map(|rule| rule.arn.clone());
        pair.set_rule_arn(arn).build()
    };
    let pairs: Vec<_> = moves.iter().map(pair).collect();
    cx.mutate(Op::again("elasticloadbalancing:SetRulePriorities"), || {
        let call = cx.elb.set_rule_priorities();
        call.set_rule_priorities(Some(pairs.clone())).send()
    })
    .await?;
    let taken = moves
        .iter()
        .filter_map(|(from, to)| Some((to.clone(), rules.remove(from)?)));
    let taken: Vec<_> = taken.collect();
    rules.extend(taken);
    Ok(())
}

/// Which rule goes to which place, so that as many as can be find what is wanted of that place said
/// already. Only places of `wanted` are left and taken.
fn moves(rules: &Rules, wanted: &BTreeMap<String, Content>) -> BTreeMap<String, String> {
    let there = wanted.keys().filter(|place| rules.contains_key(*place));
    let mut free: Vec<&String> = there.clone().collect();
    let mut idle: Vec<&String> = free.clone();
    let mut goes = BTreeMap::new();
    for place in there {
        let content = wanted.get(place);
        let says = |from: &&String| rules.get(*from).map(|rule| &rule.content) == content;
        if let Some(at) = idle.iter().position(says) {
            let from = idle.remove(at);
            free.retain(|free| *free != place);
            goes.insert(from.clone(), place.clone());
        }
    }
    // The others stay where they are, if they can.
    let (stay, go): (Vec<_>, Vec<_>) = idle.into_iter().partition(|from| free.contains(from));
    free.retain(|place| !stay.contains(place));
    goes.extend(go.into_iter().cloned().zip(free.into_iter().cloned()));
    goes.retain(|from, to| from != to);
    goes
}

/// A new rule. It takes its requests from the listener's own action, and begins by leading where that leads, until
/// what it is to lead to answers.
async fn begin(
    cx: &Aws,
    live: &ListenerLive,
    priority: &str,
    content: Content,
) -> Result<RuleLive> {
    let switch = Switch::between(&live.action, &content.action);
    let meanwhile = match &switch {
        Some(switch) => switch.meanwhile(cx).await?,
        None => None,
    };
    let Some(action) = meanwhile.cloned() else {
        return create(cx, &live.id, priority, content).await;
    };
    let r#match = content.r#match.clone();
    let mut rule = create(cx, &live.id, priority, Content { r#match, action }).await?;
    modify(cx, &mut rule, content).await?;
    Ok(rule)
}

async fn create(cx: &Aws, listener: &str, priority: &str, content: Content) -> Result<RuleLive> {
    const ACTION: &str = "elasticloadbalancing:CreateRule";
    let (conditions, action) = (condition::write(&content.r#match), content.action.write());
    let op = Op::again(ACTION).while_busy(&["TargetGroupNotFound", "ListenerNotFound"], 2.0);
    let answer = cx
        .mutate(op, || {
            let call = cx.elb.create_rule().listener_arn(listener);
            call.priority(priority.parse().unwrap_or_default())
                .set_conditions(Some(conditions.clone()))
                .actions(action.clone())
                .send()
        })
        .await;
    let made = match answer {
        Ok(answer) => answer.rules.unwrap_or_default().into_iter().find_map(read),
        // An earlier call made it, whose answer was lost.
        Err(error) if error.is(&["PriorityInUse"]) => {
            let there = of(cx, listener).await?.remove_entry(priority);
            let there = there.filter(|(_, rule)| rule.content == content);
            return there.map(|(_, rule)| rule).ok_or(error);
        }
        Err(error) => return Err(error),
    };
    let made = made.ok_or_else(|| missing(ACTION, "rule"))?;
    Ok(RuleLive {
        arn: made.1.arn,
        content,
    })
}

/// Makes a rule say something else; it leads to other target groups once those answer.
async fn modify(cx: &Aws, rule: &mut RuleLive, content: Content) -> Result<()> {
    let arn = &rule.arn;
    let put = |conditions: Option<Vec<RuleCondition>>, action: RawAction| async move {
        let op = Op::again("elasticloadbalancing:ModifyRule");
        cx.mutate(op.while_busy(&["TargetGroupNotFound"], 2.0), || {
            let call = cx.elb.modify_rule().rule_arn(arn);
            call.set_conditions(conditions.clone())
                .actions(action.clone())
                .send()
        })
        .await
        .map(drop)
    };
    if let Some(switch) = Switch::between(&rule.content.action, &content.action) {
        let have = &rule.content.action;
        switch.prepare(cx, have, |action| put(None, action)).await?;
    }
    let conditions = condition::write(&content.r#match);
    put(Some(conditions), content.action.write()).await?;
    rule.content = content;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(path: &str) -> Content {
        Content {
            r#match: Conditions::from([("path".to_owned(), vec![path.to_owned()])]),
            action: Act::Other(String::new()),
        }
    }

    fn rules(all: &[(&str, &str)]) -> Rules {
        let rule = |(at, path): &(&str, &str)| {
            (
                (*at).to_owned(),
                RuleLive {
                    arn: format!("arn:{path}"),
                    content: content(path),
                },
            )
        };
        all.iter().map(rule).collect()
    }

    fn go(live: &[(&str, &str)], wanted: &[(&str, &str)]) -> Vec<(String, String)> {
        let wanted = wanted
            .iter()
            .map(|(at, path)| ((*at).to_owned(), content(path)))
            .collect();
        moves(&rules(live), &wanted).into_iter().collect()
    }

    fn moved(from: &str, to: &str) -> (String, String) {
        (from.to_owned(), to.to_owned())
    }

    #[test]
    fn two_rules_change_places() {
        let moves = go(&[("10", "/a"), ("20", "/b")], &[("10", "/b"), ("20", "/a")]);
        assert_eq!(moves, [moved("10", "20"), moved("20", "10")]);
    }

    #[test]
    fn one_that_is_put_before_the_others_pushes_them_on() {
        // The last was added before; the one that is no longer wanted anywhere becomes the new one.
        let live = [("10", "/a"), ("20", "/b"), ("30", "/b")];
        let moves = go(&live, &[("10", "/new"), ("20", "/a")]);
        assert_eq!(moves, [moved("10", "20"), moved("20", "10")]);
    }

    #[test]
    fn what_only_says_something_else_stays() {
        assert!(go(&[("10", "/a"), ("20", "/b")], &[("10", "/c"), ("20", "/d")]).is_empty());
    }
}
