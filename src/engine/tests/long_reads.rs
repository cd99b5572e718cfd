//! Long reads that end before their reply is complete, whoever drives the engine.
//!
//! Not here: connections (`node/tests/abandoning.rs`).

use super::*;
use crate::session::fake_read::{FakeRead, Tally};

impl Rig {
    /// Answers as a command does that reads in steps.
    fn answer_in_steps(&mut self, read: FakeRead) -> Vec<u8> {
        let mut reply = Vec::new();
        let (mut context, _, _) = (self.engine).context(self.session, self.now, &mut reply);
        context.answer_in_steps(read);
        reply
    }

    fn reads(&self) -> bool {
        self.engine.session(self.session).long_read.is_some()
    }
}

#[test]
fn a_read_is_abandoned_when_its_reply_is_not_wanted() {
    for (mode, is_wanted) in [
        (ReplyMode::On, true),
        (ReplyMode::SkipNext, true),
        (ReplyMode::Off, false),
        (ReplyMode::Skip, false),
    ] {
        let (mut rig, tally) = (Rig::new(), Tally::default());
        rig.engine.session_mut(rig.session).reply_mode = mode;
        assert!(
            rig.answer_in_steps(FakeRead::of_steps(2, &tally))
                .is_empty()
        );
        assert_eq!(rig.reads(), is_wanted, "{mode:?}");
        let effects = rig.engine.take_effects().len();
        let counts = (effects, tally.steps(), tally.abandoned());
        let is_abandoned = usize::from(!is_wanted);
        assert_eq!(counts, (1 - is_abandoned, 0, is_abandoned), "{mode:?}");
    }
}

#[test]
fn a_read_that_is_answered_is_not_abandoned() {
    let (mut rig, tally) = (Rig::new(), Tally::default());
    rig.answer_in_steps(FakeRead::of_steps(2, &tally));
    let mut reply = Vec::new();
    assert!(!rig.engine.read_on(rig.session, rig.now, &mut reply));
    assert!(rig.engine.read_on(rig.session, rig.now, &mut reply));
    assert_eq!(reply, b"+READ\r\n");
    rig.engine.close_session(rig.session);
    drop(rig);
    assert_eq!((tally.steps(), tally.abandoned()), (2, 0));
}

#[test]
fn the_end_of_its_session_abandons_a_read() {
    let (mut rig, tally) = (Rig::new(), Tally::default());
    rig.answer_in_steps(FakeRead::of_steps(2, &tally));
    rig.engine.close_session(rig.session);
    assert_eq!(tally.abandoned(), 1);
    drop(rig);
    assert_eq!((tally.steps(), tally.abandoned()), (0, 1));
}

#[test]
fn reset_abandons_a_read() {
    let (mut rig, tally) = (Rig::new(), Tally::default());
    rig.answer_in_steps(FakeRead::of_steps(2, &tally));
    assert_eq!(rig.call("RESET"), "+RESET;");
    assert!(!rig.reads());
    drop(rig);
    assert_eq!((tally.steps(), tally.abandoned()), (0, 1));
}

#[test]
fn the_end_of_the_cache_abandons_all_reads() {
    let (mut rig, tally) = (Rig::new(), [Tally::default(), Tally::default()]);
    rig.answer_in_steps(FakeRead::of_steps(2, &tally[0]));
    rig.session = rig.engine.open_session(Peer::embedded(), START);
    rig.answer_in_steps(FakeRead::of_steps(2, &tally[1]));
    drop(rig);
    assert_eq!(tally.map(|tally| tally.abandoned()), [1, 1]);
}

#[test]
#[should_panic(expected = "a session has one long read at a time")]
fn a_second_read_of_a_session_is_a_fault() {
    let (mut rig, tally) = (Rig::new(), Tally::default());
    rig.answer_in_steps(FakeRead::of_steps(2, &tally));
    rig.answer_in_steps(FakeRead::of_steps(2, &tally));
}
