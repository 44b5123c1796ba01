// The types of a person's flow, from the OpenAPI document.
import type { ApiSchemas } from './client';

export type FlowStep = ApiSchemas['FlowStep'];
/** A person's details, as in the form. */
export type PersonDetails = Partial<ApiSchemas['DetailsDraft']>;

/** The answer of `GET /api/flow/{id}`: the person's progress. */
export type FlowState = Omit<ApiSchemas['FlowData'], 'details'> & { details: PersonDetails | null };
