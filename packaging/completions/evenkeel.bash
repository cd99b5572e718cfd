# Made from src/config/table.rs by tests/docs/packaging/; UPDATE_DOCS=1 writes it anew.
_evenkeel() {
    local current=${COMP_WORDS[COMP_CWORD]}
    local previous=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    case $previous in
        --unixsocket) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --inline-replies) mapfile -t COMPREPLY < <(compgen -W 'auto resp plain' -- "$current"); return ;;
        --tls-auth-clients) mapfile -t COMPREPLY < <(compgen -W 'no yes optional' -- "$current"); return ;;
        --tls-auth-clients-user) mapfile -t COMPREPLY < <(compgen -W 'off cn' -- "$current"); return ;;
        --tls-session-caching) mapfile -t COMPREPLY < <(compgen -W 'yes no' -- "$current"); return ;;
        --tls-replication) mapfile -t COMPREPLY < <(compgen -W 'yes no' -- "$current"); return ;;
        --acl-pubsub-default) mapfile -t COMPREPLY < <(compgen -W 'allchannels resetchannels' -- "$current"); return ;;
        --protected-mode) mapfile -t COMPREPLY < <(compgen -W 'yes no' -- "$current"); return ;;
        --enable-debug-command) mapfile -t COMPREPLY < <(compgen -W 'no yes local' -- "$current"); return ;;
        --maxmemory-policy) mapfile -t COMPREPLY < <(compgen -W 'volatile-lru volatile-lfu volatile-random volatile-ttl allkeys-lru allkeys-lfu allkeys-random noeviction' -- "$current"); return ;;
        --dir) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --stop-writes-on-bgsave-error) mapfile -t COMPREPLY < <(compgen -W 'yes no' -- "$current"); return ;;
        --load-damaged) mapfile -t COMPREPLY < <(compgen -W 'no salvage' -- "$current"); return ;;
        --loglevel) mapfile -t COMPREPLY < <(compgen -W 'debug verbose notice warning nothing' -- "$current"); return ;;
        --logfile) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --latency-tracking) mapfile -t COMPREPLY < <(compgen -W 'yes no' -- "$current"); return ;;
        --supervised) mapfile -t COMPREPLY < <(compgen -W 'no systemd auto upstart' -- "$current"); return ;;
        --pidfile) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --daemonize) mapfile -t COMPREPLY < <(compgen -W 'yes no' -- "$current"); return ;;
    esac
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--check-config --help --version --bind --port --http-port --http-bind --unixsocket --unixsocketperm --tcp-backlog --tcp-keepalive --timeout --maxclients --client-output-buffer-limit --client-query-buffer-limit --proto-max-bulk-len --inline-replies --busy-reply-threshold --lua-memory-limit --requirepass --tls-port --tls-cert-file --tls-key-file --tls-ca-cert-file --tls-ca-cert-dir --tls-auth-clients --tls-auth-clients-user --tls-protocols --tls-ciphers --tls-ciphersuites --tls-session-caching --tls-session-cache-size --tls-replication --aclfile --acl-pubsub-default --acllog-max-len --protected-mode --rename-command --enable-debug-command --databases --hash-seed --hll-sparse-max-bytes --hash-max-listpack-entries --hash-max-listpack-value --list-max-listpack-size --set-max-intset-entries --set-max-listpack-entries --set-max-listpack-value --zset-max-listpack-entries --zset-max-listpack-value --stream-node-max-bytes --stream-node-max-entries --maxmemory --maxmemory-policy --maxmemory-clients --save --dir --dbfilename --stop-writes-on-bgsave-error --load-damaged --replicaof --masteruser --masterauth --repl-timeout --loglevel --logfile --slowlog-log-slower-than --slowlog-max-len --latency-monitor-threshold --latency-tracking --latency-tracking-info-percentiles --notify-keyspace-events --tracking-table-max-keys --supervised --pidfile --daemonize' -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -f -W 'check salvage import export ping' -- "$current")
    fi
}
complete -o filenames -F _evenkeel evenkeel
