// What the console reads from the API.

/** A time of a record, such as `2026-03-21 00:00:00.000Z`. */
export type Time = string;

export type Stage = 'factor' | 'enrol_factor' | 'full';

export interface ConsoleState {
  setup_needed: boolean;
  signed_in: boolean;
  stage: Stage | null;
  providers: { id: string; name: string }[];
  passkeys: boolean;
  platform_name: string;
}

/** A provider that people can sign in with, as the settings show it. */
export interface SignInProviderState {
  id: string;
  name: string;
  issuer: string;
  redirect_uri: string;
  gives_roles: boolean;
  last_try: { at: Time; works: boolean; problem: string | null } | null;
}

export const ROLES = ['super_admin', 'admin', 'reviewer', 'auditor'] as const;
export type Role = (typeof ROLES)[number];

export interface Me {
  id: string;
  name: string;
  email: string;
  role: Role;
  teams: string[] | null;
  senior: boolean;
  permissions: string[];
  language: string;
  shortcuts: boolean;
  overdue_mail: boolean;
  factors: {
    totp: boolean;
    recovery_codes_left: number;
    passkeys: Passkey[];
    password: boolean;
    provider: { id: string; name: string } | null;
  };
  session: { id: string; idle_until: Time; ends_at: Time; step_up_until: Time | null };
}

export interface Passkey {
  id: string;
  name: string;
  created: Time;
  last_used: Time | null;
}

export interface SignInSession {
  id: string;
  current: boolean;
  created: Time;
  last_seen: Time;
  address: string;
  browser: string;
}

export interface ConsoleUser {
  id: string;
  name: string;
  email: string;
  role: Role;
  teams: string[] | null;
  senior: boolean;
  status: 'invited' | 'active' | 'disabled';
  factors: string[];
  last_sign_in: Time | null;
  created: Time;
}

/** One page of a list. */
export interface ListPage<T> {
  data: T[];
  has_more: boolean;
  next_cursor: string | null;
}

export type ReviewState = 'open' | 'claimed' | 'deciding' | 'second_look' | 'escalated' | 'waiting' | 'decided' | 'withdrawn';
export type ReviewOutcome = 'approve' | 'reject' | 'request_resubmission';

export interface ReviewRow {
  id: string;
  profile: string;
  verification: string;
  team: string;
  state: ReviewState;
  priority: 'normal' | 'high';
  due_at: Time;
  created: Time;
  decided_at: Time | null;
  version: number;
  country: string;
  document_type: string;
  findings: string[];
  initials: string;
  birth_year: number | null;
  document_number_end: string | null;
  holder: { id: string; name: string } | null;
  claim_until: Time | null;
  tries: number;
  outcome: ReviewOutcome | null;
}

export type FieldValues = Record<string, string | number | null>;

export type BreakdownResult = 'pass' | 'warn' | 'fail' | 'not_applicable' | 'unknown';

export interface BreakdownNode {
  node: string;
  result: BreakdownResult;
  class: 'clear' | 'retry' | 'suspect' | 'caution';
  reasons: string[];
  score?: string | number | null;
  threshold?: string | number | null;
  from?: string[];
  children?: BreakdownNode[];
}

export interface CheckFinding {
  code: string;
  outcome: string;
  message: string;
  evidence?: Record<string, unknown>;
}

export interface ReviewCheck {
  check: string;
  outcome: string;
  score: number | null;
  threshold: number | null;
  engine: string;
  message: string;
  findings: CheckFinding[];
}

/** Where a finding points, in shares of the picture. */
export interface FindingBox {
  finding: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface CaseImage {
  name: string;
  url: string;
  boxes: FindingBox[];
}

export interface TimelineEntry {
  at: Time;
  kind: string;
  actor: { kind: string; name?: string | null } | null;
  detail?: unknown;
}

export type ReviewAct =
  | 'claim' | 'renew' | 'release' | 'approve' | 'reject' | 'request_resubmission' | 'undo' | 'second' | 'reopen' | 'take_over' | 'reveal';

export interface ReviewCase extends ReviewRow {
  mine: boolean;
  claim_id?: string | null;
  reasons: string[];
  steps?: string[];
  message: string | null;
  /** What the first person decided, unless the second look is blind. */
  proposal?: { outcome: ReviewOutcome; reasons?: string[]; by: string; at: Time } | null;
  profile_data: FieldValues;
  record: FieldValues;
  read: { source: string; fields: FieldValues }[];
  /** Null until the checks on the record are done. */
  breakdown: BreakdownNode[] | null;
  checks: ReviewCheck[] | null;
  images: CaseImage[];
  tries_before: { verification: string; created: Time; outcome: string | null; reasons: string[] }[];
  timeline: TimelineEntry[];
  notes: { id: string; at: Time; by: string; text: string }[];
  undo_until: Time | null;
  may: ReviewAct[];
}

export interface ReviewCounts {
  open: number;
  mine: number;
  second_look: number;
  waiting: number;
  decided: number;
  ages: Record<'1h' | '4h' | '24h' | 'older', number>;
  more?: boolean;
}

export interface Reason {
  code: string;
  class: 'retry' | 'suspect' | 'caution';
  retry: 'yes' | 'once' | 'no';
  person: Record<string, string>;
  internal: Record<string, string>;
  private: boolean;
}

export interface ProfileRow {
  id: string;
  userID: string;
  team: string | null;
  name: string | null;
  document_type: string | null;
  document_number: string | null;
  country: string | null;
  verification_status: string;
  status: string;
  createdAt: Time;
  updated: Time;
}

export interface ProfileDetails {
  name: string | null;
  document_type: string | null;
  document_number: string | null;
  country: string | null;
  language: string | null;
  verification_status: string;
  status: string;
  security_level: string | null;
  createdAt: Time;
  consent: { accepted_at?: Time; version?: string; withdrawn_at?: Time | null } | null;
}

export interface StatusEntry {
  id: string;
  updated_by: string;
  previous_status: string;
  new_status: string;
  notes: string;
  created: Time;
}

export interface VerificationEntry {
  id: string;
  status: string;
  document_type: string;
  document_number: string;
  country: string;
  name: string;
  created: Time;
  checks_status: string | null;
  checks: ReviewCheck[] | null;
  breakdown?: BreakdownNode[];
}

export interface AuditEntry {
  id: string;
  at: Time;
  kind: string;
  actor: { kind: string; id: string; name?: string | null };
  profile: string | null;
  object: { kind: string; id: string } | null;
  address: string;
  request_id: string;
  detail: unknown;
}

/** A share with its 95 % interval; null where nothing was counted. */
export interface Rate {
  value: number | null;
  low: number | null;
  high: number | null;
  of: number;
}

export interface AnalyticsOverview {
  counted_at: Time | null;
  total_verifications: number;
  pending_reviews?: number;
  success_rate: Rate;
  active_users: number;
}

export interface ReportRow {
  name: string;
  group: string | null;
  /** The name of the person whom the group is about. */
  label?: string;
  count: number | null;
  /** The count as a text: `< 10` where the group is too small. */
  shown: string | null;
  rate: Rate | null;
  median_seconds: number | null;
  p90_seconds: number | null;
}

export interface AnalyticsReport {
  counted_at: Time | null;
  from: Time;
  to: Time;
  open_share: number | null;
  rows: ReportRow[];
}

export interface AuditKind {
  kind: string;
  description: string;
}

export interface HealthReport {
  status: string;
  service: string;
  timestamp: string;
  uptime: number;
  memory: { rss: string; heapUsed: string; heapTotal: string };
  pocketbase_status: string;
  aws_faceliveness_status: string;
  openai_model: string;
  openai_status: string;
  faceliveness_threshold: number;
  fingerprint_status: string;
  liveness_provider: string;
  document_reader: string;
}

export interface Webhook {
  id: string;
  team: string | null;
  url: string;
  events: string[];
  description: string | null;
  signature: string;
  enabled: boolean;
  disabled_because: string | null;
  failing_since: Time | null;
  failures: number;
  created: Time;
}

export interface WebhookDelivery {
  id: string;
  event_id: string;
  event_type: string;
  profile_id: string | null;
  state: 'due' | 'delivered' | 'exhausted' | 'dropped';
  attempts: number;
  due_at: Time | null;
  last_status: number | null;
  last_error: string | null;
  created: Time;
  finished: Time | null;
}

export interface ApiClient {
  client_id: string;
  name: string;
  description: string | null;
  team: string | null;
  scopes: string[];
  allowed_addresses: string[];
  expires_at: Time | null;
  disabled: boolean;
  source: string;
  secrets: { id: string; created: Time }[];
  created: Time | null;
}

/** Values of `GET /api/settings` by key. */
export type SettingValues = Record<string, unknown>;
