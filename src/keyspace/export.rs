//! Whose a cut is that is no snapshot's: a file that is sent to a client.
//!
//! ```text
//!  begin_cut ─▶ begin_export ─▶ … ─▶ end_export       the walk is through: that was it
//!                                        └ it is not: the cut is given up, and goes to its end
//!                                          in steps of `Keyspace::free_some`
//! ```
//!
//! Invariant: a cut that was given up yields nothing any more, and ends.
//!
//! Not here: the cut (`cut/`), snapshots (`node/saving.rs`).

use super::Keyspace;

/// Names one export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportId(u64);

/// The export that a cut is made for.
#[derive(Debug, Default)]
pub(super) struct Exports {
    current: Option<ExportId>,
    last: u64,
    /// The cut was given up by its export, and is still to go to its end.
    is_abandoned: bool,
}

impl Keyspace {
    /// Says that the cut which has just begun is an export's.
    pub fn begin_export(&mut self) -> ExportId {
        self.exports.last += 1;
        let export = ExportId(self.exports.last);
        self.exports.current = Some(export);
        export
    }

    /// Whether a cut is still that of an export: if not, it was given up.
    pub fn is_exporting(&self, export: ExportId) -> bool {
        self.exports.current == Some(export) && !self.is_cut_overrun()
    }

    /// Ends an export; its cut is given up if its walk is not through.
    pub fn end_export(&mut self, export: ExportId) {
        if self.exports.current == Some(export) {
            self.abandon_export();
        }
    }

    /// Gives the export up that is under way, if there is one.
    pub fn abandon_export(&mut self) {
        if self.exports.current.take().is_none() {
            return;
        }
        if self.is_cutting() {
            self.discard_cut();
            self.exports.is_abandoned = true;
        } else {
            self.note_ended_claims();
        }
    }

    /// Whether a cut is an export's, or was.
    pub fn has_export(&self) -> bool {
        self.exports.current.is_some() || self.exports.is_abandoned
    }

    /// Gives the export up and goes to the end of its cut. O(keys).
    pub fn finish_export(&mut self) {
        self.abandon_export();
        while self.has_export() {
            self.end_abandoned_export();
        }
    }

    /// Goes on with a cut that was given up by its export; who waits for its end may go on then.
    pub(super) fn end_abandoned_export(&mut self) {
        if self.exports.is_abandoned && !self.cut_some() {
            self.exports.is_abandoned = false;
            self.note_ended_claims();
        }
    }

    /// Whether there is such a cut.
    pub(super) fn has_abandoned_export(&self) -> bool {
        self.exports.is_abandoned
    }
}
