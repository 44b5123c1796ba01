// A Vite plugin for AWS's face step: serves the model and wasm files from our own origin instead of AWS's CDN, and scopes its styles. For
// the build and for Vite's own server.
//
// The folder's name has a hash of the files, so that browsers may cache them for ever like every other asset. Vite cannot name the files,
// because TensorFlow.js builds the names of the wasm files at run time.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Plugin } from 'vite';
import { convertToGraphModel, SHARD } from './aws-assets.model.ts';
import { scopeStyles } from './aws-assets.styles.ts';

const WASM = ['tfjs-backend-wasm-simd.wasm', 'tfjs-backend-wasm-threaded-simd.wasm', 'tfjs-backend-wasm.wasm'];
const STYLES = /@aws-amplify\/ui-react-liveness\/dist\/styles\.css$/;
const MEDIA_TYPES: Record<string, string> = { '.json': 'application/json', '.wasm': 'application/wasm', '.txt': 'text/plain' };
const NOTICE = `Both are under the Apache License, Version 2.0 (https://www.apache.org/licenses/LICENSE-2.0).

model.json, ${SHARD}: face_detection_short_range.tflite of @mediapipe/face_detection, Copyright Google LLC and the
MediaPipe authors; changed: converted into a TensorFlow.js graph model. The weights are the same numbers.
${WASM.join(', ')}: @tensorflow/tfjs-backend-wasm, Copyright Google LLC; unchanged.
`;

export function awsAssets(): Plugin {
  const files = readAssets();
  const folder = `app/liveness/${hashFiles(files)}`;
  return {
    name: 'aws-assets',
    enforce: 'pre',
    config: () => ({ define: { __LIVENESS_ASSETS__: JSON.stringify(`/${folder}/`) } }),
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const file = files.get((request.url ?? '').replace(`/${folder}/`, ''));
        if (!file) return next();
        response.setHeader('Content-Type', findMediaType(request.url ?? ''));
        response.end(file);
      });
    },
    transform(code, id) {
      return STYLES.test(id) ? { code: scopeStyles(code), map: null } : undefined;
    },
    generateBundle() {
      for (const [name, source] of files) this.emitFile({ type: 'asset', fileName: `${folder}/${name}`, source });
    },
  };
}

export function readAssets(): Map<string, Uint8Array> {
  const model = convertToGraphModel(readPackageFile('@mediapipe/face_detection', 'face_detection_short_range.tflite'));
  const files = new Map<string, Uint8Array>([
    ['model.json', Buffer.from(model.json)],
    [SHARD, model.weights],
    ['NOTICE.txt', Buffer.from(NOTICE)],
  ]);
  for (const name of WASM) files.set(name, readPackageFile('@tensorflow/tfjs-backend-wasm', `dist/${name}`));
  return files;
}

function readPackageFile(name: string, file: string): Uint8Array {
  const own = createRequire(import.meta.url).resolve(`${name}/package.json`);
  return readFileSync(path.join(path.dirname(own), file));
}

function hashFiles(files: Map<string, Uint8Array>): string {
  const hash = createHash('sha256');
  for (const [name, source] of files) hash.update(`${name} ${source.length}\n`).update(source);
  return hash.digest('hex').slice(0, 12);
}

function findMediaType(name: string): string {
  return MEDIA_TYPES[path.extname(name)] ?? 'application/octet-stream';
}
