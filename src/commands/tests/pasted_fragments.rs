//! Fragments of a secret that was pasted without quotes are not shown in any format.

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;

const FIRST: &str = "TTr0p5Kk3Hq9vZ1mJx8wQeYb7sLdN2cFgRuTaVoPiXzWnEhMkBjSyC4D6fGHtA0l";
const LAST: &str = "U5rIqO9pKwXv3ZbNmLsTeYdR8cFgQuJaVhPi";

#[test]
fn no_format_shows_secret_fragment() {
    let begin = "-----BEGIN PRIVATE KEY-----";
    for text in [
        format!("TLS_KEY=\n{FIRST}\n{LAST}==\n"),
        format!("TLS_KEY={FIRST}\n{LAST}==\n"),
        format!("PRIVATE_KEY=\"{begin}\"\n{FIRST}\n{LAST}=\n-----END PRIVATE KEY-----\n"),
        format!("PRIVATE_KEY={begin}\r\n{FIRST}\r\n{LAST}=\r\nAPP=1\r\n"),
        format!("DATABASE_URL=\npostgres://user:{LAST}@db.example/shop?sslmode=require\n"),
    ] {
        let web = service("web", &[("REGION", "eu")]);
        let sandbox = Sandbox::of([web]).file(".env", &format!("REGION=us\n{text}")).file(".env.example", &text);
        let mut runs = Vec::new();
        for format in ["text", "json", "sarif", "github", "junit", "markdown", "html"] {
            runs.push(sandbox.run(&["check", "-v", "--format", format]));
        }
        for format in ["text", "json", "markdown", "html"] {
            runs.push(sandbox.run(&["matrix", "--format", format]));
        }
        runs.push(sandbox.run(&["fix", "--dry-run"]));
        runs.push(sandbox.run(&["fix", "--dry-run", "--pull", "--format", "json"]));
        runs.push(sandbox.run(&["init"]));
        runs.push(sandbox.run(&["check", "--only", "OPS_KEY"]));
        runs.push(sandbox.run(&["check", "--only", LAST]));
        for run in &runs {
            for whole in [FIRST, LAST] {
                for at in 0..whole.len() - 8 {
                    let piece = &whole[at..at + 8];
                    assert!(!run.out.contains(piece) && !run.err.contains(piece), "{text}: {piece}: {run:?}");
                }
            }
        }
        assert!(runs[0].out.contains("this line can't be parsed"), "the unreadable lines are reported: {:?}", runs[0]);
    }
}
