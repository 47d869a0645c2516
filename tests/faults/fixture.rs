//! What the cells share, and how one is played.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::seed::ACCOUNT_TOKEN;

use crate::assertions::Verdict;
use crate::bad_responses::Answer;
use crate::certificate::{Authority, Fit};
use crate::commands::{Column, Place, Speech};
use crate::fault::{Fault, Root, Row, Way};
use crate::leak_scan::Before;
use crate::network_faults::{LOGIN, Proxy, dead};
use crate::run::{Cell, Watch, names, shop};
use crate::server::{Case, Script, Server};

/// What is said or wrong where time ran out before the fault was met.
const SLOW: [&str; 4] = ["no answer from ", "did not answer within ", "keyring does not answer", "it took "];

/// What the cells share.
pub(crate) struct Stage {
    pub(crate) server: Server,
    authority: Authority,
    stranger: Authority,
    pub(crate) keyring: Option<Keyring>,
    /// A fix that can be undone, at the server and at what is taken for Railway.
    fixed: [Fixed; 2],
}

/// A run that changed something, in the folder that remembers it.
struct Fixed {
    cell: Cell,
    run: String,
}

/// A keyring of its own, until it is dropped.
pub(crate) struct Keyring {
    child: Child,
    address: String,
}

impl Drop for Keyring {
    fn drop(&mut self) {
        // The end of its input ends it.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Keyring {
    #[expect(clippy::print_stderr, reason = "a part that was left out says so")]
    fn start(home: &Path) -> Option<Self> {
        let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
        if !["dbus-run-session", "gnome-keyring-daemon"].iter().all(|program| is_there(program)) {
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

impl Stage {
    pub(crate) fn set() -> Self {
        let (authority, stranger, server) = (Authority::new(), Authority::new(), Server::plain());
        let (url, _) = server.serve("fixed", Case::new(Sim::new(shop("mark4711-stored")), usual()));
        let here = Fixed::make(Cell::new(), &["--api-url", &url]);
        let mut cell = Cell::new();
        let _railway = tunnel(&mut cell, &authority, Case::new(Sim::new(shop("mark4711-stored")), usual()));
        let there = Fixed::make(cell, &[]);
        let keyring = Keyring::start(&here.cell.work());
        Self { server, authority, stranger, keyring, fixed: [here, there] }
    }

    /// The folder that a column needs.
    fn cell(&self, column: &Column, there: usize) -> Cell {
        let mut cell = Cell::new();
        match column.place {
            Place::Folder => {}
            Place::Repository => {
                cell.write(".gitignore", ".env\n");
                let made = Command::new("git").args(["init", "-q"]).current_dir(cell.work()).status().unwrap();
                assert!(made.success());
                match column.speech {
                    Speech::Warning => cell.set("GIT_INDEX_FILE", ".git/index"),
                    _ => cell.set("PRE_COMMIT_REMOTE_NAME", "origin"),
                }
            }
            Place::Configured => {
                let [project, environment] = crate::run::ids();
                cell.write("doctor.toml", &format!("project = \"{project}\"\nenvironment = \"{environment}\"\n"));
            }
            Place::Fixed => {
                let from = self.fixed[there].cell.state();
                fs::create_dir_all(cell.state()).unwrap();
                for name in names(&from) {
                    fs::copy(from.join(&name), cell.state().join(&name)).unwrap();
                }
            }
            Place::Keyring => {
                cell.unset("RAILWAY_API_TOKEN");
                let address = self.keyring.as_ref().map(|keyring| keyring.address.as_str());
                cell.set("DBUS_SESSION_BUS_ADDRESS", address.unwrap_or_default());
            }
        }
        cell
    }

    /// Plays one cell.
    ///
    /// A machine that is too busy to come to the fault in time is given more of it, in a cell of its own: how fast it is
    /// is not what is tried here.
    pub(crate) fn play(&self, number: usize, row: &Row, column: &Column) -> Result<(), String> {
        let mut result = Ok(());
        for (attempt, times) in [1, 4, 4, 4, 8, 8].into_iter().enumerate() {
            result = self.once(&format!("{number}-{attempt}"), row, column, row.limit * times);
            let is_slow = |what: &String| SLOW.iter().any(|words| what.contains(words));
            if !result.as_ref().is_err_and(is_slow) {
                break;
            }
        }
        result
    }

    fn once(&self, path: &str, row: &Row, column: &Column, limit: u64) -> Result<(), String> {
        let stored = if column.place == Place::Fixed { "mark4711-local" } else { "mark4711-stored" };
        let script: Script = match &row.fault {
            Fault::Answer(answer) => {
                let answer = answer.clone();
                Box::new(move |_, _| answer.clone())
            }
            Fault::Way(_) => usual(),
        };
        let case = Case::new(Sim::new(shop(stored)), script);
        let there = usize::from(matches!(row.fault, Fault::Way(_)));
        let mut cell = self.cell(column, there);
        let mut words: Vec<String> = column.words.iter().map(|&word| word.to_owned()).collect();
        words.iter_mut().filter(|word| *word == "RUN").for_each(|word| word.clone_from(&self.fixed[there].run));
        words.push(format!("--timeout={limit}ms"));
        let case = match row.fault {
            Fault::Answer(_) => {
                let (url, case) = self.server.serve(path, case);
                words.push(format!("--api-url={url}"));
                case
            }
            Fault::Way(Way::Nobody) => {
                words.push(format!("--api-url=http://{}/graphql/v2", dead()));
                Arc::new(case)
            }
            Fault::Way(way) => self.lead(way, &mut cell, case),
        };
        let (before, written) = ((cell.names(), names(&cell.state())), Before::of(&cell));
        let words: Vec<&str> = words.iter().map(String::as_str).chain([Cell::RECORDED]).collect();
        let input = if column.place == Place::Keyring { ACCOUNT_TOKEN } else { "" };
        let is_other = |(name, _): &&(&str, _)| *name == column.name;
        let ends = row.but.iter().find(is_other).map_or(&row.ends, |(_, ends)| ends);
        let ran = cell.run(&words, input, row.watch);
        let limit = Duration::from_millis(limit);
        let verdict = Verdict { row, column, limit, cell: &cell, case: &case, ran: &ran };
        let recorded = cell.recorded().and_then(|lines| {
            let is_whole = lines.len() >= case.heard().len();
            if is_whole {
                Ok(())
            } else {
                Err(format!("{} of {} requests are recorded", lines.len(), case.heard().len()))
            }
        });
        let result = written.is_silent(&cell, &ran).and(recorded).and_then(|()| verdict.of(ends, &before));
        result.map_err(|what| format!("{what}\n{ran:#?}"))
    }

    /// Sets a cell on a way to what it takes for Railway.
    fn lead(&self, way: Way, cell: &mut Cell, case: Case) -> Arc<Case> {
        let (fit, root) = match way {
            Way::Tls(fit, root) => (fit, root),
            _ => (Fit::Right, Root::Known),
        };
        let server = Server::tls(self.authority.server("backboard.railway.com", fit));
        let case = server.serve_as_railway(case);
        let proxy = match way {
            Way::Tls(..) | Way::Nobody => Proxy::To(server.address()).start().to_string(),
            Way::NoName => "nowhere.invalid:3128".to_owned(),
            Way::NoPort => dead().to_string(),
            Way::Refuses(words) => Proxy::Says(words).start().to_string(),
            Way::Silent => Proxy::Silent.start().to_string(),
        };
        let roots = match root {
            Root::Known => &self.authority.pem,
            Root::Unknown => &self.stranger.pem,
            Root::None => "",
        };
        trust(cell, roots);
        cell.set("HTTPS_PROXY", &format!("http://{LOGIN}@{proxy}"));
        // A resolver that answers nobody is not waited for.
        cell.set("RES_OPTIONS", "timeout:1 attempts:1");
        case
    }
}

impl Fixed {
    fn make(cell: Cell, way: &[&str]) -> Self {
        let words = ["fix", "--push", "--yes", "--only=API_KEY", "--no-deploy"];
        let ran = cell.run(&[&words, way].concat(), "", Watch::Nothing);
        let run = cell.runs().pop().unwrap_or_else(|| panic!("{ran:#?}"));
        Self { cell, run }
    }
}

/// A tunnel to what a cell is to take for Railway.
fn tunnel(cell: &mut Cell, authority: &Authority, case: Case) -> Arc<Case> {
    let server = Server::tls(authority.server("backboard.railway.com", Fit::Right));
    let case = server.serve_as_railway(case);
    trust(cell, &authority.pem);
    cell.set("HTTPS_PROXY", &format!("http://{}", Proxy::To(server.address()).start()));
    case
}

/// Lets a cell trust these roots alone.
pub(crate) fn trust(cell: &mut Cell, roots: &str) {
    let folder = cell.work().parent().unwrap().join("roots");
    fs::create_dir_all(folder.join("none")).unwrap();
    fs::write(folder.join("roots.pem"), roots).unwrap();
    cell.set("SSL_CERT_FILE", &folder.join("roots.pem").display().to_string());
    cell.set("SSL_CERT_DIR", &folder.join("none").display().to_string());
}

pub(crate) fn usual() -> Script {
    Box::new(|_, _| Answer::usual())
}
