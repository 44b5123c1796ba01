// What the console reads from the API: names for the types of the OpenAPI document, so that a changed answer does not compile here.
import type { components } from '../../shared/api/schema';

export type Schemas = components['schemas'];

/** A time of a record, such as `2026-03-21 00:00:00.000Z`. */
export type Time = Schemas['RecordTime'];

export type ConsoleState = Schemas['ConsoleState'];
export type Stage = Schemas['SessionStage'];
/** A provider that people can sign in with, as the settings show it. */
export type SignInProviderState = Schemas['ConfiguredProvider'];

export type Role = Schemas['ConsoleRole'];
export const ROLES = ['super_admin', 'admin', 'reviewer', 'auditor'] as const satisfies Role[];

export type Me = Schemas['ConsoleAccount'];
export type Passkey = Schemas['ConsolePasskey'];
export type SignInSession = Schemas['ConsoleSessionEntry'];
export type ConsoleUser = Schemas['ConsoleUser'];

/** One page of a list. */
export interface ListPage<T> {
  data: T[];
  has_more: boolean;
  next_cursor: string | null;
}

export type ReviewState = Schemas['ReviewState'];
export type ReviewOutcome = Schemas['ReviewOutcome'];
export type ReviewRow = Schemas['ReviewRow'];
export type ReviewCase = Schemas['ReviewCase'];
export type ReviewCounts = Schemas['ReviewCounts'];
export type ReviewCheck = Schemas['Check'];
export type BreakdownNode = Schemas['BreakdownNode'];
export type BreakdownResult = Schemas['BreakdownResult'];
export type CaseImage = Schemas['ReviewImage'];
/** Where a finding points, in shares of the picture. */
export type FindingBox = Schemas['ReviewImageBox'];
export type FieldValues = ReviewCase['record'];
export type ReviewAct = ReviewCase['may'][number];
export type Reason = Schemas['Reason'];

export type ProfileRow = Schemas['ProfileEntry'];
export type ProfileDetails = Schemas['ProfileView'];
export type StatusEntry = Schemas['StatusRecord'];
export type VerificationEntry = Schemas['VerificationEntry'];

export type AuditEntry = Schemas['AuditEvent'];
export type AuditKind = Schemas['AuditKind'];

/** A share with its 95 % interval; null where nothing was counted. */
export type Rate = Schemas['AnalyticsRate'];
export type AnalyticsOverview = Schemas['AnalyticsOverview'];
export type AnalyticsReport = Schemas['AnalyticsReportData'];
export type ReportRow = Schemas['AnalyticsRow'];

export type HealthReport = Schemas['HealthReport'];
export type Webhook = Schemas['Webhook'];
export type WebhookDelivery = Schemas['WebhookDelivery'];
export type ApiClient = Schemas['MachineClient'];

/** Values of `GET /api/settings` by key. */
export type SettingValues = Record<string, unknown>;
