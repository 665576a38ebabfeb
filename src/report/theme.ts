/**
 * The looks of all figures: colours that are told apart with every kind of colour vision (Okabe and Ito) and stand on light and dark
 * paper, and a second channel, the marks' form, beside them. Text and lines have the colour of the page's text.
 */
import type { Config } from 'vega-lite'
import { policyNames } from '../eviction/registry.ts'

/** The page's colour of text. */
export const ink = 'currentColor'

export const themeConfig: Config = {
  background: 'transparent',
  font: 'system-ui, sans-serif',
  padding: 8,
  view: { stroke: 'transparent' },
  title: { color: ink, fontSize: 13, anchor: 'start', offset: 10 },
  axis: {
    labelColor: ink,
    titleColor: ink,
    domainColor: ink,
    tickColor: ink,
    gridColor: ink,
    gridOpacity: 0.14,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    titlePadding: 8,
  },
  legend: {
    labelColor: ink,
    titleColor: ink,
    labelFontSize: 12,
    labelLimit: 0,
    orient: 'bottom',
    title: null,
    symbolOpacity: 1,
  },
  header: { labelColor: ink, titleColor: ink, labelFontSize: 13, labelFontWeight: 'bold' },
  text: { color: ink, fontSize: 12 },
  rule: { color: ink },
}

/** The paper's own method in vermilion, the full cache in grey; the controls in blue and green. */
const named: Readonly<Record<string, string>> = {
  full: '#8a8a8a',
  dynts: '#d55e00',
  'dynts-diverse': '#cc79a7',
  'question-window': '#0a84c6',
  random: '#009e73',
  keydiff: '#e69f00',
}
const others = ['#56b4e9', '#b08900', '#7a6bd1', '#3f9c9c', '#a35d5d', '#6f8f3f']
const forms = ['circle', 'square', 'diamond', 'triangle-up', 'triangle-down', 'cross', 'triangle-right'] as const

interface Look {
  readonly colour: string
  readonly form: (typeof forms)[number]
}

/** Of policies, in the order in which they are drawn. The same policy looks the same in all pictures, whether its question is protected or not. */
export function policyLooks(policies: readonly string[]): { domain: string[]; colours: string[]; forms: string[] } {
  const domain = [...new Set(policies)]
  const known = [...Object.keys(named), ...policyNames().filter((name) => named[name] === undefined)]
  const own = [...new Set(domain.map(plainName))].filter((name) => !known.includes(name))
  const looks = domain.map((policy): Look => {
    const name = plainName(policy)
    const index = [...known, ...own].indexOf(name)
    return {
      colour: named[name] ?? others[index % others.length] ?? ink,
      form: forms[index % forms.length] ?? 'circle',
    }
  })
  return { domain, colours: looks.map(({ colour }) => colour), forms: looks.map(({ form }) => form) }
}

/** Pixels by which the i-th of n series stands beside its place, so that none hides another. */
export function besides(i: number, n: number): number {
  return 4 * (i - (n - 1) / 2)
}

function plainName(policy: string): string {
  return policy.replace(/[+, ].*$/, '')
}
