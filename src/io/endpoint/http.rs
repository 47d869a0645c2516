//! Requests to services over the network: HTTPS to their public domains, plain HTTP to loopback addresses.

use std::error::Error as StdError;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, Url};
use tokio::runtime::Builder;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use crate::io::certificate_error::certificate_error;
use crate::io::endpoint::{BodyMode, Content, EndpointClient, EndpointHead, EndpointRequest, EndpointResponse};

/// The time limit for making a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// The time limit for a body that is only shown.
const GLANCE: Duration = Duration::from_secs(2);

/// The size limit of a body after decompression, in bytes.
const LONGEST: usize = 1 << 20;

/// Sends requests over the network. It has no access to the Railway token.
#[derive(Clone, Copy, Debug)]
pub struct HttpEndpointClient;

impl EndpointClient for HttpEndpointClient {
    fn send(&self, request: &EndpointRequest<'_>) -> Result<EndpointResponse, String> {
        let url = url(request)?;
        let headers = headers(request)?;
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| "invalid HTTP method".to_owned())?;
        let client = client(request)?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
        runtime.block_on(async {
            let deadline = Instant::now() + request.attempt_timeout;
            let late = |_| format!("no response within {} s", request.attempt_timeout.as_secs().max(1));
            let sent = timeout_at(deadline, client.request(method, url).headers(headers).send()).await.map_err(late)?;
            let mut response = sent.map_err(|error| describe(&error))?;
            let status = response.status().as_u16();
            let head = head(response.headers());
            let body = match (request.is_wanted(status), request.reading) {
                (true, BodyMode::Status) => None,
                (true, BodyMode::Body) => Some(timeout_at(deadline, whole(&mut response)).await.map_err(late)??),
                // The status is already wrong. The body is only shown, and may be missing.
                (false, _) => {
                    let soon = deadline.min(Instant::now() + GLANCE);
                    timeout_at(soon, whole(&mut response)).await.ok().and_then(Result::ok)
                }
            };
            Ok(EndpointResponse { status, body, head })
        })
    }
}

fn client(request: &EndpointRequest<'_>) -> Result<Client, String> {
    // Fails if the provider is already installed, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("railway-doctor/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(CONNECT);
    let builder =
        if request.address.is_loopback() { builder.no_proxy().tls_certs_only([]) } else { builder.https_only(true) };
    builder.build().map_err(|error| innermost(&error))
}

/// Returns the URL. Its parts are checked after parsing, because the path must not be able to change the host.
fn url(request: &EndpointRequest<'_>) -> Result<Url, String> {
    let scheme = if request.address.is_loopback() { "http" } else { "https" };
    let host = request.address.host();
    let invalid = || "the path would change the host".to_owned();
    let base = Url::parse(&format!("{scheme}://{host}/")).map_err(|_| invalid())?;
    let url = Url::parse(&format!("{scheme}://{host}{}", request.path)).map_err(|_| invalid())?;
    let is_same_host = url.origin() == base.origin()
        && url.host_str() == base.host_str()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    if is_same_host && request.path.starts_with('/') { Ok(url) } else { Err(invalid()) }
}

fn headers(request: &EndpointRequest<'_>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "invalid header name".to_owned())?;
        let value = HeaderValue::from_bytes(value.expose().as_bytes());
        let mut value = value.map_err(|_| format!("the value for {name} can't be sent in a header"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

/// Returns the headers that identify the sender.
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
    while let Some(chunk) = response.chunk().await.map_err(|error| describe(&error))? {
        if body.len() + chunk.len() > LONGEST {
            return Err(format!("its response exceeds {} MiB", LONGEST >> 20));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Describes an error. The message of reqwest is not used, because it contains the URL and its query.
fn describe(error: &reqwest::Error) -> String {
    if let Some(reason) = certificate_error(error) {
        return format!("its certificate is not trusted: {reason}");
    }
    let cause = innermost(error);
    if error.is_timeout() && error.is_connect() {
        format!("no connection within {} s", CONNECT.as_secs())
    } else if error.is_connect() {
        format!("no connection: {cause}")
    } else {
        format!("connection lost: {cause}")
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

    fn with_request<R>(path: &str, sent: &[(String, Secret)], read: impl Fn(&EndpointRequest<'_>) -> R) -> R {
        let domain = Domain { name: "shop.up.railway.app".to_owned(), status: DomainStatus::Railways };
        let address = Address::of(&domain, AllowedHosts::Public).unwrap();
        let time_limit = Duration::from_secs(1);
        read(&EndpointRequest {
            address: &address,
            method: "GET",
            path,
            headers: sent,
            status: None,
            reading: BodyMode::Status,
            attempt_timeout: time_limit,
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
            let found = with_request(path, &[], url);
            assert_eq!(found.ok().map(String::from).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn value_cannot_inject_header() {
        for value in ["a\r\nhost: evil.com", "a\nb", "a\0"] {
            let sent = [("x-api-key".to_owned(), Secret::new(value))];
            let found = with_request("/", &sent, headers);
            assert_eq!(found.unwrap_err(), "the value for x-api-key can't be sent in a header");
        }
    }
}
