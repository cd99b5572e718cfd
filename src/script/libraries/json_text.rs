//! The tokens of JSON as lua-cjson 2.1.0 reads them.
//!
//! A string's bytes are its own part of the text, or stand in the machine's buffer if it has
//! escapes; until [`Text::push_string`] no other string is read.
//!
//! Not here: what tokens make (`json.rs`).

use super::number_text::{self, integer};
use crate::script::stack::Stack;
use std::ops::Range;

/// A token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    /// Its bytes are pushed by [`Text::push_string`].
    String,
    Number(f64),
    True,
    False,
    Null,
    Colon,
    Comma,
    End,
    /// No token: this is what is wrong.
    Error(&'static str),
}

/// A text and how far it is read.
pub(super) struct Text<'a> {
    stack: Stack<'a>,
    bytes: &'a [u8],
    at: usize,
    /// Where the last token stands, for errors.
    token_at: usize,
    token: Token,
    decodes_invalid: bool,
    /// The bytes of the last string, unless they stand in the buffer.
    string: Option<Range<usize>>,
}

impl<'a> Text<'a> {
    pub(super) fn new(stack: Stack<'a>, bytes: &'a [u8], decodes_invalid: bool) -> Self {
        Self {
            stack,
            bytes,
            at: 0,
            token_at: 0,
            token: Token::End,
            decodes_invalid,
            string: None,
        }
    }

    /// How many bytes are read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The token that was read last.
    pub(super) fn current(&self) -> Token {
        self.token
    }

    /// A byte; beyond the end a zero.
    fn byte(&self, position: usize) -> u8 {
        self.bytes.get(position).copied().unwrap_or(0)
    }

    /// Reads a token.
    pub(super) fn next(&mut self) -> Token {
        while matches!(self.byte(self.at), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        self.token_at = self.at;
        self.token = self.read();
        self.token
    }

    fn read(&mut self) -> Token {
        let first = self.byte(self.at);
        let single = match first {
            0 => return Token::End,
            b'{' => Token::ObjectBegin,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayBegin,
            b']' => Token::ArrayEnd,
            b',' => Token::Comma,
            b':' => Token::Colon,
            b'"' => return self.read_string(),
            b'-' | b'0'..=b'9' => {
                if !self.decodes_invalid && self.is_invalid_number() {
                    return Token::Error("invalid number");
                }
                return self.read_number();
            }
            b'f' | b'i' | b'I' | b'n' | b'N' | b't' | b'+' => return self.read_word(),
            _ => return Token::Error("invalid token"),
        };
        self.at += 1;
        single
    }

    fn read_word(&mut self) -> Token {
        let rest = &self.bytes[self.at..];
        let words: [(&[u8], Token); 3] = [
            (b"true", Token::True),
            (b"false", Token::False),
            (b"null", Token::Null),
        ];
        for (word, token) in words {
            if rest.starts_with(word) {
                self.at += word.len();
                return token;
            }
        }
        if self.decodes_invalid && self.is_invalid_number() {
            return self.read_number();
        }
        Token::Error("invalid token")
    }

    /// Whether C reads a number here that JSON doesn't have.
    fn is_invalid_number(&self) -> bool {
        let first = self.byte(self.at);
        if first == b'+' {
            return true;
        }
        let at = self.at + usize::from(first == b'-');
        match self.byte(at) {
            b'0' => {
                let second = self.byte(at + 1);
                second | 0x20 == b'x' || second.is_ascii_digit()
            }
            first if first <= b'9' => false,
            _ => {
                let rest = &self.bytes[at.min(self.bytes.len())..];
                let word = &rest[..rest.len().min(3)];
                word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"nan")
            }
        }
    }

    fn read_number(&mut self) -> Token {
        let (number, length) = number_text::read(&self.bytes[self.at..]);
        if length == 0 {
            return Token::Error("invalid number");
        }
        self.at += length;
        Token::Number(number)
    }

    fn fail(&mut self, what: &'static str) -> Token {
        self.token_at = self.at;
        Token::Error(what)
    }

    fn read_string(&mut self) -> Token {
        self.at += 1;
        let begin = self.at;
        // Nearly all strings have no escapes.
        let rest = &self.bytes[begin..];
        let plain = rest
            .iter()
            .position(|&byte| matches!(byte, b'"' | b'\\' | 0));
        self.at += plain.unwrap_or(rest.len());
        if self.byte(self.at) == b'"' {
            self.string = Some(begin..self.at);
            self.at += 1;
            return Token::String;
        }
        self.string = None;
        self.stack.begin();
        self.stack.append(&self.bytes[begin..self.at]);
        loop {
            match self.byte(self.at) {
                b'"' => break,
                0 => return self.fail("unexpected end of string"),
                b'\\' => {
                    let plain = match self.byte(self.at + 1) {
                        byte @ (b'"' | b'\\' | b'/') => byte,
                        b'b' => 8,
                        b't' => b'\t',
                        b'n' => b'\n',
                        b'f' => 12,
                        b'r' => b'\r',
                        b'u' => {
                            if !self.read_code() {
                                return self.fail("invalid unicode escape code");
                            }
                            continue;
                        }
                        _ => return self.fail("invalid escape code"),
                    };
                    self.stack.append(&[plain]);
                    self.at += 2;
                }
                byte => {
                    self.stack.append(&[byte]);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Token::String
    }

    /// The number after a `\u` at this place.
    fn code_at(&self, position: usize) -> Option<u32> {
        let mut code = 0;
        for offset in 2..6 {
            let digit = char::from(self.byte(position + offset)).to_digit(16)?;
            code = code << 4 | digit;
        }
        Some(code)
    }

    /// Appends what a `\u` here stands for; false if it is invalid.
    fn read_code(&mut self) -> bool {
        let Some(mut code) = self.code_at(self.at) else {
            return false;
        };
        let mut length = 6;
        if code & 0xf800 == 0xd800 {
            let next = self.at + length;
            let low = match code & 0x400 == 0
                && self.byte(next) == b'\\'
                && self.byte(next + 1) == b'u'
            {
                true => self.code_at(next),
                false => None,
            };
            let Some(low) = low.filter(|low| low & 0xfc00 == 0xdc00) else {
                return false;
            };
            code = ((code & 0x3ff) << 10 | low & 0x3ff) + 0x1_0000;
            length = 12;
        }
        let Some(character) = char::from_u32(code) else {
            return false;
        };
        self.stack
            .append(character.encode_utf8(&mut [0; 4]).as_bytes());
        self.at += length;
        true
    }

    /// Pushes the string that was read last.
    pub(super) fn push_string(&self) {
        match &self.string {
            Some(range) => self.stack.push_bytes(&self.bytes[range.clone()]),
            None => self.stack.push_buffer(),
        }
    }

    /// Raises that something else was expected.
    pub(super) fn refuse(&self, expected: &[u8], found: Token) -> ! {
        let found = match found {
            Token::ObjectBegin => "T_OBJ_BEGIN",
            Token::ObjectEnd => "T_OBJ_END",
            Token::ArrayBegin => "T_ARR_BEGIN",
            Token::ArrayEnd => "T_ARR_END",
            Token::String => "T_STRING",
            Token::Number(_) => "T_NUMBER",
            Token::True | Token::False => "T_BOOLEAN",
            Token::Null => "T_NULL",
            Token::Colon => "T_COLON",
            Token::Comma => "T_COMMA",
            Token::End => "T_END",
            Token::Error(what) => what,
        };
        self.stack.fail(&[
            b"Expected ",
            expected,
            b" but found ",
            found.as_bytes(),
            b" at character ",
            integer(&mut itoa::Buffer::new(), self.token_at as i64 + 1),
        ])
    }
}
