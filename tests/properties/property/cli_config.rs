//! Anything in the place of the official CLI's file: a check ends with an exit code of its own, says what is wrong, and never
//! shows the login.

use railway_doctor::io::railway::transport::Transport;
use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::seed::incident;
use serde_json::{Value, json};

use super::sandbox::Place;

/// The input is the file; `@HERE@` in it stands for the working folder.
pub fn hold(data: &[u8]) {
    let place = Place::with(&[]);
    let (work, home) = (place.work(), place.home());
    let here = json!(work).to_string();
    let here = here.trim_matches('"');
    let text = match std::str::from_utf8(data) {
        Ok(text) => text.replace("@HERE@", here).into_bytes(),
        Err(_) => data.to_vec(),
    };
    let place =
        place.file(&work.join(".env"), incident::ENV_FILE.as_bytes()).file(&home.join(".railway/config.json"), &text);
    let sim = Sim::new(incident::estate());
    let connect = || -> Box<dyn Transport> { Box::new(sim.clone()) };
    for words in [&["check"][..], &["auth", "status"], &["auth", "status", "--format", "json"]] {
        let ended = place.run(words, &connect, &sim);
        for token in tokens(&text) {
            assert!(!ended.out.contains(&token) && !ended.err.contains(&token), "{words:?} shows a token");
        }
    }
    assert!(sim.mutations().is_empty());
    assert!(std::fs::read(home.join(".railway/config.json")).is_ok_and(|now| now == text), "it is only ever read");
}

/// What a program would send that reads the file, if no text of ours and no other part of the file can hold it.
fn tokens(text: &[u8]) -> Vec<String> {
    let Ok(file) = serde_json::from_slice::<Value>(text) else { return Vec::new() };
    let whole = String::from_utf8_lossy(text);
    let found = ["accessToken", "refreshToken", "token"].map(|name| file["user"][name].as_str().map(str::to_owned));
    let is_own =
        |token: &String| token.starts_with("~~") && token.len() >= 8 && whole.matches(token.as_str()).count() == 1;
    found.into_iter().flatten().filter(is_own).collect()
}
