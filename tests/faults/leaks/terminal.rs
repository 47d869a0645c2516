//! The same on a terminal, where tables are cut to its width, plans are shown before a question, and logs without being asked.

use std::io::{Read, Write};
use std::sync::mpsc;
use std::thread;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use railway_doctor::io::sim::Sim;

use crate::fixture::usual;
use crate::leaks::checkout;
use crate::leaks::fixture::World;
use crate::markers::found;
use crate::parallel::{Job, MANY, hold, play};
use crate::run::{Cell, PATIENCE};
use crate::server::{Case, Server};

/// So narrow that most names are cut, and so wide that nothing is.
const WIDTHS: [u16; 2] = [24, 300];

/// Words, the keys that are pressed, and what is seen when it has come as far as it is to.
type Scene = (&'static [&'static str], &'static str, World, &'static str);

const SCENES: &[Scene] = &[
    (&["check", "-v"], "", World::Drift, "API_KEY"),
    (&["matrix", "-v"], "", World::Drift, "API_KEY"),
    (&["fix"], "y\u{1b}", World::Drift, "API_KEY"),
    (&["fix", "--push", "--only=API_KEY"], "yy", World::Failing, "in base64:"),
    (&["fix", "--pull"], "n", World::Drift, "LONG_SECRET="),
    (&["init"], "\u{1b}", World::Undeclared, "api"),
];

/// What the terminal shows of it in the end.
fn seen(cell: &Cell, words: &[&str], keys: &str, columns: u16) -> String {
    let size = PtySize { rows: 50, cols: columns, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_doctor"));
    command.args(words);
    command.cwd(cell.work());
    command.env_clear();
    for (name, value) in cell.variables() {
        command.env(name, value);
    }
    command.env("TERM", "xterm");
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let (mut reader, mut writer) = (pair.master.try_clone_reader().unwrap(), pair.master.take_writer().unwrap());
    writer.write_all(keys.as_bytes()).unwrap();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let (mut shown, mut bytes) = (Vec::new(), [0; 4096]);
        // At its end a terminal is an error, not an end.
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            shown.extend_from_slice(&bytes[..count]);
        }
        sender.send(shown)
    });
    let shown = receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        // It waits for a key that nobody presses.
        child.kill().unwrap();
        receiver.recv().unwrap()
    });
    child.wait().unwrap();
    let mut screen = vt100::Parser::new(2000, columns, 0);
    screen.process(&shown);
    screen.screen().contents() + &String::from_utf8_lossy(&shown)
}

#[test]
fn terminal_shows_values_only_on_request() {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for columns in WIDTHS {
        for (words, keys, world, sign) in SCENES {
            let case = Case::new(Sim::new(world.estate()), usual());
            let (url, _) = server.serve(&format!("terminal-{}", jobs.len()), case);
            let job = move || {
                let (cell, address) = (checkout(words, *world), format!("--api-url={url}"));
                let seen = seen(&cell, &[words, &[address.as_str()][..]].concat(), keys, columns);
                hold!(found(seen.as_bytes()).is_none(), "{}\n{seen}", found(seen.as_bytes()).unwrap_or_default());
                hold!(seen.contains(sign), "it did not come so far\n{seen}");
                Ok(())
            };
            jobs.push((format!("{} in {columns} columns", words.join(" ")), Box::new(job)));
        }
    }
    let (url, _) = server.serve("terminal-shown", Case::new(Sim::new(World::Drift.estate()), usual()));
    let shown = move || {
        let (cell, address) = (checkout(&[], World::Drift), format!("--api-url={url}"));
        let seen = seen(&cell, &["check", "--show-values", &address], "", 80);
        hold!(found(seen.as_bytes()).is_some(), "values that were asked for are not shown\n{seen}");
        Ok(())
    };
    jobs.push(("check --show-values".to_owned(), Box::new(shown)));
    play([(jobs, MANY)]);
}
