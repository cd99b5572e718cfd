//! COMMAND: the shapes and contents Redis gives them.

use super::*;
use crate::command::declare::access::Access;
use crate::command::declare::keys::Part;
use crate::protocol::args::OwnedArgs;

/// What a Redis 7.0.15 server answered to COMMAND INFO: categories, and the commands in them.
const CATEGORIES_OF_REDIS: &[(&str, &str)] = &[
    ("read string fast", "get strlen mget"),
    ("read string slow", "getrange substr lcs"),
    (
        "write string fast",
        "getex getdel setnx getset append incr decr incrby decrby incrbyfloat",
    ),
    ("write string slow", "set setex psetex setrange mset msetnx"),
    ("write set fast", "sadd srem smove spop"),
    ("write set slow", "sinterstore sunionstore sdiffstore"),
    ("read set fast", "sismember smismember scard"),
    (
        "read set slow",
        "smembers srandmember sinter sintercard sunion sdiff sscan",
    ),
    ("write bitmap slow", "setbit bitop bitfield"),
    ("read bitmap fast", "getbit bitfield_ro"),
    ("read bitmap slow", "bitcount bitpos"),
    ("keyspace write slow", "del rename copy"),
    (
        "keyspace write fast",
        "unlink renamenx move expire pexpire expireat pexpireat persist",
    ),
    (
        "keyspace read fast",
        "exists touch type ttl pttl expiretime pexpiretime dbsize",
    ),
    (
        "keyspace read slow",
        "randomkey scan object|encoding object|freq object|idletime object|refcount",
    ),
    ("keyspace read slow dangerous", "keys"),
    ("write set sortedset list slow dangerous", "sort"),
    ("read set sortedset list slow dangerous", "sort_ro"),
    ("write hyperloglog fast", "pfadd"),
    ("read hyperloglog slow", "pfcount"),
    ("write hyperloglog slow", "pfmerge"),
    ("write hyperloglog admin slow dangerous", "pfdebug"),
    ("hyperloglog admin slow dangerous", "pfselftest"),
    (
        "write geo slow",
        "geoadd geosearchstore georadius georadiusbymember",
    ),
    (
        "read geo slow",
        "geodist geohash geopos geosearch georadius_ro georadiusbymember_ro",
    ),
    ("read hash fast", "hget hmget hlen hexists hstrlen"),
    ("read hash slow", "hgetall hkeys hvals hrandfield hscan"),
    (
        "write hash fast",
        "hset hdel hsetnx hmset hincrby hincrbyfloat",
    ),
    ("slow", "object client config config|help cluster"),
    ("keyspace slow", "object|help"),
    ("fast transaction", "multi discard watch unwatch"),
    ("slow transaction", "exec"),
    (
        "fast connection",
        "ping echo select quit reset readonly readwrite hello auth",
    ),
    (
        "slow connection",
        "client|getname client|help client|id client|info client|reply client|setname \
             command command|count command|docs command|getkeys command|getkeysandflags \
             command|help command|info command|list",
    ),
    (
        "admin slow dangerous connection",
        "client|kill client|list client|no-evict client|pause client|unpause",
    ),
    (
        "write list slow blocking",
        "blpop brpop blmove brpoplpush blmpop",
    ),
    ("write sortedset fast blocking", "bzpopmin bzpopmax"),
    ("write sortedset slow blocking", "bzmpop"),
    ("keyspace write slow dangerous", "flushdb flushall"),
    ("keyspace write fast dangerous", "swapdb"),
    ("slow dangerous", "info"),
    ("admin fast dangerous", "lastsave role"),
    ("fast", "time"),
    ("read fast", "lolwut"),
    (
        "admin slow dangerous",
        "config|get config|resetstat config|rewrite config|set shutdown debug",
    ),
];

const DIALECTS: [Dialect; 3] = [Dialect::Resp2, Dialect::Resp3, Dialect::Plain];

fn written(dialect: Dialect, write: impl FnOnce(&mut ReplyWriter<'_>)) -> String {
    let mut bytes = Vec::new();
    write(&mut ReplyWriter::new(&mut bytes, dialect));
    String::from_utf8(bytes).unwrap().replace("\r\n", "|")
}

/// The reply of `answer` to the words of `line`, line ends as bars.
fn replied(
    dialect: Dialect,
    line: &str,
    answer: impl FnOnce(&mut ReplyWriter<'_>, Args<'_>) -> Outcome,
) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let args = OwnedArgs::from_slices(&words);
    written(dialect, |reply| {
        if let Err(error) = answer(reply, args.args()) {
            reply.error(&error);
        }
    })
}

fn info_of(dialect: Dialect, names: &str) -> String {
    replied(dialect, names, |reply, args| {
        reply_info(reply, args);
        Ok(())
    })
}

fn docs_of(dialect: Dialect, names: &str) -> String {
    replied(dialect, names, |reply, args| {
        reply_docs(reply, args);
        Ok(())
    })
}

#[test]
fn categories_are_those_of_redis() {
    for (categories, names) in CATEGORIES_OF_REDIS {
        for name in names.split_whitespace() {
            let number = find_full_name(name.as_bytes()).expect(name);
            let found: Vec<_> = categories::of(table().spec(number)).names().collect();
            assert_eq!(found.join(" "), *categories, "{name}");
        }
    }
}

/// Goal: the bytes a Redis 7.0.15 server sent. Method: recorded replies.
#[test]
fn info_has_the_shape_of_redis() {
    assert_eq!(
        info_of(Dialect::Resp2, "GET nosuch config|nosuch nosuch|get"),
        "*4|*10|$3|get|:2|*2|+readonly|+fast|:1|:1|:1|*3|+@read|+@string|+@fast|*0|*1|*6|$5|flags|\
         *2|+RO|+access|$12|begin_search|*4|$4|type|$5|index|$4|spec|*2|$5|index|:1|$9|find_keys|\
         *4|$4|type|$5|range|$4|spec|*6|$7|lastkey|:0|$7|keystep|:1|$5|limit|:0|*0|$-1|$-1|$-1|"
    );
    assert_eq!(
        info_of(Dialect::Resp3, "get config|get nosuch"),
        "*3|*10|$3|get|:2|~2|+readonly|+fast|:1|:1|:1|~3|+@read|+@string|+@fast|~0|~1|%3|$5|flags|\
         ~2|+RO|+access|$12|begin_search|%2|$4|type|$5|index|$4|spec|%1|$5|index|:1|$9|find_keys|\
         %2|$4|type|$5|range|$4|spec|%3|$7|lastkey|:0|$7|keystep|:1|$5|limit|:0|~0|\
         *10|$10|config|get|:-3|~4|+admin|+noscript|+loading|+stale|:0|:0|:0|\
         ~3|+@admin|+@slow|+@dangerous|~0|~0|~0|_|"
    );
    assert!(info_of(Dialect::Resp3, "mget").contains("|:1|:-1|:1|"));
    assert!(info_of(Dialect::Resp3, "mget").contains("|$7|lastkey|:-1|$7|keystep|:1|"));
    assert!(
        info_of(Dialect::Resp3, "config")
            .starts_with("*1|*10|$6|config|:-2|~0|:0|:0|:0|~1|+@slow|~0|~0|*")
    );
}

/// Goal: the bytes a Redis 7.0.15 server sent. Method: recorded replies.
#[test]
fn keys_that_other_things_are_done_to_have_a_specification_of_their_own() {
    let cases = [
        (
            "bitop",
            "~2|%3|$5|flags|~2|+OW|+update|$12|begin_search|%2|$4|type|$5|index|$4|spec|%1|$5|index|:2|\
             $9|find_keys|%2|$4|type|$5|range|$4|spec|%3|$7|lastkey|:0|$7|keystep|:1|$5|limit|:0|\
             %3|$5|flags|~2|+RO|+access|$12|begin_search|%2|$4|type|$5|index|$4|spec|%1|$5|index|:3|\
             $9|find_keys|%2|$4|type|$5|range|$4|spec|%3|$7|lastkey|:-1|$7|keystep|:1|$5|limit|:0|~0|",
        ),
        (
            "rename",
            "~2|%3|$5|flags|~3|+RW|+access|+delete|$12|begin_search|%2|$4|type|$5|index|$4|spec|%1|$5|index|:1|\
             $9|find_keys|%2|$4|type|$5|range|$4|spec|%3|$7|lastkey|:0|$7|keystep|:1|$5|limit|:0|\
             %3|$5|flags|~2|+OW|+update|$12|begin_search|%2|$4|type|$5|index|$4|spec|%1|$5|index|:2|\
             $9|find_keys|%2|$4|type|$5|range|$4|spec|%3|$7|lastkey|:0|$7|keystep|:1|$5|limit|:0|~0|",
        ),
    ];
    for (name, end) in cases {
        let reply = info_of(Dialect::Resp3, name);
        assert!(reply.ends_with(end), "{reply}");
    }
}

#[test]
fn keys_behind_a_count_have_a_specification() {
    assert_eq!(
        info_of(Dialect::Resp3, "msetex"),
        "*1|*10|$6|msetex|:-4|~3|+write|+denyoom|+movablekeys|:0|:0|:0|~3|+@write|+@string|+@slow|\
         ~0|~1|%3|$5|flags|~2|+OW|+update|$12|begin_search|%2|$4|type|$5|index|\
         $4|spec|%1|$5|index|:1|$9|find_keys|%2|$4|type|$6|keynum|$4|spec|%3|$9|keynumidx|:0|\
         $8|firstkey|:1|$7|keystep|:2|~0|"
    );
}

#[test]
fn docs_have_the_shape_of_redis() {
    let text = docs_of(Dialect::Resp3, "nosuch GET");
    assert!(text.starts_with("%1|$3|get|%5|$7|summary|$"), "{text}");
    assert!(
        text.ends_with(
            "|$5|since|$5|1.0.0|$5|group|$6|string|$10|complexity|$4|O(1)|$9|arguments|*1|%3|\
             $4|name|$3|key|$4|type|$3|key|$14|key_spec_index|:0|"
        ),
        "{text}"
    );
    let text = docs_of(Dialect::Resp2, "expire");
    assert!(
        text.ends_with(
            "$4|name|$9|condition|$4|type|$5|oneof|$5|flags|*1|+optional|$9|arguments|*4|\
             *6|$4|name|$2|nx|$4|type|$10|pure-token|$5|token|$2|NX|\
             *6|$4|name|$2|xx|$4|type|$10|pure-token|$5|token|$2|XX|\
             *6|$4|name|$2|gt|$4|type|$10|pure-token|$5|token|$2|GT|\
             *6|$4|name|$2|lt|$4|type|$10|pure-token|$5|token|$2|LT|"
        ),
        "{text}"
    );
    let text = docs_of(Dialect::Resp3, "object");
    assert!(
        text.contains("|$11|subcommands|%5|$15|object|encoding|%5|$7|summary|"),
        "{text}"
    );
    assert!(docs_of(Dialect::Resp3, "config|get").starts_with("%1|$10|config|get|%5|"));
    assert_eq!(docs_of(Dialect::Resp2, "nosuch"), "*0|");
}

/// Reads one reply off the front of `rest`; panics if it is not one.
fn take_reply(rest: &mut &str) {
    let (line, tail) = rest.split_once("\r\n").unwrap();
    *rest = tail;
    let (kind, text) = line.split_at(1);
    let number: i64 = if "*~%$:".contains(kind) {
        text.parse().unwrap()
    } else {
        0
    };
    let replies = match kind {
        "*" | "~" => number,
        "%" => 2 * number,
        "$" => {
            let len = number as usize;
            assert_eq!(&rest[len..len + 2], "\r\n");
            *rest = &rest[len + 2..];
            0
        }
        "+" | ":" => 0,
        _ => panic!("unexpected line {line}"),
    };
    for _ in 0..replies {
        take_reply(rest);
    }
}

#[test]
fn replies_about_all_commands_are_whole_and_the_same_each_time() {
    for dialect in DIALECTS {
        for write in [reply_all_info, reply_all_docs] {
            let mut bytes = Vec::new();
            write(&mut ReplyWriter::new(&mut bytes, dialect));
            let text = String::from_utf8(bytes.clone()).unwrap();
            if dialect != Dialect::Plain {
                let mut rest = text.as_str();
                take_reply(&mut rest);
                assert_eq!(rest, "");
            }
            write(&mut ReplyWriter::new(&mut bytes, dialect));
            assert_eq!(bytes, [text.as_bytes(), text.as_bytes()].concat());
        }
        let names: Vec<&str> = table()
            .commands()
            .map(|number| table().full_name(number))
            .collect();
        let names = names.join(" ");
        assert_eq!(info_of(dialect, ""), info_of(dialect, &names));
        assert_eq!(docs_of(dialect, ""), docs_of(dialect, &names));
    }
}

/// Goal: the answers a Redis 7.0.15 server gave, but for MSETEX, which it does not know.
#[test]
fn keys_of_a_request_are_found() {
    let cases = [
        ("get a", "*1|$1|a|"),
        ("GET a", "*1|$1|a|"),
        ("mset a b c d", "*2|$1|a|$1|c|"),
        ("mset a b c", "*2|$1|a|$1|c|"),
        ("object freq a", "*1|$1|a|"),
        ("bitop and a b c", "*3|$1|a|$1|b|$1|c|"),
        ("lcs a b LEN", "*2|$1|a|$1|b|"),
        ("msetex 2 a b c d NX", "*2|$1|a|$1|c|"),
        ("nosuch a", "-ERR Invalid command specified|"),
        ("config nosuch", "-ERR Invalid command specified|"),
        ("config|get a", "-ERR Invalid command specified|"),
        ("ping a b c d", "-ERR The command has no key arguments|"),
        ("config get a", "-ERR The command has no key arguments|"),
        ("config", "-ERR The command has no key arguments|"),
        (
            "get a b",
            "-ERR Invalid number of arguments specified for command|",
        ),
        (
            "msetex 3 a b c d",
            "-ERR Invalid arguments specified for command|",
        ),
        (
            "msetex 0 a b",
            "-ERR Invalid arguments specified for command|",
        ),
        (
            "msetex -1 a b",
            "-ERR Invalid arguments specified for command|",
        ),
        (
            "msetex x a b",
            "-ERR Invalid arguments specified for command|",
        ),
        (
            "msetex 9223372036854775807 a b",
            "-ERR Invalid arguments specified for command|",
        ),
    ];
    for (request, wanted) in cases {
        assert_eq!(
            replied(Dialect::Resp2, request, reply_keys),
            wanted,
            "{request}"
        );
    }
    assert_eq!(
        replied(Dialect::Resp3, "mget a b", reply_keys_and_flags),
        "*2|*2|$1|a|~2|+RO|+access|*2|$1|b|~2|+RO|+access|"
    );
    assert_eq!(
        replied(Dialect::Resp2, "incr a", reply_keys_and_flags),
        "*1|*2|$1|a|*3|+RW|+access|+update|"
    );
    assert_eq!(
        replied(Dialect::Resp2, "watch a", reply_keys_and_flags),
        "*1|*2|$1|a|*1|+RO|"
    );
    assert_eq!(
        replied(Dialect::Resp2, "bitop or d a b", reply_keys_and_flags),
        "*3|*2|$1|d|*2|+OW|+update|*2|$1|a|*2|+RO|+access|*2|$1|b|*2|+RO|+access|"
    );
}

#[test]
fn a_list_can_be_filtered() {
    let list = |options| replied(Dialect::Resp3, options, reply_list);
    assert_eq!(list("filterby pattern CONFIG|G*"), "*1|$10|config|get|");
    assert_eq!(
        list("FilterBy AclCat Transaction"),
        "*5|$5|multi|$4|exec|$7|discard|$5|watch|$7|unwatch|"
    );
    assert_eq!(list("filterby aclcat nosuch"), "*0|");
    assert_eq!(list("filterby module json"), "*0|");
    assert!(list("").starts_with(&format!("*{}|", table().len())));
    for wrong in [
        "x",
        "filterby",
        "filterby pattern",
        "filterby pattern a b",
        "filterby nosuch a",
        "by pattern a",
    ] {
        assert_eq!(list(wrong), "-ERR syntax error|", "{wrong}");
    }
}

/// Goal: Redis's words for every command with keys. Method: the key specifications of its
/// declarations, sorted by what they say; MSETEX is that of Redis 8.4, commands on deadlines of
/// fields are those of Redis 7.4 and 8.0.
const OF_REDIS: &[(&str, &str)] = &[
    (
        "RO access",
        "xrange xrevrange xread xreadgroup xpending xinfo|stream xinfo|groups xinfo|consumers \
         dump get getrange substr mget lcs getbit bitcount bitpos bitfield_ro ttl pttl \
         expiretime pexpiretime lindex lrange lpos hget hmget hgetall hkeys hvals \
         hrandfield hscan httl hpttl hexpiretime hpexpiretime smembers smismember \
         srandmember sinter sintercard sunion sdiff sscan zcount zlexcount zscore zmscore \
         zrank zrevrank zrange zrevrange zrangebyscore zrevrangebyscore zrangebylex \
         zrevrangebylex zrandmember zunion zinter zdiff zintercard zscan",
    ),
    (
        "RO",
        "xlen \
         strlen exists touch type cache|why object|encoding object|freq object|idletime \
         object|refcount watch memory|usage llen hlen hexists hstrlen sismember scard zcard",
    ),
    (
        "RW access update",
        "getex getset incr decr incrby decrby incrbyfloat setbit move hincrby hincrbyfloat \
         hgetex zincrby",
    ),
    ("RW access update variable_flags", "set bitfield"),
    (
        "RW access delete",
        "getdel lpop rpop lmpop hgetdel spop zpopmin zpopmax zmpop blpop brpop \
         blmpop bzpopmin bzpopmax bzmpop",
    ),
    (
        "RW access delete, RW insert",
        "lmove rpoplpush blmove brpoplpush smove",
    ),
    (
        "RW insert",
        "xgroup|create xgroup|createconsumer \
         append lpush rpush lpushx rpushx linsert hsetnx sadd",
    ),
    (
        "RW delete",
        "xdel xtrim xautoclaim xgroup|destroy xgroup|delconsumer \
         ltrim lrem hdel srem zrem zremrangebyrank zremrangebyscore zremrangebylex",
    ),
    (
        "RW update",
        "xadd xsetid xack xclaim xgroup|setid \
         setrange expire pexpire expireat pexpireat persist lset hset hmset hexpire \
         hpexpire hexpireat hpexpireat hpersist hsetex zadd",
    ),
    ("RW access update", "eval evalsha fcall"),
    ("RO access", "eval_ro evalsha_ro fcall_ro"),
    ("OW insert", "setnx msetnx"),
    (
        "OW update",
        "restore restore-asking setex psetex mset msetex",
    ),
    ("RM delete", "del unlink"),
    (
        "OW update, RO access",
        "bitop sunionstore sdiffstore zrangestore zunionstore zinterstore zdiffstore",
    ),
    ("RW update, RO access", "sinterstore"),
    ("RW update", "geoadd"),
    ("RW insert", "pfadd"),
    ("RW access", "pfcount pfdebug"),
    ("RW access insert, RO access", "pfmerge"),
    ("RW access delete", "delex delifeq"),
    (
        "RO access",
        "digest geodist geohash geopos geosearch georadius_ro georadiusbymember_ro sort_ro",
    ),
    ("OW update, RO access", "geosearchstore"),
    ("RO access, OW update", "sort"),
    (
        "RO access, OW update, OW update",
        "georadius georadiusbymember",
    ),
    ("RW access delete, OW update", "rename"),
    ("RW access delete, OW insert", "renamenx"),
    ("RO access, OW update", "copy"),
];

/// What is done to the keys of a command, part by part.
fn text(spec: &CommandSpec, access_to: impl Fn(&Part) -> Access) -> String {
    let words = spec
        .keys
        .parts()
        .iter()
        .map(|part| access_to(part).words().join(" "));
    words.collect::<Vec<_>>().join(", ")
}

#[test]
fn the_words_are_those_of_redis() {
    let mut count = 0;
    for (words, names) in OF_REDIS {
        for name in names.split_whitespace() {
            let number = find_full_name(name.as_bytes()).expect(name);
            let spec = table().spec(number);
            assert_eq!(text(spec, |part| spec.access_to(part)), *words, "{name}");
            count += 1;
        }
    }
    let with_keys = table()
        .all()
        .map(|number| table().spec(number))
        .filter(|spec| !spec.keys.is_none() && !spec.name.starts_with("toy."));
    assert_eq!(count, with_keys.count(), "commands with keys");
}

#[test]
fn a_request_may_do_less_than_its_command() {
    let cases = [
        ("set k v", "OW update"),
        ("set k v EX 10", "OW update"),
        ("set k v NX get", "RW access update"),
        ("set k get", "OW update"),
        ("set k v IFEQ x", "RW access update"),
        ("set k v EX 10 ifdne 0123456789abcdef", "RW access update"),
        ("bitfield k", "RO access"),
        ("bitfield k GET u8 0 overflow wrap get u4 8", "RO access"),
        ("bitfield k GET u8 0 SET u8 0 1", "RW access update"),
        ("bitfield k INCRBY u8 0 1", "RW access update"),
        ("bitfield k GET u8", "RW access update"),
        ("bitfield k overflow", "RW access update"),
        ("incr k", "RW access update"),
    ];
    for (line, words) in cases {
        let request = OwnedArgs::from_slices(&line.split(' ').collect::<Vec<_>>());
        let number = find_full_name(request.args().name()).expect(line);
        let spec = table().spec(number);
        let access_of = |part: &Part| spec.access_of(part, request.args());
        assert_eq!(text(spec, access_of), words, "{line}");
    }
}
