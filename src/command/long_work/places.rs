//! Places within an area, told or stored: at once if few are looked at, else in slices.
//!
//! ```text
//!  freeze ─▶ look at the cells ─▶ put in order ─┬▶ header ─▶ members                 ─▶ thaw
//!                                               └▶ built in the workshop ─▶ put in place ─▶ thaw
//! ```
//!
//! Cost: what is found is noted by rank and distance, and its members stay where they are.
//!
//! Not here: which places are inside (`value/geo/`), the commands (`command/geo/`).

use super::build::{Builder, Target, build};
use crate::context::Context;
use crate::keyspace::{FrozenId, Key, Keyspace, Memory, WorkId};
use crate::protocol::reply::{Dialect, ReplyWriter};
use crate::session::long_read::LongRead;
use crate::structures::block::ElementRef;
use crate::structures::sliced_sort::SlicedSort;
use crate::value::collection::Elements;
use crate::value::geo::position::Position;
use crate::value::geo::search::{Found, Search};
use crate::value::sorted_set::SortedSet;

/// From this many members to be looked at on it is done in slices.
pub(in crate::command) const LONG_COUNT_MIN: u64 = 2_048;

/// Members that a step looks at, each some 100 nanoseconds.
const STEP_LOOKS: u64 = 512;

/// Members that a step puts in order.
const STEP_SORTED: usize = 2_048;

/// Members that a step tells or stores.
const STEP_TOLD: usize = 256;

/// Bytes of reply after which a step ends.
const STEP_BYTES: usize = 64 * 1024;

/// What is told of each place besides its member.
#[derive(Clone, Copy, Debug)]
pub(in crate::command) struct PlaceForm {
    /// Its distance from the middle.
    pub(in crate::command) has_distance: bool,
    /// Its score.
    pub(in crate::command) has_score: bool,
    /// Longitude and latitude.
    pub(in crate::command) has_position: bool,
    /// Metres of the unit of distances.
    pub(in crate::command) unit_m: f64,
}

impl PlaceForm {
    fn write(&self, reply: &mut ReplyWriter<'_>, element: ElementRef<'_>, distance_m: f64) {
        let parts = [self.has_distance, self.has_score, self.has_position];
        let part_count = parts.iter().filter(|is_told| **is_told).count();
        if part_count > 0 {
            reply.array(1 + part_count);
        }
        reply.item(element.key());
        if self.has_distance {
            write_distance(reply, distance_m / self.unit_m);
        }
        if self.has_score {
            reply.integer(element.score() as i64);
        }
        if self.has_position {
            write_position(reply, Position::of_score(element.score()));
        }
    }
}

/// Replies a distance: with four decimals.
pub(in crate::command) fn write_distance(reply: &mut ReplyWriter<'_>, distance: f64) {
    const SCALE: f64 = 10_000.0;
    // What is no number is, as in C, the least integer.
    let scaled = match distance.is_nan() {
        true => i64::MIN,
        false => (distance * SCALE).round_ties_even() as i64,
    };
    let (sign, scaled) = (if scaled < 0 { "-" } else { "" }, scaled.unsigned_abs());
    let text = format!("{sign}{}.{:04}", scaled / 10_000, scaled % 10_000);
    reply.bulk(text.as_bytes());
}

/// Replies a longitude and a latitude: with up to 17 decimals.
pub(in crate::command) fn write_position(reply: &mut ReplyWriter<'_>, place: Position) {
    reply.array(2);
    for degrees in [place.longitude, place.latitude] {
        let text = format!("{degrees:.17}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        let text = if text == "-0" { "0" } else { text };
        match reply.dialect() {
            Dialect::Resp2 | Dialect::Plain => reply.bulk(text.as_bytes()),
            Dialect::Resp3 => reply.raw(format!(",{text}\r\n").as_bytes()),
        }
    }
}

/// Replies what a search finds among these members, at once.
pub(in crate::command) fn tell(
    reply: &mut ReplyWriter<'_>,
    mut search: Search,
    elements: Elements<'_, Memory>,
    form: PlaceForm,
) {
    let found = find(&mut search, elements);
    reply.array(found.len());
    for Found {
        rank, distance_m, ..
    } in found
    {
        form.write(reply, at(elements, rank), distance_m);
        if reply.is_over() {
            return;
        }
    }
}

/// What a search finds among these members, in order.
pub(in crate::command) fn find(search: &mut Search, elements: Elements<'_, Memory>) -> Vec<Found> {
    while !search.step(elements, u64::MAX) {}
    let (mut found, order) = (search.take_found(), search.order());
    found.sort_unstable_by(|one, other| order.compare(one, other));
    found
}

/// The member of a rank that was found.
pub(in crate::command) fn at(elements: Elements<'_, Memory>, rank: u64) -> ElementRef<'_> {
    let element = elements.at(rank);
    element.expect("what was found stays where it was")
}

/// A search that takes its time.
#[derive(Debug)]
struct Places {
    frozen: FrozenId,
    search: Search,
    sort: Option<SlicedSort<Found>>,
    found: Option<Vec<Found>>,
    /// How many of them are told or stored.
    done: usize,
}

impl Places {
    /// Freezes the sorted set of a key, which is known to be large.
    fn new(context: &mut Context<'_>, key: Key<'_>, search: Search) -> Self {
        let (database, now_ms) = (context.database(), context.now_ms());
        let frozen = context.keyspace.freeze(database, key, now_ms);
        Self {
            frozen: frozen.expect("the caller knows that it is large"),
            search,
            sort: None,
            found: None,
            done: 0,
        }
    }

    /// Goes on until all that is wanted is found and in order; true then.
    fn prepare(&mut self, keyspace: &Keyspace) -> bool {
        if self.found.is_some() {
            return true;
        }
        let Some(sort) = &mut self.sort else {
            if self.search.step(keyspace.frozen(self.frozen), STEP_LOOKS) {
                self.sort = Some(SlicedSort::new(self.search.take_found()));
            }
            return false;
        };
        let order = self.search.order();
        if sort.step(STEP_SORTED, |one, other| order.compare(one, other)) {
            self.found = self.sort.take().map(SlicedSort::into_items);
        }
        false
    }

    fn found(&self) -> &[Found] {
        self.found.as_deref().unwrap_or_default()
    }

    fn heap_bytes(&self) -> usize {
        let sort = self.sort.as_ref().map_or(0, SlicedSort::heap_bytes);
        let found = self.found.as_ref().map_or(0, Vec::capacity) * size_of::<Found>();
        self.search.heap_bytes() + sort + found
    }
}

/// Replies what a search finds in the large sorted set of a key.
pub(in crate::command) fn tell_in_steps(
    context: &mut Context<'_>,
    key: Key<'_>,
    search: Search,
    form: PlaceForm,
) {
    let places = Places::new(context, key, search);
    context.answer_in_steps(PlacesRead {
        places,
        form,
        has_header: false,
    });
}

#[derive(Debug)]
struct PlacesRead {
    places: Places,
    form: PlaceForm,
    has_header: bool,
}

impl LongRead for PlacesRead {
    fn step(&mut self, keyspace: &mut Keyspace, _: u64, reply: &mut ReplyWriter<'_>) -> bool {
        if !self.places.prepare(keyspace) {
            return false;
        }
        let found = self.places.found();
        if !self.has_header {
            reply.array(found.len());
            self.has_header = true;
        }
        let elements = keyspace.frozen(self.places.frozen);
        let begin = reply.len();
        let mut told = 0;
        for found in found[self.places.done..].iter().take(STEP_TOLD) {
            self.form
                .write(reply, at(elements, found.rank), found.distance_m);
            told += 1;
            if reply.len() - begin >= STEP_BYTES || reply.is_over() {
                break;
            }
        }
        self.places.done += told;
        // A reply that is over its limit is taken back, so its rest matters to nobody.
        let is_over = self.places.done == self.places.found().len() || reply.is_over();
        if is_over {
            keyspace.thaw(self.places.frozen);
        }
        is_over
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        keyspace.thaw(self.places.frozen);
    }

    fn used_bytes(&self) -> usize {
        size_of::<Self>() + self.places.heap_bytes()
    }
}

/// Stores what a search finds in the large sorted set of a key; with distances as scores if there
/// is a unit for them.
pub(in crate::command) fn store_in_steps(
    context: &mut Context<'_>,
    key: Key<'_>,
    search: Search,
    distance_unit_m: Option<f64>,
    target: Target,
) {
    let places = Places::new(context, key, search);
    let work = context.keyspace.begin_work();
    build(
        context,
        target,
        work,
        PlacesBuilder {
            places,
            distance_unit_m,
        },
    );
}

#[derive(Debug)]
struct PlacesBuilder {
    places: Places,
    distance_unit_m: Option<f64>,
}

impl Builder for PlacesBuilder {
    fn step(&mut self, keyspace: &mut Keyspace, work: WorkId, now_ms: u64) -> bool {
        if !self.places.prepare(keyspace) {
            return false;
        }
        let elements = keyspace.frozen(self.places.frozen);
        let left = self.places.found()[self.places.done..].iter();
        let members: Vec<(Vec<u8>, f64)> = left
            .take(STEP_TOLD)
            .map(|found| {
                let element = at(elements, found.rank);
                let member = element.key().text(&mut itoa::Buffer::new()).to_vec();
                (member, stored_score(found, element, self.distance_unit_m))
            })
            .collect();
        if members.is_empty() {
            return true;
        }
        self.places.done += members.len();
        keyspace.build::<SortedSet, _>(work, now_ms, |set| {
            for (member, score) in &members {
                set.put(member, *score);
            }
        });
        self.places.done == self.places.found().len()
    }

    fn release(&mut self, keyspace: &mut Keyspace) {
        keyspace.thaw(self.places.frozen);
    }
}

/// The score of a member that is stored.
pub(in crate::command) fn stored_score(
    found: &Found,
    element: ElementRef<'_>,
    distance_unit_m: Option<f64>,
) -> f64 {
    distance_unit_m.map_or(element.score(), |unit_m| found.distance_m / unit_m)
}
