// Opens a camera, and names each failure for which the page has instructions.

export type CameraTroubleKind = 'denied' | 'missing' | 'busy' | 'virtual' | 'insecure' | 'failed';

export interface OpenedCamera {
  stream: MediaStream;
  label: string;
}

export class CameraError extends Error {
  constructor(readonly trouble: CameraTroubleKind, readonly label = '') {
    super(trouble);
    this.name = 'CameraError';
  }
}

/** Maps an error of `getUserMedia` (W3C Media Capture and Streams, and browsers' own names). Pure. */
export function toCameraTrouble(name: string): CameraTroubleKind {
  switch (name) {
    case 'NotAllowedError':
    case 'PermissionDeniedError':
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'DevicesNotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return 'busy';
    default:
      return 'failed';
  }
}

const VIRTUAL_CAMERA_LABEL = /\bobs\b|virtual|manycam|snap camera|xsplit|splitcam|v4l2loopback|dummy video|youcam|fake_device|deepfacelive/i;

/** Trusts the browser's label: it helps an honest person who has chosen the wrong camera, and does not stop an attacker. Pure. */
export const isVirtualCamera = (label: string): boolean => VIRTUAL_CAMERA_LABEL.test(label);

export interface CameraRequest {
  facing: 'user' | 'environment';
  device?: string | undefined;
  allowVirtual?: boolean | undefined;
}

export async function openCamera({ facing, device, allowVirtual = false }: CameraRequest): Promise<OpenedCamera> {
  if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) throw new CameraError('insecure');
  const size = facing === 'user' ? { width: { ideal: 1280 }, height: { ideal: 720 } } : { width: { ideal: 1920 }, height: { ideal: 1080 } };
  const which = device ? { deviceId: { exact: device } } : { facingMode: { ideal: facing } };
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { ...size, ...which } });
  } catch (error) {
    throw new CameraError(toCameraTrouble(error instanceof Error ? error.name : ''));
  }
  const label = stream.getVideoTracks()[0]?.label ?? '';
  if (isVirtualCamera(label) && !allowVirtual) {
    stopStream(stream);
    throw new CameraError('virtual', label);
  }
  return { stream, label };
}

export function stopStream(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

export interface CameraDevice {
  id: string;
  label: string;
}

export async function listCameras(): Promise<CameraDevice[]> {
  try {
    const all = await navigator.mediaDevices.enumerateDevices();
    const found = all.filter((device) => device.kind === 'videoinput' && device.deviceId);
    return found.map((device, i) => ({ id: device.deviceId, label: device.label || `${i + 1}` }));
  } catch {
    return [];
  }
}
