// What the stand-in server answers with: invented people, reviews, users, settings. The types are those of the OpenAPI document.
import type { ApiClient, AuditEntry, BreakdownNode, ConsoleUser, HealthReport, Me, ProfileRow, Reason, ReportRow, ReviewCase, ReviewRow, SignInProviderState, Webhook, WebhookDelivery } from '../../src/console/api/models';

const HOUR = 3_600_000;

/** The tests begin late on 30 November, whenever they run: dates and times as wide as they get, and the same pictures each time. */
const SHIFT = Date.UTC(2026, 10, 30, 23, 58) - Date.now();
export const shiftedNow = (): number => Date.now() + SHIFT;

export const time = (offset: number): string => new Date(shiftedNow() + offset).toISOString().replace('T', ' ');

export const ALL_PERMISSIONS = [
  'console:self', 'reviews:read', 'reviews:decide', 'reviews:second', 'reviews:override', 'pii:reveal', 'profiles:read', 'files:read', 'files:download',
  'settings:read', 'settings:write', 'webhooks:read', 'webhooks:write', 'clients:manage', 'health:read', 'status_history:read', 'verification_history:read',
  'events:read', 'users:manage', 'audit:read', 'analytics:read',
];

export const ME: Omit<Me, 'session'> = {
  id: 'user00000000001', name: 'Ada Osei', email: 'ada@example.org', role: 'super_admin', teams: null, senior: true, permissions: ALL_PERMISSIONS, language: '', shortcuts: true, overdue_mail: true,
  factors: { totp: true, recovery_codes_left: 8, passkeys: [{ id: 'passkey00000001', name: 'Work laptop', created: time(-900_000_000), last_used: time(-3_600_000) }], password: true, provider: null },
};

const ROW: Omit<ReviewRow, 'id' | 'due_at' | 'created'> = {
  profile: 'profile00000001', verification: 'verif0000000001', team: 'acme', state: 'open', priority: 'normal', decided_at: null, version: 3, country: 'DE', document_type: 'passport',
  findings: ['glare', 'mrz_check_digits', 'selfie_and_document'], initials: 'M. L.', birth_year: 1990, document_number_end: '123', holder: null, claim_until: null, tries: 1, outcome: null,
};

export const ROWS: ReviewRow[] = [
  { ...ROW, id: 'review000000001', due_at: time(-HOUR), created: time(-25 * HOUR), priority: 'high' },
  { ...ROW, id: 'review000000002', due_at: time(3 * HOUR), created: time(-20 * HOUR), initials: 'J. P.', country: 'ES', document_type: 'national_id', findings: [], tries: 2 },
  { ...ROW, id: 'review000000003', due_at: time(9 * HOUR), created: time(-2 * HOUR), initials: 'Å. Ö.', country: 'SE', document_type: 'driving_license', findings: ['expired'], team: '' },
];

const leaf = (node: string, result: BreakdownNode['result'], more: Partial<BreakdownNode> = {}): BreakdownNode => ({
  node, result, class: result === 'pass' ? 'clear' : 'retry', reasons: [], score: null, threshold: null, assurance: null, from: [], children: [], ...more,
});

export const BREAKDOWN: BreakdownNode[] = [
  leaf('document', 'warn', {
    children: [
      leaf('document.integrity', 'warn', { children: [leaf('document.integrity.image_quality', 'warn', { reasons: ['glare_on_photo'], score: '0.41', threshold: '0.50' }), leaf('document.integrity.sides_complete', 'pass')] }),
      leaf('document.data', 'pass', { children: [leaf('document.data.mrz_checksums', 'pass'), leaf('document.data.expiry', 'pass')] }),
      leaf('document.agreement', 'fail', { children: [leaf('document.agreement.name', 'pass'), leaf('document.agreement.date_of_birth', 'fail', { reasons: ['data_mismatch'] })] }),
      leaf('document.authenticity', 'not_applicable', { children: [leaf('document.authenticity.original_present', 'not_applicable')] }),
    ],
  }),
  leaf('face', 'pass', { children: [leaf('face.match', 'pass', { score: '0.712', threshold: '0.55' })] }),
  leaf('liveness', 'pass', { children: [leaf('liveness.challenge', 'pass', { score: '92', threshold: '75' })] }),
];

export const CASE: Omit<ReviewCase, keyof ReviewRow> = {
  mine: false, reasons: [], steps: [], message: null, proposal: null,
  profile_data: { name: 'Maria Lindqvist', date_of_birth: '1990-04-12', country: 'DE', email: 'm•••@•••' },
  record: { name: 'Maria Lindqvist', date_of_birth: '1990-04-21', document_number: '•••••123', document_type: 'passport', country: 'DE', address: '•••' },
  read: [
    { source: 'mrz', fields: { name: 'LINDQVIST MARIA', date_of_birth: '1990-04-12', document_number: '•••••123', country: 'DEU', gender: 'F' } },
    { source: 'barcode', fields: { name: 'Maria Lindqvist', document_number: '•••••123' } },
    { source: 'print', fields: { name: 'Maria Lindquist', date_of_birth: '1990-04-12', expiry_date: '2031-02-28', nationality: 'DEUTSCH' } },
  ],
  breakdown: BREAKDOWN,
  checks: [
    { check: 'face_match', outcome: 'pass', score: 0.712, threshold: 0.55, engine: 'identivia-vision 0.1.0', weights: [], assurance: 'model', message: '', findings: [] },
    { check: 'liveness', outcome: 'pass', score: 92, threshold: 75, engine: 'identivia-vision 0.1.0', weights: [], assurance: 'model', message: '', findings: [] },
  ],
  images: [
    { name: 'document_front', url: '/api/files/verification_history/verif0000000001/front.svg', boxes: [{ finding: 'portrait_present', x: 0.06, y: 0.28, width: 0.26, height: 0.5 }, { finding: 'glare', x: 0.55, y: 0.1, width: 0.3, height: 0.25 }], eyes: { right: { x: 0.16, y: 0.4922 }, left: { x: 0.22, y: 0.4922 } } },
    { name: 'document_back', url: '/api/files/verification_history/verif0000000001/back.svg', boxes: [], eyes: null },
    { name: 'facial_photo', url: '/api/files/verification_history/verif0000000001/selfie.svg', boxes: [], eyes: { right: { x: 0.3944, y: 0.4104 }, left: { x: 0.6056, y: 0.4104 } } },
    { name: 'liveness_reference', url: '/api/files/liveness_sessions/live00000000001/reference.svg', boxes: [], eyes: null },
  ],
  tries_before: [{ verification: 'verif0000000000', created: time(-48 * HOUR), outcome: 'request_resubmission', reasons: ['glare_on_photo'] }],
  timeline: [
    { at: time(-25 * HOUR), kind: 'review.created', actor: { kind: 'system', name: '' }, detail: '' },
    { at: time(-2 * HOUR), kind: 'review.opened', actor: { kind: 'user', name: 'Ada Osei' }, detail: '' },
  ],
  notes: [{ id: 'note00000000001', at: time(-2 * HOUR), by: 'Ada Osei', text: 'The person wrote that the flash was on.' }],
  undo_until: null,
  may: [],
};

const text = (en: string) => ({ en, de: en, es: en, fr: en });
export const REASONS: Reason[] = [
  { code: 'glare_on_photo', class: 'retry', retry: 'yes', person: text('The photo has glare.'), internal: text('Glare on the photo'), private: false },
  { code: 'document_expired', class: 'retry', retry: 'yes', person: text('The document has expired; use a valid one.'), internal: text('Document expired'), private: false },
  { code: 'data_mismatch', class: 'retry', retry: 'yes', person: text('Your details differ from the document.'), internal: text('Data differ from the document'), private: false },
  { code: 'face_mismatch', class: 'caution', retry: 'once', person: text('We could not confirm that the photo is you.'), internal: text('Faces do not match'), private: false },
  { code: 'digital_tampering', class: 'suspect', retry: 'no', person: text('We could not verify you.'), internal: text('Digital tampering'), private: true },
];

export const USERS: ConsoleUser[] = [
  { id: ME.id, name: ME.name, email: ME.email, role: 'super_admin', teams: null, senior: true, status: 'active', factors: ['totp'], last_sign_in: time(-HOUR), created: time(-900 * HOUR) },
  { id: 'user00000000002', name: 'Ben Ito', email: 'ben@example.org', role: 'reviewer', teams: ['acme'], senior: true, status: 'active', factors: ['totp'], last_sign_in: time(-30 * HOUR), created: time(-800 * HOUR) },
  { id: 'user00000000003', name: '', email: 'new@example.org', role: 'auditor', teams: null, senior: false, status: 'invited', factors: [], last_sign_in: null, created: time(-3 * HOUR) },
];

const STATUSES = [['M. L.', 'verified', 'verified'], ['J. P.', 'rejected', 'rejected'], [null, 'unverified', 'pending']] as const;
export const PROFILES: ProfileRow[] = STATUSES.map(([name, verification_status, status], n) => ({
  id: `profile0000000${n + 1}`, userID: `customer-${n + 1}`, team: 'acme', name, document_type: 'passport', document_number: '•••••123', country: 'DE',
  verification_status, status, createdAt: time(-(n + 1) * 30 * HOUR), updated: time(-(n + 1) * HOUR),
}));

export const AUDIT: AuditEntry[] = ['review.opened', 'file.viewed', 'review.revealed', 'profile.created'].map((kind, n) => ({
  id: `audit000000000${n}`, at: time(-n * HOUR), kind, actor: n === 3 ? { kind: 'client', id: 'shop' } : { kind: 'user', id: ME.id, name: 'Ada Osei' },
  profile: 'profile00000001', object: { kind: 'reviews', id: 'review000000001' }, address: '203.0.113.7', request_id: 'req', detail: n === 2 ? 'document_number' : '',
}));

export const HEALTH: HealthReport = {
  status: 'OK', service: 'Identivia', timestamp: time(0), uptime: 52_345, memory: { rss: '120 MB', heapUsed: '45 MB', heapTotal: '60 MB' }, pocketbase_status: 'not_configured', pocketbase_url: null,
  pocketbase_user_email: null, aws_faceliveness_status: 'not_configured', openai_model: 'o4-mini', openai_status: 'error', faceliveness_threshold: 75, fingerprint_status: 'not_configured',
  liveness_provider: 'local', document_reader: 'local',
};

export const WEBHOOKS: Webhook[] = [
  { id: 'webhook00000001', team: 'acme', url: 'https://shop.example/webhooks', events: ['profile.*'], description: 'Orders', signature: 'v1', enabled: true, disabled_because: null, disabled_at: null, header_names: [], ordered: false, include_user_id: false, keys: [], updated: time(-90 * HOUR), failing_since: time(-HOUR), failures: 4, created: time(-90 * HOUR) },
];
export const DELIVERIES: WebhookDelivery[] = [
  { id: 'delivery0000001', event_id: 'evt_1', event_type: 'profile.verified', profile_id: 'profile00000001', state: 'due', trigger: 'schedule', attempts: 4, due_at: time(HOUR / 2), last_status: 503, last_error: 'the receiver answered 503', created: time(-HOUR), finished: null },
  { id: 'delivery0000002', event_id: 'evt_2', event_type: 'profile.created', profile_id: 'profile00000001', state: 'delivered', trigger: 'schedule', attempts: 1, due_at: null, last_status: 200, last_error: null, created: time(-2 * HOUR), finished: time(-2 * HOUR) },
];
export const CLIENTS: ApiClient[] = [
  { client_id: 'shop', name: 'Shop', description: null, team: 'acme', scopes: ['profiles:read', 'profiles:write'], allowed_addresses: [], expires_at: null, disabled: false, source: 'configuration', secrets: [], created: null, updated: null },
  { client_id: 'billing', name: 'Billing backend', description: null, team: null, scopes: ['profiles:read'], allowed_addresses: [], expires_at: null, disabled: false, source: 'api', secrets: [{ id: 'secret000000001', created: time(-HOUR) }], created: time(-90 * HOUR), updated: time(-HOUR) },
];

const rate = (part: number, of: number) => ({ value: part / of, low: Math.max(0, part / of - 0.05), high: Math.min(1, part / of + 0.04), of });
const reportRow = (name: string, count: number, of: number, more: Partial<ReportRow> = {}): ReportRow => ({ name, group: null, count, shown: String(count), rate: rate(count, of), median_seconds: null, p90_seconds: null, ...more });
const STEPS = [['created', 412], ['opened', 388], ['consent', 371], ['document', 352], ['face', 340], ['sent', 333], ['decided', 310], ['verified', 288]] as const;
const day = (ago: number): string => new Date(shiftedNow() - ago * 24 * HOUR).toISOString().slice(0, 10);

export const REPORTS: Record<string, ReportRow[]> = {
  funnel: STEPS.map(([name, count]) => reportRow(name, count, 412)),
  rates: [reportRow('success', 288, 310), reportRow('automation', 120, 310), reportRow('first_time_pass', 250, 288), reportRow('resubmissions', 41, 352), reportRow('overturned', 2, 310)],
  day: [6, 5, 4, 3, 2, 1].flatMap((ago) => ['success', 'automation'].map((name) => reportRow(name, 8 + ago, 20, { group: day(ago) }))),
  times: [reportRow('time_to_decision', 310, 310, { rate: null, median_seconds: 5_400, p90_seconds: 43_000 }), reportRow('waiting_for_person', 41, 41, { rate: null, median_seconds: 900, p90_seconds: 9_000 })],
  reasons: [reportRow('glare_on_photo', 20, 41, { group: 'resubmission' }), reportRow('document_expired', 9, 22, { group: 'rejection' })],
  breakdown: [reportRow('records', 210, 210, { group: 'DE', rate: null }), reportRow('success', 190, 205, { group: 'DE' }), { ...reportRow('records', 0, 1, { group: 'SE', rate: null }), count: null, shown: '< 10' }],
};

/** A drawing in place of a picture of a document or a face. */
export function drawPicture(name: string): string {
  const isFace = /selfie|reference/.test(name);
  const face = (x: number, y: number, r: number): string => `<circle cx="${x}" cy="${y}" r="${r}" fill="#e6b89c"/><circle cx="${x - r / 3}" cy="${y - r / 6}" r="${r / 10}"/><circle cx="${x + r / 3}" cy="${y - r / 6}" r="${r / 10}"/><path d="M${x - r / 3} ${y + r / 3}q${r / 3} ${r / 4} ${(2 * r) / 3} 0" stroke="#733" stroke-width="${r / 14}" fill="none"/>`;
  if (isFace) return `<svg xmlns="http://www.w3.org/2000/svg" width="600" height="800"><rect width="600" height="800" fill="#9fb4c7"/>${face(300, 360, 190)}</svg>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="1000" height="640"><rect width="1000" height="640" rx="30" fill="#dfe8da"/><rect x="60" y="180" width="260" height="320" fill="#b9c7d4"/>${name === 'front.svg' ? face(190, 330, 90) : ''}<g font-family="sans-serif" font-size="34" fill="#223"><text x="370" y="230">LINDQVIST</text><text x="370" y="290">MARIA</text><text x="370" y="350">12.04.1990</text></g><text x="60" y="590" font-family="monospace" font-size="30">P&lt;D&lt;&lt;LINDQVIST&lt;&lt;MARIA&lt;&lt;&lt;&lt;&lt;&lt;</text></svg>`;
}

/** The services to sign in with: one that works, and one that does not. */
export const SIGN_IN_PROVIDERS: SignInProviderState[] = [
  { id: 'acme', name: 'Acme SSO', issuer: 'https://login.acme.example/realms/staff', redirect_uri: 'https://id.example.org/api/console/oidc/acme/callback', gives_roles: true, last_try: { at: time(-HOUR), works: true, problem: null } },
  { id: 'old', name: 'Old login', issuer: 'https://old.example', redirect_uri: 'https://id.example.org/api/console/oidc/old/callback', gives_roles: false, last_try: { at: time(-2 * HOUR), works: false, problem: 'it does not answer in time' } },
];

export const MAIL_KINDS = [
  { kind: 'invitation', placeholders: [{ name: 'platform', example: 'Identivia' }, { name: 'name', example: 'Ada Osei' }, { name: 'link', example: 'https://verify.example.com/console/' }, { name: 'hours', example: '72' }], texts: [{ language: 'en', subject: 'Your account at {platform}', text: 'Hello {name},\n\nopen this link within {hours} hours:\n\n{link}\n' }] },
  { kind: 'reviews_overdue', placeholders: [{ name: 'count', example: '3' }, { name: 'link', example: 'https://verify.example.com/console/' }], texts: [{ language: 'en', subject: 'Reviews are overdue', text: '{count}\n\n{link}\n' }] },
];
