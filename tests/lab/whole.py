#!/usr/bin/env python3
"""Says whether a mailbox's recording holds a whole message.

    whole.py MESSAGE.wav RECORDING.wav

Both are 16-bit mono WAV files. The message is brought to the recording's rate, found in it by its loudness, then to the
sample by cross-correlation; there, its first and last audible 200 ms and each 500 ms between must be like the recording.
Exit status 0 if so, 1 if not. Only the standard library: it runs wherever docker-compose does.
"""

import array
import math
import sys
import wave

# Resampling and G.711 leave more than 0.9 in speech; another piece of speech has less than 0.4.
ALIKE = 0.7
# Below the loudest frame by this factor (-40 dB) a frame is not audible.
AUDIBLE = 0.01


def main():
    recording, rate = read(sys.argv[2])
    message, message_rate = read(sys.argv[1])
    message = audible(resample(message, message_rate, rate), rate)
    if len(message) > len(recording):
        return fail(f"the recording ({len(recording) / rate:.2f} s) is shorter than the message ({len(message) / rate:.2f} s)")

    at = find(message, recording, rate)
    for start, end in pieces(len(message), rate):
        alike = correlation(message[start:end], recording[at + start : at + end])
        if alike < ALIKE:
            return fail(f"{start / rate:.2f} to {end / rate:.2f} s of the message is not in the recording (correlation {alike:.2f})")
    alike = correlation(message, recording[at : at + len(message)])
    print(f"whole message: {len(message) / rate:.2f} s, from {at / rate:.2f} s of the recording on, correlation {alike:.3f}")
    return 0


def read(path):
    with wave.open(path) as file:
        if file.getnchannels() != 1 or file.getsampwidth() != 2:
            sys.exit(f"error: {path} is not 16-bit mono")
        return array.array("h", file.readframes(file.getnframes())), file.getframerate()


def resample(samples, rate, wanted):
    """Windowed sinc, cut off at the lower of both Nyquist frequencies."""
    if rate == wanted:
        return list(samples)
    step = rate / wanted
    width = 16 * max(step, 1.0)
    scale = min(1.0, wanted / rate) * 0.95

    def tap(x):
        window = 0.5 + 0.5 * math.cos(math.pi * x / width)
        x *= scale * math.pi
        return scale * window * (math.sin(x) / x if x else 1.0)

    out = []
    for i in range(int(len(samples) / step)):
        centre = i * step
        first, last = max(0, math.ceil(centre - width)), min(len(samples) - 1, int(centre + width))
        out.append(sum(samples[j] * tap(j - centre) for j in range(first, last + 1)))
    return out


def audible(samples, rate):
    """Without the silence around it, to 20 ms."""
    frame = rate // 50
    loud = loudness(samples, frame)
    heard = [i for i, level in enumerate(loud) if level > AUDIBLE * max(loud)]
    return samples[heard[0] * frame : (heard[-1] + 1) * frame]


def find(message, recording, rate):
    """The sample of the recording at which the message is most alike: first by its loudness every 5 ms, then exactly."""
    hop = rate // 200
    wanted, heard = loudness(message, hop), loudness(recording, hop)
    rough = max(range(len(heard) - len(wanted) + 1), key=lambda i: correlation(wanted, heard[i : i + len(wanted)]))
    near = range(max(0, (rough - 2) * hop), min(len(recording) - len(message), (rough + 2) * hop) + 1)
    # Two seconds of it tell the place as well as all of it.
    part = slice(0, min(len(message), 2 * rate))
    return max(near, key=lambda at: correlation(message[part], recording[at + part.start : at + part.stop]))


def pieces(length, rate):
    edge, piece = rate // 5, rate // 2
    yield 0, edge
    for start in range(edge, length - edge, piece):
        yield start, min(start + piece, length)
    yield length - edge, length


def loudness(samples, frame):
    return [math.sqrt(sum(x * x for x in samples[i : i + frame]) / frame) for i in range(0, len(samples) - frame + 1, frame)]


def correlation(a, b):
    power = math.sqrt(sum(x * x for x in a) * sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b)) / power if power else 0.0


def fail(words):
    print(f"not whole: {words}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
