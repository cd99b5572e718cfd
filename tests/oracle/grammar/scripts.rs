//! Scripts: EVAL with Lua of a small grammar, whose words are forms as those of requests are. What
//! differs by chance or by design stays out: addresses, orders of hash tables, zero bytes in lines.
//!
//! ```text
//! $lua            one word: the words of $script with blanks between
//! $v $n $t        a value, a number, a text; mostly simple ones, so that scripts end
//! ```

use super::family::Family;

pub(super) const FAMILY: Family = Family {
    name: "script",
    templates: TEMPLATES,
    forms_of,
};

const TEMPLATES: &str = "
20! EVAL $lua 1 k1 $value
2! EVAL_RO $lua 1 k1 $value
2 EVAL $lua $scriptkeys $value
1 EVALSHA $digest 0
1 SCRIPT EXISTS $digest $digest
";

fn forms_of(class: &str) -> Option<&'static str> {
    Some(match class {
        "scriptkeys" => "0 | 1 | 2 k1 k2 | -1 | 9 | x",
        "digest" => {
            "e0e1f9fabfc9d4800c877a703b823ac0578ff8db | E0E1F9FABFC9D4800C877A703B823AC0578FF8DB \
             | 0000000000000000000000000000000000000000 | short"
        }
        "script" => {
            "return $v | return $v | return $call | $s return $v | $s $s return $v \
             | $s $s return {a,b,c} | redis.setresp(3) $s return $v"
        }
        "s" => {
            "local a,b,c = $v , $v , $v ; | local a = $v ; local b = $v ; | local _ = $call ; \
             | if $v then local _ = $call ; else local _ = $call ; end | for i = 1,3 do local _ = $call ; end \
             | local ok,e = pcall(function() return $v end) local a = e ; \
             | local t = {} t[ $n ] = $v ; local c = t[1] ; | x = 1 ; | string.x = 1 ; | KEYS[1] = $t ;"
        }
        "v" => {
            "$n | $n | $t | $t | nil | true | false | KEYS[1] | ARGV[1] | #ARGV | {} | {1,2,3} \
             | { $n , $t } | { $v , nil , $n } | {ok='fine'} | {err='ERR bad'} | {err='MY bad'} | {double=3.5} \
             | ( $n $operator $n ) | ( $t .. $n ) | ( $v == $v ) | ( $n < $n ) | ( $t < $t ) | - $n | # $t \
             | not $v | $call | $call | cjson.null | {x= $n }"
        }
        "operator" => "+ | - | * | / | % | ^ | ..",
        "n" => {
            "0 | 1 | -1 | 2 | 3 | 0.5 | -2.5 | 3.7 | 255 | 65536 | 1e15 | 1e16 | 1e17 | 2^31 | 2^53 | 2^53+2 \
             | 1e100 | 1/3 | -0.1 | '10' | '0x10' | 123456789012"
        }
        "t" => {
            "'' | 'a' | 'abc' | 'k1' | 'k2' | '10' | '%a+' | '(a*)(.)' | '^k' | 'a,b' | '[1,{\"a\":null}]' \
             | '{\"x\":1.5}' | '\\1\\255' | 'nope' | '%d' | '%5.1f' | '%s' | string.rep('ab',9) | '>I2' | '<i4'"
        }
        _ => return calls_of(class),
    })
}

/// Calls of commands and of functions.
fn calls_of(class: &str) -> Option<&'static str> {
    Some(match class {
        "call" => {
            "$luacommand | $luacommand | $textcall | $tablecall | $mathcall | $librarycall | $oddcall"
        }
        "luakey" => "'k1' | 'k2' | KEYS[1]",
        "luacommand" => {
            "redis.call( $request ) | redis.call( $request ) | redis.pcall( $request ) \
             | redis.acl_check_cmd( $request )"
        }
        "request" => {
            "'get', $luakey | 'set', $luakey , $i | 'set', $luakey , $t | 'incr', $luakey \
             | 'incrby', $luakey , $i | 'append', $luakey , $t | 'exists', $luakey , $luakey | 'del', $luakey | 'strlen', $luakey \
             | 'type', $luakey | 'mget', $luakey , $luakey | 'hset','sh', $t , $i | 'hget','sh', $t | 'hlen','sh' \
             | 'hincrby','sh', $t , $i | 'rpush','sl', $t , $i | 'lrange','sl',0,-1 | 'lpop','sl' | 'llen','sl' \
             | 'sadd','ss', $i | 'scard','ss' | 'zadd','sz', $i , $t | 'zcard','sz' | 'hget','sl','f' \
             | 'ping' | 'echo', $t | 'ttl', $luakey | 'setrange', $luakey ,3, $t | 'getrange', $luakey ,0, $i | 'get' \
             | 'nope' | 'nope', $t | 'select',1 | 'select', $i | 'multi' | 'subscribe','c' | 'eval','return_1',0 \
             | 'blpop','sl',0 | 'dbsize', $t | $t , $luakey | $bad | 'set', $luakey , $bad"
        }
        "i" => {
            "0 | 1 | -1 | 2 | 3 | 255 | 65536 | 0.5 | 2^31 | 1e15 | '10' | '0x10' | 123456789012"
        }
        "bad" => "nil | true | {} | cjson.null | function() end",
        "textcall" => {
            "tostring( $n ) | tonumber( $v ) | tonumber( $t ,16) | type( $v ) | string.len( $t ) | string.rep( $t ,3) \
             | string.sub( $t , $n , $n ) | string.upper( $t ) | string.reverse( $t ) | string.byte( $t , $n ) \
             | string.find( $t , $t ) | string.find( $t , $t , $n ,true) | string.match( $t , $t ) \
             | {string.gsub( $t , $t , $t )} | {string.gsub( $t ,'.',{a='1'})} | string.format( $t , $v ) \
             | string.format('%d:%s', $n , $t ) | string.format('%q', $t ) | string.format('%.14g', $n ) \
             | string.char( $n ) | ( $t ):rep(2)"
        }
        "tablecall" => {
            "table.concat({1,'x', $n }, $t ) | table.concat({ $v , $v }) | unpack({ $n , $t }) | select( $n , $t , $t ) \
             | select('#', $v ,nil) | table.maxn({ $v , $v }) | rawequal( $v , $v ) | next({ $n }) | #{ $v , $v } \
             | (function(t) table.sort(t) return t end)({ $n , $n , $n }) \
             | (function(t) table.insert(t,2, $v ) return t end)({1,2,3}) | table.remove({1,2,3}, $n )"
        }
        "mathcall" => {
            "math.floor( $n ) | math.ceil( $n ) | math.max( $n , $n ) | math.fmod( $n ,3) | math.abs( $v ) \
             | math.sqrt( $n ) | math.pow( $n ,2) | bit.band( $n , $n ) | bit.bor( $n ,1) \
             | bit.bxor( $n , $n ) | bit.bnot( $n ) | bit.lshift( $n ,3) | bit.rshift( $n , $n ) | bit.rol( $n ,5) \
             | bit.tohex( $n ) | bit.tohex( $n ,-4) | bit.bswap( $n ) | bit.tobit( $v )"
        }
        "librarycall" => {
            "cjson.encode( $v ) | cjson.encode({ $n , $t }) | cjson.decode( $t ) | cjson.decode(cjson.encode( $v )) \
             | cmsgpack.pack( $v ) | cmsgpack.pack( $n , $t ) | cmsgpack.unpack(cmsgpack.pack( $v )) \
             | cmsgpack.unpack( $t ) | struct.pack( $t , $n ) | struct.pack('>I2i4h', $n , $n , $n ) \
             | struct.unpack( $t , $t ) | struct.unpack('>I2','abc', $n ) | struct.size( $t ) | struct.pack('s', $t ) \
             | redis.sha1hex( $t ) | cjson.encode({{ $v }})"
        }
        "oddcall" => {
            "error( $t ) | error({err= $t }) | assert( $v , $t ) | nosuch | nosuch() | redis.nope() \
             | redis.error_reply( $t ) | redis.status_reply( $t ) | redis.error_reply() | redis.sha1hex() \
             | redis.setresp( $n ) | redis.log() | redis.log(redis.LOG_DEBUG, $t ) | redis.replicate_commands() \
             | redis.set_repl( $n ) | pcall(error, $v ) | loadstring('return_' .. $n ) | setmetatable({},{__index={x= $n }}).x \
             | coroutine.wrap(function() coroutine.yield( $v ) end)() | redis.call() | redis.call({}) | ( $v )() | ( $v ).x"
        }
        _ => return None,
    })
}
