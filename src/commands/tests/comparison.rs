//! Differences in `check` and `fix`: placeholders, expected differences, empty values, escapes.

use serde_json::Value;

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};

/// Returns the severity and rule of each finding about a key.
fn findings(ended: &Ended, key: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    let all = report["findings"].as_array().unwrap().iter().filter(|finding| finding["key"] == key);
    all.map(|one| format!("{} {}", one["severity"].as_str().unwrap(), one["rule"].as_str().unwrap())).collect()
}

#[test]
fn example_secrets_are_placeholders_and_not_pushed() {
    let text = "NEXTAUTH_SECRET=secret\nAPP_KEY=generate_a_new_key\nPORT=3000\nWELCOME=changethis\n";
    let api = service(
        "api",
        &[
            ("NEXTAUTH_SECRET", "secret"),
            ("APP_KEY", "q8Zt3Lm9Vx2Rk7Wp5Yb1Nc6Hd4Js0Gf"),
            ("PORT", "3000"),
            ("WELCOME", "changethis"),
            ("DB_PASSWORD", "postgres"),
        ],
    );
    let example = format!("{text}DB_PASSWORD=postgres\n");
    let sandbox = Sandbox::of([api]).file(".env", text).file(".env.example", &example);
    let ended = sandbox.run(&["check", "--format", "json"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    for key in ["NEXTAUTH_SECRET", "WELCOME"] {
        assert_eq!(findings(&ended, key), ["error placeholder-value"], "{key}");
    }
    assert_eq!(findings(&ended, "APP_KEY"), ["error value-differs"]);
    assert!(
        findings(&ended, "DB_PASSWORD").contains(&"error placeholder-value".to_owned()),
        "it is only in the example file"
    );
    assert_eq!(findings(&ended, "PORT"), [""; 0]);
    sandbox.run(&["fix", "--push", "--yes", "--only", "APP_KEY"]);
    assert_eq!(sandbox.mutations(), [""; 0]);
}

#[test]
fn variable_and_its_expansion_are_neither_error_nor_warning() {
    let text = "APP_NAME=Shop\nMAIL_FROM_NAME=\"${APP_NAME} mail\"\nVITE_TITLE=\"Shop online\"\nREGION=eu\n";
    let stored =
        [("APP_NAME", "Shop"), ("MAIL_FROM_NAME", "Shop mail"), ("VITE_TITLE", "${APP_NAME} online"), ("REGION", "eu")];
    let sandbox = Sandbox::of([service("api", &stored)]).file(".env", text);
    let ended = sandbox.run(&["check", "--format", "json", "--fail-on", "warning"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(findings(&ended, "MAIL_FROM_NAME"), ["note expected-difference", "note loaders-disagree"]);
    assert!(findings(&ended, "VITE_TITLE").contains(&"note expected-difference".to_owned()));
    assert_eq!(sandbox.run(&["fix", "--push", "--dry-run"]).code, 0, "nothing to push");
    let required = sandbox.file("doctor.toml", "[[require]]\nkeys = [\"MAIL_FROM_NAME\"]\n");
    let ended = required.run(&["check", "--format", "json"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(findings(&ended, "MAIL_FROM_NAME").contains(&"error value-differs".to_owned()), "{ended:?}");
}

#[test]
fn key_in_another_case_is_the_cause_of_one_warning() {
    let sandbox = Sandbox::of([service("api", &[("API_KEY", "k3y-0f-th3-sh0p"), ("REGION", "eu")])])
        .file(".env", "Api_Key=k3y-0f-th3-sh0p\nREGION=eu\n");
    let ended = sandbox.run(&["check", "--format", "json"]);
    assert_eq!(findings(&ended, "Api_Key"), ["warning missing-on-railway"], "{ended:?}");
    assert!(ended.out.contains("API_KEY on api differs from Api_Key only in case"), "{ended:?}");
}

#[test]
fn layer_that_is_not_read_is_in_the_header() {
    let sandbox = Sandbox::of([service("api", &[("REGION", "eu")])])
        .file(".env", "REGION=eu\n")
        .file(".env.local", "REGION=us\n");
    let ended = sandbox.run(&["check"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.replace("\n  ", " ").contains(".env (default; .env.local is not read)"), "{ended:?}");
    let both = sandbox.run(&["check", "--env-file", ".env", "--env-file", ".env.local"]);
    assert!(!both.out.contains("not read"), "{both:?}");
}

#[test]
fn expected_differences_and_empty_values_are_not_pushed() {
    let text = "APP_ENV=local\nLOG_LEVEL=debug\nSITE_URL=http://acme.test\nCACHE_URL=redis:6379\nDSN=\nSTRIPE=sk_test_1\nREGION=eu\n";
    let api = service(
        "api",
        &[
            ("APP_ENV", "production"),
            ("LOG_LEVEL", "info"),
            ("SITE_URL", "https://acme.dev"),
            ("CACHE_URL", "redis.railway.internal:6379"),
            ("DSN", "https://1a2b@o1.ingest.sentry.example/7"),
            ("STRIPE", "sk_live_2"),
            ("REGION", "eu"),
        ],
    );
    let sandbox = Sandbox::of([api]).file(".env", text);
    let ended = sandbox.run(&["check", "--format", "json"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    for key in ["APP_ENV", "LOG_LEVEL", "SITE_URL", "CACHE_URL", "STRIPE"] {
        assert_eq!(findings(&ended, key), ["note expected-difference"], "{key}");
    }
    assert_eq!(findings(&ended, "DSN"), ["note value-differs"]);
    assert!(ended.out.contains("DSN is empty in .env"), "{ended:?}");
    let push = sandbox.run(&["fix", "--push", "--dry-run"]);
    assert_eq!(push.code, 0, "{push:?}");
    assert_eq!(sandbox.mutations(), [""; 0]);
}

#[test]
fn module_path_is_not_host_and_escaped_dollar_is_explained() {
    let text = "DJANGO_SETTINGS_MODULE=shop.settings.local\nCOMPOSE_PW='p$$w0rd'\nEXPAND_PW='p\\$w0rd'\n";
    let api = service(
        "api",
        &[("DJANGO_SETTINGS_MODULE", "shop.settings.production"), ("COMPOSE_PW", "p$w0rd"), ("EXPAND_PW", "p$w0rd")],
    );
    let ended = Sandbox::of([api]).file(".env", text).run(&["check", "--format", "json"]);
    assert_eq!(findings(&ended, "DJANGO_SETTINGS_MODULE"), ["error value-differs"]);
    let escaped = "the dollar sign is escaped in the local value but not in the stored value";
    assert_eq!(ended.out.matches(escaped).count(), 2, "{ended:?}");
    assert!(!ended.out.contains("local address"), "{ended:?}");
}
