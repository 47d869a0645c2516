//! A sandbox for whole runs: a working directory, a home directory, a simulated Railway, and a scripted user.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

use crate::commands;
use crate::commands::tests::agreement;
use crate::drift::model::secret::FingerprintKey;
use crate::error::Error;
use crate::io::clock::Clock;
use crate::io::credentials::keyring;
use crate::io::interrupt::Interrupt;
use crate::io::railway::transport::{HttpRequest, HttpResponse, Transport, TransportFailure};
use crate::io::sim::estate::{Environment, Estate, Project, SimService, SimVariable};
use crate::io::sim::seed::ACCOUNT_TOKEN;
use crate::io::sim::{Mutation, Sim};
use crate::io::terminal::prompt::Prompter;
use crate::io::terminal::prompt::script::{PreparedAnswer, Script};
use crate::io::terminal::status::{Redraw, Stream};
use crate::io::terminal::stream::{StreamKind, Terminal};
use crate::io::world::{World, WorldLifetime};

/// A clock on which a sleep takes no time.
struct JumpingClock<'i> {
    began: Timestamp,
    elapsed: Cell<Duration>,
    /// The moment at which Ctrl-C is pressed, if the run is sleeping then.
    pressed: Option<(Duration, &'i Interrupt)>,
}

impl Clock for JumpingClock<'_> {
    fn now(&self) -> Timestamp {
        self.began + self.elapsed.get()
    }

    fn elapsed(&self) -> Duration {
        self.elapsed.get()
    }

    fn sleep(&self, time: Duration) {
        self.elapsed.set(self.elapsed.get() + time);
        if let Some((_, interrupt)) = self.pressed.filter(|(at, _)| self.elapsed.get() >= *at) {
            interrupt.press();
        }
    }
}

/// A transport to the simulated Railway that records every request.
struct RecordingTransport {
    sim: Sim,
    host: Option<&'static str>,
    sent: Rc<RefCell<Vec<String>>>,
}

impl Transport for RecordingTransport {
    fn post(&self, outgoing: &HttpRequest<'_>) -> Result<HttpResponse, TransportFailure> {
        self.sent.borrow_mut().push(format!("{} {}", outgoing.token.expose(), outgoing.body));
        self.sim.post(outgoing)
    }

    fn host(&self) -> &str {
        self.host.unwrap_or(self.sim.host())
    }
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
    /// The prompts.
    pub(crate) asked: Vec<String>,
    /// How long the run would have taken.
    pub(crate) took: Duration,
}

impl Ended {
    /// Returns standard output and standard error in one line, as if nothing were wrapped.
    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.out, self.err).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    pub(crate) fn assert_shows(&self, text: &str) {
        assert!(self.text().contains(text), "{text}: {self:?}");
    }

    /// Returns the receipts of a run with `--format json`, such as `push api A done`.
    pub(crate) fn receipts(&self) -> Vec<String> {
        let report: Value = serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("not JSON: {self:?}"));
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let receipts = report["receipts"].as_array().unwrap().iter();
        receipts
            .map(|receipt| ["change", "service", "key", "outcome"].map(|name| text(&receipt[name])).join(" "))
            .collect()
    }
}

/// A working directory, a home directory and a simulated Railway.
pub(crate) struct Sandbox {
    pub(crate) sim: Sim,
    pub(crate) keyring: keyring::InMemoryKeyring,
    /// The token and body of every request.
    pub(crate) sent: Rc<RefCell<Vec<String>>>,
    /// The host name, if it is not the simulation's.
    pub(crate) host: Option<&'static str>,
    folder: TempDir,
    variables: BTreeMap<String, String>,
    terminal: StreamKind,
    links: bool,
    /// The working directory, relative to [`Sandbox::work`].
    inside: PathBuf,
    /// Whether runs share a cache of ids.
    remembers: bool,
    /// The time between two runs.
    apart: Duration,
    /// The moment of a run at which Ctrl-C is pressed, during a sleep.
    pressed: Option<Duration>,
    runs: Cell<u32>,
}

impl Sandbox {
    /// Returns a sandbox for a simulated Railway. Environment variables select its first environment by ids.
    pub(crate) fn new(sim: Sim) -> Self {
        let [project, environment] = sim.change(|estate| {
            let project = &estate.projects[0];
            [project.id.clone(), project.environments[0].id.clone()]
        });
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("work")).unwrap();
        let variables = [
            ("RAILWAY_API_TOKEN", ACCOUNT_TOKEN.to_owned()),
            ("RAILWAY_PROJECT_ID", project),
            ("RAILWAY_ENVIRONMENT_ID", environment),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).into();
        Self {
            sim,
            keyring: keyring::InMemoryKeyring::default(),
            sent: Rc::default(),
            host: None,
            folder,
            variables,
            terminal: StreamKind::Pipe,
            links: false,
            inside: PathBuf::new(),
            remembers: false,
            pressed: None,
            apart: Duration::from_secs(3600),
            runs: Cell::default(),
        }
    }

    /// Returns a sandbox for a project `shop` with these services in `staging`.
    pub(crate) fn of(services: impl IntoIterator<Item = SimService>) -> Self {
        Self::in_environment(Environment::named("staging"), services)
    }

    /// Returns a sandbox for a project `shop` with these services in that environment.
    pub(crate) fn in_environment(environment: Environment, services: impl IntoIterator<Item = SimService>) -> Self {
        let environment = services.into_iter().fold(environment, Environment::service);
        let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
        Self::new(Sim::new(estate))
    }

    /// Writes a file below the working directory that only its owner can read.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let path = self.work().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        self
    }

    /// Sets or removes an environment variable.
    pub(crate) fn variable(mut self, name: &str, value: Option<&str>) -> Self {
        self.variables.remove(name);
        self.variables.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        self
    }

    /// Sets the time between two runs.
    pub(crate) fn apart(mut self, time: Duration) -> Self {
        self.apart = time;
        self
    }

    /// Presses Ctrl-C after that time, during a sleep.
    pub(crate) fn interrupted_after(mut self, time: Duration) -> Self {
        self.pressed = Some(time);
        self
    }

    /// Enables the cache of ids.
    pub(crate) fn remembering(mut self) -> Self {
        self.remembers = true;
        self
    }

    /// Makes the runs interactive, at a dumb terminal.
    pub(crate) fn at_a_terminal(mut self) -> Self {
        self.terminal = StreamKind::Dumb;
        self
    }

    /// Makes the runs non-interactive.
    pub(crate) fn unattended(mut self) -> Self {
        self.terminal = StreamKind::Pipe;
        self
    }

    /// Makes the runs interactive, in a terminal with colour and hyperlinks.
    pub(crate) fn at_a_terminal_with_links(mut self) -> Self {
        (self.terminal, self.links) = (StreamKind::Terminal, true);
        self
    }

    /// Sets a subdirectory as the working directory.
    pub(crate) fn within(mut self, folder: &str) -> Self {
        self.inside = folder.into();
        self
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.work().join(name)).unwrap()
    }

    /// Returns the stored value of a variable.
    pub(crate) fn stored(&self, service: &str, key: &str) -> Option<String> {
        self.sim.change(|estate| {
            let environment = &mut estate.projects[0].environments[0];
            let stored = environment.service_named(service)?.variables.get(key)?;
            let (SimVariable::Open(text) | SimVariable::Sealed(text)) = stored;
            Some(text.expose().to_owned())
        })
    }

    /// Returns the id of a service.
    pub(crate) fn id(&self, service: &str) -> String {
        self.sim.change(|estate| estate.projects[0].environments[0].service_named(service).unwrap().id.clone())
    }

    /// Returns the mutations that were sent, such as `SetVariables api A,B`, with ` (not done)` if they had no effect.
    pub(crate) fn mutations(&self) -> Vec<String> {
        let names: BTreeMap<String, String> = self.sim.change(|estate| {
            let services = &estate.projects[0].environments[0].services;
            services.iter().map(|service| (service.id.clone(), service.name.clone())).collect()
        });
        let line = |mutation: &Mutation| {
            let owner = mutation.service.as_ref().map_or("shared", |id| names[id].as_str());
            let suffix = if mutation.applied { "" } else { " (not done)" };
            format!("{} {owner} {}", mutation.operation, mutation.keys.join(",")).trim_end().to_owned() + suffix
        };
        self.sim.mutations().iter().map(line).collect()
    }

    /// Runs `doctor` with these arguments, and fails at a prompt.
    pub(crate) fn run(&self, words: &[&str]) -> Ended {
        self.run_with(words, Vec::new(), &Arc::default())
    }

    /// Runs `doctor` with these answers to the prompts.
    pub(crate) fn answered(&self, words: &[&str], answers: Vec<PreparedAnswer>) -> Ended {
        self.run_with(words, answers, &Arc::default())
    }

    /// Runs `doctor` with these answers, and with a Ctrl-C that a hook of the simulation may press.
    pub(crate) fn run_with(&self, words: &[&str], answers: Vec<PreparedAnswer>, interrupt: &Arc<Interrupt>) -> Ended {
        let script = Script::new(answers);
        let ended = self.run_asking(words, &script, interrupt);
        let (asked, left) = (script.asked(), script.left());
        assert_eq!(left, 0, "unused answers; the prompts were {asked:#?}");
        let ended = Ended { asked, ..ended };
        agreement::assert_agrees(words, &ended);
        ended
    }

    /// Runs `doctor` with an implementation of the prompts.
    pub(crate) fn run_asking(&self, words: &[&str], ask: &dyn Prompter, interrupt: &Arc<Interrupt>) -> Ended {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let began = noon + self.apart * self.runs.replace(self.runs.get() + 1);
        let pressed = self.pressed.map(|at| (at, interrupt.as_ref()));
        let clock = JumpingClock { began, elapsed: Cell::default(), pressed };
        let arguments: Vec<OsString> = ["doctor"].iter().chain(words).map(OsString::from).collect();
        let status = Stream::new(&mut err, Redraw::No, &self.variables);
        let connect = |_: &_| -> Result<Box<dyn Transport>, Error> {
            Ok(Box::new(RecordingTransport { sim: self.sim.clone(), host: self.host, sent: Rc::clone(&self.sent) }))
        };
        let mut world = World {
            out: &mut out,
            status: &status,
            prompt: ask,
            interrupt,
            terminal: Terminal {
                out: self.terminal,
                err: self.terminal,
                input: self.terminal,
                links: self.links,
                width: 100,
            },
            variables: self.variables.clone(),
            directory: self.work().join(&self.inside),
            home: Some(self.home()),
            state: Some(self.state()),
            cache: self.remembers.then(|| self.cache()),
            memory: WorldLifetime::Lasting,
            keyring: &self.keyring,
            clock: &clock,
            connect: &connect,
            probe: &self.sim,
            debug_log: None,
            fingerprints: FingerprintKey::new(&[7; 32]),
            program: vec!["doctor".to_owned()],
        };
        let code = commands::run(&arguments, &mut world).code();
        drop(world);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code, asked: Vec::new(), took: clock.elapsed(), out: text(out), err: text(err) }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.sim.violations(), Vec::<String>::new(), "invalid requests");
        }
    }
}
