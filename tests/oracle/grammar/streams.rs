//! Streams, their groups and what is pending. Ids are explicit and mostly rise with the run; cuts
//! are exact, because what `~` leaves is each server's own.
//!
//! Nothing of other families leads to these keys: a watched stream is a row of `DIFFERENCES.md`.

use super::family::Family;

pub(super) const FAMILY: Family = Family {
    name: "stream",
    templates: TEMPLATES,
    forms_of,
};

const TEMPLATES: &str = "
40 XADD $stream $addoptions $nextid $member&content+
4 XADD $stream $addoptions $entryid $member&content+
10 XDEL $stream $entryid+
4 XTRIM $stream $cut
6 XLEN $stream
10 XRANGE $stream $from $to $entrycount
8 XREVRANGE $stream $to $from $entrycount
5 XREAD $readcount STREAMS $stream $after
3 XREAD $readcount STREAMS $stream $stream $after $after
2 XSETID $stream $nextid $setidoptions
6 XGROUP CREATE $stream $group $groupid $groupoptions
2 XGROUP SETID $stream $group $groupid $setgroupoptions
1 XGROUP DESTROY $stream $group
3 XGROUP CREATECONSUMER $stream $group $consumer
2 XGROUP DELCONSUMER $stream $group $consumer
20 XREADGROUP GROUP $group $consumer $readcount $noack STREAMS $stream >
4 XREADGROUP GROUP $group $consumer $readcount STREAMS $stream $after
2 XREADGROUP GROUP $group $consumer $readcount STREAMS $stream $stream > >
12 XACK $stream $group $entryid+
6 XPENDING $stream $group
8 XPENDING $stream $group $idle $from $to $pendingcount $ofconsumer
10 XCLAIM $stream $group $consumer 0 $entryid+ $claimoptions
8 XAUTOCLAIM $stream $group $consumer 0 $from $autooptions
6 XINFO STREAM $stream
6 XINFO GROUPS $stream
4 XINFO CONSUMERS $stream $group
3 DEL $stream
1 RENAME $stream $stream
3 COPY $stream $stream REPLACE
2 TYPE $stream
2 OBJECT ENCODING $stream
2 EXISTS $stream
1 LPUSH $stream x
1 GET $stream
";

fn forms_of(class: &str) -> Option<&'static str> {
    Some(match class {
        "addoptions" => {
            "||||||| NOMKSTREAM | MAXLEN 10 | MAXLEN = 30 | MINID $entryid | NOMKSTREAM MAXLEN 5 \
             | MAXLEN -1 | MAXLEN abc | MINID = abc"
        }
        "cut" => {
            "MAXLEN 20 | MAXLEN = 3 | MINID $entryid | MINID = $entryid | MAXLEN 0 | MAXLEN -1 | BAD 1"
        }
        "from" => "- | - | $entryid | ($entryid | $entryms | 0 | + | abc | (-",
        "to" => "+ | + | $entryid | ($entryid | $entryms | - | abc | (+",
        "after" => "0 | 0 | $entryid | $entryid | $entryms | $last | abc",
        "entrycount" => "|| COUNT 1 | COUNT 3 | count 10 | COUNT 0 | COUNT -1 | COUNT abc | COUNT",
        "readcount" => "|| COUNT 1 | COUNT 2 | COUNT 5 | count 1 | COUNT 0 | COUNT -1 | COUNT abc",
        "noack" => "||||| NOACK",
        "setidoptions" => {
            "||| ENTRIESADDED 100000 MAXDELETEDID 0-1 | ENTRIESADDED 3 MAXDELETEDID $entryid \
             | ENTRIESADDED -1 MAXDELETEDID 0-1 | MAXDELETEDID 1-1 ENTRIESADDED abc"
        }
        "groupid" => "0 | 0 | $last | $last | $entryid | $entryid | $entryms | abc",
        "groupoptions" => "||| MKSTREAM | MKSTREAM | ENTRIESREAD 3 | ENTRIESREAD -2 | BAD",
        "setgroupoptions" => "|||| ENTRIESREAD 5 | ENTRIESREAD abc",
        "group" => "g0 | g0 | g0 | g1 | g1 | g2 | nogroup",
        "consumer" => "c0 | c0 | c1 | c1 | c2",
        "idle" => "||| IDLE 0",
        "pendingcount" => "1 | 10 | 10 | 100 | 0 | -1 | abc",
        "ofconsumer" => "|| $consumer",
        "claimoptions" => {
            "|||| JUSTID | FORCE | FORCE JUSTID | RETRYCOUNT 7 | RETRYCOUNT 0 FORCE | IDLE 5 \
             | LASTID $entryid | TIME 1700000000000 RETRYCOUNT 2 | FORCE LASTID $entryid | BAD"
        }
        "autooptions" => "|| COUNT 1 | COUNT 3 | JUSTID | COUNT 100 JUSTID | COUNT 0 | COUNT abc",
        _ => return None,
    })
}
