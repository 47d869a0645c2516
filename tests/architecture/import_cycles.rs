//! Checks that imports between the files of `src/` form no cycle, so that each file can be read after those it uses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, Token, UseTree};

/// The path of a module, without `crate`.
pub(crate) type ModulePath = Vec<String>;

/// The modules of a crate, without those for tests.
pub(crate) struct Modules(pub(crate) BTreeMap<ModulePath, syn::File>);

impl Modules {
    pub(crate) fn read(source: &Path) -> Self {
        let mut modules = Self(BTreeMap::new());
        modules.add(Vec::new(), &source.join("lib.rs"), source);
        modules
    }

    fn add(&mut self, path: ModulePath, file: &Path, directory: &Path) {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parsed = syn::parse_file(&text).unwrap();
        for item in &parsed.items {
            let Item::Mod(module) = item else { continue };
            if module.content.is_some() || is_for_tests(&module.attrs) {
                continue;
            }
            let name = module.ident.to_string();
            let inside = directory.join(&name);
            let files = [directory.join(format!("{name}.rs")), inside.join("mod.rs")];
            let file = files.iter().find(|file| file.exists()).unwrap();
            self.add([path.clone(), vec![name]].concat(), file, &inside);
        }
        self.0.insert(path, parsed);
    }

    /// The module that defines the item at a path, following re-exports.
    fn defining(&self, path: &[String]) -> Option<ModulePath> {
        let length = (0..=path.len()).rev().find(|&length| self.0.contains_key(&path[..length]))?;
        let module = path[..length].to_vec();
        let reexported = path.get(length).and_then(|name| self.reexport(&module, name));
        match reexported {
            Some(target) => self.defining(&target),
            None => Some(module),
        }
    }

    /// The path that a module re-exports under a name.
    fn reexport(&self, module: &ModulePath, name: &str) -> Option<ModulePath> {
        self.0[module].items.iter().find_map(|item| {
            let Item::Use(import) = item else { return None };
            if matches!(import.vis, syn::Visibility::Inherited) {
                return None;
            }
            leaves(&import.tree).into_iter().find_map(|leaf| {
                let target = if self.0.contains_key(&[module.clone(), leaf[..1].to_vec()].concat()) {
                    [module.clone(), leaf].concat()
                } else {
                    absolute(&leaf, module)?
                };
                (target.last().is_some_and(|last| last == name)).then_some(target)
            })
        })
    }

    /// The modules that each module imports, except its parents and children.
    fn imports(&self) -> BTreeMap<ModulePath, BTreeSet<ModulePath>> {
        let imports = |(module, file): (&ModulePath, &syn::File)| {
            let mut paths = Paths::default();
            paths.visit_file(file);
            let full = |path: &Vec<String>| match paths.imported.get(&path[0]) {
                Some(import) => absolute(&[import, &path[1..]].concat(), module),
                None => absolute(path, module),
            };
            let used = paths.all.iter().filter_map(|path| self.defining(&full(path)?));
            let used = used.filter(|used| !used.starts_with(module) && !module.starts_with(used));
            (module.clone(), used.collect())
        };
        self.0.iter().map(imports).collect()
    }
}

/// Every path of a file, outside its tests.
#[derive(Default)]
struct Paths {
    all: Vec<Vec<String>>,
    /// Imported name → path.
    imported: BTreeMap<String, Vec<String>>,
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        if !matches!(item, Item::Mod(module) if is_for_tests(&module.attrs)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        if !is_for_tests(&import.attrs) {
            self.imported.extend(names(&import.tree));
            self.all.extend(leaves(&import.tree).into_iter().filter(|path| !path.is_empty()));
        }
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        // Only macros whose arguments are expressions can be parsed, which most are.
        let arguments = call.parse_body_with(Punctuated::<syn::Expr, Token![,]>::parse_terminated);
        let mut inside = Self::default();
        arguments.iter().flatten().for_each(|argument| inside.visit_expr(argument));
        self.all.extend(inside.all);
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if !is_for_tests(&function.attrs) {
            visit::visit_item_fn(self, function);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.all.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }
}

pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_test = |meta: &syn::Path| meta.is_ident("test");
        attribute.path().is_ident("cfg") && attribute.parse_args().is_ok_and(|argument: syn::Path| is_test(&argument))
    })
}

/// The names that an import declares, with their paths.
fn names(tree: &UseTree) -> Vec<(String, Vec<String>)> {
    let own = |name: String| (name.clone(), vec![name]);
    match tree {
        UseTree::Path(path) => {
            let first = path.ident.to_string();
            let below = names(&path.tree).into_iter().map(|(name, rest)| {
                let is_self = name == "self";
                let rest = if is_self { Vec::new() } else { rest };
                (if is_self { first.clone() } else { name }, [vec![first.clone()], rest].concat())
            });
            below.collect()
        }
        UseTree::Name(name) => vec![own(name.ident.to_string())],
        UseTree::Rename(rename) => vec![(rename.rename.to_string(), vec![rename.ident.to_string()])],
        UseTree::Glob(_) => Vec::new(),
        UseTree::Group(group) => group.items.iter().flat_map(names).collect(),
    }
}

/// The paths that an import contains.
pub(crate) fn leaves(tree: &UseTree) -> Vec<Vec<String>> {
    let below = |name: String, tree: &UseTree| {
        leaves(tree).into_iter().map(|rest| [vec![name.clone()], rest].concat()).collect::<Vec<_>>()
    };
    match tree {
        UseTree::Path(path) => below(path.ident.to_string(), &path.tree),
        UseTree::Name(name) if name.ident == "self" => vec![Vec::new()],
        UseTree::Name(name) => vec![vec![name.ident.to_string()]],
        UseTree::Rename(rename) => vec![vec![rename.ident.to_string()]],
        UseTree::Glob(_) => vec![Vec::new()],
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

/// A path from the root of the crate; `None` for paths into other crates and paths that start with an imported name.
fn absolute(path: &[String], module: &ModulePath) -> Option<ModulePath> {
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some([module.clone(), rest.to_vec()].concat()),
        "super" => {
            let parents = path.iter().take_while(|segment| *segment == "super").count();
            let kept = module.len().checked_sub(parents)?;
            Some([&module[..kept], &path[parents..]].concat())
        }
        _ => None,
    }
}

/// The modules that import themselves indirectly, each with its imports that are part of a cycle.
fn in_cycles(imports: &BTreeMap<ModulePath, BTreeSet<ModulePath>>) -> BTreeMap<&ModulePath, Vec<&ModulePath>> {
    let reachable = |start: &ModulePath| {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&ModulePath> = imports[start].iter().collect();
        while let Some(module) = open.pop() {
            if reached.insert(module) {
                open.extend(&imports[module]);
            }
        }
        reached
    };
    let reached: BTreeMap<&ModulePath, BTreeSet<&ModulePath>> =
        imports.keys().map(|module| (module, reachable(module))).collect();
    let cyclic_imports =
        |module: &ModulePath| imports[module].iter().filter(|used| reached[used].contains(module)).collect();
    imports
        .keys()
        .filter(|module| reached[module].contains(module))
        .map(|module| (module, cyclic_imports(module)))
        .collect()
}

#[test]
fn imports_form_no_cycle() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let modules = Modules::read(&source);
    assert!(modules.0.len() > 100, "modules are missing");
    let imports = modules.imports();
    let lines: Vec<String> = in_cycles(&imports)
        .iter()
        .map(|(module, used)| {
            let used: Vec<String> = used.iter().map(|module| module.join("::")).collect();
            format!("{} uses {}", module.join("::"), used.join(", "))
        })
        .collect();
    assert!(lines.is_empty(), "{} files in cycles:\n{}", lines.len(), lines.join("\n"));
}

/// `drift::model` imports no other module, and `drift::dotenv` only the model.
#[test]
fn model_and_env_readers_are_independent() {
    let imports = Modules::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).imports();
    for (directory, allowed) in [("model", &["model"][..]), ("dotenv", &["dotenv", "model"])] {
        let inside =
            |module: &ModulePath, directory: &str| module.starts_with(&["drift".to_owned(), directory.to_owned()]);
        let own: Vec<_> = imports.iter().filter(|(module, _)| inside(module, directory)).collect();
        assert!(own.len() > 10, "modules of {directory} are missing");
        for (module, used) in own.into_iter().flat_map(|(module, used)| used.iter().map(move |used| (module, used))) {
            let is_allowed = allowed.iter().any(|directory| inside(used, directory));
            assert!(is_allowed, "{} uses {}", module.join("::"), used.join("::"));
        }
    }
}

#[test]
fn detects_only_modules_in_a_cycle() {
    let module = |name: &str| vec![name.to_owned()];
    let edges = [("before", "a"), ("a", "b"), ("b", "c"), ("c", "a"), ("c", "after"), ("after", "last")];
    let mut imports: BTreeMap<ModulePath, BTreeSet<ModulePath>> = BTreeMap::new();
    for (from, to) in edges {
        imports.entry(module(from)).or_default().insert(module(to));
        imports.entry(module(to)).or_default();
    }
    let found: Vec<&str> = in_cycles(&imports).into_keys().map(|module| module[0].as_str()).collect();
    assert_eq!(found, ["a", "b", "c"]);
}
