//! The plan of a fix, with masked values: variables, files, deployments and their costs.

use std::fmt::Write;

use similar::udiff::UnifiedHunkHeader;
use similar::{DiffableStr, group_diff_ops};

use crate::drift::phrases::count;
use crate::drift::plan::deployments::{DeployMethod, DeployReason, PlannedDeployment};
use crate::drift::plan::start_command::StartCommandChange;
use crate::drift::plan::{FileChange, Plan, VariableChange, VariableOwner};
use crate::drift::similarity::edits;
use crate::drift::{ResourceRef, Secret, Variable, reference};
use crate::report::paint::Tone;
use crate::report::text::page::TextPage;
use crate::report::text::text_width::{columns, pad};

/// Longer names do not widen the column.
const NAME: usize = 40;

/// Above this number of changes, the totals are repeated at the end, where a question may follow.
const LONG: usize = 12;

/// Writes the plan.
pub(crate) fn write(page: &mut TextPage<'_>, plan: &Plan) {
    let totals = format!("Plan: {}", totals(plan));
    page.line(&[(Tone::Strong, &totals)]);
    let owners = plan.owners();
    for owner in &owners {
        stores(page, plan, owner);
        let own = plan.settings.iter().filter(|change| owner.id() == Some(&change.service.id));
        own.for_each(|change| setting(page, change));
    }
    let has_variables = |service: &ResourceRef| owners.iter().any(|owner| owner.id() == Some(&service.id));
    for change in plan.settings.iter().filter(|change| !has_variables(&change.service)) {
        page.gap();
        page.line(&[(Tone::Plain, "  "), (Tone::Strong, &change.service.name)]);
        setting(page, change);
    }
    for file in &plan.files {
        diff(page, file);
    }
    deploys(page, plan);
    if !plan.cautions.is_empty() {
        page.gap();
    }
    for caution in &plan.cautions {
        page.paragraph(&[(Tone::Warning, "  note: ")], 8, (Tone::Plain, caution));
    }
    super::legend(page);
    if changes(plan) > LONG {
        page.gap();
        page.line(&[(Tone::Strong, &totals)]);
    }
}

fn changes(plan: &Plan) -> usize {
    let edits: usize = plan.files.iter().map(|file| file.edits.len()).sum();
    plan.stores.len() + plan.settings.len() + edits + plan.deploys.len()
}

fn totals(plan: &Plan) -> String {
    let variables = plan.stores.len();
    let deploys = plan.deploys.iter().filter(|deploy| !matches!(deploy.how, DeployMethod::Not(_))).count();
    let mut parts = Vec::new();
    if variables > 0 {
        parts.push(format!("{} on Railway", count(variables, "variable")));
    }
    if !plan.settings.is_empty() {
        parts.push(count(plan.settings.len(), "start command"));
    }
    parts.extend(plan.files.iter().map(|file| format!("{} in {}", count(file.edits.len(), "change"), file.name)));
    parts.push(if deploys == 0 { "no deployment".to_owned() } else { count(deploys, "deployment") });
    parts.join(", ")
}

fn stores(page: &mut TextPage<'_>, plan: &Plan, owner: &VariableOwner) {
    let own: Vec<&VariableChange> = plan.stores.iter().filter(|store| store.owner == *owner).collect();
    let names = own.iter().map(|store| columns(&store.key)).filter(|&width| width <= NAME).max().unwrap_or(0);
    page.gap();
    page.line(&[(Tone::Plain, "  "), (Tone::Strong, owner.name())]);
    for store in own {
        let (sign, tone) = match (&store.before, &store.after) {
            (_, None) => ("    - ", Tone::Error),
            (None, _) => ("    + ", Tone::Good),
            (Some(_), _) => ("    ~ ", Tone::Warning),
        };
        let sides = sides(page, store);
        let from = store.from.as_ref().map(|place| format!("   {}:{}", place.file, place.line)).unwrap_or_default();
        let key = pad(&store.key, names);
        page.line(&[(tone, sign), (Tone::Plain, &key), (Tone::Plain, &format!("  {sides}")), (Tone::Faint, &from)]);
    }
}

/// Writes a change of a start command: in full in a terminal, where it has to be confirmed, or else masked.
fn setting(page: &mut TextPage<'_>, setting: &StartCommandChange) {
    let (sign, tone) = match (&setting.before, &setting.after) {
        (_, None) => ("    - ", Tone::Error),
        (None, _) => ("    + ", Tone::Good),
        (Some(_), _) => ("    ~ ", Tone::Warning),
    };
    let mut shown = |text: &Option<Secret>| text.as_ref().map(|text| page.command(text));
    let (before, after) = (shown(&setting.before), shown(&setting.after));
    let is_long = page.shows_commands() && before.is_some() && after.is_some();
    let label = [(tone, sign), (Tone::Plain, "start command")];
    if let (true, Some(before), Some(after)) = (is_long, &before, &after) {
        page.line(&label);
        page.line(&[(Tone::Error, "      - "), (Tone::Plain, before)]);
        page.line(&[(Tone::Good, "      + "), (Tone::Plain, after)]);
        return;
    }
    let sides: Vec<String> = before.into_iter().chain(after).collect();
    page.line(&[label[0], label[1], (Tone::Plain, &format!("  {}", sides.join(" → ")))]);
}

/// Returns text such as `● 1a2b3c → ● 4d5e6f`; a reference is marked as one.
fn sides(page: &mut TextPage<'_>, store: &VariableChange) -> String {
    let before = match &store.before {
        None => None,
        Some(Variable::Sealed) => Some("(sealed)".to_owned()),
        Some(Variable::Unavailable) => Some("(unavailable)".to_owned()),
        Some(Variable::Plain(value)) => Some(page.value(value)),
        Some(Variable::Reference { rendered, .. }) => {
            let shown = rendered.as_ref().map(|value| page.value(value)).unwrap_or_default();
            Some(format!("(reference) {shown}").trim_end().to_owned())
        }
    };
    let after = match (store.reference(), &store.renders) {
        (Some(name), Some(value)) => Some(format!("{} (renders {})", reference::to_shared(name), page.value(value))),
        _ => store.after.as_ref().map(|value| value_or_reference(page, value)),
    };
    match (before, after) {
        (Some(before), Some(after)) => format!("{before} → {after}"),
        (None, Some(after)) => after,
        (Some(before), None) => before,
        (None, None) => String::new(),
    }
}

fn value_or_reference(page: &mut TextPage<'_>, value: &Secret) -> String {
    let shown = page.value(value);
    if reference::occurrences(value.expose()).is_empty() { shown } else { format!("(reference) {shown}") }
}

/// Writes a unified diff of the masked file.
fn diff(page: &mut TextPage<'_>, file: &FileChange) {
    page.gap();
    let [before, after] = &file.shown;
    for line in unified(&file.name, before, after).lines() {
        let tone = match line.as_bytes().first() {
            _ if line.starts_with("---") || line.starts_with("+++") => Tone::Strong,
            Some(b'+') => Tone::Good,
            Some(b'-') => Tone::Error,
            _ => Tone::Faint,
        };
        page.line(&[(Tone::Plain, "  "), (tone, line)]);
    }
}

/// Returns the edits in hunks, each with one line of context.
fn unified(name: &str, before: &str, after: &str) -> String {
    let (before, after) = (before.tokenize_lines(), after.tokenize_lines());
    let mut hunks = group_diff_ops(edits(&before, &after), 1);
    hunks.retain(|hunk| !hunk.is_empty());
    let mut text = if hunks.is_empty() { String::new() } else { format!("--- {name}\n+++ {name}\n") };
    for hunk in hunks {
        writeln!(text, "{}", UnifiedHunkHeader::new(&hunk)).expect("writing to a String can't fail");
        for (tag, lines) in hunk.iter().flat_map(|edit| edit.iter_slices(&before, &after)) {
            for line in lines {
                let ending = if line.ends_with_newline() { "" } else { "\n\\ No newline at end of file\n" };
                write!(text, "{tag}{line}{ending}").expect("writing to a String can't fail");
            }
        }
    }
    text
}

fn deploys(page: &mut TextPage<'_>, plan: &Plan) {
    if plan.deploys.is_empty() {
        return;
    }
    page.gap();
    let names = plan.deploys.iter().map(|deploy| columns(&deploy.service.name)).filter(|&width| width <= NAME);
    let names = names.max().unwrap_or(0);
    if !(plan.changes_nothing_stored() && plan.files.is_empty()) {
        page.line(&[(Tone::Plain, "  "), (Tone::Strong, "then")]);
    }
    for deploy in &plan.deploys {
        let lead = [(Tone::Plain, "    "), (Tone::Plain, &*pad(&deploy.service.name, names + 2))];
        let hang = (4 + names + 2).min(24);
        page.paragraph(&lead, hang, (Tone::Plain, &deployment_line(deploy)));
    }
}

fn deployment_line(deploy: &PlannedDeployment) -> String {
    let how = match &deploy.how {
        DeployMethod::Redeploy(_) if deploy.commit.is_some() => {
            let commit = deploy.commit.as_ref().map(|commit| commit.wanted.as_str()).unwrap_or_default();
            format!("deploys commit {}", commit.get(..7).unwrap_or(commit))
        }
        DeployMethod::Redeploy(deployment) => match deployment.origin.description() {
            Some(origin) => format!("redeploys {origin}"),
            None => "redeploys the current deployment".to_owned(),
        },
        DeployMethod::After(other) => format!("waits for the newer deployment {}, then redeploys it", other.id),
        DeployMethod::First => "is deployed for the first time".to_owned(),
        DeployMethod::Not(why) => return format!("is not deployed: {why}"),
    };
    let cause = match deploy.cause {
        DeployReason::Changed => "",
        DeployReason::Dependent => ", because it references a changed variable",
        DeployReason::Stale => ", because it is running with old values",
        DeployReason::Behind => ", because it runs an older commit",
        DeployReason::Command => ", because it runs with another start command",
        DeployReason::Unhealthy => ", because its newest deployment failed or crashed",
    };
    if deploy.costs.is_empty() { format!("{how}{cause}") } else { format!("{how}{cause}: {}", deploy.costs.join("; ")) }
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert_eq, proptest};
    use similar::TextDiff;

    use super::unified;
    use crate::drift::Secret;
    use crate::drift::plan::{Plan, VariableChange, VariableOwner};
    use crate::report::Detail;
    use crate::report::test_support::{calm, key, service, text_options};

    #[test]
    fn hunks_have_one_context_line_and_mark_missing_newline() {
        let diff = unified(".env", "A=1\nB=2\nC=3\nD=4\n", "A=1\nB=2\nC=\nD=4\nE=5");
        let expected =
            "--- .env\n+++ .env\n@@ -2,3 +2,4 @@\n B=2\n-C=3\n+C=\n D=4\n+E=5\n\\ No newline at end of file\n";
        assert_eq!(diff, expected);
        assert_eq!(unified(".env", "A=1\n", "A=1\n"), "");
    }

    /// Returns the text of a plan that pushes that many keys.
    fn pushing(number: usize) -> String {
        let owner = VariableOwner::Service(service("api"));
        let store = |at| VariableChange {
            owner: owner.clone(),
            key: format!("KEY_{at}"),
            before: None,
            after: Some(Secret::new("value")),
            from: None,
            meant_for: Vec::new(),
            renders: None,
        };
        let plan = Plan { stores: (0..number).map(store).collect(), ..Plan::default() };
        crate::report::plan(&calm(), &plan, &text_options(&key(), 80, Detail::Normal))
    }

    #[test]
    fn totals_of_a_long_plan_are_repeated_at_its_end() {
        assert_eq!(pushing(12).matches("Plan: 12 variables on Railway, no deployment\n").count(), 1);
        let long = pushing(13);
        assert_eq!(long.matches("Plan: 13 variables on Railway, no deployment\n").count(), 2, "{long}");
        assert!(long.ends_with("\n\nPlan: 13 variables on Railway, no deployment\n"), "{long}");
    }

    proptest! {
        #[test]
        fn diff_agrees_with_the_similar_crate(
            before in "([AB]=1(\n|\r|\r\n)){0,12}(A=2)?",
            after in "([AB]=1(\n|\r|\r\n)){0,12}(A=2)?",
        ) {
            let library = TextDiff::from_lines(&*before, &*after);
            let library = library.unified_diff().context_radius(1).header("a", "a").to_string();
            prop_assert_eq!(unified("a", &before, &after), library);
        }
    }
}
