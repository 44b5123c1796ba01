// How the person's page looks with a branding, in both themes. Colours go through variables of an element's style object.
import { useEffect, useRef, useState } from 'react';
import { BACKGROUNDS, DEFAULT_COLOUR, deriveShades, parseColour, toHex } from '../../../shared/ui/colour';
import { useConsole } from '../../app/context';
import { type Branding, decodeDataUrl } from './brandingDraft';

export function BrandPreview({ branding }: { branding: Branding }) {
  const logo = useBlobUrl(branding.logo);
  return (
    <div className="columns">
      <Preview branding={branding} logo={logo} isDark={false} />
      <Preview branding={branding} logo={logo} isDark />
    </div>
  );
}

function Preview({ branding, logo, isDark }: { branding: Branding; logo: string | null; isDark: boolean }) {
  const { t } = useConsole();
  const card = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const light = parseColour(branding.color) ?? DEFAULT_COLOUR;
    const colour = isDark ? (parseColour(branding.color_dark) ?? light) : light;
    const { primary, on, link } = deriveShades(colour, isDark ? BACKGROUNDS.dark : BACKGROUNDS.light);
    const style = card.current?.style;
    style?.setProperty('--primary', toHex(primary));
    style?.setProperty('--on-primary', toHex(on));
    style?.setProperty('--link', toHex(link));
  }, [branding.color, branding.color_dark, isDark]);
  return (
    <div ref={card} className={isDark ? 'brand-card dark' : 'brand-card'}>
      <div className="brand-head">{logo ? <img src={logo} alt="" /> : <strong>{branding.name || 'Identivia'}</strong>}</div>
      <p>{t('branding.sample', { name: branding.name || 'Identivia' })}</p>
      <span className="button primary">{t('branding.sample_button')}</span>
      <span className="brand-link">{t('branding.sample_link')}</span>
    </div>
  );
}

function useBlobUrl(dataUrl: string | undefined): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    const blob = decodeDataUrl(dataUrl);
    const made = blob && URL.createObjectURL(blob);
    setUrl(made);
    return () => {
      if (made) URL.revokeObjectURL(made);
    };
  }, [dataUrl]);
  return url;
}
