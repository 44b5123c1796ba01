// Encodes the pictures that leave the device: scaled, upright, JPEG, and without metadata, because a canvas drops it.

/** The longest side of a document's picture, in pixels. */
export const DOCUMENT_SIDE = 2_000;
/** The longest side of a face check's frame, in pixels; the server uses 1,280 at most. */
export const FACE_SIDE = 960;
const MAX_FILE_BYTES = 40 * 1024 * 1024;
/** The shortest longest side, in pixels, on which print can be read. */
const MIN_SIDE = 600;

export class PictureError extends Error {
  constructor(readonly reason: 'unreadable' | 'large' | 'small') {
    super(reason);
    this.name = 'PictureError';
  }
}

/** Scales a size down so that its longest side has at most `side` pixels. Pure. */
export function fitWithin(width: number, height: number, side: number): [width: number, height: number] {
  const scale = Math.min(1, side / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

export interface PicturePart {
  left: number;
  top: number;
  width: number;
  height: number;
}

export async function encodeJpeg(source: CanvasImageSource, part: PicturePart, side: number, quality = 0.9): Promise<Blob> {
  const [width, height] = fitWithin(part.width, part.height, side);
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  if (!context) throw new PictureError('unreadable');
  context.imageSmoothingQuality = 'high';
  context.drawImage(source, part.left, part.top, part.width, part.height, 0, 0, width, height);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/jpeg', quality));
  canvas.width = 0; // Frees the canvas's memory in Safari.
  if (!blob) throw new PictureError('unreadable');
  return blob;
}

export async function encodeFileAsJpeg(file: Blob): Promise<Blob> {
  if (file.size > MAX_FILE_BYTES) throw new PictureError('large');
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
  } catch {
    throw new PictureError('unreadable');
  }
  try {
    const { width, height } = bitmap;
    if (Math.max(width, height) < MIN_SIDE) throw new PictureError('small');
    return await encodeJpeg(bitmap, { left: 0, top: 0, width, height }, DOCUMENT_SIDE);
  } finally {
    bitmap.close();
  }
}

/** The part of a video's picture behind a box on the page; the video covers its own box (`object-fit: cover`). Pure. */
export function findShownPart(video: { width: number; height: number }, box: PicturePart, guide: PicturePart): PicturePart {
  const scale = Math.max(box.width / video.width, box.height / video.height);
  const left = (guide.left - box.left - (box.width - video.width * scale) / 2) / scale;
  const top = (guide.top - box.top - (box.height - video.height * scale) / 2) / scale;
  return clampPart({ left, top, width: guide.width / scale, height: guide.height / scale }, video);
}

function clampPart(part: PicturePart, { width, height }: { width: number; height: number }): PicturePart {
  const left = Math.min(Math.max(0, part.left), width - 1);
  const top = Math.min(Math.max(0, part.top), height - 1);
  return { left, top, width: Math.min(part.width + Math.min(0, part.left), width - left), height: Math.min(part.height + Math.min(0, part.top), height - top) };
}

/** Adds a margin on every side, as a share of the part's size. Pure. */
export function widenPart(part: PicturePart, margin: number): PicturePart {
  const [x, y] = [part.width * margin, part.height * margin];
  return { left: part.left - x, top: part.top - y, width: part.width + 2 * x, height: part.height + 2 * y };
}
