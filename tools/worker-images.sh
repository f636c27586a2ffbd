# shellcheck shell=bash
# Sourced by scripts that build or run the workers' images, after docker-engine.sh.
#
# If the base images can be pulled, workers are compiled inside one of them, as in the Dockerfiles. If no registry can
# be reached, a debootstrap of the same Debian is the base, and worker and model come from this machine, which must run
# that Debian too.

WORKERS=(transcode transcribe)
# The restrictions of Fargate.
AS_ON_FARGATE=(--read-only --cap-drop ALL --security-opt no-new-privileges --pull never)

# build_images TAG: builds smmu-transcode-worker:TAG and smmu-transcribe-worker:TAG. IMAGE_BASE is the base that it used.
build_images() {
    # The week is part of a layer's key, so Debian updates are installed at least weekly.
    local worker options=(--build-arg "MODEL=${IMAGE_MODEL:-base}" --build-arg "WEEK=$(date +%G-%V)")
    IMAGE_BASE=$(sed -n 's/^ARG BASE=//p' workers/transcode/Dockerfile)
    if ! can_pull "$IMAGE_BASE"; then
        step "no registry can be reached: a debootstrap of bookworm is the base, worker and model come from this machine"
        IMAGE_BASE=smmu-base:bookworm
        import_base "$IMAGE_BASE"
        options+=(--build-arg BASE="$IMAGE_BASE" --build-arg WORKER=prebuilt --network host)
        give_images
    fi
    for worker in "${WORKERS[@]}"; do
        step "image smmu-$worker-worker:$1"
        build_kit --file "workers/$worker/Dockerfile" --tag "smmu-$worker-worker:$1" --quiet "${options[@]}" .
    done
}

# build_images_for_sam: builds the workers' images, and from them the images that `sam local invoke` runs, under the names
# in tools/sam_local.py.
build_images_for_sam() {
    local worker
    build_images sam-local
    for worker in "${WORKERS[@]}"; do
        step "image smmu-sam-local-$worker"
        build_kit --file workers/sam-local.Dockerfile --tag "smmu-sam-local-$worker:latest" --quiet \
            --build-arg "BASE=$IMAGE_BASE" --build-arg "IMAGE=smmu-$worker-worker:sam-local" \
            --build-arg "PROGRAM=smmu-$worker" .
    done
}

# give_images: puts workers and model of this machine into .local/images, for Dockerfiles with WORKER=prebuilt.
give_images() {
    local profile=${IMAGE_PROFILE:-release} given=$SMMU_ROOT/.local/images program
    grep -qs '^VERSION_CODENAME=bookworm$' /etc/os-release ||
        fail "the workers must be compiled on Debian 12, and this is another system" \
            "with a Docker engine that can pull images, they are compiled inside one"
    # cargo's folder for the profile dev is `debug`.
    step "building the workers ($profile)"
    cargo build --locked --workspace --bins --profile "${profile/#debug/dev}"
    tools/speech-models.sh "${IMAGE_MODEL:-base}"
    rm -rf -- "$given"
    mkdir -p "$given/model"
    for program in "${WORKERS[@]}" fence; do
        strip -o "$given/smmu-$program" "$SMMU_TARGET_DIR/$profile/smmu-$program"
    done
    cp "$SMMU_SPEECH_MODELS/${IMAGE_MODEL:-base}"/{config.json,model.bin,model.json,vad.onnx,vocabulary.txt} "$given/model"
}

# image_is_closed IMAGE: checks that it does not run as root, /tmp is writable, and there is no shell (127: not found).
image_is_closed() {
    local seen code=0 written=0
    seen=$(docker image inspect "$1" --format \
        '{{.Config.User}} {{.Config.StopSignal}} {{json .Config.Volumes}} {{json .Config.Cmd}}')
    printf '%s: %s, %d MB\n' "$1" "$seen" "$(($(docker image inspect "$1" --format '{{.Size}}') / 1000000))"
    [ "$seen" = '65532:65532 SIGTERM {"/tmp":{}} ["job"]' ]
    docker run --rm "${AS_ON_FARGATE[@]}" --entrypoint /bin/sh "$1" -c true 2>/dev/null || code=$?
    [ "$code" -eq 127 ]
    # The user cannot write to foreign folders, even on a writable file system.
    docker run --rm "${AS_ON_FARGATE[@]}" --read-only=false "$1" file /etc/os-release /outputs 2>/dev/null || written=$?
    [ "$written" -eq 2 ]
}

# lacks_nothing IMAGE: runs its self-check, which verifies that everything for a job is installed.
lacks_nothing() { docker run --rm "${AS_ON_FARGATE[@]}" --network none "$1" check; }

# works_on_a_file IMAGE FILE OUTPUT: checks that file mode in a container without a network makes OUTPUT and a manifest.
works_on_a_file() {
    local out
    out=$(mktemp -d)
    chmod 777 "$out"
    docker run --rm "${AS_ON_FARGATE[@]}" --network none --volume "$2:/source:ro" --volume "$out:/out" "$1" file /source /out
    ls -l "$out"
    [ -s "$out/$3" ]
    [ -s "$out/manifest.json" ]
    rm -rf -- "$out"
}

# refuses_a_text IMAGE: checks that a text file is refused with exit code 3 and one line of JSON with the reason.
refuses_a_text() {
    local code=0 said
    said=$(docker run --rm "${AS_ON_FARGATE[@]}" --network none --volume "$SMMU_ROOT/README.md:/source:ro" "$1" \
        file /source /tmp/out 2>&1 >/dev/null) || code=$?
    printf '%s\nexit code %s\n' "$said" "$code"
    [ "$code" -eq 3 ]
    tail -n 1 <<<"$said" | grep -q '"code":"unsupported_media"'
}

# hears_sigterm IMAGE FILE: checks that SIGTERM stops the worker, which is process 1: the kernel drops its signals
# without a handler.
hears_sigterm() {
    local container code seconds work
    work=$(mktemp -d)
    # A source far longer than the test takes.
    ffmpeg -nostdin -loglevel error -stream_loop 400 -i "$2" -map 0:a -map '0:V?' -c copy "$work/long.${2##*.}"
    chmod -R a+rX "$work"
    container=$(docker run --detach "${AS_ON_FARGATE[@]}" --network none --volume "$work:/source:ro" "$1" \
        file "/source/long.${2##*.}" /tmp/out)
    sleep 3
    seconds=$SECONDS
    [ "$(docker inspect "$container" --format '{{.State.Running}}')" = true ]
    docker stop --time 20 "$container" >/dev/null
    code=$(docker inspect "$container" --format '{{.State.ExitCode}}')
    docker logs "$container"
    docker rm --volumes "$container" >/dev/null
    rm -rf -- "$work"
    printf 'exit code %s, %s s after SIGTERM\n' "$code" "$((SECONDS - seconds))"
    [ "$code" -eq 4 ]
}

# seen_by_a_peer CONTAINER ATTEMPT...: runs attempts of a program of the same user that sees the container's processes.
seen_by_a_peer() {
    local container=$1
    shift
    docker run --rm "${AS_ON_FARGATE[@]}" --network none --pid "container:$container" \
        --volume "$SMMU_BREAKOUT:/usr/local/lib/breakout:ro" --entrypoint /usr/local/lib/breakout "$IMAGE" "$@"
}

# fences_in IMAGE FILE: checks that an exploit of ffmpeg cannot escape the fence. The same program without the fence
# proves that each attempt works (crates/fence/examples/breakout.rs; crates/fence/tests tries more of them, in a
# process).
fences_in() {
    local IMAGE=$1 attempt said open busy work
    local -a words container=(docker run --rm "${AS_ON_FARGATE[@]}"
        --volume "$SMMU_BREAKOUT:/usr/local/lib/breakout:ro" --volume "$2:/other/source:ro")
    local -a fence=(run --room /tmp --memory-bytes 1000000000 --file-bytes 1000000 --cpu-seconds 10 --)
    docker run --rm "${AS_ON_FARGATE[@]}" --entrypoint /usr/local/bin/smmu-fence "$IMAGE" check
    # Instance metadata, task credentials and loopback; another file, an environment and a process.
    for attempt in "connect 169.254.169.254:80" "connect 169.254.170.2:80" "connect 127.0.0.1:80" "listen" "unix" \
        "read /other/source" "read /etc/passwd" "read /proc/1/environ" "fork"; do
        read -ra words <<<"$attempt"
        said=$("${container[@]}" --entrypoint /usr/local/lib/breakout "$IMAGE" "${words[@]}" | tr -c '[:print:]\n' '?' | head -c 60) || true
        grep -q '^got out: ' <<<"$said" || fail "$attempt does not work without the fence: $said"
        said=$("${container[@]}" --entrypoint /usr/local/bin/smmu-fence "$IMAGE" "${fence[@]}" \
            /usr/local/lib/breakout "${words[@]}") && fail "$attempt: $said"
        printf '%s: %s\n' "$attempt" "$said"
        grep -q '^stopped: ' <<<"$said"
    done

    # A working worker cannot be inspected by its own user, unlike other processes.
    work=$(mktemp -d)
    ffmpeg -nostdin -loglevel error -stream_loop 400 -i "$2" -map 0:a -map '0:V?' -c copy "$work/long.${2##*.}"
    chmod -R a+rX "$work"
    busy=$(docker run --detach "${AS_ON_FARGATE[@]}" --network none --volume "$work:/source:ro" "$IMAGE" \
        file "/source/long.${2##*.}" /tmp/out)
    open=$(docker run --detach --interactive "${AS_ON_FARGATE[@]}" --network none \
        --volume "$SMMU_BREAKOUT:/usr/local/lib/breakout:ro" --entrypoint /usr/local/lib/breakout "$IMAGE" victim)
    sleep 3
    seen_by_a_peer "$open" read /proc/1/environ | tr '\0' '\n' | grep '^got out: '
    said=$(seen_by_a_peer "$busy" read /proc/1/environ) && fail "the worker's environment: $said"
    printf 'the environment of a worker: %s\n' "$said"
    docker rm --force --volumes "$busy" "$open" >/dev/null
    rm -rf -- "$work"
    [ "$said" = 'stopped: Permission denied (os error 13)' ]
}

# try_images TAG: runs one part per requirement of an image.
try_images() {
    local worker image file wanted
    make_samples
    cargo build --locked --workspace --example breakout
    SMMU_BREAKOUT=$SMMU_TARGET_DIR/debug/examples/breakout
    for worker in "${WORKERS[@]}"; do
        image=smmu-$worker-worker:$1
        case $worker in
        transcode) file=video-portrait-speech-gps.mov wanted=master.m3u8 ;;
        transcribe) file=audio-quiet-cover.mp3 wanted=captions.vtt ;;
        esac
        part "$image: closed" image_is_closed "$image"
        part "$image: lacks nothing" lacks_nothing "$image"
        part "$image: works on a file" works_on_a_file "$image" "$SAMPLES/$file" "$wanted"
        part "$image: refuses a text" refuses_a_text "$image"
        part "$image: fences ffmpeg in" fences_in "$image" "$SAMPLES/$file"
        part "$image: hears SIGTERM" hears_sigterm "$image" "$SAMPLES/$file"
    done
}
