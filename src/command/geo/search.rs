//! Places within an area: GEOSEARCH, GEOSEARCHSTORE, GEORADIUS and its kin.
//!
//! Not here: how requests are read (`request.rs`).

use super::request::{Form, Request};
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::{Keys, Part};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::long_work::build::{Target, may_take_steps};
use crate::command::long_work::places::{
    LONG_COUNT_MIN, at, find, store_in_steps, stored_score, tell, tell_in_steps,
};
use crate::command::sorted_sets::StoredMembers;
use crate::context::Context;
use crate::keyspace::{Event, Key, Memory};
use crate::protocol::args::Args;
use crate::value::geo::search::Search;
use crate::value::sorted_set::{SortedSet, SortedSetRef};

pub(super) const COMMANDS: &[&CommandSpec] = &[
    &GEORADIUS,
    &GEORADIUS_RO,
    &GEORADIUSBYMEMBER,
    &GEORADIUSBYMEMBER_RO,
    &GEOSEARCH,
    &GEOSEARCHSTORE,
];

const COST: &str = "O(log(size) + number of members in the cells around the area)";

static GEORADIUS: CommandSpec = family::GEO
    .command(
        "georadius",
        "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC] [STORE key] [STOREDIST key]",
        georadius,
    )
    .summary("Returns or stores the places around a place.")
    .since("3.2.0")
    .cost(COST)
    .flags(Flags::WRITE.and(Flags::DENY_OOM).and(Flags::MOVABLE_KEYS))
    .keys(Keys::of(&[
        Part::at(1).access(Access::READ),
        Part::after("STORE", 6).last().access(Access::REPLACE).optional(),
        Part::after("STOREDIST", 6).last().access(Access::REPLACE).optional(),
    ]));

fn georadius(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    answer(context, args, Form::Radius { may_store: true })
}

static GEORADIUS_RO: CommandSpec = family::GEO
    .command(
        "georadius_ro",
        "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]",
        georadius_ro,
    )
    .summary("Returns the places around a place.")
    .since("3.2.10")
    .cost(COST)
    .flags(Flags::READ_ONLY);

fn georadius_ro(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    answer(context, args, Form::Radius { may_store: false })
}

static GEORADIUSBYMEMBER: CommandSpec = family::GEO
    .command(
        "georadiusbymember",
        "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC] [STORE key] [STOREDIST key]",
        georadiusbymember,
    )
    .summary("Returns or stores the places around a member.")
    .since("3.2.0")
    .cost(COST)
    .flags(Flags::WRITE.and(Flags::DENY_OOM).and(Flags::MOVABLE_KEYS))
    .keys(Keys::of(&[
        Part::at(1).access(Access::READ),
        Part::after("STORE", 5).last().access(Access::REPLACE).optional(),
        Part::after("STOREDIST", 5).last().access(Access::REPLACE).optional(),
    ]));

fn georadiusbymember(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    answer(context, args, Form::RadiusByMember { may_store: true })
}

static GEORADIUSBYMEMBER_RO: CommandSpec = family::GEO
    .command(
        "georadiusbymember_ro",
        "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]",
        georadiusbymember_ro,
    )
    .summary("Returns the places around a member.")
    .since("3.2.10")
    .cost(COST)
    .flags(Flags::READ_ONLY);

fn georadiusbymember_ro(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    answer(context, args, Form::RadiusByMember { may_store: false })
}

static GEOSEARCH: CommandSpec = family::GEO
    .command(
        "geosearch",
        "key <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
        geosearch,
    )
    .summary("Returns the places within a circle or a box.")
    .since("6.2.0")
    .cost(COST)
    .flags(Flags::READ_ONLY);

fn geosearch(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    answer(context, args, Form::Search)
}

static GEOSEARCHSTORE: CommandSpec = family::GEO
    .command(
        "geosearchstore",
        "destination source <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] [STOREDIST]",
        geosearchstore,
    )
    .summary("Stores the places within a circle or a box.")
    .since("6.2.0")
    .cost(COST)
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .keys(Keys::of(&[
        Part::at(1).access(Access::REPLACE),
        Part::at(2).access(Access::READ),
    ]));

fn geosearchstore(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    answer(context, args, Form::SearchStore)
}

fn answer(context: &mut Context<'_>, args: Args<'_>, form: Form) -> Outcome {
    let (source, event) = match form {
        Form::Radius { .. } | Form::RadiusByMember { .. } => (1, Event::GeoStoreRadius),
        Form::Search => (1, Event::GeoStore),
        Form::SearchStore => (2, Event::GeoStore),
    };
    let may_take_steps = may_take_steps(context);
    let source = context.key(args, source);
    let (reply, set) = context.read_as::<SortedSet>(source)?;
    let request = Request::read(args, form, set)?;
    let (Some(set), Some(area)) = (set, request.area) else {
        match request.target {
            Some(index) => {
                let key = context.key(args, index);
                StoredMembers::default().store(context, key, event);
            }
            None => reply.array(0),
        }
        return Ok(());
    };
    let search = Search::new(&set, area, request.order, request.wanted);
    let is_long = may_take_steps && search.left() >= LONG_COUNT_MIN && !set.ordered().is_packed();
    match request.target {
        None if is_long => tell_in_steps(context, source, search, request.form),
        None => tell(reply, search, *set.ordered(), request.form),
        Some(index) => {
            let distance_unit_m = request.stores_distances.then_some(area.unit_m);
            let members = (!is_long).then(|| found(&set, search.clone(), distance_unit_m));
            let key = context.key(args, index);
            match members {
                Some(members) => members.store(context, key, event),
                None => {
                    let target = target(context, key, event);
                    store_in_steps(context, source, search, distance_unit_m, target);
                }
            }
        }
    }
    Ok(())
}

/// Copies of what a search finds.
fn found(
    set: &SortedSetRef<'_, Memory>,
    mut search: Search,
    distance_unit_m: Option<f64>,
) -> StoredMembers {
    let elements = *set.ordered();
    let found = find(&mut search, elements);
    StoredMembers::copy(found.iter().map(|found| {
        let element = at(elements, found.rank);
        (element.key(), stored_score(found, element, distance_unit_m))
    }))
}

fn target(context: &Context<'_>, key: Key<'_>, event: Event) -> Target {
    Target::new(context.database(), key, event, |reply, count| {
        reply.integer(count as i64);
    })
}
