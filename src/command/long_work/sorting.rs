//! SORT: at once if there are few elements, else in slices from a frozen state.
//!
//! ```text
//!  freeze ─▶ copy elements, look up what they weigh ─▶ thaw ─▶ sort, some at a time
//!                                     ┌▶ header ─▶ elements, or what they lead to
//!                                     └▶ a list in the workshop ─▶ put in place          STORE
//! ```
//!
//! The elements are those of one moment. What BY and GET lead to is looked up when it is needed:
//! for a long SORT at several moments.
//!
//! Cost: a copy of the elements, and 24 bytes for each, twice while they are sorted.
//!
//! Not here: the command (`command/generic/sort.rs`), patterns (`sort_pattern.rs`), the sort itself
//! (`structures/sliced_sort.rs`).

use super::build::{Builder, Target, build, may_take_steps};
use super::sort_pattern::{Pattern, Place};
use crate::base::numbers::parse_f64;
use crate::context::Context;
use crate::keyspace::{Event, FrozenId, Key, Keyspace, Memory, WorkId};
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::session::long_read::LongRead;
use crate::structures::item::Item;
use crate::structures::sliced_sort::SlicedSort;
use crate::value::collection::{Elements, Form};
use crate::value::list::{End, List};
use std::cmp::Ordering;
use std::ops::Range;

/// From this many elements on it is done in slices.
const LONG_COUNT_MIN: u64 = 1_024;

/// Elements that a step copies, without those that are looked up.
const STEP_READ: u64 = 512;

/// Elements that a step puts in order.
const STEP_SORTED: usize = 1_024;

/// Values that a step tells or stores.
const STEP_TOLD: usize = 256;

/// Bytes after which a step ends.
const STEP_BYTES: usize = 64 * 1024;

const NO_NUMBER: ReplyError =
    ReplyError::fixed("ERR One or more scores can't be converted into double");

/// What elements are sorted by.
#[derive(Clone, Debug)]
pub(in crate::command) enum By {
    /// They stay in the order in which they are.
    Nothing,
    /// Themselves.
    Element,
    /// What a pattern leads to.
    Pattern(Pattern),
}

/// What SORT is asked for.
#[derive(Clone, Debug)]
pub(in crate::command) struct Plan {
    /// What elements are sorted by.
    pub(in crate::command) by: By,
    /// Whether as texts, not as numbers.
    pub(in crate::command) is_alphabetic: bool,
    /// Whether the greatest comes first.
    pub(in crate::command) is_descending: bool,
    /// How many are left out, and how many are wanted; all if negative.
    pub(in crate::command) limit: (i64, i64),
    /// What is told of each; none for the element.
    pub(in crate::command) gets: Vec<Pattern>,
}

impl Plan {
    /// Which of so many sorted elements are wanted.
    fn range(&self, len: u64) -> Range<u64> {
        let (start, count) = self.limit;
        let start = u64::try_from(start).unwrap_or(0).min(len);
        let count = u64::try_from(count).unwrap_or(len).min(len - start);
        start..start + count
    }

    /// How many values are told of each element.
    fn values_each(&self) -> usize {
        self.gets.len().max(1)
    }
}

/// An element with what it weighs, both in the texts.
#[derive(Clone, Copy, Debug)]
struct Weighed {
    at: u64,
    /// A number, or where a text begins.
    weight: u64,
    len: u32,
    /// The length of the weight, if it is a text.
    weight_len: u32,
}

/// There is no text that it weighs.
const NO_WEIGHT: u32 = u32::MAX;

/// Copies of elements.
#[derive(Debug, Default)]
struct Texts(Vec<u8>);

impl Texts {
    fn push(&mut self, text: &[u8]) -> (u64, u32) {
        let at = self.0.len() as u64;
        self.0.extend_from_slice(text);
        (at, text.len() as u32)
    }

    fn get(&self, at: u64, len: u32) -> &[u8] {
        &self.0[at as usize..][..len as usize]
    }

    fn element(&self, element: &Weighed) -> &[u8] {
        self.get(element.at, element.len)
    }

    /// The order of two elements.
    fn compare(&self, plan: &Plan, one: &Weighed, other: &Weighed) -> Ordering {
        let by_text = || self.element(one).cmp(self.element(other));
        let weight = |element: &Weighed| {
            let is_there = element.weight_len != NO_WEIGHT;
            is_there.then(|| self.get(element.weight, element.weight_len))
        };
        let ascending = match (&plan.by, plan.is_alphabetic) {
            (By::Nothing, _) => return Ordering::Equal,
            (By::Element, true) => by_text(),
            (By::Pattern(_), true) => weight(one).cmp(&weight(other)),
            (By::Element | By::Pattern(_), false) => {
                let [one, other] = [one.weight, other.weight].map(f64::from_bits);
                let by_number = one.partial_cmp(&other);
                by_number.expect("weights are numbers").then_with(by_text)
            }
        };
        match plan.is_descending {
            true => ascending.reverse(),
            false => ascending,
        }
    }
}

/// The number that a text spells, as SORT reads it.
fn parse_weight(text: &[u8]) -> Option<f64> {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    if end == 0 {
        return Some(0.0);
    }
    parse_f64(text[..end].trim_ascii_start())
}

/// Where elements come from.
#[derive(Debug)]
enum Source {
    /// Nowhere any more.
    Done,
    /// A frozen state.
    Frozen(FrozenId),
    /// A key that does not change meanwhile.
    Key(Box<[u8]>),
}

/// How far it is.
#[derive(Debug)]
enum Phase {
    Reading,
    Sorting(SlicedSort<Weighed>),
    Sorted,
}

/// A SORT that is under way.
#[derive(Debug)]
struct Sorting {
    plan: Plan,
    database: usize,
    source: Source,
    /// Elements still to be read.
    ranks: Range<u64>,
    /// Whether the last of them comes first.
    is_backward: bool,
    texts: Texts,
    elements: Vec<Weighed>,
    has_bad_weight: bool,
    phase: Phase,
    /// Of the sorted elements, those still to be told.
    wanted: Range<usize>,
}

impl Sorting {
    fn new(plan: Plan, database: usize, source: Source, len: u64) -> Self {
        let range = plan.range(len);
        let (ranks, wanted, is_backward) = match plan.by {
            By::Element | By::Pattern(_) => (0..len, range, false),
            By::Nothing => {
                let wanted = 0..range.end - range.start;
                let ranks = match plan.is_descending {
                    true => len - range.end..len - range.start,
                    false => range,
                };
                (ranks, wanted, plan.is_descending)
            }
        };
        Self {
            plan,
            database,
            source,
            ranks,
            is_backward,
            texts: Texts::default(),
            elements: Vec::new(),
            has_bad_weight: false,
            phase: Phase::Reading,
            wanted: wanted.start as usize..wanted.end as usize,
        }
    }

    fn value_count(&self) -> usize {
        self.wanted.len() * self.plan.values_each()
    }

    fn place(&self, now_ms: u64) -> Place {
        Place {
            database: self.database,
            now_ms,
        }
    }

    /// Goes on until the elements are in order; true then.
    ///
    /// # Errors
    /// If one of them weighs no number.
    fn prepare(&mut self, keyspace: &mut Keyspace, now_ms: u64) -> Result<bool, ReplyError> {
        match &mut self.phase {
            Phase::Reading => {
                if !self.read_some(keyspace, now_ms) {
                    return Ok(false);
                }
                self.release(keyspace);
                if self.has_bad_weight {
                    return Err(NO_NUMBER);
                }
                let elements = std::mem::take(&mut self.elements);
                self.phase = Phase::Sorting(SlicedSort::new(elements));
                Ok(false)
            }
            Phase::Sorting(sort) => {
                let (texts, plan) = (&self.texts, &self.plan);
                let compare = |one: &Weighed, other: &Weighed| texts.compare(plan, one, other);
                if sort.step(STEP_SORTED, compare) {
                    let sorted = std::mem::replace(&mut self.phase, Phase::Sorted);
                    if let Phase::Sorting(sort) = sorted {
                        self.elements = sort.into_items();
                    }
                }
                Ok(false)
            }
            Phase::Sorted => Ok(true),
        }
    }

    /// Copies some elements; true if there are no more.
    fn read_some(&mut self, keyspace: &Keyspace, now_ms: u64) -> bool {
        let source = std::mem::replace(&mut self.source, Source::Done);
        match &source {
            Source::Done => self.ranks = 0..0,
            Source::Frozen(id) => self.read_elements(keyspace, keyspace.frozen(*id), now_ms),
            Source::Key(key) => {
                let entry = keyspace.find(self.database, keyspace.key(key), now_ms);
                let body = entry.and_then(|entry| keyspace.body(entry, now_ms));
                match body.map(|body| (body.form, body)) {
                    None => self.ranks = 0..0,
                    Some((Form::Integers(set), _)) => {
                        let (start, end) = (self.ranks.start as usize, self.ranks.end as usize);
                        for value in set.iter().take(end).skip(start) {
                            self.add(keyspace, Item::Integer(value), now_ms);
                        }
                        self.ranks = 0..0;
                    }
                    Some((Form::Packed(_) | Form::Large(_), body)) => {
                        self.read_elements(keyspace, body.ordered_elements(), now_ms);
                    }
                }
            }
        }
        self.source = source;
        self.ranks.is_empty()
    }

    fn read_elements(&mut self, keyspace: &Keyspace, elements: Elements<'_, Memory>, now_ms: u64) {
        let begin = self.texts.0.len();
        let looked_up = 1 + u64::from(matches!(self.plan.by, By::Pattern(_)));
        let mut left = (self.ranks.end - self.ranks.start).min(STEP_READ / looked_up);
        if self.is_backward {
            for element in elements.back_from(self.ranks.end).take(left as usize) {
                self.ranks.end -= 1;
                self.add(keyspace, element.key(), now_ms);
            }
            return;
        }
        for element in elements.from(self.ranks.start) {
            if left == 0 || self.texts.0.len() - begin >= STEP_BYTES {
                return;
            }
            left -= 1;
            self.ranks.start += 1;
            self.add(keyspace, element.key(), now_ms);
        }
    }

    /// Copies an element, and looks up what it weighs.
    fn add(&mut self, keyspace: &Keyspace, element: Item<'_>, now_ms: u64) {
        let mut buffer = itoa::Buffer::new();
        let text = element.text(&mut buffer);
        let (at, len) = self.texts.push(text);
        let place = self.place(now_ms);
        let mut weigh = |text: &[u8]| {
            let weight = parse_weight(text);
            self.has_bad_weight |= weight.is_none();
            weight.unwrap_or_default().to_bits()
        };
        let (weight, weight_len) = match (&self.plan.by, self.plan.is_alphabetic) {
            (By::Nothing, _) | (By::Element, true) => (0, NO_WEIGHT),
            (By::Element, false) => (weigh(text), NO_WEIGHT),
            (By::Pattern(pattern), false) => pattern.look_up(keyspace, place, text, |value| {
                (value.map_or(0, weigh), NO_WEIGHT)
            }),
            (By::Pattern(pattern), true) => {
                let texts = &mut self.texts;
                pattern.look_up(keyspace, place, text, |value| {
                    value.map_or((0, NO_WEIGHT), |value| texts.push(value))
                })
            }
        };
        self.elements.push(Weighed {
            at,
            weight,
            len,
            weight_len,
        });
    }

    /// Shows the next values, `None` for one that is not there; true if there are no more.
    fn tell_some(
        &mut self,
        keyspace: &Keyspace,
        now_ms: u64,
        mut tell: impl FnMut(Option<&[u8]>) -> bool,
    ) -> bool {
        let place = self.place(now_ms);
        let mut left = (STEP_TOLD / self.plan.values_each()).max(1);
        while left > 0
            && let Some(index) = self.wanted.next()
        {
            let element = self.texts.element(&self.elements[index]);
            let mut is_enough = false;
            if self.plan.gets.is_empty() {
                is_enough = tell(Some(element));
            }
            for pattern in &self.plan.gets {
                is_enough |= pattern.look_up(keyspace, place, element, &mut tell);
            }
            left = if is_enough { 0 } else { left - 1 };
        }
        self.wanted.is_empty()
    }

    fn release(&mut self, keyspace: &mut Keyspace) {
        if let Source::Frozen(id) = std::mem::replace(&mut self.source, Source::Done) {
            keyspace.thaw(id);
        }
    }

    fn used_bytes(&self) -> usize {
        let elements = match &self.phase {
            Phase::Reading | Phase::Sorted => self.elements.capacity() * size_of::<Weighed>(),
            Phase::Sorting(sort) => sort.heap_bytes(),
        };
        size_of::<Self>() + self.texts.0.capacity() + elements
    }
}

/// Begins a SORT of a key's value, which has `len` elements; of none if there is no such key.
fn begin(context: &mut Context<'_>, key: Key<'_>, plan: Plan, len: u64) -> (Sorting, bool) {
    let (database, now_ms) = (context.database(), context.now_ms());
    let is_long = len >= LONG_COUNT_MIN && may_take_steps(context);
    let frozen = match is_long {
        true => context.keyspace.freeze(database, key, now_ms),
        false => None,
    };
    let source = frozen.map_or_else(|| Source::Key(key.bytes.into()), Source::Frozen);
    let sorting = Sorting::new(plan, database, source, len);
    (sorting, frozen.is_some())
}

/// Replies the sorted elements of a key, or what they lead to.
pub(in crate::command) fn tell(context: &mut Context<'_>, key: Key<'_>, plan: Plan, len: u64) {
    let (sorting, takes_steps) = begin(context, key, plan, len);
    let read = SortRead {
        sorting,
        has_header: false,
    };
    match takes_steps {
        true => context.answer_in_steps(read),
        false => context.answer_at_once(read),
    }
}

#[derive(Debug)]
struct SortRead {
    sorting: Sorting,
    has_header: bool,
}

impl LongRead for SortRead {
    fn step(&mut self, keyspace: &mut Keyspace, now_ms: u64, reply: &mut ReplyWriter<'_>) -> bool {
        match self.sorting.prepare(keyspace, now_ms) {
            Ok(true) => {}
            Ok(false) => return false,
            Err(error) => {
                reply.error(&error);
                return true;
            }
        }
        if !self.has_header {
            reply.array(self.sorting.value_count());
            self.has_header = true;
        }
        let begin = reply.len();
        let is_over = self.sorting.tell_some(keyspace, now_ms, |value| {
            match value {
                Some(text) => reply.bulk(text),
                None => reply.null(),
            }
            reply.len() - begin >= STEP_BYTES || reply.is_over()
        });
        // A reply that is over its limit is taken back, so its rest matters to nobody.
        is_over || reply.is_over()
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        self.sorting.release(keyspace);
    }

    fn used_bytes(&self) -> usize {
        self.sorting.used_bytes()
    }
}

/// Stores the sorted elements of a key, or what they lead to, in another one.
///
/// # Errors
/// If one of them weighs no number.
pub(in crate::command) fn store(
    context: &mut Context<'_>,
    (key, target): (Key<'_>, Key<'_>),
    plan: Plan,
    len: u64,
) -> Result<(), ReplyError> {
    let (mut sorting, takes_steps) = begin(context, key, plan, len);
    let event = Event::SortStore;
    if takes_steps {
        let target = Target::new(context.database(), target, event, |reply, count| {
            reply.integer(count as i64);
        });
        let work = context.keyspace.begin_work();
        let failure = None;
        build(context, target, work, SortBuilder { sorting, failure });
        return Ok(());
    }
    let now_ms = context.now_ms();
    while !sorting.prepare(context.keyspace, now_ms)? {}
    let mut values = Values::default();
    while !sorting.tell_some(context.keyspace, now_ms, |value| values.push(value)) {}
    let count = values.lens.len();
    match count {
        0 => {
            context.mutate().remove(target);
        }
        _ => (context.mutate())
            .store::<List>(target, event, |list| list.push(End::Back, values.iter())),
    }
    context.reply.integer(count as i64);
    Ok(())
}

/// Values on their way into a list.
#[derive(Default)]
struct Values {
    texts: Vec<u8>,
    lens: Vec<usize>,
}

impl Values {
    /// Adds one, an empty one for none; whether there are enough for a step.
    fn push(&mut self, value: Option<&[u8]>) -> bool {
        let value = value.unwrap_or_default();
        self.texts.extend_from_slice(value);
        self.lens.push(value.len());
        self.texts.len() >= STEP_BYTES
    }

    fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        let mut rest = &self.texts[..];
        self.lens.iter().map(move |&len| {
            let (value, after) = rest.split_at(len);
            rest = after;
            value
        })
    }
}

#[derive(Debug)]
struct SortBuilder {
    sorting: Sorting,
    failure: Option<ReplyError>,
}

impl Builder for SortBuilder {
    fn step(&mut self, keyspace: &mut Keyspace, work: WorkId, now_ms: u64) -> bool {
        match self.sorting.prepare(keyspace, now_ms) {
            Ok(true) => {}
            Ok(false) => return false,
            Err(error) => {
                self.failure = Some(error);
                return true;
            }
        }
        let mut values = Values::default();
        let is_over = (self.sorting).tell_some(keyspace, now_ms, |value| values.push(value));
        if !values.lens.is_empty() {
            keyspace.build::<List, _>(work, now_ms, |list| list.push(End::Back, values.iter()));
        }
        is_over
    }

    fn failure(&mut self) -> Option<ReplyError> {
        self.failure.take()
    }

    fn release(&mut self, keyspace: &mut Keyspace) {
        self.sorting.release(keyspace);
    }
}
