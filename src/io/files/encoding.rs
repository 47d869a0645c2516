//! Recognises text that is not UTF-8. PowerShell and Windows editors write such files.

use crate::error::Help;

/// The encoding of a text that is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OtherEncoding {
    /// UTF-16 with a byte order mark.
    Utf16,
    /// UTF-16 in little-endian order, without a mark.
    Utf16Little,
    /// UTF-16 in big-endian order, without a mark.
    Utf16Big,
    /// UTF-32 with a byte order mark.
    Utf32,
}

impl OtherEncoding {
    /// Recognises the encoding by the byte order mark or the zero bytes; `None` if the text may be UTF-8.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Some(Self::Utf32),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Some(Self::Utf16),
            _ => {}
        }
        let pairs = bytes.chunks_exact(2);
        let count = pairs.len();
        let zeros = |at: usize| pairs.clone().filter(|pair| pair[at] == 0 && pair[1 - at] != 0).count();
        let is_wide = |at: usize| count >= 2 && zeros(at) * 10 >= count * 9;
        match (is_wide(1), is_wide(0)) {
            (true, _) => Some(Self::Utf16Little),
            (false, true) => Some(Self::Utf16Big),
            (false, false) => None,
        }
    }

    /// Returns the name of the encoding without the byte order.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Utf16 | Self::Utf16Little | Self::Utf16Big => "UTF-16",
            Self::Utf32 => "UTF-32",
        }
    }

    /// Returns how to convert a file, whose path is quoted for a shell.
    pub(super) fn help(self, path: &str) -> Help {
        let from = match self {
            Self::Utf16Little => "UTF-16LE",
            Self::Utf16Big => "UTF-16BE",
            Self::Utf16 | Self::Utf32 => self.title(),
        };
        Help::command(
            "save it as UTF-8 in the editor, or run:",
            format!("(umask 077; iconv -f {from} -t UTF-8 {path} > {path}.utf-8) && mv {path}.utf-8 {path}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::io::files::encoding::OtherEncoding;

    #[test]
    fn command_names_the_byte_order_only_without_a_mark() {
        for (bytes, from) in [
            (&b"\xff\xfeA\0"[..], "UTF-16"),
            (b"A\0=\x001\0", "UTF-16LE"),
            (b"\0A\0=\x001", "UTF-16BE"),
            (b"\xff\xfe\0\0A\0\0\0", "UTF-32"),
        ] {
            let help = OtherEncoding::of(bytes).unwrap().help(".env");
            let command = format!("(umask 077; iconv -f {from} -t UTF-8 .env > .env.utf-8) && mv .env.utf-8 .env");
            assert_eq!(help.commands, [command], "{bytes:?}");
        }
        assert_eq!(OtherEncoding::of(b"A=1\n"), None);
    }
}
