//! SIGKILL at every request of a rotation and of a hoist: no file is torn, `undo` restores everything, and the same
//! command completes the work.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::deployment::SimDeployment;
use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService, SimVariable};
use railway_doctor::io::sim::status_timeline::StatusTimeline;

use crate::bad_responses::{Effect, ScriptedResponse};
use crate::fixture::normal_responses;
use crate::killed::{KillOnDrop, is_write};
use crate::leak_scan::FilesBefore;
use crate::parallel::{Job, PARALLEL_JOBS, ensure, run_jobs};
use crate::run::{RunOutput, Sandbox, Watch, finish, names, with_production_token};
use crate::server::{Backend, Script, Server};

pub(crate) const OLD: &str = "mark4711-kD93xLq0wMn7";
pub(crate) const NEW: &str = "mark4711-pT41cYw8rGh6";

/// What the second run is given, or what happens instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recovery {
    /// `undo`, then the whole run.
    Undo,
    /// The same command with the same value.
    Repeat,
    /// The same command with a generated value.
    RepeatWithGeneratedValue,
}

/// A run to kill.
#[derive(Clone, Copy)]
pub(crate) struct KilledRun {
    pub(crate) name: &'static str,
    pub(crate) args: &'static [&'static str],
    recoveries: &'static [Recovery],
}

pub(crate) const RUNS: [KilledRun; 3] = [
    KilledRun {
        name: "rotate",
        args: &["rotate", "API_KEY", "--stdin", "--yes", "--all-copies"],
        recoveries: &[Recovery::Undo, Recovery::Repeat, Recovery::RepeatWithGeneratedValue],
    },
    KilledRun {
        name: "rotate and keep",
        args: &["rotate", "API_KEY", "--stdin", "--yes", "--all-copies", "--keep-old-as=API_KEY_PREVIOUS"],
        recoveries: &[Recovery::Undo],
    },
    KilledRun {
        name: "hoist",
        args: &["fix", "--hoist=API_KEY", "--yes"],
        recoveries: &[Recovery::Undo, Recovery::Repeat],
    },
];

pub(crate) const ENV: &str = "# shop\nexport API_KEY='mark4711-kD93xLq0wMn7' # rotate\nMODE=plain\n";

/// Two holders, a copy in a URL, and a reference to a copy. The text of each variable that has the value.
pub(crate) fn copies(value: &str) -> [(&'static str, &'static str, String); 4] {
    [
        ("api", "API_KEY", value.to_owned()),
        ("billing", "CLIENT_KEY", value.to_owned()),
        ("web", "CALLBACK_URL", format!("https://example.com/hook?key={value}&queue=ops")),
        ("worker", "API_KEY", value.to_owned()),
    ]
}

pub(crate) fn estate() -> Estate {
    let service = |name: &str| {
        let copies = copies(OLD);
        let own: Vec<(&str, &str)> =
            copies.iter().filter(|(of, ..)| *of == name).map(|(_, key, text)| (*key, text.as_str())).collect();
        let running = SimDeployment::serving("2026-11-09T16:20:47.902Z");
        let plan = StatusTimeline::through(&["SUCCESS"]);
        SimService::named(name).repository("crew/shop").variables(&own).deployed(running).plan(plan)
    };
    let reports = service("reports").variables(&[("KEY", "${{billing.CLIENT_KEY}}")]);
    let staging = ["api", "billing", "web", "worker"]
        .into_iter()
        .map(service)
        .fold(Environment::named("staging"), Environment::service);
    let production = Environment::named("production").service(SimService::named("api").variables(&[("API_KEY", OLD)]));
    let project = Project::named("shop").environment(staging.service(reports)).environment(production);
    with_production_token(Estate::of("crew").project(project).with_tokens())
}

pub(crate) fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".env", ENV);
    sandbox
}

/// Every stored text of the first environment: service, key, text. Shared variables have no service.
pub(crate) fn stored(backend: &Backend) -> Vec<(String, String, String)> {
    let text = |variable: &SimVariable| match variable {
        SimVariable::Open(text) | SimVariable::Sealed(text) => text.expose().to_owned(),
    };
    backend.sim.change(|estate| {
        let environment = &estate.projects[0].environments[0];
        let shared = environment.shared.iter().map(|(key, variable)| (String::new(), key.clone(), text(variable)));
        let services = environment.services.iter().flat_map(|service| {
            service.variables.iter().map(|(key, variable)| (service.name.clone(), key.clone(), text(variable)))
        });
        shared.chain(services).collect()
    })
}

/// The value with which the newest deployment of a service was created.
pub(crate) fn running(backend: &Backend, service: &str, key: &str) -> String {
    backend.sim.change(|estate| {
        let service = estate.projects[0].environments[0].service_named(service).unwrap();
        let newest = service.deployments.iter().max_by(|one, other| one.created_at.cmp(&other.created_at)).unwrap();
        newest.captured[key].rendered.as_ref().map(|value| value.expose().to_owned()).unwrap_or_default()
    })
}

fn serve(server: &Server, path: &str, sim: &Sim, script: Script) -> (String, std::sync::Arc<Backend>) {
    server.serve(path, Backend::new(sim.clone(), script))
}

/// Runs to the end, and returns the operations of its requests.
fn requests(server: &Server, run: KilledRun) -> Vec<String> {
    let path = format!("counted-{}", run.name.replace(' ', "-"));
    let (url, backend) = serve(server, &path, &Sim::new(estate()), normal_responses());
    let output = sandbox().run(&[run.args, &["--api-url", &url]].concat(), NEW, Watch::Nothing);
    assert_eq!(output.code, Some(0), "{output:#?}");
    backend.requests()
}

/// Kills a run at the given request, before or after the simulated Railway has applied it.
fn kill(server: &Server, run: KilledRun, (at, effect): (usize, Effect), recovery: Recovery) -> Result<(), String> {
    let count = AtomicUsize::new(0);
    let script = move |_: &str, _: usize| match (count.fetch_add(1, Ordering::SeqCst) + 1 == at, effect) {
        (false, _) => ScriptedResponse::normal(),
        (true, Effect::NotApplied) => ScriptedResponse::no_response(),
        (true, Effect::Applied) => ScriptedResponse::no_response().applied(),
    };
    let (sim, sandbox) = (Sim::new(estate()), sandbox());
    let path = format!("killed-{}-{at}-{effect:?}-{recovery:?}", run.name.replace(' ', "-"));
    let (url, backend) = serve(server, &path, &sim, Box::new(script));
    let args = [run.args, &["--api-url", &url]].concat();
    let (sent, written, before) = (sim.count(), FilesBefore::of(&sandbox), stored(&backend));
    let mut child = sandbox.command(&args).spawn().map_err(|error| error.to_string())?;
    // A run without `--stdin` does not read it.
    drop(child.stdin.take().map(|mut input| input.write_all(NEW.as_bytes())));
    let mut guard = KillOnDrop { child: Some(child) };
    let is_reached = || backend.requests().len() >= at && (effect == Effect::NotApplied || sim.count() - sent >= at);
    let has_exited = guard.kill_when(is_reached).map_err(|error| error.to_string())?;
    let output = finish(guard.child.take().ok_or("the process is gone")?, Instant::now(), Watch::Nothing);
    ensure!(!has_exited, "it ended after {} requests: {output:#?}", backend.requests().len());
    // This also scans a truncated journal.
    written.check_leaks(&sandbox, &output)?;
    check_whole(&sandbox, &backend, &before)?;
    let (url, backend) = serve(server, &path, &sim, normal_responses());
    let recovered = Recovered { sandbox: &sandbox, backend: &backend, url: &url, run, before: &before };
    match recovery {
        Recovery::Undo => recovered.undo_and_repeat(),
        Recovery::Repeat => recovered.repeat(),
        Recovery::RepeatWithGeneratedValue => recovered.repeat_with_generated_value(),
    }
}

/// The file and every variable are as before or as after the run, and whatever was changed is recorded.
fn check_whole(sandbox: &Sandbox, backend: &Backend, before: &[(String, String, String)]) -> Result<(), String> {
    let content = sandbox.read(".env");
    let whole = [ENV.to_owned(), ENV.replace(OLD, NEW)];
    let is_kept = |content: &str| content.starts_with(&whole[1]) && content.contains("\nAPI_KEY_PREVIOUS=");
    ensure!(whole.contains(&content) || is_kept(&content), ".env is torn: {content:?}");
    let is_changed = content != ENV || stored(backend) != before;
    ensure!(!is_changed || sandbox.runs().len() == 1, "a change is not recorded: {:?}", sandbox.runs());
    Ok(())
}

/// A sandbox after a run that did not complete.
pub(crate) struct Recovered<'r> {
    pub(crate) sandbox: &'r Sandbox,
    pub(crate) backend: &'r Backend,
    pub(crate) url: &'r str,
    pub(crate) run: KilledRun,
    pub(crate) before: &'r [(String, String, String)],
}

impl Recovered<'_> {
    fn execute(&self, args: &[&str]) -> Result<RunOutput, String> {
        let written = FilesBefore::of(self.sandbox);
        let output = self.sandbox.run(&[args, &["--api-url", self.url]].concat(), NEW, Watch::Nothing);
        written.check_leaks(self.sandbox, &output)?;
        Ok(output)
    }

    /// Undoes every recorded run, the newest one first, and checks that nothing is left of them.
    pub(crate) fn undo(&self) -> Result<(), String> {
        for run in self.sandbox.runs().iter().rev() {
            let output = self.execute(&["undo", run, "--yes", "--no-deploy"])?;
            ensure!(output.code == Some(0), "undo failed: {output:#?}");
        }
        ensure!(self.sandbox.read(".env") == ENV, ".env is not restored: {:?}", self.sandbox.read(".env"));
        let stored = stored(self.backend);
        ensure!(stored == self.before, "the variables are not restored: {stored:?}");
        Ok(())
    }

    fn undo_and_repeat(&self) -> Result<(), String> {
        self.undo()?;
        let output = self.execute(self.run.args)?;
        ensure!(output.code == Some(0), "the run after undo failed: {output:#?}");
        self.check_completed(NEW, &output)
    }

    /// Repeats the command, then undoes both runs.
    pub(crate) fn repeat(&self) -> Result<(), String> {
        let output = self.execute(self.run.args)?;
        // If only the verification was missing, every place already has the value.
        let is_complete = output.code == Some(2) && output.stderr.contains("cause: it is equal to the old value\n");
        ensure!(output.code == Some(0) || is_complete, "the repeated run failed: {output:#?}");
        self.check_completed(NEW, &output)?;
        self.undo()
    }

    fn repeat_with_generated_value(&self) -> Result<(), String> {
        let args: Vec<&str> =
            self.run.args.iter().map(|&arg| if arg == "--stdin" { "--generate=hex:32" } else { arg }).collect();
        let written = FilesBefore::of(self.sandbox);
        let output = self.execute(&args)?;
        ensure!(output.code == Some(0), "the repeated run failed: {output:#?}");
        let value = stored(self.backend).into_iter().find(|(service, key, _)| service == "api" && key == "API_KEY");
        let value = value.map(|(.., value)| value).filter(|value| value.len() == 64).ok_or("no value was generated")?;
        written.check_value(self.sandbox, &output, &value)?;
        self.check_completed(&value, &output)?;
        self.undo()
    }

    /// Every place has exactly this value and runs with it; after a hoist, every holder has a reference to it.
    fn check_completed(&self, value: &str, output: &RunOutput) -> Result<(), String> {
        let Self { sandbox, backend, run, .. } = self;
        let stored = stored(backend);
        let has = |service: &str, key: &str, text: &str| {
            stored.iter().any(|one| (one.0.as_str(), one.1.as_str(), one.2.as_str()) == (service, key, text))
        };
        ensure!(sandbox.names() == [".env"], "unexpected files: {:?}", sandbox.names());
        let state = names(&sandbox.state());
        ensure!(state.iter().all(|name| !name.starts_with('.')), "unexpected state files: {state:?}");
        if run.name == "hoist" {
            let is_shared = has("", "API_KEY", OLD);
            let references = ["api", "worker"].map(|service| has(service, "API_KEY", "${{shared.API_KEY}}"));
            ensure!(is_shared && references == [true; 2], "it is not stored once: {stored:?}");
            ensure!(sandbox.read(".env") == ENV, ".env was changed");
            return Ok(());
        }
        let file = sandbox.read(".env");
        ensure!(file.starts_with(&ENV.replace(OLD, value)), ".env has another value: {file:?}");
        for (service, key, text) in copies(value) {
            ensure!(has(service, key, &text), "{service} has another {key}: {stored:?}\n{output:#?}");
            let running = running(backend, service, key);
            ensure!(running == text, "{service} runs with another {key}: {running}\n{output:#?}");
        }
        let followed = running(backend, "reports", "KEY");
        ensure!(followed == value, "reports runs with another value: {followed}\n{output:#?}");
        Ok(())
    }
}

#[test]
fn rotation_killed_at_any_request_can_be_undone_and_completed() {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for run in RUNS {
        for (at, operation) in (1..).zip(requests(&server, run)) {
            // Nothing depends on whether a read was answered, and little on what follows it.
            let (effects, recoveries): (&[Effect], &[Recovery]) = if is_write(&operation) {
                (&[Effect::NotApplied, Effect::Applied], run.recoveries)
            } else {
                let one = at % run.recoveries.len();
                (&[Effect::NotApplied], &run.recoveries[one..=one])
            };
            for &effect in effects {
                for &recovery in recoveries {
                    let server = &server;
                    let name = format!("{} × request {at} × {effect:?} × {recovery:?}", run.name);
                    jobs.push((name, Box::new(move || kill(server, run, (at, effect), recovery))));
                }
            }
        }
    }
    run_jobs([(jobs, PARALLEL_JOBS)]);
}
