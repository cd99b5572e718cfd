//! Sorted sets.
//!
//! Ranges by text mean something only where all scores are equal, and answers over others depend
//! on how a server searches. So they are asked of keys of their own (`$lexset`), which take no
//! score but 0: nothing else adds to them, and what adds is never made wrong.

use super::family::Family;

pub(super) const FAMILY: Family = Family {
    name: "zset",
    templates: TEMPLATES,
    forms_of,
};

const TEMPLATES: &str = "
20 ZADD $zset $addoptions $score&member++
8! ZADD $lexset $lexaddoptions $zero&member++
6 ZADD $zset $addoneoptions $score $member
7 ZINCRBY $zset $score $member
10 ZREM $somezset $member++
4 ZCARD $somezset
5 ZCOUNT $somezset $scorebound $scorebound
5 ZLEXCOUNT $lexset $lexbound $lexbound
6 ZSCORE $somezset $member
5 ZMSCORE $somezset $member++
6 ZRANK $somezset $member
6 ZREVRANK $somezset $member
8 ZRANGE $somezset $place $place $rangeoptions
6 ZRANGE $somezset $scorebound $scorebound BYSCORE $scorerangeoptions
5 ZRANGE $lexset $lexbound $lexbound BYLEX $lexrangeoptions
3 ZRANGESTORE $zset $somezset $place $place $storeoptions
3 ZRANGESTORE $zset $somezset $scorebound $scorebound BYSCORE $storelimitoptions
3! ZRANGESTORE $lexset $lexset $lexbound $lexbound BYLEX $storelimitoptions
4 ZREVRANGE $somezset $place $place $withscores
5 ZRANGEBYSCORE $somezset $scorebound $scorebound $oldscoreoptions
5 ZREVRANGEBYSCORE $somezset $scorebound $scorebound $oldscoreoptions
5 ZRANGEBYLEX $lexset $lexbound $lexbound $limits
5 ZREVRANGEBYLEX $lexset $lexbound $lexbound $limits
3 ZREMRANGEBYRANK $somezset $place $place
3 ZREMRANGEBYSCORE $somezset $scorebound $scorebound
3 ZREMRANGEBYLEX $lexset $lexbound $lexbound
5 ZPOPMIN $somezset $optionalpopcount
5 ZPOPMAX $somezset $optionalpopcount
6 ZMPOP $zsets $extreme $countoption
6 ZRANDMEMBER $somezset $memberpicks
5 ZUNION $zcombined $withscores
5 ZINTER $zcombined $withscores
5 ZDIFF $zinputs $withscores
4 ZUNIONSTORE $zset $zcombined
4 ZINTERSTORE $zset $zcombined
4 ZDIFFSTORE $zset $zinputs
5 ZINTERCARD $zinputs $limitoption
8 ZSCAN $somezset $cursor $walkoptions
";

fn forms_of(class: &str) -> Option<&'static str> {
    Some(match class {
        "somezset" => "$zset | $zset | $zset | $lexset",
        "zero" => "0",
        "addoptions" => {
            "|||||| NX | XX | GT | LT | CH | XX GT | lt xx ch | NX CH | GT CH | NX XX | GT LT \
             | NX GT | BAD"
        }
        "lexaddoptions" => "||| NX | XX | CH | NX CH | GT",
        "addoneoptions" => "INCR | INCR | NX INCR | XX INCR | GT INCR | LT INCR | CH INCR | NX",
        "rangeoptions" => {
            "||| WITHSCORES | WITHSCORES | REV | REV WITHSCORES | withscores rev | LIMIT 0 1 | BAD"
        }
        "scorerangeoptions" => {
            "|| WITHSCORES | REV | REV WITHSCORES $limit | $limit | $limit WITHSCORES | BYLEX REV"
        }
        "lexrangeoptions" => "|| REV | $limit | REV $limit | $limit REV | WITHSCORES",
        "storeoptions" => "|| REV | REV | REV | WITHSCORES | LIMIT 0 1",
        "storelimitoptions" => "|| REV | $limit | REV $limit",
        "oldscoreoptions" => "|| WITHSCORES | $limit | WITHSCORES $limit | $limit withscores | BAD",
        "withscores" => {
            "|||||| WITHSCORES | withscores | WITHSCORES | WITHSCORES | WITHSCORES | BAD"
        }
        "limits" => "|| $limit",
        "limit" => {
            "LIMIT 0 1 | LIMIT 0 5 | LIMIT 0 2 | LIMIT 1 1 | LIMIT 2 3 | LIMIT 0 10 | LIMIT 1 2 | limit 2 100 | LIMIT 0 -1 | LIMIT 3 -5 \
             | LIMIT -1 5 | LIMIT 0 0 | LIMIT 100 1 | LIMIT 0 9223372036854775807 \
             | LIMIT 9223372036854775807 1 | LIMIT 0 abc | LIMIT 0"
        }
        "optionalpopcount" => "|| $popcount",
        "extreme" => {
            "MIN | MAX | min | max | MIN | MAX | MIN | MAX | MIN | MAX | MIN | MAX | MIDDLE"
        }
        "zsets" => {
            "1 $somezset | 1 $somezset | 2 $somezset $somezset | 2 $somezset $somezset \
             | 2 $somezset $somezset | 3 $somezset $somezset $somezset | 2 $somezset $somezset | 1 $somezset | $badkeycount $somezset"
        }
        "zinputs" => {
            "1 $zinput | 2 $zinput $zinput | 2 $zinput $zinput | 2 $zinput $zinput \
             | 2 $zinput $zinput | 2 $zinput $zinput | 3 $zinput $zinput $zinput \
             | 3 $zinput $zinput $zinput | 2 $zinput $zinput | 2 $zinput $zinput | $badkeycount $zinput"
        }
        "zcombined" => {
            "$zinputs | $zinputs | $zinputs | $zinputs AGGREGATE $aggregate \
             | $zinputs AGGREGATE $aggregate | $zinputs | $zinputs | 1 $zinput WEIGHTS $weight \
             | 2 $zinput $zinput WEIGHTS $weight $weight \
             | 2 $zinput $zinput WEIGHTS $weight $weight | $zinputs | $zinputs \
             | 2 $zinput $zinput AGGREGATE $aggregate WEIGHTS $weight $weight \
             | 3 $zinput $zinput $zinput WEIGHTS $weight $weight $weight \
             | 2 $zinput $zinput weights $weight $weight aggregate $aggregate \
             | 2 $zinput $zinput WEIGHTS $weight | 1 $zinput AGGREGATE"
        }
        "zinput" => "$zset | $zset | $zset | $lexset | $set | $intset",
        "weight" => {
            "1 | 1 | 2 | 2 | 3 | 0.5 | 0.1 | -1 | 0 | 1.5 | inf | 1e300 | 10 | 7 | -0.3 | abc"
        }
        "aggregate" => "SUM | MIN | MAX | min | SUM | MAX | sum | MIN | BAD",
        "memberpicks" => "|| $pickcount | $pickcount WITHSCORES | $pickcount withscores | 1 BAD",
        _ => return None,
    })
}
