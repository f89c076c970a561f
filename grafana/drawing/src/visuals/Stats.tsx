// The stat panel: one big value for each series, with its course behind it.
import { type FieldDisplay, VizOrientation, getFieldDisplayValues } from '@grafana/data';
import { BigValue, BigValueGraphMode, VizRepeater, useTheme2 } from '@grafana/ui';
import type { VisualProps } from '../PanelView';

export function Stats({ panel, frames, source, timeRange, width, height }: VisualProps) {
  const theme = useTheme2();
  const { options } = panel;
  const sparkline = options.graphMode !== BigValueGraphMode.None;
  const values = () =>
    getFieldDisplayValues({
      data: frames,
      fieldConfig: source,
      reduceOptions: options.reduceOptions,
      replaceVariables: (text) => text,
      theme,
      timeZone: 'utc',
      sparkline,
    });
  return (
    <VizRepeater<FieldDisplay>
      getValues={values}
      renderValue={({ value, count, ...size }) => (
        <BigValue
          value={value.display}
          count={count}
          sparkline={value.sparkline && { ...value.sparkline, timeRange }}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          textMode={options.textMode}
          text={options.text}
          disableWideLayout={!options.wideLayout}
          theme={theme}
          width={size.width}
          height={size.height}
        />
      )}
      width={width}
      height={height}
      source={frames}
      renderCounter={0}
      itemSpacing={3}
      orientation={options.orientation ?? VizOrientation.Auto}
      autoGrid
    />
  );
}
