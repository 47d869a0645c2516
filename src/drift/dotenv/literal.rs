//! The values as written: where python-dotenv and node's dotenv agree, theirs; else python-dotenv's, else node's.

use std::cell::LazyCell;
use std::collections::HashMap;

use crate::drift::dotenv::binding::Binding;
use crate::drift::dotenv::loader::{Body, Substitution, last_wins};
use crate::drift::dotenv::python_reader::Edition;

/// The assignments of a text in its order, and the index of the one that counts for each key.
pub struct Literal {
    /// Every assignment that one of the two reads; each has a value.
    pub bindings: Vec<Binding>,
    /// Key → index.
    pub last: HashMap<String, usize>,
}

impl Literal {
    /// What both read alike, where the last assignment of a key counts.
    pub fn of(bindings: Vec<Binding>) -> Self {
        let last = bindings.iter().enumerate().map(|(index, binding)| (binding.key.clone(), index)).collect();
        Self { bindings, last }
    }
}

/// Whether there is nothing to put together: both take the same values from the same places.
pub fn is_one(python: &[Binding], node: &[Binding]) -> bool {
    let same = |(one, other): (&Binding, &Binding)| {
        one.key_span == other.key_span && one.key == other.key && one.value.is_some() && one.value == other.value
    };
    python.len() == node.len() && python.iter().zip(node).all(same)
}

/// Puts the two readings together. `python` is the current edition's, nothing substituted.
pub fn merge(body: &Body<'_>, python: &[Binding], node: &[Binding]) -> Literal {
    let mut merged = Literal::of(interleave(python, node));
    settle(body, python, node, &mut merged);
    merged
}

/// By position: python-dotenv's reading, and node's where python-dotenv has no value.
fn interleave(python: &[Binding], node: &[Binding]) -> Vec<Binding> {
    let mut bindings = Vec::with_capacity(python.len().max(node.len()));
    let mut others = node.iter().peekable();
    for binding in python.iter().filter(|binding| binding.value.is_some()) {
        while let Some(other) = others.next_if(|other| other.key_span.start <= binding.key_span.start) {
            let same = other.key_span.start == binding.key_span.start && other.key == binding.key;
            if !same {
                bindings.push(other.clone());
            }
        }
        bindings.push(binding.clone());
    }
    bindings.extend(others.cloned());
    bindings
}

/// Where some edition of python-dotenv and node's dotenv give a key the same value, that is its value, whatever else
/// stands further down that only one of them reads.
fn settle(body: &Body<'_>, python: &[Binding], node: &[Binding], Literal { bindings, last }: &mut Literal) {
    // Most files need neither: a classic reading is as dear as the current one.
    let current = LazyCell::new(|| last_wins(python));
    let classic = LazyCell::new(|| body.python(Edition::Classic, Substitution::Off));
    let classic = LazyCell::new(|| last_wins(&classic.bindings));
    for (key, agreed) in last_wins(node) {
        let Some(&index) = last.get(key) else { continue };
        let backs =
            |edition: &HashMap<&str, &Binding>| edition.get(key).is_some_and(|other| other.value == agreed.value);
        if bindings[index].value == agreed.value || !(backs(&current) || backs(&classic)) {
            continue;
        }
        let from = bindings.partition_point(|binding| binding.key_span.start < agreed.key_span.start);
        let place = bindings[from..].iter().position(|binding| binding.key == key).map_or(index, |at| from + at);
        bindings[place].clone_from(agreed);
        last.insert(key.to_owned(), place);
    }
}
