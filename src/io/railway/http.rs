//! The real transport: HTTPS to Railway, or plain HTTP to a literal loopback address that the user typed.

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
use crate::io::os;
use crate::io::railway::transport::{
    ConcurrentTransport, HttpRequest, HttpResponse, OTHER_HEADERS, PostOutcome, Scheme, Transport, TransportFailure,
};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// More than any environment of Railway's comes to: a thousand services with a hundred variables are less than half of it.
pub(super) const LONGEST_ANSWER: usize = 16 << 20;

/// The headers that Railway or its edge may tell a limit in.
const RATE_HEADERS: [&str; 2] = ["ratelimit-policy", "x-ratelimit-limit"];

/// Where requests go: one of Railway's own hosts, or a loopback address. Nothing else can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
    host: String,
    kind: EndpointKind,
}

/// Whether a token may be sent in clear and a proxy is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndpointKind {
    Railway,
    Loopback,
}

impl Endpoint {
    /// Railway itself. `source` in the query string keeps Cloudflare from taking the client for a bot.
    pub fn railway(host: &str) -> Self {
        Self {
            url: format!("https://{host}/graphql/v2?source=railway-doctor"),
            host: host.to_owned(),
            kind: EndpointKind::Railway,
        }
    }

    /// What `--api-url` names: a literal loopback address and nothing else, so that no token can be led astray.
    pub fn loopback(url: &str) -> Result<Self, Error> {
        let refuse = |why: &str| Error::Flag {
            flag: "--api-url",
            // Without the password that may be in it.
            value: Redactor::default().redact(url),
            cause: why.to_owned(),
            help: "give a loopback address: `--api-url=http://127.0.0.1:8099/graphql/v2`".to_owned(),
        };
        let parsed = reqwest::Url::parse(url).map_err(|_| refuse("it is no URL"))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(refuse("only http and https are spoken"));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() || parsed.fragment().is_some() {
            return Err(refuse("it may hold neither a user nor a fragment"));
        }
        let host = parsed.host_str().unwrap_or_default();
        let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        if !address.is_some_and(|address| address.is_loopback()) {
            return Err(refuse("a token is sent to Railway's own hosts and to literal loopback addresses only"));
        }
        let host = match parsed.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self { url: parsed.into(), host, kind: EndpointKind::Loopback })
    }

    /// The host, with its port where it is a loopback address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is a loopback address, for which stored logins are not used.
    pub fn is_loopback(&self) -> bool {
        self.kind == EndpointKind::Loopback
    }
}

/// HTTP to one endpoint. A clone uses the same connections.
#[derive(Clone, Debug)]
pub struct Http(pub(super) Rc<Connections>);

/// A client with one connection pool, and the one thread that drives it.
#[derive(Debug)]
pub(super) struct Connections {
    endpoint: Endpoint,
    client: Client,
    /// Whether the last answer came over a connection that many requests can share.
    over_http2: Cell<bool>,
    /// There until the end.
    runtime: Option<Runtime>,
}

impl Drop for Connections {
    /// A name that is still being looked up can't be called back, and nobody waits for it.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Http {
    /// Makes the client; nothing is sent yet.
    pub fn new(endpoint: Endpoint) -> Result<Self, Error> {
        // A second call finds the provider in place, which is as good.
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
            // No certificate will be looked at, so none need be installed.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| no_certificates(&endpoint.host, &error))?;
        // A name is looked up on a thread of its own.
        os::probe_threads(1).map_err(|why| Error::System {
            what: "can't start a thread to reach Railway".to_owned(),
            cause: why,
            help: "raise the limit on processes and threads (`ulimit -u`), or close other programs".to_owned(),
        })?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| Error::System {
            what: "can't start the network".to_owned(),
            cause: error.to_string(),
            help: "close some programs or raise the limit on open files, then run it again".to_owned(),
        })?;
        Ok(Self(Rc::new(Connections { endpoint, client, over_http2: Cell::default(), runtime: Some(runtime) })))
    }
}

impl Connections {
    /// The request with that body; nothing is sent yet.
    pub(super) fn request(&self, outgoing: &HttpRequest<'_>, body: Body) -> Result<RequestBuilder, TransportFailure> {
        let (name, text) = match outgoing.scheme {
            Scheme::Bearer => (AUTHORIZATION, Zeroizing::new(format!("Bearer {}", outgoing.token.expose()))),
            Scheme::Project => {
                (HeaderName::from_static("project-access-token"), Zeroizing::new(outgoing.token.expose().to_owned()))
            }
        };
        let mut token =
            HeaderValue::from_str(&text).map_err(|_| TransportFailure::NotSent("the token is no header".to_owned()))?;
        token.set_sensitive(true);
        let request = self.client.post(&self.endpoint.url).header(name, token);
        Ok(request.header(CONTENT_TYPE, "application/json").header(ACCEPT, "application/json").body(body))
    }

    /// Sends, waits, and remembers what kind of connection it was.
    pub(super) fn exchange(&self, runtime: &Runtime, request: RequestBuilder, patience: Duration) -> PostOutcome {
        runtime.block_on(within(patience, async {
            let response = sent(request).await?;
            self.over_http2.set(response.version() == Version::HTTP_2);
            read(response, LONGEST_ANSWER).await
        }))
    }

    pub(super) fn runtime(&self) -> Result<&Runtime, TransportFailure> {
        self.runtime.as_ref().ok_or_else(|| TransportFailure::NotSent("the network was stopped".to_owned()))
    }

    /// Whether no TLS is spoken.
    pub(super) fn is_plain(&self) -> bool {
        self.endpoint.url.starts_with("http:")
    }

    /// Whether the last response came over a connection that many requests can share.
    pub(super) fn last_was_http2(&self) -> bool {
        self.over_http2.get()
    }
}

impl Transport for Http {
    fn post(&self, request: &HttpRequest<'_>) -> PostOutcome {
        let Self(connections) = self;
        let built = connections.request(request, request.body.to_owned().into())?;
        connections.exchange(connections.runtime()?, built, request.patience)
    }

    fn concurrent(&self) -> Option<&dyn ConcurrentTransport> {
        Some(self)
    }

    fn host(&self) -> &str {
        &self.0.endpoint.host
    }
}

/// No longer than that.
pub(super) async fn within(patience: Duration, exchange: impl Future<Output = PostOutcome>) -> PostOutcome {
    tokio::time::timeout(patience, exchange).await.unwrap_or(Err(TransportFailure::TimedOut))
}

/// Sends, up to the head of the answer.
pub(super) async fn sent(request: RequestBuilder) -> Result<Response, TransportFailure> {
    request.send().await.map_err(|error| failure(&error))
}

/// Reads head and body, the body up to the limit.
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
        make_room(&mut reply.body, chunk.len());
        reply.body.extend_from_slice(&chunk);
    }
    Ok(reply)
}

/// Doubles the room as vectors do, but never beyond the limit: what is cleared on drop is all of it.
fn make_room(body: &mut Vec<u8>, more: usize) {
    let wanted = body.len() + more;
    if wanted > body.capacity() {
        let room = wanted.max((2 * body.capacity()).min(LONGEST_ANSWER));
        body.reserve_exact(room - body.len());
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The failure behind a reqwest error. Its own text is not used: it holds the URL, and the innermost cause says more.
fn failure(error: &reqwest::Error) -> TransportFailure {
    let cause = innermost(error);
    if let Some(certificate) = certificate(error) {
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

/// What rustls says of the certificate, if that is what went wrong.
fn certificate(error: &reqwest::Error) -> Option<String> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(rustls::Error::InvalidCertificate(reason)) = cause.downcast_ref() {
            return Some(reason.to_string());
        }
        // The source of an `io::Error` is that of the error inside it, which would skip the one that matters.
        let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    None
}

fn innermost(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// The only way in which a client can't be made: no root certificates, as in an empty container.
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
