#!/usr/bin/env bash
# av-samples.sh DIR: writes the sample video and audio of `make demo` into a folder. Takes a few seconds of CPU; the
# same versions of ffmpeg and espeak-ng write the same bytes.
. "$(dirname "$0")/common.sh"

[ $# -eq 1 ] || fail "usage: tools/av-samples.sh DIR"
mkdir -p "$1"
DIR=$(realpath -- "$1")
WORK=$(mktemp -d)
trap 'rm -rf -- "$WORK"' EXIT

# Omits creation times and encoder versions.
REPEATABLE=(-map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact)

ffmpeg() { command ffmpeg -nostdin -hide_banner -loglevel error -y "$@"; }

# say TEXT FILE: speaks a text, as WAV.
say() { espeak-ng -v en-us -s 150 -w "$2" "$1"; }

# A video as from a phone held upright: stored sideways with a rotation of 90° for display, and with a location. It
# begins with half a second of black; the bar at the top is orange, the one at the bottom is blue.
portrait_video() {
    say "This clip was stored lying on its side, and it is played upright. The bar at the top is orange,
        and the one at the bottom is blue. Nobody may learn where it was recorded." "$WORK/clip.wav"
    ffmpeg \
        -f lavfi -i "gradients=size=180x320:rate=30:nb_colors=4:c0=0x203a72:c1=0x2f8f83:c2=0xe0c060:c3=0x7a3a6a:x0=0:y0=0:x1=180:y1=320:speed=0.02:seed=7" \
        -f lavfi -i "color=color=white:size=160x160:rate=30" \
        -i "$WORK/clip.wav" \
        -filter_complex "
            [0]scale=720:1280:flags=fast_bilinear,format=yuv420p,
                drawbox=w=iw:h=120:color=0xff7a00:t=fill,drawbox=y=1160:w=iw:h=120:color=0x0060ff:t=fill[back];
            [back][1]overlay=x='280+240*sin(2*PI*t/5)':y='560+360*cos(2*PI*t/7)',
                fade=type=in:start_time=0.45:duration=0.1,transpose=dir=cclock[picture];
            [2]apad[sound]" \
        -map '[picture]' -map '[sound]' -t 12 "${REPEATABLE[@]}" -threads 2 \
        -c:v libx264 -preset ultrafast -crf 24 -c:a aac -b:a 128k -ar 48000 -ac 2 "$WORK/upright.mov"
    # Only a stream copy keeps the rotation; an encoder would turn the picture upright.
    ffmpeg -i "$WORK/upright.mov" -c copy "${REPEATABLE[@]}" -movflags +faststart \
        -metadata:s:v rotate=-90 -metadata location=+46.5197+006.6323/ "$DIR/video-portrait-speech-gps.mov"
}

# Very quiet speech between two tones of different pitch, with tags and a cover image.
quiet_recording() {
    say "This recording is very quiet. It has a title, and a picture as its cover.
        What comes out is as loud as everything else that you listen to." "$WORK/quiet.wav"
    ffmpeg -f lavfi -i "gradients=size=600x600:nb_colors=3:c0=0xff7a00:c1=0x7a3a6a:c2=0x0060ff:x0=0:y0=0:x1=600:y1=600:seed=3" \
        -frames:v 1 "${REPEATABLE[@]}" -q:v 3 "$WORK/cover.jpg"
    ffmpeg -i "$WORK/quiet.wav" \
        -f lavfi -i "sine=frequency=440:sample_rate=44100:duration=1" \
        -f lavfi -i "sine=frequency=660:sample_rate=44100:duration=1" \
        -i "$WORK/cover.jpg" \
        -filter_complex "[0]aresample=44100,alimiter=level_in=4:limit=0.2:level=disabled,volume=-14dB[voice];[1][voice][2]concat=n=3:v=0:a=1,volume=-3dB[sound]" \
        -map '[sound]' -map 3:v "${REPEATABLE[@]}" -c:a libmp3lame -b:a 128k -c:v copy -disposition:v attached_pic \
        -metadata title="A quiet recording" -metadata artist="espeak-ng" -metadata album="Samples" -metadata date=2026 \
        -id3v2_version 3 "$DIR/audio-quiet-cover.mp3"
}

portrait_video
quiet_recording
