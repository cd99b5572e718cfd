//! Patterns with `*`, `?` and character classes, as KEYS, SCAN MATCH and PSUBSCRIBE use them.
//!
//! ```text
//! pattern = ( "*" | "?" | class | "\" byte | byte )*                   class: see class.rs
//!
//!  user:*[0-9]a?*:x      ─▶  "user:"  *  [0-9]a?  *  ":x"
//!                             head        part       tail
//! ```
//!
//! 1. A pattern is read once, into the parts between its stars. Every byte of a part takes exactly
//!    one byte of the text, so the head stands at the begin of the text, the tail at its end, and
//!    for each part between them the first place that fits is as good as any later one.
//! 2. Parts of plain bytes are found in linear time. Others are tried at each place where their
//!    longest run of plain bytes stands: O(part · text) at worst. So a match counts its work, and
//!    can stop anywhere and go on later ([`Matching`]).
//! 3. Odd cases are those of Redis on x86-64: an empty text matches only the empty pattern, and
//!    more than 1,000 stars before the last byte of a pattern match nothing.
//!
//! Cost: reading is O(pattern) time; at most four times its length in memory, and 32 bytes for each
//! different class, of which there are at most [`CLASSES_MAX`].
//!
//! Not here: that KEYS takes `*` for every key, also the empty one (the command).

mod class;

use class::ByteSet;
use memchr::memmem::Finder;
use std::collections::BTreeMap;

/// Stars before the last byte of a pattern that can match, as in Redis, which nests that deep.
const STARS_MAX: usize = 1_000;

/// Different classes a pattern may have: an element of a part is 16 bits.
pub const CLASSES_MAX: usize = 1 << 15;

/// The longest part with classes or `?` after a star for which a match is as good as linear: real
/// patterns are shorter.
const EASY_ELEMENTS_MAX: usize = 128;

/// Plain bytes are searched and compared in pieces of the text of about this length.
const WINDOW_BYTES: usize = 64 * 1024;

/// Plain bytes that are searched or compared for one unit of work.
const BYTES_A_UNIT: usize = 8;

/// A pattern has more than [`CLASSES_MAX`] different classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyClasses;

/// What takes one byte of the text: a plain byte, [`ANY`], or a class from [`FIRST_CLASS`] on.
type Element = u16;

const ANY: Element = 256;
const FIRST_CLASS: Element = 257;

/// What stands between two stars.
#[derive(Clone, Debug)]
struct Part {
    /// Empty if all elements are plain bytes.
    elements: Box<[Element]>,
    /// The longest run of plain bytes.
    run: Finder<'static>,
    /// Where in the part it begins.
    run_at: usize,
    len: usize,
}

/// A pattern that was read.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// At least one: the head, then a part after each star; head and last part may be empty.
    parts: Vec<Part>,
    classes: Box<[ByteSet]>,
    /// The shortest text that may match; `usize::MAX` if none does.
    len_min: usize,
}

/// How far a match has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Matching {
    stage: Stage,
    /// Where the present part is tried.
    place: usize,
    /// Whether its run of plain bytes is known to stand there, and how many of its elements fit.
    has_run: bool,
    fitting: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum Stage {
    #[default]
    Head,
    Tail,
    /// The part of this number is searched for.
    Part(usize),
}

/// The bounded work was not enough to decide.
struct OutOfWork;

/// Whether the whole of `text` matches `pattern`, which is read for it. A pattern with too many
/// classes matches nothing: it has more of them than a text that is worth no [`Pattern`] has bytes.
pub fn matches(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    Pattern::new(pattern, ignore_case).is_ok_and(|pattern| pattern.matches(text))
}

impl Pattern {
    /// Reads a pattern. ASCII letters match in any case if `ignore_case`. O(length).
    ///
    /// # Errors
    /// [`TooManyClasses`].
    pub fn new(pattern: &[u8], ignore_case: bool) -> Result<Self, TooManyClasses> {
        let mut reader = Reader::default();
        let mut at = 0;
        while at < pattern.len() {
            at += match &pattern[at..] {
                [b'*', ..] => {
                    let stars = pattern[at..].iter().take_while(|byte| **byte == b'*');
                    let count = stars.count();
                    reader.end_part();
                    count
                }
                [b'?', ..] => {
                    reader.elements.push(ANY);
                    1
                }
                [b'[', class @ ..] => {
                    let (len, set) = class::read(class, ignore_case);
                    reader.push_set(set)?;
                    1 + len
                }
                [b'\\', byte, ..] => {
                    reader.push_byte(*byte, ignore_case)?;
                    2
                }
                [byte, ..] => {
                    reader.push_byte(*byte, ignore_case)?;
                    1
                }
                [] => unreachable!("the loop ends with the pattern"),
            };
        }
        Ok(reader.finish())
    }

    /// Whether the whole of `text` matches. O(pattern · text) at worst.
    pub fn matches(&self, text: &[u8]) -> bool {
        let mut matching = Matching::default();
        loop {
            let mut work = usize::MAX;
            if let Some(is_match) = self.go_on(&mut matching, text, &mut work) {
                return is_match;
            }
        }
    }

    /// Whether a match takes time that is linear in the text but for a small factor.
    pub fn is_easy(&self) -> bool {
        let searched = self.parts.iter().skip(1);
        searched
            .map(|part| part.elements.len())
            .all(|elements| elements <= EASY_ELEMENTS_MAX)
    }

    /// Goes on with a match; the text must be the same each time. Takes what it does from `work`,
    /// in units of some nanoseconds; `None` if that is used up before it is decided.
    pub fn go_on(&self, matching: &mut Matching, text: &[u8], work: &mut usize) -> Option<bool> {
        let has_star = self.parts.len() > 1;
        if text.len() < self.len_min || (!has_star && text.len() > self.len_min) {
            return Some(false);
        }
        if text.is_empty() {
            return Some(!has_star);
        }
        self.try_parts(matching, text, work).ok()
    }

    fn try_parts(
        &self,
        matching: &mut Matching,
        text: &[u8],
        work: &mut usize,
    ) -> Result<bool, OutOfWork> {
        let last = self.parts.len() - 1;
        let tail = &self.parts[last];
        loop {
            match matching.stage {
                Stage::Head => {
                    if !self.fits(&self.parts[0], matching, text, work)? {
                        return Ok(false);
                    }
                    matching.enter(Stage::Tail, text.len() - tail.len);
                }
                Stage::Tail => {
                    if !self.fits(tail, matching, text, work)? {
                        return Ok(false);
                    }
                    matching.enter(Stage::Part(1), self.parts[0].len);
                }
                Stage::Part(number) if number >= last => return Ok(true),
                Stage::Part(number) => {
                    let part = &self.parts[number];
                    let end = text.len() - tail.len;
                    if !self.search(part, matching, &text[..end], work)? {
                        return Ok(false);
                    }
                    matching.enter(Stage::Part(number + 1), matching.place + part.len);
                }
            }
        }
    }

    /// Whether a part, for which there is room, fits at the present place.
    fn fits(
        &self,
        part: &Part,
        matching: &mut Matching,
        text: &[u8],
        work: &mut usize,
    ) -> Result<bool, OutOfWork> {
        let text = &text[matching.place..matching.place + part.len];
        if part.elements.is_empty() {
            spend(work, part.len / BYTES_A_UNIT)?;
            return Ok(text == part.run.needle());
        }
        for (element, byte) in part.elements.iter().zip(text).skip(matching.fitting) {
            spend(work, 1)?;
            if !self.takes(*element, *byte) {
                return Ok(false);
            }
            matching.fitting += 1;
        }
        Ok(true)
    }

    fn takes(&self, element: Element, byte: u8) -> bool {
        match element {
            ANY => true,
            FIRST_CLASS.. => self.classes[usize::from(element - FIRST_CLASS)].contains(byte),
            plain => plain == Element::from(byte),
        }
    }

    /// Moves the present place to the first one from there on where a part fits; false if there is
    /// none.
    fn search(
        &self,
        part: &Part,
        matching: &mut Matching,
        text: &[u8],
        work: &mut usize,
    ) -> Result<bool, OutOfWork> {
        loop {
            if text.len().saturating_sub(matching.place) < part.len {
                return Ok(false);
            }
            if !matching.has_run && !part.find_run(matching, text, work)? {
                return Ok(false);
            }
            matching.has_run = true;
            if part.elements.is_empty() || self.fits(part, matching, text, work)? {
                return Ok(true);
            }
            matching.place += 1;
            (matching.has_run, matching.fitting) = (false, 0);
        }
    }
}

impl Part {
    /// Moves the present place to the first one from there on where the run of plain bytes is
    /// right; false if there is none.
    fn find_run(
        &self,
        matching: &mut Matching,
        text: &[u8],
        work: &mut usize,
    ) -> Result<bool, OutOfWork> {
        let run_len = self.run.needle().len();
        if run_len == 0 {
            return Ok(true);
        }
        // There must be room for what follows the run, too.
        let text = &text[..text.len() - (self.len - self.run_at - run_len)];
        loop {
            let from = matching.place + self.run_at;
            if from + run_len > text.len() {
                return Ok(false);
            }
            // As far again as the run is long at least, so that long runs are not read twice.
            let to = text.len().min(from + run_len + run_len.max(WINDOW_BYTES));
            let found = self.run.find(&text[from..to]);
            let read_bytes = found.map_or(to - from, |at| at + run_len);
            if let Some(at) = found {
                matching.place += at;
            } else {
                matching.place = to - run_len + 1 - self.run_at;
            }
            spend(work, read_bytes / BYTES_A_UNIT)?;
            if found.is_some() {
                return Ok(true);
            }
        }
    }
}

impl Matching {
    fn enter(&mut self, stage: Stage, place: usize) {
        *self = Self {
            stage,
            place,
            ..Self::default()
        };
    }
}

/// Takes a unit and `units` more from what may be done.
fn spend(work: &mut usize, units: usize) -> Result<(), OutOfWork> {
    if *work == 0 {
        return Err(OutOfWork);
    }
    *work = work.saturating_sub(1 + units);
    Ok(())
}

/// What a pattern has come to while it is read.
#[derive(Default)]
struct Reader {
    elements: Vec<Element>,
    parts: Vec<Part>,
    classes: BTreeMap<ByteSet, Element>,
    stars: usize,
}

impl Reader {
    fn push_byte(&mut self, byte: u8, ignore_case: bool) -> Result<(), TooManyClasses> {
        if ignore_case {
            return self.push_set(ByteSet::in_any_case(byte));
        }
        self.elements.push(Element::from(byte));
        Ok(())
    }

    fn push_set(&mut self, set: ByteSet) -> Result<(), TooManyClasses> {
        let element = match set.only() {
            Some(byte) => Element::from(byte),
            None if set.count() == 256 => ANY,
            None => {
                let count = self.classes.len();
                let next = FIRST_CLASS + count as Element;
                let element = *self.classes.entry(set).or_insert(next);
                if self.classes.len() > CLASSES_MAX {
                    return Err(TooManyClasses);
                }
                element
            }
        };
        self.elements.push(element);
        Ok(())
    }

    /// Ends a part at a star.
    fn end_part(&mut self) {
        // Beyond the bound nothing matches, so nothing more is kept.
        if self.parts.len() <= STARS_MAX {
            let elements = std::mem::take(&mut self.elements);
            self.parts.push(part_of(&elements));
        }
        self.elements.clear();
        self.stars += 1;
    }

    fn finish(mut self) -> Pattern {
        let ends_in_star = self.elements.is_empty() && self.stars > 0;
        let inner_stars = self.stars - usize::from(ends_in_star);
        let elements = std::mem::take(&mut self.elements);
        self.parts.push(part_of(&elements));
        let len = self.parts.iter().map(|part| part.len).sum();
        let mut classes = vec![ByteSet::default(); self.classes.len()];
        for (set, element) in self.classes {
            classes[usize::from(element - FIRST_CLASS)] = set;
        }
        Pattern {
            parts: self.parts,
            classes: classes.into(),
            len_min: if inner_stars > STARS_MAX {
                usize::MAX
            } else {
                len
            },
        }
    }
}

fn part_of(elements: &[Element]) -> Part {
    let is_plain = |element: &Element| *element < ANY;
    let runs = elements.chunk_by(|left, right| is_plain(left) && is_plain(right));
    let (mut run_at, mut run_len, mut at) = (0, 0, 0);
    for run in runs {
        if is_plain(&run[0]) && run.len() > run_len {
            (run_at, run_len) = (at, run.len());
        }
        at += run.len();
    }
    let run: Vec<u8> = elements[run_at..run_at + run_len]
        .iter()
        .map(|element| *element as u8)
        .collect();
    let is_plain = run_len == elements.len();
    Part {
        elements: if is_plain { [].into() } else { elements.into() },
        run: Finder::new(&run).into_owned(),
        run_at,
        len: elements.len(),
    }
}

#[cfg(test)]
mod tests;
