// The frame of one page: its heading, which gets the focus when the page changes, what is beside it, and the content.
import { type ReactNode, useEffect, useRef } from 'react';
import { useConsole } from '../app/context';

export function Page({ title, aside, children, narrow = false }: { title: string; aside?: ReactNode; children: ReactNode; narrow?: boolean }) {
  const { t } = useConsole();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · ${t('app.console')}`;
  }, [title, t]);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, []);
  return (
    <div className={narrow ? 'page narrow' : 'page'}>
      <div className="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {aside && <div className="page-aside">{aside}</div>}
      </div>
      {children}
    </div>
  );
}

/** A titled part of a page. */
export function Panel({ title, aside, children, id }: { title: string; aside?: ReactNode; children: ReactNode; id?: string }) {
  return (
    <section className="panel" id={id}>
      <div className="panel-head">
        <h2>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}
