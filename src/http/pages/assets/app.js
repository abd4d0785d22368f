// The moments of a page, in the time of whoever looks; the title keeps UTC.
for (const time of document.querySelectorAll("time[data-time]")) {
  time.textContent = new Date(time.dateTime).toLocaleString();
}
