// The picture of a call as the scrubber of its sound: a click is a moment of the recording, and a line shows where it is.
//
// <figure class="scrubber" data-scrubber data-left="0.075" data-right="0.988" data-seconds="21.85">
//   <div class="picture"><div class="sheet"><img …></div></div> <input type="range" …> <audio …></audio> …
// The left and right are where in the picture's width its time begins and ends.

for (const figure of document.querySelectorAll("[data-scrubber]")) {
  const picture = figure.querySelector(".sheet");
  const range = figure.querySelector("input[type=range]");
  const sounds = [...figure.querySelectorAll("audio")];
  const [left, right] = [Number(figure.dataset.left), Number(figure.dataset.right)];
  const seconds = Number(figure.dataset.seconds);
  const cursor = document.createElement("div");
  cursor.className = "cursor";
  cursor.hidden = true;
  picture.append(cursor);

  const show = (at) => {
    cursor.hidden = false;
    cursor.style.left = `${100 * (left + ((right - left) * at) / seconds)}%`;
    range.value = at;
    range.setAttribute("aria-valuetext", `${at.toFixed(2)} s of ${seconds.toFixed(2)} s`);
  };
  const seek = (at) => {
    const bounded = Math.min(seconds, Math.max(0, at));
    for (const sound of sounds) {
      sound.currentTime = Math.max(0, bounded - Number(sound.dataset.from ?? 0));
    }
    show(bounded);
  };

  range.addEventListener("input", () => seek(Number(range.value)));
  picture.addEventListener("click", (event) => {
    const box = picture.getBoundingClientRect();
    seek((((event.clientX - box.left) / box.width - left) / (right - left)) * seconds);
  });
  for (const sound of sounds) {
    sound.addEventListener("timeupdate", () => show(sound.currentTime + Number(sound.dataset.from ?? 0)));
    sound.addEventListener("play", () => {
      sounds.filter((other) => other !== sound).forEach((other) => other.pause());
      const follow = () => {
        if (!sound.paused) {
          show(sound.currentTime + Number(sound.dataset.from ?? 0));
          requestAnimationFrame(follow);
        }
      };
      follow();
    });
  }
  range.max = seconds;
}
