# Sidekiq: a process that works, retries, jobs for later, batches, statistics, quiet and stop.
#
# Needs Debian's ruby-sidekiq.

require "sidekiq/api"

Redis.silence_deprecations = true if Redis.respond_to?(:silence_deprecations=)

URL = "redis://127.0.0.1:#{ENV.fetch("PORT")}/0"
Sidekiq.configure_server do |config|
  config.redis = { url: URL }
  config.options[:poll_interval_average] = 0.2 if config.respond_to?(:options)
end
Sidekiq.configure_client { |config| config.redis = { url: URL } }

class Add
  include Sidekiq::Worker
  def perform(number)
    Sidekiq.redis { |redis| redis.sadd("done", number) }
  end
end

class SecondTime
  include Sidekiq::Worker
  sidekiq_options retry: 2
  sidekiq_retry_in { 0 }
  def perform
    raise "not yet" if Sidekiq.redis { |redis| redis.incr("times") } < 2
    Sidekiq.redis { |redis| redis.set("second time", 1) }
  end
end

class Fails
  include Sidekiq::Worker
  sidekiq_options retry: false, queue: "low"
  def perform
    raise "on purpose"
  end
end

# The process that works loads this file, too.
return if Sidekiq.server?

def wait_until(what)
  limit = Time.now + 30
  until yield
    abort "not so: #{what}" if Time.now > limit
    sleep 0.02
  end
end

Sidekiq.redis { |redis| redis.flushall }
200.times { |number| Add.perform_async(number) }
Sidekiq::Client.push_bulk("class" => Add, "args" => (200...300).map { |number| [number] })
Add.perform_in(1, 300)
Add.perform_in(1000, 301)
Fails.perform_async
abort "enqueued" unless Sidekiq::Queue.new.size == 300
abort "scheduled" unless Sidekiq::ScheduledSet.new.size == 2
process = spawn("sidekiq", "-r", __FILE__, "-c", "5", "-q", "default", "-q", "low", out: File::NULL, err: File::NULL)
begin
  SecondTime.perform_async
  wait_until("300 jobs and the late one") { Sidekiq.redis { |redis| redis.scard("done") } == 301 }
  wait_until("the second time") { Sidekiq.redis { |redis| redis.get("second time") } }
  wait_until("a process") { Sidekiq::ProcessSet.new.size == 1 }
  wait_until("counted") { Sidekiq::Stats.new.processed >= 304 && Sidekiq::Stats.new.failed == 2 }
  statistics = Sidekiq::Stats.new
  abort "left" unless statistics.enqueued == 0 && statistics.scheduled_size == 1
  Sidekiq::ProcessSet.new.each(&:stop!)
  Process.wait(process)
  abort "ended with #{$?.exitstatus}" unless $?.success?
ensure
  Process.kill("KILL", process) rescue nil
end
abort "still there" unless Sidekiq::ProcessSet.new.size == 0
