// What the flow's own endpoints answer.

export type ServerStep = 'consent' | 'document' | 'face' | 'details' | 'outcome';
export type OutcomeStatus = 'pending' | 'verified' | 'rejected';

export interface Details {
  name?: string;
  document_number?: string;
  country?: string;
  address?: string;
  gender?: string;
  date_of_birth?: string;
}

export interface Flow {
  id: string;
  step: ServerStep;
  language: string | null;
  expires: string;
  consent: { version: string; language: string; accepted: string } | null;
  document: { country: string; type: string; front: boolean; back: boolean };
  details: Details | null;
  face: { session: string } | null;
  liveness: { provider: 'local' } | { provider: 'aws'; region: string; stream?: string };
  outcome: { status: OutcomeStatus; submitted: string | null } | null;
  redirect_url: string | null;
}
