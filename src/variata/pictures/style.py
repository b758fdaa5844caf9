"""The look of a report: one style sheet, nothing fetched from anywhere."""

from __future__ import annotations

CSS = """
:root { color-scheme: light dark; --paper: #f6f7f9; --card: #ffffff; --ink: #1f2328;
  --soft: #5c6672; --line: #dfe3e8; --accent: #2f7fc1; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --card: #1d2127; --ink: #e6e9ed;
  --soft: #9aa4b0; --line: #333a43; --accent: #6db3ea; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 980px; margin: 0 auto; padding: 40px 20px 64px; }
header { border-bottom: 2px solid var(--accent); padding-bottom: 14px; margin-bottom: 12px; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 1.25rem; margin: 0 0 10px; }
header p { margin: 6px 0 0; color: var(--soft); }
nav { margin: 14px 0 26px; display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 0.92rem; }
nav a { color: var(--accent); text-decoration: none; }
nav a:hover, nav a:focus { text-decoration: underline; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 22px 24px; margin: 18px 0; overflow-wrap: anywhere; }
section p { margin: 0 0 12px; max-width: 72ch; }
.cards { display: grid; gap: 12px; margin: 4px 0 16px;
  grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); }
.cards div { border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px;
  background: var(--paper); }
.cards dt { color: var(--soft); font-size: 0.82rem; }
.cards dd { margin: 2px 0 0; font-size: 1.35rem; font-weight: 600; line-height: 1.25;
  font-variant-numeric: tabular-nums; }
.cards small { display: block; font-size: 0.8rem; font-weight: 400; color: var(--soft); }
.wide { overflow-x: auto; margin: 4px 0 14px; }
table { border-collapse: collapse; width: 100%; font-size: 0.93rem;
  font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 7px 14px 7px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: normal; }
th { color: var(--soft); font-weight: 600; font-size: 0.84rem; border-bottom-width: 2px; }
.number { text-align: right; white-space: nowrap; }
tr > :last-child { padding-right: 0; }
figure { margin: 14px 0 18px; }
figure img { display: block; max-width: 100%; height: auto; background: #ffffff;
  border: 1px solid var(--line); border-radius: 8px; padding: 6px; margin: 0 auto; }
figcaption { color: var(--soft); font-size: 0.88rem; margin-top: 8px; text-align: center; }
@media print { body { background: none; } section { break-inside: avoid; } }
""".strip()
