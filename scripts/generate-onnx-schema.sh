#!/bin/sh
# Writes src/graph/onnx/onnx.generated.ts from onnx.proto. Needs npm's registry only: buf brings its own compiler.
set -eu
cd "$(dirname "$0")/../src/graph/onnx"
npx --yes --package @bufbuild/buf@1.75.0 --package @bufbuild/protoc-gen-es@2.17.0 -- buf generate . --path onnx.proto --template '{
  "version": "v2",
  "plugins": [{ "local": "protoc-gen-es", "out": ".", "opt": ["target=ts", "import_extension=none"] }]
}'
mv onnx_pb.ts onnx.generated.ts
