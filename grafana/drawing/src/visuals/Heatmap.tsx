// The heat map panel: buckets of a histogram, or one row for each series; time by colour.
import { type Field, FieldType, getFieldDisplayName, getValueFormat, formattedValueToString } from '@grafana/data';
import { useTheme2 } from '@grafana/ui';
import * as chromatic from 'd3-scale-chromatic';
import { useMemo } from 'react';
import { Nothing, type VisualProps } from '../PanelView';
import { type Paint, Strips } from './Strips';

const LEGEND = 34;
const LIGHT_ENDS_DARK = ['Turbo', 'Cividis', 'Viridis', 'Magma', 'Inferno', 'Plasma', 'Warm', 'Cool'];

interface Row {
  name: string;
  times: number[];
  values: number[];
}

export function Heatmap(props: VisualProps) {
  const { panel, frames, timeRange, width, height } = props;
  const { color, yAxis, cellValues, filterValues, cellGap } = panel.options;
  const { colors } = useTheme2();
  const bounds = panel.targets.some((target) => target.format === 'heatmap');
  const rows: Row[] = useMemo(
    () =>
      frames.flatMap((frame) => {
        const time = frame.fields.find((field) => field.type === FieldType.time);
        const numbers = frame.fields.filter((field) => field.type === FieldType.number);
        return numbers.map((field: Field) => ({
          name: bounds ? bound(field.labels?.le, yAxis?.unit) : getFieldDisplayName(field, frame, frames),
          times: time!.values,
          values: field.values,
        }));
      }),
    [frames, bounds, yAxis]
  );
  const shown = rows.flatMap((row) => row.values).filter((value) => value > (filterValues?.le ?? -Infinity));
  const low = color.min ?? Math.min(...shown);
  const high = color.max ?? Math.max(...shown);
  const step = (panel.targets[0]?.step ?? 60) * 1000;
  const shade = useMemo(() => shades(color.scheme, color.steps ?? 64), [color]);
  const paint: Paint = (plot, band) =>
    rows.forEach((row, index) => {
      const { top, height: tall } = band(index);
      const gap = (cellGap ?? 1) * devicePixelRatio;
      row.times.forEach((time, place) => {
        const value = row.values[place];
        if (value > (filterValues?.le ?? -Infinity)) {
          const left = plot.valToPos(time - step, 'x', true);
          const right = plot.valToPos(time, 'x', true);
          plot.ctx.fillStyle = shade((value - low) / (high - low || 1));
          const wide = right - left > 3 * gap ? right - left - gap : right - left + 0.5;
          plot.ctx.fillRect(left, top, wide, Math.max(1, tall - gap));
        }
      });
    });
  if (!shown.length) {
    return <Nothing {...props} />;
  }
  const text = (value: number) => formattedValueToString(getValueFormat(cellValues?.unit)(value, cellValues?.decimals));
  const scale = Array.from({ length: 12 }, (_, place) => shade(place / 11)).join(', ');
  return (
    <div style={{ width, height }}>
      <Strips names={rows.map((row) => row.name)} rising={!yAxis?.reverse} {...{ timeRange, width, paint, bounds }} height={height - LEGEND} />
      <div style={{ display: 'flex', gap: 8, alignItems: 'center', padding: '8px 4px 0', fontSize: 12, color: colors.text.secondary }}>
        {text(low)}
        <span style={{ width: 180, height: 10, borderRadius: 2, background: `linear-gradient(to right, ${scale})` }} />
        {text(high)}
      </div>
    </div>
  );
}

function bound(le: string | undefined, unit: string | undefined): string {
  return le === undefined || le === '+Inf' ? '+Inf' : formattedValueToString(getValueFormat(unit)(Number(le)));
}

// On a dark page the least of a scheme is its dark end.
function shades(scheme: string, steps: number): (share: number) => string {
  const interpolate = (chromatic as unknown as Record<string, (x: number) => string>)[`interpolate${scheme}`];
  if (!interpolate) {
    throw new Error(`heat map: there is no colour scheme ${scheme}`);
  }
  const turned = !LIGHT_ENDS_DARK.includes(scheme);
  return (share) => {
    const place = Math.round(Math.min(1, Math.max(0, share)) * (steps - 1)) / (steps - 1);
    return interpolate(turned ? 1 - place : place);
  };
}
