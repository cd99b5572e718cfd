//! DEBUG ERROR and DEBUG PROTOCOL: replies of any kind, for the tests of client libraries.
//!
//! Not here: how replies are written (`protocol/reply.rs`).

use crate::command::declare::spec::Outcome;
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::Dialect;

/// Replies an error with the text of the request. It is not counted: nothing went wrong.
pub(super) fn error(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let text = args.get(2).to_vec();
    context.reply.error(&ReplyError::from_bytes(text));
    Ok(())
}

/// The types that [`protocol`] knows.
pub(super) const PROTOCOL_SYNTAX: &str = "<STRING | INTEGER | DOUBLE | BIGNUM | NULL | ARRAY | SET | MAP | ATTRIB | PUSH | VERBATIM | TRUE | FALSE>";

#[allow(clippy::approx_constant)] // It is Redis's number, not a circle's.
const DOUBLE: f64 = 3.141;

const BAD_TYPE: ReplyError = ReplyError::fixed(
    "ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
);
const NOT_IN_RESP2: ReplyError = ReplyError::fixed("ERR RESP2 is not supported by this command");

/// Replies a value of the type that the request names; the values are those of Redis.
pub(super) fn protocol(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let reply = &mut context.reply;
    let is_resp3 = reply.dialect() == Dialect::Resp3;
    match args.get(2).to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12345),
        b"double" => reply.double(DOUBLE),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.integer(number);
                reply.boolean(number == 1);
            }
        }
        b"attrib" => {
            if is_resp3 {
                reply.attribute(1);
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.integer(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if !is_resp3 => return Err(NOT_IN_RESP2),
        b"push" => {
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.integer(42);
            reply.bulk(b"Some real reply following the push reply");
        }
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        _ => return Err(BAD_TYPE),
    }
    Ok(())
}
