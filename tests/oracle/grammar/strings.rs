//! Strings, bits and bit fields.

use super::family::Family;

pub(super) const FAMILY: Family = Family {
    name: "string",
    templates: TEMPLATES,
    forms_of,
};

const TEMPLATES: &str = "
20 GET $key
30 SET $key $value $setoptions
4 SETEX $key $seconds $value
4 PSETEX $key $milliseconds $value
4 SETNX $key $value
4 GETSET $key $value
4 GETDEL $key
8 GETEX $key $getexoptions
6 MGET $key+
5 MSET $key&value+
4 MSETNX $key&value+
6 APPEND $key $value
4 STRLEN $key
6 GETRANGE $key $index $index
2 SUBSTR $key $index $index
6 SETRANGE $key $offset $value
5 INCR $key
5 DECR $key
6 INCRBY $key $integer
6 DECRBY $key $integer
8 INCRBYFLOAT $key $float
3 LCS $key $key $lcsoptions
6 SETBIT $key $bitoffset $bit
5 GETBIT $key $bitoffset
6 BITCOUNT $key $bitrange
6 BITPOS $key $bit $bitrange
6 BITOP $bitoperation $key $key+
8 BITFIELD $key $bitfieldsteps
3 BITFIELD_RO $key $bitfieldreads
";

fn forms_of(class: &str) -> Option<&'static str> {
    Some(match class {
        "setoptions" => {
            "||| NX | XX | GET | NX GET | xx get | KEEPTTL | NX XX | EX $seconds | PX $milliseconds \
             | EXAT $farseconds | PXAT $farmilliseconds | NX EX $seconds | PX $milliseconds XX \
             | GET EX $seconds XX | KEEPTTL EX $seconds | EX $seconds PX $milliseconds | EX \
             | KEEPTTL GET XX | PERSIST"
        }
        "getexoptions" => {
            "| PERSIST | EX $seconds | PX $milliseconds | EXAT $deadlineseconds \
             | PXAT $deadlinemilliseconds | persist EX $seconds | EX | KEEPTTL"
        }
        "lcsoptions" => {
            "| LEN | IDX | IDX WITHMATCHLEN | IDX MINMATCHLEN $integer | LEN IDX | BAD | MINMATCHLEN"
        }
        "bitrange" => {
            "|| $index | $index $index | $index $index | $index $index BYTE | $index $index BIT \
             | $index $index bit | $index $index BAD"
        }
        "bitoperation" => "AND | OR | XOR | NOT | and | BAD",
        "bitfieldsteps" => {
            "| $bitfieldstep | $bitfieldstep $bitfieldstep \
             | $bitfieldstep OVERFLOW $overflow $bitfieldstep $bitfieldstep \
             | OVERFLOW $overflow $bitfieldstep"
        }
        "bitfieldstep" => {
            "GET $fieldtype $fieldoffset | SET $fieldtype $fieldoffset $integer \
             | INCRBY $fieldtype $fieldoffset $integer"
        }
        "bitfieldreads" => {
            "| GET $fieldtype $fieldoffset | $bitfieldstep \
             | GET $fieldtype $fieldoffset get $fieldtype $fieldoffset"
        }
        "bit" => "0 | 1 | 0 | 1 | 0 | 1 | 2 | -1 | abc",
        "overflow" => "WRAP | SAT | FAIL | sat | BAD",
        "fieldtype" => "u1 | i1 | u4 | u8 | i8 | u16 | i17 | i32 | u63 | i64 | u64 | i65 | x |",
        "fieldoffset" => "0 | 1 | 5 | 7 | 8 | 33 | 100 | #0 | #1 | #3 | #20 | -1 | #-1 | # | abc",
        _ => return None,
    })
}
