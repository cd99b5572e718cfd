//! Several different elements of a collection, chosen at random by their ranks.
//!
//! Cost: O(count) time and memory, or O(length) time and no memory where that is not much more.
//!
//! Not here: which element has a rank (`value/`).

use either::Either;
use std::collections::HashSet;

/// When at least one rank of so many is chosen, all of them are passed through.
const DENSE_PART: u64 = 8;

/// `count` different ranks below `len`, ascending; each choice of them has the same chance.
///
/// # Panics
/// If there are fewer than `count`.
pub(in crate::command) fn distinct_ranks(
    len: u64,
    count: u64,
    random: &mut fastrand::Rng,
) -> impl Iterator<Item = u64> {
    assert!(count <= len, "so many ranks are not different");
    if count >= len / DENSE_PART {
        return Either::Left(passed_through(len, count, random));
    }
    // Robert Floyd's sample: each step adds one rank below a bound that grows by one.
    let mut chosen: HashSet<u64> = HashSet::with_capacity(count as usize);
    for bound in len - count..len {
        let rank = random.u64(..=bound);
        if !chosen.insert(rank) {
            chosen.insert(bound);
        }
    }
    let mut ranks: Vec<u64> = chosen.into_iter().collect();
    ranks.sort_unstable();
    Either::Right(ranks.into_iter())
}

/// Each rank is chosen with the chance of those still wanted among those still left (Knuth,
/// selection sampling).
fn passed_through(len: u64, count: u64, random: &mut fastrand::Rng) -> impl Iterator<Item = u64> {
    let mut wanted = count;
    (0..len).filter(move |rank| {
        let is_chosen = wanted > 0 && random.u64(..len - rank) < wanted;
        wanted -= u64::from(is_chosen);
        is_chosen
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: every choice of ranks comes, equally often. Method: all pairs of six, many times, in
    /// both ways.
    #[test]
    fn every_choice_has_the_same_chance() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut counts = [[0; 6]; 6];
        for _ in 0..15_000 {
            let pair: Vec<u64> = distinct_ranks(6, 2, &mut random).collect();
            counts[pair[0] as usize][pair[1] as usize] += 1;
        }
        for (first, row) in counts.iter().enumerate() {
            for (second, &count) in row.iter().enumerate() {
                let expected = if first < second { 850..1150 } else { 0..1 };
                assert!(expected.contains(&count), "{first} {second}: {count}");
            }
        }
        let mut counts = [0; 100];
        for _ in 0..10_000 {
            let few: Vec<u64> = distinct_ranks(100, 10, &mut random).collect();
            assert!(few.len() == 10 && few.is_sorted_by(|one, other| one < other));
            few.iter().for_each(|&rank| counts[rank as usize] += 1);
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)));
    }

    #[test]
    fn all_and_none_are_choices() {
        let mut random = fastrand::Rng::with_seed(1);
        assert!(distinct_ranks(5, 5, &mut random).eq(0..5));
        assert_eq!(distinct_ranks(5, 0, &mut random).next(), None);
        assert_eq!(distinct_ranks(0, 0, &mut random).next(), None);
    }
}
