// What the page is bundled from, with each package's licence: `app/notices.txt`, made at each build from the packages themselves.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

interface Manifest {
  name: string;
  version: string;
  license?: string;
}

/** The folder of the package that a module is from; none for our own. */
export function packageOf(module: string): string | null {
  const path = module.replace(/^\0/, '').replace(/\?.*$/, '');
  const found = /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(path);
  return found?.[1] ?? null;
}

/** A package's name, its licence's name and the texts that have to go with it. */
export function notice(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  const texts = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8').trim());
  return [`${name} ${version} (${license ?? 'see below'})`, ...texts].join('\n\n');
}

export function notices(): Plugin {
  return {
    name: 'notices',
    apply: 'build',
    generateBundle(_options, bundle) {
      const chunks = Object.values(bundle).flatMap((output) => (output.type === 'chunk' ? Object.keys(output.modules) : []));
      const folders = new Set(chunks.map(packageOf).filter((folder) => folder !== null && existsSync(join(folder, 'package.json'))));
      const entries = [...folders].map((folder) => notice(folder as string)).sort();
      const rule = `\n\n${'-'.repeat(80)}\n\n`;
      const source = `The page is bundled from these packages.${rule}${entries.join(rule)}\n`;
      this.emitFile({ type: 'asset', fileName: 'app/notices.txt', source });
    },
  };
}
