//! Keys of any type, transactions, and strings where another type is met.
//!
//! A key moves only to a name of the same family, so that most commands find the type they want.

use super::family::Family;

pub(super) const FAMILY: Family = Family {
    name: "generic",
    templates: TEMPLATES,
    forms_of,
};

const TEMPLATES: &str = "
6 DEL $key+
12 DEL $typed
3 UNLINK $key+
3 UNLINK $typed+
5 EXISTS $anykey+
2 TOUCH $anykey+
6 TYPE $anykey
8 RENAME $twins
5 RENAMENX $twins
10 COPY $twins $copyoptions
4 MOVE $anykey $otherdatabase
1 SWAPDB $database $database
4 SELECT $database
2 DBSIZE
4 KEYS $pattern
1 RANDOMKEY
10 OBJECT ENCODING $anykey
1 OBJECT REFCOUNT $anykey
1 OBJECT IDLETIME $anykey
1 OBJECT FREQ $anykey
8 EXPIRE $anykey $seconds $expireoptions
6 PEXPIRE $anykey $milliseconds $expireoptions
6 EXPIREAT $anykey $deadlineseconds $expireoptions
6 PEXPIREAT $anykey $deadlinemilliseconds $expireoptions
4 TTL $anykey
4 PTTL $anykey
4 EXPIRETIME $anykey
4 PEXPIRETIME $anykey
4 PERSIST $anykey
4 SCAN 0 COUNT 100000 $scanoptions
1 SET $typed $value
1 SET $typed $value GET
4 GET $typed
1 GETSET $typed $value
1 GETDEL $typed
1 GETEX $typed PERSIST
1 APPEND $typed $value
2 STRLEN $typed
1 INCR $typed
1 INCRBYFLOAT $typed $float
1 SETRANGE $typed $offset $value
1 GETRANGE $typed $index $index
1 GETBIT $typed 7
1 MGET $typed+
1 LCS $typed $typed
3 MULTI
4 EXEC
1 DISCARD
3 WATCH $anykey+
1 UNWATCH
2 HELLO $hellooptions
1 FLUSHDB $flushoptions
1 FLUSHALL $flushoptions
";

fn forms_of(class: &str) -> Option<&'static str> {
    Some(match class {
        "anykey" => "$key | $typed",
        "database" => "0 | 0 | 0 | 0 | 0 | 1 | 2 | 16 | -1 | abc",
        "otherdatabase" => "1 | 2 | 1 | 2 | 0 | $database",
        "expireoptions" => {
            "||| NX | XX | GT | LT | XX GT | lt xx | NX XX | GT LT | NX GT | BAD | GT GT"
        }
        "copyoptions" => {
            "||| REPLACE | REPLACE | REPLACE | DB $otherdatabase | DB $otherdatabase REPLACE | DB | BAD"
        }
        "scanoptions" => {
            "| MATCH $pattern | TYPE string | TYPE list | TYPE hash | TYPE set | TYPE zset \
             | MATCH $pattern TYPE string | TYPE nosuch | BAD | COUNT | MATCH | COUNT 0"
        }
        // SETNAME is left to the scripts: Redis before 7.2 keeps the name although HELLO fails.
        "hellooptions" => "2 | 3 || 4 | abc | 3 BAD",
        "flushoptions" => "| ASYNC | SYNC | BAD",
        _ => return None,
    })
}
