#!/usr/bin/env bash
# Makes demo-speech.flac, the clip that `npm run demo` encodes: 16 kHz mono speech from the synthesizer espeak-ng, so that
# no speaker's rights are in it. espeak-ng is GPL-3.0; what it says is not covered by that licence.
# Needs Debian's espeak-ng, sox and flac. The file is committed: another version of espeak-ng sounds a little different.
set -euo pipefail
cd "$(dirname "$0")"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
text='A codec listens to a voice, fifty times a second, and writes down what it heard as a handful of numbers.
Another network reads those numbers, and speaks.'
espeak-ng -v en-us -s 150 -p 42 -g 2 -w "$folder/spoken.wav" "$text"
sox "$folder/spoken.wav" -D -b 16 -r 16000 -c 1 "$folder/demo-speech.wav" gain -n -3
flac --silent --force --best "$folder/demo-speech.wav" -o demo-speech.flac
soxi demo-speech.flac
