//! What is refused, with the reason, before anything is written.

use crate::commands::tests::fix::service;
use crate::commands::tests::rotate::{ENV_FILE, OLD, rotate, running};
use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::estate::Environment;

#[track_caller]
fn assert_refused(sandbox: &Sandbox, words: &[&str], code: u8, parts: &[&str]) {
    let ended = sandbox.run(&[&["rotate", "API_KEY", "--stdin"], words].concat());
    assert_eq!(ended.code, code, "{ended:?}");
    for part in parts {
        ended.assert_shows(part);
    }
    assert_eq!(sandbox.mutations(), [""; 0]);
}

#[test]
fn password_of_a_database_is_refused() {
    let postgres = service("Postgres", &[("PGPASSWORD", OLD)]).image("postgres:17");
    let sandbox = Sandbox::of([running("api", &[("API_KEY", OLD)]), postgres]);
    let parts =
        ["the database service Postgres has it as PGPASSWORD", "does not change the credential in the database"];
    assert_refused(&sandbox, &["--yes"], 2, &parts);
}

#[test]
fn value_from_a_reference_is_refused_and_its_source_is_named() {
    let shared = Environment::named("staging").shared(&[("SHARED_KEY", OLD)]);
    let sandbox = Sandbox::in_environment(shared, [running("api", &[("API_KEY", "${{shared.SHARED_KEY}}")])]);
    let parts = ["api gets it through the reference ${{shared.SHARED_KEY}}", "doctor rotate SHARED_KEY --stdin"];
    assert_refused(&sandbox, &["--yes"], 2, &parts);
    let own = Environment::named("staging").shared(&[("API_KEY", OLD)]);
    let sandbox = Sandbox::in_environment(own, [running("api", &[("API_KEY", "${{shared.API_KEY}}")])]);
    let ended = rotate(&sandbox, &["--yes"]);
    assert_eq!(ended.code, 0, "a shared variable with the key itself is a holder: {ended:?}");
    assert_eq!(sandbox.mutations(), ["SetVariables shared API_KEY", "Redeploy api"]);
}

#[test]
fn indirect_value_is_refused() {
    let sandbox = Sandbox::of([running("api", &[("API_KEY", OLD)])]).file(".env", "API_KEY=op://vault/shop/key\n");
    assert_refused(&sandbox, &["--yes"], 2, &[".env:1 refers to a value that is kept elsewhere"]);
}

#[test]
fn sealed_holder_needs_permission() {
    let sealed = || running("vault", &[("MODE", "strict")]).sealed("API_KEY", OLD);
    let sandbox = Sandbox::of([running("api", &[("API_KEY", OLD)]), sealed()]).file(".env", ENV_FILE);
    let ended = rotate(&sandbox, &["--yes"]);
    assert_eq!(ended.code, 6, "it may still have the old value: {ended:?}");
    ended.assert_shows("the sealed API_KEY stays unchanged on vault without --allow-sealed=API_KEY");
    assert!(!sandbox.mutations().iter().any(|sent| sent.contains("vault")));
    let sandbox = Sandbox::of([running("api", &[("API_KEY", OLD)]), sealed()]).file(".env", ENV_FILE);
    let ended = rotate(&sandbox, &["--yes", "--allow-sealed=API_KEY"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(sandbox.mutations().contains(&"SetVariables vault API_KEY".to_owned()), "{:?}", sandbox.mutations());
    ended.assert_shows("undo can't restore a sealed API_KEY");
}

#[test]
fn different_and_missing_values_are_errors() {
    let differing = Sandbox::of([running("api", &[("API_KEY", OLD)]), running("web", &[("API_KEY", "other-0123")])]);
    assert_refused(&differing, &["--yes"], 2, &["API_KEY has several values", "--from=api"]);
    let missing = Sandbox::of([running("api", &[("API_KEYS", OLD)])]);
    assert_refused(&missing, &["--yes"], 2, &["unknown key `API_KEY`", "doctor rotate API_KEYS"]);
    let sealed = Sandbox::of([running("api", &[]).sealed("API_KEY", OLD)]);
    assert_refused(&sealed, &["--yes"], 3, &["API_KEY has no known value", "sealed on api"]);
    let empty = Sandbox::of([running("api", &[("API_KEY", "")])]);
    assert_refused(&empty, &["--yes"], 3, &["API_KEY has no known value", "it is empty"]);
}

#[test]
fn short_value_is_rotated_under_its_key_only() {
    let services =
        || [running("api", &[("API_KEY", "abc123"), ("NOTE", "abc123")]), running("web", &[("API_KEY", "abc123")])];
    assert_refused(&Sandbox::of(services()), &["--yes", "--all-copies"], 2, &["can't be traced"]);
    let sandbox = Sandbox::of(services());
    assert_eq!(rotate(&sandbox, &["--yes"]).code, 0);
    assert_eq!(sandbox.stored("api", "NOTE").as_deref(), Some("abc123"));
}

#[test]
fn protected_environment_must_be_named() {
    let production =
        || Sandbox::in_environment(Environment::named("production"), [running("api", &[("API_KEY", OLD)])]);
    let sandbox = production();
    let ended = rotate(&sandbox, &["--yes"]);
    assert_eq!((ended.code, sandbox.mutations().len()), (2, 0), "{ended:?}");
    ended.assert_shows("production is a protected environment");
    ended.assert_shows("--environment=production");
    let ended = rotate(&production(), &["--yes", "--environment=production"]);
    assert_eq!(ended.code, 0, "{ended:?}");
}

#[test]
fn flags_with_other_keys_are_refused() {
    let sandbox = Sandbox::of([running("api", &[("API_KEY", OLD)])]);
    for (flag, part) in [
        ("--keep-old-as=API_KEY", "it is the key that is rotated"),
        ("--keep-old-as=PATH", "changes how programs run"),
        ("--keep-old-as=RAILWAY_SERVICE_ID", "Railway sets the variable"),
        ("--keep-old-as=1KEY", "no digit at the start"),
        ("--keep-old-as=1 KEY", "only letters, digits and underscores"),
        ("--keep-old-as=KEY-OLD", "only letters, digits and underscores"),
        ("--keep-old-as=not a name", "expected the name of a key"),
        ("--allow-sealed=OTHER", "only API_KEY is rotated"),
    ] {
        let ended = sandbox.run(&["rotate", "API_KEY", "--generate", "hex:32", "--yes", flag]);
        assert_eq!((ended.code, sandbox.sim.count()), (2, 0), "{flag}: {ended:?}");
        ended.assert_shows(part);
    }
    let ended = sandbox.run(&["rotate", "API_KEY=secret-0123", "--generate", "hex:32"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(!ended.text().contains("secret-0123"), "{ended:?}");
}
