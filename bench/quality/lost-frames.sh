#!/usr/bin/env bash
# Lost frames from end to end: the clips of docs/quality-lost-frames.json at 6 kbps, with 5, 10 and 20 % of the frames
# lost, concealed by the decoder and by the frame before once more; then docs/robustness.md, which has the table.
#
#     bench/quality/lost-frames.sh SHARED [DECODED]
#
# SHARED holds audio/eval, audio/lyra and models/dnsmos; DECODED (default: a new folder) gets what is made on the way.
# PYTHON names a Python with `pip install ./training`, JOBS how many clips are judged at a time.
set -euo pipefail
shared=$(realpath "${1:?give the folder of recordings and models}")
decoded=$(realpath -m "${2:-$(mktemp -d)}")
cd "$(dirname "$0")/../.."
python=${PYTHON:-python}
clips="$decoded-clips"
json=docs/quality-lost-frames.json
export PYTHONPATH="training${PYTHONPATH:+:$PYTHONPATH}"

decode() { npx tsx bench/quality/decode-clips.ts --clips "$clips" --out "$decoded" --bitrates 6000 "$@"; }

mkdir -p "$clips"
for clip in $(node -p "Object.keys(require('./$json').codecs[0].clips).join(' ')"); do
  ln -sf "$(find "$shared/audio/eval" "$shared/audio/lyra" -name "$clip.*")" "$clips"
done
decode
for share in 0.05 0.1 0.2; do
  decode --lost $share --conceal decoder
  decode --lost $share --conceal repeat
done
"$python" bench/quality/measure.py "$decoded" --dnsmos "$shared/models/dnsmos/sig_bak_ovr.onnx" --json $json \
  --jobs "${JOBS:-1}"
"$python" bench/quality/robustness_page.py docs/robustness.json $json --page docs/robustness.md
