#!/bin/sh
# Puts SwiftShader, a Vulkan driver that runs on the CPU, and a Vulkan loader into a folder, so that the WebGPU tests run
# on a machine without a GPU. Needs Debian with fresh package lists (apt-get update), no root rights, and a download of
# about 35 MB, of which 6 MB are kept.
#
#   scripts/install-swiftshader.sh .cache/swiftshader
#   QUANTONE_SWIFTSHADER=$PWD/.cache/swiftshader npx vitest run test/webgpu
set -eu
target=${1:?usage: install-swiftshader.sh FOLDER}
mkdir -p "$target"
target=$(cd "$target" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# The files that Debian's chromium keeps apart from the browser itself hold both.
apt-get download --quiet chromium-common
dpkg-deb --extract ./chromium-common_*.deb .
cd usr/lib/chromium
cp libvk_swiftshader.so vk_swiftshader_icd.json libvulkan.so.1 "$target"
echo "SwiftShader is in $target"
