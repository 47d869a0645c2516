//! `${{…}}` in any text: occurrences are in order and none is skipped, and every name is resolved or reported as
//! missing.

use std::collections::{BTreeMap, BTreeSet};

use railway_doctor::drift::model::catalogue::Catalogue;
use railway_doctor::drift::model::resource::ResourceRef;
use railway_doctor::drift::reference::{aim, occurrences, only};
use railway_doctor::drift::reference_state::states;
use railway_doctor::drift::survey::Target;

use super::texts;

/// The input is a stored value and what it was rendered to.
pub fn check(data: &[u8]) {
    let Some([template, rendered]) = texts(data) else { return };
    let found = occurrences(template);
    let mut from = 0;
    for occurrence in &found {
        assert!(from <= occurrence.span.start && occurrence.span.start < occurrence.span.end);
        let whole = &template[occurrence.span.clone()];
        let body = whole.strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}")).expect("braces");
        assert_eq!(body.trim(), occurrence.body);
        assert!(occurrences(&template[from..occurrence.span.start]).is_empty(), "an occurrence was skipped");
        from = occurrence.span.end;
    }
    assert!(occurrences(&template[from..]).is_empty(), "an occurrence was skipped");
    let names = BTreeSet::from(["A".to_owned(), "a.b".to_owned()]);
    let services = BTreeMap::from([("api".to_owned(), names.clone()), ("a".to_owned(), names.clone())]);
    let catalogue = Catalogue { services, shared: names, ..Catalogue::default() };
    for occurrence in &found {
        // Must not panic, whether the target exists or not.
        drop(aim(occurrence.body, "api", &catalogue));
    }
    let service = ResourceRef { id: "1".to_owned(), name: "api".to_owned() };
    let target = Target::new(service, Vec::new(), Ok(BTreeMap::new()));
    assert_eq!(states(template, Some(rendered), &target, &catalogue).len(), found.len());
    assert_eq!(only(template).is_some(), found.len() == 1 && found[0].span == (0..template.len()));
}
