//! `CacheEngine::export_to`: a file that Redis and Valkey load.
//!
//! Not here: the bytes (`rdb/cut_writer.rs`).

use super::embedded::PersistError;
use super::storage::Storage;
use crate::engine::CacheEngine;
use crate::rdb::RdbWriter;

impl CacheEngine {
    /// Writes a file that Redis and Valkey load, of the cache as it is now.
    ///
    /// # Errors
    /// What the disk says.
    pub fn export_to(&mut self, storage: &mut dyn Storage) -> Result<(), PersistError> {
        storage.begin()?;
        let now_ms = self.now().unix_ms();
        let libraries = self.library_codes();
        let codes = libraries.iter().map(|code| &**code);
        let mut writer = RdbWriter::begin(self.keyspace_mut(), codes, now_ms);
        let mut outcome = Ok(());
        loop {
            let has_more = writer.step(self.keyspace_mut());
            while let Some(buffer) = writer.take_buffer().filter(|_| outcome.is_ok()) {
                outcome = storage.append(&buffer);
            }
            if outcome.is_err() {
                self.keyspace_mut().discard_cut();
                while self.keyspace_mut().cut_some() {}
                break;
            }
            if !has_more {
                break;
            }
        }
        let outcome = outcome.and_then(|()| storage.commit());
        if outcome.is_err() {
            storage.abort();
        }
        outcome.map_err(PersistError::Disk)
    }
}
