// Writes the video for Chromium's fake camera: a face that is far away, comes nearer and stays, in a loop.
//
// Chromium reads a file of JPEGs at 30 a second. It is made from the project's test portrait, by a canvas: nothing but the
// browser, which is there already, is needed for it.
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import type { Browser } from '@playwright/test';

const PORTRAIT = new URL('../../../tests/data/portrait.jpg', import.meta.url);
const FPS = 30;
const SECONDS = { far: 6, coming: 1, near: 10 };
// The middle between eyes and nose, and the face's width; and how wide it becomes, in ovals.
const FACE = { x: 349, y: 305, width: 224 };
const WIDTHS = { far: 0.39, near: 0.93 };

export interface PictureSize {
  width: number;
  height: number;
}

export async function writeCameraFile(browser: Browser, file: string, side: PictureSize): Promise<void> {
  const page = await browser.newPage();
  const portrait = `data:image/jpeg;base64,${(await readFile(PORTRAIT)).toString('base64')}`;
  const steps = SECONDS.coming * FPS;
  const widths = Array.from({ length: steps + 1 }, (_, step) => WIDTHS.far + ((WIDTHS.near - WIDTHS.far) * step) / steps);
  const scales = widths.map((width) => (width * computeOvalWidth(side)) / FACE.width);
  const pictures = (await page.evaluate(drawPictures, { portrait, scales, side, face: FACE })).map((each) => Buffer.from(each, 'base64'));
  await page.close();
  const [far, near] = [pictures[0], pictures.at(-1)] as [Buffer, Buffer];
  await writeFile(file, repeatPicture(far, SECONDS.far * FPS));
  await appendFile(file, Buffer.concat(pictures.slice(1)));
  await appendFile(file, repeatPicture(near, SECONDS.near * FPS));
}

/** The width that AWS gives to the oval. */
function computeOvalWidth({ width, height }: PictureSize): number {
  return 0.8 * (width >= height ? 0.75 * height : width);
}

function repeatPicture(picture: Buffer, times: number): Buffer {
  return Buffer.concat(Array.from({ length: times }, () => picture));
}

async function drawPictures(from: { portrait: string; scales: number[]; side: PictureSize; face: typeof FACE }): Promise<string[]> {
  const image = new Image();
  image.src = from.portrait;
  await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), from.side);
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  return from.scales.map((scale) => {
    context.fillStyle = '#56605e';
    context.fillRect(0, 0, canvas.width, canvas.height);
    const [x, y] = [canvas.width / 2 - from.face.x * scale, canvas.height / 2 - from.face.y * scale];
    context.drawImage(image, x, y, image.width * scale, image.height * scale);
    return canvas.toDataURL('image/jpeg', 0.85).split(',')[1] ?? '';
  });
}
