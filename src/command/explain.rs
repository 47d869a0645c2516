//! `doctor explain`: one rule, or the list of rules.

use crate::cli::{Explain, Global, ResultFormat};
use crate::command::telling::{coloured, plain_look};
use crate::drift::likeness::close_matches;
use crate::drift::rule::{RULES, find};
use crate::error::{Error, Exit};
use crate::outside::world::{Sort, World};
use crate::report::json::explained::rules;
use crate::report::{self, Look};

/// Writes the explanation of a rule, or one line for each rule.
pub(crate) fn run(args: &Explain, global: &Global, world: &mut World<'_>) -> Result<Exit, Error> {
    let wanted = args.rule.as_deref();
    let rule = wanted.map(|wanted| find(wanted).ok_or_else(|| unknown(wanted))).transpose()?;
    let look = Look { colour: coloured(global, world), ..plain_look(world) };
    let text = match (args.format, rule) {
        (ResultFormat::Json, None) => rules(RULES),
        (ResultFormat::Json, Some(rule)) => rules(&[rule]),
        (ResultFormat::Text, None) => report::explain::rules(&look, world.terminal.out == Sort::Pipe),
        (ResultFormat::Text, Some(rule)) => report::explain::rule(rule, &look),
    };
    world.print(&text)?;
    Ok(Exit::Clean)
}

fn unknown(wanted: &str) -> Error {
    let names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
    Error::Flag {
        flag: "RULE",
        value: wanted.to_owned(),
        why: "no rule has that name or code".to_owned(),
        next: match close_matches(wanted, &names, 1, 0.5).first() {
            Some(name) => format!("did you mean `doctor explain {name}`?"),
            None => "`doctor explain` lists them".to_owned(),
        },
    }
}
