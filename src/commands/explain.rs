//! `doctor explain`: explains one rule, or lists the rules.

use crate::cli::{ExplainArgs, GlobalArgs, ResultFormat};
use crate::commands::output_options::{coloured, plain_text_options};
use crate::drift::rules::{RULES, find};
use crate::drift::similarity::close_matches;
use crate::error::{Error, Exit};
use crate::io::terminal::stream::Sort;
use crate::io::world::World;
use crate::report::json::explained::rules;
use crate::report::{self, TextOptions};

/// Writes the explanation of a rule, or one line for each rule.
pub(crate) fn run(args: &ExplainArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let wanted = args.rule.as_deref();
    let rule = wanted.map(|wanted| find(wanted).ok_or_else(|| unknown(wanted))).transpose()?;
    let options = TextOptions { colour: coloured(global, world), ..plain_text_options(world) };
    let text = match (args.result.format, rule) {
        (ResultFormat::Json, None) => rules(RULES),
        (ResultFormat::Json, Some(rule)) => rules(&[rule]),
        (ResultFormat::Text, None) => report::explain::rules(&options, world.terminal.out == Sort::Pipe),
        (ResultFormat::Text, Some(rule)) => report::explain::rule(rule, &options),
    };
    world.print(&text)?;
    Ok(Exit::Clean)
}

fn unknown(wanted: &str) -> Error {
    let names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
    Error::Flag {
        flag: "RULE",
        value: wanted.to_owned(),
        cause: "no rule has that name or code".to_owned(),
        help: match close_matches(wanted, &names, 1, 0.5).first() {
            Some(name) => format!("did you mean `doctor explain {name}`?"),
            None => "`doctor explain` lists them".to_owned(),
        },
    }
}
