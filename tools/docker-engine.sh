# shellcheck shell=bash
# Sourced by scripts that need a Docker engine: a running one, or our own private one.

# Set by find_engine: `yes` if the engine is our own, which then contains only our images.
ENGINE_IS_OURS=no
# Keeps our images between runs. Writable only by root, and outside home directories, which some machines copy.
ENGINE_DIR=/var/lib/smmu-docker
# Network through which containers reach the local cloud; created by local/src/bridge.rs.
ENGINE_NETWORK=smmu-local

# find_engine: sets DOCKER_HOST to an engine that answers; returns 1 if none is available. Installs one if run as root.
find_engine() {
    if docker info >/dev/null 2>&1; then
        step "using the Docker engine that runs here"
        return 0
    fi
    [ "$(id -u)" -eq 0 ] || return 1
    tools/setup.sh docker
    start_engine
}

# use_engine_of_others: uses a running engine, or the private one of another script; returns 1 if there is none.
use_engine_of_others() {
    local private=unix://$ENGINE_DIR/docker.sock
    docker info >/dev/null 2>&1 || export DOCKER_HOST=$private
    [ "${DOCKER_HOST:-}" != "$private" ] || ENGINE_IS_OURS=yes
    docker info >/dev/null 2>&1
}

# require_engine: like find_engine, but prints what to do and ends the script, with 0 unless REQUIRE_DOCKER=1.
require_engine() {
    tools/setup.sh run
    find_engine && return
    printf '%s\n' "This needs a Docker engine, and there is none here." \
        "Start yours, or run this as root on Debian, where one is installed and runs as long as this does"
    exit "${REQUIRE_DOCKER:-0}"
}

# Starts an engine that ends with this script. It does not change the firewall: builds use the host network, and
# containers need only the address of this machine.
start_engine() {
    install --directory --mode=700 "$ENGINE_DIR"
    exec 9>"$ENGINE_DIR/lock"
    flock --nonblock 9 || {
        step "waiting for another run that uses the private Docker engine"
        flock --timeout 1800 9 || fail "the private Docker engine is still in use" "it is used by the holder of $ENGINE_DIR/lock"
    }
    stop_abandoned_engine
    ENGINE_IS_OURS=yes
    ENGINE_MADE_BRIDGE=no
    [ -e /sys/class/net/docker0 ] || ENGINE_MADE_BRIDGE=yes
    export DOCKER_HOST=unix://$ENGINE_DIR/docker.sock
    step "starting a private Docker engine"
    trap stop_engine EXIT
    # In its own session, so Ctrl-C does not end it before the programs that use it.
    setsid dockerd --host "$DOCKER_HOST" --data-root "$ENGINE_DIR/data" --exec-root "$ENGINE_DIR/exec" \
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
    fail "the Docker engine did not start ($waited tries)" "its log is shown above"
}

# Stops an engine left behind by a killed run. Called with the lock held, so no other run uses it.
stop_abandoned_engine() {
    local pid
    pid=$(cat "$ENGINE_DIR/pid" 2>/dev/null || true)
    [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] || return 0
    step "ending the private Docker engine that a killed run left behind"
    kill "$pid"
    tail --pid="$pid" -f /dev/null
}

stop_engine() {
    [ "$ENGINE_IS_OURS" = yes ] && [ -n "${ENGINE_PID:-}" ] || return 0
    # Also removes the network device, which would remain otherwise.
    docker network rm "$ENGINE_NETWORK" >/dev/null 2>&1 || true
    kill "$ENGINE_PID" 2>/dev/null || true
    wait "$ENGINE_PID" 2>/dev/null || true
    [ "$ENGINE_MADE_BRIDGE" = no ] || ip link delete docker0 2>/dev/null || true
}

# build_kit ARGUMENT...: `docker build` with BuildKit, using either a current client with its plugin, or Debian's, which
# needs none.
build_kit() {
    if docker buildx version >/dev/null 2>&1; then
        # No attestations: they are separate manifests, and the repositories keep only ten manifests in total.
        docker buildx build --load --provenance=false --sbom=false "$@"
    else
        DOCKER_BUILDKIT=1 /usr/bin/docker build "$@"
    fi
}

# can_pull IMAGE: succeeds if the engine can pull the image.
can_pull() { timeout 300 docker pull --quiet "$1" >/dev/null 2>&1; }

# mirror_of SUITE: prints the mirror that apt uses for a suite on this machine, if any.
mirror_of() {
    # shellcheck disable=SC2016 # $(REPO_URI) is apt's, not the shell's
    apt-get indextargets --format '$(REPO_URI)' "Codename: $1" 2>/dev/null | head -n 1 || true
}

# make_base_tar FILE: creates a tar file with a minimal Debian, once, outside the checkout.
make_base_tar() {
    local tar=$1 root mirror security
    [ ! -s "$tar" ] || return 0
    step "making a minimal Debian with debootstrap (half a minute, once)"
    root=$(mktemp -d /var/tmp/smmu-base.XXXXXX)
    # The mirrors that this machine already uses.
    mirror=$(mirror_of bookworm)
    security=$(mirror_of bookworm-security)
    debootstrap --variant=minbase --include=ca-certificates bookworm "$root" ${mirror:+"$mirror"} >"$root.log" 2>&1 || {
        tail -n 5 "$root.log" >&2
        rm -rf -- "$root" "$root.log"
        fail "debootstrap could not make a base for images" "a network is needed this once"
    }
    [ -z "$security" ] || printf 'deb %s bookworm-security main\n' "$security" >"$root/etc/apt/sources.list.d/security.list"
    mkdir -p "$(dirname "$tar")"
    tar -C "$root" --exclude=./var/cache/apt --exclude=./var/lib/apt/lists -c . >"$tar.making"
    mv -- "$tar.making" "$tar"
    rm -rf -- "$root" "$root.log"
}

# import_base NAME [CHANGE...]: imports a minimal Debian as the image NAME, for an engine that cannot pull.
import_base() {
    local name=$1 change options=() tar=$SMMU_TOOLS_DIR/debian-bookworm.tar
    shift
    # Keeping the existing base keeps the cached layers that were built on it.
    ! docker image inspect "$name" >/dev/null 2>&1 || return 0
    make_base_tar "$tar"
    for change in "$@"; do options+=(--change "$change"); done
    docker import "${options[@]}" "$tar" "$name" >/dev/null
}
