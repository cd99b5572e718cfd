//! Whether compiled code may set a global, read from what `lua_dump` of Lua 5.1 writes.
//!
//! ```text
//!  header, 12 bytes │ function
//!  function   source │ two lines, four counts │ code │ constants │ functions │ debug
//!  string     length │ bytes              code   count │ instructions of 32 bits, lowest 6 which
//! ```
//!
//! Invariant: what is not understood may set one.
//!
//! Cost: O(length). Not here: what depends on it (`machine.rs`).

const HEADER_BYTES: usize = 12;
const OPCODE_BITS: u32 = 0x3f;
const SET_GLOBAL: u32 = 7;

/// Whether code that was dumped on this machine may set a global.
pub(super) fn sets_globals(dump: &[u8]) -> bool {
    let reader = dump.get(HEADER_BYTES..).map(Reader);
    reader.and_then(Reader::sets_globals).unwrap_or(true)
}

/// The bytes that are left; `None` from its methods where there are too few.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn sets_globals(mut self) -> Option<bool> {
        // How many functions there still are on each level.
        let mut levels = vec![1];
        while let Some(left) = levels.last_mut() {
            if *left == 0 {
                levels.pop();
                if !levels.is_empty() {
                    self.skip_debug()?;
                }
                continue;
            }
            *left -= 1;
            self.skip_string()?;
            self.skip(2 * size_of::<u32>() + 4)?;
            for _ in 0..self.count()? {
                if self.word()? & OPCODE_BITS == SET_GLOBAL {
                    return Some(true);
                }
            }
            self.skip_constants()?;
            levels.push(self.count()?);
        }
        self.0.is_empty().then_some(false)
    }

    fn skip(&mut self, len: usize) -> Option<()> {
        self.0 = self.0.get(len..)?;
        Some(())
    }

    fn word(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_ne_bytes(*bytes))
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.word()?).ok()
    }

    fn skip_string(&mut self) -> Option<()> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        self.skip(usize::from_ne_bytes(*bytes))
    }

    fn skip_constants(&mut self) -> Option<()> {
        const NIL: u8 = 0;
        const BOOLEAN: u8 = 1;
        const NUMBER: u8 = 3;
        const STRING: u8 = 4;
        for _ in 0..self.count()? {
            let (&kind, rest) = self.0.split_first()?;
            self.0 = rest;
            match kind {
                NIL => {}
                BOOLEAN => self.skip(1)?,
                NUMBER => self.skip(size_of::<f64>())?,
                STRING => self.skip_string()?,
                _ => return None,
            }
        }
        Some(())
    }

    fn skip_debug(&mut self) -> Option<()> {
        let line_count = self.count()?;
        self.skip(line_count.checked_mul(size_of::<u32>())?)?;
        for _ in 0..self.count()? {
            self.skip_string()?;
            self.skip(2 * size_of::<u32>())?;
        }
        for _ in 0..self.count()? {
            self.skip_string()?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A function without code whose one constant is of this kind, between header and debug.
    fn function(code: &[u32], constant: &[u8], functions: u32) -> Vec<u8> {
        let word = |word: u32| word.to_ne_bytes();
        let mut dump = vec![0; 8 + 8 + 4];
        dump.extend(word(code.len() as u32));
        dump.extend(code.iter().flat_map(|&instruction| word(instruction)));
        dump.extend(word(1));
        dump.extend_from_slice(constant);
        dump.extend(word(functions));
        dump
    }

    #[test]
    fn a_global_is_set_where_some_function_sets_one() {
        let (header, debug) = ([0; HEADER_BYTES], [0; 12]);
        let dump = |outer: &[u32], inner: &[u32]| {
            let outer = function(outer, &[4, 2, 0, 0, 0, 0, 0, 0, 0, 7, 7], 1);
            let inner = function(inner, &[3, 0, 0, 0, 0, 0, 0, 0, 7], 0);
            [&header[..], &outer, &inner, &debug, &debug].concat()
        };
        let other = [5, 9 << 6 | 5];
        assert!(!sets_globals(&dump(&other, &other)));
        assert!(sets_globals(&dump(&[5, 9 << 6 | 7], &other)));
        assert!(sets_globals(&dump(&other, &[5, 9 << 6 | 7])));
        let harmless = dump(&other, &other);
        for end in 0..harmless.len() {
            assert!(sets_globals(&harmless[..end]), "cut off at {end}");
        }
        assert!(sets_globals(&[&harmless[..], &[0]].concat()));
    }
}
