//! Every limit of the protocol, each one named constant with the reason for its size.
//!
//! Invariant: a limit is written here and nowhere else; code, error texts and documentation take
//! it from here.
//!
//! Not here: limits that can be configured and have no meaning to the protocol (`config/`).

/// Longest line in bytes: an inline request without its line feed, or the text of a count or
/// length without its terminator. 64 KiB, the value clients of Redis know; a person types less
/// and a number needs 20 bytes.
pub const INLINE_BYTES_MAX: usize = 64 * 1024;

/// Longest argument in bytes: 512 MiB, the default of `proto-max-bulk-len`, which may change it.
pub const BULK_BYTES_MAX: usize = 512 * 1024 * 1024;

/// The most that `proto-max-bulk-len` may allow: two such strings, a key and its value, are one
/// record of a snapshot, whose length is 32 bits with room for its head.
pub const BULK_BYTES_LIMIT: usize = (u32::MAX as usize / 2) - 64 * 1024;

/// Most arguments in one request: 1,048,576, the limit Redis had until version 6.2. Redis 7 reads
/// up to 2,147,483,647, but one request runs to its end before anything else does, so this bounds
/// the longest turn, and the argument ranges of one request to 8 MiB.
pub const ARGUMENT_COUNT_MAX: usize = 1024 * 1024;

/// Most arguments before authentication: `HELLO` with all its options has seven.
pub const UNAUTHENTICATED_ARGUMENT_COUNT_MAX: usize = 10;

/// Longest argument in bytes before authentication: room for any user name and password, too
/// little to fill a server's memory.
pub const UNAUTHENTICATED_BULK_BYTES_MAX: usize = 16 * 1024;

/// Longest request in bytes, protocol overhead included: 1 GiB, the default of
/// `client-query-buffer-limit`, which may change it.
pub const REQUEST_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// Longest part of a client's words that an error text repeats, in bytes; the same for the name of
/// a command and for all its quoted arguments together.
pub const ECHOED_BYTES_MAX: usize = 128;

// Offsets into a request are `u32`.
const _: () = assert!(REQUEST_BYTES_MAX <= u32::MAX as usize);
const _: () = assert!(BULK_BYTES_MAX <= BULK_BYTES_LIMIT);
// The largest argument fits into the largest request.
const _: () = assert!(BULK_BYTES_MAX < REQUEST_BYTES_MAX);

/// How much earlier than now the keyspace is for what a primary sends: a key that it had when it
/// carried a command out is there when the command arrives, though its deadline has come meanwhile.
/// A day is longer than any stream lags and than clocks differ.
pub const PRIMARY_LAG_MAX_MS: u64 = 24 * 60 * 60 * 1000;

/// Longest name of a client, of its library and of that library's version, in bytes: programs use
/// some tens, and each is kept as long as the client stays and copied into the slow log.
pub const CLIENT_NAME_BYTES_MAX: usize = 1024;

/// Keys that one call of SCAN looks at most, whatever COUNT says: about half a millisecond.
pub const SCAN_KEYS_MAX: usize = 10_000;

/// From this many bytes on a write is asked whether it fits below `maxmemory` before it runs; a
/// smaller one only whether memory is over the limit already. 64 KiB, what a connection reads at
/// once: below, a pipeline is not looked at request by request.
pub const LARGE_WRITE_BYTES: usize = 64 * 1024;
