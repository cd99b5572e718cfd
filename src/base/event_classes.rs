//! Classes of key events, as `notify-keyspace-events` names them by letters.
//!
//! ```text
//!  K  by the key: __keyspace@0__:key     E  by the event: __keyevent@0__:del
//!  g $ l s h z x e t d                   what happened; A is all of these
//!  m  a read found no key                n  a key is new
//! ```
//!
//! Not here: the events (`keyspace/event.rs`).

/// The letters, each a bit; `A` stands for those up to [`ALL_COUNT`].
const LETTERS: &[u8; 14] = b"g$lshzxetdnKEm";

/// How many of the letters `A` stands for.
const ALL_COUNT: u32 = 10;

const ALL: u16 = (1 << ALL_COUNT) - 1;

/// A set of classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventClasses(u16);

impl EventClasses {
    /// No class.
    pub const NONE: Self = Self(0);
    /// Messages by the key.
    pub const BY_KEY: Self = Self::of('K');
    /// Messages by the event.
    pub const BY_EVENT: Self = Self::of('E');

    /// The class of a letter; `-` stands for no class, which nobody can hear.
    ///
    /// # Panics
    /// If it is no other letter of a class.
    pub const fn of(letter: char) -> Self {
        if letter == '-' {
            return Self::NONE;
        }
        let mut bit = 0;
        while LETTERS[bit] as char != letter {
            bit += 1;
        }
        Self(1 << bit)
    }

    /// Reads letters; `None` if one is unknown.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut classes = 0;
        for letter in text {
            classes |= match letter {
                b'A' => ALL,
                _ => 1 << LETTERS.iter().position(|known| known == letter)?,
            };
        }
        Some(Self(classes))
    }

    /// The letters in Redis's order.
    pub fn letters(self) -> Vec<u8> {
        let mut letters = Vec::new();
        let mut rest = self.0;
        if rest & ALL == ALL {
            letters.push(b'A');
            rest &= !ALL;
        }
        let bits = (0..LETTERS.len()).filter(|bit| rest & (1 << bit) != 0);
        letters.extend(bits.map(|bit| LETTERS[bit]));
        letters
    }

    /// Whether one of `others` is in this set.
    #[inline]
    pub const fn has(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether any message comes of these: one of how, and one of what.
    pub fn announce_something(self) -> bool {
        let how = Self::BY_KEY.0 | Self::BY_EVENT.0;
        self.0 & how != 0 && self.0 & !how != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_read_and_shown_as_by_redis() {
        let cases = [
            ("KEA", "AKE"),
            ("KEAn", "AnKE"),
            ("Kgn", "gnK"),
            ("KEg$lshzxetdmn", "AnKEm"),
            ("m", "m"),
            ("", ""),
            ("Exe", "xeE"),
        ];
        for (text, shown) in cases {
            let classes = EventClasses::parse(text.as_bytes()).expect("all are known");
            assert_eq!(classes.letters(), shown.as_bytes(), "{text}");
        }
        assert_eq!(EventClasses::parse(b"Kq"), None);
        let announces = |text: &[u8]| EventClasses::parse(text).map(|it| it.announce_something());
        assert_eq!(announces(b"K"), Some(false));
        assert_eq!(announces(b"gx"), Some(false));
        assert_eq!(announces(b"Ex"), Some(true));
    }
}
