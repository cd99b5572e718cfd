//! The scripts that were sent before: found by their body without a digest, or by their name, the
//! digits of their digest.
//!
//! ```text
//!  body ── fast hash ─▶ slot ─ compared ─┐
//!                                        ├▶ Script: function, flags, body, name
//!  name ── fast hash ─▶ slot ─ compared ─┘
//! ```
//!
//! Scripts of EVAL make room for each other, the one that was not used for longest first: there are
//! [`EVAL_SCRIPTS_MAX`] at most, of [`EVAL_BYTES_MAX`] together. Those of SCRIPT LOAD stay.
//!
//! Invariant: a script is in both tables or in neither. Where two hashes are the same, which takes
//! a seed that somebody knows, the later script has the place, and the earlier one is compiled
//! again when it is sent.
//!
//! Cost: a known body is hashed and compared; to find which one goes is O([`EVAL_SCRIPTS_MAX`]).
//!
//! Not here: compiling (`machine.rs`).

use super::flags::ScriptFlags;
use super::{Function, hexadecimal};
use crate::base::hash::KeyHasher;
use slab::Slab;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// As many scripts of EVAL as Redis keeps from version 7.4 on.
pub const EVAL_SCRIPTS_MAX: usize = 500;

/// Bytes of their bodies: some thousand times that of a usual one.
const EVAL_BYTES_MAX: usize = 16 << 20;

/// A compiled script.
#[derive(Debug)]
pub struct Script {
    /// Its function.
    pub function: Function,
    /// What it says of itself.
    pub flags: ScriptFlags,
    /// Its text.
    pub body: Box<[u8]>,
    /// The SHA-1 of its text, in hexadecimal digits.
    pub name: [u8; 40],
    /// Whether it stays until SCRIPT FLUSH.
    is_loaded: bool,
    /// When it was last used, in uses of any script.
    last_use: u64,
}

/// Hands a hash on as it is.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are hashes of 64 bits");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

type Table = HashMap<u64, usize, BuildHasherDefault<Identity>>;

/// A name as those of scripts are written.
#[cold]
fn lower(name: &[u8; 40]) -> [u8; 40] {
    name.map(|digit| digit.to_ascii_lowercase())
}

/// See the module header.
pub(super) struct Cache {
    hasher: KeyHasher,
    scripts: Slab<Script>,
    by_body: Table,
    by_name: Table,
    body_bytes: usize,
    eval_count: usize,
    eval_bytes: usize,
    use_count: u64,
    /// Scripts that made room for others.
    pub(super) evicted_count: u64,
}

impl Cache {
    pub(super) fn new(hash_seed: u64) -> Self {
        Self {
            hasher: KeyHasher::new(hash_seed),
            scripts: Slab::new(),
            by_body: Table::default(),
            by_name: Table::default(),
            body_bytes: 0,
            eval_count: 0,
            eval_bytes: 0,
            use_count: 0,
            evicted_count: 0,
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.scripts.len()
    }

    /// The bytes of their bodies and of what is kept about them.
    pub(super) fn used_bytes(&self) -> usize {
        self.body_bytes + self.scripts.len() * (size_of::<Script>() + 4 * size_of::<u64>())
    }

    /// The script of a slot.
    pub(super) fn get(&self, slot: usize) -> &Script {
        &self.scripts[slot]
    }

    /// Finds a script by its text, and notes its use.
    #[inline]
    pub(super) fn find_body(&mut self, body: &[u8]) -> Option<usize> {
        let slot = *self.by_body.get(&self.hasher.hash(body))?;
        (*self.scripts[slot].body == *body).then(|| self.used(slot))
    }

    /// Finds a script by its name in any letter case, and notes its use.
    #[inline]
    pub(super) fn find_name(&mut self, name: &[u8]) -> Option<usize> {
        let name = name.first_chunk().filter(|_| name.len() == 40)?;
        self.find_lower(name)
            .or_else(|| self.find_lower(&lower(name)))
    }

    #[inline]
    fn find_lower(&mut self, name: &[u8; 40]) -> Option<usize> {
        let slot = *self.by_name.get(&self.hasher.hash(name))?;
        (self.scripts[slot].name == *name).then(|| self.used(slot))
    }

    fn used(&mut self, slot: usize) -> usize {
        self.use_count += 1;
        self.scripts[slot].last_use = self.use_count;
        slot
    }

    /// Adds a script that is not there; returns its slot, and adds to `gone` the functions of those
    /// that made room.
    pub(super) fn add(
        &mut self,
        body: &[u8],
        function: Function,
        flags: ScriptFlags,
        is_loaded: bool,
        gone: &mut Vec<Function>,
    ) -> usize {
        let name = hexadecimal(&sha1_smol::Sha1::from(body).digest().bytes());
        if !is_loaded {
            while self.eval_count >= EVAL_SCRIPTS_MAX
                || (self.eval_count > 0 && self.eval_bytes + body.len() > EVAL_BYTES_MAX)
            {
                gone.push(self.evict());
            }
            self.eval_count += 1;
            self.eval_bytes += body.len();
        }
        self.body_bytes += body.len();
        let slot = self.scripts.insert(Script {
            function,
            flags,
            body: body.into(),
            name,
            is_loaded,
            last_use: 0,
        });
        let body_hash = self.hasher.hash(body);
        let name_hash = self.hasher.hash(&name);
        let others = [
            self.by_body.insert(body_hash, slot),
            self.by_name.insert(name_hash, slot),
        ];
        for other in others.into_iter().flatten() {
            if self.scripts.contains(other) && other != slot {
                gone.push(self.remove(other));
            }
        }
        self.used(slot)
    }

    /// Keeps a script until all are forgotten.
    pub(super) fn keep(&mut self, slot: usize) {
        let script = &mut self.scripts[slot];
        if !std::mem::replace(&mut script.is_loaded, true) {
            self.eval_count -= 1;
            self.eval_bytes -= script.body.len();
        }
    }

    /// Removes the script of EVAL that was not used for longest. O(scripts).
    fn evict(&mut self) -> Function {
        let scripts = self.scripts.iter();
        let (slot, _) = scripts
            .filter(|(_, script)| !script.is_loaded)
            .min_by_key(|(_, script)| script.last_use)
            .expect("the caller has seen that there is one");
        self.evicted_count += 1;
        self.remove(slot)
    }

    fn remove(&mut self, slot: usize) -> Function {
        let script = self.scripts.remove(slot);
        for (table, hash) in [
            (&mut self.by_body, self.hasher.hash(&script.body)),
            (&mut self.by_name, self.hasher.hash(&script.name)),
        ] {
            if table.get(&hash) == Some(&slot) {
                table.remove(&hash);
            }
        }
        self.body_bytes -= script.body.len();
        if !script.is_loaded {
            self.eval_count -= 1;
            self.eval_bytes -= script.body.len();
        }
        script.function
    }

    /// Forgets all scripts.
    pub(super) fn clear(&mut self) {
        self.scripts = Slab::new();
        self.by_body = Table::default();
        self.by_name = Table::default();
        (self.body_bytes, self.eval_count, self.eval_bytes) = (0, 0, 0);
    }
}
