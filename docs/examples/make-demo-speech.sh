#!/usr/bin/env bash
# Makes demo-speech.flac, the clip that `npm run demo` encodes: 16 kHz mono speech of this project's own voice,
# @quantone/vits-kathleen, which learned from recordings in the public domain (CC0-1.0).
# Needs `npm ci` and Debian's sox and flac. The file is committed: other weights sound different.
set -euo pipefail
cd "$(dirname "$0")"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
text='A codec listens to a voice, fifty times a second, and writes down what it heard as a handful of numbers.
Another network reads those numbers, and speaks.'
npx tsx ../../src/cli/main.ts say "$text" "$folder/spoken.wav" --model vits-kathleen --seed 1
sox "$folder/spoken.wav" -D -b 16 -r 16000 -c 1 "$folder/demo-speech.wav" gain -n -3
flac --silent --force --best "$folder/demo-speech.wav" -o demo-speech.flac
soxi demo-speech.flac
