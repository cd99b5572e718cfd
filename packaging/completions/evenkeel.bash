# Made from src/config/table.rs by tests/packaging/; UPDATE_DOCS=1 writes it anew.
_evenkeel() {
    local current=${COMP_WORDS[COMP_CWORD]}
    local previous=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    case $previous in
        --unixsocket) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --inline-replies) mapfile -t COMPREPLY < <(compgen -W 'auto resp plain' -- "$current"); return ;;
        --maxmemory-policy) mapfile -t COMPREPLY < <(compgen -W 'volatile-lru volatile-lfu volatile-random volatile-ttl allkeys-lru allkeys-lfu allkeys-random noeviction' -- "$current"); return ;;
        --lazyfree-lazy-eviction) mapfile -t COMPREPLY < <(compgen -W 'yes no' -- "$current"); return ;;
        --lazyfree-lazy-expire) mapfile -t COMPREPLY < <(compgen -W 'yes no' -- "$current"); return ;;
        --lazyfree-lazy-server-del) mapfile -t COMPREPLY < <(compgen -W 'yes no' -- "$current"); return ;;
        --lazyfree-lazy-user-del) mapfile -t COMPREPLY < <(compgen -W 'yes no' -- "$current"); return ;;
        --lazyfree-lazy-user-flush) mapfile -t COMPREPLY < <(compgen -W 'yes no' -- "$current"); return ;;
        --activedefrag) mapfile -t COMPREPLY < <(compgen -W 'yes no' -- "$current"); return ;;
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
        mapfile -t COMPREPLY < <(compgen -W '--help --version --bind --port --unixsocket --unixsocketperm --tcp-backlog --tcp-keepalive --timeout --maxclients --client-query-buffer-limit --proto-max-bulk-len --inline-replies --requirepass --databases --hash-seed --maxmemory --maxmemory-policy --maxmemory-clients --maxmemory-samples --maxmemory-eviction-tenacity --lfu-log-factor --lfu-decay-time --lazyfree-lazy-eviction --lazyfree-lazy-expire --lazyfree-lazy-server-del --lazyfree-lazy-user-del --lazyfree-lazy-user-flush --activedefrag --save --dir --dbfilename --stop-writes-on-bgsave-error --load-damaged --appendonly --loglevel --logfile --supervised --pidfile --daemonize' -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -f -W 'check salvage' -- "$current")
    fi
}
complete -o filenames -F _evenkeel evenkeel
