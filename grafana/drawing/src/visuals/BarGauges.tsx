// The bar gauge panel: one bar for each series.
import {
  type DisplayValueAlignmentFactors,
  type FieldDisplay,
  VizOrientation,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
} from '@grafana/data';
import { BarGauge, VizRepeater, useTheme2 } from '@grafana/ui';
import { Nothing, type VisualProps } from '../PanelView';

export function BarGauges(props: VisualProps) {
  const { panel, frames, source, width, height } = props;
  const theme = useTheme2();
  const { options } = panel;
  if (!frames.some((frame) => frame.length)) {
    return <Nothing {...props} />;
  }
  const values = () =>
    getFieldDisplayValues({
      data: frames,
      fieldConfig: source,
      reduceOptions: options.reduceOptions,
      replaceVariables: (text) => text,
      theme,
      timeZone: 'utc',
    });
  return (
    <VizRepeater<FieldDisplay, DisplayValueAlignmentFactors>
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      getValues={values}
      renderValue={({ value, alignmentFactors, orientation, count, ...size }) => (
        <BarGauge
          value={value.display}
          field={value.field}
          display={value.view?.getFieldDisplayProcessor(value.colIndex!)}
          alignmentFactors={alignmentFactors}
          orientation={orientation}
          displayMode={options.displayMode}
          valueDisplayMode={options.valueMode}
          namePlacement={options.namePlacement}
          showUnfilled={options.showUnfilled}
          text={options.text}
          theme={theme}
          itemSpacing={8}
          {...size}
        />
      )}
      width={width}
      height={height}
      source={frames}
      renderCounter={0}
      itemSpacing={8}
      minVizWidth={options.minVizWidth}
      minVizHeight={options.minVizHeight}
      maxVizHeight={options.maxVizHeight}
      orientation={options.orientation ?? VizOrientation.Auto}
    />
  );
}
