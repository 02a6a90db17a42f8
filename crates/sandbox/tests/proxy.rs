//! What the proxy passes on, counts and translates.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use terrace_sandbox::Proxy;
use tokio::net::TcpListener;

const PAGE: &str = "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n\
    <p>It broke &amp; is sorry</p>";
const GAP: &str =
    "<html><p>NotImplementedError: The Frob action has not been implemented</p></html>";

/// What reached the emulator's place.
#[derive(Clone, Debug)]
struct Seen {
    method: Method,
    uri: String,
    headers: HeaderMap,
    body: Bytes,
}

/// Answers with what the request's `x-answer` says: status, content type, body.
pub(crate) struct Upstream {
    pub(crate) address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let theirs = Arc::clone(&seen);
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let seen = Arc::clone(&theirs);
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(request, Arc::clone(&seen)));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            address,
            seen,
            serving,
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(
    request: Request<Incoming>,
    seen: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let wish = head
        .headers
        .get("x-answer")
        .map(|wish| wish.to_str().unwrap().to_owned());
    let (method, uri, headers) = (head.method, head.uri.to_string(), head.headers);
    seen.lock().unwrap().push(Seen {
        method,
        uri,
        headers,
        body,
    });
    let mut parts = wish
        .as_deref()
        .unwrap_or("200|text/xml|fine")
        .splitn(3, '|');
    let (status, kind, body) = (
        parts.next().unwrap(),
        parts.next().unwrap(),
        parts.next().unwrap(),
    );
    let body = match body {
        "page" => PAGE,
        "gap" => GAP,
        body => body,
    };
    let answer = Response::builder()
        .status(status)
        .header("content-type", kind);
    Ok(answer
        .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
        .unwrap())
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

async fn ask(
    proxy: &Proxy,
    service: &str,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Answer> {
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=00"
    );
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", proxy.endpoint()))
        .header("authorization", scope);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
    let (head, body) = client
        .request(request.body(body).unwrap())
        .await
        .ok()?
        .into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    Some(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
    })
}

const FORM: (&str, &str) = (
    "content-type",
    "application/x-www-form-urlencoded; charset=utf-8",
);
const BROKEN: (&str, &str) = ("x-answer", "500|text/html; charset=utf-8|page");
const MISSING: (&str, &str) = ("x-answer", "500|text/html; charset=utf-8|gap");

#[tokio::test]
async fn passes_all_on() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::start(&upstream.address).await.unwrap();
    let body = "x".repeat(3_000_000);
    let headers = [
        ("x-amz-meta-color", "blue"),
        ("host", "shop.localhost"),
        ("if-none-match", "*"),
    ];
    let answer = ask(
        &proxy,
        "s3",
        ("PUT", "/b/a%20key/deep?x-id=PutObject"),
        &headers,
        &body,
    )
    .await;
    assert_eq!(answer.unwrap().text(), "fine");
    let seen = upstream.last();
    assert_eq!(
        (seen.method.as_str(), seen.uri.as_str()),
        ("PUT", "/b/a%20key/deep?x-id=PutObject")
    );
    assert_eq!(seen.headers["host"], "shop.localhost");
    assert_eq!(seen.headers["if-none-match"], "*");
    assert!(
        seen.headers["authorization"]
            .to_str()
            .unwrap()
            .contains("/s3/aws4_request")
    );
    assert_eq!(seen.headers["content-length"], "3000000");
    assert_eq!(seen.body.len(), 3_000_000);
}

#[tokio::test]
async fn counts_by_service_and_action() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::start(&upstream.address).await.unwrap();
    let get = |path| ("GET", path);
    for _ in 0..2 {
        ask(
            &proxy,
            "ec2",
            ("POST", "/"),
            &[FORM],
            "Action=DescribeVpcs&Version=2016-11-15",
        )
        .await;
    }
    ask(
        &proxy,
        "rds",
        ("POST", "/"),
        &[FORM],
        "Version=1&Action=CreateDBInstance",
    )
    .await;
    ask(
        &proxy,
        "ssm",
        ("POST", "/"),
        &[("x-amz-target", "AmazonSSM.GetParameter")],
        "{}",
    )
    .await;
    let cbor = "/service/GraniteServiceVersion20100801/operation/DescribeAlarms";
    ask(
        &proxy,
        "monitoring",
        ("POST", cbor),
        &[("smithy-protocol", "rpc-v2-cbor")],
        "",
    )
    .await;
    ask(&proxy, "s3", get("/b/k?x-id=GetObject"), &[], "").await;
    ask(&proxy, "s3", ("PUT", "/b"), &[], "").await;
    ask(&proxy, "s3", ("PUT", "/b/?versioning"), &[], "").await;
    ask(&proxy, "s3", ("HEAD", "/b/deep/key"), &[], "").await;
    ask(&proxy, "s3", get("/"), &[], "").await;
    ask(
        &proxy,
        "cloudfront",
        ("PUT", "/2020-05-31/distribution/E12AB/config"),
        &[],
        "",
    )
    .await;
    ask(
        &proxy,
        "cloudfront",
        ("POST", "/2020-05-31/tagging?Operation=Tag&Resource=a"),
        &[],
        "",
    )
    .await;
    ask(
        &proxy,
        "route53",
        ("POST", "/2013-04-01/hostedzone/Z1/rrset/"),
        &[],
        "",
    )
    .await;
    ask(
        &proxy,
        "route53",
        get("/2013-04-01/tags/hostedzone/Z1"),
        &[],
        "",
    )
    .await;
    let expected = [
        ("cloudfront:POST /tagging?Tag", 1),
        ("cloudfront:PUT /distribution/{}/config", 1),
        ("ec2:DescribeVpcs", 2),
        ("monitoring:DescribeAlarms", 1),
        ("rds:CreateDBInstance", 1),
        ("route53:GET /tags/{}/{}", 1),
        ("route53:POST /hostedzone/{}/rrset", 1),
        ("s3:GET /", 1),
        ("s3:GetObject", 1),
        ("s3:HEAD /{bucket}/{key}", 1),
        ("s3:PUT /{bucket}", 1),
        ("s3:PUT /{bucket}?versioning", 1),
        ("ssm:GetParameter", 1),
    ];
    let expected: BTreeMap<_, _> = expected
        .map(|(name, count)| (name.to_owned(), count))
        .into();
    assert_eq!(proxy.counts(), expected);
    proxy.forget_counts();
    assert!(proxy.counts().is_empty());
}

#[tokio::test]
async fn a_page_becomes_an_error_of_the_protocol() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::start(&upstream.address).await.unwrap();

    let body = "Action=Frob&Version=2016-11-15";
    let answer = ask(&proxy, "ec2", ("POST", "/"), &[FORM, MISSING], body)
        .await
        .unwrap();
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (400, "text/xml")
    );
    assert_eq!(
        answer.text(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Errors><Error><Code>NotImplemented</Code>\
         <Message>the sandbox's emulator does not know ec2:Frob: NotImplementedError: The Frob action \
         has not been implemented</Message></Error></Errors><RequestID>sandbox</RequestID></Response>"
    );

    let body = "Action=Frob&Version=1";
    let answer = ask(&proxy, "iam", ("POST", "/"), &[FORM, BROKEN], body)
        .await
        .unwrap();
    assert_eq!(answer.status, 500);
    assert_eq!(
        answer.text(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ErrorResponse><Error><Type>Receiver</Type>\
         <Code>InternalError</Code><Message>the sandbox's emulator failed at iam:Frob: 500 Internal \
         Server Error It broke &amp; is sorry</Message></Error><RequestId>sandbox</RequestId>\
         </ErrorResponse>"
    );

    let target = ("x-amz-target", "AmazonSSM.Frob");
    let answer = ask(&proxy, "ssm", ("POST", "/"), &[target, MISSING], "{}")
        .await
        .unwrap();
    assert_eq!(
        (answer.status, answer.header("x-amzn-errortype")),
        (400, "NotImplemented")
    );
    let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(json["__type"], "NotImplemented");
    assert!(json["message"].as_str().unwrap().contains("ssm:Frob"));

    let path = "/service/GraniteServiceVersion20100801/operation/Frob";
    let answer = ask(&proxy, "monitoring", ("POST", path), &[MISSING], "")
        .await
        .unwrap();
    assert_eq!(
        (answer.status, answer.header("smithy-protocol")),
        (400, "rpc-v2-cbor")
    );
    assert!(
        answer.body.starts_with(
            b"\xa2\x79\x00\x06__type\x79\x00\x0eNotImplemented\x79\x00\x07message\x79"
        )
    );

    let answer = ask(&proxy, "s3", ("PUT", "/b?frob"), &[MISSING], "")
        .await
        .unwrap();
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (400, "application/xml")
    );
    assert!(
        answer
            .text()
            .contains("?><Error><Code>NotImplemented</Code>"),
        "{}",
        answer.text()
    );

    let path = "/2020-05-31/frob/E1";
    let answer = ask(&proxy, "cloudfront", ("GET", path), &[BROKEN], "")
        .await
        .unwrap();
    assert!(
        answer.text().contains("<ErrorResponse><Error><Type>"),
        "{}",
        answer.text()
    );

    let answer = ask(
        &proxy,
        "lambda",
        ("GET", "/2015-03-31/functions/f"),
        &[BROKEN],
        "",
    )
    .await
    .unwrap();
    assert_eq!(
        (answer.status, answer.header("x-amzn-errortype")),
        (500, "InternalError")
    );
    assert_eq!(answer.header("content-type"), "application/json");

    // A path that nobody serves.
    let page = ("x-answer", "404|text/html|page");
    let answer = ask(&proxy, "cloudfront", ("GET", path), &[page], "")
        .await
        .unwrap();
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("<Code>NotImplemented</Code>"));
}

#[tokio::test]
async fn what_can_be_read_stays_as_it_is() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::start(&upstream.address).await.unwrap();
    for wish in [
        "200|text/html; charset=utf-8|<html>a web site's page</html>",
        "404|text/html; charset=utf-8|<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>",
        "500|text/html; charset=utf-8|<ErrorResponse/>",
        "503|text/xml|<Error><Code>SlowDown</Code></Error>",
        "404|text/html; charset=utf-8|",
    ] {
        let (status, rest) = wish.split_once('|').unwrap();
        let headers = [("x-answer", wish)];
        let answer = ask(&proxy, "s3", ("GET", "/b/k"), &headers, "")
            .await
            .unwrap();
        assert_eq!(answer.status.to_string(), status);
        assert_eq!(answer.text(), rest.split_once('|').unwrap().1);
    }
}

#[tokio::test]
async fn says_when_the_emulator_is_gone_and_ends_with_its_value() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::start(&upstream.address).await.unwrap();
    drop(upstream);
    tokio::task::yield_now().await;
    let answer = ask(&proxy, "ec2", ("POST", "/"), &[FORM], "Action=DescribeVpcs")
        .await
        .unwrap();
    assert_eq!(answer.status, 503);
    assert!(
        answer.text().contains("<Code>ServiceUnavailable</Code>"),
        "{}",
        answer.text()
    );

    let address = proxy.endpoint().trim_start_matches("http://").to_owned();
    drop(proxy);
    for _ in 0..100 {
        if tokio::net::TcpStream::connect(&address).await.is_err() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the proxy still listens");
}

#[tokio::test]
async fn a_cut_connection_is_passed_on_as_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let cutting = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut some = [0; 64];
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut some).await;
        }
    });
    let proxy = Proxy::start(&address).await.unwrap();
    assert!(
        ask(&proxy, "ec2", ("POST", "/"), &[FORM], "Action=CreateVpc")
            .await
            .is_none()
    );
    assert_eq!(proxy.counts()["ec2:CreateVpc"], 1);
    cutting.abort();
}

#[tokio::test]
async fn an_address_on_loopback_is_wanted() {
    for address in [
        "nonsense",
        "https://127.0.0.1:1",
        "http://ec2.eu-west-1.amazonaws.com",
    ] {
        let error = Proxy::start(address).await.unwrap_err();
        assert!(
            error.to_string().contains("no emulator's address"),
            "{error}"
        );
    }
}
