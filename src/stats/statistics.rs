//! Everything that is counted, in one place for whoever counts.
//!
//! Not here: names and texts of the fields in INFO (`table.rs`).

use super::{Counters, Gauges, LatencyMonitor, Rate, SlowLog};
use crate::base::command_id::CommandId;
use std::collections::BTreeMap;

/// How often a command was called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandCount {
    /// Executions, failed ones included.
    pub calls: u64,
    /// Calls refused before execution.
    pub rejected_calls: u64,
    /// Executions that answered an error.
    pub failed_calls: u64,
    /// Time of all executions, in nanoseconds.
    pub busy_ns: u64,
}

/// Different error codes that are counted; more of them share one count, as codes may come from
/// scripts of clients one day.
const ERROR_CODES_MAX: usize = 128;

/// Counters, gauges, rates, and counts by command and by error code.
#[derive(Debug, Default)]
pub struct Statistics {
    /// Totals.
    pub counters: Counters,
    /// Values that their owners keep up to date.
    pub gauges: Gauges,
    /// Commands that took long.
    pub slow_log: SlowLog,
    /// Moments at which something took long.
    pub latency: LatencyMonitor,
    commands: Vec<CommandCount>,
    command_busy_ns: u64,
    errors: BTreeMap<String, u64>,
    command_rate: Rate,
    input_rate: Rate,
    output_rate: Rate,
    eviction_rate: Rate,
    turn_rate: Rate,
    busy_rate: Rate,
}

impl Statistics {
    /// Statistics of a server with `command_count` commands, by number.
    pub fn new(command_count: usize) -> Self {
        Self {
            commands: vec![CommandCount::default(); command_count],
            ..Self::default()
        }
    }

    /// Counts some executions of a command, and the time that they took together.
    pub fn count_calls(&mut self, command: CommandId, calls: u64, duration_ns: u64) {
        self.counters.total_commands_processed += calls;
        self.command_busy_ns += duration_ns;
        let count = &mut self.commands[command.index()];
        count.calls += calls;
        count.busy_ns += duration_ns;
    }

    /// Counts an execution that answered an error, beside [`Statistics::count_calls`].
    pub fn count_failure(&mut self, command: CommandId) {
        self.commands[command.index()].failed_calls += 1;
    }

    /// Time of all commands, in microseconds.
    pub fn command_busy_us(&self) -> u64 {
        self.command_busy_ns / 1_000
    }

    /// Counts a call that was refused before execution.
    pub fn count_rejection(&mut self, command: CommandId) {
        self.commands[command.index()].rejected_calls += 1;
    }

    /// Counts an error reply by its code.
    pub fn count_error(&mut self, code: &str) {
        self.counters.total_error_replies += 1;
        if let Some(count) = self.errors.get_mut(code) {
            *count += 1;
        } else if self.errors.len() < ERROR_CODES_MAX {
            self.errors.insert(code.to_string(), 1);
        } else {
            *self.errors.entry("OTHER".to_string()).or_default() += 1;
        }
    }

    /// Commands that were called or refused, by number.
    pub fn commands(&self) -> impl Iterator<Item = (CommandId, CommandCount)> + '_ {
        let numbered = self.commands.iter().enumerate();
        numbered
            .filter(|(_, count)| **count != CommandCount::default())
            .map(|(number, &count)| (CommandId::new(number), count))
    }

    /// Error codes and how often each was replied.
    pub fn errors(&self) -> impl Iterator<Item = (&str, u64)> {
        self.errors
            .iter()
            .map(|(code, &count)| (code.as_str(), count))
    }

    /// Takes a sample of the totals that INFO shows per second; evicted keys are counted elsewhere.
    /// To be called now and then while there is traffic, and before INFO; calls less than 100 ms
    /// apart are ignored.
    pub fn sample_rates(&mut self, now_ms: u64, evicted_keys: u64) {
        self.command_rate
            .sample(now_ms, self.counters.total_commands_processed);
        self.input_rate
            .sample(now_ms, self.counters.total_net_input_bytes);
        self.output_rate
            .sample(now_ms, self.counters.total_net_output_bytes);
        self.eviction_rate.sample(now_ms, evicted_keys);
        self.turn_rate.sample(now_ms, self.counters.loop_turns);
        self.busy_rate.sample(now_ms, self.counters.loop_busy_usec);
    }

    /// Commands per second, lately.
    pub fn commands_per_second(&self) -> u64 {
        self.command_rate.per_second()
    }

    /// Bytes received per second, lately.
    pub fn input_bytes_per_second(&self) -> u64 {
        self.input_rate.per_second()
    }

    /// Bytes sent per second, lately.
    pub fn output_bytes_per_second(&self) -> u64 {
        self.output_rate.per_second()
    }

    /// Keys evicted per second, lately.
    pub fn evictions_per_second(&self) -> u64 {
        self.eviction_rate.per_second()
    }

    /// Turns of the event loop per second, lately.
    pub fn turns_per_second(&self) -> u64 {
        self.turn_rate.per_second()
    }

    /// Mean duration of the event loop's turns lately, in microseconds.
    pub fn mean_turn_usec(&self) -> u64 {
        let busy_usec = self.busy_rate.per_second();
        busy_usec
            .checked_div(self.turn_rate.per_second())
            .unwrap_or(0)
    }

    /// CONFIG RESETSTAT: all that counts begins anew; the slow log and the latency samples stay.
    pub fn reset(&mut self) {
        self.counters.reset();
        self.commands.fill(CommandCount::default());
        self.command_busy_ns = 0;
        self.errors.clear();
        self.command_rate.reset();
        self.input_rate.reset();
        self.output_rate.reset();
        self.eviction_rate.reset();
        self.turn_rate.reset();
        self.busy_rate.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_are_bounded() {
        let mut stats = Statistics::new(1);
        for number in 0..1_000 {
            stats.count_error(&format!("CODE{number}"));
        }
        assert!(stats.errors().count() <= ERROR_CODES_MAX + 1);
        assert_eq!(stats.errors().map(|(_, count)| count).sum::<u64>(), 1_000);
        assert_eq!(stats.counters.total_error_replies, 1_000);
    }

    #[test]
    fn turns_have_a_rate_and_a_mean() {
        let mut stats = Statistics::new(1);
        assert_eq!((stats.turns_per_second(), stats.mean_turn_usec()), (0, 0));
        stats.sample_rates(0, 0);
        stats.counters.loop_turns = 2_000;
        stats.counters.loop_busy_usec = 50_000;
        stats.sample_rates(2_000, 0);
        assert_eq!(
            (stats.turns_per_second(), stats.mean_turn_usec()),
            (1_000, 25)
        );
        stats.reset();
        assert_eq!((stats.turns_per_second(), stats.mean_turn_usec()), (0, 0));
    }

    #[test]
    fn reset_forgets_commands_and_errors() {
        let mut stats = Statistics::new(3);
        stats.count_calls(CommandId::new(2), 1, 0);
        stats.count_failure(CommandId::new(2));
        stats.count_rejection(CommandId::new(1));
        let counted: Vec<_> = stats.commands().collect();
        let refused = CommandCount {
            rejected_calls: 1,
            ..Default::default()
        };
        let failed = CommandCount {
            calls: 1,
            failed_calls: 1,
            ..Default::default()
        };
        assert_eq!(
            counted,
            [(CommandId::new(1), refused), (CommandId::new(2), failed)]
        );
        stats.count_error("ERR");
        stats.reset();
        assert_eq!((stats.commands().count(), stats.errors().count()), (0, 0));
    }
}
