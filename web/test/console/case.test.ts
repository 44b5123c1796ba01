import { describe, expect, test } from 'vitest';
import type { BreakdownNode, CaseImage, Reason } from '../../src/console/api/models';
import { findFaces, imageGroup, imagesOf, widenBox } from '../../src/console/pages/case/caseImages';
import { compareFields, isSameValue } from '../../src/console/pages/case/compareFields';
import { EMPTY_DRAFT, findDraftProblem, offerReasons, reasonText, suggestReasons, toDecision, toggle } from '../../src/console/pages/case/decisionForm';
import { secondsUntil } from '../../src/console/pages/case/useCountdown';

describe('compared fields', () => {
  test.each([
    ['name', 'Müller, Jörg', 'MULLER JORG', true],
    ['name', 'Maria Lindqvist', 'LINDQVIST MARIA', true],
    ['name', 'Maria Lindqvist', 'LINDQVIST MARTA', false],
    ['date_of_birth', '1990-04-12', '1990-04-21', false],
    ['document_number', 'C01 X00-T47', 'C01X00T47', true],
    ['document_number', '•••••123', 'C01X00123', true],
    ['document_number', '•••••123', '•••••124', false],
    ['name', 'M. L.', 'M. L.', true],
    ['name', 'M. L.', 'LINDQVIST MARIA', true],
    ['name', 'Å. Ö.', 'Åsa Lind', false],
    ['date_of_birth', '1990', '1990-04-12', true],
    ['date_of_birth', '1990', '1991-04-12', false],
    ['country', 'DE', 'DEU', true],
    ['country', 'DE', 'FR', false],
    ['gender', 'F', 'Female', true],
    ['email', 'a@example.org', 'b@example.org', true],
  ])('%s: %s and %s: same is %s', (field, a, b, same) => expect(isSameValue(field, a, b)).toBe(same));

  test('are one row each, in a known order, with differences marked', () => {
    const rows = compareFields([{ email: 'a@b.c', name: 'A B', date_of_birth: '1990-04-12' }, { date_of_birth: '1990-04-21', name: null }, { odd: 'x', date_of_birth: '' }]);
    expect(rows.map((row) => row.field)).toEqual(['name', 'date_of_birth', 'email', 'odd']);
    expect(rows.map((row) => row.differs)).toEqual([false, true, false, false]);
    expect(rows[1]?.cells.map((cell) => cell.differs)).toEqual([false, true, false]);
  });
  test('that are masked say so', () => {
    expect(compareFields([{ document_number: '•••••123' }])[0]?.cells[0]?.isMasked).toBe(true);
    expect(compareFields([{ name: 'A. O.' }])[0]?.cells[0]?.isMasked).toBe(true);
    expect(compareFields([{ name: 'Ada Osei' }])[0]?.cells[0]?.isMasked).toBe(false);
  });
});

const texts = (code: string) => ({ en: `p ${code}`, de: `d ${code}`, es: `s ${code}`, fr: `f ${code}` });
const reason = (code: Reason['code'], retry: Reason['retry']): Reason => ({ code, class: 'retry', retry, person: texts(code), internal: { en: `i ${code}` }, private: false });
const REASONS = [reason('glare_on_photo', 'yes'), reason('digital_tampering', 'no'), reason('face_mismatch', 'once')];
const node = (result: BreakdownNode['result'], reasons: Reason['code'][], children: BreakdownNode[] = []): BreakdownNode => ({ node: 'n', result, class: 'clear', reasons, score: null, threshold: null, assurance: null, from: [], children });

describe('a decision', () => {
  test('offers for new pictures only reasons that they can cure', () => {
    expect(offerReasons('request_resubmission', REASONS).map((each) => each.code)).toEqual(['glare_on_photo', 'face_mismatch']);
    expect(offerReasons('reject', REASONS)).toHaveLength(3);
  });
  test('suggests the reasons of checks that failed, wherever they are in the tree', () => {
    const breakdown = [node('warn', [], [node('fail', ['glare_on_photo']), node('pass', ['face_mismatch'])])];
    expect(suggestReasons('reject', { breakdown }, REASONS)).toEqual(['glare_on_photo']);
    expect(suggestReasons('approve', { breakdown }, REASONS)).toEqual([]);
  });
  test('needs a reason unless it approves, and steps for new pictures', () => {
    expect(findDraftProblem('approve', EMPTY_DRAFT)).toBeNull();
    expect(findDraftProblem('reject', EMPTY_DRAFT)).toBe('reasons');
    expect(findDraftProblem('request_resubmission', { ...EMPTY_DRAFT, reasons: ['x'] })).toBe('steps');
    expect(findDraftProblem('request_resubmission', { ...EMPTY_DRAFT, reasons: ['x'], steps: ['face'] })).toBeNull();
  });
  test('is sent with its claim and version, without empty texts', () => {
    const claim = { claim_id: 'c', version: 4 };
    expect(toDecision('reject', { ...EMPTY_DRAFT, reasons: ['x'], message: '  ' }, claim)).toEqual({ ...claim, reasons: ['x'] });
    expect(toDecision('request_resubmission', { reasons: ['x'], steps: ['face'], message: ' m ', note: 'n' }, claim)).toEqual({ ...claim, reasons: ['x'], steps: ['face'], message: 'm', internal_note: 'n' });
  });
  test('reads reasons in the reviewer’s language, or in English', () => {
    expect(reasonText(REASONS[0] as Reason, 'internal', 'de')).toBe('i glare_on_photo');
    expect(reasonText(REASONS[0] as Reason, 'person', 'fr')).toBe('f glare_on_photo');
  });
  test('ticks and unticks', () => {
    expect(toggle(['a', 'b'], 'a')).toEqual(['b']);
    expect(toggle(['b'], 'a')).toEqual(['b', 'a']);
  });
});

const image = (name: string, boxes: CaseImage['boxes'] = [], eyes: CaseImage['eyes'] = null): CaseImage => ({ name, url: `/api/files/${name}`, boxes, eyes });

describe('pictures of a case', () => {
  test('are documents, faces or frames', () => {
    expect(['document_front', 'document_back', 'facial_photo', 'liveness_reference', 'frame_3'].map(imageGroup)).toEqual(['document', 'document', 'face', 'face', 'frame']);
    expect(imagesOf([image('frame_1'), image('facial_photo')], 'frame')).toHaveLength(1);
  });
  test('compare the document’s portrait with the person’s pictures', () => {
    const box = { finding: 'portrait_present', x: 0.1, y: 0.2, width: 0.3, height: 0.4 };
    const faces = findFaces([image('facial_photo'), image('document_front', [box]), image('frame_1')]);
    expect(faces.map((face) => [face.image.name, face.box])).toEqual([['document_front', box], ['facial_photo', null]]);
  });
  test('compare the portrait of the back where the sides were swapped', () => {
    const eyes = { right: { x: 0.1, y: 0.3 }, left: { x: 0.2, y: 0.3 } };
    const faces = findFaces([image('document_front'), image('document_back', [], eyes), image('facial_photo', [], eyes)]);
    expect(faces.map((face) => face.image.name)).toEqual(['document_back', 'facial_photo']);
  });
  test('show a box with its surroundings, inside the picture', () => {
    const wide = widenBox({ finding: 'f', x: 0.05, y: 0.8, width: 0.2, height: 0.2 }, 0.5);
    expect(wide.x).toBe(0);
    expect(wide.y + wide.height).toBeCloseTo(1);
  });
});

test('seconds until a time are rounded up, and null when it has passed', () => {
  const now = Date.parse('2026-03-21T00:00:00Z');
  expect(secondsUntil('2026-03-21 00:00:09.100Z', now)).toBe(10);
  expect(secondsUntil('2026-03-21 00:00:00.000Z', now)).toBeNull();
  expect(secondsUntil(null, now)).toBeNull();
});
