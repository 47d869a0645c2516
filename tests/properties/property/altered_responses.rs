//! Alters a part of Railway's responses: a run ends with one of doctor's exit codes and a message, shows no value, and
//! a read-only command changes nothing.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

use railway_doctor::io::railway::transport::{HttpRequest, HttpResponse, Transport, TransportFailure};
use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::estate::{Edge, Estate, TokenScope};
use railway_doctor::io::sim::seed::{ACCOUNT_TOKEN, PROJECT_TOKEN, incident, rotation, storefront};
use serde_json::Value;
use zeroize::Zeroizing;

use super::sandbox::{RunOutput, Sandbox};
use super::values::{self, SECOND_TOKEN};

/// The commands to run, selected by the first letter of an input.
struct Scenario {
    letter: u8,
    /// The name of the environment variable, and the token in it.
    token: (&'static str, &'static str),
    /// The arguments of each run.
    runs: &'static [&'static [&'static str]],
}

const fn scenario(letter: u8, runs: &'static [&'static [&'static str]]) -> Scenario {
    Scenario { letter, token: ("RAILWAY_API_TOKEN", ACCOUNT_TOKEN), runs }
}

/// The scenario in which Railway's edge responds instead of a service.
const EDGE: u8 = b'e';

/// The scenarios that compare two environments of another project.
const COMPARISONS: [u8; 2] = [b'k', b'b'];

/// The scenarios with copies of a value, and another project.
const COPIES: [u8; 4] = [b'w', b'v', b'x', b'h'];

/// The key that differs, and a service that has it.
const KEY: &str = "STAGING_OPS_API_KEY";
const API: &str = "agentverse-api-staging";

/// A service whose start command lacks `-B`, and the command that has it.
const WORKER: &str = "agentverse-worker-staging";
const COMMAND_WITH_BEAT: &str = "celery --app agentverse.tasks worker --loglevel INFO -B";

/// The arguments of a rotation of every copy.
const ROTATE_ALL: &[&str] = &["rotate", KEY, "--generate=hex:32", "--all-copies", "--yes", "--environment=staging"];

const SCENARIOS: [Scenario; 20] = [
    scenario(b'c', &[&["check", "-v"]]),
    scenario(EDGE, &[&["check", "-v"]]),
    scenario(b'j', &[&["check", "--format", "json"]]),
    scenario(b'n', &[&["check", "--project", "agentverse", "--environment", "staging"]]),
    Scenario { letter: b't', token: ("RAILWAY_TOKEN", PROJECT_TOKEN), runs: &[&["check"]] },
    scenario(b'm', &[&["matrix"]]),
    scenario(b'k', &[&["compare", "staging", "production", "-v"]]),
    Scenario {
        letter: b'b',
        token: ("SECOND_TOKEN", SECOND_TOKEN),
        runs: &[&["compare", "staging", "production", "--token=production=SECOND_TOKEN", "--format=json"]],
    },
    scenario(b'w', &[&["trace", KEY, "--everywhere", "--yes", "-v"]]),
    scenario(b'v', &[&["trace", KEY, "--from", API, "--format", "json"]]),
    scenario(b'x', &[ROTATE_ALL, &["undo", "--yes"]]),
    scenario(b'h', &[&["fix", "--hoist", KEY, "--yes", "--environment", "staging"], &["undo", "--yes"]]),
    scenario(b'a', &[&["auth", "status"]]),
    scenario(b'i', &[&["init", "--yes"]]),
    scenario(b'f', &[&["fix", "--push", "--yes", "--only", KEY, "--environment", "staging", "--show-logs"]]),
    scenario(b'r', &[&["fix", "--redeploy", "--yes", "--environment", "staging"]]),
    scenario(
        b's',
        &[
            &[
                "fix",
                "--push",
                "--yes",
                "--only",
                KEY,
                "--environment",
                "staging",
                "--start-command",
                COMMAND_WITH_BEAT,
                "--service",
                WORKER,
            ],
            &["undo", "--yes"],
        ],
    ),
    scenario(b'l', &[&["fix", "--pull", "--yes", "--only", "OPS_DRILLS"]]),
    scenario(b'd', &[&["fix", "--push", "--add", "--only", "NEW_FLAG", "--service", API, "--yes"], &["undo", "--yes"]]),
    scenario(b'u', &[&["fix", "--push", "--yes", "--only", KEY, "--environment", "staging"], &["undo", "--yes"]]),
];

/// Added to the file of the incident: a key that Railway does not have.
const NEW_FLAG: &str = "NEW_FLAG=on\n";

/// The most requests of a run, whatever the responses. A run that waits for a deployment repeats one of them.
const MOST_REQUESTS: usize = 4000;

/// The input is a line with the letter of a scenario, and a line for each alteration: `REQUEST PART JSON` replaces a
/// part of the response with that number by JSON; `REQUEST PART` removes the part. A part is a number, or a JSON
/// pointer from `/data`. The request `*` is each of them.
pub fn check(data: &[u8]) {
    drop(run(data));
}

/// Runs the scenario of an input, and returns the simulated Railway.
pub fn run(data: &[u8]) -> Option<Sim> {
    let (scenario, lines) = std::str::from_utf8(data).ok()?.split_once('\n')?;
    let Scenario { letter, token, runs } = SCENARIOS.iter().find(|other| scenario.as_bytes() == [other.letter])?;
    let alterations: Rc<Vec<Alteration>> = Rc::new(lines.lines().filter_map(Alteration::read).collect());
    let (sim, next) = (Sim::new(estate(*letter)), Rc::new(Cell::default()));
    let sandbox = Sandbox::with(&[*token]);
    let (cli_config, config): (fn(&Path) -> String, &str) = if COMPARISONS.contains(letter) {
        (storefront::cli_config, storefront::CONFIG_FILE)
    } else {
        (incident::cli_config, incident::CONFIG_FILE)
    };
    let (work, home, before) = (sandbox.work(), sandbox.home(), format!("{}{NEW_FLAG}", incident::ENV_FILE));
    let sandbox = sandbox
        .file(&work.join(".env"), before.as_bytes())
        .file(&home.join(".railway/config.json"), cli_config(&work).as_bytes());
    // `init` creates the file.
    let has_config = runs[0][0] != "init";
    let sandbox = if has_config { sandbox.file(&work.join("doctor.toml"), config.as_bytes()) } else { sandbox };
    let connect = || -> Box<dyn Transport> {
        Box::new(AlteringTransport { sim: sim.clone(), alterations: Rc::clone(&alterations), next: Rc::clone(&next) })
    };
    for args in *runs {
        let output = sandbox.run(args, &connect, &sim);
        values::assert_not_shown(&output.stdout, lines, args);
        values::assert_not_shown(&output.stderr, lines, args);
        let env_file = std::fs::read_to_string(work.join(".env")).expect("the file exists");
        let is_rotated = *args == ROTATE_ALL && check_rotated(&before, &env_file, &output);
        assert!(args.contains(&"--pull") || is_rotated || env_file == before, "{args:?} writes the file");
        let can_change = ["fix", "rotate", "undo"].contains(&args[0]);
        assert!(can_change || sim.mutations().is_empty(), "{args:?} changes something");
    }
    Some(sim)
}

/// Checks that a rotation changes the file only in the value of the key, and does not show the new value. Returns whether
/// it was changed.
fn check_rotated(before: &str, after: &str, output: &RunOutput) -> bool {
    let value = |text: &str| {
        let rest = text.split_once(&format!("\n{KEY}=")).expect("the file has the key").1;
        rest.lines().next().unwrap_or_default().to_owned()
    };
    let [old, new] = [before, after].map(value);
    assert_eq!(before.replacen(&old, &new, 1), after, "the rotation changes another part of the file");
    let is_shown = old != new && (output.stdout.contains(&new) || output.stderr.contains(&new));
    assert!(!is_shown, "the rotation shows the new value: {}", output.stdout);
    old != new
}

/// The project of a scenario.
fn estate(letter: u8) -> Estate {
    if COPIES.contains(&letter) {
        let mut estate = rotation::estate();
        estate.projects.extend(storefront::estate().projects);
        return estate;
    }
    if COMPARISONS.contains(&letter) {
        let estate = storefront::estate();
        let (project, environment) = (&estate.projects[0].id, &estate.projects[0].environments[1].id);
        let scope = TokenScope::Project { project: project.clone(), environment: environment.clone() };
        return estate.token(SECOND_TOKEN, scope);
    }
    let mut estate = incident::estate();
    if letter == EDGE {
        estate.service_named(API).expect("the service exists").edge = Some(Edge::UnderAttack);
    }
    estate
}

/// A change to one part of a response.
struct Alteration {
    /// `None` for each request.
    request: Option<usize>,
    part: Part,
    /// The replacement; the part is removed if there is none.
    replacement: Option<Value>,
}

/// A part by its number, in the order of [`collect_pointers`], or by its pointer.
enum Part {
    Number(usize),
    Pointer(String),
}

impl Alteration {
    fn read(line: &str) -> Option<Self> {
        let mut fields = line.splitn(3, ' ');
        let request = match fields.next()? {
            "*" => None,
            number => Some(number.parse().ok()?),
        };
        let part = fields.next()?;
        let part =
            if part.starts_with('/') { Part::Pointer(part.to_owned()) } else { Part::Number(part.parse().ok()?) };
        let replacement = match fields.next() {
            Some(json) => Some(serde_json::from_str(json).ok()?),
            None => None,
        };
        Some(Self { request, part, replacement })
    }

    /// Replaces or removes the part. Numbers wrap around.
    fn apply(&self, response: &mut Value) {
        let pointer = match &self.part {
            Part::Pointer(pointer) => pointer.clone(),
            Part::Number(number) => {
                let mut pointers = Vec::new();
                collect_pointers(response, String::new(), &mut pointers);
                pointers.swap_remove(number % pointers.len())
            }
        };
        let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
        match (response.pointer_mut(parent), &self.replacement) {
            (Some(whole), Some(replacement)) if pointer.is_empty() => *whole = replacement.clone(),
            (Some(Value::Object(members)), replacement) => {
                let name = name.replace("~1", "/").replace("~0", "~");
                match replacement {
                    Some(replacement) => drop(members.insert(name, replacement.clone())),
                    None => drop(members.remove(&name)),
                }
            }
            (Some(Value::Array(items)), replacement) => match (name.parse::<usize>(), replacement) {
                (Ok(index), Some(replacement)) if index < items.len() => items[index] = replacement.clone(),
                (Ok(index), None) if index < items.len() => drop(items.remove(index)),
                _ => {}
            },
            _ => {}
        }
    }
}

/// The simulated Railway with altered responses.
struct AlteringTransport {
    sim: Sim,
    alterations: Rc<Vec<Alteration>>,
    next: Rc<Cell<usize>>,
}

impl Transport for AlteringTransport {
    fn post(&self, outgoing: &HttpRequest<'_>) -> Result<HttpResponse, TransportFailure> {
        let mut reply = self.sim.post(outgoing)?;
        let request = self.next.replace(self.next.get() + 1);
        assert!(request < MOST_REQUESTS, "the requests do not end");
        let is_altered = |alteration: &&Alteration| alteration.request.is_none_or(|number| number == request);
        let mut alterations = self.alterations.iter().filter(is_altered).peekable();
        if alterations.peek().is_some()
            && let Ok(mut response) = serde_json::from_slice::<Value>(&reply.body)
        {
            alterations.for_each(|alteration| alteration.apply(&mut response));
            reply.body = Zeroizing::new(response.to_string().into_bytes());
        }
        Ok(reply)
    }

    fn host(&self) -> &'static str {
        "the simulated Railway"
    }
}

/// Appends the pointers to all parts of a value, each after those of its children.
fn collect_pointers(value: &Value, here: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                collect_pointers(member, format!("{here}/{}", name.replace('~', "~0").replace('/', "~1")), pointers);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect_pointers(item, format!("{here}/{index}"), pointers);
            }
        }
        _ => {}
    }
    pointers.push(here);
}
