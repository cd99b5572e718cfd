//! W-TinyLFU (Einziger, Friedman and Manes, 2017), with the window that Caffeine adapts.
//!
//! ```text
//! new ──▶ window ──▶ more frequent than the victim? ──▶ probation ⇄ protected (80 %)
//! ```
//!
//! Frequencies are counted exactly up to 15 and halved after ten times as many accesses as keys
//! are there: a sketch without collisions. The window starts at 1 %, or climbs towards more hits.
//!
//! Cost: halving walks all keys. Not here: other policies (`policy.rs`).

use crate::lists::Lists;
use crate::policy::Policy;
use crate::trace::Access;

const WINDOW: usize = 0;
const PROBATION: usize = 1;
const PROTECTED: usize = 2;

const PROTECTED_SHARE: f64 = 0.8;
const SAMPLE_PER_KEY: usize = 10;
const STEP: f64 = 0.0625;
const STEP_DECAY: f64 = 0.98;
const RESTART_CHANGE: f64 = 0.05;

pub(crate) struct TinyLfu {
    lists: Lists,
    size_max: u64,
    frequencies: Vec<u8>,
    counted: usize,
    window_share: f64,
    climber: Option<Climber>,
    random: fastrand::Rng,
}

struct Climber {
    step: f64,
    hits: usize,
    accesses: usize,
    last_ratio: f64,
}

impl TinyLfu {
    pub(crate) fn new(key_count: usize, size_max: u64, is_adaptive: bool) -> TinyLfu {
        TinyLfu {
            lists: Lists::new(key_count, 3),
            size_max,
            frequencies: vec![0; key_count],
            counted: 0,
            window_share: 0.01,
            climber: is_adaptive.then_some(Climber {
                step: STEP,
                hits: 0,
                accesses: 0,
                last_ratio: 0.0,
            }),
            random: fastrand::Rng::with_seed(1),
        }
    }

    fn sample(&self) -> usize {
        let lists = [WINDOW, PROBATION, PROTECTED].map(|list| self.lists.count(list));
        SAMPLE_PER_KEY * lists.iter().sum::<usize>().max(10)
    }

    fn count(&mut self, key: u32, is_hit: bool) {
        let frequency = &mut self.frequencies[key as usize];
        *frequency = (*frequency + 1).min(15);
        self.counted += 1;
        let sample = self.sample();
        if self.counted >= sample {
            self.counted /= 2;
            self.frequencies.iter_mut().for_each(|count| *count /= 2);
        }
        if let Some(climber) = &mut self.climber {
            climber.accesses += 1;
            climber.hits += usize::from(is_hit);
            if climber.accesses >= sample {
                let step = climber.climb();
                self.window_share = (self.window_share + step).clamp(0.005, 0.8);
                self.limit_protected();
            }
        }
    }

    fn limit_protected(&mut self) {
        let main = self.size_max as f64 * (1.0 - self.window_share);
        while self.lists.size(PROTECTED) as f64 > main * PROTECTED_SHARE {
            let key = self.lists.back(PROTECTED).expect("its size is not 0");
            self.lists.move_to_front(PROBATION, key);
        }
    }

    /// The window's last key moves on if it is worth the keys that it would displace.
    fn leave_window(&mut self, main: u64) {
        let Some((candidate, size)) = self.lists.pop_back(WINDOW) else {
            return;
        };
        if size > main {
            return;
        }
        while self.lists.size(PROBATION) + self.lists.size(PROTECTED) + size > main {
            let victim = self.lists.back(PROBATION).or(self.lists.back(PROTECTED));
            let victim = victim.expect("their size is not 0");
            let wanted = self.frequencies[candidate as usize];
            let is_admitted = wanted > self.frequencies[victim as usize]
                || wanted > 5 && self.random.u32(..128) == 0;
            if !is_admitted {
                return;
            }
            self.lists.remove(victim);
        }
        self.lists.push_front(PROBATION, candidate, size);
    }
}

impl Climber {
    /// How far to move the window: on while it helps, else back, ever less.
    fn climb(&mut self) -> f64 {
        let ratio = self.hits as f64 / self.accesses as f64;
        let change = ratio - self.last_ratio;
        let direction = if change < 0.0 { -1.0 } else { 1.0 };
        let magnitude = if change.abs() >= RESTART_CHANGE {
            STEP
        } else {
            self.step.abs() * STEP_DECAY
        };
        self.step = magnitude * direction * self.step.signum();
        (self.last_ratio, self.hits, self.accesses) = (ratio, 0, 0);
        self.step
    }
}

impl Policy for TinyLfu {
    fn access(&mut self, access: Access) -> bool {
        let list = self.lists.list_of(access.key);
        self.count(access.key, list.is_some());
        if let Some(list) = list {
            let list = if list == WINDOW { WINDOW } else { PROTECTED };
            self.lists.move_to_front(list, access.key);
            self.limit_protected();
            return true;
        }
        let size = u64::from(access.size);
        if size <= self.size_max {
            let window = ((self.size_max as f64 * self.window_share) as u64).max(1);
            self.lists.push_front(WINDOW, access.key, size);
            while self.lists.size(WINDOW) > window {
                self.leave_window(self.size_max.saturating_sub(window));
            }
        }
        false
    }
}
