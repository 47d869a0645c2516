//! `doctor explain`: explains one rule, or lists the rules.

use crate::cli::{ExplainArgs, GlobalArgs, ResultFormat};
use crate::commands::output_options::{coloured, plain_text_options};
use crate::drift::rules::{RULES, find};
use crate::drift::similarity::close_matches;
use crate::error::{Error, Exit, Help};
use crate::io::terminal::stream::StreamKind;
use crate::io::world::World;
use crate::report::json::explained::rules;
use crate::report::{self, TextOptions};

/// Writes the explanation of a rule, or one line for each rule.
pub(crate) fn run(args: &ExplainArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let rule = args.rule.as_deref().map(|name| find(name).ok_or_else(|| unknown(name))).transpose()?;
    let options = TextOptions { colour: coloured(global, world), ..plain_text_options(world) };
    let text = match (args.result.format, rule) {
        (ResultFormat::Json, None) => rules(RULES),
        (ResultFormat::Json, Some(rule)) => rules(&[rule]),
        (ResultFormat::Text, None) => report::explain::rules(&options, world.terminal.out == StreamKind::Pipe),
        (ResultFormat::Text, Some(rule)) => report::explain::rule(rule, &options),
    };
    world.print(&text)?;
    Ok(Exit::Clean)
}

fn unknown(name: &str) -> Error {
    Error::Usage {
        what: format!("unknown rule `{name}`"),
        cause: None,
        help: match suggestion(name) {
            Some(rule) => Help::command("did you mean:", format!("doctor explain {rule}")),
            None => Help::command("to list the rules, run:", "doctor explain"),
        },
    }
}

/// Returns the only rule whose name contains that text, or else the rule with the most similar name.
fn suggestion(text: &str) -> Option<String> {
    let names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
    let part = text.to_lowercase();
    let mut containing = names.iter().filter(|name| name.contains(&part));
    match (containing.next(), containing.next()) {
        (Some(only), None) => Some((*only).to_owned()),
        _ => close_matches(&part, &names, 1, 0.5).pop(),
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::explain::suggestion;

    #[test]
    fn suggests_rule_by_unique_part_or_similar_name() {
        for (text, expected) in [
            ("stale", Some("stale-deployment")),
            ("STALE", Some("stale-deployment")),
            ("value-difers", Some("value-differs")),
            ("", None),
            ("xyz", None),
        ] {
            assert_eq!(suggestion(text).as_deref(), expected, "{text}");
        }
    }
}
