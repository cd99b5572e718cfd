//! SYNC, PSYNC and REPLCONF: a file of Redis over the connection, as `redis-cli --rdb` takes it.
//!
//! ```text
//!  SYNC        $EOF:<mark>    file    <mark>
//!  PSYNC ? -1  +FULLRESYNC <id> 0 ─▶ the same
//! ```
//!
//! The file is of one moment, from a cut as snapshots are; nothing follows it, because changes are
//! not told to anybody. It is written in the steps of a long read, so as fast as the client takes
//! it, and at most the output of one client waits. A snapshot that is under way is waited for; one
//! that is wanted meanwhile waits for the file, up to a minute (`node/saving.rs`).
//!
//! Not here: the bytes (`rdb/cut_writer.rs`).

use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::context::outbox::Effect;
use crate::keyspace::{ExportId, Keyspace};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::rdb::RdbWriter;
use crate::session::long_read::LongRead;

pub(super) const COMMANDS: &[&CommandSpec] = &[&SYNC, &PSYNC, &REPLCONF];

const FLAGS: Flags = Flags::ADMIN
    .and(Flags::NO_SCRIPT)
    .and(Flags::NO_MULTI)
    .and(Flags::LARGE_REPLY);

/// Bytes of the mark at the end of a file whose length is not known at its beginning.
const MARK_BYTES: usize = 40;

const CANNOT_WAIT: ReplyError = ReplyError::fixed("ERR a file can only be sent to a connection");

static SYNC: CommandSpec = family::SERVER
    .command("sync", "", sync)
    .summary("Sends all keys as a file of Redis, and no changes after it.")
    .since("1.0.0")
    .cost("O(number of keys), in slices")
    .flags(FLAGS);

fn sync(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    send_file(context, false)
}

static PSYNC: CommandSpec = family::SERVER
    .command("psync", "replicationid offset [argument ...]", psync)
    .summary("Sends all keys as SYNC does, whatever the client has.")
    .since("2.8.0")
    .cost("O(number of keys), in slices")
    .flags(FLAGS);

fn psync(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    send_file(context, true)
}

static REPLCONF: CommandSpec = family::SERVER
    .command("replconf", "[option value [option value ...]]", replconf)
    .summary("Takes what a replica tells of itself.")
    .since("3.0.0")
    .flags(
        Flags::ADMIN
            .and(Flags::NO_SCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::ALLOW_BUSY),
    );

fn replconf(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    const KNOWN: [&[u8]; 6] = [
        b"listening-port",
        b"ip-address",
        b"capa",
        b"rdb-only",
        b"rdb-filter-only",
        b"getack",
    ];
    if args.len().is_multiple_of(2) {
        return Err(ReplyError::SYNTAX);
    }
    for index in (1..args.len()).step_by(2) {
        let (name, value) = (args.get(index), args.get(index + 1));
        if name.eq_ignore_ascii_case(b"ack") {
            // Told each second by replicas, which want no answer.
            return Ok(());
        }
        if name.eq_ignore_ascii_case(b"getack") && context.session().is_primary {
            context.outbox.push(Effect::Acknowledge);
            return Ok(());
        }
        if !KNOWN.iter().any(|known| name.eq_ignore_ascii_case(known)) {
            let text = [b"ERR Unrecognized REPLCONF option: ", name].concat();
            return Err(ReplyError::from_bytes(text));
        }
        if name.eq_ignore_ascii_case(b"rdb-filter-only") && !value.is_empty() {
            let text = [b"ERR Unsupported rdb-filter-only option: ", value].concat();
            return Err(ReplyError::from_bytes(text));
        }
    }
    context.reply.ok();
    Ok(())
}

fn send_file(context: &mut Context<'_>, is_partial_asked: bool) -> Outcome {
    if !context.may_wait {
        return Err(CANNOT_WAIT);
    }
    let mut random = context.keyspace.fork_random();
    let digits = std::iter::repeat_with(|| random.digit(16));
    let mark: String = digits.take(MARK_BYTES).collect();
    if is_partial_asked {
        let id = &context.stats.gauges.run_id;
        context.reply.simple(&format!("FULLRESYNC {id} 0"));
    }
    let libraries = context.scripts.libraries().iter();
    let libraries = libraries.map(|(_, library)| library.code[..].into());
    let sending = Sending {
        mark: mark.into_bytes(),
        libraries: libraries.collect(),
        stage: Stage::Waiting,
    };
    context.answer_in_steps(sending);
    Ok(())
}

#[derive(Debug)]
enum Stage {
    /// For the end of another cut.
    Waiting,
    /// The file is being written.
    Writing(ExportId, Box<RdbWriter>),
    /// The cut was given up; the client can't be told, and is closed.
    Broken,
}

/// A file that is being sent.
#[derive(Debug)]
struct Sending {
    mark: Vec<u8>,
    libraries: Vec<Box<[u8]>>,
    stage: Stage,
}

impl Sending {
    fn begin(&mut self, keyspace: &mut Keyspace, now_ms: u64, reply: &mut ReplyWriter<'_>) {
        let libraries = self.libraries.iter().map(|code| &**code);
        let writer = RdbWriter::begin(keyspace, libraries, now_ms);
        let export = keyspace.begin_export();
        reply.raw(&[b"$EOF:", &self.mark[..], b"\r\n"].concat());
        self.stage = Stage::Writing(export, Box::new(writer));
    }
}

impl LongRead for Sending {
    fn step(&mut self, keyspace: &mut Keyspace, now_ms: u64, reply: &mut ReplyWriter<'_>) -> bool {
        if let Stage::Waiting = self.stage {
            if !keyspace.is_cutting() && !keyspace.is_changing_in_place() {
                self.begin(keyspace, now_ms, reply);
            }
            return false;
        }
        let Stage::Writing(export, writer) = &mut self.stage else {
            return false;
        };
        if !keyspace.is_exporting(*export) {
            self.stage = Stage::Broken;
            return false;
        }
        let has_more = writer.step(keyspace);
        while let Some(buffer) = writer.take_buffer() {
            reply.raw(&buffer);
        }
        keyspace.set_unwritten_bytes(writer.buffered_bytes());
        if has_more {
            return false;
        }
        reply.raw(&self.mark);
        keyspace.set_unwritten_bytes(0);
        keyspace.end_export(*export);
        true
    }

    fn is_broken(&self) -> bool {
        matches!(self.stage, Stage::Broken)
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        if let Stage::Writing(export, _) = self.stage {
            keyspace.set_unwritten_bytes(0);
            keyspace.end_export(export);
        }
    }

    fn used_bytes(&self) -> usize {
        let writer_bytes = match &self.stage {
            Stage::Writing(_, writer) => writer.buffered_bytes(),
            Stage::Waiting | Stage::Broken => 0,
        };
        size_of::<Self>() + writer_bytes
    }
}
