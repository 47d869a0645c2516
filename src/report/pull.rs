//! The plan of `pull`: the keys by origin, and the keys that are left to the user. It contains no value.

use std::collections::BTreeMap;

use crate::drift::ResourceRef;
use crate::drift::phrases::count;
use crate::drift::pull::{PullOrigin, PullPlan};
use crate::report::paint::Tone;
use crate::report::text::page::TextPage;
use crate::report::text::text_width::{columns, pad};
use crate::report::{Detail, TextOptions};

/// Longer keys do not widen the column.
const LONGEST_KEY: usize = 40;

/// The target of a pull.
#[derive(Clone, Copy, Debug)]
pub struct PullHeader<'h> {
    pub project: &'h ResourceRef,
    /// The origin of the project.
    pub project_origin: &'h str,
    pub environment: &'h ResourceRef,
    /// The origin of the environment.
    pub environment_origin: &'h str,
    /// The services in scope.
    pub services: &'h [&'h ResourceRef],
    /// The number of services in scope and of those that were left out.
    pub all: usize,
    /// Why they are in scope.
    pub services_origin: &'h str,
    /// The display name of the new file.
    pub file: &'h str,
    /// The display name of the template.
    pub template: Option<&'h str>,
}

/// Returns the target, the keys by origin, and what is left to the user.
pub fn pull_plan(header: PullHeader<'_>, plan: &PullPlan, remarks: &[String], options: &TextOptions<'_>) -> String {
    let mut page = TextPage::new(options);
    page.flow(&[], 2, Tone::Strong, " · ", &target(header));
    for remark in remarks {
        page.paragraph(&[], 2, (Tone::Plain, remark));
    }
    page.gap();
    let total = format!("Plan: create {} with {} from Railway", header.file, count(plan.pulled.len(), "key"));
    page.line(&[(Tone::Strong, &total)]);
    let mut origins: BTreeMap<&PullOrigin, Vec<String>> = BTreeMap::new();
    for pulled in &plan.pulled {
        origins.entry(&pulled.origin).or_default().push(pulled.key.clone());
    }
    for (origin, keys) in origins {
        page.gap();
        let title = format!("{} ({})", origin.phrase(), keys.len());
        page.paragraph(&[(Tone::Good, "  + ")], 4, (Tone::Strong, &title));
        page.flow(&[(Tone::Plain, "    ")], 4, Tone::Plain, ", ", &keys);
    }
    write_left(&mut page, plan, header.template);
    unlisted(&mut page, plan, header.template);
    page.into_text()
}

/// Returns the keys that are left to the user, each with the reason.
pub fn left_keys(plan: &PullPlan, template: Option<&str>, options: &TextOptions<'_>) -> String {
    let mut page = TextPage::new(options);
    write_left(&mut page, plan, template);
    page.into_text()
}

fn target(header: PullHeader<'_>) -> Vec<String> {
    let PullHeader { project, environment, services, all, .. } = header;
    let mut items = if header.project_origin == header.environment_origin {
        vec![project.name.clone(), format!("{} ({})", environment.name, header.project_origin)]
    } else {
        vec![
            format!("{} ({})", project.name, header.project_origin),
            format!("{} ({})", environment.name, header.environment_origin),
        ]
    };
    items.push(match header.template {
        Some(template) => format!("{} (new, from {template})", header.file),
        None => format!("{} (new, no template)", header.file),
    });
    items.push(if services.len() == all {
        format!("{} ({})", count(all, "service"), header.services_origin)
    } else {
        format!("{} of {} ({})", services.len(), count(all, "service"), header.services_origin)
    });
    items
}

fn write_left(page: &mut TextPage<'_>, plan: &PullPlan, template: Option<&str>) {
    if plan.left.is_empty() {
        return;
    }
    let kept = template.map(|template| format!(", as in {template}")).unwrap_or_default();
    page.gap();
    page.line(&[(Tone::Warning, "  ! "), (Tone::Strong, &format!("left for you{kept} ({})", plan.left.len()))]);
    let widths = plan.left.iter().map(|left| columns(&left.key)).filter(|&width| width <= LONGEST_KEY);
    let width = widths.max().unwrap_or(0);
    for left in &plan.left {
        let key = pad(&left.key, width + 2);
        let reason = left.reason.phrase(&left.services);
        page.paragraph(&[(Tone::Plain, "    "), (Tone::Plain, &key)], 4 + width + 2, (Tone::Plain, &reason));
    }
}

/// Writes how many keys on Railway the template lacks; with `-v` their names.
fn unlisted(page: &mut TextPage<'_>, plan: &PullPlan, template: Option<&str>) {
    let (Some(template), number @ 1..) = (template, plan.unlisted.len()) else { return };
    let verb = if number == 1 { "is" } else { "are" };
    let sentence = format!("{} on Railway {verb} not in {template}", count(number, "other key"));
    page.gap();
    if page.options.detail == Detail::Verbose {
        page.flow(&[(Tone::Faint, &format!("  {sentence}: "))], 4, Tone::Faint, ", ", &plan.unlisted);
    } else {
        page.line(&[(Tone::Faint, &format!("  {sentence} (-v lists them)"))]);
    }
}
