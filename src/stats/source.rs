//! What INFO is made from: counters the engine keeps, and gauges gathered when it is asked for.
//!
//! ```text
//! Counters      grow by themselves while serving          reset by CONFIG RESETSTAT, row by row
//! Gauges        gathered for each INFO by the report      never reset
//! CommandStat, ErrorStat, DatabaseStat                    one line each in their sections
//! ```
//!
//! 1. Every counter has a row, so none can be kept and not reported (`table.rs` tests).
//!
//! Cost: a counter is one addition; the structs are plain data.
//!
//! Not here: names, units and texts of the fields in INFO (`table.rs`), what somebody decides by
//! (`context/host.rs`, the budget of the node).

/// Declares [`Counters`]; every field is a `u64`.
macro_rules! counters {
    ($($(#[$attribute:meta])* $field:ident,)+) => {
        /// Totals since the server started or, where resettable, since `CONFIG RESETSTAT`.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$attribute])* pub $field: u64,)+
        }

        #[cfg(test)]
        impl Counters {
            /// Counters that differ from each other, the first being `first`.
            pub(super) fn distinct(first: u64) -> Counters {
                let mut next = first..;
                Counters { $($field: next.next().expect("endless"),)+ }
            }

            /// Each counter's name and value.
            pub(super) fn fields(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($field), self.$field)),+]
            }
        }
    };
}

counters! {
    /// Connections accepted.
    total_connections_received,
    /// Connections refused because `maxclients` were open.
    rejected_connections,
    /// Connections closed because their unfinished requests were too large.
    client_query_buffer_limit_disconnections,
    /// Connections closed because their unread replies were too large.
    client_output_buffer_limit_disconnections,
    /// Commands executed.
    total_commands_processed,
    /// Error replies sent.
    total_error_replies,
    /// Commands of a primary that were errors here.
    unexpected_error_replies,
    /// Bytes received from a primary.
    total_net_repl_input_bytes,
    /// Bytes sent to a primary.
    total_net_repl_output_bytes,
    /// Times that a user or a password was refused.
    acl_access_denied_auth,
    /// Times that a user was refused a command.
    acl_access_denied_cmd,
    /// Times that a user was refused a key.
    acl_access_denied_key,
    /// Times that a user was refused a channel.
    acl_access_denied_channel,
    /// Bytes read from clients.
    total_net_input_bytes,
    /// Bytes written to clients.
    total_net_output_bytes,
    /// Reads from client sockets.
    total_reads_processed,
    /// Writes to client sockets.
    total_writes_processed,
    /// Requests over HTTP.
    total_http_requests,
    /// Reads of a key that was there.
    keyspace_hits,
    /// Reads of a key that was not there.
    keyspace_misses,
    /// Keys removed because their time was up.
    expired_keys,
    /// Fields of hashes removed because their time was up.
    expired_subkeys,
    /// Keys evicted to make room.
    evicted_keys,
    /// Bytes of their entries.
    evicted_bytes,
    /// Entries examined to choose them.
    eviction_examined_keys,
    /// New keys that had been evicted not long before.
    eviction_ghost_hits,
    /// Scripts that made room for others.
    evicted_scripts,
    /// Clients closed because all clients' buffers took too much memory.
    evicted_clients,
    /// How often a client waited until there was room for what it asked for.
    client_memory_pauses,
    /// Snapshots taken.
    rdb_saves,
    /// Turns of the event loop.
    loop_turns,
    /// Time spent in turns of the event loop, waiting not included, in microseconds.
    loop_busy_usec,
    /// Longest turn of the event loop, waiting not included, in microseconds.
    loop_turn_max_usec,
}

/// The primary that is followed, as INFO tells of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FollowingFigures {
    /// Name or address of the primary.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether changes come as they are made.
    pub is_up: bool,
    /// Seconds since something was heard of it, while the link is up or the file comes.
    pub heard_seconds_ago: Option<u64>,
    /// Whether the file of all keys comes.
    pub is_loading: bool,
    /// Where its stream has been received to.
    pub read_offset: Option<u64>,
    /// Where its stream has been carried out to.
    pub applied_offset: Option<u64>,
    /// Length of the file, if it is known.
    pub file_bytes: Option<u64>,
    /// How much of it has come.
    pub file_read_bytes: u64,
    /// For how long the link is down.
    pub down_seconds: Option<u64>,
}

/// Values read when INFO is answered. Times are of the same clock; sizes are in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gauges {
    /// The primary that is followed.
    pub following: Option<FollowingFigures>,
    /// Scripts that are kept compiled.
    pub script_count: u64,
    /// Bytes of their texts and of what is kept about them.
    pub script_bytes: u64,
    /// Bytes of the machine that scripts run on.
    pub script_machine_bytes: u64,
    /// Libraries of functions.
    pub library_count: u64,
    /// Functions of libraries.
    pub function_count: u64,
    /// Bytes of the libraries' texts and of what is kept about them.
    pub library_bytes: u64,
    /// Bytes of the machine that functions run on.
    pub library_machine_bytes: u64,
    /// Time of day in microseconds since 1970.
    pub now_usec: u64,
    /// Seconds since the server started.
    pub uptime_seconds: u64,
    /// Name and release of the operating system, and the machine's type.
    pub os: String,
    /// How readiness is polled, such as `epoll`.
    pub multiplexing_api: String,
    /// Name of the memory allocator.
    pub mem_allocator: String,
    /// Id of the server's process.
    pub process_id: u32,
    /// Whether a service manager is told of the start.
    pub is_supervised: bool,
    /// Forty hexadecimal digits drawn at start.
    pub run_id: String,
    /// TCP port listened on; 0 for none.
    pub tcp_port: u16,
    /// Path of the program.
    pub executable: String,
    /// Path of the configuration file; empty for none.
    pub config_file: String,
    /// Lines of the log that could not be written.
    pub log_lines_lost: u64,

    /// Open client connections.
    pub connected_clients: u64,
    /// Those of them that wait for keys or for the end of a pause.
    pub blocked_clients: u64,
    /// Those that wait for keys, and not for ever.
    pub clients_in_timeout_table: u64,
    /// Keys that clients wait for.
    pub total_blocking_keys: u64,
    /// Those whose end a client waits for, too.
    pub total_blocking_keys_on_nokey: u64,
    /// Clients that watch a key.
    pub watching_clients: u64,
    /// Clients that are told of keys which they keep copies of.
    pub tracking_clients: u64,
    /// Keys they are told of.
    pub tracking_total_keys: u64,
    /// Pairs of such a key and a client.
    pub tracking_total_items: u64,
    /// Beginnings of keys they are told of.
    pub tracking_total_prefixes: u64,
    /// Bytes of the table of these keys.
    pub tracking_bytes: u64,
    /// Clients that listen to messages.
    pub pubsub_clients: u64,
    /// Channels that somebody listens to.
    pub pubsub_channels: u64,
    /// Patterns that somebody listens to.
    pub pubsub_patterns: u64,
    /// Channels of shards that somebody listens to.
    pub pubsubshard_channels: u64,
    /// Bytes of messages that wait for the loop to deliver them.
    pub messages_under_way_bytes: u64,
    /// Connections to `http-port`.
    pub http_connections: u64,
    /// Those of them that watch the live page.
    pub http_viewers: u64,
    /// Most connections allowed.
    pub maxclients: u64,
    /// Largest input buffer of a client in the last seconds.
    pub client_input_buffer_max_bytes: u64,
    /// Largest output buffer of a client in the last seconds.
    pub client_output_buffer_max_bytes: u64,

    /// Memory allocated by the server.
    pub used_memory_bytes: u64,
    /// Most memory ever allocated.
    pub used_memory_peak_bytes: u64,
    /// Memory not taken by keys and values: buffers, tables, what was there at start.
    pub used_memory_overhead_bytes: u64,
    /// Resident memory of the process just after the start, which nobody counts.
    pub resident_startup_bytes: u64,
    /// Memory of the process that is resident; 0 if unknown.
    pub used_memory_rss_bytes: u64,
    /// Memory of the machine; 0 if unknown.
    pub total_system_memory_bytes: u64,
    /// When the certificate of TLS ends, in Unix seconds; 0 for none.
    pub tls_certificate_end_seconds: u64,
    /// Handshakes of TLS that failed.
    pub tls_handshakes_failed: u64,
    /// Memory of keys, values, tables and heaps.
    pub keyspace_bytes: u64,
    /// The most that it has been.
    pub keyspace_peak_bytes: u64,
    /// The part of it that is tables and heaps.
    pub keyspace_overhead_bytes: u64,
    /// Memory taken from the system for entries, room between them included.
    pub entries_held_bytes: u64,
    /// Most memory that keys, values and what is kept about them may take; 0 for no limit.
    pub memory_limit_bytes: u64,
    /// Whether that limit comes from the machine.
    pub memory_limit_is_auto: bool,
    /// Name of the eviction policy.
    pub memory_policy: &'static str,
    /// Memory of all clients' buffers and transactions.
    pub client_buffers_bytes: u64,
    /// The most that it has been.
    pub client_buffers_peak_bytes: u64,
    /// The most that it may be; 0 for no limit.
    pub client_buffers_limit_bytes: u64,
    /// Clients that wait until there is room for what they ask for.
    pub clients_held: u64,
    /// Dropped objects waiting to be freed in slices.
    pub lazyfree_pending_objects: u64,

    /// Commands per second, from [`Rate`](super::Rate).
    pub commands_per_second: u64,
    /// Bytes read per second, from [`Rate`](super::Rate).
    pub input_bytes_per_second: u64,
    /// Bytes written per second, from [`Rate`](super::Rate).
    pub output_bytes_per_second: u64,
    /// Keys evicted per second, from [`Rate`](super::Rate).
    pub evictions_per_second: u64,
    /// Turns of the event loop per second, from [`Rate`](super::Rate).
    pub turns_per_second: u64,
    /// Mean duration of the turns of that time, in microseconds.
    pub mean_turn_usec: u64,
    /// Milliseconds since 1970 at which the next key expires; `None` if no key does.
    pub expiry_next_deadline_ms: Option<u64>,
    /// Median time between a key's deadline and its removal, in microseconds.
    pub expire_lag_p50_usec: u64,
    /// 99th percentile of the time between a key's deadline and its removal, in microseconds.
    pub expire_lag_p99_usec: u64,
    /// Longest time between a key's deadline and its removal, in microseconds.
    pub expire_lag_max_usec: u64,
    /// Median time between the deadline of a hash's field and its removal, in microseconds.
    pub field_expire_lag_p50_usec: u64,
    /// 99th percentile of the same.
    pub field_expire_lag_p99_usec: u64,
    /// Longest such time.
    pub field_expire_lag_max_usec: u64,

    /// Median duration of the loop's turns, in microseconds.
    pub loop_turn_p50_usec: u64,
    /// 99th percentile of the same.
    pub loop_turn_p99_usec: u64,
    /// 99.9th percentile of the same.
    pub loop_turn_p999_usec: u64,
    /// Part of the longest turn that went into requests, in microseconds.
    pub loop_turn_max_serve_usec: u64,
    /// Part of it that went into expiry, freeing and timers.
    pub loop_turn_max_work_usec: u64,
    /// Part of it that went into long reads.
    pub loop_turn_max_read_usec: u64,
    /// Part of it that went into a snapshot.
    pub loop_turn_max_save_usec: u64,
    /// Part of it that went into pages over HTTP.
    pub loop_turn_max_page_usec: u64,
    /// Part of it that went into what a primary sends.
    pub loop_turn_max_follow_usec: u64,
    /// Part of it that went into writing replies and closing connections.
    pub loop_turn_max_write_usec: u64,

    /// Changes of keys since the last snapshot began.
    pub changes_since_save: u64,
    /// When the last snapshot was complete, or the server started; Unix seconds.
    pub last_save_unix_seconds: u64,
    /// How long the last snapshot took; `None` if there was none.
    pub last_save_duration_seconds: Option<u64>,
    /// Whether the last snapshot that was tried failed.
    pub last_save_failed: bool,
    /// Whether a snapshot is being taken.
    pub snapshot_in_progress: bool,
    /// When the present snapshot began, Unix seconds.
    pub snapshot_started_unix_seconds: u64,
    /// Keys that the present or last snapshot has read out.
    pub snapshot_keys: u64,
    /// Keys that there were when the present or last snapshot began.
    pub snapshot_total_keys: u64,
    /// Bytes of the present or last snapshot.
    pub snapshot_bytes: u64,
    /// Bytes of it that are not on the disk yet.
    pub snapshot_held_bytes: u64,
    /// The most it may be.
    pub snapshot_held_limit_bytes: u64,
    /// Bytes of the memory of evicted keys.
    pub eviction_ghost_bytes: u64,
    /// Keys loaded at start.
    pub loaded_keys: u64,
    /// Keys left out at start because they had expired.
    pub loaded_expired_keys: u64,
    /// Keys that a damaged snapshot had lost at start, if it is known.
    pub lost_keys: u64,

    /// Processor time spent in the kernel, in microseconds.
    pub cpu_system_usec: u64,
    /// Processor time spent in the program, in microseconds.
    pub cpu_user_usec: u64,
    /// As `cpu_system_usec`, of the loop's own thread.
    pub loop_cpu_system_usec: u64,
    /// As `cpu_user_usec`, of the loop's own thread.
    pub loop_cpu_user_usec: u64,
}

impl Gauges {
    /// Bytes of the machines that scripts and functions run on.
    pub fn machine_bytes(&self) -> u64 {
        self.script_machine_bytes + self.library_machine_bytes
    }

    /// The most memory that was in use, never below what is in use now, whichever was read first.
    pub fn peak_bytes(&self) -> u64 {
        self.used_memory_peak_bytes.max(self.used_memory_bytes)
    }

    /// Memory in use that is keys and values.
    pub fn dataset_bytes(&self) -> u64 {
        self.used_memory_bytes
            .saturating_sub(self.used_memory_overhead_bytes)
    }

    /// Room between entries, held for others.
    pub fn entry_room_bytes(&self) -> u64 {
        let entries_bytes = self
            .keyspace_bytes
            .saturating_sub(self.keyspace_overhead_bytes);
        self.entries_held_bytes.saturating_sub(entries_bytes)
    }

    /// Memory in use with the room between entries.
    pub fn active_bytes(&self) -> u64 {
        self.used_memory_bytes + self.entry_room_bytes()
    }

    /// How much memory is in use: what keys take, which is what the limit is for, and clients.
    /// Noted for the peaks.
    pub fn note_used_memory(&mut self, keyspace_bytes: usize, client_bytes: usize) -> u64 {
        let used_bytes = (keyspace_bytes + client_bytes) as u64;
        self.used_memory_peak_bytes = self.used_memory_peak_bytes.max(used_bytes);
        self.keyspace_peak_bytes = self.keyspace_peak_bytes.max(keyspace_bytes as u64);
        used_bytes
    }

    /// What resident memory is to be compared with: the process as it started, and what was counted
    /// since.
    pub fn explained_resident_bytes(&self) -> u64 {
        self.resident_startup_bytes + self.used_memory_bytes
    }
}

/// Statistics of one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandStat<'a> {
    /// Name in lower case; of a subcommand `parent|name`.
    pub name: &'a str,
    /// Executions, failed ones included.
    pub calls: u64,
    /// Time of all executions, in microseconds.
    pub usec: u64,
    /// Calls refused before execution, such as with wrong argument counts.
    pub rejected_calls: u64,
    /// Executions that answered an error.
    pub failed_calls: u64,
}

/// How long the calls of one command took.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyStat<'a> {
    /// Name in lower case; of a subcommand `parent|name`.
    pub name: &'a str,
    /// Percentiles as they were asked for, each with a duration in microseconds.
    pub percentiles: Vec<(&'a str, f64)>,
}

/// Number of error replies with one code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorStat<'a> {
    /// First word of the error reply, such as `WRONGTYPE`.
    pub code: &'a str,
    /// Replies sent with it.
    pub count: u64,
}

/// State of one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseStat {
    /// Number of the database.
    pub index: u32,
    /// Keys in it.
    pub keys: u64,
    /// Keys that have a deadline.
    pub expires: u64,
    /// Mean time left of the keys that have a deadline, in milliseconds.
    pub avg_ttl_ms: u64,
    /// Hashes of which a field has a deadline.
    pub field_expires: u64,
}

/// Everything one INFO answer is made from.
#[derive(Debug, Clone, Copy)]
pub struct InfoSource<'a> {
    /// Totals.
    pub counters: &'a Counters,
    /// Values of the moment.
    pub gauges: &'a Gauges,
    /// Commands called at least once, in the order they are listed.
    pub commands: &'a [CommandStat<'a>],
    /// Time of all commands, in microseconds.
    pub command_busy_us: u64,
    /// How long commands took; to be filled if [`Section::Latencystats`](super::Section) is asked
    /// for.
    pub latencies: &'a [LatencyStat<'a>],
    /// Error codes sent at least once, in the order they are listed.
    pub errors: &'a [ErrorStat<'a>],
    /// Databases by number; empty ones are left out of the answer.
    pub databases: &'a [DatabaseStat],
}
