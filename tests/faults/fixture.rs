//! What the runs share, and how one command runs with one fault.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use railway_doctor::io::sim::Sim;

use crate::assertions::{Failure, Outcome};
use crate::bad_responses::ScriptedResponse;
use crate::certificate::{Authority, CertificateState};
use crate::commands::{CommandCase, ErrorFormat, Setup};
use crate::fault::{Fault, FaultCase, NetworkFault, Root};
use crate::leak_scan::FilesBefore;
use crate::network_faults::{CLOSED_PORT, PROXY_LOGIN, Proxy};
use crate::run::{RunOutput, Sandbox, Watch, ids, names, shop};
use crate::server::{Backend, Script, Server};

/// Messages of runs that timed out before they reached the fault.
const TIMED_OUT: [&str; 4] =
    ["no response from ", "git timed out after ", "keyring did not respond", "doctor did not finish within "];

/// A `doctor.toml` that requires the keys of `.env`.
const DECLARED: &str = "[services.api]\n[services.worker]\n[[require]]\nkeys = [\"API_KEY\", \"MODE\"]\n";

/// The servers, certificates and recorded fixes that all runs share.
pub(crate) struct Fixture {
    pub(crate) server: Server,
    authority: Authority,
    untrusted_authority: Authority,
    pub(crate) keyring: Option<Keyring>,
    /// A baseline with the findings of the healthy Railway.
    known: String,
    /// Fixes to undo: recorded with the server, and through a tunnel to a server with Railway's name.
    fixes: [CompletedFix; 2],
}

/// A recorded run, with the sandbox that contains its journal.
struct CompletedFix {
    sandbox: Sandbox,
    run: String,
}

/// A run that failed a check.
struct FailedRun {
    failure: Failure,
    output: RunOutput,
}

impl FailedRun {
    /// Whether a slow machine explains the failure: the time limit ended the run, or the run itself took too long.
    fn has_timed_out(&self) -> bool {
        let is_in_output = |text: &&str| self.output.stderr.contains(text) || self.output.stdout.contains(text);
        match self.failure {
            Failure::Duration(_) => true,
            Failure::Ending(_) => TIMED_OUT.iter().any(is_in_output),
            Failure::Effect(_) => false,
        }
    }
}

impl Display for FailedRun {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let (Failure::Duration(reason) | Failure::Ending(reason) | Failure::Effect(reason)) = &self.failure;
        write!(formatter, "{reason}\n{:#?}", self.output)
    }
}

/// A separate keyring daemon, stopped when this is dropped.
pub(crate) struct Keyring {
    child: Child,
    address: String,
}

impl Drop for Keyring {
    fn drop(&mut self) {
        // It stops when its standard input is closed.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Keyring {
    #[expect(clippy::print_stderr, reason = "reports a skipped part")]
    fn start(home: &Path) -> Option<Self> {
        let is_installed = |program: &str| Command::new(program).arg("--version").output().is_ok();
        if !["dbus-run-session", "gnome-keyring-daemon"].iter().all(|program| is_installed(program)) {
            eprintln!("SKIPPED: auth login was not tested; install gnome-keyring and dbus");
            return None;
        }
        let script = "printf test | gnome-keyring-daemon --unlock --foreground --components=secrets >/dev/null 2>&1 & \
                      pid=$!; until dbus-send --print-reply --dest=org.freedesktop.DBus / \
                      org.freedesktop.DBus.GetNameOwner string:org.freedesktop.secrets >/dev/null 2>&1; \
                      do sleep 0.05; done; echo \"$DBUS_SESSION_BUS_ADDRESS\"; cat >/dev/null; kill $pid";
        let mut command = Command::new("dbus-run-session");
        command.args(["--", "sh", "-c", script]).env("HOME", home).env("XDG_RUNTIME_DIR", home);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut address = String::new();
        let out = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut { out }, &mut address).unwrap();
        Some(Self { child, address: address.trim().to_owned() })
    }
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let (authority, untrusted_authority, server) = (Authority::new(), Authority::new(), Server::plain());
        let (url, _) = server.serve("fixed", Backend::new(Sim::new(shop("mark4711-stored")), normal_responses()));
        let known = baseline(&url);
        let direct = CompletedFix::make(Sandbox::new(), &["--api-url", &url]);
        let mut sandbox = Sandbox::new();
        let _railway =
            tunnel(&mut sandbox, &authority, Backend::new(Sim::new(shop("mark4711-stored")), normal_responses()));
        let tunnelled = CompletedFix::make(sandbox, &[]);
        let keyring = Keyring::start(&direct.sandbox.work());
        Self { server, authority, untrusted_authority, keyring, known, fixes: [direct, tunnelled] }
    }

    /// A sandbox with the setup of a command. `index` selects the fix to undo.
    fn sandbox(&self, command: &CommandCase, index: usize) -> Sandbox {
        let mut sandbox = Sandbox::new();
        match command.setup {
            Setup::EnvFile | Setup::NewValue => {}
            Setup::Repository => {
                sandbox.write(".gitignore", ".env\n");
                let created = Command::new("git").args(["init", "-q"]).current_dir(sandbox.work()).status().unwrap();
                assert!(created.success());
                match command.error_format {
                    ErrorFormat::Warning => sandbox.set("GIT_INDEX_FILE", ".git/index"),
                    _ => sandbox.set("PRE_COMMIT_REMOTE_NAME", "origin"),
                }
            }
            Setup::Configured => {
                let [project, environment] = ids();
                sandbox.write("doctor.toml", &format!("project = \"{project}\"\nenvironment = \"{environment}\"\n"));
            }
            Setup::Declared => {
                sandbox.write("doctor.toml", DECLARED);
                sandbox.write("known.toml", &self.known);
            }
            Setup::AfterFix => {
                let from = self.fixes[index].sandbox.state();
                fs::create_dir_all(sandbox.state()).unwrap();
                for name in names(&from) {
                    fs::copy(from.join(&name), sandbox.state().join(&name)).unwrap();
                }
            }
            Setup::Keyring => {
                sandbox.unset("RAILWAY_API_TOKEN");
                let address = self.keyring.as_ref().map(|keyring| keyring.address.as_str());
                sandbox.set("DBUS_SESSION_BUS_ADDRESS", address.unwrap_or_default());
            }
        }
        sandbox
    }

    /// Runs one command with one fault.
    ///
    /// If the machine is too slow to reach the fault in time, the run is repeated with a longer timeout in a new
    /// sandbox.
    pub(crate) fn run(&self, number: usize, case: &FaultCase, command: &CommandCase) -> Result<(), String> {
        let mut result = Ok(());
        for (attempt, times) in [1, 4, 4, 4, 8, 8].into_iter().enumerate() {
            result = self.try_once(&format!("{number}-{attempt}"), case, command, case.timeout_ms * times);
            if !result.as_ref().is_err_and(FailedRun::has_timed_out) {
                break;
            }
        }
        result.map_err(|failed| failed.to_string())
    }

    fn try_once(&self, path: &str, case: &FaultCase, command: &CommandCase, timeout_ms: u64) -> Result<(), FailedRun> {
        let stored = if command.setup == Setup::AfterFix { "mark4711-local" } else { "mark4711-stored" };
        let script: Script = match &case.fault {
            Fault::Response(response) => {
                let response = response.clone();
                Box::new(move |_, _| response.clone())
            }
            Fault::Network(_) => normal_responses(),
        };
        let backend = Backend::new(Sim::new(shop(stored)), script);
        let index = usize::from(matches!(case.fault, Fault::Network(_)));
        let mut sandbox = self.sandbox(command, index);
        let mut args: Vec<String> = command.args.iter().map(|&arg| arg.to_owned()).collect();
        args.iter_mut().filter(|arg| *arg == "RUN").for_each(|arg| arg.clone_from(&self.fixes[index].run));
        args.push(format!("--timeout={timeout_ms}ms"));
        let backend = match case.fault {
            Fault::Response(_) => {
                let (url, backend) = self.server.serve(path, backend);
                args.push(format!("--api-url={url}"));
                backend
            }
            Fault::Network(NetworkFault::ClosedPort) => {
                args.push(format!("--api-url=http://{CLOSED_PORT}/graphql/v2"));
                Arc::new(backend)
            }
            Fault::Network(fault) => self.connect_through(fault, &mut sandbox, backend),
        };
        let (before, written) = ((sandbox.names(), names(&sandbox.state())), FilesBefore::of(&sandbox));
        let args: Vec<&str> = args.iter().map(String::as_str).chain([Sandbox::DEBUG_API_FLAG]).collect();
        let is_exception = |(name, _): &&(&str, _)| *name == command.name;
        let expected = case.exceptions.iter().find(is_exception).map_or(&case.expected, |(_, expected)| expected);
        let output = sandbox.run(&args, command.input(), case.watch);
        let timeout = Duration::from_millis(timeout_ms);
        let outcome = Outcome { case, command, timeout, sandbox: &sandbox, backend: &backend, output: &output };
        let recorded = sandbox.recorded_requests().and_then(|lines| {
            let is_whole = lines.len() >= backend.requests().len();
            if is_whole {
                Ok(())
            } else {
                Err(format!("{} of {} requests were recorded", lines.len(), backend.requests().len()))
            }
        });
        let result = written.check_leaks(&sandbox, &output).and(recorded).map_err(Failure::from);
        let result = result.and_then(|()| outcome.check(expected, &before));
        result.map_err(|failure| FailedRun { failure, output })
    }

    /// Routes a sandbox to a server with Railway's name through a network fault.
    fn connect_through(&self, fault: NetworkFault, sandbox: &mut Sandbox, backend: Backend) -> Arc<Backend> {
        let (state, root) = match fault {
            NetworkFault::Tls(state, root) => (state, root),
            _ => (CertificateState::Valid, Root::Trusted),
        };
        let server = Server::tls(self.authority.server("backboard.railway.com", state));
        let backend = server.serve_as_railway(backend);
        let proxy = match fault {
            NetworkFault::Tls(..) | NetworkFault::ClosedPort => Proxy::Tunnel(server.address()).start().to_string(),
            NetworkFault::UnresolvableProxy => "nowhere.invalid:3128".to_owned(),
            NetworkFault::ClosedProxyPort => CLOSED_PORT.to_owned(),
            NetworkFault::ProxyResponse(response) => Proxy::Responds(response).start().to_string(),
            NetworkFault::SilentProxy => Proxy::Silent.start().to_string(),
        };
        let roots = match root {
            Root::Trusted => &self.authority.pem,
            Root::Untrusted => &self.untrusted_authority.pem,
            Root::Missing => "",
        };
        trust(sandbox, roots);
        sandbox.set("HTTPS_PROXY", &format!("http://{PROXY_LOGIN}@{proxy}"));
        // Limits the wait for a resolver that does not respond.
        sandbox.set("RES_OPTIONS", "timeout:1 attempts:1");
        backend
    }
}

impl CompletedFix {
    fn make(sandbox: Sandbox, extra_args: &[&str]) -> Self {
        let args = ["fix", "--push", "--yes", "--only=API_KEY", "--no-deploy"];
        let output = sandbox.run(&[&args, extra_args].concat(), "", Watch::Nothing);
        let run = sandbox.runs().pop().unwrap_or_else(|| panic!("{output:#?}"));
        Self { sandbox, run }
    }
}

/// Returns a baseline with the present findings.
fn baseline(url: &str) -> String {
    let sandbox = Sandbox::new();
    sandbox.write("doctor.toml", DECLARED);
    let args = ["check", "--baseline=known.toml", "--write-baseline", "--api-url", url];
    let output = sandbox.run(&args, "", Watch::Nothing);
    assert_eq!(output.code, Some(0), "{output:#?}");
    sandbox.read("known.toml")
}

/// Routes a sandbox through a tunnel to a server with Railway's name.
fn tunnel(sandbox: &mut Sandbox, authority: &Authority, backend: Backend) -> Arc<Backend> {
    let server = Server::tls(authority.server("backboard.railway.com", CertificateState::Valid));
    let backend = server.serve_as_railway(backend);
    trust(sandbox, &authority.pem);
    sandbox.set("HTTPS_PROXY", &format!("http://{}", Proxy::Tunnel(server.address()).start()));
    backend
}

/// Makes a sandbox trust only these root certificates.
pub(crate) fn trust(sandbox: &mut Sandbox, roots: &str) {
    let directory = sandbox.work().parent().unwrap().join("roots");
    fs::create_dir_all(directory.join("none")).unwrap();
    fs::write(directory.join("roots.pem"), roots).unwrap();
    sandbox.set("SSL_CERT_FILE", &directory.join("roots.pem").display().to_string());
    sandbox.set("SSL_CERT_DIR", &directory.join("none").display().to_string());
}

pub(crate) fn normal_responses() -> Script {
    Box::new(|_, _| ScriptedResponse::normal())
}
