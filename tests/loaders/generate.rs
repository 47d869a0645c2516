//! Generates unusual `.env` files, deterministically for each seed.

const KEYS: &[&str] = &[
    "A",
    "B",
    "KEY",
    "MY_VAR",
    "A",
    "B",
    "a.b",
    "A-B",
    "1A",
    "é",
    "'Q'",
    "\"Q\"",
    "A B",
    "export",
    "__proto__",
    "A:",
    "",
    "constructor",
    "\u{feff}A",
    "'A",
    "A$B",
    "_",
    "''",
    "'a\nb'",
    "exportA",
    "Q0doctor0x",
];
const SEPARATORS: &[&str] = &[
    "=",
    "=",
    "=",
    "=",
    "=",
    "=",
    " = ",
    "= ",
    ": ",
    ":",
    " =",
    "=\t",
    "=\n",
    "\n=",
    ":\n",
    "==",
    "\u{a0}=",
    "=\u{85}",
    "",
    "=\r",
    "=\n\n",
    " ",
    "=\u{2028}",
];
const ATOMS: &[&str] = &[
    "a",
    "b1",
    "x y",
    " ",
    "  ",
    "\t",
    "#",
    " #",
    "# c",
    "'",
    "\"",
    "`",
    "\\",
    "\\n",
    "\\'",
    "\\\"",
    "\\\\",
    "\\t",
    "\\r",
    "\\`",
    "\\$",
    "$",
    "${",
    "}",
    "${A}",
    "$A",
    "$B",
    "$$",
    "${{P.D}}",
    "${A:-d}",
    "${A:b}",
    ":",
    "=",
    ",",
    "{",
    "\n",
    "\r",
    "\r\n",
    "\u{2028}",
    "\u{85}",
    "\u{a0}",
    "\u{feff}",
    "\u{1c}",
    "\u{b}",
    "é",
    "😀",
    "\0",
    "export ",
    "A=",
    "B=",
    "\nA=",
    "\nB='",
    "\"\n",
    "' ",
    "${MY_VAR}",
    "$MY_VAR",
    "${a.b}",
    "$Q0doctor0x",
    "\\a\\b\\f\\v",
    "${A\n}",
    "+/",
    "\n#",
];
/// Parts of values that Railway may store, including attempts to inject shell commands.
const PIECES: &[&str] = &[
    "a",
    "B2",
    "postgres://u:p@h:5432/d?x=1",
    " ",
    " ",
    "\t",
    "\n",
    "\r",
    "'",
    "'",
    "\"",
    "\"",
    "`",
    "\\",
    "\\n",
    "\\'",
    "$",
    "$A",
    "${A}",
    "${{P.D}}",
    "#",
    " # ",
    "=",
    ":",
    "~",
    "*",
    "!",
    "%",
    "&",
    ";",
    "|",
    "{\"k\": 1}",
    "é",
    "😀",
    "\u{2028}",
    "\u{a0}",
    "\0",
    "\nLAST=x\n",
    "\nexport LAST='x",
    "$(touch canary)",
    "`touch canary`",
    "; touch canary;",
    "\ntouch canary\n",
    "' ; touch canary; '",
    "\" ; touch canary; \"",
    "'$(touch canary)'",
    "& touch canary &",
    "> canary",
    "${A:=$(touch canary)}",
    "<(touch canary)",
    "$((a[$(touch canary)]))",
    "-n",
    "\\\n",
];

/// Files to write the value to, with other assignments before and after it.
const SURROUNDINGS: &[&str] = &[
    "FIRST='one two'\nK=old\nLAST=3\n",
    "# it's a comment\nFIRST=1\n\nexport K='old value' # it's why\nLAST=\"3 4\"\n",
    "FIRST=\"a\nb\"\nK=\"old\"\nLAST='x'",
    "FIRST=1\r\nK=old # why\r\nLAST=3\r\n",
    "\u{feff}# first\nFIRST=1\nK=\nLAST=3\n",
    "FIRST=1\nK=older\nK=old\nLAST=3\n",
    "FIRST=1\nLAST=${FIRST}3\n  K='old'",
    "FIRST=1\nLAST=3\n",
    "FIRST=1\nLAST=3",
    "FIRST=1\r\nLAST=3\r\n",
];

const OTHERS: &[&str] = &[
    "# comment",
    "",
    "   ",
    "FOO",
    "=x",
    "export A",
    "export",
    "export ",
    "-----BEGIN KEY-----",
    "MIIB==",
    "{",
    "}",
    "FOO BAR=1",
    "A: b",
    "#A='",
    "# it's",
    "\u{feff}",
    "A",
    "B",
    "source .env",
    "\t# c",
];
const ENDS: &[&str] = &[
    "\n", "\n", "\n", "\n", "\r\n", "\r\n", "\r", "", " \n", " # c\n", "#c\n", " 'tail\n", " ", "\u{2028}", "\n\n",
    "\t\r\n", " #'\n", " # \"\n", "\u{1c}\n",
];

/// A random number generator (xorshift64*) whose output for a seed never changes.
pub(crate) struct Generator(u64);

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).expect("31 bits fit") % end
    }

    fn pick(&mut self, list: &[&'static str]) -> &'static str {
        list[self.below(list.len())]
    }

    pub(crate) fn file(&mut self) -> String {
        let mut text = String::new();
        if self.below(20) == 0 {
            text.push('\u{feff}');
        }
        match self.below(10) {
            0 => self.atoms(12, &mut text),
            1..4 => self.tame(&mut text),
            _ => (0..=self.below(5)).for_each(|_| self.line(&mut text)),
        }
        text
    }

    /// A value, and the file to write it to.
    pub(crate) fn value(&mut self) -> (String, &'static str) {
        let mut value = String::new();
        for _ in 0..self.below(5) {
            value.push_str(self.pick(PIECES));
        }
        (value, self.pick(SURROUNDINGS))
    }

    fn line(&mut self, text: &mut String) {
        match self.below(8) {
            0 => text.push_str(self.pick(OTHERS)),
            1 => self.atoms(6, text),
            _ => self.assignment(text),
        }
        text.push_str(self.pick(ENDS));
    }

    fn assignment(&mut self, text: &mut String) {
        text.push_str(["", "", "", "", "  ", "export ", "export\t", "export\n", "\n\n", " export  "][self.below(10)]);
        text.push_str(self.pick(KEYS));
        text.push_str(self.pick(SEPARATORS));
        match self.below(3) {
            0 => self.atoms(4, text),
            kind => {
                let quote = ["'", "\"", "\"", "`"][self.below(4)];
                text.push_str(quote);
                self.atoms(2 * kind, text);
                text.push_str(if self.below(12) == 0 { "" } else { quote });
            }
        }
    }

    /// A file as people usually write it, so that loaders agree on some.
    fn tame(&mut self, text: &mut String) {
        for _ in 0..=self.below(4) {
            let key = ["A", "B", "KEY", "MY_VAR"][self.below(4)];
            let value =
                ["1", "a b", "p@ss", "it's", "https://h/p?q=1#f", "C:\\path", "${{P.D}}", "{\"a\": 1}", "", "x\\ny"]
                    [self.below(10)];
            let quote = ["", "", "'", "\""][self.below(4)];
            let end = ["\n", "\n", "\r\n", " # note\n"][self.below(4)];
            text.extend([key, "=", quote, value, quote, end]);
        }
    }

    fn atoms(&mut self, most: usize, text: &mut String) {
        for _ in 0..self.below(most + 1) {
            text.push_str(self.pick(ATOMS));
        }
    }
}
