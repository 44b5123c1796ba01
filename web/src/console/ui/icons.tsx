// Icons: decorations beside a text or in a button that has a name.

const PATHS = {
  overview: 'M4 13h7V4H4zM13 20h7V4h-7zM4 20h7v-5H4z',
  queue: 'M4 6h16M4 12h16M4 18h10',
  profiles: 'M12 11.500a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM5 20c.6-4 3.400-6 7-6s6.400 2 7 6',
  users: 'M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM3.500 19c.4-3.200 2.600-5 5.500-5s5.100 1.800 5.500 5M16 5.300a3 3 0 0 1 0 5.400M17.500 14.300c1.800.700 2.900 2.300 3.100 4.700',
  audit: 'M7 3.500h10a1.5 1.5 0 0 1 1.500 1.500v15.500H5.500V5A1.5 1.5 0 0 1 7 3.500zM9 8h6M9 12h6M9 16h4',
  analytics: 'M4 20V4M4 20h16M8 16v-4M12 16V8M16 16v-6',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 4.500v5M9 14.500v5',
  account: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20.500c.7-4.300 3.600-6.500 7.500-6.500s6.800 2.200 7.500 6.500',
  menu: 'M4 7h16M4 12h16M4 17h16',
  close: 'M6 6l12 12M18 6L6 18',
  next: 'M9 5l7 7-7 7',
  back: 'M15 5l-7 7 7 7',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  fit: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  actual: 'M7 8l-2 1.500M7 8v8M17 8l-2 1.500M17 8v8M12 10.500v.1M12 13.900v.1',
  rotate: 'M19 12a7 7 0 1 1-2.200-5.100M17.500 3v4.500H13',
  mirror: 'M12 4v16M9 8l-5 8h5zM15 8l5 8h-5z',
  invert: 'M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16',
  loupe: 'M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM15.500 15.500L20 20',
  boxes: 'M5 5h6v6H5zM13 13h6v6h-6z',
  up: 'M12 19V5M6 11l6-6 6 6',
  down: 'M12 5v14M6 13l6 6 6-6',
  left: 'M19 12H5M11 6l-6 6 6 6',
  right: 'M5 12h14M13 6l6 6-6 6',
  warning: 'M12 4l9 16H3zM12 10v4M12 16.800v.1',
  help: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9.500 9.500a2.500 2.500 0 1 1 3.500 2.300c-.8.400-1 .900-1 1.700M12 16.800v.1',
} as const;

export type ConsoleIcon = keyof typeof PATHS;

export function Icon({ name }: { name: ConsoleIcon }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" />
      <path d="M16 6.500l7.500 2.800v6.200c0 4.700-3.100 8.400-7.500 10-4.400-1.600-7.500-5.300-7.500-10V9.300z" />
      <path d="M12.600 16l2.500 2.500 4.500-4.700" />
    </svg>
  );
}
