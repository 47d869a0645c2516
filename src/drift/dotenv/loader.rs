//! The supported loaders, and a text as each of them reads it.

use std::collections::HashMap;

use zeroize::Zeroizing;

use crate::drift::dotenv::binding::Binding;
use crate::drift::dotenv::dotenvy_reader::DotenvyReading as RustReading;
use crate::drift::dotenv::python_reader::{Edition, PythonReading};
use crate::drift::dotenv::source_text::{BYTE_ORDER_MARK, Normal};
use crate::drift::dotenv::{dotenvy_reader, node_reader, python_reader, substitution};

/// A library that reads `.env` files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Loader {
    /// dotenvy 0.15 for Rust.
    Dotenvy,
    /// python-dotenv, with substitution, which is its default.
    Python,
    /// dotenv 16 and 17 for node.
    Node,
}

impl Loader {
    /// Every loader, in the order in which reports list them.
    pub const ALL: [Self; 3] = [Self::Dotenvy, Self::Python, Self::Node];

    /// Returns the name in `doctor.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dotenvy => "dotenvy",
            Self::Python => "python",
            Self::Node => "node",
        }
    }

    /// Returns the loader with this name in `doctor.toml`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|loader| loader.name() == name)
    }

    /// Returns the usual name of the library.
    pub fn title(self) -> &'static str {
        match self {
            Self::Dotenvy => "dotenvy",
            Self::Python => "python-dotenv",
            Self::Node => "node's dotenv",
        }
    }
}

/// Whether python-dotenv expands `${NAME}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Substitution {
    /// `interpolate=True`, its default, with an empty process environment.
    FromTheFile,
    /// `interpolate=False`.
    Off,
}

/// A text to be read by the loaders. All offsets in the results refer to the original text.
#[derive(Debug)]
pub struct Body<'t> {
    original: &'t str,
    normal: Normal,
}

impl<'t> Body<'t> {
    /// Prepares a text for all loaders.
    pub fn of(original: &'t str) -> Self {
        Self { original, normal: Normal::of(original) }
    }

    /// Returns whether the text starts with a byte order mark.
    pub fn has_mark(&self) -> bool {
        self.normal.had_mark()
    }

    /// Returns the text as python-dotenv reads it.
    pub fn python(&self, edition: Edition, substitution: Substitution) -> PythonReading {
        // The classic edition does not strip the byte order mark: it becomes part of the first line.
        let mark = if edition == Edition::Classic && self.has_mark() { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        let mut reading = if mark == 0 {
            python_reader::read(self.normal.text(), edition)
        } else {
            let text = Zeroizing::new(format!("{BYTE_ORDER_MARK}{}", self.normal.text()));
            python_reader::read(&text, edition)
        };
        if substitution == Substitution::FromTheFile {
            substitution::substitute(&mut reading.bindings);
        }
        let original = |offset: usize| self.normal.original(offset.saturating_sub(mark));
        relocate(&mut reading.bindings, original);
        for refusal in &mut reading.refusals {
            refusal.at = original(refusal.at);
            refusal.range = original(refusal.range.start)..original(refusal.range.end);
        }
        reading
    }

    /// Returns the text as node's dotenv reads it.
    pub fn node(&self) -> Vec<Binding> {
        let mut bindings = node_reader::read(self.normal.text());
        relocate(&mut bindings, |offset| self.normal.original(offset));
        bindings
    }

    /// Returns the text as dotenvy reads it, with variables expanded from the file alone.
    pub fn rust(&self) -> RustReading {
        let body = self.original.strip_prefix(BYTE_ORDER_MARK).unwrap_or(self.original);
        let skipped = self.original.len() - body.len();
        let mut reading = dotenvy_reader::read(body);
        relocate(&mut reading.bindings, |offset| skipped + offset);
        for refusal in &mut reading.refusals {
            *refusal = skipped + refusal.start..skipped + refusal.end;
        }
        reading
    }

    /// Returns the assignments that the loader reads, in the order of the text, with variables expanded from the file
    /// alone.
    pub fn bindings(&self, loader: Loader) -> Vec<Binding> {
        match loader {
            Loader::Dotenvy => self.rust().bindings,
            Loader::Python => self.python(Edition::Current, Substitution::FromTheFile).bindings,
            Loader::Node => self.node(),
        }
    }
}

fn relocate(bindings: &mut [Binding], original: impl Fn(usize) -> usize) {
    for binding in bindings {
        for range in [&mut binding.key_span, &mut binding.span, &mut binding.statement] {
            *range = original(range.start)..original(range.end);
        }
    }
}

/// Returns the effective binding of each key if the last one wins, as in python-dotenv and node's dotenv.
pub fn last_wins(bindings: &[Binding]) -> HashMap<&str, &Binding> {
    bindings.iter().map(|binding| (binding.key.as_str(), binding)).collect()
}

/// Returns the effective binding of each key if the first one wins, as in `dotenvy::dotenv()`, which never overwrites a
/// variable.
pub fn first_wins(bindings: &[Binding]) -> HashMap<&str, &Binding> {
    bindings.iter().rev().map(|binding| (binding.key.as_str(), binding)).collect()
}
