//! The tokens of the two environments, and what is refused.

use crate::commands::tests::compare::{assert_found, assert_refused, id_of, json, three, with_project_token};
use crate::commands::tests::sandbox::Sandbox;
use crate::drift::Secret;
use crate::io::sim::estate::{Environment, Project, Token, TokenScope};
use crate::io::sim::seed::ACCOUNT_TOKEN;

const STAGING: &str = "token-of-staging-4711";
const LIVE: &str = "token-of-live-4712";
const OTHER: &str = "token-of-another-project-4713";
const PAIR: &[&str] = &["compare", "staging", "live"];

/// Returns a sandbox with a token for each environment, and one for `live` of another project. No variable has one.
fn sandbox() -> Sandbox {
    let sandbox = with_project_token(with_project_token(three(), STAGING, "staging"), LIVE, "live");
    sandbox.sim.change(|estate| {
        let mut live = Environment::named("live");
        live.id = "1c15ff77-dfa6-43e3-8ece-8e0fafd1b3e8".to_owned();
        let other = Project { workspace: estate.workspaces[0].id.clone(), ..Project::named("blog") };
        let other = other.id("7d1c52e0-3f0b-4b8e-9a64-2c5f0e8b1a37").environment(live.clone());
        let reach = TokenScope::Project { project: other.id.clone(), environment: live.id };
        estate.tokens.push(Token { text: Secret::new(OTHER), reach });
        estate.projects.push(other);
    });
    let unset = ["RAILWAY_API_TOKEN", "RAILWAY_PROJECT_ID", "RAILWAY_ENVIRONMENT_ID"];
    unset.into_iter().fold(sandbox, |sandbox, name| sandbox.variable(name, None))
}

fn with(variables: &[(&str, &str)]) -> Sandbox {
    variables.iter().fold(sandbox(), |sandbox, (name, value)| sandbox.variable(name, Some(value)))
}

#[test]
fn each_environment_can_have_its_own_token() {
    let account = ("RAILWAY_API_TOKEN", ACCOUNT_TOKEN);
    let live = id_of(&sandbox(), "live");
    let by_id = format!("{live}=LIVE_TOKEN");
    for (variables, words) in [
        (&[("RAILWAY_TOKEN", STAGING), ("LIVE_TOKEN", LIVE)][..], &["live", "live=LIVE_TOKEN"][..]),
        (&[("RAILWAY_TOKEN", LIVE), ("STAGING_TOKEN", STAGING)], &["live", "staging=STAGING_TOKEN"]),
        (&[("ONE", STAGING), ("OTHER", LIVE)], &["live", "staging=ONE", "live=OTHER"]),
        (&[("ONE", STAGING), ("OTHER", LIVE)], &["live", "live=OTHER", "staging=ONE"]),
        (&[("RAILWAY_TOKEN", STAGING), ("LIVE_TOKEN", LIVE)], &[&live, &by_id]),
        (&[("RAILWAY_TOKEN", STAGING), ("LIVE_TOKEN", " token-of-live-4712\n")], &["live", "live=LIVE_TOKEN"]),
        (&[account, ("LIVE_TOKEN", LIVE)], &["live", "live=LIVE_TOKEN"]),
        (&[account, ("STAGING_TOKEN", STAGING)], &["live", "staging=STAGING_TOKEN"]),
    ] {
        let sandbox = with(variables);
        let flags = words[1..].iter().flat_map(|token| ["--token", token]);
        let words: Vec<&str> = ["staging", words[0]].into_iter().chain(flags).collect();
        let ended = json(&sandbox, &words);
        assert_found(&ended, 0, &["warning missing-in-environment FLAG api"]);
        assert!(![STAGING, LIVE].iter().any(|token| format!("{ended:?}").contains(token)), "{ended:?}");
    }
}

#[test]
fn each_token_is_sent_only_for_its_environment() {
    let sandbox = with(&[("ONE", STAGING), ("OTHER", LIVE)]);
    assert_eq!(sandbox.run(&[PAIR, &["--token", "staging=ONE", "--token", "live=OTHER"]].concat()).code, 0);
    let [staging, live] = ["staging", "live"].map(|name| id_of(&sandbox, name));
    for sent in sandbox.sent.borrow().iter() {
        let expected = if sent.starts_with(STAGING) { &live } else { &staging };
        assert!(!sent.contains(expected.as_str()), "{sent}");
    }
}

#[test]
fn project_token_alone_needs_the_token_of_the_other_environment() {
    for (token, own, other) in [(STAGING, "staging", "live"), (LIVE, "live", "staging")] {
        let sandbox = with(&[("RAILWAY_TOKEN", token)]);
        let what = format!("the project token from RAILWAY_TOKEN reaches only environment {own}");
        let command = format!("doctor compare staging live --token='{other}=VARIABLE'");
        let ended = sandbox.run(PAIR);
        assert_refused(&ended, 4, &[&what, "staging and live are compared", "use an account token", &command]);
        let operations: Vec<String> = sandbox.sim.requests().iter().map(|asked| asked.operation.clone()).collect();
        assert!(!operations.contains(&"Values".to_owned()), "{operations:?}");
        let json = sandbox.run(&[PAIR, &["--format", "json"]].concat());
        assert!(json.err.contains("\"kind\":\"environment-token\""), "{json:?}");
    }
    let both = with(&[("RAILWAY_TOKEN", STAGING), ("RAILWAY_API_TOKEN", ACCOUNT_TOKEN)]);
    assert_refused(&both.run(PAIR), 4, &["unset RAILWAY_TOKEN, so that RAILWAY_API_TOKEN is used"]);
}

#[test]
fn no_token_at_all_is_the_error_of_every_command() {
    let ended = sandbox().run(PAIR);
    assert_refused(&ended, 4, &["RAILWAY_API_TOKEN"]);
}

#[test]
fn unset_or_empty_variable_is_a_missing_token() {
    for sandbox in [with(&[("RAILWAY_TOKEN", STAGING)]), with(&[("RAILWAY_TOKEN", STAGING), ("LIVE_TOKEN", "  ")])] {
        let ended = sandbox.run(&[PAIR, &["--token", "live=LIVE_TOKEN"]].concat());
        let parts = [
            "environment live has no token",
            "LIVE_TOKEN, which --token names for it, is not set",
            "set LIVE_TOKEN to",
        ];
        assert_refused(&ended, 4, &parts);
        assert_eq!(sandbox.sim.count(), 0);
    }
}

#[test]
fn text_that_is_no_variable_name_is_never_echoed() {
    for text in [
        "live=5e1d0000-9201-4000-8000-000000000004",
        "5e1d0000-9201-4000-8000-000000000004",
        "live=token_in_lower_case",
        "live=1TOKEN",
        "live=",
        "live=A=TOKEN-IN-UPPER-CASE",
        "tokenOfLive4712=LIVE_TOKEN",
        "Zx9Kq2Lm8Vb4Tn7Ws1Rc5Yd3=",
        "",
    ] {
        let sandbox = with(&[("RAILWAY_TOKEN", STAGING), ("LIVE_TOKEN", LIVE)]);
        let ended = sandbox.run(&[PAIR, &["--token", text]].concat());
        assert_refused(&ended, 2, &["--token", "`--token production=PRODUCTION_TOKEN`"]);
        for part in text.split('=').filter(|part| part.len() > 4 && *part != "LIVE_TOKEN") {
            assert!(!ended.err.contains(part), "{text}: {ended:?}");
        }
        assert_eq!(sandbox.sim.count(), 0, "{text}");
    }
}

#[test]
fn wrong_arguments_are_refused_before_any_request() {
    let id = id_of(&sandbox(), "live");
    let by_id = format!("{id}=LIVE_TOKEN");
    let repeated = "--token is given twice for environment live";
    let same = "RAILWAY_TOKEN and SAME have the same token";
    for (tokens, what) in [
        (&["production=LIVE_TOKEN"][..], "--token names an environment that is not compared"),
        (&["Live=LIVE_TOKEN"], "--token names an environment that is not compared"),
        (&[&by_id], "--token names an environment that is not compared"),
        (&["live=LIVE_TOKEN", "live=LIVE_TOKEN"], repeated),
        (&["live=LIVE_TOKEN", "live=SAME"], repeated),
        (&["live=SAME"], same),
        (&["staging=SAME", "live=SAME"], "SAME is named for both environments"),
        (&["staging=SAME"], "SAME and RAILWAY_TOKEN have the same token"),
        (&["staging=SAME", "live=RAILWAY_TOKEN"], "SAME and RAILWAY_TOKEN have the same token"),
    ] {
        let sandbox = with(&[("RAILWAY_TOKEN", STAGING), ("LIVE_TOKEN", LIVE), ("SAME", STAGING)]);
        let flags: Vec<&str> = tokens.iter().flat_map(|token| ["--token", token]).collect();
        assert_refused(&sandbox.run(&[PAIR, &flags].concat()), 2, &[what]);
        assert_eq!(sandbox.sim.count(), 0, "{tokens:?}");
    }
}

#[test]
fn printed_command_repeats_the_tokens_and_services() {
    let sandbox = with(&[("ONE", STAGING), ("OTHER", LIVE)]);
    let words = [PAIR, &["--token=staging=ONE", "--token", "live=OTHER", "-s", "api", "--only", "XYZZY"]].concat();
    let ended = sandbox.run(&words);
    let command = "doctor compare staging live --token='staging=ONE' --token='live=OTHER' --service=api -v";
    assert_refused(&ended, 2, &["unknown key `XYZZY`", command]);
    let missing = with(&[("RAILWAY_TOKEN", STAGING)]).run(&[PAIR, &["--service", "api"]].concat());
    missing.assert_shows("doctor compare staging live --service=api --token='live=VARIABLE'");
}

#[test]
fn token_of_another_environment_or_project_is_refused() {
    let twisted = with(&[("RAILWAY_TOKEN", LIVE), ("LIVE_TOKEN", STAGING)]);
    let ended = twisted.run(&[PAIR, &["--token", "live=LIVE_TOKEN"]].concat());
    assert_refused(&ended, 4, &["the token from RAILWAY_TOKEN is not for environment staging", "for environment live"]);
    let wrong = with(&[("RAILWAY_TOKEN", STAGING), ("LIVE_TOKEN", LIVE)]);
    let ended = wrong.run(&["compare", "staging", "production", "--token", "production=LIVE_TOKEN"]);
    assert_refused(&ended, 4, &["the token from LIVE_TOKEN is not for environment production", "set LIVE_TOKEN to"]);
    let foreign = with(&[("RAILWAY_TOKEN", STAGING), ("LIVE_TOKEN", OTHER)]);
    let ended = foreign.run(&[PAIR, &["--token", "live=LIVE_TOKEN"]].concat());
    let cause = "the one from RAILWAY_TOKEN is for project shop, and the one from LIVE_TOKEN for project blog";
    assert_refused(&ended, 4, &["the two tokens are for different projects", cause]);
    let flagged = with(&[("RAILWAY_TOKEN", STAGING), ("LIVE_TOKEN", LIVE)]);
    let ended = flagged.run(&[PAIR, &["--token", "live=LIVE_TOKEN", "--project", "blog"]].concat());
    assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{ended:?}");
}

#[test]
fn account_token_in_place_of_a_project_token_is_explained() {
    let sandbox = with(&[("RAILWAY_TOKEN", STAGING), ("LIVE_TOKEN", ACCOUNT_TOKEN)]);
    let ended = sandbox.run(&[PAIR, &["--token", "live=LIVE_TOKEN"]].concat());
    let help = "set RAILWAY_API_TOKEN to this token, and remove --token";
    assert_refused(&ended, 4, &["LIVE_TOKEN", "--token takes project tokens", help]);
    let revoked = with(&[("RAILWAY_TOKEN", STAGING), ("LIVE_TOKEN", "a-revoked-token")]);
    let ended = revoked.run(&[PAIR, &["--token", "live=LIVE_TOKEN"]].concat());
    assert_refused(&ended, 4, &["LIVE_TOKEN"]);
}
