//! Any text as `doctor.toml`: understood, or refused in lines that hold nothing a terminal obeys; and an `[[ignore]]` that is
//! added to it is what TOML's own reader finds there, with all else as it was.

use railway_doctor::drift::Secret;
use railway_doctor::drift::rules::RULES;
use railway_doctor::error::Error;
use railway_doctor::io::config::{self, ConfigChoice};
use railway_doctor::io::config::{NewIgnore, with_ignore};
use railway_doctor::report::escape;
use toml::{Table, Value};

use super::sandbox::Place;
use super::texts;

/// The input is the text, a key, a service and a reason.
pub fn hold(data: &[u8]) {
    let Some([text, key, service, reason]) = texts(data) else { return };
    let place = Place::with(&[]);
    let path = place.work().join("doctor.toml");
    let place = place.file(&path, text.as_bytes());
    let rules: Vec<_> = RULES.iter().map(|rule| (rule.code, rule.name)).collect();
    let understood = match config::load(&ConfigChoice::Nearest, &place.work(), &rules) {
        Ok(found) => {
            assert!(found.is_some(), "the file is there");
            true
        }
        Err(error) => {
            fits_in_lines(&error);
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
            assert!(understood, "a text that can't be read was added to");
            is_added(text, new.expose(), &ignore);
        }
        Err(error) => fits_in_lines(&error),
    }
}

fn fits_in_lines(error: &Error) {
    for line in [Some(error.to_string()), error.cause(), Some(error.help())].into_iter().flatten() {
        assert!(!escape::line(&line).contains(char::is_control));
    }
}

fn is_added(text: &str, new: &str, ignore: &NewIgnore) {
    assert!(new.starts_with(text), "what was there stays");
    let [before, mut after] = [text, new].map(|text| text.parse::<Table>().expect("it was understood"));
    let list = after.get_mut("ignore").and_then(Value::as_array_mut).expect("there is one now");
    let added = list.pop().expect("there is one now");
    if list.is_empty() {
        after.remove("ignore");
    }
    assert_eq!(after, before, "something else has changed");
    let texts = |name: &str| -> Vec<&str> {
        let list = added.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(Value::as_str).collect()
    };
    assert_eq!(texts("keys"), ignore.keys);
    assert_eq!(texts("services"), ignore.services);
    assert_eq!(texts("rules"), ignore.rules);
    assert_eq!(added.get("reason").and_then(Value::as_str), Some(ignore.reason.as_str()));
}
