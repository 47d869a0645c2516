//! Any content of the Railway CLI's configuration file: a check ends with one of doctor's exit codes, explains the
//! problem, and never shows the login.

use railway_doctor::io::railway::transport::Transport;
use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::seed::incident;
use serde_json::{Value, json};

use super::sandbox::Sandbox;

/// The input is the file; `@HERE@` stands for the working directory.
pub fn check(data: &[u8]) {
    let sandbox = Sandbox::with(&[]);
    let (work, home) = (sandbox.work(), sandbox.home());
    let here = json!(work).to_string();
    let here = here.trim_matches('"');
    let text = match std::str::from_utf8(data) {
        Ok(text) => text.replace("@HERE@", here).into_bytes(),
        Err(_) => data.to_vec(),
    };
    let sandbox =
        sandbox.file(&work.join(".env"), incident::ENV_FILE.as_bytes()).file(&home.join(".railway/config.json"), &text);
    let sim = Sim::new(incident::estate());
    let connect = || -> Box<dyn Transport> { Box::new(sim.clone()) };
    for args in [&["check"][..], &["auth", "status"], &["auth", "status", "--format", "json"]] {
        let output = sandbox.run(args, &connect, &sim);
        for token in tokens(&text) {
            assert!(!output.stdout.contains(&token) && !output.stderr.contains(&token), "{args:?} shows a token");
        }
    }
    assert!(sim.mutations().is_empty());
    assert!(std::fs::read(home.join(".railway/config.json")).is_ok_and(|now| now == text), "the file was changed");
}

/// The tokens in the file, if neither doctor's messages nor another part of the file can contain them.
fn tokens(text: &[u8]) -> Vec<String> {
    let Ok(file) = serde_json::from_slice::<Value>(text) else { return Vec::new() };
    let whole = String::from_utf8_lossy(text);
    let found = ["accessToken", "refreshToken", "token"].map(|name| file["user"][name].as_str().map(str::to_owned));
    let is_own =
        |token: &String| token.starts_with("~~") && token.len() >= 8 && whole.matches(token.as_str()).count() == 1;
    found.into_iter().flatten().filter(is_own).collect()
}
