// Calls about signing in with a provider. Each that begins a sign-in answers the provider's address, to which the browser goes.
import { callData, callWhole } from './call';
import type { SignInProviderState } from './models';

async function goToProvider(path: string, json: unknown): Promise<void> {
  const { url } = await callData<{ url: string }>('POST', path, { json });
  location.assign(url);
}

/** Where the browser is now, as a path to come back to. */
const here = (): string => location.pathname + location.search;

export const providerStartPath = (id: string): string =>
  `/api/console/oidc/${encodeURIComponent(id)}/start?return_to=${encodeURIComponent(here())}`;
export const acceptWithProvider = (id: string, form: { token: string; name: string }): Promise<void> =>
  goToProvider(`/api/console/invitation/oidc/${encodeURIComponent(id)}`, form);
export const connectProvider = (id: string): Promise<void> => goToProvider(`/api/console/me/oidc/${encodeURIComponent(id)}`, { return_to: here() });
export const confirmWithProvider = (): Promise<void> => goToProvider('/api/console/step_up/oidc', { return_to: here() });
export const disconnectProvider = (): Promise<unknown> => callWhole('DELETE', '/api/console/me/oidc', { json: {} });
export const listSignInProviders = (): Promise<SignInProviderState[]> => callData('GET', '/api/console/oidc');
