//! Railway's answers with a part of another shape: a run ends with a word and an exit code of its own, shows no value,
//! and whoever only looks changes nothing.

use std::cell::Cell;
use std::rc::Rc;

use railway_doctor::io::railway::transport::{HttpRequest, HttpResponse, Transport, TransportFailure};
use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::estate::Edge;
use railway_doctor::io::sim::seed::{ACCOUNT_TOKEN, PROJECT_TOKEN, incident};
use serde_json::Value;
use zeroize::Zeroizing;

use super::sandbox::Place;

/// What is run, by the letter that begins an input.
struct Story {
    letter: u8,
    /// The token, and where it is found.
    token: (&'static str, &'static str),
    /// The words of each run.
    runs: &'static [&'static [&'static str]],
}

const fn story(letter: u8, runs: &'static [&'static [&'static str]]) -> Story {
    Story { letter, token: ("RAILWAY_API_TOKEN", ACCOUNT_TOKEN), runs }
}

/// The story in which the edge answers in the place of a service.
const BEHIND_THE_EDGE: u8 = b'e';

/// The key that differs, and a service that has it.
const KEY: &str = "STAGING_OPS_API_KEY";
const API: &str = "agentverse-api-staging";

/// A service whose start command lacks `-B`, and the command that has it.
const WORKER: &str = "agentverse-worker-staging";
const BEAT: &str = "celery --app agentverse.tasks worker --loglevel INFO -B";

const STORIES: [Story; 14] = [
    story(b'c', &[&["check", "-v"]]),
    story(BEHIND_THE_EDGE, &[&["check", "-v"]]),
    story(b'j', &[&["check", "--format", "json"]]),
    story(b'n', &[&["check", "--project", "agentverse", "--environment", "staging"]]),
    Story { letter: b't', token: ("RAILWAY_TOKEN", PROJECT_TOKEN), runs: &[&["check"]] },
    story(b'm', &[&["matrix"]]),
    story(b'a', &[&["auth", "status"]]),
    story(b'i', &[&["init", "--yes"]]),
    story(b'f', &[&["fix", "--push", "--yes", "--only", KEY, "--environment", "staging", "--show-logs"]]),
    story(b'r', &[&["fix", "--redeploy", "--yes", "--environment", "staging"]]),
    story(
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
                BEAT,
                "--service",
                WORKER,
            ],
            &["undo", "--yes"],
        ],
    ),
    story(b'l', &[&["fix", "--pull", "--yes", "--only", "OPS_DRILLS"]]),
    story(b'd', &[&["fix", "--push", "--add", "--only", "NEW_FLAG", "--service", API, "--yes"], &["undo", "--yes"]]),
    story(b'u', &[&["fix", "--push", "--yes", "--only", KEY, "--environment", "staging"], &["undo", "--yes"]]),
];

/// What is in the file beside the incident: a key that is nowhere on Railway.
const NEW_FLAG: &str = "NEW_FLAG=on\n";

/// Values of the file and of Railway that are in no name.
const VALUES: [&str; 7] = [
    "staging-ops-step3-key",
    "staging-ops-autumn-key",
    "staging-ops-summer-key",
    "Zm9yLWxvY2FsLXJ1bnMtb25seQ",
    "d2Xq9vLr4TtWbn7K",
    ACCOUNT_TOKEN,
    PROJECT_TOKEN,
];

/// The input is a line with a letter for what is run, and a line for each bend: `REQUEST PART JSON` puts that JSON in the place of a
/// part of the answer of that number; `REQUEST PART` takes the part away. A part is a number, or a JSON pointer from `/data`.
pub fn hold(data: &[u8]) {
    drop(played(data));
}

/// Plays an input, and gives the Railway that was asked.
pub fn played(data: &[u8]) -> Option<Sim> {
    let (story, lines) = std::str::from_utf8(data).ok()?.split_once('\n')?;
    let Story { letter, token, runs } = STORIES.iter().find(|other| story.as_bytes() == [other.letter])?;
    let bends: Rc<Vec<Bend>> = Rc::new(lines.lines().filter_map(Bend::read).collect());
    let (sim, next) = (Sim::new(incident::estate()), Rc::new(Cell::default()));
    if *letter == BEHIND_THE_EDGE {
        sim.change(|estate| estate.service_named(API).expect("it is there").edge = Some(Edge::UnderAttack));
    }
    let place = Place::with(&[*token]);
    let (work, home, before) = (place.work(), place.home(), format!("{}{NEW_FLAG}", incident::ENV_FILE));
    let place = place
        .file(&work.join(".env"), before.as_bytes())
        .file(&home.join(".railway/config.json"), incident::cli_config(&work).as_bytes());
    // init writes one of its own.
    let is_there = runs[0][0] != "init";
    let place = if is_there { place.file(&work.join("doctor.toml"), incident::CONFIG_FILE.as_bytes()) } else { place };
    let connect = || -> Box<dyn Transport> {
        Box::new(Bent { sim: sim.clone(), bends: Rc::clone(&bends), next: Rc::clone(&next) })
    };
    for words in *runs {
        let ended = place.run(words, &connect, &sim);
        // What a bend itself brings in may be told.
        for value in VALUES.iter().filter(|value| !lines.contains(*value)) {
            assert!(!ended.out.contains(value) && !ended.err.contains(value), "{words:?} shows {value}: {}", ended.out);
        }
        let env_file = std::fs::read_to_string(work.join(".env")).expect("it is there");
        assert!(words.contains(&"--pull") || env_file == before, "{words:?} writes the file");
        assert!(["fix", "undo"].contains(&words[0]) || sim.mutations().is_empty(), "{words:?} changes something");
    }
    Some(sim)
}

/// What becomes of one part of an answer.
struct Bend {
    request: usize,
    part: Part,
    /// What takes its place, if anything does.
    instead: Option<Value>,
}

/// A part by its number, smaller ones first, or by its pointer.
enum Part {
    Number(usize),
    Pointer(String),
}

impl Bend {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        let request = words.next()?.parse().ok()?;
        let part = words.next()?;
        let part =
            if part.starts_with('/') { Part::Pointer(part.to_owned()) } else { Part::Number(part.parse().ok()?) };
        let instead = match words.next() {
            Some(json) => Some(serde_json::from_str(json).ok()?),
            None => None,
        };
        Some(Self { request, part, instead })
    }

    /// Puts something in the place of the part, or takes it away. A number that is too large begins again.
    fn apply(&self, answer: &mut Value) {
        let pointer = match &self.part {
            Part::Pointer(pointer) => pointer.clone(),
            Part::Number(number) => {
                let mut pointers = Vec::new();
                point(answer, String::new(), &mut pointers);
                pointers.swap_remove(number % pointers.len())
            }
        };
        let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
        match (answer.pointer_mut(parent), &self.instead) {
            (Some(whole), Some(instead)) if pointer.is_empty() => *whole = instead.clone(),
            (Some(Value::Object(members)), instead) => {
                let name = name.replace("~1", "/").replace("~0", "~");
                match instead {
                    Some(instead) => drop(members.insert(name, instead.clone())),
                    None => drop(members.remove(&name)),
                }
            }
            (Some(Value::Array(items)), instead) => match (name.parse::<usize>(), instead) {
                (Ok(index), Some(instead)) if index < items.len() => items[index] = instead.clone(),
                (Ok(index), None) if index < items.len() => drop(items.remove(index)),
                _ => {}
            },
            _ => {}
        }
    }
}

/// The simulated Railway, and somebody who bends its answers.
struct Bent {
    sim: Sim,
    bends: Rc<Vec<Bend>>,
    next: Rc<Cell<usize>>,
}

impl Transport for Bent {
    fn post(&self, outgoing: &HttpRequest<'_>) -> Result<HttpResponse, TransportFailure> {
        let mut reply = self.sim.post(outgoing)?;
        let request = self.next.replace(self.next.get() + 1);
        let mut bends = self.bends.iter().filter(|bend| bend.request == request).peekable();
        if bends.peek().is_some()
            && let Ok(mut answer) = serde_json::from_slice::<Value>(&reply.body)
        {
            bends.for_each(|bend| bend.apply(&mut answer));
            reply.body = Zeroizing::new(answer.to_string().into_bytes());
        }
        Ok(reply)
    }

    fn host(&self) -> &'static str {
        "the simulated Railway"
    }
}

/// Where each part of a value is, smaller ones first.
fn point(value: &Value, here: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                point(member, format!("{here}/{}", name.replace('~', "~0").replace('/', "~1")), pointers);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                point(item, format!("{here}/{index}"), pointers);
            }
        }
        _ => {}
    }
    pointers.push(here);
}
