#!/usr/bin/env bash
# The robustness benchmark from end to end: makes the clips, sends them through the codecs, judges them, writes the page.
#
#     bench/quality/robustness.sh SHARED [DECODED]
#
# SHARED holds audio/eval, audio/lyra, models/dnsmos and models/lyra; DECODED (default: a new folder) gets what is made on
# the way. PYTHON names a Python with `pip install ./training`, JOBS how many clips are judged at a time. Lyra V2 and Opus
# stay as they stand in docs/robustness.json, unless PEERS=1.
set -euo pipefail
shared=$(realpath "${1:?give the folder of recordings and models}")
decoded=$(realpath -m "${2:-$(mktemp -d)}")
cd "$(dirname "$0")/../.."
python=${PYTHON:-python}
clips="$decoded-clips"
export PYTHONPATH="training${PYTHONPATH:+:$PYTHONPATH}"

decode() { npx tsx bench/quality/decode-clips.ts --clips "$clips" --out "$decoded" "$@"; }

"$python" bench/quality/robustness_clips.py --audio "$shared/audio" --out "$clips"
decode --bitrates 1500,3000,6000
if [ "${PEERS:-}" = 1 ]; then
  decode --codec lyra-v2 --weights "$shared/models/lyra" --bitrates 6000
  decode --codec opus --bitrates 12000
fi
npx tsx bench/quality/robustness.ts --clips "$clips" --out "$decoded"
"$python" bench/quality/robustness.py "$decoded" --dnsmos "$shared/models/dnsmos/sig_bak_ovr.onnx" \
  --json docs/robustness.json --jobs "${JOBS:-1}"
"$python" bench/quality/robustness_page.py docs/robustness.json docs/quality-lost-frames.json --page docs/robustness.md
