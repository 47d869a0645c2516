//! `${{…}}` references: their positions in a text, and their targets.

use std::ops::Range;

use crate::drift::model::catalogue::Catalogue;
use crate::drift::system_variables;

/// The context name of secrets in GitHub Actions.
pub const GITHUB_SECRETS: &str = "secrets";

/// One `${{ body }}` in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence<'t> {
    /// Its byte range, braces included.
    pub span: Range<usize>,
    /// The text between the braces, trimmed.
    pub body: &'t str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceTarget<'b> {
    /// A template function such as `secret(32)`, which is evaluated when a template is deployed.
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

/// Why a reference is dangling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MissingTarget<'b> {
    /// The text between the braces is empty, or one side of the dot is.
    Name,
    /// No service has the name.
    Service(&'b str),
    /// The service exists but has no variable with the name.
    Variable {
        /// The service's name.
        service: &'b str,
        /// The missing name.
        name: &'b str,
    },
    /// The environment has no shared variable with the name.
    Shared(&'b str),
    /// The service itself has no variable with the name.
    Own(&'b str),
}

/// Returns every reference in the text, from left to right.
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
            // This is not a reference; another one may start at this brace.
            Some(_) => from = start + 1,
            None => break,
        }
    }
    found
}

/// Returns the body of the reference if the whole text is a single reference.
pub fn only(text: &str) -> Option<&str> {
    match occurrences(text).as_slice() {
        [one] if one.span == (0..text.len()) => Some(one.body),
        _ => None,
    }
}

/// Returns the text that refers to a shared variable, and to nothing else.
pub fn to_shared(name: &str) -> String {
    format!("${{{{shared.{name}}}}}")
}

/// Returns `NAME` if the whole text is a reference to the shared variable `NAME`.
pub fn shared_name(text: &str) -> Option<&str> {
    only(text)?.strip_prefix("shared.")
}

/// Resolves the body of a reference on the service `home`. Names are case-sensitive.
pub fn aim<'b>(body: &'b str, home: &'b str, catalogue: &Catalogue) -> Result<ReferenceTarget<'b>, MissingTarget<'b>> {
    if body.contains('(') {
        return Ok(ReferenceTarget::Function);
    }
    if has(catalogue, home, body) {
        return Ok(ReferenceTarget::Variable { service: home, name: body });
    }
    if !body.contains('.') {
        return Err(if body.is_empty() { MissingTarget::Name } else { MissingTarget::Own(body) });
    }
    let shared = body.strip_prefix("shared.");
    if let Some(name) = shared.filter(|name| catalogue.shared.contains(*name)) {
        return Ok(ReferenceTarget::Shared(name));
    }
    // Service names may contain dots, so the service's name may end at any dot.
    let splits = || body.match_indices('.').map(|(dot, _)| (&body[..dot], &body[dot + 1..]));
    if let Some((service, name)) = splits().find(|(service, name)| has(catalogue, service, name)) {
        return Ok(ReferenceTarget::Variable { service, name });
    }
    if let Some(name) = shared {
        return Err(if name.is_empty() { MissingTarget::Name } else { MissingTarget::Shared(name) });
    }
    match splits().rfind(|(service, _)| catalogue.services.contains_key(*service)) {
        Some((service, name)) if !name.is_empty() => Err(MissingTarget::Variable { service, name }),
        _ => Err(body
            .rsplit_once('.')
            .filter(|(service, name)| !service.is_empty() && !name.is_empty())
            .map_or(MissingTarget::Name, |(service, _)| MissingTarget::Service(service))),
    }
}

fn has(catalogue: &Catalogue, service: &str, name: &str) -> bool {
    catalogue.services.get(service).is_some_and(|names| names.contains(name) || system_variables::is_provided(name))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::proptest;
    use proptest::{prop_assert, prop_assert_eq};

    use crate::drift::reference::{
        MissingTarget, Occurrence, ReferenceTarget, aim, occurrences, only, shared_name, to_shared,
    };

    use crate::drift::model::catalogue::Catalogue;

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
    fn finds_references_like_railway() {
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
    fn text_around_a_reference_is_not_a_bare_reference() {
        for (text, body) in
            [("${{ shared.A }}", Some("shared.A")), ("${{a}} ", None), ("${{a}}${{b}}", None), ("a", None)]
        {
            assert_eq!(only(text), body, "{text}");
        }
    }

    #[test]
    fn text_that_is_one_reference_names_a_shared_variable() {
        for (text, name) in [
            ("${{shared.A}}", Some("A")),
            ("${{ shared.A }}", Some("A")),
            ("${{api.A}}", None),
            ("Bearer ${{shared.A}}", None),
            ("shared.A", None),
        ] {
            assert_eq!(shared_name(text), name, "{text}");
        }
        assert_eq!(to_shared("A"), "${{shared.A}}");
    }

    #[test]
    fn reference_body_resolves_to_a_variable_or_what_is_missing() {
        let variable = |service, name| Ok(ReferenceTarget::Variable { service, name });
        for (body, expected) in [
            ("A", variable("api", "A")),
            ("dotted.name", variable("api", "dotted.name")),
            ("RAILWAY_PUBLIC_DOMAIN", variable("api", "RAILWAY_PUBLIC_DOMAIN")),
            ("shared.BASE", Ok(ReferenceTarget::Shared("BASE"))),
            ("api.v2.PLAIN", variable("api.v2", "PLAIN")),
            ("api.dotted.name", variable("api", "dotted.name")),
            ("odd name.RAILWAY_SERVICE_API_URL", variable("odd name", "RAILWAY_SERVICE_API_URL")),
            ("secret(32, \"abc.\")", Ok(ReferenceTarget::Function)),
            ("a", Err(MissingTarget::Own("a"))),
            ("shared.NO", Err(MissingTarget::Shared("NO"))),
            ("api.v2.NO", Err(MissingTarget::Variable { service: "api.v2", name: "NO" })),
            ("api.NO", Err(MissingTarget::Variable { service: "api", name: "NO" })),
            ("Nowhere.X", Err(MissingTarget::Service("Nowhere"))),
            ("No.Where.X", Err(MissingTarget::Service("No.Where"))),
            ("", Err(MissingTarget::Name)),
            (".", Err(MissingTarget::Name)),
            ("shared.", Err(MissingTarget::Name)),
            ("api.", Err(MissingTarget::Name)),
            (".X", Err(MissingTarget::Name)),
        ] {
            assert_eq!(aim(body, "api", &catalogue()), expected, "{body}");
        }
    }

    proptest! {
        #[test]
        fn references_and_text_between_them_make_up_the_whole(text in "([${} aü.]|\\$\\{\\{|\\}\\}){0,40}") {
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
        fn every_reference_body_resolves_or_is_missing(body in "(shared|api|v2|odd name|A|PLAIN|\\.|\\(| |ü){0,6}") {
            match aim(&body, "api", &catalogue()) {
                Ok(ReferenceTarget::Function) => prop_assert!(body.contains('(')),
                Ok(ReferenceTarget::Shared(name)) => prop_assert!(catalogue().shared.contains(name)),
                Ok(ReferenceTarget::Variable { service, name }) => prop_assert!(catalogue().services[service].contains(name)),
                Err(_) => {}
            }
        }
    }
}
