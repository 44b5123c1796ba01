// Recognises the person's browser, to choose the instructions for allowing the camera.
import type { TextKey } from '../../shared/i18n';

export type InstructionsKey = Extract<TextKey, `camera.steps_${string}`>;

export function chooseCameraInstructions(agent: string, touchPoints = 0): InstructionsKey {
  const isIos = /iPhone|iPad|iPod/.test(agent) || (/Macintosh/.test(agent) && touchPoints > 1);
  const isAndroid = /Android/.test(agent);
  if (/FBAN|FBAV|Instagram|Line\/|MicroMessenger|; wv\)|GSA\//.test(agent)) return 'camera.steps_webview';
  if (isIos && !/Safari\//.test(agent)) return 'camera.steps_webview';
  if (isIos) return 'camera.steps_ios';
  if (isAndroid && /SamsungBrowser/.test(agent)) return 'camera.steps_samsung';
  if (isAndroid && /Firefox/.test(agent)) return 'camera.steps_firefox_android';
  if (isAndroid && /Chrome/.test(agent)) return 'camera.steps_android_chrome';
  if (/Firefox/.test(agent)) return 'camera.steps_firefox';
  if (/Chrome|Chromium|Edg/.test(agent)) return 'camera.steps_chrome';
  if (/Macintosh.*Safari/.test(agent)) return 'camera.steps_safari';
  return 'camera.steps_other';
}

/** Whether this is a computer: a mouse, and a wide screen. */
export function isComputer(): boolean {
  return matchMedia('(pointer: fine)').matches && matchMedia('(min-width: 760px)').matches;
}
