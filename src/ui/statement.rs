//! Policies as people say them: a statement a line, `allow s3:GetObject on arn:aws:s3:::assets/*`.

use serde_json::{Map, Value};

/// The statements of a policy, or of several policies by name; nothing if `value` is neither.
/// `say` tells a single value.
pub(super) fn statements(value: &Value, say: &dyn Fn(&Value) -> String) -> Option<Vec<String>> {
    let map = value.as_object()?;
    if let Some(statements) = of_policy(map, say) {
        return Some(statements);
    }
    let mut lines = Vec::new();
    for (name, policy) in map {
        for statement in of_policy(policy.as_object()?, say)? {
            lines.push(format!("{name}: {statement}"));
        }
    }
    (!lines.is_empty()).then_some(lines)
}

fn of_policy(policy: &Map<String, Value>, say: &dyn Fn(&Value) -> String) -> Option<Vec<String>> {
    let statements = policy.get("Statement")?.as_array()?;
    let said = statements.iter().map(|one| statement(one, say));
    said.collect()
}

fn statement(statement: &Value, say: &dyn Fn(&Value) -> String) -> Option<String> {
    let statement = statement.as_object()?;
    let mut words = vec![statement.get("Effect")?.as_str()?.to_lowercase()];
    if let Some(who) = statement.get("Principal") {
        words.push(principals(who, say));
    }
    if let Some(who) = statement.get("NotPrincipal") {
        words.push(format!("all but {}", principals(who, say)));
    }
    for (key, before) in [
        ("Action", ""),
        ("NotAction", "all but "),
        ("Resource", "on "),
        ("NotResource", "on all but "),
    ] {
        if let Some(value) = statement.get(key) {
            words.push(format!("{before}{}", list(value, say)));
        }
    }
    if let Some(conditions) = statement.get("Condition").and_then(Value::as_object) {
        let conditions = conditions.iter().flat_map(|(operator, keys)| {
            let keys = keys.as_object().into_iter().flatten();
            keys.map(move |(key, value)| format!("{key} {operator} {}", list(value, say)))
        });
        let conditions: Vec<String> = conditions.collect();
        words.push(format!("if {}", conditions.join(" and ")));
    }
    let name = statement.get("Sid").and_then(Value::as_str);
    let name = name.map(|sid| format!(" ({sid})")).unwrap_or_default();
    Some(format!("{}{name}", words.join(" ")))
}

/// `ec2.amazonaws.com`, without saying that it is a service: its name shows it.
fn principals(who: &Value, say: &dyn Fn(&Value) -> String) -> String {
    match who.as_object() {
        Some(map) => {
            let each: Vec<String> = map.values().map(|who| list(who, say)).collect();
            each.join(", ")
        }
        None => list(who, say),
    }
}

fn list(value: &Value, say: &dyn Fn(&Value) -> String) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(say).collect();
            items.join(", ")
        }
        other => say(other),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn plain(value: &Value) -> String {
        value.as_str().unwrap_or("?").to_owned()
    }

    #[test]
    fn a_trust_policy_is_a_sentence() {
        let policy = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "Service": ["ec2.amazonaws.com"] }, "Action": ["sts:AssumeRole"] },
        ] });
        let said = statements(&policy, &plain).unwrap();
        assert_eq!(said, ["allow ec2.amazonaws.com sts:AssumeRole"]);
    }

    #[test]
    fn nothing_of_a_statement_is_left_unsaid() {
        let policies = json!({ "assets": { "Statement": [{
            "Sid": "NoPlainHttp",
            "Effect": "Deny",
            "Principal": "*",
            "NotAction": ["s3:ListBucket", "s3:GetObject"],
            "NotResource": "arn:aws:s3:::open/*",
            "Condition": { "Bool": { "aws:SecureTransport": ["false"] }, "StringLike": { "aws:Referer": "x" } },
        }] } });
        let said = statements(&policies, &plain).unwrap();
        assert_eq!(
            said,
            [
                "assets: deny * all but s3:ListBucket, s3:GetObject on all but arn:aws:s3:::open/* \
                 if aws:SecureTransport Bool false and aws:Referer StringLike x (NoPlainHttp)"
            ]
        );
    }

    #[test]
    fn what_is_no_policy_is_none() {
        assert_eq!(statements(&json!({ "team": "shop" }), &plain), None);
        assert_eq!(statements(&json!({}), &plain), None);
        assert_eq!(statements(&json!("text"), &plain), None);
        assert_eq!(
            statements(&json!({ "Statement": ["odd"] }), &plain),
            None,
            "a form that we do not know is shown as it is"
        );
    }
}
