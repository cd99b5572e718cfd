//! Resident memory of the server per idle connection.
//!
//! Every client connects, sends one PING, reads the answer and stays. Only the server's own memory
//! counts; the kernel's socket buffers are the same for every server.
//!
//! Not here: clients that come at once (`load_stalls.rs`).

use std::io;

use crate::Context;
use crate::report::{Better, Figure, Section};
use crate::resp_client::{Client, Reply};
use crate::server_process::{ServerProcess, Side};

const FIGURES: [Figure; 2] = [
    Figure {
        title: "Resident bytes per idle connection",
        better: Better::Lower,
        decimals: 0,
    },
    Figure {
        title: "Connections that got their answer",
        better: Better::Higher,
        decimals: 0,
    },
];

const NOTES: [&str; 1] = [
    "VmRSS after every client has sent one PING and read the answer, minus VmRSS with one client; \
     without the kernel's memory.",
];

/// Clients of this load.
pub(crate) const CONNECTIONS: u64 = 10_000;
/// Files that a process keeps for itself.
const SPARE_FILES: u64 = 200;
/// Read buffer of one of these clients: an answer has seven bytes.
const CLIENT_BUFFER_BYTES: usize = 64;

/// Measures the row on both sides.
pub(crate) fn run(context: &Context) -> Section {
    let mut section = Section::new("Connections", &FIGURES, &NOTES);
    let count = connection_count(context);
    let name = format!("{count} idle connections");
    section.command(format!(
        "(this program) {count} × connect, PING, +PONG, stay"
    ));
    context.alternate(
        &mut section,
        std::iter::once(name.as_str()),
        |_, side, _| measure(side, count),
    );
    section
}

/// Connections that both processes may have open.
pub(crate) fn connection_count(context: &Context) -> u64 {
    let wanted = context.options.scaled(CONNECTIONS);
    wanted.min(context.open_files.saturating_sub(SPARE_FILES))
}

/// Lets the server take more clients than its default, where it has such a parameter.
pub(crate) fn allow_connections(server: &ServerProcess) -> io::Result<()> {
    let limit = (CONNECTIONS + SPARE_FILES).to_string();
    // A server without the parameter refuses; whether it serves the clients is measured anyway.
    let _ = server
        .client()?
        .call(&[b"CONFIG", b"SET", b"maxclients", limit.as_bytes()]);
    Ok(())
}

/// Connects, sends PING and waits for the answer.
pub(crate) fn connect_and_ping(port: u16) -> io::Result<Client> {
    let mut client = Client::connect_buffered(port, CLIENT_BUFFER_BYTES)?;
    match client.call(&[b"PING"])? {
        Reply::Status(text) if text == "PONG" => Ok(client),
        other => Err(io::Error::other(format!("{other:?} instead of PONG"))),
    }
}

fn measure(side: &Side, count: u64) -> io::Result<Vec<f64>> {
    let server = side.start()?;
    allow_connections(&server)?;
    let _first = connect_and_ping(server.port())?;
    let empty_bytes = server.settled_resident_bytes()?;
    let mut clients = Vec::new();
    let mut failure = None;
    for _ in 0..count {
        match connect_and_ping(server.port()) {
            Ok(client) => clients.push(client),
            Err(error) => {
                // One refusal is enough: waiting for thousands of them would take hours.
                failure = Some(error);
                break;
            }
        }
    }
    if let (true, Some(error)) = (clients.is_empty(), failure) {
        return Err(error);
    }
    let full_bytes = server.settled_resident_bytes()?;
    let per_connection = full_bytes.saturating_sub(empty_bytes) as f64 / clients.len() as f64;
    Ok(vec![per_connection, clients.len() as f64])
}
