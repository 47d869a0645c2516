use std::collections::{BTreeMap, BTreeSet};

use crate::drift::plan::VariableOwner;
use crate::drift::rotation::{
    CopyPlace, CopySelection, OtherService, Rotation, RotationRefusal, RotationRequest, SealedHolders, SharedScope,
    UnfinishedRotation, plan,
};
use crate::drift::test_support::{ServiceRows, named, survey};
use crate::drift::{Secret, Survey, Variable};

const OLD: &str = "0ld-k3y-7Qx9TzLq0PwM";
const NEW: &str = "n3w-k3y-4Rb2YcJdV93x";

/// Plans with the given services, files, copies and kept key, and returns the changes as lines.
struct Case<'c> {
    survey: Survey,
    shared: BTreeMap<String, Variable>,
    databases: Vec<OtherService>,
    is_traceable: bool,
    new: &'c str,
    copies: CopySelection,
    keep: Option<&'c str>,
    sealed: SealedHolders,
    shared_scope: SharedScope,
    unfinished: Option<UnfinishedRotation>,
}

impl<'c> Case<'c> {
    fn of(file: &[(&str, &str)], services: &[ServiceRows<'_>]) -> Self {
        let file: Vec<String> = file.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let lines: Vec<&str> = file.iter().map(String::as_str).collect();
        Self {
            survey: survey(&lines, services),
            shared: BTreeMap::new(),
            databases: Vec::new(),
            is_traceable: true,
            new: NEW,
            copies: CopySelection::Selected(BTreeSet::new()),
            keep: None,
            sealed: SealedHolders::Kept,
            shared_scope: SharedScope::Included,
            unfinished: None,
        }
    }

    fn all(mut self) -> Self {
        self.copies = CopySelection::All;
        self
    }

    fn keep(mut self, key: &'c str) -> Self {
        self.keep = Some(key);
        self
    }

    fn plan(&self) -> Result<Rotation, RotationRefusal> {
        plan(RotationRequest {
            survey: &self.survey,
            shared: &self.shared,
            databases: &self.databases,
            is_traceable: self.is_traceable,
            key: "KEY",
            old: &Secret::new(OLD),
            new: &Secret::new(self.new),
            copies: &self.copies,
            keep_old_as: self.keep,
            sealed: self.sealed,
            shared_scope: self.shared_scope,
            unfinished: self.unfinished.as_ref(),
        })
    }

    fn lines(&self) -> Vec<String> {
        let rotation = self.plan().expect("it is not refused");
        let shown = |text: &str| text.replace(OLD, "OLD").replace(NEW, "NEW");
        let entries = rotation.entries.iter().map(|one| format!("file {}={}", one.key, shown(one.after.expose())));
        let stores = rotation.stores.iter().map(|one| {
            format!("{} {}={}", one.owner.name(), one.key, shown(one.after.as_ref().expect("none is deleted").expose()))
        });
        let place = |place: &CopyPlace| match place {
            CopyPlace::Entry { key, .. } => format!("left file {key}"),
            CopyPlace::Variable { owner, key } => format!("left {} {key}", owner.name()),
        };
        let differing = rotation.differing.iter().map(|owner| format!("differs {}", owner.name()));
        let lines = rotation.differing_entries.iter().map(|at| format!("differs {}:{}", at.file, at.line));
        let sealed = rotation.sealed.iter().map(|owner| format!("sealed {}", owner.name()));
        let irreplaceable = rotation.irreplaceable.iter().map(|one| place(one).replace("left", "irreplaceable"));
        let others = rotation.others.iter().map(place);
        entries.chain(stores).chain(others).chain(differing).chain(lines).chain(sealed).chain(irreplaceable).collect()
    }
}

#[test]
fn holders_and_files_change_and_copies_only_if_selected() {
    let key = format!("KEY={OLD}");
    let url = format!("URL=https://user:{OLD}@example.com/x");
    let case = || Case::of(&[("KEY", OLD), ("COPY", OLD)], &[("api", &[&key, &url]), ("web", &["KEY=another-value"])]);
    assert_eq!(case().lines(), ["file KEY=NEW", "api KEY=NEW", "left api URL", "left file COPY", "differs web"]);
    assert_eq!(
        case().all().lines(),
        ["file COPY=NEW", "file KEY=NEW", "api KEY=NEW", "api URL=https://user:NEW@example.com/x", "differs web"]
    );
}

#[test]
fn old_value_is_kept_on_holders_only() {
    let (key, copy) = (format!("KEY={OLD}"), format!("COPY={OLD}"));
    let case = Case::of(&[("KEY", OLD)], &[("api", &[&key]), ("web", &[&copy])]).all().keep("KEY_PREVIOUS");
    let expected = ["file KEY=NEW", "file KEY_PREVIOUS=OLD", "api KEY=NEW", "web COPY=NEW", "api KEY_PREVIOUS=OLD"];
    assert_eq!(case.lines(), expected);
    let kept = format!("KEY_PREVIOUS={OLD}");
    let again = Case::of(&[], &[("api", &[&key, &kept])]).all().keep("KEY_PREVIOUS");
    assert_eq!(again.lines(), ["api KEY=NEW"], "a kept value is not a copy");
}

#[test]
fn sealed_holders_are_overwritten_only_with_permission() {
    let key = format!("KEY={OLD}");
    let mut case = Case::of(&[], &[("api", &[&key]), ("vault", &["KEY=<sealed>", "OTHER=<sealed>"])]);
    assert_eq!(case.lines(), ["api KEY=NEW", "sealed vault"]);
    case.sealed = SealedHolders::Overwritten;
    assert_eq!(case.lines(), ["api KEY=NEW", "vault KEY=NEW"]);
}

#[test]
fn shared_variable_with_the_key_is_a_holder() {
    let mut case = Case::of(&[], &[("api", &["KEY=${{shared.KEY}} => 0ld-k3y-7Qx9TzLq0PwM"])]);
    case.survey.catalogue.shared.insert("KEY".to_owned());
    case.shared.insert("KEY".to_owned(), Variable::Plain(Secret::new(OLD)));
    assert_eq!(case.lines(), ["shared variables KEY=NEW"]);
    case.shared_scope = SharedScope::Excluded;
    let refused = case.plan().expect_err("--service excludes shared variables");
    assert!(matches!(refused, RotationRefusal::Reference { owner: VariableOwner::Shared, .. }), "{refused:?}");
}

#[test]
fn places_of_an_unfinished_rotation_are_included() {
    let (old, new) = (format!("KEY={OLD}"), "KEY=1nterm3diate-Qx9TzLq0".to_owned());
    let mut case = Case::of(&[], &[("api", &[&new]), ("web", &[&old])]);
    assert_eq!(case.lines(), ["web KEY=NEW", "differs api"]);
    let place = CopyPlace::Variable { owner: VariableOwner::Service(named("api")), key: "KEY".to_owned() };
    let new = Secret::new("1nterm3diate-Qx9TzLq0");
    case.unfinished = Some(UnfinishedRotation {
        old: vec![Secret::new(OLD)],
        new,
        places: BTreeSet::from([place]),
        deploys: BTreeSet::new(),
    });
    assert_eq!(case.lines(), ["api KEY=NEW", "web KEY=NEW"]);
}

#[test]
fn impossible_rotations_are_refused() {
    let key = format!("KEY={OLD}");
    let mut database = Case::of(&[], &[("api", &[&key]), ("Postgres", &["PGPASSWORD=0ld-k3y-7Qx9TzLq0PwM"])]);
    database.survey.catalogue.databases.insert("Postgres".to_owned());
    let refusal = RotationRefusal::Database { service: "Postgres".to_owned(), key: "PGPASSWORD".to_owned() };
    assert_eq!(database.plan().expect_err("a database has it"), refusal);

    let mut other = Case::of(&[], &[("api", &[&key])]);
    other.survey.catalogue.databases.insert("Postgres".to_owned());
    let url = Variable::Plain(Secret::new(format!("postgres://app:{OLD}@db.example.com/app")));
    other.databases.push((named("Postgres"), BTreeMap::from([("DATABASE_URL".to_owned(), url)])));
    let refusal = RotationRefusal::Database { service: "Postgres".to_owned(), key: "DATABASE_URL".to_owned() };
    assert_eq!(other.plan().expect_err("a database out of scope has it in a URL"), refusal);

    let mut chain = Case::of(
        &[("KEY", OLD)],
        &[
            ("api", &["KEY=${{web.MIDDLE}} => 0ld-k3y-7Qx9TzLq0PwM"]),
            ("web", &["MIDDLE=${{shared.END}} => 0ld-k3y-7Qx9TzLq0PwM"]),
        ],
    );
    chain.survey.catalogue.shared.insert("END".to_owned());
    chain.shared.insert("END".to_owned(), Variable::Plain(Secret::new(OLD)));
    let refusal = RotationRefusal::Reference {
        service: "api".to_owned(),
        to: "web.MIDDLE".to_owned(),
        owner: VariableOwner::Shared,
        key: "END".to_owned(),
    };
    assert_eq!(chain.plan().expect_err("the end of the chain stays"), refusal);
    chain = chain.all();
    assert_eq!(chain.plan().expect_err("no service has the key itself"), refusal);

    let local = Case::of(&[("KEY", OLD)], &[("api", &["KEY=another-value"])]);
    let holders = vec![VariableOwner::Service(named("api"))];
    assert_eq!(local.plan().expect_err("only the file has it"), RotationRefusal::OnlyLocal { holders });
    let indirect = Case::of(&[("KEY", "op://vault/item/field")], &[("api", &[&key])]);
    let refusal = RotationRefusal::Indirect { file: ".env".to_owned(), line: 1 };
    assert_eq!(indirect.plan().expect_err("the file can't follow"), refusal);
    assert_eq!(Case::of(&[], &[("api", &["A=1"])]).plan().expect_err("it is nowhere"), RotationRefusal::Nowhere);
}

/// In both places, it is unknown how the new value would have to be written.
#[test]
fn copies_that_can_not_be_replaced_are_reported_only_if_selected() {
    let (key, first, second) = (format!("KEY={OLD}"), format!("A=https://{OLD}.h.dev/"), format!("B=say {OLD}"));
    let mut case = Case::of(&[("B", &second[2..]), ("KEY", OLD)], &[("api", &[&key, &first])]);
    case.new = "n3w key/x";
    assert_eq!(case.lines(), ["file KEY=n3w key/x", "api KEY=n3w key/x", "left api A", "left file B"]);
    let irreplaceable = ["file KEY=n3w key/x", "api KEY=n3w key/x", "irreplaceable api A", "irreplaceable file B"];
    assert_eq!(case.all().lines(), irreplaceable);
}

#[test]
fn copies_in_files_change_only_if_selected() {
    let (key, url) = (format!("KEY={OLD}"), format!("https://user:{OLD}@example.com/x"));
    let mut case = Case::of(&[("KEY", OLD), ("A", &url), ("B", &url)], &[("api", &[&key])]);
    let place = CopyPlace::Entry { file: 0, key: "B".to_owned() };
    case.copies = CopySelection::Selected(BTreeSet::from([place]));
    let expected = ["file B=https://user:NEW@example.com/x", "file KEY=NEW", "api KEY=NEW", "left file A"];
    assert_eq!(case.lines(), expected);
}

#[test]
fn other_value_in_a_file_is_reported() {
    let key = format!("KEY={OLD}");
    let case = |value| Case::of(&[("A", "another"), ("KEY", value)], &[("api", &[&key])]);
    assert_eq!(case("another").lines(), ["api KEY=NEW", "differs .env:2"]);
    for value in [NEW, "", " "] {
        assert_eq!(case(value).lines(), ["api KEY=NEW"], "{value}");
    }
}

/// Such a value is compared as a whole, and only under its own key.
#[test]
fn short_credential_of_a_database_is_refused() {
    let key = format!("KEY={OLD}");
    let stored = |key: &str, value: &str| {
        let variable = if value == "<sealed>" { Variable::Sealed } else { Variable::Plain(Secret::new(value)) };
        (named("Postgres"), BTreeMap::from([(key.to_owned(), variable)]))
    };
    let longer = format!("x{OLD}");
    for (stored, is_traceable, sealed, is_refused) in [
        (stored("KEY", OLD), false, SealedHolders::Kept, true),
        (stored("KEY", &longer), false, SealedHolders::Kept, false),
        (stored("PGPASSWORD", OLD), false, SealedHolders::Kept, false),
        (stored("PGPASSWORD", OLD), true, SealedHolders::Kept, true),
        (stored("KEY", "<sealed>"), true, SealedHolders::Kept, false),
        (stored("KEY", "<sealed>"), true, SealedHolders::Overwritten, true),
        (stored("PGPASSWORD", "<sealed>"), true, SealedHolders::Overwritten, false),
    ] {
        let mut case = Case::of(&[], &[("api", &[&key])]);
        let name = format!("{stored:?} {is_traceable} {sealed:?}");
        (case.databases, case.is_traceable, case.sealed) = (vec![stored], is_traceable, sealed);
        assert_eq!(case.plan().is_err(), is_refused, "{name}");
    }
}

#[test]
fn only_equal_values_change_if_the_value_is_too_short_to_be_searched_for() {
    let (key, list) = (format!("KEY={OLD}"), format!("KEY=1,{OLD},2"));
    let copy = format!("COPY={OLD}");
    let mut case = Case::of(&[], &[("api", &[&key, &copy]), ("web", &[&list])]);
    assert_eq!(case.lines(), ["api KEY=NEW", "left api COPY", "left web KEY"]);
    case.is_traceable = false;
    assert_eq!(case.lines(), ["api KEY=NEW", "differs web"]);
}

#[test]
fn kept_value_never_replaces_what_undo_can_not_restore() {
    let key = format!("KEY={OLD}");
    for kept in ["KEPT=<sealed>", "KEPT=<unavailable>", "KEPT=${{shared.A}} => a"] {
        let case = Case::of(&[], &[("api", &[&key, kept])]).keep("KEPT");
        let refusal = case.plan().expect_err(kept);
        assert!(matches!(refusal, RotationRefusal::KeptKey { .. }), "{refusal:?}");
    }
    let case = Case::of(&[], &[("api", &[&key, "KEPT=another-value"])]).keep("KEPT");
    assert_eq!(case.lines(), ["api KEY=NEW", "api KEPT=OLD"]);
    assert_eq!(case.plan().expect("it is allowed").replaced_kept, [VariableOwner::Service(named("api"))]);
}
