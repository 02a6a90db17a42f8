//! What a request asks for: of which service, which action, in which protocol.

use http::request::Parts;
use http::{HeaderMap, header};

/// How a client writes its request, and reads an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// A form in, XML out, with EC2's own errors.
    Ec2,
    /// A form in, XML out.
    Query,
    /// JSON both ways, the action in a header.
    Json,
    /// JSON both ways, the action in method and path.
    RestJson,
    /// XML both ways, the action in method and path.
    RestXml,
    /// S3: the same, but an error has nothing around it.
    S3,
    /// CBOR both ways, the action in the path.
    Cbor,
}

/// A request, as far as counts and errors care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// By the signature: `ec2`, `monitoring`; `unsigned` without one.
    pub(crate) service: String,
    /// `DescribeVpcs`, or `PUT /{bucket}` where only method and path say it.
    pub(crate) action: String,
    pub(crate) protocol: Protocol,
}

impl Call {
    /// `form` is the body, where it is a form.
    pub(crate) fn read(head: &Parts, form: Option<&[u8]>) -> Self {
        let service = service(head);
        let path = head.uri.path();
        let (action, protocol) = if let Some(action) = form.and_then(form_action) {
            (
                action,
                if service == "ec2" {
                    Protocol::Ec2
                } else {
                    Protocol::Query
                },
            )
        } else if let Some(target) = text(&head.headers, "x-amz-target") {
            (
                target.rsplit('.').next().unwrap_or(target).to_owned(),
                Protocol::Json,
            )
        } else if let Some(operation) = cbor_operation(path) {
            (operation.to_owned(), Protocol::Cbor)
        } else if let Some(action) = query(head, "Action").filter(|_| form.is_none()) {
            (
                action,
                if service == "ec2" {
                    Protocol::Ec2
                } else {
                    Protocol::Query
                },
            )
        } else {
            match service.as_str() {
                "s3" | "unsigned" => (s3_action(head), Protocol::S3),
                "route53" | "cloudfront" | "s3control" => (rest_action(head), Protocol::RestXml),
                _ => (rest_action(head), Protocol::RestJson),
            }
        };
        Self {
            service,
            action,
            protocol,
        }
    }

    /// `ec2:DescribeVpcs`.
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.service, self.action)
    }
}

/// Whether the body is a form, which is small and names the action.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    text(headers, header::CONTENT_TYPE.as_str())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

/// The signature's scope is `key/date/region/service/aws4_request`.
fn service(head: &Parts) -> String {
    let credential = text(&head.headers, header::AUTHORIZATION.as_str())
        .and_then(|value| value.split("Credential=").nth(1)?.split([',', ' ']).next())
        .map(str::to_owned)
        .or_else(|| {
            Some(
                query(head, "X-Amz-Credential")?
                    .replace("%2F", "/")
                    .replace("%2f", "/"),
            )
        });
    credential
        .and_then(|scope| scope.rsplit('/').nth(1).map(str::to_owned))
        .filter(|service| !service.is_empty())
        .unwrap_or_else(|| "unsigned".into())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// A parameter of the URL, as it stands there.
fn query(head: &Parts, name: &str) -> Option<String> {
    pairs(head)
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

fn pairs(head: &Parts) -> impl Iterator<Item = (&str, &str)> {
    let query = head.uri.query().unwrap_or_default();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn form_action(form: &[u8]) -> Option<String> {
    let action = form
        .split(|byte| *byte == b'&')
        .find_map(|pair| pair.strip_prefix(b"Action="))?;
    // Actions are plain words.
    Some(String::from_utf8_lossy(action).into_owned())
}

fn cbor_operation(path: &str) -> Option<&str> {
    path.strip_prefix("/service/")?
        .split_once("/operation/")
        .map(|(_, operation)| operation)
}

/// `GetObject` where the SDK says so, else `PUT /{bucket}?tagging`.
fn s3_action(head: &Parts) -> String {
    if let Some(action) = query(head, "x-id").filter(|action| !action.is_empty()) {
        return action;
    }
    let shape = match head.uri.path().trim_start_matches('/').split_once('/') {
        None if head.uri.path() == "/" => "/",
        None | Some((_, "")) => "/{bucket}",
        Some(_) => "/{bucket}/{key}",
    };
    // What of the bucket or object is meant stands alone in the query.
    let mut part = pairs(head)
        .filter(|(_, value)| value.is_empty())
        .map(|(key, _)| key);
    match part.next() {
        Some(part) => format!("{} {shape}?{part}", head.method),
        None => format!("{} {shape}", head.method),
    }
}

/// `PUT /distribution/{}/config`: collections and ids take turns, after the version.
fn rest_action(head: &Parts) -> String {
    let segments = head
        .uri
        .path()
        .split('/')
        .filter(|segment| !segment.is_empty());
    let is_version = |segment: &str| {
        segment.len() == 10 && segment.chars().all(|c| c.is_ascii_digit() || c == '-')
    };
    let is_word = |segment: &str| segment.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let mut shape = String::new();
    for (place, segment) in segments
        .skip_while(|segment| is_version(segment))
        .enumerate()
    {
        shape.push('/');
        shape.push_str(if place % 2 == 0 && is_word(segment) {
            segment
        } else {
            "{}"
        });
    }
    let shape = if shape.is_empty() { "/".into() } else { shape };
    // CloudFront's `tagging?Operation=Tag`.
    match query(head, "Operation") {
        Some(operation) => format!("{} {shape}?{operation}", head.method),
        None => format!("{} {shape}", head.method),
    }
}
