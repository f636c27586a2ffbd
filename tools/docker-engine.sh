# shellcheck shell=bash
# Sourced by sam-local.sh: a Docker engine, the one that runs here or a private one of our own.

# Set by find_engine: whether the engine is ours, without images and with nowhere to pull from.
ENGINE_IS_OURS=no
ENGINE_DIR=
ENGINE_MADE_BRIDGE=no

# find_engine: makes DOCKER_HOST point at an engine that answers; 1 when there is none to be had.
find_engine() {
    if docker info >/dev/null 2>&1; then
        step "using the Docker engine that runs here"
        return 0
    fi
    if [ "$(id -u)" -ne 0 ] || ! is_there dockerd || ! is_there debootstrap; then
        return 1
    fi
    start_engine
}

# Everything of the private engine lies in one directory and dies with stop_engine. It leaves the
# firewall alone: containers need no way out, only a port on this machine.
start_engine() {
    ENGINE_DIR=$(mktemp -d /var/tmp/smmu-docker.XXXXXX)
    ENGINE_IS_OURS=yes
    [ -e /sys/class/net/docker0 ] || ENGINE_MADE_BRIDGE=yes
    export DOCKER_HOST=unix://$ENGINE_DIR/docker.sock
    step "starting a private Docker engine"
    dockerd --host "$DOCKER_HOST" --data-root "$ENGINE_DIR/data" --exec-root "$ENGINE_DIR/exec" \
        --pidfile "$ENGINE_DIR/pid" --iptables=false --ip6tables=false \
        >"$ENGINE_DIR/log" 2>&1 </dev/null &
    ENGINE_PID=$!
    local waited
    for waited in $(seq 60); do
        docker info >/dev/null 2>&1 && return 0
        kill -0 "$ENGINE_PID" 2>/dev/null || break
        sleep 0.5
    done
    tail -n 5 "$ENGINE_DIR/log" >&2
    fail "the Docker engine did not start ($waited tries)" "its last words stand above"
}

stop_engine() {
    [ "$ENGINE_IS_OURS" = yes ] || return 0
    kill "$ENGINE_PID" 2>/dev/null || true
    wait "$ENGINE_PID" 2>/dev/null || true
    [ "$ENGINE_MADE_BRIDGE" = no ] || ip link delete docker0 2>/dev/null || true
    rm -rf -- "$ENGINE_DIR"
}
