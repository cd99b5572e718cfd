"use strict";
// Shows what /events sends: one line of JSON a second. Texts of clients are only ever set as text.
(() => {
  const POINTS = 120;
  const SVG = "http://www.w3.org/2000/svg";
  const at = (id) => document.getElementById(id);
  const whole = new Intl.NumberFormat("en");

  const count = (n) => (n < 10000 ? whole.format(Math.round(n))
    : n < 1e6 ? (n / 1e3).toFixed(n < 1e5 ? 1 : 0) + " k" : (n / 1e6).toFixed(2) + " M");
  const bytes = (n) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let step = 0;
    while (n >= 1024 && step < units.length - 1) { n /= 1024; step += 1; }
    return (step && n < 100 ? n.toFixed(1) : Math.round(n)) + " " + units[step];
  };
  const duration = (us) => (us < 1000 ? Math.round(us) + " µs"
    : us < 1e6 ? (us / 1e3).toFixed(us < 1e4 ? 1 : 0) + " ms" : (us / 1e6).toFixed(1) + " s");
  const span = (s) => (s < 60 ? s + " s" : s < 3600 ? Math.floor(s / 60) + " min"
    : s < 86400 ? Math.floor(s / 3600) + " h" : Math.floor(s / 86400) + " days");
  const percent = (part) => (part * 100).toFixed(part > 0.9995 || part === 0 ? 0 : 1) + " %";

  const element = (name, attributes, text) => {
    const made = document.createElementNS(SVG, name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    if (text !== undefined) made.textContent = text;
    return made;
  };

  // A chart keeps its last points; gaps are places where nothing was known.
  class Chart {
    constructor(id, name, show, top, base) {
      this.svg = at(id);
      this.name = name;
      this.show = show;
      this.top = top;
      this.base = base || 10;
      this.points = [];
    }
    add(value) {
      this.points.push(value);
      if (this.points.length > POINTS) this.points.shift();
    }
    draw() {
      const width = this.svg.clientWidth || 300, height = this.svg.clientHeight || 120;
      const known = this.points.filter((value) => value !== null);
      const most = Math.max(this.top || 0, ...known);
      const top = this.top || (most > 0 ? nice(most, this.base) : 1);
      const x = (index) => width * (1 - (this.points.length - 1 - index) / (POINTS - 1));
      const y = (value) => height - 2 - (height - 18) * Math.min(value / top, 1);
      let line = "", area = "", begin = null, last = null;
      this.points.forEach((value, index) => {
        if (value !== null) {
          const place = x(index).toFixed(1) + " " + y(value).toFixed(1);
          if (begin === null) { begin = index; area += "M" + x(index).toFixed(1) + " " + height + "L" + place; line += "M" + place; }
          else { area += "L" + place; line += "L" + place; }
          last = index;
        }
        if (begin !== null && (value === null || index === this.points.length - 1)) {
          area += "L" + x(last).toFixed(1) + " " + height + "Z";
          begin = null;
        }
      });
      this.svg.setAttribute("viewBox", "0 0 " + width + " " + height);
      this.svg.replaceChildren(
        element("line", { class: "grid", x1: 0, x2: width, y1: y(top), y2: y(top) }),
        element("line", { class: "grid", x1: 0, x2: width, y1: y(top / 2), y2: y(top / 2) }),
        element("path", { class: "area", d: area }),
        element("path", { class: "stroke", d: line }),
        element("text", { x: 0, y: 12 }, this.show(top)));
      const now = known.length ? this.show(known[known.length - 1]) : "nothing known";
      this.svg.setAttribute("aria-label", this.name + ": " + now + (known.length
        ? ", least " + this.show(Math.min(...known)) + ", most " + this.show(Math.max(...known)) : ""));
    }
  }
  // The next round number of a unit: 1, 2, 5, 10, 20 … of a power of the base.
  const nice = (most, base) => {
    let unit = 1;
    while (base > 10 && most > unit * base) unit *= base;
    const power = Math.pow(10, Math.floor(Math.log10(most / unit)));
    return [1, 2, 5, 10].find((step) => step * power * unit >= most) * power * unit;
  };

  const charts = {
    requests: new Chart("c-requests", "Requests per second", count),
    hits: new Chart("c-hits", "Hit ratio", percent, 1),
    memory: new Chart("c-memory", "Memory of keys and values", bytes, 0, 1024),
    turn: new Chart("c-turn", "Mean turn of the loop", duration),
    expired: new Chart("c-expired", "Expired per second", count),
    evicted: new Chart("c-evicted", "Evicted per second", count),
  };

  const tile = (id, text, more) => {
    const small = document.createElement("small");
    small.textContent = more || "";
    at(id).replaceChildren(text, small);
  };
  const cell = (name, content, kind) => {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    made.append(content);
    return made;
  };
  const row = (...cells) => {
    const made = document.createElement("tr");
    made.append(...cells);
    return made;
  };
  const pairs = (id, list) => at(id).replaceChildren(...list.map(([name, value, kind]) => {
    const head = cell("th", name);
    head.scope = "row";
    if (kind) {
      const swatch = element("svg", { class: "swatch", viewBox: "0 0 10 10", "aria-hidden": "true" });
      swatch.append(element("rect", { class: kind, width: 10, height: 10, rx: 2 }));
      head.prepend(swatch);
    }
    return row(head, cell("td", value, "number"));
  }));
  const list = (id, section, elements, make) => {
    if (section) at(section).hidden = !elements || elements.length === 0;
    at(id).replaceChildren(...(elements || []).map(make));
  };

  const memory = (info) => {
    const clients = info.used_memory - info.keyspace_bytes;
    const tables = Math.max(info.used_memory_overhead - clients, 0);
    const parts = [
      ["Keys and values", info.keyspace_bytes - tables, "k-values"],
      ["Tables and what is kept about keys", tables, "k-tables"],
      ["Clients", clients, "k-clients"],
    ];
    const room = info.maxmemory ? Math.max(info.maxmemory - info.keyspace_bytes, 0) : 0;
    const total = parts.reduce((sum, part) => sum + part[1], room) || 1;
    let x = 0;
    at("bar").replaceChildren(...parts.concat([["", room, "k-room"]]).map(([, part, kind]) => {
      const width = 1000 * part / total;
      const made = element("rect", { class: kind, x, y: 0, width, height: 24 });
      x += width;
      return made;
    }));
    at("bar").setAttribute("aria-label", info.maxmemory
      ? "Of the limit, " + percent(info.keyspace_bytes / info.maxmemory) + " is used" : "There is no limit");
    const shown = parts.map(([name, part, kind]) => [name, bytes(part), kind]);
    shown.push(info.maxmemory ? ["Room up to the limit of " + bytes(info.maxmemory), bytes(room), "k-room"] : ["Limit", "none"]);
    if (info.snapshot_held_bytes) shown.push(["Of it for a snapshot", bytes(info.snapshot_held_bytes)]);
    shown.push(["The process, resident", bytes(info.used_memory_rss)]);
    pairs("memory", shown);
  };

  const snapshot = (info) => {
    const isRunning = info.snapshot_in_progress === 1;
    at("progress").hidden = !isRunning;
    const part = info.current_save_keys_processed / (info.current_save_keys_total || 1);
    at("progress").value = Math.min(part, 1);
    const seconds = Math.floor(info.server_time_usec / 1e6);
    pairs("snapshot", [
      ["Now", isRunning ? percent(Math.min(part, 1)) + " of " + count(info.current_save_keys_total) + " keys" : "none under way"],
      ["Last one", info.rdb_saves || info.rdb_last_load_keys_loaded ? span(Math.max(seconds - info.rdb_last_save_time, 0)) + " ago" : "none"],
      ["It ended", info.rdb_last_bgsave_status === "ok" ? "well" : "with an error"],
      ["Changes since", count(info.rdb_changes_since_last_save)],
    ]);
  };

  let last = null;
  const perSecond = (info, field) => {
    if (!last) return null;
    const passed = (info.server_time_usec - last.server_time_usec) / 1e6;
    // A counter that has been reset begins again.
    return passed > 0 ? Math.max(info[field] - last[field], 0) / passed : null;
  };
  const hitRatio = (info) => {
    if (!last) return null;
    const hits = info.keyspace_hits - last.keyspace_hits, misses = info.keyspace_misses - last.keyspace_misses;
    return hits + misses > 0 && hits >= 0 && misses >= 0 ? hits / (hits + misses) : null;
  };

  const show = (event) => {
    const info = event.info;
    const requests = perSecond(info, "total_commands_processed"), ratio = hitRatio(info);
    const evicted = perSecond(info, "evicted_keys"), expired = perSecond(info, "expired_keys");
    charts.requests.add(requests);
    charts.hits.add(ratio);
    charts.memory.add(info.keyspace_bytes);
    charts.turn.add(info.instantaneous_eventloop_duration_usec);
    charts.expired.add(expired);
    charts.evicted.add(evicted);
    const rates = { received: perSecond(info, "total_net_input_bytes"), sent: perSecond(info, "total_net_output_bytes") };
    last = info;
    if (isPaused || document.hidden) return;
    const reads = info.keyspace_hits + info.keyspace_misses;
    at("about").textContent = info.evenkeel_version + ", up " + span(info.uptime_in_seconds) + ", port " + info.tcp_port;
    tile("t-requests", requests === null ? "–" : count(requests), count(info.total_commands_processed) + " in all");
    tile("t-hits", ratio === null ? "–" : percent(ratio), reads ? percent(info.keyspace_hits / reads) + " in all" : "no reads yet");
    tile("t-memory", bytes(info.keyspace_bytes), info.maxmemory ? percent(info.keyspace_bytes / info.maxmemory) + " of " + bytes(info.maxmemory) : "no limit");
    const keys = event.databases.reduce((sum, database) => sum + database.keys, 0);
    const expires = event.databases.reduce((sum, database) => sum + database.expires, 0);
    tile("t-keys", count(keys), count(expires) + " expire");
    tile("t-clients", count(info.connected_clients), "of " + count(info.maxclients));
    tile("t-turn", duration(info.loop_turn_max_usec), "99 %: " + duration(info.loop_turn_p99_usec));
    tile("t-lag", duration(info.expire_lag_p99_usec), "for 99 % of " + count(info.expired_keys));
    tile("t-evicted", evicted === null ? "–" : count(evicted), count(info.evicted_keys) + " in all");
    Object.values(charts).forEach((chart) => chart.draw());
    memory(info);
    snapshot(info);
    pairs("loop", [
      ["Half took at most", duration(info.loop_turn_p50_usec)],
      ["99 of 100", duration(info.loop_turn_p99_usec)],
      ["999 of 1,000", duration(info.loop_turn_p999_usec)],
      ["The longest", duration(info.loop_turn_max_usec)],
      ["… of it requests", duration(info.loop_turn_max_serve_usec)],
      ["… expiry, freeing, timers", duration(info.loop_turn_max_work_usec)],
      ["… long reads", duration(info.loop_turn_max_read_usec)],
      ["… snapshot", duration(info.loop_turn_max_save_usec)],
      ["… pages over HTTP", duration(info.loop_turn_max_page_usec)],
      ["… what a primary sends", duration(info.loop_turn_max_follow_usec)],
      ["… writing, coming and going", duration(info.loop_turn_max_write_usec)],
    ]);
    pairs("clients", [
      ["Connected", whole.format(info.connected_clients)],
      ["Waiting for keys or a pause", whole.format(info.blocked_clients)],
      ["Listening to channels", whole.format(info.pubsub_clients)],
      ["Their buffers", bytes(info.client_buffers_bytes)],
      ["Refused", whole.format(info.rejected_connections)],
      ["Received per second", bytes(rates.received || 0)],
      ["Sent per second", bytes(rates.sent || 0)],
      ["Watching this page", whole.format(info.http_viewers)],
    ]);
    list("hot", "s-hot", event.hot, (key) => row(cell("td", key.key, "word"), cell("td", whole.format(key.db), "number"), cell("td", count(key.qps), "number")));
    list("big", "s-big", event.big, (key) => row(cell("td", key.key, "word"), cell("td", whole.format(key.db), "number"),
      cell("td", count(key.elements), "number"), cell("td", bytes(key.bytes), "number")));
    list("curve", "s-curve", event.curve, (point) => row(cell("td", bytes(point.bytes) + (point.factor === 1 ? " (now)" : "")), cell("td", percent(point.ratio), "number")));
    const slow = event.slow.map((entry) => row(
      cell("td", new Date(entry.at * 1000).toLocaleTimeString("en-GB")), cell("td", duration(entry.usec)),
      cell("td", entry.words.join(" "), "word")));
    if (slow.length === 0) slow.push(row(cell("td", "None so far."), cell("td", ""), cell("td", "")));
    at("slow").replaceChildren(...slow);
    if (at("figures").open) {
      for (const field in info) {
        const place = at("f-" + field);
        const text = String(info[field]);
        if (place && place.textContent !== text) place.textContent = text;
      }
    }
  };

  let isPaused = false;
  const state = (word, kind) => {
    if (at("state").textContent === word) return;
    at("state").textContent = word;
    at("state").dataset.state = kind;
  };
  at("pause").addEventListener("click", () => {
    isPaused = !isPaused;
    at("pause").setAttribute("aria-pressed", String(isPaused));
    state(isPaused ? "Paused" : "Live", isPaused ? "paused" : "live");
  });

  at("live").hidden = false;
  at("pause").hidden = false;
  at("figures").open = location.hash === "#figures";
  state("Connecting", "paused");
  const connect = () => {
    const source = new EventSource("/events");
    source.addEventListener("message", (message) => {
      if (!isPaused) state("Live", "live");
      show(JSON.parse(message.data));
    });
    source.addEventListener("error", () => {
      last = null;
      state("No connection; trying again", "lost");
      // The browser tries again by itself, but for an answer that refuses.
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, 5000);
    });
  };
  connect();
})();
