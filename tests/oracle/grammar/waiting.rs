//! Commands that wait where they find nothing: sent within transactions only, where none waits.
//!
//! Their timeouts are short all the same: a sequence that is shrunk may lose its MULTI.

/// One request a line: weight, form.
pub(super) const TEMPLATES: &str = "
4! BLPOP $list 0.01
3! BLPOP $list $list 0.01
4! BRPOP $list 0.01
2! BRPOP $list $key 0.01
3! BLMOVE $list $list $end $end 0.01
2! BRPOPLPUSH $list $list 0.01
4! BLMPOP 0.01 $lists $end $countoption
4! BZPOPMIN $zset 0.01
2! BZPOPMIN $zset $zset 0.01
3! BZPOPMAX $zset 0.01
2! BZMPOP 0.01 2 $zset $zset MIN
2! BZMPOP 0.01 1 $zset MAX COUNT 3
3! XREAD BLOCK 10 STREAMS $stream $after
2! XREAD COUNT 2 BLOCK 10 STREAMS $stream $stream $after $after
4! XREADGROUP GROUP $group $consumer BLOCK 10 STREAMS $stream >
1! BLPOP $list -1
1! BLPOP $list abc
1! XREAD BLOCK -1 STREAMS $stream 0
";
