// The details form's rules.
import { describe, expect, test } from 'vitest';
import { buildSubmission, findDetailErrors, mergeDetails, toDetailErrors } from '../src/person/steps/details/detailsForm';

const TODAY = new Date('2026-11-25T12:00:00Z');
const DATE = { day: '15', month: '1', year: '1990' };
const FIELDS = { name: 'Jane Specimen', document_number: 'A1', country: 'UTO' };

describe('errors', () => {
  test('a complete form has none; gender and address are optional', () => {
    expect(findDetailErrors(FIELDS, DATE, TODAY)).toEqual({});
  });
  test('blank required fields and a missing date are required', () => {
    const errors = findDetailErrors({ name: '  ' }, { day: '', month: '1', year: '1990' }, TODAY);
    expect(errors).toEqual({ name: 'details.required', document_number: 'details.required', country: 'details.required', date_of_birth: 'details.required' });
  });
  test('a date that does not exist and one in the future have words of their own', () => {
    const dateError = (day: string, year: string) => findDetailErrors(FIELDS, { day, month: '2', year }, TODAY).date_of_birth;
    expect([dateError('30', '1990'), dateError('1', '2030')]).toEqual(['details.bad_date', 'details.future_date']);
  });
  test('lengths are the API’s: 255, and 2,000 for the address', () => {
    const ofLength = (name: number, address: number) => findDetailErrors({ ...FIELDS, name: 'n'.repeat(name), address: 'a'.repeat(address) }, DATE, TODAY);
    expect(ofLength(255, 2_000)).toEqual({});
    expect(ofLength(256, 2_001)).toEqual({ name: 'details.too_long', address: 'details.too_long' });
  });
  test('the server’s refusals become the form’s errors, and unknown fields are ignored', () => {
    const refused = { name: 'must have at most 255 characters', country: 'required', liveness_status: 'unknown' };
    expect(toDetailErrors(refused)).toEqual({ name: 'details.too_long', country: 'details.required' });
    expect(toDetailErrors(null)).toEqual({});
  });
});

describe('what was read meanwhile', () => {
  test('fills untouched fields only, and never with nothing', () => {
    const merged = mergeDetails({ name: 'Typed', gender: 'female' }, { name: 'READ', document_number: 'A2', gender: '' }, new Set(['name'] as const));
    expect(merged).toEqual({ name: 'Typed', document_number: 'A2', gender: 'female' });
  });
  test('gives the same object when there is nothing new', () => {
    const before = { name: 'Jane' };
    expect(mergeDetails(before, { name: '' }, new Set())).toBe(before);
  });
});

test('a submission is trimmed and has the date as ISO 8601, or empty', () => {
  expect(buildSubmission({ ...FIELDS, name: ' Jane ' }, DATE, TODAY)).toEqual({ ...FIELDS, name: 'Jane', date_of_birth: '1990-01-15' });
  expect(buildSubmission(FIELDS, { ...DATE, day: '' }, TODAY).date_of_birth).toBe('');
});
