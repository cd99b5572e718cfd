#!/usr/bin/env bash
# Builds a Debian package of the release binary: packaging/build-deb.sh [FOLDER]
#
# Needs cargo, dpkg-deb, strip and Python 3. The files are those of `make install`; what dpkg runs when
# the package comes and goes is in packaging/debian/, the notices of all linked crates come from
# packaging/notices.py. The debug lines of the release profile are taken out of the packaged binary only.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-target/debian}

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
architecture=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

make --no-print-directory install DESTDIR="$root" PREFIX=/usr

strip --remove-section=.comment --remove-section=.note "$root/usr/bin/evenkeel"

# What Debian expects beside the files: licences by name, notices, and what changed in a form that its
# tools read. The date is that of the sources, so that two builds of them are one package.
documents=$root/usr/share/doc/evenkeel
mit=$(sed -n '/^Permission/,$p' LICENSE-MIT | sed -e 's/^$/./' -e 's/^/ /')
awk -v mit="$mit" '$0 == "@MIT@" { print mit; next } { print }' packaging/debian/copyright \
    >"$documents/copyright"
packaging/notices.py | gzip -9n >"$documents/NOTICES.gz"
seconds=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
gzip -9n >"$documents/changelog.gz" <<CHANGES
evenkeel ($version) unstable; urgency=medium

  * What changed for users: CHANGELOG.md.gz beside this file.

 -- ${DEBFULLNAME:-Local build} <${DEBEMAIL:-root@localhost}>  $(date -uR -d "@$seconds")
CHANGES
gzip -9nc CHANGELOG.md >"$documents/CHANGELOG.md.gz"

# Who builds a package answers for it; the variables are those of Debian's own tools.
maintainer="${DEBFULLNAME:-Local build} <${DEBEMAIL:-root@localhost}>"

# The C library the binary was linked with is the oldest it runs with.
libc=$(ldd --version | sed -n '1s/.* //p')
mkdir "$root/DEBIAN"
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@LIBC@/$libc/" \
    -e "s/@MAINTAINER@/$maintainer/" \
    -e "s/@SIZE@/$(du -sk --exclude=DEBIAN "$root" | cut -f 1)/" \
    packaging/debian/control >"$root/DEBIAN/control"
echo /etc/evenkeel/evenkeel.conf >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do
    install -m 755 "packaging/debian/$script" "$root/DEBIAN/$script"
done
(cd "$root" && find usr lib -type f -print0 2>/dev/null | sort -z | xargs -0 md5sum) \
    >"$root/DEBIAN/md5sums"

mkdir -p "$folder"
rm -f "$folder"/evenkeel_*.deb
package=$folder/evenkeel_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$root" "$package" >/dev/null
binary=$(stat -c %s "$root/usr/bin/evenkeel")
echo "$package: $(stat -c %s "$package") bytes, the binary in it $binary bytes"
