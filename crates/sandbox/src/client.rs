//! The few HTTP calls that we make ourselves, to loopback.

use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// A client that knows of no proxy.
pub(crate) fn client<B>() -> Client<HttpConnector, B>
where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
{
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(Duration::from_secs(5)));
    // One connection a call, and each call once: what happens to it is ours to see.
    Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .retry_canceled_requests(false)
        .build(connector)
}

/// Calls and reads the answer, of which a mebibyte at most is wanted.
pub(crate) async fn call(
    method: Method,
    url: &str,
    patience: Duration,
) -> Result<(StatusCode, String), String> {
    let work = async {
        let request = Request::builder()
            .method(method)
            .uri(url)
            .body(Empty::<Bytes>::new())
            .map_err(|error| error.to_string())?;
        let answer = client()
            .request(request)
            .await
            .map_err(|error| error.to_string())?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, 1 << 20)
            .collect()
            .await
            .map_err(|error| error.to_string())?;
        Ok((
            head.status,
            String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        ))
    };
    tokio::time::timeout(patience, work)
        .await
        .unwrap_or_else(|_| Err(format!("no answer in {} seconds", patience.as_secs())))
}
