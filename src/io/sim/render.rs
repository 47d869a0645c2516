//! Renders references like Railway: `${{shared.X}}`, `${{Service Name.X}}`, `${{X}}`.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::io::sim::estate::{Environment, Project, SimService, SimVariable};

/// Renders the variables of one environment.
pub(crate) struct Renderer<'e> {
    project: &'e Project,
    environment: &'e Environment,
    services: HashMap<&'e str, &'e SimService>,
    done: HashMap<VariableKey<'e>, Rendered>,
    under_way: HashSet<VariableKey<'e>>,
}

/// Owner and name; a shared variable has no owner.
type VariableKey<'e> = (Option<&'e str>, String);

/// The rendered value of a variable.
#[derive(Clone)]
struct Rendered {
    /// `None` for a reference to a sealed variable.
    text: Option<String>,
    /// Whether it refers to itself. It then depends on the variable at which rendering started, and is not cached.
    circular: bool,
}

impl Rendered {
    fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), circular: false }
    }
}

/// A part of a stored value.
enum Piece<'t> {
    Text(&'t str),
    Reference(&'t str),
}

impl<'e> Renderer<'e> {
    /// Renders the variables of this environment.
    pub(crate) fn new(project: &'e Project, environment: &'e Environment) -> Self {
        let alive = environment.services.iter().filter(|service| service.deleted_at.is_none());
        Self {
            project,
            environment,
            services: alive.map(|service| (service.name.as_str(), service)).collect(),
            done: HashMap::new(),
            under_way: HashSet::new(),
        }
    }

    /// Returns the variables that a deployment of the service gets: its own, overridden by Railway's system variables.
    pub(crate) fn variables(&mut self, service: &'e SimService) -> BTreeMap<String, Option<String>> {
        let mut map = BTreeMap::new();
        for name in service.variables.keys() {
            let rendered = self.value(Some(service), name);
            map.insert(name.clone(), rendered.and_then(|rendered| rendered.text));
        }
        map.extend(self.system(service).into_iter().map(|(name, value)| (name.to_owned(), Some(value))));
        map
    }

    /// Returns the value of a variable; `None` if it does not exist.
    fn value(&mut self, owner: Option<&'e SimService>, name: &str) -> Option<Rendered> {
        let variables = owner.map_or(&self.environment.shared, |service| &service.variables);
        let template = match variables.get(name) {
            Some(SimVariable::Open(template)) => template.expose(),
            Some(SimVariable::Sealed(_)) => return Some(Rendered { text: None, circular: false }),
            None => {
                let system = self.system(owner?).into_iter().find(|(known, _)| *known == name)?;
                return Some(Rendered::text(system.1));
            }
        };
        let key: VariableKey<'e> = (owner.map(|service| service.id.as_str()), name.to_owned());
        if let Some(rendered) = self.done.get(&key) {
            return Some(rendered.clone());
        }
        if !self.under_way.insert(key.clone()) {
            return Some(Rendered { text: Some(String::new()), circular: true });
        }
        let rendered = self.assemble(owner, template);
        self.under_way.remove(&key);
        if !rendered.circular {
            self.done.insert(key, rendered.clone());
        }
        Some(rendered)
    }

    fn assemble(&mut self, owner: Option<&'e SimService>, template: &str) -> Rendered {
        let mut whole = Rendered::text("");
        for piece in pieces(template) {
            let part = match piece {
                Piece::Text(text) => Rendered::text(text),
                Piece::Reference(expression) => self.reference(owner, expression).unwrap_or_else(|| Rendered::text("")),
            };
            whole.circular |= part.circular;
            whole.text = whole.text.zip(part.text).map(|(whole, part)| whole + &part);
        }
        whole
    }

    fn reference(&mut self, owner: Option<&'e SimService>, expression: &str) -> Option<Rendered> {
        if let Some(name) = expression.strip_prefix("shared.") {
            return self.value(None, name);
        }
        // From the right, because a service's name may contain dots: the longest existing name wins.
        for (dot, _) in expression.rmatch_indices('.') {
            if let Some(&service) = self.services.get(&expression[..dot]) {
                return self.value(Some(service), &expression[dot + 1..]);
            }
        }
        self.value(owner, expression)
    }

    pub(crate) fn system(&self, service: &SimService) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("RAILWAY_ENVIRONMENT", self.environment.name.clone()),
            ("RAILWAY_ENVIRONMENT_ID", self.environment.id.clone()),
            ("RAILWAY_ENVIRONMENT_NAME", self.environment.name.clone()),
            ("RAILWAY_PRIVATE_DOMAIN", private_domain(&service.name)),
            ("RAILWAY_PROJECT_ID", self.project.id.clone()),
            ("RAILWAY_PROJECT_NAME", self.project.name.clone()),
            ("RAILWAY_SERVICE_ID", service.id.clone()),
            ("RAILWAY_SERVICE_NAME", service.name.clone()),
        ];
        if let Some(domain) = &service.domain {
            variables.push(("RAILWAY_PUBLIC_DOMAIN", domain.clone()));
            variables.push(("RAILWAY_STATIC_URL", domain.clone()));
        }
        variables
    }
}

fn private_domain(service: &str) -> String {
    let dashed: String =
        service.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("{}.railway.internal", dashed.trim_matches('-'))
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    const OPEN: &str = "${{";
    let mut pieces = Vec::new();
    let (mut text_from, mut search_from) = (0, 0);
    while let Some(found) = template[search_from..].find(OPEN) {
        let start = search_from + found;
        let inside = start + OPEN.len();
        search_from = inside;
        // A reference can't contain braces: `${{ a ${{B}}` refers only to B.
        let Some(length) = template[inside..].find(['{', '}']) else { break };
        let end = inside + length;
        if template[end..].starts_with("}}") {
            pieces.push(Piece::Text(&template[text_from..start]));
            pieces.push(Piece::Reference(template[inside..end].trim()));
            text_from = end + 2;
            search_from = text_from;
        }
    }
    pieces.push(Piece::Text(&template[text_from..]));
    pieces
}

#[cfg(test)]
mod tests {
    use crate::io::sim::estate::{Environment, Estate, Project, SimService};
    use crate::io::sim::render::Renderer;

    fn estate(stored: &str) -> Estate {
        let environment = Environment::named("staging")
            .shared(&[("REGION", "eu"), ("HOST", "${{REGION}}.example.org"), ("BACK", "${{api.BACK}}")])
            .service(
                SimService::named("api")
                    .domain("api.up.railway.app")
                    .variables(&[
                        ("IT", stored),
                        ("PLAIN", "plain"),
                        ("EMPTY", ""),
                        ("CHAIN", "<${{Postgres.URL}}>"),
                        ("dotted.name", "dots"),
                        ("LOOP", "l${{POOL}}"),
                        ("POOL", "p${{ LOOP }}"),
                        ("SELF", "s${{SELF}}"),
                        ("BACK", "b${{shared.BACK}}"),
                        ("HALF", "${{KEY}}${{PLAIN}}"),
                    ])
                    .sealed("KEY", "marker-sealed"),
            )
            .service(
                SimService::named("Postgres")
                    .variables(&[("URL", "pg://${{USER}}@${{RAILWAY_PRIVATE_DOMAIN}}/"), ("USER", "postgres")]),
            )
            .service(SimService::named("my.cache v2").variables(&[("URL", "cache")]))
            .service(SimService::named("my").variables(&[("cache v2.URL", "wrong"), ("ONLY", "my")]))
            .service(SimService::named("gone").variables(&[("URL", "gone")]).deleted());
        Estate::of("team").project(Project::named("shop").environment(environment))
    }

    fn rendered(stored: &str) -> Option<String> {
        let estate = estate(stored);
        let (project, environment) = (&estate.projects[0], &estate.projects[0].environments[0]);
        Renderer::new(project, environment).variables(&environment.services[0]).remove("IT").expect("IT is stored")
    }

    #[test]
    fn references_render_like_railway() {
        for (stored, expected) in [
            ("no reference", "no reference"),
            ("", ""),
            ("${{PLAIN}}", "plain"),
            ("${{  PLAIN\t}}", "plain"),
            ("a ${{PLAIN}}-${{ shared.REGION }} z", "a plain-eu z"),
            ("${{shared.HOST}}", "eu.example.org"),
            ("${{EMPTY}}", ""),
            ("${{Postgres.URL}}", "pg://postgres@postgres.railway.internal/"),
            ("${{CHAIN}}", "<pg://postgres@postgres.railway.internal/>"),
            ("${{my.cache v2.URL}}", "cache"),
            ("${{my.ONLY}}", "my"),
            ("${{dotted.name}}", "dots"),
            ("https://${{RAILWAY_PUBLIC_DOMAIN}}", "https://api.up.railway.app"),
            ("${{Postgres.RAILWAY_SERVICE_NAME}}", "Postgres"),
            // Missing parts are empty, not errors.
            ("postgres://${{Postgres.NONE}}:@/", "postgres://:@/"),
            ("${{postgres.URL}}", ""),
            ("${{missing.URL}}", ""),
            ("${{gone.URL}}", ""),
            ("${{shared.NONE}}", ""),
            ("${{shared.RAILWAY_PROJECT_NAME}}", ""),
            ("${{}}", ""),
            ("${{secret(32)}}", ""),
            // Cycles end with an empty value.
            ("${{LOOP}}", "lp"),
            ("${{POOL}}", "pl"),
            ("${{SELF}}", "s"),
            ("${{IT}}", ""),
            ("${{BACK}}", "b"),
            // Not quite references.
            ("${PLAIN}", "${PLAIN}"),
            ("{{PLAIN}}", "{{PLAIN}}"),
            ("${{PLAIN}", "${{PLAIN}"),
            ("${{PLAIN", "${{PLAIN"),
            ("${{ a ${{PLAIN}}", "${{ a plain"),
            ("${{{PLAIN}}", "${{{PLAIN}}"),
            ("€${{PLAIN}}€", "€plain€"),
        ] {
            assert_eq!(rendered(stored).as_deref(), Some(expected), "{stored}");
        }
    }

    #[test]
    fn reference_through_sealed_variable_is_unknown() {
        for stored in ["${{KEY}}", "a${{KEY}}b", "${{PLAIN}}${{HALF}}", "${{KEY}}${{missing.URL}}"] {
            assert_eq!(rendered(stored), None, "{stored}");
        }
    }

    #[test]
    fn cycle_renders_independently_of_order() {
        let estate = estate("${{POOL}}");
        let (project, environment) = (&estate.projects[0], &estate.projects[0].environments[0]);
        let map = Renderer::new(project, environment).variables(&environment.services[0]);
        let found = ["IT", "LOOP", "POOL", "SELF", "BACK"].map(|name| map[name].as_deref());
        assert_eq!(found, ["pl", "lp", "pl", "s", "b"].map(Some));
    }

    #[test]
    fn system_variables_override_and_exist_only_where_applicable() {
        let estate = Estate::of("team").project(
            Project::named("shop").environment(
                Environment::named("staging")
                    .service(SimService::named("My API!").variables(&[("RAILWAY_SERVICE_NAME", "mine")])),
            ),
        );
        let (project, environment) = (&estate.projects[0], &estate.projects[0].environments[0]);
        let map = Renderer::new(project, environment).variables(&environment.services[0]);
        assert_eq!(map["RAILWAY_SERVICE_NAME"].as_deref(), Some("My API!"));
        assert_eq!(map["RAILWAY_PRIVATE_DOMAIN"].as_deref(), Some("my-api.railway.internal"));
        assert_eq!(map["RAILWAY_PROJECT_ID"].as_deref(), Some(project.id.as_str()));
        assert!(!map.contains_key("RAILWAY_PUBLIC_DOMAIN"));
    }

    #[test]
    fn chain_with_many_paths_is_rendered_once() {
        let names: Vec<String> = (0..60).map(|step| format!("STEP_{step}")).collect();
        let mut stored: Vec<(String, String)> = names
            .windows(2)
            .map(|pair| (pair[0].clone(), format!("${{{{{}}}}}${{{{{}.X}}}}${{{{{0}}}}}", pair[1], pair[1])))
            .collect();
        stored.push((names[59].clone(), String::new()));
        let stored: Vec<(&str, &str)> = stored.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let estate = Estate::of("team").project(
            Project::named("shop")
                .environment(Environment::named("staging").service(SimService::named("api").variables(&stored))),
        );
        let (project, environment) = (&estate.projects[0], &estate.projects[0].environments[0]);
        let map = Renderer::new(project, environment).variables(&environment.services[0]);
        assert_eq!(map["STEP_0"].as_deref(), Some(""));
    }
}
