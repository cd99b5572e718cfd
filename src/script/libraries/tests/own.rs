//! Functions written anew beside Lua's own, which only tests can reach: the same results and errors
//! for the same arguments.

use super::{machine, run};
use crate::script::stack::Stack;
use fastrand::Rng;

/// Sets a table `own` with Lua's own functions as a field of the table on top.
pub(in crate::script::libraries) fn keep_own_functions(stack: Stack<'_>) {
    stack.push_table();
    for library in [c"string", c"table"] {
        stack.push_copy(-2);
        stack.push_field(library);
        stack.replace(-2);
        // A copy of all there is.
        stack.push_table();
        stack.push_nil();
        while stack.next(-3) {
            stack.push_copy(-2);
            stack.insert(-2);
            stack.set_entry(-4);
        }
        stack.replace(-2);
        stack.set_field(library);
    }
    stack.set_field(c"own");
}

/// What compares: functions by name, and values as text.
const COMPARE: &str = r#"
local function text(...)
    local parts = {}
    for i = 1, select('#', ...) do
        local value = select(i, ...)
        if type(value) == 'table' then
            local elements = {}
            for j = -3, 24 do
                local element = value[j]
                elements[#elements + 1] = type(element) == 'table' and 'table' or tostring(element)
            end
            value = '{' .. own.table.concat(elements, ',') .. '}'
        end
        parts[i] = type(value) .. ' ' .. tostring(value)
    end
    return own.table.concat(parts, '; ')
end
local function compare(library, name, ...)
    local functions = {own[library][name], (library == 'string' and string or table)[name]}
    local results = {}
    for i = 1, 2 do
        local arguments = {n = select('#', ...), ...}
        for j = 1, arguments.n do
            if type(arguments[j]) == 'table' then
                local copy = {}
                for k, v in pairs(arguments[j]) do copy[k] = v end
                arguments[j] = copy
            end
        end
        local called = {pcall(functions[i], unpack(arguments, 1, arguments.n))}
        if name == 'gmatch' and called[1] then
            local all = {}
            for turn = 1, 20 do
                local values = {pcall(called[2])}
                all[turn] = text(unpack(values, 1, 40))
            end
            called = {own.table.concat(all, '|')}
        end
        results[i] = text(unpack(called, 1, 40)) .. ' and ' .. text(unpack(arguments, 1, arguments.n))
    end
    assert(results[1] == results[2], name .. ': ' .. text(...) .. '\n' .. results[1] .. '\n' .. results[2])
end
"#;

fn pick<'a>(random: &mut Rng, words: &[&'a str]) -> &'a str {
    words[random.usize(..words.len())]
}

/// A string of Lua with any bytes, zero among them.
fn literal(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("\\{byte:03}"));
    format!("'{}'", digits.collect::<String>())
}

fn pattern(random: &mut Rng) -> String {
    const ITEMS: [&str; 44] = [
        "a", "b", ".", "%a", "%A", "%d", "%s", "%w", "%p", "%x", "%z", "%c", "%l", "%U", "[ab]",
        "[^a]", "[%a-]", "[a-c%]]", "[]]", "[^]b]", "[a-]", "[-b]", "[%", "[a", "(", ")", "()",
        "(", ")", "%1", "%2", "%0", "%bab", "%b(", "%b", "%f[ab]", "%f[^a]", "%f", "%", "$", "^",
        "\0", "%.", "(a)",
    ];
    const SUFFIXES: [&str; 9] = ["", "", "", "", "", "*", "+", "-", "?"];
    let anchor = pick(random, &["", "", "", "^"]);
    let mut text = anchor.to_string();
    for _ in 0..random.usize(..7) {
        text += pick(random, &ITEMS);
        text += pick(random, &SUFFIXES);
    }
    text + pick(random, &["", "", "", "$"])
}

fn subject(random: &mut Rng) -> Vec<u8> {
    let bytes = b"aaaabbb(c)]-% \x001Z\xe4";
    let len = random.usize(..14);
    (0..len)
        .map(|_| bytes[random.usize(..bytes.len())])
        .collect()
}

/// Calls with a random pattern.
fn pattern_calls(random: &mut Rng) -> String {
    let pattern = literal(pattern(random).as_bytes());
    let subject = literal(&subject(random));
    let init = pick(
        random,
        &["1", "nil", "-3", "0", "4", "100", "-100", "'2'", "2^53"],
    );
    let replacement = pick(
        random,
        &[
            "'<%1%0>'",
            "'%%%2'",
            "'x%'",
            "'%a'",
            "7",
            "{a = 'A', b = false, ab = 1}",
            "{a = {}}",
            "function(...) return select('#', ...) .. tostring(...) end",
            "function() end",
            "function() return {} end",
            "function() error('own') end",
            "nil",
            "setmetatable({}, {__index = function(_, key) return key .. '!' end})",
            "function(s) return (string.gsub(tostring(s), '.', '%0%0')) end",
        ],
    );
    let count = pick(random, &["nil", "nil", "0", "1", "2", "-1"]);
    format!(
        "compare('string', 'find', {subject}, {pattern}, {init})\n\
         compare('string', 'find', {subject}, {pattern}, {init}, true)\n\
         compare('string', 'match', {subject}, {pattern}, {init})\n\
         compare('string', 'gmatch', {subject}, {pattern})\n\
         compare('string', 'gsub', {subject}, {pattern}, {replacement}, {count})\n"
    )
}

fn table_calls(random: &mut Rng) -> String {
    let mut elements = Vec::new();
    for _ in 0..random.usize(..20) {
        elements.push(random.u8(..8).to_string());
    }
    if random.u8(..4) == 0 && !elements.is_empty() {
        let at = random.usize(..elements.len());
        elements[at] = pick(random, &["'x'", "nil", "{}", "0/0", "true", "1.5"]).to_string();
    }
    let table = format!("{{{}}}", elements.join(","));
    let order = pick(
        random,
        &[
            "nil",
            "function(a, b) return a < b end",
            "function(a, b) return a > b end",
            "function(a, b) return true end",
            "function(a, b) return a <= b end",
            "function(a, b) return (a * 7 + b * 3) % 5 < 2 end",
            "function(a, b) return tostring(a) < tostring(b) end",
            "1",
        ],
    );
    let number = |random: &mut Rng| {
        pick(
            random,
            &["nil", "1", "2", "0", "-2", "5", "20", "'3'", "{}", "2.7"],
        )
    };
    let (first, second) = (number(random), number(random));
    let separator = pick(random, &["nil", "', '", "7", "{}"]);
    format!(
        "compare('table', 'sort', {table}, {order})\n\
         compare('table', 'insert', {table}, {first})\n\
         compare('table', 'insert', {table}, {first}, 'new')\n\
         compare('table', 'insert', {table})\n\
         compare('table', 'remove', {table}, {first})\n\
         compare('table', 'remove', {table})\n\
         compare('table', 'concat', {table}, {separator}, {first}, {second})\n\
         compare('table', 'maxn', {{[{second} or 9] = 1, unpack({table})}})\n\
         compare('string', 'rep', 'ab', {first})\n"
    )
}

fn check(seed: u64, calls: fn(&mut Rng) -> String) {
    println!("seed {seed}");
    let mut random = Rng::with_seed(seed);
    let mut machine = machine();
    for _ in 0..12 {
        let calls: String = (0..20).map(|_| calls(&mut random)).collect();
        let body = format!("{COMPARE}{calls}return 'same'");
        assert_eq!(run(&mut machine, &body), "same", "{calls}");
    }
}

#[test]
fn patterns_match_as_those_of_lua() {
    for seed in 0..2 {
        check(seed, pattern_calls);
    }
}

#[test]
fn functions_of_tables_do_what_those_of_lua_do() {
    for seed in 0..3 {
        check(seed, table_calls);
    }
}
