//! A server within a program: on a socket the program opened, ended by the program.
//!
//! `cargo run --example server_in_a_program`

use evenkeel::{Config, Server};
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = Server::on_listener(Config::default(), listener)?;
    let stop = server.stop_handle();
    let thread = thread::spawn(move || server.run());

    let client = TcpStream::connect(address)?;
    let mut replies = BufReader::new(client.try_clone()?).lines();
    for request in ["SET greeting hello", "APPEND greeting !", "GET greeting"] {
        writeln!(&client, "{request}")?;
        let reply = replies.next().ok_or("the server ended the connection")??;
        println!("{request:20} → {reply}");
    }

    stop.stop();
    thread.join().expect("the server does not panic")?;
    println!("the server on {address} has ended");
    Ok(())
}
