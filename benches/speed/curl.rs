//! The same requests by somebody else: curl, which thinks about nothing.

use std::fmt::Write;
use std::fs;

use railway_doctor::io::sim::seed::ACCOUNT_TOKEN;

use crate::measure::Program;
use crate::place::Place;

/// All of them in one curl: on one connection, each after the answer to the one before.
pub(crate) fn in_turn(place: &Place, bodies: &[String]) -> Program {
    let config = config(place, "in-turn", bodies);
    place.program("curl", &["-q", "-K", &config])
}

/// All of them in one curl, at once.
pub(crate) fn at_once(place: &Place, bodies: &[String]) -> Program {
    let config = config(place, "at-once", bodies);
    let most = bodies.len().max(1).to_string();
    place.program("curl", &["-q", "--parallel", "--parallel-immediate", "--parallel-max", &most, "-K", &config])
}

/// A curl for each, one after the other, as a loop of a shell does it.
pub(crate) fn looped(place: &Place, bodies: &[String]) -> Program {
    let files = write(place, "loop", bodies).join(" ");
    let url = place.server.url();
    let script = format!(
        "for body in {files}; do \
           curl -q -s -o /dev/null -H 'Authorization: Bearer {ACCOUNT_TOKEN}' -H 'Content-Type: application/json' \
             --data-binary \"@$body\" {url} || exit 9; \
         done"
    );
    place.program("/bin/sh", &["-c", &script])
}

/// A file of options, and in it one request for each body.
fn config(place: &Place, name: &str, bodies: &[String]) -> String {
    let url = place.server.url();
    let mut text = String::new();
    for (number, file) in write(place, name, bodies).iter().enumerate() {
        let next = if number == 0 { "" } else { "next\n" };
        write!(
            text,
            "{next}silent\nfail\nurl = \"{url}\"\noutput = \"/dev/null\"\nheader = \"Authorization: Bearer {ACCOUNT_TOKEN}\"\n\
             header = \"Content-Type: application/json\"\nheader = \"Expect:\"\ndata-binary = \"@{file}\"\n"
        )
        .unwrap();
    }
    let path = place.home().join(format!("{name}.curl"));
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// One file for each body.
fn write(place: &Place, name: &str, bodies: &[String]) -> Vec<String> {
    let file = |(number, body): (usize, &String)| {
        let path = place.home().join(format!("{name}-{number}.json"));
        fs::write(&path, body).unwrap();
        path.to_str().unwrap().to_owned()
    };
    bodies.iter().enumerate().map(file).collect()
}
