//! Tests of the plan, from small surveys.

use crate::drift::dotenv::{Loader, LocalFile};
use crate::drift::pull::{LeftReason, PullPlan, PullSource, plan};
use crate::drift::test_support::{ServiceRows, out_of_scope, require, shared, survey};
use crate::drift::{Secret, Survey};

/// Returns a survey of services, with the template as the text of the new file.
fn with_text(text: &str, services: &[ServiceRows<'_>]) -> Survey {
    let mut found = survey(&[], services);
    found.files[0] = LocalFile::parse(".env", Secret::new(text));
    found
}

fn filled(text: &str, services: &[ServiceRows<'_>]) -> PullPlan {
    plan(&with_text(text, services), Some(".env.example"))
}

fn unfilled(services: &[ServiceRows<'_>]) -> PullPlan {
    plan(&with_text("", services), None)
}

/// Returns each key that is left, with the name of the reason.
fn left(plan: &PullPlan) -> Vec<String> {
    plan.left.iter().map(|left| format!("{} {}", left.key, left.reason.name())).collect()
}

fn pulled(plan: &PullPlan) -> Vec<&str> {
    plan.pulled.iter().map(|pulled| pulled.key.as_str()).collect()
}

#[test]
fn template_keeps_every_byte_but_the_values_and_the_mark_at_its_start() {
    let plan = filled(
        "\u{feff}# shop\r\nexport KEY=changeme  # from the vault\r\n\r\n# OPTIONAL=1\r\nURL=''\r\nLOCAL=x",
        &[("api", &["KEY=a b", "URL=https://shop.dev", "OPTIONAL=2"])],
    );
    let expected =
        "# shop\r\nexport KEY='a b'  # from the vault\r\n\r\n# OPTIONAL=1\r\nURL='https://shop.dev'\r\nLOCAL=x";
    assert_eq!(plan.text.expose(), expected);
    assert_eq!((pulled(&plan), left(&plan)), (vec!["KEY", "URL"], vec![]));
    assert_eq!(plan.unlisted, ["OPTIONAL"]);
}

#[test]
fn without_template_keys_are_listed_by_origin() {
    let plan =
        unfilled(&[("web", &["A=1", "Z=2", "RAILWAY_DOCKERFILE_PATH=x", "S=<sealed>"]), ("api", &["A=1", "B=1"])]);
    let expected = "\
# created by doctor pull: shop, staging
# left for you:
# - S: sealed on web

# from api
B=1

# from api and web
A=1

# from web
Z=2
";
    assert_eq!(plan.text.expose(), expected);
    assert_eq!((pulled(&plan), left(&plan)), (vec!["A", "B", "Z"], vec!["S sealed".to_owned()]));
    assert_eq!(plan.unlisted, [""; 0]);
}

#[test]
fn names_in_comments_are_no_assignments() {
    let mut found = with_text("", &[("api\nEVIL=1 `x` $(x)", &["A=1", "S=<sealed>"])]);
    found.environment.name = "\nEVIL=2\r\"".to_owned();
    let plan = plan(&found, None);
    let file = LocalFile::parse(".env", plan.text);
    assert_eq!((file.keys().collect::<Vec<_>>(), file.problems.len()), (vec!["A"], 0));
    assert!(!file.text().expose().contains(['`', '$', '"', '\r']));
}

#[test]
fn unknown_and_unusable_values_are_left() {
    for (rows, expected) in [
        (&["K=<sealed>"][..], "sealed"),
        (&["K=${{other.K}} => <sealed>"], "unresolved"),
        (&["K=${{api.S}} => <sealed>", "S=<sealed>"], "sealed"),
        (&["K=<unavailable>"], "unavailable"),
        (&["K=op://vault/item/field"], "indirect"),
        (&["K=${{gone.K}} => "], "unresolved"),
        (&["K=x ${{gone.K}} => x ${{gone.K}}"], "unresolved"),
        (&["K=changeme"], "unset"),
        (&["K=http://b.railway.internal:8080"], "internal-host"),
        (&["K=${{b.RAILWAY_PRIVATE_DOMAIN}} => b.railway.internal"], "internal-host"),
        (&["K=a\0b"], "unwritable"),
        (&["K=it's $5"], "unwritable"),
        (&["K=${HOME}"], "unwritable"),
    ] {
        let left: Vec<String> = left(&unfilled(&[("api", rows)]));
        assert!(left.contains(&format!("K {expected}")), "{rows:?}: {left:?}");
    }
}

#[test]
fn disagreeing_services_are_named_and_a_sealed_one_prevents_agreement() {
    let plan = unfilled(&[("api", &["K=1", "L=1", "M=1"]), ("web", &["K=2", "L=1", "M=<sealed>"])]);
    assert_eq!((pulled(&plan), left(&plan)), (vec!["L"], vec!["K values-disagree".to_owned(), "M sealed".to_owned()]));
    let services: Vec<_> = plan.left.iter().map(|left| left.services.join(" ")).collect();
    assert_eq!(services, ["api web", "web"]);
    assert_eq!(
        plan.left[0].reason.phrase(&plan.left[0].services),
        "differs between api and web: select one with --service"
    );
}

#[test]
fn equal_rendered_values_agree_wherever_they_are_kept() {
    let mut found = with_text(
        "",
        &[
            (
                "api",
                &["A=${{shared.A}} => 1", "D=${{db.D}} => 2", "U=https://${{RAILWAY_PUBLIC_DOMAIN}} => https://x.dev"],
            ),
            ("web", &["A=${{shared.A}} => 1", "D=2"]),
        ],
    );
    shared(&mut found, "A");
    out_of_scope(&mut found, "db", &["D"]);
    let plan = plan(&found, None);
    let origins: Vec<_> = plan.pulled.iter().map(|pulled| (pulled.key.as_str(), pulled.origin.phrase())).collect();
    let expected =
        [("A", "from shared variables, referenced by api and web"), ("D", "from api and web"), ("U", "from api")];
    assert_eq!(origins, expected.map(|(key, phrase)| (key, phrase.to_owned())));
    assert_eq!(plan.pulled[0].origin.source, PullSource::Shared);
}

#[test]
fn expected_differences_keep_the_template() {
    let text = "PORT=3000\nDB=redis://localhost\nK=sk_test_1\nN=null\nNODE_ENV=\n";
    let rows = &["PORT=80", "DB=redis://x.dev", "K=sk_live_2", "N=x", "NODE_ENV=production", "OTHER=1"];
    let plan = filled(text, &[("api", rows)]);
    assert_eq!(plan.text.expose(), text);
    let keys = ["PORT", "DB", "K", "N", "NODE_ENV"].map(|key| format!("{key} expected"));
    assert_eq!(left(&plan), keys);
    let phrases = plan.left.iter().map(|left| left.reason.phrase(&left.services));
    let expected = [
        "set separately in each environment",
        "a local address in the template",
        "a test key in the template, a live key on Railway",
        "null in the template",
        "set separately in each environment",
    ];
    assert_eq!(phrases.collect::<Vec<_>>(), expected);
    let mut found = with_text("PORT=3000\n", &[("api", &["PORT=80"])]);
    require(&mut found, "PORT", &[]);
    assert_eq!(super::plan(&found, Some(".env.example")).text.expose(), "PORT=80\n", "a required key has none");
}

#[test]
fn without_template_each_environment_sets_its_own_mode() {
    let plan = unfilled(&[("api", &["PORT=80", "NODE_ENV=production", "URL=http://localhost:1"])]);
    assert_eq!(pulled(&plan), ["URL"]);
    assert_eq!(left(&plan), ["NODE_ENV expected", "PORT expected"]);
}

#[test]
fn names_that_change_how_programs_run_are_never_pulled() {
    let rows = &["NODE_OPTIONS=--require=x", "PATH=/x", "LD_PRELOAD=x", "A=1"];
    let expected = ["LD_PRELOAD process-control", "NODE_OPTIONS process-control", "PATH process-control"];
    assert_eq!(left(&unfilled(&[("api", rows)])), expected);
    let plan = filled("NODE_OPTIONS=\nA=\n", &[("api", rows)]);
    assert_eq!(
        (plan.text.expose(), left(&plan)),
        ("# NODE_OPTIONS=\nA=1\n", vec!["NODE_OPTIONS process-control".to_owned()])
    );
}

#[test]
fn template_key_without_a_value_on_railway_is_left_only_if_it_needs_one() {
    let text = "REAL=yes\nEMPTY=\nAPI_KEY=changeme\nDB=\nSHARED=\nRAILWAY_PUBLIC_DOMAIN=\nA=\n";
    let mut found = with_text(text, &[("api", &["A=1"])]);
    out_of_scope(&mut found, "db", &["DB"]);
    shared(&mut found, "SHARED");
    let plan = plan(&found, Some(".env.example"));
    assert_eq!(plan.text.expose(), text.replace("A=\n", "A=1\n"));
    let expected = [
        "EMPTY not-on-railway",
        "API_KEY not-on-railway",
        "DB out-of-scope",
        "SHARED shared-only",
        "RAILWAY_PUBLIC_DOMAIN platform",
    ];
    assert_eq!(left(&plan), expected);
}

#[test]
fn value_built_from_others_in_the_template_stays() {
    let text = "HOST_NAME=x.dev\nURL=https://${HOST_NAME}/\nREF=${{api.URL}}\n";
    let plan = filled(text, &[("api", &["HOST_NAME=y.dev", "URL=https://z.dev/", "REF=w"])]);
    assert_eq!(plan.text.expose(), "HOST_NAME=y.dev\nURL=https://${HOST_NAME}/\nREF=w\n");
    assert_eq!(left(&plan), ["URL built-from-others"]);
}

#[test]
fn empty_value_is_left() {
    let plan = filled("A=on\nB=\n", &[("api", &["A=", "B="])]);
    assert_eq!((plan.text.expose(), pulled(&plan)), ("A=on\nB=\n", vec![]));
    assert_eq!(left(&plan), ["A unset", "B unset"]);
    let plan = unfilled(&[("api", &["A=", "B=1"])]);
    assert_eq!((pulled(&plan), left(&plan)), (vec!["B"], vec!["A unset".to_owned()]));
}

#[test]
fn key_that_loaders_read_from_different_lines_is_left() {
    let plan = filled("K=\nA=\nK=\n", &[("api", &["K=1", "A=2"])]);
    assert_eq!((plan.text.expose(), pulled(&plan)), ("K=\nA=2\nK=\n", vec!["A"]));
    assert!(matches!(&plan.left[0].reason, LeftReason::Unwritable(why) if why.contains("more than once")));
}

#[test]
fn line_with_a_problem_is_a_comment() {
    let plan = filled("A=\nK=\"open\nB=\n", &[("api", &["K=1", "A=2"])]);
    assert_eq!(
        (left(&plan), pulled(&plan)),
        (vec!["K unwritable".to_owned(), "B not-on-railway".to_owned()], vec!["A"])
    );
    assert_eq!(plan.text.expose(), "A=2\n# K=\"open\nB=\n");
    let text = "A=\nK=\"open\nB=\n";
    let why = LocalFile::parse(".env", Secret::new(text)).problems[0].description;
    let plan = filled(text, &[("api", &["A=2"])]);
    let reasons = plan.left.iter().filter(|left| left.key == "K").map(|left| left.reason.phrase(&[]));
    assert_eq!(reasons.collect::<Vec<_>>(), [why]);
}

#[test]
fn names_of_the_template_that_change_how_programs_run_are_comments() {
    let text = "LD_PRELOAD=/evil.so\nA=\nexport PATH='./bin\n:x'\nBASH_ENV = ./x\nCI=1\nRAILWAY_PUBLIC_DOMAIN=x.dev\n";
    let plan = filled(text, &[("api", &["A=1"])]);
    let expected = "# LD_PRELOAD=/evil.so\nA=1\n# export PATH='./bin\n# :x'\n# BASH_ENV = ./x\n# CI=1\n\
        RAILWAY_PUBLIC_DOMAIN=x.dev\n";
    assert_eq!(plan.text.expose(), expected);
    let keys = ["LD_PRELOAD", "PATH", "BASH_ENV", "CI"].map(|key| format!("{key} process-control"));
    assert_eq!((left(&plan), plan.commented), (keys.to_vec(), vec![]));
}

#[test]
fn lines_of_the_template_that_are_no_assignments_are_comments() {
    let text = "A=\ntouch /tmp/x\n\n# note\n  rm -rf x\rB=1\n: ${X:=1}\nexport C\n. ./y";
    let plan = filled(text, &[("api", &["A=1"])]);
    assert_eq!(
        plan.text.expose(),
        "A=1\n# touch /tmp/x\n\n# note\n#   rm -rf x\rB=1\n# : ${X:=1}\n# export C\n# . ./y"
    );
    assert_eq!((plan.commented.as_slice(), left(&plan)), (&[2, 5, 7, 8, 9][..], vec![]));
}

#[test]
fn values_of_the_template_are_never_run() {
    for (line, expected) in [
        ("K=$(touch /tmp/x)", "# K=$(touch /tmp/x)"),
        ("K=\"`touch /tmp/x`\"", "# K=\"`touch /tmp/x`\""),
        ("K='$(touch /tmp/x)' # `x`", "K='$(touch /tmp/x)' # `x`"),
        ("K=x; touch /tmp/x", "K='x; touch /tmp/x'"),
        ("K=My Shop", "K='My Shop'"),
        ("K=1 PATH=./bin", "K='1 PATH=./bin'"),
        ("touch = /tmp/x", "touch=/tmp/x"),
        ("K= reboot", "K=reboot"),
        ("K=it's", "K=\"it's\""),
        ("K=it's $(x)\nK=b", "# K=it's $(x)\nK=b"),
        ("K=1\\\n# touch /tmp/x", "# K=1\\\n# touch /tmp/x"),
        ("K=${B@P}", "# K=${B@P}"),
        ("K=\"${B:=x}\"", "# K=\"${B:=x}\""),
        ("K=$[B]", "# K=$[B]"),
        ("K=${HOME:B}", "# K=${HOME:B}"),
        ("K=${!B}", "# K=${!B}"),
        ("K=${B:-x}", "K=${B:-x}"),
        ("K=https://${A}/~x", "K=https://${A}/~x"),
        ("K=${A} x", "# K=${A} x"),
        ("K=~/x", "K=~/x"),
        ("export K=\"a\nb\" # c", "export K=\"a\nb\" # c"),
    ] {
        let plan = filled(&format!("{line}\nA=\n"), &[("api", &["A=1"])]);
        assert_eq!(plan.text.expose(), format!("{expected}\nA=1\n"), "{line}");
        let is_left = expected.starts_with('#') && !line.contains("K=b");
        assert_eq!(left(&plan), if is_left { vec!["K unwritable"] } else { vec![] }, "{line}");
    }
    let plan = filled("K=$(openssl rand -hex 32)\n", &[("api", &["K=1"])]);
    assert_eq!((plan.text.expose(), left(&plan)), ("K=1\n", vec![]));
}

#[test]
fn reason_for_an_unwritable_value_is_readable_in_the_comment() {
    let plan = unfilled(&[("api", &["SECRET_KEY=it's $5", "A=1"])]);
    assert!(plan.text.expose().contains("\n# - SECRET_KEY: no quoting that every loader reads back\n"), "{plan:?}");
}

#[test]
fn key_that_is_sealed_out_of_scope_is_sealed() {
    let mut found = with_text("K=\nL=\nA=\n", &[("api", &["A=1"])]);
    out_of_scope(&mut found, "web", &["K", "L"]);
    out_of_scope(&mut found, "jobs", &["L"]);
    found.catalogue.sealed.insert("web".to_owned(), ["K", "L"].map(str::to_owned).into());
    assert_eq!(left(&plan(&found, Some(".env.example"))), ["K sealed", "L out-of-scope"]);
}

/// dotenvy reads the first line of a key, and `sh` would run a part of the second one.
#[test]
fn duplicate_key_is_written_once() {
    let mut found = with_text("A=1\nA=3;x\n", &[("api", &["A=2"])]);
    found.files[0] = found.files[0].read_as(Loader::Dotenvy);
    let plan = plan(&found, Some(".env.example"));
    assert_eq!((plan.text.expose(), pulled(&plan)), ("A=2\n# A=3;x\n", vec!["A"]));
}

#[test]
fn declared_loader_decides_what_can_be_written() {
    let mut found = with_text("K=\n", &[("api", &["K=it's $5"])]);
    found.files[0] = found.files[0].read_as(Loader::Dotenvy);
    let plan = plan(&found, Some(".env.example"));
    assert_eq!((pulled(&plan), left(&plan)), (vec!["K"], vec![]));
}

#[test]
fn every_reason_has_a_distinct_listed_name() {
    let distinct: std::collections::BTreeSet<&str> = LeftReason::NAMES.into_iter().collect();
    assert_eq!(distinct.len(), LeftReason::NAMES.len());
    assert!(LeftReason::NAMES.contains(&LeftReason::Unwritable(String::new()).name()));
}
