// The flow's words, from the API's own description.
import type { ApiSchemas } from './client';

export type FlowStep = ApiSchemas['FlowStep'];
/** What a person says of their document. */
export type PersonDetails = Partial<ApiSchemas['Draft']>;

/** Where the person is, as `GET /api/flow/{id}` says it. */
export type FlowState = ApiSchemas['FlowData'];
