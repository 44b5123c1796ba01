// A camera for a component: opened, watched, and let go.
import { useCallback, useEffect, useRef, useState } from 'react';
import { CameraError, type CameraTrouble, type Device, cameras, openCamera, stop } from './open';

export type CameraState =
  | { is: 'starting' }
  | { is: 'on'; stream: MediaStream }
  | { is: 'trouble'; trouble: CameraTrouble; label: string };

export interface Camera {
  state: CameraState;
  devices: Device[];
  retry: () => void;
  choose: (device: string) => void;
  useAnyway: () => void;
}

export function useCamera(facing: 'user' | 'environment'): Camera {
  const [state, setState] = useState<CameraState>({ is: 'starting' });
  const [devices, setDevices] = useState<Device[]>([]);
  const [attempt, setAttempt] = useState(0);
  const wish = useRef<{ device?: string; allowVirtual?: boolean }>({});

  const retry = useCallback(() => {
    setState({ is: 'starting' });
    setAttempt((before) => before + 1);
  }, []);

  useEffect(() => {
    let isOver = false;
    let stream: MediaStream | null = null;
    const trouble = (trouble: CameraTrouble, label = ''): void => {
      if (!isOver) setState({ is: 'trouble', trouble, label });
    };
    openCamera({ facing, ...wish.current })
      .then(async (opened) => {
        if (isOver) return stop(opened.stream);
        stream = opened.stream;
        const track = stream.getVideoTracks()[0];
        // Unplugged, taken away by the system, or the permission was withdrawn.
        track?.addEventListener('ended', () => trouble('busy'));
        setState({ is: 'on', stream });
        setDevices(await cameras());
      })
      .catch(async (error: unknown) => {
        if (error instanceof CameraError) trouble(error.trouble, error.label);
        else trouble('failed');
        setDevices(await cameras());
      });
    return () => {
      isOver = true;
      stop(stream);
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
