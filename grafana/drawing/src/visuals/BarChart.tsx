// The bar chart panel: groups of bars, one group for each row of a table.
import { type Field, FieldType, formattedValueToString, getFieldDisplayName, getFieldSeriesColor } from '@grafana/data';
import { AxisPlacement, LegendDisplayMode, ScaleDirection, ScaleOrientation } from '@grafana/schema';
import { UPlotChart, UPlotConfigBuilder, VizLegend, measureText, useTheme2 } from '@grafana/ui';
import { useMemo } from 'react';
import { Nothing, type VisualProps } from '../PanelView';

const LEGEND = 30;

export function BarChart(props: VisualProps) {
  const { panel, frames, width, height } = props;
  const theme = useTheme2();
  const { options } = panel;
  const frame = frames.find((one) => one.length);
  const numbers = frame?.fields.filter((field) => field.type === FieldType.number) ?? [];
  const config = useMemo(
    () => frame && numbers.length && build(props, frame.fields, numbers, theme),
    // The page is drawn once.
    [] // eslint-disable-line
  );
  if (!frame || !config) {
    return <Nothing {...props} />;
  }
  const items = numbers.map((field) => ({
    label: getFieldDisplayName(field, frame, frames),
    color: getFieldSeriesColor(field, theme).color,
    yAxis: 1,
  }));
  const room = options.legend.showLegend ? LEGEND : 0;
  const data = [frame.fields[0].values.map((_, place) => place), ...numbers.map((field) => field.values)];
  return (
    <div style={{ width, height }}>
      <UPlotChart config={config} data={data as never} width={width} height={height - room} />
      {room > 0 && (
        <div style={{ padding: '4px 4px 0', height: LEGEND, overflow: 'hidden' }}>
          <VizLegend items={items} placement="bottom" displayMode={LegendDisplayMode.List} />
        </div>
      )}
    </div>
  );
}

function build({ panel: { options, fieldConfig } }: VisualProps, fields: Field[], numbers: Field[], theme: ReturnType<typeof useTheme2>) {
  const category = fields.find((field) => field.name === options.xField) ?? fields[0];
  const names = category.values.map((value: unknown) => short(String(value), options.xTickLabelMaxLength));
  const widest = Math.max(...names.map((name: string) => measureText(name, 12).width));
  const values = numbers.flatMap((field) => field.values).filter(Number.isFinite);
  const { min, max, custom } = fieldConfig.defaults;
  const builder = new UPlotConfigBuilder('utc');
  builder.addScale({
    scaleKey: 'x',
    orientation: ScaleOrientation.Horizontal,
    direction: ScaleDirection.Right,
    range: () => [-0.5, names.length - 0.5],
  });
  builder.addScale({
    scaleKey: 'y',
    orientation: ScaleOrientation.Vertical,
    direction: ScaleDirection.Up,
    range: () => [min ?? Math.min(0, ...values), max ?? Math.max(...values) * 1.05],
  });
  builder.addAxis({
    scaleKey: 'x',
    placement: AxisPlacement.Bottom,
    theme,
    grid: { show: false },
    ticks: { show: false },
    tickLabelRotation: -options.xTickLabelRotation,
    splits: () => names.map((_: string, place: number) => place),
    values: () => names,
    size: 20 + Math.abs(Math.sin((options.xTickLabelRotation * Math.PI) / 180)) * widest,
  });
  const formatValue = (value: number) => formattedValueToString(numbers[0].display!(value));
  builder.addAxis({ scaleKey: 'y', placement: AxisPlacement.Left, theme, formatValue });
  numbers.forEach(() => builder.addSeries({ scaleKey: 'y', theme, lineWidth: 0, showPoints: 'never' as never }));
  builder.addHook('draw', (plot) => {
    const { ctx } = plot;
    const group = (options.groupWidth ?? 0.7) * (options.barWidth ?? 0.97);
    ctx.save();
    ctx.globalAlpha = (custom?.fillOpacity ?? 80) / 100;
    numbers.forEach((field, series) => {
      ctx.fillStyle = getFieldSeriesColor(field, theme).color;
      field.values.forEach((value: number, place: number) => {
        const left = plot.valToPos(place - group / 2 + (group * series) / numbers.length, 'x', true);
        const right = plot.valToPos(place - group / 2 + (group * (series + 1)) / numbers.length, 'x', true);
        const top = plot.valToPos(value, 'y', true);
        ctx.fillRect(left + 1, top, Math.max(1, right - left - 2), plot.valToPos(0, 'y', true) - top);
      });
    });
    ctx.restore();
  });
  return builder;
}

function short(text: string, most?: number): string {
  return most && text.length > most ? `${text.slice(0, most)}...` : text;
}
