//! RedisInsight: what its overview, browser, analysis and slow log ask for over one connection.

use std::collections::BTreeSet;

use super::information::{Information, pairs, text_map};
use crate::support::client::Client;
use crate::support::server::ServerProcess;
use crate::support::value::Value;

fn server(protocol: u32) -> (ServerProcess, Client) {
    let server = ServerProcess::evenkeel(&[]);
    let mut client = server.client();
    client.line(&format!("HELLO {protocol}"));
    for number in 0..300 {
        client.line(&format!("SET user:{number} value-{number} EX 1000"));
    }
    (server, client)
}

fn with_both_protocols(check: impl Fn(&mut Client)) {
    for protocol in [2, 3] {
        let (_server, mut client) = server(protocol);
        check(&mut client);
    }
}

#[test]
fn the_overview_has_its_numbers() {
    with_both_protocols(|client| {
        let info = Information::of(client, "default");
        assert_eq!(info.field("server_name"), "evenkeel");
        assert_eq!(info.field("redis_mode"), "standalone");
        assert_eq!(info.field("role"), "master");
        for name in [
            "uptime_in_seconds",
            "uptime_in_days",
            "connected_clients",
            "used_memory",
            "total_connections_received",
            "total_commands_processed",
            "instantaneous_ops_per_sec",
            "keyspace_hits",
            "keyspace_misses",
            "master_repl_offset",
            "number_of_cached_scripts",
        ] {
            assert!(info.integer(name) >= 0, "{name}");
        }
        for name in [
            "instantaneous_input_kbps",
            "instantaneous_output_kbps",
            "used_cpu_sys",
            "used_cpu_user",
        ] {
            assert!(info.float(name) >= 0.0, "{name}");
        }
        let keyspace = Information::of(client, "keyspace");
        let database = pairs(keyspace.field("db0"), ',').expect("pairs");
        assert_eq!(database[0], ("keys", "300"));
        assert_eq!(database[1], ("expires", "300"));
        assert_eq!(database[2].0, "avg_ttl");
        assert_eq!(client.line("DBSIZE"), Value::Integer(300));
        assert_eq!(
            text_map(&client.line("CONFIG GET databases"))["databases"],
            "16"
        );
        assert_eq!(
            text_map(&client.line("CONFIG GET io-threads"))["io-threads"],
            "1"
        );
    });
}

#[test]
fn it_learns_that_there_is_neither_module_nor_cluster() {
    with_both_protocols(|client| {
        assert_eq!(client.line("MODULE LIST"), Value::Array(vec![]));
        let no_cluster = "ERR This instance has cluster support disabled";
        assert_eq!(client.line("CLUSTER INFO"), Value::Error(no_cluster.into()));
        let absent = client.line("COMMAND INFO ft.search json.set");
        assert_eq!(absent.members().len(), 2);
        assert!(absent.members().iter().all(|one| one.members().is_empty()));
    });
}

#[test]
fn commands_and_their_documents_have_the_same_names() {
    with_both_protocols(|client| {
        let listed = client.line("COMMAND");
        let names: BTreeSet<String> = listed
            .members()
            .iter()
            .map(|command| command.members()[0].text())
            .collect();
        assert!(names.contains("get") && names.contains("module"));
        let is_complete = |command: &Value| command.members().len() == 10;
        assert!(listed.members().iter().all(is_complete));
        let documents = client.line("COMMAND DOCS");
        let documented: BTreeSet<String> = documents
            .members()
            .iter()
            .step_by(2)
            .map(Value::text)
            .collect();
        assert_eq!(documented, names);
        for document in documents.members().iter().skip(1).step_by(2) {
            let keys: Vec<String> = document
                .members()
                .iter()
                .step_by(2)
                .map(Value::text)
                .collect();
            assert_eq!(keys[..3], ["summary", "since", "group"]);
        }
        let one = client.line("COMMAND DOCS get");
        assert_eq!(one.members()[0].text(), "get");
        assert_eq!(one.members().len(), 2);
    });
}

#[test]
fn the_browser_finds_keys_by_type_and_tells_their_size_and_time() {
    with_both_protocols(|client| {
        let mut found = BTreeSet::new();
        let mut cursor = "0".to_owned();
        loop {
            let reply = client.line(&format!("SCAN {cursor} MATCH user:* COUNT 100 TYPE string"));
            let [next, keys] = reply.members() else {
                panic!("{reply:?}")
            };
            found.extend(keys.members().iter().map(Value::text));
            cursor = next.text();
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(found.len(), 300);
        let none = client.line("SCAN 0 COUNT 10000 TYPE hash");
        assert_eq!(none.members()[1].members(), []);
        for line in [
            "MEMORY USAGE user:1 SAMPLES 0",
            "MEMORY USAGE user:1",
            "TTL user:1",
        ] {
            assert!(matches!(client.line(line), Value::Integer(1..)), "{line}");
        }
        assert_eq!(client.line("MEMORY USAGE missing"), Value::Nil);
        assert_eq!(client.line("TYPE user:1").text(), "string");
        assert_eq!(client.line("OBJECT ENCODING user:1").text(), "embstr");
        assert_eq!(client.line("EXISTS user:1"), Value::Integer(1));
        assert_eq!(client.line("RENAMENX user:1 user:2"), Value::Integer(0));
        assert_eq!(client.line("PERSIST user:1"), Value::Integer(1));
        assert_eq!(client.line("TTL user:1"), Value::Integer(-1));
        assert_eq!(client.line("UNLINK user:1 user:2"), Value::Integer(2));
    });
}

#[test]
fn the_slow_log_is_configured_and_read_whole() {
    with_both_protocols(|client| {
        let before = text_map(&client.line("CONFIG GET slowlog*"));
        assert_eq!(before["slowlog-log-slower-than"], "10000");
        assert_eq!(before["slowlog-max-len"], "128");
        assert_eq!(before.len(), 2);
        client.line("CONFIG SET slowlog-max-len 50");
        client.line("CONFIG SET slowlog-log-slower-than 0");
        for number in 0..100 {
            client.line(&format!("GET user:{number}"));
        }
        let all = client.line("SLOWLOG GET -1");
        assert_eq!(all.members().len(), 50);
        assert_eq!(client.line("SLOWLOG LEN"), Value::Integer(50));
        for entry in all.members() {
            let [id, time, duration, arguments, peer, name] = entry.members() else {
                panic!("{entry:?}")
            };
            for number in [id, time, duration] {
                assert!(matches!(number, Value::Integer(0..)), "{entry:?}");
            }
            assert!(!arguments.members().is_empty());
            assert!(peer.text().starts_with("127.0.0.1:"));
            assert_eq!(name.text(), "");
        }
        assert_eq!(client.line("SLOWLOG RESET").text(), "OK");
        // The reset itself is the first entry of the new log.
        let newest = client.line("SLOWLOG GET 10");
        assert_eq!(newest.members().len(), 1);
        assert_eq!(
            newest.members()[0].members()[3].members()[0].text(),
            "SLOWLOG"
        );
    });
}

#[test]
fn clients_and_memory_are_told() {
    with_both_protocols(|client| {
        let list = client.line("CLIENT LIST").text();
        let line = list.trim_end();
        let fields = pairs(line, ' ').unwrap_or_else(|word| panic!("{word:?} in {line:?}"));
        let names: Vec<&str> = fields.iter().map(|field| field.0).collect();
        let expected = "id addr laddr fd name age idle flags db sub psub ssub multi qbuf qbuf-free \
                        argv-mem multi-mem rbs rbp obl oll omem tot-mem events cmd user redir resp \
                        lib-name lib-ver";
        assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
        let memory = client.line("MEMORY STATS");
        let names: Vec<String> = memory
            .members()
            .iter()
            .step_by(2)
            .map(Value::text)
            .collect();
        for name in [
            "peak.allocated",
            "total.allocated",
            "overhead.total",
            "keys.count",
            "db.0",
        ] {
            assert!(names.iter().any(|one| one == name), "{name}");
        }
        let count_at = names
            .iter()
            .position(|name| name == "keys.count")
            .expect("checked");
        assert_eq!(memory.members()[2 * count_at + 1], Value::Integer(300));
    });
}
