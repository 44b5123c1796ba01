// A check's score with the threshold that it was held against and the engine that gave it, never a percentage alone.
import type { ReviewCheck } from '../../api/models';
import { useConsole } from '../../app/context';
import { translateWord } from '../../i18n';
import { Badge } from '../../ui/Badge';
import { RESULT_TONES } from '../../ui/words';

export const formatScore = (score: number | string | null | undefined): string => {
  if (score === null || score === undefined || score === '') return '–';
  const value = Number(score);
  return Number.isNaN(value) ? String(score) : value.toFixed(value > 1.5 ? 1 : 3);
};

export function ScoreLine({ check }: { check: ReviewCheck }) {
  const ui = useConsole();
  const tone = RESULT_TONES[check.outcome as keyof typeof RESULT_TONES] ?? 'plain';
  return (
    <div className="score">
      <strong>{translateWord(ui, 'check', check.check)}</strong>
      <Badge tone={tone}>{translateWord(ui, 'verdict', check.outcome)}</Badge>
      <span>{ui.t('faces.score', { score: formatScore(check.score), threshold: formatScore(check.threshold) })}</span>
      <span className="fine">{ui.t('faces.engine', { engine: check.engine || '–' })}</span>
    </div>
  );
}
