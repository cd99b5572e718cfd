//! Sets, and sets that hold integers alone (`$intset`) as long as no other command adds to them.

use super::family::Family;

pub(super) const FAMILY: Family = Family {
    name: "set",
    templates: TEMPLATES,
    forms_of,
};

const TEMPLATES: &str = "
20 SADD $set $member++
8! SADD $intset $integermember++
2 SADD $intset $member
8 SREM $set $member++
4 SREM $intset $integermember++
6 SMEMBERS $someset
5 SISMEMBER $someset $member
5 SMISMEMBER $someset $member++
5 SCARD $someset
6 SMOVE $someset $set $member
6 SPOP $someset
4 SPOP $someset $setcount
6 SRANDMEMBER $someset $setpicks
5 SINTER $someset+
5 SUNION $someset+
5 SDIFF $someset+
4 SINTERSTORE $set $someset+
4 SUNIONSTORE $set $someset+
4 SDIFFSTORE $set $someset+
2 SINTERSTORE $intset $intset+
2 SUNIONSTORE $intset $intset+
6 SINTERCARD $setsofcount $limitoption
8 SSCAN $someset $cursor $walkoptions
";

fn forms_of(class: &str) -> Option<&'static str> {
    Some(match class {
        "someset" => "$set | $set | $set | $intset",
        "setcount" => {
            "0 | 1 | 2 | 3 | 5 | 20 | 300 | 1000000000 | 1000000000 | 9223372036854775807 | -1 | abc"
        }
        "setpicks" => "|| $pickcount | $pickcount | $pickcount | 1 BAD",
        "setsofcount" => {
            "1 $someset | 2 $someset $someset | 2 $someset $someset | 2 $someset $someset \
             | 2 $someset $someset | 3 $someset $someset $someset | 3 $someset $someset $someset \
             | 2 $someset $someset | 1 $someset | $badkeycount $someset"
        }
        _ => return None,
    })
}
