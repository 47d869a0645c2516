//! Finds a value in a text, as it is and in every usual encoding, and replaces it there.
//!
//! A text is decoded layer by layer: the strings of JSON, the parts of URLs, base64. Each decoded text has a map to its
//! source. A match in the decoded text becomes a match in the source, and a replacement is encoded on the way back. So
//! only the bytes of the value change, with one exception: base64 is encoded again as a whole, because a value of
//! another length moves everything behind it.

mod base64_encoding;
mod base64_run;
mod decoded;
mod hex_case;
mod hits;
mod json;
mod percent;
mod plain;
mod search;
#[cfg(test)]
mod tests;
mod token;
mod url;

use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::drift::reference;
use crate::drift::trace::form::Form;
use crate::drift::trace::occurrences::hits::Hits;
use crate::drift::trace::occurrences::search::Search;

/// Stands for each byte of a reference `${{ … }}`, in which no value is searched for. It is neither part of a word nor
/// special in a URL, in JSON or in base64.
const MASK: &str = "~";

/// Why a value can't be replaced in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Irreplaceable {
    /// The new value can't be written in the place of the old one so that a reader gets exactly it.
    Unencodable,
}

/// What is directly around a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Surroundings {
    Url,
    Other,
}

/// Returns the forms in which the text contains the value, without repetition; empty if it does not.
///
/// An occurrence is a whole token: `prod-key-1` does not occur in `prod-key-12`, nor in `prod-key-1-old`.
pub fn find(text: &str, value: &Secret) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    for layers in hits(text, &mut Search::new(value.expose(), None)).forms() {
        if !forms.iter().any(|form| form.layers == *layers) {
            forms.push(Form { layers: layers.clone() });
        }
    }
    forms
}

/// Returns the text with every occurrence of the old value replaced by the new one, in the same encoding. All other
/// bytes stay identical. `None` if the text does not contain the old value.
///
/// # Errors
///
/// If an occurrence can't be replaced.
pub fn replace(text: &str, old: &Secret, new: &Secret) -> Result<Option<Secret>, Irreplaceable> {
    let mut search = Search::new(old.expose(), Some(new.expose()));
    let hits = hits(text, &mut search);
    if hits.is_empty() {
        return Ok(None);
    }
    if old == new {
        return Ok(Some(Secret::new(text)));
    }
    let mut result = hits.splice(text)?;
    // A new value that contains the old one does so in the result, too.
    let is_expected_to_remain = new.expose().contains(old.expose()) || !find(new.expose(), old).is_empty();
    if search.is_exhausted() || (!is_expected_to_remain && !find(&result, old).is_empty()) {
        return Err(Irreplaceable::Unencodable);
    }
    Ok(Some(Secret::new(std::mem::take(&mut *result))))
}

/// Returns the occurrences in the text, outside its references.
fn hits(text: &str, search: &mut Search) -> Hits {
    let references: Vec<_> = reference::occurrences(text).into_iter().map(|reference| reference.span).collect();
    if references.is_empty() || text == search.old() {
        return search.scan(text);
    }
    let mut masked = Zeroizing::new(text.to_owned());
    for span in &references {
        masked.replace_range(span.clone(), &MASK.repeat(span.len()));
    }
    let mut hits = search.scan(&masked);
    hits.remove_in(&references);
    hits
}
