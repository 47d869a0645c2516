//! Completions: the names that complete a partial line, the files that they come from, and no side effects.

use crate::commands::tests::fix::incident;
use crate::commands::tests::sandbox::Sandbox;

/// Returns the completions for the last word of the line, as bash gets them.
fn offered(sandbox: Sandbox, line: &[&str]) -> String {
    let (sandbox, words) = (sandbox.variable("COMPLETE", Some("bash")), [&["--", "doctor"], line].concat());
    let ended = sandbox.run(&words);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{line:?} {ended:?}");
    assert!(sandbox.sent.borrow().is_empty(), "{line:?} sent a request");
    ended.out.replace('\n', " ")
}

fn shop() -> Sandbox {
    let config = "environment = \"staging\"\nenv-file = [\".env\", \".env.local\"]\n\
                  [environments.production]\nenv-file = \"prod.env\"\n\
                  [services.web]\nname = \"shop-web\"\n[services.worker]\nenv-file = \"worker/.env\"\n";
    Sandbox::of([])
        .file("doctor.toml", config)
        .file(".env", "API_KEY=sk-kept-to-itself\nexport DEBUG=1\n")
        .file(".env.local", "LOCAL_ONLY=x\n")
        .file("prod.env", "PROD_KEY=x\n")
        .file("worker/.env", "QUEUE_URL=x\n")
}

#[test]
fn flags_complete_names_from_local_files() {
    for (line, expected) in [
        (["check", "-s", ""].as_slice(), "shop-web web worker"),
        (&["check", "-s", "w"], "web worker"),
        (&["init", "--service=w"], "--service=web --service=worker"),
        (&["hook", "run", "-sw"], "-sweb -sworker"),
        (&["matrix", "-e", ""], "production staging"),
        (&["auth", "status", "--environment", "pro"], "production"),
        (&["compare", "pro"], "production"),
        (&["compare", "staging", "pro"], "production"),
        (&["compare", "other", "s"], "staging"),
        (&["compare", "staging", "s"], ""),
        (&["compare", "staging", "production", "s"], ""),
        (&["compare", "staging", "production", "-s", "w"], "web worker"),
        (&["compare", "staging", "production", "--only", "A"], "API_KEY"),
        (&["compare", "staging", "production", "--token", "p"], "production="),
        (&["compare", "staging", "production", "--token", ""], "staging= production="),
        (&["compare", "--token", ""], ""),
        (&["trace", "A"], "API_KEY"),
        (&["trace", "-e", "production", "P"], "PROD_KEY"),
        (&["trace", "API_KEY", "D"], ""),
        (&["trace", "API_KEY", "--from", ""], "shop-web web worker"),
        (&["trace", "--env-file", "prod.env", "P"], "PROD_KEY"),
        (&["rotate", "D"], "DEBUG"),
        (&["rotate", "-s", "worker", "Q"], "QUEUE_URL"),
        (&["rotate", "API_KEY", "D"], ""),
        (&["rotate", "API_KEY", "--from=w"], "--from=web --from=worker"),
        (&["rotate", "API_KEY", "--generate", ""], "hex:32 base64:32 base64url:32 alnum:40 uuid"),
        (&["rotate", "API_KEY", "--generate", "base64"], "base64:32 base64url:32"),
        (&["rotate", "API_KEY", "--keep-old-as", ""], ""),
        (&["rotate", "API_KEY", "--keep-old-as", "A"], ""),
        (&["rotate", "API_KEY", "--allow-sealed", "A"], "API_KEY"),
        (&["fix", "--hoist", "A"], "API_KEY"),
        (&["fix", "--only", ""], "API_KEY DEBUG LOCAL_ONLY QUEUE_URL"),
        (&["fix", "--only", "A"], "API_KEY"),
        (&["fix", "--allow-reference", "D"], "DEBUG"),
        (&["fix", "--allow-sealed", "D"], "DEBUG"),
        (&["fix", "--push", "--allow-shared", "D"], "DEBUG"),
        (&["check", "-s", "worker", "--only", ""], "QUEUE_URL"),
        (&["check", "-s", "shop-web", "--only", ""], "API_KEY DEBUG LOCAL_ONLY"),
        (&["check", "-e", "production", "--only", ""], "PROD_KEY QUEUE_URL"),
        (&["check", "--env-file", "prod.env", "--only", ""], "PROD_KEY"),
        (&["check", "--no-config", "--only", ""], "API_KEY DEBUG"),
        (&["check", "--no-config", "-s", ""], ""),
        (&["check", "--config", "no-such.toml", "-s", ""], ""),
        (&["check", "--format", "j"], "json junit"),
        (&["explain", "value-"], "value-differs value-unavailable"),
        (&["man", "hook", "r"], "run"),
        (&["man", "che"], "check"),
        (&["man", "no-such-command", "c"], ""),
        (&["schema", "r"], "report"),
        (&["check", "--env-file", "pro"], "prod.env"),
        (&["check", "--env-file", ".e"], ".env .env.local"),
        (&["check", "--env-file", "worker/"], "worker/.env"),
        (&["check", "--output", "w"], "worker/"),
        (&["--config", "doc"], "doctor.toml"),
    ] {
        assert_eq!(offered(shop(), line), expected, "{line:?}");
    }
}

#[test]
fn variables_with_tokens_are_completed_by_name_only() {
    let sandbox = || {
        let sandbox = shop().variable("LIVE_TOKEN", Some("tk-kept-to-itself")).variable("RAILWAY_TOKEN", Some("x"));
        sandbox.variable("$(id)_TOKEN", Some("x")).variable("LIVE_URL", Some("x"))
    };
    let line = ["compare", "staging", "production", "--token"];
    let with = |typed: &str| offered(sandbox(), &[&line[..], &[typed]].concat());
    assert_eq!(with(""), "staging=LIVE_TOKEN production=LIVE_TOKEN");
    assert_eq!(with("production="), "production=LIVE_TOKEN");
    assert_eq!(offered(sandbox(), &["compare", "staging", "$(id)", "--token", ""]), "staging=LIVE_TOKEN");
}

#[test]
fn flag_split_by_bash_is_recognized() {
    assert_eq!(offered(shop(), &["fix", "--only", "=", "AP"]), "API_KEY");
    assert_eq!(offered(shop(), &["check", "--env-file", "=", "prod.env", "--only", "=", ""]), "PROD_KEY");
    let early = shop().variable("_CLAP_COMPLETE_INDEX", Some("3"));
    assert_eq!(offered(early, &["check", "--only", "", "--env-file", "=", "prod.env"]), "PROD_KEY");
}

#[test]
fn demo_reads_no_local_files() {
    for flag in ["-s", "-e", "--only", "--env-file", "--output", "--config"] {
        assert_eq!(offered(shop(), &["demo", "check", flag, ""]), "", "{flag}");
    }
    assert_eq!(offered(shop(), &["demo", "check", "--format", "sa"]), "sarif");
    for line in [
        &["demo", "compare", "s"][..],
        &["demo", "trace", "A"],
        &["demo", "rotate", "A"],
        &["demo", "rotate", "API_KEY", "--from", ""],
        &["demo", "fix", "--hoist", ""],
    ] {
        assert_eq!(offered(shop(), line), "", "{line:?}");
    }
    assert_eq!(offered(shop(), &["demo", "rotate", "--generate", "h"]), "hex:32");
}

#[test]
fn broken_files_complete_nothing_silently() {
    let broken = |name, text| shop().file(name, text);
    assert_eq!(offered(broken("doctor.toml", "[services.web\n"), &["check", "-s", ""]), "");
    assert_eq!(offered(broken("doctor.toml", "[services.web\n"), &["check", "--only", ""]), "API_KEY DEBUG");
    assert_eq!(offered(broken("doctor.toml", "env-file = \"../../x\"\n"), &["check", "--only", ""]), "");
    assert_eq!(offered(broken(".env", "A='\n$(x)=\n= =\nB=\"1\nC=2\n"), &["check", "--no-config", "--only", "Z"]), "");
    let folder = Sandbox::of([]).file(".env/inside", "A=1\n");
    assert_eq!(offered(folder, &["check", "--only", ""]), "");
    assert_eq!(offered(Sandbox::of([]), &["check", "--only", ""]), "");
    let binary = shop();
    std::fs::write(binary.work().join(".env"), [0xff, b'=', 0xfe]).unwrap();
    assert_eq!(offered(binary, &["check", "--no-config", "--only", ""]), "");
}

#[test]
fn names_unsafe_for_shells_are_not_completed() {
    let hostile = ["$(touch pwned)", "`touch pwned`", "a b", "a;b", "a'b", "a\\\"b", "a*", "-rf", "~", "a&b"];
    let each = |form: &dyn Fn(&str) -> String| hostile.map(form).concat();
    let services = each(&|name| format!("[services.\"{name}\"]\n"));
    let environments = each(&|name| format!("[environments.\"{name}\"]\n"));
    let keys = each(&|name| format!("{name}=1\n'{name}'=1\n"));
    let sandbox = || {
        let sandbox = Sandbox::of([]).file("doctor.toml", &(services.clone() + "[services.good]\n" + &environments));
        let sandbox = sandbox.file(".env", &(keys.clone() + "\u{1b}[2J=1\nGOOD=1\n"));
        hostile[..7].iter().fold(sandbox, |sandbox, name| sandbox.file(&format!("files/{name}"), ""))
    };
    assert_eq!(offered(sandbox(), &["check", "-s", ""]), "good");
    assert_eq!(offered(sandbox(), &["check", "-e", ""]), "");
    let names = offered(sandbox(), &["compare", ""]);
    assert!(names.split(' ').all(|name| name.starts_with("--")), "{names}");
    assert_eq!(offered(sandbox(), &["check", "--env-file", "files/"]), "");
    for line in [&["trace", "$"][..], &["trace", "`"], &["fix", "--hoist", "a"]] {
        assert_eq!(offered(sandbox(), line), "", "{line:?}");
    }
    let keys = offered(sandbox(), &["check", "--only", ""]);
    assert!(keys.ends_with("GOOD") && !keys.contains(['$', '`', ';', '\'', '*', '&', '\u{1b}']), "{keys}");
}

#[test]
fn malformed_completion_requests_return_nothing() {
    for words in [[].as_slice(), &[""], &["doctor"], &["doctor", "--", "--", ""], &["doctor", "-\u{1b}", "=", "="]] {
        for index in ["0", "1", "2", "99", "-1", "x", "18446744073709551615"] {
            for shell in ["bash", "zsh", "fish", "elvish", "powershell", "sh"] {
                let sandbox = shop().variable("COMPLETE", Some(shell)).variable("_CLAP_COMPLETE_INDEX", Some(index));
                let ended = sandbox.run(&[&["--"], words].concat());
                assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{shell} {index} {words:?}");
            }
        }
    }
}

#[test]
fn complete_variable_without_arguments_has_no_effect() {
    let ended = incident().variable("COMPLETE", Some("bash")).run(&["explain", "D103"]);
    assert!(ended.out.starts_with("D103 value-differs"), "{ended:?}");
    assert_eq!(incident().run(&["--", "doctor", "che"]).code, 2);
}
