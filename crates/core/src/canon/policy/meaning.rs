//! What a document means: two that mean the same are equal.

use serde_json::{Map, Value, json};

/// What AWS takes a document for that does not say its version.
const UNSAID: &str = "2008-10-17";

/// A document as AWS means it: two that mean the same are equal. Statements keep their order unless all
/// of them have names.
pub fn canonical(document: &Value) -> Value {
    let Value::Object(members) = document else {
        return document.clone();
    };
    let mut canonical = Map::new();
    let version = members.get("Version").cloned();
    canonical.insert(
        "Version".to_owned(),
        version.unwrap_or_else(|| json!(UNSAID)),
    );
    if let Some(id) = members.get("Id").filter(|id| !is_blank(id)) {
        canonical.insert("Id".to_owned(), id.clone());
    }
    let statements = members.get("Statement").map(listed).unwrap_or_default();
    let mut statements: Vec<Value> = statements.iter().map(statement).collect();
    if statements.iter().all(|one| one.get("Sid").is_some()) {
        statements.sort_by_key(|one| one["Sid"].to_string());
    }
    canonical.insert("Statement".to_owned(), statements.into());
    canonical.into()
}

/// Reads a document that AWS gave, in canonical form.
pub fn read(text: &str) -> Result<Value, String> {
    let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(canonical(&document))
}

fn statement(statement: &Value) -> Value {
    let Value::Object(members) = statement else {
        return statement.clone();
    };
    let mut canonical = Map::new();
    for (name, value) in members {
        let value = match name.as_str() {
            "Sid" if is_blank(value) => continue,
            "Principal" | "NotPrincipal" => principals(value),
            "Action" | "NotAction" | "Resource" | "NotResource" => set(value),
            "Condition" => conditions(value),
            _ => value.clone(),
        };
        canonical.insert(name.clone(), value);
    }
    canonical.into()
}

fn principals(value: &Value) -> Value {
    let Value::Object(kinds) = value else {
        return value.clone();
    };
    let mut canonical = Map::new();
    for (kind, who) in kinds {
        let mut who = listed(who);
        if kind == "AWS" {
            who.iter_mut().for_each(account);
        }
        canonical.insert(kind.clone(), set(&who.into()));
    }
    // AWS means the same by both.
    if Value::from(canonical.clone()) == json!({ "AWS": ["*"] }) {
        return json!("*");
    }
    canonical.into()
}

/// An account's root user stands for the account: AWS writes the one where it was given the other.
fn account(who: &mut Value) {
    let Some(text) = who.as_str() else { return };
    let parts: Vec<&str> = text.split(':').collect();
    if let ["arn", _, "iam", "", id, "root"] = parts.as_slice() {
        *who = json!(id);
    }
}

fn conditions(value: &Value) -> Value {
    let Value::Object(operators) = value else {
        return value.clone();
    };
    let keys = |keys: &Value| match keys {
        Value::Object(keys) => {
            let keys = keys.iter().map(|(key, value)| (key.clone(), set(value)));
            keys.collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    };
    let operators = operators.iter().map(|(name, of)| (name.clone(), keys(of)));
    operators.collect::<Map<_, _>>().into()
}

/// A list of words without order or doubles.
fn set(value: &Value) -> Value {
    let word = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut words: Vec<String> = listed(value).iter().map(word).collect();
    words.sort();
    words.dedup();
    words.into()
}

fn listed(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    }
}

fn is_blank(value: &Value) -> bool {
    value.as_str().is_none_or(str::is_empty)
}

/// What a canonical document names that may be a resource: principals, resources and the values of
/// conditions, without the wildcards at their ends. For live edges.
pub fn names(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let statements = document.get("Statement").map(listed).unwrap_or_default();
    for statement in &statements {
        for member in [
            "Principal",
            "NotPrincipal",
            "Resource",
            "NotResource",
            "Condition",
        ] {
            statement
                .get(member)
                .into_iter()
                .for_each(|value| arns(value, &mut found));
        }
    }
    found.sort();
    found.dedup();
    found
}

fn arns(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|value| arns(value, into)),
        Value::Array(items) => items.iter().for_each(|value| arns(value, into)),
        Value::String(text) if text.starts_with("arn:") => {
            let whole = text.trim_end_matches('*').trim_end_matches(['/', ':']);
            // Of an object in a bucket the bucket is meant.
            let bucket = whole
                .split_once('/')
                .filter(|(arn, _)| arn.contains(":s3:::"));
            let name = bucket.map_or(whole, |(bucket, _)| bucket);
            if !name.contains(['*', '?']) {
                into.push(name.to_owned());
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::VERSION;
    use super::*;

    fn same(one: &Value, other: &Value) {
        assert_eq!(canonical(one), canonical(other));
    }

    #[test]
    fn one_or_a_list_in_any_order_mean_the_same() {
        let one = json!({ "Version": VERSION, "Statement": { "Effect": "Allow", "Action": ["b", "a", "a"] } });
        let other = json!({ "Version": VERSION, "Statement": [{ "Sid": "", "Action": ["a", "b"], "Effect": "Allow" }] });
        same(&one, &other);
        let truth =
            |value: Value| json!({ "Statement": [{ "Condition": { "Bool": { "k": value } } }] });
        same(&truth(json!(true)), &truth(json!(["true"])));
        same(&truth(json!(3600)), &truth(json!("3600")));
    }

    #[test]
    fn an_account_is_its_root_and_everybody_is_a_star() {
        let trust = |who: Value| json!({ "Statement": [{ "Principal": who }] });
        same(
            &trust(json!({ "AWS": "arn:aws:iam::123456789012:root" })),
            &trust(json!({ "AWS": ["123456789012"] })),
        );
        same(&trust(json!("*")), &trust(json!({ "AWS": "*" })));
        let role = trust(json!({ "AWS": "arn:aws:iam::123456789012:role/root" }));
        assert_ne!(
            canonical(&role),
            canonical(&trust(json!({ "AWS": "123456789012" })))
        );
    }

    #[test]
    fn statements_keep_their_order_unless_they_have_names() {
        let document = |sids: [&str; 2], actions: [&str; 2]| {
            json!({ "Statement": [
                { "Sid": sids[0], "Action": actions[0] },
                { "Sid": sids[1], "Action": actions[1] },
            ] })
        };
        same(
            &document(["A", "B"], ["a", "b"]),
            &document(["B", "A"], ["b", "a"]),
        );
        let (one, other) = (
            document(["", ""], ["a", "b"]),
            document(["", ""], ["b", "a"]),
        );
        assert_ne!(canonical(&one), canonical(&other));
    }

    #[test]
    fn an_unsaid_version_is_the_old_one() {
        let unsaid = json!({ "Statement": [] });
        same(
            &unsaid,
            &json!({ "Version": "2008-10-17", "Statement": [] }),
        );
        assert_ne!(
            canonical(&unsaid),
            canonical(&json!({ "Version": VERSION, "Statement": [] }))
        );
    }

    #[test]
    fn names_are_told_without_their_wildcards() {
        let document = canonical(&json!({ "Statement": [
            { "Principal": { "AWS": "arn:aws:iam::1:role/a" }, "Resource": ["arn:aws:s3:::b/static/*", "*"] },
            { "Resource": ["arn:aws:logs:eu-west-3:1:log-group:x:*", "arn:aws:iam::*:role/x"] },
        ] }));
        let expected = [
            "arn:aws:iam::1:role/a",
            "arn:aws:logs:eu-west-3:1:log-group:x",
            "arn:aws:s3:::b",
        ];
        assert_eq!(names(&document), expected);
    }
}
