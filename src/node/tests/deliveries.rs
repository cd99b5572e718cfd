//! What others cause: output that many connections share.
//!
//! Method: outputs beside a model of plain bytes, under random operations; monitors of long lines.

use super::*;
use crate::node::buffers::{OutputBuffer, Pool};
use crate::node::shared_pieces::SHARED_BYTES_MIN;
use std::sync::Arc;

/// Goal: whatever was appended in whichever way comes out in its order, and is counted meanwhile.
/// Method: long and short pieces, own and shared, and takers of any number of bytes.
#[test]
fn own_and_shared_bytes_come_out_in_their_order() {
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut pool, mut output) = (Pool::default(), OutputBuffer::default());
        let (mut model, mut shared) = (Vec::new(), Vec::new());
        let mut number = 0_u8;
        for _ in 0..200 {
            number = number.wrapping_add(1);
            let count = match random.u8(0..4) {
                0 => random.usize(0..10),
                1 => SHARED_BYTES_MIN - 1 + random.usize(0..2),
                2 => random.usize(0..20_000),
                _ => random.usize(0..100),
            };
            if random.bool() {
                let bytes = vec![number; count];
                if random.bool() {
                    let piece: Arc<[u8]> = bytes.clone().into();
                    output.push_shared(&piece, &mut pool);
                    shared.push((model.len() + count, piece));
                } else {
                    output.appendable(&mut pool).0.extend_from_slice(&bytes);
                    output.release_if_empty(&mut pool);
                }
                model.extend_from_slice(&bytes);
            }
            let wanted_max = if random.bool() { 30_000 } else { 300 };
            let mut wanted = random.usize(0..wanted_max);
            while wanted > 0 && !output.is_empty() {
                let count = output.unwritten().len().min(wanted);
                assert!(count > 0, "seed {seed}: output without bytes");
                assert_eq!(output.unwritten()[..count], model[..count], "seed {seed}");
                output.advance(count, &mut pool);
                model.drain(..count);
                shared
                    .iter_mut()
                    .for_each(|(end, _)| *end = end.saturating_sub(count));
                wanted -= count;
            }
            assert_eq!(output.len(), model.len(), "seed {seed}");
            assert_eq!(output.is_empty(), model.is_empty(), "seed {seed}");
            let own_bytes = model.len() - output.shared_len();
            assert!(output.allocated_bytes() >= own_bytes + output.shared_len());
            for (end, piece) in &shared {
                let is_held = *end > 0 && piece.len() >= SHARED_BYTES_MIN;
                let holders = 1 + usize::from(is_held);
                assert_eq!(Arc::strong_count(piece), holders, "seed {seed}");
            }
        }
        output.clear();
        assert_eq!((output.len(), output.allocated_bytes()), (0, 0));
        assert!(
            shared
                .iter()
                .all(|(_, piece)| Arc::strong_count(piece) == 1)
        );
    }
}

#[test]
fn a_long_line_is_there_once_for_all_monitors() {
    let mut rig = Rig::new();
    let monitors = [rig.accept(), rig.accept(), rig.accept()];
    let plain = rig.accept();
    for id in monitors {
        assert_eq!(rig.talk(id, "*1\r\n$7\r\nMONITOR\r\n"), "+OK;");
    }
    assert_eq!(rig.talk(plain, "MONITOR\n"), "OK;");
    let other = rig.accept();
    let value = "x".repeat(10_000);
    rig.talk(other, &format!("ECHO {value}\r\n"));
    let line = format!("1700000000.000000 [0 embedded:0] \"ECHO\" \"{value}\";");
    let first = rig.node.output(monitors[0]).as_ptr();
    for id in monitors {
        assert_eq!(rig.node.output(id).as_ptr(), first, "the very same bytes");
        let output = &rig.connection(id).output;
        let counts = (output.len(), output.shared_len(), output.allocated_bytes());
        assert_eq!(counts, (line.len() + 2, line.len() + 2, line.len() + 2));
        rig.node.check_client_budget();
    }
    rig.talk(other, "PING\r\n");
    let short = "1700000000.000000 [0 embedded:0] \"PING\";";
    for id in monitors {
        assert_eq!(rig.take(id), format!("+{line}+{short}"));
        assert_eq!(rig.allocated_bytes(id), 0);
    }
    assert_eq!(rig.take(plain), format!("{line}{short}"));
}

/// Goal: shared output counts as own does before requests of its client are executed.
#[test]
fn who_has_not_taken_what_others_sent_executes_nothing() {
    let mut rig = Rig::new();
    let id = rig.accept();
    let piece: Arc<[u8]> = vec![b'x'; OUTPUT_MARK_BYTES - 10].into();
    rig.node.clients.deliver_to(id, &piece);
    // Two replies of seven bytes reach the mark, and the third waits.
    assert_eq!(rig.read_once(id, b"PING\r\nPING\r\nPING\r\n"), 18);
    assert_eq!(rig.connection(id).output.len(), OUTPUT_MARK_BYTES + 4);
    assert!(!rig.connection(id).may_run());
    assert!(rig.take(id).ends_with("x+PONG;+PONG;"));
    while rig.turn() > 0 {}
    assert_eq!(rig.take(id), "+PONG;");
}
