//! Lists over numbered keys, of which a key is in at most one.
//!
//! ```text
//! list:  front ⇄ key ⇄ key ⇄ back          of each list: sum of sizes, number of keys
//! ```
//!
//! Cost: O(1) for everything; 13 bytes a key. Not here: what the lists mean (`policy.rs`).

const NONE: u32 = u32::MAX;
const NO_LIST: u8 = u8::MAX;

#[derive(Clone, Copy)]
struct Node {
    before: u32,
    after: u32,
    list: u8,
    size: u64,
}

#[derive(Clone, Copy)]
struct Ends {
    front: u32,
    back: u32,
    size: u64,
    count: usize,
}

pub(crate) struct Lists {
    nodes: Vec<Node>,
    ends: Vec<Ends>,
}

impl Lists {
    pub(crate) fn new(key_count: usize, list_count: usize) -> Lists {
        let node = Node {
            before: NONE,
            after: NONE,
            list: NO_LIST,
            size: 0,
        };
        let ends = Ends {
            front: NONE,
            back: NONE,
            size: 0,
            count: 0,
        };
        Lists {
            nodes: vec![node; key_count],
            ends: vec![ends; list_count],
        }
    }

    pub(crate) fn push_front(&mut self, list: usize, key: u32, size: u64) {
        let ends = &mut self.ends[list];
        let after = std::mem::replace(&mut ends.front, key);
        ends.size += size;
        ends.count += 1;
        if after == NONE {
            ends.back = key;
        } else {
            self.nodes[after as usize].before = key;
        }
        self.nodes[key as usize] = Node {
            before: NONE,
            after,
            list: list as u8,
            size,
        };
    }

    /// Takes a key out of its list; returns its size.
    pub(crate) fn remove(&mut self, key: u32) -> u64 {
        let node = self.nodes[key as usize];
        let ends = &mut self.ends[usize::from(node.list)];
        ends.size -= node.size;
        ends.count -= 1;
        if node.before == NONE {
            ends.front = node.after;
        } else {
            self.nodes[node.before as usize].after = node.after;
        }
        if node.after == NONE {
            self.ends[usize::from(node.list)].back = node.before;
        } else {
            self.nodes[node.after as usize].before = node.before;
        }
        self.nodes[key as usize].list = NO_LIST;
        node.size
    }

    pub(crate) fn move_to_front(&mut self, list: usize, key: u32) {
        let size = self.remove(key);
        self.push_front(list, key, size);
    }

    /// Takes the last key of a list; returns it and its size.
    pub(crate) fn pop_back(&mut self, list: usize) -> Option<(u32, u64)> {
        let key = self.back(list)?;
        Some((key, self.remove(key)))
    }

    pub(crate) fn back(&self, list: usize) -> Option<u32> {
        Some(self.ends[list].back).filter(|key| *key != NONE)
    }

    pub(crate) fn before(&self, key: u32) -> Option<u32> {
        Some(self.nodes[key as usize].before).filter(|key| *key != NONE)
    }

    pub(crate) fn list_of(&self, key: u32) -> Option<usize> {
        let list = self.nodes[key as usize].list;
        (list != NO_LIST).then_some(usize::from(list))
    }

    pub(crate) fn size(&self, list: usize) -> u64 {
        self.ends[list].size
    }

    pub(crate) fn count(&self, list: usize) -> usize {
        self.ends[list].count
    }
}
