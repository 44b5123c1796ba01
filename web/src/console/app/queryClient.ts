// The cache of what the API answered: in memory only, emptied whenever the session ends.
import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { ApiError, ConnectionError } from '../api/call';

const MAX_RETRIES = 2;

/** Whether the session is over: the answer to any call of somebody who is not signed in. */
export const isSignedOut = (error: unknown): boolean => error instanceof ApiError && error.status === 401;

export function createQueryClient(onSignedOut: () => void): QueryClient {
  const onError = (error: unknown): void => {
    if (isSignedOut(error)) onSignedOut();
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({
      // A refused sign-in is 401 too, and ends no session.
      onError: (error, _variables, _context, mutation) => {
        if (mutation.options.meta?.['signsIn'] !== true) onError(error);
      },
    }),
    defaultOptions: {
      queries: {
        retry: (failures, error) => failures < MAX_RETRIES && (error instanceof ConnectionError || (error instanceof ApiError && error.isTemporary && error.status !== 429)),
        staleTime: 10_000,
        gcTime: 5 * 60_000,
      },
      mutations: { retry: false },
    },
  });
}
