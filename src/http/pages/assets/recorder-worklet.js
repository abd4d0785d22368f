// Runs beside the sound of the microphone and hands it on in pieces, until it is told to stop: then the rest, and null as the last word.

const PIECE = 4096;

class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.piece = new Float32Array(PIECE);
    this.filled = 0;
    this.goesOn = true;
    this.port.onmessage = () => {
      this.goesOn = false;
      this.hand();
      this.port.postMessage(null);
    };
  }

  process([input]) {
    const samples = input[0];
    for (let at = 0; this.goesOn && samples && at < samples.length; ) {
      const some = samples.subarray(at, at + PIECE - this.filled);
      this.piece.set(some, this.filled);
      this.filled += some.length;
      at += some.length;
      if (this.filled === PIECE) {
        this.hand();
      }
    }
    return this.goesOn;
  }

  hand() {
    const piece = this.piece.slice(0, this.filled);
    this.filled = 0;
    this.port.postMessage(piece, [piece.buffer]);
  }
}

registerProcessor("recorder", Recorder);
