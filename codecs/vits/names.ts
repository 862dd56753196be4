/**
 * Names of VITS's tensors, from whichever published checkpoint: the original's become those of Hugging Face's port, such
 * as `text_encoder.encoder.layers.0.attention.q_proj.weight`.
 */
import type { StateDict, WeightTensor } from "../../src/checkpoints/state-dict";

/** Parts of the original's names and what they are here, applied one after the other. */
const originalNames: readonly (readonly [RegExp, string | ((...parts: string[]) => string)])[] = [
  [/^enc_p\.emb\./, "text_encoder.embed_tokens."],
  [/^enc_p\.proj\./, "text_encoder.project."],
  [/^enc_p\.encoder\.attn_layers\.(\d+)\.conv_([qkv])\./, "text_encoder.encoder.layers.$1.attention.$2_proj."],
  [/^enc_p\.encoder\.attn_layers\.(\d+)\.conv_o\./, "text_encoder.encoder.layers.$1.attention.out_proj."],
  [/^enc_p\.encoder\.attn_layers\.(\d+)\.emb_rel_/, "text_encoder.encoder.layers.$1.attention.emb_rel_"],
  [/^enc_p\.encoder\.norm_layers_1\.(\d+)\./, "text_encoder.encoder.layers.$1.layer_norm."],
  [/^enc_p\.encoder\.norm_layers_2\.(\d+)\./, "text_encoder.encoder.layers.$1.final_layer_norm."],
  [/^enc_p\.encoder\.ffn_layers\.(\d+)\./, "text_encoder.encoder.layers.$1.feed_forward."],
  // Between the flows stand ones without weights that turn the channels round, and they count in the original's names.
  [/^(flow|dp)\.flows\.(\d+)\./, (_, part, index) => `${part}.flows.${Math.ceil(Number(index) / 2)}.`],
  [/^dp\.flows\.(\d+)\.m$/, "dp.flows.$1.translate"],
  [/^dp\.flows\.(\d+)\.logs$/, "dp.flows.$1.log_scale"],
  [/^(dp|flow|enc_q)\.(flows\.\d+\.)?(pre|post|proj)\./, "$1.$2conv_$3."],
  [/^dp\.(flows\.\d+\.)?convs\.convs_sep\./, "dp.$1conv_dds.convs_dilated."],
  [/^dp\.(flows\.\d+\.)?convs\.convs_1x1\./, "dp.$1conv_dds.convs_pointwise."],
  [/^dp\.(flows\.\d+\.)?convs\.norms_/, "dp.$1conv_dds.norms_"],
  [/^(flow\.flows\.\d+|enc_q)\.enc\./, "$1.wavenet."],
  [/^dec\.ups\./, "decoder.upsampler."],
  [/^dec\./, "decoder."],
  [/^dp\./, "duration_predictor."],
  [/^enc_q\./, "posterior_encoder."],
  [/^emb_g\./, "embed_speaker."],
  [/\.gamma$/, ".weight"],
  [/\.beta$/, ".bias"],
];

/** Of the original's projections, which are convolutions over one position. */
const projection = /\.attention\.(q|k|v|out)_proj\.weight$/;

/** The port's name of one of the original's tensors. */
export function tensorName(published: string): string {
  return originalNames.reduce((name, [pattern, part]) => name.replace(pattern, part as string), published);
}

/** The predictor that draws nothing has a layer of the same name as the other one, under another name in the port. */
const predictedProjection = /^duration_predictor\.conv_proj\./;

/**
 * The same tensors under their names here.
 *
 * Memory   views of `weights`; nothing is read
 */
export function renameTensors(weights: StateDict): StateDict {
  if (!weights.has("enc_p.emb.weight")) return weights;
  const hasPrediction = weights.has("dp.conv_1.weight");
  return new Map(
    [...weights].map(([published, tensor]) => {
      let name = tensorName(published);
      if (hasPrediction) name = name.replace(predictedProjection, "duration_predictor.proj.");
      return [name, projection.test(name) ? asMatrix(tensor) : tensor];
    }),
  );
}

function asMatrix(tensor: WeightTensor): WeightTensor {
  const [numOutputs = 0, numInputs = 0, kernelSize] = tensor.shape;
  if (kernelSize !== 1) return tensor;
  return {
    dtype: tensor.dtype,
    shape: [numOutputs, numInputs],
    get data() {
      return tensor.data;
    },
  };
}
