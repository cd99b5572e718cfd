//! Keys that clients wait for, against a naive model under random operations.
//!
//! Method: the model keeps all waits in one list, in the order in which they came, and searches it.
//! Clients come, go, are served or keep their places, also while a key of theirs is being served;
//! keys share hashes often ([`HASH_MASK`]).

use super::*;

/// A database and a key of one letter.
type Name = (usize, u8);

struct Waiting {
    client: u32,
    id: WaitId,
    hears_all: bool,
    keys: Vec<Name>,
}

#[derive(Default)]
struct Model {
    waits: Vec<Waiting>,
    ready: VecDeque<Name>,
    client_count: u32,
}

impl Model {
    fn clients_of(&self, name: Name) -> Vec<u32> {
        let waits = self.waits.iter().filter(|wait| wait.keys.contains(&name));
        waits.map(|wait| wait.client).collect()
    }

    fn is_heard(&self, name: Name) -> bool {
        let mut waits = self.waits.iter();
        waits.any(|wait| wait.hears_all && wait.keys.contains(&name))
    }

    fn count(&self) -> WaitedKeyCount {
        let names = (0..2).flat_map(|database| (b'a'..b'h').map(move |key| (database, key)));
        let (mut keys, mut heard_keys) = (0, 0);
        for name in names {
            keys += usize::from(!self.clients_of(name).is_empty());
            heard_keys += usize::from(self.is_heard(name));
        }
        WaitedKeyCount { keys, heard_keys }
    }
}

struct Pair {
    random: fastrand::Rng,
    keys: ReadyKeys,
    model: Model,
}

impl Pair {
    fn name(&mut self) -> Name {
        (self.random.usize(0..2), self.random.u8(b'a'..b'h'))
    }

    fn wait(&mut self) {
        let database = self.random.usize(0..2);
        let names: Vec<[u8; 1]> = (0..self.random.usize(1..6))
            .map(|_| [self.random.u8(b'a'..b'h')])
            .collect();
        let client = self.model.client_count;
        self.model.client_count += 1;
        let waiter = Waiter {
            client,
            kind: Kind::List,
            hears_all: self.random.u8(0..4) == 0,
        };
        let id = (self.keys).wait(waiter, database, names.iter().map(|name| &name[..]));
        self.model.waits.push(Waiting {
            client,
            id,
            hears_all: waiter.hears_all,
            keys: names.iter().map(|name| (database, name[0])).collect(),
        });
    }

    /// Ends the wait of a client, or of any.
    fn end(&mut self, client: Option<u32>) {
        let waits = &mut self.model.waits;
        let index = match client {
            Some(client) => waits.iter().position(|wait| wait.client == client),
            None => (!waits.is_empty()).then(|| self.random.usize(0..waits.len())),
        };
        if let Some(index) = index {
            self.keys.end(waits.remove(index).id);
        }
    }

    fn note(&mut self, name: Name, served: Option<Name>) {
        let event = *self
            .random
            .choice(&[Event::ListPush, Event::Del])
            .expect("two");
        let model = &mut self.model;
        let is_known = !model.clients_of(name).is_empty() || served == Some(name);
        let is_listed = model.ready.contains(&name);
        let is_new = is_known && !is_listed && (event.may_fill() || model.is_heard(name));
        if is_new {
            model.ready.push_back(name);
        }
        assert_eq!(self.keys.note(name.0, &[name.1], event), is_new);
    }

    fn serve(&mut self) {
        let Some(name) = self.model.ready.pop_front() else {
            assert!(!self.keys.begin_key());
            return;
        };
        assert!(self.keys.begin_key());
        assert_eq!(self.keys.serving(), Some((name.0, &[name.1][..])));
        assert_eq!(self.keys.is_heard(), self.model.is_heard(name));
        for client in self.model.clients_of(name) {
            if !self.model.clients_of(name).contains(&client) {
                continue;
            }
            let next = self.keys.next_waiter().map(|waiter| waiter.client);
            assert_eq!(next, Some(client));
            match self.random.u8(0..10) {
                0..5 => self.end(Some(client)),
                5 => self.end(None),
                6 => self.note(name, Some(name)),
                7 => {
                    let other = self.name();
                    self.note(other, Some(name));
                }
                _ => {}
            }
            self.keys.check_invariants();
        }
        assert_eq!(self.keys.next_waiter(), None);
        self.keys.end_key();
    }
}

#[test]
fn agrees_with_a_model_that_searches() {
    for seed in 0..40 {
        println!("seed {seed}");
        let mut pair = Pair {
            random: fastrand::Rng::with_seed(seed),
            keys: ReadyKeys::new(KeyHasher::new(seed)),
            model: Model::default(),
        };
        for _ in 0..500 {
            match pair.random.u8(0..10) {
                0..4 => pair.wait(),
                4..6 => pair.end(None),
                6..8 => {
                    let name = pair.name();
                    pair.note(name, None);
                }
                _ => pair.serve(),
            }
            pair.keys.check_invariants();
            assert_eq!(pair.keys.count(), pair.model.count());
            assert_eq!(pair.keys.has_ready(), !pair.model.ready.is_empty());
        }
        while !pair.model.waits.is_empty() {
            pair.end(None);
        }
        while !pair.model.ready.is_empty() {
            pair.serve();
        }
        assert!(pair.keys.is_empty() && pair.keys.index.is_empty());
        assert_eq!(pair.keys.places.len() + pair.keys.waits.len(), 0);
    }
}

#[test]
fn what_is_set_aside_comes_first_again() {
    let mut keys = ReadyKeys::new(KeyHasher::new(1));
    let waiter = Waiter {
        client: 1,
        kind: Kind::List,
        hears_all: false,
    };
    let names: [&[u8]; 3] = [b"a", b"b", b"c"];
    keys.wait(waiter, 0, names.into_iter());
    for name in names {
        assert!(keys.note(0, name, Event::ListPush));
    }
    for _ in 0..2 {
        assert!(keys.begin_key());
        keys.set_aside();
    }
    assert!(keys.is_ready(b"a") && keys.has_ready());
    keys.take_up_again();
    let mut order = Vec::new();
    while keys.begin_key() {
        let (_, name) = keys.serving().expect("one is served");
        order.push(name.to_vec());
        keys.end_key();
    }
    assert_eq!(order, names);
    assert!(!keys.has_ready() && !keys.is_ready(b"a"));
}
