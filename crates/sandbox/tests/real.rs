//! The emulator itself, where it can be installed.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use terrace_sandbox::{Home, Proxy, Sandbox};

use crate::stage;

async fn call(endpoint: &str, service: &str, body: &str) -> (u16, String) {
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/{service}/aws4_request, \
         SignedHeaders=host, Signature=00"
    );
    let request = Request::post(endpoint)
        .header("authorization", scope)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (head, body) = client.request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (
        head.status.as_u16(),
        String::from_utf8_lossy(&body).into_owned(),
    )
}

#[tokio::test]
async fn serves_aws_through_the_proxy() {
    let home = Home::at(stage::shared_folder());
    let sandbox = Sandbox::private(&home, &stage::quiet).await.unwrap();
    let proxy = Proxy::start(&sandbox.endpoint()).await.unwrap();

    let create = "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.7.0.0/16";
    let (status, text) = call(&proxy.endpoint(), "ec2", create).await;
    assert!(
        status == 200 && text.contains("10.7.0.0/16"),
        "{status} {text}"
    );
    let describe = "Action=DescribeVpcs&Version=2016-11-15";
    assert!(
        call(&proxy.endpoint(), "ec2", describe)
            .await
            .1
            .contains("10.7.0.0/16")
    );
    let (status, text) = call(&proxy.endpoint(), "iam", "Action=Frob&Version=2010-05-08").await;
    assert!(
        (400..500).contains(&status) && text.contains("<Code>"),
        "{status} {text}"
    );

    let cbor = "cloudwatch.cbor";
    sandbox.turn_off(cbor).await.unwrap();
    let known = sandbox.corrections().await.unwrap();
    assert!(
        known.iter().any(|known| known.name == cbor && !known.on),
        "{known:?}"
    );
    sandbox.turn_on(cbor).await.unwrap();
    assert!(
        sandbox
            .corrections()
            .await
            .unwrap()
            .iter()
            .all(|known| known.on)
    );
    let error = sandbox.turn_off("no.such").await.unwrap_err();
    assert!(error.to_string().contains("no such correction"), "{error}");

    sandbox.set_pace(0.1).await.unwrap();
    sandbox.reset().await.unwrap();
    assert!(
        !call(&proxy.endpoint(), "ec2", describe)
            .await
            .1
            .contains("10.7.0.0/16")
    );
    assert_eq!(proxy.counts()["ec2:DescribeVpcs"], 2);
    sandbox.stop().await.unwrap();
}

/// The corrections' own tests, in plain boto3, in the environment that users get: each passes with the
/// corrections, and fails on moto alone, where it would prove nothing.
#[tokio::test]
async fn the_corrections_prove_themselves() {
    let home = Home::at(stage::shared_folder());
    let python = home.python(&stage::quiet).await.unwrap();
    let since = Instant::now();
    let output = tokio::process::Command::new(python)
        .args(["-m", "tests.contrast"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("emulator"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_mins(20), output)
        .await
        .unwrap()
        .unwrap();
    let table = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "after {:?}:\n{table}{said}",
        since.elapsed()
    );
    assert!(table.contains(" tests, 0 wrong; "), "{table}");
}
