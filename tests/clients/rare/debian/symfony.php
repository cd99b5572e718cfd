<?php
// Symfony's caches and locks, phpredis itself, and PHP's sessions in it.
//
// Needs Debian's php-cli, php-redis, php-symfony-cache and php-symfony-lock.

use Symfony\Component\Cache\Adapter\RedisAdapter;
use Symfony\Component\Cache\Adapter\RedisTagAwareAdapter;
use Symfony\Component\Lock\LockFactory;
use Symfony\Component\Lock\Store\RedisStore;

error_reporting(E_ALL & ~E_DEPRECATED);
require_once '/usr/share/php/Symfony/Component/Cache/autoload.php';
require_once '/usr/share/php/Symfony/Component/Lock/autoload.php';

function check($is_so, string $what): void
{
    if (!$is_so) {
        throw new Exception("not so: $what");
    }
}

function check_cache(Redis $redis): void
{
    $cache = new RedisAdapter($redis, 'app', 100);
    check($cache->get('lazy', fn () => 42) === 42 && $cache->get('lazy', fn () => 1) === 42, 'get');
    for ($number = 0; $number < 1500; $number++) {
        $cache->saveDeferred($cache->getItem("key$number")->set($number));
    }
    check($cache->commit() && $cache->getItem('key7')->get() === 7, 'commit');
    check($cache->deleteItems(['key1', 'key2']) && !$cache->hasItem('key1'), 'delete');
    check($cache->clear('key') && !$cache->hasItem('key7') && $cache->hasItem('lazy'), 'clear by prefix');
    $tagged = new RedisTagAwareAdapter($redis, 'tagged', 100);
    for ($number = 0; $number < 300; $number++) {
        $item = $tagged->getItem("item$number")->set($number)->tag(['all', 'odd' . $number % 2]);
        $tagged->saveDeferred($item);
    }
    $tagged->commit();
    check($tagged->invalidateTags(['odd1']), 'invalidate');
    check(!$tagged->hasItem('item1') && $tagged->hasItem('item2'), 'odd ones are gone');
}

function check_locks(Redis $redis): void
{
    $factory = new LockFactory(new RedisStore($redis));
    $lock = $factory->createLock('report', 10);
    check($lock->acquire() && !$factory->createLock('report', 10)->acquire(), 'one owner');
    $lock->refresh(20);
    check($lock->getRemainingLifetime() > 15, 'refreshed');
    $lock->release();
    $readers = [$factory->createLock('shared'), $factory->createLock('shared')];
    check($readers[0]->acquireRead() && $readers[1]->acquireRead(), 'two readers');
    check(!$factory->createLock('shared')->acquire(), 'no writer');
    foreach ($readers as $reader) {
        $reader->release();
    }
    check($factory->createLock('shared')->acquire(), 'a writer');
}

function check_phpredis(Redis $redis): void
{
    check($redis->set('k', 'v', ['nx', 'ex' => 100]) && !$redis->set('k', 'w', ['nx']), 'set');
    check($redis->multi()->incr('n')->incr('n')->exec() === [1, 2], 'multi');
    check($redis->pipeline()->get('k')->ttl('k')->exec() === ['v', 100], 'pipeline');
    check($redis->eval('return {KEYS[1], ARGV[1]}', ['a', 'b'], 1) === ['a', 'b'], 'eval');
    check($redis->zAdd('z', 1.5, 'm') === 1 && $redis->zScore('z', 'm') === 1.5, 'scores');
    $redis->mset(array_fill_keys(array_map(fn ($number) => "scan:$number", range(1, 500)), 'x'));
    $found = [];
    $cursor = null;
    while ($keys = $redis->scan($cursor, 'scan:*', 50)) {
        array_push($found, ...$keys);
    }
    check(count(array_unique($found)) === 500, 'scan');
}

function check_sessions(): void
{
    ini_set('session.save_handler', 'redis');
    ini_set('session.save_path', 'tcp://127.0.0.1:' . getenv('PORT') . '?prefix=session:');
    ini_set('redis.session.locking_enabled', '1');
    ini_set('session.use_cookies', '0');
    ini_set('session.cache_limiter', '');
    session_id('abc');
    session_start();
    $_SESSION['user'] = 7;
    session_write_close();
    $_SESSION = [];
    session_start();
    check($_SESSION['user'] === 7, 'session');
    session_destroy();
}

ob_start();
check_sessions();
$redis = new Redis();
$redis->connect('127.0.0.1', (int) getenv('PORT'));
check($redis->keys('session:*') === [], 'no session and no lock is left');
$redis->config('SET', 'maxmemory-policy', 'noeviction');
foreach (['check_phpredis', 'check_cache', 'check_locks'] as $check) {
    $redis->flushAll();
    $check($redis);
}
