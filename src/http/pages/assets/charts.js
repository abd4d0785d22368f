// Draws what a table beside it says, with uPlot, which is on the page as a script of its own: whoever sees no picture has the numbers.

// It is a script of its own, and may come later than this one.
if (!globalThis.uPlot) {
  await new Promise((loaded) => document.querySelector('script[src$="/uplot.js"]').addEventListener("load", loaded));
}

const HEIGHT = 220;
const REDRAW_EVERY = 5000;
const dark = matchMedia("(prefers-color-scheme: dark)");
const colours = ["--part-1", "--part-4", "--part-2", "--part-3", "--part-5"];

function read(figure) {
  // Not the legend, which is one as well.
  const table = figure.querySelector("details table");
  const names = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
  const rows = [...table.querySelectorAll("tbody tr")].map((row) => {
    const [head, ...cells] = row.children;
    const label = head.textContent.trim();
    const x = Number(head.dataset.x ?? label);
    return { x, label, values: cells.map((cell) => Number(cell.dataset.n ?? cell.textContent.replaceAll(/[,\s%]/g, ""))) };
  });
  return { names, rows };
}

// What was read of a figure's table is in `shown`, so that what is drawn can be drawn on with other rows.
function draw(figure, shown) {
  const { names, rows } = shown;
  if (rows.length === 0) {
    return;
  }
  const style = getComputedStyle(document.body);
  const colour = (name) => {
    // A canvas does not know light-dark(): the browser resolves it on an element.
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const probe = document.createElement("span");
  figure.append(probe);
  const [text, line] = [colour("--muted"), colour("--line")];
  const kind = figure.dataset.kind ?? "line";
  const isTime = (figure.dataset.axis ?? (figure.dataset.xUnit ? "number" : "time")) === "time";
  const isCategory = figure.dataset.axis === "category";
  const isStacked = "stacked" in figure.dataset;

  const paths = { bar: () => uPlot.paths.bars({ size: [0.7, 48] }), steps: () => uPlot.paths.stepped({ align: 1 }) }[kind]?.();
  const series = names.slice(1).map((label, index) => {
    const stroke = colour(colours[index % colours.length]);
    const fill = kind === "bar" || isStacked ? stroke : kind === "area" ? stroke.replace("rgb(", "rgba(").replace(")", ", 0.15)") : undefined;
    return { label, stroke, fill, width: 2, paths, points: { show: false }, value: (_, __, ___, at) => (at === null ? "–" : String(shown.rows[at].values[index])) };
  });
  // What is stacked is drawn from the top, so that each part covers the foot of the one before.
  const order = ordered(figure, series.length);
  const clock = (_, at) => at.map((x) => new Date(1000 * x).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }));
  const category = (_, at) => at.map((index) => shown.rows[index]?.label ?? "");
  const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: `12px ${style.fontFamily}` };
  const plot = figure.querySelector(".plot") ?? document.createElement("div");
  plot.className = "plot";
  plot.setAttribute("aria-hidden", "true");
  plot.replaceChildren();
  figure.querySelector("details").before(plot);
  const options = {
    width: plot.clientWidth,
    height: HEIGHT,
    scales: { x: { time: isTime, range: isCategory ? (_, from, to) => [from - 0.6, to + 0.6] : undefined }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
    axes: [{ ...axis, values: isCategory ? category : isTime ? clock : undefined, incrs: isTime ? [60, 300, 600, 900, 1800, 3600, 7200, 21600, 86400] : undefined }, { ...axis, size: 48 }],
    series: [{ label: names[0], value: (_, value, __, at) => (at === null ? "–" : shown.rows[at].label) }, ...order.map((index) => series[index])],
    cursor: { points: { size: 6 } },
    legend: { show: true },
  };
  const chart = new uPlot(options, data(figure, shown), plot);
  probe.remove();
  return chart;
}

function ordered(figure, length) {
  const order = Array.from({ length }, (_, index) => index);
  return "stacked" in figure.dataset ? order.reverse() : order;
}

// The columns as uPlot takes them, the x first.
function data(figure, { names, rows }) {
  const isStacked = "stacked" in figure.dataset;
  const isCategory = figure.dataset.axis === "category";
  const sum = (values) => values.reduce((sum, value) => sum + value, 0);
  const columns = names.slice(1).map((_, index) => rows.map(({ values }) => (isStacked ? sum(values.slice(0, index + 1)) : values[index])));
  const x = rows.map((row, index) => (isCategory ? index : row.x));
  return [x, ...ordered(figure, columns.length).map((index) => columns[index])];
}

for (const figure of document.querySelectorAll("[data-chart]")) {
  const shown = read(figure);
  let chart = draw(figure, shown);
  const anew = () => {
    chart?.destroy();
    Object.assign(shown, read(figure));
    chart = draw(figure, shown);
  };
  dark.addEventListener("change", anew);
  new ResizeObserver(() => chart?.setSize({ width: figure.querySelector(".plot").clientWidth, height: HEIGHT })).observe(figure);
  // Points that came since: into the table, which is drawn anew, once in five seconds.
  let came = [];
  figure.addEventListener("points", ({ detail }) => {
    if (came.push(...detail) === detail.length) {
      setTimeout(() => {
        take(came);
        came = [];
      }, REDRAW_EVERY);
    }
  });
  const take = (points) => {
    const body = figure.querySelector("details tbody");
    const known = new Map([...body.rows].map((row) => [Number(row.cells[0].dataset.x), row]));
    for (const [x, ...values] of points) {
      const row = known.get(x) ?? newRow(body, x, values.length);
      values.forEach((value, index) => (row.cells[index + 1].textContent = value));
    }
    const from = points.at(-1)[0] - 3600;
    [...body.rows].filter((row) => Number(row.cells[0].dataset.x) <= from).forEach((row) => row.remove());
    if (!chart) {
      anew();
      return;
    }
    Object.assign(shown, read(figure));
    chart.setData(data(figure, shown));
  };
}

function newRow(body, x, length) {
  const row = body.insertRow();
  const head = document.createElement("th");
  head.scope = "row";
  head.dataset.x = x;
  head.textContent = new Date(1000 * x).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  row.append(head);
  for (let index = 0; index < length; index += 1) {
    row.insertCell();
  }
  return row;
}
