#!/usr/bin/env bash
# Succeeds if ffmpeg and ffprobe are installed, are 5.1 or later, and have every encoder and filter that we use.
set -euo pipefail

version=$(ffprobe -version | sed -nE '1s/^ffprobe version n?([0-9]+\.[0-9]+).*/\1/p')
# A build from git has no version number, and is newer.
[ -z "$version" ] || printf '5.1\n%s\n' "$version" | sort -C -V

has() {
    local what=$1 listed name
    shift
    listed=" $(ffmpeg -hide_banner -loglevel error "-$what" | awk '{ printf "%s ", $2 }')"
    for name in "$@"; do
        [[ $listed == *" $name "* ]] || { printf 'this ffmpeg lacks %s (%s)\n' "$name" "$what" >&2 && exit 1; }
    done
}

has encoders libx264 libsvtav1 aac libopus libwebp_anim libmp3lame mjpeg png
has filters split zscale tonemap bwdif ebur128 thumbnail tile
