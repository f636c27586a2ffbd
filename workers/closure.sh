#!/bin/sh
# closure.sh ROOT FILE...: copies files of this Debian system and all libraries that they are linked against to ROOT,
# under the same paths. For each package that a file belongs to, copies its copyright file and its entry in the package
# database, in the form that vulnerability scanners know from distroless images (var/lib/dpkg/status.d).
set -eu

root=$1
shift
work=$(mktemp -d)

# Debian's symbolic links (/bin → usr/bin, …), so that all paths of a file work.
mkdir -p "$root/usr"
for link in /bin /sbin /lib /lib64; do
    [ ! -L "$link" ] || cp -P "$link" "$root/"
done

# package_of FILE: prints the package of a file. dpkg knows some files under their paths before /lib became usr/lib.
package_of() {
    file=$(readlink -f "$1")
    { dpkg -S "$file" || dpkg -S "${file#/usr}"; } 2>/dev/null | head -n 1 | cut -d: -f1
}

for file in "$@"; do
    printf '%s\n' "$file" >>"$work/found"
    # ldd fails for files that are not programs or libraries; these have no dependencies.
    ldd "$file" >"$work/linked" 2>/dev/null || continue
    if grep 'not found' "$work/linked" >&2; then exit 1; fi
    grep -o '/[^ ]*' "$work/linked" >>"$work/found"
done
sort -u "$work/found" >"$work/files"

while read -r file; do
    place=$(readlink -f "$(dirname "$file")")
    mkdir -p "$root$place"
    cp -L "$file" "$root$place/"
    package=$(package_of "$file")
    [ -n "$package" ] || {
        echo "$file belongs to no package" >&2
        exit 1
    }
    printf '%s\n' "$package" >>"$work/origins"
done <"$work/files"
sort -u "$work/origins" >"$work/packages"

mkdir -p "$root/var/lib/dpkg/status.d"
while read -r package; do
    dpkg -s "$package" >"$root/var/lib/dpkg/status.d/$package"
    mkdir -p "$root/usr/share/doc/$package"
    cp -L "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/"
done <"$work/packages"
rm -r "$work"
