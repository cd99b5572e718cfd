//! An encrypted client of the server, with everything in memory.
//!
//! ```text
//!  client (rustls) ─ to_server ─▶ Handshake, TlsStream      any number of bytes at a time, either
//!                  ◀─ to_client ─                           way; ends and garbage at any place
//! ```
//!
//! 1. Plain text arrives whole and in order, on both sides, unless a side has ended or garbage was
//!    put between: then the beginning of it arrives.
//! 2. A read that returns less than there was room for has left nothing, neither in the socket nor
//!    in rustls: no event would tell of it.
//! 3. What was taken from the socket and not delivered is one record and one small read at most;
//!    what was taken from the caller and has not left is one piece.
//!
//! Not here: the thread of handshakes, and real sockets (`tests/server/tls.rs`).

use crate::source::Source;
use evenkeel::server::{Handshake, Progress, TlsStream};
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, ServerConfig};
use rustls::{SignatureScheme, SupportedProtocolVersion, version};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

/// Bytes that the server may hold of what it took in: a record, and what rustls reads at once.
const HELD_BYTES_MAX: usize = (16 << 10) + 261 + 4096;
/// By how much a record is longer than what is in it, at most.
const RECORD_OVERHEAD_BYTES: usize = 40;
/// Bytes that the server encrypts at once.
const PIECE_BYTES: usize = 64 << 10;
/// Plain text of one input in each direction.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// How many times everything moves at the end until nothing does.
const ROUNDS_MAX: usize = 2_000;

/// Runs one input.
pub fn check(data: &[u8]) {
    let mut source = Source::new(data);
    let mut world = World::new(source.byte());
    while !source.is_empty() {
        world.step(&mut source);
        world.check();
    }
    world.hear_out();
}

/// Two sockets, the server's end of them.
#[derive(Default)]
struct Wire {
    to_server: VecDeque<u8>,
    to_client: VecDeque<u8>,
    /// How much there may be under way to the client.
    room_bytes: usize,
    /// The client's end is closed.
    is_ended: bool,
    taken_bytes: usize,
    written_bytes: usize,
}

#[derive(Clone)]
struct Socket(Rc<RefCell<Wire>>);

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        if wire.to_server.is_empty() && !wire.is_ended {
            return Err(ErrorKind::WouldBlock.into());
        }
        // A queue is two pieces, and a socket gives all it has.
        let mut count = wire.to_server.read(buffer)?;
        count += wire.to_server.read(&mut buffer[count..])?;
        wire.taken_bytes += count;
        Ok(count)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        let count = bytes.len().min(wire.room_bytes - wire.to_client.len());
        if count == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        wire.to_client.extend(&bytes[..count]);
        wire.written_bytes += count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Server {
    Begins(Handshake<Socket>),
    Serves(TlsStream<Socket>),
    Gone,
}

struct World {
    wire: Rc<RefCell<Wire>>,
    server: Server,
    client: ClientConnection,
    /// Bytes of plain text in each direction; their values follow from their places.
    sent_by_client: usize,
    received_by_server: usize,
    sent_by_server: usize,
    received_by_client: usize,
    /// What the server was given at last, and has not all taken.
    offered_bytes: usize,
    handshake_bytes: usize,
    /// Records that the client has made, at most.
    record_count: usize,
    /// No more is promised of what the client sends.
    is_spoilt: bool,
    has_client_ended: bool,
    has_client_failed: bool,
}

/// The byte at a place of the plain text.
fn byte_at(place: usize) -> u8 {
    (place % 251) as u8
}

fn text(from: usize, count: usize) -> Vec<u8> {
    (from..from + count).map(byte_at).collect()
}

impl World {
    fn new(choice: u8) -> Self {
        let (server, client) = &settings()[usize::from(choice & 1)];
        let wire = Rc::new(RefCell::new(Wire {
            room_bytes: 1 << (6 + u32::from(choice >> 1) % 12),
            ..Wire::default()
        }));
        let socket = Socket(Rc::clone(&wire));
        let handshake = Handshake::new(socket, Arc::clone(server)).expect("good settings");
        let name = ServerName::try_from("localhost").expect("a name");
        let client = ClientConnection::new(Arc::clone(client), name).expect("good settings");
        Self {
            wire,
            server: Server::Begins(handshake),
            client,
            sent_by_client: 0,
            received_by_server: 0,
            sent_by_server: 0,
            received_by_client: 0,
            offered_bytes: 0,
            handshake_bytes: 0,
            record_count: 10,
            is_spoilt: false,
            has_client_ended: false,
            has_client_failed: false,
        }
    }

    fn step(&mut self, source: &mut Source<'_>) {
        let choice = source.byte();
        let count = match source.byte() {
            size @ 0..=63 => usize::from(size) + 1,
            size => 1 << (usize::from(size) % 18),
        };
        match choice {
            0..40 => self.client_writes(count),
            40..85 => self.to_server(count),
            85..130 => self.to_client(count),
            130..170 => self.server_reads(count),
            170..200 => self.server_writes(count),
            200..215 => {
                let under_way = self.wire.borrow().to_client.len();
                self.wire.borrow_mut().room_bytes = under_way.max(count);
            }
            215..222 => {
                _ = self.client.refresh_traffic_keys();
                self.record_count += 1;
            }
            222..226 => self.spoil(&text(count, count.min(64))),
            226..229 => self.spoil(source.bytes(40)),
            229..233 => {
                self.client.send_close_notify();
                self.has_client_ended = true;
            }
            233..235 => {
                self.is_spoilt = true;
                self.wire.borrow_mut().is_ended = true;
            }
            235 => {
                if let Server::Serves(stream) = &mut self.server {
                    stream.say_goodbye();
                }
                self.server = Server::Gone;
            }
            _ => self.everything_moves(),
        }
    }

    /// Puts bytes between those of the client.
    fn spoil(&mut self, bytes: &[u8]) {
        self.is_spoilt |= !bytes.is_empty();
        self.wire.borrow_mut().to_server.extend(bytes);
    }

    fn client_writes(&mut self, count: usize) {
        let count = count.min(TEXT_BYTES_MAX - self.sent_by_client);
        if self.has_client_ended || self.has_client_failed {
            return;
        }
        let bytes = text(self.sent_by_client, count);
        let taken = self.client.writer().write(&bytes);
        self.sent_by_client += taken.expect("memory takes it");
        self.record_count += count.div_ceil(16 << 10);
    }

    /// Lets up to so many bytes of the client's cipher text arrive.
    fn to_server(&mut self, count: usize) {
        let mut wire = self.wire.borrow_mut();
        if wire.is_ended {
            return;
        }
        let mut part = Part {
            inner: &mut wire.to_server,
            rest: count,
        };
        while self.client.wants_write() && part.rest > 0 {
            let written = self.client.write_tls(&mut part);
            written.expect("memory takes it");
        }
    }

    /// Lets the client have up to so many bytes of the server's cipher text.
    fn to_client(&mut self, count: usize) {
        let arrived: Vec<u8> = {
            let mut wire = self.wire.borrow_mut();
            let count = count.min(wire.to_client.len());
            wire.to_client.drain(..count).collect()
        };
        let mut arrived = &arrived[..];
        while !arrived.is_empty() && !self.has_client_failed {
            let taken = self.client.read_tls(&mut arrived);
            let is_read = taken.is_ok_and(|taken| taken > 0);
            let is_good = is_read && self.client.process_new_packets().is_ok();
            self.has_client_failed = !is_good;
            let mut plain = Vec::new();
            _ = self.client.reader().read_to_end(&mut plain);
            assert_eq!(plain, text(self.received_by_client, plain.len()));
            self.received_by_client += plain.len();
        }
        assert!(
            !self.has_client_failed || self.is_spoilt || !matches!(self.server, Server::Serves(_)),
            "the client is told nonsense"
        );
    }

    /// Goes on with the handshake, or reads into so much room.
    fn server_reads(&mut self, room: usize) {
        self.shake_hands();
        let Server::Serves(stream) = &mut self.server else {
            return;
        };
        let mut buffer = vec![0; room];
        match stream.read(&mut buffer) {
            Ok(0) => {
                assert!(
                    self.has_client_ended || self.is_spoilt,
                    "an end from nowhere"
                );
                self.server = Server::Gone;
            }
            Ok(count) => {
                assert_eq!(buffer[..count], text(self.received_by_server, count));
                self.received_by_server += count;
                assert!(self.received_by_server <= self.sent_by_client);
                if count < room {
                    self.nothing_is_left();
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.nothing_is_left(),
            Err(_) => {
                assert!(self.is_spoilt, "an error from nowhere");
                self.server = Server::Gone;
            }
        }
    }

    /// After a short read: no event would come, so there may be nothing.
    fn nothing_is_left(&mut self) {
        let Server::Serves(stream) = &mut self.server else {
            return;
        };
        let is_over = self.is_spoilt || self.has_client_ended;
        assert!(is_over || self.wire.borrow().to_server.is_empty());
        match stream.read(&mut [0; 64]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => assert!(is_over),
            Ok(count) => panic!("{count} bytes of which nobody would have known"),
        }
    }

    fn shake_hands(&mut self) {
        let Server::Begins(handshake) = &mut self.server else {
            return;
        };
        match handshake.step() {
            Progress::Waits => {}
            Progress::Over => {
                if let Server::Begins(handshake) = std::mem::replace(&mut self.server, Server::Gone)
                {
                    self.handshake_bytes = self.wire.borrow().taken_bytes;
                    self.server = Server::Serves(handshake.into_stream());
                }
            }
            Progress::Failed => {
                let has_left = self.has_client_ended || self.has_client_failed;
                assert!(
                    self.is_spoilt || has_left,
                    "a handshake failed for no reason"
                );
                self.server = Server::Gone;
            }
        }
    }

    /// Gives the server so many bytes to write, and those again that it did not take.
    fn server_writes(&mut self, count: usize) {
        let count = (self.offered_bytes.max(count)).min(TEXT_BYTES_MAX - self.sent_by_server);
        let Server::Serves(stream) = &mut self.server else {
            return;
        };
        match stream.write(&text(self.sent_by_server, count)) {
            Ok(taken) => {
                assert!(taken <= count);
                self.sent_by_server += taken;
                self.offered_bytes = count - taken;
            }
            Err(error) => {
                assert!(error.kind() == ErrorKind::WouldBlock || self.is_spoilt);
                self.offered_bytes = count;
            }
        }
    }

    fn everything_moves(&mut self) {
        self.to_server(usize::MAX);
        self.server_reads(1 << 16);
        self.to_client(usize::MAX);
        if self.offered_bytes > 0 {
            self.server_writes(0);
        }
    }

    /// What must hold all along.
    fn check(&self) {
        assert!(self.received_by_client <= self.sent_by_server + PIECE_BYTES);
        if matches!(self.server, Server::Serves(_)) && !self.is_spoilt {
            let taken_bytes = self.wire.borrow().taken_bytes - self.handshake_bytes;
            let held_bytes = taken_bytes.saturating_sub(self.received_by_server);
            let held_bytes_max = HELD_BYTES_MAX + RECORD_OVERHEAD_BYTES * self.record_count;
            assert!(held_bytes <= held_bytes_max, "{held_bytes}");
        }
    }

    /// Lets everything arrive.
    fn hear_out(&mut self) {
        self.wire.borrow_mut().room_bytes = usize::MAX;
        for _ in 0..ROUNDS_MAX {
            let before = self.state();
            self.everything_moves();
            self.check();
            if self.state() == before {
                break;
            }
        }
        let is_good = !self.is_spoilt && !self.has_client_ended && !self.has_client_failed;
        if is_good && matches!(self.server, Server::Serves(_)) {
            assert_eq!(self.received_by_server, self.sent_by_client);
            assert_eq!(self.received_by_client, self.sent_by_server);
            assert_eq!(self.offered_bytes, 0);
        }
        let is_served = !matches!(self.server, Server::Begins(_));
        assert!(!is_good || is_served, "a handshake stands still");
    }

    fn state(&self) -> [usize; 8] {
        let wire = self.wire.borrow();
        [
            self.received_by_server,
            self.received_by_client,
            self.sent_by_server,
            self.offered_bytes,
            wire.taken_bytes,
            wire.written_bytes,
            wire.to_server.len(),
            wire.to_client.len(),
        ]
    }
}

/// The first bytes of what is written.
struct Part<'a> {
    inner: &'a mut VecDeque<u8>,
    rest: usize,
}

impl Write for Part<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.rest);
        self.inner.extend(&bytes[..count]);
        self.rest -= count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Settings = (Arc<ServerConfig>, Arc<ClientConfig>);

/// For TLS 1.2 and 1.3. Keys and signatures of this kind always have the same length, so that the
/// same input is the same run.
fn settings() -> &'static [Settings; 2] {
    static SETTINGS: OnceLock<[Settings; 2]> = OnceLock::new();
    SETTINGS.get_or_init(|| {
        let key = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_string()]).expect("a name");
        let certificate = params.self_signed(&key).expect("its own signature");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        [&version::TLS12, &version::TLS13]
            .map(|version| settings_of(version, certificate.der(), &key))
    })
}

fn settings_of(
    version: &'static SupportedProtocolVersion,
    certificate: &CertificateDer<'static>,
    key: &PrivateKeyDer<'static>,
) -> Settings {
    let provider = Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.clone_key())
        .expect("a certificate and its key");
    let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .expect("a version")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    // The second connection is to be as the first.
    client.resumption = rustls::client::Resumption::disabled();
    (Arc::new(server), Arc::new(client))
}

/// Believes every certificate: who the server is is not the question here.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
