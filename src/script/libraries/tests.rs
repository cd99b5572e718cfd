//! The libraries against what redis-server 7.0.15 answered to the same scripts, and against input
//! that is meant to do harm.

use crate::protocol::args::OwnedArgs;
use crate::protocol::reply::Dialect;
use crate::script::{Call, Chunk, Host, Machine, Run, SOURCE_BYTES_MAX, Step};

pub(super) mod own;

/// The memory of the machines here.
const LIMIT_BYTES: usize = 8 << 20;

fn machine() -> Machine {
    Machine::new(LIMIT_BYTES, "7.4.0", false).expect("there is memory")
}

/// Nothing is called here.
struct NoHost;

impl Host for NoHost {
    fn call(&mut self, _: Call<'_>) -> &[u8] {
        unreachable!("no script here calls a command")
    }
}

/// What a script returns, or its error up to the name of the script.
fn run(machine: &mut Machine, body: &str) -> String {
    run_with(machine, body, &[])
}

/// The same, of a script with arguments that are no keys.
fn run_with(machine: &mut Machine, body: &str, arguments: &[&str]) -> String {
    let function = machine.compile(body.as_bytes(), Chunk::Script);
    let function = function.expect("it is a script");
    let owned = OwnedArgs::from_slices(&[&["eval"], arguments].concat());
    machine.prepare(&Run {
        function,
        first_key: 1,
        key_count: 0,
        dialect: Dialect::Resp2,
        reply_bytes_max: usize::MAX,
        is_function: false,
        name: b"name",
    });
    let mut step = machine.start(owned.args(), &mut NoHost);
    let mut slices = 0;
    while step == Step::Slice {
        slices += 1;
        assert!(slices < 10_000, "{body} doesn't end");
        step = machine.go_on(&mut NoHost);
    }
    assert_eq!(step, Step::Done, "{body}");
    let reply = machine.reply().expect("replies are short here");
    let text: String = reply.iter().map(|&byte| char::from(byte)).collect();
    let text = text.trim_end();
    match text.split_once("\r\n") {
        Some((_, bulk)) => bulk.to_owned(),
        None => {
            let text = text.split(" script: ").next().unwrap_or_default();
            text.strip_prefix("-ERR ").unwrap_or(text).to_owned()
        }
    }
}

fn compare(rows: &[(&str, &str)]) {
    let mut machine = machine();
    for (body, expected) in rows {
        assert_eq!(run(&mut machine, body), *expected, "{body}");
    }
}

#[test]
fn json_is_written_as_redis_does() {
    compare(&[
        (
            "return cjson.encode({1,2,[5]=3,x='/\\127\\1'})",
            r#"{"1":1,"2":2,"5":3,"x":"\/\u007f\u0001"}"#,
        ),
        (
            "return cjson.encode({1.5,1e100,123456789012345678,0.1,-0.0,true,cjson.null,{},{{}}})",
            "[1.5,1e+100,1.2345678901235e+17,0.1,-0,true,null,{},[{}]]",
        ),
        ("return cjson.encode({1,2,[4]=4})", "[1,2,null,4]"),
        (
            "return cjson.encode({[1]=1,[100]=2})",
            "user_script:1: Cannot serialise table: excessively sparse array",
        ),
        (
            "return cjson.encode({1/0})",
            "user_script:1: Cannot serialise number: must not be NaN or Inf",
        ),
        (
            "return cjson.encode({function() end})",
            "user_script:1: Cannot serialise function: type not supported",
        ),
        (
            "return cjson.encode({[true]=1})",
            "user_script:1: Cannot serialise boolean: table key must be a number or string",
        ),
        (
            "return cjson.encode()",
            "user_script:1: bad argument #1 to 'encode' (expected 1 argument)",
        ),
        (
            "local t={} for i=1,1001 do t={t} end return cjson.encode(t)",
            "user_script:1: Cannot serialise, excessive nesting (1001)",
        ),
        (
            "local c = cjson.new() c.encode_number_precision(3) return c.encode(1/3) .. cjson.encode(1/3)",
            "0.3330.33333333333333",
        ),
        (
            "return cjson.encode_max_depth(0)",
            "user_script:1: bad argument #1 to 'encode_max_depth' (expected integer between 1 and 2147483647)",
        ),
        (
            "return cjson.encode_invalid_numbers('x')",
            "user_script:1: bad argument #1 to 'encode_invalid_numbers' (invalid option 'x')",
        ),
    ]);
}

#[test]
fn json_is_read_as_redis_does() {
    compare(&[
        (
            "return cjson.encode(cjson.decode(' { \"a\" : [ 1 , -2.5e3 , null , \"\\\\u00e9\\\\ud83d\\\\ude00\\\\n\" ] } '))",
            "{\"a\":[1,-2500,null,\"\u{c3}\u{a9}\u{f0}\u{9f}\u{98}\u{80}\\n\"]}",
        ),
        (
            "return tostring(cjson.decode('[0x10,-0x1.8p1,01,1.]')[2])",
            "-3",
        ),
        (
            "return cjson.decode('[1,2')",
            "user_script:1: Expected comma or array end but found T_END at character 5",
        ),
        (
            "return cjson.decode('{1:2}')",
            "user_script:1: Expected object key string but found T_NUMBER at character 2",
        ),
        (
            "return cjson.decode('\"\\\\ud800\"')",
            "user_script:1: Expected value but found invalid unicode escape code at character 2",
        ),
        (
            "return cjson.decode('\"\\\\x\"')",
            "user_script:1: Expected value but found invalid escape code at character 2",
        ),
        (
            "return cjson.decode('\"a\\0b\"')",
            "user_script:1: Expected value but found unexpected end of string at character 3",
        ),
        (
            "return cjson.decode('a\\0')",
            "user_script:1: JSON parser does not support UTF-16 or UTF-32",
        ),
        (
            "return cjson.decode(string.rep('[',1001))",
            "user_script:1: Found too many nested data structures (1001) at character 1001",
        ),
        (
            "return cjson.decode('[-]')",
            "user_script:1: Expected value but found invalid number at character 2",
        ),
    ]);
}

const HEX: &str =
    "local function h(s) return (s:gsub('.',function(c) return bit.tohex(c:byte(),2) end)) end ";

#[test]
fn message_pack_is_that_of_redis() {
    let packed = [
        (
            "1,-33,1.5,0.1,2^53,2^63,-2^63,1/0",
            "01d0dfca3fc00000cb3fb999999999999acf0020000000000000ca5f000000d38000000000000000ca7f800000",
        ),
        (
            "{1,2},{},{a=1},{['1']=2},{[1.5]=2}",
            "92010290 81a16101 81a13102 81ca3fc0000002",
        ),
        ("'a',nil,true,cjson.null", "a161c0c3c0"),
    ];
    let mut machine = machine();
    for (values, expected) in packed {
        let body = format!("{HEX}return h(cmsgpack.pack({values}))");
        assert_eq!(
            run(&mut machine, &body),
            expected.replace(' ', ""),
            "{values}"
        );
    }
    compare(&[
        (
            "return cjson.encode({cmsgpack.unpack('\\0\\1\\162ab\\146\\1\\192\\129\\1\\2')})",
            "[0,1,\"ab\",[1],[2]]",
        ),
        (
            "return cjson.encode({cmsgpack.unpack_one('\\0\\1\\2', 1)})",
            "[2,1]",
        ),
        (
            "return cjson.encode({cmsgpack.unpack_limit('\\0\\1\\2',2,1)})",
            "[-1,1,2]",
        ),
        (
            "return cmsgpack.unpack('\\193')",
            "user_script:1: Bad data format in input.",
        ),
        (
            "return cmsgpack.unpack_one('\\0\\1\\2',4)",
            "user_script:1: Start offset 4 greater than input length 3.",
        ),
        (
            "return cmsgpack.unpack('\\129\\192\\1')",
            "table index is nil",
        ),
        (
            "return cmsgpack.pack()",
            "user_script:1: bad argument #0 to 'pack' (MessagePack pack needs input.)",
        ),
    ]);
}

#[test]
fn announced_lengths_and_nesting_of_message_pack_take_nothing() {
    compare(&[
        (
            "return cmsgpack.unpack('\\221\\255\\255\\255\\255')",
            "user_script:1: Missing bytes in input.",
        ),
        (
            "return cmsgpack.unpack('\\223\\255\\255\\255\\255')",
            "user_script:1: Missing bytes in input.",
        ),
        (
            "return cmsgpack.unpack('\\219\\255\\255\\255\\255a')",
            "user_script:1: Missing bytes in input.",
        ),
        (
            "return cmsgpack.unpack(string.rep('\\145',100000))",
            "user_script:1: stack overflow (in function mp_decode_to_lua_array)",
        ),
        ("local t = {} t[1] = t return #cmsgpack.pack(t) .. ''", "17"),
    ]);
}

#[test]
fn structs_are_those_of_redis() {
    let packed = [
        ("'i16',-1", "ffffffffffffffff0000000000000000"),
        ("'!8bd',1,2", "01000000000000000000000000000040"),
        ("'>i8',258", "0000000000000102"),
        ("'L',-1e30", "0000000000000080"),
        ("'s','a\\0bc'", "6100626300"),
        (
            "'i64',1",
            "user_script:1: integral size 64 is larger than limit of 32",
        ),
        (
            "'c99999999999999999999','x'",
            "user_script:1: integral size overflow",
        ),
        ("'!3'", "user_script:1: alignment 3 is not a power of 2"),
        (
            "'\\200',1",
            "user_script:1: bad argument #1 to 'pack' (invalid format option '\u{c8}')",
        ),
        (
            "'i'",
            "user_script:1: bad argument #2 to 'pack' (number expected, got nil)",
        ),
    ];
    let mut machine = machine();
    for (values, expected) in packed {
        let body = format!("{HEX}return h(struct.pack({values}))");
        assert_eq!(run(&mut machine, &body), expected, "{values}");
    }
    compare(&[
        (
            "return cjson.encode({struct.unpack('bc0','\\2abcd')})",
            "[\"ab\",4]",
        ),
        (
            "return struct.unpack('i','abcd',-5)",
            "user_script:1: bad argument #2 to 'unpack' (data string too short)",
        ),
        (
            "return struct.unpack('bc0','\\255abc')",
            "user_script:1: bad argument #2 to 'unpack' (data string too short)",
        ),
        (
            "return struct.size('c0')",
            "user_script:1: bad argument #1 to 'size' (option 'c0' has no fixed size)",
        ),
    ]);
}

#[test]
fn bits_are_those_of_redis() {
    compare(&[
        (
            "return cjson.encode({bit.tobit(2^31),bit.tobit(2.5),bit.tobit(1e300),bit.bnot(1),bit.lshift(1,33),bit.arshift(-256,4),bit.rol(0x12345678,4),bit.bswap(0x12345678)})",
            "[-2147483648,2,-2013235812,-2,2,-16,591751041,2018915346]",
        ),
        (
            "return bit.tohex(255,-3)..bit.tohex(1,-2^31)..bit.tohex(255,0)",
            "0FF00000001",
        ),
        (
            "return bit.bxor(7,2,'x')",
            "user_script:1: bad argument #3 to 'bxor' (number expected, got string)",
        ),
    ]);
}

#[test]
fn what_a_library_writes_counts_against_the_memory_of_the_machine() {
    compare(&[
        (
            "return cjson.encode({string.rep('/', 5000000)})",
            "not enough memory",
        ),
        (
            "cjson.encode_sparse_array(false, 0) return cjson.encode({[2147483647]=1})",
            "not enough memory",
        ),
        ("return string.rep('x', 2147483647)", "not enough memory"),
        ("return cjson.encode({1})", "[1]"),
    ]);
}

#[test]
fn compiled_code_is_not_loaded() {
    compare(&[
        (
            "local f, e = loadstring(string.char(27) .. 'Lua') return tostring(f) .. e",
            "nil[string \"\u{1b}Lua\"]:1: unexpected symbol near 'char(27)'",
        ),
        (
            "local n = 0 return load(function() n = n + 1 if n < 40 then return n == 1 and 'return ' or '1 + ' elseif n == 40 then return '0' end end)() .. ''",
            "38",
        ),
        (
            "local f, e = load(function() return {} end) return e",
            "reader function must return a string",
        ),
        (
            "local f, e = load(function() error('x', 0) end) return e",
            "x",
        ),
        ("return loadstring('return 1 + 1')() .. ''", "2"),
        (
            "local f, e = loadstring(string.rep(' ', 1048577)) return tostring(f) .. ' ' .. e",
            "nil the text is too long to be compiled",
        ),
        (
            "return type(loadstring(string.rep(' ', 1048576)))",
            "function",
        ),
    ]);
}

#[test]
fn unpack_counts_without_overflow_and_nothing_is_repeated_at_once() {
    compare(&[
        (
            "return unpack({}, 0, 2147483647)",
            "user_script:1: too many results to unpack",
        ),
        (
            "return unpack({}, -2147483648, 2147483647)",
            "user_script:1: too many results to unpack",
        ),
        ("return select('#', unpack({1,2,3}, 2)) .. ''", "2"),
        (
            "return string.rep('', 2147483647) .. string.rep('ab', 2) .. string.rep('a', -1)",
            "abab",
        ),
    ]);
}

/// An error that a library raised on a full stack wrote past its end: the process ended. The
/// library makes room first.
#[test]
fn errors_are_raised_on_a_full_stack() {
    let mut machine = machine();
    let rows = [
        (
            "cmsgpack.unpack, string.rep('\\145', n) .. '\\193'",
            "Bad data format in input.",
        ),
        (
            "cmsgpack.unpack, string.rep('\\129\\1', n) .. '\\193'",
            "Bad data format in input.",
        ),
        (
            "cmsgpack.unpack, string.rep('\\1', n) .. '\\193'",
            "Bad data format in input.",
        ),
        (
            "cmsgpack.unpack, string.rep('\\145', n) .. '\\162a'",
            "Missing bytes in input.",
        ),
        (
            "cjson.decode, string.rep('[', n) .. '}'",
            "Expected value but found T_OBJ_END at character N",
        ),
        (
            "cjson.decode, string.rep('{\"a\":', n) .. '\"\\\\x\"'",
            "Expected value but found invalid escape code at character N",
        ),
        (
            "cjson.encode, nested(n)",
            "Cannot serialise function: type not supported",
        ),
        (
            "struct.unpack, string.rep('b', n) .. 'i', string.rep('x', n)",
            "bad argument #2 to '?' (data string too short)",
        ),
        (
            "struct.pack, string.rep('b', n) .. 'i', unpack(ones(n))",
            "bad argument #N to '?' (number expected, got nil)",
        ),
        (
            "bit.band, 1, unpack(ones(n, 'x'))",
            "bad argument #N to '?' (number expected, got string)",
        ),
    ];
    for (call, expected) in rows {
        let body = format!(
            "local function nested(n) local t = error for i = 1, n do t = {{t}} end return t end \
             local function ones(n, last) local t = {{}} for i = 1, n do t[i] = 1 end \
             t[n + 1] = last return t end \
             local errors = {{}} \
             for n = 1, 100 do local done, text = pcall({call}) \
             text = text:gsub('character %d+', 'character N'):gsub('#%d+ to', \
             function(s) return n > 3 and s ~= '#2 to' and '#N to' or s end) \
             if n > 3 then errors[tostring(done) .. text] = true end end \
             local list = {{}} for text in pairs(errors) do list[#list + 1] = text end \
             return table.concat(list, '|')"
        );
        assert_eq!(
            run(&mut machine, &body),
            format!("false{expected}"),
            "{call}"
        );
    }
    let seed_7_number_1554 = r"return cmsgpack.unpack('\222\000\002\161\097\222\000\002\008\222\000\002\006\034\034\150\127\000\221\000\000\000\000\161\010\222\000\001\001\222\000\002\161\000\161\220\222\000\000\148\191\063\037\003\207\083\034\090\051\057\087\034\227\001\207\034\127\092\036\094\118\064\075\161\092\169\127\020\034\101\016\116\047\072\199')";
    assert_eq!(
        run(&mut machine, seed_7_number_1554),
        "user_script:1: Bad data format in input."
    );
}

/// A pattern with many repeats went as deep into the stack, past its end: the process ended. Such a
/// match is refused.
#[test]
fn patterns_with_many_repeats_under_way_are_refused() {
    compare(&[
        (
            "return string.find(string.rep('a', 300000), string.rep('a?', 300000))",
            "user_script:1: pattern too complex",
        ),
        (
            "return string.rep('a', 300000):match(string.rep('a-', 1001))",
            "user_script:1: pattern too complex",
        ),
        (
            "return string.gsub('a', string.rep('a*', 1001), '')",
            "user_script:1: pattern too complex",
        ),
        (
            "return string.gmatch(string.rep('a', 2000), string.rep('a-', 1001))()",
            "user_script:1: pattern too complex",
        ),
        (
            "return #string.rep('a', 300000):match(string.rep('a?', 1000)) .. ''",
            "1000",
        ),
        (
            "return string.find('b', string.rep('a+', 300000)) or 'none'",
            "none",
        ),
        (
            "return string.find('a', '[')",
            "user_script:1: malformed pattern (missing ']')",
        ),
        (
            "return string.gsub('a')",
            "user_script:1: bad argument #2 to 'gsub' (string expected, got no value)",
        ),
    ]);
}

/// Goal: nobody stands still for a text that takes seconds to compile.
#[test]
fn a_script_that_is_too_long_is_refused() {
    let mut machine = machine();
    let spaces = vec![b' '; SOURCE_BYTES_MAX + 1];
    assert!(machine.compile(&spaces[1..], Chunk::Script).is_ok());
    let failure = machine.compile(&spaces, Chunk::Script).unwrap_err();
    assert_eq!(failure.0, b"it is longer than 1048576 bytes");
}

/// Defect that would be: a script sees or changes what another has left in KEYS, ARGV, or in a
/// global. The tables are used again, and code that sets no global finds globals at once.
#[test]
fn arguments_and_globals_are_new_for_every_script() {
    let mut machine = machine();
    let tell = "local n = 0 for k, v in pairs(ARGV) do n = n + 1 end \
                return #KEYS .. ' ' .. #ARGV .. ' ' .. n .. ' ' .. tostring(ARGV[1]) .. ' ' .. \
                tostring(ARGV[2]) .. ' ' .. type(getmetatable(ARGV)) .. ' ' .. tostring(KEYS == ARGV)";
    let told = [("a", "b"), ("c", "d"), ("e", "f")];
    for (first, second) in told {
        for change in [
            "ARGV[1] = nil ARGV[2] = 'x'",
            "ARGV[3] = 1 ARGV[4] = 2 ARGV[5] = 3",
            "ARGV.x = 1 ARGV.x = nil",
            "setmetatable(ARGV, {__index = function() return 'x' end})",
            "table.remove(ARGV) table.insert(KEYS, 'x')",
            "for i = 1, 100 do ARGV[i] = i end for i = 1, 100 do ARGV[i] = nil end",
            "rawset(KEYS, 1, ARGV) ARGV = nil",
            "pcall(function() KEYS = ARGV redis = nil string.x = 1 _G.y = 2 end)",
            "pcall(rawset, _G, 'redis', 1) pcall(setmetatable, _G, {})",
            "pcall(loadstring('redis = nil'))",
        ] {
            run_with(&mut machine, change, &[first, second]);
            let text = run_with(&mut machine, tell, &[first, second]);
            assert_eq!(
                text,
                format!("0 2 2 {first} {second} nil false"),
                "{change}"
            );
            let text = run_with(&mut machine, "return type(redis.call) .. #ARGV", &[first]);
            assert_eq!(text, "function1", "{change}");
        }
    }
    for sets in [
        "x = 1",
        "local f = function() return function() x = 1 end end f()()",
    ] {
        let text = run(&mut machine, sets);
        assert_eq!(
            text, "user_script:1: Attempt to modify a readonly table",
            "{sets}"
        );
    }
    let text = run(&mut machine, "return redis.nosuch == nil and nosuch");
    let missing = "Script attempted to access nonexistent global variable 'nosuch'";
    assert_eq!(text, format!("user_script:1: {missing}"));
}
