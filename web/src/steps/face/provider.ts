// What a provider's own face step gets and gives. It is a chunk of its own: `import('./aws')` has it as the default export.
import type { Language } from '../../i18n/language';

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  /** RFC 3339. */
  expiration: string;
}

/** What went wrong, in words for which the page has texts. */
export type FaceTrouble = 'camera' | 'timeout' | 'connection' | 'cancelled' | 'failed';

export interface ProviderFaceProps {
  session: string;
  region: string;
  /** Where the stream goes when it is not AWS's own address. */
  stream: string | null;
  credentials: () => Promise<Credentials>;
  /** The person has done all they were asked: the page fetches the results. */
  onDone: () => void;
  onCancel: () => void;
  onError: (trouble: FaceTrouble, detail?: string) => void;
  language: Language;
  /** False for a person who cannot bear flashing: the session has then been made without. */
  flashing: boolean;
}
