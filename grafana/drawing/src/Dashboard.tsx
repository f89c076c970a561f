// The page: title, variables, and panels on Grafana's grid of 24 columns.
import { dateTimeFormat } from '@grafana/data';
import { useTheme2 } from '@grafana/ui';
import { PanelView } from './PanelView';
import type { Prepared } from './data';
import type { Scene } from './scene';

const WIDTH = 1600;
const MARGIN = 8;
const EDGE = 16;
const CELL = 30;
const COLUMN = (WIDTH - 2 * EDGE + MARGIN) / 24;

export function Dashboard({ scene, prepared }: { scene: Scene; prepared: Prepared[] }) {
  const bottom = Math.max(...scene.panels.map(({ gridPos: { y, h } }) => y + h));
  return (
    <div style={{ width: WIDTH, padding: `12px ${EDGE}px ${EDGE}px`, boxSizing: 'border-box' }}>
      <Head scene={scene} />
      <div style={{ position: 'relative', height: bottom * (CELL + MARGIN) - MARGIN }}>
        {scene.panels.map((panel, index) => {
          const { x, y, w, h } = panel.gridPos;
          const box = { width: w * COLUMN - MARGIN, height: h * (CELL + MARGIN) - MARGIN };
          return (
            <div key={index} style={{ position: 'absolute', left: x * COLUMN, top: y * (CELL + MARGIN), ...box }}>
              <PanelView panel={panel} prepared={prepared[index]} scene={scene} {...box} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Head({ scene }: { scene: Scene }) {
  const { colors, typography, shape } = useTheme2();
  const format = (time: number) => dateTimeFormat(time, { timeZone: 'utc', format: 'YYYY-MM-DD HH:mm' });
  const box = {
    border: `1px solid ${colors.border.medium}`,
    borderRadius: shape.radius.default,
    padding: '3px 8px',
    background: colors.background.primary,
  };
  return (
    <div style={{ display: 'flex', gap: 16, alignItems: 'center', marginBottom: 12, flexWrap: 'wrap' }}>
      <span style={{ ...typography.h4, margin: 0 }}>{scene.title}</span>
      {scene.variables.map(({ name, label, text }) => (
        <span key={name} style={typography.bodySmall}>
          <span style={{ color: colors.text.secondary, marginRight: 6 }}>{label}</span>
          <span style={box}>{text || 'None'}</span>
        </span>
      ))}
      <span style={{ flexGrow: 1 }} />
      <span style={{ ...typography.bodySmall, ...box }}>
        {format(scene.start)} to {format(scene.end)} UTC
      </span>
    </div>
  );
}
