//! What became of the references of a stored template.

use crate::drift::model::catalogue::Catalogue;
use crate::drift::reference::{GITHUB_SECRETS, MissingTarget, Occurrence, ReferenceTarget, aim, occurrences};
use crate::drift::{Target, system_variables};

/// What became of a reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReferenceState<'b> {
    /// It names something, as far as can be seen.
    Fine,
    /// It names something, and Railway put nothing in its place.
    Empty,
    /// It names nothing.
    Missing(MissingTarget<'b>),
}

/// What became of each reference of a stored template. Railway's rendering is believed before the catalogue, because
/// how Railway matches names is not documented. Without a rendering only the catalogue speaks. `${{secrets.NAME}}` is
/// GitHub's where no service is named `secrets`, and is not missing.
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
                // Railway sets it where tracing is on, and what that renders to may stand among other text.
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

/// What Railway put into the place of a template's references.
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

/// Whether the text is the template with nothing in the place of its references.
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
