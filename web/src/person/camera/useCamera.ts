// A camera for a component: opened, watched, and let go.
import { useCallback, useEffect, useRef, useState } from 'react';
import { CameraError, type CameraTroubleKind, type CameraDevice, listCameras, openCamera, stopStream } from './openCamera';

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
  const wish = useRef<{ device?: string; allowVirtual?: boolean }>({});

  const retry = useCallback(() => {
    setState({ is: 'starting' });
    setAttempt((before) => before + 1);
  }, []);

  useEffect(() => {
    let isOver = false;
    let stream: MediaStream | null = null;
    const trouble = (trouble: CameraTroubleKind, label = ''): void => {
      if (!isOver) setState({ is: 'trouble', trouble, label });
    };
    openCamera({ facing, ...wish.current })
      .then(async (opened) => {
        if (isOver) return stopStream(opened.stream);
        stream = opened.stream;
        const track = stream.getVideoTracks()[0];
        // Unplugged, taken away by the system, or the permission was withdrawn.
        track?.addEventListener('ended', () => trouble('busy'));
        setState({ is: 'on', stream });
        setDevices(await listCameras());
      })
      .catch(async (error: unknown) => {
        if (error instanceof CameraError) trouble(error.trouble, error.label);
        else trouble('failed');
        setDevices(await listCameras());
      });
    return () => {
      isOver = true;
      stopStream(stream);
    };
  }, [facing, attempt]);

  // A permission that is given in the browser's settings, or a camera that is plugged in: no need to press anything.
  useEffect(() => {
    if (state.is !== 'trouble') return;
    const away = new AbortController();
    navigator.mediaDevices?.addEventListener?.('devicechange', retry, { signal: away.signal });
    navigator.permissions
      ?.query({ name: 'camera' as PermissionName })
      .then((status) => status.addEventListener('change', () => status.state === 'granted' && retry(), { signal: away.signal }))
      .catch(() => undefined); // Firefox does not know that permission.
    return () => away.abort();
  }, [state, retry]);

  // Phones take the camera away from a page that is not looked at, and some leave a frozen picture behind.
  useEffect(() => {
    const onShow = (): void => {
      if (document.visibilityState !== 'visible' || state.is !== 'on') return;
      const track = state.stream.getVideoTracks()[0];
      if (!track || track.readyState === 'ended' || track.muted) retry();
    };
    document.addEventListener('visibilitychange', onShow);
    return () => document.removeEventListener('visibilitychange', onShow);
  }, [state, retry]);

  return {
    state,
    devices,
    retry,
    choose: (device) => {
      wish.current = { ...wish.current, device };
      retry();
    },
    useAnyway: () => {
      wish.current = { ...wish.current, allowVirtual: true };
      retry();
    },
  };
}
