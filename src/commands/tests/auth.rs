//! Login, use and logout, with an in-memory keyring.

use crate::commands::tests::fix::incident;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::credentials::CliLogin;
use crate::io::credentials::keyring::{InMemoryKeyring, Keyring, KeyringError};
use crate::io::sim::seed::{ACCOUNT_TOKEN, LOGIN_TOKEN, PROJECT_TOKEN, WORKSPACE_TOKEN};
use crate::io::terminal::prompt::script::PreparedAnswer;

const NAME: &str = "login for backboard.railway.com";

fn logged_out() -> Sandbox {
    incident().variable("RAILWAY_API_TOKEN", None)
}

fn login(sandbox: &Sandbox, token: &'static str) -> Ended {
    let ended = sandbox.answered(&["auth", "login"], vec![PreparedAnswer::Line(token)]);
    assert!(!format!("{ended:?}").contains(token), "the token is not shown");
    ended
}

#[test]
fn login_detects_token_kind_and_stores_it() {
    for (token, kind, found) in [
        (ACCOUNT_TOKEN, "an account token with access to workspace ", 1),
        (WORKSPACE_TOKEN, "a workspace token with access to workspace ", 1),
        (PROJECT_TOKEN, "a project token for environment staging of project agentverse", 1),
    ] {
        let sandbox = logged_out();
        assert_eq!(sandbox.run(&["check"]).code, 4);
        let ended = login(&sandbox, token);
        assert_eq!(ended.code, 0, "{ended:?}");
        let expected = format!("Stored in the OS keyring for backboard.railway.com: {kind}");
        assert!(ended.out.starts_with(&expected), "{ended:?}");
        assert_eq!(sandbox.run(&["check"]).code, found);
        let status = sandbox.run(&["auth", "status"]);
        assert_eq!(status.code, 0, "{status:?}");
        let lines = "1. RAILWAY_TOKEN is not set\n2. RAILWAY_API_TOKEN is not set\n\
                     3. the OS keyring has a token (used)\n\
                     4. ~/.railway/config.json does not exist\n";
        assert!(status.out.starts_with(lines) && status.out.contains(kind), "{status:?}");
        let out = sandbox.run(&["auth", "logout"]);
        assert!(out.out.starts_with("Removed from the OS keyring"), "{out:?}");
        assert_eq!(sandbox.keyring.read(NAME).unwrap(), None);
        assert!(sandbox.run(&["auth", "logout"]).out.contains("nothing was removed"));
        assert_eq!(sandbox.run(&["check"]).code, 4);
    }
}

#[test]
fn login_prompts_for_token_and_rejects_invalid_input() {
    let sandbox = logged_out().at_a_terminal();
    assert_eq!(login(&sandbox, ACCOUNT_TOKEN).code, 0);
    for (answer, code) in
        [(PreparedAnswer::Back, 2), (PreparedAnswer::Interrupt, 130), (PreparedAnswer::Line("two words"), 4)]
    {
        assert_eq!(sandbox.answered(&["auth", "login"], vec![answer.clone()]).code, code, "{answer:?}");
    }
    let refused = login(&sandbox, "nobodys-token");
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains("rejected the token from standard input"), "{refused:?}");
    assert!(sandbox.keyring.read(NAME).unwrap().unwrap().expose().contains(ACCOUNT_TOKEN), "the old one is kept");
}

#[test]
fn status_reports_token_problems() {
    let both = incident().variable("RAILWAY_TOKEN", Some(PROJECT_TOKEN)).run(&["auth", "status"]);
    assert_eq!(both.code, 0, "{both:?}");
    assert!(both.out.contains("note: RAILWAY_TOKEN and RAILWAY_API_TOKEN are both set; RAILWAY_TOKEN is used"));
    for (name, token, expected) in [
        ("RAILWAY_TOKEN", ACCOUNT_TOKEN, "help: set RAILWAY_API_TOKEN to this token, and unset RAILWAY_TOKEN"),
        ("RAILWAY_API_TOKEN", PROJECT_TOKEN, "help: set RAILWAY_TOKEN to this token, and unset RAILWAY_API_TOKEN"),
        ("RAILWAY_API_TOKEN", "revoked", "error: Railway rejected the token from RAILWAY_API_TOKEN"),
    ] {
        let status = logged_out().variable(name, Some(token)).run(&["auth", "status"]);
        assert_eq!(status.code, 4, "{status:?}");
        assert!(status.err.contains(expected), "{status:?}");
    }
    let none = logged_out().run(&["auth", "status"]);
    assert_eq!(none.code, 4, "{none:?}");
    assert!(none.out.contains("3. the OS keyring has no login for backboard.railway.com\n"), "{none:?}");
    let lines: Vec<&str> = none.err.lines().collect();
    assert_eq!(lines.len(), 4, "{none:?}");
    assert_eq!(lines[0], "error: no Railway credentials found");
    assert_eq!(lines[1].trim(), "cause: none of the sources listed above has a token", "{none:?}");
    let by_name = incident().variable("RAILWAY_PROJECT_ID", Some("agentverse")).run(&["check"]);
    let help = "help: RAILWAY_PROJECT_ID must be an id; to select by name, pass `--project=NAME`\n";
    assert!(by_name.code == 2 && by_name.err.contains(help), "{by_name:?}");
    let json = logged_out().run(&["auth", "status", "--format", "json"]);
    assert!(json.err.contains("\"cause\":\"RAILWAY_TOKEN is not set; "), "the error is complete by itself: {json:?}");
    let elsewhere = incident().variable("RAILWAY_PROJECT_ID", Some("00000000-0000-4000-8000-000000000000"));
    let status = elsewhere.run(&["auth", "status"]);
    assert!(
        status.code != 0 && status.out.contains("an account token"),
        "the token is valid, but has no access to the project: {status:?}"
    );
}

#[test]
fn unavailable_keyring_fails_without_prompting() {
    for error in [KeyringError::Locked, KeyringError::Unresponsive, KeyringError::Unavailable("no bus".to_owned())] {
        let mut sandbox = logged_out();
        sandbox.keyring = InMemoryKeyring::broken(error.clone());
        let elsewhere = "--api-url=http://127.0.0.1:9/graphql/v2";
        for (args, cli_login) in [
            (&["auth", "login"][..], CliLogin::Allowed),
            (&["auth", "logout"], CliLogin::Allowed),
            (&["auth", "login", elsewhere], CliLogin::Forbidden),
            (&["auth", "logout", elsewhere], CliLogin::Forbidden),
        ] {
            let ended = sandbox.run(args);
            assert_eq!(ended.code, 4, "{ended:?}");
            let help = error.help(cli_login);
            assert!(ended.err.contains(&error.cause()) && ended.err.contains(&*help.text), "{ended:?}");
            assert_eq!(ended.err.contains("railway login"), !help.commands.is_empty(), "{ended:?}");
        }
        let status = sandbox.run(&["auth", "status"]);
        assert!(status.code == 4 && status.out.contains(&error.cause()), "{status:?}");
        assert!(!status.out.contains("has no login for backboard"), "{status:?}");
    }
}

#[test]
fn official_cli_login_is_used_without_sending_refresh_token() {
    for (expires, code) in [(9_000_000_000_u64, 1), (0, 4)] {
        let text = format!(
            r#"{{"projects":{{}},"user":{{"refreshToken":"marker-refresh","accessToken":"{LOGIN_TOKEN}","tokenExpiresAt":{expires}}}}}"#
        );
        let sandbox = logged_out().file("../home/.railway/config.json", &text);
        let check = sandbox.run(&["check"]);
        assert_eq!(check.code, code, "{check:?}");
        for words in [["auth", "status"].as_slice(), &["fix", "--push", "--dry-run"], &["fix", "--push", "--yes"]] {
            let ended = sandbox.run(words);
            assert!(!format!("{ended:?}").contains("marker-refresh"), "{ended:?}");
        }
        let sent = sandbox.sent.borrow();
        assert_eq!(sent.is_empty(), code == 4, "an expired login is neither sent nor renewed");
        assert!(sent.iter().all(|request| request.starts_with(LOGIN_TOKEN)), "{sent:#?}");
        assert!(!sent.iter().any(|request| request.contains("marker-refresh")), "{sent:#?}");
        assert_eq!(sandbox.text("../home/.railway/config.json"), text);
        assert_eq!(std::fs::read_dir(sandbox.work().join("../home/.railway")).unwrap().count(), 1);
    }
}
