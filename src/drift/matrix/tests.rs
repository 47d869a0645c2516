//! The marks of cells, case by case.

use crate::drift::engine::policy::Ignore;
use crate::drift::engine::run_rules::examine;
use crate::drift::matrix::{Matrix, of};
use crate::drift::model::marker::Mark;
use crate::drift::model::observed::Observed;
use crate::drift::test_support::{
    changed, got, healthy, ignore, layer, named, require, running, shared, survey, target, template, unreadable,
    without_file,
};
use crate::drift::{Severity, Survey};

fn matrix(survey: &Survey) -> Matrix {
    of(survey, &examine(survey))
}

/// Returns `A: error Differs, Equal` for each row that is not folded.
fn rows(survey: &Survey) -> Vec<String> {
    let cell = |cell: &super::MatrixCell| match cell.severity {
        Some(severity) => format!("{} {:?}", severity.name(), cell.mark),
        None => format!("{:?}", cell.mark),
    };
    let row = |row: &super::MatrixRow| {
        let also: Vec<String> = row.also.iter().map(|name| format!(" also {name}")).collect();
        format!("{}: {}{}", row.key, row.cells.iter().map(cell).collect::<Vec<_>>().join(", "), also.concat())
    };
    matrix(survey).rows.iter().map(row).collect()
}

fn folded(survey: &Survey) -> [Vec<String>; 3] {
    let matrix = matrix(survey);
    [&matrix.agreeing, &matrix.left_out, &matrix.unknown].map(|rows| rows.iter().map(|row| row.key.clone()).collect())
}

#[test]
fn cells_without_a_file_show_stored_values_only() {
    let api = ["A=1", "B=1", "E=", "N=${{api.NOPE}} => ", "S=<sealed>", "R=${{api.A}} => 1", "T=1"];
    let mut found = survey(&[], &[("api", &api), ("web", &["A=2", "T=1"])]);
    without_file(&mut found);
    template(&mut found, ".env.example", "B=\nE=\nM=\nPORT=1\n", &["api", "web"]);
    require(&mut found, "A", &[]);
    require(&mut found, "B", &["web"]);
    runs_with(&mut found, &["A=1", "B=1", "E=", "N=", "R=1", "T=0"]);
    let expected = [
        "T: error Stale, Set",
        "N: error Dangling, NotSet",
        "B: Set, error Missing",
        "A: error Disagrees, error Disagrees",
        "M: warning Missing, warning Missing",
        "E: warning EmptyOnRailway, NotSet",
    ];
    assert_eq!(rows(&found), expected);
    let set: Vec<String> = matrix(&found).set.into_iter().map(|row| row.key).collect();
    assert_eq!((set, folded(&found)), (vec!["R".to_owned(), "S".to_owned()], [vec![], vec![], vec![]]));
    found.policy.ignore.push(ignore(&["M", "B"]));
    assert_eq!(folded(&found)[1], ["B"], "a key that no service has is not needed any more: {:?}", rows(&found));
}

#[test]
fn required_key_that_is_empty_on_railway_has_its_marker() {
    for file in [&[][..], &["A="]] {
        let mut found = survey(file, &[("api", &["A="])]);
        require(&mut found, "A", &[]);
        assert_eq!(rows(&found), ["A: error EmptyOnRailway"], "{file:?}");
    }
}

type Change = fn(&mut Survey);

/// The file, the variables of `api`, a change of the survey, and the expected row.
const CASES: &[(&[&str], &[&str], Change, &str)] = &[
    (&["A=1"], &["A=2"], |_| (), "A: error Differs"),
    (&["A=1"], &[], |_| (), "A: warning MissingOnRailway"),
    (&["PORT=1"], &["B=1"], |_| (), "PORT: note MissingOnRailway"),
    (&[], &["A=1"], |_| (), "A: note MissingLocally"),
    (&["A=1"], &["A=<sealed>"], |_| (), "A: note Sealed"),
    (&["PORT=1"], &["PORT=2"], |_| (), "PORT: note ExpectedDifference"),
    (&["A=1"], &["A=${{api.B}} => 2", "B=2"], |_| (), "A: note ReferenceDiffers"),
    (&["A=1"], &["A=${{api.NOPE}} => "], |_| (), "A: error Dangling"),
    (&[], &["A=${{api.NOPE}} => "], |_| (), "A: error Dangling"),
    (&["A=${{api.NOPE}}"], &["A=${{api.NOPE}} => "], |_| (), "A: error Dangling"),
    (&[], &[], |found| require(found, "A", &["api"]), "A: error Missing"),
    (&["A=1"], &["A=1"], |found| runs_with(found, &["A=0"]), "A: error Stale"),
    (&["A=1"], &["A=2"], |found| runs_with(found, &["A=0"]), "A: error DiffersStale"),
    (&[], &["A=1"], |found| runs_with(found, &["A=0"]), "A: error Stale"),
    (&["A=1"], &["A=1"], |found| changed_later(found), "A: warning PossiblyStale"),
    (&["A=1"], &["A=2"], |found| changed_later(found), "A: error Differs"),
    (&["A=changeme"], &["A=changeme"], |_| (), "A: Equal also placeholder-value"),
];

fn runs_with(found: &mut Survey, rows: &[&str]) {
    running(found, "api", "SUCCESS");
    got(found, "api", rows);
}

fn changed_later(found: &mut Survey) {
    running(found, "api", "SUCCESS");
    target(found, "api").live.got = Observed::Unavailable("refused".to_owned());
    changed(found, "api", "A", "2027-01-01T00:00:00.000Z");
}

#[test]
fn each_case_yields_its_mark() {
    for (file, stored, change, expected) in CASES {
        let mut found = survey(file, &[("api", stored)]);
        change(&mut found);
        let rows = rows(&found);
        assert_eq!(rows.first().map(String::as_str), Some(*expected), "{file:?} against {stored:?}: {rows:?}");
    }
}

#[test]
fn equal_rows_are_folded_and_references_are_accepted() {
    let api: &[&str] = &["A=1", "B=${{shared.B}} => 2"];
    let mut found = survey(&["A=1", "B=2"], &[("api", api), ("web", api)]);
    shared(&mut found, "B");
    assert_eq!(rows(&found), [""; 0]);
    assert_eq!(folded(&found), [vec!["A".to_owned(), "B".to_owned()], vec![], vec![]]);
    let marks: Vec<Mark> = matrix(&found).all().flat_map(|row| &row.cells).map(|cell| cell.mark).collect();
    assert_eq!(marks, [Mark::Equal, Mark::Equal, Mark::Reference, Mark::Reference]);
    assert_eq!(rows(&healthy()), [""; 0]);
}

#[test]
fn key_that_a_service_never_had_is_no_difference() {
    let mut found = survey(&["A=1", "B=1"], &[("api", &["A=1", "B=2"]), ("web", &["B=2"]), ("worker", &[])]);
    assert_eq!(rows(&found), ["B: error Differs, error Differs, NotSet"]);
    assert_eq!(folded(&found)[0], ["A"]);
    found.policy.ignore.push(ignore(&["A"]));
    assert_eq!(folded(&found), [vec!["A".to_owned()], vec![], vec![]]);
    found.policy.ignore.clear();
    require(&mut found, "A", &["web"]);
    assert_eq!(rows(&found)[1], "A: Equal, error MissingOnRailway, NotSet");
}

#[test]
fn key_on_no_service_is_ignored_only_by_an_entry() {
    let file = || survey(&["A=1"], &[("api", &["B=1"])]);
    let mut found = file();
    found.policy.ignore.push(ignore(&["A"]));
    assert_eq!(folded(&found)[1], ["A"]);
    let mut found = file();
    found.policy.severity.insert("missing-on-railway".to_owned(), None);
    assert_eq!(folded(&found)[1], ["A"]);
}

#[test]
fn key_that_is_empty_in_the_file_is_empty_and_not_missing() {
    let found = survey(&["A=", "B=", "C="], &[("api", &["A=1", "B="]), ("web", &["A="])]);
    assert_eq!(rows(&found), ["A: note EmptyLocally, Equal", "C: note EmptyLocally, note EmptyLocally"]);
    assert_eq!(folded(&found)[0], ["B"]);
}

#[test]
fn unreadable_service_is_not_a_difference() {
    let mut found = survey(&["A=1", "B=1"], &[("api", &["A=1"]), ("web", &["A=1"])]);
    unreadable(&mut found, "web");
    assert_eq!(rows(&found), ["B: warning MissingOnRailway, Unreadable"]);
    assert_eq!(folded(&found)[0], ["A"]);
    unreadable(&mut found, "api");
    assert_eq!(folded(&found), [vec![], vec![], vec!["A".to_owned(), "B".to_owned()]]);
}

#[test]
fn ignored_cells_are_marked_as_ignored() {
    let mut found = survey(&["A=1"], &[("api", &["A=2"]), ("web", &["A=3"]), ("worker", &["A=1"])]);
    found.policy.ignore.push(Ignore { services: vec![named("api").id], ..ignore(&["A"]) });
    assert_eq!(rows(&found), ["A: Ignored, error Differs, Equal"]);
    found.policy.ignore.push(ignore(&["*"]));
    assert_eq!(folded(&found), [vec![], vec!["A".to_owned()], vec![]]);
    found.policy.ignore.clear();
    found.policy.severity.insert("value-differs".to_owned(), None);
    assert_eq!(folded(&found)[1], ["A"]);
    found.policy.severity.insert("value-differs".to_owned(), Some(Severity::Note));
    assert_eq!(rows(&found), ["A: note Differs, note Differs, Equal"]);
}

#[test]
fn stale_values_are_ignored_per_key() {
    let mut found = survey(&["A=1", "B=1", "C=1"], &[("api", &["A=1", "B=1", "C=1"])]);
    runs_with(&mut found, &["A=0", "B=0", "C=0"]);
    assert_eq!(rows(&found), ["A: error Stale", "B: error Stale", "C: error Stale"]);
    found.policy.ignore.push(Ignore { rules: vec!["stale-deployment".to_owned()], ..ignore(&["B"]) });
    assert_eq!(rows(&found), ["A: error Stale", "C: error Stale"]);
    assert_eq!(folded(&found)[1], ["B"]);
    found.policy.ignore.push(Ignore { rules: vec!["D401".to_owned()], ..ignore(&["C"]) });
    assert_eq!(rows(&found), ["A: error Stale"]);
    found.policy.severity.insert("stale-deployment".to_owned(), None);
    assert_eq!(folded(&found)[1], ["A", "B", "C"]);
}

#[test]
fn failing_rows_come_first_and_only_filters_keys() {
    let api: &[&str] = &["A=<sealed>", "B=1", "D=2", "E=1", "RAILWAY_SERVICE_ID=1"];
    let mut found = survey(&["A=1", "B=1", "C=1", "D=1", "E=1"], &[("api", api), ("web", &["B=1", "X=1"])]);
    running(&mut found, "api", "SUCCESS");
    got(&mut found, "api", &["B=1", "D=2", "E=0"]);
    let order: Vec<String> = rows(&found).iter().map(|row| row[..1].to_owned()).collect();
    assert_eq!(order, ["D", "E", "C", "A", "X"]);
    assert_eq!(rows(&found)[4], "X: NotSet, note MissingLocally");
    found.only.extend(["C".to_owned(), "B".to_owned()]);
    let named: Vec<String> = rows(&found).iter().map(|row| row[..1].to_owned()).collect();
    assert_eq!((named, folded(&found)), (vec!["C".to_owned(), "B".to_owned()], <[Vec<String>; 3]>::default()));
}

#[test]
fn services_with_different_files_have_different_keys() {
    let mut found = survey(&["A=1"], &[("api", &["A=1"]), ("web", &["W=1"])]);
    target(&mut found, "web").layers.clear();
    layer(&mut found, "web/.env", &["W=2"], &["web"]);
    assert_eq!(rows(&found), ["W: NotSet, error Differs"]);
    assert_eq!(folded(&found)[0], ["A"]);
}

#[test]
fn services_that_disagree_have_the_marker_of_their_difference_from_the_file() {
    for (file, expected) in [
        (&["A=1"][..], "A: error Differs, Equal"),
        (&["A="], "A: error EmptyLocally, error EmptyLocally"),
        (&[], "A: error MissingLocally, error MissingLocally"),
        (&["A=op://dev/a/b"], "A: note Indirect, note Indirect also services-disagree"),
    ] {
        let mut found = survey(file, &[("api", &["A=2"]), ("web", &["A=1"])]);
        require(&mut found, "A", &[]);
        assert_eq!(rows(&found), [expected], "{file:?}");
    }
}
