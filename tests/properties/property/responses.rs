//! Whatever Railway answers, a run ends with an exit code of its own, a word, and nothing that a terminal obeys.

use std::cell::Cell;
use std::rc::Rc;

use railway_doctor::io::endpoint::{EndpointClient, EndpointRequest, EndpointResponse};
use railway_doctor::io::railway::transport::{HttpRequest, HttpResponse, Transport, TransportFailure};
use zeroize::Zeroizing;

use super::sandbox::{Ended, Place};

/// Long enough for whatever the clock does, which jumps.
const VERBS: [(u8, &[&str]); 8] = [
    (b'c', &["check", "--format", "text"]),
    (b'j', &["check", "--format", "json", "-v"]),
    (b'n', &["check", "--project", "shop", "--environment", "staging"]),
    (b'f', &["fix", "--push", "--yes", "--only", "A"]),
    (b'p', &["fix", "--pull", "--yes", "--only", "B"]),
    (b'm', &["matrix"]),
    (b'a', &["auth", "status"]),
    (b'h', &["hook", "run"]),
];

/// Ids that need not be looked up.
const VARIABLES: [(&str, &str); 3] =
    [("RAILWAY_API_TOKEN", "token"), ("RAILWAY_PROJECT_ID", "p"), ("RAILWAY_ENVIRONMENT_ID", "e")];

/// The input is a letter for the verb, and the answers, one behind the other with a NUL between: a digit for the status, and
/// the body.
pub fn hold(data: &[u8]) {
    let (verb, rest) = data.split_first().unwrap_or((&b'c', b""));
    let words = VERBS.iter().find(|(letter, _)| letter == verb).map_or(VERBS[0].1, |(_, words)| words);
    let place = Place::with(&VARIABLES);
    let path = place.work().join(".env");
    let place = place.file(&path, b"A=1\nB=two words\n");
    played(&place, words, rest.split(|byte| *byte == 0).map(canned).collect());
}

/// Runs it with these answers; afterwards nobody answers.
pub(super) fn played(place: &Place, words: &[&str], replies: Vec<Canned>) -> Ended {
    let words: Vec<&str> = words.iter().copied().chain(["--api-url=http://127.0.0.1:1/graphql/v2"]).collect();
    let replies = Rc::new(replies);
    place.run(&words, &|| Box::new(Cans { replies: Rc::clone(&replies), next: Cell::default() }), &Nobody)
}

/// One answer.
pub(super) struct Canned {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

fn canned(piece: &[u8]) -> Canned {
    let (first, body) = piece.split_first().unwrap_or((&b'0', b""));
    let status = match first {
        b'0'..=b'3' => 200,
        b'4' => 401,
        b'5' => 400,
        b'6' => 429,
        b'7' => 302,
        b'8' => 503,
        b'9' => 413,
        _ => u16::from(*first) + 300,
    };
    Canned { status, body: body.to_vec() }
}

struct Cans {
    replies: Rc<Vec<Canned>>,
    next: Cell<usize>,
}

impl Transport for Cans {
    fn post(&self, _: &HttpRequest<'_>) -> Result<HttpResponse, TransportFailure> {
        let canned = self.replies.get(self.next.replace(self.next.get() + 1)).ok_or(TransportFailure::TimedOut)?;
        let text = String::from_utf8_lossy(&canned.body).into_owned();
        Ok(HttpResponse {
            status: canned.status,
            retry_after: None,
            rate: Vec::new(),
            location: Some(text.clone()),
            date: None,
            content_type: None,
            others: ["server", "cf-ray", "x-trace-id"].map(|name| (name.to_owned(), text.clone())).into(),
            body: Zeroizing::new(canned.body.clone()),
        })
    }

    fn host(&self) -> &'static str {
        "canned"
    }
}

/// No service answers.
struct Nobody;

impl EndpointClient for Nobody {
    fn ask(&self, _: &EndpointRequest<'_>) -> Result<EndpointResponse, String> {
        Err("nobody answered".to_owned())
    }
}
