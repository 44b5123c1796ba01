// The checks as a tree: each node with its result, reasons, score and threshold. Trouble is open, the rest is closed.
import type { BreakdownNode, Reason } from '../../api/models';
import { useConsole } from '../../app/context';
import { spellWord, translateWord } from '../../i18n';
import { Badge } from '../../ui/Badge';
import { RESULT_TONES } from '../../ui/words';
import { reasonText } from './decisionForm';
import { formatScore } from './ScoreLine';

interface TreeProps {
  nodes: readonly BreakdownNode[];
  reasons: readonly Reason[];
}

export function BreakdownTree({ nodes, reasons }: TreeProps) {
  const { t } = useConsole();
  if (nodes.length === 0) return <p className="empty">{t('tree.empty')}</p>;
  return (
    <ul className="tree">
      {nodes.map((node) => (
        <TreeNode key={node.node} node={node} reasons={reasons} />
      ))}
    </ul>
  );
}

/** Whether a node or one below it needs a look. */
export const hasTrouble = (node: BreakdownNode): boolean =>
  node.result === 'fail' || node.result === 'warn' || node.result === 'unknown' || (node.children ?? []).some(hasTrouble);

function TreeNode({ node, reasons }: { node: BreakdownNode; reasons: readonly Reason[] }) {
  const children = node.children ?? [];
  if (children.length === 0) {
    return (
      <li className="leaf">
        <NodeLine node={node} reasons={reasons} />
      </li>
    );
  }
  return (
    <li>
      <details open={hasTrouble(node)}>
        <summary>
          <NodeLine node={node} reasons={reasons} />
        </summary>
        <ul className="tree">
          {children.map((child) => (
            <TreeNode key={child.node} node={child} reasons={reasons} />
          ))}
        </ul>
      </details>
    </li>
  );
}

function NodeLine({ node, reasons }: { node: BreakdownNode; reasons: readonly Reason[] }) {
  const ui = useConsole();
  const name = translateWord(ui, 'tree', node.node);
  const last = node.node.split('.').at(-1) ?? node.node;
  const texts = node.reasons.map((code) => {
    const reason = reasons.find((each) => each.code === code);
    return reason ? reasonText(reason, 'internal', ui.language) : spellWord(code);
  });
  const hasScore = node.score !== null && node.score !== undefined && node.score !== '';
  return (
    <span className="node">
      <span>{name === spellWord(node.node) ? spellWord(last) : name}</span>
      <Badge tone={RESULT_TONES[node.result] ?? 'plain'}>{translateWord(ui, 'verdict', node.result)}</Badge>
      {hasScore && <span className="fine">{ui.t('faces.score', { score: formatScore(node.score), threshold: formatScore(node.threshold) })}</span>}
      {texts.length > 0 && <span className="node-reasons">{texts.join(' · ')}</span>}
    </span>
  );
}
