//! The proxy before the emulator, inside our own process: it counts calls and translates errors.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::request::Parts;
use http::uri::{Authority, Scheme, Uri};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::net::sockopt::set_socket_linger;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::call::{Call, is_form};
use crate::fate::{Asked, Fate, Half, Turn, Weather};
use crate::translate::{Fault, is_page, is_readable};
use crate::{Result, SandboxError, client};

/// Why a connection closes without a whole answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(String);

fn failed(why: impl fmt::Display) -> Failure {
    Failure(why.to_string())
}

type Body = BoxBody<Bytes, Failure>;

/// Forms are small; one that is not is no AWS request.
const MOST_FORM: usize = 16 << 20;
/// A page is read whole to be translated.
const MOST_PAGE: usize = 1 << 20;
/// What the weather cuts, or delivers twice, is read whole.
const MOST_WEATHERED: usize = 64 << 20;

/// A proxy on loopback that lasts as long as the value.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

struct Inner {
    upstream: Authority,
    client: Client<HttpConnector, Body>,
    counts: Mutex<BTreeMap<String, u64>>,
    weather: Option<Arc<dyn Weather>>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "before {}", self.upstream)
    }
}

impl Proxy {
    /// Starts one before the emulator at `upstream` (`http://127.0.0.1:4000`).
    pub async fn start(upstream: &str) -> Result<Self> {
        Self::open(upstream, None).await
    }

    /// The same, with a weather that decides what becomes of each call.
    pub async fn in_weather(upstream: &str, weather: Arc<dyn Weather>) -> Result<Self> {
        Self::open(upstream, Some(weather)).await
    }

    async fn open(upstream: &str, weather: Option<Arc<dyn Weather>>) -> Result<Self> {
        let upstream = loopback(upstream)
            .ok_or_else(|| SandboxError::new(format!("`{upstream}` is no emulator's address")))?;
        let deaf = |error| SandboxError::new(format!("the sandbox's proxy cannot listen: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(deaf)?;
        let port = listener.local_addr().map_err(deaf)?.port();
        let counts = Mutex::default();
        let inner = Arc::new(Inner {
            upstream,
            client: client::client(),
            counts,
            weather,
        });
        let serving = tokio::spawn(serve(listener, Arc::clone(&inner)));
        Ok(Self {
            port,
            inner,
            serving,
        })
    }

    /// Where AWS clients reach it.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How often each action was called: `ec2:DescribeVpcs`, the service as the signature names it.
    /// Where an action has no name of its own, its method and path stand for it.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.inner
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Counts from nothing again.
    pub fn forget_counts(&self) {
        self.inner
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The place that an address names, if it is on this machine: nothing here ever speaks to AWS.
fn loopback(address: &str) -> Option<Authority> {
    let uri: Uri = address.parse().ok()?;
    let ip = uri.host()?.parse::<Ipv4Addr>().ok()?;
    (uri.scheme() == Some(&Scheme::HTTP) && ip.is_loopback()).then(|| uri.authority().cloned())?
}

async fn serve(listener: TcpListener, inner: Arc<Inner>) {
    // Dropped with this task, and all connections with it.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file handles, most likely: others will close theirs.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let inner = Arc::clone(&inner);
        // The socket once more: what closes it last decides how the other side learns of it.
        let socket = stream.as_fd().try_clone_to_owned();
        connections.spawn(async move {
            let reset = AtomicBool::new(false);
            let service = service_fn(|request| inner.meet(request, &reset));
            // An error here is the client's hanging up, or ours on purpose.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
            if let (true, Ok(socket)) = (reset.into_inner(), socket) {
                // Without time to linger, closing is a reset.
                let _ = set_socket_linger(&socket, Some(Duration::ZERO));
            }
        });
    }
}

impl Inner {
    /// One request there and back, in whatever weather. An error closes the connection without an
    /// answer, as the emulator did to us.
    async fn meet(
        &self,
        request: Request<Incoming>,
        reset: &AtomicBool,
    ) -> Result<Response<Body>, Failure> {
        let (head, body) = request.into_parts();
        let body = if is_form(&head.headers) {
            let form = Limited::new(body, MOST_FORM).collect().await;
            let form = form.map_err(failed)?.to_bytes();
            let call = Call::read(&head, Some(&form));
            (call, whole(form))
        } else {
            (Call::read(&head, None), body.map_err(failed).boxed())
        };
        let (call, body) = body;
        self.count(&call);
        // What is said to the emulator itself is no call of AWS's.
        let spared = head.uri.path().starts_with("/terrace/");
        let Some(weather) = self.weather.as_ref().filter(|_| !spared) else {
            return self.pass(head, body, &call).await;
        };
        let asked = Asked::of(&call);
        let Fate { wait, turn } = weather.before(&asked);
        tokio::time::sleep(wait).await;
        match turn {
            Turn::Refuse(refusal) => {
                let mut answer = Fault::of_weather(&refusal).answer(call.protocol);
                let date = refusal.date.as_deref().map(HeaderValue::from_str);
                if let Some(date) = date.transpose().map_err(failed)? {
                    answer.headers_mut().insert(header::DATE, date);
                }
                return Ok(answer.map(whole));
            }
            Turn::LoseBefore => return Err(failed(LOST)),
            _ => {}
        }
        let answer = if turn == Turn::Twice {
            let body = read(body).await?;
            let first = self.pass(head.clone(), whole(body.clone()), &call).await?;
            read(first.into_body()).await?;
            self.pass(head, whole(body), &call).await?
        } else {
            self.pass(head, body, &call).await?
        };
        weather.after(&asked, answer.status().as_u16());
        match turn {
            Turn::LoseAfter => Err(failed(LOST)),
            Turn::Reset => {
                reset.store(true, Ordering::Relaxed);
                Err(failed(LOST))
            }
            Turn::Cut | Turn::CutClean => cut(answer, &turn).await,
            _ => Ok(answer),
        }
    }

    async fn pass(
        &self,
        mut head: Parts,
        body: Body,
        call: &Call,
    ) -> Result<Response<Body>, Failure> {
        let path = head.uri.path_and_query().cloned();
        let mut uri = http::uri::Parts::default();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(self.upstream.clone());
        uri.path_and_query =
            Some(path.unwrap_or_else(|| http::uri::PathAndQuery::from_static("/")));
        head.uri = Uri::from_parts(uri).map_err(failed)?;
        // `Host` stays, as S3 may name its bucket there, and `Authorization`: the emulator finds
        // service and region in it.
        drop_hops(&mut head.headers);
        head.headers.remove(header::EXPECT);

        let answer = match self.client.request(Request::from_parts(head, body)).await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => {
                let fault = Fault::gone(self.upstream.as_str());
                return Ok(fault.answer(call.protocol).map(whole));
            }
            Err(error) => return Err(failed(error)),
        };
        readable(call, answer).await
    }

    fn count(&self, call: &Call) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(call.name()).or_default() += 1;
    }
}

/// Why a connection closes without an answer.
const LOST: &str = "the weather lost the answer";

async fn read(body: Body) -> Result<Bytes, Failure> {
    let read = Limited::new(body, MOST_WEATHERED).collect().await;
    Ok(read.map_err(failed)?.to_bytes())
}

/// Half an answer. One that has no body to be cut is lost.
async fn cut(answer: Response<Body>, turn: &Turn) -> Result<Response<Body>, Failure> {
    let (mut head, body) = answer.into_parts();
    let body = read(body).await?;
    if body.len() < 2 {
        return Err(failed(LOST));
    }
    if *turn == Turn::CutClean {
        let half = body.slice(..body.len() / 2);
        head.headers
            .insert(header::CONTENT_LENGTH, half.len().into());
        return Ok(Response::from_parts(head, whole(half)));
    }
    head.headers
        .insert(header::CONTENT_LENGTH, body.len().into());
    Ok(Response::from_parts(
        head,
        Half::of(&body).map_err(failed).boxed(),
    ))
}

/// The answer, with a page of HTML translated.
async fn readable(call: &Call, answer: Response<Incoming>) -> Result<Response<Body>, Failure> {
    let (mut head, body) = answer.into_parts();
    drop_hops(&mut head.headers);
    let kind = head
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let html = kind.is_some_and(|kind| kind.starts_with("text/html"));
    let refused = head.status.is_client_error() || head.status.is_server_error();
    if !html || !refused {
        return Ok(Response::from_parts(head, body.map_err(failed).boxed()));
    }
    let page = Limited::new(body, MOST_PAGE).collect().await;
    let page = page.map_err(failed)?.to_bytes();
    if is_page(&page) || head.status.is_server_error() && !is_readable(&page) {
        let fault = Fault::of_page(call, head.status, &page);
        return Ok(fault.answer(call.protocol).map(whole));
    }
    Ok(Response::from_parts(head, whole(page)))
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes)
        .map_err(|never: Infallible| match never {})
        .boxed()
}

/// What concerns one connection only, and not the next.
fn drop_hops(headers: &mut HeaderMap) {
    const HOPS: [HeaderName; 6] = [
        header::CONNECTION,
        HeaderName::from_static("keep-alive"),
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        header::TE,
        header::UPGRADE,
    ];
    for name in HOPS {
        headers.remove(name);
    }
}
