//! Names of projects, environments, services and variables are anybody's: a report of them does a terminal no harm.

#![no_main]

#[path = "../run.rs"]
mod run;

use libfuzzer_sys::fuzz_target;
use run::{Canned, Login, check};
use serde_json::json;

fuzz_target!(|names: (&str, &str, &str, &str, &str)| {
    let (project, environment, service, key, value) = names;
    let shape = json!({ "data": {
        "project": { "id": "p", "name": project, "deletedAt": null },
        "environment": { "id": "e", "name": environment, "deletedAt": null,
            "config": { "services": { "s": { "variables": { key: {}, "KEY": {} } } }, "sharedVariables": { key: {} } },
            "serviceInstances": { "edges": [{ "node": { "serviceId": "s", "serviceName": service,
                "rootDirectory": null, "deletedAt": null, "source": null } }],
                "pageInfo": { "hasNextPage": false, "endCursor": null } } } } });
    let values = json!({ "data": { "stored_0": { key: value, "KEY": value }, "rendered_0": { key: "", "KEY": value } } });
    let replies = [&shape, &values].map(|body| Canned { status: 200, body: body.to_string().into_bytes() });
    for arguments in [&["-v"][..], &["-q"], &["--only", "KEY"], &["--format", "markdown"], &["--format", "html"]] {
        check(&replies, "KEY=1\nOTHER=a value of its own\n", Login::Variables, arguments);
    }
    let told = |format| check(&replies, "KEY=1\nOTHER=a value of its own\n", Login::Variables, &["--format", format]);
    for format in ["json", "sarif"] {
        let out = told(format);
        assert!(out.is_empty() || serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{format} is no JSON");
    }
    // A name must not begin a command of its own, or an element.
    let commands = ["::error ", "::warning ", "::notice ", "::group::", "::endgroup::"];
    assert!(told("github").lines().all(|line| !line.starts_with("::") || commands.iter().any(|one| line.starts_with(one))));
    let junit = told("junit");
    assert_eq!(junit.matches("<testsuite ").count(), junit.matches("</testsuite>").count());
});
