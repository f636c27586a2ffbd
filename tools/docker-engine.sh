# shellcheck shell=bash
# Sourced by what needs a Docker engine: the one that runs here, or a private one of our own.

# Set by find_engine: whether the engine is ours, so that nothing is in it but what we have made.
ENGINE_IS_OURS=no
# Images of ours stay there from one run to the next. Where only root can write, and not in a home, which some machines copy.
ENGINE_DIR=/var/lib/smmu-docker
# Which containers reach the local cloud through; local/src/bridge.rs makes it.
ENGINE_NETWORK=smmu-local

# find_engine: makes DOCKER_HOST point at an engine that answers; 1 when there is none to be had. Root gets one installed.
find_engine() {
    if docker info >/dev/null 2>&1; then
        step "using the Docker engine that runs here"
        return 0
    fi
    [ "$(id -u)" -eq 0 ] || return 1
    tools/setup.sh docker
    start_engine
}

# use_engine_of_others: the engine that runs here, or the private one of another script; 1 when there is none.
use_engine_of_others() {
    local private=unix://$ENGINE_DIR/docker.sock
    docker info >/dev/null 2>&1 || export DOCKER_HOST=$private
    [ "${DOCKER_HOST:-}" != "$private" ] || ENGINE_IS_OURS=yes
    docker info >/dev/null 2>&1
}

# require_engine: as find_engine, or says what to do; then the script ends with 0 unless REQUIRE_DOCKER=1.
require_engine() {
    tools/setup.sh run
    find_engine && return
    printf '%s\n' "This needs a Docker engine, and there is none here." \
        "Start yours, or run this as root on Debian, where one is installed and runs as long as this does"
    exit "${REQUIRE_DOCKER:-0}"
}

# An engine that ends with this script. It leaves the firewall alone: containers need no way out but the host's own
# network, which builds are given, and the address of this machine.
start_engine() {
    install --directory --mode=700 "$ENGINE_DIR"
    exec 9>"$ENGINE_DIR/lock"
    flock --nonblock 9 || {
        step "waiting for another run that uses the private Docker engine"
        flock --timeout 1800 9 || fail "the private Docker engine is still in use" "whoever holds $ENGINE_DIR/lock has it"
    }
    stop_abandoned_engine
    ENGINE_IS_OURS=yes
    ENGINE_MADE_BRIDGE=no
    [ -e /sys/class/net/docker0 ] || ENGINE_MADE_BRIDGE=yes
    export DOCKER_HOST=unix://$ENGINE_DIR/docker.sock
    step "starting a private Docker engine"
    trap stop_engine EXIT
    # In a session of its own: a Ctrl-C is for what runs in it, and it ends after that.
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
    [ "$ENGINE_IS_OURS" = yes ] && [ -n "${ENGINE_PID:-}" ] || return 0
    # With its device, which would stay.
    docker network rm "$ENGINE_NETWORK" >/dev/null 2>&1 || true
    kill "$ENGINE_PID" 2>/dev/null || true
    wait "$ENGINE_PID" 2>/dev/null || true
    [ "$ENGINE_MADE_BRIDGE" = no ] || ip link delete docker0 2>/dev/null || true
}

# build_kit ARGUMENT...: `docker build` by BuildKit into the engine, with whichever client here can ask for it: a current one
# with its plugin, or Debian's, which needs none.
build_kit() {
    if docker buildx version >/dev/null 2>&1; then
        # A tag is one image: attestations would be manifests of their own, of which the repositories keep ten in all.
        docker buildx build --load --provenance=false --sbom=false "$@"
    else
        DOCKER_BUILDKIT=1 /usr/bin/docker build "$@"
    fi
}

# can_pull IMAGE: whether the engine can get an image that it has not got.
can_pull() { timeout 300 docker pull --quiet "$1" >/dev/null 2>&1; }

# mirror_of SUITE: where apt gets it from here; nothing where it does not.
mirror_of() {
    # shellcheck disable=SC2016 # $(REPO_URI) is apt's, not the shell's
    apt-get indextargets --format '$(REPO_URI)' "Codename: $1" 2>/dev/null | head -n 1 || true
}

# make_base_tar FILE: a minimal Debian as a tar file; made once, kept outside the checkout.
make_base_tar() {
    local tar=$1 root mirror security
    [ ! -s "$tar" ] || return 0
    step "making a minimal Debian with debootstrap (half a minute, once)"
    root=$(mktemp -d /var/tmp/smmu-base.XXXXXX)
    # Whatever mirrors this machine already uses.
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
