# Rails: its RedisCacheStore, and Rack::Attack on it; redis-rb's subscriptions.
#
# Needs Debian's ruby-activesupport, ruby-redis, ruby-rack-attack.

require "active_support"
require "active_support/cache"
require "active_support/cache/redis_cache_store"
require "active_support/notifications"
require "rack"
require "rack/attack"
require "redis"

URL = "redis://127.0.0.1:#{ENV.fetch("PORT")}/0"

def check(what, is_so)
  abort "not so: #{what}" unless is_so
end

def check_cache(cache)
  cache.clear
  check "write", cache.write("k", { a: 1 }, expires_in: 100) && cache.read("k") == { a: 1 }
  check "unless exist", !cache.write("k", 1, unless_exist: true)
  check "fetch", cache.fetch("lazy") { 42 } == 42 && cache.fetch("lazy") { 1 } == 42
  check "increment", cache.increment("n", 2, expires_in: 10) == 2 && cache.decrement("n") == 1
  cache.write_multi({ "a" => 1, "b" => 2 }, expires_in: 10)
  check "many", cache.read_multi("a", "b", "c") == { "a" => 1, "b" => 2 }
  check "fetch many", cache.fetch_multi("b", "d") { |key| key * 2 } == { "b" => 2, "d" => "dd" }
  1500.times { |number| cache.write("user:#{number}", number) }
  cache.delete_matched("user:*")
  check "delete by pattern", cache.read("user:7").nil? && cache.read("a") == 1
  check "delete many", cache.delete_multi(%w[a b]) == 2
  check "exist", cache.exist?("k") && cache.delete("k")
end

def check_attack(cache)
  Rack::Attack.cache.store = cache
  Rack::Attack.throttle("requests", limit: 3, period: 3600) { |request| request.ip }
  application = Rack::Attack.new(->(_) { [200, {}, ["hello"]] })
  codes = Array.new(5) { application.call(Rack::MockRequest.env_for("/", "REMOTE_ADDR" => "1.2.3.4"))[0] }
  check "throttled: #{codes}", codes == [200, 200, 200, 429, 429]
end

def check_subscription
  heard = []
  redis = Redis.new(url: URL)
  thread = Thread.new do
    redis.psubscribe("news.*") do |on|
      on.pmessage do |_, channel, message|
        heard << [channel, message]
        redis.punsubscribe if message == "end"
      end
    end
  end
  other = Redis.new(url: URL)
  limit = Time.now + 20
  Thread.pass until other.pubsub("numpat") == 1 || Time.now > limit
  check "delivered", other.publish("news.a", "x") == 1
  other.publish("news.b", "end")
  thread.join(20)
  check "heard", heard == [["news.a", "x"], ["news.b", "end"]]
end

cache = ActiveSupport::Cache::RedisCacheStore.new(url: URL, namespace: "app", error_handler: ->(exception:, **) { raise exception })
check_cache(cache)
check_attack(cache)
check_subscription
