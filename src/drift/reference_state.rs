//! Whether the references of a stored template resolve.

use crate::drift::model::catalogue::Catalogue;
use crate::drift::reference::{GITHUB_SECRETS, MissingTarget, Occurrence, ReferenceTarget, aim, occurrences};
use crate::drift::{Target, system_variables};

/// Whether a reference resolves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReferenceState<'b> {
    /// It resolves, as far as is known.
    Fine,
    /// Its target exists, but Railway rendered it as empty.
    Empty,
    /// Its target does not exist.
    Missing(MissingTarget<'b>),
}

/// Returns whether each reference of a stored template resolves. Railway's rendered value takes precedence over the
/// catalogue, because Railway does not document how it matches names. `${{secrets.NAME}}` belongs to GitHub and is not
/// missing, unless a service is named `secrets`.
pub fn states<'b>(
    template: &'b str,
    rendered: Option<&str>,
    target: &'b Target,
    catalogue: &Catalogue,
) -> Vec<(&'b str, ReferenceState<'b>)> {
    let found = occurrences(template);
    let is_left = |reference: &str| rendered.is_some_and(|rendered| rendered.contains(reference));
    let outcome = match (found.as_slice(), rendered) {
        ([one], Some(rendered)) => outcome_of_one(template, one, rendered),
        (_, Some(rendered)) if is_literals_alone(rendered, template, &found) => RenderOutcome::Nothing,
        _ => RenderOutcome::Unclear,
    };
    found
        .iter()
        .map(|occurrence| {
            let state = match (&outcome, aim(occurrence.body, &target.service.name, catalogue)) {
                (RenderOutcome::Something, _)
                | (_, Ok(ReferenceTarget::Function) | Err(MissingTarget::Service(GITHUB_SECRETS))) => {
                    ReferenceState::Fine
                }
                // Railway sets the variable if tracing is enabled, and its value may be part of the rendered text.
                (RenderOutcome::Unclear, Err(MissingTarget::Own(name) | MissingTarget::Variable { name, .. }))
                    if system_variables::is_set_by_tracing(name) && !is_left(&template[occurrence.span.clone()]) =>
                {
                    ReferenceState::Fine
                }
                (_, Err(MissingTarget::Own(name))) if target.variable(name).is_none() => {
                    ReferenceState::Missing(MissingTarget::Own(name))
                }
                (_, Err(lack)) if !matches!(lack, MissingTarget::Own(_)) => ReferenceState::Missing(lack),
                (RenderOutcome::Nothing, _) => ReferenceState::Empty,
                (RenderOutcome::Unclear, _) => ReferenceState::Fine,
            };
            (occurrence.body, state)
        })
        .collect()
}

/// What Railway rendered for a template's references.
enum RenderOutcome {
    Something,
    Nothing,
    Unclear,
}

fn outcome_of_one(template: &str, one: &Occurrence<'_>, rendered: &str) -> RenderOutcome {
    let (before, after) = (&template[..one.span.start], &template[one.span.end..]);
    match rendered.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)) {
        Some("") => RenderOutcome::Nothing,
        Some(put) if put != &template[one.span.clone()] => RenderOutcome::Something,
        _ => RenderOutcome::Unclear,
    }
}

/// Returns whether the text is the template with its references removed.
fn is_literals_alone(text: &str, template: &str, found: &[Occurrence<'_>]) -> bool {
    let mut rest = text;
    let mut from = 0;
    for occurrence in found {
        let Some(after) = rest.strip_prefix(&template[from..occurrence.span.start]) else { return false };
        rest = after;
        from = occurrence.span.end;
    }
    rest == &template[from..]
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{ReferenceState, states};
    use crate::drift::Target;
    use crate::drift::model::catalogue::Catalogue;
    use crate::drift::model::resource::ResourceRef;
    use crate::drift::reference::MissingTarget;

    fn catalogue() -> Catalogue {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
        Catalogue {
            services: BTreeMap::from([
                ("api".to_owned(), names(&["A", "dotted.name"])),
                ("api.v2".to_owned(), names(&["PLAIN"])),
                ("odd name".to_owned(), names(&["PLAIN", "EMPTY"])),
            ]),
            shared: names(&["BASE"]),
            ..Catalogue::default()
        }
    }

    #[test]
    fn rendered_value_takes_precedence_over_catalogue() {
        let api = ResourceRef { id: "1".to_owned(), name: "api".to_owned() };
        let target = Target::new(api, Vec::new(), Ok(BTreeMap::new()));
        let lack = |name| ReferenceState::Missing(MissingTarget::Service(name));
        for (template, rendered, expected) in [
            ("${{Nowhere.X}}", "", &[lack("Nowhere")][..]),
            ("${{Nowhere.X}}", "value", &[ReferenceState::Fine]),
            ("${{Nowhere.X}}", "${{Nowhere.X}}", &[lack("Nowhere")]),
            ("a-${{Nowhere.X}}-b", "a--b", &[lack("Nowhere")]),
            ("a-${{Nowhere.X}}-b", "a-value-b", &[ReferenceState::Fine]),
            ("${{odd name.EMPTY}}", "", &[ReferenceState::Empty]),
            ("${{odd name.EMPTY}}-${{shared.BASE}}", "-", &[ReferenceState::Empty, ReferenceState::Empty]),
            ("${{odd name.EMPTY}}-${{shared.BASE}}", "-b", &[ReferenceState::Fine, ReferenceState::Fine]),
            ("${{Nowhere.X}}-${{shared.BASE}}", "-b", &[lack("Nowhere"), ReferenceState::Fine]),
            ("${{OTEL_SERVICE_NAME}}", "", &[ReferenceState::Missing(MissingTarget::Own("OTEL_SERVICE_NAME"))]),
            (
                "${{OTEL_SERVICE_NAME}}",
                "${{OTEL_SERVICE_NAME}}",
                &[ReferenceState::Missing(MissingTarget::Own("OTEL_SERVICE_NAME"))],
            ),
            (
                "${{OTEL_SERVICE_NAME}}-${{shared.BASE}}",
                "-",
                &[ReferenceState::Missing(MissingTarget::Own("OTEL_SERVICE_NAME")), ReferenceState::Empty],
            ),
            ("${{OTEL_SERVICE_NAME}}-${{shared.BASE}}", "api-b", &[ReferenceState::Fine, ReferenceState::Fine]),
            (
                "${{OTEL_SERVICE_NO}}-${{shared.BASE}}",
                "api-b",
                &[ReferenceState::Missing(MissingTarget::Own("OTEL_SERVICE_NO")), ReferenceState::Fine],
            ),
            ("${{secret(8)}}", "", &[ReferenceState::Fine]),
            ("${{ secrets.X }}", "", &[ReferenceState::Fine]),
            ("${{ secrets.X }}-${{Nowhere.X}}", "-", &[ReferenceState::Fine, lack("Nowhere")]),
        ] {
            let found: Vec<_> =
                states(template, Some(rendered), &target, &catalogue()).into_iter().map(|(_, state)| state).collect();
            assert_eq!(found, expected, "{template} → {rendered}");
        }
        for (template, expected) in [
            ("${{Nowhere.X}}", &[lack("Nowhere")][..]),
            ("${{odd name.EMPTY}}-${{shared.BASE}}", &[ReferenceState::Fine, ReferenceState::Fine]),
            (
                "${{odd name.EMPTY}}-${{odd name.NO}}",
                &[
                    ReferenceState::Fine,
                    ReferenceState::Missing(MissingTarget::Variable { service: "odd name", name: "NO" }),
                ],
            ),
            ("${{NO}}", &[ReferenceState::Missing(MissingTarget::Own("NO"))]),
            ("${{odd name.OTEL_SERVICE_NAME}}", &[ReferenceState::Fine]),
            ("${{secret(8)}}", &[ReferenceState::Fine]),
        ] {
            let found: Vec<_> =
                states(template, None, &target, &catalogue()).into_iter().map(|(_, state)| state).collect();
            assert_eq!(found, expected, "{template} without a rendering");
        }
    }
}
