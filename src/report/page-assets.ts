/** What stands in the report's HTML file besides its figures. */

export const pageStyle = `
:root { color-scheme: light dark; --paper: #fff; --page: #f6f7f9; --text: #1a1a1a; --muted: #5a6069; --line: #dfe3e8; --link: #0a5c93 }
@media (prefers-color-scheme: dark) { :root { --paper: #16181d; --page: #101216; --text: #f2f2f2; --muted: #a7aeb8; --line: #2c3139; --link: #7cc4f0 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--text); font: 1rem/1.55 system-ui, sans-serif }
header, main { max-width: 56rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.7rem; line-height: 1.2 }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .4rem }
p { margin: .3rem 0 }
a { color: var(--link) }
.made, .settings, .paper { color: var(--muted); font-size: .9rem }
.made { padding-left: 1.1rem }
nav ol { padding-left: 1.3rem; columns: 18rem; font-size: .95rem }
figure { margin: 1rem 0; padding: 1rem; background: var(--paper); border: 1px solid var(--line); border-radius: 10px }
.picture, .scrolls { overflow-x: auto }
.picture svg { display: block; min-width: 34rem; max-width: 100%; height: auto; color: var(--text) }
figcaption { margin: .6rem 0; font-size: .95rem }
.files, summary { font-size: .9rem }
.files { margin: .4rem 0 }
.files button, .files a { display: inline-block; min-height: 1.75rem; padding: .1rem .7rem; border: 1px solid var(--muted); border-radius: 6px; background: none; color: inherit; font: inherit; text-decoration: none; cursor: pointer }
summary { cursor: pointer; min-height: 1.5rem }
@media (max-width: 40rem) { .picture svg { min-width: 0 } .picture:not(.narrow) svg { max-width: none } figure { padding: .6rem } }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums }
th, td { padding: .15rem .7rem .15rem 0; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px }
@media print { :root { color-scheme: light; --paper: #fff; --page: #fff; --text: #000; --muted: #444; --line: #ccc } .files, nav, details:not([open]) { display: none } figure { break-inside: avoid; border: 0; padding: 0 } }
`

/** Saves a picture as it is seen on white paper: the colour of text is the page's. */
export const pageScript = `
for (const button of document.querySelectorAll('[data-save]')) button.addEventListener('click', () => {
  const figure = button.closest('figure')
  const svg = figure.querySelector('svg')
  const { width, height } = svg.viewBox.baseVal
  const copy = svg.cloneNode(true)
  copy.setAttribute('width', width)
  copy.setAttribute('height', height)
  const text = new XMLSerializer().serializeToString(copy).replaceAll('currentColor', '#1a1a1a')
    .replace(/^<svg([^>]*)>/, '<svg$1><rect width="100%" height="100%" fill="#ffffff"/>')
  const save = (blob, ending) => {
    const link = document.createElement('a')
    link.href = URL.createObjectURL(blob)
    link.download = figure.id + ending
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 1000)
  }
  const blob = new Blob([text], { type: 'image/svg+xml' })
  if (button.dataset.save === 'svg') return save(blob, '.svg')
  const image = new Image()
  image.onload = () => {
    const canvas = document.createElement('canvas')
    canvas.width = 2 * width
    canvas.height = 2 * height
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height)
    canvas.toBlob((png) => save(png, '.png'))
  }
  image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(text)
})
`
