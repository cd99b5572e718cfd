//! Pages over HTTP: connections that are no clients of the cache.
//!
//! ```text
//!  page_accepted ─▶ Reading ── a head is complete ─▶ answer ─▶ Reading …
//!                      ▲            │ /metrics ─▶ Scraping: a piece a step ─▶ answer
//!                      └────────────┘ /events  ─▶ Watching: a line a second, made once for all
//! ```
//!
//! The scheduler moves their bytes when the clients of the turn have been served, within a slice of
//! time ([`Node::work_on_pages`]).
//!
//! Invariants: at most [`PAGES_MAX`] connections, of which [`VIEWERS_MAX`] watch; when all are
//! taken, a new one takes the place of the one that has waited longest for its next head. A
//! connection holds one head at most, one answer, and of the live page [`EVENTS_MAX`] lines. A head
//! must be complete within [`HEAD_MS`], and a client that takes nothing for [`STALL_MS`] is closed.
//!
//! Cost: a step some tens of microseconds. Without connections: two comparisons a turn.
//!
//! Not here: the form of requests and answers (`http/`), what is answered (`requests.rs`), the
//! texts (`context/exposition.rs`, `context/live.rs`).

mod live;
mod requests;

use super::page_id::PageId;
use super::timers::Timer;
use super::{Node, Refusal};
use crate::base::clock::Timestamp;
use crate::http::HEAD_BYTES_MAX;
use crate::session::Peer;
use crate::structures::timer_wheel::TimerHandle;
use requests::Scrape;
use slab::Slab;
use std::collections::VecDeque;
use std::sync::Arc;

/// Connections at once: a few scrapers and probes, and those who watch.
pub(crate) const PAGES_MAX: usize = 64;

/// Connections that watch the live page at once.
pub(super) const VIEWERS_MAX: usize = 16;

/// Time for a head to arrive, from its first byte on, and for the first byte of all.
const HEAD_MS: u64 = 10_000;

/// Time until the next request begins. Scrapers come once a minute at least, as a rule.
const IDLE_MS: u64 = 75_000;

/// Time in which a client must take some of its answer.
const STALL_MS: u64 = 10_000;

/// Distance of the lines of the live page.
const EVENT_MS: u64 = 1_000;

/// Lines that wait for a viewer at most; it misses those that come meanwhile.
const EVENTS_MAX: usize = 2;

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 5\r\nConnection: close\r\n\r\n";

/// What a connection is about.
#[derive(Debug)]
enum Doing {
    /// It waits for a head, or for its answer to be taken.
    Reading,
    /// Its answer is made piece by piece.
    Scraping(Scrape),
    /// It is told the figures once a second.
    Watching,
}

#[derive(Debug)]
struct Page {
    generation: u32,
    is_local: bool,
    /// What came and was not answered.
    input: Vec<u8>,
    /// Answers, of the first of which `written` bytes have been taken.
    output: VecDeque<Arc<Vec<u8>>>,
    written: usize,
    doing: Doing,
    /// It is closed when its output has been taken.
    is_ending: bool,
    /// It stands in the row of those with something to do.
    is_queued: bool,
    /// It stands in the row of those with something to write.
    is_to_write: bool,
    active_ms: u64,
    timer: Option<TimerHandle>,
}

/// All pages, and rows of those with something to do.
#[derive(Debug, Default)]
pub(super) struct Pages {
    pages: Slab<Page>,
    next_generation: u32,
    work: VecDeque<PageId>,
    writes: VecDeque<PageId>,
    closing: Vec<PageId>,
    /// The next line of the live page is due.
    is_event_due: bool,
    /// There is a timer for it.
    is_ticking: bool,
}

impl Pages {
    fn get_mut(&mut self, id: PageId) -> Option<&mut Page> {
        let page = self.pages.get_mut(id.slot as usize)?;
        (page.generation == id.generation).then_some(page)
    }

    fn enqueue(&mut self, id: PageId) {
        if let Some(page) = self.get_mut(id)
            && !page.is_queued
        {
            page.is_queued = true;
            self.work.push_back(id);
        }
    }

    fn write_soon(&mut self, id: PageId) {
        if let Some(page) = self.get_mut(id)
            && !page.is_to_write
        {
            page.is_to_write = true;
            self.writes.push_back(id);
        }
    }

    fn viewers(&self) -> impl Iterator<Item = PageId> + '_ {
        let watching = |page: &Page| matches!(page.doing, Doing::Watching) && !page.is_ending;
        let viewers = self.pages.iter().filter(move |(_, page)| watching(page));
        viewers.map(|(slot, page)| PageId {
            slot: slot as u32,
            generation: page.generation,
        })
    }

    fn has_viewers(&self) -> bool {
        self.viewers().next().is_some()
    }

    /// The connection that has waited longest for its next head.
    fn most_idle(&self) -> Option<PageId> {
        let waits = |page: &Page| {
            matches!(page.doing, Doing::Reading) && page.output.is_empty() && !page.is_ending
        };
        let idle = self.pages.iter().filter(|(_, page)| waits(page));
        let (slot, page) = idle.min_by_key(|(_, page)| page.active_ms)?;
        Some(PageId {
            slot: slot as u32,
            generation: page.generation,
        })
    }
}

impl Node {
    /// Begins a page.
    ///
    /// # Errors
    /// A [`Refusal`] when there are too many that are busy.
    pub fn page_accepted(&mut self, peer: &Peer, now: Timestamp) -> Result<PageId, Refusal> {
        let open = self.pages.pages.len() - self.pages.closing.len();
        if open >= PAGES_MAX {
            let idle = self.pages.most_idle().ok_or(Refusal { reply: FULL })?;
            self.end_page(idle);
        }
        let generation = self.pages.next_generation;
        self.pages.next_generation = generation.wrapping_add(1);
        let slot = self.pages.pages.insert(Page {
            generation,
            is_local: peer.is_local(),
            input: Vec::new(),
            output: VecDeque::new(),
            written: 0,
            doing: Doing::Reading,
            is_ending: false,
            is_queued: false,
            is_to_write: false,
            active_ms: now.monotonic_ms(),
            timer: None,
        });
        let id = PageId {
            slot: slot as u32,
            generation,
        };
        self.set_page_deadline(id, Some(now.monotonic_ms() + HEAD_MS));
        self.count_pages();
        Ok(id)
    }

    /// Whether bytes of this page may be read now. If not, its readiness must be remembered: it may
    /// be when its output has been written.
    pub fn page_may_read(&mut self, id: PageId) -> bool {
        self.pages.get_mut(id).is_some_and(|page| match page.doing {
            _ if page.is_ending => false,
            Doing::Reading => page.output.is_empty() && page.input.len() < HEAD_BYTES_MAX,
            Doing::Scraping(_) => false,
            Doing::Watching => true,
        })
    }

    /// Where the next bytes of a page that [`Node::page_may_read`] are to be put. What is read must
    /// be told by [`Node::page_received`] at once.
    pub fn page_read_buffer(&mut self, id: PageId) -> &mut [u8] {
        let held_bytes = (self.pages.get_mut(id)).map_or(0, |page| page.input.len());
        &mut self.read_buffer[..HEAD_BYTES_MAX - held_bytes.min(HEAD_BYTES_MAX)]
    }

    /// Takes over `count` bytes that were read into [`Node::page_read_buffer`].
    pub fn page_received(&mut self, id: PageId, count: usize, now: Timestamp) {
        let Some(page) = self.pages.get_mut(id) else {
            return;
        };
        if matches!(page.doing, Doing::Watching) {
            // There is nothing to say any more.
            return self.end_page(id);
        }
        let is_first = page.input.is_empty();
        page.input.extend_from_slice(&self.read_buffer[..count]);
        page.active_ms = now.monotonic_ms();
        if is_first {
            self.set_page_deadline(id, Some(now.monotonic_ms() + HEAD_MS));
        }
        self.pages.enqueue(id);
    }

    /// The client will send nothing more. What it has asked for before is answered first.
    pub fn page_input_ended(&mut self, id: PageId) {
        let Some(page) = self.pages.get_mut(id) else {
            return;
        };
        let has_answer = !page.output.is_empty() || matches!(page.doing, Doing::Scraping(_));
        if has_answer || (page.is_queued && !matches!(page.doing, Doing::Watching)) {
            page.is_ending = true;
        } else {
            self.end_page(id);
        }
    }

    /// The bytes that a page has to write next; empty if none.
    pub fn page_output(&self, id: PageId) -> &[u8] {
        let page = self.pages.pages.get(id.slot as usize);
        let page = page.filter(|page| page.generation == id.generation);
        let first = page.and_then(|page| Some(&page.output.front()?[page.written..]));
        first.unwrap_or(&[])
    }

    /// Notes that the client took `count` bytes of its output.
    pub fn page_written(&mut self, id: PageId, count: usize, now: Timestamp) {
        self.stats_mut().counters.total_net_output_bytes += count as u64;
        let Some(page) = self.pages.get_mut(id) else {
            return;
        };
        page.written += count;
        page.active_ms = now.monotonic_ms();
        if page
            .output
            .front()
            .is_some_and(|first| first.len() <= page.written)
        {
            page.output.pop_front();
            page.written = 0;
        }
        let next_ms = match page.doing {
            _ if !page.output.is_empty() => Some(STALL_MS),
            _ if page.is_ending => return self.end_page(id),
            Doing::Watching => None,
            Doing::Reading if page.input.is_empty() => Some(IDLE_MS),
            Doing::Reading | Doing::Scraping(_) => Some(HEAD_MS),
        };
        if page.output.is_empty() {
            // The next request may have come already.
            self.pages.enqueue(id);
        }
        self.set_page_deadline(id, next_ms.map(|span_ms| now.monotonic_ms() + span_ms));
    }

    /// The next page that has something to write.
    pub fn next_page_to_write(&mut self) -> Option<PageId> {
        let id = self.pages.writes.pop_front()?;
        if let Some(page) = self.pages.get_mut(id) {
            page.is_to_write = false;
        }
        Some(id)
    }

    /// Whether there is something to do or to write for pages.
    pub fn has_page_work(&self) -> bool {
        let pages = &self.pages;
        !pages.work.is_empty() || !pages.writes.is_empty() || pages.is_event_due
    }

    /// Does one bounded piece of what there is to do for pages; false if there was nothing.
    pub fn work_on_pages(&mut self, now: Timestamp) -> bool {
        if std::mem::take(&mut self.pages.is_event_due) {
            self.send_event(now);
            return true;
        }
        let Some(id) = self.pages.work.pop_front() else {
            return false;
        };
        if let Some(page) = self.pages.get_mut(id) {
            page.is_queued = false;
            match page.doing {
                Doing::Reading => self.answer_page(id, now),
                Doing::Scraping(_) => self.scrape_some(id, now),
                Doing::Watching => {}
            }
        }
        true
    }

    /// Pages whose end has come: their sockets are to be closed, then [`Node::page_closed`] told.
    pub fn take_closing_pages(&mut self) -> Vec<PageId> {
        std::mem::take(&mut self.pages.closing)
    }

    /// Whether there are such.
    pub fn has_closing_pages(&self) -> bool {
        !self.pages.closing.is_empty()
    }

    /// Ends a page whose socket is closed, or failed. Ids that have ended are ignored.
    pub fn page_closed(&mut self, id: PageId) {
        if self.pages.get_mut(id).is_some() {
            let page = self.pages.pages.remove(id.slot as usize);
            self.cancel_timer(page.timer);
            self.pages.closing.retain(|closing| *closing != id);
            self.count_pages();
        }
    }

    /// All pages that are open.
    pub fn page_ids(&self) -> Vec<PageId> {
        let pages = self.pages.pages.iter();
        let ids = pages.map(|(slot, page)| PageId {
            slot: slot as u32,
            generation: page.generation,
        });
        ids.collect()
    }

    /// The timer of a page has fired: its time is over.
    pub(super) fn page_timer_fired(&mut self, id: PageId) {
        if let Some(page) = self.pages.get_mut(id) {
            page.timer = None;
            self.end_page(id);
        }
    }

    /// The time for the next line of the live page has come.
    pub(super) fn event_is_due(&mut self, now: Timestamp) {
        self.pages.is_ticking = false;
        self.pages.is_event_due = self.pages.has_viewers();
        self.keep_ticking(now);
    }

    /// Sees to it that there is a next line, if anybody watches.
    fn keep_ticking(&mut self, now: Timestamp) {
        if !self.pages.is_ticking && self.pages.has_viewers() {
            self.pages.is_ticking = true;
            self.set_timer(now.monotonic_ms() + EVENT_MS, Timer::PageEvent);
        }
    }

    /// Sends the figures to everybody who watches.
    fn send_event(&mut self, now: Timestamp) {
        let viewers: Vec<PageId> = self.pages.viewers().collect();
        if viewers.is_empty() {
            return;
        }
        let event = Arc::new(self.event(now));
        for id in viewers {
            let has_room =
                (self.pages.get_mut(id)).is_some_and(|page| page.output.len() < EVENTS_MAX);
            if has_room {
                self.give_page(id, event.clone(), now);
            }
        }
    }

    /// Adds to the output of a page.
    fn give_page(&mut self, id: PageId, bytes: Arc<Vec<u8>>, now: Timestamp) {
        let Some(page) = self.pages.get_mut(id) else {
            return;
        };
        if page.output.is_empty() {
            self.set_page_deadline(id, Some(now.monotonic_ms() + STALL_MS));
        }
        let page = self.pages.get_mut(id).expect("it is still there");
        page.output.push_back(bytes);
        self.pages.write_soon(id);
    }

    /// Closes a page soon, whatever it has still to write.
    fn end_page(&mut self, id: PageId) {
        if let Some(page) = self.pages.get_mut(id) {
            page.is_ending = true;
            page.output.clear();
            page.written = 0;
            page.doing = Doing::Reading;
            if !self.pages.closing.contains(&id) {
                self.pages.closing.push(id);
            }
            self.count_pages();
        }
    }

    fn set_page_deadline(&mut self, id: PageId, at_ms: Option<u64>) {
        let Some(page) = self.pages.get_mut(id) else {
            return;
        };
        let old = page.timer.take();
        self.cancel_timer(old);
        if let Some(at_ms) = at_ms {
            let timer = self.set_timer(at_ms, Timer::Page(id));
            let page = self.pages.get_mut(id).expect("it is still there");
            page.timer = Some(timer);
        }
    }

    fn count_pages(&mut self) {
        let count = self.pages.pages.len() as u64;
        let viewers = self.pages.viewers().count() as u64;
        let gauges = &mut self.stats_mut().gauges;
        (gauges.http_connections, gauges.http_viewers) = (count, viewers);
    }
}
