//! Questions, progress and Ctrl-C on a real pseudo-terminal: what its screen shows, and how it is left behind.
#![cfg(unix)]
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "it starts itself again at a terminal of its own")]

use std::io::{Read, Write};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use railway_doctor::error::{Error, Exit};
use railway_doctor::io::process;
use railway_doctor::io::terminal::progress_row::{ProgressRow, RowState};
use railway_doctor::io::terminal::prompt::{PromptAnswer, YesNo, can_ask};
use railway_doctor::io::world::World;

/// A terminal with a scene on it.
struct Stage {
    screen: Arc<Mutex<vt100::Parser>>,
    keys: Box<dyn Write + Send>,
    _terminal: Box<dyn MasterPty + Send>,
}

impl Stage {
    /// Plays that scene. Afterwards the shell says how it ended and how the terminal reads keys.
    fn play(scene: &str, term: &str, columns: u16) -> Self {
        let size = PtySize { rows: 24, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let script = "trap : INT; \"$0\" --exact scene --ignored --nocapture --quiet; echo \"code $?\"; \
                      stty -a | tr ' ;' '\\n\\n' | grep -xE -e '-?(echo|icanon|isig)' | tr '\\n' ' '; echo over; sleep 60";
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", script, std::env::current_exe().unwrap().to_str().unwrap()]);
        command.env("SCENE", scene);
        command.env("TERM", term);
        command.env_remove("CI");
        for told in ["FORCE_HYPERLINK", "DOMTERM", "VTE_VERSION", "TERM_PROGRAM", "COLORTERM", "WT_SESSION"] {
            command.env_remove(told);
        }
        command.env_remove("KONSOLE_VERSION");
        pair.slave.spawn_command(command).unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(24, columns, 100)));
        let mut output = pair.master.try_clone_reader().unwrap();
        let heard = Arc::clone(&screen);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                heard.lock().unwrap().process(&bytes[..count]);
            }
        });
        Self { screen, keys: pair.master.take_writer().unwrap(), _terminal: pair.master }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen shows that.
    fn wait_for(&self, text: &str) -> String {
        let start = Instant::now();
        while !self.text().contains(text) {
            assert!(start.elapsed() < Duration::from_secs(20), "no {text:?} in\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        }
        self.text()
    }

    /// Waits for the end: what the screen shows, from the scene's own first line on.
    fn end(&self) -> String {
        let text = self.wait_for("over");
        assert!(!self.screen.lock().unwrap().screen().hide_cursor(), "the cursor is there\n{text}");
        assert!(text.contains("isig icanon echo over"), "the terminal reads lines and shows them\n{text}");
        text
    }
}

/// The scene's side: not a test, but what the tests start.
#[test]
#[ignore = "it is what the other tests start at a terminal of its own"]
#[expect(clippy::exit, reason = "the test's process plays doctor's")]
fn scene() {
    let code = std::sync::atomic::AtomicU8::new(0);
    process::run(|_, world| {
        let ended = play(world);
        if ended == Err(Error::Interrupted) {
            world.interrupt.announce(&|line| world.talk.print_line(line));
        }
        let exit = ended.map_or_else(|error| error.exit(), |()| Exit::Clean);
        code.store(exit.code(), Ordering::Relaxed);
        exit
    });
    std::process::exit(code.into_inner().into());
}

fn play(world: &World<'_>) -> Result<(), Error> {
    assert!(can_ask(&world.terminal, &world.variables));
    let items = ["push .env → Railway", "pull Railway → .env, ééééééééééééééééééééééééééééééééééééééééé", "skip"];
    let items = items.map(str::to_owned);
    if world.variable("SCENE") == Some("choose-as") {
        world.talk.print_line(&format!("process {}", std::process::id()));
    }
    match world.variable("SCENE").unwrap() {
        "choose" | "choose-as" => match world.ask.choose("A choice:", &items, 0)? {
            PromptAnswer::Given(index) => world.talk.print_line(&format!("item {index}")),
            PromptAnswer::Back => world.talk.print_line("back"),
        },
        "choose-many" => match world.ask.choose_many("Choices:", &items, &[2])? {
            PromptAnswer::Given(indices) => world.talk.print_line(&format!("items {indices:?}")),
            PromptAnswer::Back => world.talk.print_line("back"),
        },
        "confirm" => match world.ask.confirm(&"Is this right, in every one of its words? ".repeat(3), YesNo::No)? {
            PromptAnswer::Given(reply) => world.talk.print_line(&format!("{reply:?}")),
            PromptAnswer::Back => world.talk.print_line("back"),
        },
        "line-from" => match world.ask.line_from("The reason:", "as ever")? {
            PromptAnswer::Given(line) => world.talk.print_line(&format!("it is {line}")),
            PromptAnswer::Back => world.talk.print_line("back"),
        },
        "line" => match world.ask.line("The reason:")? {
            PromptAnswer::Given(line) => world.talk.print_line(&format!("it is {line}")),
            PromptAnswer::Back => world.talk.print_line("back"),
        },
        "links" => world.talk.print_line(&format!("links {}", world.terminal.links)),
        "spinner" => {
            world.talk.waiting("asking Railway");
            world.interrupt.pause(world.clock, Duration::from_secs(30));
        }
        "write" => follow(world, &|| world.interrupt.is_requested()),
        "stubborn" => follow(world, &|| false),
        scene => panic!("{scene}"),
    }
    Ok(())
}

/// Follows two deployments until Ctrl-C, or for half a minute.
fn follow(world: &World<'_>, stop: &dyn Fn() -> bool) {
    world.talk.waiting("storing");
    world.interrupt.begin_writing();
    for second in 0..300 {
        let state = |seconds| match second {
            _ if second < seconds => ("BUILDING", RowState::Running),
            _ => ("SUCCESS", RowState::Good),
        };
        let row = |name: &str, (state, done): (&str, RowState)| ProgressRow {
            name: name.to_owned(),
            state: state.to_owned(),
            elapsed: Duration::from_secs(second),
            done,
        };
        world.talk.progress(&[
            row("agentverse-api-staging", state(4)),
            row("agentverse-worker-staging-with-a-long-name", state(1000)),
        ]);
        if second == 5 {
            world.talk.print_line("api is served");
        }
        if stop() {
            break;
        }
        world.clock.sleep(Duration::from_millis(100));
    }
    world.talk.done();
    world.interrupt.end_writing();
    world.talk.print_line("the receipt");
}

#[test]
fn arrows_select_one_option_and_leave_one_line() {
    let mut stage = Stage::play("choose", "xterm-256color", 60);
    stage.wait_for("  skip");
    for _ in 0..3 {
        stage.press("\u{1b}[B");
        thread::sleep(Duration::from_millis(50));
    }
    stage.press("\u{1b}[B");
    let text = stage.wait_for("> pull");
    let cut = format!("> pull Railway → .env, {}…", "é".repeat(35));
    let expected = ["A choice:", "  push .env → Railway", &cut, "  skip"];
    assert!(text.contains(&expected.join("\n")), "{text}");
    stage.press("\r");
    let text = stage.end();
    assert!(text.contains("A choice: pull Railway → .env, ééé") && text.contains("item 1\ncode 0"), "{text}");
    assert!(!text.contains("skip"), "{text}");
}

#[test]
fn hyperlinks_require_a_supporting_terminal() {
    for (term, links) in [("xterm-kitty", true), ("alacritty", true), ("xterm-256color", false), ("dumb", false)] {
        let text = Stage::play("links", term, 80).end();
        assert!(text.contains(&format!("links {links}\ncode 0")), "{term}\n{text}");
    }
}

#[test]
fn escape_goes_back_and_space_selects_several() {
    for scene in ["choose", "choose-many", "confirm"] {
        let mut stage = Stage::play(scene, "xterm-256color", 80);
        stage.wait_for(if scene == "confirm" { "[y/N]" } else { "skip" });
        stage.press("\u{1b}");
        assert!(stage.end().contains("back\ncode 0"), "{scene}");
    }
    let mut stage = Stage::play("choose-many", "xterm-256color", 80);
    stage.wait_for("skip");
    stage.press(" ");
    let text = stage.wait_for("> [x] push");
    assert!(text.contains("\n  [x] skip"), "what Enter alone means is picked already\n{text}");
    stage.press("\r");
    assert!(stage.end().contains("items [0, 2]\ncode 0"));
}

#[test]
fn long_question_is_shown_once() {
    let mut stage = Stage::play("confirm", "xterm-256color", 60);
    stage.wait_for("[y/N]");
    stage.press("y");
    let text = stage.end();
    assert_eq!(text.replace('\n', " ").matches("Is this right").count(), 3, "{text}");
    assert!(text.contains("Yes\ncode 0"), "{text}");
}

#[test]
fn typed_line_is_returned_and_empty_line_goes_back() {
    for (scene, keys, expected) in [
        ("line", "because\r", "it is because\ncode 0"),
        ("line", "\r", "back\ncode 0"),
        ("line-from", "\r", "it is as ever\ncode 0"),
        ("line-from", "\u{7f}\u{7f}\u{7f}\u{7f}before\r", "it is as before\ncode 0"),
    ] {
        let mut stage = Stage::play(scene, "xterm-256color", 80);
        stage.wait_for("The reason:");
        stage.press(keys);
        assert!(stage.end().contains(expected), "{keys:?}");
    }
}

#[test]
fn ctrl_c_at_any_prompt_restores_the_terminal() {
    for (scene, shown, term) in [
        ("choose", "skip", "xterm-256color"),
        ("choose-many", "skip", "xterm-256color"),
        ("confirm", "[y/N]", "xterm-256color"),
        ("line", "The reason:", "xterm-256color"),
        ("choose", "choice, or b", "dumb"),
        ("line", "The reason:", "dumb"),
        ("spinner", "asking Railway", "xterm-256color"),
    ] {
        let mut stage = Stage::play(scene, term, 80);
        stage.wait_for(shown);
        thread::sleep(Duration::from_millis(50));
        stage.press("\u{3}");
        let text = stage.end();
        assert_eq!(text.matches("interrupted").count(), 1, "{scene} {term}\n{text}");
        assert!(text.contains("\ndoctor: interrupted; nothing was changed\ncode 130"), "{scene} {term}\n{text}");
    }
}

#[test]
fn signal_at_a_prompt_restores_the_terminal() {
    for signal in ["-INT", "-TERM"] {
        let stage = Stage::play("choose-as", "xterm-256color", 80);
        let text = stage.wait_for("skip");
        let process = text.lines().find_map(|line| line.strip_prefix("process ")).unwrap();
        // It goes to the process, and so to a thread that is not the one that reads keys.
        assert!(std::process::Command::new("kill").args([signal, process]).status().unwrap().success());
        let text = stage.end();
        assert!(text.contains("\ndoctor: interrupted; nothing was changed\ncode 130"), "{signal}\n{text}");
    }
}

#[test]
fn dumb_terminal_uses_numbered_prompts() {
    let mut stage = Stage::play("choose", "dumb", 80);
    let text = stage.wait_for("[1]:");
    assert!(text.contains("A choice:\n  1) push .env → Railway\n  2) pull"), "{text}");
    stage.press("3\n");
    assert!(stage.end().contains("item 2\ncode 0"));
}

#[test]
fn rows_update_in_place_and_keep_their_last_state() {
    let mut stage = Stage::play("write", "xterm-256color", 60);
    stage.wait_for("api is served");
    let text = stage.wait_for("✓ agentverse-api-staging");
    assert_eq!(text.matches("agentverse-api").count(), 1, "{text}");
    stage.press("\u{3}");
    let text = stage.end();
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part:?} in\n{text}"));
    assert!(at("api is served") < at("doctor: finishing this step"));
    assert!(at("doctor: finishing this step") < at("✓ agentverse-api-staging"));
    assert!(at("✓ agentverse-api-staging") < at("· agentverse-worker"));
    assert!(at("· agentverse-worker") < at("the receipt\ncode 0"));
    assert_eq!(text.matches("agentverse-api").count(), 1, "{text}");
    assert!(!text.contains("storing") && !text.contains("^C"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 57 || line.starts_with("doctor:")), "{text}");
}

#[test]
fn second_ctrl_c_aborts_a_write_with_a_notice() {
    let mut stage = Stage::play("write", "xterm-256color", 80);
    stage.wait_for("agentverse-worker");
    stage.press("\u{3}");
    let text = stage.end();
    assert!(text.contains("finishing this step") && text.contains("the receipt\ncode 0"), "{text}");

    let mut stage = Stage::play("stubborn", "xterm-256color", 80);
    stage.wait_for("agentverse-worker");
    stage.press("\u{3}");
    stage.wait_for("finishing this step");
    stage.press("\u{3}");
    let text = stage.end();
    let last = "doctor: interrupted while changes were under way; `doctor undo --list` and `doctor check` tell";
    assert!(text.contains(last) && text.contains("code 130"), "{text}");
}
