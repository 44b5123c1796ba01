// Brand colours, and the check of an operator’s branding.
import { describe, expect, test } from 'vitest';
import { keepValidBranding } from '../src/person/app/branding';
import { BACKGROUNDS, contrastRatio, deriveShades, parseColour, type RgbColour, toHex } from '../src/shared/ui/colour';

describe('colours', () => {
  test('contrast ratio is that of WCAG', () => {
    expect(contrastRatio([0, 0, 0], [255, 255, 255])).toBeCloseTo(21, 5);
    expect(contrastRatio([119, 119, 119], [255, 255, 255])).toBeCloseTo(4.48, 2);
  });

  test('every brand colour is readable on either background', () => {
    const steps = [0, 51, 102, 153, 204, 255];
    for (const ground of Object.values(BACKGROUNDS)) {
      for (const red of steps) for (const green of steps) for (const blue of steps) {
        const colour: RgbColour = [red, green, blue];
        const { primary, on, link, tint } = deriveShades(colour, ground);
        const name = toHex(colour);
        expect(contrastRatio(primary, on), `button ${name}`).toBeGreaterThanOrEqual(4.5);
        expect(contrastRatio(primary, ground), `button’s edge ${name}`).toBeGreaterThanOrEqual(3);
        expect(contrastRatio(link, ground), `link ${name}`).toBeGreaterThanOrEqual(4.5);
        expect(contrastRatio(link, tint), `link on tint ${name}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  test('only #rrggbb is a colour', () => {
    expect(parseColour('#1a2B3c')).toEqual([26, 43, 60]);
    for (const other of ['red', '#fff', '#12345g', 'url(x)', undefined, '']) expect(parseColour(other)).toBeNull();
  });
});

test('branding that could run script or load from elsewhere is dropped', () => {
  expect(keepValidBranding({ logo: 'https://x.example/logo.png', privacy_url: 'javascript:alert(1)', support_url: 'data:text/html,x', support_email: 'a@b.c?bcc=x <', color: 'red' })).toEqual({});
  const good = { name: 'Shop', logo: 'data:image/png;base64,AA==', color: '#112233', privacy_url: 'https://a.example/p', support_email: 'a@b.example' };
  expect(keepValidBranding(good)).toEqual(good);
});
