//! Every prompt with sample data, by the command that shows it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Expr, ExprMethodCall, Item, Member, Visibility};

use crate::commands::prompts::{
    self, FindingChoice, FixChoice, HooksDirectory, InitScope, QuestionNumber, WriteChoice,
};
use crate::drift::Secret;
use crate::drift::model::finding::Location;
use crate::drift::plan::offer::{Direction, Offer, OfferReach, Pull};
use crate::drift::plan::{VariableChange, VariableOwner};
use crate::drift::service_scope::Exclusion;
use crate::drift::suggest::differing_keys::DifferenceKind;
use crate::drift::suggest::intent::Intent;
use crate::drift::suggest::{Difference, Section, Shared, groups};
use crate::drift::test_support::named;
use crate::io::terminal::prompt::YesNo;

/// The methods of [`crate::io::terminal::prompt::Prompter`] that prompt, each with the number of arguments that are texts.
const PROMPTING: [(&str, usize); 6] =
    [("choose", 2), ("choose_many", 2), ("confirm", 1), ("line", 1), ("line_from", 1), ("secret", 1)];

/// Returns the prompts of each command, with the defaults marked.
pub(super) fn table() -> String {
    let commands = [
        ("doctor fix", [fix(), start_commands_and_redeploys()].concat()),
        ("doctor rotate", rotate()),
        ("doctor fix, doctor rotate, doctor undo", confirmation()),
        ("doctor trust, doctor fix, doctor rotate", vec![confirm(&prompts::accept("doctor.toml"), YesNo::No)]),
        ("doctor trace --everywhere", vec![confirm(&prompts::send_requests(7), YesNo::No)]),
        ("doctor init", init()),
        ("doctor hook install", hooks()),
        ("doctor auth login", vec![prompts::TOKEN.to_owned()]),
    ];
    let mut table = String::new();
    for (command, texts) in commands {
        writeln!(table, "{command}").expect("writing to a String can't fail");
        for text in texts {
            writeln!(table, "\n    {}", text.replace('\n', "\n    ")).expect("writing to a String can't fail");
        }
        table.push('\n');
    }
    table
}

fn choose(question: &str, choices: &[String], default: usize) -> String {
    let mark = |index| if index == default { ">" } else { " " };
    let choices = choices.iter().enumerate();
    choices.fold(question.to_owned(), |text, (at, choice)| format!("{text}\n{} {}) {choice}", mark(at), at + 1))
}

fn choose_many(question: &str, choices: &[String], picked: &[usize]) -> String {
    let mark = |index| if picked.contains(&index) { "[x]" } else { "[ ]" };
    let choices = choices.iter().enumerate();
    choices.fold(question.to_owned(), |text, (at, choice)| format!("{text}\n  {}) {} {choice}", at + 1, mark(at)))
}

fn confirm(question: &str, default: YesNo) -> String {
    match default {
        YesNo::Yes => format!("{question} [Y/n]"),
        YesNo::No => format!("{question} [y/N]"),
    }
}

fn fix() -> Vec<String> {
    let env = || vec![".env"];
    let push = |files, start_commands| FixChoice::Push { files, variables: 3, start_commands };
    let all = [
        push(env(), 0),
        FixChoice::Pull { files: env(), values: 1 },
        FixChoice::Redeploy { services: vec!["web"] },
        FixChoice::Review { questions: 5 },
        FixChoice::Exit,
    ];
    let one = [
        push(vec![".env", ".env.local"], 1),
        FixChoice::Pull { files: vec![".env", ".env.local"], values: 2 },
        FixChoice::Redeploy { services: vec!["api", "web"] },
        FixChoice::Review { questions: 1 },
        FixChoice::Exit,
    ];
    let commands =
        [FixChoice::SetStartCommands { services: vec!["worker"] }, FixChoice::Review { questions: 1 }, FixChoice::Exit];
    let several = [push(env(), 2), FixChoice::Review { questions: 5 }, FixChoice::Exit];
    let menus = [prompts::labels(&all), prompts::labels(&one), prompts::labels(&commands), prompts::labels(&several)];
    let mut texts: Vec<String> = menus.iter().map(|menu| choose(prompts::FIX_MENU, menu, 0)).collect();
    texts.extend(findings());
    texts.extend([prompts::IGNORE_REASON, prompts::REASON_REQUIRED].map(str::to_owned));
    let services = prompts::names_to_choose(["api", "worker"]);
    texts.extend(
        [&[][..], &["web"], &["jobs", "web"]]
            .map(|having| choose_many(&prompts::services_to_add("API_KEY", having), &services, &[])),
    );
    texts
}

fn findings() -> Vec<String> {
    let differs = [offer(Direction::Push, &["worker"], None), offer(Direction::Pull, &["worker"], None)];
    let shared =
        [offer(Direction::PushShared, &[], Some("<caution>")), offer(Direction::Pull, &["api"], Some("<caution>"))];
    let missing = [offer(Direction::Add, &["worker"], None)];
    let everywhere = [offer(Direction::Add, &["api", "worker"], None)];
    let removed = [offer(Direction::Remove, &["api", "worker"], None)];
    let repeated = [offer(Direction::Hoist, &["api", "worker"], None)];
    let menu = |number, offers: &[Offer], default| {
        let mut choices: Vec<FindingChoice<'_>> =
            offers.iter().map(|offer| FindingChoice::Apply { offer, files: vec![".env"] }).collect();
        choices.extend([FindingChoice::Skip, FindingChoice::Ignore, FindingChoice::ShowValues]);
        choices.extend((number < 5).then_some(FindingChoice::SkipRest { left: 5 - number }));
        let question = prompts::numbered(Some(QuestionNumber { number, of: 5 }), &prompts::fix_key("API_KEY"));
        choose(&question, &prompts::labels(&choices), default)
    };
    vec![
        menu(1, &differs, 0),
        menu(2, &shared, 2),
        menu(3, &missing, 0),
        menu(4, &everywhere, 1),
        menu(4, &repeated, 1),
        menu(5, &removed, 1),
    ]
}

/// Returns an offer for these services.
fn offer(way: Direction, services: &[&str], caution: Option<&str>) -> Offer {
    let store = |owner| VariableChange {
        owner,
        key: "API_KEY".to_owned(),
        before: None,
        after: None,
        from: Some(Location { file: ".env".to_owned(), line: 1 }),
        meant_for: Vec::new(),
        renders: None,
    };
    let from = services.iter().map(|name| named(name)).collect();
    let pull = Pull { file: 0, key: "API_KEY".to_owned(), value: Secret::new(""), from };
    let (stores, pulls) = match way {
        Direction::Pull => (Vec::new(), vec![pull]),
        Direction::PushShared => (vec![store(VariableOwner::Shared)], Vec::new()),
        _ => (services.iter().map(|name| store(VariableOwner::Service(named(name)))).collect(), Vec::new()),
    };
    Offer {
        key: "API_KEY".to_owned(),
        way,
        reach: OfferReach::Bulk,
        stores,
        pulls,
        caution: caution.map(str::to_owned),
    }
}

fn start_commands_and_redeploys() -> Vec<String> {
    let found =
        prompts::suggested_start_command("the start command of worker lacks “-B”", "celery worker -B").join("\n");
    let stale = ["api is running with an old value of API_KEY", "<finding>"].map(str::to_owned);
    vec![
        format!("{found}\n{}", confirm(&prompts::start_command("worker"), YesNo::Yes)),
        confirm(&prompts::redeploy("api", &stale[..1]), YesNo::Yes),
        confirm(&prompts::redeploy("api", &stale), YesNo::Yes),
    ]
}

fn rotate() -> Vec<String> {
    let copies = ["billing: AMQP_URL  <form>", ".env: CALLBACK_URL  <form>"];
    vec![
        prompts::new_value("API_KEY"),
        prompts::value_rejected("<problem>"),
        prompts::NEW_VALUE_AGAIN.to_owned(),
        prompts::VALUES_DIFFER.to_owned(),
        choose_many(prompts::OTHER_COPIES, &prompts::names_to_choose(copies), &[]),
    ]
}

fn confirmation() -> Vec<String> {
    vec![
        confirm(prompts::APPLY_PLAN, YesNo::No),
        prompts::protected_environment("production"),
        prompts::wrong_environment_name("production"),
    ]
}

fn hooks() -> Vec<String> {
    vec![
        confirm(&prompts::write_hooks(&["tools/hooks/pre-commit"], HooksDirectory::InWorkingTree), YesNo::No),
        confirm(
            &prompts::write_hooks(&["../hooks/pre-commit", "../hooks/pre-push"], HooksDirectory::OutsideRepository),
            YesNo::No,
        ),
        confirm(&prompts::write_hooks(&["../hooks/pre-commit"], HooksDirectory::LinkedOutsideRepository), YesNo::No),
    ]
}

fn init() -> Vec<String> {
    let files = prompts::names_to_choose([".env", ".env.local"]);
    let section = |name: &str| Section {
        alias: name.to_owned(),
        name: name.to_owned(),
        service: named(name),
        ..Section::default()
    };
    let shared = |key: &str, services: &[&str]| Shared {
        key: key.to_owned(),
        services: services.iter().map(|name| named(name)).collect(),
        agrees: true,
        is_suggested: false,
    };
    let keys = prompts::keys_to_require(
        &[&shared("JWT_SECRET", &["api", "worker"]), &shared("QUEUE", &["worker"])],
        &["api", "worker"].map(section),
    );
    let (differences, reasons) = differences();
    let mut texts = vec![
        choose(&prompts::env_file("staging"), &files, 0),
        choose_many(prompts::services_to_compare(InitScope::New), &services(), &[0, 1]),
        choose_many(prompts::services_to_compare(InitScope::Extension), &services()[..1], &[0]),
        choose_many(&prompts::required_keys(&[".env"]), &keys, &[0]),
        choose_many(
            prompts::EXPECTED_DIFFERENCES,
            &prompts::differences(&differences.iter().collect::<Vec<_>>()),
            &[0, 1, 2, 3, 4, 5],
        ),
    ];
    texts.extend(reasons);
    let patterns = ["/.env".to_owned()];
    let write_choices = [WriteChoice::WithGitignore { patterns: &patterns }, WriteChoice::Alone, WriteChoice::Cancel];
    texts.extend([
        prompts::REASON_HAS_VALUE.to_owned(),
        confirm(&prompts::write_config("doctor.toml", InitScope::New), YesNo::Yes),
        choose(&prompts::write_config("doctor.toml", InitScope::New), &prompts::labels(&write_choices), 0),
        confirm(&prompts::write_config("doctor.toml", InitScope::Extension), YesNo::Yes),
    ]);
    texts
}

fn services() -> Vec<String> {
    let takers = ["api", "worker"].map(str::to_owned).to_vec();
    let services = [
        ("api", prompts::shared_keys(4)),
        ("worker", prompts::shared_keys(1)),
        ("docs", prompts::shared_keys(0)),
        ("Postgres", prompts::exclusion(&Exclusion::Database)),
        ("jobs", prompts::exclusion(&Exclusion::NothingShared)),
        ("auth", prompts::exclusion(&Exclusion::Provider { takers })),
        ("web", prompts::exclusion(&Exclusion::Elsewhere { root: "/web".to_owned() })),
    ];
    prompts::services(&services.map(|(name, hint)| (named(name), hint)))
}

/// Returns a difference of each kind, and the prompts for their reasons.
fn differences() -> (Vec<Difference>, Vec<String>) {
    let rows = [
        ("SECRET_KEY", DifferenceKind::Values, Some(Intent::OwnSecret)),
        ("STRIPE_PRICE_ID", DifferenceKind::Values, Some(Intent::TestAccount)),
        ("GITHUB_CLIENT_ID", DifferenceKind::Values, Some(Intent::OtherApp)),
        ("SMTP_PORT", DifferenceKind::Values, Some(Intent::LocalServer)),
        ("UPLOADS_BUCKET", DifferenceKind::Values, Some(Intent::Development)),
        ("COMPOSE_FILE", DifferenceKind::Missing, Some(Intent::LocalProgram)),
        ("FEATURES", DifferenceKind::Missing, None),
        ("API_KEY", DifferenceKind::Values, None),
    ];
    let all = rows.map(|(key, kind, intent)| Difference {
        key: key.to_owned(),
        services: if kind == DifferenceKind::Missing { Vec::new() } else { vec![named("api")] },
        kind,
        agrees_elsewhere: false,
        intent,
        rules: [].into(),
    });
    let asked = groups(&all.iter().collect::<Vec<_>>()).into_iter().filter(|group| !group.is_known);
    let reasons = asked.map(|group| {
        let keys: Vec<&str> = group.differences.iter().map(|one| one.key.as_str()).collect();
        format!("{} [{}]", prompts::reason(&keys), group.reason)
    });
    let reasons = reasons.collect();
    (all.into(), reasons)
}

/// Returns the files with the code of commands.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| !path.ends_with("tests"));
    files.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

fn commands() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/commands")
}

fn parsed(path: &Path) -> syn::File {
    syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The calls of prompting methods, each with whether its texts come from `prompts`.
#[derive(Default)]
struct Calls(Vec<(String, bool)>);

impl<'ast> Visit<'ast> for Calls {
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let texts = PROMPTING.iter().find(|(name, _)| call.method == name).filter(|_| is_ask(&call.receiver));
        if let Some((name, number)) = texts {
            self.0.push(((*name).to_owned(), call.args.iter().take(*number).all(is_from_prompts)));
        }
        visit::visit_expr_method_call(self, call);
    }
}

/// Returns whether an expression is `world.prompt` or a variable `prompt`.
fn is_ask(receiver: &Expr) -> bool {
    match receiver {
        Expr::Field(field) => matches!(&field.member, Member::Named(name) if name == "prompt"),
        Expr::Path(path) => path.path.is_ident("prompt") || path.path.is_ident("ask"),
        _ => false,
    }
}

fn is_from_prompts(argument: &Expr) -> bool {
    match argument {
        Expr::Reference(reference) => is_from_prompts(&reference.expr),
        Expr::Call(call) => is_from_prompts(&call.func),
        Expr::Path(path) => path.path.segments.first().is_some_and(|first| first.ident == "prompts"),
        _ => false,
    }
}

#[test]
fn commands_take_the_texts_of_prompts_from_one_module() {
    let mut number = 0;
    for path in sources(&commands()) {
        let mut calls = Calls::default();
        calls.visit_file(&parsed(&path));
        number += calls.0.len();
        for (method, is_listed) in calls.0 {
            assert!(is_listed, "{}: move the texts of `{method}` to src/commands/prompts.rs", path.display());
        }
    }
    assert!(number > 15, "only {number} calls were found");
}

#[test]
fn table_uses_every_text_of_the_module() {
    let table = include_str!("prompts.rs");
    let is_public = |visibility: &Visibility| !matches!(visibility, Visibility::Inherited);
    for item in parsed(&commands().join("prompts.rs")).items {
        let names = match item {
            Item::Const(item) if is_public(&item.vis) => vec![format!("prompts::{}", item.ident)],
            Item::Fn(item) if is_public(&item.vis) => vec![format!("prompts::{}(", item.sig.ident)],
            Item::Enum(item) => item.variants.iter().map(|one| format!("{}::{}", item.ident, one.ident)).collect(),
            _ => Vec::new(),
        };
        for name in names {
            assert!(table.contains(&name), "{name} is not in src/messages/prompts.rs");
        }
    }
}
