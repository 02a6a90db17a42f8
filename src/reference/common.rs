//! What stands on resources of every kind: for pages and for the editor's schema.

use serde_json::{Value, json};

use crate::reference::property::{Property, properties};

/// Their schema, as if it were a kind's. What each means is decided in `terrace_core::source`.
pub(crate) fn schema() -> Value {
    let address = || json!({ "type": "string", "x-ref": ["*"] });
    let addresses = || json!({ "type": "array", "items": address() });
    let strings = || json!({ "type": "array", "items": { "type": "string" } });
    let loss = || json!({ "type": "string", "enum": ["data", "address", "network", "promotion"] });
    let said = |mut schema: Value, about: &str, examples: Value| {
        schema["description"] = about.into();
        schema["examples"] = examples;
        schema
    };
    json!({
        "type": "object",
        "properties": {
            "for_each": said(
                json!({ "anyOf": [strings(), { "type": "object" }] }),
                "Makes one resource for each entry: of a list, key and value are the same. Its \
                 address is `kind.name.key`, and `each.key` and `each.value` stand for the entry.",
                json!([["a", "b"], { "a": "10.0.0.0/24" }]),
            ),
            "when": said(
                json!({ "type": "boolean" }),
                "Whether it is there at all. It may stand in any table below, too.",
                json!(["{{ stack.environment == 'prod' }}"]),
            ),
            "region": said(
                json!({ "type": "string" }),
                "The region it is in, where that is not the stack's.",
                json!(["us-east-1"]),
            ),
            "after": said(
                addresses(),
                "Waits for these, though nothing of them is used.",
                json!([["record.db"]]),
            ),
            "protect": said(
                json!({ "type": "boolean" }),
                "Refuses to lose it: by AWS's own protection where there is one, by a tag, and in \
                 the plan.",
                json!([true]),
            ),
            "tags": said(
                json!({ "type": "object", "additionalProperties": { "type": "string" } }),
                "Tags beside the stack's own; the same key here wins.",
                json!([{ "team": "shop" }]),
            ),
            "ignore": said(
                strings(),
                "Properties that are never compared, by path: others may change them.",
                json!([["tags.backup"]]),
            ),
            "unset": said(
                strings(),
                "Properties that earlier stages set and this one takes back, by path.",
                json!([["backup_window", "ingress.http"]]),
            ),
            "allow": said(
                json!({ "anyOf": [loss(), { "type": "array", "items": loss() }] }),
                "Consents to a loss, should a replacement need it.",
                json!(["data"]),
            ),
            "confirm": said(
                json!({ "type": "string" }),
                "What a person must have done before a change to it, and before the change back to a lower stage; its creation is not held.",
                json!(["Copy the data first: migrate.sh"]),
            ),
            "generation": said(
                json!({ "type": "integer", "minimum": 1, "default": 1 }),
                "Raised by one to replace it: a new image, a broken machine.",
                json!([2]),
            ),
            "was": said(
                json!({ "anyOf": [address(), { "type": "object", "additionalProperties": address() }] }),
                "The address it had before: it is renamed and not touched otherwise.",
                json!(["instance.web"]),
            ),
        },
    })
}

/// The same as properties.
pub(crate) fn common() -> Vec<Property> {
    properties(&schema())
}

#[cfg(test)]
mod tests {
    use terrace_core::source::COMMON;

    use super::common;

    #[test]
    fn every_common_word_is_explained() {
        let words: Vec<String> = common().into_iter().map(|property| property.name).collect();
        assert_eq!(
            words, COMMON,
            "`src/reference/common.rs` and the language disagree"
        );
    }
}
