//! Prompts as numbered lines, for screen readers and for terminals that can't move the cursor.

use std::io::{BufRead, Result, Write};

use crate::io::terminal::prompt::{YesNo, ask_yes_or_no, trimmed, yes_or_no};

/// The input that means "go back".
const BACK: &str = "b";

/// Prompts in lines. End of input means "go back".
pub(super) struct Numbered<'s> {
    pub(super) input: &'s mut dyn BufRead,
    pub(super) out: &'s mut dyn Write,
    /// Discards input that was typed before a prompt is repeated.
    pub(super) discard_input: fn(),
}

impl Numbered<'_> {
    pub(super) fn choose(&mut self, prompt: &str, items: &[String], default: usize) -> Result<Option<usize>> {
        self.list(prompt, items)?;
        let ask = format!("choice, or {BACK} to go back [{}]:", default + 1);
        self.until_valid(&ask, |typed| match typed {
            "" => Some(Some(default)),
            BACK => Some(None),
            number => index(number, items).map(Some),
        })
    }

    /// Enter alone accepts the preselected items. Without any, it is not an answer.
    pub(super) fn choose_many(
        &mut self,
        prompt: &str,
        items: &[String],
        picked: &[usize],
    ) -> Result<Option<Vec<usize>>> {
        self.list(prompt, items)?;
        let numbers: Vec<String> = picked.iter().map(|index| (index + 1).to_string()).collect();
        let default = if picked.is_empty() { String::new() } else { format!(" [{}]", numbers.join(" ")) };
        let ask = format!("choices separated by spaces, 0 for none, or {BACK} to go back{default}:");
        self.until_valid(&ask, |typed| match typed {
            "" if picked.is_empty() => None,
            "" => Some(Some(picked.to_vec())),
            "0" => Some(Some(Vec::new())),
            BACK => Some(None),
            numbers => {
                let chosen = numbers.split_whitespace().map(|number| index(number, items));
                let mut chosen: Vec<usize> = chosen.collect::<Option<_>>()?;
                chosen.sort_unstable();
                chosen.dedup();
                Some(Some(chosen))
            }
        })
    }

    pub(super) fn confirm(&mut self, prompt: &str, default: YesNo) -> Result<Option<YesNo>> {
        self.until_valid(&ask_yes_or_no(prompt, default), |typed| match typed {
            BACK => Some(None),
            typed => yes_or_no(typed, default).map(Some),
        })
    }

    /// Enter alone accepts the default text.
    pub(super) fn line(&mut self, prompt: &str, start: &str) -> Result<Option<String>> {
        if start.is_empty() {
            return self.until_valid(prompt, |typed| Some(Some(trimmed(typed))));
        }
        self.until_valid(&format!("{prompt} [{start}]"), |typed| match typed {
            "" => Some(Some(trimmed(start))),
            BACK => Some(None),
            typed => Some(Some(trimmed(typed))),
        })
    }

    fn list(&mut self, prompt: &str, items: &[String]) -> Result<()> {
        writeln!(self.out, "{prompt}")?;
        for (index, item) in items.iter().enumerate() {
            writeln!(self.out, "  {}) {item}", index + 1)?;
        }
        Ok(())
    }

    /// Repeats the prompt until the answer is valid.
    fn until_valid<T>(&mut self, ask: &str, read: impl Fn(&str) -> Option<Option<T>>) -> Result<Option<T>> {
        loop {
            write!(self.out, "{ask} ")?;
            self.out.flush()?;
            let mut typed = String::new();
            if self.input.read_line(&mut typed)? == 0 {
                writeln!(self.out)?;
                return Ok(None);
            }
            // Esc does not end the line here, so Enter follows it.
            if typed.trim() == "\u{1b}" {
                return Ok(None);
            }
            if let Some(answer) = read(typed.trim()) {
                return Ok(answer);
            }
            writeln!(self.out, "invalid answer")?;
            (self.discard_input)();
        }
    }
}

fn index(number: &str, items: &[String]) -> Option<usize> {
    number.parse().ok().and_then(|number: usize| number.checked_sub(1)).filter(|index| *index < items.len())
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::io::Result;

    use crate::io::terminal::prompt::YesNo;
    use crate::io::terminal::prompt::numbered::Numbered;

    /// Returns the answer to the typed lines, and the output.
    fn typed<T: Debug>(typed: &str, ask: impl FnOnce(&mut Numbered<'_>) -> Result<Option<T>>) -> (Option<T>, String) {
        let (mut input, mut out) = (typed.as_bytes(), Vec::new());
        let answer = ask(&mut Numbered { input: &mut input, out: &mut out, discard_input: || {} }).unwrap();
        assert_eq!(input, b"", "unread input");
        (answer, String::from_utf8(out).unwrap())
    }

    fn items() -> Vec<String> {
        ["push", "pull", "skip"].map(str::to_owned).to_vec()
    }

    #[test]
    fn choice_is_selected_by_number() {
        for (keys, expected) in [
            ("2\n", Some(1)),
            ("\n", Some(2)),
            ("b\n", None),
            ("\u{1b}\n", None),
            ("", None),
            ("4\n0\nx\n-1\n 1 \n", Some(0)),
        ] {
            assert_eq!(typed(keys, |lines| lines.choose("Which?", &items(), 2)).0, expected, "{keys:?}");
        }
        let shown = typed("7\n1\n", |lines| lines.choose("Which?", &items(), 2)).1;
        let ask = "choice, or b to go back [3]: ";
        let expected = format!("Which?\n  1) push\n  2) pull\n  3) skip\n{ask}invalid answer\n{ask}");
        assert_eq!(shown, expected);
    }

    #[test]
    fn multiple_choices_are_selected_by_numbers() {
        for (keys, picked, expected) in [
            ("3 1 3\n", &[][..], Some(vec![0, 2])),
            ("0\n", &[], Some(vec![])),
            ("\n1 9\n2\n", &[], Some(vec![1])),
            ("b\n", &[], None),
            ("", &[], None),
            ("\n", &[0, 2], Some(vec![0, 2])),
            ("0\n", &[0, 2], Some(vec![])),
            ("2\n", &[0, 2], Some(vec![1])),
        ] {
            let (answer, shown) = typed(keys, |lines| lines.choose_many("Which?", &items(), picked));
            assert_eq!(answer, expected, "{keys:?} {picked:?}");
            assert_eq!(shown.contains("to go back [1 3]: "), !picked.is_empty(), "{shown}");
        }
    }

    #[test]
    fn confirmation_accepts_full_answer_or_initial() {
        for (keys, default, expected) in [
            ("\n", YesNo::No, Some(YesNo::No)),
            ("\n", YesNo::Yes, Some(YesNo::Yes)),
            ("y\n", YesNo::No, Some(YesNo::Yes)),
            ("maybe\nNO\n", YesNo::Yes, Some(YesNo::No)),
            ("b\n", YesNo::Yes, None),
            ("", YesNo::Yes, None),
        ] {
            assert_eq!(typed(keys, |lines| lines.confirm("Continue?", default)).0, expected, "{keys:?}");
        }
    }

    #[test]
    fn empty_text_answer_uses_default() {
        for (keys, start, expected) in [
            (" because of a test\n", "", Some("because of a test")),
            ("\n", "", Some("")),
            ("", "", None),
            ("b\n", "", Some("b")),
            ("\n", "as ever", Some("as ever")),
            ("not so\n", "as ever", Some("not so")),
            ("\u{1b}\n", "", None),
            ("\u{1b}\n", "as ever", None),
            ("b\n", "as ever", None),
            ("", "as ever", None),
        ] {
            let (answer, shown) = typed(keys, |lines| lines.line("Reason:", start));
            assert_eq!(answer.as_deref(), expected, "{keys:?} {start:?}");
            assert!(shown.starts_with(if start.is_empty() { "Reason: " } else { "Reason: [as ever] " }), "{shown}");
        }
    }
}
