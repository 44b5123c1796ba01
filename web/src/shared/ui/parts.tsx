// Small components that every screen uses: heading, button, spinner, notice, link, form field.
import { type ButtonHTMLAttributes, type ReactNode, useEffect, useRef } from 'react';
import { useUi } from './context';

/** A screen's heading. The focus comes here when a screen changes, so that it is read out and the keyboard goes on from here. */
export function Title({ children, quiet = false }: { children: ReactNode; quiet?: boolean }) {
  const { hasMoved } = useUi();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (hasMoved.current) {
      heading.current?.focus({ preventScroll: true });
      window.scrollTo(0, 0);
    }
    hasMoved.current = true;
  }, [hasMoved]);
  return (
    <h1 ref={heading} tabIndex={-1} className={quiet ? 'hidden' : undefined}>
      {children}
    </h1>
  );
}

type ButtonKind = 'primary' | 'secondary' | 'quiet';

export function Button({ kind = 'primary', busy = false, children, ...rest }: { kind?: ButtonKind; busy?: boolean } & ButtonHTMLAttributes<HTMLButtonElement>) {
  // A busy button keeps the focus and its name; it only does nothing.
  return (
    <button type="button" className={`button ${kind}`} aria-disabled={busy || undefined} {...rest} onClick={busy ? (event) => event.preventDefault() : rest.onClick}>
      {busy && <Spinner />}
      <span>{children}</span>
    </button>
  );
}

export function Spinner({ large = false }: { large?: boolean }) {
  return (
    <svg className={large ? 'spinner large' : 'spinner'} viewBox="0 0 24 24" aria-hidden="true">
      <circle cx="12" cy="12" r="9" />
      <path d="M12 3a9 9 0 0 1 9 9" />
    </svg>
  );
}

export function Notice({ kind, children }: { kind: 'problem' | 'note' | 'good'; children: ReactNode }) {
  return (
    <div className={`notice ${kind}`}>
      <svg viewBox="0 0 20 20" aria-hidden="true">
        {kind === 'good' ? <path d="M5 10.500l3.3 3.300L15 7" /> : <path d="M10 5.500v5.500M10 14.200v.100" />}
      </svg>
      <div>{children}</div>
    </div>
  );
}

/** A link to another site. It opens a new window, which learns neither our address nor a reference to this window. */
export function ExternalLink({ href, children, className }: { href: string; children: ReactNode; className?: string }) {
  const { t } = useUi();
  return (
    <a href={href} className={className} target="_blank" rel="noopener noreferrer">
      {children} <span className="hidden">{t('app.new_window')}</span>
    </a>
  );
}

export function FormField({ id, label, hint, error, optional, children }: { id: string; label: string; hint?: string | undefined; error?: string | undefined; optional?: string | undefined; children: ReactNode }) {
  return (
    <div className="field" data-wrong={error ? '' : undefined}>
      <label htmlFor={id}>
        {label} {optional && <small>({optional})</small>}
      </label>
      {hint && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {children}
      {error && (
        <p className="error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

/** The ids of a field's hint and error, for `aria-describedby`. */
export function describeField(id: string, { hint, error }: { hint?: string | undefined; error?: string | undefined }): string | undefined {
  return [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || undefined;
}
