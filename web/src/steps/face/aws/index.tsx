// AWS's own face step, with `FaceLivenessDetectorCore`.
import { useEffect } from 'react';
import type { ProviderFaceProps } from '../provider';

export default function AwsFace({ onError }: ProviderFaceProps) {
  useEffect(() => onError('failed', 'not built in yet'), [onError]);
  return null;
}
