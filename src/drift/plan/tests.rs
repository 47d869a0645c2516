//! Which offers a finding has, and which of them a bulk selection includes.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::dotenv::LocalFile;
use crate::drift::engine::run_rules::examine;
use crate::drift::plan::VariableChange;
use crate::drift::plan::bulk_selection::{Consent, select};
use crate::drift::plan::offer::{Addition, Direction, FixPermissions, Offer, Prompting, Prune};
use crate::drift::plan::proposals::{proposals, refers};
use crate::drift::test_support::{ServiceRows, layer, out_of_scope, require, shared, survey};
use crate::drift::{Secret, Survey, Variable};

fn set(keys: &[&str]) -> BTreeSet<String> {
    keys.iter().map(|&key| key.to_owned()).collect()
}

/// Returns `+api.A`, `~api.A`, `-api.A`, `~shared variables.A`, `.env<A`.
fn summary(offer: &Offer) -> Vec<String> {
    let store = |store: &VariableChange| {
        let sign = match (&store.before, &store.after) {
            (_, None) => '-',
            (None, _) => '+',
            _ => '~',
        };
        format!("{sign}{}.{}", store.owner.name(), store.key)
    };
    let stores = offer.stores.iter().map(store);
    stores.chain(offer.pulls.iter().map(|pull| format!("{}<{}", pull.file, pull.key))).collect()
}

/// Returns the selected changes in these directions, and the keys that must be named.
fn taken(
    found: &Survey,
    ways: &[Direction],
    permissions: &FixPermissions,
    consent: Consent,
) -> (Vec<String>, Vec<String>) {
    let examination = examine(found);
    let proposals = proposals(found, &examination.findings, permissions);
    let selection = select(&proposals, ways, permissions, consent);
    (selection.taken.into_iter().flat_map(summary).collect(), selection.unnamed)
}

fn pushed(found: &Survey, permissions: &FixPermissions, consent: Consent) -> (Vec<String>, Vec<String>) {
    taken(found, &[Direction::Push, Direction::PushShared], permissions, consent)
}

/// Returns the reasons for the keys that a bulk selection leaves out.
fn reasons(found: &Survey, ways: &[Direction], permissions: &FixPermissions) -> Vec<String> {
    let examination = examine(found);
    let proposals = proposals(found, &examination.findings, permissions);
    select(&proposals, ways, permissions, Consent::Flag).obstacles.into_iter().map(|(_, reason)| reason).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn pull_skips_key_with_conflicting_values_in_two_findings() {
    let named = FixPermissions { named: set(&["A"]), ..FixPermissions::default() };
    for (worker, expected) in [("A=${{Postgres.URL}} => 3", &NONE[..]), ("A=${{Postgres.URL}} => 2", &["0<A", "0<A"])] {
        let found = survey(&["A=1"], &[("api", &["A=2"]), ("worker", &[worker])]);
        assert_eq!(taken(&found, &[Direction::Pull], &named, Consent::Prompt).0, expected, "{worker}");
    }
}

#[test]
fn push_all_takes_differing_values_without_special_flags() {
    let cases: &[(&[&str], &[ServiceRows<'_>], &[&str])] = &[
        (&["A=1"], &[("api", &["A=2"]), ("worker", &["A=3"])], &["~api.A", "~worker.A"]),
        (&["A=1"], &[("api", &["A=2"]), ("worker", &["A=1"])], &["~api.A"]),
        (&["A=1"], &[("api", &["A=<sealed>"])], &[]),
        (&["A=1"], &[("api", &["A=${{Postgres.URL}} => 2"])], &[]),
        (&["A=1"], &[("api", &["B=1"])], &[]),
        (&["A=1"], &[("api", &["A=<unavailable>"])], &[]),
        (&["PORT=1"], &[("api", &["PORT=2"])], &[]),
        (&["A=changeme"], &[("api", &["A=real-value"])], &[]),
        (&["A_KEY=generate_a_new_key"], &[("api", &["A_KEY=real-value"])], &[]),
        (&["A="], &[("api", &["A=real-value"])], &[]),
        (&["APP_ENV=local"], &[("api", &["APP_ENV=production"])], &[]),
        (&["A=sk_test_1"], &[("api", &["A=sk_live_2"])], &[]),
        (&["A=http://acme.test"], &[("api", &["A=https://acme.dev"])], &[]),
        (&["A=postgres://localhost/x"], &[("api", &["A=postgres://db.example.com/x"])], &[]),
        (&["A=${{Postgres.URL}}"], &[("api", &["A=2"])], &["~api.A"]),
    ];
    for (file, services, expected) in cases {
        let mut found = survey(file, services);
        out_of_scope(&mut found, "Postgres", &["URL"]);
        let (taken, _) = pushed(&found, &FixPermissions::default(), Consent::Prompt);
        assert_eq!(taken, *expected, "{file:?} to {services:?}");
    }
}

/// Naming the key, the `--allow` flags and requirements make no difference.
#[test]
fn indirect_value_is_never_pushed_pulled_or_overwritten() {
    let values = ["op://dev/a/b", "encrypted:BDqDBibm4wsYqMpCjTQ6", "ENC[x]", "vault:secret/a", "${{ secrets.A }}"];
    for indirect in values {
        let template = if indirect.starts_with('$') { format!("{indirect} => ") } else { indirect.to_owned() };
        for (local, api, web) in [
            (Some(indirect), Some("real"), Some("other")),
            (Some(indirect), Some("real"), None),
            (Some(indirect), None, None),
            (Some(indirect), Some("${{shared.A}} => real"), Some("<sealed>")),
            (Some("real"), Some(template.as_str()), Some(template.as_str())),
            (Some("real"), Some(template.as_str()), Some("other")),
            (None, Some(template.as_str()), Some(template.as_str())),
        ] {
            let rows = |value: Option<&str>| -> Vec<String> {
                value.map(|value| format!("A={value}")).into_iter().chain(["Z=1".to_owned()]).collect()
            };
            let (file, api, web) = (rows(local), rows(api), rows(web));
            let [file, api, web] = [&file, &api, &web].map(|rows| rows.iter().map(String::as_str).collect::<Vec<_>>());
            let mut found = survey(&file, &[("api", &api), ("web", &web)]);
            shared(&mut found, "A");
            require(&mut found, "A", &[]);
            let shared_values = BTreeMap::from([("A".to_owned(), Variable::Plain(Secret::new("real")))]);
            let permissions = FixPermissions {
                named: set(&["A"]),
                references: set(&["A"]),
                sealed: set(&["A"]),
                shared: set(&["A"]),
                asking: Prompting::Interactive,
                shared_values,
                ..FixPermissions::default()
            };
            for consent in [Consent::Prompt, Consent::Flag] {
                // A service with a known value on both sides can still be fixed.
                let to_web = web.contains(&"A=other") && local == Some("real");
                for (ways, settled) in
                    [(&[Direction::Push, Direction::PushShared][..], "~web.A"), (&[Direction::Pull], "0<A")]
                {
                    let (taken, _) = taken(&found, ways, &permissions, consent);
                    let expected: &[&str] = if to_web { &[settled] } else { &[] };
                    assert_eq!(taken, expected, "{file:?} {api:?} {web:?}");
                }
            }
        }
    }
}

#[test]
fn placeholder_is_never_pushed_however_it_is_selected() {
    for (file, stored) in [
        ("A_KEY=changeme", "A_KEY=real-value"),
        ("A_KEY=sk_test_your_key_here", "A_KEY=sk_live_51Hb"),
        ("A_KEY=generate_a_new_key", "A_KEY=<sealed>"),
        ("A_KEY=generate_a_new_key", "A_KEY=${{shared.K}} => real-value"),
        ("A_KEY=generate_a_new_key", "B=1"),
    ] {
        for asking in [Prompting::Interactive, Prompting::NonInteractive] {
            let mut found = survey(&[file], &[("api", &[stored]), ("worker", &["A_KEY=another-value"])]);
            shared(&mut found, "K");
            require(&mut found, "A_KEY", &[]);
            let all = set(&["A_KEY"]);
            let permissions = FixPermissions {
                named: all.clone(),
                references: all.clone(),
                sealed: all.clone(),
                shared: all,
                asking,
                shared_values: BTreeMap::from([("K".to_owned(), Variable::Plain(Secret::new("real-value")))]),
                ..FixPermissions::default()
            };
            let findings = examine(&found).findings;
            let proposals = proposals(&found, &findings, &permissions);
            let pushes = proposals.iter().flat_map(|one| &one.offers).filter(|offer| !offer.stores.is_empty());
            assert_eq!(pushes.flat_map(summary).collect::<Vec<_>>(), NONE, "{file} against {stored}");
        }
    }
}

#[test]
fn empty_value_is_pushed_only_when_its_key_is_selected() {
    let mut found = survey(&["A=", "B="], &[("api", &["A=1", "B=1"]), ("worker", &["B=2"])]);
    require(&mut found, "B", &[]);
    let named = |keys| FixPermissions { named: set(keys), ..FixPermissions::default() };
    assert_eq!(pushed(&found, &named(&[]), Consent::Prompt).0, NONE);
    assert_eq!(pushed(&found, &named(&[]), Consent::Flag).0, NONE);
    assert_eq!(pushed(&found, &named(&["A"]), Consent::Prompt).0, ["~api.A"]);
    let pulled = taken(&found, &[Direction::Pull], &named(&["A"]), Consent::Prompt).0;
    assert_eq!(pulled, ["0<A"]);
}

#[test]
fn obstacle_to_push_is_reported_only_for_differing_value() {
    for (file, stored, expected) in [("A=changeme", "A=real-value", true), ("C=1", "A=only-here", false)] {
        let mut found = survey(&[file], &[("api", &["C=1", stored])]);
        require(&mut found, "A", &[]);
        let findings = examine(&found).findings;
        let proposals = proposals(&found, &findings, &FixPermissions::default());
        let is_reported = proposals.iter().flat_map(|one| &one.obstacles).any(|(way, _)| *way == Direction::Push);
        assert_eq!((is_reported, proposals.is_empty()), (expected, false), "{stored}");
    }
}

#[test]
fn yes_pushes_only_named_or_required_keys() {
    let mut found = survey(&["A=1", "B=1", "C=1"], &[("api", &["A=2", "B=2", "C=2"])]);
    require(&mut found, "B", &[]);
    let permissions = FixPermissions { named: set(&["C"]), ..FixPermissions::default() };
    let (taken, unnamed) = pushed(&found, &permissions, Consent::Flag);
    assert_eq!((taken, unnamed), (vec!["~api.B".to_owned(), "~api.C".to_owned()], vec!["A".to_owned()]));
}

#[test]
fn missing_key_is_added_only_by_flag_or_when_required() {
    let missing = || survey(&["A=1", "B=1"], &[("api", &["B=1"]), ("worker", &["B=1"])]);
    assert_eq!(pushed(&missing(), &FixPermissions::default(), Consent::Prompt).0, NONE);
    let named = FixPermissions { named: set(&["A"]), ..FixPermissions::default() };
    assert_eq!(pushed(&missing(), &named, Consent::Flag).0, NONE, "a name alone is not enough");
    let added = |permissions: &FixPermissions| {
        taken(&missing(), &[Direction::Push, Direction::PushShared, Direction::Add], permissions, Consent::Flag).0
    };
    assert_eq!(added(&named), NONE);
    assert_eq!(added(&FixPermissions { addition: Addition::Allowed, ..named }), ["+api.A", "+worker.A"]);
    assert_eq!(added(&FixPermissions { addition: Addition::Allowed, ..FixPermissions::default() }), NONE);
    let mut required = missing();
    require(&mut required, "A", &["worker"]);
    assert_eq!(pushed(&required, &FixPermissions::default(), Consent::Flag).0, ["+worker.A"]);
}

#[test]
fn references_and_sealed_values_need_their_own_flag() {
    let mut found = survey(&["R=1", "S=1"], &[("api", &["R=${{Postgres.URL}} => 2", "S=<sealed>"])]);
    out_of_scope(&mut found, "Postgres", &["URL"]);
    let only = FixPermissions { named: set(&["R", "S"]), ..FixPermissions::default() };
    assert_eq!(pushed(&found, &only, Consent::Flag).0, NONE, "a name alone is not enough");
    let allowed = FixPermissions { references: set(&["R"]), sealed: set(&["S"]), ..FixPermissions::default() };
    assert_eq!(pushed(&found, &allowed, Consent::Flag).0, ["~api.R", "~api.S"]);
    let mut required = found;
    require(&mut required, "R", &[]);
    assert_eq!(
        pushed(&required, &FixPermissions::default(), Consent::Flag).0,
        NONE,
        "a requirement is not enough either"
    );
    let asking = FixPermissions { asking: Prompting::Interactive, named: set(&["R"]), ..FixPermissions::default() };
    assert_eq!(pushed(&required, &asking, Consent::Prompt).0, NONE, "at a prompt, it must be picked");
}

#[test]
fn shared_variable_is_written_instead_of_its_references() {
    let mut found = survey(&["A=1"], &[("api", &["A=${{shared.A}} => 2"]), ("worker", &["A=${{shared.A}} => 2"])]);
    shared(&mut found, "A");
    let stored = |variable| BTreeMap::from([("A".to_owned(), variable)]);
    let plain = || stored(Variable::Plain(Secret::new("2")));
    let allowed = |shared_values| FixPermissions { shared: set(&["A"]), shared_values, ..FixPermissions::default() };
    assert_eq!(pushed(&found, &allowed(plain()), Consent::Flag).0, ["~shared variables.A"]);
    assert_eq!(pushed(&found, &allowed(stored(Variable::Sealed)), Consent::Flag).0, NONE);
    let named = FixPermissions { named: set(&["A"]), shared_values: plain(), ..FixPermissions::default() };
    assert_eq!(pushed(&found, &named, Consent::Flag).0, NONE);
    let asking = FixPermissions { asking: Prompting::Interactive, ..named };
    let examination = examine(&found);
    let proposals = proposals(&found, &examination.findings, &asking);
    let ways: Vec<Direction> = proposals[0].offers.iter().map(|offer| offer.way).collect();
    assert_eq!(ways, [Direction::PushShared, Direction::Push, Direction::Pull], "interactively, each can be picked");
    assert_eq!(pushed(&found, &asking, Consent::Prompt).0, NONE, "a bulk push includes none of them");
}

#[test]
fn pull_writes_differing_values_to_the_effective_layer() {
    let pulled =
        |found: &Survey, permissions: &FixPermissions| taken(found, &[Direction::Pull], permissions, Consent::Flag).0;
    let mut found = survey(&["A=1", "PATH=/bin"], &[("api", &["A=2", "PATH=/tmp", "NEW=3"])]);
    assert_eq!(pulled(&found, &FixPermissions::default()), ["0<A"], "PATH changes how programs run, NEW is not named");
    let named = |keys: &[&str]| FixPermissions { named: set(keys), ..FixPermissions::default() };
    assert_eq!(pulled(&found, &named(&["PATH", "NEW"])), ["0<A", "0<PATH", "0<NEW"]);
    layer(&mut found, ".env.local", &["A=9"], &["api"]);
    assert_eq!(pulled(&found, &named(&["NEW"])), ["1<A", "1<NEW"]);
}

#[test]
fn keys_left_out_of_a_bulk_selection_have_a_reason() {
    let mut found = survey(&["A=1"], &[("api", &["A=2", "B=1", "PATH=/tmp", "NEW=3"])]);
    found.files = vec![LocalFile::parse(".env", Secret::new("A=1$B\nB=1\nPATH=/bin\n"))];
    let expected = [
        "A is built from other variables in the file, so it is pulled only when named: `--only A`",
        "PATH changes how programs run, so it is pulled only when named: `--only PATH`",
    ];
    assert_eq!(reasons(&found, &[Direction::Pull], &FixPermissions::default()), expected);
    let conflict = survey(&["A=1"], &[("api", &["A=2"]), ("worker", &["A=${{Postgres.URL}} => 3"])]);
    let named = FixPermissions { named: set(&["A"]), ..FixPermissions::default() };
    let expected = ["services have different values for A: select one with --service"];
    assert_eq!(reasons(&conflict, &[Direction::Pull], &named), expected);
    let mut two = survey(&["A=1", "B=3"], &[("api", &["A=${{shared.S}} => 2", "B=${{shared.S}} => 2"])]);
    shared(&mut two, "S");
    let shared_values = BTreeMap::from([("S".to_owned(), Variable::Plain(Secret::new("2")))]);
    let permissions = FixPermissions { shared: set(&["A", "B"]), shared_values, ..FixPermissions::default() };
    let expected = ["A", "B"]
        .map(|key| format!("{key} and another key would write different values to S: select one with --only"));
    assert_eq!(reasons(&two, &[Direction::Push, Direction::PushShared], &permissions), expected);
}

#[test]
fn assignment_refers_to_braces_and_to_keys_of_its_file() {
    for (written, expected) in [
        ("plain", false),
        ("${B}", true),
        ("${UNKNOWN}", true),
        ("${{api.B}}", true),
        ("x$B-y", true),
        ("$B", true),
        ("$C", false),
        ("$BC", false),
        ("pa$$B", false),
        ("\\$B", false),
        ("ends-with-$", false),
        ("$-B", false),
    ] {
        let file = LocalFile::parse(".env", Secret::new(format!("A={written}\nB=1\n")));
        assert_eq!(refers(&file, "A"), expected, "{written}");
        assert!(!refers(&file, "B") && !refers(&file, "MISSING"), "{written}");
    }
}

#[test]
fn value_that_is_not_real_is_not_pulled() {
    for (stored, is_pulled) in [("A_KEY=", false), ("A_KEY=changeme", false), ("A_KEY=real-value", true)] {
        for (file, replaces) in [("A_KEY=1f9c", true), ("B=1", false)] {
            let found = survey(&[file, "C=1"], &[("api", &[stored, "C=1"])]);
            let named = FixPermissions { named: set(&["A_KEY"]), ..FixPermissions::default() };
            let (taken, _) = taken(&found, &[Direction::Pull], &named, Consent::Prompt);
            let expected: &[&str] = if is_pulled || !replaces { &["0<A_KEY"] } else { &[] };
            assert_eq!(taken, expected, "{stored} for {file}");
        }
    }
}

#[test]
fn overwritten_values_have_a_caution() {
    let rows: &[&str] = &["R=${{Postgres.URL}} => 2", "S=<sealed>", "P=2", "E=full", "T=2"];
    let mut found = survey(&["P=1"], &[("api", rows)]);
    found.files = vec![LocalFile::parse(".env", Secret::new("R=1\nS=1\nP=1\nE=\nT=1$P\n"))];
    out_of_scope(&mut found, "Postgres", &["URL"]);
    let permissions = FixPermissions {
        references: set(&["R"]),
        sealed: set(&["S"]),
        named: set(&["E"]),
        ..FixPermissions::default()
    };
    let examination = examine(&found);
    let proposals = proposals(&found, &examination.findings, &permissions);
    let cautions: BTreeSet<(&str, Direction, Option<&str>)> = proposals
        .iter()
        .flat_map(|proposal| &proposal.offers)
        .map(|offer| (offer.key.as_str(), offer.way, offer.caution.as_deref()))
        .collect();
    let (push, pull) = (Direction::Push, Direction::Pull);
    let expected = [
        ("E", push, Some("E is empty in the file: the value on Railway becomes empty")),
        ("E", pull, None),
        ("P", push, None),
        ("P", pull, None),
        ("R", push, Some("R is a reference on Railway: a literal replaces it")),
        ("R", pull, Some("R is a reference on Railway: the file gets its current value, not later changes")),
        ("S", push, Some("S is sealed: `doctor undo` can't restore its current value")),
        ("T", push, None),
        ("T", pull, Some("T is built from other variables in the file: a literal replaces it")),
    ];
    assert_eq!(cautions, expected.into());
}

#[test]
fn pull_skips_services_that_disagree() {
    let found = survey(&["A=1"], &[("api", &["A=2"]), ("worker", &["A=3"])]);
    let examination = examine(&found);
    let permissions = FixPermissions::default();
    let proposals = proposals(&found, &examination.findings, &permissions);
    let selection = select(&proposals, &[Direction::Pull], &permissions, Consent::Prompt);
    assert!(selection.taken.is_empty());
    let expected = "api and worker have different values for A: select one with --service";
    assert_eq!(selection.obstacles, [("A".to_owned(), expected.to_owned())]);
}

#[test]
fn remove_requires_prune_and_a_named_key() {
    let mut found = survey(&["A=1"], &[("api", &["A=1", "OLD=1", "KEPT=1", "SEALED=<sealed>"])]);
    require(&mut found, "KEPT", &[]);
    let removed = |permissions: &FixPermissions| taken(&found, &[Direction::Remove], permissions, Consent::Flag).0;
    let all = set(&["OLD", "KEPT", "SEALED"]);
    assert_eq!(removed(&FixPermissions { named: all.clone(), ..FixPermissions::default() }), NONE);
    assert_eq!(removed(&FixPermissions { prune: Prune::Allowed, ..FixPermissions::default() }), NONE);
    let both = FixPermissions { prune: Prune::Allowed, named: all, ..FixPermissions::default() };
    assert_eq!(removed(&both), ["-api.OLD"]);
}

/// Two keys reference one shared variable, and the file gives them different values.
#[test]
fn push_skips_shared_variable_with_two_wanted_values() {
    let both = ["A=${{shared.S}} => 2", "B=${{shared.S}} => 2"];
    for (file, expected) in [(["A=1", "B=3"], &NONE[..]), (["A=1", "B=1"], &["~shared variables.S"; 2])] {
        let mut found = survey(&file, &[("api", &both)]);
        shared(&mut found, "S");
        let shared_values = BTreeMap::from([("S".to_owned(), Variable::Plain(Secret::new("2")))]);
        let permissions = FixPermissions { shared: set(&["A", "B"]), shared_values, ..FixPermissions::default() };
        assert_eq!(pushed(&found, &permissions, Consent::Prompt).0, expected, "{file:?}");
    }
}

#[test]
fn push_keeps_reference_that_renders_the_wanted_value() {
    let mut found = survey(&["A=1"], &[("api", &["A=2"]), ("worker", &["A=${{Postgres.URL}} => 1"])]);
    out_of_scope(&mut found, "Postgres", &["URL"]);
    require(&mut found, "A", &[]);
    let permissions = FixPermissions { references: set(&["A"]), ..FixPermissions::default() };
    assert_eq!(pushed(&found, &permissions, Consent::Prompt).0, ["~api.A"]);
}

/// The other service has a literal under the same key, which does not change.
#[test]
fn shared_variable_affects_only_services_that_reference_it() {
    let mut found = survey(&["PORT=1"], &[("api", &["PORT=${{shared.P}} => 2"]), ("worker", &["PORT=2"])]);
    shared(&mut found, "P");
    let shared_values = BTreeMap::from([("P".to_owned(), Variable::Plain(Secret::new("2")))]);
    let permissions = FixPermissions { shared: set(&["PORT"]), shared_values, ..FixPermissions::default() };
    let examination = examine(&found);
    let proposals = proposals(&found, &examination.findings, &permissions);
    let selection = select(&proposals, &[Direction::Push, Direction::PushShared], &permissions, Consent::Prompt);
    let stores = selection.taken.iter().flat_map(|offer| &offer.stores);
    let meant: Vec<&str> = stores.flat_map(|store| &store.meant_for).map(|service| service.name.as_str()).collect();
    assert_eq!(meant, ["api"]);
}
