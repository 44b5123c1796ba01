// Icons and drawings. They are decoration: the text beside them says the same.
import type { ReactNode } from 'react';

function Drawing({ children, small = false }: { children: ReactNode; small?: boolean }) {
  return (
    <svg className={small ? 'picture small' : 'picture'} viewBox="0 0 160 120" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

const DrawingBackground = () => <ellipse className="p-tint" cx="80" cy="62" rx="70" ry="52" />;

export const WelcomePicture = () => (
  <Drawing>
    <DrawingBackground />
    <rect className="p-paper" x="27" y="34" width="78" height="54" rx="8" />
    <rect className="p-soft" x="36" y="45" width="22" height="27" rx="4" />
    <circle className="p-line-fill" cx="47" cy="54" r="4.5" />
    <path className="p-line-fill" d="M39.5 69c0-5 3.2-8 7.5-8s7.5 3 7.5 8z" />
    <path className="p-faint" d="M66 50h28M66 58h22M66 66h26M36 80h58" />
    <path className="p-brand" d="M111 42l21 7.600v15.600c0 13-8.6 23.2-21 27.8-12.4-4.6-21-14.8-21-27.800V49.600z" />
    <path className="p-on" d="M102 66.500l6.5 6.5 12-13" />
  </Drawing>
);

export const DevicesPicture = () => (
  <Drawing>
    <DrawingBackground />
    <rect className="p-paper" x="24" y="30" width="82" height="54" rx="7" />
    <path className="p-line" d="M16 91h92" />
    <path className="p-faint" d="M38 46h34M38 55h46M38 64h26" />
    <rect className="p-paper" x="96" y="40" width="38" height="64" rx="8" />
    <rect className="p-brand" x="103" y="52" width="24" height="24" rx="5" />
    <path className="p-on" d="M109.5 64l4 4 7.5-8" />
    <path className="p-line" d="M111 97h8" />
  </Drawing>
);

export const FacePicture = () => (
  <Drawing>
    <DrawingBackground />
    <ellipse className="p-paper" cx="80" cy="60" rx="31" ry="39" />
    <ellipse className="p-dash" cx="80" cy="60" rx="38" ry="46" />
    <path className="p-line" d="M68 53.500v2.500M92 53.500v2.500M80 55v10l-3 1.500M71 76c5.5 4.6 12.5 4.6 18 0" />
    <path className="p-brand-line" d="M30 48l-10 12 10 12M130 48l10 12-10 12" />
  </Drawing>
);

export const CameraOffPicture = () => (
  <Drawing small>
    <DrawingBackground />
    <path className="p-paper" d="M44 46h16l6-9h28l6 9h16a6 6 0 0 1 6 6v34a6 6 0 0 1-6 6H44a6 6 0 0 1-6-6V52a6 6 0 0 1 6-6z" />
    <circle className="p-line" cx="80" cy="67" r="14" />
    <path className="p-bad" d="M40 26l80 80" />
  </Drawing>
);

export const ReadingPicture = () => (
  <Drawing>
    <DrawingBackground />
    <rect className="p-paper" x="34" y="30" width="92" height="64" rx="9" />
    <rect className="p-soft" x="45" y="42" width="24" height="30" rx="4" />
    <circle className="p-line-fill" cx="57" cy="52" r="5" />
    <path className="p-line-fill" d="M48.5 69c0-5.5 3.5-9 8.5-9s8.5 3.5 8.5 9z" />
    <path className="p-faint" d="M78 48h36M78 57h28M78 66h32M45 82h70" />
    <path className="p-brand-line scan" d="M26 62h108" />
  </Drawing>
);

export const DonePicture = () => (
  <Drawing>
    <DrawingBackground />
    <circle className="p-good" cx="80" cy="60" r="34" />
    <path className="p-on thick draw" d="M64 61l11 11 21-23" />
    <path className="p-good-line" d="M80 12v7M122 24l-5 5M38 24l5 5M132 60h-7M35 60h-7" />
  </Drawing>
);

export const PendingPicture = () => (
  <Drawing>
    <DrawingBackground />
    <path className="p-paper" d="M36 44a8 8 0 0 1 8-8h72a8 8 0 0 1 8 8v38a8 8 0 0 1-8 8H44a8 8 0 0 1-8-8z" />
    <path className="p-line" d="M38 41l42 29 42-29" />
    <circle className="p-good" cx="120" cy="86" r="17" />
    <path className="p-on" d="M112.5 86.500l5.2 5.2 9.6-10.5" />
  </Drawing>
);

export const NotVerifiedPicture = () => (
  <Drawing>
    <DrawingBackground />
    <rect className="p-paper" x="34" y="30" width="92" height="62" rx="9" />
    <path className="p-faint" d="M46 46h40M46 56h54M46 66h32" />
    <circle className="p-bad-fill" cx="120" cy="86" r="17" />
    <path className="p-on" d="M120 78v9M120 93.500v.200" />
  </Drawing>
);

export const BrokenLinkPicture = () => (
  <Drawing>
    <DrawingBackground />
    <path className="p-thick" d="M71 76l-8 8a15 15 0 0 1-21-21l16-16a15 15 0 0 1 21 0M89 44l8-8a15 15 0 0 1 21 21l-16 16a15 15 0 0 1-21 0" />
    <path className="p-brand-line" d="M70 30l-3-9M58 36l-9-3M92 90l3 9M104 84l9 3" />
  </Drawing>
);

export const ClockPicture = () => (
  <Drawing>
    <DrawingBackground />
    <circle className="p-paper" cx="80" cy="60" r="36" />
    <path className="p-brand-line" d="M80 38v23l15 9" />
    <path className="p-faint" d="M80 29v3M80 88v3M49 60h3M108 60h3" />
  </Drawing>
);

export const TwoTabsPicture = () => (
  <Drawing>
    <DrawingBackground />
    <rect className="p-soft" x="28" y="26" width="82" height="58" rx="8" />
    <rect className="p-paper" x="46" y="40" width="86" height="60" rx="8" />
    <path className="p-line" d="M46 54h86" />
    <path className="p-brand-line" d="M76 77l9 9 17-19" />
  </Drawing>
);

const ICONS = {
  passport: (
    <>
      <rect x="5" y="3" width="14" height="18" rx="2" />
      <circle cx="12" cy="10" r="3.2" />
      <path d="M9 17h6" />
    </>
  ),
  national_id: (
    <>
      <rect x="3" y="5" width="18" height="14" rx="2" />
      <circle cx="8.5" cy="11" r="2" />
      <path d="M5.8 16c.500-1.6 1.5-2.4 2.7-2.400s2.2.8 2.7 2.400M14 10h4M14 14h4" />
    </>
  ),
  driving_license: (
    <>
      <rect x="3" y="5" width="18" height="14" rx="2" />
      <path d="M6 14.500h7M7 14.500l1.2-3.500h3L12.5 14.500M16 10h2M16 14h2" />
      <path d="M7.5 16.500v.100M11.8 16.500v.100" />
    </>
  ),
  residence_permit: (
    <>
      <rect x="3" y="5" width="18" height="14" rx="2" />
      <path d="M6.5 15.500v-4l3-2.5 3 2.500v4zM15.5 10h2.500M15.5 14h2.5" />
    </>
  ),
  phone: (
    <>
      <rect x="7" y="2.5" width="10" height="19" rx="2.5" />
      <path d="M11 18.500h2" />
    </>
  ),
  computer: (
    <>
      <rect x="3" y="4.5" width="18" height="12" rx="2" />
      <path d="M2 20h20" />
    </>
  ),
  camera: (
    <>
      <path d="M4.5 7.500h3L9 5h6l1.5 2.500h3A1.5 1.5 0 0 1 21 9v9a1.5 1.5 0 0 1-1.5 1.500h-15A1.5 1.5 0 0 1 3 18V9a1.5 1.5 0 0 1 1.5-1.500z" />
      <circle cx="12" cy="13" r="3.5" />
    </>
  ),
  light: (
    <>
      <circle cx="12" cy="12" r="4" />
      <path d="M12 2.500V5M12 19v2.500M2.5 12H5M19 12h2.500M5.3 5.300L7 7M17 17l1.7 1.700M5.3 18.700L7 17M17 7l1.7-1.7" />
    </>
  ),
  glasses: (
    <>
      <circle cx="7" cy="14" r="3.5" />
      <circle cx="17" cy="14" r="3.5" />
      <path d="M10.5 13.500c1-.7 2-.7 3 0M3.5 13L5.5 7M20.5 13l-2-6" />
    </>
  ),
  person: (
    <>
      <circle cx="12" cy="8.5" r="3.8" />
      <path d="M5 20c.6-4.2 3.4-6.5 7-6.500s6.4 2.3 7 6.5" />
    </>
  ),
  check: <path d="M5 12.500l4.5 4.500L19 7.5" />,
  lock: (
    <>
      <rect x="5" y="10.5" width="14" height="10" rx="2.2" />
      <path d="M8 10.500V8a4 4 0 0 1 8 0v2.5" />
    </>
  ),
  globe: (
    <>
      <circle cx="12" cy="12" r="9" />
      <path d="M3 12h18M12 3c2.6 2.7 3.8 5.7 3.8 9s-1.2 6.3-3.8 9c-2.6-2.7-3.8-5.7-3.8-9S9.4 5.7 12 3z" />
    </>
  ),
  back: <path d="M15 5l-7 7 7 7" />,
  upload: <path d="M12 15.500V4.500M7.5 8.500L12 4l4.5 4.500M4.5 15.500v3a1.5 1.5 0 0 0 1.5 1.500h12a1.5 1.5 0 0 0 1.5-1.500v-3" />,
  look_straight: (
    <>
      <circle cx="12" cy="12" r="9" />
      <path d="M9 9.500v.800M15 9.500v.800M9 15c1.9 1.4 4.1 1.4 6 0" />
    </>
  ),
  turn_left: <path d="M20 12H4.500M11 5l-7 7 7 7" />,
  turn_right: <path d="M4 12h15.500M13 5l7 7-7 7" />,
  move_closer: <path d="M9 3.500H3.500V9M15 3.500h5.500V9M9 20.500H3.500V15M15 20.500h5.500V15" />,
};

export type IconName = keyof typeof ICONS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className={name === 'back' ? 'icon directed' : 'icon'} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {ICONS[name]}
    </svg>
  );
}
