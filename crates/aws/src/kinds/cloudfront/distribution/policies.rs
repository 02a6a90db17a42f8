//! AWS's own policies, which every account has: by their names without the `Managed-` in front.
//!
//! Names and ids from the `CloudFront` developer guide: "Use managed cache policies", "Use managed origin
//! request policies", "Use managed response headers policies". Ids never change, and a table needs no
//! call where a plan is made.

use terrace_core::kind::Objection;

/// What policies are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policies {
    /// What is cached, how long, and by what of the request it is told apart.
    Cache,
    /// What of the request goes to the origin.
    OriginRequest,
    /// What is added to the answer.
    ResponseHeaders,
}

type Table = &'static [(&'static str, &'static str)];

const CACHE: Table = &[
    ("CachingDisabled", "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"),
    ("CachingOptimized", "658327ea-f89d-4fab-a63d-7e88639e58f6"),
    (
        "CachingOptimizedForUncompressedObjects",
        "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
    ),
    (
        "UseOriginCacheControlHeaders",
        "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
    ),
    (
        "UseOriginCacheControlHeaders-QueryStrings",
        "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
    ),
    ("Amplify", "2e54312d-136d-493c-8eb9-b001f22f67d2"),
    (
        "Elemental-MediaPackage",
        "08627262-05a9-4f76-9ded-b50ca2e3a84f",
    ),
];

const ORIGIN_REQUEST: Table = &[
    ("AllViewer", "216adef6-5c7f-47e4-b989-5492eafa07d3"),
    (
        "AllViewerExceptHostHeader",
        "b689b0a8-53d0-40ab-baf2-68738e2966ac",
    ),
    (
        "AllViewerAndCloudFrontHeaders-2022-06",
        "33f36d7e-f396-46d9-90e0-52428a34d9dc",
    ),
    ("CORS-CustomOrigin", "59781a5b-3903-41f3-afcb-af62929ccde1"),
    ("CORS-S3Origin", "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf"),
    ("HostHeaderOnly", "bf0718e1-ba1e-49d1-88b1-f726733018ae"),
    (
        "UserAgentRefererHeaders",
        "acba4595-bd28-49b8-b9fe-13317c0390fa",
    ),
    (
        "Elemental-MediaTailor-PersonalizedManifests",
        "775133bc-15f2-49f9-abea-afb2e0bf67d2",
    ),
];

const RESPONSE_HEADERS: Table = &[
    ("SimpleCORS", "60669652-455b-4ae9-85a4-c4c02393f86c"),
    (
        "CORS-With-Preflight",
        "5cc3b908-e619-4b99-88e5-2cf7f45965bd",
    ),
    (
        "SecurityHeadersPolicy",
        "67f7725c-6f97-4210-82d7-5512b31e9d03",
    ),
    (
        "CORS-and-SecurityHeadersPolicy",
        "e61eb60c-9c35-4d20-a928-2b84e02af89c",
    ),
    (
        "CORS-with-preflight-and-SecurityHeadersPolicy",
        "eaab4381-ed33-4a86-88ca-d9558dc6cd63",
    ),
];

impl Policies {
    fn table(self) -> Table {
        match self {
            Self::Cache => CACHE,
            Self::OriginRequest => ORIGIN_REQUEST,
            Self::ResponseHeaders => RESPONSE_HEADERS,
        }
    }

    /// The name of a policy, as long as it is one of AWS's; else what was given. So both ways to say it
    /// are one.
    pub(super) fn name(self, said: &str) -> String {
        let is = |(_, id): &&(&str, &str)| *id == said;
        let name = self.table().iter().find(is).map(|(name, _)| *name);
        let plain = said.strip_prefix("Managed-");
        name.or(plain).unwrap_or(said).to_owned()
    }

    /// The id of a policy by its name; what is no name of AWS's is an id itself.
    pub(super) fn id(self, name: &str) -> String {
        let is = |(known, _): &&(&str, &str)| *known == name;
        let id = self.table().iter().find(is).map(|(_, id)| *id);
        id.unwrap_or(name).to_owned()
    }

    /// What is wrong with a word for a policy.
    pub(super) fn check(self, field: String, said: &str) -> Option<Objection> {
        let known = self.id(&self.name(said));
        let is_id = known.len() == 36 && known.split('-').count() == 5;
        if is_id {
            return None;
        }
        let names: Vec<&str> = self.table().iter().map(|(name, _)| *name).collect();
        let message = format!("`{said}` is no policy of AWS's, and no id of another one");
        let help = format!("AWS has {}", names.join(", "));
        Some(Objection::new(field, message).help(help))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_one_by_name_and_by_id() {
        let all = [
            Policies::Cache,
            Policies::OriginRequest,
            Policies::ResponseHeaders,
        ];
        for policies in all {
            for (name, id) in policies.table() {
                assert_eq!(policies.id(name), *id);
                assert_eq!(policies.name(id), *name);
                assert_eq!(policies.name(&format!("Managed-{name}")), *name);
                assert_eq!(policies.check(String::new(), name), None);
                assert_eq!(policies.check(String::new(), id), None);
            }
        }
        let own = "0f0e0d0c-0b0a-0908-0706-050403020100";
        assert_eq!(Policies::Cache.id(own), own);
        assert_eq!(Policies::Cache.check(String::new(), own), None);
    }

    #[test]
    fn a_word_that_is_no_policy_is_told() {
        let told = Policies::Cache.check("default_behavior.cache_policy".to_owned(), "AllViewer");
        assert!(told.is_some_and(|told| told.help.is_some_and(|help| help.contains("Caching"))));
    }
}
