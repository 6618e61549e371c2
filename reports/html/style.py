"""How pages look: one sheet for large and small screens, light, dark and paper."""

# Pictures take their colours from here too, so that they follow the page into the dark.
INK, FAINT, GRID, PAPER = "--ink", "--faint", "--grid", "--paper"
SERIES = ("--series-1", "--series-2", "--series-3", "--series-4", "--series-5", "--series-6")

_DARK = """
  --paper: #14171c; --card: #1d2129; --ink: #e6e9ee; --faint: #a3acba; --grid: #3a414d; --accent: #7db4ff;
  --bad: #ff8d85; --bad-back: #3d1f20; --warn: #f2c14e; --warn-back: #382c12; --good: #7fd49a;
  --good-back: #17301f; --added-back: #2c2444;
  --series-1: #6ea8fe; --series-2: #f5a65b; --series-3: #6fd0a0; --series-4: #e58ac0; --series-5: #c3a6ff;
  --series-6: #d9c95b;
"""

_LIGHT = """
  --paper: #ffffff; --card: #f5f6f8; --ink: #1a1d23; --faint: #59616e; --grid: #d4d8df; --accent: #0b57b8;
  --bad: #a8201a; --bad-back: #fdeceb; --warn: #7a5200; --warn-back: #fdf3da; --good: #1c6b38;
  --good-back: #e6f5ea; --added-back: #f0eafc;
  --series-1: #2166ac; --series-2: #c55a11; --series-3: #1b7f5c; --series-4: #a8327d; --series-5: #6a3fb5;
  --series-6: #857600;
"""

_LAYOUT = """
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0 auto; padding: 1rem clamp(0.9rem, 3vw, 2rem) 4rem; max-width: 72rem;
  background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0.6rem 0 0.3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 0.7rem; padding-top: 0.5rem; border-top: 1px solid var(--grid);
  overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 1.4rem 0 0.4rem; overflow-wrap: anywhere; }
p, li { max-width: 46rem; overflow-wrap: anywhere; }
p { margin: 0.5rem 0; }
a { color: var(--accent); }
code { font: 0.9em ui-monospace, "DejaVu Sans Mono", "Liberation Mono", monospace; overflow-wrap: anywhere; }
pre { overflow-x: auto; font: 0.85rem/1.4 ui-monospace, "DejaVu Sans Mono", "Liberation Mono", monospace; }
.lead, figcaption, .note, footer { color: var(--faint); }
footer { margin-top: 3rem; border-top: 1px solid var(--grid); padding-top: 0.6rem; font-size: 0.85rem; }
nav ul { list-style: none; padding: 0; margin: 0.8rem 0 0; display: flex; flex-wrap: wrap;
  gap: 0.3rem 1.1rem; }
nav a { display: inline-block; padding: 0.2rem 0; }
.key-figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: 0.6rem;
  margin: 0.9rem 0; padding: 0; }
.key-figures > div { background: var(--card); border-radius: 0.5rem; padding: 0.6rem 0.8rem; }
.key-figures dt { color: var(--faint); font-size: 0.85rem; line-height: 1.3; }
.key-figures dd { margin: 0.1rem 0 0; font-size: 1.35rem; font-weight: 600; line-height: 1.3;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.key-figures small { display: block; font-size: 0.8rem; font-weight: 400; color: var(--faint); }
/* What is wider than the screen casts a shadow at the side where more of it is. */
.scroll { overflow-x: auto; margin: 0.7rem 0; }
.scroll, pre { background:
  linear-gradient(to right, var(--paper) 40%, transparent) 0 0 / 2.2rem 100% no-repeat local,
  linear-gradient(to left, var(--paper) 40%, transparent) 100% 0 / 2.2rem 100% no-repeat local,
  linear-gradient(to right, var(--grid), transparent) 0 0 / 0.9rem 100% no-repeat scroll,
  linear-gradient(to left, var(--grid), transparent) 100% 0 / 0.9rem 100% no-repeat scroll; }
.scroll:focus-visible { outline: 2px solid var(--accent); }
table { border-collapse: collapse; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--faint); padding: 0.2rem 0 0.4rem; }
th, td { padding: 0.3rem 0.8rem 0.3rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--grid); }
th { font-weight: 600; white-space: nowrap; }
td { max-width: 30rem; overflow-wrap: anywhere; }
td.number, th.number { text-align: right; white-space: nowrap; }
td.short { white-space: nowrap; }
td.long { min-width: 15rem; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr));
  gap: 1rem; }
figure { margin: 0.8rem 0; max-width: 40rem; }
figure.wide { max-width: none; }
figure.tall { max-width: 26rem; }
figure svg, figure img { display: block; width: 100%; height: auto; }
figure img { border-radius: 0.3rem; }
figcaption { font-size: 0.88rem; margin-top: 0.3rem; }
details { margin: 0.6rem 0; border: 1px solid var(--grid); border-radius: 0.5rem; padding: 0.1rem 0.8rem; }
summary { cursor: pointer; padding: 0.5rem 0; font-weight: 600; }
.finding { border-left: 0.35rem solid var(--grid); border-radius: 0.3rem; background: var(--card);
  padding: 0.5rem 0.9rem; margin: 0.7rem 0; }
.finding h3 { margin: 0.1rem 0 0.3rem; }
.finding.bad { border-color: var(--bad); background: var(--bad-back); }
.finding.warn { border-color: var(--warn); background: var(--warn-back); }
.finding.good { border-color: var(--good); background: var(--good-back); }
.badge { display: inline-block; font-size: 0.75rem; font-weight: 700; letter-spacing: 0.04em;
  color: var(--faint); text-transform: uppercase; margin-right: 0.6rem; }
.bad .badge { color: var(--bad); } .warn .badge { color: var(--warn); } .good .badge { color: var(--good); }
@media (min-width: 40rem) { .slices td:first-child { min-width: 9.5rem; } }
td.drawing { padding-top: 0.45rem; }
svg.whisker { display: block; width: min(180px, 33vw); height: auto; }
.whisker line { stroke: var(--series-1); stroke-width: 2; } .whisker circle { fill: var(--series-1); }
.whisker path { stroke: var(--series-1); stroke-width: 2; fill: none; }
.whisker .whole { stroke: var(--faint); stroke-width: 1; }
.drawn svg { display: block; max-width: none; font-size: 12px; fill: var(--ink); }
.matrix line { stroke: var(--grid); } .matrix .right { fill: var(--series-1); }
.matrix .wrong { fill: var(--series-2); } .matrix .row { text-anchor: end; }
.matrix .count { font-size: 9px; text-anchor: middle; } .matrix .strong { fill: var(--paper); }
.tiers text { font-size: 12.5px; } .tiers .axis { font-size: 10px; fill: var(--faint); }
.tiers line { stroke: var(--faint); } .tiers rect { fill: var(--series-1); fill-opacity: 0.22; }
.tiers .wrong rect { fill: var(--series-2); fill-opacity: 0.55; }
.tiers .missed rect { fill: var(--bad); fill-opacity: 0.45; }
.tiers .added rect { fill: var(--series-5); fill-opacity: 0.5; }
.utterance { border-top: 1px solid var(--grid); margin-top: 1.2rem; }
.aligned { display: flex; flex-wrap: wrap; gap: 0.35rem 0.1rem; margin: 0.6rem 0; }
.pair { display: inline-flex; flex-direction: column; text-align: center; min-width: 1.5rem;
  padding: 0 0.15rem; border-radius: 0.25rem; line-height: 1.35; }
.pair span + span { color: var(--faint); }
.pair.wrong, .pair.missed, .pair.added { border: 1px solid; font-weight: 600; }
.pair.wrong { background: var(--warn-back); border-color: var(--warn); }
.pair.missed { background: var(--bad-back); border-color: var(--bad); }
.pair.added { background: var(--added-back); border-color: var(--series-5); }
.pair.wrong span + span, .pair.missed span + span, .pair.added span + span { color: var(--ink); }
.gap { width: 0.8rem; }
.legend { max-width: none; }
.legend > span { display: inline-flex; align-items: center; gap: 0.4rem; margin: 0.2rem 1rem 0.2rem 0; }
audio { width: 100%; min-width: 11rem; max-width: 26rem; height: 2.4rem; display: block; }
"""

_PAPER = """
@page { margin: 15mm 14mm; }
@media print {
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  nav, audio { display: none; }
  a { color: inherit; text-decoration: none; }
  h2, h3 { break-after: avoid; }
  figure, .finding, tr, .key-figures > div { break-inside: avoid; }
  figure.tall svg { width: auto; max-width: 100%; max-height: 225mm; }
  .scroll { overflow: visible; }
  .drawn svg { max-width: 100%; height: auto; }
  .utterance, .drawn { break-inside: avoid; }
  table { font-size: 8.5pt; }
  td.long { min-width: 0; }
  .pictures { grid-template-columns: 1fr 1fr; }
  details { border: none; padding: 0; }
  details::details-content { content-visibility: visible; display: block; block-size: auto; opacity: 1; }
  details > summary { list-style: none; }
  thead { display: table-header-group; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""

# Paper is light, whatever the screen was.
SHEET = (
    f":root {{ color-scheme: light dark; {_LIGHT} }}\n"
    f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {_DARK} }} }}\n"
    f"{_LAYOUT}{_PAPER}"
)
