//! The manual page in roff.

use super::{PLAIN_OPTIONS, SUBCOMMANDS};
use evenkeel::config::{Group, Kind, ROWS, Row};
use std::fmt::Write;

const HEAD: &str = r#".SH NAME
evenkeel \- in-memory cache server that speaks the Redis protocol and never stalls
.SH SYNOPSIS
.B evenkeel
.RI [ FILE ]
.RB [ \-\-\fINAME
.IR VALUE " ...] ..."
.br
.B evenkeel check
.I FILE
.br
.B evenkeel salvage
.I FILE OUT
.br
.B evenkeel ping
.RB [ \-\-port
.IR N ]
.RB [ \-\-host
.IR H ]
.RB [ \-\-unixsocket
.IR P ]
.RB [ \-\-user
.IR U ]
.RB [ \-\-pass\-file
.IR F ]
.br
.B evenkeel \-\-check\-config
.I FILE
.RB [ \-\-\fINAME
.IR VALUE " ...] ..."
.br
.BR "evenkeel \-\-help" " | " \-\-version
.SH DESCRIPTION
.B evenkeel
keeps keys and values in memory and serves them to clients of Redis. One thread owns every
connection and every key; growth, expiry, snapshots and freeing are done in bounded slices between
requests.
.PP
A parameter is a line \fIname value\fR of
.IR FILE ,
an environment variable or an option \fB\-\-\fIname value\fR. Options override the environment, and
the environment overrides the file. With
.B \-
in place of
.I FILE
it is read from standard input. Parameters that may change while the server runs are set by
.BR "CONFIG SET" ,
too.
"#;

const TAIL: &str = r#".SH SIGNALS
.TP
.BR SIGTERM ", " SIGINT
End the server after a last snapshot, if there are save points. A second SIGINT does not wait for it.
.TP
.B SIGHUP
Open the log file again and read the configuration again. What changed in it and may change while
the server runs is set; the log names what needs a restart. A pipe is not read again, and a password
is taken back only by an empty one.
.TP
.B SIGUSR1
Log a summary: clients, keys, memory, commands, the longest turn of the loop.
.SH EXIT STATUS
0 after a clean end, 1 if the server could not start or go on.
.B evenkeel ping
ends with 0 when the server serves, 1 when it loads, refuses or is gone.
.SH ENVIRONMENT
.TP
.BI EVENKEEL_ NAME
The value of a parameter: its name in capitals, with _ in place of each hyphen, as in
.IR EVENKEEL_MAXMEMORY_POLICY=allkeys\-lfu .
.B evenkeel ping
takes EVENKEEL_PORT, EVENKEEL_UNIXSOCKET (where the port is 0) and EVENKEEL_REQUIREPASS.
.TP
.BR NOTIFY_SOCKET ", " WATCHDOG_USEC ", " LISTEN_FDS ", " LISTEN_PID
The service manager's side of
.BR sd_notify (3)
and socket activation.
.TP
.B JOURNAL_STREAM
Lines that go to the journal have a priority and no time.
.TP
.B RUST_LOG
Narrows the log by module, as in
.IR evenkeel::server=debug .
.SH FILES
.TP
.I /etc/evenkeel/evenkeel.conf
Configuration of the service.
.TP
.I /var/lib/evenkeel/dump.evk
Its snapshot.
.SH SEE ALSO
.BR systemctl (1),
.BR journalctl (1),
.BR redis\-cli (1)
"#;

/// The whole page.
pub(super) fn page() -> String {
    let mut page = format!(
        ".\\\" Made from src/config/table.rs by tests/docs/packaging/; UPDATE_DOCS=1 writes it anew.\n\
         .TH EVENKEEL 1 \"\" \"evenkeel {}\" \"User Commands\"\n",
        env!("CARGO_PKG_VERSION")
    );
    page.push_str(HEAD);
    page.push_str(".SH COMMANDS\n");
    for (name, arguments, meaning) in SUBCOMMANDS {
        let _ = writeln!(page, ".TP\n.BI \"{name} \" \"{arguments}\"\n{meaning}");
    }
    page.push_str(".SH OPTIONS\n");
    for (option, argument, meaning) in PLAIN_OPTIONS {
        let option = escaped(option);
        let _ = match argument {
            "" => writeln!(page, ".TP\n.B {option}\n{meaning}"),
            _ => writeln!(page, ".TP\n.BI \"{option} \" \"{argument}\"\n{meaning}"),
        };
    }
    for group in Group::ALL {
        let _ = writeln!(page, ".SS {}", group.title());
        for row in ROWS.iter().filter(|row| row.group == group) {
            push_parameter(&mut page, row);
        }
    }
    page.push_str(TAIL);
    page
}

fn push_parameter(page: &mut String, row: &Row) {
    let default = match row.default {
        "" => "empty".to_owned(),
        default => escaped(default),
    };
    let change = if row.is_mutable() {
        "may change while the server runs"
    } else {
        "only at the start"
    };
    let value = match row.kind {
        Kind::Choice(names) => format!("one of {}", names.join(", ")),
        _ => row.kind.description(),
    };
    let _ = writeln!(
        page,
        ".TP\n.B \\-\\-{}\n{}\n.br\nValue: {}. Default: {default}; {change}.",
        escaped(row.name),
        emphasised(row.doc()),
        escaped(&value)
    );
}

/// A paragraph with what stands in backticks in bold, on lines that are no requests.
fn emphasised(paragraph: &str) -> String {
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    let text = escaped(&words.join(" "));
    let parts: Vec<String> = text
        .split('`')
        .enumerate()
        .map(|(index, part)| match index % 2 {
            1 if part.is_empty() => String::new(),
            1 => format!("\\fB{part}\\fR"),
            _ => part.to_owned(),
        })
        .collect();
    format!("\\&{}", parts.concat())
}

/// Text without bytes that roff takes for something else.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}
