//! A declared request to a domain that Railway reports for the service, and to nothing else.

mod allowed_hosts;
mod edge_responses;
mod http;
mod json_body;

use std::time::Duration;

use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::drift::model::finding::Excerpt;
use crate::drift::redact::Redactor;
use crate::drift::runtime::EndpointOutcome;
use crate::io::config::JsonPresence;
pub use crate::io::endpoint::allowed_hosts::{Address, AllowedHosts, choose};
pub use crate::io::endpoint::edge_responses::{EdgeSettings, Front, Suspicion, suspicion};
pub use crate::io::endpoint::http::Caller;

/// How long an answer is waited for, if the run has that much time.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A domain that Railway reports for a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// The name, as Railway writes it.
    pub name: String,
    /// Whose it is.
    pub standing: DomainStatus,
}

/// Whose a domain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainStatus {
    /// Railway's, given to the service.
    Railways,
    /// Somebody's own, and Railway has seen that it leads to the service.
    Verified,
    /// Somebody's own, and nobody has seen where it leads.
    Unverified,
}

#[derive(Debug)]
pub struct EndpointRequest<'q> {
    /// Where it goes.
    pub address: &'q Address,
    /// `GET`.
    pub method: &'q str,
    /// Path and query; starts with one `/`.
    pub path: &'q str,
    /// Names, and values that may be local ones.
    pub headers: &'q [(String, Secret)],
    /// The status that is wanted, if one is.
    pub status: Option<u16>,
    /// Whether the body of an answer with that status matters.
    pub reading: BodyMode,
    /// How long all of it may take.
    pub patience: Duration,
}

/// Whether a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyMode {
    /// It is held against what is declared.
    Body,
    /// The status tells all.
    Status,
}

/// What came back.
#[derive(Debug)]
pub struct EndpointResponse {
    pub status: u16,
    /// The body, if all of it was read; cleared on drop, because it may hold anything.
    pub body: Option<Zeroizing<Vec<u8>>>,
    /// What its headers show.
    pub head: EndpointHead,
}

/// What the headers of a response show of who sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointHead {
    /// Whether it passed Railway's edge: `Server: railway-edge`, `X-Railway-Edge`.
    pub passed_edge: bool,
    /// Whether it says that it checks the browser: `CF-Mitigated: challenge`.
    pub is_challenge: bool,
    /// What it says that its body is.
    pub content: Content,
    /// `Location` of a redirect, which is not followed.
    pub location: Option<String>,
}

/// The type of a body, by `Content-Type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// A page.
    Html,
    /// JSON of any kind.
    Json,
    /// Anything else.
    #[default]
    Other,
}

impl EndpointRequest<'_> {
    /// Returns whether that status is as wanted.
    pub fn is_wanted(&self, status: u16) -> bool {
        self.status.is_none_or(|wanted| wanted == status)
    }
}

/// The way to services.
pub trait EndpointClient {
    /// Asks once; an error is why no answer came, as a phrase.
    fn ask(&self, question: &EndpointRequest<'_>) -> Result<EndpointResponse, String>;
}

/// The most of a body that is shown, in characters.
const SHOWN: usize = 300;

/// Returns whether a response is as declared.
pub fn is_as_declared(answer: &EndpointOutcome, question: &EndpointRequest<'_>) -> bool {
    matches!(answer, EndpointOutcome::Came { status, faults, .. } if faults.is_empty() && question.is_wanted(*status))
}

/// Returns what a request came to, held against what is declared.
pub fn judge(
    heard: Result<EndpointResponse, String>,
    question: &EndpointRequest<'_>,
    json: &[(&str, &JsonPresence)],
    scrubber: &Redactor,
) -> EndpointOutcome {
    let domain = question.address.host().to_owned();
    match heard {
        Err(why) => EndpointOutcome::None { domain, why: scrubber.redact(&why) },
        Ok(EndpointResponse { status, body, .. }) => {
            let is_wanted = question.is_wanted(status);
            let held = || body.as_ref().map(|body| json_body::faults(body, json)).unwrap_or_default();
            let faults = if is_wanted && !json.is_empty() { held() } else { Vec::new() };
            let is_right = is_wanted && faults.is_empty();
            let body = body.filter(|body| !is_right && !body.is_empty());
            let excerpt = |body: &[u8]| Excerpt {
                text: scrubber.excerpt(&String::from_utf8_lossy(body), SHOWN),
                bytes: body.len(),
            };
            EndpointOutcome::Came { domain, status, faults, body: body.map(|body| excerpt(&body)), may_be_edge: false }
        }
    }
}
