//! The texts in the source, by module: the string literals outside tests that contain words.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ImplItemFn, Item, ItemFn, LitStr, Macro, Meta, Token};

/// Macros whose text is for developers.
const DEVELOPER_MACROS: [&str; 6] = ["assert", "assert_eq", "debug_assert", "panic", "unreachable", "expect"];

/// Returns the texts of each module, in the order of the source.
pub(super) fn table() -> String {
    let mut table = String::new();
    for (module, texts) in &*BY_MODULE {
        writeln!(table, "{module}").expect("writing to a String can't fail");
        for text in texts {
            writeln!(table, "    {}", text.trim_end().replace('\n', "\n    ")).expect("writing to a String can't fail");
        }
        table.push('\n');
    }
    table
}

/// The texts by the file's path below `src`. Parsing all sources takes seconds, so the tests share them.
pub(super) static BY_MODULE: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    read(&root, &root, &mut files);
    files.retain(|_, texts| !texts.is_empty());
    files
});

fn read(folder: &Path, root: &Path, files: &mut BTreeMap<String, Vec<String>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.ends_with("tests") && name != "messages" {
                read(&path, root, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test_file(&name) {
            let mut texts = Texts::default();
            texts.visit_file(&syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap());
            files.insert(name, texts.0);
        }
    }
}

fn is_test_file(name: &str) -> bool {
    ["tests.rs", "test_support.rs"].iter().any(|ending| name.ends_with(ending))
}

#[derive(Default)]
struct Texts(Vec<String>);

impl Texts {
    fn add(&mut self, text: &str) {
        // Names, patterns and operations of GraphQL are not texts.
        if text.trim().contains(' ') && text.chars().any(char::is_alphabetic) && !text.contains("query ") {
            self.0.push(text.to_owned());
        }
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string().contains("test"),
        meta => meta.path().is_ident("test"),
    })
}

impl<'ast> Visit<'ast> for Texts {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(module) => &module.attrs,
            Item::Fn(function) => &function.attrs,
            Item::Impl(implementation) => &implementation.attrs,
            Item::Static(item) => &item.attrs,
            Item::Const(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        if !is_for_tests(&function.attrs) {
            visit::visit_item_fn(self, function);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    /// The help of an argument is in `tests/cli/help.md`.
    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "expect" {
            self.visit_expr(&call.receiver);
        } else {
            visit::visit_expr_method_call(self, call);
        }
    }

    fn visit_lit_str(&mut self, literal: &'ast LitStr) {
        self.add(&literal.value());
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        if DEVELOPER_MACROS.iter().any(|name| invocation.path.is_ident(name)) {
            return;
        }
        let arguments = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(invocation.tokens.clone());
        for argument in arguments.iter().flatten() {
            self.visit_expr(argument);
        }
    }
}
