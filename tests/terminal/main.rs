//! Prompts, progress and Ctrl-C on a pseudo-terminal: what the screen shows, and how the terminal is left.
#![cfg(unix)]
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "the test starts its binary on a pseudo-terminal")]

mod pseudo_terminal;
mod scenario;
#[path = "../shared/test_each.rs"]
mod test_each;

use std::thread;
use std::time::Duration;

use crate::pseudo_terminal::PseudoTerminal;
use crate::test_each::test_each;

#[test]
fn arrows_select_one_option_and_leave_one_line() {
    let mut terminal = PseudoTerminal::start("choose", "xterm-256color", 60);
    terminal.wait_for("  skip");
    for _ in 0..3 {
        terminal.press("\u{1b}[B");
        thread::sleep(Duration::from_millis(50));
    }
    terminal.press("\u{1b}[B");
    let text = terminal.wait_for("> pull");
    let cut = format!("> pull Railway → .env, {}…", "é".repeat(35));
    let expected = ["A choice:", "  push .env → Railway", &cut, "  skip"];
    assert!(text.contains(&expected.join("\n")), "{text}");
    terminal.press("\r");
    let text = terminal.end();
    assert!(text.contains("A choice: pull Railway → .env, ééé") && text.contains("item 1\ncode 0"), "{text}");
    assert!(!text.contains("skip"), "{text}");
}

#[test]
fn hyperlinks_require_a_supporting_terminal() {
    let cases = [("xterm-kitty", true), ("alacritty", true), ("xterm-256color", false), ("dumb", false)];
    test_each(cases, |(term, links)| {
        let text = PseudoTerminal::start("links", term, 80).end();
        assert!(text.contains(&format!("links {links}\ncode 0")), "{term}\n{text}");
    });
}

#[test]
fn space_selects_several() {
    let mut terminal = PseudoTerminal::start("choose-many", "xterm-256color", 80);
    terminal.wait_for("skip");
    terminal.press(" ");
    let text = terminal.wait_for("> [x] push");
    assert!(text.contains("\n  [x] skip"), "the default is not selected\n{text}");
    terminal.press("\r");
    assert!(terminal.end().contains("items [0, 2]\ncode 0"));
}

#[test]
fn long_question_is_shown_once() {
    let mut terminal = PseudoTerminal::start("confirm", "xterm-256color", 60);
    terminal.wait_for("[y/N]");
    terminal.press("y\r");
    let text = terminal.end();
    assert_eq!(text.replace('\n', " ").matches("Is this right").count(), 3, "{text}");
    assert!(text.contains("Yes\ncode 0"), "{text}");
}

#[test]
fn confirmation_needs_enter_and_shows_what_was_typed() {
    let mut terminal = PseudoTerminal::start("confirm", "xterm-256color", 80);
    terminal.wait_for("[y/N]");
    terminal.press("y");
    terminal.wait_for("[y/N] y");
    thread::sleep(Duration::from_millis(200));
    assert!(!terminal.text().contains("Yes"), "y alone confirmed\n{}", terminal.text());
    terminal.press("e\r");
    terminal.wait_for("invalid answer: type y or n");
    terminal.press("\r");
    assert!(terminal.end().contains("No\ncode 0"));
}

#[test]
fn input_before_a_prompt_is_discarded() {
    let cases = [
        ("xterm-256color", "[y/N]", "y\r", "No\ncode 0"),
        ("xterm-256color", "[y/N]", "yes\ryes\r", "No\ncode 0"),
        ("dumb", "[y/N]", "y\n", "No\ncode 0"),
        ("xterm-256color", "[y/N]", "\u{1b}", "No\ncode 0"),
    ];
    test_each(cases, |(term, shown, keys, expected)| {
        let mut terminal = PseudoTerminal::start("late-confirm", term, 80);
        terminal.wait_for("querying Railway");
        terminal.press(keys);
        terminal.wait_for(shown);
        thread::sleep(Duration::from_millis(200));
        assert!(!terminal.text().contains("code"), "{term} {keys:?}\n{}", terminal.text());
        terminal.press("\r");
        assert!(terminal.end().contains(expected), "{term} {keys:?}\n{}", terminal.text());
    });
    let mut terminal = PseudoTerminal::start("line-then-confirm", "xterm-256color", 80);
    terminal.wait_for("The reason:");
    terminal.press("a reason\ry\ry\r");
    terminal.wait_for("[y/N]");
    thread::sleep(Duration::from_millis(200));
    terminal.press("\r");
    assert!(terminal.end().contains("line a reason"), "{}", terminal.text());
    assert!(terminal.text().contains("No\ncode 0"), "{}", terminal.text());
}

#[test]
fn typed_line_is_returned() {
    let cases = [
        ("line", "new text\r", "line new text\ncode 0"),
        ("line", "\r", "line \ncode 0"),
        ("line-from", "\r", "line old text\ncode 0"),
        ("line-from", "\u{7f}\u{7f}\u{7f}\u{7f}name\r", "line old name\ncode 0"),
    ];
    test_each(cases, |(scenario, keys, expected)| {
        let mut terminal = PseudoTerminal::start(scenario, "xterm-256color", 80);
        terminal.wait_for("The reason:");
        terminal.press(keys);
        assert!(terminal.end().contains(expected), "{keys:?}");
    });
}

#[test]
fn escape_goes_back_in_every_terminal() {
    let cases = [
        ("choose", "skip", "xterm-256color", 80, "\u{1b}"),
        ("choose-many", "skip", "xterm-256color", 80, "\u{1b}"),
        ("confirm", "[y/N]", "xterm-256color", 80, "\u{1b}"),
        ("line", "The reason:", "xterm-256color", 80, "\u{1b}"),
        ("line-from", "The reason:", "xterm-256color", 80, "\u{1b}"),
        ("secret", "The token:", "xterm-256color", 80, "\u{1b}"),
        ("secret", "The token:", "xterm-256color", 80, "secret\u{1b}"),
        ("secret", "The token:", "dumb", 80, "\u{1b}"),
        ("line", "The reason:", "xterm-256color", 80, "\u{1b}\u{1b}"),
        ("line", "The reason:", "dumb", 80, "\u{1b}\n"),
        ("line-from", "The reason:", "dumb", 80, "\u{1b}\n"),
        ("choose", "choice, or b", "dumb", 80, "\u{1b}\n"),
        ("choose", "> push", "xterm-256color", 20, "\u{1b}"),
        ("choose-many", "> [ ] push", "xterm-256color", 20, "\u{1b}"),
        ("confirm", "[y/N]", "xterm-256color", 20, "\u{1b}"),
    ];
    test_each(cases, |(scenario, shown, term, columns, keys)| {
        let mut terminal = PseudoTerminal::start(scenario, term, columns);
        terminal.wait_for(shown);
        terminal.press(keys);
        let text = terminal.end();
        assert!(text.contains("back\ncode 0"), "{scenario} {term} {columns}\n{text}");
        assert!(!text.contains("secret"), "{scenario} {term} {columns}\n{text}");
    });
}

#[test]
fn pasted_token_is_never_shown() {
    let cases = ["xterm-256color", "dumb"];
    test_each(cases, |term| {
        let mut terminal = PseudoTerminal::start("secret", term, 80);
        terminal.wait_for("The token:");
        terminal.press(&"pasted-token-".repeat(100));
        thread::sleep(Duration::from_millis(100));
        terminal.press("end\r");
        let text = terminal.end();
        assert!(text.contains("1303 characters\ncode 0"), "{term}\n{text}");
        assert!(!text.contains("pasted"), "{term}\n{text}");
    });
}

#[test]
fn long_pasted_line_stays_on_one_row() {
    let cases = [20, 80];
    test_each(cases, |columns| {
        let mut terminal = PseudoTerminal::start("line", "xterm-256color", columns);
        terminal.wait_for("The reason:");
        terminal.press(&format!("{}日本語 the end", "é".repeat(300)));
        terminal.wait_for("the end");
        // Above it is a line of the test harness.
        let rows = terminal.text().lines().filter(|row| !row.is_empty()).count();
        assert_eq!(rows, 2, "{}", terminal.text());
        // To the start and back, then the last word is replaced.
        terminal.press("\u{1b}[H\u{1b}[F\u{17}finish\u{1b}[H\u{1b}[3~x\r");
        let expected = format!("line x{}日本語 the finish", "é".repeat(299));
        let text = terminal.end();
        assert!(text.replace('\n', "").contains(&expected), "{columns}\n{text}");
    });
}

#[test]
fn default_text_can_be_edited_or_replaced() {
    let cases = [
        ("\u{15}another\r", "line another"),
        ("\u{1b}[H\u{b}another\r", "line another"),
        ("\u{17}name\r", "line old name"),
        ("\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[Dx\u{1b}[1;5Cy\r", "line old xytext"),
    ];
    test_each(cases, |(keys, expected)| {
        let mut terminal = PseudoTerminal::start("line-from", "xterm-256color", 80);
        terminal.wait_for("The reason: old text");
        terminal.press(keys);
        let text = terminal.end();
        assert!(text.contains(&format!("{expected}\ncode 0")), "{keys:?}\n{text}");
    });
}

#[test]
fn default_of_a_confirmation_is_shown_after_enter() {
    let mut terminal = PseudoTerminal::start("confirm", "xterm-256color", 80);
    terminal.wait_for("[y/N]");
    terminal.press("\r");
    assert!(terminal.end().contains("[y/N] no\nNo\ncode 0"), "{}", terminal.text());
}

#[test]
fn narrow_terminal_lists_cut_choices_in_full() {
    let mut terminal = PseudoTerminal::start("choose-then-confirm", "xterm-256color", 20);
    let text = terminal.wait_for("> push .env");
    assert!(text.contains("- push .env →\n  Railway\n- pull Railway →\n  .env,"), "{text}");
    assert!(text.contains("\nWhat would you\nlike to do?\n> push .env → Rail…\n"), "{text}");
    terminal.press("\r");
    let text = terminal.wait_for("[y/N]");
    assert!(text.contains("\nlike to do? push .…\nitem 0\nContinue? [y/N]"), "{text}");
    terminal.press("\u{1b}");
    assert!(terminal.end().contains("back\ncode 0"));
}

#[test]
fn ctrl_c_at_any_prompt_restores_the_terminal() {
    let cases = [
        ("choose", "skip", "xterm-256color"),
        ("choose-many", "skip", "xterm-256color"),
        ("confirm", "[y/N]", "xterm-256color"),
        ("line", "The reason:", "xterm-256color"),
        ("secret", "The token:", "xterm-256color"),
        ("choose", "choice, or b", "dumb"),
        ("line", "The reason:", "dumb"),
        ("spinner", "querying Railway", "xterm-256color"),
    ];
    test_each(cases, |(scenario, shown, term)| {
        let mut terminal = PseudoTerminal::start(scenario, term, 80);
        terminal.wait_for(shown);
        thread::sleep(Duration::from_millis(50));
        terminal.press("\u{3}");
        let text = terminal.end();
        assert_eq!(text.matches("interrupted").count(), 1, "{scenario} {term}\n{text}");
        assert!(text.contains("\ndoctor: interrupted; nothing was changed\ncode 130"), "{scenario} {term}\n{text}");
    });
}

#[test]
fn signal_at_a_prompt_restores_the_terminal() {
    let cases = ["-INT", "-TERM"];
    test_each(cases, |signal| {
        let terminal = PseudoTerminal::start("choose-as", "xterm-256color", 80);
        let text = terminal.wait_for("skip");
        let process = text.lines().find_map(|line| line.strip_prefix("process ")).unwrap();
        // The signal goes to the process, so a thread other than the one that reads keys receives it.
        assert!(std::process::Command::new("kill").args([signal, process]).status().unwrap().success());
        let text = terminal.end();
        assert!(text.contains("\ndoctor: interrupted; nothing was changed\ncode 130"), "{signal}\n{text}");
    });
}

#[test]
fn dumb_terminal_uses_numbered_prompts() {
    let cases = [
        ("choose", "[1]:", &["3\n"][..], "item 2\ncode 0"),
        ("choose", "[1]:", &["\n"], "item 0\ncode 0"),
        ("choose", "[1]:", &["0\n", "4\n", "pull\n", "2\n"], "item 1\ncode 0"),
        // Ctrl-D, the end of the input.
        ("choose", "[1]:", &["\u{4}"], "back\ncode 0"),
        ("choose", "[1]:", &["b\n"], "back\ncode 0"),
        ("choose-many", "[3]:", &["2 1\n"], "items [0, 1]\ncode 0"),
        ("choose-many", "[3]:", &["\n"], "items [2]\ncode 0"),
        ("choose-many", "[3]:", &["0\n"], "items []\ncode 0"),
        ("choose-many", "[3]:", &["1 4\n", "1,2\n", "3\n"], "items [2]\ncode 0"),
        ("choose-many", "[3]:", &["b\n"], "back\ncode 0"),
        ("confirm", "[y/N]", &["maybe\n", "1\n", "Yes\n"], "Yes\ncode 0"),
        ("confirm", "[y/N]", &["\n"], "No\ncode 0"),
        ("confirm", "[y/N]", &["\u{4}"], "back\ncode 0"),
        ("line", "The reason:", &["  a reason \n"], "line a reason\ncode 0"),
        ("line-from", "[old text]", &["\n"], "line old text\ncode 0"),
        ("line-from", "[old text]", &["new text\n"], "line new text\ncode 0"),
        ("line-from", "[old text]", &["b\n"], "back\ncode 0"),
    ];
    test_each(cases, |(scenario, shown, keys, expected)| {
        let mut terminal = PseudoTerminal::start(scenario, "dumb", 80);
        let text = terminal.wait_for(shown);
        let items = "  1) push .env → Railway\n  2) pull";
        assert!(!scenario.starts_with("choose") || text.contains(items), "{scenario}\n{text}");
        for (number, line) in keys.iter().enumerate() {
            // Each answer but the last one is invalid, and is asked for again.
            terminal.wait_for_times(shown, number + 1);
            terminal.press(line);
        }
        let text = terminal.end();
        assert!(text.contains(expected), "{scenario} {keys:?}\n{text}");
        assert_eq!(text.matches("invalid answer").count(), keys.len() - 1, "{scenario} {keys:?}\n{text}");
    });
}

#[test]
fn line_after_an_invalid_answer_does_not_answer_the_repeated_prompt() {
    let cases = [
        ("choose", "[1]:", "9\n2\n", "3\n", "item 2\ncode 0"),
        ("choose-many", "[3]:", "9\n1 2\n", "2\n", "items [1]\ncode 0"),
        ("confirm", "[y/N]", "maybe\ny\n", "n\n", "No\ncode 0"),
    ];
    test_each(cases, |(scenario, shown, typed, answer, expected)| {
        let mut terminal = PseudoTerminal::start(scenario, "dumb", 80);
        terminal.wait_for(shown);
        terminal.press(typed);
        terminal.wait_for_times(shown, 2);
        thread::sleep(Duration::from_millis(100));
        assert!(!terminal.text().contains("code"), "{scenario}\n{}", terminal.text());
        terminal.press(answer);
        assert!(terminal.end().contains(expected), "{scenario}\n{}", terminal.text());
    });
}

#[test]
fn rows_update_in_place_and_keep_their_last_state() {
    let mut terminal = PseudoTerminal::start("write", "xterm-256color", 60);
    terminal.wait_for("api is ready");
    let text = terminal.wait_for("✓ agentverse-api-staging");
    assert_eq!(text.matches("agentverse-api").count(), 1, "{text}");
    terminal.press("\u{3}");
    let text = terminal.end();
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part:?} in\n{text}"));
    assert!(at("api is ready") < at("doctor: finishing this step"));
    assert!(at("doctor: finishing this step") < at("✓ agentverse-api-staging"));
    assert!(at("✓ agentverse-api-staging") < at("· agentverse-worker"));
    assert!(at("· agentverse-worker") < at("the receipt\ncode 0"));
    assert_eq!(text.matches("agentverse-api").count(), 1, "{text}");
    assert!(!text.contains("storing") && !text.contains("^C"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 57 || line.starts_with("doctor:")), "{text}");
}

#[test]
fn second_ctrl_c_aborts_a_write_with_a_notice() {
    let mut terminal = PseudoTerminal::start("write", "xterm-256color", 80);
    terminal.wait_for("agentverse-worker");
    terminal.press("\u{3}");
    let text = terminal.end();
    assert!(text.contains("finishing this step") && text.contains("the receipt\ncode 0"), "{text}");

    let mut terminal = PseudoTerminal::start("stubborn", "xterm-256color", 80);
    terminal.wait_for("agentverse-worker");
    terminal.press("\u{3}");
    terminal.wait_for("finishing this step");
    terminal.press("\u{3}");
    let text = terminal.end();
    let last =
        "doctor: interrupted while changes were under way\n  help: to show what was applied, run:\n    doctor undo";
    assert!(text.contains(last) && text.contains("code 130"), "{text}");
}
