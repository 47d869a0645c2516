//! The look of prompts: plain text, so that no colour setting applies.

use std::fmt::{Result, Write};

use dialoguer::console::Term;
use dialoguer::theme::Theme;

use crate::io::terminal::text_width::{cut_end, width};

/// A theme without colour.
///
/// dialoguer counts the bytes of an item to determine how many lines to clear, and clears too many for `é` and `→`. So
/// it gets the items' indices, and this theme inserts the texts, cut to the current width of the terminal.
pub(super) struct PlainTheme {
    pub(super) items: Vec<String>,
}

impl PlainTheme {
    /// Returns the item with that index, cut to the columns that are left after that text.
    fn item(&self, index: &str, mark: &str) -> String {
        let text = index.parse().ok().and_then(|index: usize| self.items.get(index)).map_or("", String::as_str);
        let columns = usize::from(Term::stderr().size().1);
        // The last column stays free, because some terminals start a new line after it.
        cut_end(text, columns.saturating_sub(width(mark) + 1))
    }

    fn items(&self, indices: &[&str]) -> String {
        let name = |index: &&str| self.item(index, "").split("  ").next().unwrap_or_default().to_owned();
        let texts: Vec<String> = indices.iter().map(name).collect();
        if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
    }
}

impl Theme for PlainTheme {
    fn format_prompt(&self, f: &mut dyn Write, prompt: &str) -> Result {
        f.write_str(prompt)
    }

    fn format_select_prompt_item(&self, f: &mut dyn Write, index: &str, active: bool) -> Result {
        let mark = if active { "> " } else { "  " };
        write!(f, "{mark}{}", self.item(index, mark))
    }

    fn format_select_prompt_selection(&self, f: &mut dyn Write, prompt: &str, index: &str) -> Result {
        let before = format!("{prompt} ");
        write!(f, "{before}{}", self.item(index, &before))
    }

    fn format_multi_select_prompt_item(&self, f: &mut dyn Write, index: &str, checked: bool, active: bool) -> Result {
        let mark = match (active, checked) {
            (true, true) => "> [x] ",
            (true, false) => "> [ ] ",
            (false, true) => "  [x] ",
            (false, false) => "  [ ] ",
        };
        write!(f, "{mark}{}", self.item(index, mark))
    }

    fn format_multi_select_prompt_selection(&self, f: &mut dyn Write, prompt: &str, indices: &[&str]) -> Result {
        write!(f, "{prompt} {}", self.items(indices))
    }
}
