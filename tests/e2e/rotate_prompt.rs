//! `doctor rotate` on a pseudo-terminal: the prompts for the new value show nothing, and Ctrl-C at each prompt leaves the
//! terminal as it was and changes nothing.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService, SimVariable};
use railway_doctor::io::sim::seed::ACCOUNT_TOKEN;
use railway_doctor::io::sim::status_timeline::StatusTimeline;

use crate::binary::Doctor;
use crate::test_each::test_each;

const OLD: &str = "kV93xLq0wMn72RbYcJd5";
const NEW: &str = "pT41cYw8rGh65ZsXeKa2";

const VALUE_PROMPT: &str = "New value of API_KEY (hidden):";
const REPEATED_PROMPT: &str = "Repeat the new value (hidden):";
const COPIES_PROMPT: &str = "Which other copies should be replaced?";
const PLAN_PROMPT: &str = "Apply this plan?";

/// Every prompt in order, and the keys that answer it. No copy is selected.
fn prompts(term: &str) -> [(&'static str, String); 4] {
    let (end, none) = if term == "dumb" { ("\n", "0") } else { ("\r", "") };
    [(VALUE_PROMPT, NEW), (REPEATED_PROMPT, NEW), (COPIES_PROMPT, none), (PLAN_PROMPT, "y")]
        .map(|(prompt, keys)| (prompt, format!("{keys}{end}")))
}

fn shop() -> Doctor {
    let service = |name: &str, key: &str| {
        let service = SimService::named(name).repository("crew/shop").variables(&[(key, OLD)]);
        service.plan(StatusTimeline::through(&["SUCCESS"]))
    };
    let environment = Environment::named("staging").service(service("api", "API_KEY")).service(service("web", "COPY"));
    let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
    Doctor::new(estate).file(".env", env_file(OLD))
}

fn env_file(value: &str) -> String {
    format!("API_KEY={value}\n")
}

fn stored(doctor: &Doctor) -> String {
    doctor.served.sim.change(|estate| {
        match &estate.projects[0].environments[0].service_named("api").unwrap().variables["API_KEY"] {
            SimVariable::Open(text) | SimVariable::Sealed(text) => text.expose().to_owned(),
        }
    })
}

/// A pseudo-terminal that runs `doctor rotate`. Afterwards, the shell prints the exit code and the input modes.
struct RotateTerminal {
    screen: Arc<Mutex<vt100::Parser>>,
    /// Everything that was written, also what was overwritten.
    written: Arc<Mutex<Vec<u8>>>,
    keys: Box<dyn Write + Send>,
    _master: Box<dyn MasterPty + Send>,
}

impl RotateTerminal {
    fn start(doctor: &Doctor, term: &str, arguments: &str) -> Self {
        let size = PtySize { rows: 60, cols: 120, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let script = format!(
            "trap : INT; '{}' rotate API_KEY --api-url {} {arguments}; echo \"code $?\"; stty -a | tr ' ;' '\\n\\n' | \
             grep -xE -e '-?(echo|icanon|isig)' | tr '\\n' ' '; echo over; sleep 60",
            env!("CARGO_BIN_EXE_doctor"),
            doctor.served.url()
        );
        let [project, environment] = doctor.served.sim.change(|estate| {
            let project = &estate.projects[0];
            [project.id.clone(), project.environments[0].id.clone()]
        });
        let mut command = CommandBuilder::new("/bin/sh");
        command.args(["-c", &script]);
        command.cwd(doctor.work());
        command.env_clear();
        let home = doctor.home().display().to_string();
        for (name, value) in [
            ("PATH", "/usr/bin:/bin"),
            ("HOME", &home),
            ("TERM", term),
            ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus"),
            ("RAILWAY_API_TOKEN", ACCOUNT_TOKEN),
            ("RAILWAY_PROJECT_ID", &project),
            ("RAILWAY_ENVIRONMENT_ID", &environment),
        ] {
            command.env(name, value);
        }
        pair.slave.spawn_command(command).unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(60, 120, 1000)));
        let written: Arc<Mutex<Vec<u8>>> = Arc::default();
        let mut output = pair.master.try_clone_reader().unwrap();
        let (shown, recorded) = (Arc::clone(&screen), Arc::clone(&written));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                shown.lock().unwrap().process(&bytes[..count]);
                recorded.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        });
        Self { screen, written, keys: pair.master.take_writer().unwrap(), _master: pair.master }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen shows the text so many times.
    fn wait_for(&self, text: &str, times: usize) {
        let start = Instant::now();
        while self.text().matches(text).count() < times {
            assert!(start.elapsed() < Duration::from_secs(30), "no {text:?} in\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        }
        // The prompt discards what is typed before it reads.
        thread::sleep(Duration::from_millis(200));
    }

    /// Waits for the end, and returns the screen. Fails if the terminal is not restored, or if a value was shown.
    fn end(&self) -> String {
        self.wait_for(" over", 1);
        let text = self.text();
        assert!(!self.screen.lock().unwrap().screen().hide_cursor(), "the cursor is hidden\n{text}");
        assert!(text.contains("isig icanon echo over"), "the terminal is still in raw mode\n{text}");
        let written = String::from_utf8_lossy(&self.written.lock().unwrap()).into_owned();
        for part in [OLD, NEW, &OLD[..6], &NEW[..6], &NEW[14..]] {
            assert!(!written.contains(part), "{part} was shown\n{text}");
        }
        text
    }
}

#[test]
fn typed_value_is_hidden_and_stored() {
    test_each(["xterm-256color", "dumb"], |term| {
        let doctor = shop();
        let mut terminal = RotateTerminal::start(&doctor, term, "");
        for (prompt, keys) in prompts(term) {
            terminal.wait_for(prompt, 1);
            terminal.press(&keys);
        }
        let text = terminal.end();
        // The copy was not selected.
        assert!(text.contains("code 6"), "{term}\n{text}");
        assert_eq!(stored(&doctor), NEW, "{term}\n{text}");
        assert_eq!(std::fs::read_to_string(doctor.work().join(".env")).unwrap(), env_file(NEW), "{term}");
    });
}

#[test]
fn ctrl_c_at_any_prompt_changes_nothing() {
    let of_term = |term| (0..4).map(move |count| (term, count));
    test_each(["xterm-256color", "dumb"].into_iter().flat_map(of_term), |(term, count)| {
        let prompts = prompts(term);
        let prompt = prompts[count].0;
        let doctor = shop();
        let mut terminal = RotateTerminal::start(&doctor, term, "");
        for (prompt, keys) in &prompts[..count] {
            terminal.wait_for(prompt, 1);
            terminal.press(keys);
        }
        terminal.wait_for(prompt, 1);
        // A part of the value is already typed.
        if count < 2 {
            terminal.press(&NEW[..9]);
            thread::sleep(Duration::from_millis(100));
        }
        terminal.press("\u{3}");
        let text = terminal.end();
        assert!(text.contains("interrupted; nothing was changed"), "{term} at {prompt:?}\n{text}");
        assert!(text.contains("code 130"), "{term} at {prompt:?}\n{text}");
        assert_eq!(stored(&doctor), OLD, "{term} at {prompt:?}");
        assert_eq!(std::fs::read_to_string(doctor.work().join(".env")).unwrap(), env_file(OLD));
        assert!(doctor.served.sim.mutations().is_empty(), "{term} at {prompt:?}");
    });
}

#[test]
fn values_that_differ_or_are_unusable_are_typed_again() {
    let doctor = shop();
    let mut terminal = RotateTerminal::start(&doctor, "xterm-256color", "--all-copies");
    terminal.wait_for(VALUE_PROMPT, 1);
    terminal.press("changeme\r");
    terminal.wait_for(VALUE_PROMPT, 2);
    terminal.press(&format!("{OLD}\r"));
    terminal.wait_for(VALUE_PROMPT, 3);
    terminal.press(&format!("{NEW}\r"));
    terminal.wait_for(REPEATED_PROMPT, 1);
    terminal.press(&format!("{}\r", &NEW[1..]));
    terminal.wait_for(VALUE_PROMPT, 4);
    terminal.press(&format!("{NEW}\r"));
    terminal.wait_for(REPEATED_PROMPT, 2);
    terminal.press(&format!("{NEW}\r"));
    terminal.wait_for(PLAN_PROMPT, 1);
    terminal.press("y\r");
    let text = terminal.end();
    for shown in ["it is a placeholder", "it is equal to the old value", "The two values differ.", "code 0"] {
        assert!(text.contains(shown), "{shown}\n{text}");
    }
    assert_eq!(stored(&doctor), NEW);
}

#[test]
fn escape_at_a_value_prompt_changes_nothing() {
    let prompts = prompts("xterm-256color");
    test_each(0..2, |count: usize| {
        let doctor = shop();
        let mut terminal = RotateTerminal::start(&doctor, "xterm-256color", "");
        for (prompt, keys) in &prompts[..count] {
            terminal.wait_for(prompt, 1);
            terminal.press(keys);
        }
        terminal.wait_for(prompts[count].0, 1);
        terminal.press(&format!("{}\u{1b}", &NEW[..9]));
        let text = terminal.end();
        assert!(text.contains("code 2"), "{text}");
        assert!(doctor.served.sim.mutations().is_empty(), "{text}");
        assert_eq!(std::fs::read_to_string(doctor.work().join(".env")).unwrap(), env_file(OLD));
    });
}

/// A value that is typed into `--stdin` would be shown by the terminal.
#[test]
fn stdin_is_not_read_from_a_terminal() {
    let doctor = shop();
    let mut terminal = RotateTerminal::start(&doctor, "xterm-256color", "--stdin --yes");
    thread::sleep(Duration::from_millis(1500));
    terminal.press("\u{3}");
    let text = terminal.end();
    assert!(text.contains("code 2") && text.contains("pipe the value into the command"), "{text}");
    assert!(doctor.served.sim.mutations().is_empty(), "{text}");
}
