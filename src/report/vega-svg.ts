/** Vega-Lite specifications as SVG, drawn without a browser. */
import type { TopLevelSpec } from 'vega-lite'

/** @returns the text of an SVG file; the same specification gives the same text */
export async function vegaSvg(specification: TopLevelSpec): Promise<string> {
  // Loaded here, because drawing libraries are large and most commands draw nothing.
  const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')])
  const { spec } = vegaLite.compile(specification)
  const view = new vega.View(vega.parse(spec), { renderer: 'none', logLevel: vega.Error })
  try {
    return await view.toSVG()
  } finally {
    view.finalize()
  }
}
