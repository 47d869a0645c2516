//! Merges the readings of python-dotenv and node's dotenv: the value on which both agree, or else python-dotenv's, or
//! else node's.

use std::cell::LazyCell;
use std::collections::HashMap;

use crate::drift::dotenv::binding::Binding;
use crate::drift::dotenv::loader::{Body, Substitution, last_wins};
use crate::drift::dotenv::python_reader::Edition;

/// The assignments of a text in its order, and the index of the effective one for each key.
pub struct Literal {
    /// Every assignment that one of the two loaders reads; each has a value.
    pub bindings: Vec<Binding>,
    /// Key → index.
    pub last: HashMap<String, usize>,
}

impl Literal {
    /// Creates the result for bindings that both read the same; the last assignment of a key is the effective one.
    pub fn of(bindings: Vec<Binding>) -> Self {
        let last = bindings.iter().enumerate().map(|(index, binding)| (binding.key.clone(), index)).collect();
        Self { bindings, last }
    }
}

/// Returns whether no merge is needed, because both read the same values at the same offsets.
pub fn are_equal(python: &[Binding], node: &[Binding]) -> bool {
    let same = |(one, other): (&Binding, &Binding)| {
        one.key_span == other.key_span && one.key == other.key && one.value.is_some() && one.value == other.value
    };
    python.len() == node.len() && python.iter().zip(node).all(same)
}

/// Merges the two readings. `python` is the reading of the current edition, without substitution.
pub fn merge(body: &Body<'_>, python: &[Binding], node: &[Binding]) -> Literal {
    let mut merged = Literal::of(interleave(python, node));
    merge_effective(body, python, node, &mut merged);
    merged
}

/// Merges by offset: python-dotenv's reading, and node's where python-dotenv has no value.
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

/// If node's dotenv and some edition of python-dotenv end up with the same value for a key, this value is effective,
/// even if a later assignment exists that only one of them reads.
fn merge_effective(body: &Body<'_>, python: &[Binding], node: &[Binding], Literal { bindings, last }: &mut Literal) {
    // Lazy, because most files need neither, and another edition means another parse.
    let current = LazyCell::new(|| last_wins(python));
    let classic = LazyCell::new(|| body.python(Edition::Classic, Substitution::Off));
    let classic = LazyCell::new(|| last_wins(&classic.bindings));
    for (key, agreed) in last_wins(node) {
        let Some(&index) = last.get(key) else { continue };
        let has_value =
            |edition: &HashMap<&str, &Binding>| edition.get(key).is_some_and(|other| other.value == agreed.value);
        if bindings[index].value == agreed.value || !(has_value(&current) || has_value(&classic)) {
            continue;
        }
        let from = bindings.partition_point(|binding| binding.key_span.start < agreed.key_span.start);
        let place = bindings[from..].iter().position(|binding| binding.key == key).map_or(index, |at| from + at);
        bindings[place].clone_from(agreed);
        last.insert(key.to_owned(), place);
    }
}
