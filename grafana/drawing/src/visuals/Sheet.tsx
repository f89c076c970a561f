// The table panel.
import { Table } from '@grafana/ui';
import { Nothing, type VisualProps } from '../PanelView';

export function Sheet(props: VisualProps) {
  const { panel, frames, width, height } = props;
  const frame = frames[panel.options.frameIndex ?? 0];
  if (!frame?.length) {
    return <Nothing {...props} />;
  }
  return (
    <Table
      data={frame}
      width={width}
      height={height}
      noHeader={!panel.options.showHeader}
      initialSortBy={panel.options.sortBy}
      cellHeight={panel.options.cellHeight}
      resizable={false}
    />
  );
}
