//! The value of `client-output-buffer-limit`: how many bytes of replies may wait for a client.
//!
//! ```text
//! client-output-buffer-limit normal 0 0 0 pubsub 32mb 8mb 60      class hard soft seconds …
//! ```
//!
//! A line changes the classes it names and leaves the others.
//!
//! Not here: holding clients to it (`node/output_limits.rs`).

use super::error::BadValue;
use super::kind::{Kind, ParameterValue};
use super::text;

/// What may wait for one client; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// A client with so many bytes is closed at once.
    pub hard_bytes: u64,
    /// A client that has so many bytes for [`OutputLimit::soft_seconds`] on end is closed.
    pub soft_bytes: u64,
    /// How long.
    pub soft_seconds: u64,
}

/// The limits of each class of clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimits {
    /// Clients that ask and are answered.
    pub normal: OutputLimit,
    /// Replicas, of which there are none.
    pub replica: OutputLimit,
    /// Clients that have subscribed to messages.
    pub pubsub: OutputLimit,
}

const BAD_CLASS: BadValue =
    BadValue::Rule("Invalid client class specified in buffer limit configuration.");
const BAD_LIMIT: BadValue =
    BadValue::Rule("Error in hard, soft or soft_seconds setting in buffer limit configuration.");
const BAD_COUNT: BadValue =
    BadValue::Rule("Wrong number of arguments in buffer limit configuration.");

impl OutputLimits {
    fn class_mut(&mut self, name: &[u8]) -> Option<&mut OutputLimit> {
        let is = |class: &str| name.eq_ignore_ascii_case(class.as_bytes());
        if is("normal") {
            Some(&mut self.normal)
        } else if is("slave") || is("replica") {
            Some(&mut self.replica)
        } else if is("pubsub") {
            Some(&mut self.pubsub)
        } else {
            None
        }
    }

    /// The words that set each class, the second one called by this name.
    fn by_class(&self, replica: &str) -> [String; 3] {
        let classes = [
            ("normal", self.normal),
            (replica, self.replica),
            ("pubsub", self.pubsub),
        ];
        classes.map(|(name, limit)| {
            let (hard, soft) = (limit.hard_bytes, limit.soft_bytes);
            format!("{name} {hard} {soft} {}", limit.soft_seconds)
        })
    }
}

impl ParameterValue for OutputLimits {
    fn parse(kind: &Kind, words: &[&[u8]]) -> Result<Self, BadValue> {
        let mut limits = Self::default();
        limits.update(kind, words)?;
        Ok(limits)
    }

    fn update(&mut self, _kind: &Kind, words: &[&[u8]]) -> Result<(), BadValue> {
        if words.is_empty() {
            return Err(BadValue::WrongCount);
        }
        // CONFIG SET and a quoted file value carry all words in one.
        let split = words
            .iter()
            .flat_map(|word| word.split(u8::is_ascii_whitespace));
        let words: Vec<&[u8]> = split.filter(|word| !word.is_empty()).collect();
        let (groups, rest) = words.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(BAD_COUNT);
        }
        let mut changed = *self;
        for [class, hard, soft, seconds] in groups {
            let limit = changed.class_mut(class).ok_or(BAD_CLASS)?;
            let seconds = text::integer(seconds).and_then(|seconds| u64::try_from(seconds).ok());
            *limit = OutputLimit {
                hard_bytes: text::memory_bytes(hard).ok_or(BAD_LIMIT)?,
                soft_bytes: text::memory_bytes(soft).ok_or(BAD_LIMIT)?,
                soft_seconds: seconds.ok_or(BAD_LIMIT)?,
            };
        }
        *self = changed;
        Ok(())
    }

    fn print(&self, _kind: &Kind) -> Vec<u8> {
        self.by_class("slave").join(" ").into_bytes()
    }

    fn file_values(&self, _kind: &Kind) -> Vec<Vec<u8>> {
        self.by_class("replica").map(String::into_bytes).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::OutputLimit;
    use crate::config::Config;

    const NAME: &[u8] = b"client-output-buffer-limit";

    fn set(value: &str) -> Result<Config, String> {
        let mut config = Config::default();
        match config.set(&[NAME, value.as_bytes()]) {
            Ok(_) => Ok(config),
            Err(error) => {
                assert_eq!(config, Config::default());
                let error = error.to_string();
                let (_, reason) = error.split_once(" - ").expect("a reason is given");
                Err(reason.to_owned())
            }
        }
    }

    #[test]
    fn a_line_changes_the_classes_it_names() {
        let mut config = Config::default();
        let text = b"client-output-buffer-limit normal 1mb 512kb 10\n\
            client-output-buffer-limit Slave 1 2 3 PUBSUB 4 5 6\n";
        config.apply_file("a", text).unwrap();
        assert_eq!(
            config.matching(&[NAME])[0].1,
            b"normal 1048576 524288 10 slave 1 2 3 pubsub 4 5 6"
        );
        let config = set("replica 7 8 9").unwrap();
        let replica = OutputLimit {
            hard_bytes: 7,
            soft_bytes: 8,
            soft_seconds: 9,
        };
        let limits = config.client_output_buffer_limit;
        assert_eq!(limits.replica, replica);
        assert_eq!(limits.pubsub.soft_seconds, 60);
    }

    #[test]
    fn faults_are_told_in_the_words_of_redis() {
        let count = "Wrong number of arguments in buffer limit configuration.";
        let class = "Invalid client class specified in buffer limit configuration.";
        let value = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
        for (text, reason) in [
            ("foo", count),
            ("normal 1 2", count),
            ("normal 0 0 0 slave", count),
            ("master 0 0 0", class),
            ("foo 0 0 0", class),
            ("normal a 0 0", value),
            ("normal 0 0 -1", value),
            ("pubsub 1 2 3 normal 0 x 0", value),
        ] {
            assert_eq!(set(text).unwrap_err(), reason, "{text:?}");
        }
    }
}
