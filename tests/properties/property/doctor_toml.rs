//! Any text as `doctor.toml`: it is parsed, or rejected with an error without control characters. An `[[ignore]]` that
//! is added to it is what a TOML parser reads, and everything else is unchanged.

use railway_doctor::drift::Secret;
use railway_doctor::drift::rules::RULES;
use railway_doctor::error::Error;
use railway_doctor::io::config::{self, ConfigChoice};
use railway_doctor::io::config::{NewIgnore, with_ignore};
use railway_doctor::report::escape;
use toml::{Table, Value};

use super::sandbox::Sandbox;
use super::texts;

/// The input is the text, a key, a service and a reason.
pub fn check(data: &[u8]) {
    let Some([text, key, service, reason]) = texts(data) else { return };
    let sandbox = Sandbox::with(&[]);
    let path = sandbox.work().join("doctor.toml");
    let sandbox = sandbox.file(&path, text.as_bytes());
    let rules: Vec<_> = RULES.iter().map(|rule| (rule.code, rule.name)).collect();
    let is_valid = match config::load(&ConfigChoice::Nearest, &sandbox.work(), &rules) {
        Ok(found) => {
            assert!(found.is_some(), "the file exists");
            true
        }
        Err(error) => {
            check_error(&error);
            false
        }
    };
    let ignore = NewIgnore {
        keys: vec![key.to_owned()],
        services: Some(service.to_owned()).filter(|service| !service.is_empty()).into_iter().collect(),
        rules: vec!["value-differs".to_owned()],
        reason: reason.to_owned(),
    };
    match with_ignore(&Secret::new(text), &ignore, "doctor.toml", &rules) {
        Ok(new) => {
            assert!(is_valid, "an invalid file was changed");
            check_added(text, new.expose(), &ignore);
        }
        Err(error) => check_error(&error),
    }
}

fn check_error(error: &Error) {
    for line in [Some(error.to_string()), error.cause(), Some(error.help().unwrap().to_string())].into_iter().flatten()
    {
        assert!(!escape::line(&line).contains(char::is_control));
    }
}

fn check_added(text: &str, new: &str, ignore: &NewIgnore) {
    assert!(new.starts_with(text), "existing text was changed");
    let [before, mut after] = [text, new].map(|text| text.parse::<Table>().expect("the file is valid"));
    let list = after.get_mut("ignore").and_then(Value::as_array_mut).expect("an ignore was added");
    let added = list.pop().expect("an ignore was added");
    if list.is_empty() {
        after.remove("ignore");
    }
    assert_eq!(after, before, "another part was changed");
    let texts = |name: &str| -> Vec<&str> {
        let list = added.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(Value::as_str).collect()
    };
    assert_eq!(texts("keys"), ignore.keys);
    assert_eq!(texts("services"), ignore.services);
    assert_eq!(texts("rules"), ignore.rules);
    assert_eq!(added.get("reason").and_then(Value::as_str), Some(ignore.reason.as_str()));
}
