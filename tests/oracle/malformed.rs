//! Random bytes that are nearly requests, each on a connection of its own.
//!
//! A few good requests, one of them damaged, a PING behind; then the sending side is closed and
//! everything up to the server's close is compared. So this covers error texts, what is executed
//! before an error, and that the connection ends.
//!
//! No request here sets a deadline: a damaged number could make it fall due. No byte is zero: Redis
//! takes a line to end there and waits for ever.
//! Not here: well-formed requests with wrong arguments (`grammar.rs`).

use fastrand::Rng;

use crate::support::client::{Address, Client, encode};

const REQUESTS: &[&str] = &[
    "PING",
    "GET k",
    "SET k v",
    "INCR n",
    "ECHO world",
    "MGET k n",
    "DEL k",
];

/// Complete inputs that random damage would hardly meet.
pub(crate) const KNOWN: &[&[u8]] = &[
    b"*0\r\n",
    b"*-1\r\n",
    b"*-10\r\n",
    b"*\r\n",
    b"*abc\r\n",
    b"*1 \r\n$4\r\nPING\r\n",
    b"*+1\r\n$4\r\nPING\r\n",
    b"*01\r\n$4\r\nPING\r\n",
    b"*2147483648\r\n",
    b"*99999999999999999999\r\n",
    b"*1\r\n$-1\r\n",
    b"*1\r\n$-5\r\n",
    b"*1\r\n$0\r\n\r\n",
    b"*1\r\n$\r\n",
    b"*1\r\n$abc\r\n",
    b"*1\r\n$536870913\r\n",
    b"*1\r\n$99999999999999999999\r\n",
    b"*1\r\n:4\r\nPING\r\n",
    b"*1\r\n+PING\r\n",
    b"*1\r\n\r\n",
    b"*1\r\n*1\r\n$4\r\nPING\r\n",
    b"*1\n$4\nPING\n",
    b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n",
    b"*1\r\n$4\r\nPI",
    b"*1\r\n$4",
    b"*1",
    b"*",
    b"$4\r\nPING\r\n",
    b"+PING\r\n",
    b":1\r\n",
    b"-ERR\r\n",
    b"*1\r\n$4\r\nPING\r\n\r\n\r\n*1\r\n$4\r\nPING\r\n",
];

/// Complete inline inputs.
pub(crate) const KNOWN_INLINE: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"   \r\n",
    b"PING\n",
    b"PING\r\n",
    b"  PING   hello  \r\n",
    b"\tPING\thello\r\n",
    b"SET k \"a b\"\r\nGET k\r\n",
    b"SET k 'a b'\nGET k\n",
    b"SET k \"\\x41\\n\\r\\t\\\\\\\"\"\r\nGET k\r\n",
    b"SET k 'it\\'s'\r\nGET k\r\n",
    b"SET k \"open\r\nPING\r\n",
    b"SET k 'open\r\nPING\r\n",
    b"SET k \"a\"b\r\nPING\r\n",
    b"SET k a\"b\"\r\nGET k\r\n",
    b"SET k \"\"\r\nGET k\r\n",
    b"SET k \"\\xzz\"\r\nGET k\r\n",
    b"GET\r\n",
    b"NOSUCH a b\r\n",
    b"PING",
    b"QUIT\r\nPING\r\n",
    b"quit\n",
    b"QUIT now\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
];

/// One damaged input.
pub(crate) fn input(random: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..random.usize(1..4) {
        let words: Vec<&str> = REQUESTS[random.usize(0..REQUESTS.len())]
            .split(' ')
            .collect();
        encode(&words, &mut bytes);
    }
    for _ in 0..random.usize(1..3) {
        damage(&mut bytes, random);
    }
    encode(&["PING"], &mut bytes);
    bytes
}

fn damage(bytes: &mut Vec<u8>, random: &mut Rng) {
    const SIGNS: &[u8] = b"*$+-:\r\n 0123456789aG\"'\xff";
    let sign = SIGNS[random.usize(0..SIGNS.len())];
    let place = random.usize(0..bytes.len());
    match random.u32(0..5) {
        0 => bytes[place] = sign,
        1 => bytes.insert(place, sign),
        2 => {
            bytes.remove(place);
        }
        3 => bytes.truncate(place.max(1)),
        _ => {
            let end = (place + random.usize(1..6)).min(bytes.len());
            let copy = bytes[place..end].to_vec();
            bytes.splice(place..place, copy);
        }
    }
}

/// Sends an input over a new connection in pieces of these lengths, the rest as the last one; then
/// ends the sending side and returns all that comes back.
pub(crate) fn answer(address: &Address, input: &[u8], lengths: &[usize]) -> Vec<u8> {
    let mut client = Client::connect(address);
    let mut rest = input;
    for &length in lengths {
        let (piece, later) = rest.split_at(length.min(rest.len()));
        // The server may close before everything is sent; its replies still count.
        let _ = client.send_raw(piece);
        rest = later;
    }
    let _ = client.send_raw(rest).and_then(|()| client.shutdown_write());
    client
        .read_to_end()
        .unwrap_or_else(|error| format!("(no end: {error})").into_bytes())
}
