#!/bin/sh
# Builds web/src/blst.wasm from blst's C source, the release that Cargo.lock names, with Debian's
# clang and lld. The same compiler gives the same bytes.
#
#   web/wasm/build.sh [--check]
#
# --check builds beside and compares with what is committed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n '/^name = "blst"$/{n;s/version = "\(.*\)"/\1/p;}' "$here/../../Cargo.lock")
source=${BLST_SOURCE:-$(echo "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/blst-"$version"/blst/src)}
bindings=$source/../bindings
[ -f "$source/server.c" ] || { echo "no source of blst $version at $source: run cargo fetch" >&2; exit 1; }
committed=$here/../src/blst.wasm
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
compile() {
  "${CLANG:-clang}" --target=wasm32 -std=gnu11 -nostdlib -ffreestanding -O3 \
    -mbulk-memory -msign-ext -fvisibility=hidden -fno-strict-aliasing -ffunction-sections -fdata-sections \
    -D__BLST_NO_ASM__ -D__BLST_NO_CPUID__ -D__BLST_PORTABLE__ -D__BLST_CGO__ -DNDEBUG \
    -I "$bindings" "$@"
}
compile -Wno-everything -c "$source/server.c" -o "$temporary/blst.o"
compile -Wall -Wextra -Werror -c "$here/tauline.c" -o "$temporary/tauline.o"
"${WASM_LD:-wasm-ld}" --no-entry --gc-sections --strip-all -z stack-size=131072 \
  "$temporary/blst.o" "$temporary/tauline.o" -o "$temporary/blst.wasm"
if [ "${1:-}" = --check ]; then
  cmp "$temporary/blst.wasm" "$committed"
else
  cp "$temporary/blst.wasm" "$committed"
fi
