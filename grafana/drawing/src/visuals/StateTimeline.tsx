// The state timeline panel: a row for each series, a block for each stretch that has one state.
import { type DataFrame, type DisplayValue, FieldType, type GrafanaTheme2, getFieldDisplayName } from '@grafana/data';
import { LegendDisplayMode } from '@grafana/schema';
import { VizLegend, type VizLegendItem, useTheme2 } from '@grafana/ui';
import { Nothing, type VisualProps } from '../PanelView';
import { type Paint, Strips } from './Strips';

const LEGEND = 30;

interface Block {
  start: number;
  end: number;
  state: DisplayValue;
}

export function StateTimeline(props: VisualProps) {
  const { panel, frames, timeRange, width, height } = props;
  const theme = useTheme2();
  const step = (panel.targets[0]?.step ?? 60) * 1000;
  const rows = frames.flatMap((frame) => blocksOf(frame, frames, step));
  if (!rows.length) {
    return <Nothing {...props} />;
  }
  const { fillOpacity = 70 } = panel.fieldConfig.defaults.custom ?? {};
  const legend = panel.options.legend.showLegend ? items(rows.flatMap((row) => row.blocks), theme) : [];
  const paint: Paint = (plot, band) => {
    const { ctx } = plot;
    ctx.textBaseline = 'middle';
    ctx.textAlign = 'left';
    ctx.font = `${12 * devicePixelRatio}px ${theme.typography.fontFamily}`;
    rows.forEach((row, index) => {
      const { top, height: tall } = band(index);
      const inner = tall * (panel.options.rowHeight ?? 0.9);
      for (const { start, end, state } of row.blocks) {
        const left = plot.valToPos(start, 'x', true);
        const wide = plot.valToPos(end, 'x', true) - left;
        ctx.globalAlpha = fillOpacity / 100;
        ctx.fillStyle = state.color ?? theme.colors.text.secondary;
        ctx.fillRect(left, top + (tall - inner) / 2, wide, inner);
        ctx.globalAlpha = 1;
        const fits = ctx.measureText(state.text).width + 8 < wide && inner > 14 * devicePixelRatio;
        if (panel.options.showValue !== 'never' && fits) {
          ctx.fillStyle = theme.colors.text.maxContrast;
          ctx.fillText(state.text, left + 6, top + tall / 2);
        }
      }
    });
  };
  const room = legend.length ? LEGEND : 0;
  return (
    <div style={{ width, height }}>
      <Strips names={rows.map((row) => row.name)} {...{ timeRange, width, paint }} height={height - room} />
      {legend.length > 0 && (
        <div style={{ padding: '4px 4px 0', height: LEGEND, overflow: 'hidden' }}>
          <VizLegend items={legend} placement="bottom" displayMode={LegendDisplayMode.List} />
        </div>
      )}
    </div>
  );
}

function blocksOf(frame: DataFrame, frames: DataFrame[], step: number) {
  const time = frame.fields.find((field) => field.type === FieldType.time);
  return frame.fields
    .filter((field) => field.type === FieldType.number)
    .map((field) => {
      const blocks: Block[] = [];
      field.values.forEach((value: number, place: number) => {
        const start = time!.values[place];
        const state = field.display!(value);
        const shown = { ...state, text: text(state) };
        const last = blocks.at(-1);
        if (last && last.state.text === shown.text && last.state.color === shown.color && start - last.end <= step) {
          last.end = start + step;
        } else {
          blocks.push({ start, end: start + step, state: shown });
        }
      });
      return { name: getFieldDisplayName(field, frame, frames), blocks };
    });
}

function text({ prefix = '', text: middle, suffix = '' }: DisplayValue): string {
  return `${prefix}${middle}${suffix}`;
}

// One entry for each state that is there to be seen.
function items(blocks: Block[], theme: GrafanaTheme2): VizLegendItem[] {
  const seen = new Map(blocks.map(({ state }) => [`${state.text}${state.color}`, state]));
  const ordered = [...seen.values()].sort((a, b) => a.numeric - b.numeric);
  return ordered.map((state) => ({ label: state.text, color: state.color ?? theme.colors.text.secondary, yAxis: 1 }));
}

