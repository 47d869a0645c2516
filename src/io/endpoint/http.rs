//! The real way to services: HTTPS to their public domains, plain HTTP to loopback addresses.

use std::error::Error as StdError;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, Url};
use tokio::runtime::Builder;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use crate::io::endpoint::{BodyMode, Content, EndpointClient, EndpointHead, EndpointRequest, EndpointResponse};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a body is waited for that is only shown.
const GLANCE: Duration = Duration::from_secs(2);

/// The longest body that is read, unpacked.
const LONGEST: usize = 1 << 20;

/// Asks over the network. It has no token of Railway's to send.
#[derive(Clone, Copy, Debug)]
pub struct Caller;

impl EndpointClient for Caller {
    fn ask(&self, question: &EndpointRequest<'_>) -> Result<EndpointResponse, String> {
        let url = url(question)?;
        let headers = headers(question)?;
        let method = Method::from_bytes(question.method.as_bytes()).map_err(|_| "its method is none".to_owned())?;
        let client = client(question)?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
        runtime.block_on(async {
            let deadline = Instant::now() + question.patience;
            let late = |_| format!("no answer within {} s", question.patience.as_secs().max(1));
            let sent = timeout_at(deadline, client.request(method, url).headers(headers).send()).await.map_err(late)?;
            let mut response = sent.map_err(|error| why(&error))?;
            let status = response.status().as_u16();
            let head = head(response.headers());
            let body = match (question.is_wanted(status), question.reading) {
                (true, BodyMode::Status) => None,
                (true, BodyMode::Body) => Some(timeout_at(deadline, whole(&mut response)).await.map_err(late)??),
                // The status tells that it is wrong; the body is only shown, and may stay away.
                (false, _) => {
                    let soon = deadline.min(Instant::now() + GLANCE);
                    timeout_at(soon, whole(&mut response)).await.ok().and_then(Result::ok)
                }
            };
            Ok(EndpointResponse { status, body, head })
        })
    }
}

fn client(question: &EndpointRequest<'_>) -> Result<Client, String> {
    // A second call finds the provider in place, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("railway-doctor/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(CONNECT);
    let builder =
        if question.address.is_loopback() { builder.no_proxy().tls_certs_only([]) } else { builder.https_only(true) };
    builder.build().map_err(|error| innermost(&error))
}

/// Returns where it goes, read back: what a parser makes of the text is what counts.
fn url(question: &EndpointRequest<'_>) -> Result<Url, String> {
    let scheme = if question.address.is_loopback() { "http" } else { "https" };
    let host = question.address.host();
    let odd = || "its path leads elsewhere".to_owned();
    let base = Url::parse(&format!("{scheme}://{host}/")).map_err(|_| odd())?;
    let url = Url::parse(&format!("{scheme}://{host}{}", question.path)).map_err(|_| odd())?;
    let is_there = url.origin() == base.origin()
        && url.host_str() == base.host_str()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    if is_there && question.path.starts_with('/') { Ok(url) } else { Err(odd()) }
}

fn headers(question: &EndpointRequest<'_>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in question.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "a header has no name".to_owned())?;
        let sent = HeaderValue::from_bytes(value.expose().as_bytes());
        let mut sent = sent.map_err(|_| format!("the value for {name} can't be sent in a header"))?;
        sent.set_sensitive(true);
        headers.insert(name, sent);
    }
    Ok(headers)
}

/// Returns what shows who answered.
fn head(headers: &HeaderMap) -> EndpointHead {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is = |name: &str, part: &str| text(name).is_some_and(|text| text.to_ascii_lowercase().contains(part));
    EndpointHead {
        passed_edge: is("server", "railway-edge") || text("x-railway-edge").is_some(),
        is_challenge: is("cf-mitigated", "challenge"),
        content: match () {
            () if is("content-type", "html") => Content::Html,
            () if is("content-type", "json") => Content::Json,
            () => Content::Other,
        },
        location: text("location").map(str::to_owned),
    }
}

async fn whole(response: &mut Response) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut body = Zeroizing::new(Vec::new());
    while let Some(chunk) = response.chunk().await.map_err(|error| why(&error))? {
        if body.len() + chunk.len() > LONGEST {
            return Err(format!("its answer is longer than {} MiB, and was not read to its end", LONGEST >> 20));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Its own text is not used: it holds the URL, and with it the query.
fn why(error: &reqwest::Error) -> String {
    let cause = innermost(error);
    if error.is_timeout() && error.is_connect() {
        format!("no connection within {} s", CONNECT.as_secs())
    } else if error.is_connect() {
        format!("no connection: {cause}")
    } else {
        format!("the connection broke: {cause}")
    }
}

fn innermost(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::drift::Secret;
    use crate::io::endpoint::http::{headers, url};
    use crate::io::endpoint::{Address, AllowedHosts, BodyMode, Domain, DomainStatus, EndpointRequest};

    fn asked<R>(path: &str, sent: &[(String, Secret)], look: impl Fn(&EndpointRequest<'_>) -> R) -> R {
        let domain = Domain { name: "shop.up.railway.app".to_owned(), standing: DomainStatus::Railways };
        let address = Address::of(&domain, AllowedHosts::Public).unwrap();
        let patience = Duration::from_secs(1);
        look(&EndpointRequest {
            address: &address,
            method: "GET",
            path,
            headers: sent,
            status: None,
            reading: BodyMode::Status,
            patience,
        })
    }

    #[test]
    fn path_cannot_change_host() {
        for (path, expected) in [
            ("/health?full=1", Some("https://shop.up.railway.app/health?full=1")),
            ("//evil.com/x", Some("https://shop.up.railway.app//evil.com/x")),
            ("/..//evil.com", Some("https://shop.up.railway.app//evil.com")),
            ("/\\evil.com", Some("https://shop.up.railway.app//evil.com")),
            ("/@evil.com", Some("https://shop.up.railway.app/@evil.com")),
            ("@evil.com/", None),
            (".evil.com/", None),
            (":8443/", None),
            (":pass@evil.com/", None),
            ("/#x", None),
            ("", None),
        ] {
            let found = asked(path, &[], url);
            assert_eq!(found.ok().map(String::from).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn value_cannot_inject_header() {
        for value in ["a\r\nhost: evil.com", "a\nb", "a\0"] {
            let sent = [("x-api-key".to_owned(), Secret::new(value))];
            let found = asked("/", &sent, headers);
            assert_eq!(found.unwrap_err(), "the value for x-api-key can't be sent in a header");
        }
    }
}
