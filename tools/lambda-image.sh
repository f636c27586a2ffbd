# shellcheck shell=bash
# Sourced by sam-local.sh: a stand-in for the Lambda base image, for an engine that cannot pull.
#
# It is Debian with the directories and variables of `provided:al2023`. It proves that a function is
# built, wired and started as SAM does it; it does not prove that it links against Amazon Linux's libraries.

LAMBDA_IMAGE=public.ecr.aws/lambda/provided

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
        fail "debootstrap could not make the base of the stand-in image" "a network is needed this once"
    }
    mkdir -p "$(dirname "$tar")"
    tar -C "$root" --exclude=./var/cache/apt --exclude=./var/lib/apt/lists -c . >"$tar.making"
    mv -- "$tar.making" "$tar"
    rm -rf -- "$root" "$root.log"
}

# make_lambda_image: the image under the names that SAM asks for.
make_lambda_image() {
    local tar=$SMMU_TOOLS_DIR/debian-bookworm.tar
    make_base_tar "$tar"
    step "importing the stand-in for the Lambda base image"
    docker import \
        --change 'WORKDIR /var/task' \
        --change 'ENV LAMBDA_TASK_ROOT=/var/task' \
        --change 'ENV LAMBDA_RUNTIME_DIR=/var/runtime' \
        --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin' \
        "$tar" "$LAMBDA_IMAGE:al2023-x86_64" >/dev/null
    docker tag "$LAMBDA_IMAGE:al2023-x86_64" "$LAMBDA_IMAGE:al2023"
}
