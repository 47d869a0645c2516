//! Which services the templates and the `[[require]]` entries put in scope, and what is reported if there are none.

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;

/// Two services with their own directories, and a database.
fn monorepo() -> Sandbox {
    let web = service("web", &[("SITE_URL", "https://shop.example.com"), ("NEXTAUTH_SECRET", "first-value")]);
    let api = service("api", &[("JWT_KEY", "second-value")]);
    let database = service("Postgres", &[("PGPASSWORD", "third-value")]).image("postgres:16");
    Sandbox::of([web.root("apps/web"), api.root("/apps/api"), database])
        .file(".git/HEAD", "ref: refs/heads/main\n")
        .file("apps/web/.env.example", "SITE_URL=\nNEXTAUTH_SECRET=\n")
        .file("apps/api/.env.example", "JWT_KEY=\nSTRIPE_KEY=\n")
}

fn shop() -> Sandbox {
    Sandbox::of([service("web", &[("A_KEY", "a-value")]), service("worker", &[("B_KEY", "b-value")])])
}

#[test]
fn each_template_is_for_the_service_of_its_directory() {
    let (web, api) = ("--env-file=apps/web/.env.example", "--env-file=apps/api/.env.example");
    for words in [&[web, api][..], &[api, web], &[web, api, "--service=web", "--service=api"]] {
        let ended = monorepo().run(&[&["check"], words].concat());
        assert_eq!(ended.code, 0, "{ended:?}");
        ended.assert_shows("STRIPE_KEY is needed by apps/api/.env.example but on none of the 2 services");
        ended.assert_shows("1 warning · 3 needed keys checked");
        ended.assert_shows("PASS api 1 needed key checked");
        ended.assert_shows("PASS web 2 needed keys checked");
    }
}

#[test]
fn template_of_no_service_in_scope_is_for_all_of_them() {
    let sandbox = monorepo().file("config/app.env.example", "SITE_URL=\nJWT_KEY=\n");
    let words = ["--env-file=config/app.env.example", "--service=web", "--service=api"];
    let ended = sandbox.run(&[&["check"], &words[..]].concat());
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.assert_shows("All checks passed · 2 needed keys checked");
}

#[test]
fn keys_that_no_service_has_are_named() {
    let sandbox = || shop().file(".env.example", "FOO=\nBAR=\n");
    let ended = sandbox().run(&["check"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    ended.assert_shows("Nothing was checked, so the check does not pass.");
    ended.assert_shows("help: no service has any of the 2 keys that .env.example needs: BAR, FOO");
    let named = sandbox().run(&["check", "--service=web"]);
    assert_eq!(named.code, 3, "{named:?}");
    named.assert_shows("SKIP web nothing checked: it has none of the 2 needed keys");
    named.assert_shows("help: web has none of the 2 keys that .env.example needs: BAR, FOO");
    assert!(!named.out.contains("declare"), "{named:?}");
}

#[test]
fn unreadable_template_is_an_error() {
    for text in [&b"A_KEY=\xff\n"[..], b"\xff\xfeA\0=\0"] {
        for words in [&["check"][..], &["check", "--no-env-file"], &["matrix"], &["pull", "--yes"]] {
            let sandbox = shop();
            std::fs::write(sandbox.work().join(".env.example"), text).unwrap();
            let ended = sandbox.run(words);
            assert_eq!((ended.code, sandbox.sent.borrow().len()), (2, 0), "{words:?}: {ended:?}");
            assert!(ended.err.contains("error: failed to read .env.example\n  cause: "), "{words:?}: {ended:?}");
            assert!(!sandbox.work().join(".env").exists(), "{words:?}");
        }
    }
}

#[test]
fn line_of_a_template_that_is_no_assignment_is_a_warning() {
    let ended = shop().file(".env.example", "A_KEY=\nB_KEY\n").run(&["check", "--fail-on=warning"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    ended.assert_shows("[unreadable-line]");
    ended.assert_shows(".env.example:2");
}

#[test]
fn template_by_any_name_declares_keys() {
    for name in [".env.local.example", ".env.dist", "example.env", ".env-example"] {
        let ended = shop().file(name, "A_KEY=<your key>\n").run(&["check", "--env-file", name]);
        assert_eq!(ended.code, 0, "{name}: {ended:?}");
        ended.assert_shows(&format!("no env file, checked against {name}"));
    }
}

#[test]
fn required_services_are_in_scope_whatever_the_file_has() {
    let toml = "[[require]]\nkeys = [\"JWT_KEY\"]\nservices = [\"web\", \"worker\"]\n";
    for file in [None, Some(""), Some("# nothing\n"), Some("A_KEY=a-value\n")] {
        let sandbox = shop().file("doctor.toml", toml);
        let sandbox = if let Some(text) = file { sandbox.file(".env", text) } else { sandbox };
        let ended = sandbox.run(&["check"]);
        assert_eq!(ended.code, 1, "{file:?}: {ended:?}");
        ended.assert_shows("error: JWT_KEY is required");
        ended.assert_shows("2 services");
    }
    let all = "[[require]]\nkeys = [\"A_KEY\"]\n";
    let ended = shop().file("doctor.toml", all).file(".env", "").run(&["check"]);
    ended.assert_shows("1 of 2 services");
}

#[test]
fn different_secrets_of_a_template_are_a_note_and_a_marker() {
    let services = [service("web", &[("OPS_KEY", "first-value")]), service("worker", &[("OPS_KEY", "second-value")])];
    let sandbox = Sandbox::of(services).file(".env.example", "OPS_KEY=\n");
    let ended = sandbox.run(&["check", "-v"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.assert_shows("note: OPS_KEY has different values on its services [services-disagree]");
    ended.assert_shows("if the services must have the same value, add OPS_KEY to a [[require]] in doctor.toml");
    let matrix = sandbox.run(&["matrix"]);
    assert_eq!(matrix.out.matches("≉ disagrees").count(), 3, "two cells and the legend: {matrix:?}");
}
