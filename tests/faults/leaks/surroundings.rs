//! Incomplete command lines, URLs that contain passwords, and invalid proxies.

use railway_doctor::io::sim::Sim;

use crate::fixture::normal_responses;
use crate::leak_scan::FilesBefore;
use crate::leaks::checkout;
use crate::leaks::fixture::Scenario;
use crate::parallel::{Job, PARALLEL_JOBS, ensure, run_jobs};
use crate::run::{RunOutput, Watch};
use crate::server::{Backend, Server};

/// Arguments, environment variables, and whether the run must fail.
type EnvironmentCase = (&'static [&'static str], &'static [(&'static str, &'static str)], Expected);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// With exit code 0 or 1.
    Success,
    Error,
}

const COMPARE_WITH_TWO_TOKENS: &[&str] =
    &["compare", "staging", "production", "--token=production=PRODUCTION_TOKEN", "-v", "URL"];

const CASES: &[EnvironmentCase] = &[
    (&["check", "--api-url=http://crew:mark4711@127.0.0.1:9/"], &[], Expected::Error),
    (&["check", "--api-url=https://crew:mark4711@example.com/"], &[], Expected::Error),
    (&["check", "--api-url=http://127.0.0.1:9/?token=mark4711"], &[], Expected::Error),
    (&["check", "-v"], &[("HTTPS_PROXY", "http://crew:mark4711@[no"), ("ALL_PROXY", "mark4711")], Expected::Error),
    (&["check", "-v"], &[("HTTPS_PROXY", "http://crew:mark4711@127.0.0.1:9")], Expected::Error),
    (&["auth", "status"], &[("HTTPS_PROXY", "http://crew:mark4711@127.0.0.1:9")], Expected::Error),
    (&["check", "URL"], &[("RAILWAY_TOKEN", "mark4711 mark4711")], Expected::Error),
    (&["check", "URL"], &[("RAILWAY_TOKEN", "mark4711-unknown")], Expected::Error),
    (&["check", "URL"], &[("RAILWAY_API_TOKEN", "mark4711\u{fc}")], Expected::Error),
    (COMPARE_WITH_TWO_TOKENS, &[("PRODUCTION_TOKEN", "mark4711 mark4711")], Expected::Error),
    (COMPARE_WITH_TWO_TOKENS, &[("PRODUCTION_TOKEN", "mark4711-unknown")], Expected::Error),
    (COMPARE_WITH_TWO_TOKENS, &[("PRODUCTION_TOKEN", "mark4711\u{fc}")], Expected::Error),
    (COMPARE_WITH_TWO_TOKENS, &[("RAILWAY_API_TOKEN", "mark4711-production-token")], Expected::Error),
    (COMPARE_WITH_TWO_TOKENS, &[("RAILWAY_ENV", "mark4711")], Expected::Success),
    (&["check", "URL"], &[("RAILWAY_ENV", "mark4711")], Expected::Success),
    (&["check", "URL"], &[("HTTPS_PROXY", "http://crew:mark4711@127.0.0.1:9")], Expected::Success),
    (&["--", "doctor", "fix", "--only", ""], &[("COMPLETE", "bash")], Expected::Success),
    (&["--", "doctor", "fix", "--only", "A"], &[("COMPLETE", "fish")], Expected::Success),
    (&["--", "doctor", "fix", "--only", ""], &[("COMPLETE", "zsh"), ("_CLAP_COMPLETE_INDEX", "3")], Expected::Success),
    (&["--", "doctor", "check", "--service", ""], &[("COMPLETE", "fish")], Expected::Success),
    (&["--", "doctor", "compare", "staging", "--only", ""], &[("COMPLETE", "fish")], Expected::Success),
    (&["--", "doctor", "trace", ""], &[("COMPLETE", "bash")], Expected::Success),
    (&["--", "doctor", "trace", "A"], &[("COMPLETE", "fish")], Expected::Success),
    (&["--", "doctor", "rotate", "A"], &[("COMPLETE", "zsh"), ("_CLAP_COMPLETE_INDEX", "2")], Expected::Success),
    (&["--", "doctor", "rotate", "API_KEY", "--from", ""], &[("COMPLETE", "fish")], Expected::Success),
    (&["--", "doctor", "undo", ""], &[("COMPLETE", "elvish"), ("_CLAP_COMPLETE_INDEX", "2")], Expected::Success),
];

fn run_case((args, variables, expected): &EnvironmentCase, url: &str) -> Result<(), String> {
    let mut sandbox = checkout(args, Scenario::Drift);
    for (name, value) in *variables {
        sandbox.set(name, value);
    }
    let address = format!("--api-url={url}");
    let args: Vec<&str> = args.iter().map(|&arg| if arg == "URL" { &address } else { arg }).collect();
    let before = FilesBefore::of(&sandbox);
    let output: RunOutput = sandbox.run(&args, "", Watch::Nothing);
    before.check_leaks(&sandbox, &output).map_err(|what| format!("{what}\n{output:#?}"))?;
    let is_success = matches!(output.code, Some(0 | 1));
    ensure!(
        is_success == (*expected == Expected::Success) && output.stdout.len() + output.stderr.len() > 0,
        "{output:#?}"
    );
    Ok(())
}

#[test]
fn invalid_arguments_and_environment_do_not_leak() {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for case in CASES {
        let backend = Backend::new(Sim::new(Scenario::Drift.estate()), normal_responses());
        let (url, _) = server.serve(&format!("invalid-{}", jobs.len()), backend);
        jobs.push((format!("{:?} with {:?}", case.0, case.1), Box::new(move || run_case(case, &url))));
    }
    run_jobs([(jobs, PARALLEL_JOBS)]);
}
