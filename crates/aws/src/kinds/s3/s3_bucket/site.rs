//! What a bucket is to browsers: a website, and who may read it from other pages.

use aws_sdk_s3::types::{
    CorsConfiguration, CorsRule, ErrorDocument, IndexDocument, Protocol, RedirectAllRequestsTo,
    WebsiteConfiguration,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use terrace_core::canon::Duration;
use terrace_core::error::Result;
use terrace_core::kind::Objection;

use super::super::shared::{of, there};
use crate::client::Aws;
use crate::door::Op;
use crate::names::invalid;

/// A website that S3 serves by itself, over HTTP only. Its objects must be public.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
// Pages of its own, or another host: what a later stage says takes the place of both.
#[schemars(extend("x-choice" = true))]
pub struct Website {
    /// The page of a folder: `"index.html"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// The page for what is not there: `"404.html"`. Absent: S3's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The host that everybody is sent to instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Redirect>,
}

/// Where everybody is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// The host: `"www.example.com"`.
    pub host: String,
    /// `"http"` or `"https"`. Absent: as they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<RedirectProtocol>,
}

/// By which protocol people are sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RedirectProtocol {
    /// In the clear.
    Http,
    /// Encrypted.
    Https,
}

/// Pages of which other sites may ask the bucket from within a browser. The first that fits holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cors {
    /// Whose pages: `"https://www.example.com"`, `"https://*.example.com"`, `"*"` for all.
    pub origins: Vec<String>,
    /// By which methods: `"GET"`, `"PUT"`, `"POST"`, `"DELETE"`, `"HEAD"`.
    pub methods: Vec<String>,
    /// With which headers of their own; `"*"` for all. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// Which headers of the answer they may see. Absent: the usual ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expose: Vec<String>,
    /// How long a browser remembers that it may. Absent: as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Duration>,
}

/// What is wrong with a website that reads well.
pub(super) fn check(website: Option<&Website>, cors: &[Cors]) -> Vec<Objection> {
    const METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "HEAD"];
    let mut wrong = Vec::new();
    if let Some(website) = website {
        match (&website.index, &website.redirect) {
            (None, None) => {
                let message = "a website has the page of a folder, or sends everybody elsewhere";
                wrong.push(Objection::new("website", message).help("write index = \"index.html\""));
            }
            (Some(_), Some(_)) => {
                let message = "whoever is sent elsewhere sees no page: `index` and `redirect` exclude each other";
                wrong.push(Objection::new("website", message));
            }
            _ => {}
        }
        if website.redirect.is_some() && website.error.is_some() {
            let message = "whoever is sent elsewhere sees no page, so none for errors";
            wrong.push(Objection::new("website.error", message));
        }
    }
    for (place, rule) in cors.iter().enumerate() {
        let known = |method: &&String| !METHODS.contains(&method.as_str());
        if let Some(method) = rule.methods.iter().find(known) {
            let message = format!("`{method}` is none of {}", METHODS.join(", "));
            wrong.push(Objection::new(format!("cors.{place}.methods"), message));
        }
    }
    wrong
}

/// The website as it is, null if there is none.
pub(super) async fn read_website(cx: &Aws, bucket: &str) -> Result<Value> {
    let call = || of!(cx, bucket, get_bucket_website).send();
    let answer = cx.read("s3:GetBucketWebsite", call).await;
    let Some(answer) = there(answer, &["NoSuchWebsiteConfiguration"])? else {
        return Ok(Value::Null);
    };
    let redirect = answer.redirect_all_requests_to.map(|to| Redirect {
        host: to.host_name,
        protocol: to.protocol.map(|protocol| match protocol {
            Protocol::Http => RedirectProtocol::Http,
            _ => RedirectProtocol::Https,
        }),
    });
    let mut website = json!(Website {
        index: answer.index_document.map(|index| index.suffix),
        error: answer.error_document.map(|error| error.key),
        redirect,
    });
    // There is no word for them here, so they differ from what is wanted.
    let rules = answer.routing_rules.unwrap_or_default();
    if !rules.is_empty() {
        website["routing_rules"] = json!(rules.len());
    }
    Ok(website)
}

/// Makes it a website, or none.
pub(super) async fn put_website(cx: &Aws, bucket: &str, want: Option<&Website>) -> Result<()> {
    const ACTION: &str = "s3:PutBucketWebsite";
    let Some(want) = want else {
        let call = || of!(cx, bucket, delete_bucket_website).send();
        return cx
            .mutate(Op::again("s3:DeleteBucketWebsite"), call)
            .await
            .map(drop);
    };
    let wrong = |error| invalid(ACTION, error);
    let index = want
        .index
        .as_ref()
        .map(|page| IndexDocument::builder().suffix(page).build());
    let error = want
        .error
        .as_ref()
        .map(|page| ErrorDocument::builder().key(page).build());
    let redirect = want.redirect.as_ref().map(|to| {
        let protocol = to.protocol.map(|protocol| match protocol {
            RedirectProtocol::Http => Protocol::Http,
            RedirectProtocol::Https => Protocol::Https,
        });
        let redirect = RedirectAllRequestsTo::builder().host_name(&to.host);
        redirect.set_protocol(protocol).build()
    });
    let configuration = WebsiteConfiguration::builder()
        .set_index_document(index.transpose().map_err(wrong)?)
        .set_error_document(error.transpose().map_err(wrong)?)
        .set_redirect_all_requests_to(redirect.transpose().map_err(wrong)?)
        .build();
    let call = || {
        of!(cx, bucket, put_bucket_website)
            .website_configuration(configuration.clone())
            .send()
    };
    cx.mutate(Op::again(ACTION), call).await.map(drop)
}

/// The rules for other sites' pages, in order.
pub(super) async fn read_cors(cx: &Aws, bucket: &str) -> Result<Vec<Cors>> {
    let call = || of!(cx, bucket, get_bucket_cors).send();
    let answer = cx.read("s3:GetBucketCORS", call).await;
    let answer = there(answer, &["NoSuchCORSConfiguration"])?;
    let rules = answer
        .and_then(|answer| answer.cors_rules)
        .unwrap_or_default();
    let live = |rule: CorsRule| Cors {
        origins: rule.allowed_origins,
        methods: rule.allowed_methods,
        headers: rule.allowed_headers.unwrap_or_default(),
        expose: rule.expose_headers.unwrap_or_default(),
        max_age: rule
            .max_age_seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map(Duration::seconds),
    };
    Ok(rules.into_iter().map(live).collect())
}

/// Puts the rules for other sites' pages in force, all of them.
pub(super) async fn put_cors(cx: &Aws, bucket: &str, rules: &[Cors]) -> Result<()> {
    const ACTION: &str = "s3:PutBucketCORS";
    if rules.is_empty() {
        let call = || of!(cx, bucket, delete_bucket_cors).send();
        return cx.mutate(Op::again(ACTION), call).await.map(drop);
    }
    let written = |rule: &Cors| {
        CorsRule::builder()
            .set_allowed_origins(Some(rule.origins.clone()))
            .set_allowed_methods(Some(rule.methods.clone()))
            .set_allowed_headers(Some(rule.headers.clone()).filter(|list| !list.is_empty()))
            .set_expose_headers(Some(rule.expose.clone()).filter(|list| !list.is_empty()))
            .set_max_age_seconds(rule.max_age.map(Duration::as_i32))
            .build()
    };
    let rules = rules
        .iter()
        .map(written)
        .collect::<std::result::Result<Vec<_>, _>>();
    let rules = rules.map_err(|error| invalid(ACTION, error))?;
    let configuration = CorsConfiguration::builder().set_cors_rules(Some(rules));
    let configuration = configuration
        .build()
        .map_err(|error| invalid(ACTION, error))?;
    let call = || {
        of!(cx, bucket, put_bucket_cors)
            .cors_configuration(configuration.clone())
            .send()
    };
    cx.mutate(Op::again(ACTION), call).await.map(drop)
}
