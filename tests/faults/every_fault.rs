//! Every fault with every command.

use std::net::TcpListener;

use railway_doctor::io::sim::Sim;

use crate::commands::{COMMANDS, CommandCase, Setup};
use crate::fault::{Coverage, Fault, FaultCase, NetworkFault};
use crate::fault_table::fault_cases;
use crate::fixture::{Fixture, normal_responses};
use crate::markers::find_secret;
use crate::network_faults::proxy_requests;
use crate::parallel::{Job, PARALLEL_JOBS, PARALLEL_KEYRING_JOBS, run_jobs};
use crate::run::{Watch, shop};
use crate::server::Backend;

/// The commands that run with every fault in the ordinary tests, too.
const MAIN_COMMANDS: [&str; 4] = ["check", "push", "undo", "hook"];

#[test]
fn commands_lose_nothing_under_faults() {
    run_matrix(|case, command| case.coverage == Coverage::AllCommands || MAIN_COMMANDS.contains(&command.name));
}

#[test]
#[ignore = "long"]
fn long_commands_lose_nothing_under_remaining_faults() {
    run_matrix(|case, command| case.coverage == Coverage::MainCommands && !MAIN_COMMANDS.contains(&command.name));
}

/// Runs every combination that is wanted.
fn run_matrix(is_wanted: impl Fn(&FaultCase, &CommandCase) -> bool) {
    let other_host = TcpListener::bind("127.0.0.1:0").unwrap();
    other_host.set_nonblocking(true).unwrap();
    let fixture = Fixture::new();
    let (_, redirected) =
        fixture.server.serve("elsewhere", Backend::new(Sim::new(shop("mark4711-stored")), normal_responses()));
    let cases = fault_cases(&format!("http://{}", other_host.local_addr().unwrap()));
    let [mut jobs, mut with_memory, mut with_keyring] = [const { Vec::<Job<'_>>::new() }; 3];
    // Consecutive jobs have different faults, so that not all of them wait or compute at the same time.
    for command in &COMMANDS {
        for case in &cases {
            let is_impossible =
                matches!(case.fault, Fault::Network(NetworkFault::ClosedPort)) && command.setup == Setup::AfterFix;
            let has_keyring = command.setup != Setup::Keyring || fixture.keyring.is_some();
            if is_impossible || !has_keyring || !is_wanted(case, command) {
                continue;
            }
            let (fixture, number) = (&fixture, jobs.len() + with_memory.len() + with_keyring.len());
            let job: Job<'_> =
                (format!("{} × {}", case.name, command.name), Box::new(move || fixture.run(number, case, command)));
            match (command.setup, case.watch) {
                (Setup::Keyring, _) => with_keyring.push(job),
                (_, Watch::Memory) => with_memory.push(job),
                (_, Watch::Nothing) => jobs.push(job),
            }
        }
    }
    run_jobs([(jobs, PARALLEL_JOBS), (with_memory, 1), (with_keyring, PARALLEL_KEYRING_JOBS)]);
    assert!(other_host.accept().is_err(), "a redirect to another host was followed");
    assert!(!proxy_requests().is_empty(), "no request reached a proxy");
    for head in proxy_requests() {
        // A proxy receives only its own password, in the one header for it.
        let lines: Vec<&str> = head.lines().filter(|line| !line.to_lowercase().starts_with("proxy-auth")).collect();
        assert!(
            lines[0].starts_with("CONNECT backboard.railway.com:443 "),
            "unexpected request to a proxy: {:?}",
            lines[0]
        );
        assert_eq!(find_secret(lines.join("\n").as_bytes()), None, "a secret was sent to a proxy");
    }
    assert_eq!(redirected.requests(), [""; 0], "a redirect to the same host was followed");
}
