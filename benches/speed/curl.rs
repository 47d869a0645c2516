//! The same requests sent by curl, without any processing.

use std::fmt::Write;
use std::fs;

use railway_doctor::io::sim::seed::ACCOUNT_TOKEN;

use crate::fixture::Fixture;
use crate::measure::Program;

/// Sends all bodies with one curl, sequentially on one connection.
pub(crate) fn sequential(fixture: &Fixture, bodies: &[String]) -> Program {
    let config = config(fixture, "sequential", bodies);
    fixture.program("curl", &["-q", "-K", &config])
}

/// Sends all bodies with one curl, in parallel.
pub(crate) fn parallel(fixture: &Fixture, bodies: &[String]) -> Program {
    let config = config(fixture, "parallel", bodies);
    let max = bodies.len().max(1).to_string();
    fixture.program("curl", &["-q", "--parallel", "--parallel-immediate", "--parallel-max", &max, "-K", &config])
}

/// Sends each body with a new curl, in a shell loop.
pub(crate) fn looped(fixture: &Fixture, bodies: &[String]) -> Program {
    let files = write(fixture, "loop", bodies).join(" ");
    let url = fixture.server.url();
    let script = format!(
        "for body in {files}; do \
           curl -q -s -o /dev/null -H 'Authorization: Bearer {ACCOUNT_TOKEN}' -H 'Content-Type: application/json' \
             --data-binary \"@$body\" {url} || exit 9; \
         done"
    );
    fixture.program("/bin/sh", &["-c", &script])
}

/// Writes a curl config file with one request per body and returns its path.
fn config(fixture: &Fixture, name: &str, bodies: &[String]) -> String {
    let url = fixture.server.url();
    let mut text = String::new();
    for (number, file) in write(fixture, name, bodies).iter().enumerate() {
        let next = if number == 0 { "" } else { "next\n" };
        write!(
            text,
            "{next}silent\nfail\nurl = \"{url}\"\noutput = \"/dev/null\"\nheader = \"Authorization: Bearer {ACCOUNT_TOKEN}\"\n\
             header = \"Content-Type: application/json\"\nheader = \"Expect:\"\ndata-binary = \"@{file}\"\n"
        )
        .unwrap();
    }
    let path = fixture.home().join(format!("{name}.curl"));
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Writes each body to a file and returns the paths.
fn write(fixture: &Fixture, name: &str, bodies: &[String]) -> Vec<String> {
    let file = |(number, body): (usize, &String)| {
        let path = fixture.home().join(format!("{name}-{number}.json"));
        fs::write(&path, body).unwrap();
        path.to_str().unwrap().to_owned()
    };
    bodies.iter().enumerate().map(file).collect()
}
