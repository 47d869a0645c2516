//! Expands `${NAME}` in a value, as loaders and docker compose do.

use std::cell::Cell;

use zeroize::Zeroizing;

use crate::drift::Secret;

/// The maximum number of variables that one expansion replaces. Without a limit, values that each refer to the next one
/// twice would take any time.
const LIMIT: usize = 500;

/// The maximum length of an expanded value, in bytes.
pub const LONGEST: usize = 64 * 1024;

/// A `${…}` in a text.
struct BracedVariable<'t> {
    /// The text before it.
    before: &'t str,
    name: &'t str,
    /// The text after `:-` or `-`.
    default: Option<&'t str>,
    /// The text after it.
    after: &'t str,
}

/// Returns the text with each `${NAME}` replaced by its value from `lookup`, in which variables are replaced, too. A
/// variable may have a default, `${NAME:-default}`, or be required, `${NAME:?message}`. `None` if the text has no
/// variable, one of them has neither a value nor a default, or the result would exceed `longest` bytes.
pub fn expanded<'v>(value: &Secret, longest: usize, lookup: impl Fn(&str) -> Option<&'v Secret>) -> Option<Secret> {
    next(value.expose())?;
    let left = Cell::new(LIMIT);
    let lookup = |name: &str| lookup(name).map(Secret::expose);
    let mut text = expand(value.expose(), longest, &lookup, &left)?;
    Some(Secret::new(std::mem::take(&mut *text)))
}

fn expand<'v>(
    text: &str,
    longest: usize,
    lookup: &dyn Fn(&str) -> Option<&'v str>,
    left: &Cell<usize>,
) -> Option<Zeroizing<String>> {
    let mut result = Zeroizing::new(String::with_capacity(longest.min(text.len() * 2)));
    let mut rest = text;
    while let Some(variable) = next(rest) {
        left.set(left.get().checked_sub(1)?);
        let value = lookup(variable.name).filter(|value| !value.is_empty()).or(variable.default)?;
        result.push_str(variable.before);
        let value = expand(value, longest.checked_sub(result.len())?, lookup, left)?;
        result.push_str(&value);
        rest = variable.after;
    }
    result.push_str(rest);
    (result.len() <= longest).then_some(result)
}

/// Returns the first variable of the text. `${{…}}` is a reference of Railway, not a variable.
fn next(text: &str) -> Option<BracedVariable<'_>> {
    let mut searched = 0;
    loop {
        let start = searched + text[searched..].find("${")?;
        let inner = &text[start + 2..];
        let length = inner.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let (name, operator) = inner.split_at(length);
        let parts = operator.split_once('}').filter(|_| !name.is_empty());
        searched = start + 2;
        let Some((operator, after)) = parts else { continue };
        let default = operator.strip_prefix(":-").or_else(|| operator.strip_prefix('-'));
        let is_required = operator.starts_with(":?") || operator.starts_with('?');
        if operator.is_empty() || default.is_some() || is_required {
            return Some(BracedVariable { before: &text[..start], name, default, after });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use crate::drift::Secret;
    use crate::drift::expansion::{LONGEST, expanded};

    fn expand(text: &str, longest: usize) -> Option<String> {
        let values = [
            ("NAME", "Shop"),
            ("FULL", "The ${NAME}"),
            ("EMPTY", ""),
            ("ONE", "${TWO}${TWO}"),
            ("TWO", "${ONE}${ONE}"),
            ("PRICE", "5$"),
        ];
        let values: HashMap<&str, Secret> = values.map(|(name, value)| (name, Secret::new(value))).into();
        expanded(&Secret::new(text), longest, |name| values.get(name)).map(|value| value.expose().to_owned())
    }

    #[test]
    fn replaces_variables_with_their_values() {
        for (text, expected) in [
            ("${NAME}", "Shop"),
            ("${NAME} mail", "Shop mail"),
            ("a${NAME}b${NAME}c", "aShopbShopc"),
            ("${FULL}!", "The Shop!"),
            ("${NAME:-x}", "Shop"),
            ("${NONE:-x}", "x"),
            ("${NONE-x}", "x"),
            ("${NONE:-}", ""),
            ("${EMPTY:-x}", "x"),
            ("${NONE:-${NAME}", "${NAME"),
            ("${NAME:?unset}", "Shop"),
            ("$5 ${NAME} $NAME", "$5 Shop $NAME"),
            ("${PRICE}", "5$"),
            ("${ ${NAME}", "${ Shop"),
        ] {
            assert_eq!(expand(text, LONGEST).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn leaves_other_text_alone() {
        for text in [
            "",
            "plain",
            "$NAME",
            "${}",
            "${NAME",
            "${NAME:+x}",
            "${{Service.NAME}}",
            "${NONE}",
            "${NONE:?unset}",
            "${EMPTY}",
            "${NAME}${NONE}",
            "${ONE}",
        ] {
            assert_eq!(expand(text, LONGEST), None, "{text}");
        }
        assert_eq!(expand("${NAME}", 4).as_deref(), Some("Shop"));
        assert_eq!(expand("${NAME}", 3), None);
    }
}
