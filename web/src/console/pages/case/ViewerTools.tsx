// The viewer's buttons and sliders.
import { useConsole } from '../../app/context';
import { type ConsoleIcon, Icon } from '../../ui/icons';
import type { ViewerAct, ViewerState } from './viewerState';

interface Switch {
  isOn: boolean;
  toggle: () => void;
}

interface ViewerToolsProps {
  view: ViewerState;
  act: (act: ViewerAct) => void;
  zoomStep: number;
  fit: number;
  pan: (dx: number, dy: number) => void;
  loupe: Switch;
  boxes: Switch | null;
}

export function ViewerTools({ view, act, zoomStep, fit, pan, loupe, boxes }: ViewerToolsProps) {
  const { t } = useConsole();
  return (
    <div className="viewer-tools" role="toolbar" aria-label={t('viewer.tools')}>
      <span className="tool-group">
        <Tool icon="minus" label={t('keys.zoom_out')} keys="-" onPress={() => act({ kind: 'zoom', by: 1 / zoomStep })} />
        <span className="zoom-text" aria-live="polite">
          {Math.round(view.zoom * fit * 100)} %
        </span>
        <Tool icon="plus" label={t('keys.zoom_in')} keys="+" onPress={() => act({ kind: 'zoom', by: zoomStep })} />
        <Tool icon="fit" label={t('keys.fit')} keys="0" onPress={() => act({ kind: 'fit' })} />
        <Tool icon="actual" label={t('viewer.actual')} onPress={() => act({ kind: 'actual', fit })} />
      </span>
      <span className="tool-group">
        <Tool icon="left" label={t('viewer.left')} onPress={() => pan(1, 0)} />
        <Tool icon="right" label={t('viewer.right')} onPress={() => pan(-1, 0)} />
        <Tool icon="up" label={t('viewer.up')} onPress={() => pan(0, 1)} />
        <Tool icon="down" label={t('viewer.down')} onPress={() => pan(0, -1)} />
      </span>
      <span className="tool-group">
        <Tool icon="rotate" label={t('keys.rotate')} keys="r" onPress={() => act({ kind: 'turn', by: 1 })} />
        <Tool icon="mirror" label={t('viewer.mirror')} isOn={view.isMirrored} onPress={() => act({ kind: 'mirror' })} />
        <Tool icon="invert" label={t('keys.invert')} keys="i" isOn={view.isInverted} onPress={() => act({ kind: 'invert' })} />
        <Tool icon="loupe" label={t('viewer.loupe')} isOn={loupe.isOn} onPress={loupe.toggle} />
        {boxes && <Tool icon="boxes" label={t('viewer.boxes')} isOn={boxes.isOn} onPress={boxes.toggle} />}
      </span>
      <span className="tool-group sliders">
        <LightSlider kind="brightness" view={view} act={act} />
        <LightSlider kind="contrast" view={view} act={act} />
        <button type="button" className="button quiet" onClick={() => act({ kind: 'reset' })}>
          {t('viewer.reset')}
        </button>
      </span>
    </div>
  );
}

function Tool({ icon, label, keys, isOn, onPress }: { icon: ConsoleIcon; label: string; keys?: string; isOn?: boolean; onPress: () => void }) {
  return (
    <button type="button" className="button secondary icon-button" aria-label={label} aria-pressed={isOn} aria-keyshortcuts={keys} title={keys ? `${label} (${keys})` : label} onClick={onPress}>
      <Icon name={icon} />
    </button>
  );
}

function LightSlider({ kind, view, act }: { kind: 'brightness' | 'contrast'; view: ViewerState; act: (act: ViewerAct) => void }) {
  const { t } = useConsole();
  const id = `viewer-${kind}`;
  return (
    <label className="light" htmlFor={id}>
      <span>{t(`viewer.${kind}`)}</span>
      <input id={id} type="range" min={20} max={300} step={10} value={view[kind]} onChange={(event) => act({ kind, value: Number(event.target.value) })} />
    </label>
  );
}
