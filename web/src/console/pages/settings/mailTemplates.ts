// The texts of e-mails: what holds now, what a change makes of the setting, and a preview.
import type { MailKind } from '../../api/settings';

export interface MailTextDraft {
  subject: string;
  text: string;
}

/** The setting `mail_templates`: texts by kind and language. */
export type MailTemplates = Record<string, Record<string, MailTextDraft>>;

/** Reads the setting. Anything of another form counts as not set. */
export function readTemplates(value: unknown): MailTemplates {
  const read: MailTemplates = {};
  for (const [kind, languages] of Object.entries(asObject(value))) {
    for (const [language, text] of Object.entries(asObject(languages))) {
      const { subject, text: body } = asObject(text);
      if (typeof subject === 'string' && typeof body === 'string') (read[kind] ??= {})[language] = { subject, text: body };
    }
  }
  return read;
}

const asObject = (value: unknown): Record<string, unknown> => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {});

/** Our own text of a kind. */
export function ownText(kind: MailKind, language: string): MailTextDraft {
  const found = kind.texts.find((each) => each.language === language) ?? kind.texts[0];
  return { subject: found?.subject ?? '', text: found?.text ?? '' };
}

export const presentText = (templates: MailTemplates, kind: MailKind, language: string): MailTextDraft => templates[kind.kind]?.[language] ?? ownText(kind, language);

/** The setting with that text; our own text is left out of it. */
export function withText(templates: MailTemplates, kind: MailKind, language: string, draft: MailTextDraft): MailTemplates {
  const own = ownText(kind, language);
  const { [language]: _replaced, ...others } = templates[kind.kind] ?? {};
  const isOwn = own.subject === draft.subject && own.text === draft.text;
  const texts = isOwn ? others : { ...others, [language]: draft };
  const { [kind.kind]: _kind, ...rest } = templates;
  return Object.keys(texts).length === 0 ? rest : { ...rest, [kind.kind]: texts };
}

/** The text with examples in the place of its placeholders, in one pass. */
export function previewText(kind: MailKind, text: string): string {
  const examples = new Map(kind.placeholders.map(({ name, example }) => [name, example]));
  return text.replaceAll(/\{([a-z_]+)\}/g, (whole, name: string) => examples.get(name) ?? whole);
}
