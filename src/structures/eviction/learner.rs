//! What an entry is worth: how soon it comes back, learned from what came back and what did not.
//!
//! ```text
//!  class of a word × age ──▶ returns, ends ──▶ chance to return at each age ──▶ worth
//!                            counted on every hit,      life table        best ratio of expected
//!                            ghost hit, forgotten ghost                   hits to time, over all
//!                                                                         times to go on holding
//! ```
//!
//! The worth of an entry is its Gittins index: the greatest ratio, over every age up to which it
//! might be held, of the hits expected until then to the room and time taken until then. Where
//! frequent keys return it ranks by frequency, where recent ones do by recency, and in a loop it
//! keeps what is nearest to its return; nothing chooses between these, they follow from the counts.
//!
//! After Beckmann, Chen and Cidon, "LHD: Improving cache hit rate by maximizing hit density", 2018,
//! which divides by the time an entry stays under the present policy and so has to learn in a
//! circle. Ghosts let us count the return of what was evicted too, and the index needs no more.
//!
//! 1. Counts are finite and not negative; worth is finite and positive.
//!
//! Cost: 28 KiB; a class is learned anew in some two microseconds, one at a time.
//!
//! Not here: when that happens, and division by size (`mod.rs`).

use super::access_word::{AccessWord, CLASS_COUNT, LEVEL_MAX};

/// Ages, logarithmically: one unit each below four, then four to a doubling up to 1,024.
const AGE_COUNT: usize = 36;
const AGE_UNITS_MAX: u32 = 1_023;
const _: () = assert!(age_index(AGE_UNITS_MAX) + 1 == AGE_COUNT);

const GAP_COUNT: usize = CLASS_COUNT / (LEVEL_MAX as usize + 1);

/// What is kept of the counts each time all classes were learned: half of it is a memory of some
/// twenty rounds.
const KEEP: f32 = 31.0 / 32.0;
/// The entries that the expectation without experience weighs as much as, and those that the
/// experience with a whole level weighs for one of its classes.
const PRIOR_WEIGHT: f32 = 4.0;
const LEVEL_WEIGHT: f32 = 8.0;
/// Expectation without experience: the rate of return falls with age, and is higher for a higher
/// level. What it says is forgotten after a few dozen events.
const PRIOR_RATE: f32 = 0.5;

type Ages = [f32; AGE_COUNT];

const fn age_index(age_units: u32) -> usize {
    let age = if age_units < AGE_UNITS_MAX {
        age_units
    } else {
        AGE_UNITS_MAX
    };
    if age < 4 {
        return age as usize;
    }
    let log = 31 - age.leading_zeros();
    (4 * (log - 1) + ((age >> (log - 2)) & 3)) as usize
}

/// The first age of an index, in units.
const fn age_begin(index: usize) -> u32 {
    if index < 4 {
        return index as u32;
    }
    let log = index as u32 / 4 + 1;
    (4 + index as u32 % 4) << (log - 2)
}

/// Units of an index; the last has no end, and counts as one more doubling.
fn age_width(index: usize) -> f32 {
    (age_begin(index + 1).max(if index + 1 < AGE_COUNT { 0 } else { 2_048 }) - age_begin(index))
        as f32
}

#[derive(Clone, Copy)]
struct Class {
    returns: Ages,
    ends: Ages,
}

const NOTHING: Class = Class {
    returns: [0.0; AGE_COUNT],
    ends: [0.0; AGE_COUNT],
};

pub(super) struct Learner {
    classes: Box<[Class; CLASS_COUNT]>,
    worths: Box<[Ages; CLASS_COUNT]>,
    /// The class to learn next.
    next: usize,
}

impl Learner {
    pub(super) fn new() -> Self {
        let mut learner = Self {
            classes: Box::new([NOTHING; CLASS_COUNT]),
            worths: Box::new([[0.0; AGE_COUNT]; CLASS_COUNT]),
            next: 0,
        };
        for _ in 0..CLASS_COUNT {
            learner.learn_next();
        }
        learner
    }

    /// Hits to expect per unit of time of an entry with this word, `age_units` after its access.
    #[inline]
    pub(super) fn worth(&self, word: AccessWord, age_units: u32) -> f32 {
        self.worths[word.class()][age_index(age_units)]
    }

    /// Counts that an entry was asked for at this age, whether it was still there or not.
    #[inline]
    pub(super) fn count_return(&mut self, word: AccessWord, age_units: u32) {
        self.classes[word.class()].returns[age_index(age_units)] += 1.0;
    }

    /// Counts that an entry was lost sight of at this age.
    pub(super) fn count_end(&mut self, word: AccessWord, age_units: u32) {
        self.classes[word.class()].ends[age_index(age_units)] += 1.0;
    }

    /// Turns the counts of one class into worths, and forgets a little of them; call often.
    pub(super) fn learn_next(&mut self) {
        let class = self.next;
        let level = class / GAP_COUNT;
        let mut pooled = NOTHING;
        for other in &self.classes[level * GAP_COUNT..(level + 1) * GAP_COUNT] {
            for age in 0..AGE_COUNT {
                pooled.returns[age] += other.returns[age];
                pooled.ends[age] += other.ends[age];
            }
        }
        let of_level = life_table(&pooled, &prior(level), PRIOR_WEIGHT);
        let own = &mut self.classes[class];
        self.worths[class] = worths(&life_table(own, &of_level, LEVEL_WEIGHT));
        for count in own.returns.iter_mut().chain(&mut own.ends) {
            *count *= KEEP;
        }
        self.next = (class + 1) % CLASS_COUNT;
    }
}

/// Chances to return within each age, for those that reach it, without experience.
fn prior(level: usize) -> Ages {
    std::array::from_fn(|age| {
        let width = age_width(age);
        let rate = PRIOR_RATE * (1 + level) as f32 / (age_begin(age) as f32 + 0.5 * width + 1.0);
        rate * width / (1.0 + rate * width)
    })
}

/// Chances to return within each age, for those that reach it: counted, with `weight` entries that
/// did as `expected`. Who was lost sight of counts for half of that age, and no longer.
fn life_table(class: &Class, expected: &Ages, weight: f32) -> Ages {
    let mut chances = [0.0; AGE_COUNT];
    let mut older = 0.0;
    for age in (0..AGE_COUNT).rev() {
        let (returns, ends) = (class.returns[age], class.ends[age]);
        let reached = older + returns + 0.5 * ends;
        chances[age] = (returns + weight * expected[age]) / (reached + weight);
        older += returns + ends;
    }
    chances
}

/// The Gittins index at each age.
fn worths(chances: &Ages) -> Ages {
    std::array::from_fn(|begin| {
        let (mut returned, mut held, mut left) = (0.0_f32, 0.0_f32, 1.0_f32);
        let mut best = 0.0_f32;
        for (age, chance) in chances.iter().enumerate().skip(begin) {
            let leaving = left * chance;
            returned += leaving;
            held += (left - 0.5 * leaving) * age_width(age);
            left -= leaving;
            best = best.max(returned / held);
        }
        best
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(level: u16) -> AccessWord {
        let mut word = AccessWord::first(0);
        for _ in 0..level {
            word = word.accessed(0, 1, 0);
        }
        word
    }

    fn learn(learner: &mut Learner) {
        for _ in 0..CLASS_COUNT {
            learner.learn_next();
        }
    }

    #[test]
    fn ages_are_cut_without_gaps() {
        let mut last = 0;
        for age in 0..=AGE_UNITS_MAX {
            let index = age_index(age);
            assert!(index == last || index == last + 1, "{age}");
            assert!(age_begin(index) <= age);
            assert!(
                index + 1 == AGE_COUNT || age < age_begin(index + 1),
                "{age}"
            );
            last = index;
        }
        assert_eq!(age_index(u32::MAX), AGE_COUNT - 1);
    }

    #[test]
    fn without_experience_the_recent_and_the_frequent_are_worth_more() {
        let learner = Learner::new();
        assert!(learner.worth(word(0), 1) > learner.worth(word(0), 100));
        assert!(learner.worth(word(3), 10) > learner.worth(word(0), 10));
    }

    #[test]
    fn what_never_returns_is_worth_little() {
        let mut learner = Learner::new();
        for _ in 0..1_000 {
            learner.count_end(word(0), 1_000);
            learner.count_return(word(1), 60);
        }
        learn(&mut learner);
        assert!(learner.worth(word(0), 0) * 10.0 < learner.worth(word(1), 0));
    }

    /// Goal: in a loop the oldest is kept, against recency; method: all return at one age.
    #[test]
    fn what_returns_at_a_fixed_age_is_worth_more_the_nearer_it_is() {
        let mut learner = Learner::new();
        for _ in 0..10_000 {
            learner.count_return(word(1), 40);
        }
        learn(&mut learner);
        let worths = [0, 10, 20, 35].map(|age| learner.worth(word(1), age));
        assert!(worths.is_sorted(), "{worths:?}");
        assert!(worths[3] > 3.0 * worths[0], "{worths:?}");
    }

    #[test]
    fn experience_is_forgotten() {
        let mut learner = Learner::new();
        let before = learner.worth(word(1), 0);
        for _ in 0..1_000 {
            learner.count_end(word(1), 60);
        }
        learn(&mut learner);
        let after = learner.worth(word(1), 0);
        assert!(after < 0.5 * before, "{after} {before}");
        for _ in 0..500 {
            learn(&mut learner);
        }
        assert!(learner.worth(word(1), 0) > 0.9 * before);
    }

    #[test]
    fn worths_stay_finite_and_positive() {
        let mut learner = Learner::new();
        for _ in 0..20_000_000 {
            learner.count_return(word(7), 0);
        }
        learn(&mut learner);
        for ages in learner.worths.iter() {
            assert!(ages.iter().all(|worth| worth.is_finite() && *worth > 0.0));
        }
    }
}
