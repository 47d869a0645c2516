//! Any project, file and flags: a plan changes a key only where it exists, and adds it only with `--add`. Showing a plan
//! changes nothing, and the commands that it prints do exactly what it shows.

use std::collections::{BTreeMap, BTreeSet};

use railway_doctor::drift::Secret;
use railway_doctor::drift::dotenv::LocalFile;
use railway_doctor::io::railway::transport::Transport;
use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::deployment::SimDeployment;
use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};
use railway_doctor::io::sim::seed::ACCOUNT_TOKEN;
use serde_json::Value;

use super::SEPARATOR;
use super::sandbox::Sandbox;

/// The flags of a plan, some of them with a value. Other flags select files, projects and outputs.
const FLAGS: [&str; 14] = [
    "--push",
    "--pull",
    "--redeploy",
    "--prune",
    "--add",
    "--no-deploy",
    "--dependents",
    "--only=",
    "--service=",
    "--allow-reference=",
    "--allow-shared=",
    "--allow-sealed=",
    "--start-command=",
    "--hoist=",
];

/// The limits of a project, and of the flags: each run of a larger one takes longer, and checks nothing else.
const MOST_SERVICES: usize = 5;
const MOST_LINES: usize = 12;

/// The owner of shared variables, and the name of a start command among the variables of a service.
const SHARED: &str = "shared variables";
const START: &str = "the start command";

const SINCE: &str = "2026-11-20T10:00:00.000Z";
const START_COMMAND: &str = "run --now";

/// The input is the flags, one per line; `.env`; and the services. The first line of a service is its name, and is empty
/// for the shared variables. Each further line is a stored variable `KEY=VALUE`, a sealed one `KEY!VALUE`, or `KEY<VALUE`,
/// which is what the running deployment has.
pub fn check(data: &[u8]) {
    let Ok(parts) = data.split(|byte| *byte == SEPARATOR).map(std::str::from_utf8).collect::<Result<Vec<_>, _>>()
    else {
        return;
    };
    let [flags, file, services @ ..] = parts.as_slice() else { return };
    let Some(project) = PlannedProject::read(flags, file, services) else { return };
    let sandbox = project.sandbox();
    let Some(plan) = project.plan(&sandbox) else { return };
    project.check_holders(&plan.changes);
    project.check_printed(&sandbox, &plan);
    if !plan.commands.is_empty() {
        project.check_executed(&sandbox, &plan);
    }
}

/// The changes of a plan or of a run. Variables are an owner and a key.
#[derive(Debug, Default, PartialEq, Eq)]
struct Changes {
    variables: BTreeSet<(String, String)>,
    deployments: BTreeSet<String>,
    edits: BTreeSet<String>,
}

struct Plan {
    changes: Changes,
    commands: Vec<Vec<String>>,
}

struct PlannedProject<'i> {
    flags: Vec<&'i str>,
    file: &'i str,
    services: BTreeMap<&'i str, Vec<Variable<'i>>>,
    sim: Sim,
}

struct Variable<'i> {
    key: &'i str,
    kind: char,
    value: &'i str,
}

impl<'i> Variable<'i> {
    fn read(line: &'i str) -> Option<Self> {
        let at = line.find(['=', '!', '<']).filter(|at| *at > 0)?;
        let (key, rest) = line.split_at(at);
        let kind = rest.chars().next()?;
        Some(Self { key, kind, value: &rest[1..] })
    }
}

impl<'i> PlannedProject<'i> {
    fn read(flags: &'i str, file: &'i str, parts: &[&'i str]) -> Option<Self> {
        let is_known = |line: &&str| {
            FLAGS.iter().any(|flag| if flag.ends_with('=') { line.starts_with(flag) } else { line == flag })
        };
        let flags: Vec<&str> = flags.lines().filter(is_known).take(MOST_LINES).collect();
        let mut services = BTreeMap::new();
        for part in parts.iter().take(MOST_SERVICES) {
            let (name, lines) = part.split_once('\n').unwrap_or((part, ""));
            let variables = lines.lines().filter_map(Variable::read).take(MOST_LINES).collect();
            // Railway refuses a name that is taken. This one stands for the shared variables in a plan.
            if name == SHARED || services.insert(name, variables).is_some() {
                return None;
            }
        }
        let sim = Sim::new(estate(&services));
        Some(Self { flags, file, services, sim })
    }

    fn sandbox(&self) -> Sandbox {
        let [project, environment] = self.sim.change(|estate| {
            let project = &estate.projects[0];
            [project.id.clone(), project.environments[0].id.clone()]
        });
        let sandbox = Sandbox::with(&[
            ("RAILWAY_API_TOKEN", ACCOUNT_TOKEN),
            ("RAILWAY_PROJECT_ID", &project),
            ("RAILWAY_ENVIRONMENT_ID", &environment),
        ]);
        let path = sandbox.work().join(".env");
        sandbox.file(&path, self.file.as_bytes())
    }

    fn run(&self, sandbox: &Sandbox, args: &[&str]) -> String {
        let connect = || -> Box<dyn Transport> { Box::new(self.sim.clone()) };
        sandbox.run(args, &connect, &self.sim).stdout
    }

    /// Shows the plan of the flags, which changes nothing. Returns `None` if there is none.
    fn show(&self, sandbox: &Sandbox, format: &str) -> String {
        let args: Vec<&str> = [&["fix", "--dry-run", format], self.flags.as_slice()].concat();
        let out = self.run(sandbox, &args);
        assert!(self.sim.mutations().is_empty(), "{args:?} changes Railway");
        assert_eq!(env_file(sandbox), self.file, "{args:?} changes the file");
        out
    }

    fn plan(&self, sandbox: &Sandbox) -> Option<Plan> {
        let report: Value = serde_json::from_str(&self.show(sandbox, "--format=json")).ok()?;
        let plan = report.get("plan").filter(|plan| plan.is_object())?;
        let list = |name: &str| plan[name].as_array().expect("a list").iter();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let variables = list("variables").map(|one| (text(&one["service"]), text(&one["key"])));
        let starts = list("start_commands").map(|one| (text(&one["service"]), START.to_owned()));
        let edits = list("files").flat_map(|file| file["changes"].as_array().expect("a list"));
        let changes = Changes {
            variables: variables.chain(starts).collect(),
            deployments: list("deployments")
                .filter(|one| one["method"] != "not")
                .map(|one| text(&one["service"]))
                .collect(),
            edits: edits.map(|edit| text(&edit["key"])).collect(),
        };
        let commands = list("commands").map(|command| command.as_array().expect("words").iter().map(text).collect());
        Some(Plan { changes, commands: commands.collect() })
    }

    /// A service gets a key that it lacks only with `--add`, and a shared variable is new only with `--hoist`.
    fn check_holders(&self, changes: &Changes) {
        for (owner, key) in &changes.variables {
            let name = if owner == SHARED { "" } else { owner };
            let own = self.services.get(name).map(Vec::as_slice).unwrap_or_default();
            let is_holder = own.iter().any(|variable| variable.key == key && variable.kind != '<');
            let has = |flag: String| self.flags.contains(&flag.as_str());
            let is_added = has("--add".to_owned()) && has(format!("--only={key}"));
            let is_hoisted = owner == SHARED && has(format!("--hoist={key}"));
            assert!(is_holder || is_added || is_hoisted || key == START, "{owner} gets {key}: {:?}", self.flags);
        }
    }

    /// The plan in text prints the same commands, so that a shell reads the same words.
    fn check_printed(&self, sandbox: &Sandbox, plan: &Plan) {
        let text = self.show(sandbox, "--format=text");
        let lines = text.lines().filter_map(|line| line.strip_prefix("    doctor "));
        let printed: Vec<Vec<String>> =
            lines.map(|line| shlex::split(&format!("doctor {line}")).expect("words of a shell")).collect();
        // A plan that several commands apply may print them in one sentence.
        assert!(printed.is_empty() || printed == plan.commands, "{printed:?} is printed, not {:?}", plan.commands);
    }

    /// Executes the printed commands, and compares what they change with the plan.
    fn check_executed(&self, sandbox: &Sandbox, plan: &Plan) {
        for command in &plan.commands {
            let args: Vec<&str> = command[1..].iter().map(String::as_str).collect();
            self.run(sandbox, &args);
        }
        let names: BTreeMap<String, String> = self.sim.change(|estate| {
            let services = &estate.projects[0].environments[0].services;
            services.iter().map(|service| (service.id.clone(), service.name.clone())).collect()
        });
        let mut changes = Changes::default();
        for mutation in self.sim.mutations() {
            let owner = mutation.service.as_ref().map_or(SHARED, |id| names[id].as_str());
            let key = |key: &String| if mutation.operation == "CommitPatch" { START.to_owned() } else { key.clone() };
            changes.variables.extend(mutation.keys.iter().map(|name| (owner.to_owned(), key(name))));
            changes.deployments.extend(mutation.deployments.iter().map(|_| owner.to_owned()));
        }
        let [before, after] = [self.file.to_owned(), env_file(sandbox)].map(assignments);
        let is_changed = |(key, value): &(&String, &String)| before.get(*key) != Some(*value);
        changes.edits = after.iter().filter(is_changed).map(|(key, _)| key.clone()).collect();
        assert_eq!(changes, plan.changes, "{:?} does not do what is planned", plan.commands);
        assert_eq!(self.sim.violations(), Vec::<String>::new(), "invalid requests");
    }
}

fn estate(services: &BTreeMap<&str, Vec<Variable<'_>>>) -> Estate {
    let mut environment = Environment::named("staging");
    for (name, variables) in services {
        let stored = |kind: char| variables.iter().filter(move |variable| variable.kind == kind);
        let open: Vec<(&str, &str)> = stored('=').map(|variable| (variable.key, variable.value)).collect();
        if name.is_empty() {
            environment = environment.shared(&open);
            continue;
        }
        let service = SimService::named(name).repository("shop/shop").start(START_COMMAND).variables(&open);
        let service = stored('!').fold(service, |service, variable| service.sealed(variable.key, variable.value));
        let running = SimDeployment::serving(SINCE).started_with(START_COMMAND);
        let running = stored('<').fold(running, |running, variable| running.had(variable.key, variable.value));
        environment = environment.service(service.deployed(running));
    }
    Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens()
}

fn env_file(sandbox: &Sandbox) -> String {
    std::fs::read_to_string(sandbox.work().join(".env")).expect("the file exists")
}

fn assignments(text: String) -> BTreeMap<String, String> {
    let file = LocalFile::parse(".env", Secret::new(text));
    file.entries.iter().map(|entry| (entry.key.clone(), entry.value.expose().to_owned())).collect()
}
