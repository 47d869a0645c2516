//! The layout of errors.

use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::estate::SimService;
use crate::io::sim::fault::Fault;

fn without_a_token() -> Sandbox {
    Sandbox::of([SimService::named("api").variables(&[("A", "1")])])
        .file(".env", "A=2\n")
        .variable("RAILWAY_API_TOKEN", None)
}

#[test]
fn errors_wrap_at_terminal_but_not_in_pipe() {
    let piped = without_a_token().run(&["check"]).err;
    assert!(piped.lines().any(|line| line.starts_with("  cause: ") && line.len() > 100), "{piped}");
    let shown = without_a_token().at_a_terminal().run(&["check"]).err;
    let cause = shown.lines().skip_while(|line| !line.starts_with("  cause: "));
    let cause: Vec<&str> = cause.take_while(|line| !line.starts_with("  help: ")).collect();
    assert!(cause.len() > 1 && cause.iter().all(|line| line.chars().count() <= 100), "{shown}");
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&shown), words(&piped));
}

/// Railway refuses the first request, before any file was read and the environment is known.
#[test]
fn early_railway_error_is_redacted_by_every_env_file() {
    let secrets =
        ["value-of-default-1", "value-of-config-2", "value-of-environment-3", "value-of-service-4", "value-of-local-5"];
    let [default, config, environment, service, local] = secrets.map(|secret| format!("SOME_KEY={secret}\n"));
    let toml = "env-file = \"usual.env\"\n[environments.prod]\nenv-file = \"prod.env\"\n[services.api]\nenv-file = \"api.env\"\n";
    for folder in ["", "below"] {
        let sandbox = Sandbox::of([SimService::named("api").variables(&[("A", "1")])])
            .file("doctor.toml", toml)
            .file(".git/HEAD", "ref: refs/heads/main\n")
            .file("usual.env", &config)
            .file("prod.env", &environment)
            .file("api.env", &service)
            .file(".env.local", &local)
            .file("below/.keep", "")
            .file(".env", &default);
        sandbox.sim.fault(Fault::refusal(&secrets.join(" and ")).permanent());
        let ended = if folder.is_empty() { sandbox } else { sandbox.within(folder) }.run(&["check"]);
        assert!(ended.code != 0 && ended.err.contains(" and "), "the error quotes Railway: {ended:?}");
        let shown = secrets.iter().find(|secret| format!("{}{}", ended.out, ended.err).contains(**secret));
        assert_eq!(shown, None, "{folder}: {ended:?}");
    }
}
