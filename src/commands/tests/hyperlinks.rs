//! Hyperlinks to the Railway dashboard: only in a terminal that supports them.

use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::estate::SimService;

const LINK: &str = "\u{1b}]8;;https://railway.com/project/";

fn shop() -> Sandbox {
    Sandbox::of([SimService::named("api").variables(&[("A", "1")])]).file(".env", "A=2\n")
}

#[test]
fn terminal_with_link_support_gets_hyperlinks() {
    let sandbox = shop().at_a_terminal_with_links();
    let output = sandbox.run(&["check"]).out;
    let page = format!("/service/{}?environmentId=", sandbox.id("api"));
    assert!(output.contains(LINK) && output.contains(&page), "{output:?}");
    assert!(output.contains(&format!("/service/{}/variables?environmentId=", sandbox.id("api"))), "{output:?}");
}

#[test]
fn hyperlinks_are_omitted_when_unsupported_or_disabled() {
    let with_links = || shop().at_a_terminal_with_links();
    let nowhere = [
        shop().run(&["check", "--color", "always"]),
        shop().at_a_terminal().run(&["check"]),
        with_links().run(&["check", "--color", "never"]),
        with_links().variable("NO_COLOR", Some("1")).run(&["check"]),
        with_links().variable("CI", Some("1")).run(&["check"]),
        with_links().run(&["check", "--format", "json"]),
        with_links().run(&["check", "--format", "markdown"]),
        with_links().run(&["demo", "check"]),
    ];
    for (index, ended) in nowhere.iter().enumerate() {
        assert!(!ended.out.is_empty() && !ended.out.contains("\u{1b}]"), "{index}: {:?}", ended.out);
    }
    let sandbox = with_links();
    sandbox.run(&["check", "--output", "report.txt", "--color", "always"]);
    assert!(!sandbox.text("report.txt").contains("\u{1b}]"));
}
