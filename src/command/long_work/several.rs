//! Unions, intersections and differences of large sets and sorted sets, in slices.
//!
//! ```text
//!  keys ─▶ held: frozen, or copied if small ─▶ one walked leaf by leaf, its members looked for in
//!          the others ─┬▶ counted, then told                          SUNION and its kin
//!                      ├▶ counted                                     SINTERCARD, ZINTERCARD
//!                      ├▶ built in the workshop ─▶ put in place       …STORE
//!                      └▶ built in the workshop ─▶ told in order      ZUNION and its kin
//! ```
//!
//! A union walks all sources, and passes over what an earlier one has. So what is kept between two
//! steps is a number and a cursor, whatever the sources are, and the result is of one moment. A
//! union of many sources is *gathered* instead: it is built, and each member is looked for there.
//!
//! An intersection or difference of many sources looks for one member in some of them a step.
//!
//! Cost: a look-up of each walked member in each other source, or one in what is gathered.
//!
//! Not here: small sources (`value/set_algebra.rs`, `value/sorted_set/combine.rs`), how sources are
//! held (`held.rs`), very many of them (`finding.rs`).

use super::build::{Builder, STEP_BYTES, Target, build};
use super::held::{Held, Holding};
use super::range::{RangeForm, RangeOrder, Reading};
use crate::context::Context;
use crate::keyspace::{FrozenId, Key, Keyspace, Room, WorkId};
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::session::long_read::LongRead;
use crate::structures::block_tree::ELEMENTS_MAX;
use crate::structures::item::Item;
use crate::value::collection::{Form, Home};
use crate::value::set::{Set, SetMut};
use crate::value::set_algebra::Members;
use crate::value::sorted_set::SortedSet;
use crate::value::sorted_set::combine::{Aggregate, Combination, number_or_zero};
use std::ops::Range;

/// From this many members to be walked on the work is done in slices.
const LONG_COUNT_MIN: u64 = 4_096;

/// Look-ups that a step does, about.
const STEP_LOOKUPS: usize = 512;

/// A union of more sources is gathered: each member is put into the result, which takes as long as
/// so many look-ups. Otherwise a step may end between two look-ups of a member.
const LOOKED_THROUGH_MAX: usize = 8;

/// What is made of several keys.
#[derive(Clone, Debug)]
pub(in crate::command) struct Operation {
    /// Which members belong to it.
    pub(in crate::command) combination: Combination,
    /// What becomes of their scores.
    pub(in crate::command) aggregate: Aggregate,
    /// Of each source, or none for 1.
    pub(in crate::command) weights: Vec<f64>,
}

impl Operation {
    /// One of sets, whose members have no scores.
    pub(in crate::command) fn of_sets(combination: Combination) -> Self {
        Self {
            combination,
            aggregate: Aggregate::default(),
            weights: Vec::new(),
        }
    }
}

/// The sources of a command that takes long, held until it is released.
#[derive(Debug)]
pub(in crate::command) struct Several {
    pub(super) operation: Operation,
    /// In the order in which scores are folded, each with its weight.
    pub(super) sources: Vec<(Held, f64)>,
    pub(super) holding: Holding,
}

impl Several {
    /// Holds the collections of keys, if it takes long to combine them; types were checked.
    ///
    /// # Errors
    /// [`ReplyError::FULL`] if a union might have more elements than a collection can have.
    pub(in crate::command) fn hold_if_long(
        context: &mut Context<'_>,
        keys: &[Key<'_>],
        operation: Operation,
    ) -> Result<Option<Self>, ReplyError> {
        let (database, now_ms) = (context.database(), context.now_ms());
        let keyspace = &mut *context.keyspace;
        let lens = keys.iter().map(|&key| {
            let entry = keyspace.find(database, key, now_ms);
            let body = entry.and_then(|entry| keyspace.body(entry, now_ms));
            body.map_or(0, |body| body.len())
        });
        let walked = match operation.combination {
            Combination::Union => lens.sum::<u64>(),
            Combination::Intersection => lens.min().unwrap_or(0),
            Combination::Difference => { lens }.next().unwrap_or(0),
        };
        if walked.saturating_mul(keys.len() as u64) < LONG_COUNT_MIN {
            return Ok(None);
        }
        if walked > ELEMENTS_MAX {
            return Err(ReplyError::FULL);
        }
        let mut weights = operation.weights.iter();
        let mut holding = Holding::default();
        let mut sources: Vec<(Held, f64)> = keys
            .iter()
            .map(|&key| {
                let weight = weights.next().copied().unwrap_or(1.0);
                (holding.hold(keyspace, database, key, now_ms), weight)
            })
            .collect();
        match operation.combination {
            Combination::Union | Combination::Intersection => {
                sources.sort_by_key(|&(held, _)| holding.len(keyspace, held));
            }
            Combination::Difference => {}
        }
        Ok(Some(Self {
            operation,
            sources,
            holding,
        }))
    }

    /// Whether members may be shown repeatedly, once for each source that has them.
    fn is_gathered(&self) -> bool {
        let is_union = matches!(self.operation.combination, Combination::Union);
        is_union && self.sources.len() > LOOKED_THROUGH_MAX
    }

    /// Whether a member may be looked for in so many sources that a step may end in between.
    fn is_probed(&self) -> bool {
        self.sources.len() > LOOKED_THROUGH_MAX && !self.is_gathered()
    }

    /// Lets all sources go.
    pub(super) fn release(&mut self, keyspace: &mut Keyspace) {
        self.holding.release(keyspace);
    }

    /// The score that a member of source `at` has in the result, if it belongs to it and no
    /// earlier source is in charge of it.
    fn result(&self, keyspace: &Keyspace, at: usize, member: Item<'_>, score: f64) -> Option<f64> {
        let Operation {
            combination,
            aggregate,
            ..
        } = self.operation;
        let weighed = number_or_zero(score * self.sources[at].1);
        if self.is_gathered() {
            return Some(weighed);
        }
        let score_in = |held: Held| self.holding.score(keyspace, held, member);
        let others = &self.sources[at + 1..];
        match combination {
            Combination::Union => {
                let mut earlier = self.sources[..at].iter();
                if earlier.any(|&(held, _)| score_in(held).is_some()) {
                    return None;
                }
                let scores = others.iter().filter_map(|(held, weight)| {
                    let score = score_in(*held)?;
                    Some(number_or_zero(score * weight))
                });
                Some(scores.fold(weighed, |folded, score| aggregate.fold(folded, score)))
            }
            Combination::Intersection => others.iter().try_fold(weighed, |folded, source| {
                let (held, weight) = source;
                // As in Redis: what is not a number here spoils the whole sum.
                Some(aggregate.fold(folded, score_in(*held)? * weight))
            }),
            Combination::Difference => {
                let mut others = others.iter();
                let is_left = !others.any(|&(held, _)| score_in(held).is_some());
                is_left.then_some(score)
            }
        }
    }

    /// Shows the next members of the result; true at the end.
    fn step(
        &self,
        keyspace: &Keyspace,
        walk: &mut Walk,
        mut each: impl FnMut(Item<'_>, f64),
    ) -> bool {
        if self.is_probed() {
            return self.probe_some(keyspace, walk, each);
        }
        let last = match self.operation.combination {
            Combination::Union => self.sources.len(),
            Combination::Intersection | Combination::Difference => 1,
        };
        let lookups_each = if self.is_gathered() {
            1
        } else {
            self.sources.len()
        };
        let mut lookups = 0;
        while walk.at < last && lookups < STEP_LOOKUPS {
            let (held, _) = self.sources[walk.at];
            let (at, cursor) = (walk.at, walk.cursor);
            walk.cursor = (self.holding).scan(keyspace, held, cursor, |member, score| {
                lookups += lookups_each;
                if let Some(score) = self.result(keyspace, at, member, score) {
                    each(member, score);
                }
            });
            walk.at += usize::from(walk.cursor == 0);
        }
        walk.at == last
    }

    /// The same of an intersection or difference of many sources.
    fn probe_some(
        &self,
        keyspace: &Keyspace,
        walk: &mut Walk,
        mut each: impl FnMut(Item<'_>, f64),
    ) -> bool {
        let mut lookups_left = STEP_LOOKUPS;
        loop {
            if !self.probe(keyspace, &mut walk.probed, &mut lookups_left, &mut each) {
                return false;
            }
            if walk.at > 0 {
                return true;
            }
            walk.probed = Probed::default();
            let ((held, weight), probed) = (self.sources[0], &mut walk.probed);
            walk.cursor = (self.holding).scan(keyspace, held, walk.cursor, |member, score| {
                probed.members.push(member);
                probed.scores.push(match self.operation.combination {
                    Combination::Difference => score,
                    Combination::Intersection | Combination::Union => {
                        number_or_zero(score * weight)
                    }
                });
            });
            walk.at = usize::from(walk.cursor == 0);
        }
    }

    /// Looks for the members of a leaf in the other sources; false if there are no look-ups left.
    fn probe(
        &self,
        keyspace: &Keyspace,
        probed: &mut Probed,
        lookups_left: &mut usize,
        each: &mut impl FnMut(Item<'_>, f64),
    ) -> bool {
        let is_intersection = self.operation.combination == Combination::Intersection;
        while let Some((member, after)) = probed.members.at(probed.at) {
            let folded = &mut probed.scores[probed.index];
            let others = &self.sources[1 + probed.passed..];
            let mut is_out = false;
            for &(held, weight) in others.iter().take(*lookups_left) {
                *lookups_left -= 1;
                probed.passed += 1;
                let found = self.holding.score(keyspace, held, member);
                is_out = found.is_some() != is_intersection;
                if is_out {
                    break;
                }
                if let Some(score) = found {
                    *folded = self.operation.aggregate.fold(*folded, score * weight);
                }
            }
            if !is_out && probed.passed + 1 < self.sources.len() {
                return false;
            }
            if !is_out {
                each(member, *folded);
            }
            (probed.at, probed.passed) = (after, 0);
            probed.index += 1;
        }
        true
    }
}

/// How far the sources have been walked.
#[derive(Debug, Default)]
struct Walk {
    at: usize,
    cursor: u64,
    probed: Probed,
}

/// The members of a leaf that are looked for in many sources.
#[derive(Debug, Default)]
struct Probed {
    members: Members,
    /// Their scores, folded with those that were found.
    scores: Vec<f64>,
    /// Where the member stands that is looked for now …
    at: usize,
    /// … which it is …
    index: usize,
    /// … and in how many other sources it was looked for.
    passed: usize,
}

/// Replies the members of a result of sets.
pub(in crate::command) fn tell_set(context: &mut Context<'_>, several: Several, form: RangeForm) {
    if several.is_gathered() {
        let walk = Walk::default();
        return tell_built(context, SetBuilder { several, walk }, form);
    }
    context.answer_in_steps(SetRead {
        several,
        walk: Walk::default(),
        count: 0,
        is_counted: false,
    });
}

#[derive(Debug)]
struct SetRead {
    several: Several,
    walk: Walk,
    count: usize,
    is_counted: bool,
}

impl LongRead for SetRead {
    fn step(&mut self, keyspace: &mut Keyspace, _: u64, reply: &mut ReplyWriter<'_>) -> bool {
        let Self {
            several,
            walk,
            count,
            is_counted,
        } = self;
        if !*is_counted {
            if several.step(keyspace, walk, |_, _| *count += 1) {
                reply.set(*count);
                *is_counted = true;
                *walk = Walk::default();
            }
            return false;
        }
        let is_over = several.step(keyspace, walk, |member, _| reply.item(member));
        if is_over {
            several.release(keyspace);
        }
        is_over
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        self.several.release(keyspace);
    }

    fn used_bytes(&self) -> usize {
        size_of::<Self>()
    }
}

/// Replies how many members a result has, at most `limit`.
pub(in crate::command) fn tell_count(context: &mut Context<'_>, several: Several, limit: u64) {
    context.answer_in_steps(CountRead {
        several,
        walk: Walk::default(),
        count: 0,
        limit,
    });
}

#[derive(Debug)]
struct CountRead {
    several: Several,
    walk: Walk,
    count: u64,
    limit: u64,
}

impl LongRead for CountRead {
    fn step(&mut self, keyspace: &mut Keyspace, _: u64, reply: &mut ReplyWriter<'_>) -> bool {
        let count = &mut self.count;
        let is_over = (self.several).step(keyspace, &mut self.walk, |_, _| *count += 1);
        if !is_over && self.count < self.limit {
            return false;
        }
        reply.integer(self.count.min(self.limit) as i64);
        self.several.release(keyspace);
        true
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        self.several.release(keyspace);
    }

    fn used_bytes(&self) -> usize {
        size_of::<Self>()
    }
}

/// Stores a result of sets.
pub(in crate::command) fn store_set(context: &mut Context<'_>, several: Several, target: Target) {
    let work = context.keyspace.begin_work();
    build(
        context,
        target,
        work,
        SetBuilder {
            several,
            walk: Walk::default(),
        },
    );
}

#[derive(Debug)]
struct SetBuilder {
    several: Several,
    walk: Walk,
}

impl Builder for SetBuilder {
    fn step(&mut self, keyspace: &mut Keyspace, work: WorkId, now_ms: u64) -> bool {
        let mut found = Members::default();
        let is_over = (self.several).step(keyspace, &mut self.walk, |member, _| found.push(member));
        if found.count() > 0 {
            keyspace.build::<Set, _>(work, now_ms, |set| add_all(set, &found));
        }
        is_over
    }

    fn release(&mut self, keyspace: &mut Keyspace) {
        self.several.release(keyspace);
    }
}

fn add_all<H: Home>(set: &mut SetMut<H>, members: &Members) {
    for member in members.iter() {
        if set.read().is_empty() {
            set.expect(|| member, 1);
        }
        set.add_item(member);
    }
}

/// Members with their scores on their way into a sorted set in the making.
#[derive(Default)]
struct ScoredMembers {
    members: Members,
    scores: Vec<f64>,
}

impl ScoredMembers {
    fn push(&mut self, member: Item<'_>, score: f64) {
        self.members.push(member);
        self.scores.push(score);
    }

    /// Puts them in place, folded with the scores of those that are there.
    fn put_into(self, keyspace: &mut Keyspace, work: WorkId, aggregate: Aggregate, now_ms: u64) {
        if self.scores.is_empty() {
            return;
        }
        keyspace.build::<SortedSet, _>(work, now_ms, |set| {
            for (member, score) in self.members.iter().zip(self.scores) {
                set.update(member.text(&mut itoa::Buffer::new()), |old| {
                    Some(old.map_or(score, |old| aggregate.fold(old, score)))
                });
            }
        });
    }
}

/// Builds a result of sorted sets.
#[derive(Debug)]
struct SortedSetBuilder {
    several: Several,
    walk: Walk,
}

impl Builder for SortedSetBuilder {
    fn step(&mut self, keyspace: &mut Keyspace, work: WorkId, now_ms: u64) -> bool {
        let mut found = ScoredMembers::default();
        let is_over = (self.several).step(keyspace, &mut self.walk, |member, score| {
            found.push(member, score);
        });
        let aggregate = self.several.operation.aggregate;
        found.put_into(keyspace, work, aggregate, now_ms);
        is_over
    }

    fn release(&mut self, keyspace: &mut Keyspace) {
        self.several.release(keyspace);
    }
}

/// Stores a result of sorted sets.
pub(in crate::command) fn store_sorted_set(
    context: &mut Context<'_>,
    several: Several,
    target: Target,
) {
    let work = context.keyspace.begin_work();
    let walk = Walk::default();
    build(context, target, work, SortedSetBuilder { several, walk });
}

/// Replies a result of sorted sets in order: it is built in the workshop, and told from there.
pub(in crate::command) fn tell_sorted_set(
    context: &mut Context<'_>,
    several: Several,
    form: RangeForm,
) {
    let walk = Walk::default();
    tell_built(context, SortedSetBuilder { several, walk }, form);
}

/// Replies what a builder builds in the workshop.
fn tell_built(context: &mut Context<'_>, builder: impl Builder + 'static, form: RangeForm) {
    let work = context.keyspace.begin_work();
    context.answer_in_steps(BuiltRead {
        builder,
        work,
        form,
        reading: None,
    });
}

#[derive(Debug)]
struct BuiltRead<B> {
    builder: B,
    work: WorkId,
    form: RangeForm,
    /// Once all is built.
    reading: Option<Reading>,
}

impl<B: Builder> BuiltRead<B> {
    fn begin_reading(&mut self, keyspace: &mut Keyspace, now_ms: u64) {
        self.builder.release(keyspace);
        let body = keyspace.built_body(self.work);
        let order = RangeOrder::all(body.map_or(0, |body| body.len()));
        self.reading = Some(Reading::new(order, self.form, now_ms));
    }
}

impl<B: Builder> LongRead for BuiltRead<B> {
    fn step(&mut self, keyspace: &mut Keyspace, now_ms: u64, reply: &mut ReplyWriter<'_>) -> bool {
        let Some(reading) = &mut self.reading else {
            if keyspace.make_room(STEP_BYTES, now_ms) == Room::Exhausted {
                self.abandon(keyspace);
                reply.error(&ReplyError::OOM);
                return true;
            }
            if self.builder.step(keyspace, self.work, now_ms) {
                self.begin_reading(keyspace, now_ms);
            }
            return false;
        };
        let body = keyspace.built_body(self.work);
        let is_over = match body.map(|body| (body, body.form)) {
            None => {
                (self.form.header)(reply, 0);
                true
            }
            Some((_, Form::Integers(integers))) => {
                (self.form.header)(reply, integers.count());
                integers.iter().for_each(|value| reply.bulk_integer(value));
                true
            }
            Some((body, Form::Packed(_) | Form::Large(_))) => {
                reading.step(body.ordered_elements(), reply)
            }
        };
        if is_over {
            keyspace.scrap(self.work, now_ms);
        }
        is_over
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        if self.reading.is_none() {
            self.builder.release(keyspace);
        }
        keyspace.scrap(self.work, 0);
    }

    fn used_bytes(&self) -> usize {
        size_of::<Self>()
    }
}

/// Stores a range of a large sorted set, whose members keep their scores.
pub(in crate::command) fn store_range(
    context: &mut Context<'_>,
    source: Key<'_>,
    ranks: Range<u64>,
    target: Target,
) {
    let (database, now_ms) = (context.database(), context.now_ms());
    let frozen = context.keyspace.freeze(database, source, now_ms);
    let frozen = frozen.expect("the caller knows that it is large");
    let work = context.keyspace.begin_work();
    build(context, target, work, RangeBuilder { frozen, ranks });
}

#[derive(Debug)]
struct RangeBuilder {
    frozen: FrozenId,
    ranks: Range<u64>,
}

impl Builder for RangeBuilder {
    fn step(&mut self, keyspace: &mut Keyspace, work: WorkId, now_ms: u64) -> bool {
        let mut found = ScoredMembers::default();
        let count = (self.ranks.end - self.ranks.start).min(STEP_LOOKUPS as u64);
        let elements = keyspace.frozen(self.frozen).from(self.ranks.start);
        for element in elements.take(count as usize) {
            found.push(element.key(), element.score());
        }
        self.ranks.start += count;
        found.put_into(keyspace, work, Aggregate::default(), now_ms);
        self.ranks.is_empty()
    }

    fn release(&mut self, keyspace: &mut Keyspace) {
        keyspace.thaw(self.frozen);
    }
}
