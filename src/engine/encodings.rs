//! By which limits collections are said to be small: from the configuration to the keyspace.
//!
//! Not here: what the names mean (`value/encoding.rs`).

use super::CacheEngine;
use crate::config::Config;
use crate::value::encoding::{EncodingLimits, SmallLimits};

impl CacheEngine {
    /// Takes the limits of encodings from the configuration; they hold for elements that come from
    /// now on.
    pub fn apply_encoding_limits(&mut self) {
        let limits = limits_of(&self.config);
        self.keyspace.set_encoding_limits(limits);
    }
}

fn limits_of(config: &Config) -> EncodingLimits {
    let small = |entries_max, value_bytes_max| SmallLimits {
        entries_max,
        value_bytes_max,
    };
    EncodingLimits {
        hash: small(
            config.hash_max_listpack_entries,
            config.hash_max_listpack_bytes,
        ),
        set: small(
            config.set_max_listpack_entries,
            config.set_max_listpack_bytes,
        ),
        integers_max: config.set_max_intset_entries,
        sorted_set: small(
            config.zset_max_listpack_entries,
            config.zset_max_listpack_bytes,
        ),
        list_size: config.list_max_listpack_size,
        stream_chunk_entries: match config.stream_node_max_entries {
            0 => u64::MAX,
            entries => entries,
        },
        stream_chunk_bytes: match config.stream_node_max_bytes {
            0 => usize::MAX,
            bytes => bytes.try_into().unwrap_or(usize::MAX),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_parameters_and_limits_agree() {
        assert_eq!(limits_of(&Config::default()), EncodingLimits::default());
    }
}
