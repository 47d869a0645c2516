//! How an error is laid out.

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
    assert!(piped.lines().any(|line| line.starts_with("  because: ") && line.len() > 100), "{piped}");
    let shown = without_a_token().at_a_terminal().run(&["check"]).err;
    let because = shown.lines().skip_while(|line| !line.starts_with("  because: "));
    let because: Vec<&str> = because.take_while(|line| !line.starts_with("  next: ")).collect();
    assert!(because.len() > 1 && because.iter().all(|line| line.chars().count() <= 100), "{shown}");
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&shown), words(&piped));
}

/// Railway refuses the first request, so that no file was read yet and the environment is unknown.
#[test]
fn early_railway_error_is_redacted_by_every_env_file() {
    let secrets =
        ["value-of-default-1", "value-of-config-2", "value-of-environment-3", "value-of-service-4", "value-beside-5"];
    let [default, config, environment, service, beside] = secrets.map(|secret| format!("SOME_KEY={secret}\n"));
    let toml = "env-file = \"usual.env\"\n[environments.prod]\nenv-file = \"prod.env\"\n[services.api]\nenv-file = \"api.env\"\n";
    for folder in ["", "below"] {
        let sandbox = Sandbox::of([SimService::named("api").variables(&[("A", "1")])])
            .file("doctor.toml", toml)
            .file(".git/HEAD", "ref: refs/heads/main\n")
            .file("usual.env", &config)
            .file("prod.env", &environment)
            .file("api.env", &service)
            .file(".env.local", &beside)
            .file("below/.keep", "")
            .file(".env", &default);
        sandbox.sim.fault(Fault::refusal(&secrets.join(" and ")).for_ever());
        let ended = if folder.is_empty() { sandbox } else { sandbox.within(folder) }.run(&["check"]);
        assert!(ended.code != 0 && ended.err.contains(" and "), "the error quotes Railway: {ended:?}");
        let shown = secrets.iter().find(|secret| format!("{}{}", ended.out, ended.err).contains(**secret));
        assert_eq!(shown, None, "{folder}: {ended:?}");
    }
}
