// Limits Amplify's style sheet to the face step. The original sets the page's font, scrolling and box sizes, has 340 KB for components that
// the page does not use, and puts 2,600 variables on the root.

import postcss, { type AtRule, type Declaration, type Rule } from 'postcss';

export const SCOPE = '.aws-liveness';

// The components inside FaceLivenessDetectorCore.
const PARTS =
  /^amplify-(liveness|button|field-group|field|flex|icon|input|label|loader|select|text|visually-hidden|alert)(?![a-z])(?!-(field|area))/;
// It uses two kinds of button, in one colour.
const OTHER_KINDS = /^amplify-button--((primary|link)--|outlined|warning|destructive|menu|loading)/;
const VARIABLE = /--amplify-[\w-]+/g;

export function scopeStyles(css: string): string {
  const root = postcss.parse(css);
  root.walkComments((comment) => void comment.remove());
  root.walkRules(scopeRule);
  root.walkAtRules(removeEmpty);
  removeUnusedAnimations(root);
  removeUnusedVariables(root);
  root.walkRules((rule) => void (rule.nodes.length === 0 && rule.remove()));
  return root.toString();
}

function scopeRule(rule: Rule): void {
  if (isWithinKeyframes(rule)) return;
  const selectors = rule.selectors.map(scopeSelector).filter((each) => each !== undefined);
  if (selectors.length === 0) rule.remove();
  else rule.selectors = [...new Set(selectors)];
}

function scopeSelector(selector: string): string | undefined {
  if (selector === ':root') return SCOPE;
  if (selector === '[class*=amplify]') return `${SCOPE} ${selector}`;
  const classes = [...selector.matchAll(/\.([\w-]+)/g)].map(([, name]) => name ?? '');
  const isOurs = classes.length > 0 && classes.every((name) => isPart(name) || !name.startsWith('amplify'));
  return isOurs && !/^(html|\[)/.test(selector) ? `${SCOPE} ${selector}` : undefined;
}

function isPart(name: string): boolean {
  return PARTS.test(name) && !OTHER_KINDS.test(name);
}

function isWithinKeyframes(rule: Rule): boolean {
  const parent = rule.parent as AtRule | undefined;
  return parent?.type === 'atrule' && parent.name.endsWith('keyframes');
}

function removeEmpty(rule: AtRule): void {
  if (rule.nodes?.length === 0) rule.remove();
}

function removeUnusedAnimations(root: postcss.Root): void {
  const used: string[] = [];
  root.walkDecls(/^animation/, (declaration) => void used.push(...declaration.value.split(/[\s,]+/)));
  root.walkAtRules('keyframes', (rule) => void (used.includes(rule.params) || rule.remove()));
}

// Variables refer to variables: follows them until no new one is found.
function removeUnusedVariables(root: postcss.Root): void {
  const definitions = new Map<string, Declaration[]>();
  const waiting: string[] = [];
  root.walkDecls((declaration) => {
    if (declaration.prop.startsWith('--amplify-')) {
      definitions.set(declaration.prop, [...(definitions.get(declaration.prop) ?? []), declaration]);
    } else waiting.push(...(declaration.value.match(VARIABLE) ?? []));
  });
  waiting.push(...USED_IN_SCRIPT);
  const used = new Set<string>();
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (used.has(name)) continue;
    used.add(name);
    for (const each of definitions.get(name) ?? []) waiting.push(...(each.value.match(VARIABLE) ?? []));
  }
  for (const [name, all] of definitions) if (!used.has(name)) for (const each of all) each.remove();
}

// Variables that the component's script reads, to draw the oval and in its parts' properties.
const USED_IN_SCRIPT = [
  '--amplify-colors-background-primary',
  '--amplify-colors-border-secondary',
  '--amplify-font-sizes-large',
  '--amplify-font-weights-bold',
  '--amplify-space-medium',
  '--amplify-space-xl',
  '--amplify-space-zero',
];
