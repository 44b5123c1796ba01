// Writes app/notices.txt at each build: the licence of every npm package in the person's page, the console and the page at /docs.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

interface PackageManifest {
  name: string;
  version: string;
  license?: string;
}

/** A package whose files are copied into the build: Vite does not see them as modules. */
export interface CopiedPackage {
  folder: string;
  /** Licence files that `readNotice` does not find by their names. */
  licences: string[];
}

/** The folder of the package that a module is from; null for our own modules. */
export function findPackageFolder(module: string): string | null {
  const path = module.replace(/^\0/, '').replace(/\?.*$/, '');
  const found = /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(path);
  return found?.[1] ?? null;
}

/** A package's name, version and licence, and the texts that the licence requires. */
export function readNotice(folder: string, moreFiles: readonly string[] = []): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageManifest;
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
  const texts = [...files.sort(), ...moreFiles].map((file) => readFileSync(join(folder, file), 'utf8').trim());
  return [`${name} ${version} (${license ?? 'see below'})`, ...texts].join('\n\n');
}

export function writeNotices(copied: readonly CopiedPackage[]): Plugin {
  return {
    name: 'notices',
    apply: 'build',
    generateBundle(_options, bundle) {
      const modules = Object.values(bundle).flatMap((output) => (output.type === 'chunk' ? Object.keys(output.modules) : []));
      const folders = new Set(modules.map(findPackageFolder).filter((folder) => folder !== null && existsSync(join(folder, 'package.json'))));
      const bundledNotices = [...folders].map((folder) => readNotice(folder as string));
      const copiedNotices = copied.map(({ folder, licences }) => readNotice(folder, licences));
      const rule = `\n\n${'-'.repeat(80)}\n\n`;
      const entries = [...bundledNotices, ...copiedNotices].sort().join(rule);
      const source = `The person's page, the console and the page at /docs are built from these packages.${rule}${entries}\n`;
      this.emitFile({ type: 'asset', fileName: 'app/notices.txt', source });
    },
  };
}
