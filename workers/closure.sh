#!/bin/sh
# closure.sh ROOT FILE...: copies files of this Debian to ROOT with every library that they are linked against, each to the
# place where it is here. Of each package that a file came from it copies the terms, and its entry in the package
# database, in the form that scanners for vulnerabilities know from distroless images (var/lib/dpkg/status.d).
set -eu

root=$1
shift

# Debian's own links (/bin → usr/bin, …), so that every name of a file works.
mkdir -p "$root/usr"
for link in /bin /sbin /lib /lib64; do
    [ ! -L "$link" ] || cp -P "$link" "$root/"
done

# package_of FILE: which package a file came from; dpkg knows some by their names from before /lib became usr/lib.
package_of() {
    file=$(readlink -f "$1")
    dpkg -S "$file" 2>/dev/null || dpkg -S "${file#/usr}"
}

for file in "$@"; do
    printf '%s\n' "$file"
    # Scripts and data are linked against nothing; then ldd says so and fails.
    ldd "$file" 2>/dev/null | grep -o '/[^ ]*' || true
done | sort -u >/tmp/closure

while read -r file; do
    place=$(readlink -f "$(dirname "$file")")
    mkdir -p "$root$place"
    cp -L "$file" "$root$place/"
    package_of "$file" | cut -d: -f1
done </tmp/closure | sort -u >/tmp/packages

mkdir -p "$root/var/lib/dpkg/status.d"
while read -r package; do
    dpkg -s "$package" >"$root/var/lib/dpkg/status.d/$package"
    mkdir -p "$root/usr/share/doc/$package"
    cp -L "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/"
done </tmp/packages
