//! Places against what redis-server 7.0.15 says of them, searches against a look at all members.

use super::area::{Area, Shape};
use super::position::Position;
use super::search::{Found, Order, Search, Wanted};
use crate::value::collection::lodging::Lodging;
use crate::value::sorted_set::SortedSet;
use fastrand::Rng;

fn place(longitude: f64, latitude: f64) -> Position {
    Position::new(longitude, latitude).expect("the place is within the grid")
}

fn random_place(random: &mut Rng) -> Position {
    match random.u8(..3) {
        0 => place(9.0 + 2.0 * random.f64(), 39.0 + 2.0 * random.f64()),
        _ => place(360.0 * random.f64() - 180.0, 170.0 * random.f64() - 85.0),
    }
}

/// A sorted set of places, small or large.
fn set_of(random: &mut Rng, count: usize) -> Lodging {
    let mut set = Lodging::new::<SortedSet>(1);
    for number in 0..count {
        let member = format!("place {number}");
        let score = random_place(random).score();
        set.change::<SortedSet>().put(member.as_bytes(), score);
    }
    set
}

fn find(set: &Lodging, area: Area, order: Order, wanted: Wanted, step: u64) -> Vec<Found> {
    let set = set.read::<SortedSet>();
    let mut search = Search::new(&set, area, order, wanted);
    let (mut left, mut steps) = (search.left(), 0);
    while !search.step(*set.ordered(), step) {
        assert_eq!(
            search.left(),
            left - step,
            "a step looks at as many as it is told"
        );
        left = search.left();
        steps += 1;
        assert!(steps < 100_000, "it comes to an end");
    }
    let mut found = search.take_found();
    found.sort_by(|one, other| order.compare(one, other));
    found
}

/// Redis's manual: Palermo and Catania.
#[test]
fn scores_texts_and_distances_are_those_of_redis() {
    let palermo = place(13.361389, 38.115556);
    let catania = place(15.087269, 37.502669);
    assert_eq!(palermo.score(), 3_479_099_956_230_698.0);
    assert_eq!(catania.score(), 3_479_447_370_796_909.0);
    let stored = [palermo, catania].map(|place| Position::of_score(place.score()));
    assert_eq!(stored[0].longitude, 13.361_389_338_970_184);
    assert_eq!(stored[0].latitude, 38.115_556_395_496_3);
    assert_eq!(&stored[0].text(), b"sqc8b49rny0");
    assert_eq!(&stored[1].text(), b"sqdtr74hyu0");
    assert_eq!(
        format!("{:.4}", stored[0].distance_m(stored[1])),
        "166274.1516"
    );
    assert_eq!(stored[0].distance_m(stored[0]), 0.0);
}

#[test]
fn the_grid_ends_at_the_edges() {
    assert_eq!(Position::new(180.1, 0.0), None);
    assert_eq!(Position::new(0.0, 85.052), None);
    assert_eq!(Position::new(f64::NAN, 0.0), None);
    assert_eq!(place(-180.0, -85.051_128_78).score(), 0.0);
    let corner = place(180.0, 85.051_128_78);
    assert!(corner.score() < 2f64.powi(54));
    for score in [-1.0, 1e18, 1e300, f64::INFINITY, f64::NEG_INFINITY, 0.5] {
        let place = Position::of_score(score);
        assert!(place.longitude.abs() <= 180.0 && place.latitude.abs() <= 85.051_128_78);
    }
}

/// Whatever the steps, a search finds what a look at all members finds; areas are so small that
/// nine cells cover them.
#[test]
fn a_search_finds_what_a_look_at_all_finds() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = Rng::with_seed(seed);
    for count in [1, 40, 3_000] {
        let set = set_of(&mut random, count);
        for _ in 0..200 {
            let reach = 10f64.powf(5.0 * random.f64());
            let center = place(14.0 * random.f64() + 3.0, 10.0 * random.f64() + 35.0);
            let shape = match random.bool() {
                true => Shape::Circle { radius: reach },
                false => Shape::Box {
                    width: reach,
                    height: reach * random.f64(),
                },
            };
            let area = Area {
                center,
                shape,
                unit_m: 1.0,
            };
            let sorted = set.read::<SortedSet>();
            let inside = sorted.iter().enumerate().filter_map(|(rank, (_, score))| {
                let distance_m = area.distance_m(Position::of_score(score))?;
                Some((rank as u64, distance_m))
            });
            let mut inside: Vec<(u64, f64)> = inside.collect();
            let step = 1 + random.u64(..500);
            let mut ranks: Vec<u64> = find(&set, area, Order::Any, Wanted::All, step)
                .iter()
                .map(|found| found.rank)
                .collect();
            ranks.sort_unstable();
            assert!(
                ranks.iter().eq(inside.iter().map(|(rank, _)| rank)),
                "{area:?}"
            );
            inside.sort_by(|one, other| one.1.total_cmp(&other.1));
            let wanted = 1 + random.u64(..20);
            let first = find(&set, area, Order::Nearest, Wanted::First(wanted), step);
            let nearest = inside
                .iter()
                .take(wanted as usize)
                .map(|(_, distance_m)| *distance_m);
            assert!(first.iter().map(|found| found.distance_m).eq(nearest));
            let any = find(&set, area, Order::Any, Wanted::Any(wanted), step);
            assert_eq!(any.len(), inside.len().min(wanted as usize));
        }
    }
}

/// Thousands are found and few are wanted: the others are dropped on the way.
#[test]
fn of_many_the_nearest_and_the_furthest_are_kept() {
    let mut random = Rng::with_seed(7);
    let set = set_of(&mut random, 4_000);
    let area = Area {
        center: place(0.0, 0.0),
        shape: Shape::Circle { radius: 30_000.0 },
        unit_m: 1_000.0,
    };
    for order in [Order::Nearest, Order::Furthest] {
        let all = find(&set, area, order, Wanted::All, 100);
        let first = find(&set, area, order, Wanted::First(3), 100);
        assert!(all.len() > 3_000);
        assert_eq!(first[..], all[..3]);
    }
}
