// The pictures of a case: which are documents, which are faces, which are frames.
import type { CaseImage, FindingBox } from '../../api/models';

export type ImageGroup = 'document' | 'face' | 'frame';

export function imageGroup(name: string): ImageGroup {
  if (name.startsWith('document')) return 'document';
  return /^(frame|audit|liveness_frame)/.test(name) ? 'frame' : 'face';
}

export const imagesOf = (images: readonly CaseImage[], group: ImageGroup): CaseImage[] => images.filter((image) => imageGroup(image.name) === group);

/** A face to compare: a picture, and the part of it that is the face. */
export interface FaceCrop {
  image: CaseImage;
  box: FindingBox | null;
}

/** The document's portrait first, then the person's own pictures. The portrait is on the front unless the sides were swapped. */
export function findFaces(images: readonly CaseImage[]): FaceCrop[] {
  const front = imagesOf(images, 'document').find((image) => image.eyes) ?? images.find((image) => image.name === 'document_front');
  const portrait = front?.boxes.find((box) => /portrait|face/.test(box.finding)) ?? null;
  const faces = imagesOf(images, 'face').map((image) => ({ image, box: image.boxes.find((box) => /face/.test(box.finding)) ?? null }));
  return front ? [{ image: front, box: portrait }, ...faces] : faces;
}

/** A box with some of its surroundings, inside the picture. */
export function widenBox(box: FindingBox, by: number): FindingBox {
  const x = Math.max(0, box.x - box.width * by);
  const y = Math.max(0, box.y - box.height * by);
  return { ...box, x, y, width: Math.min(1 - x, box.width * (1 + 2 * by)), height: Math.min(1 - y, box.height * (1 + 2 * by)) };
}
