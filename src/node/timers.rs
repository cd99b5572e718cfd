//! What happens at a time: idle clients, clients that waited long enough for keys, the end of a
//! pause, samples of rates, signs of life, the end of large buffers that nobody uses.
//!
//! Keys' deadlines are not here: they stand in the keyspace's heap, exact to the millisecond, and
//! [`Node::next_wake_ms`] looks at both.
//!
//! Invariants: with no traffic, no client that may time out and nobody who wants signs of life
//! the wheel is empty, so an idle server is not woken by it.

use super::page_id::PageId;
use super::waiting::Awaited;
use super::{ConnectionId, Node};
use crate::base::clock::Timestamp;
use crate::structures::timer_wheel::{TimerHandle, TimerWheel};

/// Resolution of the wheel: clients wait for keys for single milliseconds.
const RESOLUTION_MS: u64 = 1;

/// Distance of the samples that rates in INFO are made from.
const SAMPLE_MS: u64 = 100;

/// How often is looked whether large buffers are still used: they outlive their last use by one to
/// two of these.
const LARGE_BUFFERS_IDLE_MS: u64 = 1_000;

/// Timers that fire in one call of [`Node::tick`] at most.
const STEP_TIMERS: usize = 64;

#[derive(Clone, Copy, Debug)]
pub(super) enum Timer {
    /// Look whether this client has been idle for too long.
    Idle(ConnectionId),
    /// Look whether this client still leaves too much output waiting.
    Output(ConnectionId),
    /// The time of this client is over that it waits for keys.
    Keys(ConnectionId),
    /// Let the clients go on that waited for the end of a pause.
    PauseEnd,
    /// Take a sample of the rates.
    Sample,
    /// Give a sign of life.
    Heartbeat,
    /// Free large buffers that were not used since the last time.
    ReleaseBuffers,
    /// The time of this page is over.
    Page(PageId),
    /// Send the next line of the live page.
    PageEvent,
    /// Look after the link to the primary.
    Primary,
}

pub(super) struct Timers {
    wheel: TimerWheel<Timer>,
    has_traffic: bool,
    is_sampling: bool,
    is_watching_buffers: bool,
    /// The `timeout` that every connection has a timer for.
    idle_limit_s: u64,
    /// The timer of the end of the pause, while connections wait for it.
    pause_end: Option<TimerHandle>,
    /// Distance of the signs of life.
    heartbeat_ms: u64,
}

impl Timers {
    pub(super) fn new(now_ms: u64, idle_limit_s: u64) -> Self {
        Self {
            wheel: TimerWheel::new(RESOLUTION_MS, now_ms),
            has_traffic: false,
            is_sampling: false,
            is_watching_buffers: false,
            idle_limit_s,
            pause_end: None,
            heartbeat_ms: 0,
        }
    }

    /// Notes that something was sent or executed, so that rates are worth a sample.
    #[inline]
    pub(super) fn note_traffic(&mut self) {
        self.has_traffic = true;
    }
}

impl Node {
    /// When the loop must wake without any traffic, in milliseconds from `now`; `None`: never.
    pub fn next_wake_ms(&mut self, now: Timestamp) -> Option<u64> {
        self.begin_sampling(now);
        self.watch_large_buffers(now);
        let timer_ms = self.timers.wheel.next_deadline_ms();
        let timer_ms = timer_ms.map(|at_ms| at_ms.saturating_sub(now.monotonic_ms()));
        let key_ms = self.engine.next_deadline_ms();
        let key_ms = key_ms.map(|at_ms| at_ms.saturating_sub(now.unix_ms()));
        let save_ms = self.next_saving_ms();
        let save_ms = save_ms.map(|at_ms| at_ms.saturating_sub(now.monotonic_ms()));
        let budget_ms = self.next_budget_ms();
        let budget_ms = budget_ms.map(|at_ms| at_ms.saturating_sub(now.monotonic_ms()));
        [timer_ms, key_ms, save_ms, budget_ms]
            .into_iter()
            .flatten()
            .min()
    }

    /// Demands that the clock is moved forward.
    pub(super) fn demand_time(&mut self, span_ms: u64) {
        let demanded_ms = self.demands.advance_ms.unwrap_or(0);
        self.demands.advance_ms = Some(demanded_ms.saturating_add(span_ms));
    }

    /// Demands that the server stands still, and lets the connection wait until it has.
    pub(super) fn wait_for_sleep(&mut self, id: ConnectionId, duration_us: u64) {
        self.sleep_us = self.sleep_us.saturating_add(duration_us);
        self.wait_for(id, Awaited::Standstill);
    }

    /// Whether the server is to stand still before it writes a reply or executes another request:
    /// to be asked after every call that executes some.
    #[inline]
    pub fn has_to_stand_still(&self) -> bool {
        self.waiting.has(Awaited::Standstill)
    }

    /// For how long, in microseconds. Whoever asked for that goes on after it.
    pub fn take_sleep_us(&mut self) -> u64 {
        self.release_all(Awaited::Standstill);
        std::mem::take(&mut self.sleep_us)
    }

    /// The clock has been moved as [`Demands::advance_ms`](super::Demands) asked: whoever waited
    /// for that is answered.
    pub fn clock_moved(&mut self) {
        self.answer_all(Awaited::Clock, Ok(()));
    }

    /// Demands a heartbeat of the loop every `period_ms`, from now on. To be called once.
    pub fn beat_every(&mut self, period_ms: u64, now: Timestamp) {
        self.timers.heartbeat_ms = period_ms;
        self.set_heartbeat_timer(now);
    }

    fn set_heartbeat_timer(&mut self, now: Timestamp) {
        let at_ms = now.monotonic_ms() + self.timers.heartbeat_ms;
        self.timers.wheel.insert(at_ms, Timer::Heartbeat);
    }

    fn begin_sampling(&mut self, now: Timestamp) {
        if self.timers.has_traffic && !self.timers.is_sampling {
            self.timers.is_sampling = true;
            self.timers
                .wheel
                .insert(now.monotonic_ms() + SAMPLE_MS, Timer::Sample);
        }
    }

    fn watch_large_buffers(&mut self, now: Timestamp) {
        if self.clients.pool.has_large() && !self.timers.is_watching_buffers {
            self.timers.is_watching_buffers = true;
            let at_ms = now.monotonic_ms() + LARGE_BUFFERS_IDLE_MS;
            self.timers.wheel.insert(at_ms, Timer::ReleaseBuffers);
        }
    }

    pub(super) fn run_timers(&mut self, now: Timestamp) -> bool {
        let mut fired = Vec::new();
        let now_ms = now.monotonic_ms();
        let has_more = self
            .timers
            .wheel
            .advance(now_ms, STEP_TIMERS, |timer| fired.push(timer));
        for timer in fired {
            match timer {
                Timer::Idle(id) => self.check_idleness(id, now),
                Timer::Output(id) => self.output_timer_fired(id),
                Timer::Keys(id) => self.end_wait_in_time(id, now),
                Timer::PauseEnd => self.check_pause(now),
                Timer::Page(id) => self.page_timer_fired(id),
                Timer::PageEvent => self.event_is_due(now),
                Timer::Primary => self.primary_beat(now),
                Timer::Sample => {
                    self.engine.note_used_memory();
                    self.engine.sample_rates(now_ms);
                    self.timers.is_sampling = false;
                    self.timers.has_traffic = false;
                }
                Timer::Heartbeat => {
                    self.demands.heartbeat = true;
                    self.set_heartbeat_timer(now);
                }
                Timer::ReleaseBuffers => {
                    self.timers.is_watching_buffers = false;
                    self.clients.pool.release_unused();
                }
            }
        }
        has_more
    }

    /// Lets a connection wait for the end of the pause.
    pub(super) fn wait_for_pause(&mut self, id: ConnectionId) {
        let session = self.clients[id].session;
        self.engine.session_mut(session).is_paused = true;
        self.watch_pause_end();
        self.wait_for(id, Awaited::PauseEnd);
    }

    /// Sees to it that the loop wakes at the end of the pause.
    pub(super) fn watch_pause_end(&mut self) {
        if self.timers.pause_end.is_none()
            && let Some(until_ms) = self.engine.pause().until_ms()
        {
            let timer = self.timers.wheel.insert(until_ms, Timer::PauseEnd);
            self.timers.pause_end = Some(timer);
        }
    }

    fn check_pause(&mut self, now: Timestamp) {
        match self.engine.pause().until_ms() {
            // It was made longer meanwhile.
            Some(until_ms) if until_ms > now.monotonic_ms() => {
                let timer = self.timers.wheel.insert(until_ms, Timer::PauseEnd);
                self.timers.pause_end = Some(timer);
            }
            _ => self.end_pause(),
        }
    }

    pub(super) fn end_pause(&mut self) {
        if let Some(timer) = self.timers.pause_end.take() {
            self.timers.wheel.cancel(timer);
        }
        self.release_all(Awaited::PauseEnd);
    }

    /// Gives a new connection its timer, if clients may time out.
    pub(super) fn watch_idleness(&mut self, id: ConnectionId, now: Timestamp) {
        let limit_s = self.timers.idle_limit_s;
        let connection = &self.clients[id];
        let session = self.engine.session(connection.session);
        let may_be_silent = session.is_monitor || session.is_primary;
        if limit_s > 0 && !may_be_silent {
            self.set_idle_timer(id, now.monotonic_ms() + limit_s * 1000);
        }
    }

    pub(super) fn set_timer(&mut self, at_ms: u64, timer: Timer) -> TimerHandle {
        self.timers.wheel.insert(at_ms, timer)
    }

    fn set_idle_timer(&mut self, id: ConnectionId, at_ms: u64) {
        let timer = self.set_timer(at_ms, Timer::Idle(id));
        self.clients[id].idle_timer = Some(timer);
    }

    /// Takes the timer of a connection out of the wheel: it has ended, or is to get another.
    pub(super) fn cancel_timer(&mut self, timer: Option<TimerHandle>) {
        if let Some(timer) = timer {
            self.timers.wheel.cancel(timer);
        }
    }

    /// Gives every connection its timer after `timeout` was changed. O(connections), once a change.
    pub(super) fn watch_all_idleness(&mut self, now: Timestamp) {
        let limit_s = u64::from(self.engine.config().timeout_seconds);
        if limit_s != self.timers.idle_limit_s {
            self.timers.idle_limit_s = limit_s;
            for id in self.connection_ids() {
                let timer = self.clients[id].idle_timer.take();
                self.cancel_timer(timer);
                self.watch_idleness(id, now);
            }
        }
    }

    fn check_idleness(&mut self, id: ConnectionId, now: Timestamp) {
        let limit_ms = self.timers.idle_limit_s * 1000;
        let Some(connection) = self.clients.get_mut(id) else {
            return;
        };
        connection.idle_timer = None;
        let (is_held, key) = (!connection.holds.is_empty(), connection.session);
        let session = self.engine.session(key);
        let at_ms = session.last_active_us / 1000 + limit_ms;
        if limit_ms == 0 || is_held || session.is_monitor {
            // No timer until it has its turn ([`Node::watch_again`]); none for a monitor, who has
            // nothing to say.
            return;
        }
        if session.is_subscriber() {
            // Who listens has nothing to say, and may stop to listen.
            self.set_idle_timer(id, now.monotonic_ms() + limit_ms);
        } else if at_ms > now.monotonic_ms() {
            self.set_idle_timer(id, at_ms);
        } else {
            self.clients.close_soon(id);
        }
    }

    /// Gives a connection that goes on the timer that it has lost while it waited.
    #[inline]
    pub(super) fn watch_again(&mut self, id: ConnectionId, now: Timestamp) {
        if self.timers.idle_limit_s > 0 && self.clients[id].idle_timer.is_none() {
            self.watch_idleness(id, now);
        }
    }
}
