//! Connections and the server itself.

use super::family::Family;

pub(super) const FAMILY: Family = Family {
    name: "server",
    templates: TEMPLATES,
    forms_of,
};

const TEMPLATES: &str = "
2 PING
1 PING $value
1 ECHO $value
1 RESET
1 AUTH $value
1 AUTH default $value
1 CLIENT SETNAME $name
1 CLIENT GETNAME
1 CLIENT ID
1 CLIENT INFO
1 CLIENT LIST
1 CLIENT NO-EVICT $onoff
1 CLIENT UNPAUSE
1 CLIENT KILL ID 999999999
1 CLIENT $value
1 COMMAND COUNT
1 COMMAND INFO $command
1 COMMAND DOCS nosuch
1 COMMAND LIST FILTERBY PATTERN get*
1 CONFIG GET $parameter
1 CONFIG SET $parametersetting
1 CONFIG RESETSTAT
1 CONFIG $value
1 INFO $section
1 TIME
1 $value $value
";

fn forms_of(class: &str) -> Option<&'static str> {
    Some(match class {
        "command" => "get | set | nosuch | bitfield | client",
        "onoff" => "on | OFF | bad",
        "parameter" => {
            "timeout | databases | nosuch | proto-max-bulk-len | TIMEOUT | hz | slave-read-only \
             | appendonly"
        }
        "parametersetting" => {
            "timeout 0 | timeout abc | timeout -1 | timeout 0 timeout 0 | nosuch 1 | timeout \
             | client-query-buffer-limit 1gb | client-query-buffer-limit 2000000k \
             | client-query-buffer-limit abc | client-query-buffer-limit -1 \
             | client-query-buffer-limit 5 | databases 3 | hz abc | appendonly no \
             | rdbcompression maybe | cluster-enabled yes"
        }
        "section" => "server | nosuch | keyspace",
        _ => return None,
    })
}
