/** The names and looks of what is kept of a thinking, the same in all figures. */
export const readingTitles = { text: 'fed again as text', cells: 'cells kept in place' } as const

/** Okabe and Ito, as the theme's policies; what corresponds to one of them has its colour. */
export const keptLooks = {
  full: ['#8a8a8a', 'triangle-down'],
  top: ['#d55e00', 'circle'],
  bottom: ['#0a84c6', 'square'],
  random: ['#009e73', 'triangle-up'],
  newest: ['#e69f00', 'diamond'],
  predicted: ['#cc79a7', 'cross'],
} as const
