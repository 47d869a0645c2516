//! `doctor explain`: one rule, or the list of rules.

use std::fmt::Write;

use crate::cli::{Explain, ResultFormat};
use crate::drift::rule::{RULES, Rule, find};
use crate::error::{Error, Exit};
use crate::outside::world::World;
use crate::report::json::explained::rules;

/// Writes the explanation of a rule, or one line for each rule.
pub(crate) fn run(args: &Explain, world: &mut World<'_>) -> Result<Exit, Error> {
    let wanted = args.rule.as_deref();
    let rule = wanted.map(|wanted| find(wanted).ok_or_else(|| unknown(wanted))).transpose()?;
    let text = match (args.format, rule) {
        (ResultFormat::Json, None) => rules(RULES),
        (ResultFormat::Json, Some(rule)) => rules(&[rule]),
        (ResultFormat::Text, None) => list(),
        (ResultFormat::Text, Some(rule)) => page(rule),
    };
    world.print(&text)?;
    Ok(Exit::Clean)
}

fn list() -> String {
    let mut text = String::new();
    let width = RULES.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
    for rule in RULES {
        writeln!(text, "{}  {:<8} {:<width$}  {}", rule.code, rule.severity.word(), rule.name, rule.summary)
            .expect("writing to a String can't fail");
    }
    text.push_str("\n`doctor explain RULE` tells why it matters, how to mend it and how to silence it.\n");
    text
}

fn page(rule: &Rule) -> String {
    format!("{} {} ({})\n{}\n\n{}\n", rule.code, rule.name, rule.severity.word(), rule.summary, rule.explain.trim())
}

fn unknown(wanted: &str) -> Error {
    let names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
    let suggestions: Vec<String> =
        similar::get_close_matches(wanted, &names, 1, 0.5).into_iter().map(str::to_owned).collect();
    Error::Flag {
        flag: "RULE",
        value: wanted.to_owned(),
        why: "no rule has that name or code".to_owned(),
        next: match suggestions.first() {
            Some(name) => format!("did you mean `doctor explain {name}`?"),
            None => "`doctor explain` lists them".to_owned(),
        },
    }
}
