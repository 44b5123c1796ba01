// Loads a case's pictures as blobs, and revokes them when the case is left: none stays in a cache or at an address.
import { useEffect, useRef, useState } from 'react';
import { fetchBlob } from '../../api/call';
import type { CaseImage } from '../../api/models';

export interface LoadedImage {
  url: string | null;
  error: unknown;
}

export function useCaseImages(images: readonly CaseImage[]): Record<string, LoadedImage> {
  const [loaded, setLoaded] = useState<Record<string, LoadedImage>>({});
  const key = images.map((image) => image.url).join('\n');
  const list = useRef(images);
  list.current = images;
  useEffect(() => {
    const stop = new AbortController();
    const urls: string[] = [];
    setLoaded({});
    const load = async (image: CaseImage): Promise<void> => {
      const result = await fetchBlob(image.url, stop.signal).then(
        (blob) => ({ url: URL.createObjectURL(blob), error: null }),
        (error: unknown) => ({ url: null, error }),
      );
      if (result.url) urls.push(result.url);
      if (stop.signal.aborted) {
        if (result.url) URL.revokeObjectURL(result.url);
        return;
      }
      setLoaded((before) => ({ ...before, [image.name]: result }));
    };
    void list.current.reduce((before, image) => before.then(() => (stop.signal.aborted ? undefined : load(image))), Promise.resolve<void>(undefined));
    return () => {
      stop.abort();
      urls.forEach((url) => URL.revokeObjectURL(url));
    };
  }, [key]);
  return loaded;
}
