//! A folder, a home, a Railway, and a person.

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
use crate::io::terminal::prompt::Ask;
use crate::io::terminal::prompt::script::{Prepared, Script};
use crate::io::terminal::status::{Stream, Watched};
use crate::io::terminal::stream::{Sort, Terminal};
use crate::io::world::{World, WorldLifetime};

/// A clock on which waiting takes no time.
struct Jumping<'i> {
    began: Timestamp,
    elapsed: Cell<Duration>,
    /// When Ctrl-C is pressed, in a wait.
    pressed: Option<(Duration, &'i Interrupt)>,
}

impl Clock for Jumping<'_> {
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

/// The way to the simulated Railway, with an ear at it.
struct Tapped {
    sim: Sim,
    host: Option<&'static str>,
    sent: Rc<RefCell<Vec<String>>>,
}

impl Transport for Tapped {
    fn post(&self, outgoing: &HttpRequest<'_>) -> Result<HttpResponse, TransportFailure> {
        self.sent.borrow_mut().push(format!("{} {}", outgoing.token.expose(), outgoing.body));
        self.sim.post(outgoing)
    }

    fn host(&self) -> &str {
        self.host.unwrap_or(self.sim.host())
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
    /// What the person was asked.
    pub(crate) asked: Vec<String>,
    /// How long it would have taken.
    pub(crate) took: Duration,
}

impl Ended {
    /// `push api A done`, one line for each receipt of a run with `--format json`.
    pub(crate) fn receipts(&self) -> Vec<String> {
        let report: Value = serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {self:?}"));
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let receipts = report["receipts"].as_array().unwrap().iter();
        receipts
            .map(|receipt| ["change", "service", "key", "outcome"].map(|name| text(&receipt[name])).join(" "))
            .collect()
    }
}

/// A folder, a home and a Railway.
pub(crate) struct Sandbox {
    pub(crate) sim: Sim,
    pub(crate) keyring: keyring::InMemoryKeyring,
    /// The token and the body of every request.
    pub(crate) sent: Rc<RefCell<Vec<String>>>,
    /// By what name the Railway goes, if not by the simulation's own.
    pub(crate) host: Option<&'static str>,
    folder: TempDir,
    variables: BTreeMap<String, String>,
    terminal: Sort,
    links: bool,
    /// The working folder, from the one that [`Sandbox::work`] names.
    inside: PathBuf,
    /// Whether a run remembers ids for the next one.
    remembers: bool,
    /// How long after the one before it a run is.
    apart: Duration,
    /// How long into a run Ctrl-C is pressed, in the wait that goes on then.
    pressed: Option<Duration>,
    runs: Cell<u32>,
}

impl Sandbox {
    /// Beside that Railway, whose first environment is known by ids from the process environment.
    pub(crate) fn beside(sim: Sim) -> Self {
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
            terminal: Sort::Pipe,
            links: false,
            inside: PathBuf::new(),
            remembers: false,
            pressed: None,
            apart: Duration::from_secs(3600),
            runs: Cell::default(),
        }
    }

    /// Beside a project `shop` with these services in `staging`.
    pub(crate) fn of(services: impl IntoIterator<Item = SimService>) -> Self {
        Self::in_environment(Environment::named("staging"), services)
    }

    /// The same in that environment.
    pub(crate) fn in_environment(environment: Environment, services: impl IntoIterator<Item = SimService>) -> Self {
        let environment = services.into_iter().fold(environment, Environment::service);
        let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
        Self::beside(Sim::new(estate))
    }

    /// Writes a file into the working folder, for its owner's eyes.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let path = self.work().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        self
    }

    /// Sets a variable of the process environment, or takes it away.
    pub(crate) fn variable(mut self, name: &str, value: Option<&str>) -> Self {
        self.variables.remove(name);
        self.variables.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        self
    }

    /// With that much time between runs.
    pub(crate) fn apart(mut self, time: Duration) -> Self {
        self.apart = time;
        self
    }

    /// With Ctrl-C in the wait that goes on after that time.
    pub(crate) fn interrupted_after(mut self, time: Duration) -> Self {
        self.pressed = Some(time);
        self
    }

    /// With a folder in which ids are remembered.
    pub(crate) fn remembering(mut self) -> Self {
        self.remembers = true;
        self
    }

    /// With somebody at a terminal.
    pub(crate) fn at_a_terminal(mut self) -> Self {
        self.terminal = Sort::Dumb;
        self
    }

    /// With nobody at a terminal.
    pub(crate) fn unattended(mut self) -> Self {
        self.terminal = Sort::Pipe;
        self
    }

    /// With somebody at a terminal that understands colour and links.
    pub(crate) fn at_a_terminal_with_links(mut self) -> Self {
        (self.terminal, self.links) = (Sort::Terminal, true);
        self
    }

    /// With that folder below it as the working folder.
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

    /// What a service stores under a name.
    pub(crate) fn stored(&self, service: &str, key: &str) -> Option<String> {
        self.sim.change(|estate| {
            let environment = &mut estate.projects[0].environments[0];
            let stored = environment.service_named(service)?.variables.get(key)?;
            let (SimVariable::Open(text) | SimVariable::Sealed(text)) = stored;
            Some(text.expose().to_owned())
        })
    }

    /// The id of a service.
    pub(crate) fn id(&self, service: &str) -> String {
        self.sim.change(|estate| estate.projects[0].environments[0].service_named(service).unwrap().id.clone())
    }

    /// What was sent to change something: `SetVariables api A,B`, with `(lost)` where it was not done.
    pub(crate) fn mutations(&self) -> Vec<String> {
        let names: BTreeMap<String, String> = self.sim.change(|estate| {
            let services = &estate.projects[0].environments[0].services;
            services.iter().map(|service| (service.id.clone(), service.name.clone())).collect()
        });
        let told = |mutation: &Mutation| {
            let owner = mutation.service.as_ref().map_or("shared", |id| names[id].as_str());
            let lost = if mutation.applied { "" } else { " (not done)" };
            format!("{} {owner} {}", mutation.operation, mutation.keys.join(",")).trim_end().to_owned() + lost
        };
        self.sim.mutations().iter().map(told).collect()
    }

    /// Runs `doctor` with these words; nobody is asked anything.
    pub(crate) fn run(&self, words: &[&str]) -> Ended {
        self.run_with(words, Vec::new(), &Arc::default())
    }

    /// Runs it with a person who gives these answers.
    pub(crate) fn answered(&self, words: &[&str], answers: Vec<Prepared>) -> Ended {
        self.run_with(words, answers, &Arc::default())
    }

    /// Runs it with a Ctrl-C that a hook of the simulation may press.
    pub(crate) fn run_with(&self, words: &[&str], answers: Vec<Prepared>, interrupt: &Arc<Interrupt>) -> Ended {
        let script = Script::new(answers);
        let ended = self.run_asking(words, &script, interrupt);
        let (asked, left) = (script.asked(), script.left());
        assert_eq!(left, 0, "answers that nobody asked for; asked was {asked:#?}");
        let ended = Ended { asked, ..ended };
        agreement::hold(words, &ended);
        ended
    }

    /// Runs it with that person.
    pub(crate) fn run_asking(&self, words: &[&str], ask: &dyn Ask, interrupt: &Arc<Interrupt>) -> Ended {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let began = noon + self.apart * self.runs.replace(self.runs.get() + 1);
        let pressed = self.pressed.map(|at| (at, interrupt.as_ref()));
        let clock = Jumping { began, elapsed: Cell::default(), pressed };
        let arguments: Vec<OsString> = ["doctor"].iter().chain(words).map(OsString::from).collect();
        let talk = Stream::new(&mut err, Watched::No, &self.variables);
        let connect = |_: &_| -> Result<Box<dyn Transport>, Error> {
            Ok(Box::new(Tapped { sim: self.sim.clone(), host: self.host, sent: Rc::clone(&self.sent) }))
        };
        let mut world = World {
            out: &mut out,
            talk: &talk,
            ask,
            interrupt,
            terminal: Terminal {
                out: self.terminal,
                err: self.terminal,
                input: self.terminal,
                links: self.links,
                width: 100,
            },
            variables: self.variables.clone(),
            folder: self.work().join(&self.inside),
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
            assert_eq!(self.sim.violations(), Vec::<String>::new(), "what was sent is what Railway takes");
        }
    }
}
