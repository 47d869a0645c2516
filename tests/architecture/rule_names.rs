//! Checks that code specific to a rule is in its file, and that other code does not name the rule.

use std::collections::BTreeSet;
use std::path::Path;

use railway_doctor::drift::rules::RULES;
use syn::visit::{self, Visit};
use syn::{Item, ItemUse, LitStr, Macro};

use crate::import_cycles::{Modules, is_for_tests, leaves};

/// Names of rules that have another meaning, too: the state of a variable, a remedy, a kind of error.
const HOMONYMS: &[&str] = &["sealed", "start-command", "staged-changes"];

/// The rules that one file names, outside its tests and comments.
#[derive(Default)]
struct RuleNames {
    /// String literals that are the name or the code of a rule.
    literals: BTreeSet<&'static str>,
    /// Rules whose module it refers to, as in `rules::value_differs`.
    modules: BTreeSet<&'static str>,
}

impl RuleNames {
    fn add_path(&mut self, segments: &[String]) {
        for rule in RULES {
            let module = rule.name.replace('-', "_");
            if segments.windows(2).any(|pair| pair[0] == "rules" && pair[1] == module) {
                self.modules.insert(rule.name);
            }
        }
    }
}

impl<'ast> Visit<'ast> for RuleNames {
    fn visit_item(&mut self, item: &'ast Item) {
        if !matches!(item, Item::Mod(module) if is_for_tests(&module.attrs)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        if !is_for_tests(&import.attrs) {
            for path in leaves(&import.tree) {
                self.add_path(&path);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.add_path(&segments);
        visit::visit_path(self, path);
    }

    fn visit_lit_str(&mut self, literal: &'ast LitStr) {
        let value = literal.value();
        let is_named = |word: &str| value == word && !HOMONYMS.contains(&word);
        self.literals.extend(RULES.iter().flat_map(|rule| [rule.name, rule.code]).filter(|word| is_named(word)));
    }

    /// Macro arguments are tokens separated by spaces.
    fn visit_macro(&mut self, invocation: &'ast Macro) {
        let tokens = invocation.tokens.to_string();
        let words: Vec<&str> = tokens.split_whitespace().collect();
        for rule in RULES {
            let is_quoted = |word: &&str| tokens.contains(&format!("\"{word}\"")) && !HOMONYMS.contains(word);
            self.literals.extend([rule.name, rule.code].into_iter().filter(is_quoted));
            if words.windows(3).any(|part| part == ["rules", "::", &rule.name.replace('-', "_")]) {
                self.modules.insert(rule.name);
            }
        }
        visit::visit_macro(self, invocation);
    }
}

#[test]
fn only_its_own_file_names_a_rule() {
    let modules = Modules::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    for (module, file) in &modules.0 {
        let mut names = RuleNames::default();
        names.visit_file(file);
        match module.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            // The list of all rules.
            ["drift", "rules"] => continue,
            ["drift", "rules", file] => {
                let own = RULES.iter().find(|rule| rule.name.replace('-', "_") == *file).unwrap();
                names.literals.retain(|word| ![own.name, own.code].contains(word));
                // A rule may declare its relation to another one.
                names.modules.clear();
            }
            _ => {}
        }
        let (literals, modules) = (&names.literals, &names.modules);
        assert!(
            literals.is_empty() && modules.is_empty(),
            "{} names rules: {literals:?} {modules:?}; declare the property that it needs in the rules",
            module.join("::")
        );
    }
}
