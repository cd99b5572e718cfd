//! Patterns of Lua 5.1 on bytes: what matches, and the captures.
//!
//! ```text
//!  pattern   items up to its first zero byte
//!  item      c ? * + -  │  ( … )  ()  │  %1 … %9  │  %bxy  │  %f[set]  │  $ at the end
//!  c         .  %a …  [set]  any byte
//! ```
//!
//! A pattern tries what it can in the order that Lua defines, which may take steps without end:
//! they are counted, and whoever gave the [`Pace`] is told now and then, so that a script can be
//! suspended or ended in the middle. Frames hold nothing that has to be dropped.
//!
//! Invariants: the same matches, captures and errors as Lua's own, but for
//! [`Fault::TooComplex`]; checked by `tests.rs` on random patterns and texts.
//!
//! Cost: a frame of the stack for each capture and repeat that is under way, [`DEPTH_MAX`] at most.
//!
//! Not here: the functions that scripts call (`strings.rs`).

/// How many captures a pattern has at most.
const CAPTURES_MAX: usize = 32;

/// How many captures and repeats are under way at most: each takes up to 1 KiB of the
/// script's stack, of which a quarter may go here.
const DEPTH_MAX: u32 = 1_000;

/// Steps after which the pace is told.
const STEPS_TOLD: usize = 1_024;

/// Hears how much work was done; may not return.
pub(super) trait Pace {
    /// So many bytes were compared.
    fn spend(&mut self, steps: usize);
}

/// What is wrong with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    CaptureIndex,
    PatternCapture,
    EndsWithEscape,
    NoClosingBracket,
    NoFrontierSet,
    Unbalanced,
    TooManyCaptures,
    UnfinishedCapture,
    /// More is under way than the stack has room for.
    TooComplex,
}

impl Fault {
    /// Lua's words.
    pub(super) fn text(self) -> &'static [u8] {
        match self {
            Self::CaptureIndex => b"invalid capture index",
            Self::PatternCapture => b"invalid pattern capture",
            Self::EndsWithEscape => b"malformed pattern (ends with '%')",
            Self::NoClosingBracket => b"malformed pattern (missing ']')",
            Self::NoFrontierSet => b"missing '[' after '%f' in pattern",
            Self::Unbalanced => b"unbalanced pattern",
            Self::TooManyCaptures => b"too many captures",
            Self::UnfinishedCapture => b"unfinished capture",
            Self::TooComplex => b"pattern too complex",
        }
    }
}

#[derive(Clone, Copy)]
enum Extent {
    Open,
    Position,
    Bytes(usize),
}

#[derive(Clone, Copy)]
struct Capture {
    begin: usize,
    extent: Extent,
}

/// What a capture holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Captured<'a> {
    Bytes(&'a [u8]),
    /// Where it stands, counted from 1.
    Position(usize),
}

/// Matches one pattern at places of one text.
pub(super) struct Matcher<'a, P> {
    subject: &'a [u8],
    pattern: &'a [u8],
    captures: [Capture; CAPTURES_MAX],
    level: usize,
    steps: usize,
    pace: P,
}

/// Where a match ends, if there is one.
type Found = Result<Option<usize>, Fault>;

impl<'a, P: Pace> Matcher<'a, P> {
    /// For a pattern without its anchor.
    pub(super) fn new(subject: &'a [u8], pattern: &'a [u8], pace: P) -> Self {
        Self {
            subject,
            pattern: until_zero(pattern),
            captures: [Capture {
                begin: 0,
                extent: Extent::Open,
            }; CAPTURES_MAX],
            level: 0,
            steps: 0,
            pace,
        }
    }

    /// The end of the match that begins at `begin`, if there is one.
    ///
    /// # Errors
    /// What is wrong with the pattern, as far as it was tried.
    pub(super) fn match_at(&mut self, begin: usize) -> Found {
        self.level = 0;
        let found = self.follow(begin, 0, 0);
        self.pace.spend(std::mem::take(&mut self.steps));
        found
    }

    /// How many values the last match gives: its captures, or itself if it has none.
    pub(super) fn value_count(&self) -> usize {
        self.level.max(1)
    }

    /// How many captures the last match has.
    pub(super) fn capture_count(&self) -> usize {
        self.level
    }

    /// A capture of the last match, which is `whole`; the first is all of it if it has none.
    ///
    /// # Errors
    /// There is no such capture, or it was not closed.
    pub(super) fn captured(&self, index: usize, whole: &'a [u8]) -> Result<Captured<'a>, Fault> {
        if index >= self.level {
            return match index {
                0 => Ok(Captured::Bytes(whole)),
                _ => Err(Fault::CaptureIndex),
            };
        }
        let Capture { begin, extent } = self.captures[index];
        match extent {
            Extent::Open => Err(Fault::UnfinishedCapture),
            Extent::Position => Ok(Captured::Position(begin + 1)),
            Extent::Bytes(len) => Ok(Captured::Bytes(&self.subject[begin..begin + len])),
        }
    }

    fn spend(&mut self, steps: usize) {
        self.steps += steps;
        if self.steps >= STEPS_TOLD {
            self.pace.spend(std::mem::take(&mut self.steps));
        }
    }

    /// A byte of the pattern; 0 behind its end.
    fn at(&self, place: usize) -> u8 {
        self.pattern.get(place).copied().unwrap_or(0)
    }

    /// Matches the pattern from `item` on at `place`.
    fn follow(&mut self, mut place: usize, mut item: usize, depth: u32) -> Found {
        if depth > DEPTH_MAX {
            return Err(Fault::TooComplex);
        }
        loop {
            match self.at(item) {
                0 => return Ok(Some(place)),
                b'(' if self.at(item + 1) == b')' => {
                    return self.begin_capture(place, item + 2, Extent::Position, depth);
                }
                b'(' => return self.begin_capture(place, item + 1, Extent::Open, depth),
                b')' => return self.end_capture(place, item + 1, depth),
                b'$' if self.at(item + 1) == 0 => {
                    return Ok((place == self.subject.len()).then_some(place));
                }
                b'%' => match self.at(item + 1) {
                    b'b' => match self.balanced(place, item + 2)? {
                        Some(end) => (place, item) = (end, item + 4),
                        None => return Ok(None),
                    },
                    b'f' => match self.frontier(place, item + 2)? {
                        Some(behind) => item = behind,
                        None => return Ok(None),
                    },
                    digit @ b'0'..=b'9' => match self.repeated_capture(place, digit)? {
                        Some(end) => (place, item) = (end, item + 2),
                        None => return Ok(None),
                    },
                    _ => match self.single(place, item, depth)? {
                        Next::Item(at, behind) => (place, item) = (at, behind),
                        Next::End(found) => return Ok(found),
                    },
                },
                _ => match self.single(place, item, depth)? {
                    Next::Item(at, behind) => (place, item) = (at, behind),
                    Next::End(found) => return Ok(found),
                },
            }
        }
    }

    /// Matches one class of bytes with what follows it: a repeat, or nothing.
    fn single(&mut self, place: usize, item: usize, depth: u32) -> Result<Next, Fault> {
        let end = self.class_end(item)?;
        let suffix = self.at(end);
        let is_match = self.matches(place, item, end);
        Ok(match suffix {
            b'?' => {
                if is_match && let Some(found) = self.follow(place + 1, end + 1, depth + 1)? {
                    return Ok(Next::End(Some(found)));
                }
                Next::Item(place, end + 1)
            }
            b'*' => Next::End(self.most(place, item, end, depth)?),
            b'+' if is_match => Next::End(self.most(place + 1, item, end, depth)?),
            b'+' => Next::End(None),
            b'-' => Next::End(self.fewest(place, item, end, depth)?),
            _ if is_match => Next::Item(place + 1, end),
            _ => Next::End(None),
        })
    }

    fn most(&mut self, place: usize, item: usize, end: usize, depth: u32) -> Found {
        let mut count = 0;
        while self.matches(place + count, item, end) {
            count += 1;
        }
        loop {
            let found = self.follow(place + count, end + 1, depth + 1)?;
            if found.is_some() || count == 0 {
                return Ok(found);
            }
            count -= 1;
            self.spend(1);
        }
    }

    fn fewest(&mut self, mut place: usize, item: usize, end: usize, depth: u32) -> Found {
        loop {
            let found = self.follow(place, end + 1, depth + 1)?;
            if found.is_some() || !self.matches(place, item, end) {
                return Ok(found);
            }
            place += 1;
        }
    }

    fn begin_capture(&mut self, place: usize, item: usize, extent: Extent, depth: u32) -> Found {
        if self.level >= CAPTURES_MAX {
            return Err(Fault::TooManyCaptures);
        }
        let begin = place;
        self.captures[self.level] = Capture { begin, extent };
        self.level += 1;
        let found = self.follow(place, item, depth + 1)?;
        if found.is_none() {
            self.level -= 1;
        }
        Ok(found)
    }

    fn end_capture(&mut self, place: usize, item: usize, depth: u32) -> Found {
        let mut captures = self.captures[..self.level].iter();
        let open = captures.rposition(|capture| matches!(capture.extent, Extent::Open));
        let index = open.ok_or(Fault::PatternCapture)?;
        let begin = self.captures[index].begin;
        self.captures[index].extent = Extent::Bytes(place - begin);
        let found = self.follow(place, item, depth + 1)?;
        if found.is_none() {
            self.captures[index].extent = Extent::Open;
        }
        Ok(found)
    }

    /// What a capture holds, once more; returns where that ends.
    fn repeated_capture(&mut self, place: usize, digit: u8) -> Found {
        let index = usize::from(digit).wrapping_sub(usize::from(b'1'));
        let captures = &self.captures[..self.level];
        let capture = captures.get(index).ok_or(Fault::CaptureIndex)?;
        let len = match capture.extent {
            Extent::Open => return Err(Fault::CaptureIndex),
            // No text is as long as Lua takes this for.
            Extent::Position => return Ok(None),
            Extent::Bytes(len) => len,
        };
        let text = &self.subject[capture.begin..capture.begin + len];
        let is_same = self.subject[place..].starts_with(text);
        self.spend(1 + len / 16);
        Ok(is_same.then_some(place + len))
    }

    /// From an opening byte to the closing one that belongs to it; returns where that ends.
    fn balanced(&mut self, place: usize, item: usize) -> Found {
        let (open, close) = (self.at(item), self.at(item + 1));
        if open == 0 || close == 0 {
            return Err(Fault::Unbalanced);
        }
        if self.subject.get(place) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1_usize;
        for at in place + 1..self.subject.len() {
            self.spend(1);
            let byte = self.subject[at];
            if byte == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(at + 1));
                }
            } else if byte == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    /// Between a byte that is not in a set and one that is; returns where the set ends.
    fn frontier(&mut self, place: usize, item: usize) -> Found {
        if self.at(item) != b'[' {
            return Err(Fault::NoFrontierSet);
        }
        let end = self.class_end(item)?;
        let before = match place {
            0 => 0,
            _ => self.subject[place - 1],
        };
        let after = self.subject.get(place).copied().unwrap_or(0);
        let is_frontier = !self.is_in_set(before, item, end) && self.is_in_set(after, item, end);
        self.spend(end - item);
        Ok(is_frontier.then_some(end))
    }

    /// Where a class that begins at `item` ends.
    fn class_end(&self, item: usize) -> Result<usize, Fault> {
        match self.at(item) {
            b'%' if self.at(item + 1) == 0 => Err(Fault::EndsWithEscape),
            b'%' => Ok(item + 2),
            b'[' => {
                let mut at = item + 1;
                if self.at(at) == b'^' {
                    at += 1;
                }
                loop {
                    let byte = self.at(at);
                    if byte == 0 {
                        return Err(Fault::NoClosingBracket);
                    }
                    at += 1;
                    if byte == b'%' && self.at(at) != 0 {
                        at += 1;
                    }
                    if self.at(at) == b']' {
                        return Ok(at + 1);
                    }
                }
            }
            _ => Ok(item + 1),
        }
    }

    /// Whether there is a byte at `place`, and the class from `item` to `end` has it.
    fn matches(&mut self, place: usize, item: usize, end: usize) -> bool {
        self.spend(end - item);
        let Some(&byte) = self.subject.get(place) else {
            return false;
        };
        match self.at(item) {
            b'.' => true,
            b'%' => is_of_class(byte, self.at(item + 1)),
            b'[' => self.is_in_set(byte, item, end),
            literal => literal == byte,
        }
    }

    /// Whether the set from `item` to `end`, brackets included, has a byte.
    fn is_in_set(&self, byte: u8, item: usize, end: usize) -> bool {
        let last = end - 1;
        let mut at = item + 1;
        let is_positive = self.at(at) != b'^';
        if !is_positive {
            at += 1;
        }
        while at < last {
            if self.at(at) == b'%' {
                if is_of_class(byte, self.at(at + 1)) {
                    return is_positive;
                }
                at += 2;
            } else if self.at(at + 1) == b'-' && at + 2 < last {
                if (self.at(at)..=self.at(at + 2)).contains(&byte) {
                    return is_positive;
                }
                at += 3;
            } else if self.at(at) == byte {
                return is_positive;
            } else {
                at += 1;
            }
        }
        !is_positive
    }
}

/// What follows a class.
enum Next {
    /// An item of the pattern, at a place of the text.
    Item(usize, usize),
    /// Nothing: that is the result.
    End(Option<usize>),
}

/// What Lua sees of a pattern, which it takes for a string of C.
pub(super) fn until_zero(pattern: &[u8]) -> &[u8] {
    let len = memchr::memchr(0, pattern);
    &pattern[..len.unwrap_or(pattern.len())]
}

/// Whether a byte is of the class that a letter names; other bytes stand for themselves.
fn is_of_class(byte: u8, class: u8) -> bool {
    let is_in = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => matches!(byte, b' ' | b'\t'..=b'\r'),
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    is_in == class.is_ascii_lowercase()
}
