//! Hashes. Fields that hold numbers have names of their own, so that most additions succeed.

use super::family::Family;

pub(super) const FAMILY: Family = Family {
    name: "hash",
    templates: TEMPLATES,
    forms_of,
};

const TEMPLATES: &str = "
20 HSET $hash $member&content++
4 HSET $hash $counter&number+
3 HMSET $hash $member&content++
5 HSETNX $hash $member $content
2 HSETNX $hash $counter $number
10 HGET $hash $field
8 HMGET $hash $field+
6 HGETALL $hash
3 HKEYS $hash
3 HVALS $hash
4 HLEN $hash
4 HSTRLEN $hash $field
4 HEXISTS $hash $field
12 HDEL $hash $field++
8 HINCRBY $hash $counter $increment
1 HINCRBY $hash $field $increment
8 HINCRBYFLOAT $hash $floatcounter $floatincrement
1 HINCRBYFLOAT $hash $field $float
7 HRANDFIELD $hash $fieldpicks
8 HSCAN $hash $cursor $walkoptions
";

fn forms_of(class: &str) -> Option<&'static str> {
    Some(match class {
        "field" => "$member | $member | $member | $counter | $floatcounter",
        "counter" => "n0 | n1 | n2",
        "floatcounter" => "f0 | f1 | f2 | n0",
        "number" => "0 | 1 | -5 | 10 | 2 | 7 | 9223372036854775807 | -9223372036854775808 | 1.5",
        "increment" => {
            "1 | 1 | -1 | 2 | 3 | -2 | -7 | 5 | 10 | 100 | -100 | 1000000 | 9223372036854775807 \
             | -9223372036854775808 | 9223372036854775808 | 1.0 | abc"
        }
        "floatincrement" => "0.1 | 0.2 | 1 | -1 | 1.5 | -0.3 | 3.0e3 | 1e-7 | 5. | $float | $float",
        "fieldpicks" => "|| $pickcount | $pickcount WITHVALUES | $pickcount withvalues | 1 BAD",
        _ => return None,
    })
}
