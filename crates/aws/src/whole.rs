//! Whether an answer is whole. The SDK reads XML that ends early as a shorter list, and a shorter list
//! would be taken for absence (rule R17): seen, where a middleman cuts an answer and gives it a length that
//! fits.

use std::error::Error;
use std::fmt;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

/// A client that takes XML without its end for an answer that broke off.
#[derive(Debug)]
pub(crate) struct Whole {
    inner: SharedHttpClient,
}

impl Whole {
    /// Around another client.
    pub(crate) fn around(inner: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Self { inner })
    }
}

impl HttpClient for Whole {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Reader { inner })
    }
}

#[derive(Debug)]
struct Reader {
    inner: SharedHttpConnector,
}

impl HttpConnector for Reader {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            let kind = answer.headers().get("content-type").unwrap_or_default();
            // Objects are streamed and have kinds of their own; AWS's answers are small.
            if !kind.contains("xml") {
                return Ok(answer);
            }
            let body = ByteStream::new(answer.take_body()).collect().await;
            let body = body.map_err(|error| broken(error.into()))?.into_bytes();
            if !ends(&body) {
                return Err(broken(Box::new(Early)));
            }
            *answer.body_mut() = SdkBody::from(body);
            Ok(answer)
        })
    }
}

/// For an answer that the SDK hands on unread, and whose text ends early.
pub(crate) fn early<E>() -> SdkError<E, HttpResponse> {
    SdkError::dispatch_failure(broken(Box::new(Early)))
}

/// The call was sent, and nobody knows what it did.
fn broken(why: Box<dyn Error + Send + Sync>) -> ConnectorError {
    ConnectorError::other(why, None)
}

#[derive(Debug)]
struct Early;

impl fmt::Display for Early {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer ends early")
    }
}

impl Error for Early {}

/// Whether XML ends with the end of what it begins with. An empty body is whole.
fn ends(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let mut rest = text.trim();
    // What comes before the root: a declaration, a comment.
    while let Some(after) = rest.strip_prefix("<?").or_else(|| rest.strip_prefix("<!")) {
        let Some((_, after)) = after.split_once('>') else {
            return false;
        };
        rest = after.trim_start();
    }
    // What calls itself XML and is none, an empty body above all.
    if !rest.starts_with('<') {
        return true;
    }
    let root = rest.trim_start_matches('<');
    let name = root.split(|c: char| c.is_whitespace() || c == '>' || c == '/');
    let name = name.clone().next().unwrap_or_default();
    let alone = rest.ends_with("/>") && rest.matches('<').count() == 1;
    alone || rest.ends_with(&format!("</{name}>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_answers_are_whole() {
        for text in [
            "",
            "<?xml version=\"1.0\"?>\n<A xmlns=\"x\"><b/></A>\n",
            "<A/>",
            "<?xml version='1.0'?><!-- of AWS --><A></A>",
            "<?xml version=\"1.0\"?>",
            "{\"Version\": \"2012-10-17\"}",
        ] {
            assert!(ends(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn wherever_it_is_cut_it_is_seen() {
        let whole =
            "<?xml version=\"1.0\"?><Vpcs xmlns=\"x\"><item><id>a</id></item><item/></Vpcs>";
        for end in 1..whole.len() {
            // The declaration alone is an answer without a body.
            if end != whole.find("<Vpcs").unwrap_or_default() {
                assert!(!ends(&whole.as_bytes()[..end]), "{}", &whole[..end]);
            }
        }
    }
}
