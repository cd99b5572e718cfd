//! Encrypted clients against the real binary: versions, certificates, renewal, and those who mean
//! no good.
//!
//! Certificates are made here, for this run only.

use crate::authority::{Authority, Identity};
use crate::process::open_file_limit;
use crate::support::server::{ServerProcess, free_port, run_evenkeel};
use crate::support::value::Value;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A server that encrypts, and how to reach it.
struct Encrypted {
    server: ServerProcess,
    authority: Authority,
    port: u16,
}

impl Encrypted {
    fn start(more: &[&str]) -> Self {
        let authority = Authority::new();
        authority.sign("server");
        let port = free_port();
        let path = |name: &str| authority.path(name).display().to_string();
        let (port_text, certificate, key) =
            (port.to_string(), path("server.pem"), path("server.key"));
        let ca = path("ca.pem");
        // With `--port 0` there would be no other port than this.
        let plain_port = free_port().to_string();
        let mut arguments = vec![
            "--port",
            &plain_port,
            "--tls-port",
            &port_text,
            "--tls-cert-file",
            &certificate,
        ];
        arguments.extend(["--tls-key-file", &key, "--tls-ca-cert-file", &ca]);
        arguments.extend(more);
        let server = ServerProcess::evenkeel(&arguments);
        Self {
            server,
            authority,
            port,
        }
    }

    /// A client that speaks one version, and shows a certificate if it has one.
    fn client(
        &self,
        version: &'static rustls::SupportedProtocolVersion,
        identity: Option<Identity>,
    ) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots
            .add(self.authority.issuer.der().clone())
            .expect("an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_root_certificates(roots);
        let config = match identity {
            Some(Identity { certificate, key }) => {
                let made = builder.with_client_auth_cert(vec![certificate], key);
                made.expect("a certificate and its key")
            }
            None => builder.with_no_client_auth(),
        };
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
        let stream = self.plain_socket();
        StreamOwned::new(connection, stream)
    }

    fn plain_socket(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("connected");
        let limit = Some(Duration::from_secs(20));
        stream.set_read_timeout(limit).expect("a limit");
        stream
    }
}

/// Sends a request and expects just this reply.
fn expect(stream: &mut (impl Read + Write), request: &[u8], reply: &[u8]) {
    stream.write_all(request).expect("sent");
    stream.flush().expect("sent");
    let mut got = vec![0; reply.len()];
    stream.read_exact(&mut got).expect("a reply");
    assert!(
        got == reply,
        "{:?}",
        String::from_utf8_lossy(&got[..got.len().min(200)])
    );
}

/// Whether the server ends this connection, whatever it says before.
fn is_ended(stream: &mut (impl Read + Write)) -> bool {
    _ = stream.write_all(b"PING\r\n");
    _ = stream.flush();
    !matches!(stream.read(&mut [0; 7]), Ok(count) if count > 0)
}

const NO_CERTIFICATES: &[&str] = &["--tls-auth-clients", "no"];

#[test]
fn both_versions_carry_small_and_large_requests() {
    let encrypted = Encrypted::start(NO_CERTIFICATES);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut client = encrypted.client(version, None);
        expect(&mut client, b"PING\r\n", b"+PONG\r\n");
        let value = vec![b'v'; 3 << 20];
        let set = [
            &b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3145728\r\n"[..],
            &value,
            b"\r\n",
        ]
        .concat();
        expect(&mut client, &set, b"+OK\r\n");
        let get = [&b"$3145728\r\n"[..], &value, b"\r\n"].concat();
        expect(&mut client, b"GET k\r\n", &get);
        let pings = b"PING\r\n".repeat(10_000);
        expect(&mut client, &pings, &b"+PONG\r\n".repeat(10_000));
        for byte in b"*1\r\n$4\r\nPING\r" {
            client.write_all(&[*byte]).expect("sent");
            client.flush().expect("sent");
        }
        expect(&mut client, b"\n", b"+PONG\r\n");
    }
}

#[test]
fn a_certificate_lets_in_and_may_say_which_user() {
    let encrypted = Encrypted::start(&["--tls-auth-clients-user", "cn"]);
    let mut stranger = encrypted.client(&rustls::version::TLS13, None);
    assert!(is_ended(&mut stranger));
    let other = Authority::new().sign("app");
    assert!(is_ended(
        &mut encrypted.client(&rustls::version::TLS13, Some(other))
    ));
    let mut plain = encrypted.server.client();
    let reply = plain.call(&["ACL", "SETUSER", "app", "on", "+acl|whoami", "+ping"]);
    assert_eq!(reply, Value::Simple(b"OK".to_vec()));
    for (name, user) in [("app", "app"), ("nobody", "default")] {
        let identity = encrypted.authority.sign(name);
        let mut client = encrypted.client(&rustls::version::TLS13, Some(identity));
        let reply = format!("${}\r\n{user}\r\n", user.len());
        expect(
            &mut client,
            b"*2\r\n$3\r\nACL\r\n$6\r\nWHOAMI\r\n",
            reply.as_bytes(),
        );
    }
}

#[test]
fn a_renewed_certificate_is_shown_to_those_who_come_and_nobody_is_lost() {
    let encrypted = Encrypted::start(NO_CERTIFICATES);
    let mut first = encrypted.client(&rustls::version::TLS13, None);
    expect(&mut first, b"PING\r\n", b"+PONG\r\n");
    let shown = |client: &StreamOwned<ClientConnection, TcpStream>| {
        let shown = client.conn.peer_certificates().expect("shown");
        shown[0].clone().into_owned()
    };
    let old = shown(&first);
    let renewed = encrypted.authority.sign("renewed");
    let path = |name: &str| encrypted.authority.path(name).display().to_string();
    let mut plain = encrypted.server.client();
    let mut set = |certificate: &str, key: &str| {
        plain.call(&[
            "CONFIG",
            "SET",
            "tls-cert-file",
            &path(certificate),
            "tls-key-file",
            &path(key),
        ])
    };
    let refused = set("renewed.pem", "server.key");
    let text = b"ERR CONFIG SET failed (possibly related to argument 'tls-cert-file') - Unable to \
        update TLS configuration. Check server logs."
        .to_vec();
    assert_eq!(refused, Value::Error(text));
    let mut second = encrypted.client(&rustls::version::TLS13, None);
    expect(&mut second, b"PING\r\n", b"+PONG\r\n");
    assert_eq!(shown(&second), old);
    let taken = set("renewed.pem", "renewed.key");
    assert_eq!(taken, Value::Simple(b"OK".to_vec()));
    let mut third = encrypted.client(&rustls::version::TLS13, None);
    expect(&mut third, b"PING\r\n", b"+PONG\r\n");
    assert_eq!(shown(&third), renewed.certificate);
    expect(&mut first, b"PING\r\n", b"+PONG\r\n");
}

/// Whoever sends garbage, nothing, or half a handshake has the connection closed, costs nobody
/// anything, and is counted.
#[test]
fn those_who_mean_no_good_are_closed_and_counted() {
    let encrypted = Encrypted::start(NO_CERTIFICATES);
    let mut good = encrypted.client(&rustls::version::TLS13, None);
    expect(&mut good, b"PING\r\n", b"+PONG\r\n");
    let hello = [&b"\x16\x03\x01\x40\x00\x01"[..], &[0; 500]].concat();
    let hostile: [&[u8]; 5] = [
        b"PING\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 70_000],
        &hello,
        b"\x15\x03\x01\x00\x02\x02\x28",
    ];
    let sockets: Vec<TcpStream> = (0..200).map(|_| encrypted.plain_socket()).collect();
    for (socket, bytes) in sockets.iter().zip(hostile.iter().cycle()) {
        let mut socket = socket;
        _ = socket.write_all(bytes);
        _ = socket.shutdown(std::net::Shutdown::Write);
    }
    for socket in &sockets {
        let mut socket = socket;
        let mut rest = Vec::new();
        // An alert, or a reset connection.
        _ = socket.read_to_end(&mut rest);
        assert!(rest.len() < 100);
    }
    expect(&mut good, b"PING\r\n", b"+PONG\r\n");
    let mut late = encrypted.client(&rustls::version::TLS12, None);
    expect(&mut late, b"PING\r\n", b"+PONG\r\n");
}

/// What a server answers first to a client that knows this version at most.
/// A client that has mistaken the port would take an alert for a reply.
#[test]
fn plain_text_at_the_encrypted_port_is_closed_without_a_byte() {
    let encrypted = Encrypted::start(NO_CERTIFICATES);
    for text in [
        &b"*1\r\n$4\r\nPING\r\n"[..],
        b"PING\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut socket = encrypted.plain_socket();
        socket.write_all(text).unwrap();
        let mut answer = Vec::new();
        _ = socket.read_to_end(&mut answer);
        assert_eq!(answer, b"", "{}", text.escape_ascii());
    }
}

fn answer_to_version(encrypted: &Encrypted, version: [u8; 2]) -> Vec<u8> {
    // No session, one suite, no compression; then curves, forms of points and signatures.
    let offers = [0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 22];
    let extensions = [
        [0, 10, 0, 4, 0, 2, 0, 23].as_slice(),
        &[0, 11, 0, 2, 1, 0],
        &[0, 13, 0, 4, 0, 2, 4, 3],
    ]
    .concat();
    let hello = [&version[..], &[7; 32], &offers, &extensions].concat();
    let message = [&[1, 0, 0, hello.len() as u8][..], &hello].concat();
    let record = [&[0x16, 3, 1, 0, message.len() as u8][..], &message].concat();
    let mut socket = encrypted.plain_socket();
    socket.write_all(&record).expect("sent");
    let mut answer = [0; 7];
    socket.read_exact(&mut answer).expect("an answer");
    if answer[0] == 0x15 {
        let more = socket.read(&mut [0; 10]).expect("the connection ends");
        assert_eq!(more, 0);
    }
    answer.to_vec()
}

#[test]
fn versions_below_those_that_are_offered_are_refused() {
    let encrypted = Encrypted::start(NO_CERTIFICATES);
    for version in [[3, 0], [3, 1], [3, 2]] {
        // A fatal alert: protocol_version.
        let alert = answer_to_version(&encrypted, version);
        assert_eq!(alert, [0x15, 3, 3, 0, 2, 2, 70], "{version:?}");
    }
    // The same hello with a version that is offered is answered by one.
    let hello = answer_to_version(&encrypted, [3, 3]);
    assert_eq!(hello[..3], [0x16, 3, 3]);
    let only_newest = Encrypted::start(&["--tls-auth-clients", "no", "--tls-protocols", "TLSv1.3"]);
    assert!(is_ended(
        &mut only_newest.client(&rustls::version::TLS12, None)
    ));
    let mut client = only_newest.client(&rustls::version::TLS13, None);
    expect(&mut client, b"PING\r\n", b"+PONG\r\n");
}

/// What is not encrypted within an encrypted connection is never taken for a request, and ends it.
#[test]
fn plain_text_within_a_session_ends_it() {
    let encrypted = Encrypted::start(NO_CERTIFICATES);
    let mut other = encrypted.client(&rustls::version::TLS13, None);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut client = encrypted.client(version, None);
        expect(&mut client, b"SET k v\r\n", b"+OK\r\n");
        client.sock.write_all(b"SET k changed\r\n").expect("sent");
        let mut rest = Vec::new();
        client
            .sock
            .read_to_end(&mut rest)
            .expect("the connection ends");
        // At most an alert, encrypted.
        assert!(rest.len() < 40, "{rest:?}");
        assert_ne!(rest.get(..5), Some(&b"+OK\r\n"[..]));
        expect(&mut other, b"GET k\r\n", b"$1\r\nv\r\n");
    }
}

#[test]
fn a_handshake_may_come_byte_by_byte() {
    let encrypted = Encrypted::start(NO_CERTIFICATES);
    let mut client = encrypted.client(&rustls::version::TLS13, None);
    let mut hello = Vec::new();
    client.conn.write_tls(&mut hello).expect("written");
    assert!(hello.len() > 100);
    for byte in hello {
        client.sock.write_all(&[byte]).expect("sent");
    }
    expect(&mut client, b"PING\r\n", b"+PONG\r\n");
}

/// Defect: while 4,096 clients were half open, others had to wait until one of those had had its
/// five seconds. Fix: the one that is there longest gives way.
#[test]
fn a_crowd_that_never_ends_its_handshakes_keeps_nobody_out() {
    const CROWD: usize = 4096 + 200;
    if open_file_limit() < CROWD + 200 {
        return;
    }
    let encrypted = Encrypted::start(NO_CERTIFICATES);
    let mut first = encrypted.client(&rustls::version::TLS13, None);
    expect(&mut first, b"PING\r\n", b"+PONG\r\n");
    let crowd: Vec<TcpStream> = (0..CROWD).map(|_| encrypted.plain_socket()).collect();
    let mut late = encrypted.client(&rustls::version::TLS13, None);
    // Less than those who are half open are given.
    let limit = Some(Duration::from_secs(4));
    late.sock.set_read_timeout(limit).expect("a limit");
    expect(&mut late, b"PING\r\n", b"+PONG\r\n");
    expect(&mut first, b"PING\r\n", b"+PONG\r\n");
    assert_eq!(
        (&crowd[0]).read(&mut [0; 10]).expect("the connection ends"),
        0
    );
}

/// A certificate of version 1, as `openssl x509 -req` makes it, and a key that guards nothing.
const OLD_CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBGDCBvwIUXEWkwxCKvbkNgACNSoCAuvtJYuowCgYIKoZIzj0EAwIwDjEMMAoG
A1UEAwwDb2xkMCAXDTI2MTEzMDE5NDEzNloYDzIxMjYxMTA2MTk0MTM2WjAOMQww
CgYDVQQDDANvbGQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARsCQj0ylJP0iKh
T1cNIkBaPLDhC+vk5puhMI+5zn9NFco0n3mPjwCX3uR7DEZ89OxwZq7s8A0wR9XY
2cahResEMAoGCCqGSM49BAMCA0gAMEUCICrMP84y5BauVRU2dCPU7icbf/VeFiVk
XtBmQSrEqyQ1AiEAplXDadJqQR5MtwLFveLn1V4VOXBHDLDioIu7OH2QaSA=
-----END CERTIFICATE-----
";
const ITS_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgwBfbr+S00io8sml8
JqOZUjl9JPQsgNfdvi/m5fQKA42hRANCAARsCQj0ylJP0iKhT1cNIkBaPLDhC+vk
5puhMI+5zn9NFco0n3mPjwCX3uR7DEZ89OxwZq7s8A0wR9XY2cahResE
-----END PRIVATE KEY-----
";

/// Redis's own script makes such.
#[test]
fn certificates_of_version_1_are_shown_and_only_with_their_keys() {
    let authority = Authority::new();
    authority.sign("other");
    let write = |name: &str, text: &str| std::fs::write(authority.path(name), text);
    write("old.pem", OLD_CERTIFICATE).expect("written");
    write("old.key", ITS_KEY).expect("written");
    let check = |key: &str| {
        let folder = authority.path("").display().to_string();
        let lines = format!("dir {folder}\ntls-port 1\ntls-auth-clients no\n");
        let files = format!("tls-cert-file old.pem\ntls-key-file {key}\n");
        write("a.conf", &(lines + &files)).expect("written");
        let file = authority.path("a.conf").display().to_string();
        run_evenkeel(&["--check-config", &file])
    };
    assert_eq!(check("old.key").code, Some(0));
    let ended = check("other.key");
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.errors[0],
        "evenkeel: TLS: tls-cert-file and tls-key-file: keys may not be consistent: KeyMismatch"
    );
}

#[test]
fn a_server_that_cannot_encrypt_does_not_start() {
    let authority = Authority::new();
    authority.sign("server");
    let path = |path: &Path| path.display().to_string();
    let [certificate, key] = ["server.pem", "server.key"].map(|name| path(&authority.path(name)));
    let file = path(&authority.path("a.conf"));
    let both = format!("tls-cert-file {certificate}\ntls-key-file {key}");
    for (lines, fault) in [
        ("", "TLS: tls-cert-file: "),
        (&both, "TLS: tls-auth-clients: "),
        (
            "tls-cert-file /nowhere\ntls-auth-clients no",
            "TLS: tls-cert-file /nowhere: ",
        ),
    ] {
        std::fs::write(&file, format!("tls-port 1\n{lines}\n")).expect("written");
        let ended = run_evenkeel(&["--check-config", &file]);
        assert_eq!(ended.code, Some(1));
        let error = &ended.errors[0];
        assert!(
            error.starts_with(&format!("evenkeel: {fault}")),
            "{ended:?}"
        );
    }
}
