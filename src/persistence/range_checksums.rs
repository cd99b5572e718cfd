//! The checksum of any part of a file at a price that does not depend on its length.
//!
//! ```text
//!  pages of the file     0 ─────── 1 ─────── 2 ─────── 3 …
//!  checksum from 0 to    ▲         ▲         ▲         ▲      each byte is read once for these
//!  part                       begin ├──────────────┤ end
//! ```
//!
//! CRC-32 is linear: those of the bytes before the part and of the bytes to its end give that of
//! the part. Each of the two follows from that of a whole number of pages and at most one page
//! more.
//!
//! Cost: the first question about a place reads the file up to there, once. Any other reads two
//! pages at most and takes a microsecond or two. Memory: four bytes for every page asked about.
//!
//! Not here: what the parts mean (`salvage.rs`).

use crc32fast::Hasher;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// Small enough to be read for one question, large enough that all their checksums are a
/// thousandth of the file.
const PAGE_BYTES: u64 = 4096;

/// Pages read at once where many follow each other.
const READ_PAGES: u64 = 256;

/// One page as it was read last.
#[derive(Default)]
struct Page {
    number: Option<u64>,
    bytes: Vec<u8>,
}

/// A file, and the checksums of its parts.
pub(super) struct RangeChecksums<'f, F> {
    file: &'f mut F,
    len: u64,
    /// The checksum of the first `index` pages.
    before: Vec<u32>,
    /// The pages in which a part began and ended last: those asked about next are often near.
    begin: Page,
    end: Page,
}

impl<'f, F: Read + Seek> RangeChecksums<'f, F> {
    /// # Errors
    /// The reason why the file can't be read.
    pub(super) fn new(file: &'f mut F) -> io::Result<Self> {
        let len = file.seek(SeekFrom::End(0))?;
        Ok(Self {
            file,
            len,
            before: vec![0],
            begin: Page::default(),
            end: Page::default(),
        })
    }

    /// The length of the file in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Reads a part of the file to the end of `out`. It must be within the file.
    ///
    /// # Errors
    /// The reason why the file can't be read.
    pub(super) fn read(&mut self, part: Range<u64>, out: &mut Vec<u8>) -> io::Result<()> {
        let len = usize::try_from(part.end - part.start).map_err(io::Error::other)?;
        self.file.seek(SeekFrom::Start(part.start))?;
        let begin = out.len();
        out.reserve_exact(len);
        out.resize(begin + len, 0);
        self.file.read_exact(&mut out[begin..])
    }

    /// The checksum of a part of the file, within which it must be.
    ///
    /// # Errors
    /// The reason why the file can't be read.
    pub(super) fn of(&mut self, part: Range<u64>) -> io::Result<u32> {
        self.extend_to(part.end / PAGE_BYTES)?;
        let mut page = std::mem::take(&mut self.begin);
        let before = self.to(part.start, &mut page)?;
        self.begin = page;
        let mut page = std::mem::take(&mut self.end);
        let whole = self.to(part.end, &mut page)?;
        self.end = page;
        let mut shifted = Hasher::new_with_initial(before);
        shifted.combine(&Hasher::new_with_initial_len(0, part.end - part.start));
        Ok(shifted.finalize() ^ whole)
    }

    /// The checksum of the bytes before `end`.
    fn to(&mut self, end: u64, page: &mut Page) -> io::Result<u32> {
        let number = end / PAGE_BYTES;
        let rest = (end % PAGE_BYTES) as usize;
        let before = self.before[number as usize];
        if rest == 0 {
            return Ok(before);
        }
        if page.number != Some(number) {
            page.number = None;
            page.bytes.clear();
            let begin = number * PAGE_BYTES;
            let part = begin..self.len.min(begin + PAGE_BYTES);
            self.read(part, &mut page.bytes)?;
            page.number = Some(number);
        }
        let mut hasher = Hasher::new_with_initial(before);
        hasher.update(&page.bytes[..rest]);
        Ok(hasher.finalize())
    }

    /// Has the checksums of the first `page_count` pages.
    fn extend_to(&mut self, page_count: u64) -> io::Result<()> {
        let mut bytes = Vec::new();
        while (self.before.len() as u64) <= page_count {
            let first = self.before.len() as u64 - 1;
            let last = page_count.min(first + READ_PAGES);
            bytes.clear();
            self.read(first * PAGE_BYTES..last * PAGE_BYTES, &mut bytes)?;
            for page in bytes.chunks_exact(PAGE_BYTES as usize) {
                let before = self.before.last().copied().unwrap_or(0);
                let mut hasher = Hasher::new_with_initial(before);
                hasher.update(page);
                self.before.push(hasher.finalize());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn every_part_has_the_checksum_of_its_bytes() {
        let mut random = fastrand::Rng::with_seed(3);
        let page = PAGE_BYTES as usize;
        for len in [0, 1, page - 1, page, page + 1, 5 * page + 77, 600 * page] {
            let bytes: Vec<u8> = (0..len).map(|_| random.u8(..)).collect();
            let mut file = Cursor::new(&bytes);
            let mut checksums = RangeChecksums::new(&mut file).unwrap();
            assert_eq!(checksums.len(), len as u64);
            for _ in 0..200 {
                let begin = random.usize(0..=len);
                let end = random.usize(begin..=len);
                let found = checksums.of(begin as u64..end as u64).unwrap();
                assert_eq!(found, crc32fast::hash(&bytes[begin..end]), "{begin}..{end}");
            }
        }
    }

    /// A file that counts what is read of it.
    struct Counting {
        file: Cursor<Vec<u8>>,
        read_bytes: u64,
    }

    impl Read for Counting {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.file.read(buffer)?;
            self.read_bytes += count as u64;
            Ok(count)
        }
    }

    impl Seek for Counting {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.file.seek(to)
        }
    }

    #[test]
    fn long_parts_are_read_once_however_many_are_asked_about() {
        let len = 64 << 20;
        let mut file = Counting {
            file: Cursor::new(vec![7; len as usize]),
            read_bytes: 0,
        };
        let mut checksums = RangeChecksums::new(&mut file).unwrap();
        for begin in 0..1000 {
            checksums.of(begin..len - 5 - begin).unwrap();
        }
        assert!(
            file.read_bytes < len + 1000 * PAGE_BYTES,
            "{}",
            file.read_bytes
        );
    }
}
