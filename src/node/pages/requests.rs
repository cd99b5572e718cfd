//! What a request over HTTP is answered, and who may ask.
//!
//! ```text
//!  /healthz  /readyz        everybody
//!  /metrics                 a user who may call INFO; names of hot keys as for the page
//!  /  /events               … and SLOWLOG, and read all keys
//!  who: a name and password by the scheme Basic, as for AUTH; else the user `default`, if it needs
//!       no password, and protected mode is off or the client is on this machine
//! ```
//!
//! Invariant: the rules are those of the protocol's own port, so nobody sees here what he may not
//! see there.
//!
//! A browser that shows the page of another site would send requests to this machine on its behalf
//! if that site's name is made to point here. So a local client that names no user must name its
//! host by an address, or as `localhost`.
//!
//! Not here: connections (`mod.rs`), the texts (`live.rs`, `context/exposition.rs`).

use super::{Doing, VIEWERS_MAX, live};
use crate::acl::UserId;
use crate::base::clock::Timestamp;
use crate::context::exposition::Piece;
use crate::engine::Sight;
use crate::http::{Answer, Length, Method, Request, Status};
use crate::node::{Node, PageId};
use crate::stats::open_metrics::Format;
use std::sync::Arc;

const PLAIN: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const EVENTS: &str = "text/event-stream; charset=utf-8";

const NO_CREDENTIALS: &str = "Say who you are: a user's name and password, as for AUTH.\n";
const NOT_ALLOWED: &str =
    "This user may not see that: it takes INFO, for the page SLOWLOG and all keys, too.\n";
const PROTECTED: &str =
    "Protected mode: without a password for the default user only this machine is answered.\n";
const OTHER_HOST: &str = "Name this machine by its address or as localhost, or say who you are.\n";
const TOO_MANY_VIEWERS: &str = "Too many are watching already.\n";
const BUSY: &str = "busy: a script or transaction has all keys\n";

/// An answer to `/metrics` that is being made.
#[derive(Debug)]
pub(super) struct Scrape {
    piece: Piece,
    text: String,
    manner: Manner,
    format: Format,
}

/// How an answer is given.
#[derive(Clone, Copy, Debug)]
struct Manner {
    /// Without its body, for HEAD.
    is_bare: bool,
    keeps_alive: bool,
}

/// What a request leads to.
enum Outcome {
    Text(Status, &'static str),
    Page,
    Events,
    Metrics(Format, Piece),
}

impl Node {
    /// Answers the next request of a page, if its head is complete.
    pub(super) fn answer_page(&mut self, id: PageId, now: Timestamp) {
        let Some(page) = self.pages.get_mut(id) else {
            return;
        };
        if !page.output.is_empty() {
            return;
        }
        let mut input = std::mem::take(&mut page.input);
        let (is_local, is_ending) = (page.is_local, page.is_ending);
        match Request::parse(&input) {
            Ok(None) => {
                page.input = input;
                if is_ending {
                    self.end_page(id);
                }
            }
            Ok(Some(request)) => {
                let manner = Manner {
                    is_bare: request.method == Method::Head,
                    keeps_alive: request.keeps_alive && !is_ending,
                };
                let head_bytes = request.head_bytes;
                let outcome = self.outcome(&request, is_local);
                input.drain(..head_bytes);
                if let Some(page) = self.pages.get_mut(id) {
                    page.input = input;
                }
                self.stats_mut().counters.total_http_requests += 1;
                self.carry_out(id, outcome, manner, now);
            }
            Err(fault) => {
                self.stats_mut().counters.total_http_requests += 1;
                let manner = Manner {
                    is_bare: false,
                    keeps_alive: false,
                };
                self.carry_out(id, Outcome::Text(fault.status(), ""), manner, now);
            }
        }
    }

    /// Makes the next piece of an answer to `/metrics`.
    pub(super) fn scrape_some(&mut self, id: PageId, now: Timestamp) {
        let Some(page) = self.pages.get_mut(id) else {
            return;
        };
        let doing = std::mem::replace(&mut page.doing, Doing::Reading);
        let Doing::Scraping(mut scrape) = doing else {
            page.doing = doing;
            return;
        };
        let text = (&mut scrape.text, scrape.format);
        match self.engine.expose(scrape.piece, text, now) {
            Some(piece) => {
                scrape.piece = piece;
                if let Some(page) = self.pages.get_mut(id) {
                    page.doing = Doing::Scraping(scrape);
                }
                self.pages.enqueue(id);
            }
            None => {
                let (media_type, manner) = (scrape.format.media_type(), scrape.manner);
                let status = (Status::Ok, media_type, "");
                self.give_answer(id, status, scrape.text.as_bytes(), manner, now);
            }
        }
    }

    fn outcome(&mut self, request: &Request<'_>, is_local: bool) -> Outcome {
        let is_other = request.method == Method::Other;
        let sight = match request.path {
            _ if is_other => return Outcome::Text(Status::MethodNotAllowed, ""),
            "/healthz" => return Outcome::Text(Status::Ok, "ok\n"),
            "/readyz" if self.is_shut() => return Outcome::Text(Status::Unavailable, BUSY),
            "/readyz" => return Outcome::Text(Status::Ok, "ok\n"),
            "/metrics" => Sight::Figures,
            "/" | "/events" => Sight::Everything,
            _ => return Outcome::Text(Status::NotFound, ""),
        };
        let user = match self.who_looks(request, is_local, sight) {
            Ok(user) => user,
            Err(refusal) => return refusal,
        };
        match request.path {
            "/metrics" => {
                let format = match request.takes_open_metrics {
                    true => Format::OpenMetrics,
                    false => Format::Older,
                };
                let first = match self.engine.may_see(user, Sight::Everything) {
                    true => Piece::HotKeys,
                    false => Piece::Figures,
                };
                Outcome::Metrics(format, first)
            }
            "/events" if self.pages.viewers().count() >= VIEWERS_MAX => {
                Outcome::Text(Status::Unavailable, TOO_MANY_VIEWERS)
            }
            "/events" => Outcome::Events,
            _ => Outcome::Page,
        }
    }

    /// Whether a command has had all keys to itself for longer than others are to wait.
    fn is_shut(&self) -> bool {
        self.has_job() && self.engine.is_job_overdue(self.engine.now())
    }

    /// The user who asks, if he may see so much.
    fn who_looks(
        &mut self,
        request: &Request<'_>,
        is_local: bool,
        sight: Sight,
    ) -> Result<UserId, Outcome> {
        let claim = request.credentials();
        let claim = claim.map_err(|fault| Outcome::Text(fault.status(), ""))?;
        let config = self.engine.config();
        let user = match claim {
            Some(claim) => self.engine.find_viewer(&claim.user, &claim.password),
            None if !self.engine.users().are_open() => None,
            None if !is_local && config.protected_mode => {
                return Err(Outcome::Text(Status::Forbidden, PROTECTED));
            }
            None if is_local && !request.names_no_other_host() => {
                return Err(Outcome::Text(Status::Forbidden, OTHER_HOST));
            }
            None => Some(UserId::DEFAULT),
        };
        match user {
            None => Err(Outcome::Text(Status::Unauthorized, NO_CREDENTIALS)),
            Some(user) if self.engine.may_see(user, sight) => Ok(user),
            Some(_) => Err(Outcome::Text(Status::Forbidden, NOT_ALLOWED)),
        }
    }

    fn carry_out(&mut self, id: PageId, outcome: Outcome, manner: Manner, now: Timestamp) {
        match outcome {
            Outcome::Text(status, "") => {
                let words = format!("{}\n", status.line());
                self.give_answer(id, (status, PLAIN, ""), words.as_bytes(), manner, now);
            }
            Outcome::Text(status, words) => {
                self.give_answer(id, (status, PLAIN, ""), words.as_bytes(), manner, now);
            }
            Outcome::Page => {
                let text = self.page_text(now);
                let policy = live::policy();
                self.give_answer(id, (Status::Ok, HTML, policy), text.as_bytes(), manner, now);
            }
            Outcome::Metrics(format, piece) => {
                let scrape = Scrape {
                    piece,
                    text: String::new(),
                    manner,
                    format,
                };
                if let Some(page) = self.pages.get_mut(id) {
                    page.doing = Doing::Scraping(scrape);
                }
                self.pages.enqueue(id);
            }
            Outcome::Events => self.begin_events(id, manner, now),
        }
    }

    /// Gives a whole answer.
    fn give_answer(
        &mut self,
        id: PageId,
        (status, media_type, policy): (Status, &str, &str),
        body: &[u8],
        manner: Manner,
        now: Timestamp,
    ) {
        let answer = Answer {
            status,
            media_type,
            length: Length::Bytes(body.len()),
            policy,
            keeps_alive: manner.keeps_alive,
        };
        let mut bytes = answer.head().into_bytes();
        if !manner.is_bare {
            bytes.extend_from_slice(body);
        }
        if let Some(page) = self.pages.get_mut(id) {
            page.is_ending |= !manner.keeps_alive;
            page.doing = Doing::Reading;
        }
        self.give_page(id, Arc::new(bytes), now);
    }

    /// Lets a page watch: the first line at once, then one a second.
    fn begin_events(&mut self, id: PageId, manner: Manner, now: Timestamp) {
        let answer = Answer {
            status: Status::Ok,
            media_type: EVENTS,
            length: Length::UntilClose,
            policy: "",
            keeps_alive: false,
        };
        let head = answer.head().into_bytes();
        self.give_page(id, Arc::new(head), now);
        if let Some(page) = self.pages.get_mut(id) {
            page.is_ending |= manner.is_bare;
            page.doing = Doing::Watching;
        }
        if !manner.is_bare {
            let event = Arc::new(self.event(now));
            self.give_page(id, event, now);
        }
        self.count_pages();
        self.keep_ticking(now);
    }
}
