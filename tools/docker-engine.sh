# shellcheck shell=bash
# Sourced by what needs a Docker engine: the one that runs here, or a private one of our own.

# Set by find_engine: whether the engine is ours, so that nothing is in it but what we have made.
ENGINE_IS_OURS=no
# Images of ours stay there from one run to the next. Not in the home, which some machines copy about.
ENGINE_DIR=/var/tmp/smmu-docker

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

# use_engine_of_others: the engine that runs here, or the private one of another script; 1 when there is none.
use_engine_of_others() {
    local private=unix://$ENGINE_DIR/docker.sock
    docker info >/dev/null 2>&1 || export DOCKER_HOST=$private
    [ "${DOCKER_HOST:-}" != "$private" ] || ENGINE_IS_OURS=yes
    docker info >/dev/null 2>&1
}

# require_engine: as find_engine, or says what to install; then the script ends with 0 unless REQUIRE_DOCKER=1.
require_engine() {
    tools/setup.sh run
    if ! find_engine; then
        printf '%s\n' "This needs a Docker engine, and there is none here." \
            "Start yours, or as root on Debian run: apt-get install docker.io debootstrap"
        exit "${REQUIRE_DOCKER:-0}"
    fi
    trap stop_engine EXIT
    tools/setup.sh docker
}

# An engine that ends with this script. It leaves the firewall alone: containers need no way out but the host's own
# network, which builds are given, and the address of this machine.
start_engine() {
    mkdir -p "$ENGINE_DIR"
    exec 9>"$ENGINE_DIR/lock"
    flock --nonblock 9 || {
        step "waiting for another run that uses the private Docker engine"
        flock 9
    }
    stop_abandoned_engine
    ENGINE_IS_OURS=yes
    ENGINE_MADE_BRIDGE=no
    [ -e /sys/class/net/docker0 ] || ENGINE_MADE_BRIDGE=yes
    export DOCKER_HOST=unix://$ENGINE_DIR/docker.sock
    step "starting a private Docker engine"
    dockerd --host "$DOCKER_HOST" --data-root "$ENGINE_DIR/data" --exec-root "$ENGINE_DIR/exec" \
        --pidfile "$ENGINE_DIR/pid" --iptables=false --ip6tables=false \
        >"$ENGINE_DIR/log" 2>&1 </dev/null 9>&- &
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

# Whoever holds the lock has the engine; one that still runs was left behind by a run that was killed.
stop_abandoned_engine() {
    local pid
    pid=$(cat "$ENGINE_DIR/pid" 2>/dev/null || true)
    [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] || return 0
    step "ending the private Docker engine that a killed run left behind"
    kill "$pid"
    tail --pid="$pid" -f /dev/null
}

stop_engine() {
    [ "$ENGINE_IS_OURS" = yes ] || return 0
    kill "$ENGINE_PID" 2>/dev/null || true
    wait "$ENGINE_PID" 2>/dev/null || true
    [ "$ENGINE_MADE_BRIDGE" = no ] || ip link delete docker0 2>/dev/null || true
}

# build_kit ARGUMENT...: `docker build` by BuildKit, with whichever client here can ask for it: a current one with its
# plugin, or Debian's, which needs none.
build_kit() {
    local client=docker
    docker buildx version >/dev/null 2>&1 || client=/usr/bin/docker
    DOCKER_BUILDKIT=1 "$client" build "$@"
}

# can_pull IMAGE: whether the engine can get an image that it has not got.
can_pull() { [ "$ENGINE_IS_OURS" = no ] && docker pull --quiet "$1" >/dev/null 2>&1; }

# make_base_tar FILE: a minimal Debian as a tar file; made once, kept outside the checkout.
make_base_tar() {
    local tar=$1 root mirror
    [ ! -s "$tar" ] || return 0
    step "making a minimal Debian with debootstrap (half a minute, once)"
    root=$(mktemp -d /var/tmp/smmu-base.XXXXXX)
    # Whatever mirror this machine already uses.
    # shellcheck disable=SC2016 # $(REPO_URI) is apt's, not the shell's
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' 2>/dev/null | head -n 1 || true)
    debootstrap --variant=minbase --include=ca-certificates bookworm "$root" ${mirror:+"$mirror"} >"$root.log" 2>&1 || {
        tail -n 5 "$root.log" >&2
        rm -rf -- "$root" "$root.log"
        fail "debootstrap could not make a base for images" "a network is needed this once"
    }
    mkdir -p "$(dirname "$tar")"
    tar -C "$root" --exclude=./var/cache/apt --exclude=./var/lib/apt/lists -c . >"$tar.making"
    mv -- "$tar.making" "$tar"
    rm -rf -- "$root" "$root.log"
}

# import_base NAME [CHANGE...]: a minimal Debian as the image NAME, for an engine that cannot pull one.
import_base() {
    local name=$1 change options=() tar=$SMMU_TOOLS_DIR/debian-bookworm.tar
    shift
    # The same base under the same name keeps the layers that were built on it.
    ! docker image inspect "$name" >/dev/null 2>&1 || return 0
    make_base_tar "$tar"
    for change in "$@"; do options+=(--change "$change"); done
    docker import "${options[@]}" "$tar" "$name" >/dev/null
}
