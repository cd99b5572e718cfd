"""What the live page must show for two lines of its stream, as page.js writes it.

A second telling of the page's arithmetic, so that a wrong sum there is seen: `texts` gives the text
of each place of the page by its id, and of each table its rows.

Not here: reading the page and INFO (live_page.py).
"""

from decimal import ROUND_HALF_UP, Decimal


def fixed(number, digits):
    """As toFixed of JavaScript: halves go up."""
    step = Decimal(1).scaleb(-digits)
    return str(Decimal(number).quantize(step, rounding=ROUND_HALF_UP))


def whole(number):
    return f"{int(fixed(number, 0)):,}"


def count(number):
    if number < 10_000:
        return whole(number)
    if number < 1e6:
        return fixed(number / 1e3, 1 if number < 1e5 else 0) + " k"
    return fixed(number / 1e6, 2) + " M"


def size(number):
    units = ["B", "KiB", "MiB", "GiB", "TiB"]
    step = 0
    while number >= 1024 and step < len(units) - 1:
        number, step = number / 1024, step + 1
    return fixed(number, 1 if step and number < 100 else 0) + " " + units[step]


def duration(us):
    if us < 1000:
        return fixed(us, 0) + " µs"
    if us < 1e6:
        return fixed(us / 1e3, 1 if us < 1e4 else 0) + " ms"
    return fixed(us / 1e6, 1) + " s"


def span(seconds):
    for unit, name in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"


def percent(part):
    return fixed(part * 100, 0 if part > 0.9995 or part == 0 else 1) + " %"


def rate(last, info, field):
    passed = (info["server_time_usec"] - last["server_time_usec"]) / 1e6
    return max(info[field] - last[field], 0) / passed if passed > 0 else None


def or_dash(number, show):
    return "–" if number is None else show(number)


def hit_ratio(last, info):
    hits = info["keyspace_hits"] - last["keyspace_hits"]
    misses = info["keyspace_misses"] - last["keyspace_misses"]
    return hits / (hits + misses) if hits + misses else None


def tiles(last, event):
    info = event["info"]
    reads = info["keyspace_hits"] + info["keyspace_misses"]
    evicted = rate(last, info, "evicted_keys")
    databases = event["databases"]
    return {
        "t-requests": (or_dash(rate(last, info, "total_commands_processed"), count),
                       count(info["total_commands_processed"]) + " in all"),
        "t-hits": (or_dash(hit_ratio(last, info), percent),
                   percent(info["keyspace_hits"] / reads) + " in all"),
        "t-memory": (size(info["keyspace_bytes"]),
                     percent(info["keyspace_bytes"] / info["maxmemory"]) + " of " + size(info["maxmemory"])),
        "t-keys": (count(sum(database["keys"] for database in databases)),
                   count(sum(database["expires"] for database in databases)) + " expire"),
        "t-clients": (count(info["connected_clients"]), "of " + count(info["maxclients"])),
        "t-turn": (duration(info["loop_turn_max_usec"]), "99 %: " + duration(info["loop_turn_p99_usec"])),
        "t-lag": (duration(info["expire_lag_p99_usec"]), "for 99 % of " + count(info["expired_keys"])),
        "t-evicted": (or_dash(evicted, count), count(info["evicted_keys"]) + " in all"),
    }


def tables(last, event):
    info = event["info"]
    clients = info["used_memory"] - info["keyspace_bytes"]
    about_keys = max(info["used_memory_overhead"] - clients, 0)
    room = max(info["maxmemory"] - info["keyspace_bytes"], 0)
    part = info["current_save_keys_processed"] / (info["current_save_keys_total"] or 1)
    is_saving = info["snapshot_in_progress"] == 1
    seconds = info["server_time_usec"] // 1_000_000
    parts = [[name, duration(info[f"loop_turn_max_{part}usec"])] for name, part in (
        ("The longest", ""), ("… of it requests", "serve_"), ("… expiry, freeing, timers", "work_"),
        ("… long reads", "read_"), ("… snapshot", "save_"), ("… pages over HTTP", "page_"),
        ("… what a primary sends", "follow_"), ("… writing, coming and going", "write_"))]
    held = info["snapshot_held_bytes"]
    return {
        "memory": [
            ["Keys and values", size(info["keyspace_bytes"] - about_keys)],
            ["Tables and what is kept about keys", size(about_keys)],
            ["Clients", size(clients)],
            ["Room up to the limit of " + size(info["maxmemory"]), size(room)],
            *([["Of it for a snapshot", size(held)]] if held else []),
            ["The process, resident", size(info["used_memory_rss"])],
        ],
        "loop": [
            ["Half took at most", duration(info["loop_turn_p50_usec"])],
            ["99 of 100", duration(info["loop_turn_p99_usec"])],
            ["999 of 1,000", duration(info["loop_turn_p999_usec"])],
            *parts,
        ],
        "snapshot": [
            ["Now", f"{percent(min(part, 1))} of {count(info['current_save_keys_total'])} keys"
             if is_saving else "none under way"],
            ["Last one", span(max(seconds - info["rdb_last_save_time"], 0)) + " ago"
             if info["rdb_saves"] or info["rdb_last_load_keys_loaded"] else "none"],
            ["It ended", "well" if info["rdb_last_bgsave_status"] == "ok" else "with an error"],
            ["Changes since", count(info["rdb_changes_since_last_save"])],
        ],
        "clients": [
            ["Connected", whole(info["connected_clients"])],
            ["Waiting for keys or a pause", whole(info["blocked_clients"])],
            ["Listening to channels", whole(info["pubsub_clients"])],
            ["Their buffers", size(info["client_buffers_bytes"])],
            ["Refused", whole(info["rejected_connections"])],
            ["Received per second", size(rate(last, info, "total_net_input_bytes") or 0)],
            ["Sent per second", size(rate(last, info, "total_net_output_bytes") or 0)],
            ["Watching this page", whole(info["http_viewers"])],
        ],
        "hot": [[key["key"], whole(key["db"]), count(key["qps"])] for key in event["hot"]],
        "big": [[key["key"], whole(key["db"]), count(key["elements"]), size(key["bytes"])]
                for key in event["big"]],
        "curve": [[size(point["bytes"]) + (" (now)" if point["factor"] == 1 else ""), percent(point["ratio"])]
                  for point in event["curve"]],
    }


def charts(last, event):
    """The last value of each chart, and its name."""
    info = event["info"]
    known = {
        "c-requests": ("Requests per second", rate(last, info, "total_commands_processed"), count),
        "c-hits": ("Hit ratio", hit_ratio(last, info), percent),
        "c-memory": ("Memory of keys and values", info["keyspace_bytes"], size),
        "c-turn": ("Mean turn of the loop", info["instantaneous_eventloop_duration_usec"], duration),
        "c-expired": ("Expired per second", rate(last, info, "expired_keys"), count),
        "c-evicted": ("Evicted per second", rate(last, info, "evicted_keys"), count),
    }
    return {place: f"{name}: {show(number)}" for place, (name, number, show) in known.items()
            if number is not None}
