# shellcheck shell=bash disable=SC2034
# Sourced by the scripts that make samples: ffmpeg filters that show the Earth from space, and ffmpeg itself.

EARTH=$SMMU_ROOT/samples/earth.jpg
# The sea floor of the map is almost black.
BRIGHTEN='eq=gamma=1.25:saturation=1.1'
# Omits creation times and encoder versions.
REPEATABLE=(-map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact)

ffmpeg() { command ffmpeg -nostdin -hide_banner -loglevel error -y "$@"; }

# globe SIZE LONGITUDE LATITUDE [INTERPOLATION]: turns the map into a globe, seen from above a place given in degrees. It
# is transparent around the globe.
globe() {
    printf 'format=yuva444p,v360=e:og:h_fov=180:v_fov=180:w=%d:h=%d:yaw=%d:pitch=%d:interp=%s:alpha_mask=1' \
        "$1" "$1" "$2" "$3" "${4:-lanczos}"
}

# night SIZE: the shadow on a globe that the sun shines on from the upper left, as one frame to lay over it.
night() {
    local x='st(0,(X-199.5)/200)' y='st(1,(Y-199.5)/200)'
    local toward_viewer='st(2,sqrt(max(1-ld(0)*ld(0)-ld(1)*ld(1),0)))'
    local light='-0.5*ld(0)-0.25*ld(1)+0.83*ld(2)'
    printf "color=black:size=400x400,format=gbrap,geq=r=0:g=0:b=0:a='%s;%s;%s;255*clip(1.05-1.35*(%s),0,0.97)'" \
        "$x" "$y" "$toward_viewer" "$light"
    printf ',trim=end_frame=1,scale=%d:%d' "$1" "$1"
}

# stars WIDTH HEIGHT: a sky, as one frame. The same size has the same stars.
stars() {
    printf "color=black:size=%dx%d,format=gray,geq=lum='if(gt(random(1),0.9982),50+random(2)*205,0)'" "$1" "$2"
    printf ',gblur=sigma=0.35,trim=end_frame=1'
}
