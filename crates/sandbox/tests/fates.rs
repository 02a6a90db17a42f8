//! What the weather may do to a call at the proxy.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use terrace_sandbox::{Asked, Fate, Proxy, Refusal, Turn, Weather};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::proxy::Upstream;

/// The same fate for every call, and what was told of them.
struct Always {
    fate: Fate,
    told: Mutex<Vec<String>>,
}

impl Weather for Always {
    fn before(&self, call: &Asked) -> Fate {
        let reads = if call.reads { "look" } else { "act" };
        let line = format!("before {} ({reads})", call.name());
        self.told.lock().unwrap().push(line);
        self.fate.clone()
    }

    fn after(&self, call: &Asked, status: u16) {
        let line = format!("after {} {status}", call.name());
        self.told.lock().unwrap().push(line);
    }
}

/// What came back over the wire, and how it ended.
struct Wire {
    text: String,
    end: Result<(), ErrorKind>,
    told: Vec<String>,
    acted: usize,
}

async fn met(fate: impl Into<Fate>, service: &str, action: &str) -> Wire {
    let upstream = Upstream::start().await;
    let weather = Arc::new(Always {
        fate: fate.into(),
        told: Mutex::default(),
    });
    let proxy = Proxy::in_weather(&upstream.address, weather.clone())
        .await
        .unwrap();
    let address = proxy.endpoint().replace("http://", "");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let form = format!("Action={action}&Version=1");
    let request = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-answer: 200|text/xml|<a>whole</a>\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=A/20260101/eu-west-1/{service}/aws4_request\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).await;
    let told = weather.told.lock().unwrap().clone();
    Wire {
        text: String::from_utf8(bytes).unwrap(),
        end: end.map(drop).map_err(|error| error.kind()),
        told,
        acted: upstream.count(),
    }
}

#[tokio::test]
async fn calm_passes_and_tells() {
    let wire = met(Turn::Pass, "ec2", "DescribeVpcs").await;
    assert!(wire.text.ends_with("<a>whole</a>"), "{}", wire.text);
    let told = [
        "before ec2:DescribeVpcs (look)",
        "after ec2:DescribeVpcs 200",
    ];
    assert_eq!(wire.told, told);
}

#[tokio::test]
async fn an_answer_is_lost_before_or_after_the_act() {
    let before = met(Turn::LoseBefore, "ec2", "CreateVpc").await;
    assert_eq!((before.text.as_str(), before.acted), ("", 0));
    assert_eq!(before.told, ["before ec2:CreateVpc (act)"]);
    let after = met(Turn::LoseAfter, "ec2", "CreateVpc").await;
    assert_eq!((after.text.as_str(), after.acted), ("", 1));
    assert_eq!(after.end, Ok(()));
    assert_eq!(after.told.len(), 2);
}

#[tokio::test]
async fn a_connection_is_reset() {
    let wire = met(Turn::Reset, "ec2", "CreateVpc").await;
    assert_eq!(wire.end, Err(ErrorKind::ConnectionReset));
    assert_eq!(wire.acted, 1);
}

#[tokio::test]
async fn an_answer_is_cut() {
    let wire = met(Turn::Cut, "ec2", "DescribeVpcs").await;
    assert!(
        wire.text.contains("content-length: 12\r\n"),
        "{}",
        wire.text
    );
    assert!(wire.text.ends_with("\r\n\r\n<a>who"), "{}", wire.text);
    let clean = met(Turn::CutClean, "ec2", "DescribeVpcs").await;
    assert!(
        clean.text.contains("content-length: 6\r\n"),
        "{}",
        clean.text
    );
    assert!(clean.text.ends_with("\r\n\r\n<a>who"), "{}", clean.text);
}

#[tokio::test]
async fn a_call_is_delivered_twice() {
    let wire = met(Turn::Twice, "ec2", "CreateVpc").await;
    assert!(wire.text.ends_with("<a>whole</a>"), "{}", wire.text);
    assert_eq!(wire.acted, 2);
}

#[tokio::test]
async fn refusals_speak_as_their_service_does() {
    let call = |service: &str| Asked {
        service: service.to_owned(),
        action: "CreateThing".to_owned(),
        reads: false,
    };
    for (service, refusal, status, words) in [
        (
            "ec2",
            Refusal::throttled(&call("ec2")),
            "503",
            "<Response><Errors><Error><Code>RequestLimitExceeded</Code>",
        ),
        (
            "rds",
            Refusal::throttled(&call("rds")),
            "400",
            "<Code>Throttling</Code><Message>Rate exceeded",
        ),
        (
            "iam",
            Refusal::broken(&call("iam")),
            "500",
            "<Type>Receiver</Type><Code>InternalFailure</Code>",
        ),
        (
            "ec2",
            Refusal::denied(&call("ec2")),
            "403",
            "<Code>UnauthorizedOperation</Code>",
        ),
    ] {
        let wire = met(Turn::Refuse(refusal), service, "CreateThing").await;
        let head = format!("HTTP/1.1 {status} ");
        assert!(wire.text.starts_with(&head), "{}", wire.text);
        assert!(wire.text.contains(words), "{}", wire.text);
        assert_eq!(wire.acted, 0);
    }
}

#[tokio::test]
async fn a_call_is_held_up() {
    let fate = Fate {
        wait: Duration::from_millis(80),
        turn: Turn::Pass,
    };
    let since = Instant::now();
    met(fate, "ec2", "DescribeVpcs").await;
    assert!(since.elapsed() >= Duration::from_millis(80));
}
