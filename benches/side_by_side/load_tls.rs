//! What encryption costs: CPU of requests, memory of a connection, and others while many shake
//! hands.
//!
//! ```text
//! server ── plain port: PINGs of an established client
//!        └─ TLS port:   redis-benchmark --tls │ idle clients │ handshakes │ silent clients
//! ```
//!
//! Both servers get the same certificate (ECDSA P-256) and speak TLS 1.3 with these clients.
//!
//! Not here: the same requests without encryption (`load_requests.rs`).

use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::Context;
use crate::fill::{Fill, value};
use crate::load_connections::{allow_connections, connection_count};
use crate::probe::probe_during;
use crate::redis_benchmark;
use crate::report::{Better, Cell, Figure, Section};
use crate::server_process::{ServerProcess, Side, free_port};

const CPU: usize = 0;
const MEMORY: usize = 1;
const SLOWEST: usize = 2;
const P999: usize = 3;

const FIGURES: [Figure; 4] = [
    figure("Server CPU per encrypted request, µs", 3),
    figure("Resident bytes per encrypted connection", 0),
    figure("Slowest PING of a plain client, ms", 3),
    figure("PING p99.9 of a plain client, ms", 3),
];

const fn figure(title: &'static str, decimals: usize) -> Figure {
    Figure {
        title,
        better: Better::Lower,
        decimals,
    }
}

const NOTES: [&str; 2] = [
    "The clients that shake hands share their core with the PINGs; the server's thread for handshakes \
     shares its core with its loop.",
    "A silent client has connected to the TLS port and says nothing.",
];

/// One row of requests: keys, bytes of a value, requests, arguments, target.
struct Row {
    name: &'static str,
    keys: u64,
    value_bytes: usize,
    divisor: u64,
    arguments: &'static str,
    target: f64,
}

const ROWS: [Row; 6] = [
    row("GET, no pipeline", 8, "-t get", 0.9),
    row("SET, no pipeline", 8, "-t set", 0.9),
    row("GET, pipeline 100", 1, "-P 100 -t get", 0.5),
    row("SET, pipeline 100", 1, "-P 100 -t set", 0.5),
    large("GET of 1 MiB", "-d 1048576 -t get"),
    large("SET of 1 MiB", "-d 1048576 -t set"),
];

const fn row(name: &'static str, divisor: u64, arguments: &'static str, target: f64) -> Row {
    Row {
        name,
        keys: 100_000,
        value_bytes: 3,
        divisor,
        arguments,
        target,
    }
}

const fn large(name: &'static str, arguments: &'static str) -> Row {
    Row {
        keys: 10,
        value_bytes: 1 << 20,
        ..row(name, 1000, arguments, 0.9)
    }
}

const IDLE: &str = "1,000 idle encrypted clients";
const IDLE_CLIENTS: u64 = 1_000;
const STORM: &str = "1,000 handshakes a second for ten seconds";
const STORM_HANDSHAKES: u64 = 10_000;
const STORM_INTERVAL: Duration = Duration::from_millis(1);
const SILENT: &str = "10,000 silent clients for ten seconds";
const SILENT_SECONDS: u64 = 10;

/// Measures all rows on both sides.
pub(crate) fn run(context: &Context) -> Section {
    let mut section = Section::new("TLS", &FIGURES, &NOTES);
    for row in &ROWS {
        section.target(CPU, row.name, format!("× {:.2}", 1.0 / row.target));
    }
    let names = ROWS.iter().map(|row| row.name).chain([IDLE, STORM, SILENT]);
    context.alternate_cells(&mut section, names, |index, side, section| {
        let encrypted = Encrypted::start(side)?;
        match (ROWS.get(index), index - index.min(ROWS.len())) {
            (Some(row), _) => encrypted.requests(context, row, section),
            (None, 0) => encrypted.idle(context),
            (None, 1) => encrypted.storm(context),
            (None, _) => encrypted.silent(context),
        }
    });
    section
}

/// A server with a plain port and one that encrypts.
struct Encrypted {
    server: ServerProcess,
    port: u16,
    client: Arc<ClientConfig>,
    _files: tempfile::TempDir,
}

impl Encrypted {
    fn start(side: &Side) -> io::Result<Encrypted> {
        let files = tempfile::tempdir()?;
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
        let made = made.map_err(io::Error::other)?;
        let path = |name: &str| files.path().join(name).display().to_string();
        std::fs::write(path("cert.pem"), made.cert.pem())?;
        std::fs::write(path("key.pem"), made.signing_key.serialize_pem())?;
        let port = free_port()?;
        let mut side = side.clone();
        let arguments = [
            ("--tls-port", port.to_string()),
            ("--tls-cert-file", path("cert.pem")),
            ("--tls-key-file", path("key.pem")),
            ("--tls-ca-cert-file", path("cert.pem")),
            ("--tls-auth-clients", "no".to_owned()),
        ];
        for (name, value) in arguments {
            side.arguments.extend([name.to_owned(), value]);
        }
        let mut roots = RootCertStore::empty();
        roots
            .add(made.cert.der().clone())
            .map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.resumption = Resumption::disabled();
        Ok(Encrypted {
            server: side.start()?,
            port,
            client: Arc::new(client),
            _files: files,
        })
    }

    fn requests(
        &self,
        context: &Context,
        row: &Row,
        section: &mut Section,
    ) -> io::Result<Vec<Cell>> {
        let keys = context.options.scaled(row.keys);
        let requests = (context.options.scaled(context.options.requests) / row.divisor).max(1);
        let fill = Fill {
            prefix: "key",
            range: 0..keys,
            value: &value(row.value_bytes),
            suffix: &[],
        };
        fill.send(&mut [self.server.client()?])?;
        let options = format!("-c 50 -r {keys} -n {requests} {}", row.arguments);
        section.command(format!(
            "redis-benchmark -p TLS_PORT --tls --insecure --csv {options}"
        ));
        let options = format!("-p {} --tls --insecure {options}", self.port);
        let cost = redis_benchmark::measure(&self.server, &options, requests)?;
        Ok(vec![cell(CPU, row.name, cost.total_us)])
    }

    /// Shakes hands, and asks once whether it is served.
    fn connect(&self) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        use std::io::{Read as _, Write as _};
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let connection = ClientConnection::new(Arc::clone(&self.client), name);
        let mut stream = StreamOwned::new(connection.map_err(io::Error::other)?, stream);
        stream.write_all(b"PING\r\n")?;
        let mut reply = [0; 7];
        stream.read_exact(&mut reply)?;
        Ok(stream)
    }

    fn idle(&self, context: &Context) -> io::Result<Vec<Cell>> {
        let count = context.options.scaled(IDLE_CLIENTS);
        let _first = self.connect()?;
        let empty_bytes = self.server.settled_resident_bytes()?;
        let clients: io::Result<Vec<_>> = (0..count).map(|_| self.connect()).collect();
        let clients = clients?;
        let full_bytes = self.server.settled_resident_bytes()?;
        let each = full_bytes.saturating_sub(empty_bytes) as f64 / clients.len() as f64;
        Ok(vec![cell(MEMORY, IDLE, each)])
    }

    fn storm(&self, context: &Context) -> io::Result<Vec<Cell>> {
        let count = context.options.scaled(STORM_HANDSHAKES);
        let (latencies, ()) = probe_during(self.server.port(), || {
            let start = Instant::now();
            for index in 0..count {
                let due = STORM_INTERVAL * u32::try_from(index).unwrap_or(u32::MAX);
                thread::sleep(due.saturating_sub(start.elapsed()));
                self.connect()?;
            }
            Ok(())
        })?;
        Ok(vec![
            cell(SLOWEST, STORM, latencies.quantile_ms(1.0)),
            cell(P999, STORM, latencies.quantile_ms(0.999)),
        ])
    }

    fn silent(&self, context: &Context) -> io::Result<Vec<Cell>> {
        allow_connections(&self.server)?;
        let count = connection_count(context);
        let empty_bytes = self.server.settled_resident_bytes()?;
        let (latencies, full_bytes) = probe_during(self.server.port(), || {
            let connect = |_| TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
            let clients: io::Result<Vec<TcpStream>> = (0..count).map(connect).collect();
            let _clients = clients?;
            thread::sleep(Duration::from_secs(context.options.scaled(SILENT_SECONDS)));
            self.server.resident_bytes()
        })?;
        let each = full_bytes.saturating_sub(empty_bytes) as f64 / count as f64;
        Ok(vec![
            cell(MEMORY, SILENT, each),
            cell(SLOWEST, SILENT, latencies.quantile_ms(1.0)),
            cell(P999, SILENT, latencies.quantile_ms(0.999)),
        ])
    }
}

fn cell(figure: usize, row: &'static str, value: f64) -> Cell {
    Cell { figure, row, value }
}
