// Until the description has the flow's own endpoints.
import type { Flow } from './flow';
type Json<B> = { content: { 'application/json': B } };
declare module './schema' {
  interface paths {
    '/api/flow/{id}': { get: { responses: { 200: Json<{ success: boolean; data: Flow }> } } };
    '/api/flow/{id}/consent': { post: { responses: { 200: Json<{ success: boolean }> } } };
    '/api/flow/{id}/details': { put: { responses: { 200: Json<{ success: boolean }> } } };
    '/api/flow/{id}/handoff': { post: { responses: { 201: Json<{ success: boolean; data: { code: string; url: string; expires: string } }> } } };
    '/api/flow/redeem': { post: { responses: { 200: Json<{ success: boolean; data: { id: string; flow_token: string; expires: string } }> } } };
  }
}
