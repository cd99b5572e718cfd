//! Rank 1: data structures that know no keys, no clock and no replies.
//!
//! | module | what |
//! |---|---|
//! | [`hash_table`] | extendible hash table of cache-line buckets, grown and shrunk one segment at a time |
//! | [`expiry_heap`] | deadlines, the next one in O(1), each removable by its position |
//! | [`timer_wheel`] | coarse timers: timeouts and periodic work |
//! | [`eviction`] | which entry is worth least: words of access, ghosts, learning |
//! | [`item`], [`block`] | a small collection: elements in one byte code, packed in a row |
//! | [`pair_set`] | pairs of a hash and a number, one line of memory a look |
//! | [`prefix_table`] | values under prefixes, found by a text that begins with them |
//! | [`sliced_sort`] | a merge sort that goes on in steps |
//! | [`heavy_hitters`] | the heaviest of many things, with few counters |
//! | [`small_caches`] | which share of reads a cache of another size would answer, from a sample |
//! | [`histogram`] | counts of values in log-linear buckets, for percentiles |

pub mod block;
pub mod block_tree;
pub mod eviction;
pub mod expiry_heap;
pub mod hash_table;
pub mod heavy_hitters;
pub mod histogram;
pub mod item;
pub mod pair_set;
pub mod prefix_table;
pub mod sliced_sort;
pub mod small_caches;
pub mod timer_wheel;
