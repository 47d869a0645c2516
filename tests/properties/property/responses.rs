//! Any response of Railway: a run ends with one of doctor's exit codes, a message, and no control characters.

use std::cell::Cell;
use std::rc::Rc;

use railway_doctor::io::endpoint::{EndpointClient, EndpointRequest, EndpointResponse};
use railway_doctor::io::railway::transport::{HttpRequest, HttpResponse, Transport, TransportFailure};
use zeroize::Zeroizing;

use super::sandbox::{RunOutput, Sandbox};

/// The commands, by the first letter of an input.
const COMMANDS: [(u8, &[&str]); 12] = [
    (b'c', &["check", "--format", "text"]),
    (b'j', &["check", "--format", "json", "-v"]),
    (b'n', &["check", "--project", "shop", "--environment", "staging"]),
    (b'f', &["fix", "--push", "--yes", "--only", "A"]),
    (b'p', &["fix", "--pull", "--yes", "--only", "B"]),
    (b'm', &["matrix"]),
    (b'k', &["compare", "e", "f", "-v"]),
    (b't', &["trace", "C", "-v"]),
    (b'w', &["trace", "C", "--everywhere", "--yes", "--format", "json"]),
    (b'r', &["rotate", "C", "--generate=hex:32", "--all-copies", "--yes"]),
    (b'a', &["auth", "status"]),
    (b'h', &["hook", "run"]),
];

/// A token, and ids that need no lookup.
const VARIABLES: [(&str, &str); 3] =
    [("RAILWAY_API_TOKEN", "token"), ("RAILWAY_PROJECT_ID", "p"), ("RAILWAY_ENVIRONMENT_ID", "e")];

/// The input is the letter of a command, and the responses, separated by NUL: a digit for the status, and the body.
pub fn check(data: &[u8]) {
    let (command, rest) = data.split_first().unwrap_or((&b'c', b""));
    let args = COMMANDS.iter().find(|(letter, _)| letter == command).map_or(COMMANDS[0].1, |(_, args)| args);
    let sandbox = Sandbox::with(&VARIABLES);
    let path = sandbox.work().join(".env");
    let sandbox = sandbox.file(&path, b"A=1\nB=two words\nC=kV93xLq0wMn72RbYcJd5\n");
    run_with_responses(&sandbox, args, rest.split(|byte| *byte == 0).map(parse_response).collect());
}

/// Runs a command with these responses; later requests time out.
pub(super) fn run_with_responses(sandbox: &Sandbox, args: &[&str], responses: Vec<CannedResponse>) -> RunOutput {
    let args: Vec<&str> = args.iter().copied().chain(["--api-url=http://127.0.0.1:1/graphql/v2"]).collect();
    let responses = Rc::new(responses);
    sandbox.run(
        &args,
        &|| Box::new(CannedTransport { responses: Rc::clone(&responses), next: Cell::default() }),
        &NoEndpoints,
    )
}

pub(super) struct CannedResponse {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

fn parse_response(piece: &[u8]) -> CannedResponse {
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
    CannedResponse { status, body: body.to_vec() }
}

struct CannedTransport {
    responses: Rc<Vec<CannedResponse>>,
    next: Cell<usize>,
}

impl Transport for CannedTransport {
    fn post(&self, _: &HttpRequest<'_>) -> Result<HttpResponse, TransportFailure> {
        let response = self.responses.get(self.next.replace(self.next.get() + 1)).ok_or(TransportFailure::TimedOut)?;
        let text = String::from_utf8_lossy(&response.body).into_owned();
        Ok(HttpResponse {
            status: response.status,
            retry_after: None,
            rate: Vec::new(),
            location: Some(text.clone()),
            date: None,
            content_type: None,
            others: ["server", "cf-ray", "x-trace-id"].map(|name| (name.to_owned(), text.clone())).into(),
            body: Zeroizing::new(response.body.clone()),
        })
    }

    fn host(&self) -> &'static str {
        "canned"
    }
}

/// No endpoint responds.
struct NoEndpoints;

impl EndpointClient for NoEndpoints {
    fn send(&self, _: &EndpointRequest<'_>) -> Result<EndpointResponse, String> {
        Err("no response".to_owned())
    }
}
