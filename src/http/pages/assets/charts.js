// Draws what a table beside it says, with uPlot, which is on the page as a script of its own: whoever sees no picture has the numbers.

const HEIGHT = 220;
const REDRAW_EVERY = 5000;
const dark = matchMedia("(prefers-color-scheme: dark)");
const colours = ["--part-1", "--part-4", "--part-2", "--part-3", "--part-5"];

function read(figure) {
  const table = figure.querySelector("table");
  const names = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
  const rows = [...table.querySelectorAll("tbody tr")].map((row) => {
    const [head, ...cells] = row.children;
    const label = head.textContent.trim();
    const x = Number(head.dataset.x ?? label);
    return { x, label, values: cells.map((cell) => Number(cell.dataset.n ?? cell.textContent.replaceAll(/[,\s%]/g, ""))) };
  });
  return { names, rows };
}

function draw(figure) {
  const { names, rows } = read(figure);
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

  const columns = names.slice(1).map((_, index) => rows.map((row) => row.values[index]));
  const shown = isStacked ? columns.map((_, index) => rows.map((row) => row.values.slice(0, index + 1).reduce((sum, value) => sum + value, 0))) : columns;
  const paths = { bar: () => uPlot.paths.bars({ size: [0.7, 48] }), steps: () => uPlot.paths.stepped({ align: 1 }) }[kind]?.();
  const series = names.slice(1).map((label, index) => {
    const stroke = colour(colours[index % colours.length]);
    const fill = kind === "bar" || isStacked ? stroke : kind === "area" ? stroke.replace("rgb(", "rgba(").replace(")", ", 0.15)") : undefined;
    return { label, stroke, fill, width: 2, paths, points: { show: false }, value: (_, __, ___, at) => (at === null ? "–" : String(columns[index][at])) };
  });
  const data = [rows.map((row, index) => (isCategory ? index : row.x)), ...shown];
  // What is stacked is drawn from the top, so that each part covers the foot of the one before.
  const order = isStacked ? series.map((_, index) => series.length - 1 - index) : series.map((_, index) => index);
  const clock = (_, at) => at.map((x) => new Date(1000 * x).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }));
  const category = (_, at) => at.map((index) => rows[index]?.label ?? "");
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
    series: [{ label: names[0], value: (_, value, __, at) => (at === null ? "–" : rows[at].label) }, ...order.map((index) => series[index])],
    cursor: { points: { size: 6 } },
    legend: { show: true },
  };
  const chart = new uPlot(options, [data[0], ...order.map((index) => data[index + 1])], plot);
  probe.remove();
  return chart;
}

for (const figure of document.querySelectorAll("[data-chart]")) {
  let chart = draw(figure);
  const anew = () => {
    chart?.destroy();
    chart = draw(figure);
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
    const body = figure.querySelector("tbody");
    const known = new Map([...body.rows].map((row) => [Number(row.cells[0].dataset.x), row]));
    for (const [x, ...values] of points) {
      const row = known.get(x) ?? newRow(body, x, values.length);
      values.forEach((value, index) => (row.cells[index + 1].textContent = value));
    }
    const from = points.at(-1)[0] - 3600;
    [...body.rows].filter((row) => Number(row.cells[0].dataset.x) <= from).forEach((row) => row.remove());
    anew();
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
