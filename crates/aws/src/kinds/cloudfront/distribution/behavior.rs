//! What is done with a request, by its path.

use std::collections::BTreeMap;

use aws_sdk_cloudfront::error::BuildError;
use aws_sdk_cloudfront::types::{
    AllowedMethods, CacheBehavior, CachedMethods, DefaultCacheBehavior, EventType,
    FunctionAssociation, FunctionAssociations, LambdaFunctionAssociation,
    LambdaFunctionAssociations, Method as WireMethod, TrustedKeyGroups, TrustedSigners,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use terrace_core::kind::Objection;
use terrace_core::late::Late;

use super::super::shared::count;
use super::form::{Pen, some};
use super::policies::Policies;
use super::request::{Functions, Method, ViewerProtocol};

/// What is done with a request.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Behavior {
    /// The paths it is for: `"/static/*"`, `"*.jpg"`. `default_behavior` has none.
    pub path: Option<String>,
    /// The origin that is asked, by its name among `origins`.
    pub origin: String,
    /// What may be asked: `GET` and `HEAD`, those two and `OPTIONS`, or all seven.
    #[serde(default = "reading")]
    pub methods: Vec<Method>,
    /// What is cached, how long, and by what of the request it is told apart: one of AWS's own policies,
    /// such as `CachingOptimized` for files, `CachingDisabled`, or `UseOriginCacheControlHeaders` where the
    /// origin says; or the id of another one.
    pub cache_policy: String,
    /// What of the request goes to the origin beside that: one of AWS's own policies, such as `AllViewer`
    /// or `AllViewerExceptHostHeader`, or the id of another one. Absent: nothing.
    pub origin_request_policy: Option<String>,
    /// What is added to the answer: one of AWS's own policies, such as `SimpleCORS` or
    /// `SecurityHeadersPolicy`, or the id of another one. Absent: nothing.
    pub response_headers_policy: Option<String>,
    /// Whether files are compressed for those who can unpack them, if the cache policy allows it.
    #[serde(default = "yes")]
    pub compress: bool,
    /// How it is spoken to.
    #[serde(default)]
    pub protocol: ViewerProtocol,
    /// Functions that run at the edge, by their ARNs.
    #[serde(default)]
    pub functions: Functions,
}

fn reading() -> Vec<Method> {
    vec![Method::Get, Method::Head]
}

fn yes() -> bool {
    true
}

/// A behavior, written one way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct BehaviorForm {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    origin: String,
    #[serde(skip_serializing_if = "is_reading")]
    methods: Vec<Method>,
    /// None where what is cached is said the old way.
    cache_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin_request_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_headers_policy: Option<String>,
    #[serde(skip_serializing_if = "Clone::clone")]
    compress: bool,
    #[serde(skip_serializing_if = "ViewerProtocol::is_usual")]
    protocol: ViewerProtocol,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    functions: BTreeMap<String, String>,
}

fn is_reading(methods: &[Method]) -> bool {
    methods == reading()
}

/// Each once, in one order.
fn ordered(methods: impl IntoIterator<Item = Method>) -> Vec<Method> {
    let mut methods: Vec<Method> = methods.into_iter().collect();
    methods.sort();
    methods.dedup();
    methods
}

/// Reads either of the two types that have the same fields.
macro_rules! read_form {
    ($wire:expr, $path:expr) => {{
        let wire = $wire;
        let methods = wire.allowed_methods.as_ref().map_or_else(reading, |all| {
            ordered(all.items.iter().filter_map(Method::read))
        });
        let by_function = wire
            .function_associations
            .iter()
            .flat_map(FunctionAssociations::items)
            .map(|one| (&one.event_type, &one.function_arn));
        let by_lambda = wire
            .lambda_function_associations
            .iter()
            .flat_map(LambdaFunctionAssociations::items)
            .map(|one| (&one.event_type, &one.lambda_function_arn));
        let functions = by_function
            .chain(by_lambda)
            .map(|(event, arn)| (event.as_str().replace('-', "_"), arn.clone()))
            .collect();
        let policy = |policies: Policies, id: Option<&str>| some(id).map(|id| policies.name(&id));
        BehaviorForm {
            path: $path,
            origin: wire.target_origin_id.clone(),
            methods,
            cache_policy: policy(Policies::Cache, wire.cache_policy_id()),
            origin_request_policy: policy(Policies::OriginRequest, wire.origin_request_policy_id()),
            response_headers_policy: policy(
                Policies::ResponseHeaders,
                wire.response_headers_policy_id(),
            ),
            compress: wire.compress.unwrap_or_default(),
            protocol: ViewerProtocol::read(&wire.viewer_protocol_policy),
            functions,
        }
    }};
}

/// Writes a form over either of them.
macro_rules! overlay {
    ($form:expr, $wire:expr) => {{
        let (form, wire) = ($form, $wire);
        wire.target_origin_id.clone_from(&form.origin);
        wire.viewer_protocol_policy = form.protocol.wire();
        wire.allowed_methods = Some(form.write_methods(wire.allowed_methods.as_ref())?);
        wire.compress = Some(form.compress);
        let id =
            |policies: Policies, name: &Option<String>| name.as_ref().map(|name| policies.id(name));
        wire.cache_policy_id = id(Policies::Cache, &form.cache_policy);
        wire.origin_request_policy_id = id(Policies::OriginRequest, &form.origin_request_policy);
        wire.response_headers_policy_id =
            id(Policies::ResponseHeaders, &form.response_headers_policy);
        let lambdas = wire.lambda_function_associations.take();
        (
            wire.function_associations,
            wire.lambda_function_associations,
        ) = form.write_functions(lambdas.as_ref())?;
        // The old way to say what is cached, and the policy, exclude each other.
        #[expect(deprecated, reason = "what is there has to go")]
        {
            wire.forwarded_values = None;
            (wire.min_ttl, wire.default_ttl, wire.max_ttl) = (None, None, None);
        }
    }};
}

/// Makes either of them; an update wants these said, if only to say that there are none.
macro_rules! make_new {
    ($builder:expr, $form:expr) => {
        $builder
            .target_origin_id(&$form.origin)
            .viewer_protocol_policy($form.protocol.wire())
            .smooth_streaming(false)
            .field_level_encryption_id("")
            .trusted_signers(
                TrustedSigners::builder()
                    .enabled(false)
                    .quantity(0)
                    .build()?,
            )
            .trusted_key_groups(
                TrustedKeyGroups::builder()
                    .enabled(false)
                    .quantity(0)
                    .build()?,
            )
            .build()?
    };
}

impl BehaviorForm {
    /// As the TOML wants it.
    pub(super) fn wanted(want: &Behavior, pen: &mut Pen) -> Self {
        let functions = want.functions.all().into_iter();
        let functions = functions
            .filter_map(|(_, word, arn)| Some((word.to_owned(), pen.text(&arn?.said()))))
            .collect();
        let policy = |policies: Policies, said: &Option<String>| {
            said.as_ref().map(|said| policies.name(said))
        };
        Self {
            path: want.path.clone(),
            origin: want.origin.clone(),
            methods: ordered(want.methods.iter().copied()),
            cache_policy: Some(Policies::Cache.name(&want.cache_policy)),
            origin_request_policy: policy(Policies::OriginRequest, &want.origin_request_policy),
            response_headers_policy: policy(
                Policies::ResponseHeaders,
                &want.response_headers_policy,
            ),
            compress: want.compress,
            protocol: want.protocol,
            functions,
        }
    }

    /// As AWS has the one for all other paths.
    pub(super) fn read_default(wire: &DefaultCacheBehavior) -> Self {
        read_form!(wire, None)
    }

    /// As AWS has one for a path.
    pub(super) fn read(wire: &CacheBehavior) -> Self {
        read_form!(wire, Some(wire.path_pattern.clone()))
    }

    /// As AWS takes the one for all other paths: over what it has, so that what terrace has no word for
    /// stays.
    pub(super) fn write_default(
        &self,
        live: Option<&DefaultCacheBehavior>,
    ) -> Result<DefaultCacheBehavior, BuildError> {
        let mut wire = match live {
            Some(live) => live.clone(),
            None => make_new!(DefaultCacheBehavior::builder(), self),
        };
        overlay!(self, &mut wire);
        Ok(wire)
    }

    /// As AWS takes one for a path, over what it has for that path.
    pub(super) fn write(&self, live: &[CacheBehavior]) -> Result<CacheBehavior, BuildError> {
        let path = self.path.clone().unwrap_or_default();
        let mut wire = match live.iter().find(|live| live.path_pattern == path) {
            Some(live) => live.clone(),
            None => make_new!(CacheBehavior::builder().path_pattern(path), self),
        };
        overlay!(self, &mut wire);
        Ok(wire)
    }

    /// Every function that it runs.
    pub(super) fn functions(&self) -> impl Iterator<Item = &String> {
        self.functions.values()
    }

    /// Which answers are cached, those to OPTIONS too or not, is as it was.
    fn write_methods(&self, live: Option<&AllowedMethods>) -> Result<AllowedMethods, BuildError> {
        let wire = |methods: &[Method]| -> Vec<WireMethod> {
            methods.iter().map(|method| method.wire()).collect()
        };
        let methods = wire(&self.methods);
        let cached = live.and_then(|live| live.cached_methods.as_ref());
        let mut cached = cached.map_or_else(|| wire(&reading()), |cached| cached.items.clone());
        cached.retain(|method| methods.contains(method));
        let cached = CachedMethods::builder()
            .quantity(count(&cached))
            .set_items(Some(cached));
        AllowedMethods::builder()
            .quantity(count(&methods))
            .set_items(Some(methods))
            .cached_methods(cached.build()?)
            .build()
    }

    /// Functions of Lambda stand in a list of their own. Whether one reads a request's body is as it was.
    fn write_functions(
        &self,
        live: Option<&LambdaFunctionAssociations>,
    ) -> Result<
        (
            Option<FunctionAssociations>,
            Option<LambdaFunctionAssociations>,
        ),
        BuildError,
    > {
        let (mut functions, mut lambdas) = (Vec::new(), Vec::new());
        for (word, arn) in &self.functions {
            let event = EventType::from(word.replace('_', "-").as_str());
            if is_lambda(arn) {
                let mut before = live.iter().flat_map(|live| live.items());
                let body =
                    before.find(|one| one.event_type == event && one.lambda_function_arn == *arn);
                let one = LambdaFunctionAssociation::builder()
                    .lambda_function_arn(arn)
                    .event_type(event)
                    .include_body(body.is_some_and(|one| one.include_body.unwrap_or_default()));
                lambdas.push(one.build()?);
            } else {
                let one = FunctionAssociation::builder().function_arn(arn);
                functions.push(one.event_type(event).build()?);
            }
        }
        let all = FunctionAssociations::builder().quantity(count(&functions));
        let all = all.set_items((!functions.is_empty()).then_some(functions));
        let all_lambdas = LambdaFunctionAssociations::builder().quantity(count(&lambdas));
        let all_lambdas = all_lambdas.set_items((!lambdas.is_empty()).then_some(lambdas));
        Ok((Some(all.build()?), Some(all_lambdas.build()?)))
    }
}

fn is_lambda(arn: &str) -> bool {
    arn.split(':').nth(2) == Some("lambda")
}

/// What is wrong with a behavior that reads well; `at` is where it stands.
pub(super) fn check(at: &str, want: &Behavior, origins: &[&str], wrong: &mut Vec<Objection>) {
    let field = |name: &str| format!("{at}.{name}");
    match &want.path {
        Some(_) if at == "default_behavior" => {
            let message = "it is for all paths that no other behavior is for";
            wrong.push(Objection::new(field("path"), message).help("leave it out"));
        }
        None if at != "default_behavior" => {
            let message = "for which paths?";
            wrong.push(Objection::new(field("path"), message).help("write path = \"/static/*\""));
        }
        Some(path) if path.is_empty() || path.len() > 255 => {
            let message = "a path has between 1 and 255 characters";
            wrong.push(Objection::new(field("path"), message));
        }
        _ => {}
    }
    if !origins.contains(&want.origin.as_str()) {
        let message = format!("there is no origin `{}`", want.origin);
        let help = format!("`origins` has {}", origins.join(", "));
        wrong.push(Objection::new(field("origin"), message).help(help));
    }
    let methods = ordered(want.methods.iter().copied());
    let sets = [reading(), Method::ALL[..3].to_vec(), Method::ALL.to_vec()];
    if !sets.contains(&methods) {
        let message = "CloudFront lets pass GET and HEAD, those and OPTIONS, or all seven";
        let help = "write methods = [\"GET\", \"HEAD\", \"OPTIONS\", \"PUT\", \"POST\", \"PATCH\", \"DELETE\"]";
        wrong.push(Objection::new(field("methods"), message).help(help));
    }
    let policies = [
        (Policies::Cache, "cache_policy", Some(&want.cache_policy)),
        (
            Policies::OriginRequest,
            "origin_request_policy",
            want.origin_request_policy.as_ref(),
        ),
        (
            Policies::ResponseHeaders,
            "response_headers_policy",
            want.response_headers_policy.as_ref(),
        ),
    ];
    for (policies, name, said) in policies {
        wrong.extend(said.and_then(|said| policies.check(field(name), said)));
    }
    for (event, word, arn) in want.functions.all() {
        let at_origin = matches!(event, EventType::OriginRequest | EventType::OriginResponse);
        let arn = arn.and_then(Late::known);
        if at_origin && arn.is_some_and(|arn| !is_lambda(arn)) {
            let message = "only functions of Lambda run there";
            wrong.push(Objection::new(field(&format!("functions.{word}")), message));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn spec(toml: &str) -> Behavior {
        toml::from_str(toml).unwrap()
    }

    fn form(toml: &str) -> BehaviorForm {
        let mut pen = Pen::default();
        let form = BehaviorForm::wanted(&spec(toml), &mut pen);
        pen.settled("test").unwrap();
        form
    }

    const ALL: &str = r#"
path = "/api/*"
origin = "app"
methods = ["DELETE", "GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH"]
cache_policy = "Managed-CachingDisabled"
origin_request_policy = "216adef6-5c7f-47e4-b989-5492eafa07d3"
response_headers_policy = "SimpleCORS"
compress = false
protocol = "https"
functions = { viewer_request = "arn:aws:cloudfront::1:function/a", origin_request = "arn:aws:lambda:us-east-1:1:function:b:1" }
"#;

    #[test]
    fn a_behavior_comes_back() {
        let full = form(ALL);
        let wire = full.write(&[]).unwrap();
        assert_eq!(BehaviorForm::read(&wire), full);
        assert_eq!(
            wire.cache_policy_id(),
            Some("4135ea2d-6df8-44a3-9df3-4b5a84be39ad")
        );
        let small = form("origin = \"app\"\ncache_policy = \"CachingOptimized\"");
        let wire = small.write_default(None).unwrap();
        assert_eq!(BehaviorForm::read_default(&wire), small);
    }

    #[test]
    fn what_is_usual_is_not_said() {
        let form = form(
            "origin = \"app\"\ncache_policy = \"CachingOptimized\"\nmethods = [\"HEAD\", \"GET\"]",
        );
        assert_eq!(
            serde_json::to_value(&form).unwrap(),
            json!({ "origin": "app", "cache_policy": "CachingOptimized" })
        );
    }

    #[test]
    fn methods_have_no_order() {
        let full = form(ALL);
        let mut wire = full.write(&[]).unwrap();
        wire.allowed_methods.as_mut().unwrap().items.reverse();
        assert_eq!(BehaviorForm::read(&wire), full);
    }

    #[test]
    fn the_old_way_to_say_what_is_cached_goes() {
        let want = form("origin = \"app\"\ncache_policy = \"CachingOptimized\"");
        let mut live = want.write_default(None).unwrap();
        live.cache_policy_id = None;
        #[expect(deprecated, reason = "it is what is tested")]
        {
            live.min_ttl = Some(0);
        }
        assert_ne!(BehaviorForm::read_default(&live), want);
        let wire = want.write_default(Some(&live)).unwrap();
        #[expect(deprecated, reason = "it is what is tested")]
        let ttl = wire.min_ttl;
        assert_eq!(ttl, None);
        assert_eq!(BehaviorForm::read_default(&wire), want);
    }

    #[test]
    fn what_terrace_has_no_word_for_stays() {
        let want = form(ALL);
        let mut live = want.write(&[]).unwrap();
        live.realtime_log_config_arn = Some("arn:aws:cloudfront::1:realtime-log-config/x".into());
        live.lambda_function_associations
            .as_mut()
            .unwrap()
            .items
            .as_mut()
            .unwrap()[0]
            .include_body = Some(true);
        assert_eq!(want.write(&[live.clone()]).unwrap(), live);
    }

    #[test]
    fn mistakes_are_told_all_at_once() {
        let mut wrong = Vec::new();
        let bad = spec(
            r#"
origin = "nowhere"
methods = ["GET"]
cache_policy = "Fast"
functions = { origin_request = "arn:aws:cloudfront::1:function/a" }
"#,
        );
        check("behaviors.0", &bad, &["app"], &mut wrong);
        let fields: Vec<&str> = wrong.iter().map(|wrong| wrong.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "behaviors.0.path",
                "behaviors.0.origin",
                "behaviors.0.methods",
                "behaviors.0.cache_policy",
                "behaviors.0.functions.origin_request",
            ]
        );
        let mut wrong = Vec::new();
        check(
            "default_behavior",
            &spec("origin = \"app\"\ncache_policy = \"CachingOptimized\""),
            &["app"],
            &mut wrong,
        );
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
