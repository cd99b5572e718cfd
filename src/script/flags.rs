//! What scripts say of themselves: the first line `#!lua flags=…`, and flags of functions.
//!
//! Not here: what follows from it (`command/scripting/`, `engine/scripts/`).

use crate::protocol::error::ReplyError;

/// Flags of a script or function, as a set of the constants below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScriptFlags(u8);

impl ScriptFlags {
    /// It changes nothing.
    pub const NO_WRITES: Self = Self(1);
    /// It may run while there is no memory.
    pub const ALLOW_OOM: Self = Self(2);
    /// It may run on a replica that lost its primary.
    pub const ALLOW_STALE: Self = Self(4);
    /// Not in a cluster.
    pub const NO_CLUSTER: Self = Self(8);
    /// Keys of several slots.
    pub const ALLOW_CROSS_SLOT_KEYS: Self = Self(16);
    /// It says nothing of itself: what it may do shows when it does it.
    pub const UNDECLARED: Self = Self(32);

    const NAMES: [(Self, &'static str); 5] = [
        (Self::NO_WRITES, "no-writes"),
        (Self::ALLOW_OOM, "allow-oom"),
        (Self::ALLOW_STALE, "allow-stale"),
        (Self::NO_CLUSTER, "no-cluster"),
        (Self::ALLOW_CROSS_SLOT_KEYS, "allow-cross-slot-keys"),
    ];

    /// The flag of a name.
    pub fn named(name: &[u8]) -> Option<Self> {
        let mut names = Self::NAMES.iter();
        let (flag, _) = names.find(|(_, known)| known.as_bytes() == name)?;
        Some(*flag)
    }

    /// This set and another.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether one of `others` is in this set.
    pub const fn has(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// The names of what is in this set, in Redis's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let names = Self::NAMES.into_iter();
        names
            .filter(move |&(flag, _)| self.has(flag))
            .map(|(_, name)| name)
    }
}

/// The first line of a script, and where what is compiled begins.
#[derive(Debug, PartialEq, Eq)]
pub struct Shebang<'a> {
    /// Its words after the name of the language.
    pub options: Vec<&'a [u8]>,
    /// The language.
    pub engine: &'a [u8],
    /// Bytes of the line, its end not included, so that lines keep their numbers.
    pub len: usize,
}

impl<'a> Shebang<'a> {
    /// The first line of `code`, if it begins as one that says something.
    ///
    /// # Errors
    /// The line has no end.
    pub fn parse(code: &'a [u8]) -> Result<Option<Self>, ReplyError> {
        const INVALID: ReplyError = ReplyError::fixed("ERR Invalid script shebang");
        if !code.starts_with(b"#!") {
            return Ok(None);
        }
        let len = memchr::memchr(b'\n', code).ok_or(INVALID)?;
        let line = &code[..len];
        let mut words = line.split(|byte| byte.is_ascii_whitespace());
        let engine = words.next().unwrap_or_default();
        let options = words.filter(|word| !word.is_empty()).collect();
        Ok(Some(Self {
            options,
            engine,
            len,
        }))
    }
}

/// The flags of a script for EVAL, and how many bytes of its first line are not compiled.
///
/// # Errors
/// Redis's words for what is wrong with the first line.
pub fn of_script(code: &[u8]) -> Result<(ScriptFlags, usize), ReplyError> {
    let Some(shebang) = Shebang::parse(code)? else {
        return Ok((ScriptFlags::UNDECLARED, 0));
    };
    if shebang.engine != b"#!lua" {
        return Err(named(
            b"ERR Unexpected engine in script shebang: ",
            shebang.engine,
        ));
    }
    let mut flags = ScriptFlags::default();
    for option in shebang.options {
        let Some(names) = option.strip_prefix(b"flags=") else {
            return Err(named(b"ERR Unknown lua shebang option: ", option));
        };
        if names.is_empty() {
            continue;
        }
        for name in names.split(|&byte| byte == b',') {
            let flag = ScriptFlags::named(name)
                .ok_or_else(|| named(b"ERR Unexpected flag in script shebang: ", name))?;
            flags = flags.and(flag);
        }
    }
    Ok((flags, shebang.len))
}

fn named(text: &[u8], word: &[u8]) -> ReplyError {
    let word = &word[..word.len().min(crate::base::limits::ECHOED_BYTES_MAX)];
    ReplyError::from_bytes([text, word].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(code: &str) -> String {
        let error = of_script(code.as_bytes()).unwrap_err();
        String::from_utf8_lossy(error.as_bytes()).into_owned()
    }

    #[test]
    fn the_first_line_says_what_a_script_does() {
        assert_eq!(of_script(b"return 1"), Ok((ScriptFlags::UNDECLARED, 0)));
        assert_eq!(
            of_script(b"#!lua\nreturn 1"),
            Ok((ScriptFlags::default(), 5))
        );
        let both = ScriptFlags::NO_WRITES.and(ScriptFlags::ALLOW_OOM);
        let code = b"#!lua  flags=no-writes,allow-oom \nreturn 1";
        assert_eq!(of_script(code), Ok((both, 33)));
        assert_eq!(
            of_script(b"#!lua flags=no-writes flags=allow-oom\n"),
            Ok((both, 37))
        );
        assert_eq!(both.names().collect::<Vec<_>>(), ["no-writes", "allow-oom"]);
    }

    #[test]
    fn what_is_wrong_with_it_is_told_in_the_words_of_redis() {
        assert_eq!(text("#!lua"), "ERR Invalid script shebang");
        assert_eq!(
            text("#!foo\n"),
            "ERR Unexpected engine in script shebang: #!foo"
        );
        assert_eq!(text("#!lua x=y\n"), "ERR Unknown lua shebang option: x=y");
        assert_eq!(
            text("#!lua flags=bad\n"),
            "ERR Unexpected flag in script shebang: bad"
        );
    }
}
