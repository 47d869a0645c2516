//! A fault, and how a command ends if every response has it.

use crate::bad_responses::ScriptedResponse;
use crate::certificate::CertificateState;
use crate::run::Watch;

/// A fault and its expected effect.
pub(crate) struct FaultCase {
    pub(crate) name: String,
    pub(crate) fault: Fault,
    pub(crate) expected: Expected,
    /// `--timeout`, in milliseconds.
    pub(crate) timeout_ms: u64,
    pub(crate) watch: Watch,
    /// The commands that run with it in the ordinary tests; in the long tests, all do.
    pub(crate) coverage: Coverage,
    /// The commands that end differently, by name.
    pub(crate) exceptions: Vec<(&'static str, Expected)>,
}

/// Which commands run with a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coverage {
    AllCommands,
    MainCommands,
}

pub(crate) enum Fault {
    /// In each response.
    Response(ScriptedResponse),
    /// Between `doctor` and Railway.
    Network(NetworkFault),
}

/// A fault of the network or of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetworkFault {
    /// A proxy to a server with this certificate, issued by that root.
    Tls(CertificateState, Root),
    /// A proxy whose name does not resolve.
    UnresolvableProxy,
    /// A proxy whose port is closed.
    ClosedProxyPort,
    /// A proxy that sends this response and opens no tunnel.
    ProxyResponse(&'static str),
    /// A proxy that does not respond.
    SilentProxy,
    /// No proxy, and a closed port in place of Railway.
    ClosedPort,
}

/// Whether the root certificate is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Trusted,
    Untrusted,
    /// No root certificates are installed.
    Missing,
}

/// How a command ends.
#[derive(Clone)]
pub(crate) enum Expected {
    /// As without a fault.
    Unaffected,
    /// With this exit code and a report.
    ExitCode { code: i32 },
    /// With this exit code and an error that contains these fragments, and without changes.
    Error { code: i32, fragments: Vec<String> },
}

/// Enough for three attempts, and too short for the wait before a fourth.
const THREE_ATTEMPTS_MS: u64 = 1700;

/// Several times as long as a whole fix takes.
pub(crate) const LONG_TIMEOUT_MS: u64 = 30_000;

impl FaultCase {
    pub(crate) fn fails(name: impl Into<String>, response: ScriptedResponse, code: i32, fragments: &[&str]) -> Self {
        let expected =
            Expected::Error { code, fragments: fragments.iter().map(|&fragment| fragment.to_owned()).collect() };
        let fault = Fault::Response(response);
        Self {
            name: name.into(),
            fault,
            expected,
            timeout_ms: THREE_ATTEMPTS_MS,
            watch: Watch::Nothing,
            coverage: Coverage::MainCommands,
            exceptions: Vec::new(),
        }
    }

    pub(crate) fn passes(name: impl Into<String>, response: ScriptedResponse) -> Self {
        Self { expected: Expected::Unaffected, timeout_ms: LONG_TIMEOUT_MS, ..Self::fails(name, response, 0, &[]) }
    }

    pub(crate) fn network(name: &str, fault: NetworkFault, fragments: &[&str]) -> Self {
        Self { fault: Fault::Network(fault), ..Self::fails(name, ScriptedResponse::normal(), 5, fragments) }
    }

    pub(crate) fn with_timeout(self, timeout_ms: u64) -> Self {
        Self { timeout_ms, ..self }
    }

    /// Expects another exit code of these commands.
    pub(crate) fn except(self, commands: &[(&'static str, i32)]) -> Self {
        Self {
            exceptions: commands.iter().map(|&(command, code)| (command, Expected::ExitCode { code })).collect(),
            ..self
        }
    }

    /// Measures the memory.
    pub(crate) fn with_memory_watch(self) -> Self {
        Self { watch: Watch::Memory, timeout_ms: 25_000, ..self }
    }
}
