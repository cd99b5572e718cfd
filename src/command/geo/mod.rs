//! Commands on places, which are members of sorted sets.
//!
//! | file | commands |
//! |---|---|
//! | `mod.rs` | GEOADD, GEODIST GEOHASH GEOPOS |
//! | `search.rs` | GEOSEARCH GEOSEARCHSTORE, GEORADIUS and its kin |
//! | `request.rs` | how requests spell areas and options |
//!
//! Not here: what places are (`value/geo/`), searches in slices (`long_work/places.rs`).

mod request;
mod search;

use super::declare::access::Access;
use super::declare::family;
use super::declare::spec::{CommandSpec, Flags, Outcome};
use super::long_work::places::{write_distance, write_position};
use super::sorted_sets::{Rule, add};
use crate::base::numbers::parse_f64;
use crate::context::Context;
use crate::protocol::args::{Args, OwnedArgs};
use crate::protocol::error::ReplyError;
use crate::value::geo::position::Position;
use crate::value::sorted_set::SortedSet;

pub(super) const COMMANDS: [&[&CommandSpec]; 2] =
    [&[&GEOADD, &GEODIST, &GEOHASH, &GEOPOS], search::COMMANDS];

const UNKNOWN_UNIT: ReplyError =
    ReplyError::fixed("ERR unsupported unit provided. please use M, KM, FT, MI");

/// Metres of a unit.
fn parse_unit(text: &[u8]) -> Result<f64, ReplyError> {
    const UNITS: [(&[u8], f64); 4] = [
        (b"m", 1.0),
        (b"km", 1000.0),
        (b"ft", 0.3048),
        (b"mi", 1609.34),
    ];
    let unit = UNITS
        .iter()
        .find(|(name, _)| text.eq_ignore_ascii_case(name));
    unit.map(|&(_, metres)| metres).ok_or(UNKNOWN_UNIT)
}

/// The place of a longitude and a latitude.
fn parse_position(longitude: &[u8], latitude: &[u8]) -> Result<Position, ReplyError> {
    let longitude = parse_f64(longitude).ok_or(ReplyError::NOT_FLOAT)?;
    let latitude = parse_f64(latitude).ok_or(ReplyError::NOT_FLOAT)?;
    Position::new(longitude, latitude).ok_or_else(|| {
        ReplyError::new(format!(
            "ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"
        ))
    })
}

static GEOADD: CommandSpec = family::GEO
    .command(
        "geoadd",
        "key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]",
        geoadd,
    )
    .summary("Gives members of a sorted set places, and returns how many are new.")
    .since("3.2.0")
    .cost("O(number of members * log(size))")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .access(Access::CHANGE_UNTOLD);

fn geoadd(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let mut rule = Rule::default();
    let mut index = 2;
    while index < args.len() && rule.take_of_places(args.get(index)) {
        index += 1;
    }
    let triples = args.skip(index);
    if !triples.len().is_multiple_of(3) || rule.contradicts_itself() {
        return Err(ReplyError::SYNTAX);
    }
    let mut pairs: Vec<Vec<u8>> = Vec::new();
    for index in (0..triples.len()).step_by(3) {
        let place = parse_position(triples.get(index), triples.get(index + 1))?;
        pairs.push(format!("{}", place.score()).into_bytes());
        pairs.push(triples.get(index + 2).to_vec());
    }
    if pairs.is_empty() {
        return Err(ReplyError::SYNTAX);
    }
    let key = context.key(args, 1);
    add(context, key, OwnedArgs::from_slices(&pairs).args(), rule)
}

static GEODIST: CommandSpec = family::GEO
    .command("geodist", "key member1 member2 [M | KM | FT | MI]", geodist)
    .summary("Returns the distance of two places.")
    .since("3.2.0")
    .flags(Flags::READ_ONLY);

fn geodist(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let unit_m = match args.len() {
        4 => 1.0,
        5 => parse_unit(args.get(4))?,
        _ => return Err(ReplyError::SYNTAX),
    };
    let key = context.key(args, 1);
    let (reply, set) = context.read_as::<SortedSet>(key)?;
    let place = |index| {
        let score = set.as_ref()?.score(args.get(index))?;
        Some(Position::of_score(score))
    };
    match (place(2), place(3)) {
        (Some(one), Some(other)) => write_distance(reply, one.distance_m(other) / unit_m),
        (None, _) | (_, None) => reply.null(),
    }
    Ok(())
}

static GEOHASH: CommandSpec = family::GEO
    .command("geohash", "key [member [member ...]]", geohash)
    .summary("Returns the geohashes of places, as others write them.")
    .since("3.2.0")
    .cost("O(number of members)")
    .flags(Flags::READ_ONLY);

fn geohash(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (reply, set) = context.read_as::<SortedSet>(key)?;
    reply.array(args.len() - 2);
    for member in args.skip(2).iter() {
        match set.as_ref().and_then(|set| set.score(member)) {
            Some(score) => reply.bulk(&Position::of_score(score).text()),
            None => reply.null(),
        }
    }
    Ok(())
}

static GEOPOS: CommandSpec = family::GEO
    .command("geopos", "key [member [member ...]]", geopos)
    .summary("Returns longitudes and latitudes of places.")
    .since("3.2.0")
    .cost("O(number of members)")
    .flags(Flags::READ_ONLY);

fn geopos(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (reply, set) = context.read_as::<SortedSet>(key)?;
    reply.array(args.len() - 2);
    for member in args.skip(2).iter() {
        match set.as_ref().and_then(|set| set.score(member)) {
            Some(score) => write_position(reply, Position::of_score(score)),
            None => reply.null_array(),
        }
    }
    Ok(())
}
