//! Turns what no AWS client can read, a page of HTML, into an error in the client's own protocol.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use hyper::body::Bytes;

use crate::call::{Call, Protocol};
use crate::fate::Refusal;

/// An error as AWS would put it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Fault {
    /// What an HTML page of the emulator's means.
    pub(crate) fn of_page(call: &Call, status: StatusCode, page: &[u8]) -> Self {
        let text = plain(&String::from_utf8_lossy(page));
        let name = call.name();
        // A path that it does not serve is as little implemented as an action that it does not know.
        let missing = status.is_client_error()
            || ["NotImplementedError", "not been implemented"]
                .iter()
                .any(|word| text.contains(word));
        if missing {
            let message = format!("the sandbox's emulator does not know {name}: {text}");
            // A client error: a client would try a server's again.
            return Self::new(StatusCode::BAD_REQUEST, "NotImplemented", &message);
        }
        let message = format!("the sandbox's emulator failed at {name}: {text}");
        Self::new(status, "InternalError", &message)
    }

    /// What it means that the emulator cannot be reached.
    pub(crate) fn gone(upstream: &str) -> Self {
        let message = format!("no emulator answers at {upstream}: the sandbox is stopped");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailable",
            &message,
        )
    }

    /// What the weather answers in the service's place.
    pub(crate) fn of_weather(refusal: &Refusal) -> Self {
        Self::new(refusal.status, refusal.code, &refusal.message)
    }

    fn new(status: StatusCode, code: &'static str, message: &str) -> Self {
        Self {
            status,
            code,
            message: message.chars().take(1000).collect(),
        }
    }

    /// The answer that the caller's SDK reads it from.
    pub(crate) fn answer(&self, protocol: Protocol) -> Response<Bytes> {
        let (code, message) = (self.code, escaped(&self.message));
        let id = "<RequestId>sandbox</RequestId>";
        let error = format!("<Code>{code}</Code><Message>{message}</Message>");
        let (kind, body) = match protocol {
            Protocol::Ec2 => {
                let id = "<RequestID>sandbox</RequestID>";
                let error = format!("<Errors><Error>{error}</Error></Errors>");
                (
                    "text/xml",
                    format!("{XML}<Response>{error}{id}</Response>").into_bytes(),
                )
            }
            Protocol::Query | Protocol::RestXml => {
                let side = if self.status.is_server_error() {
                    "Receiver"
                } else {
                    "Sender"
                };
                let error = format!("<Error><Type>{side}</Type>{error}</Error>");
                (
                    "text/xml",
                    format!("{XML}<ErrorResponse>{error}{id}</ErrorResponse>").into_bytes(),
                )
            }
            Protocol::S3 => (
                "application/xml",
                format!("{XML}<Error>{error}{id}</Error>").into_bytes(),
            ),
            Protocol::Json => ("application/x-amz-json-1.1", self.json()),
            Protocol::RestJson => ("application/json", self.json()),
            Protocol::Cbor => ("application/cbor", self.cbor()),
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(
            HeaderName::from_static("x-amzn-requestid"),
            HeaderValue::from_static("sandbox"),
        );
        headers.insert(
            HeaderName::from_static("x-amzn-errortype"),
            HeaderValue::from_static(code),
        );
        if protocol == Protocol::Cbor {
            let name = HeaderName::from_static("smithy-protocol");
            headers.insert(name, HeaderValue::from_static("rpc-v2-cbor"));
        }
        let mut answer = Response::new(Bytes::from(body));
        *answer.status_mut() = self.status;
        *answer.headers_mut() = headers;
        answer
    }

    fn json(&self) -> Vec<u8> {
        serde_json::json!({ "__type": self.code, "message": self.message })
            .to_string()
            .into_bytes()
    }

    fn cbor(&self) -> Vec<u8> {
        let mut body = vec![0xa2];
        for text in ["__type", self.code, "message", &self.message] {
            // A text's head holds its length in two bytes; messages are cut to far less.
            let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
            body.push(0x79);
            body.extend_from_slice(&length.to_be_bytes());
            body.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
        }
        body
    }
}

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";

/// Whether it is a page for people.
pub(crate) fn is_page(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    [&b"<!doctype"[..], b"<html"].iter().any(|mark| {
        start
            .get(..mark.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(mark))
    })
}

/// Whether it is XML or JSON after all: moto calls much `text/html` that is none.
pub(crate) fn is_readable(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    !is_page(body) && (start.starts_with(b"<") || start.starts_with(b"{"))
}

/// The words of a page, at most 500 characters of them.
fn plain(page: &str) -> String {
    let mut text = String::new();
    let mut tag = false;
    for c in page.chars() {
        match c {
            '<' => tag = true,
            '>' if tag => {
                tag = false;
                text.push(' ');
            }
            _ if !tag => text.push(c),
            _ => {}
        }
    }
    let text = text
        .replace("&#39;", "'")
        .replace("&quot;", "\"")
        .replace("&lt;", "<");
    let text = text.replace("&gt;", ">").replace("&amp;", "&");
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(500).collect()
}

fn escaped(text: &str) -> String {
    // What XML has no place for at all is left out.
    let text: String = text
        .chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .collect();
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
