//! The short way past the gates and the long one lead to the same place.
//!
//! Goal: whatever state a session, the configuration and memory are in, a pipeline of short
//! commands on keys is answered as if each had been asked at every gate. Method: twins in every
//! combination of states; the one asks the gates once for a group, the other, which times every
//! command singly, one by one. Both execute every short command there is.
//!
//! Not here: loading and protected mode, which keep clients away before they have a session.

use super::*;
use crate::base::link::Link;
use crate::command::declare::spec::{Action, CommandSpec, Flags};
use crate::session::ReplyMode;

/// What may hold a command back.
#[derive(Clone, Copy, Debug)]
enum Obstacle {
    Tracks,
    NoPassword,
    FewRights,
    Multi,
    WritesPaused,
    AllPaused,
    WritesStopped,
    NoReplies,
    Full,
    Evicting,
    Listening,
    Leaving,
    Claimed,
    FullCollections,
    Shut,
    Replica,
    ShortOfRoom,
}

const OBSTACLES: [Obstacle; 10] = [
    Obstacle::Tracks,
    Obstacle::NoPassword,
    Obstacle::FewRights,
    Obstacle::Multi,
    Obstacle::WritesPaused,
    Obstacle::AllPaused,
    Obstacle::WritesStopped,
    Obstacle::NoReplies,
    Obstacle::Full,
    Obstacle::Evicting,
];

/// Those that are tried alone and together with one of the others.
const RARE_OBSTACLES: [Obstacle; 7] = [
    Obstacle::Listening,
    Obstacle::Leaving,
    Obstacle::Claimed,
    Obstacle::FullCollections,
    Obstacle::Shut,
    Obstacle::Replica,
    Obstacle::ShortOfRoom,
];

/// All sets of obstacles that are tried.
fn obstacle_sets() -> Vec<Vec<Obstacle>> {
    let of_bits = |chosen: u32| -> Vec<Obstacle> {
        let indexes = (0..OBSTACLES.len()).filter(|index| chosen >> index & 1 == 1);
        indexes.map(|index| OBSTACLES[index]).collect()
    };
    let mut sets: Vec<_> = (0..1_u32 << OBSTACLES.len()).map(of_bits).collect();
    for rare in RARE_OBSTACLES {
        sets.push(vec![rare]);
        sets.extend(OBSTACLES.map(|other| match other {
            // Who listens only can't ask for it any more.
            Obstacle::Tracks => vec![other, rare],
            _ => vec![rare, other],
        }));
    }
    sets
}

impl Rig {
    fn twin(obstacles: &[Obstacle], is_timed_singly: bool) -> Self {
        let mut rig = Rig::new();
        let slow_us = if is_timed_singly { 0 } else { 10_000 };
        rig.engine.config_mut().slowlog_slower_than_us = slow_us;
        for number in 0..200 {
            rig.call(&format!("SET {number} {}", "v".repeat(100)));
        }
        for obstacle in obstacles {
            rig.raise(*obstacle);
        }
        rig
    }

    fn raise(&mut self, obstacle: Obstacle) {
        let used_bytes = self.engine.used_bytes() as u64;
        match obstacle {
            Obstacle::Tracks => {
                let lines: [&[&[u8]]; 2] = [&[b"HELLO", b"3"], &[b"CLIENT", b"TRACKING", b"ON"]];
                let requests = lines.map(|words| words.iter().map(|word| word.to_vec()).collect());
                self.batch_of(&requests, NO_LIMIT);
                assert!(self.engine.session(self.session).tracking.is_some());
            }
            Obstacle::NoPassword => {
                self.engine.users.follow_requirepass(b"secret");
                self.engine.session_mut(self.session).is_authenticated = false;
            }
            Obstacle::FewRights => self.limit_rights(),
            Obstacle::Multi => self.engine.session_mut(self.session).transaction.open(),
            Obstacle::WritesPaused | Obstacle::AllPaused => {
                use crate::context::pause::PauseScope;
                let scope = match obstacle {
                    Obstacle::AllPaused => PauseScope::All,
                    _ => PauseScope::Writes,
                };
                let now_ms = self.now.monotonic_ms();
                self.engine.pause.extend(scope, now_ms + 1_000, now_ms);
            }
            Obstacle::WritesStopped => {
                self.engine.note_save(false);
                self.engine.config_mut().stop_writes_on_bgsave_error = true;
            }
            Obstacle::NoReplies => {
                self.engine.session_mut(self.session).reply_mode = ReplyMode::Off;
            }
            Obstacle::Full => {
                self.engine.config_mut().maxmemory_policy = crate::config::MemoryPolicy::Noeviction;
                self.engine.set_memory_limit(used_bytes - 1);
            }
            Obstacle::Evicting => {
                self.engine.config_mut().maxmemory_policy =
                    crate::config::MemoryPolicy::AllkeysRandom;
                self.engine.set_memory_limit(used_bytes - 5_000);
            }
            Obstacle::Listening => {
                self.engine.session_mut(self.session).link = Some(Link(7));
                self.call("SUBSCRIBE news");
                assert!(self.engine.session(self.session).is_subscriber());
            }
            Obstacle::Leaving => {
                self.engine.session_mut(self.session).closes_after_reply = true;
            }
            Obstacle::Claimed => self.engine.keyspace.claim(0, b"1"),
            Obstacle::FullCollections => {
                self.engine.keyspace.set_full_count(100);
                let word = format!(" {}", "x".repeat(100));
                self.call(&format!("RPUSH full{}", word.repeat(150)));
            }
            Obstacle::Shut => self.let_another_shut(),
            Obstacle::Replica => {
                self.engine.host_mut().following = Some(Box::default());
            }
            Obstacle::ShortOfRoom => self.room_bytes = Some(50),
        }
    }

    /// Has another session begin a script without an end.
    fn let_another_shut(&mut self) {
        let other = self.engine.open_session(Peer::embedded(), START);
        let own = std::mem::replace(&mut self.session, other);
        let words = [b"EVAL".as_slice(), b"while true do end", b"0"];
        self.batch_of(&[words.map(<[u8]>::to_vec).to_vec()], NO_LIMIT);
        self.session = own;
        assert!(self.engine.has_job());
    }

    /// Makes the session a user who may read all keys, and write some of them by some commands.
    fn limit_rights(&mut self) {
        use crate::acl::User;
        use crate::command::permission::CommandRights;
        let mut user = User::new(false);
        for rule in [
            "on", "nopass", "%R~*", "~1", "+@read", "+set", "+incr", "+hset",
        ] {
            let applied = user.apply(rule.as_bytes(), false, &CommandRights);
            applied.expect("a rule");
        }
        let id = self.engine.users.set(b"app", user);
        self.engine
            .sessions
            .get_mut(self.session)
            .enter(id, &self.engine.users);
    }

    fn gates_stand_open(&mut self) -> bool {
        let mut out = Vec::new();
        let (context, ..) = (self.engine).context(self.session, self.now, &mut out);
        crate::engine::gates::stand_open::<false>(&context)
            || crate::engine::gates::stand_open::<true>(&context)
    }

    /// What there is to be compared after a batch.
    fn state(&self) -> (usize, usize, String, u64, [usize; 3]) {
        (
            self.engine.len(),
            self.engine.used_bytes(),
            (self.engine.session(self.session).last_command)
                .map_or_else(String::new, |number| table().full_name(number).to_owned()),
            self.engine.keyspace.dirty_count(),
            self.engine.keyspace.tracked_counts(),
        )
    }
}

/// A request of each short command with as few arguments as it takes, all of them the number 1.
fn short_requests() -> Vec<Vec<Vec<u8>>> {
    let specs = table().all().map(|number| table().spec(number));
    let is_plain = |spec: &&CommandSpec| matches!(spec.action, Action::Run(_));
    specs
        .filter(is_plain)
        .filter(|spec| spec.flags.has(Flags::SHORT))
        .map(|spec| {
            let mut words = vec![b"1".to_vec(); usize::from(spec.arity.unsigned_abs())];
            words[0] = spec.name.as_bytes().to_vec();
            words
        })
        .collect()
}

#[test]
fn a_group_passes_the_gates_as_its_requests_do_one_by_one() {
    let requests = short_requests();
    assert!(requests.len() >= 30, "{}", requests.len());
    let large = vec![b"SET".to_vec(), b"1".to_vec(), vec![b'v'; 70_000]];
    for obstacles in obstacle_sets() {
        let [mut grouped, mut single] =
            [false, true].map(|is_timed_singly| Rig::twin(&obstacles, is_timed_singly));
        assert!(!single.gates_stand_open());
        // Memory, rights and room for replies are asked for within a group. Who has entered as
        // another user needs no password any more.
        let has_entered = obstacles
            .iter()
            .any(|obstacle| matches!(obstacle, Obstacle::FewRights));
        let are_asked = obstacles.iter().all(|obstacle| match obstacle {
            Obstacle::FewRights | Obstacle::Full | Obstacle::Evicting | Obstacle::ShortOfRoom => {
                true
            }
            Obstacle::NoPassword => has_entered,
            _ => false,
        });
        assert_eq!(grouped.gates_stand_open(), are_asked, "{obstacles:?}");
        let mut batches: Vec<Vec<Vec<Vec<u8>>>> = requests
            .iter()
            .map(|request| vec![request.clone(); 2])
            .collect();
        batches.push(requests.clone());
        batches.push(vec![
            requests[0].clone(),
            large.clone(),
            requests[1].clone(),
        ]);
        for batch in batches {
            let name = String::from_utf8_lossy(&batch[0][0]).into_owned();
            let of_group = grouped.batch_of(&batch, NO_LIMIT);
            let one_by_one = single.batch_of(&batch, NO_LIMIT);
            assert_eq!(of_group, one_by_one, "{name} {obstacles:?}");
            assert_eq!(grouped.state(), single.state(), "{name} {obstacles:?}");
        }
    }
}

/// Goal: who a client is may change with any request of a group. Method: the twins are given such
/// pipelines.
#[test]
fn a_group_in_which_the_user_changes_is_as_its_requests_one_by_one() {
    for lines in [
        "GET 1|AUTH app x|SET 2 v|SET 1 v|GET 2|DEL 1|AUTH default x|SET 2 w|GET 2",
        "AUTH app x|GET 1|INCR 1|SET 3 v|AUTH default x|DEL 3|AUTH app x|GET 3|SET 1 v",
        "AUTH app x|GET 1|ACL SETUSER app -get|GET 1|ACL SETUSER app +@all allkeys|GET 1|SET 3 v",
        "GET 1|ACL SETUSER default -get|GET 1|SET 4 v|ACL SETUSER default +@all|GET 1|GET 4",
        "AUTH app x|GET 1|ACL DELUSER app|GET 1|SET 1 v",
        "GET 1|ACL SETUSER default off|GET 1|AUTH app x|GET 1|SET 2 v|SET 1 w|GET 1",
        "AUTH app x|MGET 1 2|EXISTS 1 2|HSET 1 a b|HGET 2 a|STRLEN 2|APPEND 2 x|GET 1",
    ] {
        let words = |line: &str| -> Vec<Vec<u8>> {
            line.split(' ')
                .map(|word| word.as_bytes().to_vec())
                .collect()
        };
        let batch: Vec<_> = lines.split('|').map(words).collect();
        let [of_group, one_by_one] = [false, true].map(|is_timed_singly| {
            let mut rig = Rig::twin(&[], is_timed_singly);
            rig.call("ACL SETUSER app on nopass %R~* ~1 +@read +set +incr +hset +auth +acl");
            let mut replies = Vec::new();
            let mut rest = &batch[..];
            while !rest.is_empty() {
                let (outcome, out) = rig.batch_of(rest, NO_LIMIT);
                replies.extend(out);
                rest = &rest[outcome.executed_count.max(1)..];
                if outcome.stop == Some(Stop::Closing) {
                    break;
                }
            }
            (replies, rig.state())
        });
        let shown = of_group.0.escape_ascii();
        assert_eq!(of_group, one_by_one, "{lines}: {shown}");
    }
}

/// Defect: DEBUG had a list of its own of local addresses. Effect: a local client over IPv6 that
/// was mapped from IPv4 was refused, and names that begin like a loopback address were let in. Fix:
/// one function for protected mode and DEBUG.
#[test]
fn debug_knows_who_is_local_as_protected_mode_does() {
    for (address, is_local) in [
        ("127.0.0.1:5", true),
        ("[::1]:5", true),
        ("[::ffff:127.0.0.1]:5", true),
        ("[::ffff:10.0.0.1]:5", false),
        ("[::1]x:5", false),
        ("127.example.org:5", false),
    ] {
        let mut rig = Rig::new();
        rig.engine.config_mut().enable_debug_command = crate::config::EnableDebug::Local;
        rig.engine.session_mut(rig.session).peer = Peer {
            address: address.into(),
            transport: crate::session::Transport::Tcp,
            ..Peer::embedded()
        };
        let reply = rig.call("DEBUG OBJECT k");
        assert_eq!(reply == "-ERR no such key;", is_local, "{address}: {reply}");
    }
}
