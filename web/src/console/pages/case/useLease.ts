// Renews a claim every minute while the page is visible and its user is there; says when the claim is lost.
import { useEffect, useRef } from 'react';
import { ApiError } from '../../api/call';
import { renewClaim } from '../../api/reviews';
import { isUserPresent } from '../../app/idle';

export const RENEW_EVERY = 60_000;

export function useLease(id: string, claimId: string | null, onLost: (error: unknown) => void): void {
  const lost = useRef(onLost);
  lost.current = onLost;
  useEffect(() => {
    if (!claimId) return undefined;
    const renew = (): void => {
      if (document.hidden || !isUserPresent()) return;
      renewClaim(id, claimId).catch((error: unknown) => {
        // Without an answer the claim may still stand: the next minute tries again.
        if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) lost.current(error);
      });
    };
    const timer = setInterval(renew, RENEW_EVERY);
    const onVisible = (): void => {
      if (!document.hidden) renew();
    };
    document.addEventListener('visibilitychange', onVisible);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', onVisible);
    };
  }, [id, claimId]);
}
