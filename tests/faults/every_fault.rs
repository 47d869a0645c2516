//! Every fault times every verb.

use std::net::TcpListener;

use railway_doctor::io::sim::Sim;

use crate::commands::{COLUMNS, Column, Place};
use crate::fault::{Breadth, Fault, Row, Way};
use crate::fault_table::rows;
use crate::fixture::{Stage, usual};
use crate::markers::found;
use crate::network_faults::heard;
use crate::parallel::{FEW, Job, MANY, play};
use crate::run::{Watch, shop};
use crate::server::Case;

/// The columns that meet every fault also in the ordinary tests.
const FEW_COLUMNS: [&str; 4] = ["check", "push", "undo", "hook"];

#[test]
fn commands_lose_nothing_under_faults() {
    cross(|row, column| row.breadth == Breadth::Every || FEW_COLUMNS.contains(&column.name));
}

#[test]
#[ignore = "long"]
fn long_commands_lose_nothing_under_remaining_faults() {
    cross(|row, column| row.breadth == Breadth::Few && !FEW_COLUMNS.contains(&column.name));
}

/// Plays every cell that is wanted.
fn cross(is_wanted: impl Fn(&Row, &Column) -> bool) {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let stage = Stage::set();
    let (_, redirected) = stage.server.serve("elsewhere", Case::new(Sim::new(shop("mark4711-stored")), usual()));
    let rows = rows(&format!("http://{}", elsewhere.local_addr().unwrap()));
    let [mut jobs, mut watched, mut logins] = [const { Vec::<Job<'_>>::new() }; 3];
    // Neighbours in the queue are of different rows, so that not all of them wait or work at the same time.
    for column in &COLUMNS {
        for row in &rows {
            let is_left_out = matches!(row.fault, Fault::Way(Way::Nobody)) && column.place == Place::Fixed;
            let is_possible = column.place != Place::Keyring || stage.keyring.is_some();
            if is_left_out || !is_possible || !is_wanted(row, column) {
                continue;
            }
            let (stage, number) = (&stage, jobs.len() + watched.len() + logins.len());
            let job: Job<'_> =
                (format!("{} × {}", row.name, column.name), Box::new(move || stage.play(number, row, column)));
            match (column.place, row.watch) {
                (Place::Keyring, _) => logins.push(job),
                (_, Watch::Memory) => watched.push(job),
                (_, Watch::Nothing) => jobs.push(job),
            }
        }
    }
    play([(jobs, MANY), (watched, 1), (logins, FEW)]);
    assert!(elsewhere.accept().is_err(), "somebody followed a redirect to another host");
    assert!(!heard().is_empty(), "no proxy was asked");
    for head in heard() {
        // Its own password is all that a proxy is given, in the one header for it.
        let lines: Vec<&str> = head.lines().filter(|line| !line.to_lowercase().starts_with("proxy-auth")).collect();
        assert!(lines[0].starts_with("CONNECT backboard.railway.com:443 "), "a proxy was asked {:?}", lines[0]);
        assert_eq!(found(lines.join("\n").as_bytes()), None, "a proxy was told a secret");
    }
    assert_eq!(redirected.heard(), [""; 0], "somebody followed a redirect to the same host");
}
