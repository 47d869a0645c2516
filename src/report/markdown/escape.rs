//! Names, commands and text in Markdown. None of them can link to, mention or close anything.

use std::fmt::Write as _;

use crate::report::escape;

/// Returns a name as code. One with special characters is written as HTML, because backticks around it could run in a
/// shell.
pub(crate) fn code(name: &str) -> String {
    let name = escape::line(name);
    let is_plain =
        |character: char| character.is_alphanumeric() || "._-/:+@,=#%".contains(character) || !character.is_ascii();
    if !name.is_empty() && name.chars().all(is_plain) {
        return format!("`{name}`");
    }
    html_code(&name)
}

/// Returns a name as HTML code without any syntax. Sites detect mentions, issues and URLs only outside of code, and
/// character references are never parsed as Markdown.
pub(crate) fn html_code(name: &str) -> String {
    let escaped = escape::line(name);
    let mut coded = String::with_capacity(escaped.len() + 13);
    coded.push_str("<code>");
    let characters: Vec<char> = escaped.chars().collect();
    for (index, &character) in characters.iter().enumerate() {
        let is_inside = || {
            let is_letter = |at: Option<&char>| at.is_some_and(char::is_ascii_alphanumeric);
            let before = index.checked_sub(1).and_then(|before| characters.get(before));
            is_letter(before) && is_letter(characters.get(index + 1))
        };
        match character {
            // An underscore inside a word is no emphasis, and the source of the table stays readable.
            '_' if is_inside() => coded.push('_'),
            _ if character.is_alphanumeric() || matches!(character, '-' | ' ') => coded.push(character),
            _ => {
                let _ = write!(coded, "&#{};", u32::from(character));
            }
        }
    }
    coded.push_str("</code>");
    coded
}

/// Returns a command to copy, as code: only backticks, and the bars of a table, have a meaning in it.
pub(crate) fn command(line: &str) -> String {
    let line = escape::line(line).replace('|', "\\|");
    let longest = line.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // Markdown removes one space at both ends, which separates a backtick from the fence.
    let pad = if longest > 0 || line.is_empty() { " " } else { "" };
    format!("{fence}{pad}{line}{pad}{fence}")
}

/// Escapes text: no part of it can be a link, a mention, a reference to an issue, or HTML.
pub(crate) fn plain(text: &str) -> String {
    let text = escape::line(text);
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // An HTML comment prevents GitHub from detecting a mention, a reference or a URL.
            '@' | '#' | ':' => write!(out, "{character}<!-- -->").expect("writing to a String can't fail"),
            '\\' | '`' | '*' | '_' | '~' | '[' | ']' | '(' | ')' | '!' | '|' | '$' => {
                out.push('\\');
                out.push(character);
            }
            character => out.push(character),
        }
    }
    out.replace("www.", "www<!-- -->.")
}

#[cfg(test)]
mod tests {
    use super::{code, command, plain};

    #[test]
    fn any_name_is_rendered_as_code() {
        for (name, expected) in [
            ("a", "`a`"),
            (".env:3", "`.env:3`"),
            ("größe", "`größe`"),
            ("a|b", "<code>a&#124;b</code>"),
            ("a`b``c", "<code>a&#96;b&#96;&#96;c</code>"),
            ("touch owned;.env", "<code>touch owned&#59;&#46;env</code>"),
            ("$(id)<b>&", "<code>&#36;&#40;id&#41;&#60;b&#62;&#38;</code>"),
            ("*a* _b_", "<code>&#42;a&#42; &#95;b&#95;</code>"),
            ("", "<code></code>"),
            ("a\nb", "<code>a&#92;nb</code>"),
        ] {
            assert_eq!(code(name), expected);
        }
    }

    #[test]
    fn any_command_can_be_copied() {
        for (line, expected) in [
            ("doctor fix --only 'a b'", "`doctor fix --only 'a b'`"),
            ("a|b", "`a\\|b`"),
            ("a`b``c", "``` a`b``c ```"),
            ("", "`  `"),
        ] {
            assert_eq!(command(line), expected);
        }
    }

    #[test]
    fn text_cannot_mention_users_or_create_links() {
        assert_eq!(plain("@team <b>#1 a:b"), "@<!-- -->team &lt;b&gt;#<!-- -->1 a:<!-- -->b");
        assert_eq!(plain("[x](http://y) www.z ![i]"), "\\[x\\]\\(http:<!-- -->//y\\) www<!-- -->.z \\!\\[i\\]");
        assert_eq!(plain("a|b *c* _d_ `e` ~f~ $g$"), "a\\|b \\*c\\* \\_d\\_ \\`e\\` \\~f\\~ \\$g\\$");
    }
}
