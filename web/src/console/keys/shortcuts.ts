// The keyboard shortcuts: which key means what, and when a key means nothing (WCAG 2.2 SC 2.1.4).
// Shift+R opens the rejection, so only a button turns a picture back.

export const SHORTCUTS = {
  help: ['?'],
  next_row: ['j'],
  previous_row: ['k'],
  claim_next: ['n'],
  claim: ['c'],
  release: ['u'],
  search: ['/'],
  approve: ['Shift+A'],
  reject: ['Shift+R'],
  resubmission: ['Shift+S'],
  confirm: ['Ctrl+Enter'],
  undo: ['Ctrl+Z'],
  image: ['1', '2', '3', '4', '5', '6', '7', '8', '9'],
  zoom_in: ['+'],
  zoom_out: ['-'],
  fit: ['0'],
  rotate: ['r'],
  faces: ['f'],
  invert: ['i'],
} as const satisfies Record<string, readonly string[]>;

export type ShortcutId = keyof typeof SHORTCUTS;

/** These also work while single-letter keys are switched off, and in a dialog's fields. */
const WITH_CONTROL: readonly ShortcutId[] = ['confirm', 'undo'];

export interface KeyPress {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
  repeat: boolean;
  isComposing: boolean;
}

export interface KeyPlace {
  /** The user has single keys switched on. */
  isOn: boolean;
  isInField: boolean;
  isDialogOpen: boolean;
}

export interface ShortcutHit {
  id: ShortcutId;
  /** The position of the key among the shortcut's keys: which image. */
  index: number;
}

/** The shortcut of a key press, or null where the key belongs to a field, an input method, the browser or nobody. */
export function findShortcut(press: KeyPress, place: KeyPlace): ShortcutHit | null {
  if (press.repeat || press.isComposing || press.altKey) return null;
  if (press.ctrlKey || press.metaKey) return findControlShortcut(press, place);
  if (!place.isOn || place.isInField || place.isDialogOpen) return null;
  const name = press.shiftKey && /^[a-z]$/i.test(press.key) ? `Shift+${press.key.toUpperCase()}` : press.key;
  for (const [id, keys] of Object.entries(SHORTCUTS)) {
    const index = (keys as readonly string[]).indexOf(name);
    if (index >= 0) return { id: id as ShortcutId, index };
  }
  return null;
}

function findControlShortcut(press: KeyPress, place: KeyPlace): ShortcutHit | null {
  const name = `Ctrl+${press.key.length === 1 ? press.key.toUpperCase() : press.key}`;
  const id = WITH_CONTROL.find((each) => (SHORTCUTS[each] as readonly string[]).includes(name));
  if (!id || press.shiftKey) return null;
  // In a field Ctrl+Z takes back what was typed.
  if (id === 'undo' && (place.isInField || place.isDialogOpen)) return null;
  return { id, index: 0 };
}

/** Whether keys that are typed at an element belong to it. */
export function isField(element: { tagName: string; isContentEditable?: boolean; type?: string } | null): boolean {
  if (!element) return false;
  if (element.isContentEditable) return true;
  if (element.tagName === 'INPUT') return !['checkbox', 'radio', 'button', 'submit'].includes(element.type ?? 'text');
  return ['TEXTAREA', 'SELECT'].includes(element.tagName);
}
