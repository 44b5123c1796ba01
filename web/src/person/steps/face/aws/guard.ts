// Closes the camera and the stream that AWS's component opens. Without this the component leaves the camera on if it is unmounted while it
// asks for one (aws-amplify/amplify-ui#6245), and always leaves the stream open.

/** The component's close code when a person stops, and how long it gets to send a better one, in milliseconds. */
const STOPPED_BY_PERSON = 4003;
const CLOSE_DELAY = 1_000;

/** Wraps `getUserMedia` and `WebSocket`. The returned function unwraps them, stops the camera and closes the stream. */
export function guardCameraAndStream(stream: string | undefined): () => void {
  const takeCameraBack = guardCamera();
  const takeSocketsBack = guardSockets(stream);
  return () => {
    takeCameraBack();
    takeSocketsBack();
  };
}

function guardCamera(): () => void {
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices) return () => {};
  const original = Object.getOwnPropertyDescriptor(devices, 'getUserMedia');
  const ask = devices.getUserMedia.bind(devices);
  const tracks: MediaStreamTrack[] = [];
  let gone = false;
  const asked = async (constraints?: MediaStreamConstraints) => {
    const stream = await ask(constraints);
    tracks.push(...stream.getTracks());
    if (gone) stopTracks(tracks);
    return stream;
  };
  Object.defineProperty(devices, 'getUserMedia', { configurable: true, value: asked });
  return () => {
    gone = true;
    if (original) Object.defineProperty(devices, 'getUserMedia', original);
    else Reflect.deleteProperty(devices, 'getUserMedia');
    stopTracks(tracks);
  };
}

function stopTracks(tracks: MediaStreamTrack[]): void {
  for (const track of tracks) track.stop();
}

function guardSockets(stream: string | undefined): () => void {
  const Original = window.WebSocket;
  const sockets: WebSocket[] = [];
  window.WebSocket = class extends Original {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(rewriteStreamUrl(String(url), stream), protocols);
      sockets.push(this);
    }
  };
  return () => {
    window.WebSocket = Original;
    setTimeout(() => {
      for (const socket of sockets) if (socket.readyState <= WebSocket.OPEN) socket.close(STOPPED_BY_PERSON);
    }, CLOSE_DELAY);
  };
}

/** The component always uses wss. Only a stream on this machine may be plain ws: it crosses no network. */
export function rewriteStreamUrl(url: string, stream: string | undefined): string {
  if (!stream?.startsWith('ws://')) return url;
  const { hostname, host } = new URL(stream);
  const isHere = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
  return isHere && new URL(url).host === host ? url.replace(/^wss:/, 'ws:') : url;
}
