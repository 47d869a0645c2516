//! The network transport: HTTPS to Railway, or plain HTTP to a literal loopback address from `--api-url`.

use std::cell::Cell;
use std::error::Error as StdError;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Body, Client, RequestBuilder, Response, Version};
use tokio::runtime::{Builder, Runtime};
use zeroize::Zeroizing;

use crate::drift::redact::Redactor;
use crate::error::Error;
use crate::io::certificate_error::certificate_error;
use crate::io::os;
use crate::io::railway::transport::{
    ConcurrentTransport, HttpRequest, HttpResponse, OTHER_HEADERS, PostOutcome, Scheme, Transport, TransportFailure,
};

/// The time limit for making a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// The size limit of a response, in bytes. A thousand services with a hundred variables each need less than half of it.
pub(super) const LONGEST_ANSWER: usize = 16 << 20;

/// The headers in which Railway or its edge state a rate limit.
const RATE_HEADERS: [&str; 2] = ["ratelimit-policy", "x-ratelimit-limit"];

/// The destination of requests: one of Railway's own hosts, or a loopback address. No other can be constructed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
    host: String,
    kind: EndpointKind,
}

/// A loopback address may get the token over plain HTTP, and never through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndpointKind {
    Railway,
    Loopback,
}

impl Endpoint {
    /// Returns the endpoint of Railway's API on this host. Without `source` in the query string, Cloudflare may treat
    /// the client as a bot.
    pub fn railway(host: &str) -> Self {
        Self {
            url: format!("https://{host}/graphql/v2?source=railway-doctor"),
            host: host.to_owned(),
            kind: EndpointKind::Railway,
        }
    }

    /// Parses the argument of `--api-url`. Only literal loopback addresses are accepted, so that the token can't be
    /// sent to another host.
    pub fn loopback(url: &str) -> Result<Self, Error> {
        let refuse = |cause: &str| Error::Usage {
            // The URL may contain a password.
            what: format!("invalid --api-url `{}`", Redactor::default().redact(url)),
            cause: Some(cause.to_owned()),
            help: "use a loopback address such as `--api-url=http://127.0.0.1:8099/graphql/v2`".into(),
        };
        let parsed = reqwest::Url::parse(url).map_err(|_| refuse("not a URL"))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(refuse("the scheme must be http or https"));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() || parsed.fragment().is_some() {
            return Err(refuse("a user name, a password or a fragment is not allowed"));
        }
        let host = parsed.host_str().unwrap_or_default();
        let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        if !address.is_some_and(|address| address.is_loopback()) {
            return Err(refuse("tokens are sent to Railway's own hosts and to literal loopback addresses only"));
        }
        let host = match parsed.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self { url: parsed.into(), host, kind: EndpointKind::Loopback })
    }

    /// Returns the host, with the port if it is a loopback address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the URL of `--api-url`; `None` for Railway's own host.
    pub fn api_url(&self) -> Option<&str> {
        self.is_loopback().then_some(&self.url)
    }

    /// Returns whether it is a loopback address. Stored logins are not used with one.
    pub fn is_loopback(&self) -> bool {
        self.kind == EndpointKind::Loopback
    }
}

/// HTTP to one endpoint. Clones share the connections.
#[derive(Clone, Debug)]
pub struct Http(pub(super) Rc<Connections>);

/// A client with one connection pool, and the one thread that drives it.
#[derive(Debug)]
pub(super) struct Connections {
    endpoint: Endpoint,
    client: Client,
    /// Whether the last response came over a connection that many requests can share.
    over_http2: Cell<bool>,
    /// `Some` until it is dropped.
    runtime: Option<Runtime>,
}

impl Drop for Connections {
    /// Does not wait for a DNS lookup that is still running, because it can't be cancelled.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Http {
    /// Creates the client; nothing is sent yet.
    pub fn new(endpoint: Endpoint) -> Result<Self, Error> {
        // Fails if the provider is already installed, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("railway-doctor/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT);
        builder = match endpoint.kind {
            EndpointKind::Railway => builder.https_only(true),
            EndpointKind::Loopback => builder.no_proxy(),
        };
        if endpoint.url.starts_with("http:") {
            // Without TLS, the system needs no root certificates.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| no_certificates(&endpoint.host, &error))?;
        // DNS lookups run on a separate thread.
        os::probe_threads(1).map_err(|cause| Error::System {
            what: "could not start a network thread".to_owned(),
            cause,
            help: "raise the limit on processes and threads (`ulimit -u`), or close other programs".into(),
        })?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| Error::System {
            what: "could not start the network runtime".to_owned(),
            cause: error.to_string(),
            help: "raise the limit on open files (`ulimit -n`), or close other programs".into(),
        })?;
        Ok(Self(Rc::new(Connections { endpoint, client, over_http2: Cell::default(), runtime: Some(runtime) })))
    }
}

impl Connections {
    /// Builds a request with this body; nothing is sent yet.
    pub(super) fn request(&self, outgoing: &HttpRequest<'_>, body: Body) -> Result<RequestBuilder, TransportFailure> {
        let (name, text) = match outgoing.scheme {
            Scheme::Bearer => (AUTHORIZATION, Zeroizing::new(format!("Bearer {}", outgoing.token.expose()))),
            Scheme::Project => {
                (HeaderName::from_static("project-access-token"), Zeroizing::new(outgoing.token.expose().to_owned()))
            }
        };
        let mut token = HeaderValue::from_str(&text)
            .map_err(|_| TransportFailure::NotSent("the token is not a valid header value".to_owned()))?;
        token.set_sensitive(true);
        let request = self.client.post(&self.endpoint.url).header(name, token);
        Ok(request.header(CONTENT_TYPE, "application/json").header(ACCEPT, "application/json").body(body))
    }

    /// Sends a request, waits for the response, and records the HTTP version of the connection.
    pub(super) fn exchange(&self, runtime: &Runtime, request: RequestBuilder, time_limit: Duration) -> PostOutcome {
        runtime.block_on(within(time_limit, async {
            let response = sent(request).await?;
            self.over_http2.set(response.version() == Version::HTTP_2);
            read(response, LONGEST_ANSWER).await
        }))
    }

    pub(super) fn runtime(&self) -> Result<&Runtime, TransportFailure> {
        self.runtime.as_ref().ok_or_else(|| TransportFailure::NotSent("the network runtime has stopped".to_owned()))
    }

    /// Returns whether the endpoint has no TLS.
    pub(super) fn is_plain(&self) -> bool {
        self.endpoint.url.starts_with("http:")
    }

    /// Returns whether the last response came over a connection that many requests can share.
    pub(super) fn last_was_http2(&self) -> bool {
        self.over_http2.get()
    }
}

impl Transport for Http {
    fn post(&self, request: &HttpRequest<'_>) -> PostOutcome {
        let Self(connections) = self;
        let built = connections.request(request, request.body.to_owned().into())?;
        connections.exchange(connections.runtime()?, built, request.time_limit)
    }

    fn concurrent(&self) -> Option<&dyn ConcurrentTransport> {
        Some(self)
    }

    fn host(&self) -> &str {
        &self.0.endpoint.host
    }
}

/// Runs an exchange with a time limit.
pub(super) async fn within(time_limit: Duration, exchange: impl Future<Output = PostOutcome>) -> PostOutcome {
    tokio::time::timeout(time_limit, exchange).await.unwrap_or(Err(TransportFailure::TimedOut))
}

/// Sends a request, and reads the head of the response.
pub(super) async fn sent(request: RequestBuilder) -> Result<Response, TransportFailure> {
    request.send().await.map_err(|error| failure(&error))
}

/// Reads the head and the body of a response. A body over the limit is an error.
pub(super) async fn read(mut response: Response, limit: usize) -> PostOutcome {
    let headers = response.headers();
    let text = |name: &str| header(headers, name);
    let mut reply = HttpResponse {
        status: response.status().as_u16(),
        retry_after: text(RETRY_AFTER.as_str()),
        rate: RATE_HEADERS.iter().filter_map(|&name| Some((name.to_owned(), text(name)?))).collect(),
        location: text(LOCATION.as_str()),
        date: text(DATE.as_str()).and_then(|date| DateTimeParser::new().parse_timestamp(&date).ok()),
        content_type: text(CONTENT_TYPE.as_str()),
        others: OTHER_HEADERS.iter().filter_map(|&name| Some((name.to_owned(), text(name)?))).collect(),
        body: Zeroizing::new(Vec::new()),
    };
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
        if reply.body.len() + chunk.len() > limit {
            return Err(TransportFailure::TooLong);
        }
        grow(&mut reply.body, chunk.len());
        reply.body.extend_from_slice(&chunk);
    }
    Ok(reply)
}

/// Doubles the capacity as vectors do, but never beyond the limit, because the whole capacity is zeroed on drop.
fn grow(body: &mut Vec<u8>, more: usize) {
    let wanted = body.len() + more;
    if wanted > body.capacity() {
        let capacity = wanted.max((2 * body.capacity()).min(LONGEST_ANSWER));
        body.reserve_exact(capacity - body.len());
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Classifies a reqwest error. Its message is not used: it contains the URL and is less specific than the innermost
/// cause.
fn failure(error: &reqwest::Error) -> TransportFailure {
    let cause = innermost(error);
    if let Some(certificate) = certificate_error(error) {
        TransportFailure::Certificate(certificate)
    } else if error.is_timeout() && error.is_connect() {
        TransportFailure::NotSent(format!("no connection within {} s", CONNECT.as_secs()))
    } else if error.is_timeout() {
        TransportFailure::TimedOut
    } else if error.is_connect() {
        TransportFailure::NotSent(cause)
    } else {
        TransportFailure::Broken(cause)
    }
}

fn innermost(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Returns the error for missing root certificates, as in an empty container: the only reason why a client can't be
/// built.
fn no_certificates(host: &str, error: &reqwest::Error) -> Error {
    Error::NoRootCertificates { host: host.to_owned(), cause: innermost(error) }
}

#[cfg(test)]
mod tests {
    use crate::io::railway::http::Endpoint;

    #[test]
    fn accepts_only_literal_loopback_addresses() {
        for url in ["http://127.0.0.1:8099/graphql/v2", "http://127.8.9.1/x", "https://[::1]:1/graphql/v2"] {
            assert!(Endpoint::loopback(url).is_ok(), "{url}");
        }
        for url in [
            "http://localhost:8099/",
            "https://backboard.railway.com/graphql/v2",
            "http://127.0.0.1.example.com/",
            "http://127.0.0.1@example.com/",
            "http://user@127.0.0.1/",
            "http://0.0.0.0/",
            "http://[::ffff:10.0.0.1]/",
            "ftp://127.0.0.1/",
            "127.0.0.1:8099",
            "",
        ] {
            assert!(Endpoint::loopback(url).is_err(), "{url}");
        }
    }
}
