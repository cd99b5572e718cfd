<?php
// Laravel's cache, locks, limiters and queue, over phpredis and over Predis.
//
// Needs Debian's php-cli, php-redis, php-predis, php-illuminate-cache, -queue and -redis.

use Illuminate\Cache\RedisStore;
use Illuminate\Cache\Repository;
use Illuminate\Container\Container;
use Illuminate\Queue\RedisQueue;
use Illuminate\Redis\RedisManager;

error_reporting(E_ALL & ~E_DEPRECATED);
foreach (['Illuminate/Redis', 'Illuminate/Cache', 'Illuminate/Queue', 'Predis'] as $library) {
    require_once "/usr/share/php/$library/autoload.php";
}

function check($is_so, string $what): void
{
    if (!$is_so) {
        throw new Exception("not so: $what");
    }
}

function check_cache(Repository $cache): void
{
    check($cache->put('k', ['a' => 1], 100) && $cache->get('k') === ['a' => 1], 'put and get');
    check($cache->add('k', 1, 100) === false && $cache->add('new', 1, 100) === true, 'add');
    check($cache->increment('new', 4) == 5, 'increment');
    $cache->putMany(['x' => 1, 'y' => 'two'], 100);
    check($cache->many(['x', 'y', 'z']) == ['x' => 1, 'y' => 'two', 'z' => null], 'many');
    check($cache->remember('lazy', 10, fn () => 42) == 42, 'remember');
    $cache->tags(['people', 'authors'])->put('Anne', 'a', 100);
    check($cache->tags(['people', 'authors'])->get('Anne') === 'a', 'tags');
    $cache->tags('authors')->flush();
    check($cache->tags(['people', 'authors'])->get('Anne') === null, 'flush of a tag');
    check($cache->forget('k') && $cache->get('k') === null, 'forget');
}

function check_locks(RedisStore $store): void
{
    $lock = $store->lock('lock', 10);
    check($lock->get() && !$store->lock('lock', 10)->get(), 'one owner');
    check($store->restoreLock('lock', $lock->owner())->release(), 'release by its owner');
    check($store->lock('lock', 10)->get(), 'free again');
}

function check_limiters($redis): void
{
    $count = 0;
    for ($turn = 0; $turn < 5; $turn++) {
        $redis->throttle('rate')->allow(3)->every(60)->block(0)
            ->then(function () use (&$count) { $count++; }, fn () => null);
    }
    check($count === 3, "three in a minute, not $count");
    $redis->funnel('slots')->limit(1)->block(0)->then(function () use ($redis) {
        $redis->funnel('slots')->limit(1)->block(0)->then(
            fn () => check(false, 'one at a time'),
            fn () => null,
        );
    });
}

function check_queue(RedisManager $redis): void
{
    $queue = new RedisQueue($redis, 'default', 'default', 60, 1);
    $queue->setContainer(Container::getInstance());
    $queue->setConnectionName('redis');
    for ($number = 0; $number < 20; $number++) {
        $queue->push('Work', ['number' => $number]);
    }
    $queue->later(-1, 'Work', ['number' => 20]);
    $queue->later(1000, 'Work', ['number' => 21]);
    check($queue->size() === 22, 'size');
    for ($number = 0; $number <= 20; $number++) {
        $job = $queue->pop();
        check($job->payload()['data']['number'] === $number && $job->attempts() === 1, "job $number");
        $number === 5 ? $job->release(0) : $job->delete();
    }
    $again = $queue->pop();
    check($again->payload()['data']['number'] === 5 && $again->attempts() === 2, 'released');
    $again->delete();
    check($queue->pop() === null && $queue->size() === 1, 'only the late one');
    check($queue->clear('default') === 1, 'clear');
}

foreach (['phpredis', 'predis'] as $client) {
    $server = ['host' => '127.0.0.1', 'port' => (int) getenv('PORT'), 'database' => 0];
    $redis = new RedisManager(new Container(), $client, ['default' => $server]);
    $redis->connection()->flushdb();
    $store = new RedisStore($redis, 'app:', 'default');
    check_cache(new Repository($store));
    check_locks($store);
    check_limiters($redis->connection());
    check_queue($redis);
}
