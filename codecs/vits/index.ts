/** VITS, with weights from its published checkpoints. The model card is in README.md. */
import type { Checkpoint } from "../../src/checkpoints/open-checkpoint";
import { requireTensor, type StateDict } from "../../src/checkpoints/state-dict";
import type { CodecSource } from "../../src/codec-definition";
import { ModelError } from "../../src/errors";
import type { Network } from "../../src/graph/network";
import { LazyResource } from "../../src/runtime/lazy-resource";
import { NetworkSession } from "../../src/runtime/network-session";
import { openRuntime } from "../../src/runtime/open-runtime";
import type { SpeechAssembleOptions, SpeechModelDefinition } from "../../src/speech-model-definition";
import { requireWeights, withCheckpoint } from "../weights";
import { parseVitsConfig, readOriginalText, type VitsConfig } from "./config";
import { buildDecoder } from "./decoder-graph";
import { type Embeddings, VitsEngine, type VitsNetworks } from "./engine";
import { buildFlow } from "./flow-graph";
import { renameTensors } from "./names";
import { buildPosteriorEncoder } from "./posterior-graph";
import { readVitsFiles, type VitsFiles } from "./source";
import { buildTextNetwork } from "./text-graph";
import { originalVocabulary, parseTokenizerConfig, parseVocabulary, VitsTokenizer } from "./tokenizer";

export { parseVitsConfig, type VitsConfig } from "./config";
export { buildDecoder } from "./decoder-graph";
export { VitsEngine } from "./engine";
export { buildFlow } from "./flow-graph";
export { renameTensors } from "./names";
export { buildPosteriorEncoder } from "./posterior-graph";
export { buildTextNetwork } from "./text-graph";

/** What the cards of all have in common. */
const card = {
  paper:
    'Kim, Kong and Son 2021, "Conditional Variational Autoencoder with Adversarial Learning for End-to-End Text-to-Speech"',
  paperUrl: "https://arxiv.org/abs/2106.06103",
  sampleRate: 16000,
  numChannels: 1,
  frameRate: 62.5,
  numParameters: 36_284_592,
  codeLicence: "MIT",
  weightsLicence: "that of the file you give (MMS: CC BY-NC 4.0)",
  tested: "transformers VitsModel: small and full-size random weights",
};

/** The definition that `loadSpeechModel("vits", { weights })` finds. */
export const vits = define({
  name: "vits",
  summary: "text to speech in one network, of characters (MMS, 1,100 languages) or phonemes; converts voices",
  card,
});

/** A voice that training/ trains, on one reader's recordings. */
export const vitsKathleen = define({
  name: "vits-kathleen",
  summary: "16 kHz, English, one voice, 7.0 M parameters",
  weightsPackage: "@quantone/vits-kathleen",
  card: {
    ...card,
    numParameters: 7_017_345,
    codeLicence: "Apache-2.0",
    weightsLicence: "Apache-2.0, in @quantone/vits-kathleen",
  },
});

function define(
  facts: Pick<SpeechModelDefinition, "name" | "summary" | "weightsPackage" | "card">,
): SpeechModelDefinition {
  return {
    ...facts,
    weightsLicence: undefined,
    async readSource(weights) {
      const what = "a published model, its folder or hub id,";
      return { config: undefined, weights: await requireWeights(facts, weights, what) };
    },
    assemble: (source, options) => openVits(source, options, facts.name),
  };
}

/** Opens a model in the form that its engine has, for those who take its stages apart. */
export async function openVits(
  source: CodecSource,
  options: SpeechAssembleOptions,
  name = vits.name,
): Promise<VitsEngine> {
  const files = await readVitsFiles(source, options);
  const config = parseVitsConfig(files.config);
  return withCheckpoint(source.weights, options, (checkpoint) => engineOf(name, config, checkpoint, files, options));
}

function engineOf(
  name: string,
  config: VitsConfig,
  checkpoint: Checkpoint,
  files: VitsFiles,
  options: SpeechAssembleOptions,
): VitsEngine {
  const weights = renameTensors(checkpoint.tensors);
  const embeddings = readEmbeddings(config, weights);
  const numSymbols = embeddings.symbols.length / config.hiddenDim;
  const original = readOriginalText(files.config);
  const symbols = files.vocabulary ?? original.symbols ?? defaultVocabulary(numSymbols);
  const vocabulary = parseVocabulary(symbols, numSymbols);
  // A model without rules of its own is the original's: what its symbols are tells whether they are phonemes.
  const hasPhonemes = vocabulary.has("ˈ");
  const rules = files.tokenizer ?? { phonemize: hasPhonemes, normalize: !hasPhonemes, add_blank: original.hasBlanks };
  const tokenizer = new VitsTokenizer(vocabulary, parseTokenizerConfig(rules), options);
  const networks = lazyNetworks(config, weights, options);
  return new VitsEngine(config, networks, embeddings, tokenizer, { name, close: () => checkpoint.close() });
}

function lazyNetworks(config: VitsConfig, weights: StateDict, options: SpeechAssembleOptions): VitsNetworks {
  const lazy = (build: () => Network) =>
    new LazyResource(async () => NetworkSession.create(await openRuntime(options), build()));
  return {
    text: lazy(() => buildTextNetwork(config, weights)),
    flow: {
      "to-sound": lazy(() => buildFlow(config, weights, "to-sound", "streaming")),
      "to-text": lazy(() => buildFlow(config, weights, "to-text", "streaming")),
    },
    decoder: lazy(() => buildDecoder(config, weights)),
    posterior: lazy(() => buildPosteriorEncoder(config, weights, "streaming")),
  };
}

function readEmbeddings(config: VitsConfig, weights: StateDict): Embeddings {
  const { hiddenDim, numSpeakers, speakerDim } = config;
  const name = "text_encoder.embed_tokens.weight";
  // The vocabulary's size is the table's own: not every config tells it.
  const numSymbols = weights.get(name)?.shape[0] ?? 0;
  const symbols = requireTensor(weights, name, [numSymbols, hiddenDim]).data;
  const speakers =
    speakerDim > 0
      ? requireTensor(weights, "embed_speaker.weight", [numSpeakers, speakerDim]).data
      : new Float32Array();
  const scale = Math.fround(Math.sqrt(hiddenDim));
  return { symbols: symbols.map((value) => value * scale), speakers };
}

function defaultVocabulary(numSymbols: number): Readonly<Record<string, number>> {
  const numOriginal = Math.max(...Object.values(originalVocabulary)) + 1;
  if (numSymbols === numOriginal) return originalVocabulary;
  const message = `the model has ${numSymbols} symbols and neither vocab.json nor vocab.txt lies beside it; put one there, or give it as "vocabulary"`;
  throw new ModelError("bad-config", message, { model: "vits" });
}
