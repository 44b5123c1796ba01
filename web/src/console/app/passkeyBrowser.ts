// Asks the browser for a new passkey, or for the use of one, and says in our words why it could not be done.

/** What the server asks the browser for, in the JSON form of Web Authentication: bytes are base64url. */
export interface CreationOptions {
  rp: { id: string; name: string };
  user: { id: string; name: string; displayName: string };
  challenge: string;
  pubKeyCredParams: { type: 'public-key'; alg: number }[];
  timeout: number;
  excludeCredentials: KnownCredential[];
  authenticatorSelection: { residentKey: 'preferred'; requireResidentKey: boolean; userVerification: 'required' };
  attestation: 'none';
}

export interface RequestOptions {
  challenge: string;
  timeout: number;
  rpId: string;
  userVerification: 'required';
  allowCredentials: KnownCredential[];
}

interface KnownCredential {
  type: 'public-key';
  id: string;
}

/** What the server is sent of a new passkey. */
export interface NewCredential {
  client_data_json: string;
  attestation_object: string;
}

/** What the server is sent of a passkey that was used. */
export interface UsedCredential {
  credential_id: string;
  client_data_json: string;
  authenticator_data: string;
  signature: string;
  user_handle?: string;
}

export const PASSKEY_PROBLEMS = ['insecure', 'unsupported', 'cancelled', 'registered', 'no_authenticator', 'failed'] as const;
export type PasskeyProblem = (typeof PASSKEY_PROBLEMS)[number];

/** The browser has given no passkey. */
export class PasskeyError extends Error {
  constructor(readonly problem: PasskeyProblem) {
    super(`no passkey: ${problem}`);
  }
}

export async function createPasskey(options: CreationOptions): Promise<NewCredential> {
  const { challenge, user, excludeCredentials, ...rest } = options;
  const publicKey = { ...rest, challenge: decode(challenge), user: { ...user, id: decode(user.id) }, excludeCredentials: excludeCredentials.map(decodeCredential) };
  const { response } = await ask<AuthenticatorAttestationResponse>((credentials) => credentials.create({ publicKey }));
  return { client_data_json: encode(response.clientDataJSON), attestation_object: encode(response.attestationObject) };
}

export async function usePasskey(options: RequestOptions): Promise<UsedCredential> {
  const { challenge, allowCredentials, ...rest } = options;
  const publicKey = { ...rest, challenge: decode(challenge), allowCredentials: allowCredentials.map(decodeCredential) };
  const { rawId, response } = await ask<AuthenticatorAssertionResponse>((credentials) => credentials.get({ publicKey }));
  return {
    credential_id: encode(rawId),
    client_data_json: encode(response.clientDataJSON),
    authenticator_data: encode(response.authenticatorData),
    signature: encode(response.signature),
    ...(response.userHandle && { user_handle: encode(response.userHandle) }),
  };
}

async function ask<R>(call: (credentials: CredentialsContainer) => Promise<Credential | null>): Promise<{ rawId: ArrayBuffer; response: R }> {
  if (!window.isSecureContext) throw new PasskeyError('insecure');
  if (!('PublicKeyCredential' in window)) throw new PasskeyError('unsupported');
  try {
    const given = await call(navigator.credentials);
    if (!given) throw new PasskeyError('cancelled');
    return given as unknown as { rawId: ArrayBuffer; response: R };
  } catch (error) {
    throw error instanceof PasskeyError ? error : new PasskeyError(nameProblem(error));
  }
}

/** The problem behind an error of the browser, by the names of Web Authentication §5.1.3 and §5.1.4. */
export function nameProblem(error: unknown): PasskeyProblem {
  const problems: Record<string, PasskeyProblem> = {
    // Browsers do not tell a refusal from a lack of passkeys, so that pages cannot find out who a person is.
    NotAllowedError: 'cancelled',
    AbortError: 'cancelled',
    InvalidStateError: 'registered',
    SecurityError: 'insecure',
    NotSupportedError: 'no_authenticator',
    ConstraintError: 'no_authenticator',
  };
  return problems[(error as { name?: string } | null)?.name ?? ''] ?? 'failed';
}

const decodeCredential = ({ type, id }: KnownCredential): PublicKeyCredentialDescriptor => ({ type, id: decode(id) });

/** The bytes of a base64url text. */
export function decode(text: string): Uint8Array<ArrayBuffer> {
  const letters = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
}

/** Bytes as base64url without padding. */
export function encode(bytes: ArrayBuffer): string {
  const letters = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join('');
  return btoa(letters).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
