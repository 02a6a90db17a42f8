//! Who may take a role on.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use terrace_core::canon::policy::{
    self, Conditions, Named, Pen, Principals, Table, Words, Written,
};
use terrace_core::late::Late;

use crate::client::Aws;

/// Who may take a role on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// Services of AWS: `"ec2.amazonaws.com"`.
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub service: Words,
    /// Accounts (12 digits), roles and users (ARNs).
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub aws: Words,
    /// Identity providers, by ARN: those who are signed in there.
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub federated: Words,
    /// Only if: operator, key and value as in AWS's JSON.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub conditions: Conditions,
}

impl Table for Trust {
    fn document(&self, pen: &mut Pen) -> Value {
        let mut statements = Vec::new();
        let federated = Named {
            federated: self.federated.clone(),
            ..Named::default()
        };
        let others = Named {
            service: self.service.clone(),
            aws: self.aws.clone(),
            ..Named::default()
        };
        for (named, action) in [(others, "sts:AssumeRole"), (federated, self.federation())] {
            if named == Named::default() {
                continue;
            }
            let principal = Principals::These(named).document(pen);
            let mut statement =
                json!({ "Effect": "Allow", "Principal": principal, "Action": action });
            if !self.conditions.is_empty() {
                statement["Condition"] = pen.conditions(&self.conditions);
            }
            statements.push(statement);
        }
        policy::document(statements)
    }
}

impl Trust {
    /// The call by which those who signed in elsewhere take the role on.
    fn federation(&self) -> &'static str {
        let saml = |arn: &Late<String>| {
            arn.known()
                .is_some_and(|arn| arn.contains(":saml-provider/"))
        };
        if self.federated.iter().any(saml) {
            "sts:AssumeRoleWithSAML"
        } else {
            "sts:AssumeRoleWithWebIdentity"
        }
    }
}

/// The trust to create a role with. AWS refuses a document that names roles or users which do not exist
/// yet, and this one may be about to be made, too: then nobody may take the role on until its late
/// parts are set, for which all who use it wait.
pub(super) fn first(cx: &Aws, want: &Written<Trust>) -> String {
    let somebody = |trust: &Value| {
        policy::names(trust)
            .iter()
            .any(|arn| arn.contains(":role/") || arn.contains(":user/"))
    };
    match want.send() {
        Ok(trust) if !somebody(&want.sketch()) => trust,
        _ => nobody(cx),
    }
}

/// A trust that lets nobody in: AWS takes no document without statements.
pub(super) fn nobody(cx: &Aws) -> String {
    let account = json!({ "AWS": cx.identity.account });
    let statement = json!({ "Effect": "Deny", "Principal": account, "Action": "sts:AssumeRole" });
    policy::document(vec![statement]).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn statements(trust: &Value) -> Value {
        let trust: Written<Trust> = serde_json::from_value(trust.clone()).unwrap();
        trust.sketch()["Statement"].clone()
    }

    #[test]
    fn trust_says_by_which_call() {
        assert_eq!(
            statements(&json!({ "service": "ec2.amazonaws.com" })),
            json!([{ "Effect": "Allow", "Principal": { "Service": ["ec2.amazonaws.com"] }, "Action": ["sts:AssumeRole"] }])
        );
        let pipeline =
            "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";
        let only =
            json!({ "StringLike": { "token.actions.githubusercontent.com:sub": "repo:shop/*" } });
        let federated = statements(
            &json!({ "aws": ["123456789012"], "federated": pipeline, "conditions": only }),
        );
        assert_eq!(
            federated[0]["Principal"],
            json!({ "AWS": ["123456789012"] })
        );
        assert_eq!(
            federated[1]["Action"],
            json!(["sts:AssumeRoleWithWebIdentity"])
        );
        assert!(federated[0]["Condition"].is_object() && federated[1]["Condition"].is_object());
        let saml =
            statements(&json!({ "federated": "arn:aws:iam::123456789012:saml-provider/office" }));
        assert_eq!(saml[0]["Action"], json!(["sts:AssumeRoleWithSAML"]));
    }
}
