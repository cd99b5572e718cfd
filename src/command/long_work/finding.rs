//! Finding the sources of a union, intersection or difference that names very many keys.
//!
//! ```text
//!  keys ─▶ some a step: type checked, held ─▶ put in order ─▶ Several ─▶ told or stored in slices
//! ```
//!
//! Invariant: nobody else touches a key before all are held (`engine/steps.rs`), so all are of one
//! moment; from then on everybody goes on.
//!
//! Not here: what is made of them (`several.rs`).

use super::build::may_take_steps;
use super::held::{Held, Holding};
use super::several::{Operation, Several};
use crate::command::arguments::many_keys::for_each_key;
use crate::command::call::remember_key;
use crate::context::Context;
use crate::context::job::Steps;
use crate::keyspace::Key;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::structures::block_tree::ELEMENTS_MAX;
use crate::structures::sliced_sort::SlicedSort;
use crate::value::kind::Kind;
use crate::value::sorted_set::combine::Combination;
use std::collections::HashMap;
use std::ops::Range;

/// Keys that a step holds.
const STEP_KEYS: usize = 128;

/// Sources that a step puts in order, about.
const STEP_SORTED: usize = 2_048;

/// What a request is about.
pub(in crate::command) struct Request {
    /// Its arguments that are the keys.
    pub(in crate::command) keys: Range<usize>,
    /// Which types of values they may hold.
    pub(in crate::command) may_be: fn(Kind) -> bool,
    /// A key that is named repeatedly is as good as one that is named once, but for the first.
    pub(in crate::command) is_idempotent: bool,
    /// The client is told when a key changes that it has read, if it wants to be.
    pub(in crate::command) is_read: bool,
}

/// The steps in which the keys of a request are found, if its client can wait; `end` gets what is
/// held.
pub(in crate::command) fn find<F>(
    context: &Context<'_>,
    request: Request,
    operation: Operation,
    end: F,
) -> Option<Box<dyn Steps>>
where
    F: FnOnce(&mut Context<'_>, Args<'_>, Several) + Send + 'static,
{
    if !may_take_steps(context) {
        return None;
    }
    let key_count = request.keys.len();
    let finding = Finding {
        next: request.keys.start,
        member_count: 0,
        places: HashMap::with_capacity(if request.is_idempotent { key_count } else { 0 }),
        sort: None,
        several: Some(Several {
            operation,
            sources: Vec::with_capacity(key_count),
            holding: Holding::default(),
        }),
        request,
        end: Some(end),
    };
    Some(Box::new(finding))
}

struct Finding<F> {
    request: Request,
    /// The next argument that is a key.
    next: usize,
    /// Members of all sources so far.
    member_count: u64,
    /// Where keys stand in the request, by their hashes, if each is held once.
    places: HashMap<u64, usize>,
    /// While they are put in order.
    sort: Option<SlicedSort<(Held, f64)>>,
    /// What is held, and what becomes of it, until it does.
    several: Option<Several>,
    end: Option<F>,
}

impl<F> std::fmt::Debug for Finding<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Finding");
        shown.field("next", &self.next).finish_non_exhaustive()
    }
}

impl<F> Steps for Finding<F>
where
    F: FnOnce(&mut Context<'_>, Args<'_>, Several) + Send,
{
    fn step(
        &mut self,
        context: &mut Context<'_>,
        args: Args<'_>,
        _: usize,
    ) -> Result<bool, ReplyError> {
        let mut several = self.several.take().expect("it goes on until it ends");
        if self.next < self.request.keys.end {
            if let Err(error) = self.hold_some(context, args, &mut several) {
                several.release(context.keyspace);
                return Err(error);
            }
        } else if self.has_order(context, &mut several) {
            match self.end.take().filter(|_| context.may_wait) {
                Some(end) => end(context, args, several),
                // The client has gone.
                None => several.release(context.keyspace),
            }
            return Ok(true);
        }
        self.several = Some(several);
        Ok(false)
    }
}

impl<F> Finding<F> {
    fn hold_some(
        &mut self,
        context: &mut Context<'_>,
        args: Args<'_>,
        several: &mut Several,
    ) -> Result<(), ReplyError> {
        let end = (self.next + STEP_KEYS).min(self.request.keys.end);
        let range = self.next..end;
        let mut is_wrong = false;
        for_each_key(context, args, range, 1, |context, index, key| {
            if self.request.is_read {
                remember_key(context, key);
            }
            let kind = context.read(key, |_, entry| entry.map(|entry| entry.kind()));
            is_wrong |= kind.is_some_and(|kind| !(self.request.may_be)(kind));
            if !is_wrong && !self.is_repeated(args, index, key) {
                self.hold(context, several, index, key);
            }
        });
        self.next = end;
        if is_wrong {
            return Err(ReplyError::WRONGTYPE);
        }
        let is_union = several.operation.combination == Combination::Union;
        match is_union && self.member_count > ELEMENTS_MAX {
            true => Err(ReplyError::FULL),
            false => Ok(()),
        }
    }

    /// Whether an argument is a key that is held already, for which once is enough.
    fn is_repeated(&mut self, args: Args<'_>, index: usize, key: Key<'_>) -> bool {
        if !self.request.is_idempotent || index == self.request.keys.start {
            return false;
        }
        let place = *self.places.entry(key.hash()).or_insert(index);
        place != index && args.get(place) == key.bytes
    }

    fn hold(
        &mut self,
        context: &mut Context<'_>,
        several: &mut Several,
        index: usize,
        key: Key<'_>,
    ) {
        let Several {
            operation,
            sources,
            holding,
        } = several;
        let weight = operation.weights.get(index - self.request.keys.start);
        let (database, now_ms) = (context.database(), context.now_ms());
        let held = holding.hold(context.keyspace, database, key, now_ms);
        self.member_count += holding.len(context.keyspace, held);
        sources.push((held, weight.copied().unwrap_or(1.0)));
    }

    /// Goes on to put the sources in the order in which scores are folded; true when they are.
    fn has_order(&mut self, context: &Context<'_>, several: &mut Several) -> bool {
        let Several {
            operation,
            sources,
            holding,
        } = several;
        match operation.combination {
            Combination::Difference => return true,
            Combination::Union | Combination::Intersection => {}
        }
        let sort = (self.sort).get_or_insert_with(|| SlicedSort::new(std::mem::take(sources)));
        let len = |held| holding.len(context.keyspace, held);
        let has_order = sort.step(STEP_SORTED, |one, other| len(one.0).cmp(&len(other.0)));
        if has_order && let Some(sort) = self.sort.take() {
            *sources = sort.into_items();
        }
        has_order
    }
}
