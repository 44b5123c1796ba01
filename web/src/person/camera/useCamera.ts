// A camera for a component: opens it, watches it, and stops it when the component leaves.
import { useCallback, useEffect, useRef, useState } from 'react';
import { type CameraDevice, CameraError, type CameraRequest, type CameraTroubleKind, listCameras, openCamera, stopStream } from './openCamera';

export type CameraState =
  | { is: 'starting' }
  | { is: 'on'; stream: MediaStream }
  | { is: 'trouble'; trouble: CameraTroubleKind; label: string };

export interface CameraHandle {
  state: CameraState;
  devices: CameraDevice[];
  retry: () => void;
  choose: (device: string) => void;
  useAnyway: () => void;
}

export function useCamera(facing: 'user' | 'environment'): CameraHandle {
  const [state, setState] = useState<CameraState>({ is: 'starting' });
  const [devices, setDevices] = useState<CameraDevice[]>([]);
  const [attempt, setAttempt] = useState(0);
  const request = useRef<{ device?: string; allowVirtual?: boolean }>({});

  const retry = useCallback(() => {
    setState({ is: 'starting' });
    setAttempt((before) => before + 1);
  }, []);

  useEffect(() => {
    const camera = new AbortController();
    const setOpenState = (next: CameraState): void => {
      if (!camera.signal.aborted) setState(next);
    };
    void runCamera({ facing, ...request.current }, setOpenState, setDevices, camera.signal);
    return () => camera.abort();
  }, [facing, attempt]);

  useRetryWhenAvailable(state, retry);
  useRetryWhenShown(state, retry);

  function change(changed: { device?: string; allowVirtual?: boolean }): void {
    request.current = { ...request.current, ...changed };
    retry();
  }

  return {
    state,
    devices,
    retry,
    choose: (device) => change({ device }),
    useAnyway: () => change({ allowVirtual: true }),
  };
}

/** Opens a camera and reports its state until `signal` is aborted; then stops it. */
async function runCamera(request: CameraRequest, setState: (state: CameraState) => void, setDevices: (devices: CameraDevice[]) => void, signal: AbortSignal): Promise<void> {
  const showTrouble = (trouble: CameraTroubleKind, label = ''): void => setState({ is: 'trouble', trouble, label });
  try {
    const { stream } = await openCamera(request);
    if (signal.aborted) return stopStream(stream);
    signal.addEventListener('abort', () => stopStream(stream));
    // Unplugged, taken by the system, or the permission was withdrawn.
    stream.getVideoTracks()[0]?.addEventListener('ended', () => showTrouble('busy'));
    setState({ is: 'on', stream });
  } catch (error) {
    if (error instanceof CameraError) showTrouble(error.trouble, error.label);
    else showTrouble('failed');
  }
  setDevices(await listCameras());
}

/** Retries when a camera is plugged in, or allowed in the browser's settings: no need to press anything. */
function useRetryWhenAvailable(state: CameraState, retry: () => void): void {
  useEffect(() => {
    if (state.is !== 'trouble') return;
    const watch = new AbortController();
    navigator.mediaDevices?.addEventListener?.('devicechange', retry, { signal: watch.signal });
    navigator.permissions
      ?.query({ name: 'camera' as PermissionName })
      .then((status) => status.addEventListener('change', () => status.state === 'granted' && retry(), { signal: watch.signal }))
      .catch(() => undefined); // Firefox does not know that permission.
    return () => watch.abort();
  }, [state, retry]);
}

/** Phones take the camera away from a hidden page, and some leave a frozen picture behind. */
function useRetryWhenShown(state: CameraState, retry: () => void): void {
  useEffect(() => {
    const retryIfStopped = (): void => {
      if (document.visibilityState !== 'visible' || state.is !== 'on') return;
      const track = state.stream.getVideoTracks()[0];
      if (!track || track.readyState === 'ended' || track.muted) retry();
    };
    document.addEventListener('visibilitychange', retryIfStopped);
    return () => document.removeEventListener('visibilitychange', retryIfStopped);
  }, [state, retry]);
}
