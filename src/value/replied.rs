//! Items of collections as replies.
//!
//! Not here: replies of any other kind (`protocol/reply.rs`).

use crate::protocol::double_text::DoubleText;
use crate::protocol::reply::ReplyWriter;
use crate::structures::item::Item;

impl ReplyWriter<'_> {
    /// An item of a collection as a string; a score as [`ReplyWriter::double`] prints it.
    #[inline]
    pub fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Integer(value) => self.bulk_integer(value),
            Item::Text(text) => self.bulk(text),
            Item::Double(value) => self.bulk(DoubleText::new(value).as_bytes()),
        }
    }
}
