//! Unknown keys in flags, and unknown names in `doctor.toml`.

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};

const SECRET: &str = "typed-value-7319";

fn shop() -> Sandbox {
    let web = service("web", &[("OPS_KEY", "stored-1234567890"), ("REGION", "eu"), ("ON_WEB", "x")]);
    Sandbox::of([web, service("docs", &[("THEME", "dark")])])
        .file(".env", "OPS_KEY=local-1234567890\nREGION=eu\n")
        .file(".env.example", "OPS_KEY=\nFROM_EXAMPLE=\n")
        .file("doctor.toml", "[services.web]\n[[require]]\nkeys = [\"REQUIRED_KEY\"]\n")
}

fn refused(ended: &Ended, parts: &[&str]) {
    assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{ended:?}");
    assert!(parts.iter().all(|part| ended.err.contains(part)), "{parts:?}: {ended:?}");
}

#[test]
fn unknown_key_is_refused_before_any_write() {
    for words in [
        &["check"][..],
        &["check", "-v"],
        &["matrix"],
        &["fix", "--dry-run"],
        &["fix", "--push", "--yes"],
        &["fix", "--pull", "--yes"],
    ] {
        let sandbox = shop();
        let before = sandbox.text(".env");
        let ended = sandbox.run(&[words, &["--only", "REGION", "--only", "OPS_KYE"]].concat());
        refused(
            &ended,
            &[
                "unknown key `OPS_KYE`",
                "did you mean `--only=OPS_KEY`?\n",
                "neither .env nor a service in scope has it",
            ],
        );
        assert_eq!((sandbox.mutations(), sandbox.text(".env")), (Vec::new(), before));
    }
}

#[test]
fn similar_key_is_suggested() {
    for (typed, expected) in [
        ("ops_key", "did you mean `--only=OPS_KEY`?\n"),
        ("REGOIN", "did you mean `--only=REGION`?\n"),
        ("ON_WBE", "did you mean `--only=ON_WEB`?\n"),
        ("FROM_EXMAPLE", "did you mean `--only=FROM_EXAMPLE`?\n"),
        ("THEME", "service docs has it, but is not in scope; add `--service=docs`\n"),
        ("XYZZY", "to list the keys, run:\n    doctor matrix\n"),
        ("", "invalid --only: expected the name of a key, got an empty text\n"),
    ] {
        refused(&shop().run(&["check", "--only", typed]), &[expected]);
    }
    let flags = ["--project=shop", "-e", "staging", "--env-file", ".env", "--service", "web"];
    let repeated = "\n    doctor matrix --project=shop --environment=staging --env-file=.env --service=web\n";
    refused(&shop().run(&[&["check", "--only", "XYZZY"][..], &flags].concat()), &[repeated]);
    let two = shop().run(&["check", "--only", "OPS_KYE", "--only", "REGOIN", "--only", "ON_WEB"]);
    refused(&two, &["unknown keys `OPS_KYE` and `REGOIN`", "did you mean `--only=OPS_KEY --only=REGION`?\n"]);
}

#[test]
fn similar_key_is_suggested_as_argument() {
    for (words, expected) in [
        (&["trace", "OPS_KYE"][..], "did you mean:\n    doctor trace OPS_KEY\n"),
        (&["trace", "OPS_KYE", "--from", "web"], "did you mean:\n    doctor trace OPS_KEY --from=web\n"),
        (
            &["rotate", "ops_key", "--generate", "hex:32", "--yes"],
            "did you mean:\n    doctor rotate OPS_KEY --generate=hex:32 --yes\n",
        ),
        (&["trace", "XYZZY"], "to list the keys, run:\n    doctor matrix\n"),
        (&["fix", "--hoist", "OPS_KYE", "--yes"], "did you mean `--hoist=OPS_KEY`?\n"),
    ] {
        let sandbox = shop();
        let ended = sandbox.run(words);
        refused(&ended, &[expected]);
        assert_eq!(sandbox.mutations(), Vec::<String>::new());
    }
    let flags = ["--project=shop", "-e", "staging", "--env-file", ".env", "--service", "web"];
    let repeated = "    doctor trace OPS_KEY --project=shop --environment=staging --env-file=.env --service=web\n";
    refused(&shop().run(&[&["trace", "OPS_KYE"][..], &flags].concat()), &[repeated]);
}

#[test]
fn existing_and_declared_keys_are_accepted() {
    for key in ["OPS_KEY", "REGION", "ON_WEB", "FROM_EXAMPLE", "REQUIRED_KEY"] {
        let ended = shop().run(&["check", "--only", key]);
        assert_ne!(ended.code, 2, "{key}: {ended:?}");
    }
}

#[test]
fn value_typed_after_key_is_not_repeated() {
    let key_value = format!("OPS_KEY={SECRET}");
    for words in [
        &["check", "--only", &key_value][..],
        &["check", "--only", &key_value, "--format", "json"],
        &["matrix", "--only", &key_value],
        &["compare", "staging", "live", "--only", &key_value],
        &["fix", "--push", "--yes", "--only", &key_value],
        &["fix", "--push", "--yes", "--only", "OPS_KEY", "--allow-reference", &key_value],
        &["fix", "--push", "--yes", "--only", "OPS_KEY", "--allow-sealed", &key_value],
        &["fix", "--push", "--yes", "--only", "OPS_KEY", "--allow-shared", &key_value],
        &["fix", "--hoist", &key_value, "--yes"],
        &["trace", &key_value],
        &["trace", &key_value, "--format", "json"],
        &["rotate", &key_value, "--generate", "hex:32", "--yes"],
        &["rotate", "OPS_KEY", "--generate", "hex:32", "--yes", "--allow-sealed", &key_value],
    ] {
        let sandbox = shop();
        let ended = sandbox.run(words);
        assert!(ended.code == 2 && ended.err.contains("OPS_KEY=…"), "{ended:?}");
        assert!(!ended.err.contains(SECRET) && !ended.out.contains(SECRET), "{ended:?}");
        assert!(sandbox.sent.borrow().is_empty(), "no request is sent");
    }
    let value = "Zx9Kq2Lm8Vb4Tn7Ws1Rc5Yd3";
    for words in [
        &["check", "--only", value][..],
        &["fix", "--hoist", value, "--yes"],
        &["trace", value],
        &["rotate", value, "--generate", "hex:32", "--yes"],
        &["rotate", "OPS_KEY", "--generate", value, "--yes"],
        &["rotate", "OPS_KEY", "--generate", "hex:32", "--keep-old-as", value, "--yes"],
        &["rotate", "OPS_KEY", "--generate", "hex:32", "--keep-old-as", &key_value, "--yes"],
        &["rotate", "OPS_KEY", "--generate", "hex:32", "--allow-sealed", value, "--yes"],
    ] {
        let ended = shop().run(words);
        let is_shown = [value, SECRET].iter().any(|value| ended.err.contains(value) || ended.out.contains(value));
        assert!(ended.code == 2 && !is_shown, "{words:?}: {ended:?}");
    }
}

#[test]
fn unknown_keys_in_allow_flags_are_refused() {
    for flag in ["--allow-reference", "--allow-sealed", "--allow-shared"] {
        let ended = shop().run(&["fix", "--push", "--yes", "--only", "OPS_KEY", flag, "OPS_KYE"]);
        refused(&ended, &["unknown key `OPS_KYE`", &format!("did you mean `{flag}=OPS_KEY`?\n")]);
    }
}

#[test]
fn unknown_names_in_doctor_toml_report_their_position() {
    for (text, expected) in [
        (
            "environment = \"stagign\"\n",
            "doctor.toml:1:15: project shop has no environment `stagign`|did you mean `staging`?",
        ),
        (
            "\nproject = \"shpo\"\nenvironment = \"staging\"\n",
            "doctor.toml:2:11: project `shpo`: not found, or not visible to this token|did you mean `shop`?",
        ),
        ("[services.wbe]\n", "doctor.toml:1:11: environment staging has no service `wbe`|did you mean `web`?"),
        (
            "[[require]]\nkeys = [\"A\"]\nservices = [\"wbe\"]\n",
            "doctor.toml:3:13: environment staging has no service `wbe`|did you mean `web`?",
        ),
        ("[severity]\nvaleu-differs = \"off\"\n", "doctor.toml:2:1:|value-differs"),
        (
            "[[ignore]]\nkeys = [\"A\"]\nreason = \"x\"\nrules = [\"valeu-differs\"]\n",
            "doctor.toml:4:10:|value-differs",
        ),
    ] {
        let project = if text.contains("project") { "" } else { "project = \"shop\"\n" };
        let text = if text.starts_with("environment") { format!("{text}{project}") } else { text.to_owned() };
        let ended = shop().file("doctor.toml", &text).run(&["check"]);
        refused(&ended, &expected.split('|').collect::<Vec<_>>());
        assert!(!ended.err.contains("--"), "it does not mention a flag: {ended:?}");
    }
}

#[test]
fn unused_entry_warns_only_in_full_comparison() {
    let unused = "[[ignore]]\nkeys = [\"OPS_KYE\"]\nreason = \"x\"\n";
    let sandbox = shop().file("doctor.toml", unused);
    let ended = sandbox.run(&["check"]);
    assert!(ended.out.contains("unused-entry") && ended.out.contains("did you mean OPS_KEY?"), "{ended:?}");
    for words in [&["--service", "web"][..], &["--only", "OPS_KEY"], &["--env-file", ".env"]] {
        let ended = sandbox.run(&[&["check"], words].concat());
        assert!(!ended.out.contains("unused-entry"), "{words:?}: {ended:?}");
    }
    let elsewhere = sandbox.file("doctor.toml", &unused.replace("reason", "environments = [\"production\"]\nreason"));
    assert!(!elsewhere.run(&["check"]).out.contains("unused-entry"));
}

#[test]
fn repeated_service_flag_is_reported_once() {
    let ended = shop().run(&["check", "-s", "doc", "-s", "doc"]);
    assert_eq!(ended.out.matches("--service=doc matched docs").count(), 1, "{ended:?}");
}
