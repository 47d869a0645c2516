//! Invalid and hostile `doctor.toml` files.

use crate::error::Error;
use crate::io::config::tests::{RULES, fault, faults, folder, read};
use crate::io::config::{ConfigChoice, load};

#[test]
fn unknown_keys_list_valid_keys() {
    faults(&[
        (
            "enviroment = 1",
            "1:1: unknown key `enviroment` at the top level | did you mean `environment`? valid keys: `project`, ",
        ),
        ("\n\n  env_file = 1", "3:3: unknown key `env_file` at the top level | did you mean `env-file`? valid"),
        ("zzz = 1\nproject = 5", "1:1: unknown key `zzz` at the top level | valid keys: "),
        ("b1 = 1\na1 = 1", "1:1: unknown key `b1`"),
        (
            "[services.api]\nnmae = 'x'",
            "2:1: unknown key `nmae` in [services.api] | did you mean `name`? valid keys: `name`, `env-file`",
        ),
        ("services.api.nmae = 'x'", "1:14: unknown key `nmae` in [services.api]"),
        (
            "[environments.a]\nprotect = true",
            "2:1: unknown key `protect` in [environments.a] | did you mean `protected`?",
        ),
        ("[[require]]\nkeys = ['A']\nkey = ['B']", "3:1: unknown key `key` in [[require]]"),
        (
            "[[across]]\nkey = ['A']\nmust = 'agree'",
            "2:1: unknown key `key` in [[across]] | did you mean `keys`? valid keys: `keys`, `must`",
        ),
        ("[[accross]]", "1:3: unknown key `accross` at the top level | did you mean `across`?"),
        ("[[ignore]]\nkeys = ['A']\nreason = 'x'\nrule = ['x']", "4:1: unknown key `rule` in [[ignore]]"),
        ("[expect]\nlogs = 1", "2:1: unknown key `logs` in [expect] | did you mean `log`? valid keys: `log`, `http`"),
        ("[[expect.log]]\nservices = 'a'", "2:1: unknown key `services` in [[expect.log]] | did you mean `service`?"),
        ("[[expect.http]]\nbody = 'a'", "2:1: unknown key `body` in [[expect.http]]"),
        ("[hook]\non_drift = 'warn'", "2:1: unknown key `on_drift` in [hook] | did you mean `on-drift`?"),
        (
            "[severity]\nvalue-difers = 'off'",
            "2:1: unknown rule `value-difers` in [severity] | did you mean `value-differs`? valid rules: `missing-on-railway`, ",
        ),
        ("[severity]\nD999 = 'off'", "2:1: unknown rule `D999` in [severity]"),
        ("[severity]\nD103 = 'off'\nvalue-differs = 'off'", "3:1: duplicate rule `value-differs` in [severity]"),
        ("\"\\u001b[31m\" = 1", "1:1: unknown key at the top level | valid keys: "),
        ("sk_live_0123456789012345678901234567890123456789 = 1", "1:1: unknown key at the top level | valid"),
    ]);
    let long = format!("{} = 1", "x".repeat(900_000));
    faults(&[(&long, "1:1: unknown key at the top level | valid keys: ")]);
}

#[test]
fn config_cannot_set_tokens_addresses_or_commands() {
    for (key, why) in [
        ("token", "tokens do not belong"),
        ("RAILWAY_TOKEN", "tokens do not belong"),
        ("railway-api-token", "tokens do not belong"),
        ("api-url", "must not decide where tokens are sent"),
        ("api_url", "must not decide where tokens are sent"),
        ("proxy", "must not decide where tokens are sent"),
        ("command", "never runs commands"),
    ] {
        for text in [format!("{key} = 'marker-4711'"), format!("[services.api]\n{key} = 'marker-4711'")] {
            let fault = fault(&text);
            assert!(fault.contains(&format!("doctor.toml can't set `{key}`")) && fault.contains(why), "{fault}");
            assert!(!fault.contains("marker"));
        }
    }
}

/// A part without an argument would match every command.
#[test]
fn start_command_parts_without_arguments_are_refused() {
    for part in ["#x", "&&", ";", ")", "''", "'-B", " "] {
        let fault = fault(&format!("services.a.start-command-contains = [\"-B\", \"{part}\"]"));
        assert!(fault.contains("`start-command-contains` in [services.a] must be"), "{part}: {fault}");
    }
}

/// Asserts that each of the values, separated by spaces, is an error in place of `?`, and is not repeated. In a value,
/// `|` stands for a space.
fn assert_rejected(cases: &[(&str, &str, &str)]) {
    for (text, expected, values) in cases {
        for value in values.split_whitespace() {
            let text = text.replace('?', &value.replace('|', " "));
            let fault = fault(&text);
            assert!(fault.contains(expected), "{text}\n     got {fault}\nexpected {expected}");
            assert!(!fault.contains("marker") && !fault.contains("evil"), "{fault}");
        }
    }
}

#[test]
fn wrong_types_in_across_sections_are_reported_without_their_values() {
    let list = "a non-empty list of non-empty strings";
    assert_rejected(&[
        (
            "across = ?",
            "`across` must be an array of tables, each written as [[across]]",
            "'marker' {keys=['A'],must='differ'} ['marker'] [5]",
        ),
        ("across = [{keys=?,must='agree'}]", &format!("`keys` in [[across]] must be {list}"), "'marker' [] [5] ['']"),
        (
            "across = [{keys=['A'],must=?}]",
            "`must` in [[across]] must be one of \"agree\", \"differ\", \"exist\"",
            "'marker' 'Agree' '' true ['agree']",
        ),
    ]);
    faults(&[(
        "[[across]]\nkeys = ['A']\nmust = 'differs'",
        "3:8: `must` in [[across]] must be one of \"agree\", \"differ\", \"exist\" | did you mean `differ`?",
    )]);
}

#[test]
fn wrong_types_are_reported_without_their_values() {
    let list = "a non-empty list of non-empty strings";
    let cases = [
        ("project = ?", "`project` must be a non-empty string", "5 '' true [] {} 2027-01-01"),
        ("environment = ?", "`environment` must be a non-empty string", "['marker'] 1.5"),
        ("env-file = ?", "`env-file` must be a string or a list of strings", "5 true {a='marker'}"),
        ("env-file = ?", &format!("`env-file` must be {list}"), "[] [''] [5] [['marker']] ['marker',1]"),
        ("loader = ?", "`loader` must be one of \"dotenvy\", \"python\", \"node\"", "'marker' 5 ['python'] 'Python'"),
        (
            "fail-on = ?",
            "`fail-on` must be one of \"error\", \"warning\", \"note\", \"never\"",
            "'marker' false 'Error'",
        ),
        ("environments = ?", "`environments` must be a table", "'marker' ['marker']"),
        ("environments.a = ?", "`a` in [environments] must be a table", "'marker' []"),
        ("environments.a.protected = ?", "`protected` in [environments.a] must be true or false", "'true' 1"),
        ("services = ?", "`services` must be a table", "'marker' ['marker'] [{name='marker'}]"),
        ("services.a = ?", "`a` in [services] must be a table", "'marker' [{name='marker'}]"),
        ("services.a.name = ?", "`name` in [services.a] must be a non-empty string", "[] 5 ''"),
        (
            "services.a.start-command-contains = ?",
            &format!("`start-command-contains` in [services.a] must be {list}"),
            "'marker' [5] []",
        ),
        (
            "services.a.commit = ?",
            "`commit` in [services.a] must be a commit hash of 7 to 40",
            "'main' '--exec=marker' 'abc' 'head' '371a15g'",
        ),
        (
            "require = ?",
            "`require` must be an array of tables, each written as [[require]]",
            "'marker' {keys=['A']} ['marker'] [5]",
        ),
        ("require = [{keys=?}]", &format!("`keys` in [[require]] must be {list}"), "'marker' [] [5]"),
        ("require = [{keys=['A'],services=?}]", &format!("`services` in [[require]] must be {list}"), "'marker' []"),
        ("ignore = [{keys=['A'],reason=?}]", "`reason` in [[ignore]] must be a non-empty string", "'' [] 5"),
        (
            "ignore = [{keys=['A'],reason='r',rules=?}]",
            &format!("`rules` in [[ignore]] must be {list}"),
            "'marker' [5]",
        ),
        ("ignore = [{keys=['A'],reason='r',rules=?}]", "`rules` in [[ignore]] contains an unknown rule", "['marker']"),
        (
            "ignore = [{keys=['A'],reason='r',until=?}]",
            "`until` in [[ignore]] must be a date such as \"2027-01-01\"",
            "'marker' 2027 '2027-02-30' '2027-1-1' '01/01/2027' '2027-01-01T00:00' 2027-01-01T00:00:00Z 07:00:00 '20270101'",
        ),
        ("severity = ?", "`severity` must be a table", "'off' []"),
        (
            "severity.D103 = ?",
            "`D103` in [severity] must be one of \"error\", \"warning\", \"note\", \"off\"",
            "'marker' false",
        ),
        ("expect = ?", "`expect` must be a table", "'marker' [{log=[]}]"),
        (
            "expect.log = ?",
            "`log` in [expect] must be an array of tables, each written as [[expect.log]]",
            "'marker' {service='marker'}",
        ),
        (
            "expect.log = [{service='a',contains='x',within=?}]",
            "`within` in [[expect.log]] must be a duration of at most 24h",
            "5 'marker' '5' '-5m' '0s' '25h' 'soon'",
        ),
        (
            "expect.http = [{service='a',request=?,status=200}]",
            "`request` in [[expect.http]] must be a method and a path",
            "'marker' '/path' 'GET' 'get|/a' 'GET|a' 'GET|//evil.example/a' 'GET|https://evil.example/' 'GET|/a|HTTP/1.1' 'GET|/ü' 'GET|/a#b' 'GET||/a' 'GET|/\\\\evil.example' 'TRACE|/a'",
        ),
        (
            "expect.http = [{service='a',request='GET /a',status=?}]",
            "`status` in [[expect.http]] must be a number from 100 to 599",
            "99 600 -200 '200' [200] 99999999999999999999 2e2",
        ),
        ("hook = ?", "`hook` must be a table", "'warn'"),
        ("hook.on-drift = ?", "`on-drift` in [hook] must be one of \"warn\", \"fail\"", "'marker' true"),
    ];
    assert_rejected(&cases);
    faults(&[
        ("project = \"a\"\nenv-file = [\".env\",\n  \"ü\", 5]", "3:8: `env-file` must be"),
        (
            "loader = \"pyton\"",
            "1:10: `loader` must be one of \"dotenvy\", \"python\", \"node\" | did you mean `python`?",
        ),
        (
            "[[require]]\nkeys=['A']\n[[ignore]]\nkeys=['A']\nreason='r'\nrules=['value-difers']",
            "6:8: `rules` in [[ignore]] contains an unknown rule | did you mean `value-differs`?",
        ),
    ]);
}

#[test]
fn missing_required_keys_are_reported() {
    faults(&[
        ("[[require]]", "1:1: [[require]] is missing `keys` | add `keys = [\"KEY\"]`"),
        ("\n[[require]]\nkeys = ['A']\n[[require]]\nservices = ['a']", "4:1: [[require]] is missing `keys`"),
        ("[[require]]\nkeys = ['A', 'B*']", "2:14: `keys` in [[require]] can't contain patterns"),
        ("[[across]]\nmust = 'agree'", "1:1: [[across]] is missing `keys` | add `keys = [\"KEY\"]`"),
        ("\n[[across]]\nkeys = ['A']", "2:1: [[across]] is missing `must` | add `must = \"differ\"`"),
        ("[[across]]\nkeys = ['A', '?B']\nmust = 'agree'", "2:14: `keys` in [[across]] can't contain patterns"),
        ("[[ignore]]\nreason = 'x'", "1:1: [[ignore]] is missing `keys`"),
        ("[[ignore]]\nkeys = ['A']", "1:1: [[ignore]] is missing `reason` | add `reason = "),
        ("[[expect.log]]\nservice = 'a'", "1:1: [[expect.log]] is missing `contains`"),
        ("[[expect.log]]\ncontains = 'a'", "1:1: [[expect.log]] is missing `service`"),
        ("[[expect.http]]\nservice = 'a'\nstatus = 200", "1:1: [[expect.http]] is missing `request`"),
        ("[[expect.http]]\nservice = 'a'\nrequest = 'GET /'", "1:1: [[expect.http]] is missing `status`"),
        (
            "[services.a]\nname = 'x'\n[services.b]\nname = 'x'",
            "3:11: `b` in [services] names the same service as `a` in [services]",
        ),
        ("[services.a]\nname = 'b'\n[services.b]", "3:11: `b` in [services] names the same service as `a`"),
        ("[services.\"\"]", "1:11: the section name is empty or has control characters"),
        ("[services.\"a\\nb\"]", "1:11: the section name is empty or has control characters"),
        ("[environments.' ']", "1:15: the section name is empty or has control characters"),
    ]);
}

#[test]
fn contradicting_across_sections_are_refused_at_second_key() {
    let section = |keys: &str, must: &str| format!("[[across]]\nkeys = [{keys}]\nmust = '{must}'\n");
    for (first, second) in [("agree", "differ"), ("differ", "agree")] {
        let text = section("'A'", "exist") + &section("'marker-4711', 'B'", first) + &section("'C', 'B'", second);
        let fault = fault(&text);
        let help = "a key can't both agree and differ; remove it from one of the two sections";
        assert_eq!(fault, format!("8:14: `keys` in [[across]] contradicts the [[across]] at line 4 | {help}"));
    }
}

#[test]
fn syntax_errors_report_position_without_text() {
    let cases = [
        ("project = marker-4711", "1:11: invalid TOML: "),
        ("project = \"marker-4711", "1:"),
        ("project = 'marker-4711\nenvironment = 'x'", "1:"),
        ("ok = 1\nmarker-4711", "2:"),
        ("project = 'a'\nproject = 'marker-4711'", "2:1: invalid TOML: duplicate key"),
        ("[services.a]\n[services.a]\nname='marker-4711'", "2:"),
        ("services = 'marker-4711'\n[services.api]", "2:"),
        ("project = 'marker-4711'\nproject.name = 'x'", "2:1: invalid TOML: cannot extend"),
        ("a = [1, 2\nb = 'marker-4711'", ""),
        ("a = {b = 'marker-4711'", ""),
        ("until = 2027-13-45", "1:9: invalid TOML: invalid"),
        ("a = 'marker-4711' marker-4711", "1:19: "),
        ("[[require]\nkeys = ['marker-4711']", "1:"),
        ("a = \"\\q marker-4711\"", "1:"),
        ("# marker\u{0}-4711", "1:"),
        ("ü = 'x'", "1:1: "),
        ("<<<<<<< marker-4711", "1:9: "),
    ];
    for (text, expected) in cases {
        let fault = fault(text);
        assert!(fault.starts_with(expected) && fault.contains("invalid TOML: "), "{text}\n{fault}");
        assert!(!fault.contains("marker") && !fault.contains("4711"), "{fault}");
    }
}

#[test]
fn deeply_nested_and_huge_files_do_not_crash() {
    let dotted = vec!["a"; 79].join(".");
    let deep = [
        format!("{}1{}", format!("{dotted} = {{").repeat(79), "}".repeat(79)),
        format!("project = {}", "[".repeat(300_000)),
        format!("project = {}", "{a=".repeat(300_000)),
        format!("{} = 1", vec!["a"; 300_000].join(".")),
        format!("[{}]", vec!["a"; 300_000].join(".")),
        format!("[[{dotted}]]\n{dotted} = {}", format!("{{{dotted} = ").repeat(79)),
        format!("{dotted} = {}1{}", format!("{{{dotted} = ").repeat(79), "}".repeat(79)),
    ];
    for text in deep {
        assert!(matches!(read(&text), Err(Error::Config { .. })));
    }
    let services =
        (0..5_000).fold(String::new(), |sum, index| sum + &format!("[services.s{index}]\nname = 'service {index}'\n"));
    assert_eq!(read(&services).unwrap().services.len(), 5_000);
    let keys = (0..60_000).fold(String::new(), |sum, index| sum + &format!("'KEY_{index}',"));
    assert_eq!(read(&format!("[[require]]\nkeys = [{keys}]")).unwrap().require[0].keys.len(), 60_000);
    let (_guard, folder) = folder(&"#".repeat(1024 * 1024 + 1));
    assert!(
        matches!(load(&ConfigChoice::Nearest, &folder, RULES), Err(Error::File { cause: why, .. }) if why == "it is larger than 1 MiB")
    );
}

#[test]
fn only_patterns_are_limited_in_number() {
    let section = |keys: &[String]| format!("[[ignore]]\nreason = 'x'\nkeys = ['{}']\n", keys.join("', '"));
    let keys = |count: usize, end: &str| (0..count).map(|number| format!("K{number}{end}")).collect::<Vec<_>>();
    assert!(read(&section(&[keys(20_000, ""), keys(1000, "*")].concat())).is_ok());
    let two = section(&keys(999, "*")) + &section(&keys(1, "?")) + &section(&keys(1, "?_*"));
    faults(&[(&two, "9:9: [[ignore]] has more than 1000 patterns with `*` or `?` | use fewer, broader patterns")]);
}
