import { describe, expect, test } from 'vitest';
import { type KeyPress, findShortcut, isField } from '../../src/console/keys/shortcuts';

const press = (key: string, more: Partial<KeyPress> = {}): KeyPress => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, repeat: false, isComposing: false, ...more });
const PAGE = { isOn: true, isInField: false, isDialogOpen: false };

describe('a shortcut', () => {
  test.each([
    [press('n'), 'claim_next'],
    [press('?', { shiftKey: true }), 'help'],
    [press('A', { shiftKey: true }), 'approve'],
    [press('R', { shiftKey: true }), 'reject'],
    [press('+', { shiftKey: true }), 'zoom_in'],
    [press('z', { ctrlKey: true }), 'undo'],
    [press('z', { metaKey: true }), 'undo'],
    [press('Enter', { ctrlKey: true }), 'confirm'],
  ])('%j is %s', (key, id) => expect(findShortcut(key, PAGE)?.id).toBe(id));

  test('names the picture of a digit', () => expect(findShortcut(press('3'), PAGE)).toEqual({ id: 'image', index: 2 }));

  test.each([
    ['with Ctrl', press('n', { ctrlKey: true }), PAGE],
    ['with Alt', press('n', { altKey: true }), PAGE],
    ['held down', press('n', { repeat: true }), PAGE],
    ['while composing', press('n', { isComposing: true }), PAGE],
    ['in a field', press('n'), { ...PAGE, isInField: true }],
    ['under a dialog', press('A', { shiftKey: true }), { ...PAGE, isDialogOpen: true }],
    ['switched off', press('n'), { ...PAGE, isOn: false }],
    ['undo in a field', press('z', { ctrlKey: true }), { ...PAGE, isInField: true }],
    ['redo', press('Z', { ctrlKey: true, shiftKey: true }), PAGE],
    ['a plain a', press('a'), PAGE],
  ])('is nothing: %s', (_case, key, place) => expect(findShortcut(key, place)).toBeNull());

  test('confirms a dialog also in its fields and with single keys off', () => {
    expect(findShortcut(press('Enter', { ctrlKey: true }), { isOn: false, isInField: true, isDialogOpen: true })?.id).toBe('confirm');
  });
});

test.each([
  [{ tagName: 'INPUT', type: 'text' }, true],
  [{ tagName: 'INPUT', type: 'checkbox' }, false],
  [{ tagName: 'TEXTAREA' }, true],
  [{ tagName: 'SELECT' }, true],
  [{ tagName: 'DIV', isContentEditable: true }, true],
  [{ tagName: 'BUTTON' }, false],
  [null, false],
])('keys at %j belong to it: %s', (element, is) => expect(isField(element)).toBe(is));
