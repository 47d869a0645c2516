//! `${{…}}`: where references stand in a text, what they name, and what Railway made of them.

use std::ops::Range;

use crate::drift::indirect::GITHUB_SECRETS;
use crate::drift::survey::{Catalogue, Target};
use crate::drift::system;

/// One `${{ body }}` in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence<'t> {
    /// Its bytes, braces included.
    pub span: Range<usize>,
    /// What stands between the braces, without surrounding blanks.
    pub body: &'t str,
}

/// What a reference names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aim<'b> {
    /// A template function such as `secret(32)`: made when a template is deployed.
    Function,
    /// A shared variable of the environment.
    Shared(&'b str),
    /// A variable of a service.
    Variable {
        /// The service's name.
        service: &'b str,
        /// The variable's name.
        name: &'b str,
    },
}

/// Why a reference names nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack<'b> {
    /// Nothing stands between the braces, or nothing on one side of the dot.
    Name,
    /// No service has the name.
    Service(&'b str),
    /// The service is there, and has no variable of the name.
    Variable {
        /// The service's name.
        service: &'b str,
        /// The name it lacks.
        name: &'b str,
    },
    /// The environment has no shared variable of the name.
    Shared(&'b str),
    /// The service itself has no variable of the name.
    Own(&'b str),
}

/// What became of a reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State<'b> {
    /// It names something, as far as can be seen.
    Fine,
    /// It names something, and Railway put nothing in its place.
    Empty,
    /// It names nothing.
    Missing(Lack<'b>),
}

/// Every reference in the text, from left to right.
pub fn occurrences(text: &str) -> Vec<Occurrence<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(offset) = text[from..].find("${{") {
        let start = from + offset;
        let inside = start + 3;
        let end = text[inside..].find(['{', '}']).map(|length| inside + length);
        match end {
            Some(end) if text[end..].starts_with("}}") => {
                found.push(Occurrence { span: start..end + 2, body: text[inside..end].trim() });
                from = end + 2;
            }
            // What looked like the beginning is none; another one may start at the brace that was met.
            Some(_) => from = start + 1,
            None => break,
        }
    }
    found
}

/// The one reference that the whole text is, if it is nothing else.
pub fn only(text: &str) -> Option<&str> {
    match occurrences(text).as_slice() {
        [one] if one.span == (0..text.len()) => Some(one.body),
        _ => None,
    }
}

/// What the body names, seen from the service `home`. Names are case-sensitive.
pub fn aim<'b>(body: &'b str, home: &'b str, catalogue: &Catalogue) -> Result<Aim<'b>, Lack<'b>> {
    if body.contains('(') {
        return Ok(Aim::Function);
    }
    if has(catalogue, home, body) {
        return Ok(Aim::Variable { service: home, name: body });
    }
    if !body.contains('.') {
        return Err(if body.is_empty() { Lack::Name } else { Lack::Own(body) });
    }
    let shared = body.strip_prefix("shared.");
    if let Some(name) = shared.filter(|name| catalogue.shared.contains(*name)) {
        return Ok(Aim::Shared(name));
    }
    // Service names may hold dots, so every dot may be the one that ends the service's name.
    let splits = || body.match_indices('.').map(|(dot, _)| (&body[..dot], &body[dot + 1..]));
    if let Some((service, name)) = splits().find(|(service, name)| has(catalogue, service, name)) {
        return Ok(Aim::Variable { service, name });
    }
    if let Some(name) = shared {
        return Err(if name.is_empty() { Lack::Name } else { Lack::Shared(name) });
    }
    match splits().rfind(|(service, _)| catalogue.services.contains_key(*service)) {
        Some((service, name)) if !name.is_empty() => Err(Lack::Variable { service, name }),
        _ => Err(body
            .rsplit_once('.')
            .filter(|(service, name)| !service.is_empty() && !name.is_empty())
            .map_or(Lack::Name, |(service, _)| Lack::Service(service))),
    }
}

fn has(catalogue: &Catalogue, service: &str, name: &str) -> bool {
    catalogue.services.get(service).is_some_and(|names| names.contains(name) || system::is_provided(name))
}

/// What became of each reference of a stored template. Railway's rendering is believed before the catalogue, because
/// how Railway matches names is not documented. Without a rendering only the catalogue speaks. `${{secrets.NAME}}` is
/// GitHub's where no service is named `secrets`, and is not missing.
pub fn states<'b>(
    template: &'b str,
    rendered: Option<&str>,
    target: &'b Target,
    catalogue: &Catalogue,
) -> Vec<(&'b str, State<'b>)> {
    let found = occurrences(template);
    let is_left = |reference: &str| rendered.is_some_and(|rendered| rendered.contains(reference));
    let outcome = match (found.as_slice(), rendered) {
        ([one], Some(rendered)) => outcome_of_one(template, one, rendered),
        (_, Some(rendered)) if is_literals_alone(rendered, template, &found) => Outcome::Nothing,
        _ => Outcome::Unclear,
    };
    found
        .iter()
        .map(|occurrence| {
            let state = match (&outcome, aim(occurrence.body, &target.service.name, catalogue)) {
                (Outcome::Something, _) | (_, Ok(Aim::Function) | Err(Lack::Service(GITHUB_SECRETS))) => State::Fine,
                // Railway sets it where tracing is on, and what that renders to may stand among other text.
                (Outcome::Unclear, Err(Lack::Own(name) | Lack::Variable { name, .. }))
                    if system::is_set_by_tracing(name) && !is_left(&template[occurrence.span.clone()]) =>
                {
                    State::Fine
                }
                (_, Err(Lack::Own(name))) if target.variable(name).is_none() => State::Missing(Lack::Own(name)),
                (_, Err(lack)) if !matches!(lack, Lack::Own(_)) => State::Missing(lack),
                (Outcome::Nothing, _) => State::Empty,
                (Outcome::Unclear, _) => State::Fine,
            };
            (occurrence.body, state)
        })
        .collect()
}

/// What Railway put into the place of a template's references.
enum Outcome {
    Something,
    Nothing,
    Unclear,
}

fn outcome_of_one(template: &str, one: &Occurrence<'_>, rendered: &str) -> Outcome {
    let (before, after) = (&template[..one.span.start], &template[one.span.end..]);
    match rendered.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)) {
        Some("") => Outcome::Nothing,
        Some(put) if put != &template[one.span.clone()] => Outcome::Something,
        _ => Outcome::Unclear,
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

    use proptest::prelude::proptest;
    use proptest::{prop_assert, prop_assert_eq};

    use super::{Aim, Lack, Occurrence, State, aim, occurrences, only, states};
    use crate::drift::survey::{Catalogue, Named, Target};

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
    fn references_are_found_where_railway_finds_them() {
        for (text, bodies) in [
            ("${{A}}", &["A"][..]),
            ("x-${{   shared.BASE   }}-y", &["shared.BASE"]),
            ("${{a}}${{b}}", &["a", "b"]),
            ("${{ ${{shared.BASE}} }}", &["shared.BASE"]),
            ("${{${{a}}", &["a"]),
            ("${{}}", &[""]),
            ("${{shared.OPEN", &[]),
            ("${{shared.OPEN}", &[]),
            ("${{a}b}}", &[]),
            ("${{{a}}}", &[]),
            ("${A} $A {{A}}", &[]),
            ("ü${{ü}}ü", &["ü"]),
            ("", &[]),
        ] {
            let found: Vec<&str> = occurrences(text).iter().map(|occurrence| occurrence.body).collect();
            assert_eq!(found, bodies, "{text}");
        }
        assert_eq!(occurrences("ü${{ a }}ü")[0].span, 2..10);
    }

    #[test]
    fn a_text_with_anything_beside_its_reference_is_more_than_that() {
        for (text, body) in
            [("${{ shared.A }}", Some("shared.A")), ("${{a}} ", None), ("${{a}}${{b}}", None), ("a", None)]
        {
            assert_eq!(only(text), body, "{text}");
        }
    }

    #[test]
    fn a_body_names_a_variable_or_tells_what_is_missing() {
        let variable = |service, name| Ok(Aim::Variable { service, name });
        for (body, expected) in [
            ("A", variable("api", "A")),
            ("dotted.name", variable("api", "dotted.name")),
            ("RAILWAY_PUBLIC_DOMAIN", variable("api", "RAILWAY_PUBLIC_DOMAIN")),
            ("shared.BASE", Ok(Aim::Shared("BASE"))),
            ("api.v2.PLAIN", variable("api.v2", "PLAIN")),
            ("api.dotted.name", variable("api", "dotted.name")),
            ("odd name.RAILWAY_SERVICE_API_URL", variable("odd name", "RAILWAY_SERVICE_API_URL")),
            ("secret(32, \"abc.\")", Ok(Aim::Function)),
            ("a", Err(Lack::Own("a"))),
            ("shared.NO", Err(Lack::Shared("NO"))),
            ("api.v2.NO", Err(Lack::Variable { service: "api.v2", name: "NO" })),
            ("api.NO", Err(Lack::Variable { service: "api", name: "NO" })),
            ("Nowhere.X", Err(Lack::Service("Nowhere"))),
            ("No.Where.X", Err(Lack::Service("No.Where"))),
            ("", Err(Lack::Name)),
            (".", Err(Lack::Name)),
            ("shared.", Err(Lack::Name)),
            ("api.", Err(Lack::Name)),
            (".X", Err(Lack::Name)),
        ] {
            assert_eq!(aim(body, "api", &catalogue()), expected, "{body}");
        }
    }

    #[test]
    fn the_rendering_is_believed_before_the_catalogue() {
        let api = Named { id: "1".to_owned(), name: "api".to_owned() };
        let target = Target::new(api, Vec::new(), Ok(BTreeMap::new()));
        let lack = |name| State::Missing(Lack::Service(name));
        for (template, rendered, expected) in [
            ("${{Nowhere.X}}", "", &[lack("Nowhere")][..]),
            ("${{Nowhere.X}}", "value", &[State::Fine]),
            ("${{Nowhere.X}}", "${{Nowhere.X}}", &[lack("Nowhere")]),
            ("a-${{Nowhere.X}}-b", "a--b", &[lack("Nowhere")]),
            ("a-${{Nowhere.X}}-b", "a-value-b", &[State::Fine]),
            ("${{odd name.EMPTY}}", "", &[State::Empty]),
            ("${{odd name.EMPTY}}-${{shared.BASE}}", "-", &[State::Empty, State::Empty]),
            ("${{odd name.EMPTY}}-${{shared.BASE}}", "-b", &[State::Fine, State::Fine]),
            ("${{Nowhere.X}}-${{shared.BASE}}", "-b", &[lack("Nowhere"), State::Fine]),
            ("${{OTEL_SERVICE_NAME}}", "", &[State::Missing(Lack::Own("OTEL_SERVICE_NAME"))]),
            ("${{OTEL_SERVICE_NAME}}", "${{OTEL_SERVICE_NAME}}", &[State::Missing(Lack::Own("OTEL_SERVICE_NAME"))]),
            (
                "${{OTEL_SERVICE_NAME}}-${{shared.BASE}}",
                "-",
                &[State::Missing(Lack::Own("OTEL_SERVICE_NAME")), State::Empty],
            ),
            ("${{OTEL_SERVICE_NAME}}-${{shared.BASE}}", "api-b", &[State::Fine, State::Fine]),
            (
                "${{OTEL_SERVICE_NO}}-${{shared.BASE}}",
                "api-b",
                &[State::Missing(Lack::Own("OTEL_SERVICE_NO")), State::Fine],
            ),
            ("${{secret(8)}}", "", &[State::Fine]),
            ("${{ secrets.X }}", "", &[State::Fine]),
            ("${{ secrets.X }}-${{Nowhere.X}}", "-", &[State::Fine, lack("Nowhere")]),
        ] {
            let found: Vec<_> =
                states(template, Some(rendered), &target, &catalogue()).into_iter().map(|(_, state)| state).collect();
            assert_eq!(found, expected, "{template} → {rendered}");
        }
        for (template, expected) in [
            ("${{Nowhere.X}}", &[lack("Nowhere")][..]),
            ("${{odd name.EMPTY}}-${{shared.BASE}}", &[State::Fine, State::Fine]),
            (
                "${{odd name.EMPTY}}-${{odd name.NO}}",
                &[State::Fine, State::Missing(Lack::Variable { service: "odd name", name: "NO" })],
            ),
            ("${{NO}}", &[State::Missing(Lack::Own("NO"))]),
            ("${{odd name.OTEL_SERVICE_NAME}}", &[State::Fine]),
            ("${{secret(8)}}", &[State::Fine]),
        ] {
            let found: Vec<_> =
                states(template, None, &target, &catalogue()).into_iter().map(|(_, state)| state).collect();
            assert_eq!(found, expected, "{template} without a rendering");
        }
    }

    proptest! {
        #[test]
        fn references_and_what_stands_between_them_are_the_text(text in "([${} aü.]|\\$\\{\\{|\\}\\}){0,40}") {
            let mut whole = String::new();
            let mut from = 0;
            for Occurrence { span, body } in occurrences(&text) {
                prop_assert!(text[span.clone()].starts_with("${{") && text[span.clone()].ends_with("}}"));
                let is_plain = !body.contains(['{', '}']);
                prop_assert!(is_plain && text[span.clone()].contains(body));
                whole.push_str(&text[from..span.start]);
                whole.push_str(&text[span.clone()]);
                from = span.end;
            }
            whole.push_str(&text[from..]);
            prop_assert_eq!(whole, text);
        }

        #[test]
        fn every_body_names_something_or_lacks_it(body in "(shared|api|v2|odd name|A|PLAIN|\\.|\\(| |ü){0,6}") {
            match aim(&body, "api", &catalogue()) {
                Ok(Aim::Function) => prop_assert!(body.contains('(')),
                Ok(Aim::Shared(name)) => prop_assert!(catalogue().shared.contains(name)),
                Ok(Aim::Variable { service, name }) => prop_assert!(catalogue().services[service].contains(name)),
                Err(_) => {}
            }
        }
    }
}
