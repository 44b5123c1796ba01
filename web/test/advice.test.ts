// Advice for document pictures and face checks.
import { describe, expect, test } from 'vitest';
import type { ApiSchemas } from '../src/shared/api/client';
import { choosePictureAdvice } from '../src/person/flow/pictureAdvice';
import { chooseFaceAdvice } from '../src/person/steps/face/faceAdvice';

describe('advice', () => {
  const finding = (code: ApiSchemas['FindingCode'], outcome: ApiSchemas['CheckOutcome']) => ({ code, outcome });
  test('findings about the picture give advice', () => {
    expect(choosePictureAdvice([finding('picture_sharp', 'fail'), finding('glare', 'warn')], {})).toEqual(['document.advice_sharp', 'document.advice_glare']);
  });
  test('warnings give none where all was read, failures do', () => {
    const read = { name: 'Jane', document_number: 'A1' };
    expect(choosePictureAdvice([finding('framing', 'warn'), finding('light', 'warn')], read)).toEqual([]);
    expect(choosePictureAdvice([finding('expired', 'fail')], read)).toEqual(['document.advice_expired']);
  });
  test('findings about forgery give none', () => {
    expect(choosePictureAdvice([finding('mrz_check_digits', 'fail'), finding('edited', 'warn'), finding('sides_match', 'fail')], { name: 'J', document_number: '1' })).toEqual([]);
  });
  test('an unread document without a reason suggests the wrong side', () => {
    expect(choosePictureAdvice([finding('unread', 'warn')], {})).toEqual(['document.advice_unread']);
    expect(choosePictureAdvice([finding('glare', 'fail'), finding('unread', 'warn')], {})).toEqual(['document.advice_glare']);
    expect(choosePictureAdvice([], {})).toEqual([]);
  });
  test('for faces the given feedback comes first, three sentences at most', () => {
    expect(chooseFaceAdvice(['POSE_TURN_LEFT'])[0]).toBe('face.advice_turn_left');
    expect(chooseFaceAdvice(['POSE_TURN_LEFT', 'POSE_TURN_RIGHT', 'TIMING', 'ONE_FACE'])).toHaveLength(3);
    expect(chooseFaceAdvice(['LIVENESS_NOT_SHOWN'])).toEqual(['face.advice_general', 'face.advice_light', 'face.advice_glasses']);
  });
});
