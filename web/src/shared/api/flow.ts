// The flow's words, from the API's own description.
import type { Schemas } from './client';

export type ServerStep = Schemas['FlowStep'];
/** What a person says of their document. */
export type Details = Partial<Schemas['Draft']>;

/** Where the person is, as `GET /api/flow/{id}` says it. */
export type Flow = Schemas['FlowData'];
