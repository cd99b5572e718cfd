//! When a primary is followed: begin and end, links that break, and the beat of a second.
//!
//! Not here: what comes over a link (`mod.rs`).

use super::greeting::{Greeting, Wanted};
use super::{BEAT_MS, Primary, PrimaryTask, Stage};
use crate::base::clock::Timestamp;
use crate::config::PrimaryAddress;
use crate::context::host::{Following, PrimaryLink};
use crate::node::timers::Timer;
use crate::node::waiting::Awaited;
use crate::node::{ConnectionId, Node};
use crate::protocol::error::ReplyError;
use crate::session::{Peer, ReplyMode, Transport};
use core::net::{IpAddr, SocketAddr};

/// What clients are told who wait for keys when their server becomes a replica.
const UNBLOCKED: ReplyError = ReplyError::fixed(
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
);

impl Node {
    /// Whether a primary is followed.
    pub fn is_replica(&self) -> bool {
        self.engine.host().following.is_some()
    }

    /// Begins to follow a primary, in place of another.
    pub(in crate::node) fn follow(&mut self, host: String, port: u16, now: Timestamp) {
        log::info!("this server becomes a replica of {host}:{port}");
        self.engine.config_mut().replicaof = PrimaryAddress(Some((host.clone(), port)));
        self.host_mut().following = Some(Box::new(Following {
            host: host.clone(),
            port,
            down_since_ms: now.monotonic_ms(),
            ..Following::default()
        }));
        match &mut self.replica.primary {
            // It may be known there how far the stream is here.
            Some(_) => {
                self.leave_link(now);
                if let Some(primary) = &mut self.replica.primary {
                    (primary.host, primary.port) = (host, port);
                    primary.is_ending = false;
                }
            }
            None => {
                self.replica.primary = Some(Box::new(Primary {
                    host,
                    port,
                    stage: Stage::Apart,
                    position: None,
                    applier: None,
                    applied_offset: 0,
                    pending: Vec::new(),
                    output: Vec::new(),
                    heard_ms: 0,
                    retry_ms: 0,
                    is_ending: false,
                }));
                self.engine.keyspace_mut().keep_due(true);
                self.apply_memory_limits();
                for id in self.connection_ids() {
                    if self.waits_for_keys(id) {
                        self.end_with_error(id, &UNBLOCKED);
                    }
                }
            }
        }
        self.seek(now);
        if !std::mem::replace(&mut self.replica.is_beating, true) {
            self.set_timer(now.monotonic_ms() + BEAT_MS, Timer::Primary);
        }
    }

    /// Ends that when all that has come is carried out, which is at once as a rule. It is not
    /// carried out here: somebody's requests are being executed.
    pub(in crate::node) fn unfollow(&mut self, now: Timestamp) {
        if let Some(primary) = &mut self.replica.primary {
            primary.is_ending = true;
        }
        self.end_if_done(now);
    }

    /// Ends it if nothing is left to be carried out.
    pub(super) fn end_if_done(&mut self, now: Timestamp) {
        let Some(primary) = &self.replica.primary else {
            return;
        };
        let connection = primary
            .applier
            .and_then(|applier| self.clients.get(applier));
        let is_done = connection.is_none_or(|connection| {
            let is_idle = !connection.has_backlog && connection.holds.is_empty();
            connection.is_closing() || (is_idle && primary.pending.is_empty())
        });
        if primary.is_ending && (is_done || !matches!(primary.stage, Stage::Following)) {
            self.promote(now);
        }
    }

    fn promote(&mut self, now: Timestamp) {
        let is_whole = (self.replica.primary.as_ref()).is_some_and(|primary| {
            matches!(primary.stage, Stage::Following) || primary.position.is_some()
        });
        self.leave_link(now);
        let Some(primary) = self.replica.primary.take() else {
            return;
        };
        if let Some(applier) = primary.applier {
            self.closed(applier);
        }
        self.host_mut().following = None;
        self.engine.config_mut().replicaof = PrimaryAddress(None);
        self.engine.keyspace_mut().keep_due(false);
        self.apply_memory_limits();
        self.answer_all(Awaited::Promotion, Ok(()));
        match is_whole {
            true => log::info!(
                "this server is a primary of its own; the changes of {}:{} are here up to byte {}",
                primary.host,
                primary.port,
                primary.applied_offset
            ),
            false => log::warn!(
                "this server is a primary of its own, and the keys of {}:{} had not come whole",
                primary.host,
                primary.port
            ),
        }
    }

    /// Looks for the primary.
    fn seek(&mut self, now: Timestamp) {
        let Some(primary) = &mut self.replica.primary else {
            return;
        };
        primary.heard_ms = now.monotonic_ms();
        match primary.host.parse::<IpAddr>() {
            Ok(address) => {
                let address = SocketAddr::new(address, primary.port);
                self.greet(address, now);
            }
            Err(_) => {
                primary.stage = Stage::Naming;
                self.replica.wanted_name = Some((primary.host.clone(), primary.port));
            }
        }
        self.host_following(|following| following.link = PrimaryLink::Connecting);
    }

    /// Begins a link to its address.
    pub(super) fn greet(&mut self, address: SocketAddr, now: Timestamp) {
        let config = self.engine.config();
        let mut wanted = Wanted {
            user: config.primary_user.clone(),
            password: config.primary_password.clone(),
            port: self.engine.stats().gauges.tcp_port,
            position: None,
        };
        if let Some(primary) = &mut self.replica.primary {
            wanted.position.clone_from(&primary.position);
            primary.pending.clear();
            primary.output.clear();
            primary.heard_ms = now.monotonic_ms();
            primary.stage = Stage::Greeting(Greeting::begin(wanted, &mut primary.output));
            self.replica.task = Some(PrimaryTask::Connect(address));
        }
    }

    /// A link is no good: it is tried again.
    pub(super) fn break_link(&mut self, reason: &str, now: Timestamp) {
        if let Some(primary) = &self.replica.primary {
            log::warn!(
                "the link to the primary {}:{} is broken: {reason}",
                primary.host,
                primary.port
            );
        }
        let was_up = (self.replica.primary.as_ref())
            .is_some_and(|primary| matches!(primary.stage, Stage::Following));
        self.leave_link(now);
        // The primary keeps what comes meanwhile, and not for long.
        if was_up {
            self.seek(now);
        }
    }

    /// Gives up the link, and what of it can't go on.
    fn leave_link(&mut self, now: Timestamp) {
        let Some(primary) = &mut self.replica.primary else {
            return;
        };
        let stage = std::mem::replace(&mut primary.stage, Stage::Apart);
        primary.pending.clear();
        primary.output.clear();
        primary.retry_ms = now.monotonic_ms() + BEAT_MS;
        self.replica.wanted_name = None;
        self.replica.task = Some(PrimaryTask::Close);
        if let Stage::Loading(loading) = stage {
            // What has come stays until the next file begins.
            _ = loading.end(&mut self.engine);
        }
        self.host_following(|following| {
            if matches!(following.link, PrimaryLink::Up | PrimaryLink::Loading) {
                following.down_since_ms = now.monotonic_ms();
            }
            following.link = PrimaryLink::Apart;
        });
    }

    /// A second has passed.
    pub(in crate::node) fn primary_beat(&mut self, now: Timestamp) {
        self.replica.is_beating = self.replica.primary.is_some();
        if !self.replica.is_beating {
            return;
        }
        self.set_timer(now.monotonic_ms() + BEAT_MS, Timer::Primary);
        let may_read = self.primary_may_read();
        let silence_max_ms = u64::from(self.engine.config().repl_timeout_seconds) * 1_000;
        let Some(primary) = &mut self.replica.primary else {
            return;
        };
        let is_silent = primary.heard_ms + silence_max_ms <= now.monotonic_ms();
        match primary.stage {
            Stage::Apart if primary.retry_ms <= now.monotonic_ms() => self.seek(now),
            Stage::Apart => {}
            Stage::Naming if is_silent => self.break_link("its address is not found", now),
            Stage::Greeting(_) | Stage::Loading(_) | Stage::Following if may_read && is_silent => {
                self.break_link("it is silent", now);
            }
            Stage::Naming | Stage::Greeting(_) => {}
            // So it knows that somebody is there.
            Stage::Clearing(..) | Stage::Loading(_) => primary.output.push(b'\n'),
            Stage::Following => self.replica.is_ack_due = true,
        }
    }

    /// A session that carries out what the primary sends.
    pub(super) fn open_applier(
        &mut self,
        host: &str,
        port: u16,
        database: usize,
        now: Timestamp,
    ) -> ConnectionId {
        let peer = Peer {
            address: format!("{host}:{port}").into(),
            local_address: "".into(),
            transport: Transport::Tcp,
            descriptor: -1,
            certified_name: None,
        };
        let session = self.engine.open_session(peer, now);
        let database_count = self.engine.keyspace().database_count();
        let id = self.clients.insert(session);
        let opened = self.engine.session_mut(session);
        opened.link = Some(id.link());
        opened.is_primary = true;
        opened.is_kept = true;
        opened.is_authenticated = true;
        opened.is_limited = false;
        opened.reply_mode = ReplyMode::Off;
        opened.database = database.min(database_count - 1);
        // Its bytes are the protocol's, whatever comes first.
        self.clients[id].is_new = false;
        id
    }

    /// Lets what INFO and ROLE tell be changed, if there is something.
    pub(super) fn host_following(&mut self, change: impl FnOnce(&mut Following)) {
        if let Some(following) = &mut self.host_mut().following {
            change(following);
        }
    }

    /// Tells INFO and ROLE how things are.
    pub(super) fn tell_following(&mut self) {
        let Some(primary) = &self.replica.primary else {
            return;
        };
        let position = primary.position.as_ref();
        let loading = match &primary.stage {
            Stage::Loading(loading) => Some(loading),
            Stage::Apart
            | Stage::Naming
            | Stage::Greeting(_)
            | Stage::Clearing(..)
            | Stage::Following => None,
        };
        let told = Following {
            link: match &primary.stage {
                Stage::Loading(_) | Stage::Clearing(..) => PrimaryLink::Loading,
                Stage::Following => PrimaryLink::Up,
                Stage::Apart | Stage::Naming | Stage::Greeting(_) => return,
            },
            heard_ms: primary.heard_ms,
            read_offset: position.map(|position| position.offset),
            applied_offset: position.map(|_| primary.applied_offset),
            file_bytes: loading.and_then(|loading| loading.file_bytes()),
            file_read_bytes: loading.map_or(0, |loading| loading.read_bytes()),
            ..Following::default()
        };
        self.host_following(|following| {
            let names = std::mem::take(following);
            *following = Following {
                host: names.host,
                port: names.port,
                down_since_ms: names.down_since_ms,
                ..told
            };
        });
    }
}
