//! A pseudo-terminal that runs a scenario.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};

/// A pseudo-terminal that runs a scenario.
pub(crate) struct PseudoTerminal {
    screen: Arc<Mutex<vt100::Parser>>,
    keys: Box<dyn Write + Send>,
    _master: Box<dyn MasterPty + Send>,
}

impl PseudoTerminal {
    /// Starts the scenario. Afterwards, the shell prints the exit code and the terminal's input modes.
    pub(crate) fn start(scenario: &str, term: &str, columns: u16) -> Self {
        let size = PtySize { rows: 24, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let script = "trap : INT; \"$0\" --exact scenario::scenario --ignored --nocapture --quiet; echo \"code $?\"; \
                      stty -a | tr ' ;' '\\n\\n' | grep -xE -e '-?(echo|icanon|isig)' | tr '\\n' ' '; echo over; sleep 60";
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", script, std::env::current_exe().unwrap().to_str().unwrap()]);
        command.env("SCENARIO", scenario);
        command.env("TERM", term);
        command.env_remove("CI");
        for name in ["FORCE_HYPERLINK", "DOMTERM", "VTE_VERSION", "TERM_PROGRAM", "COLORTERM", "WT_SESSION"] {
            command.env_remove(name);
        }
        command.env_remove("KONSOLE_VERSION");
        pair.slave.spawn_command(command).unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(24, columns, 100)));
        let mut output = pair.master.try_clone_reader().unwrap();
        let written = Arc::clone(&screen);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                written.lock().unwrap().process(&bytes[..count]);
            }
        });
        Self { screen, keys: pair.master.take_writer().unwrap(), _master: pair.master }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    pub(crate) fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen shows the text, and returns the screen.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait_for_times(text, 1)
    }

    /// Waits until the screen shows the text so many times, and returns the screen.
    pub(crate) fn wait_for_times(&self, text: &str, times: usize) -> String {
        let start = Instant::now();
        while self.text().matches(text).count() < times {
            assert!(start.elapsed() < Duration::from_secs(20), "no {text:?} in\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        }
        self.text()
    }

    /// Waits for the end and returns the screen. Fails if the terminal is not restored.
    pub(crate) fn end(&self) -> String {
        let text = self.wait_for("over");
        assert!(!self.screen.lock().unwrap().screen().hide_cursor(), "the cursor is hidden\n{text}");
        assert!(text.contains("isig icanon echo over"), "the terminal is still in raw mode\n{text}");
        text
    }
}
