//! Fields of a hash, drawn at random.
//!
//! ```text
//!  one field     a random rank; one that is due is drawn anew, after some tries looked for
//!  some, each once    few of many: Floyd's choice of ranks      many, or some are due: one walk
//! ```
//!
//! Cost: O(log n) a field; a walk over all fields where a quarter of them or more is wanted, and
//! while some are due and still to be removed.
//!
//! After R. W. Floyd, "A sample of brilliance" (Communications of the ACM, 1987), and algorithm S
//! of Knuth, "Seminumerical Algorithms", 3.4.2.
//!
//! Not here: where the random numbers come from (`keyspace/`).

use super::hash::HashRef;
use crate::structures::block_tree::BlockStore;
use crate::structures::item::Item;
use fastrand::Rng;
use std::collections::BTreeSet;

/// How often a rank is drawn before a field that is not due is looked for.
const DRAWS_MAX: usize = 64;

/// Of as many fields, one at least is wanted for a walk over all of them to be worth while.
const WALKED_SHARE: u64 = 4;

impl<'a, S: BlockStore> HashRef<'a, S> {
    /// One field with its value, each with the same chance; `None` if there is none.
    pub fn draw(&self, random: &mut Rng) -> Option<(Item<'a>, Item<'a>)> {
        if self.is_empty() {
            return None;
        }
        for _ in 0..DRAWS_MAX {
            let drawn = self.at(random.u64(..self.len()));
            if drawn.is_some() {
                return drawn;
            }
        }
        let present_count = self.present_len();
        let index = random.u64(..present_count.max(1));
        self.iter().nth(index as usize)
    }

    /// Shows `count` different fields with their values, each set of so many with the same chance;
    /// all of them if there are fewer.
    pub fn sample(&self, count: u64, random: &mut Rng, mut visit: impl FnMut(Item<'a>, Item<'a>)) {
        let present_count = self.present_len();
        let has_due = present_count != self.len();
        if has_due || count >= present_count / WALKED_SHARE {
            let (mut wanted, mut left) = (count.min(present_count), present_count);
            for (field, value) in self.iter() {
                if random.u64(..left) < wanted {
                    visit(field, value);
                    wanted -= 1;
                }
                left -= 1;
            }
            return;
        }
        let mut ranks = BTreeSet::new();
        for last in present_count - count..present_count {
            let rank = random.u64(..=last);
            if !ranks.insert(rank) {
                ranks.insert(last);
            }
        }
        for rank in ranks {
            let (field, value) = self.at(rank).expect("no field is due");
            visit(field, value);
        }
    }
}
