// Pictures for Chromium's fake camera: a face that is far away, comes nearer and stays, over and over.
//
// Chromium reads a file of JPEGs at 30 a second. It is made from the project's test portrait, by a canvas: nothing but the
// browser, which is there already, is needed for it.
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import type { Browser } from '@playwright/test';

const PORTRAIT = new URL('../../../tests/data/portrait.jpg', import.meta.url);
const FPS = 30;
const SECONDS = { far: 6, coming: 1, near: 10 };
// The middle between eyes and nose, and how much wider than the face's own 224 pixels it becomes.
const FACE = { x: 349, y: 305 };
const SCALE = { far: 0.5, near: 1.2 };

export interface Side {
  width: number;
  height: number;
}

export async function makeCamera(browser: Browser, file: string, side: Side): Promise<void> {
  const page = await browser.newPage();
  const portrait = `data:image/jpeg;base64,${(await readFile(PORTRAIT)).toString('base64')}`;
  const scales = [SCALE.far];
  for (let frame = 1; frame <= SECONDS.coming * FPS; frame += 1) {
    scales.push(SCALE.far + ((SCALE.near - SCALE.far) * frame) / (SECONDS.coming * FPS));
  }
  const pictures = (await page.evaluate(draw, { portrait, scales, side, face: FACE })).map((each) => Buffer.from(each, 'base64'));
  await page.close();
  const [far, near] = [pictures[0], pictures.at(-1)] as [Buffer, Buffer];
  await writeFile(file, repeated(far, SECONDS.far * FPS));
  await appendFile(file, Buffer.concat(pictures.slice(1)));
  await appendFile(file, repeated(near, SECONDS.near * FPS));
}

function repeated(picture: Buffer, times: number): Buffer {
  return Buffer.concat(Array.from({ length: times }, () => picture));
}

async function draw(from: { portrait: string; scales: number[]; side: Side; face: typeof FACE }): Promise<string[]> {
  const image = new Image();
  image.src = from.portrait;
  await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), from.side);
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  return from.scales.map((wanted) => {
    const scale = (wanted * Math.min(from.side.width * 0.75, from.side.height * (from.side.width > from.side.height ? 1 : 0.75))) / 480;
    context.fillStyle = '#56605e';
    context.fillRect(0, 0, canvas.width, canvas.height);
    const [x, y] = [canvas.width / 2 - from.face.x * scale, canvas.height / 2 - from.face.y * scale];
    context.drawImage(image, x, y, image.width * scale, image.height * scale);
    return canvas.toDataURL('image/jpeg', 0.85).split(',')[1] ?? '';
  });
}
