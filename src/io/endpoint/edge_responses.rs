//! Detects responses that come from something in front of a service, and not from the service itself.
//!
//! Railway's edge adds its headers to all responses that it forwards, so that the headers alone prove nothing. A
//! service that rejects a key usually responds with JSON; the edge responds with a page or a redirect.

use serde::de::IgnoredAny;

use crate::drift::runtime::EdgeFeature;
use crate::io::cloudflare;
use crate::io::endpoint::{Content, EndpointResponse};

/// The maximum number of bytes of a page that are searched.
const READ: usize = 4096;

/// Text of pages that check a browser.
const CHALLENGES: [&str; 5] = [
    "checking your browser",
    "just a moment",
    "verify you are human",
    "verifying you are human",
    "needs to review the security of your connection",
];

/// Text in the title of a sign-in page.
const SIGN_IN: [&str; 4] = ["sign in", "sign-in", "log in", "login"];

/// Hosts of Railway's own sign-in. The domains of services are below `up.railway.app`.
const RAILWAY: [&str; 4] = ["railway.com", "www.railway.com", "railway.app", "www.railway.app"];

/// How likely a response comes from something in front of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// It looks like a response of the service.
    None,
    /// Only something in front of the service sends such a response.
    Certain(EdgeFeature),
    /// HTTP 429, which Under Attack Mode sends, but services as well. A page that checks a browser comes from the edge.
    Limit {
        /// The feature to report unless Under Attack Mode is known to be on.
        page: Option<EdgeFeature>,
        /// Whether it passed Railway's edge and is not JSON.
        is_doubtful: bool,
    },
    /// A 401, a 403 or a redirect that passed Railway's edge and is not JSON.
    Doubtful,
}

/// The edge settings of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EdgeState {
    Known(EdgeSettings),
    /// They could not be read.
    Unknown,
}

/// Settings of Railway's edge for a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EdgeSettings {
    /// Whether Under Attack Mode is on.
    pub under_attack: bool,
    /// Whether there are edge rules.
    pub has_rules: bool,
}

/// Returns the suspicion from the response alone.
pub fn suspicion(response: &EndpointResponse) -> Suspicion {
    let body = EdgeBody::of(response);
    let (headers, passed_edge) = (&response.head, response.head.passed_edge);
    let is_challenge = headers.is_challenge || body == EdgeBody::Challenge;
    match response.status {
        _ if body == EdgeBody::CloudflareRefusal => Suspicion::Certain(EdgeFeature::Cloudflare),
        300..=399 if headers.location.as_deref().is_some_and(is_sign_in) => Suspicion::Certain(EdgeFeature::SignIn),
        300..=399 if passed_edge => Suspicion::Doubtful,
        429 => Suspicion::Limit {
            page: is_challenge.then_some(EdgeFeature::Challenge),
            is_doubtful: passed_edge && body != EdgeBody::Json,
        },
        _ if headers.is_challenge => Suspicion::Certain(EdgeFeature::Challenge),
        // Any page may contain this text, so the status must match, too.
        403 | 503 if is_challenge && passed_edge => Suspicion::Certain(EdgeFeature::Challenge),
        401 | 403 if passed_edge && body == EdgeBody::SignIn => Suspicion::Certain(EdgeFeature::SignIn),
        401 | 403 if passed_edge && body != EdgeBody::Json => Suspicion::Doubtful,
        _ => Suspicion::None,
    }
}

impl Suspicion {
    /// Returns the feature that sent the response, with the help of the edge settings.
    pub fn feature(self, front: &EdgeState) -> Option<EdgeFeature> {
        let known = if let EdgeState::Known(settings) = front { *settings } else { EdgeSettings::default() };
        let rule = known.has_rules.then_some(EdgeFeature::Rule);
        match self {
            Self::None => None,
            Self::Certain(feature) => Some(feature),
            Self::Limit { .. } if known.under_attack => Some(EdgeFeature::UnderAttackMode),
            Self::Limit { page, is_doubtful } => page.or(rule.filter(|_| is_doubtful)),
            Self::Doubtful => rule,
        }
    }

    /// Returns whether the edge settings are needed to decide.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Limit { .. } | Self::Doubtful)
    }

    /// Returns whether it may come from the edge, although nothing proves it.
    pub fn is_doubtful(self, status: u16) -> bool {
        match self {
            Self::Limit { is_doubtful, .. } => is_doubtful,
            // Services redirect for many reasons.
            Self::Doubtful => matches!(status, 401 | 403),
            Self::None | Self::Certain(_) => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EdgeBody {
    Json,
    /// A page that checks a browser.
    Challenge,
    /// A sign-in page.
    SignIn,
    /// `error code: 1010` and nothing else.
    CloudflareRefusal,
    Other,
}

impl EdgeBody {
    fn of(response: &EndpointResponse) -> Self {
        let body = response.body.as_deref().map(|body| body.trim_ascii()).unwrap_or_default();
        // The response to a HEAD request has no body, and a late body is not read.
        if body.is_empty() && response.head.content == Content::Json {
            return Self::Json;
        }
        if matches!(body.first(), Some(b'{' | b'[')) && serde_json::from_slice::<IgnoredAny>(body).is_ok() {
            return Self::Json;
        }
        let start = String::from_utf8_lossy(&body[..body.len().min(READ)]).to_lowercase();
        if response.status >= 400 && cloudflare::is_error_code_alone(body) {
            return Self::CloudflareRefusal;
        }
        if !start.starts_with('<') && response.head.content != Content::Html {
            return Self::Other;
        }
        let title = start.split_once("<title").and_then(|(_, rest)| rest.split_once("</title>"));
        let title = title.map_or("", |(title, _)| title);
        if CHALLENGES.iter().any(|words| start.contains(words)) {
            Self::Challenge
        } else if title.contains("railway") && SIGN_IN.iter().any(|words| title.contains(words)) {
            Self::SignIn
        } else {
            Self::Other
        }
    }
}

/// Returns whether a redirect leads to Railway's own sign-in.
fn is_sign_in(location: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(location) else { return false };
    let host = url.host_str().unwrap_or_default();
    let is_railways = RAILWAY.contains(&host) || host.ends_with(".railway.com");
    is_railways && matches!(url.scheme(), "http" | "https")
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use crate::drift::runtime::EdgeFeature;
    use crate::io::endpoint::edge_responses::{EdgeSettings, EdgeState, suspicion};
    use crate::io::endpoint::{Content, EndpointHead, EndpointResponse};

    const CHALLENGE: &str = "<!DOCTYPE html><title>Checking your browser</title>";
    const SIGN_IN: &str = "<!doctype html><html><title>Sign in to Railway</title>";
    const REFUSED: &str = r#"{"detail": "Invalid staging API key"}"#;
    const OWN_PAGE: &str = "<html><title>Forbidden</title><h1>CSRF verification failed</h1></html>";

    fn response(status: u16, body: &str, head: EndpointHead) -> EndpointResponse {
        EndpointResponse { status, body: Some(Zeroizing::new(body.as_bytes().to_vec())), head }
    }

    fn passed() -> EndpointHead {
        EndpointHead { passed_edge: true, ..EndpointHead::default() }
    }

    fn to(location: &str) -> EndpointHead {
        EndpointHead { location: Some(location.to_owned()), ..passed() }
    }

    fn settings(under_attack: bool, has_rules: bool) -> EdgeState {
        EdgeState::Known(EdgeSettings { under_attack, has_rules })
    }

    #[test]
    fn identifies_edge_feature_from_evidence() {
        use EdgeFeature::{Challenge, Cloudflare, Rule, SignIn, UnderAttackMode};
        let (off, unknown) = (|| settings(false, false), || EdgeState::Unknown);
        let (attack, rules) = (|| settings(true, false), || settings(false, true));
        let challenged = || EndpointHead { is_challenge: true, ..EndpointHead::default() };
        for (status, body, head, front, expected) in [
            (429, CHALLENGE, passed(), attack(), Some(UnderAttackMode)),
            (429, "", EndpointHead::default(), attack(), Some(UnderAttackMode)),
            (429, REFUSED, passed(), attack(), Some(UnderAttackMode)),
            (429, CHALLENGE, passed(), off(), Some(Challenge)),
            (429, CHALLENGE, EndpointHead::default(), unknown(), Some(Challenge)),
            (429, OWN_PAGE, passed(), rules(), Some(Rule)),
            (429, REFUSED, passed(), rules(), None),
            (429, OWN_PAGE, passed(), off(), None),
            (429, REFUSED, passed(), unknown(), None),
            (302, "", to("https://railway.com/login?next=x"), unknown(), Some(SignIn)),
            (307, "", to("https://backboard.railway.com/oauth/auth"), off(), Some(SignIn)),
            (302, "", to("https://shop.up.railway.app/login"), off(), None),
            (302, "", to("https://railway.com.evil.example/login"), off(), None),
            (302, "", to("https://evil.example/?railway.com/login"), off(), None),
            (302, "", to("/login"), off(), None),
            (302, "", to("/login"), rules(), Some(Rule)),
            (401, SIGN_IN, passed(), off(), Some(SignIn)),
            (403, SIGN_IN, passed(), unknown(), Some(SignIn)),
            (401, SIGN_IN, EndpointHead::default(), unknown(), None),
            (401, "<title>Log in</title>", passed(), off(), None),
            (403, "<title>Status of Railway</title>", passed(), off(), None),
            (404, CHALLENGE, passed(), off(), None),
            (401, "", EndpointHead { content: Content::Json, ..passed() }, rules(), None),
            (403, "", passed(), rules(), Some(Rule)),
            (401, REFUSED, passed(), rules(), None),
            (403, REFUSED, EndpointHead::default(), attack(), None),
            (403, OWN_PAGE, passed(), off(), None),
            (403, OWN_PAGE, passed(), rules(), Some(Rule)),
            (403, "Forbidden", passed(), rules(), Some(Rule)),
            (403, "error code: 1010", EndpointHead::default(), unknown(), Some(Cloudflare)),
            (403, "error code: 42", passed(), off(), None),
            (503, CHALLENGE, passed(), off(), Some(Challenge)),
            (403, "<html>", challenged(), unknown(), Some(Challenge)),
            (500, OWN_PAGE, passed(), rules(), None),
            (404, REFUSED, passed(), attack(), None),
        ] {
            let name = format!("{status} {body:?} {head:?} {front:?}");
            assert_eq!(suspicion(&response(status, body, head)).feature(&front), expected, "{name}");
        }
    }

    #[test]
    fn refusal_without_json_may_come_from_edge() {
        for (status, body, head, expected) in [
            (401, "Unauthorized", passed(), true),
            (403, OWN_PAGE, passed(), true),
            (429, OWN_PAGE, passed(), true),
            (401, REFUSED, passed(), false),
            (401, "Unauthorized", EndpointHead::default(), false),
            (302, "", to("/login"), false),
            (500, OWN_PAGE, passed(), false),
        ] {
            let name = format!("{status} {body:?} {head:?}");
            assert_eq!(suspicion(&response(status, body, head)).is_doubtful(status), expected, "{name}");
        }
    }
}
