//! How an error is laid out.

use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::estate::SimService;

fn without_a_token() -> Sandbox {
    Sandbox::of([SimService::named("api").variables(&[("A", "1")])])
        .file(".env", "A=2\n")
        .variable("RAILWAY_API_TOKEN", None)
}

#[test]
fn errors_wrap_at_terminal_but_not_in_pipe() {
    let piped = without_a_token().run(&["check"]).err;
    assert!(piped.lines().any(|line| line.starts_with("  because: ") && line.len() > 100), "{piped}");
    let shown = without_a_token().at_a_terminal().run(&["check"]).err;
    let because = shown.lines().skip_while(|line| !line.starts_with("  because: "));
    let because: Vec<&str> = because.take_while(|line| !line.starts_with("  next: ")).collect();
    assert!(because.len() > 1 && because.iter().all(|line| line.chars().count() <= 100), "{shown}");
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&shown), words(&piped));
}
