// Calls about settings, webhooks and API clients.
import { callData, callWhole } from './call';
import type { ApiClient, Schemas, SettingValues, Webhook } from './models';

export const readSettings = (): Promise<SettingValues> => callData('GET', '/api/settings');
export const putSetting = (key: string, value: unknown, isPublic: boolean): Promise<unknown> =>
  callWhole('PUT', `/api/settings/${encodeURIComponent(key)}`, { json: { value, public: isPublic } });

export const createWebhook = (webhook: { url: string; events: string[]; description?: string; team?: string }): Promise<{ data: Webhook; secret: string }> =>
  callWhole('POST', '/api/webhooks', { json: webhook });
export const changeWebhook = (id: string, change: { enabled?: boolean; description?: string }): Promise<unknown> => callWhole('PATCH', `/api/webhooks/${id}`, { json: change });
export const deleteWebhook = (id: string): Promise<unknown> => callWhole('DELETE', `/api/webhooks/${id}`);
export const testWebhook = (id: string): Promise<unknown> => callWhole('POST', `/api/webhooks/${id}/test`, { json: {} });
export const rotateWebhookSecret = (id: string): Promise<{ secret: string }> => callWhole('POST', `/api/webhooks/${id}/rotate_secret`, { json: {} });
/** The secret that signs now. The server asks for a second factor, and notes each time. */
export const readWebhookSecret = (id: string): Promise<string> =>
  callWhole<{ data: { secret: string }[] }>('GET', `/api/webhooks/${id}/secret`).then(({ data }) => data[0]?.secret ?? '');
export const resendDelivery = (id: string, delivery: string): Promise<unknown> => callWhole('POST', `/api/webhooks/${id}/deliveries/${delivery}/resend`, { json: {} });

export const createClient = (client: { name: string; scopes: string[]; team?: string; description?: string }): Promise<{ data: ApiClient; client_secret: string }> =>
  callWhole('POST', '/api/clients', { json: client });
export const changeClient = (id: string, change: { disabled?: boolean }): Promise<unknown> => callWhole('PATCH', `/api/clients/${encodeURIComponent(id)}`, { json: change });
export const createClientSecret = (id: string): Promise<{ client_secret: string }> => callWhole('POST', `/api/clients/${encodeURIComponent(id)}/secrets`, { json: {} });
export const deleteClient = (id: string): Promise<unknown> => callWhole('DELETE', `/api/clients/${encodeURIComponent(id)}`);

export type ProviderName = Schemas['Provider'];
export type ProviderTest = Schemas['ProviderTest'];
/** Has the server make one harmless call to a provider. */
export const testProvider = (name: ProviderName): Promise<ProviderTest> => callData('POST', `/api/health/providers/${name}/test`, { json: {}, timeout: 30_000 });

export type MailKind = Schemas['MailKindsResponse']['data'][number];
export const listMailKinds = (): Promise<MailKind[]> => callData('GET', '/api/console/mail_kinds');
/** Sends the stored text to the user's own address, with examples in the place of its placeholders. */
export const sendMailExample = (kind: string, language: string): Promise<Schemas['MailExampleResponse']> =>
  callWhole('POST', '/api/console/mail_kinds/example', { json: { kind, language }, timeout: 30_000 });
