//! Lists, and what is sorted.
//!
//! Texts are sorted into lists only: told, they would be in the order of the locale, and only as
//! far as the first zero byte. Sets are sorted by numbers, for their own order is not compared.

use super::family::Family;

pub(super) const FAMILY: Family = Family {
    name: "list",
    templates: TEMPLATES,
    forms_of,
};

const TEMPLATES: &str = "
14 LPUSH $list $member++
24 RPUSH $list $member++
4 LPUSHX $list $member++
4 RPUSHX $list $member++
6 LPOP $list $optionalcount
6 RPOP $list $optionalcount
4 LLEN $list
8 LINDEX $list $place
10 LSET $list $nearplace $member
10 LRANGE $list $place $place
4 LTRIM $list $place $place
8 LREM $list $place $member
10 LINSERT $list $where $member $member
10 LPOS $list $member $posoptions
8 LMOVE $list $list $end $end
4 RPOPLPUSH $list $list
8 LMPOP $lists $end $countoption
5 SORT $list ALPHA $sortoptions STORE $list
4! SORT $intset $sortoptions
4! SORT_RO $intset $sortoptions
3! SORT $intset BY $weights DESC
";

fn forms_of(class: &str) -> Option<&'static str> {
    Some(match class {
        "optionalcount" => "||| $popcount",
        "nearplace" => "0 | 0 | 0 | 0 | -1 | -1 | 1 | -2 | 2 | $place",
        "where" => "BEFORE | AFTER | before | after | BEFORE | AFTER | BAD",
        "end" => {
            "LEFT | RIGHT | left | right | LEFT | RIGHT | LEFT | RIGHT | LEFT | RIGHT | LEFT \
             | RIGHT | LEFT | RIGHT | MIDDLE"
        }
        "lists" => {
            "1 $list | 1 $list | 2 $list $list | 2 $list $list | 2 $list $list | 2 $list $list \
             | 3 $list $list $list | 2 $list $list | 1 $list | $badkeycount $list"
        }
        "sortoptions" => {
            "|| DESC | LIMIT 0 3 | LIMIT 1 2 DESC | LIMIT -1 2 | LIMIT 2 -1 asc | GET # GET k* \
             | GET h*->a GET nothing | GET k* DESC LIMIT 0 5 | ALPHA | LIMIT 0 | BAD"
        }
        "weights" => "k* | h*->a | h*->b | n*",
        "posoptions" => {
            "||| RANK $rank | COUNT $matches | MAXLEN $matches | RANK $rank COUNT $matches \
             | COUNT $matches MAXLEN $matches | RANK $rank COUNT $matches MAXLEN $matches \
             | rank $rank maxlen $matches | RANK | BAD 1"
        }
        "rank" => "1 | -1 | 1 | -1 | 2 | -2 | 3 | -3 | 100 | -100 | 9223372036854775807 | 0 | abc",
        "matches" => "0 | 0 | 0 | 1 | 2 | 3 | 5 | 10 | 100 | 9223372036854775807 | -1 | abc",
        _ => return None,
    })
}
