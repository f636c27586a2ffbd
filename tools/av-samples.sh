#!/usr/bin/env bash
# av-samples.sh DIR: writes the sample video and audio of `make demo` into a folder. Takes some seconds of CPU; the same
# version of ffmpeg writes the same bytes.
. "$(dirname "$0")/common.sh"
. tools/earth.sh

[ $# -eq 1 ] || fail "usage: tools/av-samples.sh DIR"
mkdir -p "$1"
DIR=$(realpath -- "$1")
WORK=$(mktemp -d)
trap 'rm -rf -- "$WORK"' EXIT

# A video as from a phone held upright: stored sideways with a rotation of 90° for display, and with a location. The
# Earth turns below a president's words. It begins with half a second of black.
portrait_video() {
    ffmpeg -framerate 30 -i "$EARTH" -f lavfi -i "$(night 680)" -f lavfi -i "$(stars 720 1280)" \
        -i samples/kennedy.flac -filter_complex "
            [0]scale=2048:1024,$BRIGHTEN,loop=loop=-1:size=1,scroll=horizontal=-0.0008,$(globe 680 -15 18 linear)[day];
            [1]loop=loop=-1:size=1[night];[2]fps=30,loop=loop=-1:size=1,format=yuv420p[sky];
            [sky][day]overlay=x=20:y=300[lit];[lit][night]overlay=x=20:y=300,
                fade=type=in:start_time=0.45:duration=0.4,transpose=dir=cclock[picture];
            [3]apad[sound]" \
        -map '[picture]' -map '[sound]' -t 12 "${REPEATABLE[@]}" -threads 2 \
        -c:v libx264 -preset veryfast -crf 24 -c:a aac -b:a 128k -ar 48000 -ac 2 "$WORK/upright.mov"
    # Only a stream copy keeps the rotation; an encoder would turn the picture upright.
    ffmpeg -i "$WORK/upright.mov" -c copy "${REPEATABLE[@]}" -movflags +faststart \
        -metadata:s:v rotate=-90 -metadata location=+46.5197+006.6323/ "$DIR/video-portrait-speech-gps.mov"
}

# Very quiet speech between two tones of different pitch, with tags and a cover image.
quiet_recording() {
    ffmpeg -f lavfi -i "gradients=size=600x600:nb_colors=3:c0=0xff7a00:c1=0x7a3a6a:c2=0x0060ff:x0=0:y0=0:x1=600:y1=600:seed=3" \
        -frames:v 1 "${REPEATABLE[@]}" -q:v 3 "$WORK/cover.jpg"
    ffmpeg -i samples/austen.flac \
        -f lavfi -i "sine=frequency=440:sample_rate=44100:duration=1" \
        -f lavfi -i "sine=frequency=660:sample_rate=44100:duration=1" \
        -i "$WORK/cover.jpg" \
        -filter_complex "[0]aresample=44100,alimiter=level_in=4:limit=0.2:level=disabled,volume=-14dB[voice];[1][voice][2]concat=n=3:v=0:a=1,volume=-3dB[sound]" \
        -map '[sound]' -map 3:v "${REPEATABLE[@]}" -c:a libmp3lame -b:a 128k -c:v copy -disposition:v attached_pic \
        -metadata title="Sense and Sensibility" -metadata artist="Jane Austen" -metadata album="LibriVox" \
        -metadata date=1811 -id3v2_version 3 "$DIR/audio-quiet-cover.mp3"
}

portrait_video
quiet_recording
