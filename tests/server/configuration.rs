//! Configuration files and the real binary: starting with them, checking and rewriting them.
//!
//! Not here: what a line means (`src/config/`), what CONFIG replies (`tests/scripts/server.txt`).

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::client::Client;
use crate::support::server::{Ended, ServerProcess, run_evenkeel};
use crate::support::value::Value;
use tempfile::TempDir;

/// Files of these names and contents in a directory of their own.
fn files(given: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    for (name, text) in given {
        std::fs::write(directory.path().join(name), text).expect("it can be written to");
    }
    directory
}

fn path(directory: &TempDir, name: &str) -> String {
    let path = directory.path().join(name);
    path.to_str().expect("the path is text").to_owned()
}

fn read(directory: &TempDir, name: &str) -> String {
    std::fs::read_to_string(directory.path().join(name)).expect("the file is there")
}

fn get(client: &mut Client, name: &str) -> String {
    let pair = match client.line(&format!("CONFIG GET {name}")) {
        Value::Array(pair) => pair,
        other => panic!("CONFIG GET {name} answers {other:?}"),
    };
    match &pair[..] {
        [Value::Bulk(_), Value::Bulk(value)] => String::from_utf8_lossy(value).into_owned(),
        other => panic!("CONFIG GET {name} answers {other:?}"),
    }
}

fn expect_ok(client: &mut Client, request: &[&str]) {
    let reply = client.call(request);
    assert_eq!(reply, Value::Simple(b"OK".to_vec()), "{request:?}");
}

fn expect_error(client: &mut Client, request: &[&str], beginning: &str) {
    match client.call(request) {
        Value::Error(text) => assert!(
            text.starts_with(beginning.as_bytes()),
            "{request:?}: {}",
            String::from_utf8_lossy(&text)
        ),
        other => panic!("{request:?}: {other:?}"),
    }
}

fn check(arguments: &[&str]) -> Ended {
    run_evenkeel(&[&["--check-config"], arguments].concat())
}

/// Path of a file in `tests/data/`.
fn data(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name);
    path.to_str().expect("the path is text").to_owned()
}

/// Starts the server with a redis.conf; one line warns, and names these parameters.
fn start_with_one_warning(file: &str, named: &[&str]) -> ServerProcess {
    // What would leave the test's directory.
    let own = [
        file,
        "--dir",
        ".",
        "--logfile",
        "",
        "--pidfile",
        "",
        "--daemonize",
        "no",
    ];
    let checked = check(&own);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.output[0].starts_with("OK; "), "{checked:?}");
    let mut server = ServerProcess::evenkeel(&own);
    server.wait_for_log("ready to accept connections");
    let log = server.log();
    let warnings: Vec<&String> = log.iter().filter(|line| line.contains("WARN")).collect();
    let [warning] = warnings[..] else {
        panic!("one warning is expected: {warnings:?}");
    };
    for name in named {
        assert!(warning.contains(&format!(" {name}")), "{warning}");
    }
    server
}

/// The file of another server loads: what is the same works, and one line names what is not.
#[test]
fn a_redis_conf_of_debian_starts_the_server_with_one_warning() {
    let named = ["rdbcompression", "hz", "appendfsync", "activerehashing"];
    let server = start_with_one_warning(&data("redis-7.0-debian.conf"), &named);
    let mut client = server.client();
    assert_eq!(get(&mut client, "stop-writes-on-bgsave-error"), "yes");
    assert_eq!(get(&mut client, "dbfilename"), "dump.rdb");
    assert_eq!(get(&mut client, "slave-read-only"), "yes");
    assert_eq!(get(&mut client, "appendonly"), "no");
}

#[test]
fn a_redis_conf_of_its_own_distribution_starts_the_server_with_one_warning() {
    let named = ["locale-collate", "list-compress-depth", "rdbchecksum"];
    let server = start_with_one_warning(&data("redis-7.2-upstream.conf"), &named);
    let mut client = server.client();
    assert_eq!(get(&mut client, "databases"), "16");
    assert_eq!(get(&mut client, "slowlog-max-len"), "128");
    assert_eq!(get(&mut client, "set-max-listpack-value"), "64");
}

/// Whoever has taken away every number sign still has a file that loads.
#[test]
fn every_line_of_a_redis_conf_is_known() {
    let both = ["redis-7.2-upstream.conf", "redis-7.2-commented.conf"];
    let lines = both.map(|name| std::fs::read_to_string(data(name)).expect("the file is there"));
    let directory = files(&[("redis.conf", &lines.concat())]);
    let named = [
        "cluster-enabled",
        "tls-cluster",
        "io-threads",
        "activedefrag",
    ];
    let server = start_with_one_warning(&path(&directory, "redis.conf"), &named);
    let mut client = server.client();
    assert_eq!(get(&mut client, "save"), "3600 1 300 100 60 10000");
    assert_eq!(get(&mut client, "maxmemory-policy"), "noeviction");
    assert_eq!(get(&mut client, "cluster-enabled"), "no");
}

#[test]
fn files_of_later_and_kindred_servers_start_the_server_with_one_warning() {
    let named = ["dual-channel-replication-enabled", "import-mode"];
    let valkey = start_with_one_warning(&data("valkey-9.conf"), &named);
    let mut client = valkey.client();
    // Names of Valkey for what is here.
    assert_eq!(get(&mut client, "slowlog-log-slower-than"), "20000");
    assert_eq!(get(&mut client, "commandlog-slow-execution-max-len"), "64");
    start_with_one_warning(&data("keydb-6.3.conf"), &["server-threads", "testmode"]);
    start_with_one_warning(&data("redis-8.conf"), &["repl-rdb-channel"]);
}

/// The line of a user says no more than `requirepass` does, and goes when that changes.
#[test]
fn a_file_that_redis_rewrote_loads_and_is_rewritten() {
    let text = std::fs::read_to_string(data("redis-rewritten.conf")).expect("the file is there");
    let directory = files(&[("a.conf", &text)]);
    let file = path(&directory, "a.conf");
    assert_eq!(check(&[&file]).output, ["OK"]);
    let server = ServerProcess::evenkeel(&[&file]);
    let mut client = server.client();
    expect_ok(&mut client, &["AUTH", "default", "s3cret"]);
    expect_ok(&mut client, &["CONFIG", "SET", "requirepass", "other"]);
    expect_ok(&mut client, &["CONFIG", "REWRITE"]);
    let rewritten = read(&directory, "a.conf");
    assert!(rewritten.contains("\nrequirepass other\n"), "{rewritten}");
    assert!(!rewritten.contains("user default"), "{rewritten}");
    assert_eq!(check(&[&file]).output, ["OK"]);
    for (line, place) in [
        ("user alice on nopass ~* +@nothing", "faulty users: "),
        ("user alice on #12 ~* +@all", "faulty users: "),
        ("user", "faulty users: "),
        ("loadmodule /usr/lib/module.so", ""),
    ] {
        std::fs::write(&file, format!("requirepass other\n{line}\n")).unwrap();
        let ended = check(&[&file]);
        assert_eq!(ended.code, Some(1), "{line}");
        assert!(
            ended.errors[0].starts_with(&format!("evenkeel: {place}{file}:2: ")),
            "{ended:?}"
        );
    }
}

/// What users may do stands in the configuration or in a file of their own, and is kept there.
#[test]
fn users_are_kept_in_the_configuration_or_in_a_file_of_their_own() {
    let users = "user default off\nuser ops on >secret ~* &* +@all\nuser app on >pw ~a:* +get\n";
    let directory = files(&[("a.conf", users), ("users.acl", users)]);
    let file = path(&directory, "a.conf");
    let acl_file = path(&directory, "users.acl");
    let folder = path(&directory, "");
    let started = [
        (vec![&file[..]], &["CONFIG", "REWRITE"][..], "a.conf"),
        (
            // A relative name begins in `dir`.
            vec!["--dir", &folder[..], "--aclfile", "users.acl"],
            &["ACL", "SAVE"][..],
            "users.acl",
        ),
    ];
    for (arguments, save, name) in started {
        let server = ServerProcess::evenkeel(&arguments);
        let mut client = server.client();
        expect_error(&mut client, &["GET", "a:1"], "NOAUTH");
        expect_ok(&mut client, &["AUTH", "app", "pw"]);
        expect_error(
            &mut client,
            &["GET", "b"],
            "NOPERM No permissions to access a key",
        );
        expect_ok(&mut client, &["AUTH", "ops", "secret"]);
        expect_ok(
            &mut client,
            &["ACL", "SETUSER", "new", "on", "nopass", "+ping"],
        );
        expect_ok(&mut client, save);
        let written = read(&directory, name);
        assert!(
            written.contains("user new on nopass sanitize-payload resetchannels -@all +ping\n"),
            "{written}"
        );
        assert!(
            !written.contains("secret") && !written.contains(">pw"),
            "{written}"
        );
        if name == "users.acl" {
            std::fs::write(&acl_file, "user app on +nothing\n").unwrap();
            expect_error(&mut client, &["ACL", "LOAD"], "ERR ");
            std::fs::write(&acl_file, "user ops on >other ~* &* +@all\n").unwrap();
            expect_ok(&mut client, &["ACL", "LOAD"]);
            let mut next = server.client();
            expect_error(&mut next, &["AUTH", "new", ""], "WRONGPASS");
            expect_ok(&mut next, &["AUTH", "ops", "other"]);
        }
    }
    let both = check(&[&file, "--aclfile", &acl_file]);
    assert_eq!(both.code, Some(1), "{both:?}");
}

#[test]
fn options_may_include_files_that_begin_where_the_server_is_started() {
    let directory = files(&[
        ("a.conf", "timeout 1\nsave 11 1\n"),
        ("b.conf", "timeout 2\n"),
    ]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    let given = [
        "--check-config",
        "a.conf",
        "--include",
        "b.conf",
        "--timeout",
        "3",
        "--include",
        "c.conf",
    ];
    command.current_dir(directory.path()).args(given);
    let output = command.output().expect("the binary starts");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        errors.contains("command line: cannot read c.conf: "),
        "{errors}"
    );
    let start = path(&directory, "a.conf");
    let included = path(&directory, "b.conf");
    let server = ServerProcess::evenkeel(&[&start, "--include", &included, "--save"]);
    let mut client = server.client();
    assert_eq!(get(&mut client, "timeout"), "2");
    assert_eq!(get(&mut client, "save"), "");
}

#[test]
fn names_of_files_begin_in_dir() {
    let directory = files(&[]);
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    let text = format!(
        "dir {}\npidfile my.pid\nunixsocket my.sock\n",
        data.display()
    );
    std::fs::write(directory.path().join("a.conf"), text).unwrap();
    command.args([&path(&directory, "a.conf"), "--port", "0"]);
    command.stdin(std::process::Stdio::null());
    let mut server = ServerProcess::run(&mut command);
    server.wait_for_log("ready to accept connections");
    let mut client = server.client();
    assert_eq!(get(&mut client, "dir"), data.to_str().unwrap());
    assert_eq!(get(&mut client, "pidfile"), "my.pid");
    expect_ok(&mut client, &["SET", "key", "value"]);
    expect_ok(&mut client, &["SAVE"]);
    for name in ["my.pid", "my.sock", "dump.evk"] {
        assert!(data.join(name).exists(), "{name}");
    }
    server.signal("TERM");
    server.wait_for_exit(crate::support::PATIENCE);
    assert!(!data.join("my.pid").exists() && !data.join("my.sock").exists());
    let server = ServerProcess::evenkeel(&[]);
    let answer = get(&mut server.client(), "dir");
    let here = server.directory().to_str().unwrap();
    assert!(answer == here || answer.ends_with(here), "{answer}");
}

#[test]
fn options_override_the_file_and_what_it_includes() {
    let directory = files(&[
        (
            "a.conf",
            "timeout 1\nmaxclients 11\nsave 10 1\ninclude c*.conf\nsave 40 4\n",
        ),
        ("c1.conf", "timeout 2\nsave 20 2\n"),
        ("c2.conf", "maxclients 22\nsave 30 3\n"),
    ]);
    let start = path(&directory, "a.conf");
    // A relative path begins where the server is started, which is not where the file is.
    let absolute = format!("include {}", path(&directory, "c*.conf"));
    let text = read(&directory, "a.conf").replace("include c*.conf", &absolute);
    std::fs::write(&start, text).unwrap();
    let server = ServerProcess::evenkeel(&[&start, "--maxclients", "33"]);
    let mut client = server.client();
    assert_eq!(get(&mut client, "timeout"), "2");
    assert_eq!(get(&mut client, "maxclients"), "33");
    assert_eq!(get(&mut client, "save"), "10 1 20 2 30 3 40 4");
}

#[test]
fn a_check_says_ok_or_where_the_fault_is() {
    let directory = files(&[
        ("good.conf", "port 7000\ntimeout 5\n"),
        ("bad.conf", "# about\ntimeot 5\n"),
        ("loop.conf", ""),
        ("name.conf", "rename-command nosuch x"),
    ]);
    let checked = check(&[&path(&directory, "good.conf")]);
    assert_eq!(
        (checked.code, &checked.output[..]),
        (Some(0), &["OK".to_owned()][..])
    );
    let bad = path(&directory, "bad.conf");
    let complaint = |arguments: &[&str]| {
        let ended = check(arguments);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_eq!(
            (ended.output.len(), ended.errors.len()),
            (0, 1),
            "{ended:?}"
        );
        ended.errors[0].clone()
    };
    assert_eq!(
        complaint(&[&bad]),
        format!(
            "evenkeel: {bad}:2: unknown parameter 'timeot', did you mean 'timeout'? in 'timeot 5'"
        )
    );
    let option = complaint(&[&path(&directory, "good.conf"), "--timeout", "x"]);
    assert!(option.starts_with("evenkeel: command line: "), "{option}");
    assert_eq!(
        complaint(&[&path(&directory, "name.conf")]),
        "evenkeel: rename-command: there is no command 'nosuch'"
    );
    let own = path(&directory, "loop.conf");
    std::fs::write(&own, format!("include {own}")).unwrap();
    assert_eq!(
        complaint(&[&own]),
        format!("evenkeel: {own}:1: {own} is included by itself")
    );
    assert!(complaint(&["/nonexistent.conf"]).contains("cannot read /nonexistent.conf"));
    assert!(complaint(&[]).contains("wants a configuration file"));
}

#[test]
fn a_reload_reads_what_the_file_includes_and_keeps_what_was_set() {
    let directory = files(&[("a.conf", ""), ("b.conf", "timeout 1\nmaxclients 11\n")]);
    let start = path(&directory, "a.conf");
    std::fs::write(
        &start,
        format!(
            "include {}\nenable-debug-command yes\n",
            path(&directory, "b.conf")
        ),
    )
    .unwrap();
    let mut server = ServerProcess::evenkeel(&[&start]);
    let mut client = server.client();
    expect_ok(&mut client, &["CONFIG", "SET", "maxclients", "22"]);
    std::fs::write(
        directory.path().join("b.conf"),
        "timeout 2\nmaxclients 11\nhz 20\n",
    )
    .unwrap();
    server.signal("HUP");
    server.wait_for_log("configuration reloaded: set timeout, hz");
    server.wait_for_log("1 parameter has no effect here: hz");
    assert_eq!(get(&mut client, "timeout"), "2");
    assert_eq!(get(&mut client, "maxclients"), "22");
    // What is written to the file now is in force, so a reload finds nothing to set.
    expect_ok(&mut client, &["CONFIG", "REWRITE"]);
    assert!(read(&directory, "a.conf").ends_with("\nmaxclients 22\n"));
    server.signal("HUP");
    server.wait_for_log("configuration reloaded: set nothing");
    assert_eq!(get(&mut client, "maxclients"), "22");
}

#[test]
fn what_was_set_is_written_to_the_file_and_is_there_after_a_restart() {
    // The tests' servers are started with the option that the file has, too.
    let text =
        "# mine\n\nport 0\n  timeout 5   \nenable-debug-command yes\n# limits\nmaxclients 100\n";
    let directory = files(&[("a.conf", text)]);
    let file = path(&directory, "a.conf");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let server = ServerProcess::evenkeel(&[&file]);
    let mut client = server.client();
    expect_ok(&mut client, &["CONFIG", "REWRITE"]);
    assert_eq!(read(&directory, "a.conf"), text, "nothing was changed");
    let pairs = ["maxclients", "200", "save", "5 1 6 2", "hz", "20"];
    expect_ok(&mut client, &[&["CONFIG", "SET"], &pairs[..]].concat());
    expect_ok(&mut client, &["CONFIG", "SET", "requirepass", "two words"]);
    expect_ok(&mut client, &["CONFIG", "REWRITE"]);
    let changed = text.replace("100", "200");
    assert_eq!(
        read(&directory, "a.conf"),
        format!(
            "{changed}# Generated by CONFIG REWRITE\nrequirepass \"two words\"\nsave 5 1\n\
             save 6 2\nhz 20\n"
        )
    );
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "the password is as secret as before");
    let names = std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(names, 1, "nothing is left beside the file");
    drop(server);
    let server = ServerProcess::evenkeel(&[&file]);
    let mut client = server.client();
    expect_ok(&mut client, &["AUTH", "two words"]);
    assert_eq!(get(&mut client, "maxclients"), "200");
    assert_eq!(get(&mut client, "save"), "5 1 6 2");
    assert_eq!(get(&mut client, "hz"), "20");
    assert_eq!(
        get(&mut client, "hash-seed"),
        "0",
        "a drawn seed is not told"
    );
}

#[test]
fn a_file_that_was_broken_meanwhile_is_not_touched() {
    let directory = files(&[("a.conf", "timeout 5\n")]);
    let file = path(&directory, "a.conf");
    let server = ServerProcess::evenkeel(&[&file]);
    std::fs::write(&file, "timeout 5\nnonsense\n").unwrap();
    let mut client = server.client();
    expect_ok(&mut client, &["CONFIG", "SET", "timeout", "6"]);
    let reply = client.line("CONFIG REWRITE");
    let text =
        format!("ERR Rewriting config file: {file}:2: unknown parameter 'nonsense' in 'nonsense'");
    assert_eq!(reply, Value::Error(text.into_bytes()));
    assert_eq!(read(&directory, "a.conf"), "timeout 5\nnonsense\n");
}

#[test]
fn ping_tells_by_its_exit_code_whether_a_server_serves() {
    let server = ServerProcess::evenkeel_with(&[], |command| {
        command.env("EVENKEEL_REQUIREPASS", "two words");
    });
    let local = ServerProcess::evenkeel(&["--unixsocket", "evenkeel.sock"]);
    let port = server.tcp_address().rsplit(':').next().expect("a port");
    let file = server.directory().join("password");
    std::fs::write(&file, "two words\n").expect("it can be written");
    let path = |name: &str| server.directory().join(name).display().to_string();
    let socket = local.directory().join("evenkeel.sock");
    let socket = socket.display().to_string();
    for (arguments, code, output, error) in [
        (&["ping", "--port", port][..], 0, "PONG", ""),
        (&["ping", "--unixsocket", &socket], 0, "PONG", ""),
        (
            &[
                "ping",
                "--port",
                port,
                "--user",
                "default",
                "--pass-file",
                &path("password"),
            ],
            0,
            "PONG",
            "",
        ),
        (
            &["ping", "--port", port, "--pass-file", &path("nothing")],
            1,
            "",
            "cannot read",
        ),
        (
            &["ping", "--unixsocket", &path("nothing")],
            1,
            "",
            "no server at",
        ),
    ] {
        let ended = run_evenkeel(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        assert_eq!(ended.output.join(""), output, "{arguments:?}");
        assert!(ended.errors.join("").contains(error), "{ended:?}");
    }
}

#[test]
fn the_environment_counts_before_the_file_and_after_the_options() {
    let given = files(&[("a.conf", "maxmemory-policy noeviction\ntimeout 1\n")]);
    let file = path(&given, "a.conf");
    let server = ServerProcess::evenkeel_with(&[&file, "--timeout", "3"], |command| {
        command.env("EVENKEEL_TIMEOUT", "7");
        command.env("EVENKEEL_MAXMEMORY_POLICY", "allkeys-lfu");
    });
    let mut client = server.client();
    assert_eq!(get(&mut client, "timeout"), "3");
    assert_eq!(get(&mut client, "maxmemory-policy"), "allkeys-lfu");
}
