#!/usr/bin/env bash
# sample-pictures.sh DIR: writes pictures of the Earth into a folder: PNGs from which crates/media/examples/samples.rs
# makes the other formats, and a GIF.
. "$(dirname "$0")/common.sh"
. tools/earth.sh

[ $# -eq 1 ] || fail "usage: tools/sample-pictures.sh DIR"
mkdir -p "$1"
DIR=$(realpath -- "$1")

# America in the sun among stars, as a phone's camera of 12 megapixels would have it, held upright.
photo() {
    ffmpeg -i "$EARTH" -f lavfi -i "$(night 2800)" -f lavfi -i "$(stars 756 1008)" -filter_complex "
        [0]$BRIGHTEN,$(globe 2800 -95 15)[day];
        [2]scale=3024:4032:flags=bicubic,format=yuv444p[sky];
        [sky][day]overlay=x=112:y=616:format=yuv444[lit];
        [lit][1]overlay=x=112:y=616:format=yuv444" \
        -frames:v 1 "$DIR/photo.png"
}

# Africa and Europe without a background.
cutout() {
    ffmpeg -i "$EARTH" -filter_complex "
        color=black:size=1600x1200,format=rgba,colorchannelmixer=aa=0[nothing];
        [0]$BRIGHTEN,$(globe 1160 15 20),format=rgba[day];
        [nothing][day]overlay=x=220:y=20:format=rgb" -frames:v 1 -pix_fmt rgba "$DIR/cutout.png"
}

# A whole turn in 24 frames, which loops.
turning() {
    ffmpeg -i "$EARTH" -f lavfi -i "$(night 300)" -f lavfi -i "$(stars 480 320)" -filter_complex "
        [0]scale=2048:1024,$BRIGHTEN,loop=loop=-1:size=1,scroll=horizontal=-1/24,$(globe 300 0 18 linear)[day];
        [1]loop=loop=-1:size=1[night];[2]loop=loop=-1:size=1,format=yuv420p[sky];
        [sky][day]overlay=x=90:y=10[lit];[lit][night]overlay=x=90:y=10,trim=end_frame=24,setpts=N/12.5/TB,split[one][other];
        [one]palettegen=max_colors=128[palette];[other][palette]paletteuse=dither=bayer" \
        -r 12.5 -loop 0 "${REPEATABLE[@]}" "$DIR/turning.gif"
}

photo
cutout
turning
# Parts of the map at its own resolution: from Spain to Indonesia, and Australia.
ffmpeg -i "$EARTH" -vf "$BRIGHTEN,crop=1500:1000:1900:280" -frames:v 1 -pix_fmt rgb24 "$DIR/coasts.png"
ffmpeg -i "$EARTH" -vf "$BRIGHTEN,crop=900:600:3130:950" -frames:v 1 -pix_fmt rgb24 "$DIR/islands.png"
