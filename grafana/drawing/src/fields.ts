// Which field options and transformations there are: Grafana's server registers them, here nobody else does.
import {
  FieldConfigOptionsRegistry,
  type FieldConfigPropertyItem,
  type FieldConfigSource,
  booleanOverrideProcessor,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';

const STANDARD: Record<string, (value: any, context: any, settings?: any) => any> = {
  unit: unitOverrideProcessor,
  min: numberOverrideProcessor,
  max: numberOverrideProcessor,
  decimals: numberOverrideProcessor,
  displayName: displayNameOverrideProcessor,
  noValue: stringOverrideProcessor,
  thresholds: thresholdsOverrideProcessor,
  mappings: valueMappingsOverrideProcessor,
  color: identityOverrideProcessor,
  links: dataLinksOverrideProcessor,
  fieldMinMax: booleanOverrideProcessor,
  filterable: booleanOverrideProcessor,
};

export function register() {
  const known = Object.entries(STANDARD).map(([id, process]) => item(id, process));
  standardFieldConfigEditorRegistry.setInit(() => known);
  const unique = new Map(Object.values(standardTransformers).map((one) => [one.id, one]));
  standardTransformersRegistry.setInit(() =>
    [...unique.values()].map((one) => ({
      id: one.id,
      name: one.name,
      editor: () => null,
      imageDark: '',
      imageLight: '',
      transformation: () => Promise.resolve(one),
    }))
  );
}

// The options of this panel: the standard ones, and each `custom.…` that it speaks of. Throws on one that nobody knows.
export function registryOf(source: FieldConfigSource): FieldConfigOptionsRegistry {
  const spoken = source.overrides.flatMap((rule) => rule.properties.map((property) => property.id));
  const custom = new Set([
    ...Object.keys(source.defaults.custom ?? {}),
    ...spoken.filter((id) => id.startsWith('custom.')).map((id) => id.slice('custom.'.length)),
  ]);
  const unknown = [...spoken, ...Object.keys(source.defaults)].filter(
    (id) => id !== 'custom' && !id.startsWith('custom.') && !(id in STANDARD)
  );
  if (unknown.length) {
    throw new Error(`field options that are not known here: ${unknown.join(', ')}`);
  }
  const items = Object.entries(STANDARD).map(([id, process]) => item(id, process));
  return new FieldConfigOptionsRegistry(() => [
    ...items,
    ...[...custom].map((path) => ({ ...item(`custom.${path}`, identityOverrideProcessor), path, isCustom: true })),
  ]);
}

function item(id: string, process: FieldConfigPropertyItem['process']): FieldConfigPropertyItem {
  const editor = () => null;
  return { id, path: id, name: id, editor, override: editor, process, shouldApply: () => true };
}
