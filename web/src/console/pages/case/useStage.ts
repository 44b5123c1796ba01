// The size of the viewer's stage, and of the picture on it.
import { type RefObject, useEffect, useRef, useState } from 'react';
import type { Size } from './viewerState';

export function useElementSize<E extends HTMLElement>(): [RefObject<E | null>, Size] {
  const element = useRef<E>(null);
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useEffect(() => {
    const watched = element.current;
    if (!watched) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(watched);
    return () => observer.disconnect();
  }, []);
  return [element, size];
}

export function usePictureSize(url: string | null): Size {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useEffect(() => {
    setSize({ width: 0, height: 0 });
    if (!url) return undefined;
    let isWanted = true;
    const picture = new Image();
    picture.onload = () => {
      if (isWanted) setSize({ width: picture.naturalWidth, height: picture.naturalHeight });
    };
    picture.src = url;
    return () => {
      isWanted = false;
    };
  }, [url]);
  return size;
}
