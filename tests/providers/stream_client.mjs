// Streams one check with the client that the browser's component has inside, in Node: what it takes for AWS, the tests may too.
// Prints the names of the events that came, or the name of the error.
//   usage: node --experimental-websocket stream_client.mjs <web folder> <endpoint> <session> <key id> <secret> <token>

import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, endpoint, session, accessKeyId, secretAccessKey, sessionToken] = process.argv.slice(2);
const client = 'node_modules/@aws-amplify/ui-react-liveness/dist/esm/components/FaceLivenessDetector/service/utils/createStreamingClient';
const { createStreamingClient } = await import(pathToFileURL(path.resolve(folder, client, 'createStreamingClient.mjs')));

// It always dials wss.
const Secure = globalThis.WebSocket;
globalThis.WebSocket = class extends Secure {
  constructor(url) {
    super(url.replace(/^wss:/, 'ws:'));
  }
};

let toldOfOval;
const oval = new Promise((resolve) => (toldOfOval = resolve));
const box = { Width: 0.2, Height: 0.3, Left: 0.4, Top: 0.3 };
const id = crypto.randomUUID();

async function* requests() {
  const challenge = await oval;
  const [[kind, { OvalParameters: place, ColorSequences: colors = [] }]] = Object.entries(challenge);
  const told = (more) => ({ ClientSessionInformationEvent: { Challenge: { [kind]: { ChallengeId: id, ...more } } } });
  const video = (bytes) => ({ VideoEvent: { VideoChunk: Uint8Array.from(bytes), TimestampMillis: Date.now() } });
  const initial = { InitialFace: { BoundingBox: box, InitialFaceDetectedTimestamp: Date.now() } };
  yield video([0x1a, 0x45, 0xdf, 0xa3, 1, 2, 3]);
  yield told({ VideoStartTimestamp: Date.now(), ...initial });
  for (const [index, color] of colors.entries()) {
    const shown = { CurrentColor: color.FreshnessColor, SequenceNumber: index, CurrentColorStartTimestamp: Date.now() };
    const before = index > 0 ? { PreviousColor: colors[index - 1].FreshnessColor } : {};
    yield told({ ColorDisplayed: { ...shown, ...before } });
  }
  const target = {
    BoundingBox: {
      Width: place.Width / 640,
      Height: place.Height / 480,
      Left: (place.CenterX - place.Width / 2) / 640,
      Top: (place.CenterY - place.Height / 2) / 480,
    },
    FaceDetectedInTargetPositionStartTimestamp: Date.now(),
    FaceDetectedInTargetPositionEndTimestamp: Date.now(),
  };
  yield told({ VideoEndTimestamp: Date.now(), ...initial, TargetFace: target });
  yield video([]);
  await new Promise(() => {}); // The component does not end its stream either: the server closes.
}

try {
  const { getResponseStream } = await createStreamingClient({
    credentialsProvider: async () => ({ accessKeyId, secretAccessKey, sessionToken }),
    endpointOverride: endpoint,
    region: 'us-east-1',
    attemptCount: 1,
    preCheckViewEnabled: true,
  });
  const answers = await getResponseStream({ requestStream: requests(), sessionId: session, videoWidth: '640', videoHeight: '480' });
  const names = [];
  for await (const event of answers) {
    names.push(event.$unknown?.[0] ?? Object.keys(event)[0]);
    if (event.ServerSessionInformationEvent) toldOfOval(event.ServerSessionInformationEvent.SessionInformation.Challenge);
  }
  console.log(names.join(' '));
} catch (error) {
  console.log(error.name);
}
process.exit();
