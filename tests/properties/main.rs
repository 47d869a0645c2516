//! Checks the properties of `fuzz/` with the seeds of every target, and with a few random texts.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "reads the seeds")]

#[expect(unreachable_pub, reason = "the fuzz targets use it")]
mod property;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use property::{PROPERTIES, SEPARATOR};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, proptest};
use proptest::sample::select;
use proptest::{collection, prop_oneof};
use railway_doctor::io::sim::Sim;

/// The directory of the fuzz targets. It is not part of the published package.
fn fuzz() -> Option<PathBuf> {
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")).filter(|directory| directory.exists())
}

fn names_in(directory: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    names.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn every_property_has_a_target_and_seeds() {
    let Some(fuzz) = fuzz() else { return };
    let properties: BTreeSet<String> = PROPERTIES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names_in(&fuzz.join("fuzz_targets")), properties);
    assert_eq!(names_in(&fuzz.join("corpus")), properties);
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for name in properties {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is missing from Cargo.toml");
        assert!(names_in(&fuzz.join("corpus").join(&name)).len() >= 10, "{name} has too few seeds");
    }
}

/// Passes each seed of a target to `check`, which panics if the property does not hold.
fn for_each_seed(name: &str, check: &mut dyn FnMut(&[u8])) {
    let Some(fuzz) = fuzz() else { return };
    for entry in fs::read_dir(fuzz.join("corpus").join(name)).unwrap() {
        let path = entry.unwrap().path();
        let seed = fs::read(&path).unwrap();
        let holds = catch_unwind(AssertUnwindSafe(|| check(&seed))).is_ok();
        assert!(holds, "the property does not hold for {}", path.display());
    }
}

/// Declares a test for each target, so that they run in parallel.
macro_rules! seeds_satisfy_property {
    ($($name:ident)*) => {
        mod seeds {
            $(
                #[test]
                fn $name() {
                    super::for_each_seed(stringify!($name), &mut super::property::$name::check);
                }
            )*
        }
    };
}

// Those of `altered_responses` are below.
seeds_satisfy_property! {
    responses baselines cli_config doctor_toml env_editor env_reader env_values names occurrences planner pushed_refs
    reasons references
}

/// Checks the seeds of `altered_responses`, and ensures that the decoder of every response is tested.
#[test]
fn altered_response_seeds_cover_every_operation() {
    if fuzz().is_none() {
        return;
    }
    let mut operations: BTreeSet<String> = names_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("graphql"));
    operations.remove("schema");
    for_each_seed("altered_responses", &mut |seed| {
        let sim = property::altered_responses::run(seed);
        for request in sim.iter().flat_map(Sim::requests) {
            let underscored = request.operation.chars().map(|letter| match letter {
                'A'..='Z' => format!("_{}", letter.to_ascii_lowercase()),
                _ => letter.to_string(),
            });
            operations.remove(underscored.collect::<String>().trim_start_matches('_'));
            // Never sent alone: it is part of the query for values.
            if request.body.expose().contains("environmentStagedChanges") {
                operations.remove("staged_changes");
            }
        }
    });
    assert_eq!(operations, BTreeSet::new(), "no seed requests these operations");
}

/// Text with a special meaning in some format.
const ATOMS: [&str; 65] = [
    "a",
    "K",
    "A",
    "1",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "'",
    "\"",
    "`",
    "\\",
    "\\n",
    "\\\"",
    "\\'",
    "$",
    "${A}",
    "$A",
    "${{",
    "}}",
    "${{P.D}}",
    "$(x)",
    "#",
    " # ",
    "=",
    "K=",
    "\nK=",
    "\nA='",
    "export ",
    ":",
    ";",
    "&",
    "|",
    "~",
    "*",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\0",
    "\u{feff}",
    "\u{2028}",
    "\u{85}",
    "\u{a0}",
    "\u{202e}",
    "\u{1b}[2J",
    "é",
    "日本",
    "::error ::",
    "%0A",
    "<b>",
    "<br>",
    "&amp;",
    "]]>",
    "--help",
    "@all",
    "[[ignore]]\n",
    "keys = [\"A\"]\n",
    "project = \"x\"\n",
    "null",
    "true",
    "changeme",
    "https://h/",
];

fn text() -> impl Strategy<Value = String> {
    let atoms = collection::vec(select(&ATOMS[..]), 0..8).prop_map(|atoms| atoms.concat());
    prop_oneof![3 => atoms, 1 => any::<String>()]
}

/// Inputs of several pieces.
fn input() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![Just("K"), Just("A"), Just("")].prop_map(str::to_owned);
    (prop_oneof![first, text()], collection::vec(text(), 0..5)).prop_map(|(first, rest)| {
        let pieces: Vec<Vec<u8>> = std::iter::once(first).chain(rest).map(String::into_bytes).collect();
        pieces.join(&SEPARATOR)
    })
}

/// Checks the properties that `is_wanted` selects by their names.
fn check_properties(input: &[u8], is_wanted: fn(&str) -> bool) {
    for (_, check) in PROPERTIES.iter().filter(|(name, _)| is_wanted(name)) {
        check(input);
    }
}

/// The property with the most runs of `doctor` for each input.
const SLOWEST: &str = "names";

proptest! {
    // A whole run of `doctor` is slow. Parsers have their own tests with more cases.
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_property_holds_for_any_input(input in input()) {
        check_properties(&input, |name| name != SLOWEST);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn slowest_property_holds_for_any_input(input in input()) {
        check_properties(&input, |name| name == SLOWEST);
    }
}
