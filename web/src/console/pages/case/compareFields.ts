// Compares what was declared, what was submitted and what was read from the document, field by field.
import type { FieldValues } from '../../api/models';

export interface ComparedCell {
  text: string;
  /** The value is hidden: it cannot be compared by eye or by the page. */
  isMasked: boolean;
  differs: boolean;
}

export interface ComparedRow {
  field: string;
  cells: ComparedCell[];
  /** Whether any two sources say different things. */
  differs: boolean;
}

const FIELD_ORDER = ['name', 'date_of_birth', 'gender', 'place_of_birth', 'country', 'document_type', 'document_number', 'expiry_date', 'email', 'phone', 'phone_number', 'address', 'ip_address', 'observed_ip'];
const INITIALS = /^\p{L}\.( \p{L}\.)*$/u;
const isMask = (text: string): boolean => /[•*]/.test(text) || INITIALS.test(text);
/** Fields that no document has, so that nothing is compared with them. */
const CONTACT_FIELDS = ['email', 'phone', 'phone_number', 'ip_address', 'observed_ip'];

/** The record with what was revealed of it, under the names that the record has. */
export function mergeRevealed(record: FieldValues, revealed: Record<string, string | null>): FieldValues {
  const { phone, ...rest } = revealed;
  return { ...record, ...rest, ...(phone !== undefined && { ['phone_number' in record ? 'phone_number' : 'phone']: phone }) };
}

/** One row for each field that any source has; each source is a column. */
export function compareFields(sources: readonly FieldValues[]): ComparedRow[] {
  const fields = new Set(sources.flatMap((source) => Object.keys(source).filter((field) => hasValue(source[field]))));
  return [...fields].sort(byFieldOrder).map((field) => compareField(field, sources));
}

const hasValue = (value: FieldValues[string] | undefined): boolean => value !== null && value !== undefined && value !== '';

function byFieldOrder(a: string, b: string): number {
  const place = (field: string): number => {
    const index = FIELD_ORDER.indexOf(field);
    return index < 0 ? FIELD_ORDER.length : index;
  };
  return place(a) - place(b) || a.localeCompare(b);
}

function compareField(field: string, sources: readonly FieldValues[]): ComparedRow {
  const texts = sources.map((source) => (hasValue(source[field]) ? String(source[field]) : ''));
  const first = texts.find((text) => text !== '') ?? '';
  const cells = texts.map((text) => ({ text, isMasked: isMask(text), differs: text !== '' && text !== first && !isSameValue(field, first, text) }));
  return { field, cells, differs: cells.some((cell) => cell.differs) };
}

/** Whether two sources say the same: accents, case, punctuation and the order of names do not matter. */
export function isSameValue(field: string, a: string, b: string): boolean {
  if (CONTACT_FIELDS.includes(field)) return true;
  if (INITIALS.test(a) || INITIALS.test(b)) return toInitials(a) === toInitials(b);
  if (isMask(a) || isMask(b)) return isSameMask(a, b);
  const [left, right] = [toWords(a), toWords(b)];
  // A masked date of birth is its year.
  if (/^\d{4}$/.test(a) || /^\d{4}$/.test(b)) return left.slice(0, 4) === right.slice(0, 4);
  if (field === 'name' || field.endsWith('_name') || field.endsWith('names')) return sortWords(left) === sortWords(right);
  // `US` and `USA` name the same state in two lists of codes; the page has no table of both.
  if (field === 'country' && a.length !== b.length) return true;
  if (field === 'gender' && left[0] === right[0]) return true;
  return left.replaceAll(' ', '') === right.replaceAll(' ', '');
}

/** What a mask still shows must agree. */
function isSameMask(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => toWords(text.replace(/[•*]/g, '')).replaceAll(' ', '')) as [string, string];
  return left === right || left.endsWith(right) || right.endsWith(left);
}

const toInitials = (name: string): string =>
  toWords(name)
    .split(' ')
    .map((word) => word.charAt(0))
    .sort()
    .join('');

const toWords = (text: string): string =>
  text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toUpperCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

const sortWords = (words: string): string => words.split(' ').sort().join(' ');
