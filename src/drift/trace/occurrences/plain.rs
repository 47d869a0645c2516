//! Replaces a value that a text contains as it is.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::drift::trace::form::UrlPart;
use crate::drift::trace::occurrences::Irreplaceable;
use crate::drift::trace::occurrences::decoded::Coding;
use crate::drift::trace::occurrences::hits::Replacement;
use crate::drift::trace::occurrences::percent::{Percent, Plus, encode_unencoded};

/// Characters that may end a token in connection strings, headers, command lines and lists, besides white space and
/// control characters.
const ENDS: &str = "\"'`;,&\\|<>(){}$#%";

/// Characters that may end a password before an `@`.
const ENDS_OF_USER: &str = "@:/?";

/// How a text that is neither JSON nor a URL is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// As a query: `a=1&b=2`.
    FormData,
    Unknown,
}

/// Returns the new value for the place of the old one in a URL.
pub(super) fn in_url(text: &str, place: &Range<usize>, part: UrlPart, new: &str) -> Replacement {
    let encoded = encode_unencoded(new, &text[place.clone()]);
    let is_kept = *encoded == new;
    let is_readable = is_kept || *Percent::of(&encoded, Plus::Itself).decode(&encoded).text == new;
    // A host is not decoded.
    let fits = if part == UrlPart::Host { is_kept } else { is_readable };
    if fits { Ok(encoded) } else { Err(Irreplaceable::Unencodable) }
}

/// Returns the new value for the place of the old one in other text. Its syntax is unknown, so that a character which
/// may end the value is refused, unless the old value has it, too.
pub(super) fn in_text(text: &str, place: &Range<usize>, syntax: Syntax, new: &str) -> Replacement {
    let old = &text[place.clone()];
    if syntax == Syntax::FormData {
        return Ok(encode_unencoded(new, old));
    }
    let after = text[place.end..].chars().next();
    let may_end = |character: char| {
        character.is_whitespace()
            || character.is_control()
            || ENDS.contains(character)
            || after == Some(character) && !character.is_alphanumeric()
            || after == Some('@') && ENDS_OF_USER.contains(character)
    };
    if new.chars().any(|character| may_end(character) && !old.contains(character)) {
        return Err(Irreplaceable::Unencodable);
    }
    Ok(Zeroizing::new(new.to_owned()))
}

/// Returns how the text is read.
pub(super) fn syntax(text: &str) -> Syntax {
    let is_other = |character: char| character.is_whitespace() || "\"';,".contains(character);
    let has_pairs = text.contains('&') && text.split('&').all(|pair| pair.contains('='));
    if has_pairs && !text.contains(is_other) { Syntax::FormData } else { Syntax::Unknown }
}
