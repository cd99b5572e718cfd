//! Blocks against vectors of elements, in every shape.

use super::*;
use crate::base::hash::KeyHasher;

/// An element as the model has it: deadline, key and value or score.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    deadline: Option<u64>,
    key: Vec<u8>,
    value: Vec<u8>,
    score: f64,
}

impl Row {
    fn draw(random: &mut fastrand::Rng, shape: Shape) -> Self {
        let len = [0, 1, 3, 16, 70][random.usize(0..5)];
        let mut text = || -> Vec<u8> {
            if random.u8(..) < 100 {
                return random.i64(-3000..3000).to_string().into_bytes();
            }
            (0..len).map(|_| random.u8(b'a'..b'e')).collect()
        };
        let (key, value) = (text(), text());
        Self {
            deadline: (shape == Shape::Map && random.bool()).then(|| random.u64(..)),
            key,
            value,
            score: f64::from(random.i8(-3..3)) / 2.0,
        }
    }

    fn element(&self, shape: Shape) -> Element<'_> {
        let key = Code::of_text(&self.key);
        match shape {
            Shape::Set | Shape::List => Element::single(key),
            Shape::Map => {
                Element::pair(key, Code::of_text(&self.value)).with_deadline(self.deadline)
            }
            Shape::Scored => Element::scored(self.score, key),
        }
    }

    fn encoded(&self, shape: Shape) -> Vec<u8> {
        let element = self.element(shape);
        let mut bytes = vec![0; element.byte_len()];
        element.write(&mut bytes);
        bytes
    }
}

fn hash(bytes: &[u8]) -> u64 {
    KeyHasher::new(5).hash(bytes)
}

fn tag(row: &Row) -> u8 {
    hash(Code::of_text(&row.key).hashed_part()) as u8
}

fn find(block: &Block, row: &Row) -> Option<Position> {
    block.find(&Code::of_text(&row.key), tag(row))
}

/// A block under test, its memory and what should be in it.
struct Pair {
    shape: Shape,
    bytes: Vec<u8>,
    model: Vec<Row>,
}

impl Pair {
    fn new(shape: Shape, is_tagged: bool) -> Self {
        let mut bytes = vec![0xaa; 64];
        BlockMut::create(&mut bytes, shape, is_tagged, 0).set_owner_bits(5);
        Self {
            shape,
            bytes,
            model: Vec::new(),
        }
    }

    fn block(&self) -> Block<'_> {
        Block::new(&self.bytes)
    }

    fn insert(&mut self, index: usize, row: Row, random: &mut fastrand::Rng) {
        let element = row.element(self.shape);
        if !BlockMut::new(&mut self.bytes).has_room(element.byte_len()) {
            self.copy(element.byte_len(), random);
        }
        let mut block = BlockMut::new(&mut self.bytes);
        let place = block.block().position(index);
        block.insert(place, &element, tag(&row), &hash);
        self.model.insert(index, row);
    }

    /// Copies the block to memory with `room` more bytes.
    fn copy(&mut self, room: usize, random: &mut fastrand::Rng) {
        let spare = random.usize(0..100);
        let mut bytes = vec![0xbb; self.block().grown_len(room) + spare];
        let front_room = match self.shape {
            Shape::List => random.usize(0..=spare),
            _ => 0,
        };
        BlockMut::copy(&mut bytes, self.block(), front_room);
        self.bytes = bytes;
    }

    fn step(&mut self, random: &mut fastrand::Rng, grows: bool) {
        let row = Row::draw(random, self.shape);
        let count = self.model.len();
        let (index, is_there) = match self.shape {
            Shape::Set | Shape::Map => {
                let found = find(&self.block(), &row).map(|position| position.index);
                let wanted = self.model.iter().position(|other| other.key == row.key);
                assert_eq!(found, wanted);
                (wanted.unwrap_or(count), wanted.is_some())
            }
            Shape::Scored if count > 0 && random.u8(0..4) == 0 => return self.reorder(random),
            Shape::Scored => {
                let member = Code::of_text(&row.key);
                let (position, is_there) = self.block().find_scored(row.score, member.item());
                let is_less = |other: &Row| (other.score, &other.key) < (row.score, &row.key);
                let wanted = self.model.partition_point(is_less);
                assert_eq!(position, self.block().position(wanted));
                (position.index, is_there)
            }
            Shape::List => (
                [0, count, random.usize(0..=count)][random.usize(0..3)],
                false,
            ),
        };
        if is_there && random.bool() {
            self.replace(index, &row);
        } else if grows && !is_there && count < 400 {
            self.insert(index, row, random);
        } else if index < count && random.u8(..) < 250 {
            let mut block = BlockMut::new(&mut self.bytes);
            let place = block.block().position(index);
            block.remove(place);
            self.model.remove(index);
        } else if self.shape == Shape::List && random.bool() {
            self.remove_where(random);
        } else if random.u8(..) < 20 {
            let from = [0, random.usize(0..=count)][random.usize(0..2)];
            let to = [count, random.usize(from..=count)][random.usize(0..2)];
            let mut block = BlockMut::new(&mut self.bytes);
            let (start, end) = (block.block().position(from), block.block().position(to));
            block.remove_range(start, end);
            self.model.drain(from..to);
        }
    }

    /// Removes some of the items of a range of a list, or moves all of them to the front.
    fn remove_where(&mut self, random: &mut fastrand::Rng) {
        let count = self.model.len();
        let from = random.usize(0..=count);
        let to = random.usize(from..=count);
        let mut block = BlockMut::new(&mut self.bytes);
        if random.bool() {
            let used_len = block.block().used_len();
            block.move_to_front();
            self.bytes.truncate(used_len);
            return;
        }
        let gone: Vec<bool> = (from..to).map(|_| random.u8(0..8) == 0).collect();
        let mut asked = 0;
        let gone_count = block.remove_where(from..to, |element| {
            let row = &self.model[from + asked];
            assert_eq!(element.bytes(), row.encoded(Shape::List), "asked in order");
            asked += 1;
            gone[asked - 1]
        });
        assert_eq!(asked, to - from);
        assert_eq!(gone_count, gone.iter().filter(|&&is_gone| is_gone).count());
        let mut index = 0;
        self.model.retain(|_| {
            index += 1;
            !(from..to).contains(&(index - 1)) || !gone[index - 1 - from]
        });
    }

    fn replace(&mut self, index: usize, row: &Row) {
        let old = &self.model[index];
        let element = row.element(self.shape);
        if old.key == row.key {
            let mut block = BlockMut::new(&mut self.bytes);
            let place = block.block().position(index);
            let old_len = block.block().element(place).bytes().len();
            let free = block.block().capacity() - block.block().end();
            let is_replaced = block.replace(place, &element);
            assert_eq!(is_replaced, element.byte_len() <= old_len + free);
            if is_replaced {
                self.model[index] = row.clone();
            }
        }
    }

    /// Gives a scored element another score.
    fn reorder(&mut self, random: &mut fastrand::Rng) {
        let from = random.usize(0..self.model.len());
        let score = f64::from(random.i8(-3..3)) / 2.0;
        let row = Row {
            score,
            ..self.model[from].clone()
        };
        let is_less = |other: &Row| (other.score, &other.key) < (score, &row.key);
        let to = self.model.partition_point(is_less);
        let stands_there = |other: &Row| (other.score, &other.key) == (score, &row.key);
        if to != from && self.model.get(to).is_some_and(stands_there) {
            return;
        }
        let element = row.element(self.shape);
        let mut block = BlockMut::new(&mut self.bytes);
        let (start, end) = (block.block().position(from), block.block().position(to));
        let old_len = block.block().element(start).bytes().len();
        let is_reordered = block.reorder(start, end, &element);
        assert_eq!(is_reordered, element.byte_len() == old_len);
        if is_reordered && to > from {
            self.model[from..to].rotate_left(1);
            self.model[to - 1] = row;
        } else if is_reordered {
            self.model[to..=from].rotate_right(1);
            self.model[to] = row;
        }
    }

    fn compare(&self) {
        let block = Block::check(&self.bytes, &hash).expect("it was made here");
        assert_eq!((block.count(), block.owner_bits()), (self.model.len(), 5));
        assert!(block.used_len() <= block.capacity());
        let encoded: Vec<_> = self
            .model
            .iter()
            .map(|row| row.encoded(self.shape))
            .collect();
        let elements = block.elements().map(|element| element.bytes().to_vec());
        assert!(elements.eq(encoded.iter().cloned()));
        let middle = encoded.len() / 2;
        let back = block.back_from(middle).map(|element| element.bytes());
        assert!(back.eq(encoded[..middle].iter().rev().map(Vec::as_slice)));
        for (index, row) in self.model.iter().enumerate().step_by(7) {
            let element = block.get(index).expect("there are as many");
            assert_eq!(element.deadline(), row.deadline);
            assert_eq!(element.key(), Code::of_text(&row.key).item());
            assert_eq!(block.from(index).count(), self.model.len() - index);
        }
        assert!(block.get(encoded.len()).is_none());
        let least = self.model.iter().filter_map(|row| row.deadline).min();
        assert_eq!(block.least_deadline(), least);
    }
}

/// Goal: a block holds what a vector holds, through growth and shrinking, and every state of it is
/// one that `check` accepts. Method: seeded inserts, removals and overwrites, at both ends and
/// between, in memory that is copied when it is full.
#[test]
fn agrees_with_a_vector_in_every_shape() {
    let kinds = [
        (Shape::Set, true),
        (Shape::Map, true),
        (Shape::Scored, true),
        (Shape::Scored, false),
        (Shape::List, false),
    ];
    for seed in 0..60 {
        for (shape, is_tagged) in kinds {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut pair = Pair::new(shape, is_tagged);
            for wave in 0..6 {
                let steps = random.usize(0..120);
                for _ in 0..steps {
                    let grows = random.u8(0..10) < if wave % 2 == 0 { 8 } else { 3 };
                    pair.step(&mut random, grows);
                    if seed < 10 {
                        pair.compare();
                    }
                }
                pair.compare();
            }
        }
    }
}

#[test]
fn appended_elements_of_another_block_make_the_same_block() {
    let mut random = fastrand::Rng::with_seed(4);
    let mut pair = Pair::new(Shape::Map, true);
    for number in 0..100u8 {
        let mut row = Row::draw(&mut random, Shape::Map);
        row.key = format!("key {number}").into_bytes();
        pair.insert(usize::from(number), row, &mut random);
    }
    for count in [0, 1, 16, 17, 100] {
        let block = pair.block();
        let elements_len = block.position(count).offset - block.base();
        let mut bytes = vec![0; Block::len_of(Shape::Map, true, count, elements_len)];
        let mut copy = BlockMut::create(&mut bytes, Shape::Map, true, count);
        let piece = |(row, (position, element)): (&Row, (Position, ElementRef))| {
            (
                position.offset..position.offset + element.bytes().len(),
                tag(row),
            )
        };
        let mut pieces = pair.model.iter().zip(block.from(0)).map(piece).take(count);
        // Some one by one, then two runs, as leaves are merged.
        for (piece, tag) in pieces.by_ref().take(count / 5) {
            copy.push(&block.bytes()[piece], tag);
        }
        let run: Vec<_> = pieces.by_ref().take(count / 3).collect();
        copy.append(block, run.into_iter());
        copy.append(block, pieces);
        let copy = Block::check(&bytes, &hash).expect("it was made here");
        assert_eq!((copy.count(), copy.used_len()), (count, bytes.len()));
    }
}

/// Goal: no bytes panic, and what is accepted can be read and changed. Method: blocks with a few
/// bytes changed, cut or lengthened, so that most of a block is still right.
#[test]
fn damaged_blocks_are_refused_or_whole() {
    let mut accepted = 0;
    for seed in 0..3_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let shape = Shape::from_bits(random.u8(0..4));
        let mut pair = Pair::new(shape, shape.is_hashed());
        for _ in 0..random.usize(0..60) {
            pair.step(&mut random, true);
        }
        for _ in 0..random.usize(1..4) {
            let head_or_any = [random.usize(0..12), random.usize(0..pair.bytes.len())];
            let index = head_or_any[random.usize(0..2)];
            pair.bytes[index] = [random.u8(..), 0, 0xff, 1][random.usize(0..4)];
        }
        pair.bytes.truncate(random.usize(0..pair.bytes.len() * 4));
        let mut bytes = pair.bytes.clone();
        if let Ok(block) = Block::check(&bytes, &hash) {
            accepted += 1;
            let count = block.count();
            assert_eq!(block.back_from(count).count(), count);
            for index in (0..count).rev() {
                let mut block = BlockMut::new(&mut bytes);
                let place = block.block().position(index);
                block.remove(place);
            }
            assert!(Block::check(&bytes, &hash).is_ok(), "seed {seed}");
        }
    }
    assert!(accepted > 100, "{accepted} of the damaged were still whole");
}

#[test]
fn what_would_mislead_a_reader_is_refused() {
    let mut random = fastrand::Rng::with_seed(9);
    let mut pair = Pair::new(Shape::Set, true);
    for number in 0..20 {
        let mut row = Row::draw(&mut random, Shape::Set);
        row.key = format!("member {number:02}").into_bytes();
        pair.insert(number, row, &mut random);
    }
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = pair.bytes.clone();
        change(&mut bytes);
        Block::check(&bytes, &hash).err()
    };
    assert_eq!(refused(&|_| ()), None);
    assert_eq!(refused(&|bytes| bytes.clear()), Some(BadBlock::Extent));
    assert_eq!(refused(&|bytes| bytes[2] -= 1), Some(BadBlock::Extent));
    assert_eq!(refused(&|bytes| bytes[9] ^= 1), Some(BadBlock::Index));
    let skip = HEAD_BYTES + 2 * GROUP;
    assert_eq!(refused(&|bytes| bytes[skip] ^= 1), Some(BadBlock::Index));
    let base = HEAD_BYTES + 2 * group_bytes(true);
    let broken = refused(&|bytes| bytes[base] = 0xff);
    assert_eq!(broken, Some(BadBlock::Element));
    let twice = refused(&|bytes| {
        bytes.copy_within(base..base + 10, base + 10);
        bytes[9] = bytes[8];
    });
    assert_eq!(twice, Some(BadBlock::Order));
}
