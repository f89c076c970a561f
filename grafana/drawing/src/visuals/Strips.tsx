// A row for each name over time, painted by whoever uses it: what heat maps and state timelines have in common.
import { AxisPlacement, ScaleDirection, ScaleOrientation } from '@grafana/schema';
import type { TimeRange } from '@grafana/data';
import { UPlotChart, UPlotConfigBuilder, measureText, useTheme2 } from '@grafana/ui';
import { useMemo } from 'react';
import type uPlot from 'uplot';

export type Paint = (plot: uPlot, band: (row: number) => { top: number; height: number }) => void;

interface Props {
  names: string[];
  timeRange: TimeRange;
  width: number;
  height: number;
  paint: Paint;
  /** The first name is at the bottom. */
  rising?: boolean;
  /** Names stand on the upper edge of their row: each is the bound of what the row holds. */
  bounds?: boolean;
}

export function Strips({ names, timeRange, width, height, paint, rising = false, bounds = false }: Props) {
  const theme = useTheme2();
  const config = useMemo(() => {
    const builder = new UPlotConfigBuilder('utc');
    const count = names.length;
    const direction = rising ? ScaleDirection.Up : ScaleDirection.Down;
    const every = Math.ceil(count / Math.max(1, Math.floor(height / 18)));
    const shown = names.map((name, row) => (row % every === 0 ? name : ''));
    const widest = Math.max(...names.map((name) => measureText(name, 12).width));
    builder.addScale({
      scaleKey: 'x',
      isTime: true,
      orientation: ScaleOrientation.Horizontal,
      direction: ScaleDirection.Right,
      range: () => [timeRange.from.valueOf(), timeRange.to.valueOf()],
    });
    builder.addScale({ scaleKey: 'y', orientation: ScaleOrientation.Vertical, direction, range: () => [0, count] });
    builder.addAxis({ scaleKey: 'x', isTime: true, placement: AxisPlacement.Bottom, timeZone: 'utc', theme, grid: { show: false } });
    builder.addAxis({
      scaleKey: 'y',
      placement: AxisPlacement.Left,
      theme,
      size: Math.min(widest + 18, width / 3),
      grid: { show: false },
      ticks: { show: false },
      splits: () => names.map((_, row) => row + (bounds ? 1 : 0.5)),
      values: () => shown,
    });
    builder.addSeries({ scaleKey: 'y', theme, show: true, lineWidth: 0, showPoints: 'never' as never });
    builder.addHook('draw', (plot) => {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      paint(plot, (row) => {
        const edges = [plot.valToPos(row, 'y', true), plot.valToPos(row + 1, 'y', true)].sort((a, b) => a - b);
        return { top: edges[0], height: edges[1] - edges[0] };
      });
      ctx.restore();
    });
    return builder;
  }, [names, timeRange, width, height, paint, rising, bounds, theme]);
  const ends = [timeRange.from.valueOf(), timeRange.to.valueOf()];
  return <UPlotChart config={config} data={[ends, [null, null]]} width={width} height={height} />;
}
