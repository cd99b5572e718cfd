//! redis-cli itself in the modes that look into a server.
//!
//! Left out with a message where redis-cli is missing, unless `CI` is set.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::server::ServerProcess;

/// What a run that ends by itself has written; panics unless it ends with code 0.
fn run(server: &ServerProcess, arguments: &[&str]) -> String {
    let output = command(server, arguments)
        .output()
        .expect("redis-cli was there a moment ago");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "redis-cli {arguments:?}: {}\n{text}{errors}",
        output.status
    );
    assert_eq!(errors, "", "redis-cli {arguments:?}");
    text
}

/// The first lines of a run that goes on until it is ended.
fn first_lines(server: &ServerProcess, arguments: &[&str], count: usize) -> Vec<String> {
    struct Ended(Child);
    impl Drop for Ended {
        fn drop(&mut self) {
            // Both fail only if it has ended and been waited for.
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
    let child = command(server, arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-cli was there a moment ago");
    let mut child = Ended(child);
    let output = child.0.stdout.take().expect("the output is a pipe");
    let lines: Vec<String> = BufReader::new(output)
        .lines()
        .map_while(Result::ok)
        .take(count)
        .collect();
    assert_eq!(
        lines.len(),
        count,
        "redis-cli {arguments:?} ended: {lines:?}"
    );
    lines
}

fn command(server: &ServerProcess, arguments: &[&str]) -> Command {
    let (host, port) = server
        .tcp_address()
        .split_once(':')
        .expect("an address has a port");
    let mut command = Command::new("redis-cli");
    command.args(["-h", host, "-p", port]).args(arguments);
    command.stdin(Stdio::null());
    command
}

/// A server with a thousand keys, one of them larger and more often used than the others; `None`
/// if there is no redis-cli.
fn server() -> Option<ServerProcess> {
    if let Err(error) = Command::new("redis-cli").arg("--version").output() {
        assert!(
            std::env::var_os("CI").is_none(),
            "redis-cli does not start ({error}); install it"
        );
        println!("redis-cli does not start ({error}): nothing is tried");
        return None;
    }
    let server = ServerProcess::evenkeel(&["--maxmemory-policy", "allkeys-lfu"]);
    let mut client = server.client();
    for number in 0..999 {
        client.line(&format!("SET key:{number} v"));
    }
    client.line(&format!("SET large {}", "x".repeat(5_000)));
    for _ in 0..2_000 {
        client.line("GET large");
    }
    Some(server)
}

fn assert_has(text: &str, part: &str) {
    assert!(text.contains(part), "no {part:?} in:\n{text}");
}

#[test]
fn bigkeys_finds_the_longest_value() {
    let Some(server) = server() else { return };
    let text = run(&server, &["--bigkeys"]);
    assert_has(&text, "Sampled 1000 keys in the keyspace!");
    assert_has(&text, "Biggest string found '\"large\"' has 5000 bytes");
    assert_has(&text, "1000 strings with 5999 bytes (100.00% of keys");
    assert_has(&text, "0 zsets with 0 members");
}

#[test]
fn memkeys_finds_the_key_that_takes_most() {
    let Some(server) = server() else { return };
    for arguments in [&["--memkeys"][..], &["--memkeys-samples", "0"]] {
        let text = run(&server, arguments);
        assert_has(&text, "Sampled 1000 keys in the keyspace!");
        assert_has(&text, "Biggest string found '\"large\"' has ");
    }
}

#[test]
fn hotkeys_finds_the_key_that_is_used_most() {
    let Some(server) = server() else { return };
    let text = run(&server, &["--hotkeys"]);
    assert_has(&text, "Sampled 1000 keys in the keyspace!");
    let hottest = text
        .lines()
        .find(|line| line.starts_with("hot key found with counter: "))
        .unwrap_or_else(|| panic!("no hot key in:\n{text}"));
    assert_has(hottest, "keyname: \"large\"");
}

#[test]
fn scan_lists_keys_by_pattern_and_type() {
    let Some(server) = server() else { return };
    let all = run(&server, &["--scan"]);
    assert_eq!(all.lines().count(), 1_000);
    let mut some: Vec<String> = run(&server, &["--scan", "--pattern", "key:99?"])
        .lines()
        .map(str::to_owned)
        .collect();
    some.sort();
    let expected: Vec<String> = (990..999).map(|number| format!("key:{number}")).collect();
    assert_eq!(some, expected);
    assert_eq!(
        run(&server, &["-3", "--scan", "--pattern", "large"]),
        "large\n"
    );
}

#[test]
fn stat_has_a_line_of_numbers_a_moment() {
    let Some(server) = server() else { return };
    let lines = first_lines(&server, &["--stat", "-i", "0.01"], 4);
    assert_has(&lines[0], "- data -");
    assert_has(&lines[1], "keys       mem      clients blocked requests");
    for line in &lines[2..] {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[0], "1000", "{line}");
        assert!(words[1].ends_with('K'), "{line}");
        // The client that wrote the keys may not be gone yet.
        assert!(["1", "2"].contains(&words[2]), "{line}");
        assert_eq!(words[3], "0", "{line}");
        assert!(
            words[4].parse::<u64>().is_ok_and(|count| count >= 3_000),
            "{line}"
        );
    }
}

#[test]
fn latency_modes_measure() {
    let Some(server) = server() else { return };
    let once = run(&server, &["--latency", "-i", "0.05"]);
    let numbers: Vec<f64> = once
        .split_whitespace()
        .map(|word| word.parse().unwrap_or_else(|_| panic!("{once:?}")))
        .collect();
    assert_eq!(numbers.len(), 4, "{once:?}");
    let history = first_lines(&server, &["--latency-history", "-i", "0.01"], 40);
    assert_has(&history.join("\n"), "seconds range");
    let spectrum = first_lines(&server, &["--latency-dist", "-i", "0.01"], 9);
    assert_has(&spectrum.join("\n"), "From 0 to 100%");
}

#[test]
fn a_password_is_given_as_option_or_in_the_environment() {
    if server().is_none() {
        return;
    }
    let server = ServerProcess::evenkeel(&["--requirepass", "secret"]);
    assert_eq!(
        run(&server, &["-a", "secret", "--no-auth-warning", "PING"]),
        "PONG\n"
    );
    let user = ["--user", "default", "--pass", "secret", "--no-auth-warning"];
    assert_eq!(run(&server, &[&user[..], &["PING"]].concat()), "PONG\n");
    let output = command(&server, &["PING"])
        .env("REDISCLI_AUTH", "secret")
        .output()
        .expect("redis-cli was there a moment ago");
    assert_eq!(output.stdout, b"PONG\n");
    assert_has(&run(&server, &["PING"]), "NOAUTH Authentication required.");
    let output = command(&server, &["-a", "wrong", "--no-auth-warning", "PING"])
        .output()
        .expect("redis-cli was there a moment ago");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_has(&errors, "WRONGPASS invalid username-password pair");
}
