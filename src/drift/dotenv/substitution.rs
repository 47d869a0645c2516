//! python-dotenv's expansion of `${NAME}` and `${NAME:-default}`, with an empty process environment.
//!
//! It follows `variables.py` of <https://github.com/theskumar/python-dotenv>. python-dotenv expands by default, in
//! every value however it is quoted. It also reads a Railway reference `${{Service.NAME}}` as a variable, named
//! `{Service.NAME`.

use std::collections::HashMap;

use crate::drift::Secret;
use crate::drift::dotenv::binding::Binding;

/// The number of bytes that expansion may add to one file. Without a limit, forty lines that each refer to the previous
/// one twice would exhaust any memory.
pub const LIMIT: usize = 16 << 20;

/// Expands the value of each binding, in order. The value that exceeds the limit, and every later one with a variable,
/// becomes `None`.
pub fn substitute(bindings: &mut [Binding]) {
    if !bindings.iter().filter_map(|binding| binding.value.as_ref()).any(is_live) {
        return;
    }
    let mut known: HashMap<String, Option<Secret>> = HashMap::new();
    let mut left = Some(LIMIT);
    for binding in bindings {
        binding.value = binding.value.as_ref().and_then(|value| expand(value, &known, &mut left));
        known.insert(binding.key.clone(), binding.value.clone());
    }
}

/// Returns whether the value has a variable to expand.
fn is_live(value: &Secret) -> bool {
    value.expose().contains("${")
}

fn expand(value: &Secret, known: &HashMap<String, Option<Secret>>, left: &mut Option<usize>) -> Option<Secret> {
    let text = value.expose();
    if !is_live(value) {
        return Some(value.clone());
    }
    let mut output = String::with_capacity(text.len());
    let mut copied = 0;
    for variable in variables(text) {
        output.push_str(&text[copied..variable.start]);
        copied = variable.end;
        let insert = match known.get(variable.name) {
            Some(known) => known.as_ref().map_or("", |known| known.expose()),
            None => variable.default.unwrap_or_default(),
        };
        *left = left.and_then(|left| left.checked_sub(insert.len()));
        (*left)?;
        output.push_str(insert);
    }
    output.push_str(&text[copied..]);
    Some(Secret::new(output))
}

struct BracedVariable<'t> {
    start: usize,
    end: usize,
    name: &'t str,
    default: Option<&'t str>,
}

/// Returns every `\$\{([^\}:]*)(?::-([^\}]*))?\}`, from left to right.
fn variables(text: &str) -> Vec<BracedVariable<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    // The end of the current name. All `${` before it share it, so that each byte is searched only once.
    let mut stop = 0;
    while let Some(start) = text[at..].find("${").map(|offset| at + offset) {
        let name = start + 2;
        if stop < name {
            let Some(next) = text[name..].find(['}', ':']) else { break };
            stop = name + next;
        }
        at = name;
        let mut variable = BracedVariable { start, end: stop + 1, name: &text[name..stop], default: None };
        if text[stop..].starts_with(':') {
            let Some(default) = text[stop..].strip_prefix(":-") else { continue };
            let Some(length) = default.find('}') else { break };
            variable.default = Some(&default[..length]);
            variable.end = stop + 2 + length + 1;
        }
        at = variable.end;
        found.push(variable);
    }
    found
}
