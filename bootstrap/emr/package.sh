#!/usr/bin/env bash
# Packs the binaries for install.sh: OUT/millstream-VERSION-ARCH.tar.gz, with SHA256SUMS inside.
#
#   package.sh --binaries FOLDER [--out FOLDER] [--version VERSION] [--arch ARCH]
#
# The same binaries give the same archive, byte for byte. Prints the archive's path; upload it with
#   aws s3 cp ARCHIVE s3://BUCKET/releases/
# and name it to install.sh as s3://BUCKET/releases/millstream-VERSION.
set -euo pipefail

BINARIES='' OUT=. VERSION='' ARCH=$(uname -m)
# What Amazon Linux 2023 (EMR 7) has. Binaries that want a newer C library do not start there.
readonly GLIBC_MOST=2.34

fail() {
    printf 'package: %s\n' "$*" >&2
    exit 2
}

while (($# > 0)); do
    case $1 in
    --binaries) BINARIES=${2:?--binaries needs a value} && shift 2 ;;
    --out) OUT=${2:?--out needs a value} && shift 2 ;;
    --version) VERSION=${2:?--version needs a value} && shift 2 ;;
    --arch) ARCH=${2:?--arch needs a value} && shift 2 ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) fail "unknown argument '$1'; see --help" ;;
    esac
done
[[ -n $BINARIES ]] || fail "--binaries is required, as in --binaries target/release"
for binary in millstream-driver millstream-executor; do
    [[ -x $BINARIES/$binary ]] || fail "$BINARIES/$binary is missing: build it with cargo build --release"
done
VERSION=${VERSION:-$("$BINARIES/millstream-driver" --version | awk '{print $2}')}
[[ $VERSION =~ ^[A-Za-z0-9][A-Za-z0-9._+-]*$ ]] || fail "version '$VERSION': letters, digits, '.', '_', '+' and '-' only"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/bin"
for binary in millstream-driver millstream-executor; do
    install -m 755 "$BINARIES/$binary" "$scratch/bin/$binary"
    if command -v objdump >/dev/null; then
        wants=$(objdump -T "$scratch/bin/$binary" 2>/dev/null | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1 || true)
        wants=${wants#GLIBC_}
        if [[ -n $wants && $(printf '%s\n' "$wants" "$GLIBC_MOST" | sort -V | tail -n 1) != "$GLIBC_MOST" ]]; then
            printf 'package: warning: %s wants glibc %s, EMR 7 has %s: build it there, or with cargo-zigbuild\n' \
                "$binary" "$wants" "$GLIBC_MOST" >&2
        fi
    fi
done
(cd "$scratch" && sha256sum bin/* >SHA256SUMS)
mkdir -p "$OUT"
archive="$OUT/millstream-$VERSION-$ARCH.tar.gz"
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$scratch" -cf - bin SHA256SUMS | gzip -n >"$archive.new"
mv "$archive.new" "$archive"
echo "$archive"
