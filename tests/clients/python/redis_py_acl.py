"""Users and their rights with redis-py: the ACL commands, and what a restricted user is refused."""

import redis
from redis.exceptions import AuthenticationError, NoPermissionError
from support import HOST, PORT, refusal


def connect(protocol, **options):
    options = {"protocol": protocol, "decode_responses": True, "retry": None} | options
    return redis.Redis(host=HOST, port=PORT, **options)


def check_commands(client):
    assert client.acl_whoami() == "default"
    assert {"read", "write", "dangerous", "scripting"} <= set(client.acl_cat())
    assert "get" in client.acl_cat("read") and "get" not in client.acl_cat("write")
    assert len(client.acl_genpass()) == 64 and len(client.acl_genpass(128)) == 32
    assert client.acl_setuser(
        "worker",
        enabled=True,
        passwords=["+first", "+second"],
        categories=["+@read", "-@dangerous"],
        commands=["+set", "+multi", "+exec", "+client|id", "-mget"],
        keys=["cache:*", "jobs:*"],
        channels=["news.*"],
        selectors=[("+lpush", "~queue:*")],
        reset=True,
    )
    assert sorted(client.acl_users()) == ["default", "worker"]
    user = client.acl_getuser("worker")
    assert "on" in user["flags"] and len(user["passwords"]) == 2
    assert "-mget" in user["commands"] and "+client|id" in user["commands"]
    assert any(line.startswith("user worker on ") for line in client.acl_list())
    assert client.acl_dryrun("worker", "get", "cache:1") == "OK"
    assert "permission" in client.acl_dryrun("worker", "get", "secret")
    assert client.acl_setuser("worker", enabled=True, passwords=["-second"])
    assert len(client.acl_getuser("worker")["passwords"]) == 1


def check_rights(client, protocol):
    error = refusal(connect(protocol, username="worker", password="second").ping)
    assert isinstance(error, AuthenticationError), error
    with connect(protocol, username="worker", password="first") as worker:
        assert worker.set("cache:1", "v", ex=100) is True
        assert worker.get("cache:1") == "v"
        assert worker.lpush("queue:a", "job") == 1
        assert worker.client_id() > 0
        refused = (
            (worker.get, "secret"),
            (worker.set, "secret", "v"),
            (worker.mget, ["cache:1"]),
            (worker.lpush, "cache:2", "job"),
            (worker.flushall,),
            (worker.keys, "*"),
            (worker.config_get, "*"),
            (worker.acl_list,),
            (worker.publish, "other", "x"),
            (worker.rename, "cache:1", "secret"),
            (worker.client_list,),
        )
        for call, *arguments in refused:
            error = refusal(call, *arguments)
            assert isinstance(error, NoPermissionError), (call, error)
        with worker.pipeline() as pipeline:
            pipeline.set("cache:1", "w").set("secret", "v")
            assert isinstance(refusal(pipeline.execute), redis.RedisError)
        assert worker.get("cache:1") == "v"
        log = client.acl_log()
        assert log[0]["username"] == "worker"
        # Whoever loses the right to a user loses the connection.
        assert client.acl_deluser("worker") == 1
        assert isinstance(refusal(worker.get, "cache:1"), redis.RedisError)
    assert client.acl_log_reset() is True and client.acl_log() == []


def check_scripts(client, protocol):
    """A script has the rights of its user, call by call."""
    client.acl_setuser("scripter", enabled=True, nopass=True, commands=["+eval", "+get"], keys=["a"])
    with connect(protocol, username="scripter", password="any") as scripter:
        assert scripter.eval("return redis.call('GET', KEYS[1])", 1, "a") is None
        for script in ("return redis.call('SET', 'a', 1)", "return redis.call('GET', 'b')"):
            error = str(refusal(scripter.eval, script, 0))
            assert "ACL failure in script" in error or "can't run this command" in error, error
    client.acl_deluser("scripter")


for version in (2, 3):
    with connect(version) as connected:
        connected.flushall()
        check_commands(connected)
        check_rights(connected, version)
        check_scripts(connected, version)
