//! ACL LOAD and ACL SAVE: what the disk is asked, and what it says.
//!
//! ```text
//!  ACL LOAD, ACL SAVE ─▶ asked ─▶ taken (a thread that may block) ─▶ reported ─▶ the reply
//! ```
//!
//! Requests are carried out and answered in their order, so the first client that waits is the one
//! whose request is reported next.
//!
//! Not here: who waits (`waiting.rs`), what the lines mean (`acl/file.rs`), the disk
//! (`server/disk.rs`).

use super::Node;
use super::waiting::Awaited;
use crate::acl::lines_of_file;
use crate::context::outbox::UsersTask;
use std::os::unix::ffi::OsStringExt;

impl Node {
    /// What is to be done with the file of users at the path given, in order. Call again until
    /// `None`.
    pub fn take_users_task(&mut self) -> Option<(UsersTask, Vec<u8>)> {
        let task = self.users_tasks.pop_front()?;
        let config = self.engine.config();
        let path = config.path_in_dir(&config.acl_file);
        Some((task, path.into_os_string().into_vec()))
    }

    /// Takes the text of the file, or why there is none. All users of it are taken, or none.
    pub fn users_read(&mut self, text: Result<Vec<u8>, String>) {
        let outcome = text.and_then(|text| {
            let name = String::from_utf8_lossy(&self.engine.config().acl_file).into_owned();
            let lines = lines_of_file(&name, &text).map_err(|error| error.to_string())?;
            (self.engine.set_users(&lines)).map_err(|error| error.to_string())
        });
        match &outcome {
            Ok(()) => log::info!("the users are read again"),
            Err(reason) => log::warn!("the users stay as they are: {reason}"),
        }
        self.answer_for_users(outcome.map_err(|reason| {
            format!(
                "{reason} WARNING: ACL errors detected, no change to the previously active ACL \
                 rules was performed"
            )
        }));
    }

    /// Takes the outcome of writing the file.
    pub fn users_written(&mut self, outcome: Result<(), String>) {
        self.answer_for_users(outcome);
    }

    /// Answers whoever made the first request that was taken and not reported.
    fn answer_for_users(&mut self, outcome: Result<(), String>) {
        let outcome = outcome.as_ref().map_err(String::as_str);
        self.answer_first(Awaited::UsersFile, outcome.copied());
    }
}
