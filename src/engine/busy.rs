//! What a request is answered that may touch keys while another command has them to itself.
//!
//! Not here: who waits meanwhile (`node/jobs.rs`).

use crate::base::clock::Timestamp;
use crate::context::Context;
use crate::context::job::Job;
use crate::protocol::error::ReplyError;
use crate::script::Kind;

const BUSY_SCRIPT: ReplyError = ReplyError::fixed(
    "BUSY Evenkeel is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
);
const BUSY_FUNCTION: ReplyError = ReplyError::fixed(
    "BUSY Evenkeel is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
);
const BUSY_REQUEST: ReplyError = ReplyError::fixed("BUSY Evenkeel is busy with a long request.");
const BUSY_TRANSACTION: ReplyError =
    ReplyError::fixed("BUSY Evenkeel is busy running a transaction.");

/// The error; `None` if the request waits.
pub(super) fn error(context: &Context<'_>) -> Option<ReplyError> {
    let job = context.job.as_ref()?;
    // What a primary sends waits however long that is: it would be lost.
    let is_patient = context.sessions.get(context.key).is_primary;
    if is_patient || !is_overdue(job, context.config.busy_reply_threshold_ms, context.now) {
        return None;
    }
    Some(match context.scripts.running() {
        Some(running) if running.kind == Kind::Function => BUSY_FUNCTION,
        Some(_) => BUSY_SCRIPT,
        None if job.is_of_one_request() => BUSY_REQUEST,
        None => BUSY_TRANSACTION,
    })
}

/// Whether a job takes longer than others are to wait.
pub(super) fn is_overdue(job: &Job, threshold_ms: u64, now: Timestamp) -> bool {
    let elapsed_ms = now.monotonic_ms().saturating_sub(job.now.monotonic_ms());
    threshold_ms > 0 && elapsed_ms >= threshold_ms
}
