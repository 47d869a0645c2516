//! What lies beside a run: half-typed lines, addresses with passwords in them, proxies that can't be.

use railway_doctor::io::sim::Sim;

use crate::fixture::usual;
use crate::leak_scan::Before;
use crate::leaks::checkout;
use crate::leaks::fixture::World;
use crate::parallel::{Job, MANY, hold, play};
use crate::run::{Ran, Watch};
use crate::server::{Case, Server};

/// Words, variables that are set, and whether the run is one that must fail.
type Mistake = (&'static [&'static str], &'static [(&'static str, &'static str)], Ends);

/// How it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// Well, or with findings.
    Well,
    /// With an error.
    Badly,
}

const MISTAKES: &[Mistake] = &[
    (&["check", "--api-url=http://crew:mark4711@127.0.0.1:9/"], &[], Ends::Badly),
    (&["check", "--api-url=https://crew:mark4711@example.com/"], &[], Ends::Badly),
    (&["check", "--api-url=http://127.0.0.1:9/?token=mark4711"], &[], Ends::Badly),
    (&["check", "-v"], &[("HTTPS_PROXY", "http://crew:mark4711@[no"), ("ALL_PROXY", "mark4711")], Ends::Badly),
    (&["check", "-v"], &[("HTTPS_PROXY", "http://crew:mark4711@127.0.0.1:9")], Ends::Badly),
    (&["auth", "status"], &[("HTTPS_PROXY", "http://crew:mark4711@127.0.0.1:9")], Ends::Badly),
    (&["check", "URL"], &[("RAILWAY_TOKEN", "mark4711 mark4711")], Ends::Badly),
    (&["check", "URL"], &[("RAILWAY_TOKEN", "mark4711-unknown")], Ends::Badly),
    (&["check", "URL"], &[("RAILWAY_API_TOKEN", "mark4711\u{fc}")], Ends::Badly),
    (&["check", "URL"], &[("RAILWAY_ENV", "mark4711")], Ends::Well),
    (&["check", "URL"], &[("HTTPS_PROXY", "http://crew:mark4711@127.0.0.1:9")], Ends::Well),
    (&["--", "doctor", "fix", "--only", ""], &[("COMPLETE", "bash")], Ends::Well),
    (&["--", "doctor", "fix", "--only", "A"], &[("COMPLETE", "fish")], Ends::Well),
    (&["--", "doctor", "fix", "--only", ""], &[("COMPLETE", "zsh"), ("_CLAP_COMPLETE_INDEX", "3")], Ends::Well),
    (&["--", "doctor", "check", "--service", ""], &[("COMPLETE", "fish")], Ends::Well),
    (&["--", "doctor", "undo", ""], &[("COMPLETE", "elvish"), ("_CLAP_COMPLETE_INDEX", "2")], Ends::Well),
];

fn make((words, variables, ends): &Mistake, url: &str) -> Result<(), String> {
    let mut cell = checkout(words, World::Drift);
    for (name, value) in *variables {
        cell.set(name, value);
    }
    let address = format!("--api-url={url}");
    let words: Vec<&str> = words.iter().map(|&word| if word == "URL" { &address } else { word }).collect();
    let before = Before::of(&cell);
    let ran: Ran = cell.run(&words, "", Watch::Nothing);
    before.is_silent(&cell, &ran).map_err(|what| format!("{what}\n{ran:#?}"))?;
    let is_well = matches!(ran.code, Some(0 | 1));
    hold!(is_well == (*ends == Ends::Well) && ran.out.len() + ran.err.len() > 0, "{ran:#?}");
    Ok(())
}

#[test]
fn invalid_arguments_and_environment_do_not_leak() {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for mistake in MISTAKES {
        let case = Case::new(Sim::new(World::Drift.estate()), usual());
        let (url, _) = server.serve(&format!("beside-{}", jobs.len()), case);
        jobs.push((format!("{:?} with {:?}", mistake.0, mistake.1), Box::new(move || make(mistake, &url))));
    }
    play([(jobs, MANY)]);
}
