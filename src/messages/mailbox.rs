//! Letters on their way: messages, and to whom they go.
//!
//! ```text
//!  post ─┬─▶ letters   [ frame, recipients, next ] …    to others, the first first
//!        └─▶ own       [ frame ] …                      to the client whose request is executed
//! ```
//!
//! The node delivers letters when a batch of requests is executed, a bounded number of recipients
//! at once; what is left is worked off in slices of the following turns. Messages that follow each
//! other to the same clients are one letter, so that a pipeline of PUBLISH is delivered to each of
//! them in one go. What a client causes for
//! itself is put behind its reply at once, unless letters from before are still under way: then it
//! waits its turn behind them.
//!
//! Invariant: letters are taken in the order in which they were posted.
//!
//! Not here: outputs (`node/delivery.rs`).

use super::{Frame, Subscribers};
use crate::base::link::Link;
use crate::protocol::reply::Dialect;
use std::collections::VecDeque;
use std::sync::Arc;

/// Deliveries under way from which on whoever causes more has to wait.
const DELIVERIES_MAX: usize = 65_536;

/// Bytes of letters under way from which on whoever causes more has to wait.
const LETTERS_BYTES_MAX: usize = 8 << 20;

/// Bytes up to which a letter takes further messages. Outputs share what is longer instead of
/// copying it, and write each such piece by a call of its own.
const JOINED_BYTES_MAX: usize = 4_000;

/// Who gets a letter.
#[derive(Debug)]
enum Recipients {
    One(Link),
    Many(Arc<Vec<Link>>),
}

impl Recipients {
    /// Whether others are the very same.
    fn are(&self, others: &Self) -> bool {
        match (self, others) {
            (Self::One(own), Self::One(other)) => own == other,
            (Self::Many(own), Self::Many(others)) => Arc::ptr_eq(own, others),
            (Self::One(_), Self::Many(_)) | (Self::Many(_), Self::One(_)) => false,
        }
    }
}

/// Messages and those who have not got them yet.
#[derive(Debug)]
pub struct Letter {
    first: Frame,
    /// What follows the first.
    more: Vec<Frame>,
    /// Bytes of all.
    bytes: usize,
    /// All in each dialect, once somebody wants them so.
    encoded: [Option<Arc<[u8]>>; 3],
    recipients: Recipients,
    next: usize,
    /// Who has got them another way.
    except: Option<Link>,
}

impl Letter {
    fn new(frame: Frame, recipients: Recipients, except: Option<Link>) -> Self {
        Self {
            bytes: frame.len(),
            first: frame,
            more: Vec::new(),
            encoded: [const { None }; 3],
            recipients,
            next: 0,
            except,
        }
    }

    /// Whether a message to these may go with it: nobody has got it yet.
    fn may_take(&self, frame: &Frame, recipients: &Recipients, except: Option<Link>) -> bool {
        self.next == 0
            && self.bytes + frame.len() <= JOINED_BYTES_MAX
            && self.except == except
            && self.recipients.are(recipients)
    }

    fn take(&mut self, frame: Frame) {
        debug_assert!(self.encoded.iter().all(Option::is_none), "somebody has it");
        self.bytes += frame.len();
        self.more.push(frame);
    }

    fn recipients(&self) -> &[Link] {
        match &self.recipients {
            Recipients::One(link) => std::slice::from_ref(link),
            Recipients::Many(links) => links,
        }
    }

    /// The next recipient; none when all were named.
    pub fn next_recipient(&mut self) -> Option<Link> {
        loop {
            let link = *self.recipients().get(self.next)?;
            self.next += 1;
            if Some(link) != self.except {
                return Some(link);
            }
        }
    }

    /// Whether somebody is still to get it.
    pub fn has_recipients(&self) -> bool {
        self.recipients_left() > 0
    }

    fn recipients_left(&self) -> usize {
        self.recipients().len() - self.next
    }

    /// The bytes in a dialect, the same for all who speak it.
    pub fn in_dialect(&mut self, dialect: Dialect) -> &Arc<[u8]> {
        let place = match dialect {
            Dialect::Resp2 => 0,
            Dialect::Resp3 => 1,
            Dialect::Plain => 2,
        };
        let (first, more, bytes) = (&self.first, &self.more, self.bytes);
        self.encoded[place].get_or_insert_with(|| {
            if more.is_empty() {
                return first.in_dialect(dialect);
            }
            let mut joined = Vec::with_capacity(bytes);
            first.write(dialect, &mut joined);
            more.iter()
                .for_each(|frame| frame.write(dialect, &mut joined));
            joined.into()
        })
    }
}

/// All letters under way.
#[derive(Debug, Default)]
pub struct Mailbox {
    letters: VecDeque<Letter>,
    /// Recipients of all letters that have not got theirs.
    deliveries_left: usize,
    bytes: usize,
    own: Vec<Frame>,
    is_behind: bool,
}

impl Mailbox {
    /// Says that requests are executed from now on: what their client causes for itself comes
    /// behind what is under way.
    #[inline]
    pub fn begin(&mut self) {
        self.is_behind = !self.letters.is_empty();
    }

    /// Says that the client whose request is executed is in the middle of its reply: what it has
    /// caused for itself, and goes on to cause, comes as to others.
    pub fn begin_in_reply(&mut self, own: Option<Link>) {
        self.is_behind = true;
        let Some(own) = own else { return };
        for frame in self.take_own() {
            self.push(frame, Recipients::One(own), None);
        }
    }

    /// Posts a message; `own` is the client that causes it.
    pub(super) fn post(&mut self, frame: Frame, subscribers: &Subscribers, own: Option<Link>) {
        let own = own.filter(|own| !self.is_behind && subscribers.has(*own));
        let others_count = subscribers.len() - usize::from(own.is_some());
        if own.is_some() {
            self.own.push(frame.clone());
        }
        if others_count > 0 {
            let recipients = Recipients::Many(subscribers.snapshot());
            self.push(frame, recipients, own);
        }
    }

    /// Posts a message to one client; `own` is the client that causes it.
    pub fn post_to(&mut self, frame: Frame, link: Link, own: Option<Link>) {
        if own == Some(link) && !self.is_behind {
            self.own.push(frame);
        } else {
            self.push(frame, Recipients::One(link), None);
        }
    }

    /// Posts a message to clients, whoever causes it.
    pub fn post_to_all(&mut self, frame: Frame, links: &Arc<Vec<Link>>) {
        if !links.is_empty() {
            let recipients = Recipients::Many(Arc::clone(links));
            self.push(frame, recipients, None);
        }
    }

    fn push(&mut self, frame: Frame, recipients: Recipients, except: Option<Link>) {
        self.bytes += frame.len();
        if let Some(last) = self.letters.back_mut()
            && last.may_take(&frame, &recipients, except)
        {
            return last.take(frame);
        }
        let letter = Letter::new(frame, recipients, except);
        self.deliveries_left += letter.recipients_left();
        self.letters.push_back(letter);
    }

    /// Whether a client has caused messages for itself that it must get behind its reply.
    #[inline]
    pub fn has_own(&self) -> bool {
        !self.own.is_empty()
    }

    /// Takes what a client has caused for itself.
    pub fn take_own(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.own)
    }

    /// Whether a letter is under way.
    #[inline]
    pub fn has_letters(&self) -> bool {
        !self.letters.is_empty()
    }

    /// Whether so much is under way that whoever causes more has to wait.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.deliveries_left >= DELIVERIES_MAX || self.bytes >= LETTERS_BYTES_MAX
    }

    /// Takes the first letter out.
    pub fn take(&mut self) -> Option<Letter> {
        let letter = self.letters.pop_front()?;
        self.deliveries_left -= letter.recipients_left();
        self.bytes -= letter.bytes;
        Some(letter)
    }

    /// Puts back a letter that was taken and has recipients left.
    pub fn put_back(&mut self, letter: Letter) {
        self.deliveries_left += letter.recipients_left();
        self.bytes += letter.bytes;
        self.letters.push_front(letter);
    }

    /// Bytes of the letters under way.
    pub fn used_bytes(&self) -> usize {
        self.bytes + self.letters.len() * size_of::<Letter>()
    }
}
