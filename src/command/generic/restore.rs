//! RESTORE: a key with a value that DUMP has returned, here or in Redis.
//!
//! ```text
//!  short ─▶ checked, read and set at once
//!  long  ─▶ claim ─▶ checksum ─▶ 64 KiB a step, into the workshop ─▶ put in place ─▶ unclaim
//! ```
//!
//! Whatever the payload claims, it is checked item by item; a value that fails leaves the key as it
//! was.
//!
//! Not here: the bytes (`rdb/`), DUMP (`dump.rs`).

use crate::base::numbers::parse_i64;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::Keys;
use crate::command::declare::spec::{Categories, CommandSpec, Flags, Outcome};
use crate::command::long_work::build::may_take_steps;
use crate::context::Context;
use crate::keyspace::{Event, Keyspace, Room};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::rdb::{Built, DumpPayload, PayloadCheck};
use crate::session::long_read::LongRead;
use crate::value::kind::Kind;
use crate::value::record::{KeyRecord, RecordValue};
use crate::value::string::StringValue;

pub(super) const COMMANDS: &[&CommandSpec] = &[&RESTORE, &RESTORE_ASKING];

/// From this many bytes on a payload is read in slices.
const LONG_BYTES_MIN: usize = 64 * 1024;

/// What a step may add to memory, about: asked for before each.
const STEP_BYTES: usize = 64 * 1024;

/// Bytes of which a step takes the checksum.
const CHECKED_BYTES: usize = 256 * 1024;

const SYNTAX: &str =
    "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]";

const BUSY: ReplyError = ReplyError::fixed("BUSYKEY Target key name already exists.");
const BAD_TTL: ReplyError = ReplyError::fixed("ERR Invalid TTL value, must be >= 0");
const BAD_IDLE: ReplyError = ReplyError::fixed("ERR Invalid IDLETIME value, must be >= 0");
const BAD_FREQUENCY: ReplyError =
    ReplyError::fixed("ERR Invalid FREQ value, must be >= 0 and <= 255");
const BAD_CHECKSUM: ReplyError =
    ReplyError::fixed("ERR DUMP payload version or checksum are wrong");
const BAD_DATA: ReplyError = ReplyError::fixed("ERR Bad data format");

static RESTORE: CommandSpec = family::GENERIC
    .command("restore", SYNTAX, restore)
    .summary("Sets a key to a value that DUMP has returned.")
    .since("2.6.0")
    .cost("O(length of the value), O(n log n) for sorted sets")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .access(Access::REPLACE)
    .also(Categories::DANGEROUS);

static RESTORE_ASKING: CommandSpec = family::SERVER
    .command("restore-asking", SYNTAX, restore)
    .summary("RESTORE as MIGRATE of a cluster's node sends it.")
    .since("3.0.0")
    .cost("O(length of the value), O(n log n) for sorted sets")
    .flags(Flags::WRITE.and(Flags::DENY_OOM).and(Flags::ASKING))
    .keys(Keys::FIRST)
    .access(Access::REPLACE)
    .also(Categories::KEYSPACE.and(Categories::DANGEROUS));

#[derive(Clone, Copy, Debug, Default)]
struct Options {
    replaces: bool,
    is_absolute: bool,
    idle_s: Option<u64>,
    frequency: Option<u8>,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, ReplyError> {
        let mut options = Self::default();
        let mut words = args.iter().skip(4);
        while let Some(word) = words.next() {
            if word.eq_ignore_ascii_case(b"replace") {
                options.replaces = true;
            } else if word.eq_ignore_ascii_case(b"absttl") {
                options.is_absolute = true;
            } else if word.eq_ignore_ascii_case(b"idletime") && options.frequency.is_none() {
                let value = words.next().ok_or(ReplyError::SYNTAX)?;
                let value = parse_i64(value).ok_or(ReplyError::NOT_INTEGER)?;
                options.idle_s = Some(u64::try_from(value).map_err(|_| BAD_IDLE)?);
            } else if word.eq_ignore_ascii_case(b"freq") && options.idle_s.is_none() {
                let value = words.next().ok_or(ReplyError::SYNTAX)?;
                let value = parse_i64(value).ok_or(ReplyError::NOT_INTEGER)?;
                options.frequency = Some(u8::try_from(value).map_err(|_| BAD_FREQUENCY)?);
            } else {
                return Err(ReplyError::SYNTAX);
            }
        }
        Ok(options)
    }
}

fn restore(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let options = Options::parse(args)?;
    let key = context.key(args, 1);
    let payload = args.get(3);
    context.room_to_grow(key, payload.len())?;
    if !options.replaces && context.mutate().exists(key) {
        return Err(BUSY);
    }
    let (database, now_ms) = (context.database(), context.now_ms());
    let ttl = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
    let ttl = u64::try_from(ttl).map_err(|_| BAD_TTL)?;
    let deadline_ms = match (ttl, options.is_absolute) {
        (0, _) => None,
        (ttl, true) => Some(ttl),
        (ttl, false) => Some(context.clock_ms().saturating_add(ttl)),
    };
    let target = Target {
        database,
        key: key.bytes.into(),
        deadline_ms,
        options,
    };
    if payload.len() >= LONG_BYTES_MIN && may_take_steps(context) {
        context.keyspace.claim(database, key.bytes);
        context.answer_in_steps(Restoring {
            target,
            payload: payload.into(),
            check: Some(PayloadCheck::default()),
            reading: None,
        });
        return Ok(());
    }
    if !DumpPayload::is_intact(payload) {
        return Err(BAD_CHECKSUM);
    }
    let mut reading = DumpPayload::begin(payload).map_err(|_| BAD_DATA)?;
    let keyspace = &mut *context.keyspace;
    let outcome = (|| {
        while !reading.step(payload, keyspace, now_ms)? {}
        target.set(&mut reading, payload, keyspace, now_ms)
    })();
    if outcome.is_err() {
        reading.scrap(keyspace, now_ms);
        return Err(BAD_DATA);
    }
    context.reply.ok();
    Ok(())
}

/// The key that is set.
#[derive(Debug)]
struct Target {
    database: usize,
    key: Box<[u8]>,
    deadline_ms: Option<u64>,
    options: Options,
}

impl Target {
    /// Sets the key to a payload of which all was read.
    fn set(
        &self,
        reading: &mut DumpPayload,
        payload: &[u8],
        keyspace: &mut Keyspace,
        now_ms: u64,
    ) -> Result<(), crate::rdb::Reason> {
        let key = keyspace.key(&self.key);
        let is_due = self
            .deadline_ms
            .is_some_and(|deadline_ms| deadline_ms <= now_ms);
        let deadline_ms = self.deadline_ms;
        let record = |value| KeyRecord {
            key: &self.key,
            value,
            deadline_ms,
        };
        let text;
        let built = if reading.kind() == Kind::String {
            text = DumpPayload::text(payload)?;
            Some(RecordValue::String(StringValue::compact(&text)))
        } else {
            match reading.built(keyspace)? {
                Built::Nothing => return Err(crate::rdb::Reason::Empty),
                Built::Small(collected) | Built::Long(collected) => {
                    Some(RecordValue::Collection(collected))
                }
                Built::Large(work) if is_due => {
                    keyspace.scrap(work, now_ms);
                    None
                }
                Built::Large(work) => {
                    let event = Event::Restore;
                    keyspace.put_in_place(work, self.database, key, deadline_ms, event, now_ms);
                    None
                }
            }
        };
        let mut mutation = keyspace.mutate(self.database, now_ms);
        if is_due {
            mutation.remove(key);
            return Ok(());
        }
        if let Some(value) = built
            && !mutation.restore_one(record(value))
        {
            // All fields of a hash were due.
            mutation.remove(key);
        }
        let Options {
            idle_s, frequency, ..
        } = self.options;
        if idle_s.is_some() || frequency.is_some() {
            keyspace.set_use(self.database, key, idle_s, frequency, now_ms);
        }
        Ok(())
    }
}

/// A payload that is read in slices.
#[derive(Debug)]
struct Restoring {
    target: Target,
    payload: Box<[u8]>,
    /// While its checksum is taken.
    check: Option<PayloadCheck>,
    reading: Option<DumpPayload>,
}

impl Restoring {
    /// Goes on for a step; whether that was all, or what is wrong.
    fn go_on(&mut self, keyspace: &mut Keyspace, now_ms: u64) -> Result<bool, ReplyError> {
        if let Some(check) = &mut self.check {
            let Some(is_intact) = check.step(&self.payload, CHECKED_BYTES) else {
                return Ok(false);
            };
            if !is_intact {
                return Err(BAD_CHECKSUM);
            }
            self.check = None;
        }
        if self.reading.is_none() {
            self.reading = Some(DumpPayload::begin(&self.payload).map_err(|_| BAD_DATA)?);
        }
        let reading = self.reading.as_mut().expect("it has begun");
        let is_over = reading.step(&self.payload, keyspace, now_ms);
        if !is_over.map_err(|_| BAD_DATA)? {
            return Ok(false);
        }
        let set = self.target.set(reading, &self.payload, keyspace, now_ms);
        set.map_err(|_| BAD_DATA).map(|()| true)
    }

    fn end(&mut self, keyspace: &mut Keyspace) {
        keyspace.unclaim(self.target.database, &self.target.key);
    }
}

impl LongRead for Restoring {
    fn step(&mut self, keyspace: &mut Keyspace, now_ms: u64, reply: &mut ReplyWriter<'_>) -> bool {
        let outcome = match keyspace.make_room(STEP_BYTES, now_ms) {
            Room::Made => self.go_on(keyspace, now_ms),
            Room::Pending => return false,
            Room::Exhausted => Err(ReplyError::OOM),
        };
        match outcome {
            Ok(false) => return false,
            Ok(true) => {
                reply.ok();
                self.end(keyspace);
            }
            Err(error) => {
                self.abandon(keyspace);
                reply.error(&error);
            }
        }
        true
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        if let Some(reading) = &mut self.reading {
            reading.scrap(keyspace, 0);
        }
        self.end(keyspace);
    }

    fn used_bytes(&self) -> usize {
        let reading = self.reading.as_ref();
        size_of::<Self>() + self.payload.len() + reading.map_or(0, |reading| reading.used_bytes())
    }
}
