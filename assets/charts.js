// Charts out of tables. A page writes
//
//   <figure class="chart" data-kind="line|bar" data-min="0" data-max="100" data-unit="%">
//     <details><summary>…</summary><table>
//       <thead><tr><th>…</th><th data-series>Mean</th>…</tr></thead>
//       <tbody><tr><th>2026-11-18</th><td data-value="8.8">8.8</td>…</tr></tbody>
//     </table></details>
//   </figure>
//
// The first column is the axis; a column with data-series is a series, a cell without data-value a gap. Without script, and for who reads by ear, the table stays.
(function () {
  "use strict";

  function colours() {
    var style = getComputedStyle(document.documentElement);
    var get = function (name) { return style.getPropertyValue(name).trim(); };
    return { series: [get("--complete"), get("--refusal"), get("--away"), get("--bad")], ink: get("--ink"), soft: get("--soft"), line: get("--line") };
  }

  function read(table) {
    var heads = Array.from(table.tHead.rows[0].cells);
    var rows = Array.from(table.tBodies[0].rows);
    var series = heads.map(function (head, place) { return { head: head, place: place }; }).filter(function (one) { return one.head.hasAttribute("data-series"); });
    return {
      labels: rows.map(function (row) { return row.cells[0].textContent.trim(); }),
      series: series.map(function (one) {
        return {
          name: one.head.textContent.trim(),
          values: rows.map(function (row) {
            var value = row.cells[one.place].getAttribute("data-value");
            return value === null || value === "" ? null : Number(value);
          })
        };
      })
    };
  }

  function draw(figure) {
    var data = read(figure.querySelector("table"));
    var colour = colours();
    var box = document.createElement("div");
    box.className = "canvas";
    var canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    var caption = figure.querySelector("figcaption");
    canvas.setAttribute("aria-label", caption ? caption.textContent.trim() : data.series.map(function (one) { return one.name; }).join(", "));
    box.append(canvas);
    figure.insertBefore(box, figure.querySelector("details"));
    var still = window.matchMedia("(prefers-reduced-motion: reduce), print").matches;
    var number = function (name) { return figure.hasAttribute(name) ? Number(figure.getAttribute(name)) : undefined; };
    var unit = figure.getAttribute("data-unit") || "";
    return new Chart(canvas, {
      type: figure.getAttribute("data-kind") || "line",
      data: {
        labels: data.labels,
        datasets: data.series.map(function (one, place) {
          var own = colour.series[place % colour.series.length];
          return { label: one.name, data: one.values, borderColor: own, backgroundColor: own, pointRadius: 3, borderWidth: 2, tension: 0, spanGaps: true, maxBarThickness: 28 };
        })
      },
      options: {
        animation: still ? false : { duration: 250 },
        maintainAspectRatio: false,
        interaction: { mode: "index", intersect: false },
        scales: {
          x: { grid: { display: false }, ticks: { color: colour.soft, maxRotation: 0, autoSkipPadding: 12 } },
          y: { min: number("data-min"), max: number("data-max"), grid: { color: colour.line }, ticks: { color: colour.soft, callback: function (value) { return value + unit; } } }
        },
        plugins: { legend: { display: data.series.length > 1, labels: { color: colour.ink, boxWidth: 12 } } }
      }
    });
  }

  var charts = [];
  function all() {
    charts.splice(0).forEach(function (chart) { var box = chart.canvas.parentNode; chart.destroy(); box.remove(); });
    document.querySelectorAll("figure.chart").forEach(function (figure) { charts.push(draw(figure)); });
    document.documentElement.classList.add("charted");
  }
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  window.addEventListener("beforeprint", function () { charts.forEach(function (chart) { chart.resize(); }); });
  all();
})();
